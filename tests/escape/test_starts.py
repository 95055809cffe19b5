"""Starts: where they lie, how their unstable part is distributed, and that they do not depend on the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import dynopt
from dynopt.escape.saddle import find_saddle
from dynopt.escape.starts import STARTS, check_start, draw, largest, survival

OBLIQUE = dynopt.Landscape(lambda x, y: (x - y) ** 2 / 2 - (x + y - 4) ** 2 / 2 + (x + y - 4) ** 4 / 64)


def sample(start, problem, count=20_000, scale=0.5, seed=4):
    saddle = find_saddle(problem, (2, 2) if problem is OBLIQUE else None)
    theta = draw(start, scale, saddle, seed=seed, first=0, stop=count, device="cpu", dtype=torch.float64).numpy()
    return saddle, theta - saddle.point


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("problem", [dynopt.Quadratic([2, -1, -1, 3]), OBLIQUE], ids=["axes", "oblique"])
def test_a_run_starts_at_the_same_point_in_every_batch(start, problem):
    saddle, whole = sample(start, problem, 1000)
    for first, stop in ((0, 1), (3, 700), (999, 1000)):
        part = draw(start, 0.5, saddle, seed=4, first=first, stop=stop, device="cpu", dtype=torch.float64).numpy()
        assert np.array_equal(part - saddle.point, whole[first:stop])


CASES = [
    ("gaussian", dynopt.Quadratic([-1, 2])), ("gaussian", dynopt.Quadratic([2, -1, -1, -1, 3])), ("gaussian", OBLIQUE),
    ("sphere", dynopt.Quadratic([-1, 2])), ("sphere", dynopt.Quadratic([2, -1, -1, 3])), ("sphere", OBLIQUE),
    ("sphere", dynopt.Quadratic([-1, -1])), ("ball", dynopt.Quadratic([2, -1, -1, 3])), ("ball", dynopt.Quadratic([-1, -1, -1])),
    ("ball", OBLIQUE), ("uniform", dynopt.Quadratic([2, -1, 3])),
]  # fmt: skip


@pytest.mark.parametrize(("start", "problem"), CASES)
def test_the_unstable_part_has_the_stated_distribution(start, problem):
    saddle, shift = sample(start, problem)
    size = np.linalg.norm(shift @ saddle.unstable, axis=1)
    assert size.max() <= largest(start, 0.5, saddle) * (1 + 1e-12)
    tail = survival(start, 0.5, saddle)
    if start == "sphere" and saddle.unstable.shape[0] == saddle.unstable.shape[1]:
        np.testing.assert_allclose(size, 0.5, rtol=1e-14)
        assert tail(np.array([0.49, 0.51])).tolist() == [1.0, 0.0]
    else:
        assert stats.kstest(size, lambda x: 1 - tail(x)).pvalue > 1e-3


def test_shapes():
    _, sphere = sample("sphere", dynopt.Quadratic([2, -1, -1, 3]))
    np.testing.assert_allclose(np.linalg.norm(sphere, axis=1), 0.5, rtol=1e-14)
    _, cube = sample("uniform", dynopt.Quadratic([2, -1]))
    assert np.abs(cube).max() <= 0.5
    assert np.abs(cube).max() > 0.499
    assert np.abs(cube.mean(0)).max() < 0.01
    _, ball = sample("ball", dynopt.Quadratic([2, -1, -1]))
    assert stats.kstest((np.linalg.norm(ball, axis=1) / 0.5) ** 3, "uniform").pvalue > 1e-3


def test_stable_starts_have_no_unstable_part():
    saddle, shift = sample("stable", dynopt.Quadratic([2, -1, -1, 3]))
    assert (shift[:, saddle.axes] == 0).all()
    assert stats.kstest(shift[:, 0] / 0.5, "norm").pvalue > 1e-3
    saddle, shift = sample("stable", OBLIQUE)
    assert np.abs(shift @ saddle.unstable).max() < 1e-14
    assert np.abs(shift).max() > 1


@pytest.mark.parametrize(
    ("start", "scale", "spectrum", "said"),
    [("gauss", 1, [-1, 1], "did you mean gaussian"), ("gaussian", 0, [-1, 1], "not a positive length"),
     ("gaussian", float("nan"), [-1, 1], "not a positive length"), ("stable", 1, [-1, -2], "there is no stable manifold")],
)  # fmt: skip
def test_misuse(start, scale, spectrum, said):
    with pytest.raises(dynopt.Misuse, match=said):
        check_start(start, scale, find_saddle(dynopt.Quadratic(spectrum)))


@pytest.mark.parametrize(("start", "problem"), [("uniform", dynopt.Quadratic([-1, -1])), ("uniform", OBLIQUE), ("stable", OBLIQUE)])
def test_no_closed_form(start, problem):
    saddle = find_saddle(problem, (2, 2) if problem is OBLIQUE else None)
    with pytest.raises(dynopt.Misuse, match=r"no closed form|do not leave"):
        survival(start, 1.0, saddle)
