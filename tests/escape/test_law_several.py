"""The law of several unstable directions and of gradient noise against NumPy loops and exact first passages."""

from __future__ import annotations

import numpy as np
import pytest

import dynopt
from dynopt.escape import law
from dynopt.escape.exits import make_exit
from dynopt.escape.law import NoLaw
from dynopt.escape.predict import predict
from dynopt.escape.record import Law
from dynopt.escape.saddle import find_saddle
from dynopt.escape.statistics import kolmogorov

UNEQUAL = dynopt.Quadratic([-8, -5, -3, 2])
INNA = "inna(alpha=1/2, beta=1, gamma=0.02)"


def laws(method, problem, start="gaussian", scale=1e-12, radius=0.5, noise=0.0, saddle=None):
    place = find_saddle(problem, saddle)
    (found,) = predict(dynopt.method(method), place, [make_exit("coordinate", place, radius)], start, scale, radius, noise).values()
    return found


@pytest.mark.parametrize(
    ("method", "start"),
    [
        ("heavy_ball(gamma=0.02, momentum=0.9)", "gaussian"),
        pytest.param("gd(gamma=0.02)", "sphere", marks=pytest.mark.slow),
        pytest.param(INNA, "gaussian", marks=pytest.mark.slow),
        pytest.param(INNA, "sphere", marks=pytest.mark.slow),
    ],
)
def test_unequal_directions_by_simulation(method, start):
    study = dynopt.escape_study(method, UNEQUAL, runs=6000, seed=5, start=start, also=[])
    times = study.methods[0].times[0]
    assert times.law.best.kind == "quadratic"
    assert times.kolmogorov < 1.95 / 6000**0.5
    assert abs(times.moments.mean - times.law.best.mean) < 4 * times.moments.sd / 6000**0.5


@pytest.mark.slow
def test_uniform_starts_in_two_directions():
    study = dynopt.escape_study("gd(gamma=0.02)", dynopt.Quadratic([-8, -5, 2]), runs=6000, seed=5, start="uniform", also=[])
    assert study.methods[0].times[0].kolmogorov < 1.95 / 6000**0.5
    equal = dynopt.escape_study("gd(gamma=0.02)", dynopt.Quadratic([-8, -8, 2]), runs=6000, seed=6, start="uniform", also=[])
    assert equal.methods[0].times[0].kolmogorov < 1.95 / 6000**0.5


def test_nearly_equal_directions_are_the_limit():
    """Eigenvalues −8 and −8 − 10⁻⁷ against the χ₂ law of two equal ones."""
    near, equal = (
        laws("gd(gamma=0.02)", dynopt.Quadratic([-8, "-80000001/10000000", 2])),
        laws("gd(gamma=0.02)", dynopt.Quadratic([-8, -8, 2])),
    )
    k = min(len(near.best.cdf), len(equal.best.cdf))
    np.testing.assert_allclose(near.best.cdf[:k], equal.best.cdf[:k], atol=1e-5)


def test_a_slow_direction_changes_nothing():
    one, two = laws("gd(gamma=0.02)", dynopt.Quadratic([-8, 2])), laws("gd(gamma=0.02)", dynopt.Quadratic([-8, "-1/1000000", 2]))
    k = min(len(one.best.cdf), len(two.best.cdf))
    np.testing.assert_allclose(one.best.cdf[:k], two.best.cdf[:k], atol=1e-10)


def well_and_exit():
    place = find_saddle(dynopt.problem("double-well"))
    return place, [make_exit("coordinate", place, 0.5)]


def test_the_bend_is_said_where_there_is_no_nonlinear_law():
    bent = dynopt.Landscape(lambda x, y: x**4 - 4 * x**2 + y**4 - 2 * y**2)
    found = laws("gd(gamma=0.02)", bent, saddle=(0, 0))
    assert isinstance(found, Law)
    assert found.nonlinear is None
    assert "rates of their own" in found.reason
    (alone,) = predict(dynopt.method("gd(gamma=0.02)"), *well_and_exit(), "gaussian", 1e-12, 0.5).values()
    assert found.offset == pytest.approx(alone.offset, rel=1e-6)  # along x it is the double well
    assert found.to_dict()["quadratic_off"] is True


def simulate(method, runs, noise, scale, radius, steps, seed=0, slope=lambda x: np.array([-8.0, 2.0]) * x):
    """First exits by a NumPy loop of the definition, with the same noise for all gradients of an iteration."""
    rng = np.random.default_rng(seed)
    m = dynopt.method(method).numeric()

    class Noisy:
        def __init__(self, kick):
            self.kick = kick

        def gradient(self, x):
            return slope(x) + self.kick

        full_gradient = gradient

    kick = noise * rng.standard_normal((runs, 2))
    state = m.init(scale * rng.standard_normal((runs, 2)), Noisy(kick))
    first = np.full(runs, -1)
    sizes = []
    for k in range(steps):
        first = np.where((first < 0) & (np.abs(state[0][:, 0]) >= radius), k, first)
        sizes.append(state[0][:, 0].std())
        state = m.update(state, Noisy(kick), k)
        kick = noise * rng.standard_normal((runs, 2))
    return first, np.array(sizes)


