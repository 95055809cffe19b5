"""Normalised gradient descent beside a saddle against its map written out in NumPy, and against closed forms of that map."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dynopt
from dynopt.escape import sampled
from dynopt.escape.exits import make_exit
from dynopt.escape.law import NoLaw
from dynopt.escape.normalised import growth, symmetric_steps
from dynopt.escape.predict import predict
from dynopt.escape.record import Law
from dynopt.escape.saddle import find_saddle


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """A quarter of the points: enough beside 20,000 runs."""
    monkeypatch.setattr(sampled, "WHOLE", 13)


def law(problem, start="gaussian", scale=1e-12, radius=0.5, gamma="0.02", exits=("coordinate",), **more):
    saddle = find_saddle(problem)
    made = [make_exit(e, saddle, radius) for e in exits]
    return list(predict(dynopt.method(f"normalized_gd(gamma={gamma})"), saddle, made, start, scale, radius, **more).values())


def leave(theta, spectrum, radius, gamma=0.02, slope=None):
    """First steps with the unstable part (λ < 0) at least ``radius`` long."""
    spectrum = np.asarray(spectrum, dtype=float)
    first = np.full(len(theta), -1)
    for k in range(2000):
        out = np.sqrt((theta[:, spectrum < 0] ** 2).sum(1)) >= radius
        first[out & (first < 0)] = k
        if (first >= 0).all():
            return first
        g = slope(theta) if slope else spectrum * theta
        theta = theta - gamma * g / np.sqrt((g**2).sum(1))[:, None]
    raise AssertionError("runs stay")


def distance(first, found):
    counts = np.bincount(first)
    return np.abs(counts.cumsum() / len(first) - found.at(np.arange(len(counts)))).max()


@pytest.mark.parametrize(
    ("spectrum", "start", "scale"),
    [((-8, 2), "gaussian", 1e-12), ((-1, 8), "gaussian", 0.1), ((-1, -1, 8, 8, 3), "sphere", 0.05), ((-2, -1), "uniform", 0.01)],
)
def test_the_law_by_simulation(spectrum, start, scale):
    """Two, three and no stable eigenvalues; tiny starts, starts of several steps."""
    (found,) = law(dynopt.Quadratic(list(spectrum)), start, scale)
    rng, n = np.random.default_rng(1), 20_000
    z = rng.uniform(-1, 1, (n, len(spectrum))) if start == "uniform" else rng.standard_normal((n, len(spectrum)))
    if start == "sphere":
        z /= np.linalg.norm(z, axis=1)[:, None]
    assert found.best.kind == "quadratic"
    assert 0 < found.best.error < 0.008
    assert distance(leave(scale * z, spectrum, 0.5), found.best) < 1.95 / n**0.5


def test_tiny_starts_are_an_angle():
    """After one step x₁ = γ cos ψ, u₁ = γ sin ψ with tan ψ = 4|U/X|, of which the distribution is Cauchy's: one integral."""
    (found,) = law(dynopt.Quadratic([-8, 2]))
    turns = (np.arange(200_000) + 0.5) / 200_000
    angle = np.arctan(4 * np.tan(np.pi / 2 * turns))
    x, u = 0.02 * np.cos(angle), 0.02 * np.sin(angle)
    share = [0.0, 0.0]
    for _ in range(2, 32):
        rho = np.sqrt(x**2 + 16 * u**2)
        x, u = x - 0.02 * x / rho, u + 0.08 * u / rho
        share.append(float((u >= 0.5).mean()))
    np.testing.assert_allclose(found.best.at(np.arange(32)), share, atol=2 * found.best.error)
    assert found.best.quantile(0.5) == 26


def test_the_true_objective():
    """Of the double well, under exits that the quadratic model does not know: drop, and the coordinate where it bends."""
    well = dynopt.problem("double-well")
    coordinate, drop = law(well, scale=1e-3, exits=("coordinate(radius=1)", "drop(amount=1)"), gamma="0.1")
    assert (coordinate.best.kind, drop.quadratic) == ("sampled", None)
    theta = 1e-3 * np.random.default_rng(2).standard_normal((20_000, 2))
    first = leave(theta, (-8, 2), 1.0, 0.1, lambda t: np.stack([4 * t[:, 0] ** 3 - 8 * t[:, 0], 2 * t[:, 1]], 1))
    assert distance(first, coordinate.best) < 1.95 / 20_000**0.5
    assert abs(coordinate.offset) < 0.05  # steps have one length wherever the gradient points the same way


@pytest.mark.parametrize("ratio", [0.125, 4.0])
@pytest.mark.parametrize("phase", [0.5, 0.2, 0.95])
def test_growth_over_the_two_cycle(ratio, phase):
    x, u, seen = phase, 1e-60, []
    for _ in range(21):
        rho = math.hypot(x, ratio * u)
        x, u = abs(x - x / rho), u + ratio * u / rho
        seen.append(u)
    assert (seen[20] / seen[0]) ** (1 / 20) == pytest.approx(growth(ratio, phase), rel=1e-6)
    assert growth(ratio, phase) >= growth(ratio) == 1 + 2 * ratio


def test_steps_along_the_symmetric_cycle():
    """c = 1/80: the cycle ends at u = 40γ, not at γ; started on the cycle, a run needs the closed form's steps to within 1 %."""
    x, u, k = math.sqrt(0.25 - (0.0125 * 1e-6) ** 2), 1e-6, 0
    while u < 100:
        rho = math.hypot(x, 0.0125 * u)
        x, u, k = abs(x - x / rho), u + 0.0125 * u / rho, k + 1
    assert k == pytest.approx(symmetric_steps(1e-6, 100, 1.0, 0.0125), rel=0.01)
    assert symmetric_steps(0.3, 0.5, 0.1, 4.0) == pytest.approx(2)  # beyond the cycle, γ a step


def test_what_is_said():
    cycling, short, none = (law(dynopt.Quadratic(s))[0].notes[0] for s in ([-8, 2], [-1, 80], [-1, -1]))
    assert "= 9 a step" in cycling
    assert "0.0025, then 0.02 a step" in cycling
    assert "0.8, which is beyond the radius 0.5" in short
    assert "no direction is stable" in none


@pytest.mark.parametrize(
    ("more", "said"),
    [({"noise": 1e-3}, "exact gradients"), ({"start": "stable"}, "do not leave"), ({"gamma": "0.1/(k+1)"}, "varies with the iteration"),
     ({"more": 300}, "302 coordinates"), ({"gamma": "1e-6"}, "steps of length gamma=1e-06 may be needed")],
)  # fmt: skip
def test_no_law(more, said):
    (found,) = law(dynopt.Quadratic([-8, 2] + [1] * more.pop("more", 0)), **more)
    assert isinstance(found, NoLaw)
    assert said in str(found)


def test_in_a_study():
    study = dynopt.escape_study("normalized_gd(gamma=1/50)", dynopt.Quadratic([-1, 8]), runs=4000, scale=0.1, also=["ball"])
    for t in study.methods[0].times:
        assert isinstance(t.law, Law)
        assert t.kolmogorov < 1.95 / 4000**0.5
    assert study.to_dict()["methods"][0]["law"]["sigma"] is None
    from dynopt.report.escape import text

    assert "2-cycle along it" in text(study)
