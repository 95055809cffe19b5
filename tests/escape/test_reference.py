"""The nonlinear offset against scalar loops and against an exactly solvable flow's discretisation."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dynopt
from dynopt.core.problem import oracle
from dynopt.escape import reference
from dynopt.escape.exits import make_exit, other_exits
from dynopt.escape.law import NoLaw, response
from dynopt.escape.reference import amplitudes, directions
from dynopt.escape.saddle import find_saddle

WELL = dynopt.problem("double-well")


def leaves_by(method, problem, start, k, radius, point=0.0):
    """Whether a scalar run has been ``radius`` away by step k."""
    states = dynopt.method(method).numeric().states(np.array(start, dtype=float), oracle(problem))
    return max(abs(float(next(states)[0][0]) - point) for _ in range(k + 1)) >= radius


def bisected(method, problem, k, radius, point=0.0, sign=1.0, length=2):
    low, high = math.log(1e-6), math.log(radius)
    for _ in range(45):
        middle = (low + high) / 2
        start = [point + sign * math.exp(middle), *([0.0] * (length - 1))]
        low, high = (low, middle) if leaves_by(method, problem, start, k, radius, point) else (middle, high)
    return math.exp(high)


@pytest.mark.parametrize(
    "method", ["gd(gamma=0.02)", "gd(gamma=1/500)", "inna(alpha=1/2, beta=1, gamma=0.02)", "heavy_ball(gamma=0.02, momentum=0.9)"]
)
def test_amplitudes_are_those_of_bisection(method):
    saddle = find_saddle(WELL)
    table = amplitudes(dynopt.method(method), saddle, [make_exit("coordinate", saddle, 0.5)], 0.5, 0.49)["coordinate(radius=0.5)"]
    assert np.array_equal(table[0].x, table[1].x)  # the double well is even
    for k in (3, 10, 25):
        assert table[0].x[k] == pytest.approx(bisected(method, WELL, k, 0.5), rel=5e-5)


def test_the_two_directions_differ_where_the_objective_is_not_even():
    problem = dynopt.Landscape(lambda x: -(x**2) / 2 + x**3 / 3 + x**4 / 4)
    saddle = find_saddle(problem, (0,))
    table = amplitudes(dynopt.method("gd(gamma=0.4)"), saddle, [make_exit("coordinate", saddle, 0.4)], 0.4, 1e-9)["coordinate(radius=0.4)"]
    k = min(len(side.x) for side in table) - 5
    for side, sign in zip(table, (1.0, -1.0), strict=True):
        assert side.x[k] == pytest.approx(bisected("gd(gamma=0.4)", problem, k, 0.4, sign=sign, length=1), rel=5e-5)
    assert abs(table[0].x[k] / table[1].x[k] - 1) > 0.05


def test_nothing_to_correct_on_a_quadratic():
    saddle = find_saddle(dynopt.Quadratic([-8, 2]))
    method = dynopt.method("heavy_ball(gamma=0.02, momentum=0.9)")
    table = amplitudes(method, saddle, [make_exit("coordinate", saddle, 0.5)], 0.5, 1e-12)["coordinate(radius=0.5)"]
    reached = response(method, -8, 1e8).reached[: len(table[0].x)]
    found = table[0].x[np.isfinite(table[0].x)]
    np.testing.assert_allclose(found, 0.5 / reached[-len(found) :], rtol=1e-9)


def test_the_offset_of_the_flow():
    """u' = 8u − 4u³ reaches 0.5 as e^{8t}u₀ reaches 0.5/√(1 − 0.125); gradient descent with a tiny step comes close."""
    saddle = find_saddle(WELL)
    method = dynopt.method("gd(gamma=1/1000)")
    table = amplitudes(method, saddle, [make_exit("coordinate", saddle, 0.5)], 0.5, 1e-12)["coordinate(radius=0.5)"]
    reached = response(method, -8, 1e7).reached[len(table[0].x) - 1]
    assert table[0].x[-1] * reached == pytest.approx(0.5 / math.sqrt(1 - 0.125), rel=4e-3)


def test_every_exit_has_its_own():
    saddle = find_saddle(WELL)
    principal = make_exit("coordinate", saddle, 0.5)
    tables = amplitudes(dynopt.method("gd(gamma=0.02)"), saddle, [principal, *other_exits(principal, saddle, 0.5)], 0.5, 1e-12)
    ends = {name: sides[0].x[-1] * 1.16 ** (len(sides[0].x) - 1) for name, sides in tables.items()}
    assert ends["ball(radius=0.5)"] == pytest.approx(ends["coordinate(radius=0.5)"], rel=1e-4)
    assert ends["coordinate(radius=0.5)"] < ends["drop(amount=1)"] < ends["concave"] < ends["basin(radius=0.5)"]


def test_no_table_where_starting_further_out_means_leaving_later():
    """Starts up to 2 reach over the minimiser at √2: the basin is entered from outside, and left again."""
    saddle = find_saddle(WELL)
    found = amplitudes(dynopt.method("gd(gamma=0.02)"), saddle, [make_exit("basin(radius=0.1)", saddle, 0.5)], 0.5, 3.0)
    assert isinstance(found["basin(radius=0.1)"], NoLaw)


