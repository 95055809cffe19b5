"""The smoke presets of the studies of the continuous side: spirals, energies, basins."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt.errors import Outcome
from dynopt.study import run_study

pytestmark = pytest.mark.slow


def test_spirals(here):
    run = run_study("spirals", folder=here / "run")
    assert run.outcome is Outcome.DONE
    for system, digits in (("flow", 1e-8), ("iterates", 1e-5)):
        told = run.summary["rates"][system]
        assert told["recognised"] == told["spirals"] > 0
        assert told["taken_for_spirals"] == 0 < told["others"]
        assert told["largest_relative_error_of_frequency"] < digits
        assert told["largest_relative_error_of_decay"] < digits
    plane = run.summary["plane"]
    assert plane["on_the_right_side"] == plane["seen"] == plane["dots"] - plane["unseen"]
    assert plane["unseen"] <= 2
    assert plane["spiral_though_product_at_least_1"] == 0
    assert {f.name for f in run.folder.glob("*.png")} == {"rates.png", "plane.png", "portraits.png"}


def test_energies(here):
    run = run_study("energies", folder=here / "run")
    energies = run.summary["energies"]
    assert max(energies["derivative_error"].values()) < 1e-5
    assert max(energies["largest_increase"].values()) < 1e-12
    below, low, high, above = (r["largest_relative_rate_of_increase"] for r in energies["outside"].values())
    assert low == high == 0
    assert min(below, above) > 0.1
    for rate in run.summary["rates"]:
        assert rate["settled"]
        assert rate["relative_error"] < 0.05
    small = [r for r in run.summary["iterates"] if r["gamma"] == 0.02]
    assert all(r["raised_E"] == 0 for r in small)


def test_basins(here):
    run = run_study("basins", folder=here / "run")
    for panel in run.summary["panels"]:
        counts = {e["kind"]: 0 for e in panel["ends"]}
        for e in panel["ends"]:
            counts[e["kind"]] += e["count"]
        assert counts["minimum"] == panel["starts"] == 24**2
        left, _, _, _, right = (e["count"] for e in panel["ends"])
        assert left == right  # J is even
        assert panel["on_it"]["closest_to_saddle_at_most"] < 0.01 < panel["beside_it"]["closest_to_saddle_median"]
    flow = np.load(run.folder / "arrays.npz")["edge_0"]
    assert len(flow) == 6
