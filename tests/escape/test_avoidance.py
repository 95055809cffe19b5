"""Counts of random starts against geometry, a NumPy loop and the stable manifold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import dynopt
from dynopt.escape.avoidance import from_box, from_cloud, from_points

WELL = dynopt.problem("double-well")


def test_an_uneven_box():
    """Of [−1, 1.5] × [0, 1] three fifths lie right of the saddle's stable manifold, and gradient descent does not cross it."""
    found = from_box("gd(gamma=1/100)", WELL, [(-1, 1.5), (0, 1)], 20_000, steps=2000, seed=3)
    left, saddle, right = (d.count for d in found.ended)
    assert (saddle, left + right) == (0, 20_000)
    assert abs(right / 20_000 - 0.6) < 4 * (0.24 / 20_000) ** 0.5
    assert found.interval[0] == 0
    assert found.interval[1] == pytest.approx(stats.norm.ppf(0.975) ** 2 / (20_000 + stats.norm.ppf(0.975) ** 2), rel=1e-9)
    assert "0 of 20,000" in found.statement
    assert "not a proof" in found.statement


@pytest.mark.slow
def test_inna_as_a_loop_counts():
    box, rng = [(-2, 2), (-2, 2)], dynopt.ensemble.rng
    found = from_box("inna(alpha=1/2, beta=1/10, gamma=1/20)", WELL, box, 500, steps=3000, seed=8)
    theta = -2 + 4 * rng.uniforms(8, 0, 500, 2).numpy()
    method = dynopt.method("inna(alpha=1/2, beta=1/10, gamma=1/20)").numeric()
    asked = dynopt.core.problem.oracle(WELL)
    for _, state in zip(range(3001), method.states(theta, asked), strict=False):
        end = state[0]
    assert [d.count for d in found.ended] == [int((end[:, 0] < -1).sum()), 0, int((end[:, 0] > 1).sum())]


@pytest.mark.slow
def test_the_stable_manifold_stays_and_its_neighbours_leave():
    on = np.column_stack([np.zeros(20), np.linspace(-2, 2, 20)])
    found = from_points("inna(alpha=1/2, beta=1, gamma=1/50)", WELL, on, steps=2000)
    assert found.at_strict == 20
    assert "20 of 20" in found.statement
    beside = from_points("inna(alpha=1/2, beta=1, gamma=1/50)", WELL, on + np.array([1e-300, 0]), steps=8000)
    assert (beside.at_strict, beside.ended[2].count) == (0, 20)


def test_a_cloud_in_a_kernel():
    found = from_cloud("gd(gamma=0.02)", WELL, 0.7, 4000, steps=600, seed=1)
    left, saddle, right = (d.count for d in found.ended)
    assert (saddle, left + right) == (0, 4000)
    assert abs(left - 2000) < 4 * 1000**0.5


def test_runs_that_end_nowhere():
    found = from_box("gd(gamma=1/10)", dynopt.Quadratic([-1, 2]), [(-1, 1)] * 2, 100, steps=200)
    assert [(d.kind, d.count) for d in found.ended] == [("strict saddle", 0), ("elsewhere", 100)]
    far = from_box("gd(gamma=1)", WELL, [(3, 4), (0, 1)], 50, steps=100)
    assert [(d.kind, d.count) for d in far.ended if d.count] == [("diverged", 50)]


def test_maxima_are_strict():
    hill = dynopt.Landscape(lambda x, y: (x**4 + y**4) / 4 - x**2 / 2 - y**2 / 2)
    found = from_points("gd(gamma=0.1)", hill, np.array([[0.0, 0.0], [0.0, 0.3], [0.3, 0.3]]), steps=1000)
    assert {d.kind: d.count for d in found.ended if d.count} == {"maximum": 1, "strict saddle": 1, "minimum": 1}
    assert found.at_strict == 2


@pytest.mark.parametrize(
    ("problem", "box", "said"),
    [(WELL, [(0, 1)], "2 pairs"), (WELL, [(1, 0), (0, 1)], "low < high"), ("thesis-3.2", [(0, 1)] * 2, "no strict saddle")],
)
def test_misuse(problem, box, said):
    with pytest.raises(dynopt.Misuse, match=said):
        from_box("gd(gamma=0.1)", problem, box, 10, steps=10)


def test_other_misuse():
    with pytest.raises(dynopt.Misuse, match="is a flow"):
        from_box("gradient_flow", WELL, [(0, 1)] * 2, 10, steps=10)
    with pytest.raises(dynopt.Misuse, match="does not fit"):
        from_points("gd(gamma=0.1)", WELL, np.zeros((3, 5)), steps=10)
