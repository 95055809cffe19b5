"""No call takes longer than it may: hard queries for every part of the deciders, measured in CPU time."""

import random
import time

import pytest
import sympy as sp
from flint import fmpq_poly, fmpz_poly
from sympy import Abs, Eq, Max, Min, Rational, Xor, sqrt, symbols

from dynopt.symbolic import decide as front
from dynopt.symbolic.decide import Answer, decide, definedness, exact_decider, z3_decider
from dynopt.symbolic.decide.eliminants import times
from dynopt.symbolic.decide.encode import encode
from dynopt.symbolic.decide.factors import Ratio, Ring
from dynopt.symbolic.decide.full_cells import all_cells
from dynopt.symbolic.decide.numberfield import Field, _norm
from dynopt.symbolic.decide.realroots import RealRoot, isolate, squarefree
from dynopt.symbolic.decide.witness import real_roots as written_roots
from dynopt.symbolic.limits import TooLarge, afford, check, within
from dynopt.symbolic.witness import simplest

x, y, z, u, v = V = symbols("x y z u v")
t = sp.Symbol("t")
LATE = 0.5
"""Seconds after its limit at which an answer must be there."""


def polynomial(rnd, n, degree, terms, size=9):
    parts = [
        rnd.randint(1, size) * rnd.choice([1, -1]) * sp.prod(rnd.choice(V[:n]) for _ in range(rnd.randint(1, degree))) for _ in range(terms)
    ]
    return sum(parts) + sp.prod(rnd.choice(V[:n]) for _ in range(degree)) + rnd.randint(-3, 3)


def random_query(seed):
    """Degree 4 to 6 in three to five variables, up to three equations."""
    rnd = random.Random(seed)
    n, degree, equations = rnd.randint(3, 5), rnd.randint(4, 6), rnd.randint(0, 3)
    given = [Eq(polynomial(rnd, n, degree, rnd.randint(4, 9)), 0) for _ in range(equations)]
    return [*given, polynomial(rnd, n, degree, 6) > 0], polynomial(rnd, n, degree, 6) > 0


def huge_coefficients(seed):
    rnd, n, size = random.Random(100 + seed), 2 + seed % 2, 10**200
    return [Eq(polynomial(rnd, n, 5, 6, size), 0), Eq(polynomial(rnd, n, 5, 6, size), 0)], polynomial(rnd, n, 4, 4, size) > 0


def nested_roots():
    e = v
    for k in range(6):
        e = sqrt(V[k % 4] + e)
    return [e > 1, x > y], e < y + z**2


def sum_of_roots():
    roots = [sqrt(s + i) for i, s in enumerate(V)]
    return [sum(roots) > 3], sum((i + 1) * r for i, r in enumerate(reversed(roots))) > sum(roots)


def conjugates():
    tower = [Eq(x**2, 2), Eq(y**2, 3 + x), Eq(z**2, 5 + x * y), Eq(u**2, 7 + y + z), Eq(v**2, 11 + u * z)]
    return tower, u + v > y * z


def cyclic():
    sums = [sum(sp.prod(V[(i + j) % 5] for j in range(k)) for i in range(5)) for k in range(1, 5)]
    return [*(Eq(s, 0) for s in sums), Eq(sp.prod(V), 1)], x < 10


def extrema():
    five, other = ([polynomial(random.Random(i + k), 4, 4, 4) for i in range(5)] for k in (0, 50))
    return [Max(*five) > Min(*other)], Abs(x * y - z) > Abs(u**2 - y)


HARD = {
    **{f"random {seed}": random_query(seed) for seed in (0, 3, 5, 7, 8, 11)},  # three to five variables, none to three equations
    **{f"huge coefficients {seed}": huge_coefficients(seed) for seed in (1, 2)},
    "nested roots": nested_roots(),
    "sum of roots": sum_of_roots(),
    "algebraic numbers": ([Eq(x, sp.CRootOf(t**30 - t - 1, 1)), Eq(y, sp.CRootOf(t**23 - 3 * t**5 + 1, 0))], Eq(x**2 * y, y**2 * x)),
    "a large norm": ([Eq(x**11 - 10**40 * x + 7, 0), Eq(y**9 + x * y - 10**30, 0)], x * y**3 > x**5 + 3),
    "powers": ([(sum(V) + 1) ** 18 > 3], (sum(V) - 1) ** 16 > x),
    "exclusive or": ([Xor(*(V[i % 5] ** (i % 3 + 1) > i for i in range(14)), evaluate=False)], x > 1),
    "extrema": extrema(),
    "conjugates": conjugates(),
    "cyclic": cyclic(),
}
SOON = ["random 7", "huge coefficients 1", "huge coefficients 2", "a large norm", "powers", "exclusive or"]


def in_time(ask, seconds):
    """What is asked, and not late."""
    started = time.process_time()
    found = ask()
    assert time.process_time() - started < seconds + LATE
    return found