METHODS = [
    "gd(gamma=0.02)",
    INNA,
    "inna(alpha=3, beta=0.1, gamma=0.01)",
    "nesterov(gamma=0.02, momentum=0.9)",
    "heavy_ball(gamma=0.02, momentum=0.9)",
]


@pytest.mark.parametrize("method", [*METHODS, "inna(alpha=1/2, beta=3, gamma=0.01)"])  # the last one's start hears the noise
def test_the_spread_under_noise(method):
    """√(s₀²a_k² + ε²n_k²) is the standard deviation over 20,000 runs, at steps where either part matters."""
    found = law.response(dynopt.method(method), -8, 1e4)
    driven = found.driven(3.0)
    _, sizes = simulate(method, 20_000, 3e-3, 1e-3, 1.0, 25)
    np.testing.assert_allclose(sizes, 1e-3 * driven.a[:25], rtol=4 / (2 * 20_000) ** 0.5)


def test_the_variance_of_gradient_descent():
    found = law.response(dynopt.method("gd(gamma=0.02)"), -8, 1e6)
    k = np.arange(len(found.a))
    np.testing.assert_allclose(found.noise**2, 0.02**2 * (1.16 ** (2 * k) - 1) / (1.16**2 - 1), rtol=1e-11, atol=1e-30)
    assert found.floor == pytest.approx(0.02 / (1.16**2 - 1) ** 0.5, rel=1e-9)


@pytest.mark.parametrize("method", [m for m in METHODS if "alpha=3" not in m])
def test_escape_driven_by_noise(method):
    found = laws(method, dynopt.Quadratic([-8, 2]), scale=1e-12, noise=1e-4)
    first, _ = simulate(method, 10_000, 1e-4, 1e-12, 0.5, len(found.best.cdf) + 100)
    assert (first >= 0).all()
    assert kolmogorov(np.bincount(first), 10_000, found.best.cdf) < 1.95 / 100
    assert not found.notes
    stable = laws(method, dynopt.Quadratic([-8, 2]), start="stable", scale=1e-12, noise=1e-4)
    assert stable.best.mean == pytest.approx(found.best.mean, abs=1e-6)


def test_noise_on_the_bent_objective():
    """The double well bends at the exit; the offset is that of the noiseless runs."""
    well = dynopt.problem("double-well")
    found = laws(INNA, well, noise=1e-4)
    first, _ = simulate(INNA, 10_000, 1e-4, 1e-12, 0.5, len(found.best.cdf), slope=well.gradient)
    counts = np.bincount(first[first >= 0])
    assert found.best.kind == "with nonlinear offset"
    assert kolmogorov(counts, 10_000, found.best.cdf) < 1.95 / 100 < 2 * kolmogorov(counts, 10_000, found.quadratic.cdf)


def first_passage(sigma, step, start, radius, steps, nodes=400):
    """P(K ≤ k) of x⁺ = σx + step·ξ from N(0, start²), by Gauss–Legendre on the density of the runs that are inside."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    x, w = radius * x, radius * w

    def bell(gap, sd):
        return np.exp(-((gap / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))

    density = bell(x, start)
    kernel = bell(x[:, None] - sigma * x[None, :], step) * w
    inside = [density @ w]
    for _ in range(steps):
        density = kernel @ density
        inside.append(density @ w)
    return 1 - np.array(inside)


@pytest.mark.parametrize(("share", "least", "most"), [(0.05, 0.0, 1e-9), (0.09, 1e-6, 0.002), (0.4, 0.02, 0.03)])
def test_first_passage_against_the_marginal(share, least, most):
    """The law is the marginal of |u_k| ≥ r; the exact first passage leads it, and a note says when by much.

    ``share`` is γε/(r√(σ² − 1)), the noise that is yet to come beside the radius.
    """
    step = share * 0.5 * (1.16**2 - 1) ** 0.5
    found = laws("gd(gamma=0.02)", dynopt.Quadratic([-8, 2]), scale=0.05, noise=step / 0.02)
    lead = first_passage(1.16, step, 0.05, 0.5, 60) - found.best.cdf[:61]
    assert lead.min() > -1e-9
    assert least < lead.max() < most
    assert any("noise yet to come" in n for n in found.notes) is (share > 0.1)


def test_no_law_for_noise_on_other_starts():
    assert isinstance(laws("gd(gamma=0.02)", UNEQUAL, start="sphere", noise=1e-3), NoLaw)
