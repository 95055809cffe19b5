"""The benchmark of batches: its rival's field is the right one, and a short run finds the same end points, faster."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt.study import load_study, run_study


@pytest.mark.slow
def test_the_compiled_field_is_din_on_the_double_well():
    field = load_study("batch-integration").function.__globals__["compiled"]()
    x, y, p, q = s = np.array([0.3, -0.7, 0.2, 0.5])
    common = np.array([8 * x - 10 * p, 8 * y - 10 * q])  # (1/β − α)θ − ψ/β for α = 2, β = 1/10
    gradient = np.array([4 * x**3 - 8 * x, 2 * y])
    np.testing.assert_allclose(field(0.0, s), np.concatenate([common - gradient / 10, common]), rtol=1e-14)


@pytest.mark.slow
def test_a_short_run(here):
    run = run_study("batch-integration")
    found = run.summary
    assert found["compared"] == 60
    assert found["largest_gap_in_tolerances"] < 1
    assert found["same_evaluations"] > 0.95
    assert [r["starts"] for r in found["table"]] == [1, 30, 1000]
    assert found["table"][-1]["ratio"] > 5  # measured 20 to 25; a busy machine is allowed for
    assert {"batch-integration.png", "arrays.npz", "table.csv"} <= {p.name for p in run.folder.iterdir()}
