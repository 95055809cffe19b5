"""The study of modified equations: what a short run finds."""

from __future__ import annotations

import csv

import pytest

from dynopt.study import run_study


@pytest.mark.slow
def test_orders_and_plate(here):
    run = run_study("modified-equations")
    assert run.summary["largest_deviation"] < 0.1
    assert run.summary["not_measured"] == []
    assert max(run.summary["seconds_to_derive_order_4"].values()) < 2
    flow, second, third = run.summary["plate"]["largest_distances"].values()
    assert flow > 5 * second > 5 * third
    assert {"slopes.png", "plate.png", "orders.csv", "arrays.npz"} <= {p.name for p in run.folder.iterdir()}
    rows = list(csv.DictReader((run.folder / "orders.csv").open()))
    assert len(rows) == 3 * 3 * 4
    for row in rows:
        assert float(row["measured"]) == pytest.approx(int(row["p"]), abs=0.1)
