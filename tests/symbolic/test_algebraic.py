"""Exact signs and root counts over Q(α) against closed forms and numerical roots."""

import numpy as np
import pytest
import sympy as sp
from sympy import Poly, Rational

from dynopt.symbolic.algebraic import Algebraic, FieldPolynomial, between, roots

x, a = sp.symbols("x a")


def root_of(expression, which=-1):
    return roots([Poly(expression, a, domain="QQ")])[which]


def test_roots_are_distinct_and_ascending():
    found = roots(
        [Poly((a**2 - 2) * (a - 1) ** 2, a, domain="QQ"), Poly(a**3 - 2, a, domain="QQ"), Poly((a**2 - 2) * (a + 3), a, domain="QQ")]
    )
    assert [float(r) for r in found] == pytest.approx([-3, -(2**0.5), 1, 2 ** (1 / 3), 2**0.5])


def test_sign_at_sqrt2_is_exact():
    root = root_of(a**2 - 2)
    assert root.sign(Poly(a**4 - 4, a, domain="QQ")) == 0
    convergent = Rational(1855077841, 1311738121)  # of √2, below it by about 3e-19
    assert (2 - convergent**2 > 0) == (root.sign(Poly(a - convergent, a, domain="QQ")) > 0)


def test_expression_is_the_right_root():
    for index, value in enumerate(sp.Poly(a**3 - 3 * a + 1, a).nroots()):
        expression = roots([Poly(a**3 - 3 * a + 1, a, domain="QQ")])[index].expression()
        assert float(expression) == pytest.approx(float(value))
        assert float(sp.sympify(str(expression))) == pytest.approx(float(value))


def test_between_is_strictly_between():
    left, right = roots([Poly(a**2 - 2, a, domain="QQ"), Poly(100 * a - 142, a, domain="QQ")])[1:]
    middle = between(left, right)
    assert 2**0.5 < middle < 1.42


@pytest.mark.parametrize("seed", range(6))
def test_root_counts_over_the_field(seed):
    rng = np.random.default_rng(seed)
    root = root_of(a**3 - a - 1)
    value = float(root)
    coefficients = [Poly([int(c) for c in rng.integers(-3, 4, size=3)], a, domain="QQ") for _ in range(4)]
    field = FieldPolynomial(coefficients, root)
    numeric = np.roots([np.polyval([float(k) for k in c.all_coeffs()], value) for c in field.coefficients])
    real = sorted(r.real for r in numeric if abs(r.imag) < 1e-9)
    expected = sum(-1 < r <= 2 for r in real)
    assert field.roots_in(Rational(-1), Rational(2), field.sturm()) == expected


def test_touching_zero_is_not_positive_but_nonnegative():
    root = root_of(a**2 - 2)
    one = Poly(1, a, domain="QQ")
    square = FieldPolynomial([one, Poly(-2 * a, a, domain="QQ"), Poly(a**2, a, domain="QQ")], root)  # (x − √2)²
    assert not square.positive_on(Rational(0), Rational(2))
    assert square.nonnegative_on(Rational(0), Rational(2))
    assert square.positive_on(Rational(0), Rational(1))
    crossing = FieldPolynomial([one, Poly(-a, a, domain="QQ")], root)  # x − √2
    assert not crossing.nonnegative_on(Rational(1), Rational(2))
    assert crossing.nonnegative_on(Rational(3, 2), Rational(2))


def test_three_roots_with_nonnegative_ends_are_found():
    rational = Algebraic.rational(Rational(1))
    cubic = FieldPolynomial([Poly(c, a, domain="QQ") for c in sp.Poly((x - 1) * (x - 2) * (x - 1) * (x - 3), x).all_coeffs()], rational)
    assert not cubic.nonnegative_on(Rational(0), Rational(4))  # negative between 2 and 3
    assert cubic.nonnegative_on(Rational(0), Rational(2))
