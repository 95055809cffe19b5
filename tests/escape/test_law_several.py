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
from dynopt.escape.sampled import sampled
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
@pytest.mark.parametrize(
    ("spectrum", "start"), [((-8, -5, 2), "uniform"), ((-8, -8, 2), "uniform"), ((-8, -5, -5, 2), "uniform"), ((-8, -5, -3, 2), "ball")]
)
def test_starts_in_a_cube_and_a_ball(spectrum, start):
    study = dynopt.escape_study("gd(gamma=0.02)", dynopt.Quadratic(list(spectrum)), runs=6000, seed=6, start=start, also=[])
    assert study.methods[0].times[0].kolmogorov < 1.95 / 6000**0.5


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


class Unlisted:
    """A landscape that keeps its critical points to itself: SymPy looks long for those of some of these."""

    def __init__(self, function):
        inner = dynopt.Landscape(function)
        self.name, self.dimension, self.symbols = inner.name, inner.dimension, inner.symbols
        self.value, self.gradient, self.hessian, self.smooth = inner.value, inner.gradient, inner.hessian, True


def test_the_bend_in_unequal_directions_by_simulation():
    """Gradient descent in NumPy on 10,000 whole starts; the law runs the unstable parts of quasi-random ones."""
    bent = Unlisted(lambda x, y, z: x**4 - 4 * x**2 + y**4 - 2 * y**2 + x * y**2 + z**2 + x * z)
    place = find_saddle(bent, (0, 0, 0))
    exits = [make_exit(e, place, 0.5) for e in ("coordinate(radius=1)", "drop(amount=4)")]
    found = list(predict(dynopt.method("gd(gamma=0.05)"), place, exits, "gaussian", 1e-6, 0.5).values())
    x = 1e-6 * np.random.default_rng(8).standard_normal((10_000, 3))
    first = np.full((2, len(x)), -1)
    for k in range(300):
        out = np.stack([np.linalg.norm(x @ place.unstable, axis=1) >= 1, bent.value(x) <= -4])
        first[(first < 0) & out] = k
        x = x - 0.05 * bent.gradient(x)
    assert (first >= 0).all()
    for one, times in zip(found, first, strict=True):
        assert (one.best.kind, one.best.never) == ("sampled", 0)
        assert 0 < one.best.error < 0.005
        counts = np.bincount(times)
        assert np.abs(counts.cumsum() / len(x) - one.best.at(np.arange(len(counts)))).max() < 1.95 / len(x) ** 0.5
    assert kolmogorov(np.bincount(first[0]), len(x), found[0].quadratic.cdf) > 3 * 1.95 / len(x) ** 0.5
    assert found[0].to_dict()["quadratic_off"] is True


def test_a_sample_with_noise():
    """Starts of the noise's own size in each direction: against the law on the quadratic model, where nothing bends."""
    place = find_saddle(dynopt.Quadratic([-8, -5, 2]))
    coordinate, ball = (make_exit(e, place, 0.5) for e in ("coordinate", "ball"))
    found = predict(dynopt.method("gd(gamma=0.02)"), place, [coordinate, ball], "gaussian", 1e-9, 0.5, 1e-6)
    exact, other = found[coordinate.text].best, found[ball.text].best
    assert (exact.kind, other.kind) == ("quadratic", "sampled")
    assert np.abs(exact.cdf - other.at(np.arange(len(exact.cdf)))).max() < 1e-3


def test_runs_that_are_late_are_followed_further():
    place = find_saddle(dynopt.Quadratic([-8, -5, 2]))
    ball = make_exit("ball", place, 0.5)
    short, long = (
        sampled(dynopt.method("gd(gamma=0.05)"), place, [ball], "gaussian", 1e-6, steps, stretch=np.ones(2))[ball.text]
        for steps in (40, 400)
    )
    assert 40 < len(short.cdf) < 400
    assert np.array_equal(short.cdf, long.cdf)


def test_an_oblique_cube_on_a_bent_objective():
    """x and y enter as x + y and x − y, and the cube's part along x + y has a triangular distribution."""
    bent = dynopt.Landscape(lambda x, y: (x + y) ** 4 / 4 - (x + y) ** 2 + (x - y) ** 2)
    found = laws("gd(gamma=0.05)", bent, start="uniform", saddle=(0, 0))
    rng = np.random.default_rng(1)
    v, first = 1e-12 * rng.uniform(-1, 1, (20_000, 2)).sum(1) / 2**0.5, np.full(20_000, -1)
    for k in range(400):
        first[(first < 0) & (np.abs(v) >= 0.5)] = k
        v = v + 0.05 * (4 * v - 4 * v**3)  # J = v⁴ − 2v² with x + y = √2 v
    counts = np.bincount(first)
    assert (first >= 0).all()
    assert np.abs(counts.cumsum() / 20_000 - found.best.at(np.arange(len(counts)))).max() < 1.95 / 20_000**0.5


def test_runs_that_need_their_other_components_have_no_sampled_law():
    """From (0, 0, 0) the unstable parts go to (±1, ±1, 0), where z, which they lack, leads down: no drop by more than 3/2."""
    bent = Unlisted(lambda x, y, z: x**4 / 2 - x**2 + y**4 - 2 * y**2 + z**2 * (1 - x**2 - y**2) + z**4)
    place = find_saddle(bent, (0, 0, 0))
    exits = [make_exit(e, place, 0.5) for e in ("coordinate", "drop(amount=1.6)")]
    coordinate, drop = predict(dynopt.method("gd(gamma=0.1)"), place, exits, "gaussian", 1e-6, 0.5).values()
    assert isinstance(coordinate, Law)
    assert isinstance(drop, NoLaw)
    assert "come to rest before this exit" in str(drop)


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
