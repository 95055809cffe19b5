"""The study of thesis Table 3.1: its statistic is the authors', its rows are the printed ones."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import dynopt
from dynopt.core.problem import oracle

STUDY = Path(__file__).resolve().parents[2] / "experiments" / "table-3.1-escape" / "study.py"
pytestmark = pytest.mark.skipif(not STUDY.is_file(), reason="needs the clone")


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("table_3_1", STUDY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_published_statistic(study):
    """Counted as described: every 10th update is looked at, the first one included; nearest of (±1, 0), (0, 0); times 2."""
    states = dynopt.method("gd(gamma=1/50)").numeric().states(np.array([3e-12, -1e-12]), oracle(dynopt.problem("double-well")))
    path = np.array([next(states)[0] for _ in range(600)])
    first = int(np.flatnonzero(np.abs(path[:, 0]) >= 0.5)[0])
    places = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    nearest = [np.linalg.norm(path[n + 1] - places, axis=1).argmin() for n in range(0, 590, 10)]
    assert study.published(np.bincount([first])) == (2 * nearest.count(2), 0)


@pytest.mark.slow
def test_a_small_table(study, tmp_path):
    found = study.run(folder=tmp_path, seed=3, runs=400, seeds=1, iterations=600, scale=1e-12)
    assert {p.name for p in tmp_path.iterdir()} == {"table.csv", "seeds.csv", "arrays.npz", "table-3.1.png", "escape.png"}
    for name, row in list(found.items())[:3]:
        assert row["left"] + row["right"] == pytest.approx(100)
        assert row["statistic_lowest"] == pytest.approx(row["statistic_law"], abs=0.3), name
        assert row["mean_iterations"] == pytest.approx(row["mean_iterations_law"], abs=1.5)
        assert row["printed_statistic"] <= row["statistic_law"] < row["printed_statistic"] + 1.1
    for row in list(found.values())[3:]:
        assert (row["left"], row["saddle"], row["right"]) == (0, 100, 0)
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 6
