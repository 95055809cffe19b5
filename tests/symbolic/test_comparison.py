"""Comparisons against dense eigenvalues of the mode matrices and against runs of the definitions."""

import functools
import itertools
import math

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt.core.registry import method_class
from dynopt.symbolic.comparison import comparison
from dynopt.symbolic.decide import decide
from dynopt.symbolic.faster import compare
from dynopt.symbolic.growth import growth
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.prune import prune
from dynopt.symbolic.race import lap
from dynopt.symbolic.symbols import symbolic

PAIRS = [
    ("inna", "gd"), ("gd", "inna"), ("heavy_ball", "gd"), ("nesterov", "heavy_ball"),
    ("qhm", "gd"), ("inna", "heavy_ball"), ("heavy_ball", "inna"), ("semi_implicit_din", "gd"),
    ("semi_implicit_din", "inna"), ("midpoint_din", "inna"), ("midpoint_din", "gd"), ("aggregated_momentum", "gd"),
    ("gd", "aggregated_momentum"), ("triple_momentum", "nesterov"), ("heavy_ball_velocity", "gd"), ("innaprop_frozen", "gd"),
    ("step_tuned_frozen", "heavy_ball"), ("hbf", "gradient_flow"), ("din", "gradient_flow"), ("din", "hbf"),
    ("qhm", "inna"),
]  # fmt: skip


@functools.cache
def matrix_of(name):
    space = state_space(symbolic(name))
    names = sorted(space.mode_matrix.free_symbols, key=str)
    return space.continuous, [s.name for s in names], sp.lambdify(names, space.mode_matrix, "numpy")


def dense(name, values):
    """The growth from the eigenvalues of M(λ), values by name."""
    continuous, names, matrix = matrix_of(name)
    found = np.linalg.eigvals(np.array(matrix(*(float(values[n]) for n in names)), dtype=float))
    return float(max(found.real)) if continuous else float(max(abs(found)))


def draw(rng, pair):
    values = {"lamda": -float(rng.choice([rng.uniform(0.01, 3), rng.uniform(1, 30)]))}
    for p in itertools.chain(*(method_class(n).numbers() for n in pair)):
        values[p.name] = rng.uniform(0, 0.99) if p.domain.upper == 1 else float(rng.choice([rng.uniform(0.01, 1.5), rng.uniform(0.5, 6)]))
    return values


@functools.cache
def compiled(condition):
    names = sorted(condition.free_symbols, key=str)
    return [s.name for s in names], sp.lambdify(names, condition, "numpy")


def truth(condition, values):
    if condition in (sp.true, sp.false):
        return bool(condition)
    names, function = compiled(condition)
    return bool(function(*(values[n] for n in names)))


@functools.cache
def found_for(pair):
    return comparison(*pair)


LONG = [
    ("midpoint_din", "inna"),
    ("semi_implicit_din", "gd"),
    ("semi_implicit_din", "inna"),
    ("heavy_ball", "inna"),
    ("qhm", "inna"),
    ("innaprop_frozen", "gd"),
    ("inna", "heavy_ball"),
]


def cases(pairs):
    return [pytest.param(pair, id="-".join(pair), marks=[pytest.mark.slow] if pair in LONG else []) for pair in pairs]


@pytest.mark.parametrize("pair", cases(PAIRS))
def test_the_condition_is_what_dense_eigenvalues_show(pair):
    found = found_for(pair)
    rng = np.random.default_rng(3)
    flipped = 0
    for _ in range(60):
        values = draw(rng, pair)
        first, second = dense(pair[0], values), dense(pair[1], values)
        if abs(first - second) < 1e-7 * first:
            continue
        if truth(found.direct, values):
            assert truth(found.condition, values) == (first > second), values
        else:
            flipped += 1
        if min(found.first.degree, found.second.degree) == 1:
            assert truth(found.everywhere, values) == (first > second), values
    assert flipped > 0 or found.direct == sp.true


@pytest.mark.parametrize(
    "pair",
    cases(
        [
            ("inna", "gd"),
            ("din", "gradient_flow"),
            ("aggregated_momentum", "gd"),
            ("heavy_ball_velocity", "gd"),
            ("semi_implicit_din", "inna"),
        ]
    ),
)
def test_the_condition_for_all_eigenvalues_is_what_a_grid_shows(pair):
    found = found_for(pair)
    provided, condition = found.whole
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(60):
        values = draw(rng, pair)
        values["L"] = -values["lamda"]
        if not truth(provided, values):
            continue
        grid = values["L"] * np.geomspace(1e-4, 1, 12)
        pairs = [[dense(n, {**values, "lamda": -float(x)}) for n in pair] for x in grid]
        if any(abs(a - b) < 1e-12 for a, b in pairs):
            continue
        everywhere = all(a > b for a, b in pairs)
        assert truth(condition, values) == everywhere, values
        seen.add(everywhere)
    assert True in seen


