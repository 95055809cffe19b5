"""The octopus function against the published piecewise definition, and its critical points."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt.core.problem import oracle
from dynopt.problems.octopus import Octopus
from dynopt.testing import check_problem

TAU, L, GAMMA = 0.5, 3.0, 1 / 3
NU = (37 * L + 13 * GAMMA) * TAU**2 / 6


def own(n=3):
    return Octopus(n=n, tau=sp.Rational(1, 2), L=3, gamma=sp.Rational(1, 3))


def published(x, i):
    """f_{i,1} of Du et al., for x_1 … x_{i−1} in [2τ, 6τ] and the others in [0, τ] (i from 1 to n + 1)."""
    past, rest = x[: i - 1], x[i:]
    here = -GAMMA * x[i - 1] ** 2 if i <= len(x) else 0.0
    return L * sum((past - 4 * TAU) ** 2) + here + L * sum(rest**2) - (i - 1) * NU


@pytest.mark.parametrize("i", [1, 2, 3, 4])
def test_the_pieces_of_the_tube(i):
    rng = np.random.default_rng(i)
    for _ in range(20):
        x = np.concatenate([rng.uniform(2 * TAU, 6 * TAU, i - 1), rng.uniform(0, TAU, 4 - i)])
        assert own().value(x) == pytest.approx(published(x, i), abs=1e-12)
        assert own().value(x * rng.choice([-1, 1], 3)) == pytest.approx(published(x, i), abs=1e-12)


def test_derivatives_and_the_joints():
    """Away from the joints against finite differences; across them value, gradient and Hessian are continuous."""
    x = np.random.default_rng(0).uniform(-3, 3, (200, 3))
    away = np.abs(np.abs(np.abs(x) - 1.5 * TAU) - TAU / 2) > 3e-3
    check_problem(own(), x[away.all(1)])
    for joint in (TAU, 2 * TAU):
        for other in (0.2, 0.7, 1.3, 2.1):
            for k in range(3):
                at = np.full(3, other)
                at[k] = joint
                sides = [at + s * 1e-11 * np.eye(3)[k] for s in (-1, 1)]
                for what in ("value", "gradient", "hessian"):
                    below, above = (getattr(own(), what)(s) for s in sides)
                    np.testing.assert_allclose(below, above, atol=1e-5)


def test_critical_points_are_these_and_no_others():
    """Exact ones satisfy ∇J = 0 with the spectrum stated; Newton's method from anywhere ends at one of them."""
    from scipy.optimize import root

    problem = own(2)
    check_problem(problem, np.array([[0.1, 0.2]]))
    listed = np.array([[float(v) for v in c.point] for c in problem.critical_points()])
    assert len(listed) == 7
    found = 0
    for start in np.random.default_rng(1).uniform(-3, 3, (200, 2)):
        end = root(problem.gradient, start, jac=problem.hessian)
        if end.success and np.abs(problem.gradient(end.x)).max() < 1e-9:
            found += 1
            assert np.linalg.norm(listed - end.x, axis=1).min() < 1e-6
    assert found > 100


def test_many_coordinates_list_one_of_each_mirror_image():
    found = Octopus(n=20).critical_points()
    assert [c.kind for c in found] == ["strict saddle"] * 20 + ["minimum"]
    assert len(Octopus(n=6).critical_points()) == 2**7 - 1


def test_gradient_descent_passes_the_saddles_one_after_another():
    """From beside the origin each coordinate leaves after the one before it."""
    problem = dynopt.problem("octopus(n=3)")
    states = dynopt.method("gd(gamma=0.1)").numeric().states(np.array([1e-3, 1e-3, 1e-3]), oracle(problem))
    path = np.array([next(states).theta for _ in range(1500)])
    left = [int(np.argmax(np.abs(path[:, i]) > 2)) for i in range(3)]
    assert 0 < left[0] < left[1] < left[2]
    np.testing.assert_allclose(path[-1], 4, atol=1e-6)


@pytest.mark.parametrize("call", ["octopus(n=0)", "octopus(L=0)", "octopus(tau=-1)", "octopus(gamma=x)"])
def test_misuse(call):
    with pytest.raises(dynopt.Misuse, match="give one"):
        dynopt.problem(call)
