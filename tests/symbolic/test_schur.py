"""Exact tests against polynomials of known roots, floating-point eigenvalues, published bounds, and the symbolic mode matrix."""

import random
from fractions import Fraction as F

import numpy as np
import pytest
import sympy as sp
from flint import fmpq, fmpq_poly

import dynopt
from dynopt.core.registry import METHODS, method_class
from dynopt.symbolic.linearize import linear, state_space
from dynopt.symbolic.schur import (
    Modes,
    _pair_products,
    _pair_sums,
    all_real,
    closed_disc,
    closed_half_plane,
    determinant,
    hurwitz,
    modes,
    rational,
    schur,
)
from dynopt.symbolic.sturm import bound, real_zeros, separated, zeros
from dynopt.symbolic.symbols import eigenvalue, symbol, symbolic

Z = fmpq_poly([0, 1])
REAL = [F(0), F(1), F(-1), F(1, 2), F(-2, 3), F(3, 2), F(-5, 4), F(99999, 100000), F(100001, 100000)]
COMPLEX = [(F(3, 5), F(4, 5)), (F(-5, 13), F(12, 13)), (F(1, 2), F(1, 2)), (F(1), F(1)), (F(0), F(1)), (F(0), F(2)), (F(-1), F(3))]


def with_roots(rng):
    """A polynomial and its roots, exactly: real numbers and conjugate pairs, with repetitions, some on the circle and on the axis."""
    real = rng.choices(REAL, k=rng.randint(0, 3))
    pairs = rng.choices(COMPLEX, k=rng.randint(0 if real else 1, 2))
    p = fmpq_poly([rng.choice([1, 3])])
    for r in real:
        p *= Z - rational(r)
    for a, b in pairs:
        p *= Z * Z - 2 * rational(a) * Z + rational(a * a + b * b)
    return p, real, pairs


@pytest.mark.parametrize("seed", range(4))
def test_root_tests_on_known_roots(seed):
    rng = random.Random(seed)
    seen = set()
    for _ in range(150):
        p, real, pairs = with_roots(rng)
        squares = [r * r for r in real] + [a * a + b * b for a, b in pairs]
        parts = [*real, *(a for a, _ in pairs)]
        assert schur(p) == all(s < 1 for s in squares)
        assert closed_disc(p) == all(s <= 1 for s in squares)
        assert hurwitz(p) == all(x < 0 for x in parts)
        assert closed_half_plane(p) == all(x <= 0 for x in parts)
        assert all_real(p) == (not pairs)
        assert real_zeros(p) == len(set(real))
        assert zeros(p, fmpq(-1), fmpq(1, 2)) == len({r for r in real if -1 <= r <= F(1, 2)})
        seen |= {(schur(p), closed_disc(p)), (hurwitz(p), closed_half_plane(p))}
    assert seen == {(True, True), (False, True), (False, False)}


def test_zeros_are_separated():
    rng = random.Random(3)
    for _ in range(80):
        p, real, _ = with_roots(rng)
        p *= Z * Z - 2  # and two irrational ones
        known = sorted({float(r) for r in real} | {2**0.5, -(2**0.5)})
        samples, cells = separated(p, fmpq(-3), fmpq(3))
        assert len(samples) == len(known) + 1
        assert [float(a) <= x <= float(b) for (a, b), x in zip(cells, known, strict=True)] == [True] * len(known)
        assert all(float(s) < x < float(t) for s, t, x in zip(samples, samples[1:], known, strict=False))
        assert all(float(bound(p)) > abs(x) for x in known)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_products_and_sums_of_two_eigenvalues(n):
    rng = np.random.default_rng(n)
    entries = rng.integers(-4, 5, size=(n, n))
    matrix = [[fmpq_poly([int(e)]) for e in row] for row in entries]
    z = np.linalg.eigvals(entries)
    pairs = [(z[i], z[j]) for i in range(n) for j in range(i)]
    for made, expected in ((_pair_products(matrix), [a * b for a, b in pairs]), (_pair_sums(matrix), [a + b for a, b in pairs])):
        assert float(determinant(made)[0]) == pytest.approx(np.prod(expected).real, abs=1e-6)


