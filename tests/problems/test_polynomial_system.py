"""Exact real solutions against published landscapes, multiplicities and NumPy's roots."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import sympy as sp

from dynopt import Landscape
from dynopt.problems.polynomial_system import real_solutions
from dynopt.testing import check_problem

x, y = sp.symbols("x y", real=True)


@pytest.mark.parametrize(
    ("equations", "expected"),
    [
        ([x**2 - 2, y - x], [(-sp.sqrt(2), -sp.sqrt(2)), (sp.sqrt(2), sp.sqrt(2))]),
        ([x**2 + y**2 - 5, x * y - 2], [(-2, -1), (-1, -2), (1, 2), (2, 1)]),
        ([x**2 + y**2 + 1, x], []),
        ([x, x - 1, y], []),
        ([(x - y) ** 3, (x + y - 2) ** 2], [(1, 1)]),  # a ninefold solution is one point
        ([x * y, x + y], [(0, 0)]),
        ([x**3 - 3 * x + 1, y**2 - 1], None),
    ],
)
def test_small_systems(equations, expected):
    found = real_solutions(equations, [x, y])
    if expected is None:
        roots = np.roots([1, 0, -3, 1])
        expected = [(r, s) for r in roots for s in (-1, 1)]
        np.testing.assert_allclose(sorted((float(a), float(b)) for a, b in found), sorted(expected), rtol=1e-12)
    else:
        assert sorted(found, key=lambda p: [float(v) for v in p]) == expected


@pytest.mark.parametrize("equations", [[x - y], [sp.exp(x), y], [sp.sqrt(2) * x - 1, y], [0 * x]])
def test_what_it_does_not_answer(equations):
    assert real_solutions(equations, [x, y]) is None


def kinds(points):
    return Counter(c.kind for c in points)


def himmelblau(x, y):
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@pytest.mark.slow
def test_himmelblau_has_four_minima_four_saddles_one_maximum():
    problem = Landscape(himmelblau)
    points = problem.critical_points()
    assert kinds(points) == {"minimum": 4, "strict saddle": 4, "maximum": 1}
    found = sorted((round(float(c.point[0]), 6), round(float(c.point[1]), 6)) for c in points if c.kind == "minimum")
    assert found == [(-3.779310, -3.283186), (-2.805118, 3.131313), (3.0, 2.0), (3.584428, -1.848127)]  # as published
    check_problem(problem)


@pytest.mark.slow
def test_the_six_humps_of_the_camel():
    def camel(x, y):
        return (4 - sp.Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2

    points = Landscape(camel).critical_points()
    assert kinds(points) == {"minimum": 6, "maximum": 2, "strict saddle": 7}
    lowest = min(float(c.value) for c in points)
    assert lowest == pytest.approx(-1.0316284535, abs=1e-9)  # as published


def test_one_root_of_a_cubic():
    def bowl(x, y):
        return (x - 1) ** 2 + x * y + y**4

    (point,) = Landscape(bowl).critical_points()
    assert point.kind == "minimum"
    assert point.point[1] == sp.CRootOf(8 * x**3 - x + 2, 0)


@pytest.mark.parametrize("coupling", [0, 1])
def test_degeneracy_is_decided_exactly(coupling):
    """J = (x³ − x − 1)⁴ + (cx + y)² has a singular Hessian at the irrational root of the cubic."""

    def flat(x, y):
        return (x**3 - x - 1) ** 4 + (coupling * x + y) ** 2

    (degenerate,) = [c for c in Landscape(flat).critical_points() if c.kind == "degenerate"]
    assert degenerate.spectrum[0] == 0
    assert float(degenerate.spectrum[1]) == pytest.approx(2 + 2 * coupling**2, rel=1e-12)
