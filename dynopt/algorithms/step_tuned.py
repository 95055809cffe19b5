"""Step-Tuned SGD with its step frozen."""

from __future__ import annotations

from typing import Any

from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number
from dynopt.core.state import Position


class FrozenStepTuned(Algorithm):
    """Step-Tuned SGD with its tuned step frozen at γ: two half-steps on one mini-batch per iteration.

    θ½ = θ − γ∇J(θ),   θ⁺ = θ½ − γ∇J(θ½)
    """

    name = "step_tuned_frozen"
    references = ("Castera, Bolte, Févotte, Pauwels 2022, Algorithm 2",)

    gamma: Scalar = number("(0, oo)", "frozen step-size of each half-step")

    def init(self, theta0: Any, oracle: Oracle) -> Position:
        return Position(theta0)

    def update(self, state: Position, oracle: Oracle, k: Any) -> Position:
        half = state.theta - self.gamma * oracle.gradient(state.theta)
        return Position(half - self.gamma * oracle.gradient(half))