ROOTS = {"nesterov_high_resolution", "heavy_ball_high_resolution"}
"""Their definitions take square roots of parameters: no matrix over Q."""
EVERY = {n: symbolic(method_class(n)) for n in METHODS if n not in ROOTS}
LINEAR = [n for n, system in EVERY.items() if linear(system) and state_space(system).index is None]


@pytest.mark.parametrize("name", LINEAR)
def test_the_definition_on_linear_forms_gives_the_symbolic_mode_matrix(name):
    method = method_class(name)
    values = {p.name: F(k + 2, 7) if p.name != "gamma" else F(1, 9) for k, p in enumerate(method.numbers())}
    space = state_space(symbolic(method))
    at = {symbol(p): sp.Rational(values[p.name].numerator, values[p.name].denominator) for p in method.numbers()}
    found = modes(method(**values))
    assert found.continuous == space.continuous
    for lam in (F(-3, 2), F(0), F(5, 3)):
        expected = space.mode_matrix.subs(at).subs(eigenvalue, sp.Rational(lam.numerator, lam.denominator))
        assert [sp.Rational(int(e.p), int(e.q)) for e in found.at(lam).entries()] == list(expected)


@pytest.mark.parametrize(
    ("name", "others", "edge"),
    [
        ("gd", {}, lambda m: F(2)),
        ("heavy_ball", {"momentum": F(9, 10)}, lambda m: 2 * (1 + m)),
        ("nesterov", {"momentum": F(9, 10)}, lambda m: 2 * (1 + m) / (1 + 2 * m)),
        ("qhm", {"momentum": F(9, 10), "nu": F(1)}, lambda m: 2 * (1 + m) / (1 - m)),
    ],
)
def test_published_largest_steps_are_sharp(name, others, edge):
    """γL < 2, 2(1 + m), 2(1 + m)/(1 + 2m), and 2(1 + m)/(1 − m) with dampening m; at the edge itself an eigenvalue is −1."""
    top = F(10)
    gamma = edge(F(9, 10)) / top
    verdicts = [
        modes(method_class(name)(gamma=gamma * (1 + step), **others)).holds_on("stable", 1, top)
        for step in (-F(1, 10**12), 0, F(1, 10**12))
    ]
    assert verdicts == [True, False, False]
    at_edge = modes(method_class(name)(gamma=gamma, **others))
    assert at_edge.crossings["flip"](rational(top)) == 0
    assert not at_edge.holds("repelling", top)


@pytest.mark.parametrize("name", LINEAR)
def test_for_all_lambda_against_a_grid_of_floating_point_eigenvalues(name):
    method = method_class(name)
    rng = random.Random(11)
    kinds = ["stable", "non-oscillating"] + ([] if issubclass(method, dynopt.DIN) else ["diffeomorphism"])
    for _ in range(25):
        values = {p.name: F(rng.randint(1, 99), 100 if p.domain.upper == 1 else 40) for p in method.numbers()}
        try:
            found = modes(method(**values))
        except dynopt.Misuse:  # INNAprop needs γ < β
            continue
        low = F(rng.randint(1, 20), 10)
        high = low + F(rng.randint(1, 30), 10)
        grid = np.linspace(float(low), float(high), 401)
        entries = [[np.array([float(c) for c in e.coeffs()] or [0.0]) for e in row] for row in found.matrix]
        stack = np.array([[np.polynomial.polynomial.polyval(grid, e) for e in row] for row in entries]).transpose(2, 0, 1)
        z = np.linalg.eigvals(stack)
        margins = {
            "stable": -z.real.max() if found.continuous else 1 - abs(z).max(),
            "non-oscillating": 1e-6 - abs(z.imag).max(),
            "diffeomorphism": 1.0 if np.linalg.det(stack).min() * np.linalg.det(stack).max() > 0 else -1.0,
        }
        for kind in kinds:
            if found.holds_on(kind, low, high):
                assert margins[kind] > -1e-9
            elif kind == "stable":
                assert margins[kind] < 1e-3
            elif kind == "non-oscillating":
                assert abs(z.imag).max() > 0 or np.abs(np.diff(z.real, axis=1)).min() < 0.2  # a window narrower than the grid


