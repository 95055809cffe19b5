"""Predicted rotation against dense eigenvalues, measured rotation against the matrix exponential."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import sympy as sp

from dynopt import DIN, INNA, HeavyBallFlow, Misuse, Quadratic
from dynopt.flow.iterates import iterates
from dynopt.flow.portrait import PhasePlane
from dynopt.flow.spirals import measured, modes, rotation, spiral_set


def companion(alpha: float, beta: float, value: float) -> np.ndarray:
    """DIN's second-order equation u'' + (α + βλ)u' + λu = 0 as a matrix on (u, u')."""
    return np.array([[0.0, 1.0], [-value, -alpha - beta * value]])


@pytest.mark.parametrize(
    ("alpha", "beta", "value"), [(2, 0.1, 4), (2, 0.1, 0.5), (0.5, 1, 3), (1, 1.5, 0.7), (0.25, 2, 1.5), (0.5, 0.1, -3)]
)
def test_prediction_is_the_second_order_equation(alpha, beta, value):
    found, roots = rotation(DIN(alpha=alpha, beta=beta), value), np.linalg.eigvals(companion(alpha, beta, value))
    assert found.spirals == bool(np.any(np.abs(roots.imag) > 1e-12))
    assert found.frequency == pytest.approx(np.max(np.abs(roots.imag)), abs=1e-12)
    assert found.decay == pytest.approx(-np.max(roots.real), rel=1e-12)
    assert sorted(z.real for z in modes(DIN(alpha=alpha, beta=beta), value)) == pytest.approx(sorted(roots.real))


def test_a_double_root_is_no_spiral():
    assert rotation("din(alpha=1, beta=1)", 1).spirals is False
    assert rotation("din(alpha=1, beta=1)", 1).decay == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("alpha", "beta"), [(2, 0.1), (0.5, 0.5), (1, 0.99)])
def test_the_spiral_interval_is_the_thesis_one(alpha, beta):
    [(low, high)] = spiral_set(DIN(alpha=alpha, beta=beta))
    root = np.sqrt(1 - alpha * beta)
    assert [float(low), float(high)] == pytest.approx([((1 - root) / beta) ** 2, ((1 + root) / beta) ** 2], rel=1e-12)


def test_no_interval_from_product_one_on():
    assert spiral_set("din(alpha=2, beta=1/2)") == ()
    assert spiral_set("din(alpha=3, beta=1/2)") == ()


def test_the_heavy_ball_flow_spirals_without_end():
    assert spiral_set("hbf(alpha=3)") == ((sp.Rational(9, 4), sp.oo),)


@pytest.mark.parametrize(
    ("system", "turns"), [(companion(0.5, 0.1, 4.0), True), (companion(0.1, 0.0, 9.0), True), (companion(4.0, 0.5, 1.0), False)]
)
def test_measurement_on_the_matrix_exponential(system, turns):
    t = np.linspace(0, 12, 4001)
    step = scipy.linalg.expm(system * t[1])
    states = [np.array([1.0, -0.3])]
    for _ in t[1:]:
        states.append(step @ states[-1])
    found, roots = measured(t, *np.array(states).T), np.linalg.eigvals(system)
    if turns:
        assert found.spirals is True
        assert found.frequency == pytest.approx(np.abs(roots[0].imag), rel=1e-7)
        assert found.decay == pytest.approx(-roots[0].real, rel=1e-7)
    else:
        assert found.spirals is None
        assert found.turned < 1
        assert found.decay == pytest.approx(-np.max(roots.real), rel=1e-3)


def test_the_measurement_does_not_depend_on_the_coordinates():
    t = np.linspace(0, 30, 20001)
    u, w = np.exp(-0.2 * t) * np.cos(3 * t), np.exp(-0.2 * t) * np.sin(3 * t)
    skewed = measured(t, 5 * u + 0.3 * w, 0.01 * u - 2 * w)
    assert skewed.frequency == pytest.approx(3, rel=1e-7)
    assert skewed.decay == pytest.approx(0.2, rel=1e-6)


def test_crossings_without_rotation_are_no_spiral():
    """A node's θ crosses zero once, and its velocity too, but its angle never makes half a turn."""
    t = np.linspace(0, 20, 2001)
    u, w = 3 * np.exp(-2 * t) - np.exp(-t), -6 * np.exp(-2 * t) + np.exp(-t)
    assert np.any(np.diff(np.sign(u)))
    assert measured(t, u, w).spirals is None


def test_too_few_samples_are_said():
    t = np.arange(0, 20, 1.5)
    found = measured(t, np.cos(2 * t), np.sin(2 * t))
    assert found.spirals is None
    assert "samples" in found.note


def test_iterates_turn_as_the_map_does():
    method = INNA(alpha=0.5, beta=0.1, gamma=0.05)
    found = iterates(method, Quadratic([4]), (1.0,), steps=800)
    psi = (found.states[1] - (1 - 0.05) * found.states[0])[:, 0]
    seen, told = measured(found.t, found.theta[:, 0], psi), rotation(method, 4)
    matrix = np.array([[1 + 0.05 * (10 - 0.5 - 0.1 * 4), -0.5], [0.05 * (10 - 0.5), 0.5]])
    z = np.linalg.eigvals(matrix)[0]
    assert told.frequency == pytest.approx(abs(np.angle(z)) / 0.05, rel=1e-12)
    assert told.decay == pytest.approx(-np.log(abs(z)) / 0.05, rel=1e-9)
    assert seen.frequency == pytest.approx(told.frequency, rel=1e-5)
    assert seen.decay == pytest.approx(told.decay, rel=1e-5)


@pytest.mark.parametrize("method", ["inna(alpha=1/2)", "din_vanishing"])
def test_what_has_no_frequency_is_said(method):
    with pytest.raises(Misuse):
        rotation(method, 1)


def test_phase_plane_is_the_second_order_equation():
    plane, points = PhasePlane(DIN(alpha=0.7, beta=0.3), Quadratic([2])), np.array([[1.0, 0.5], [-0.2, 3.0]])
    assert plane.velocity(points) == pytest.approx(points @ companion(0.7, 0.3, 2.0).T, abs=1e-8)
    with pytest.raises(Misuse, match="phase plane"):
        PhasePlane(HeavyBallFlow(alpha=1), Quadratic([1, 2]))