def test_a_budget(monkeypatch):
    monkeypatch.setattr(reference, "LONGEST", 20)
    saddle = find_saddle(WELL)
    found = amplitudes(dynopt.method("gd(gamma=0.02)"), saddle, [make_exit("coordinate", saddle, 0.5)], 0.5, 1e-12)
    assert "more than 20 steps" in str(found["coordinate(radius=0.5)"])


@pytest.mark.parametrize("d", [1, 2, 3, 5, 40])
def test_directions_average_quadratics(d):
    found = directions(d)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-13)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-13)
    np.testing.assert_allclose(found.T @ found / len(found), np.eye(d) / d, atol=1e-13)


@pytest.mark.slow
def test_the_law_of_two_equal_directions_of_a_bent_problem():
    """x⁴/4 − x²/2 in both coordinates: the offset depends on the direction, and the averaged law holds."""
    problem = dynopt.Landscape(lambda x, y: x**4 / 4 - x**2 / 2 + y**4 / 4 - y**2 / 2)
    study = dynopt.escape_study("gd(gamma=0.2)", problem, saddle=(0, 0), runs=8000, seed=1, also=[])
    times = study.methods[0].times[0]
    assert times.law.best.kind == "with nonlinear offset"
    assert times.kolmogorov < 1.95 / 8000**0.5
    from dynopt.escape.statistics import kolmogorov

    assert kolmogorov(times.counts, 8000, times.law.quadratic.cdf) > 2 * 1.95 / 8000**0.5


def test_reference_runs_that_come_to_rest_end():
    """Along its unstable direction gradient descent goes from the octopus's origin to the next saddle and stays there."""
    saddle = find_saddle(dynopt.problem("octopus(n=2)"), [0])
    exits = [make_exit("basin", saddle, 0.5), make_exit("ball", saddle, 0.5)]
    found = amplitudes(dynopt.method("gd(gamma=0.1)"), saddle, exits, 0.5, 1e-12)
    assert "come to rest before this exit" in str(found[exits[0].text])
    assert all(side.leaves for side in found[exits[1].text])


def left(problem, exit, runs, steps, scale=1e-6, gamma=0.1, seed=3):
    """First steps of a NumPy loop of gradient descent in one dimension from N(0, scale²), −1 for never."""
    x = scale * np.random.default_rng(seed).standard_normal((runs, 1))
    first = np.full(runs, -1)
    for k in range(steps):
        first = np.where((first < 0) & exit(x[:, 0]), k, first)
        x = x - gamma * problem.gradient(x)
    return first


LOPSIDED = dynopt.Landscape(lambda x: -(x**2) / 2 + x**3 / 2 + x**4 / 4)
"""Minimisers at −2 and ½, the saddle at 0."""


@pytest.mark.parametrize(
    ("name", "exit", "never"),
    [("coordinate(radius=1)", lambda x: np.abs(x) >= 1, 0.5),
     ("basin(radius=0.3)", lambda x: np.minimum(abs(x + 2), abs(x - 0.5)) <= 0.3, 0),
     ("drop(amount=0.01)", lambda x: x**2 / 2 - x**3 / 2 - x**4 / 4 >= 0.01, 0)],
)  # fmt: skip
def test_each_side_has_its_own_times(name, exit, never):
    study = dynopt.escape_study("gd(gamma=0.1)", LOPSIDED, 4000, scale=1e-6, exit=name, saddle=(0,), also=[], max_steps=400)
    times = study.methods[0].times[0]
    law, first = times.law.best, left(LOPSIDED, exit, 20_000, 400)
    assert law.never == pytest.approx(never, abs=1e-12)
    counts = np.bincount(first[first >= 0], minlength=401)
    assert np.abs(counts.cumsum() / 20_000 - law.at(np.arange(401))).max() < 1.95 / 20_000**0.5
    assert times.kolmogorov < 1.95 / 4000**0.5
    if never:
        assert (law.mean, law.quantile(0.49) is None, law.quantile(0.51)) == (math.inf, False, None)
        assert abs(times.censored / 4000 - 0.5) < 4 * 0.5 / 4000**0.5
        from dynopt.report.escape import text

        assert "50 % of the runs never leave" in text(study)
        assert "has all runs leave, and some come to rest" in text(study)


def test_starts_that_are_out_where_others_never_get():
    """Starts of size 1 on the side of the minimiser at ½: those beyond 1 are out at once, the others never."""
    study = dynopt.escape_study(
        "gd(gamma=0.1)", LOPSIDED, 2000, scale=1.0, exit="coordinate(radius=1)", saddle=(0,), also=[], max_steps=300
    )
    first = left(LOPSIDED, lambda x: np.abs(x) >= 1, 20_000, 300, scale=1.0)
    counts, law = np.bincount(first[first >= 0], minlength=301), study.methods[0].times[0].law.best
    assert np.abs(counts.cumsum() / 20_000 - law.at(np.arange(301))).max() < 1.95 / 20_000**0.5
    assert law.never == pytest.approx(math.erf(1 / 2**0.5) / 2, abs=1e-3)  # P(0 < Z < 1)


def test_an_exit_that_no_side_reaches():
    """Beyond both minimisers of the double well: the quadratic model says that all leave, the runs say that none does."""
    study = dynopt.escape_study("gd(gamma=0.02)", WELL, 500, exit="coordinate(radius=1.5)", also=[], max_steps=300)
    times = study.methods[0].times[0]
    assert (times.escaped, times.law.best.never, times.kolmogorov) == (0, 1.0, 0.0)
