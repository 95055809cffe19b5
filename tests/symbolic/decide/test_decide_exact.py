"""The exact decider by itself: boundaries, singular points, degenerate radicals, limits."""

import pytest
import sympy as sp
from sympy import Abs, And, Eq, Equivalent, Implies, Max, Min, Ne, Or, Rational, sqrt, symbols

from dynopt.symbolic.decide import exact_decider
from dynopt.symbolic.decide.exact_decider import settle
from dynopt.symbolic.decide.full_cells import all_cells
from dynopt.symbolic.decide.reading import Reading
from dynopt.symbolic.witness import breaks

x, y, z, w, a, b, c, d = symbols("x y z w a b c d", real=True)
motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
robinson = x**6 + y**6 + 1 - (x**4 * y**2 + x**2 * y**4 + x**4 + y**4 + x**2 + y**2) + 3 * x**2 * y**2

PROVED = [
    ([], sp.Ge(x**2, 0, evaluate=False)),
    ([], (x - 1) ** 2 + (y - 2) ** 2 >= 0),
    ([Ne(x, 1)], (x - 1) ** 2 + (y - 2) ** 2 > 0),
    ([], motzkin >= 0),
    ([], robinson >= 0),
    ([Eq(y**2, x**2 * (x - 1)), x < 1], And(Eq(x, 0), Eq(y, 0))),
    ([Eq((x**2 + y**2 - 1) ** 2 + (z - x) ** 2, 0), x > 0], Eq(z, sqrt(1 - y**2))),
    ([Eq((x**2 - 2) ** 2 + (y**2 - 3) ** 2, 0)], Eq(x**2 * y**2, 6)),
    ([Eq(x**2 + y**2, 1), Eq((x - 1) ** 2 + y**2, 1)], Eq(y**2, Rational(3, 4))),
    ([Eq(x**2 + y**2 + z**2, 1), Eq(x * y, z), Eq(x**3 + y**3, z)], x**2 <= 1),
    ([Eq(x**2 + y**2, 1)], x + y <= sqrt(2)),
    ([x >= 0, y >= 0], sqrt(x * y) <= (x + y) / 2),
    ([x >= 0, y >= 0], sqrt(x + y) <= sqrt(x) + sqrt(y)),
    ([x >= 0, y >= 0], Abs(sqrt(x) - sqrt(y)) <= sqrt(Abs(x - y))),
    ([], sqrt((a + c) ** 2 + (b + d) ** 2) <= sqrt(a**2 + b**2) + sqrt(c**2 + d**2)),
    ([], (a * c + b * d) ** 2 <= (a**2 + b**2) * (c**2 + d**2)),
    ([x >= 0], Eq(sqrt(x + 2 * sqrt(x) + 1), 1 + sqrt(x))),
    ([x >= 1], Eq(sqrt(x - 1) * sqrt(x - 1), x - 1, evaluate=False)),
    ([x <= 0], Eq(sqrt(x**2), -x)),
    ([], Eq(Max(x, y) + Min(x, y), x + y)),
    ([], Eq(Max(x, y), (x + y + Abs(x - y)) / 2)),
    ([x > 0, y > 0, z > 0], x / (y + z) + y / (z + x) + z / (x + y) >= Rational(3, 2)),
    ([x >= 0, y >= 0, z >= 0], x * (x - y) * (x - z) + y * (y - z) * (y - x) + z * (z - x) * (z - y) >= 0),
    ([4 * a**3 + 27 * b**2 < 0, *(Eq(v**3 + a * v + b, 0) for v in (x, y, z)), x < y, y < z], Eq(x + y + z, 0)),
    ([b**2 >= 4 * c], Equivalent(And(1 - b + c > 0, 1 + b + c > 0, c < 1), And(*(Abs(-b + s * sqrt(b**2 - 4 * c)) < 2 for s in (1, -1))))),
    ([x**2 < 2], And(x < sqrt(2), x > -sqrt(2))),
    ([Eq(x, sp.CRootOf(z**5 - z - 1, 0))], Eq(x**5 - x, 1)),
    ([x > 0, x < 0], Eq(y, 7)),
    ([y >= x**2, y <= 2 * x - 1], And(Eq(x, 1), Eq(y, 1))),
    ([Eq(x, 1)], sqrt(10**60 + x) > 10**30),
]

