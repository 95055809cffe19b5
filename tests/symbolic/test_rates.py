"""Worst-case rates against eigenvalues of the running definition, published optima, and optimizers that try to beat them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import sympy as sp

import dynopt
from dynopt.core.oracle import FunctionOracle
from dynopt.core.registry import method_class
from dynopt.symbolic import rates
from dynopt.symbolic.algebraic import Algebraic
from dynopt.symbolic.bounds import spectrum_ends
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.optima import OPTIMA, epsilon, optimum
from dynopt.symbolic.rates import rate
from dynopt.symbolic.symbols import symbolic


def matrices(system, lams):
    """M(λ) by running the definition in floating point on the unit vectors of the state: nothing symbolic."""
    lams = np.asarray(lams, dtype=float)
    oracle = FunctionOracle(lambda x: x, lambda x: lams * x)
    shape = type(system.init(lams, oracle))
    columns = []
    for j in range(len(shape._fields)):
        state = shape(*(np.full_like(lams, float(i == j)) for i in range(len(shape._fields))))
        columns.append(system.field(state, oracle, 0.0) if hasattr(system, "field") else system.update(state, oracle, 0))
    return np.array(columns).transpose(2, 1, 0)


def radii(system, lams):
    """Spectral radii (of a flow: minus the spectral abscissas) for every λ."""
    eigenvalues = np.linalg.eigvals(matrices(system, lams))
    return -eigenvalues.real.max(axis=1) if hasattr(system, "field") else np.abs(eigenvalues).max(axis=1)


def admissible(name, rng):
    """Random rational parameters inside the declared domains (and laws)."""
    values: dict[str, Any] = {}
    for p in method_class(name).numbers():
        values[p.name] = Fraction(int(rng.integers(1, 20)), 20) if p.domain.upper == 1 else Fraction(int(rng.integers(1, 40)), 16)
        if p.domain.upper == 1 and values[p.name] == 1:
            values[p.name] = Fraction(1, 2)
    if name == "innaprop_frozen":
        values["gamma"] = values["beta"] * Fraction(int(rng.integers(1, 20)), 20)
    elif "gamma" in values:
        values["gamma"] = values["gamma"] / 4
    return method_class(name)(**values)


@pytest.mark.parametrize("draws", [1, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OPTIMA)
def test_the_rate_is_what_a_grid_of_eigenvalues_shows(name, draws):
    rng = np.random.default_rng(draws)
    for _ in range(draws):
        system = admissible(name, rng)
        low = Fraction(int(rng.integers(1, 8)), 4)
        high = low + Fraction(int(rng.integers(1, 40)), 5)
        found = rate(system, (low, high))
        numeric = system.numeric()
        grid = radii(numeric, np.linspace(float(low), float(high), 1001))
        sign = -1 if hasattr(system, "field") else 1
        assert max(sign * grid) <= sign * found.rate_float + 1e-6, (system, low, high)
        places = [x for i in found.attained_at for x in (i.lower_float, i.upper_float)]
        assert radii(numeric, places) == pytest.approx(found.rate_float, abs=1e-6), (system, low, high)
        assert float(sp.sympify(str(found.rate))) == pytest.approx(found.rate_float, rel=1e-12)
        assert [d["answer"] for d in found.deciders] == ["proved", "proved"]


class TwoSteps(dynopt.Algorithm):
    """Gradient descent with the steps a and b in turn, seen every second iterate."""

    name = "two_steps"
    a: dynopt.Scalar = dynopt.number("(0, oo)", "odd steps")
    b: dynopt.Scalar = dynopt.number("(0, oo)", "even steps")

    def init(self, theta0, oracle):
        return dynopt.Position(theta0)

    def update(self, state, oracle, k):
        half = state.theta - self.a * oracle.gradient(state.theta)
        return dynopt.Position(half - self.b * oracle.gradient(half))


def test_the_worst_case_may_lie_inside_or_everywhere():
    # (1 − λ)(1 − λ/4) is lowest, −9/16, half way between its zeros 1 and 4
    inside = rate(TwoSteps(a=1, b=Fraction(1, 4)), ("9/10", "41/10"))
    assert (inside.rate, [str(i) for i in inside.attained_at]) == (sp.Rational(9, 16), ["[5/2, 5/2]"])
    # it is 1 at both ends of [0, 4] for the zeros 1 and 3
    ends = rate(TwoSteps(a=1, b=Fraction(1, 3)), (0, 4))
    assert (ends.rate, [i.lower for i in ends.attained_at]) == (1, [0, 4])
    everywhere = rate("heavy_ball(gamma=1/10, momentum=1/2)", (1, 10))  # complex modes: the modulus is √m for every λ
    assert (everywhere.rate, [str(i) for i in everywhere.attained_at]) == (sp.sqrt(2) / 2, ["[1, 10]"])
    assert [str(i) for i in rate("gd(gamma=2/11)", (1, 10)).attained_at] == ["[1, 1]", "[10, 10]"]


def test_irrational_places_are_exact():
    class ThreeSteps(TwoSteps):
        name = "three_steps"

        def update(self, state, oracle, k):
            half = super().update(state, oracle, k).theta
            return dynopt.Position(half - oracle.gradient(half) / 4)

    # p(λ) = (1 − λ)(1 − λ/2)(1 − λ/4): p' = 0 at (7 ± √7)/3, the larger one is the worst on [1, 4]
    found = rate(ThreeSteps(a=1, b=Fraction(1, 2)), (1, 4))
    (place,) = found.attained_at
    assert sp.simplify(place.lower - (7 + sp.sqrt(7)) / 3) == 0
    assert found.rate_float == pytest.approx(abs(np.prod(1 - place.lower_float / np.array([1, 2, 4]))), abs=1e-12)


PUBLISHED = [
    # at spectra whose optima are rational; Polyak 1964; Lessard, Recht, Packard 2016, Proposition 1
    ("gd(gamma=1/5)", (1, 9), "4/5"),
    ("heavy_ball(gamma=1/4, momentum=1/4)", (1, 9), "1/2"),
    ("heavy_ball_velocity(gamma=1/2, momentum=1/4, dampening=1/2)", (1, 9), "1/2"),
    ("nesterov(gamma=1/4, momentum=1/3)", (1, 5), "1/2"),
    ("qhm(gamma=1/3, momentum=1/4, nu=1)", (1, 9), "1/2"),
    ("triple_momentum(gamma=1/4, momentum=1/4, extrapolation=0)", (1, 9), "1/2"),
    ("aggregated_momentum(gamma=1/4, momentum1=1/4, momentum2=1/4)", (1, 9), "1/2"),
    ("inna(alpha=3/2, beta=1/2, gamma=1/2)", (1, 9), "1/2"),
    ("step_tuned_frozen(gamma=1/5)", (1, 9), "16/25"),
    ("hbf(alpha=2)", (1, 9), "1"),
    ("din(alpha=1, beta=1)", (1, 9), "1"),
    ("din(alpha=3/2, beta=1/2)", (1, 9), "1"),
]


@pytest.mark.parametrize(("call", "spectrum", "value"), PUBLISHED)
def test_published_optima(call, spectrum, value):
    found = rate(call, spectrum)
    assert found.rate == sp.Rational(value)
    assert found.optimum.rate == found.rate
    assert found.loss == pytest.approx(1)


def test_usual_nesterov_is_not_optimal():
    found = rate("nesterov(gamma=1/9, momentum=1/2)", (1, 9))  # γ = 1/L, m = (√κ − 1)/(√κ + 1)
    assert found.rate == sp.Rational(2, 3)  # 1 − 1/√κ
    assert found.optimum.rate_float == pytest.approx(1 - 2 / np.sqrt(28))
    assert found.loss == pytest.approx(np.log(1 - 2 / np.sqrt(28)) / np.log(2 / 3))


def numeric_optimum(name, low, high):
    best = optimum(method_class(name), sp.Rational(low), sp.Rational(high))
    tiny = {epsilon: sp.Rational(1, 10**4)}  # not smaller: alpha grows like 1/ε, and rounding with its square
    return best, method_class(name)(**{n: float(sp.N(e.subs(tiny), 40)) for n, e in best.parameters.items()})


@pytest.mark.parametrize(("low", "high"), [(1, 4), ("1/3", 40), (2, 2)])
@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimum_has_its_rate(name, low, high):
    best, system = numeric_optimum(name, low, high)
    grid = np.linspace(float(Fraction(low)), float(Fraction(high)), 2001)
    worst = radii(system, grid).min() if hasattr(system, "field") else radii(system, grid).max()
    # a double eigenvalue moves by the root of a perturbation: rounding, or ε (by less than 2√ε, as the claims prove)
    assert worst == pytest.approx(best.rate_float, abs=1e-6 if best.attained else 2e-2)


def free(name):
    cls = method_class(name)
    return [p for p in cls.numbers() if p.name in OPTIMA[name][0].parameters]


def inside(point, parameters, name):
    """Admissible parameters from any real vector."""
    values = {}
    for x, p in zip(point, parameters, strict=True):
        values[p.name] = 1 / (1 + np.exp(-np.clip(x, -30, 30))) if p.domain.upper == 1 else np.exp(np.clip(x, -20, 20))
    if name == "innaprop_frozen":
        values["gamma"] = values["beta"] / (1 + values["gamma"])
    return {k: min(v, 1 - 1e-12) if p.domain.upper == 1 else v for (k, v), p in zip(values.items(), parameters, strict=True)}


QUICK = ("gd", "heavy_ball", "din")


@pytest.mark.parametrize("spectrum", [(1, 30), pytest.param((1, 5), marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in OPTIMA])
def test_no_optimizer_beats_the_optimum(name, spectrum):
    parameters, cls = free(name), method_class(name)
    lams = np.linspace(*map(float, spectrum), 9)
    sign = -1 if hasattr(cls, "field") else 1
    best = optimum(cls, *map(sp.Rational, spectrum))
    start = {n: float(sp.N(e.subs(epsilon, sp.Rational(1, 10)), 20)) for n, e in best.parameters.items()}

    def worst(point):
        return max(sign * radii(cls(**inside(point, parameters, name)), lams))

    rng, found = np.random.default_rng(5), []
    logs = [np.log(max(start[p.name], 1e-6)) - (np.log(max(1 - start[p.name], 1e-6)) if p.domain.upper == 1 else 0) for p in parameters]
    for origin in (np.array(logs), *rng.normal(size=(2, len(parameters)))):
        options = {"maxfev": 100 * len(parameters), "xatol": 1e-9, "fatol": 1e-11}
        found.append(scipy.optimize.minimize(worst, origin, method="Nelder-Mead", options=options).fun)
    assert min(found) >= sign * best.rate_float - 1e-7
    assert min(found) == pytest.approx(sign * best.rate_float, abs=0.1)  # the searches do get near: the bound is no empty one


def test_z3_refuses_a_damaged_rate():
    space = state_space(symbolic("heavy_ball(gamma=1/10, momentum=1/2)"))
    low, high = spectrum_ends((1, 10))
    conditions = rates._conditions(space)
    right = rates._threshold(conditions, False, low, high)
    assert rates._confirm(conditions, right, False, low, high, 5.0)["answer"] == "proved"
    for factor in (sp.Rational(10**6 + 1, 10**6), sp.Rational(10**6 - 1, 10**6)):
        damaged = Algebraic.rational(sp.Rational(str(float(right))) * factor)
        assert rates._confirm(conditions, damaged, False, low, high, 5.0)["answer"] == "refuted"


def test_spectra_around_zero():
    found = rate("gd(gamma=1/2)", (-1, 1))
    assert (found.rate, found.optimum, found.loss) == (sp.Rational(3, 2), None, None)
    growing = rate("gradient_flow", (-1, 1))  # e^(t) at λ = −1
    assert (growing.rate, growing.unit) == (-1, "decay per unit of time")
    assert rate("gd(gamma=1/3)", (3, 3)).rate == 0
    assert rate("gd(gamma=1)", (1, 10)).loss == float("inf")


def test_a_bare_name_asks_for_the_optimum_alone():
    found = rate("heavy_ball", (1, 9))
    assert (found.rate, found.attained_at, found.deciders) == (None, (), ())
    assert found.optimum.parameters == {"gamma": sp.Rational(1, 4), "momentum": sp.Rational(1, 4)}
    assert rate(dynopt.HeavyBall, (1, 9)).optimum == found.optimum


@pytest.mark.parametrize(
    ("method", "spectrum", "message"),
    [
        ("gd(gamma=1)", (10, 1), "wrong order"),
        ("gd", (0, 1), "no best parameters of gd are known"),
        ("heavy_ball(gamma=1)", (1, 10), "momentum has no value"),
        ("nesterov_flow(r=3)", (1, 10), "depends on t"),
        ("inna(gamma=0.1*(k+1)**(-1))", (1, 10), "varies with the iteration"),
        (dynopt.GradientDescent(gamma=sp.sqrt(2)), (1, 10), "irrational"),
        (TwoSteps, (1, 10), r"two_steps\(a=..., b=...\)"),
    ],
)
def test_misuse_is_one_sentence(method, spectrum, message):
    with pytest.raises(dynopt.Misuse, match=message):
        rate(method, spectrum)


def test_normalised_methods_have_no_rate():
    class Normalised(dynopt.Algorithm):
        name = "normalised"
        gamma: dynopt.Scalar = dynopt.number("(0, oo)", "step-size")

        def init(self, theta0, oracle):
            return dynopt.Position(theta0)

        def update(self, state, oracle, k):
            g = oracle.gradient(state.theta)
            return dynopt.Position(state.theta - self.gamma * g / dynopt.norm(g))

    with pytest.raises(dynopt.Misuse, match="not linear"):
        rate(Normalised(gamma=1), (1, 10))


@pytest.mark.slow
def test_the_claims_have_their_verdicts():
    found = dynopt.verify(Path(__file__).parents[2] / "analysis" / "rates.py")
    assert [(c.id, c.failures) for c in found.claims if not c.ok] == []
    proved = {c.id for c in found.claims if c.verdict == "proved"}
    assert {f"rate-{name}" for name in OPTIMA} <= proved
    assert {c.id for c in found.claims} - proved == {"rate-nesterov-usual", "rate-gd-usual", "rate-din-faster"}
