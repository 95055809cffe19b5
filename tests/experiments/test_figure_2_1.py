"""The study of thesis Figure 2.1: what its text says of the three panels, and the sum whose D-critical point stops a method."""

from __future__ import annotations

import pytest

from dynopt.study import run_study


@pytest.mark.slow
def test_figure_2_1(here):
    run = run_study("fig-2.1-valley")
    a, b, c = run.summary["panels"]
    assert a["transverse_swings"] > 10 * b["transverse_swings"]  # "increasing β significantly reduces transverse oscillations"
    assert c["farthest_beyond_the_minimiser"] < b["farthest_beyond_the_minimiser"] / 3  # "the longitudinal ones by a higher α"
    assert c["mean_J_between_t_2_and_6"] > max(a["mean_J_between_t_2_and_6"], b["mean_J_between_t_2_and_6"])  # "slower for a while"
    assert c["last_iteration_with_J_above_1e-3"] < b["last_iteration_with_J_above_1e-3"] < a["last_iteration_with_J_above_1e-3"]
    for panel in (b, c):
        assert panel["order"] == pytest.approx(1, abs=0.1)
    assert all(0.5 < r["order"] < 1.3 for r in run.summary["regularised"])
    found = run.summary["d_critical"]
    assert (found["0 in DJ"], found["0 in clarke"], found["critical_points"]) == ("inside", "outside", [["1", "0"]])
    for entry in found["stopped"]:  # half of 200 runs, within four standard deviations, for one step alone
        assert entry["fraction"] == (pytest.approx(0.5, abs=0.15) if entry["first_step"] == 1 else 0)
    assert [e["end"][0] for e in found["ends"]] == [pytest.approx(1, abs=0.01), 0, pytest.approx(1, abs=0.01)]
    assert {"figure-2.1.png", "kinks.png", "d-critical.png", "arrays.npz"} <= {p.name for p in run.folder.iterdir()}