def test_a_determinant_that_only_touches_zero_is_found():
    """Explicit midpoint on DIN: det M(λ) ≥ 0, and zero iff γ times the flow's eigenvalues are −1 ± i, that is γ²λ = 2, α + βλ = 2/γ."""
    alpha, gamma, top = F(1, 2), F(1), F(10)
    beta = gamma - alpha * gamma**2 / 2
    midpoint = method_class("midpoint_din")
    assert not modes(midpoint(alpha=alpha, beta=beta, gamma=gamma)).holds_on("diffeomorphism", -top, top)
    assert not modes(midpoint(alpha=alpha, beta=beta, gamma=gamma)).holds("diffeomorphism", 2)
    assert modes(midpoint(alpha=alpha, beta=beta, gamma=gamma)).holds_on("diffeomorphism", F(-3, 2), F(3, 2))
    for step in (-F(1, 10**12), F(1, 10**12)):
        assert modes(midpoint(alpha=alpha, beta=beta * (1 + step), gamma=gamma)).holds_on("diffeomorphism", -top, top)


def one_block(*coefficients, continuous=False):
    return Modes(continuous, [[fmpq_poly([fmpq(c.numerator, c.denominator) for c in map(F, coefficients)])]])


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (one_block(1, -1), True),  # 1 − λ > 1
        (one_block(1, 1), False),  # 1 + λ is inside for λ in (−2, 0)
        (one_block(-1, 2), True),  # −1 + 2λ < −1
        (one_block(1, -2, -1), False),  # 1 − 2λ − λ² passes through the disc below λ = −2
        (one_block(0, -1, continuous=True), True),
        (one_block(0, 1, continuous=True), False),
    ],
)
def test_repelling_on_one_block(system, expected):
    assert system.repels() is expected


def test_repelling_at_an_isolated_touch():
    """The eigenvalue 1 + (λ² − 2)² is above one but at λ = −√2: not proved, and not claimed; 1 + (λ + 2)² is refuted at −2."""
    touching = 1 + (Z * Z - 2) ** 2
    assert Modes(False, [[touching]]).repels() is None
    rational_touch = 1 + (Z + 2) ** 2
    assert Modes(False, [[rational_touch]]).repels() is False


def test_what_has_no_mode_matrix_or_no_exact_numbers():
    with pytest.raises(dynopt.Misuse, match=r"gamma=0\.1 is not an exact rational"):
        modes(dynopt.GradientDescent(gamma=0.1))
    with pytest.raises(dynopt.Misuse, match="no exact test"):
        modes(dynopt.GradientDescent(gamma=F(1, 10))).holds("fast", 1)

    class Normalised(dynopt.Algorithm):
        def init(self, theta0, oracle):
            return dynopt.GradientDescent(gamma=1).init(theta0, oracle)

        def update(self, state, oracle, k):
            return type(state)(state.theta * oracle.gradient(state.theta))

    with pytest.raises(dynopt.errors.NotLinear, match="not linear"):
        modes(Normalised())


def test_a_rational_zero_met_by_bisection_is_exact():
    samples, cells = separated((Z - fmpq(1, 2)) * (Z * Z - 2), fmpq(-1), fmpq(1))
    assert cells == [(fmpq(1, 2), fmpq(1, 2))]
    assert samples == [fmpq(-1, 4), fmpq(3, 4)]


def test_a_symmetric_quadruple_of_roots_leaves_the_half_plane():
    """±1 ± 3i: s⁴ + 16s² + 100 has positive coefficients in s², but they are not the squares of roots on the axis."""
    assert not closed_half_plane((Z * Z - 2 * Z + 10) * (Z * Z + 2 * Z + 10))
    assert closed_half_plane((Z * Z + 1) * (Z * Z + 4))
