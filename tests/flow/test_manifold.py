"""Basins and stable manifolds against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import dynopt
from dynopt import DIN, INNA, GradientDescent, GradientFlow, Landscape, Misuse
from dynopt.flow.basins import DIVERGED, NOWHERE, destinations, grid
from dynopt.flow.iterates import iterates
from dynopt.flow.manifold import edge, saddles, stable_curve

BOX = (-2.0, 2.0, -2.0, 2.0)
skewed = Landscape(lambda x, y: (x - y**2) ** 2 * ((x - y**2) ** 2 - 2) / 4 + y**2 / 2, name="bent double well")


@pytest.mark.slow
def test_basins_of_the_double_well_are_the_half_planes():
    well = dynopt.problem("double-well")
    starts = grid((-1.9, 1.9, -1.9, 1.9), 12)
    for system in (GradientFlow(), GradientDescent(gamma=0.02), DIN(alpha=2, beta=0.5)):
        found = destinations(system, well, starts)
        assert np.array_equal(found.labels, np.where(starts[:, 0] < 0, 0, 2))
        assert found.to_dict()["nowhere"] == 0


def test_a_start_on_the_manifold_ends_at_the_saddle_and_divergence_is_counted():
    well = dynopt.problem("double-well")
    assert destinations(GradientFlow(), well, [(0.0, 1.0)]).labels.tolist() == [1]
    assert destinations(GradientDescent(gamma=0.5), well, [(50.0, 1.0)]).labels.tolist() == [DIVERGED]
    assert destinations(GradientFlow(), well, [(1.0, 1.9)], horizon=0.1).labels.tolist() == [NOWHERE]


def test_the_linear_saddle_has_the_axis():
    quadratic = dynopt.problem("quadratic(spectrum=[-1, 2])")
    for system in (GradientFlow(), GradientDescent(gamma=0.1), GradientDescent(gamma=0.7)):
        curve = stable_curve(system, quadratic, (0, 0), BOX)
        assert curve.outcomes == ("left the box", "left the box")
        assert all(np.all(np.abs(b[:, 0]) < 1e-12) and np.abs(b[-1, 1]) >= 2 for b in curve.branches)


def test_the_manifold_of_a_coupled_saddle_is_the_known_curve():
    """J = −x²/2 + y²/2 + xy²: x' = x − y², y' = −y − 2xy.  The stable manifold x = m(y) satisfies m'(y)(−y − 2ym) = m − y²,
    so that m = y²/3 − (4/45)y⁴ + O(y⁶): order 2 gives −2a = a − 1, order 4 gives −4b − 4a² = b."""
    problem = Landscape(lambda x, y: -(x**2) / 2 + y**2 / 2 + x * y**2, name="coupled")
    curve = stable_curve(GradientFlow(), problem, (0, 0), (-0.5, 0.5, -0.1, 0.1))
    for branch in curve.branches:
        x, y = branch[-1]
        assert x == pytest.approx(y**2 / 3 - 4 * y**4 / 45, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("system", [GradientFlow(), GradientDescent(gamma=0.05)])
def test_points_of_the_curve_are_carried_into_the_saddle(system):
    problem = dynopt.problem("three-hump-camel")
    saddle = saddles(problem)[0]
    curve = stable_curve(system, problem, saddle, (-2.4, 2.4, -2.4, 2.4))
    for branch in curve.branches:
        start = branch[len(branch) * 3 // 4]
        if isinstance(system, GradientDescent):
            theta = iterates(system, problem, start, steps=300).theta
        else:
            theta = dynopt.trajectory(system, problem, start, 15.0, levels=1).curves[0].points
        assert np.min(np.linalg.norm(theta - saddle, axis=1)) < 1e-4
        beside = destinations(system, problem, start + np.array([[1e-3, 0], [-1e-3, 0]])).labels
        assert beside[0] != beside[1]


@pytest.mark.slow
def test_bisection_meets_the_curve():
    problem = dynopt.problem("three-hump-camel")
    curve = stable_curve(GradientFlow(), problem, saddles(problem)[0], (-2.4, 2.4, -2.4, 2.4))
    branch = max(curve.branches, key=lambda b: b[-1, 1])
    heights = np.array([0.8, 1.5, 2.0])
    found = edge(GradientFlow(), problem, np.stack([np.full(3, -2.2), heights], 1), np.stack([np.zeros(3), heights], 1), 40, 1e-8)
    assert found[:, 0] == pytest.approx(np.interp(heights, branch[:, 1], branch[:, 0]), abs=1e-4)


@pytest.mark.slow
def test_a_boundary_start_of_a_second_order_method_visits_the_saddle():
    problem, method = dynopt.problem("double-well"), INNA(alpha=0.5, beta=0.1, gamma=0.02)
    [start] = edge(method, problem, (-1.3, 1.0), (0.2, 1.0), horizon=30, digits=1e-9)
    closest = np.min(np.linalg.norm(iterates(method, problem, start, steps=1500).theta, axis=1))
    hair = np.min(np.linalg.norm(iterates(method, problem, start + np.array([1e-3, 0]), steps=1500).theta, axis=1))
    assert closest < 1e-3 < hair


def test_misuse():
    well = dynopt.problem("double-well")
    with pytest.raises(Misuse, match="blocks"):
        stable_curve(DIN(alpha=1, beta=1), well, (0, 0), BOX)
    with pytest.raises(Misuse, match="no saddle"):
        stable_curve(GradientFlow(), well, (1, 0), BOX)
    with pytest.raises(Misuse, match="same place"):
        edge(GradientFlow(), well, (1, 1), (1.2, 1))
    with pytest.raises(Misuse, match="not all isolated"):
        destinations(GradientFlow(), dynopt.problem("thesis-3.1-left"), [(0, 1)])
    with pytest.raises(Misuse, match="one row"):
        destinations(GradientFlow(), well, [(1, 2, 3)])