REFUTED = [
    ([], sp.Gt(x**2, 0, evaluate=False)),
    ([], (x - 1) ** 2 + (y - 2) ** 2 > 0),
    ([], motzkin > 0),
    ([], robinson > 0),
    ([], (x**2 - 2) ** 2 + (y**2 - 3) ** 2 > 0),
    ([], (x**2 + y**2 - 1) ** 2 + (z - x) ** 2 > 0),
    ([Eq(y**2, x**2 * (x - 1))], x >= 1),
    ([Eq(y**2, x**2 * (x - 1)), x > 0], y > 0),
    ([Eq(x**2 + y**2, 1)], x + y < sqrt(2)),
    ([x >= 0, y >= 0], sqrt(x * y) < (x + y) / 2),
    ([x >= 0, y <= 0, x <= y], Or(x > 0, y < 0)),
    ([x**2 + y**2 <= 0], Ne(x, 0)),
    ([(x - y) * (x + y) >= 0, x * y >= 1, x <= 1], x + y > 2),
    ([x <= 1, x * y >= 1, y <= 1], x**2 + y**2 < 2),
    ([Eq(x**3, 2)], x**2 > 2),
    ([Eq(x**4 - 10 * x**2 + 1, 0)], Ne(x, sqrt(2) + sqrt(3))),
    ([x >= 0], sqrt(x) > x - 6),
    ([], Implies(x > y, Max(x, y) > x)),
    ([], Ne(Abs(x) + Abs(y), 0)),
    ([sqrt(x) + sqrt(y) <= 0], x > 0),
    # even powers of a negative variable are positive
    ([x < 0, y > 0], y > x**2),
    # roots escape to infinity where a leading coefficient vanishes
    ([x < 5, x > -5], x * y <= x**2 + 3),
    # a root is not homogeneous of degree one
    ([x > 0], Eq(sqrt(x), x)),
    ([x > 0], sqrt(x) >= x),
    # two closed conditions that touch in one point
    ([y >= x**2, y <= 2 * x - 1], x > 1),
    # an equation that is not solvable for any of its variables at its only admissible points
    ([Eq(x * (y - 1) + z * (w - 1), 0), x**2 + (y - 1) ** 2 + z**2 + (w - 1) ** 2 <= 0], sp.false),
    # the end of the domain separates samples
    ([sqrt(x - 5) < 1], x > 6),
    # too close to zero for ball arithmetic
    ([Eq(x, 1)], sqrt(10**60 + x) <= 10**30),
]


@pytest.mark.parametrize(("given", "then"), PROVED, ids=lambda s: str(s)[:60])
def test_truths_are_proved(given, then):
    answer = settle(given, then, 20)
    assert (answer.answer, answer.witness) == ("proved", None)


@pytest.mark.parametrize(("given", "then"), REFUTED, ids=lambda s: str(s)[:60])
def test_falsehoods_are_refuted_with_an_exact_point(given, then):
    answer = settle(given, then, 20)
    assert answer.answer == "refuted"
    assert breaks(answer.witness, given, then)


SMALL = [(g, t) for g, t in (*PROVED, *REFUTED) if len(set().union(*(sp.sympify(e).free_symbols for e in (*g, t)))) <= 2]


@pytest.mark.parametrize(("given", "then"), SMALL, ids=lambda s: str(s)[:60])
def test_the_complete_decomposition_says_the_same(given, then, monkeypatch):
    """Every conjunction goes straight to all cells: no openness argument, no elimination, no scaling."""
    expected = settle(given, then, 20).answer
    monkeypatch.setattr(exact_decider, "search", all_cells)
    assert settle(given, then, 20).answer == expected


def test_an_equation_that_vanishes_over_a_point_restricts_nothing_there(monkeypatch):
    monkeypatch.setattr(exact_decider, "search", all_cells)
    given = [Eq((x**2 - 2) * y + z**2 - 3, 0), Eq((x**2 - 2) ** 2 + (z**2 - 3) ** 2, 0)]
    answer = settle(given, y <= 5, 20)
    assert answer.answer == "refuted"
    assert breaks(answer.witness, given, y <= 5)


def test_cauchy_schwarz_in_four_dimensions():
    p, q = symbols("p:4", real=True), symbols("q:4", real=True)
    inner = sum(u * v for u, v in zip(p, q, strict=True))
    assert settle([], inner**2 <= sum(u**2 for u in p) * sum(v**2 for v in q), 30).answer == "proved"


def test_the_case_a_zero_of_a_linear_equation_ends():
    """(y² − 2)x + y² − 3 = 0 with y² = 2: no x, and a = b = 0 must not be asked for ever."""
    assert settle([Eq((y**2 - 2) * x + y**2 - 3, 0), Eq(y**2, 2)], x > 0, 5).answer == "proved"
    assert settle([Eq((y**2 - 2) * x + y**4 - 4, 0), Eq(y**2, 2)], x > 0, 5).answer == "refuted"


def test_cases_that_contain_another_are_dropped_and_easy_equations_come_first():
    hard, easy = Eq(x**2 - x * y + y**2, 7), Eq(x * y, 1)
    found = Reading([Or(hard, easy), Or(hard, x > 0), Or(hard, y > 0)], sp.false).conjunctions
    assert [len(c) for c in found] == [3, 1]


def test_an_incomplete_search_is_never_a_proof(monkeypatch):
    from dynopt.symbolic.limits import TooLarge

    def refuse(branch, equation=None):
        raise TooLarge("nothing is allowed today")

    monkeypatch.setattr(exact_decider, "open_cells", refuse)
    answer = settle([x**2 + y**2 < 1], x**3 + y**3 < 1, 5)
    assert (answer.answer, answer.note) == ("undecided", "too large: nothing is allowed today")


def test_large_coefficients_do_not_crash_the_factorisation():
    """python-flint 0.9 raises OverflowError when it sorts integer factors with large coefficients."""
    given = [-2 * x + 6 * y + sqrt(2 * x + sqrt(y) - 3 * y + 2 * z) - 2 >= 0, 3 * x**2 * z - 2 * y + 2 <= 0]
    answer = settle(given, sp.false, 20)
    assert answer.answer == "refuted"
    assert breaks(answer.witness, given, sp.false)
