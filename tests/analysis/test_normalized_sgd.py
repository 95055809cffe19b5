"""The ledger of normalized SGD (Zhao et al. 2021): complete, its verdicts reached, its findings confirmed in floating point.

The numerical side runs the printed algorithms in NumPy; it shares nothing with the claim files.
"""

from pathlib import Path

import numpy as np
import pytest

from dynopt.symbolic.collect import collect
from dynopt.symbolic.judge import judge

FILES = sorted((Path(__file__).parents[2] / "analysis").glob("normalized_*.py"))

VERDICTS = {
    "z-lemma1": "ill-defined",
    "z-theorem1": "refuted",
    "z-lemma2": "ill-defined",
    "z-theorem2": "refuted",
    "z-gradient-bound": "proved",
    "z-theorem3": "proved",
    "z-theorem4": "proved",
    "z-corollary1": "refuted",
    "z-corollary2": "refuted",
    "z-remark1": "proved",
    "z-spider-variance": "conditional",
    "z-ngd-length": "ill-defined",
}
"""The rows of the table, with the verdicts that were established by hand first."""

ALSO = {
    "z-bias": "refuted",
    "z-algorithm1": "refuted",
    "z-batch-variance": "proved",
    "z-jensen": "proved",
    "z-complexity": "proved",
    "z-argmin": "refuted",
    "z-smooth-forward": "proved",
    "z-smooth-backward": "refuted",
    "z-lemma2-sign": "refuted",
    "z-theorem2-epsilon": "refuted",
    "z-stage-count": "refuted",
    "z-stage": "proved",
    "z-corollary1-order": "refuted",
    "z-corollary2-order": "refuted",
    "z-mixture": "ill-defined",
    "z-spider-step": "proved",
    "z-spider-unbiased": "refuted",
    "z-spider-cost": "proved",
}
"""What else the paper asserts."""

EVERY = {**VERDICTS, **ALSO}
SAMPLE = ("z-algorithm1", "z-jensen", "z-stage-count", "z-theorem2-epsilon", "z-spider-unbiased")


@pytest.fixture(scope="module")
def ledger():
    entries, errors = collect(FILES)
    assert not errors
    return {claim.id: claim for claim in entries}


def test_every_row_is_in_the_ledger_and_every_entry_in_this_table(ledger):
    assert set(ledger) == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_an_entry_is_complete(ledger, name):
    claim = ledger[name]
    assert claim.source.strip()
    assert claim.statement.strip()
    assert claim.hypotheses.strip()
    assert claim.expected == EVERY[name]
    if claim.expected in ("refuted", "ill-defined", "conditional"):
        assert claim.correction is not None
    if claim.expected == "conditional":
        assert claim.extra is not None
        assert claim.needed


def reached(claim):
    judgement = judge(claim)
    assert judgement.verdict == EVERY[claim.id], judgement.failures
    assert judgement.ok, judgement.failures


@pytest.mark.parametrize("name", SAMPLE)
def test_the_verdict_is_reached(ledger, name):
    reached(ledger[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in EVERY if n not in SAMPLE])
def test_every_verdict_is_reached(ledger, name):
    reached(ledger[name])


# --- the same findings in floating point -------------------------------------------------------------------------------------


def normalized(gradient, start, alpha, steps):
    """The iterates of Algorithm 1 without noise."""
    points = [np.asarray(start, dtype=float)]
    for _ in range(steps):
        slope = gradient(points[-1])
        points.append(points[-1] - alpha * slope / np.linalg.norm(slope))
    return points


def test_no_step_at_a_zero_gradient():
    with np.errstate(invalid="ignore"):
        assert np.all(np.isnan(np.zeros(2) / np.linalg.norm(np.zeros(2))))


