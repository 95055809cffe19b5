"""The ledger of the slides: complete, as expected, its witnesses confirmed by floating-point computations of their own."""

from math import ceil, sqrt
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from dynopt.symbolic.claims import Implication, Verdict
from dynopt.symbolic.collect import claim_fault, claims_of
from dynopt.symbolic.judge import judge

FILES = sorted((Path(__file__).parents[2] / "analysis").glob("slides*.py"))
ROWS = {
    "g-batches": "proved", "g-triangle": "proved", "g-steps-sums": "proved", "g-damped": "proved", "g-strong-error-bound": "refuted",
    "g-no-spurious": "proved", "g-linear-rate": "proved", "g-semismooth": "refuted", "g-kl-rates": "proved", "g-table": "refuted",
}  # fmt: skip
"""The rows of the claims table."""
MORE = {
    "g-noise-ball": "proved", "g-fixed-step": "proved", "g-escape-step": "proved", "g-overparameterised": "conditional",
    "g-underparameterised": "refuted", "g-semismooth-radical": "refuted", "g-semismooth-c0": "refuted", "g-steps-quotient": "ill-defined",
    "g-combined-rule": "refuted",
}  # fmt: skip
"""Rows of our own."""
FAST = ("g-triangle", "g-no-spurious", "g-escape-step")


@pytest.fixture(scope="module")
def ledger():
    return {claim.id: claim for path in FILES for claim in claims_of(path)}


def test_every_row_is_there_with_the_expected_verdict(ledger):
    assert {name: claim.expected.value for name, claim in ledger.items()} == ROWS | MORE


def test_every_entry_is_sound_and_complete(ledger):
    for claim in ledger.values():
        assert claim_fault(claim) == "", claim.id
        assert claim.hypotheses, claim.id
        if claim.expected in (Verdict.REFUTED, Verdict.ILL_DEFINED):
            assert claim.correction is not None, claim.id
        if claim.expected == Verdict.CONDITIONAL:
            assert claim.extra is not None, claim.id
            assert claim.needed, claim.id


@pytest.mark.parametrize("name", FAST)
def test_sample_of_verdicts(ledger, name):
    found = judge(ledger[name])
    assert found.ok, found.failures


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ROWS | MORE))
def test_verdicts_and_witnesses(ledger, name):
    """The expected verdict; every refuted comparison fails at its witness in 40-digit arithmetic too."""
    claim = ledger[name]
    found = judge(claim)
    assert found.ok, found.failures
    for check, part in zip(claim.checks, found.parts, strict=True):
        if isinstance(check, Implication) and part.verdict == Verdict.REFUTED:
            point = {sp.Symbol(s, real=True): sp.N(sp.sympify(v), 40) for s, v in part.witness.items()}
            then = check.then
            gap = sp.N((then.lhs - then.rhs).subs(point), 40)
            assert abs(gap) > 1e-30 if isinstance(then, sp.Eq) else not then.func(gap, 0)


# --- the findings in floating point ---------------------------------------------------------------------------------------------


def test_third_line_of_the_strong_convexity_chain_lost_a_square():
    """f = (x − 1)², σ = 2, so g = 1 − 2x and s = −2; at x = 0 the third line as printed is not the second."""
    sigma, x, best, s = 2.0, 0.0, 1.0, -2.0

    def f(z):
        return (z - 1) ** 2

    def g(z):
        return f(z) - sigma / 2 * z**2

    second = s**2 + 2 * sigma * s * best + 2 * sigma * (g(x) - g(best)) + sigma**2 * x**2
    third = s**2 + 2 * sigma * s * best + 2 * sigma * (f(x) - f(best))
    assert second == pytest.approx(third + sigma**2 * best**2)
    assert second != pytest.approx(third + sigma * best**2)
    assert 2 * sigma * (f(x) - f(best)) <= (s + sigma * x) ** 2


