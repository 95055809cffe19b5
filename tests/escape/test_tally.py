"""Counting: what arrival means, and that batches add up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynopt
from dynopt.algorithms.barzilai_borwein import Stepped
from dynopt.algorithms.heavy_ball import Moving, Pair
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.escape.exits import make_exit
from dynopt.escape.saddle import find_saddle
from dynopt.escape.tally import Tally, _arrival, resting_places, tally

WELL = dynopt.problem("double-well")
SADDLE = find_saddle(WELL)


def arrived(method, state):
    numeric = dynopt.method(method).numeric()
    return _arrival(numeric, oracle(WELL), SADDLE.places, resting_places(numeric, SADDLE), state[0])(state).tolist()


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_arrival_is_rest_at_a_minimiser():
    """Near both minima; near the saddle, which is no place to rest; too far away."""
    theta = tensor([-1.41, 0.0], [1.42, 0.005], [0.0, 0.0], [1.44, 0.0])
    assert arrived("heavy_ball_velocity(gamma=0.1, momentum=0.5)", Moving(theta, 0 * theta)) == [0, 2, -1, -1]


def test_passing_at_speed_is_not_arrival():
    theta = tensor([1.414, 0.0], [1.414, 0.0])
    assert arrived("heavy_ball_velocity(gamma=0.1, momentum=0.5)", Moving(theta, tensor([0.3, 0.0], [1e-3, 0.0]))) == [-1, 2]
    assert arrived("heavy_ball(gamma=0.1, momentum=0.5)", Pair(theta, tensor([1.38, 0.0], [1.413, 0.0]))) == [-1, 2]


def test_a_number_for_each_run_may_be_anything_at_rest():
    theta = tensor([-1.41, 0.0], [-1.41, 0.0])
    gradients, steps = tensor([0.005, 0.0], [0.5, 0.0]), tensor([7.0], [7.0])
    assert arrived("barzilai_borwein(gamma=0.1)", Stepped(theta, gradients, steps)) == [0, -1]


def test_the_rest_state_of_inna():
    """ψ = (1 − αβ)θ (thesis (2.16))."""
    method = dynopt.method("inna(alpha=1/2, beta=1, gamma=0.02)").numeric()
    state = method.init(tensor([2**0.5, 0.0], [2**0.5, 0.0]), oracle(WELL))
    assert arrived("inna(alpha=1/2, beta=1, gamma=0.02)", state._replace(psi=tensor([2**-0.5, 0.0], [2**0.5, 0.0]))) == [2, -1]


@pytest.mark.parametrize(
    ("method", "rests"),
    [
        ("gd(gamma=0.124)", (0, 2)),  # 1 − 16γ > −1
        ("gd(gamma=0.126)", ()),
        ("heavy_ball(gamma=0.18, momentum=0.5)", (0, 2)),  # γ·16 < 2(1 + m)
        ("heavy_ball(gamma=0.19, momentum=0.5)", ()),
    ],
)
def test_a_method_that_is_unstable_at_a_minimiser_does_not_rest_there(method, rests):
    numeric = dynopt.method(method).numeric()
    assert resting_places(numeric, SADDLE) == rests
    theta = tensor([2**0.5, 0.0])
    at = _arrival(numeric, oracle(WELL), SADDLE.places, resting_places(numeric, SADDLE), theta)
    assert at(numeric.init(theta, oracle(WELL))).tolist() == [2 if rests else -1]


def counted(theta0):
    method, exits = dynopt.method("gd(gamma=0.02)").numeric(), [make_exit("coordinate", SADDLE, 0.5)]
    return tally(method, SADDLE, exits, theta0, max_steps=180, linger=300)


@pytest.fixture(scope="module")
def whole():
    return counted(1e-12 * rng.normals(0, 0, 500, 2))


def test_batches_add_up(whole):
    parts = [counted(1e-12 * rng.normals(0, a, b, 2)) for a, b in ((300, 500), (0, 130), (130, 300))]
    total = sum(parts, Tally.empty(1, 3, 180))
    for name in ("runs", "counts", "lost", "reached", "elsewhere", "diverged"):
        assert np.array_equal(getattr(total, name), getattr(whole, name))


def test_every_run_is_counted_once(whole):
    assert whole.reached.sum() + whole.elsewhere + whole.diverged == whole.runs == 500
    assert 0 < whole.counts.sum() < 500
    assert whole.lost.tolist() == [0]
