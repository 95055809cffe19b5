"""Combinators against steps computed by hand and against orders of convergence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import dynopt
from dynopt import DIN, INNA, Flow, Misuse, explicit_euler, runge_kutta, semi_implicit_euler
from dynopt.core.oracle import FunctionOracle


class Phase(NamedTuple):
    theta: Any
    p: Any


class Oscillator(Flow):
    """θ' = p, p' = −∇J: energy-preserving."""

    def init(self, theta0, oracle):
        return Phase(theta0, 0 * theta0)

    def field(self, state, oracle, t):
        return Phase(state.p, -oracle.gradient(state.theta))


class Clock(Flow):
    """θ' = t, started at time 1."""

    autonomous = False
    start_time = 1.0

    def init(self, theta0, oracle):
        return dynopt.Position(theta0)

    def field(self, state, oracle, t):
        return dynopt.Position(0 * state.theta + t)


unit = FunctionOracle(lambda x: x @ x / 2, lambda x: x)
start = Phase(np.array([1.0]), np.array([2.0]))


def test_explicit_euler_by_hand():
    after = explicit_euler(Oscillator)(gamma=0.5).update(start, unit, 0)
    assert (after.theta, after.p) == (2.0, 1.5)  # 1 + 0.5·2, 2 − 0.5·1


def test_semi_implicit_euler_by_hand_in_both_orders():
    first = semi_implicit_euler(Oscillator)(gamma=0.5).update(start, unit, 0)
    assert (first.theta, first.p) == (2.0, 1.0)  # p sees the new θ = 2
    second = semi_implicit_euler(Oscillator, ["p", "theta"])(gamma=0.5).update(start, unit, 0)
    assert (second.p, second.theta) == (1.5, 1.75)  # θ sees the new p = 1.5


def test_midpoint_by_hand():
    midpoint = runge_kutta(Oscillator, [[], ["1/2"]], [0, 1])(gamma=0.5)
    after = midpoint.update(start, unit, 0)
    assert (after.theta, after.p) == (1 + 0.5 * 1.75, 2 - 0.5 * 1.5)  # middle: θ = 1.5, p = 1.75


def test_time_reaches_the_field():
    euler, midpoint = explicit_euler(Clock)(gamma=0.5), runge_kutta(Clock, [[], ["1/2"]], [0, 1])(gamma=0.5)
    at = dynopt.Position(np.array([0.0]))
    assert euler.update(at, unit, 3).theta == 0.5 * 2.5
    assert midpoint.update(at, unit, 3).theta == 0.5 * 2.75


@pytest.mark.parametrize(
    ("tableau", "order"),
    [
        (([[]], [1]), 1),
        (([[], ["1/2"]], [0, 1]), 2),
        (([[], ["1/2"], [0, "1/2"], [0, 0, 1]], ["1/6", "1/3", "1/3", "1/6"]), 4),
    ],
)
def test_order_of_convergence_on_the_circle(tableau, order):
    method = runge_kutta(Oscillator, *tableau)
    errors = []
    for steps in (40, 80):
        state, walker = Phase(np.array([1.0]), np.array([0.0])), method(gamma=1.0 / steps)
        for k in range(steps):
            state = walker.update(state, unit, k)
        errors.append(float(np.hypot(state.theta - np.cos(1.0), state.p + np.sin(1.0))[0]))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_inna_is_the_explicit_euler_step_of_din():
    assert INNA.flow_class is DIN
    flow, step = INNA(alpha=2, beta=1, gamma=0.25).flow()
    assert flow == DIN(alpha=2, beta=1)
    assert step == 0.25
    assert [p.name for p in INNA.parameters()] == [*(p.name for p in DIN.parameters()), "gamma"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: explicit_euler(INNA),
        lambda: explicit_euler(DIN()),
        lambda: runge_kutta(DIN, [[], ["1/2"]], [1]),
        lambda: runge_kutta(DIN, [["1/2"]], [1]),
        lambda: explicit_euler(Clock)(gamma=dynopt.power_decay(1, 0.5)),
    ],
)
def test_what_cannot_be_discretised_is_misuse(make):
    with pytest.raises(Misuse):
        make()
