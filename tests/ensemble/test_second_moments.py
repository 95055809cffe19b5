"""Moments under mini-batch noise against all batches enumerated, each with the dense map of the running update."""

from itertools import combinations

import numpy as np
import pytest

import dynopt
from dynopt.core.oracle import FunctionOracle
from dynopt.ensemble.second_moments import SecondMoments
from dynopt.errors import Misuse

rng = np.random.default_rng(0)
ROWS, TARGETS = rng.normal(size=(6, 2)), rng.normal(size=6)
SOLUTION = np.linalg.lstsq(ROWS, TARGETS, rcond=None)[0]


def enumerated(method, batch):
    """(M_S, c_S) of s⁺ = M_S s + c_S about the solution, for every batch S."""
    maps = []
    for chosen in combinations(range(len(ROWS)), batch):
        a, b = ROWS[list(chosen)], TARGETS[list(chosen)]
        asked = FunctionOracle(lambda x: 0.0, lambda x, a=a, b=b: ((x + SOLUTION) @ a.T - b) @ a / len(a))
        blocks = type(method.init(np.zeros(2), asked))

        def after(vector, blocks=blocks, asked=asked):
            return np.concatenate(list(method.update(blocks(*np.reshape(vector, (-1, 2))), asked, 0)))

        size = 2 * len(blocks._fields)
        still = after(np.zeros(size))
        maps.append((np.stack([after(e) - still for e in np.eye(size)], axis=1), still))
    return maps


@pytest.mark.parametrize(
    ("call", "batch"),
    [("gd(gamma=0.1)", 1), ("heavy_ball(gamma=0.05, momentum=0.7)", 2), ("nesterov(gamma=0.05, momentum=0.7)", 4),
     ("inna(alpha=0.5, beta=0.2, gamma=0.1)", 3)],
)  # fmt: skip
def test_every_batch_enumerated(call, batch):
    method = dynopt.method(call)
    law = SecondMoments(method, ROWS, TARGETS, batch=batch)
    maps = enumerated(method.numeric(), batch)
    size = len(maps[0][1])
    linear = np.mean([np.kron(M, M) for M, _ in maps], axis=0)
    added = np.mean([np.kron(c, c) for _, c in maps], axis=0)
    stationary = np.linalg.solve(np.eye(size**2) - linear, added).reshape(size, size)[:2, :2]
    np.testing.assert_allclose(law.basis @ law.stationary() @ law.basis.T, stationary, rtol=1e-9)
    assert law.rate == pytest.approx(np.max(np.abs(np.linalg.eigvals(linear))), rel=1e-10)

    moments = law.start(np.array([1.0, -2.0]))
    turned = np.kron(np.eye(size // 2), law.basis)
    mean, second = turned @ moments.mean.ravel(), turned @ moments.second.reshape(size, size) @ turned.T
    for _ in range(3):
        second = np.mean([M @ second @ M.T + np.outer(M @ mean, c) + np.outer(c, M @ mean) + np.outer(c, c) for M, c in maps], axis=0)
        mean = np.mean([M @ mean + c for M, c in maps], axis=0)
        moments = law.advance(moments)
    np.testing.assert_allclose(turned @ moments.mean.ravel(), mean, atol=1e-12)
    assert law.loss(moments) == pytest.approx(np.trace(ROWS @ second[:2, :2] @ ROWS.T) / (2 * len(ROWS)), rel=1e-10)


def test_interpolated_data_have_no_noise_at_the_solution():
    """More unknowns than rows: θ* solves all equations, so the stationary covariance is 0 and the loss falls at the rate."""
    rows, targets = ROWS.T, np.array([1.0, -1.0])
    law = SecondMoments(dynopt.method("gd(gamma=0.1)"), rows, targets, batch=1)
    assert not law.residuals.any()
    assert not law.stationary().any()
    np.testing.assert_allclose(law.solution, np.linalg.pinv(rows) @ targets)
    moments = law.start(np.zeros(6))
    assert law.loss(moments) == pytest.approx(np.sum(targets**2) / 4)
    for _ in range(200):
        before, moments = moments, law.advance(moments)
    assert law.loss(moments) / law.loss(before) == pytest.approx(law.rate, rel=1e-6)


def test_large_systems_by_arnoldi_and_gmres(monkeypatch):
    rows, targets = rng.normal(size=(12, 7)), rng.normal(size=12)
    method = dynopt.method("heavy_ball(gamma=0.02, momentum=0.5)")
    small = SecondMoments(method, rows, targets, batch=2)
    expected = small.rate, small.stationary()
    monkeypatch.setattr("dynopt.ensemble.second_moments._DENSE", 0)
    large = SecondMoments(method, rows, targets, batch=2)
    assert large.rate == pytest.approx(expected[0], rel=1e-8)
    np.testing.assert_allclose(large.stationary(), expected[1], rtol=1e-7)


def test_refusals():
    gd = dynopt.method("gd(gamma=0.1)")
    with pytest.raises(Misuse, match="not stable in mean square"):
        SecondMoments(dynopt.method("gd(gamma=3)"), ROWS, TARGETS, batch=1).stationary()
    with pytest.raises(Misuse, match=r"batch=7 is outside \[1, 6\]"):
        SecondMoments(gd, ROWS, TARGETS, batch=7)
    with pytest.raises(Misuse, match="are no data"):
        SecondMoments(gd, ROWS, TARGETS[:3], batch=1)
    with pytest.raises(Misuse, match="one gradient"):
        SecondMoments(dynopt.method("midpoint_din(alpha=0.7, beta=0.3, gamma=0.1)"), ROWS, TARGETS, batch=1)
