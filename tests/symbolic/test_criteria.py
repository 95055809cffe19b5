"""Jury, Routh–Hurwitz and real-rootedness against numerical roots of random polynomials."""

import numpy as np
import pytest
import sympy as sp

from dynopt.symbolic.criteria import hurwitz, jury, real_rooted, z


def polynomials(degree, count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        coefficients = [1, *rng.integers(-12, 13, size=degree)]
        yield sp.Poly([sp.Rational(int(c), 8) if i else 1 for i, c in enumerate(coefficients)], z)


def numerical_roots(poly):
    return np.roots([float(c) for c in poly.all_coeffs()])


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_jury_is_the_unit_disc(degree):
    seen = set()
    for poly in polynomials(degree, 60, degree):
        radius = max(abs(numerical_roots(poly)))
        if abs(radius - 1) > 1e-6:
            inside = bool(radius < 1)
            seen.add(inside)
            assert all(c > 0 for c in jury(poly)) == inside, poly
    assert seen == {True, False}


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
def test_hurwitz_is_the_left_half_plane(degree):
    rng = np.random.default_rng(degree)
    seen = set()
    for _ in range(60):
        poly = sp.Poly([sp.Rational(int(c), 4) for c in rng.integers(1, 20, size=degree + 1)], z)
        abscissa = max(numerical_roots(poly).real)
        if abs(abscissa) > 1e-6:
            left = bool(abscissa < 0)
            seen.add(left)
            assert all(c > 0 for c in hurwitz(poly)) == left, poly
    assert True in seen


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_real_rooted_is_real_roots(degree):
    rng = np.random.default_rng(degree)
    cases = list(polynomials(degree, 30, 10 + degree))
    for _ in range(20):  # and some that are real-rooted by construction
        cases.append(sp.Poly(sp.expand(sp.Mul(*(z - sp.Rational(int(r), 4) for r in rng.integers(-8, 9, size=degree)))), z))
    for poly in cases:
        assert all(c >= 0 for c in real_rooted(poly)) == (len(sp.real_roots(poly)) == degree), poly
