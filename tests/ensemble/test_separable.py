"""The kernel that loops over coordinates against the general path and against coordinates written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.ensemble.run import run_batch
from dynopt.ensemble.separable import run_separable
from dynopt.ensemble.trace import Untraceable

SPECTRUM = [-8, -5, *np.linspace(0.5, 12, 38).round(2).tolist()]
FORMS = np.array([[1.0] * 2 + [0.0] * 38, [1.0] * 40, [-0.5 * v for v in SPECTRUM]])
LEVELS = [0.25, 0.25, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["inna(alpha=1/2, beta=1, gamma=0.02)"])
def test_the_same_times_as_the_general_path(method):
    m, problem = dynopt.method(method).numeric(), dynopt.Quadratic(SPECTRUM)
    events = {
        str(i): lambda x, w=torch.as_tensor(w), r=r: (x * x * w).sum(-1) >= r for i, (w, r) in enumerate(zip(FORMS, LEVELS, strict=True))
    }
    theta = 1e-9 * rng.normals(7, 5, 505, 40)
    paths = run_batch(m, oracle(problem), theta, events, steps=150)
    found = run_separable(m, SPECTRUM, FORMS, LEVELS, seed=7, scale=1e-9, first=5, count=500, steps=150)
    expected = np.stack([t.numpy() for t in paths.first.values()])
    assert 0 < (expected < 0).sum() < 750  # some are censored
    assert (found != expected).mean() < 2e-3  # a tie at the exit within rounding
    assert np.abs(found - expected)[(found >= 0) & (expected >= 0)].max() <= 1
    part = run_separable(m, SPECTRUM, FORMS, LEVELS, seed=7, scale=1e-9, first=100, count=13, steps=150)
    assert np.array_equal(part, found[:, 95:108])


class Normalised(dynopt.GradientDescent):
    def update(self, state, oracle, k):
        slope = oracle.gradient(state.theta)
        return type(state)(state.theta - self.gamma * slope / dynopt.norm(slope))


def test_a_method_that_couples_coordinates():
    with pytest.raises(Untraceable, match="couples coordinates"):
        run_separable(Normalised(gamma=0.1), [-1, 1], np.ones((1, 2)), [1.0], seed=0, scale=1e-3, first=0, count=2, steps=5)


def test_a_schedule():
    with pytest.raises(Untraceable, match="varies with the iteration"):
        run_separable(dynopt.method("gd(gamma=0.1/(k+1))"), [-1, 1], np.ones((1, 2)), [1.0], seed=0, scale=1e-3, first=0, count=2, steps=5)
