"""Adaptive and tuned methods against recurrences, conditions and limits that are not their own text."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest

import dynopt
from dynopt.core.oracle import FunctionOracle
from dynopt.core.problem import oracle
from dynopt.errors import Misuse


def run(call, problem, start, steps):
    """Every state from the start to step ``steps``."""
    return list(islice(dynopt.method(call).numeric().states(np.asarray(start, dtype=float), oracle(problem)), steps + 1))


@pytest.mark.parametrize("call", [
    "innaprop(gamma=0.1)", "barzilai_borwein(gamma=1)", "barzilai_borwein(gamma=1, curvature=absolute)", "armijo(gamma=1)",
    "adagrad(gamma=1)", "rmsprop(gamma=1)", "rmsprop_centred(gamma=1)", "adam(gamma=1)", "damped_gd(gamma=1)", "normalized_gd(gamma=1)",
])  # fmt: skip
def test_a_zero_gradient_moves_nothing(call):
    with np.errstate(all="raise"):
        states = run(call, dynopt.Quadratic([-1, 2]), (0, 0), 4)
    assert all(np.array_equal(s.theta, [0, 0]) for s in states)


def test_adam_without_correction_with_a_constant_gradient():
    """m_k = (1 − β₁ᵏ)g and v_k = (1 − β₂ᵏ)g²; with the correction every step is γ, as for INNAprop."""
    slope = np.array([3.0, -0.25])
    linear = FunctionOracle(lambda x: (slope * x).sum(-1), lambda x: slope)
    for correction in ("none", "bias"):
        call = f"adam(gamma=0.5, beta1=0.6, beta2=0.8, epsilon=1e-12, correction={correction})"
        thetas = [s.theta for s in islice(dynopt.method(call).numeric().states(np.zeros(2), linear), 12)]
        for k in range(1, 12):
            length = 0.5 * (1 - 0.6**k) / np.sqrt(1 - 0.8**k) if correction == "none" else 0.5
            np.testing.assert_allclose(thetas[k] - thetas[k - 1], -length * np.sign(slope), rtol=1e-10)


# INNAprop -----------------------------------------------------------------------------------------


def test_innaprop_is_a_scheme_for_din_on_scaled_gradients():
    """(θ₊ − 2θ + θ₋)/γ² + α(θ − θ₋)/γ + β(s − s₋)/γ + s₋ = 0 for the scaled gradients s, ψ eliminated."""
    alpha, beta, gamma, sigma, epsilon = 0.3, 0.7, 0.05, 0.9, 1e-4
    problem = dynopt.problem("double-well")
    thetas = [
        s.theta
        for s in run(f"innaprop(alpha={alpha}, beta={beta}, gamma={gamma}, sigma={sigma}, epsilon={epsilon})", problem, (0.4, 1.0), 30)
    ]
    gradients = np.array([problem.gradient(t) for t in thetas])
    scaled = []
    for k in range(30):
        weights = (1 - sigma) * sigma ** np.arange(k, -1, -1)
        mean_square = (weights[:, None] * gradients[: k + 1] ** 2).sum(0) / weights.sum()
        scaled.append(gradients[k] / (np.sqrt(mean_square) + epsilon))
    np.testing.assert_allclose(thetas[1], thetas[0] - gamma * beta * scaled[0], rtol=0, atol=1e-13)
    for k in range(1, 30):
        force = alpha * (thetas[k] - thetas[k - 1]) / gamma + beta * (scaled[k] - scaled[k - 1]) / gamma + scaled[k - 1]
        np.testing.assert_allclose(thetas[k + 1], 2 * thetas[k] - thetas[k - 1] - gamma**2 * force, rtol=0, atol=1e-12)


def test_innaprop_with_a_constant_gradient_has_a_constant_gain():
    slope = np.array([3.0, -0.25])
    linear = FunctionOracle(lambda x: (slope * x).sum(-1), lambda x: slope)
    unit = FunctionOracle(lambda x: (np.sign(slope) * x).sum(-1), lambda x: np.sign(slope))
    full = dynopt.method("innaprop(gamma=0.2, epsilon=1e-12)").numeric().states(np.ones(2), linear)
    frozen = dynopt.method("innaprop_frozen(gamma=0.2)").numeric().states(np.ones(2), unit)
    for a, b in islice(zip(full, frozen, strict=True), 40):
        np.testing.assert_allclose(a.theta, b.theta, rtol=1e-10)


def test_innaprop_needs_a_step_below_beta():
    for call in ("innaprop(gamma=1)", "innaprop(gamma=0.9)", "innaprop_frozen(gamma=0.9)"):
        with pytest.raises(Misuse, match="take gamma < beta"):
            dynopt.method(call)
    shrinking = dynopt.method("innaprop(gamma=1/(k+1))")
    with pytest.raises(Misuse, match="take gamma < beta"):
        shrinking.at(0)
    assert shrinking.at(1).gamma == 0.5


# Barzilai–Borwein and Armijo ----------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.0, 0.7])
def test_barzilai_borwein_on_a_quadratic(alpha):
    curvatures = np.array([1.0, 3.0, 10.0])
    states = run(f"barzilai_borwein(gamma={alpha})", dynopt.Quadratic([1, 3, 10]), (1, 1, 1), 12)
    x = [np.ones(3), (1 - alpha * curvatures) * np.ones(3)]
    while len(x) < 13:
        s = x[-1] - x[-2]
        rayleigh = (s * curvatures * s).sum() / (s * s).sum()
        x.append(x[-1] - alpha / rayleigh * curvatures * x[-1])
    np.testing.assert_allclose([s.theta for s in states], x, rtol=1e-9, atol=1e-15)


def test_barzilai_borwein_where_the_curvature_is_not_positive():
    def ratios(call, spectrum):
        thetas = [s.theta[0] for s in run(call, dynopt.Quadratic(spectrum), (1.0,), 3)]
        return [b / a for a, b in pairwise(thetas)]

    # J = −2x²: 1 + 4γγ_k with γ_k = 1, then ν, or 1/4
    assert ratios("barzilai_borwein(gamma=0.5, nu=3)", [-4]) == pytest.approx([3, 7, 7])
    assert ratios("barzilai_borwein(gamma=0.5, nu=3, curvature=absolute)", [-4]) == pytest.approx([3, 1.5, 1.5])
    flat = FunctionOracle(lambda x: x[..., 0], np.ones_like)
    for curvature in ("positive", "absolute"):  # Δg = 0
        walk = dynopt.method(f"barzilai_borwein(gamma=0.5, nu=3, curvature={curvature})").numeric().states(np.zeros(1), flat)
        assert [float(s.theta[0]) for s in islice(walk, 4)] == [0, -0.5, -2, -3.5]


def test_armijo_takes_the_first_step_that_decreases_enough():
    problem, c = dynopt.problem("rosenbrock(b=5)"), 0.3
    states = run(f"armijo(gamma=2, c={c}, factor=0.25)", problem, [(-1.0, 1.5), (0.2, -0.4)], 25)
    shrunk = set()
    for before, after in pairwise(states):
        for x, y in zip(before.theta, after.theta, strict=True):
            g = problem.gradient(x)
            step = np.linalg.norm(y - x) / np.linalg.norm(g)
            j = round(np.log(step / 2) / np.log(0.25))
            assert step == pytest.approx(2 * 0.25**j, rel=1e-9)

            def enough(s, x=x, g=g):
                return problem.value(x - s * g) <= problem.value(x) - c * s * (g @ g)

            assert enough(2 * 0.25**j)
            assert j == 0 or not enough(2 * 0.25 ** (j - 1))
            shrunk.add(j)
    assert len(shrunk) > 1


def test_armijo_gives_up_after_most_reductions():
    never = FunctionOracle(lambda x: np.nan * x[..., 0], np.ones_like)
    walk = dynopt.method("armijo(gamma=1, most=3)").numeric().states(np.zeros(1), never)
    assert [float(s.theta[0]) for s in islice(walk, 2)] == [0, -0.125]
    with pytest.raises(Misuse, match="not a whole number"):
        dynopt.method("armijo(gamma=1, most=5/2)")


# Damping and perturbation -------------------------------------------------------------------------


def test_damping_limits_long_steps_only():
    for size, expected in ((1e9, 0.2 / 0.5), (1e-9, 0.2e-9)):
        start, after = (s.theta[0] for s in run("damped_gd(gamma=0.2, alpha=0.5)", dynopt.Quadratic([1]), (size,), 1))
        assert start - after == pytest.approx(expected, rel=1e-6)


def test_the_combined_rule_of_the_slides():
    rule = dynopt.staircase_decay(0.1, 50, 0.5, 0.5)
    method = dynopt.DampedGradientDescent(gamma=rule, alpha=0.1)
    x = np.array([30.0, 40.0])
    after = method.at(51).update(method.at(0).init(x, None), oracle(dynopt.Quadratic([1, 1])), 51)
    np.testing.assert_allclose(after.theta, x - 0.1 / ((1 + 0.5 * np.sqrt(2)) * (0.1 * 50 + 1)) * x, rtol=1e-14)


def test_perturbed_descent_leaves_a_saddle_where_descent_stays():
    saddle = dynopt.Quadratic([-1, 1])
    assert np.array_equal(run("gd(gamma=0.1)", saddle, (0, 0), 150)[-1].theta, [0, 0])
    assert abs(run("perturbed_gd(gamma=0.1, radius=1e-6, threshold=1e-6)", saddle, (0, 0), 300)[-1].theta[0]) > 1


def test_perturbations_are_uniform_in_the_ball_and_keep_their_distance():
    flat = FunctionOracle(lambda x: 0 * x[..., 0], lambda x: 0 * x)
    method = dynopt.method("perturbed_gd(gamma=1, radius=2, pause=3)").numeric()
    thetas = [s.theta for s in islice(method.states(np.zeros((4000, 3)), flat), 12)]
    assert [k for k in range(11) if (thetas[k] != thetas[k + 1]).any()] == [0, 5, 10]
    lengths = np.linalg.norm(thetas[1], axis=-1)
    assert lengths.max() <= 2
    for part in (0.25, 0.5, 0.75):  # P(length ≤ 2p) = p³
        assert abs((lengths <= 2 * part).mean() - part**3) < 5 * np.sqrt(part**3 / 4000)
    assert abs(thetas[1].mean()) < 0.05


def test_a_large_gradient_is_not_perturbed():
    thetas = [s.theta[0] for s in run("perturbed_gd(gamma=0.5, threshold=0.1)", dynopt.Quadratic([1]), (1.0,), 6)]
    assert thetas[:5] == [1, 0.5, 0.25, 0.125, 0.0625]
    assert thetas[5] != 0.03125
