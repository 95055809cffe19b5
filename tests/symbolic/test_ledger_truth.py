"""The exact re-check: signs of nested radicals and algebraic numbers, and the third truth value."""

import pytest
import sympy as sp
from sympy import Abs, And, Eq, Equivalent, Implies, Max, Min, Ne, Not, Or, Rational, sqrt, symbols

from dynopt.symbolic.exact import Point, Undefined
from dynopt.symbolic.witness import breaks

x, y = symbols("x y", real=True)
two, three = sqrt(2), sqrt(3)


def truth(statement, point):
    """None where the statement hangs on an expression that does not exist."""
    try:
        return Point(point).holds(statement)
    except Undefined:
        return None


@pytest.mark.parametrize(
    ("statement", "point", "value"),
    [
        (Eq(sqrt(x + 2 * sqrt(y)), two + three), {x: 5, y: 6}, True),
        (sqrt(x + 2 * sqrt(y)) > two + three, {x: 5, y: 6}, False),
        (sqrt(x + 2 * sqrt(y)) > two + three, {x: 5 + Rational(1, 10**40), y: 6}, True),
        (Eq(x**5 - x - 1, 0), {x: sp.CRootOf(x**5 - x - 1, 0)}, True),
        (x**5 - x - 1 > 0, {x: sp.CRootOf(x**5 - x - 1, 0)}, False),
        (x**5 - x - 1 < Rational(1, 10**50), {x: sp.CRootOf(x**5 - x - 1, 0)}, True),
        (Eq(sqrt(x) * sqrt(y), sqrt(x * y)), {x: two, y: three}, True),
        (1 / (x - two) > 0, {x: two}, None),
        (sqrt(x - two) > -1, {x: Rational(14142, 10000)}, None),
        (Or(x > 0, sqrt(y) > 0), {x: 1, y: -1}, True),
        (And(x > 0, sqrt(y) > 0), {x: 1, y: -1}, None),
        (And(x < 0, sqrt(y) > 0), {x: 1, y: -1}, False),
        (Implies(sqrt(y) > 0, x > 0), {x: 1, y: -1}, True),
        (Not(sqrt(y) > 0), {y: -1}, None),
        (Equivalent(x > 0, y > 0), {x: 1, y: -1}, False),
        (Eq(Abs(x), Max(x, -x)), {x: -two}, True),
        (Min(x, y) < y, {x: two, y: two}, False),
        (Ne(x**4 + 1, 0), {x: 0}, True),
        (Eq(x ** Rational(1, 4), sqrt(two)), {x: 2}, True),
        (Eq(x ** Rational(-1, 2) * two, 1), {x: 2}, True),
    ],
)
def test_truth(statement, point, value):
    assert truth(statement, point) is value


def test_floating_point_would_be_wrong_here():
    """Convergents of √2: p² − 2q² = ±1 with more digits than a double has."""
    p, q = 1, 1
    for _ in range(60):
        p, q = p + 2 * q, p + q
    assert truth(x < y, {x: sp.Integer(p) / q, y: two}) is (p * p < 2 * q * q)
    assert float(sp.Integer(p) / q) == float(two)


def test_a_counterexample_must_satisfy_the_hypotheses_and_break_the_conclusion():
    assert breaks({x: 1}, [x > 0], x > 1)
    assert not breaks({x: 2}, [x > 0], x > 1)
    assert not breaks({x: 0}, [x > 0], x > 1)
    assert not breaks({x: -1}, [sqrt(x) > 0], x > 1)
    assert not breaks({x: -1}, [], sqrt(x) > 0)
