"""Aggregated momentum with two velocities."""

from __future__ import annotations

from typing import Any, NamedTuple

from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class TwoVelocities(NamedTuple):
    """A position and two velocities with their own damping."""

    theta: Any
    slow: Any
    fast: Any


class AggregatedMomentum(Algorithm):
    """Aggregated momentum with two velocities: θ⁺ = θ + (γ/2)(v₁⁺ + v₂⁺), vᵢ⁺ = mᵢvᵢ − ∇J(θ), vᵢ = 0 at the start."""

    name = "aggregated_momentum"
    references = ("Lucas, Sun, Zemel, Grosse 2019",)

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum1: Scalar = number("[0, 1)", "momentum of the first velocity")
    momentum2: Scalar = number("[0, 1)", "momentum of the second velocity")

    def init(self, theta0: Any, oracle: Oracle) -> TwoVelocities:
        return TwoVelocities(theta0, theta0 - theta0, theta0 - theta0)

    def update(self, state: TwoVelocities, oracle: Oracle, k: Any) -> TwoVelocities:
        gradient = oracle.gradient(state.theta)
        slow, fast = self.momentum1 * state.slow - gradient, self.momentum2 * state.fast - gradient
        return TwoVelocities(state.theta + self.gamma * (slow + fast) / 2, slow, fast)
