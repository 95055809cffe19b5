"""The exact re-check against independent arithmetic: SymPy's minimal polynomials, and points where the answer is known."""

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dynopt.symbolic.exact import NotExact, Point, Undefined
from dynopt.symbolic.witness import breaks, fulfils, simplest

x, y = sp.symbols("x y", real=True)
quintic = sp.CRootOf(sp.Symbol("z") ** 5 - sp.Symbol("z") - 1, 0)  # 1.1673…, no radicals


@pytest.mark.parametrize(
    ("values", "expression", "sign"),
    [
        ({x: 2, y: 3}, x * y - 6, 0),
        ({x: sp.Rational(1, 3)}, 3 * x - 1 - sp.Rational(1, 10**80), -1),
        ({x: sp.sqrt(2), y: sp.sqrt(3)}, sp.sqrt(5 + 2 * x * y) - x - y, 0),
        ({x: sp.sqrt(2), y: sp.sqrt(3)}, sp.sqrt(5 + 2 * x * y) - x - y + sp.Rational(1, 10**120), 1),
        ({x: 2}, sp.sqrt(sp.sqrt(x) - 1) ** 2 - sp.sqrt(x) + 1, 0),
        ({x: 16}, x ** sp.Rational(3, 4) - 8, 0),
        ({x: quintic}, x**5 - x - 1, 0),
        ({x: quintic}, 1 / x - x**4 + 1, 0),
        ({x: quintic}, x - sp.Rational(11673, 10000), 1),
        ({x: -3, y: 2}, sp.Abs(x) - sp.Max(x, y, 3), 0),
        ({x: -3, y: 2}, sp.Min(x, y) + 2, -1),
    ],
)
def test_sign(values, expression, sign):
    assert Point(values).sign(expression) == sign


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 30), min_size=1, max_size=3), st.lists(st.fractions(-4, 4, max_denominator=9), min_size=4, max_size=4))
def test_sign_agrees_with_high_precision(radicands, coefficients):
    first, *rest = (sp.Rational(str(c)) for c in coefficients)
    value = first + sum(c * sp.sqrt(r) for c, r in zip(rest, radicands, strict=False))
    symbols = sp.symbols(f"r0:{len(radicands)}", real=True)
    expression = first + sum(c * s for c, s in zip(rest, symbols, strict=False))
    point = Point({s: sp.sqrt(r) for s, r in zip(symbols, radicands, strict=True)})
    assert point.sign(expression) == (0 if sp.expand(value) == 0 else int(sp.sign(sp.N(value, 60))))
    assert point.sign(expression**2 - sp.expand(expression**2)) == 0


@pytest.mark.parametrize("expression", [sp.sqrt(x), 1 / (x + 1), 1 / sp.sqrt(x + 1), 2 + sp.sqrt(sp.sqrt(x + 4) - 2)])
def test_undefined(expression):
    with pytest.raises(Undefined):
        Point({x: -1}).sign(expression)
    assert not fulfils({x: sp.Integer(-1)}, [expression > -5])
    assert not breaks({x: sp.Integer(-1)}, [], expression > -5)  # neither true nor false


def test_what_decides_hides_what_is_undefined():
    at = Point({x: 0})
    assert at.holds(sp.Or(x < 1, 1 / x > 5))
    assert not at.holds(sp.And(x > 1, 1 / x > 5))
    with pytest.raises(Undefined):
        at.holds(sp.Or(x > 1, 1 / x > 5))


def test_truth_of_connectives():
    at = Point({x: 1, y: 2})
    assert at.holds(sp.Equivalent(x < y, y > 1))
    assert not at.holds(sp.Equivalent(x < y, y < 1))
    assert at.holds(sp.Xor(x < y, y < 1, evaluate=False))
    assert at.holds(sp.Implies(x > y, y < 0))
    assert at.holds(sp.ITE(x < y, sp.Ne(x, y), x > 5))


def test_outside_the_language():
    for formula in (sp.sin(x) > 0, x**sp.pi > 0, x > sp.pi, y > 0):
        with pytest.raises(NotExact):
            Point({x: 1}).holds(formula)


def test_simplest_stays_accepted():
    given = [x > 0, y > x, sp.Eq(x**2 + y**2, 25)]
    point = {x: sp.Rational(7, 5), y: sp.Rational(24, 5)}
    assert fulfils(point, given)
    assert simplest(point, lambda p: fulfils(p, given)) == point  # no coordinate moves alone
    assert simplest(point, lambda p: fulfils(p, given[:2])) == {x: 1, y: 2}
