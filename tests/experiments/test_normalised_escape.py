"""The study of normalised gradient descent, by its own functions."""

from __future__ import annotations

import pytest

from dynopt.study import load_study


def inside(name):
    return load_study("normalised-escape").function.__globals__[name]


def test_growth_and_crossover_are_those_of_the_definition():
    for row in inside("growths")("1/8", (-1, 8), 5):
        assert row["measured"] == pytest.approx(row["formula"], rel=1e-9)
    rows = inside("crossover")((-1, 80))
    off = [abs(r["measured"] / r["formula"] - 1) for r in rows]
    assert max(off) < 0.06
    assert off[0] < 1e-6 > off[-1]  # exponential far inside, one step far outside
    at = next(r["u"] for r in rows if r["formula"] == 1)
    assert at == pytest.approx(40, abs=1)
