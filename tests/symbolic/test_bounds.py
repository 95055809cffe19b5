"""Bounds against closed forms and against exact spectral radii just inside and just outside each end."""

import itertools

import mpmath
import pytest
import sympy as sp

import dynopt
from dynopt.core.result import plain
from dynopt.symbolic.bound_check import check
from dynopt.symbolic.bounds import bound
from dynopt.symbolic.criteria import CRITERIA
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbol, symbolic

CASES = [
    ("gd", "stable", (1, 10)),
    ("heavy_ball(momentum=9/10)", "stable", (1, 10)),
    ("heavy_ball_velocity(momentum=1/3)", "stable", ("1/7", "22/3")),
    ("nesterov(momentum=9/10)", "stable", (1, 10)),
    ("inna(alpha=1/2, beta=1/10)", "stable", (1, 10)),
    ("inna(alpha=1/2, beta=1)", "stable", (1, 10)),
    ("inna(alpha=1, beta=1)", "stable", (1, 3)),
    ("inna(alpha=3, beta=2)", "stable", ("1/10", 40)),
    ("gd", "diffeomorphism", (-10, 10)),
    ("nesterov(momentum=9/10)", "diffeomorphism", (-10, 10)),
    ("inna(alpha=1/2, beta=1/10)", "diffeomorphism", (-10, 10)),
    ("inna(alpha=2, beta=1)", "diffeomorphism", (-10, 10)),
    ("heavy_ball(momentum=9/10)", "non-oscillating", (1, 10)),
    ("nesterov(momentum=9/10)", "non-oscillating", (1, 10)),
]


def ends(call, prop, spectrum):
    return [str(i) for i in bound(call, prop, spectrum).intervals]


def test_closed_forms_of_the_classics():
    assert ends("gd", "stable", (1, 10)) == ["(0, 1/5)"]  # 2/L
    assert ends("heavy_ball(momentum=9/10)", "stable", (1, 10)) == ["(0, 19/50)"]  # 2(1 + m)/L
    assert ends("nesterov(momentum=9/10)", "stable", (1, 10)) == ["(0, 19/140)"]  # 2(1 + m)/((1 + 2m)L)
    assert ends("gd", "diffeomorphism", (-10, 10)) == ["(0, 1/10)"]
    # real modes of the heavy ball: γλ ≤ (1 − √m)² or γλ ≥ (1 + √m)²
    low, high = bound("heavy_ball(momentum=1/4)", "non-oscillating", (1, 10)).intervals
    assert (low.upper, high.lower) == (sp.Rational(1, 40), sp.Rational(9, 4))
    assert (low.upper_closed, high.lower_closed) == (True, True)


def test_there_may_be_more_than_one_interval():
    assert len(bound("inna(alpha=2, beta=1)", "diffeomorphism", (-10, 10)).intervals) == 2


