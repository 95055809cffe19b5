"""The ledger of thesis Chapters 1 and 2: complete, as expected, its witnesses confirmed by floating-point computations of their own."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from dynopt.symbolic.claims import Implication, Verdict
from dynopt.symbolic.collect import claim_fault, claims_of
from dynopt.symbolic.judge import judge

FILES = sorted(p for p in (Path(__file__).parents[2] / "analysis").glob("thesis_*.py") if p.name.startswith(("thesis_1", "thesis_2")))
ROWS = {
    "t1-unbiased": "refuted", "t1-newton-ls": "proved", "t1-descent": "proved", "t1-fig16": "proved",
    "t2-lift": "proved", "t2-steady": "proved", "t2-sumrule": "proved", "t2-energy-derivative": "refuted", "t2-energy-range": "proved",
    "t2-energy-sum": "conditional", "t2-steps": "proved", "t2-kl-rate": "proved", "t2-quadform": "proved", "t2-c1c2": "conditional",
    "t2-kl-power": "proved", "t2-gradient-system": "refuted", "t2-psi0": "proved", "t2-rosenbrock": "proved",
}  # fmt: skip
"""The rows of the claims table."""
MORE = {
    "t1-strict-convexity": "refuted", "t1-convex-composition": "proved", "t1-subdifferential-empty": "proved", "t1-sigmoid": "proved",
    "t1-gd-stationary": "proved", "t1-descent-sharp": "proved", "t1-lipschitz-eigenvalue": "refuted", "t1-steepest": "refuted",
    "t1-momentum-forms": "proved", "t1-adagrad-steps": "proved",
    "t2-inna": "proved", "t2-euler-index": "refuted", "t2-energy-cross": "refuted", "t2-energy-square": "ill-defined",
    "t2-energy-range-strict": "ill-defined", "t2-energy-steady": "proved", "t2-energy-bounded": "proved", "t2-dcritical": "proved",
    "t2-steady-constant": "refuted", "t2-noise": "refuted", "t2-kl-strict": "refuted", "t2-kl-trajectory": "proved",
    "t2-rate-formulas": "proved", "t2-rates": "refuted",
}  # fmt: skip
"""Rows of our own."""
FAST = ("t1-strict-convexity", "t2-kl-strict", "t2-energy-steady")


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
    """The expected verdict; every refuted implication fails at its witness in 40-digit arithmetic too."""
    claim = ledger[name]
    found = judge(claim)
    assert found.ok, found.failures
    for check, part in zip(claim.checks, found.parts, strict=True):
        if isinstance(check, Implication) and part.verdict == Verdict.REFUTED:
            point = {sp.Symbol(s, real=True): sp.N(sp.sympify(v), 40) for s, v in part.witness.items()}
            assert all(decided(g, point) for g in check.given)
            assert not decided(check.then, point)


def decided(formula, point) -> bool:
    """Truth at a point from numerical values alone; equations up to 1e-30."""
    if isinstance(formula, sp.core.relational.Relational):
        gap = sp.N((formula.lhs - formula.rhs).subs(point), 40)
        if isinstance(formula, (sp.Eq, sp.Ne)):
            return (abs(gap) < 1e-30) == isinstance(formula, sp.Eq)
        return bool(formula.func(gap, 0))
    if isinstance(formula, (sp.logic.boolalg.BooleanTrue, sp.logic.boolalg.BooleanFalse)):
        return bool(formula)
    values = [decided(a, point) for a in formula.args]
    if isinstance(formula, sp.Not):
        return not values[0]
    if isinstance(formula, sp.Implies):
        return not values[0] or values[1]
    if isinstance(formula, sp.Equivalent):
        return len(set(values)) == 1
    return all(values) if isinstance(formula, sp.And) else any(values)


# --- Chapter 1 in floating point --------------------------------------------------------------------------------------------


def test_mini_batch_mean_estimates_a_share_of_the_sum():
    gradients = np.random.default_rng(0).normal(size=(5, 3))
    means = [gradients[list(batch)].mean(axis=0) for batch in combinations(range(5), 2)]
    assert np.allclose(np.mean(means, axis=0), gradients.sum(axis=0) / 5)
    assert not np.allclose(np.mean(means, axis=0), gradients.sum(axis=0))


def test_figure_has_three_non_degenerate_critical_points():
    t = np.linspace(-20, 20, 400_001)
    slope, curvature = 2 * t + 10 * np.cos(t), 2 - 10 * np.sin(t)
    at = np.flatnonzero(np.diff(np.sign(slope)))
    assert np.allclose(t[at], [-1.3064, 1.9774, 3.8375], atol=1e-3)
    assert np.sign(curvature[at]).tolist() == [1, -1, 1]
    values = t[at] ** 2 + 10 * np.sin(t[at])
    assert values[0] < values[2] < values[1]


def test_largest_eigenvalue_is_no_lipschitz_constant():
    hessian = np.diag([-1.0, -1.0])
    assert np.linalg.norm(hessian @ [1.0, 1.0]) > np.linalg.eigvalsh(hessian).max() * np.linalg.norm([1.0, 1.0])


def test_cauchy_schwarz_fails_in_the_maximum_norm():
    g, d = np.array([1.0, 1.0]), np.array([-1.0, -1.0])
    assert np.abs(d).max() == 1
    assert g @ d < -np.abs(g).max() * np.abs(d).max()


# --- Chapter 2 in floating point --------------------------------------------------------------------------------------------


def din(alpha, beta, slope):
    """(2.6), typed from the thesis."""

    def field(t, s):
        pull = (alpha - 1 / beta) * s[0] + s[1] / beta
        return np.array([-beta * slope(s[0]) - pull, -pull])

    return field


def test_printed_energy_derivatives_are_exchanged():
    """J = θ⁴/4 along a computed solution: finite differences of E_min and E_max against both signs."""
    alpha, beta = 0.7, 0.9
    field = din(alpha, beta, lambda x: x**3)
    run = solve_ivp(field, (0, 2), [1.3, -0.4], rtol=1e-12, atol=1e-12, dense_output=True)
    for t in (0.3, 1.0, 1.7):
        for sign in (-1, 1):  # E_min, E_max

            def energy(s, sign=sign):
                pull = (alpha - 1 / beta) * s[0] + s[1] / beta
                return (1 + sign * np.sqrt(alpha * beta)) ** 2 * s[0] ** 4 / 4 + pull**2 / 2

            h = 1e-5
            measured = (energy(run.sol(t + h)) - energy(run.sol(t - h))) / (2 * h)
            theta_rate, psi_rate = field(t, run.sol(t))
            forms = {s: -((np.sqrt(alpha) * theta_rate + s * (psi_rate - theta_rate) / np.sqrt(beta)) ** 2) for s in (-1, 1)}
            assert measured == pytest.approx(forms[-sign], rel=1e-5)
            assert abs(measured - forms[sign]) > 1e-3


def test_cross_term_has_the_other_sign():
    alpha, beta, c, theta, psi = 1.0, 1.0, 1.0, 1.0, 1.0
    theta_rate, psi_rate = din(alpha, beta, lambda x: x)(0, [theta, psi])
    pull = (alpha - 1 / beta) * theta + psi / beta
    rate = c * theta * theta_rate + pull * ((alpha - 1 / beta) * theta_rate + psi_rate / beta)
    v = (theta_rate - psi_rate) / beta
    assert rate != pytest.approx(-alpha * theta_rate**2 - beta * v**2 + (c - alpha * beta - 1) * theta_rate * v)
    assert rate == pytest.approx(-alpha * theta_rate**2 - beta * v**2 - (c - alpha * beta - 1) * theta_rate * v)


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.1), (1.0, 1.0), (2.0, 3.0)])
def test_energy_range_is_exact(alpha, beta):
    """The largest eigenvalue of the form of dE_c/dt is 0 at the ends of the interval, negative inside, positive outside."""

    def top(c):
        k = (c - alpha * beta - 1) / 2
        return np.linalg.eigvalsh([[-alpha, k], [k, -beta]])[-1]

    low, high = (1 - np.sqrt(alpha * beta)) ** 2, (1 + np.sqrt(alpha * beta)) ** 2
    assert abs(top(low)) < 1e-12
    assert abs(top(high)) < 1e-12
    assert top((low + high) / 2) < 0
    assert top(low - 1e-6) > 0
    assert top(high + 1e-6) > 0


def test_without_viscosity_the_energy_of_a_flat_loss_does_not_move():
    run = solve_ivp(din(0, 2.0, lambda x: 0.0), (0, 3), [1.0, 5.0], rtol=1e-10)
    pull = -run.y[0] / 2 + run.y[1] / 2
    assert np.allclose(pull, pull[0])
    assert run.y[0, -1] == pytest.approx(1 - 3 * pull[0])


@pytest.mark.parametrize("product", [1e-3, 0.3, 1.0, 4.0, 1e3])
def test_constants_of_the_rate(product):
    """c₁, c₂ against the generalised eigenvalues; both are lost at α = 0 only for c₁."""
    beta = 0.7
    alpha = product / beta
    rows = {"theta": np.array([-beta, -1.0]), "psi": np.array([0.0, -1.0])}  # of (g, w)
    decrease = 2 * alpha * np.outer(rows["theta"], rows["theta"]) + 2 * beta * np.diag([1.0, 0.0])
    upper, lower = np.array([1 + alpha * beta, alpha - 1 / beta]), np.array([0.0, 1 / beta])
    steepness = 4 * (np.outer(upper, upper) + np.outer(lower, lower))
    speed = np.outer(rows["theta"], rows["theta"]) + np.outer(rows["psi"], rows["psi"])
    first = np.linalg.eigvals(np.linalg.solve(steepness, decrease)).real.min()
    second = np.linalg.eigvals(np.linalg.solve(speed, steepness)).real.min()
    assert first >= alpha * beta**2 / (4 * (1 + product) ** 2) * (1 - 1e-9)
    assert second >= 4 / beta**2 * (1 + product) ** 2 / ((1 + product) ** 2 + 5) * (1 - 1e-9)


def test_gradient_system_exactly_above_one():
    def mode(alpha, beta, lam):
        return np.array([[-(alpha - 1 / beta) - beta * lam, -1 / beta], [-(alpha - 1 / beta), -1 / beta]])

    jordan = mode(1, 1, 1)
    assert np.linalg.matrix_rank(jordan + np.eye(2)) == 1
    assert np.allclose((jordan + np.eye(2)) @ (jordan + np.eye(2)), 0)
    assert abs(np.linalg.eigvals(mode(0.5, 1, 1.5)).imag).max() > 0
    for lam in (-2.0, 0.3, 5.0):
        scale = np.diag([1, 1 / np.sqrt(2 * 1.5 - 1)])
        symmetric = scale @ mode(2, 1.5, lam) @ np.linalg.inv(scale)
        assert np.allclose(symmetric, symmetric.T)


def test_derivatives_at_the_next_time_give_the_implicit_scheme():
    alpha, beta, gamma, start = 0.0, 1.0, 1.0, np.array([1.0, -1.0])
    matrix = np.array([[-beta - (alpha - 1 / beta), -1 / beta], [-(alpha - 1 / beta), -1 / beta]])
    implicit = np.linalg.solve(np.eye(2) - gamma * matrix, start)
    assert np.allclose(implicit, [1, 0])
    assert not np.allclose(implicit, start + gamma * matrix @ start)


def test_a_solution_leaves_a_steady_state_at_a_kink():
    field = din(1, 1, lambda x: -1.0)  # ||θ| − 1| for 0 < θ < 1
    for t in (0.1, 0.5, 0.9):
        assert np.allclose(field(t, [t, 0.0]), [1, 0])


def test_share_of_a_gradient_in_the_mini_batch_sum():
    subsets = [s for k in (1, 2, 3) for s in combinations(range(3), k)]
    assert np.mean([0 in s for s in subsets]) == pytest.approx(4 / 7)


def test_bounded_solution_that_does_not_converge():
    """θ'' + J''θ' + J' = 0 for the flat-bottomed J, integrated as a second-order equation with fixed RK4 steps."""

    def rates(s):
        x, v = s
        return np.array([v, -v - x + (1 if x > 1 else -1) if abs(x) > 1 else 0.0])

    s, h, visits = np.array([0.0, 1.0]), 5e-3, []
    for _ in range(int(100 / h)):
        a = rates(s)
        b = rates(s + h / 2 * a)
        c = rates(s + h / 2 * b)
        new = s + h / 6 * (a + 2 * b + 2 * c + rates(s + h * c))
        if abs(s[0]) > 1 >= abs(new[0]):
            visits.append((round(s[0]), abs(new[1])))
        s = new
    sides, speeds = zip(*visits, strict=True)
    assert sides == (1, -1, 1)
    assert np.allclose(speeds, np.exp(-np.pi / np.sqrt(3)) ** np.arange(1, 4), rtol=2e-2)


def test_v_shaped_valley_has_one_critical_point():
    """The smallest convex combination of nearby gradients is away from zero everywhere but at (1, 1)."""

    def gradient(x, y):
        return np.array([-200 * np.sign(x) * (y - abs(x)) - np.sign(1 - x), 200 * (y - abs(x))])

    def distance(x, y):
        left, right = gradient(x - 1e-9, y), gradient(x + 1e-9, y)
        step = right - left
        s = np.clip(-(left @ step) / (step @ step), 0, 1) if step @ step > 0 else 0
        return np.linalg.norm(left + s * step)

    grid = np.linspace(-2, 2, 41)
    small = [(x, y) for x in grid for y in grid if distance(x, y) < 0.5]
    assert np.allclose(small, [(1, 1)])
