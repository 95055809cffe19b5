"""The tour runs the three jobs and leaves its figures where it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dynopt.store.run_folder import load_run

pytestmark = pytest.mark.slow


def test_tour(here, dynopt):
    code, out, _ = dynopt("tour", "--runs", "500")
    assert code == 0
    for kind in ("trajectory", "escape"):
        folder = Path("dynopt-tour") / kind
        assert load_run(folder).manifest["outcome"] == "done"
        assert str(folder / f"{kind}.png") in out
    assert [p.name for p in here.iterdir()] == ["dynopt-tour"]


def test_the_tour_says_when_a_law_fails(here, dynopt, monkeypatch):
    """As printed, with 4000 runs, it is the README's setup command and CI's first."""
    monkeypatch.setattr("dynopt.escape.statistics.kolmogorov", lambda *arguments: 0.5)
    code, out, _ = dynopt("tour", "--runs", "500", "--json")
    found = json.loads(out)
    assert (code, found["agreed"]) == (1, False)
    assert found["verify"]["failed"] == []
    assert found["trajectory"]["distances"][0]["order"] == pytest.approx(1, abs=0.1)
