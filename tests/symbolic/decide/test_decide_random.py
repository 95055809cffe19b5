"""Random statements against brute force: numerical roots in one variable, a grid in two."""

import itertools
import random

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import Abs, And, Eq, Equivalent, Ge, Gt, Implies, Le, Lt, Max, Min, Ne, Or, sqrt

from dynopt.symbolic.decide import decide, exact_decider, z3_decider
from dynopt.symbolic.decide.encode import encode
from dynopt.symbolic.witness import breaks

# without assumptions, so that SymPy evaluates nothing by itself
x, y = sp.symbols("x y")
RELATIONS = [Gt, Ge, Lt, Le, Eq, Ne]


def univariate(rnd):
    roots = [sp.Rational(rnd.randint(-4, 4), rnd.randint(1, 2)) for _ in range(rnd.randint(0, 2))]
    factors = [(x - r) ** rnd.randint(1, 2) for r in roots]
    rest = sum(rnd.randint(-3, 3) * x**k for k in range(rnd.randint(1, 4)))
    return sp.expand(sp.prod(factors) * rest) if rnd.random() < 0.6 else sp.prod(factors) * rest + rnd.randint(-2, 2)


def statement(rnd, expression, size):
    if size == 0:
        relation = rnd.choice(RELATIONS)
        return relation(expression(rnd), 0)
    one, two = statement(rnd, expression, size - 1), statement(rnd, expression, rnd.randint(0, size - 1))
    return rnd.choice([And, Or, Implies, Equivalent])(one, two)


def polynomials(statements):
    return {a.lhs - a.rhs for s in statements for a in sp.sympify(s).atoms(sp.core.relational.Relational)}


def holds(s, at):
    """A univariate statement at a number with 60 digits; what is below 10^-25 is zero."""
    if s in (sp.true, sp.false):
        return bool(s)
    if isinstance(s, sp.core.relational.Relational):
        value = mpmath.polyval([mpmath.mpf(int(c.p)) / int(c.q) for c in sp.Poly(s.lhs - s.rhs, x).all_coeffs()], at)
        sign = 0 if abs(value) < mpmath.mpf(10) ** -25 else int(mpmath.sign(value))
        return {Gt: sign > 0, Ge: sign >= 0, Lt: sign < 0, Le: sign <= 0, Eq: sign == 0, Ne: sign != 0}[type(s)]
    values = [holds(a, at) for a in s.args]
    return {
        "And": all(values), "Or": any(values), "Not": not values[0],
        "Implies": not values[0] or values[-1], "Equivalent": len(set(values)) == 1,
    }[type(s).__name__]  # fmt: skip


def brute_force(given, then):
    """Is there a counterexample among the roots of all polynomials, the points between them and beyond?"""
    mpmath.mp.dps = 60
    critical = []
    for p in polynomials([*given, then]):
        poly = sp.Poly(p, x)
        for factor, _ in poly.sqf_list()[1] if poly.degree() > 0 else []:
            coefficients = [mpmath.mpf(int(c.p)) / int(c.q) for c in factor.all_coeffs()]
            critical += [r.real for r in map(mpmath.mpc, mpmath.polyroots(coefficients, 400, extraprec=400)) if abs(r.imag) < 1e-30]
    critical.sort()
    points = [mpmath.mpf(0)] if not critical else [critical[0] - 1, *critical, critical[-1] + 1]
    points += [(u + v) / 2 for u, v in itertools.pairwise(critical) if v - u > 1e-20]
    return any(all(holds(g, p) for g in given) and not holds(then, p) for p in points)


@pytest.mark.parametrize("seed", range(6))
def test_univariate_statements_agree_with_brute_force(seed):
    rnd = random.Random(seed)
    verdicts = set()
    for _ in range(12):
        given = [statement(rnd, univariate, rnd.randint(0, 1)) for _ in range(rnd.randint(0, 2))]
        then = statement(rnd, univariate, rnd.randint(0, 2))
        decision = decide(given, then, deciders=["z3", "exact"])
        expected = "refuted" if brute_force(given, then) else "proved"
        assert [a.answer for a in decision.answers] == [expected, expected], (given, then)
        verdicts.add(expected)
    assert verdicts == {"proved", "refuted"}


