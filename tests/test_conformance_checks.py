"""The checks of `dynopt.testing` refuse definitions that break the rules, each with its reason."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import dynopt
from dynopt import Algorithm, Landscape, Position, explicit_euler, norm, number
from dynopt.testing import check_algorithm, check_flow, check_problem


class Other(NamedTuple):
    theta: Any


class Sound(Algorithm):
    """A method with nothing wrong; each bad one below differs from it in one place."""

    gamma: Any = number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        return Position(state.theta - self.gamma * oracle.gradient(state.theta))


class Normalised(Sound):
    def update(self, state, oracle, k):
        g = oracle.gradient(state.theta)
        return Position(state.theta - self.gamma * g / norm(g))


class FloatLiteral(Sound):
    def update(self, state, oracle, k):
        return Position(state.theta - 0.5 * self.gamma * oracle.gradient(state.theta))


class OtherType(Sound):
    def update(self, state, oracle, k):
        return Other(state.theta - self.gamma * oracle.gradient(state.theta))


class NumpyOnly(Sound):
    def update(self, state, oracle, k):
        return Position(state.theta - self.gamma * np.abs(oracle.gradient(state.theta)))


class InPlace(Sound):
    def update(self, state, oracle, k):
        theta = state.theta
        theta -= self.gamma * oracle.gradient(theta)
        return Position(theta)


class Branching(Sound):
    def update(self, state, oracle, k):
        g = oracle.gradient(state.theta)
        return Position(state.theta - self.gamma * (g if g[..., 0] > 0 else -g))


class Mixing(Sound):
    def update(self, state, oracle, k):
        return Position(state.theta - self.gamma * oracle.gradient(state.theta) + state.theta.sum())


class Reordered(Sound):
    def init(self, theta0, oracle):
        return Position(2 * theta0)


class Forgetful(Sound):
    calls = 0

    def update(self, state, oracle, k):
        Forgetful.calls += 1
        return Position(state.theta - self.gamma * Forgetful.calls * oracle.gradient(state.theta))


class TwoFormulas(Sound):
    def update(self, state, oracle, k):
        factor = 2 if hasattr(state.theta, "free_symbols") else 1
        return Position(state.theta - factor * self.gamma * oracle.gradient(state.theta))


@pytest.mark.parametrize("method", [Sound, Normalised, Sound(gamma=0.5)])
def test_sound_definitions_pass(method):
    check_algorithm(method)


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (FloatLiteral, "rounds block theta"),
        (OtherType, "return the type that init returns"),
        (NumpyOnly, "fails on one carrier"),
        (InPlace, "changes its state in place"),
        (Branching, "fails on one carrier"),
        (Mixing, "neighbours"),
        (Reordered, "put the iterate first"),
        (Forgetful, "the same step twice"),
        (TwoFormulas, "mode matrix"),
    ],
)
@pytest.mark.filterwarnings("ignore:__array_wrap__")
def test_broken_definitions_are_refused_with_the_reason(method, reason):
    with pytest.raises(AssertionError, match=reason):
        check_algorithm(method)


class HiddenTime(dynopt.GradientFlow):
    def field(self, state, oracle, t):
        return Position(-oracle.gradient(state.theta) * t)


class VectorEnergy(dynopt.GradientFlow):
    def energies(self, state, oracle, t):
        return {"E": state.theta}


@pytest.mark.parametrize(("flow", "reason"), [(HiddenTime, "autonomous = False"), (VectorEnergy, "one number per state")])
def test_broken_flows(flow, reason):
    with pytest.raises(AssertionError, match=reason):
        check_flow(flow)
    check_flow(dynopt.GradientFlow)


def test_a_flow_is_not_an_algorithm():
    with pytest.raises(AssertionError, match="not a subclass"):
        check_algorithm("din")
    check_algorithm(explicit_euler(dynopt.DIN))


class WrongGradient(Landscape):
    def gradient(self, x):
        return 1.001 * super().gradient(x)


class WrongHessian(Landscape):
    def hessian(self, x):
        return 2 * super().hessian(x)


class Skew(Landscape):
    def hessian(self, x):
        skew = super().hessian(x).copy()
        skew[..., 0, 1] += 1
        return skew


class WrongPoints(Landscape):
    def critical_points(self):
        return dynopt.problem("thesis-3.2").critical_points()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(WrongGradient, "gradient and finite"), (WrongHessian, "hessian and"), (Skew, "symmetric"), (WrongPoints, "the gradient is")],
)
def test_broken_problems(kind, reason):
    def bowl(x, y):
        return (x - 1) ** 2 + x * y + 3 * y**2

    check_problem(Landscape(bowl))
    with pytest.raises(AssertionError, match=reason):
        check_problem(kind(bowl))
