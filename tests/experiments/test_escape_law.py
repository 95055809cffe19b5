"""The studies of the escape law and of avoidance, at small size, by their own functions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import dynopt
from dynopt.study import load_study


def inside(study, name):
    return load_study(study).function.__globals__[name]


def test_the_comparison_sees_a_law_that_is_off_by_a_step():
    """Geometric times against their own law, and against the law moved by two steps."""
    times = np.random.default_rng(0).geometric(0.05, 20_000)
    k = np.arange(600)
    law = dynopt.escape.law.Prediction("quadratic", 1 - 0.95**k)
    good, moved = (
        inside("escape-law", "compared")(times, p, 500) for p in (law, dynopt.escape.law.Prediction("x", np.append([0, 0], law.cdf)))
    )
    assert good["kolmogorov"] < 0.0138 < moved["kolmogorov"]
    assert good["quantile_gap"] <= 4
    assert moved["quantile_gap"] >= 2
    assert good["coverage_mean"] > 0.8 > moved["coverage_mean"]
    assert good["blocks"] == 40
    assert good["mean_law"] == pytest.approx(20, rel=1e-6)


@pytest.mark.slow
def test_ranks_are_those_of_the_paired_differences():
    rows = inside("escape-law", "exits")(40, 3)
    for text in inside("escape-law", "EXITS"):
        own = sorted((r for r in rows if r["exit"] == text), key=lambda r: r["rank"])
        assert [r["rank"] for r in own] == list(range(1, 8))
        assert own[0]["behind"] == 0
        np.testing.assert_allclose([r["behind"] for r in own], [r["mean"] - own[0]["mean"] for r in own], atol=1e-9)
        assert all(abs(r["mean"] - r["law_mean"]) < 4 * 8 / 40**0.5 for r in own)
        assert all(r["ends_where_descent_does"] == r["out"] == 40 for r in own)


def test_the_printed_bound_is_the_exact_one_where_it_exists():
    """dynopt.bound decides from the definition; (3.20) is the printed formula."""
    printed = inside("avoidance", "printed_bound")
    exact = dynopt.bound("inna(alpha=1/2, beta=1)", property="diffeomorphism", spectrum=(-40, 40)).to_dict()["intervals"][0]["upper_float"]
    assert printed(0.5, 1.0, 40) == pytest.approx(exact, rel=1e-12)
    assert printed(0.5, 0.1, 40) is None


@pytest.mark.slow
def test_every_problem_of_the_avoidance_study_has_a_strict_saddle():
    for problem in inside("avoidance", "problems")(1):
        assert any(c.strict for c in problem.critical_points())


def test_rows_count_by_kind():
    row = inside("avoidance", "row")
    ended = tuple(SimpleNamespace(kind=k, count=c) for k, c in (("minimum", 3), ("minimum", 4), ("maximum", 1), ("diverged", 2)))
    found = row(
        SimpleNamespace(ended=ended, interval=(0.1, 0.2), problem="p", method="m", starts="s", runs=10, steps=5, at_strict=1, statement=".")
    )
    assert (found["minimum"], found["maximum"], found["diverged"], found["elsewhere"]) == (7, 1, 2, 0)