def test_lemma_1_for_nonzero_gradients():
    """Quadratics with curvature in [−3, L]: only the upper bound of Definition 1 is used."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        curvature, w, g, alpha, L = rng.uniform(-3, 2, 3), rng.normal(size=3), rng.normal(size=3), rng.uniform(0.01, 2), 2.0
        after = w - alpha * g / np.linalg.norm(g)
        slope = curvature * w
        drop = 0.5 * (curvature @ w**2 - curvature @ after**2)
        assert np.linalg.norm(slope) <= drop / alpha + L * alpha / 2 + 2 * np.linalg.norm(slope - g) + 1e-12


def test_theorem_1_needs_the_first_value():
    """½w² from w_0 = 2 with α = 1, T = 1: the witness ε = 1/3."""
    alpha, epsilon = 1.0, 1 / 3
    points = normalized(lambda w: w, [2.0], alpha, 1)
    mean = np.mean([np.linalg.norm(w) for w in points])
    value = [0.5 * float(w @ w) for w in points]
    assert mean > value[1] / (2 * alpha) + alpha / 2 + 2 * epsilon
    assert mean <= value[0] / (2 * alpha) + alpha / 2 + 2 * epsilon


def test_theorem_1_with_the_first_value():
    rng = np.random.default_rng(2)
    for _ in range(50):
        start, alpha, last = rng.normal(size=3) * 3, rng.uniform(0.05, 1), int(rng.integers(1, 30))
        curvature = np.array([0.1, 0.5, 1.0])
        points = normalized(lambda w, c=curvature: c * w, start, alpha, last)
        mean = np.mean([np.linalg.norm(curvature * w) for w in points])
        assert mean <= 0.5 * curvature @ start**2 / (alpha * (last + 1)) + alpha / 2 + 1e-12


def test_theorem_2_needs_the_first_value():
    """1000e^w from 0 with α = ½, T = 9, L₀ = L₁ = ε = 1."""
    points = [float(w[0]) for w in normalized(lambda w: 1000 * np.exp(w), [0.0], 0.5, 9)]
    mean = np.mean([1000 * np.exp(w) for w in points])
    first, second = 1000 * np.exp(points[0]), 1000 * np.exp(points[1])
    assert mean > 2 * second / (0.5 * 10) + 2 * 0.5 + 4
    assert mean <= 2 * first / (0.5 * 10) + 2 * 0.5 + 4


def test_the_steps_of_theorem_2_can_be_too_long():
    """½w² + w⁴ from 2 with α = ε = 4: the gradient stays 34 > 32 = 8ε; it is (1, 3)-smooth."""
    points = normalized(lambda w: w + 4 * w**3, [2.0], 4.0, 6)
    assert all(abs(float((w + 4 * w**3)[0])) == 34 for w in points)
    w = np.linspace(-5, 5, 10001)
    assert np.all(np.abs(1 + 12 * w**2) <= 1 + 3 * np.abs(w + 4 * w**3) + 1e-9)


def test_the_sign_in_the_proof_of_lemma_2():
    """A constant F with ∇F = 0, ‖g‖ = 2, α = L₀ = L₁ = 1, E = e: the printed right side is below F."""
    assert 0 > -2 - 2 + 0.5 * (1 + np.e)


def test_bounded_curvature_from_above_only():
    """1/(1 + w²): curvature in [−2, ½], values falling to 0 on both sides."""
    w = np.linspace(-20, 20, 400001)
    value = 1 / (1 + w**2)
    curvature = np.diff(value, 2) / (w[1] - w[0]) ** 2
    assert curvature.max() == pytest.approx(0.5, abs=1e-3)
    assert curvature.min() == pytest.approx(-2, abs=1e-3)
    assert np.all(np.diff(value[w > 0]) < 0)


def test_a_normalized_gradient_may_be_unbiased_and_may_point_the_wrong_way():
    assert np.sign(1.0) == 1.0  # F = ½w² at w = 1 without noise: E[g/|g|] = ∇F
    noise, probability = np.array([-1.0, 3.0]), np.array([2 / 3, 1 / 3])
    assert probability @ noise > 0 > probability @ np.sign(noise)


def test_sums_of_corollary_1():
    for rho in (0.5, 1.0, 2.0):
        for last in (1, 2, 7):
            weights = [t / rho for t in range(1, last + 1)]
            products = [rho / t * p for t, p in zip(range(1, last + 1), weights, strict=True)]
            assert sum(weights) == pytest.approx(last * (last + 1) / (2 * rho))
            assert sum(products) == pytest.approx(last)
            assert (sum(products) == pytest.approx(rho * last)) == (rho == 1)


def test_sums_of_corollary_2():
    for rho in (0.1, 0.25, 0.4):
        for last in (1, 2, 7):
            weights = [(2 * rho) ** -t for t in range(1, last + 1)]
            assert sum(weights) == pytest.approx(((2 * rho) ** -last - 1) / (1 - 2 * rho))
            stated = sum(rho ** (t - 1) * p for t, p in zip(range(1, last + 1), weights, strict=True))
            proof = sum(rho**t * p for t, p in zip(range(1, last + 1), weights, strict=True))
            assert stated == pytest.approx((1 - 2.0**-last) / rho)
            assert stated > 1 > proof


def stages(value, gradient, start, alphas, total, weights):
    """S-SNGD without noise: E‖∇F(w̄)‖ over its own draws, and all values seen."""
    means, seen, w = [], [], float(start)
    for alpha in alphas:
        steps = round(total / alpha)
        assert steps * alpha == pytest.approx(total)
        points = [float(p[0]) for p in normalized(gradient, [w], alpha, steps)]
        means.append(np.mean([abs(gradient(p)) for p in points[:-1]]))
        seen += [value(p) for p in points]
        w = points[-1]
    return np.average(means, weights=weights), seen


def bounded_value(w):
    return w**2 / (1 + w**2)


def bounded_slope(w):
    return 2 * w / (1 + w**2) ** 2


def test_theorem_3_and_corollary_1_on_a_bounded_function():
    """δ = 1, L = 2."""
    for rho, total, last in ((1.0, 2.0, 5), (0.5, 3.0, 8)):
        alphas = [rho / (t + 1) for t in range(last)]
        weights = [1 / alpha for alpha in alphas]
        found, seen = stages(bounded_value, bounded_slope, 2.3, alphas, total, weights)
        assert max(seen) <= 1
        bound = weights[-1] / (total * sum(weights)) + 2 * last / (2 * sum(weights))
        assert bound == pytest.approx((2 / total + 2 * rho) / (last + 1))
        assert found <= bound


@pytest.mark.parametrize(("alpha", "expected"), [(2.0, 0.5), (1.0, 16 / 25)])
def test_one_stage_is_not_enough(alpha, expected):
    """T = 1 for Corollaries 1 (ρ = 2) and 2 (α_0 = 1): the gradient does not depend on ε."""
    found, _ = stages(bounded_value, bounded_slope, alpha / 2, [alpha], 40.0, [1.0])
    assert found == pytest.approx(expected)


def test_harmonic_sums_and_logarithms():
    sums = np.cumsum(1 / np.arange(1, 1001))
    assert np.all(sums <= 1 + np.log(np.arange(1, 1001)) + 1e-12)
    assert np.all(1 + np.log(np.arange(2, 1001)) <= 3 * np.log(np.arange(2, 1001)))


def test_the_error_of_spider_under_the_one_sided_definition():
    """Algorithm 3, m = 2, many draws: the error 0.0476 against 0.0314."""
    rng = np.random.default_rng(3)
    w, alpha, smooth, M, B, variance = 0.01, 0.25, 0.5, 2, 1000, 27 / 256

    def slope(x):
        return -2 * x / (1 + x**2) ** 2

    kinds = np.arange(B) % 2  # half 1/(1 + w²), half 0
    mu1 = np.mean(np.where(kinds == 0, slope(w), 0.0))
    w2 = w - alpha * np.sign(mu1)
    drawn = rng.integers(B, size=200_000)
    mu2 = mu1 + np.where(kinds[drawn] == 0, slope(w2) - slope(w), 0.0)
    error = np.mean((mu2 - 0.5 * slope(w2)) ** 2)
    assert error > M * alpha**2 * smooth**2 + variance / B
    assert error <= M * alpha**2 * 2**2 + variance / B  # gradients are 2-Lipschitz


def test_spider_is_biased_given_its_position():
    """½(w − c)², c = 1 or 3, w̃ = 2, α = 1: each position tells which sample came first."""
    for drawn in (1.0, 3.0):
        mu1 = 2.0 - drawn
        w2 = 2.0 - np.sign(mu1)
        mu2 = (w2 - 2.0) + mu1
        assert mu2 != w2 - 2.0
    assert np.mean([(2.0 - np.sign(2.0 - c) - 2.0) + 2.0 - c for c in (1.0, 3.0)]) == np.mean(
        [2.0 - np.sign(2.0 - c) - 2.0 for c in (1.0, 3.0)]
    )


def test_mini_batch_variance():
    rng = np.random.default_rng(4)
    samples = rng.normal(size=6)
    single = np.var(samples)
    picks = np.array([rng.permutation(6)[:3] for _ in range(40_000)])
    assert np.var(samples[picks].mean(axis=1)) == pytest.approx(single / 3 * 3 / 5, rel=0.03)
    assert np.var(samples[rng.integers(6, size=(40_000, 3))].mean(axis=1)) == pytest.approx(single / 3, rel=0.03)
