"""Subdifferentials against sampled gradients, hulls by two algorithms, witnesses checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from dynopt import Landscape, Misuse
from dynopt.problems.finite_sum import FiniteSum, MiniBatch
from dynopt.problems.pieces import Pieces, regularised
from dynopt.problems.subdifferential import Subdifferential, clarke, fills_open_set, least_norm, nearest

FUNCTIONS = {
    "abs": (lambda x, y: abs(x) + y**2, (0, 0)),
    "off the kink": (lambda x, y: abs(x) + y**2, (sp.Rational(-1, 3), 2)),
    "corner": (lambda x, y: sp.Max(x + y, -x, -y), (0, 0)),
    "edge": (lambda x, y: sp.Max(x + y, -x, -y), (1, sp.Rational(-1, 2))),
    "three lines": (lambda x, y: abs(x) + abs(y) - abs(x + y), (0, 0)),
    "nested": (lambda x, y: abs(abs(x) - abs(y)) + x, (0, 0)),
    "nested, inner sign settled": (lambda x, y: abs(abs(x) - 1) + y, (-1, 0)),
    "min of max": (lambda x, y: sp.Min(sp.Max(x, y), x + 2 * y, 0), (0, 0)),
    "proportional kinks": (lambda x, y: abs(x - y) - abs(2 * x - 2 * y) / 2 + abs(x), (0, 0)),
    "thesis 2.1": (lambda x, y: 100 * (y - abs(x)) ** 2 + abs(1 - x), (0, 1)),
    "kink without a slope": (lambda x, y: abs(x**2 - y**2) + y, (0, 0)),
    "irrational": (lambda x, y: abs(x**2 - 2) + sp.exp(y), (sp.sqrt(2), 0)),
}


def gradients_nearby(landscape, point):
    """Distinct gradients, by central differences of the function itself, at random places very near the point."""
    rng, size = np.random.default_rng(5), 1e-6
    places = np.array(point, dtype=float) + size * rng.uniform(-1, 1, (600, 2))
    h = 1e-9
    value = sp.lambdify(landscape.symbols, landscape.expression, "numpy")
    up = [(value(*(places + h * e).T) - value(*(places - h * e).T)) / (2 * h) for e in np.eye(2)]
    found, counts = np.unique(np.round(np.stack(up, -1), 2), axis=0, return_counts=True)
    return found[counts >= 3]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vertices_are_the_limits_of_gradients(name):
    function, point = FUNCTIONS[name]
    landscape = Landscape(function, name=name)
    sub = clarke(landscape, point)
    assert sub.possible == ()
    vertices, seen = np.array(sub.vertices, dtype=float), gradients_nearby(landscape, point)
    apart = np.linalg.norm(vertices[:, None] - seen[None], axis=-1)
    assert np.max(apart.min(axis=1)) < 0.05, "every vertex is a gradient nearby"
    assert np.max(apart.min(axis=0)) < 0.05, "every gradient nearby is near a vertex"


def test_a_circle_and_its_tangent():
    """Inside the circle and beyond its tangent there is nothing; outside the circle and before the tangent there is a cusp."""
    sub = clarke(Landscape(lambda x, y: abs(x**2 + y**2 - 1) + abs(x - 1)), (1, 0))
    assert (sub.vertices, sub.possible) == (((-3, 0), (1, 0), (3, 0)), ())


def test_three_lines_have_six_cells_not_eight():
    """Of the eight sign patterns of |x| + |y| − |x + y|, (+, +, −) and (−, −, +) hold nowhere."""
    sub = clarke(Landscape(lambda x, y: abs(x) + abs(y) - abs(x + y)), (0, 0))
    assert sub.vertices == ((-2, 0), (0, -2), (0, 0), (0, 2), (2, 0))
    terms = FiniteSum(lambda x, y: abs(x), lambda x, y: abs(y), lambda x, y: -abs(x + y))
    assert {(2, 2), (-2, -2)} <= set(terms.subdifferential((0, 0)).vertices)


def test_witnesses():
    tilted = Landscape(lambda x, y: sp.Max(x + y, -x, -y) + x / 10)
    sub = clarke(tilted, (0, 0))
    inside = sub.contains()
    assert inside.answer == "inside"
    assert sum(inside.witness) == 1
    assert min(inside.witness) >= 0
    assert [sum(w * v[i] for w, v in zip(inside.witness, sub.vertices, strict=True)) for i in (0, 1)] == [0, 0]
    outside = sub.contains((1, 2))
    assert outside.answer == "outside"
    assert all(sum(d * (a - b) for d, a, b in zip(outside.witness, v, (1, 2), strict=True)) > 0 for v in sub.vertices)


def test_what_is_not_decided_is_said():
    x, y = sp.symbols("x y", real=True)
    origin = {x: sp.Integer(0), y: sp.Integer(0)}
    assert fills_open_set([y, x**4 - y], origin) is None  # it does, between y = 0 and y = x⁴
    assert fills_open_set([y, -(x**4) - y], origin) is False
    assert Subdifferential((0,), ((1,),), ((-1,),)).contains().answer == "undecided"
    assert Subdifferential((0,), ((1,),), ((2,),)).contains().answer == "outside"


@pytest.mark.parametrize("seed", range(12))
def test_least_norm_by_two_algorithms(seed):
    rng = np.random.default_rng(seed)
    points = rng.integers(-4, 7, (int(rng.integers(1, 7)), int(rng.integers(1, 4))))
    exact, weights = least_norm([tuple(map(int, p)) for p in points])
    found, _ = nearest(points.astype(float))
    np.testing.assert_allclose(found, np.array(exact, dtype=float), atol=1e-9)
    assert min(weights) >= 0
    assert sum(weights) == 1


def test_least_norm_of_irrational_points():
    (a, b), _ = least_norm([(sp.sqrt(2), 0), (0, sp.sqrt(2))])
    assert sp.simplify(a - sp.sqrt(2) / 2) == sp.simplify(b - sp.sqrt(2) / 2) == 0
    np.testing.assert_allclose(nearest(np.array([[1.0, 1.0], [3.0, 1.0]]), np.array([2.0, 0.0]))[0], [2, 1])


def test_pieces_of_a_nested_function():
    pieces = Pieces(Landscape(lambda x, y: sp.Max(abs(x), y) + abs(x - y), name="nested"))
    for point in np.random.default_rng(1).uniform(-1, 1, (40, 2)):
        x, y = point
        by_hand = np.array([np.sign(x), 0.0]) if abs(x) > y else np.array([0.0, 1.0])
        np.testing.assert_allclose(pieces.gradient(point, pieces.signs_at(point)), by_hand + np.sign(x - y) * np.array([1.0, -1.0]))


def test_gradients_of_max_are_selections():
    """At a tie of three the gradient is a convex combination of the three."""
    corner = Landscape(lambda x, y: sp.Max(x + y, -x, -y))
    at_tie = corner.gradient(np.zeros(2))
    assert np.linalg.norm(nearest(np.array([[1.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]), at_tie)[0] - at_tie) < 1e-12
    np.testing.assert_array_equal(corner.gradient(np.array([[1.0, 1.0], [-1.0, 0.0]])), [[1, 1], [-1, 0]])


@pytest.mark.parametrize(
    ("function", "points"),
    [
        (lambda x: abs(abs(x) - 1), [(-1,), (0,), (1,)]),
        (lambda x, y: sp.Max(x + y, -x, -y), [(0, 0)]),
        (lambda x, y: sp.Max(abs(x), abs(y)), [(0, 0)]),
        (lambda x, y: sp.Max(x, 0) + sp.Min(x, 0) + y**2, []),  # x + y²
        (lambda x, y: abs(x) + abs(y) - abs(x + y) - 3 * (x + y) / 2, []),  # (3/2, 3/2) lies in the box of multipliers, not in ∂J
        (lambda x, y: abs(x) + abs(y) - abs(x + y) - (x + y) / 2 + x**4 + y**4, [(0, 0)]),
    ],
)
def test_kinks_among_the_critical_points_are_clarke_critical(function, points):
    found = Landscape(function, name="f").critical_points()
    assert [c.point for c in found if c.kind == "kink"] == points


def test_the_sum_rule_fails():
    """Thesis §2.3.3: ∂(|t| − |t|)(0) = {0}, the sum of the two is [−2, 2]."""
    zero = FiniteSum(lambda t: abs(t), lambda t: -abs(t))
    assert clarke(zero, (0,)).vertices == ((0,),)
    assert zero.subdifferential((0,)).vertices == ((-2,), (0,), (2,))


def test_a_d_critical_point_that_is_not_critical():
    line = FiniteSum(lambda t: sp.Max(t, 0), lambda t: sp.Min(t, 0), at_kinks=(-1, 1))
    assert line.subdifferential((0,)).contains().answer == "inside"
    assert clarke(line, (0,)).contains().answer == "outside"
    assert line.subdifferential((1,)).contains().answer == "outside"
    np.testing.assert_array_equal(line.gradient(np.array([[-2.0], [0.0], [2.0]])), [[1], [0], [1]])
    np.testing.assert_array_equal(line.gradients(np.array([[-2.0], [0.0], [2.0]]))[..., 0], [[0, 1], [0, 0], [1, 0]])


def test_batches_depend_on_seed_iteration_and_run_alone():
    ramp = FiniteSum(lambda t: t, lambda t: 10 * t, lambda t: 100 * t, lambda t: 1000 * t)
    one = np.array([MiniBatch(ramp, size=2, seed=7).at(k).gradient(np.zeros((3, 1)))[:, 0] for k in range(100)])
    many = np.array([MiniBatch(ramp, size=2, seed=7).at(k).gradient(np.ones((8, 1)))[:, 0] for k in range(100)])
    np.testing.assert_array_equal(one, many[:, :3])
    pairs, counts = np.unique(many, return_counts=True)
    assert pairs.tolist() == [11, 101, 110, 1001, 1010, 1100]
    assert np.all(np.abs(counts - 800 / 6) < 4 * np.sqrt(800 / 6))
    assert MiniBatch(ramp).at(3).full_gradient(np.zeros(1))[0] == 1111
    assert MiniBatch(ramp, size=4).value(np.ones(1)) == 1111


@pytest.mark.parametrize("epsilon", [0.3, 1e-3])
def test_regularised_stays_within_epsilon(epsilon):
    kink = Landscape(lambda x, y: abs(x - y) + y**2)
    smooth = regularised(kink, epsilon)
    assert smooth.smooth
    x = np.random.default_rng(2).uniform(-1, 1, (200, 2))
    gap = smooth.value(x) - kink.value(x)
    assert np.all(gap > 0)
    assert np.max(gap) <= epsilon
    assert smooth.value(np.zeros(2)) == pytest.approx(epsilon)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: regularised(Landscape(lambda x: abs(x)), -1), "outside (0, oo)"),
        (lambda: Pieces(Landscape(lambda x: sp.sign(x), name="step")), "may jump"),
        (lambda: clarke(Landscape(lambda x, y: abs(x)), (0,)), "2 coordinates"),
        (lambda: clarke(Landscape(lambda *x: sum(map(abs, x)), dimension=11), [0] * 11), "kinks"),
        (lambda: FiniteSum(), "needs terms"),
        (lambda: FiniteSum(lambda x: x, lambda y: y), "same coordinates"),
        (lambda: FiniteSum(lambda x: x, at_kinks=(1, 1)), "one value in [-1, 1]"),
        (lambda: MiniBatch(FiniteSum(lambda x: x), size=2), "number of terms"),
    ],
)
def test_misuse(call, words):
    with pytest.raises(Misuse) as said:
        call()
    assert words in str(said.value)