def bivariate(rnd):
    def linear():
        return rnd.randint(-3, 3) * x + rnd.randint(-3, 3) * y + rnd.randint(-3, 3)

    shapes = [
        lambda: linear() * linear() + rnd.randint(-2, 2),
        lambda: linear() ** 2 + linear() ** 2 * rnd.choice([0, 1]),
        lambda: linear() - sqrt(linear() * linear() + rnd.randint(-1, 2)),
        lambda: sqrt(linear() + sqrt(linear())) - linear(),
        lambda: Abs(linear()) - linear(),
        lambda: rnd.choice([Min, Max])(linear(), linear() * linear()) - linear(),
        lambda: linear() / (x - y + rnd.choice([0, 1])) - linear(),
        lambda: linear() * x * y - linear(),
    ]
    while True:
        try:
            e = sp.sympify(rnd.choice(shapes)())
        except TypeError:
            continue
        if not e.has(sp.nan, sp.zoo, sp.I):
            return e


def grid_counterexample(given, then):
    """A counterexample among quarter-integers, with a margin of 10^-9 in every strict comparison."""
    u, v = (axis.ravel() for axis in np.meshgrid(np.arange(-6, 6.25, 0.25), np.arange(-6, 6.25, 0.25)))

    def three_valued(s):
        """Certainly true, certainly false."""
        if s in (sp.true, sp.false):
            return np.full(u.shape, bool(s)), np.full(u.shape, not bool(s))
        if isinstance(s, sp.core.relational.Relational):
            with np.errstate(all="ignore"):
                value = np.broadcast_to(sp.lambdify((x, y), s.lhs - s.rhs, "numpy")(u, v), u.shape)
            up, down = value > 1e-9, value < -1e-9
            none = np.zeros(u.shape, bool)
            return {Gt: (up, down), Ge: (up, down), Lt: (down, up), Le: (down, up), Eq: (none, up | down), Ne: (up | down, none)}[type(s)]
        parts = [three_valued(a) for a in s.args]
        yes, no = [p for p, _ in parts], [n for _, n in parts]
        name = type(s).__name__
        if name == "And":
            return np.all(yes, axis=0), np.any(no, axis=0)
        if name == "Or":
            return np.any(yes, axis=0), np.all(no, axis=0)
        if name == "Not":
            return no[0], yes[0]
        if name == "Implies":
            return no[0] | yes[1], yes[0] & no[1]
        return np.all(yes, axis=0) | np.all(no, axis=0), np.any(yes, axis=0) & np.any(no, axis=0)

    bad = three_valued(sp.sympify(then))[1]
    for g in given:
        bad = bad & three_valued(sp.sympify(g))[0]
    return (u[bad][0], v[bad][0]) if bad.any() else None


def check_bivariate(seed, number):
    """Both deciders on random statements: they never contradict each other, the grid, or exact re-checking."""
    rnd = random.Random(seed)
    verdicts = []
    for _ in range(number):
        given = [statement(rnd, bivariate, rnd.choice([0, 0, 1])) for _ in range(rnd.randint(0, 3))]
        then = statement(rnd, bivariate, rnd.choice([0, 0, 1]))
        answers = [z3_decider.settle(encode(given, then), 0.5), exact_decider.settle(given, then, 3)]
        assert {a.answer for a in answers} != {"proved", "refuted"}, (given, then, answers)
        for found in answers:
            if found.answer == "proved":
                assert grid_counterexample(given, then) is None, (given, then)
            elif found.answer == "refuted":
                assert breaks(found.witness, given, then), (given, then, found)
        verdicts.append(answers[1].answer)
    return verdicts


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_many_bivariate_statements_agree_with_a_grid(seed):
    verdicts = check_bivariate(seed, 40)
    assert {"proved", "refuted"} <= set(verdicts)
    assert verdicts.count("undecided") <= 4  # products of many random factors can be too large for three seconds