@pytest.mark.slow
@pytest.mark.parametrize(
    "pair",
    cases(
        [
            ("inna", "gd"),
            ("nesterov", "heavy_ball"),
            ("semi_implicit_din", "inna"),
            ("midpoint_din", "inna"),
            ("din", "gradient_flow"),
            ("inna", "heavy_ball"),
        ]
    ),
)
def test_the_faster_method_arrives_first(pair):
    """Both definitions run from the same point until |θ| has grown by 1e12."""
    found = found_for(pair)
    rng = np.random.default_rng(11)
    compared = 0
    while compared < 6:
        values = {**draw(rng, pair), "lamda": -rng.uniform(0.2, 3), "gamma": rng.uniform(0.05, 0.5), "speed": 1}
        values = {n: round(v, 6) for n, v in values.items()}
        first, second = (dense(n, values) for n in pair)
        rates = (first, second) if found.first.continuous else (math.log(first), math.log(second))
        if not truth(found.direct, values) or abs(rates[0] - rates[1]) < 0.15 * max(rates):
            continue
        one, two = (method_class(n).make(**{p.name: values[p.name] for p in method_class(n).numbers()}) for n in pair)
        a, b = lap(one, values["lamda"]), lap(two, values["lamda"])
        assert (a.arrival < b.arrival) == truth(found.condition, values), values
        assert (a.rate, b.rate) == pytest.approx(rates, rel=2e-3)
        compared += 1


def test_inna_against_gradient_descent_does_not_depend_on_the_step():
    """(1 − β)λ + 1 − α > 0, the same as for the flows that the two discretise."""
    inna, flows = comparison("inna", "gd"), comparison("din", "gradient_flow")
    alpha, beta, lam = (sp.Symbol(n, real=True) for n in ("alpha", "beta", "lamda"))
    assert sp.expand(inna.condition.lhs - (1 - alpha + (1 - beta) * lam)) == 0
    assert inna.condition == flows.condition


def test_inna_and_its_heavy_ball():
    """INNA at β = γ is the heavy ball with step γ² and momentum 1 − αγ; a larger β leaves faster."""
    inna = dynopt.INNA
    gamma, alpha = (sp.Symbol(n, **a) for n, a in (("gamma", {"positive": True}), ("alpha", {"nonnegative": True})))
    found = comparison(inna, method_class("heavy_ball")(gamma=gamma**2, momentum=1 - alpha * gamma))
    assert found.condition == (sp.Symbol("beta", real=True) - sp.Symbol("gamma", real=True) > 0)
    assert found.whole is not None
    assert found.whole[1] == found.condition


def test_verdicts():
    assert comparison("din", "hbf").verdict == "always"
    assert comparison("qhm", "gd").verdict == "never"
    assert comparison("heavy_ball_velocity(dampening=0)", "heavy_ball").verdict == "same"
    assert comparison("heavy_ball", "gd").verdict == "depends"
    assert "both grow at the same rate" in comparison("heavy_ball_velocity(dampening=0)", "heavy_ball").statement


@pytest.mark.parametrize("pair", cases([("inna", "gd"), ("nesterov", "heavy_ball"), ("inna", "heavy_ball"), ("din", "gradient_flow")]))
def test_both_directions_are_proved(pair):
    assert all(decide(given, then).verdict == "proved" for _, given, then in found_for(pair).checks)


def test_a_damaged_condition_is_refuted():
    """The definitions of the growths decide, not the derivation: a wrong sign is found."""
    found = comparison("inna", "gd")
    wrong = sp.Gt(-found.condition.lhs, 0)
    given, then = next((g, t) for part, g, t in found.checks if part == "sufficient")
    assert decide([*given[:-1], wrong], then).verdict == "refuted"


def test_sharing():
    assert comparison("nesterov", "heavy_ball").shared == ("gamma", "momentum")
    apart = comparison("nesterov", "heavy_ball", ["gamma"])
    assert apart.shared == ("gamma",)
    assert {"momentum", "momentum_2"} <= {s.name for s in apart.condition.free_symbols}
    assert comparison("inna(gamma=1/10)", "gd").second.chi == growth(symbolic("gd(gamma=1/10)")).chi
    assert comparison("inna", "gd(gamma=1/10)").first.chi == growth(symbolic("inna(gamma=1/10)")).chi
    assert comparison("inna(gamma=1/10)", "gd(gamma=1/5)").shared == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("inna", "gradient_flow"), "is a flow and inna an iteration"),
        (("nesterov_flow", "hbf"), "depends on t"),
        (("inna", "gd", ["beta"]), "cannot be shared"),
        (("gd(gamma=1)", "gd(gamma=2)", ["gamma"]), "two values"),
        (("aggregated_momentum", "aggregated_momentum(momentum1=0)"), "no elimination"),
    ],
)
def test_misuse(words, message):
    with pytest.raises(dynopt.Misuse, match=message):
        comparison(*words)