def radius_is_below_one(matrix, step, lam, gamma):
    """Exact at a rational point, by 60-digit roots of the characteristic polynomial of the 2 × 2 block."""
    with mpmath.workdps(60):
        numbers = [mpmath.mpf(int(e.p)) / int(e.q) for e in matrix.subs({gamma: step, eigenvalue: lam})]
        if len(numbers) == 1:
            return abs(numbers[0]) < 1
        m = mpmath.matrix(2, 2)
        for i in range(4):
            m[i // 2, i % 2] = numbers[i]
        trace, determinant = m[0, 0] + m[1, 1], m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
        root = mpmath.sqrt(mpmath.mpc(trace**2 / 4 - determinant))
        return max(abs(trace / 2 + root), abs(trace / 2 - root)) < 1


@pytest.mark.parametrize(("call", "prop", "spectrum"), [c for c in CASES if c[1] == "stable"])
@pytest.mark.parametrize("offset", [sp.Rational(1, 10**12), sp.Rational(1, 10**9), sp.Rational(1, 10**3)])
def test_spectral_radius_on_both_sides_of_each_end(call, prop, spectrum, offset):
    found = bound(call, prop, spectrum)
    low, high = found.spectrum
    space = state_space(symbolic(call, "gamma", defaults=True))
    gamma = symbol(space.system.parameter("gamma"))
    points = [low, high, *(low + (high - low) * sp.Rational(i, 16) for i in range(1, 16))]

    def stable_at(step):
        return all(radius_is_below_one(space.mode_matrix, step, lam, gamma) for lam in points)

    assert found.intervals
    for interval in found.intervals:
        upper = sp.Rational(sp.N(interval.upper, 40))
        assert stable_at(upper * (1 - offset))
        assert not stable_at(upper * (1 + offset))
        if interval.lower != 0:
            lower = sp.Rational(sp.N(interval.lower, 40))
            assert stable_at(lower * (1 + offset))
            assert not stable_at(lower * (1 - offset))


@pytest.mark.parametrize("call", ["inna(alpha=2, beta=1)", "inna(alpha=1/2, beta=1/10)", "nesterov(momentum=9/10)", "gd"])
def test_determinant_vanishes_exactly_outside(call):
    """det M(λ) is affine in λ for these methods, so a zero in [−10, 10] is a sign change between the ends."""
    found = bound(call, "diffeomorphism", (-10, 10))
    space = state_space(symbolic(call, "gamma", defaults=True))
    gamma = symbol(space.system.parameter("gamma"))
    determinant = space.mode_matrix.det()
    assert sp.degree(sp.expand(determinant), eigenvalue) <= 1
    edges = sorted({sp.N(e, 40) for i in found.intervals for e in (i.lower, i.upper) if e not in (0, sp.oo)})
    for edge, side in itertools.product(edges, (-1, 1)):
        step = sp.Rational(edge) * (1 + side * sp.Rational(1, 10**12))
        product = determinant.subs({gamma: step, eigenvalue: -10}) * determinant.subs({gamma: step, eigenvalue: 10})
        assert (product > 0) == (step in found)


@pytest.mark.parametrize(("call", "prop", "spectrum"), CASES)
def test_both_deciders_agree(call, prop, spectrum):
    assert [d["answer"] for d in bound(call, prop, spectrum).deciders] == ["proved", "proved"]


@pytest.mark.parametrize(("call", "prop", "spectrum"), CASES)
def test_z3_refuses_a_damaged_answer(call, prop, spectrum):
    """Stretch one end by one per cent and z3 must not confirm it; shrink it and it must not confirm the gap."""
    from dynopt.symbolic.algebraic import Algebraic
    from dynopt.symbolic.cells import Piece, admissible

    space = state_space(symbolic(call, "gamma", defaults=True))
    criterion = CRITERIA[prop](space)
    parameter = space.system.parameter("gamma")
    gamma, (low, high) = symbol(parameter), (sp.Rational(v) for v in spectrum)
    arguments = (criterion.polynomials, criterion.relation, gamma, parameter.domain)
    pieces = admissible(*arguments, low, high)
    for i, piece in enumerate(pieces):
        if piece.upper is None:
            continue
        for factor in (sp.Rational(101, 100), sp.Rational(99, 100)):
            end = Algebraic.rational(sp.Rational(str(float(piece.upper))) * factor)
            damaged = [*pieces[:i], Piece(piece.lower, end, piece.lower_closed, piece.upper_closed), *pieces[i + 1 :]]
            assert check(damaged, *arguments, low, high, 5.0)["answer"] != "proved"


def test_nothing_admissible_is_an_empty_list():
    found = bound("gd", "stable", (-1, 10))
    assert found.intervals == ()
    assert plain(found)["intervals"] == []


def test_other_symbols_leave_the_closed_form():
    found = bound("heavy_ball", "stable", (1, 10))
    assert found.intervals is None
    assert str(found.closed_form) == "gamma < (2*momentum + 2)/L"


def test_closed_form_agrees_with_the_intervals():
    found = bound("inna(alpha=1/2, beta=1/10)", "stable", (1, 10))
    condition = sp.sympify(str(found.closed_form), locals={n: sp.Symbol(n) for n in ("alpha", "beta", "gamma")})
    values = {"alpha": sp.Rational(1, 2), "beta": sp.Rational(1, 10), "mu": 1, "L": 10}
    substitution = {s: values[str(s)] for s in condition.free_symbols if str(s) in values}
    for numerator in range(1, 60):
        step = sp.Rational(numerator, 200)
        remaining = {s: step for s in condition.free_symbols if str(s) == "gamma"}
        assert bool(condition.subs({**substitution, **remaining})) == (step in found)


def test_any_parameter_may_be_free():
    assert [str(i) for i in bound("din(alpha=1)", "non-oscillating", (1, 10), free="beta").intervals] == ["[1, oo)"]
    # √m ≥ |1 − √(γλ)| for no m in [0, 1) at γλ = 1/10 but m = 0, where the heavy ball is gradient descent
    only = bound("heavy_ball(gamma=1/10)", "non-oscillating", (1, 10), free="momentum").intervals
    assert [str(i) for i in only] == ["[0, 0]"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gd", "stabel", (1, 10)), "did you mean stable"),
        (("gd", "stable", (10, 1)), "wrong order"),
        (("gd", "stable", (1,)), "not a pair"),
        (("gd", "stable", ("a", "b")), "not a rational|not a pair"),
        (("nesterov_flow", "stable", (1, 10)), "no parameter 'gamma'"),
        (("inna(gamma=0.1*(k+1)**(-1))", "stable", (1, 10)), "varies with the iteration"),
    ],
)
def test_misuse_is_one_sentence(arguments, message):
    with pytest.raises(dynopt.Misuse, match=message):
        bound(*arguments)


def test_time_dependent_and_flow_questions_are_refused():
    with pytest.raises(dynopt.Misuse, match="depends on t"):
        bound("nesterov_flow", "stable", (1, 10), free="r")
    with pytest.raises(dynopt.Misuse, match="is a flow"):
        bound("din(alpha=1)", "diffeomorphism", (1, 10), free="beta")
    with pytest.raises(dynopt.Misuse, match="irrational"):
        bound(dynopt.HeavyBall(momentum=sp.sqrt(2) / 2, gamma=1), "stable", (1, 10))
