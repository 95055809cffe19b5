"""The study of Step-Tuned SGD's synthetic experiment: its batched runs are single runs, its measures mean what they say."""

from __future__ import annotations

import csv
import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.flow.iterates import iterates
from dynopt.problems.phi_regression import PhiRegression

STUDY = Path(__file__).resolve().parents[2] / "experiments" / "phi-regression" / "study.py"


@pytest.fixture(scope="module")
def study():
    return runpy.run_path(str(STUDY))


@pytest.fixture(scope="module")
def problem():
    return PhiRegression(samples=20, dimension=3, seed=4)


def test_rows_of_the_grid_are_runs_of_their_own(study, problem):
    start = torch.tensor([[0.5, -1.0, 0.25], [1.0, 0.5, -0.5]], dtype=torch.float64)
    tuned, armijo = study["full_batch"]([0.1, 0.5], [1.0, 20.0])[::2]
    for rival, call in ((tuned, "barzilai_borwein(gamma={gamma}, nu={nu})"), (armijo, "armijo(gamma={gamma}, c={c}, most=40)")):
        grid = rival.grid()[1:3]
        last = list(itertools.islice(rival.states(grid, start, oracle(problem)), 9))[-1][0].numpy().reshape(2, 2, 3)
        for i, values in enumerate(grid):
            for j, theta0 in enumerate(start.numpy()):
                alone = iterates(dynopt.method(call.format(**values)), problem, theta0, steps=8).theta[-1]
                np.testing.assert_allclose(last[i, j], alone, rtol=1e-9)


def test_sgd_by_hand(study, problem):
    """The same mini-batches for every tuned value, steps α/(k+1)^0.501."""
    (sgd,) = [r for r in study["mini_batch"]([0.5, 2.0], [0.5, 2.0], [2.0]) if r.label == "SGD"]
    starts = torch.tensor([[0.5, -1.0, 0.25]], dtype=torch.float64)
    found = study["_values"](sgd, sgd.grid(), [problem], [starts], 2, batch=5, per=4, seed=9)
    for g, alpha in enumerate((0.5, 2.0)):
        theta = starts[0].numpy().copy()
        for k in range(8):
            rows = rng.subsets_of(9, torch.arange(1), 5, 20, step=k)[0].numpy()
            t = problem.A[rows] @ theta - problem.b[rows]
            theta -= alpha / (k + 1) ** 0.501 * (2 * t / (1 + t * t) ** 2) @ problem.A[rows] / 5
        t = problem.A @ theta - problem.b
        assert found[0, g, 0, 2] == pytest.approx(np.mean(t * t / (1 + t * t)), rel=1e-12)


def test_choices_and_measures(study):
    best = np.array([0.0])
    values = np.array([[[[0.5, 0.3, 0.2, 0.15]], [[0.5, 0.3, 0.05, 0.09]], [[0.5, 0.05, 0.3, 0.3]], [[0.5, 0.05, 0.3, np.nan]]]])
    assert study["_first"](values, best)[0, :, 0].tolist() == [4, 2, 1, 1]
    assert study["_fastest"](values, best) == 2  # as early as the last, which ends in a NaN
    assert study["_lowest"](values) == 1
    fall = np.concatenate([np.full(12, 1.0), np.linspace(1, 0.2, 9), np.full(10, 0.2)])
    measured = study["_drop"](fall[None, None, None])
    assert measured["largest fall"] == pytest.approx(0.8)
    assert 10 <= measured["where it begins"] <= 12


def test_a_small_study(study, tmp_path):
    settings = {**study["PRESETS"]["smoke"], "iterations": 20, "epochs": 18, "judged": 3, "instances": 1, "starts": 2, "long": 100}
    found = study["run"](folder=tmp_path, seed=1, **settings)
    assert {p.name for p in tmp_path.iterdir()} == {"arrays.npz", "full-batch.csv", "mini-batches.csv", "figure-2.png", "figure-3.png"}
    arrays = np.load(tmp_path / "arrays.npz")
    assert min(float(np.nanmin(arrays[name])) for name in arrays.files) >= found["best"][0] - 1e-12
    rows = list(csv.DictReader((tmp_path / "mini-batches.csv").open(encoding="utf-8")))
    assert [r["method"] for r in rows] == ["Step-Tuned SGD", "Expected-GV", "Exact-GV", "Stochastic-GV", "SGD"]
    assert float(rows[0]["gains at an end of the clip"]) > 0.9
    assert rows[4]["gains at an end of the clip"] == ""
