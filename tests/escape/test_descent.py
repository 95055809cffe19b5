"""Basins by descent against sides known by symmetry and against SciPy's gradient flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import dynopt
from dynopt.escape import descent
from dynopt.escape.descent import basin
from dynopt.escape.saddle import find_saddle

POINTS = 2 * np.random.default_rng(0).standard_normal((60, 2))


def test_the_double_well_has_two_sides():
    saddle = find_saddle(dynopt.problem("double-well"))
    assert np.array_equal(basin(saddle.problem, torch.as_tensor(POINTS), saddle.minima).numpy(), (POINTS[:, 0] > 0).astype(int))


@pytest.mark.slow
def test_the_camel_by_the_gradient_flow():
    problem = dynopt.problem("three-hump-camel")
    strict = next(c for c in problem.critical_points() if c.strict)
    saddle = find_saddle(problem, [float(v) for v in strict.point])
    minima = np.array([p.point for p in saddle.minima])
    ends = [solve_ivp(lambda t, x: -problem.gradient(x), (0, 60), p, method="LSODA", rtol=1e-8).y[:, -1] for p in POINTS[:25]]
    expected = [int(np.linalg.norm(minima - end, axis=1).argmin()) for end in ends]
    assert basin(problem, torch.as_tensor(POINTS[:25]), saddle.minima).tolist() == expected


def test_points_that_do_not_arrive(monkeypatch):
    monkeypatch.setattr(descent, "STEPS", 200)
    saddle = find_saddle(dynopt.problem("double-well"))
    start = torch.tensor([[0.0, 1.0], [float("nan"), 0.0]], dtype=torch.float64)
    assert basin(saddle.problem, start, saddle.minima).tolist() == [-1, -1]  # the first stays on the stable manifold
