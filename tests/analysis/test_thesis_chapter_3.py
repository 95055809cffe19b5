"""The Chapter 3 ledger: complete, its verdicts reached, its witnesses confirmed in floating point by other means.

The numerical side uses NumPy and SciPy on Jacobians obtained by running a method on unit vectors, never the symbolic matrices.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from dynopt.algorithms.din import DIN
from dynopt.algorithms.inna import INNA
from dynopt.core.algorithm import Flow
from dynopt.core.oracle import FunctionOracle
from dynopt.symbolic.claims import Computation
from dynopt.symbolic.collect import collect
from dynopt.symbolic.judge import judge

FILES = sorted((Path(__file__).parents[2] / "analysis").glob("thesis_3_*.py"))

VERDICTS = {
    "t3-kinds": "proved",
    "t3-morse": "refuted",
    "t3-discriminant": "proved",
    "t3-blocks": "proved",
    "t3-permutation": "refuted",
    "t3-charpoly": "proved",
    "t3-saddle-flow": "proved",
    "t3-interval-positive": "proved",
    "t3-minima-flow": "proved",
    "t3-spiral": "refuted",
    "t3-omega": "proved",
    "t3-real-form": "refuted",
    "t3-example-interval": "proved",
    "t3-hartman": "refuted",
    "t3-bound-positive": "ill-defined",
    "t3-fixed-points": "proved",
    "t3-saddle-map": "proved",
    "t3-zero-mode": "proved",
    "t3-stable-real": "proved",
    "t3-stable-complex": "proved",
    "t3-det": "proved",
    "t3-roots": "proved",
    "t3-lemma-313": "proved",
    "t3-lemma-314": "conditional",
    "t3-lemma-315": "conditional",
    "t3-limits": "proved",
    "t3-diffeo": "ill-defined",
    "t3-diffeo-exact": "proved",
    "t3-stable-exact": "proved",
    "t3-saddle-point": "refuted",
}
"""The rows of the table, with the verdicts that were established by hand first."""

ALSO = {
    "t3-jacobian": "proved",
    "t3-eigenvalues": "proved",
    "t3-eigenvalues-map": "proved",
    "t3-diagonal": "refuted",
    "t3-saddle-real": "refuted",
    "t3-example-rate": "proved",
    "t3-neighbourhood": "refuted",
    "t3-nondegenerate": "refuted",
    "t3-theorem-32": "not-checkable",
    "t3-increasing": "proved",
    "t3-chain": "refuted",
    "t3-max": "ill-defined",
    "t3-summary-real": "proved",
    "t3-summary": "refuted",
    "t3-complex-not-saddle": "refuted",
    "t3-stable-manifold": "refuted",
    "t3-theorem-39": "not-checkable",
    "t3-root-signs": "proved",
    "t3-diffeo-loss": "proved",
    "t3-no-real-roots": "refuted",
    "t3-beta-spare": "proved",
    "t3-wrong-way": "refuted",
    "t3-toy-lipschitz": "refuted",
    "t3-concave": "refuted",
}
"""What else Chapter 3 asserts."""

EVERY = {**VERDICTS, **ALSO}
SAMPLE = ("t3-charpoly", "t3-bound-positive", "t3-spiral", "t3-permutation", "t3-chain", "t3-zero-mode")


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
    if any(isinstance(check, Computation) for check in claim.checks) and name in ("t3-jacobian", "t3-blocks", "t3-permutation"):
        assert "All P" in claim.reduction


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


# --- the same findings in floating point ------------------------------------------------------------------------------------


def jacobian(method, *spectrum):
    """The linear map of a method on J = ½Σλ_iθ_i², column by column, by running it on unit vectors."""
    curvature, size = np.array(spectrum, dtype=float), len(spectrum)
    oracle = FunctionOracle(lambda x: None, lambda x: curvature * x)
    columns = []
    for unit in np.eye(2 * size):
        state = method.init(np.zeros(size), oracle)._replace(theta=unit[:size], psi=unit[size:])
        after = method.field(state, oracle, 0) if isinstance(method, Flow) else method.update(state, oracle, 0)
        columns.append(np.concatenate([after.theta, after.psi]))
    return np.array(columns).T


def din(alpha, beta, *spectrum):
    return jacobian(DIN(alpha=alpha, beta=beta), *spectrum)


def inna(alpha, beta, gamma, *spectrum):
    return jacobian(INNA(alpha=alpha, beta=beta, gamma=gamma), *spectrum)


def gamma_minus(alpha, beta, x):
    """The smaller root in γ of 1 − γ(α + βx) + γ²x in modulus of its reciprocal: by numpy.roots, not by the printed formula."""
    roots = np.roots([x, -(alpha + beta * x), 1.0])
    return min(roots[roots > 0]) if x > 0 else roots[roots > 0][0]


def test_a_spiral_needs_the_open_interval():
    assert np.all(np.linalg.eigvals(din(1, 1, 1)) == -1)  # an end of the closed interval: real
    assert np.all(np.linalg.eigvals(din(0.5, 0.5, 1)).imag != 0)


def test_a_double_eigenvalue_is_defective():
    matrix = din(1, 1, 1)
    assert np.linalg.matrix_rank(matrix + np.eye(2)) == 1
    path = [expm(t * matrix)[0, 1] for t in (0.5, 1.0, 2.0)]
    assert np.allclose(path, [-t * np.exp(-t) for t in (0.5, 1.0, 2.0)])
    assert path[0] > path[1] < path[2]  # not monotone, so no sum of decreasing exponentials with one sign


def test_a_saddle_direction_leaves_other_blocks_complex():
    assert np.abs(np.linalg.eigvals(din(0.5, 0.5, -1, 1)).imag).max() > 0.1


def test_a_centre_and_its_perturbation_are_not_conjugate():
    def field(t, z):
        return [-z[1] - z[0] * (z @ z), z[0] - z[1] * (z @ z)]

    end = solve_ivp(field, (0, 2 * np.pi), [1.0, 0.0], rtol=1e-10, atol=1e-12).y[:, -1]
    assert np.hypot(*end) == pytest.approx(1 / np.sqrt(1 + 4 * np.pi), rel=1e-8)
    assert np.allclose(expm(2 * np.pi * np.array([[0, -1], [1, 0]])), np.eye(2))


def test_a_solution_leaves_the_unit_ball():
    start = np.array([1.0, 0.0])
    assert np.linalg.norm(expm(0.1 * din(0.5, 0.5, 1)) @ start) > 1


def test_the_bound_has_no_real_value():
    """(3.20) at α = β = ½, L = 1; every γ in (0, β) is nevertheless admissible there, and the exact end lies beyond β."""
    alpha, beta, largest = 0.5, 0.5, 1.0
    assert np.iscomplex(np.roots([largest, -(alpha + beta * largest), 1.0])).all()
    end = gamma_minus(alpha, beta, -largest)
    assert end > beta
    for gamma in np.linspace(0.01, 0.999 * end, 50):
        assert all(np.linalg.det(inna(alpha, beta, gamma, value)) > 0 for value in np.linspace(-largest, largest, 21))
    assert np.linalg.det(inna(alpha, beta, end, -largest)) == pytest.approx(0, abs=1e-12)


def test_the_determinant_vanishes_at_the_ends_of_the_interval_without_real_roots():
    assert np.linalg.det(inna(1, 1, 1, 1)) == pytest.approx(0, abs=1e-15)


def test_the_lemmas_at_alpha_beta_one():
    assert np.allclose([gamma_minus(1, 1, x) for x in (-9, -3, -1, -0.1, 0.1, 0.5, 0.9)], 1)
    assert gamma_minus(0.9, 1, -2) < gamma_minus(0.9, 1, -1)
    assert gamma_minus(1.1, 1, -2) > gamma_minus(1.1, 1, -1)


def test_the_sign_at_the_end_of_the_proof():
    assert gamma_minus(1, 1, 2) == pytest.approx(1 / 2)
    assert gamma_minus(1, 1, 3) == pytest.approx(1 / 3)


def test_zero_curvature_is_neutral():
    assert sorted(np.linalg.eigvals(inna(1, 1, 0.5, 0))) == pytest.approx([0.5, 1])


def test_complex_eigenvalues_beside_a_saddle():
    values = np.linalg.eigvals(inna(1, 0.5, 0.1, 1, -1))
    assert np.abs(values.imag).max() > 0
    assert np.abs(values).max() > 1


def test_the_second_sign_of_the_chain_is_an_equality():
    alpha, beta, largest = 2.0, 1.0, 1.0
    slow, fast = sorted(-np.linalg.eigvals(din(alpha, beta, largest)).real)  # (a ∓ √Δ)/2
    assert (2 * slow) / (2 * largest) * (2 * fast) == pytest.approx(2)


def printed_permutation(size):
    """(3.36), filled in by the loop that the thesis prints."""
    u = np.zeros((2 * size + 1, 2 * size + 1))
    for p in range(1, size + 1):
        if size % 2:
            u[size - p + 1, p] += 1 - p % 2
            u[size + p, 2 * size - p + 1] += p % 2
            u[p, 2 * size - p] += p % 2
        else:
            u[p, p] += p % 2
            u[size + p, size + p] += 1 - p % 2
            u[size + p, p] += p % 2
            u[p, size + p] += p % 2
    return u[1:, 1:]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_printed_permutation_is_singular(size):
    if size == 1:
        assert np.array_equal(printed_permutation(1), np.eye(2))
    else:
        assert np.linalg.matrix_rank(printed_permutation(size)) < 2 * size


def double_well():
    return FunctionOracle(lambda x: None, lambda x: np.array([4 * x[0] ** 3 - 8 * x[0], 2 * x[1]]))


def test_another_start_reaches_the_saddle():
    well = double_well()
    for gamma, start in ((1 / 8, 2.0), (1 / 50, np.sqrt(29 / 2))):
        method = INNA(alpha=1, beta=1, gamma=gamma)
        after = method.update(method.init(np.array([start, 0.0]), well), well, 0)
        assert np.allclose([*after.theta, *after.psi], 0, atol=1e-14)


@pytest.mark.parametrize(("alpha", "low", "high"), [(2.0, 4.0, 4.1), (0.5, 3.7, 3.8)])
def test_a_start_between_two_basins_comes_to_the_saddle(alpha, low, high):
    """At the figure's parameters: between a start that ends at +√2 and one that ends at −√2 orbits pass ever closer to the saddle."""
    well = FunctionOracle(lambda x: None, lambda x: 4 * x**3 - 8 * x)
    method = INNA(alpha=alpha, beta=1, gamma=0.02)

    def paths(starts):
        state = method.init(starts, well)
        for _ in range(800):
            yield state
            state = method.update(state, well, 0)

    closest = []
    for _ in range(8):
        starts = np.linspace(low, high, 65)
        orbits = np.array(list(paths(starts)))  # step × (θ, ψ) × start
        sides = np.sign(orbits[-1, 0])
        assert np.allclose(np.abs(orbits[-1, 0, [0, -1]]), np.sqrt(2), atol=1e-2)
        assert (sides[0], sides[-1]) == (1, -1)
        change = np.flatnonzero(sides[1:] != sides[:-1])[0]
        low, high = starts[change], starts[change + 1]
        closest.append(np.abs(orbits[:, :, change]).max(axis=1).min())
    assert closest == sorted(closest, reverse=True)
    assert closest[-1] < closest[0] / 20