def test_semismooth_factor_is_beaten_by_a_parabola():
    """One step on f = ½mx² decreases f by less than 1 − cγ(1 − βγ) promises, with c inside its bound."""
    m, beta, gamma, c, x = 1 / 256, 1.0, 0.5, 0.02, 1.0
    assert c <= sqrt(2 * m) * gamma * beta / 2
    before, after = m / 2 * x**2, m / 2 * (x - gamma * m * x) ** 2
    assert after > (1 - c * gamma * (1 - beta * gamma)) * before
    assert after <= (1 - 2 * m * gamma * (1 - beta * gamma)) * before


def test_radical_over_the_product_is_too_generous():
    delta, beta, gamma, c, n = 1.0, 1.0, 0.5, 1 / 3, 1.0
    assert c <= sqrt(delta * gamma * beta) / 2
    assert c * gamma / sqrt(delta) * n**2 + beta * gamma**2 / 2 * n**2 > beta * gamma**2 * n**2


def test_one_sided_smoothness_allows_a_kink():
    x = np.linspace(-3, 3, 601)
    y = x[np.abs(x) > 1e-9]
    values = (np.abs(x[:, None]) - 1) ** 2
    slopes = 2 * (np.abs(y) - 1) * np.sign(y)
    bound = (np.abs(y) - 1) ** 2 + slopes * (x[:, None] - y) + (x[:, None] - y) ** 2
    assert (values <= bound + 1e-9).all()
    assert abs(2 * (1e-9 - 1) - 2 * (1 - 1e-9)) > 3


def test_zero_loss_depends_on_the_range_and_not_on_the_shape():
    matrix, target = np.zeros((1, 2)), np.array([1.0])
    assert np.linalg.norm(matrix @ np.linalg.lstsq(matrix, target, rcond=None)[0] - target) == 1
    square = np.random.default_rng(0).normal(size=(3, 3))
    assert np.linalg.norm(square @ np.linalg.solve(square, np.ones(3)) - 1) < 1e-10


def test_partial_sums_of_both_rules():
    m = np.arange(1.0, 2_000_001)
    first, second = 1 / (1 + m), 1 / (1 + np.sqrt(m))
    assert (first**2).sum() < np.pi**2 / 6 - 1
    halves = [(second[:n] ** 2).sum() for n in (10**4, 10**5, 10**6)]
    assert np.diff(halves) == pytest.approx([np.log(10)] * 2, rel=0.1)
    ratios = [second[:n].sum() / (second[:n] ** 2).sum() for n in (10**2, 10**4, 10**6)]
    assert ratios[0] < ratios[1] / 4 < ratios[2] / 16


def test_combined_rule_counts_in_another_unit():
    assert ceil(2 / 1) != ceil(2 / (1 * 2))


def test_noise_ball_of_the_triangle():
    rng = np.random.default_rng(1)
    centres = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]])
    x = np.zeros((20_000, 2))
    for _ in range(40):
        x -= (x - centres[rng.integers(3, size=len(x))]) / 3
    assert (x**2).sum(axis=1).mean() == pytest.approx((centres**2).sum(axis=1).mean() / 5, rel=0.03)


PRINTED = [(0, 4.8e-8, 2.1e7), (10, 1.4e-5, 7.2e4), (50, 0.097, 0.31), (100, 0.016, 0.28), (200, 0.012, 6.8e-5), (300, 0.01, 0.33),
           (500, 0.008, 0), (700, 0.007, 1.2e-6), (1000, 0.006, 3.1e-6)]  # fmt: skip


@pytest.mark.parametrize(("epoch", "step", "batch"), PRINTED)
def test_printed_table_follows_another_rule(epoch, step, batch):
    def rule(argument):
        return 0.1 / ((1 + 0.5 * sqrt(argument)) * (0.1 * batch + 1))

    assert rule(epoch if epoch > 50 else 0) == pytest.approx(step, rel=0.05)
    assert (rule(ceil(epoch / 50)) == pytest.approx(step, rel=0.05)) == (epoch == 0)
