"""The law against closed forms, high-precision sums, direct iteration and simulation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

import dynopt
from dynopt.core.problem import oracle
from dynopt.escape import law
from dynopt.escape.law import NoLaw
from dynopt.escape.reference import Side
from dynopt.escape.saddle import find_saddle
from dynopt.escape.starts import survival

SADDLE = dynopt.Quadratic([-8, 2])
METHODS = [
    "gd(gamma=0.02)", "inna(alpha=1/2, beta=1, gamma=0.02)", "inna(alpha=1, beta=1.1, gamma=0.02)", "inna(alpha=3, beta=0.1, gamma=0.01)",
    "inna(alpha=1/2, beta=1/10, gamma=0.02, start=pytorch)", "heavy_ball(gamma=0.02, momentum=0.9)",
    "heavy_ball_velocity(gamma=0.005, momentum=0.5)", "nesterov(gamma=0.02, momentum=0.9)",
]  # fmt: skip


def responded(method, enough=1e12, **where):
    return law.response(dynopt.method(method), -8, enough, **where)


def predicted(method, spectrum=(-8, 2), start="gaussian", scale=1e-12, radius=0.5):
    saddle = find_saddle(dynopt.Quadratic(list(spectrum)))
    return law.quadratic(responded(method, law.enough(scale, radius)), survival(start, scale, saddle), radius)


@pytest.mark.parametrize("method", METHODS)
def test_the_response_is_what_the_method_does(method):
    """a_k is θ_k of the method itself, run from θ₀ = 1 on ½(−8)θ²."""
    found = responded(method, 1e9)
    states = dynopt.method(method).numeric().states(np.array([1.0]), oracle(dynopt.Quadratic([-8])))
    run = [float(next(states)[0][0]) for _ in found.a]
    np.testing.assert_allclose(found.a, run, rtol=1e-11)
    np.testing.assert_allclose(found.kappa * found.sigma ** np.arange(len(run))[-3:], run[-3:], rtol=1e-3)


def test_multipliers_in_closed_form():
    assert responded("gd(gamma=0.02)").sigma == pytest.approx(1.16, rel=1e-15)
    assert responded("gd(gamma=0.02)").kappa == 1
    heavy = responded("heavy_ball(gamma=0.02, momentum=0.9)")
    p = 1 + 0.9 + 0.16  # z² − (1 + m − γλ)z + m
    big, small = (p + math.sqrt(p * p - 3.6)) / 2, (p - math.sqrt(p * p - 3.6)) / 2
    assert (heavy.sigma, heavy.second) == pytest.approx((big, small), rel=1e-13)
    # a_k = c₁ big^k + c₂ small^k with a₀ = 1 and a₁ = 1.16
    assert heavy.kappa == pytest.approx((1.16 - small) / (big - small), rel=1e-12)
    a, b, g = 0.5, 1.0, 0.02  # INNA: z² − (2 − γ(α + βλ))z + 1 − γ(α + βλ) + γ²λ
    p, q = 2 - g * (a - 8 * b), 1 - g * (a - 8 * b) - 8 * g * g
    assert responded(METHODS[1]).sigma == pytest.approx((p + math.sqrt(p * p - 4 * q)) / 2, rel=1e-13)


@pytest.mark.parametrize(("gamma", "scale", "radius"), [("0.02", 1e-12, 0.5), ("1/8", 1e-3, 2.0), ("1", 1e-6, 0.5), ("1/100", 0.2, 0.5)])
def test_mean_and_sd_of_gradient_descent_in_high_precision(gamma, scale, radius):
    """K is the first k with (1 + 8γ)^k |u₀| ≥ r, u₀ ~ N(0, s²)."""
    sigma = 1 + 8 * mpmath.mpf(dynopt.method(f"gd(gamma={gamma})").gamma.numerator) / dynopt.method(f"gd(gamma={gamma})").gamma.denominator
    with mpmath.workdps(30):
        tail, k = [], 0
        while not tail or tail[-1] > mpmath.mpf(10) ** -22:
            tail.append(mpmath.erf(radius / (scale * sigma**k * mpmath.sqrt(2))))
            k += 1
        mean = mpmath.fsum(tail)
        sd = mpmath.sqrt(mpmath.fsum((2 * j + 1) * t for j, t in enumerate(tail)) - mean**2)
    found = predicted(f"gd(gamma={gamma})", scale=scale, radius=radius)
    assert (found.mean, found.sd) == pytest.approx((float(mean), float(sd)), rel=1e-10)
    assert found.quantile(0.5) == next(j for j, t in enumerate(tail) if 1 - t >= 0.5)
    assert found.pmf.sum() == pytest.approx(1, abs=1e-14)


def test_the_closed_forms_are_the_limit():
    """[log(r/(κs)) + (γ_E + log 2)/2]/log σ + ½ and (π/(2√2))/log σ, exact law to 10⁻⁶ of a step when σ is near 1."""
    found, exact = responded("gd(gamma=1/200)"), predicted("gd(gamma=1/200)")
    asymptotic = law.asymptotic(found, 1e-12, 0.5)
    rate = math.log(1.04)
    assert asymptotic["mean_continuous"] == pytest.approx((math.log(0.5e12) + (np.euler_gamma + math.log(2)) / 2) / rate, rel=1e-14)
    assert asymptotic["sd_continuous"] == pytest.approx(math.pi / (2 * math.sqrt(2)) / rate, rel=1e-14)
    assert exact.mean == pytest.approx(asymptotic["mean"], abs=1e-6)
    assert exact.sd == pytest.approx(asymptotic["sd"], abs=1e-6)


@pytest.mark.parametrize("directions", [2, 3, 10])
def test_equal_unstable_directions(directions):
    """|u₀| is χ_d: against NumPy's own chi-square numbers, and the closed form."""
    spectrum = [-8] * directions + [2]
    found = predicted("gd(gamma=0.01)", spectrum)
    u = 1e-12 * np.sqrt(np.random.default_rng(5).chisquare(directions, 200_000))
    times = np.ceil(np.log(0.5 / u) / np.log(1.08))
    assert abs(found.mean - times.mean()) < 4 * times.std() / len(u) ** 0.5
    assert abs(found.sd - times.std()) < 4 * times.std() / (2 * len(u)) ** 0.5 * 1.5
    closed = law.asymptotic(responded("gd(gamma=0.01)"), 1e-12, 0.5, directions)
    assert (found.mean, found.sd) == pytest.approx((closed["mean"], closed["sd"]), abs=2e-3)


