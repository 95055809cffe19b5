"""Random statements from a grammar: the exact decider, its complete decomposition, z3 and cvc5 never contradict each other."""

import random

import pytest
import sympy as sp
from sympy import ITE, Abs, And, Eq, Equivalent, Ge, Gt, Implies, Le, Lt, Max, Min, Ne, Not, Or, Rational, Xor, sqrt

from dynopt.symbolic.decide import cvc5_decider, exact_decider, z3_decider
from dynopt.symbolic.decide.encode import encode
from dynopt.symbolic.decide.full_cells import all_cells
from dynopt.symbolic.witness import breaks

VARIABLES = sp.symbols("x y z")
t = sp.Symbol("t")
NUMBERS = [sp.CRootOf(t**3 - t - 1, 0), sp.CRootOf(t**5 - 4 * t + 2, 1), sqrt(2), 1 + sqrt(3)]
OPERATIONS = {
    lambda a, b: a + b: 3, lambda a, b: a - 2 * b: 2, lambda a, b: a * b: 6, lambda a, b: a**2: 2, lambda a, b: sqrt(a): 2,
    lambda a, b: a / b: 1, lambda a, b: Abs(a): 1, Max: 1, Min: 1,
}  # fmt: skip


def expression(rnd, n, depth):
    if depth == 0:
        kind = rnd.random()
        if kind < 0.6:
            return rnd.choice(VARIABLES[:n])
        return Rational(rnd.randint(-4, 4), rnd.choice([1, 1, 1, 2, 3])) if kind < 0.97 else rnd.choice(NUMBERS)
    (operation,) = rnd.choices(list(OPERATIONS), list(OPERATIONS.values()))
    return operation(expression(rnd, n, depth - 1), expression(rnd, n, rnd.randint(0, depth - 1)))


def comparison(rnd, n):
    relation = rnd.choice([Gt, Ge, Lt, Le, Eq, Ne, Gt, Ge])
    if rnd.random() < 0.3:
        # sums of squares: boundaries and single points
        one, two, right = (expression(rnd, n, 1) for _ in range(3))
        return relation(one**2 + rnd.choice([0, 1]) * two**2, rnd.choice([0, 1]) * right)
    return relation(expression(rnd, n, rnd.choice([1, 2, 2, 3])), expression(rnd, n, rnd.randint(0, 1)))


def formula(rnd, n, depth):
    if depth == 0:
        return comparison(rnd, n)
    one, two, three = (formula(rnd, n, depth - 1) for _ in range(3))
    join = rnd.choice([And, Or, Implies, Equivalent, Xor, Not, ITE])
    return Not(one) if join is Not else ITE(one, two, three) if join is ITE else join(one, two)


def statement(seed):
    rnd = random.Random(seed)
    n = rnd.choice([1, 2, 2, 3])
    while True:
        try:
            given = [formula(rnd, n, rnd.choice([0, 0, 0, 1])) for _ in range(rnd.randint(0, 3))]
            then = formula(rnd, n, rnd.choice([0, 0, 1, 2]))
        except (TypeError, ValueError):  # SymPy evaluated to something that is not real
            continue
        if not any(sp.sympify(e).has(sp.nan, sp.zoo, sp.oo, sp.I) for e in (*given, then)):
            return given, then


def opinions(given, then, monkeypatch, everybody):
    encoding = encode(given, then, 1)
    found = {"exact": exact_decider.settle(given, then, 1), "z3": z3_decider.settle(encoding, 0.5)}
    with monkeypatch.context() as patch:
        patch.setattr(exact_decider, "search", all_cells)
        found["complete decomposition"] = exact_decider.settle(given, then, 1)
    if everybody and cvc5_decider.AVAILABLE:
        found["cvc5"] = cvc5_decider.settle(encoding, 2)
    return found


def check(seeds, monkeypatch, everybody):
    verdicts = []
    for seed in seeds:
        given, then = statement(seed)
        found = opinions(given, then, monkeypatch, everybody)
        assert {"proved", "refuted"} - {a.answer for a in found.values()}, (seed, given, then, found)
        assert all(breaks(a.witness, given, then) for a in found.values() if a.answer == "refuted"), (seed, given, then, found)
        verdicts += [a.answer for a in found.values()]
    assert verdicts.count("undecided") < len(verdicts) / 10
    assert {"proved", "refuted"} <= set(verdicts)


def test_three_opinions_on_random_statements(monkeypatch):
    check(range(30), monkeypatch, everybody=False)


@pytest.mark.slow
def test_four_opinions_on_many_random_statements(monkeypatch):
    check(range(1000, 1100), monkeypatch, everybody=True)