@pytest.mark.parametrize("decider", ["exact", "complete decomposition", "z3"])
@pytest.mark.parametrize("name", [n if n in SOON else pytest.param(n, marks=pytest.mark.slow) for n in HARD])
def test_no_decider_is_late(name, decider, monkeypatch):
    given, then = HARD[name]
    seconds = 0.2 if name in SOON else 1.0
    if decider == "complete decomposition":
        monkeypatch.setattr(exact_decider, "search", all_cells)
    if decider == "z3":
        answer = in_time(lambda: z3_decider.settle(encode(given, then, seconds), seconds), 2 * seconds)
    else:
        answer = in_time(lambda: exact_decider.settle(given, then, seconds), seconds)
    assert answer.answer != "proved"
    assert answer.witness is not None or answer.note


def test_a_statement_too_large_to_encode_is_undecided():
    given, then = HARD["powers"]
    decision = in_time(lambda: decide(given, then, seconds=0.2), 4 * 0.2)
    assert decision.verdict == "undecided"
    assert decision.answers[0].note == "not encoded in 0.2 s"
    assert decision.query_hash != decide(given, x > 3, seconds=0.1).query_hash


def test_definedness_is_not_late():
    e = x / (sum(V) ** 20 - 7) + sqrt((sum(V) + 1) ** 20)
    found = in_time(lambda: definedness([(sum(V) - 1) ** 18 > 2], e > 0, seconds=0.1), 4 * 3 * 0.1)
    assert {d.verdict for _, d in found} == {"undecided"}


def test_a_counterexample_too_large_to_re_check_is_no_contradiction(monkeypatch):
    """The sign of such a value needs millions of digits; that the re-check gives up says nothing against the decider."""
    point = {x: sp.CRootOf(t**40 - 3 * t**7 - 1, 1), y: sp.CRootOf(t**41 - t - 10**9, 0)}
    monkeypatch.setitem(front._SETTLE, "exact", lambda *_: Answer("exact", "", "refuted", 0.0, point))
    given = [x > 0, Eq((x + y) ** 2 - x**2 - y**2, 2 * x * y)]
    decision = in_time(lambda: decide(given, x > 5, seconds=0.3, deciders=["exact"]), 0.3)
    assert (decision.verdict, decision.witness) == ("undecided", None)
    assert "too large for the exact re-check" in decision.answers[0].note


def test_the_simplest_witness_so_far():
    def accepts(point):
        time.sleep(0.02)
        check()
        return point[x] > Rational(9, 2)

    started = time.monotonic()
    assert simplest({x: Rational(4513, 1000)}, accepts, seconds=0.1) == {x: Rational(4513, 1000)}
    assert time.monotonic() - started < 1


def test_of_nested_limits_the_earliest_counts():
    with within(60), pytest.raises(front.OutOfTime), within(-1), within(60):
        check()
    with within(60):
        check()
    afford(1e9, "anything goes without a limit")
    with within(1), pytest.raises(TooLarge, match="a large resultant needs about 60 s"):
        afford(60, "a large resultant")


def univariate(degree, bits):
    rnd = random.Random(degree)
    return fmpz_poly([-1, *(rnd.getrandbits(bits) for _ in range(degree))])


def bivariate(degree, bits):
    rnd, ring = random.Random(degree), Ring(2, 0)
    return ring, ring.context.from_dict({(i, j): rnd.getrandbits(bits) + 1 for i in range(degree) for j in range(degree - i)})


def field(degree, bits):
    p = univariate(degree, bits)
    return Field(RealRoot(p, isolate(p)[0]))


def inverse():
    number = field(12, 2600).element(fmpq_poly(univariate(11, 46000)))
    return lambda: 1 / number


def norm():
    over = field(12, 2000)
    line = [fmpq_poly(univariate(11, 20000)) for _ in range(6)]
    return lambda: _norm(line, over)


def factors():
    ring, p = bivariate(46, 800)
    square = p * (p + 1)
    return lambda: ring.factor(square)


def common_divisor():
    _, p = bivariate(46, 3000)
    above, below = p * (p + 1), p * (p + 2)
    return lambda: Ratio(above, below)


def product():
    (_, p), (_, q) = bivariate(80, 20), bivariate(125, 20)
    return lambda: times(p, q)


def squarefree_part():
    return lambda: squarefree(univariate(100, 40000))


def roots_in_sympy():
    p = sp.Poly([int(c) for c in univariate(60, 40000)], t)
    return lambda: written_roots(p)


@pytest.mark.parametrize("large", [inverse, norm, factors, common_divisor, product, squarefree_part, roots_in_sympy])
def test_what_nothing_can_interrupt_is_not_started(large):
    start = large()
    with within(0.1), pytest.raises(TooLarge, match=r"needs about .* s"):
        start()