def test_starts_that_are_out_already():
    """With s = r, P(K = 0) = P(|Z| ≥ 1)."""
    found = predicted("gd(gamma=0.02)", scale=0.5, radius=0.5)
    assert found.cdf[0] == pytest.approx(math.erfc(1 / math.sqrt(2)), rel=1e-14)


def test_other_starts():
    """uniform: P(K ≤ k) = 1 − r/(sσ^k); on the sphere of R²: P = (2/π) arccos(r/(sσ^k))."""
    k = np.arange(200)
    ratio = np.minimum(0.5 / (1e-9 * 1.16**k), 1)
    np.testing.assert_allclose(predicted("gd(gamma=0.02)", start="uniform", scale=1e-9).cdf[:200], 1 - ratio, atol=1e-12)
    np.testing.assert_allclose(predicted("gd(gamma=0.02)", start="sphere", scale=1e-9).cdf[:200], 2 / np.pi * np.arccos(ratio), atol=1e-7)


def test_amplitudes_are_averaged_over_directions():
    """Two directions, one with the quadratic amplitudes and one with half of them: the mean of the two distributions."""
    found, saddle = responded("gd(gamma=0.02)", law.enough(1e-3, 0.5)), find_saddle(SADDLE)
    tail = survival("gaussian", 1e-3, saddle)
    x = 0.5 / found.reached[:30]
    both = law.with_offset(found, tail, [Side(x, True), Side(x / 2, True)])
    expected = (tail(0.5 / found.reached) + tail(0.25 / found.reached)) / 2  # continued in proportion beyond the table
    np.testing.assert_allclose(both.cdf, expected, atol=1e-13)
    half = law.with_offset(found, tail, [Side(x, True), Side(np.full(30, 2e-3), False)])
    np.testing.assert_allclose(half.cdf, (tail(0.5 / found.reached) + math.erfc(2**0.5)) / 2, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_simulation_on_the_quadratic_saddle(method):
    study = dynopt.escape_study(method, SADDLE, runs=4000, seed=3, also=[])
    times = study.methods[0].times[0]
    assert times.law.best.kind == "quadratic"
    assert times.complete
    assert times.kolmogorov < 1.95 / 4000**0.5  # exceeded by 1 sample in 1000
    m = times.moments
    assert abs(m.mean - times.law.best.mean) < 4 * m.sd / 4000**0.5
    assert abs(m.sd / times.law.best.sd - 1) < 0.06


class Still(NamedTuple):
    theta: Any


class Shrinking(dynopt.Algorithm):
    """Gradient descent with weight decay: linear, but at rest nowhere but at the origin."""

    gamma: Any = dynopt.number("(0, oo)", "step")

    def init(self, theta0, oracle):
        return Still(theta0)

    def update(self, state, oracle, k):
        return Still((1 - self.gamma) * state.theta - self.gamma * oracle.gradient(state.theta))


class Balanced(dynopt.Algorithm):
    """A two-step method started on its stable mode: a_k = 2^−k although 2 is a multiplier for λ = −8."""

    gamma: Any = dynopt.number("(0, oo)", "step")

    def init(self, theta0, oracle):
        return dynopt.algorithms.heavy_ball.Pair(theta0, 2 * theta0)

    def update(self, state, oracle, k):
        ahead = 2 * state.theta - self.gamma * oracle.gradient(state.theta) / 16
        return type(state)(ahead - state.previous, state.theta)


class Normalised(Shrinking):
    def update(self, state, oracle, k):
        slope = oracle.gradient(state.theta)
        return Still(state.theta - self.gamma * slope / dynopt.norm(slope))


class Clocked(Shrinking):
    def update(self, state, oracle, k):
        return Still(state.theta - self.gamma / (k + 1) * oracle.gradient(state.theta))


@pytest.mark.parametrize(
    ("method", "where", "said"),
    [
        (Normalised(gamma=1), {}, "not linear in its state"),
        (Clocked(gamma=1), {}, "varies with the iteration"),
        (dynopt.method("gd(gamma=0.1/(k+1))"), {}, "varies with the iteration"),
        (Shrinking(gamma=1), {"away": True}, "does not rest at critical points"),
        (dynopt.method("gd(gamma=1/10000)"), {}, "more than 500 iterations"),
        (Balanced(gamma=1), {}, "stable subspace"),
    ],
)
def test_no_law(method, where, said, monkeypatch):
    monkeypatch.setattr(law, "LONGEST", 500)
    with pytest.raises(NoLaw, match=said):
        law.response(method, -8, 1e6, **where)


def test_a_method_that_does_not_repel():
    """θ⁺ = (1 − γ)θ − γλθ contracts for λ = −½."""
    with pytest.raises(NoLaw, match="does not repel"):
        law.response(Shrinking(gamma=1), dynopt.symbolic.symbols.exact(-0.5), 10.0)
