"""The studies of thesis Figures 1.7 and 3.1: the noise, the mean squares, the two critical points."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt.study import load_study, run_study


def test_noise_depends_on_seed_and_iteration_alone():
    noisy = load_study("fig-1.7-sgd").function.__globals__["NoisyOracle"](noise=2.0, seed=3)
    x = np.zeros((4, 2))
    first = noisy.at(5).gradient(x)
    np.testing.assert_array_equal(noisy.at(5).gradient(x), first)
    assert not np.array_equal(noisy.at(6).gradient(x), first)
    np.testing.assert_array_equal(noisy.at(5).full_gradient(x), 0)
    many = noisy.at(1).gradient(np.zeros((20000, 2)))
    assert many.std() == pytest.approx(2, rel=0.02)


@pytest.mark.slow
def test_figure_1_7(here):
    run = run_study("fig-1.7-sgd", settings={"iterations": 160, "runs": 1000})
    gd, constant, vanishing, too_fast = run.summary["cases"].values()
    assert gd["largest_relative_deviation"] < 1e-10
    assert all(c["largest_deviation_in_standard_errors"] < 4 for c in (constant, vanishing, too_fast))
    # γ²σ²/(1 − (1 − γλ)²) for λ = 2 and 20
    limit = sum(0.06**2 * 9 / (1 - (1 - 0.06 * v) ** 2) for v in (2, 20))
    assert run.summary["limit_of_the_mean_square"]["constant"] == pytest.approx(limit)
    assert constant["measured_mean_square"] == pytest.approx(limit, rel=0.15)
    assert vanishing["measured_mean_square"] < constant["measured_mean_square"] < too_fast["measured_mean_square"]
    assert {"figure-1.7.png", "mean-square.png", "arrays.npz"} <= {p.name for p in run.folder.iterdir()}


@pytest.mark.slow
def test_figure_3_1(here):
    run = run_study("fig-3.1-critical-points")
    left, right = run.summary["points"]
    assert (left["what_0_is"], right["what_0_is"]) == ("minimum", "no extremum")
    assert left["spectrum"] == right["spectrum"] == ["0", "2"]
    assert all(off < 1e-8 for off in run.summary["gradient_flow_against_its_closed_form"].values())
    by = {}
    for r in run.summary["runs"]:
        by.setdefault((r["problem"], r["flow"] == "gradient flow"), []).append((r["start"][0] > 0, r["outcome"]))
    assert all(outcome == "done" for key in ((left["problem"], True), (left["problem"], False)) for _, outcome in by[key])
    assert all((outcome == "done") == positive for positive, outcome in by[right["problem"], True])
    assert all(outcome == "diverged" for _, outcome in by[right["problem"], False])
    assert {"figure-3.1.png", "arrays.npz"} <= {p.name for p in run.folder.iterdir()}
