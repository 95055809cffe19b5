"""The studies of thesis Figures 3.2 and 3.3: their measuring tools on known signals, and what a short run finds."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt.study import load_study, run_study


def measure(t, u):
    return load_study("fig-3.2-spirals").function.__globals__["measure"](t, u)


@pytest.mark.parametrize(("decay", "omega"), [(0.3, 2.0), (1.1, 0.9), (0.0, 1.0)])
def test_rotation_and_decay_of_a_damped_cosine(decay, omega):
    t = np.arange(0, 30, 0.01)
    found = measure(t, np.exp(-decay * t) * np.cos(omega * t + 0.3))
    assert found["spirals"]
    assert found["frequency"] == pytest.approx(omega, rel=1e-4)
    assert found["decay"] == pytest.approx(decay, abs=1e-3)
    assert found["phase"] == pytest.approx(30 * omega, rel=0.05)


def test_a_sum_of_exponentials_does_not_turn():
    t = np.arange(0, 30, 0.01)
    found = measure(t, np.exp(-0.5 * t) - 1.5 * np.exp(-3 * t))  # changes sign once
    assert not found["spirals"]
    assert found["decay"] == pytest.approx(0.5, rel=1e-6)


@pytest.mark.slow
def test_figure_3_2(here):
    run = run_study("fig-3.2-spirals")
    assert run.summary["spirals_as_predicted"]
    for mode in run.summary["modes"]:
        told, seen = mode["predicted"], mode["measured"]
        assert seen["decay"] == pytest.approx(told["decay"], rel=1e-3)
        assert seen["frequency"] == pytest.approx(told["frequency"], rel=1e-4)
    orders = [v["order"] for v in run.summary["vanishing_viscosity"]]
    assert orders[0] == pytest.approx(1, abs=0.1)  # the text's equation, discretised as it stands
    assert max(abs(o) for o in orders[1:]) < 0.1  # the (θ, ψ) form with a varying α follows another one
    assert {"figure-3.2.png", "prediction.png", "vanishing-viscosity.png", "arrays.npz"} <= {p.name for p in run.folder.iterdir()}


@pytest.mark.slow
def test_figure_3_3(here):
    run = run_study("fig-3.3-saddle", settings={"line_starts": 61})
    kinds = [r["kind"] for r in run.summary["runs"]]
    assert kinds == ["strict saddle", "strict saddle", "minimum", "minimum"]
    sides = [r["final"][0] for r in run.summary["runs"]]
    assert sides[:2] == [0.0, 0.0]
    assert sides[2:] == pytest.approx([-np.sqrt(2), np.sqrt(2)], abs=1e-2)
    assert not run.summary["converges_to_the_saddle_only_from_theta1_0"]