def test_a_start_at_the_saddle_stays():
    well = double_well()
    flow = DIN(alpha=0.5, beta=0.1)
    velocity = flow.field(flow.init(np.zeros(2), well), well, 0)
    assert not np.any(velocity.theta)
    assert not np.any(velocity.psi)


def test_the_toy_landscape_is_nowhere_concave_and_not_lipschitz():
    def curvature(x, y, h=1e-3):
        def value(x, y):
            return x**4 - 4 * x**2 + y**2

        return [(value(x + h, y) - 2 * value(x, y) + value(x - h, y)) / h**2, (value(x, y + h) - 2 * value(x, y) + value(x, y - h)) / h**2]

    assert curvature(0, 0) == pytest.approx([-8, 2], abs=1e-4)
    assert curvature(100, 0)[0] > 1e5


def test_a_morse_function_may_have_a_maximum_and_a_strict_saddle_may_be_degenerate():
    x = np.linspace(-1, 1, 201)
    assert np.all(-(x**2) <= 0)  # −θ² at its only critical point
    at = np.array([[0.1, 0.0], [0.0, 0.1]])
    values = -(at[:, 0] ** 2) + at[:, 1] ** 4
    assert values[0] < 0 < values[1]  # −θ₁² + θ₂⁴: a saddle whose Hessian is diag(−2, 0)