def faster_on(grid, first, second):
    """Whether the first of two (name, values) grows faster at each λ of the grid."""
    return [dense(first[0], {**first[1], "lamda": x}) > dense(second[0], {**second[1], "lamda": x}) for x in grid]


def test_the_exact_set_of_eigenvalues():
    """INNA (3/2, 1/2) at 1/10 against the heavy ball at its square: m < 1 − αγ + γ(β − γ)|λ|, that is |λ| > 5/2."""
    found = compare("inna(alpha=3/2, beta=1/2, gamma=1/10)", "heavy_ball(gamma=1/100, momentum=19/20)", spectrum=(-20, -1))
    (interval,) = found.intervals
    assert str(interval) == "[-20, -5/2)"
    grid = np.linspace(-19.9, -1.1, 80)
    values = ("inna", {"alpha": 1.5, "beta": 0.5, "gamma": 0.1}), ("heavy_ball", {"gamma": 0.01, "momentum": 0.95})
    assert [x < -2.5 for x in grid] == faster_on(grid, *values)


def test_sign_flips_count_where_all_parameters_are_numbers():
    """At αγ > 2 INNA's flat directions oscillate, and for small |λ| that mode is its fastest."""
    found = compare("inna(alpha=30, beta=1/2, gamma=1/10)", "gd")
    (interval,) = found.intervals
    assert interval.lower == sp.Rational(19, 3) - sp.sqrt(1561) / 3
    values = {"alpha": 30, "beta": 0.5, "gamma": 0.1}
    grid = interval.lower_float + np.array([-2, -0.3, -0.01, 0.01, 0.3, 2])
    assert faster_on(grid, ("inna", values), ("gd", values)) == [False, False, False, True, True, True]


@pytest.mark.parametrize(
    ("first", "second", "free", "top"),
    [
        pytest.param(("midpoint_din", {"alpha": 2, "beta": 0.1}), ("gd", {}), "gamma", 4, marks=pytest.mark.slow),
        (("inna", {"alpha": 0.5, "beta": 0.5, "gamma": 0.1}), ("heavy_ball", {"gamma": 0.01}), "momentum", 0.999),
    ],
)
def test_the_exact_set_of_a_parameter(first, second, free, top):
    calls = [name + (f"({', '.join(f'{k}={v}' for k, v in values.items())})" if values else "") for name, values in (first, second)]
    found = compare(*calls, spectrum=(-2, -1), free=free)
    for x in np.linspace(0.013, top, 60):
        one, two = ((name, {free: x, **values}) for name, values in (first, second))
        wins = all(faster_on(np.linspace(-2, -1, 9), one, two))
        assert any(i.lower_float < x < i.upper_float for i in found.intervals) == wins, x


def test_escape_time_ratio_is_that_of_runs():
    found = compare("inna(alpha=1/2, beta=1, gamma=1/50)", "gd", at=[-8])
    (ratio,) = found.ratios
    inna, gd = dynopt.INNA(alpha=0.5, beta=1, gamma=0.02), dynopt.GradientDescent(gamma=0.02)
    assert ratio.time_ratio == pytest.approx(lap(inna, -8, 1e200).arrival / lap(gd, -8, 1e200).arrival, rel=2e-3)
    assert ratio.speedup == pytest.approx(1 / ratio.time_ratio)


def test_compare_misuse():
    with pytest.raises(dynopt.Misuse, match="is not negative"):
        compare("inna", "gd", spectrum=(1, 2))
    with pytest.raises(dynopt.Misuse, match="needs a spectrum"):
        compare("inna(alpha=1, beta=2)", "gd", free="gamma")
    with pytest.raises(dynopt.Misuse, match="neither"):
        compare("inna", "gd", free="momentum", spectrum=(-2, -1))
    with pytest.raises(dynopt.Misuse, match="is not negative"):
        lap(dynopt.GradientDescent(gamma=0.1), 1)


def test_prune_drops_only_what_is_proved():
    x, y = sp.symbols("x y", real=True)
    assert prune(sp.And(x > 0, x > -1), []) == (x > 0)
    assert prune(sp.Or(x > 0, y > 0), [y > 1]) == sp.true
    assert prune(sp.And(x > 0, y > 0), [y < 0]) == sp.false
    kept = sp.And(x > 0, y > 0)
    assert prune(kept, []) == kept


@pytest.mark.slow
def test_the_claims_of_the_comparisons():
    result = dynopt.verify("analysis/comparisons.py")
    assert {str(c.verdict) for c in result.claims} == {"proved"}
    assert len(result.claims) == 29