@pytest.mark.parametrize("seed", range(2))
def test_the_exact_sets_by_brute_force(seed):
    """Random parameters: |1 − αγ| > Lγ|β − γ| against determinants, the stability region against spectral radii, on a grid of λ."""
    rng = np.random.default_rng(seed)
    agreements = 0
    for _ in range(100):
        alpha, beta, gamma, largest = rng.uniform([0.05, 0.05, 0.02, 0.1], [3, 2, 3, 8])
        smallest = largest * rng.uniform(0.05, 1)
        at_zero = inna(alpha, beta, gamma, 0)
        slope = inna(alpha, beta, gamma, 1) - at_zero  # M is affine in λ
        determinants = np.linalg.det(at_zero + np.linspace(-largest, largest, 201)[:, None, None] * slope)
        invertible = np.all(determinants > 0) or np.all(determinants < 0)
        assert invertible == (abs(1 - alpha * gamma) > largest * gamma * abs(beta - gamma))
        radius = np.abs(np.linalg.eigvals(at_zero + np.linspace(smallest, largest, 101)[:, None, None] * slope)).max()
        flips = [4 - 2 * gamma * (alpha + beta * end) + gamma**2 * end for end in (smallest, largest)]
        region = gamma < beta + alpha / largest and min(flips) > 0
        assert (radius < 1) == region
        agreements += region
    assert 10 < agreements < 90
