"""The three-parameter family of accelerated methods that contains triple momentum."""

from __future__ import annotations

from typing import Any

from dynopt.algorithms.heavy_ball import Moving, Pair, friction, moving
from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class TripleMomentum(Algorithm):
    """θ⁺ = θ + m(θ − θ₋) − γ∇J(y),  y = θ + η(θ − θ₋),  started with θ₋ = θ₀.

    η = 0 is the heavy ball, η = m Nesterov.  Triple momentum is the choice, with ρ = 1 − √(μ/L),
    γ = (1 + ρ)/L, m = ρ²/(2 − ρ), η = ρ²/((1 + ρ)(2 − ρ)); its output θ + δ(θ − θ₋) with
    δ = ρ²/(1 − ρ²) does not enter the dynamics.
    """

    name = "triple_momentum"
    references = ("Van Scoy, Freeman, Lynch 2018", "Lessard, Recht, Packard 2016")

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum: Scalar = number("[0, 1)", "momentum")
    extrapolation: Scalar = number("[0, oo)", "extrapolation of the point where the gradient is taken")

    def init(self, theta0: Any, oracle: Oracle) -> Pair:
        return Pair(theta0, theta0)

    def update(self, state: Pair, oracle: Oracle, k: Any) -> Pair:
        difference = state.theta - state.previous
        gradient = oracle.gradient(state.theta + self.extrapolation * difference)
        return Pair(state.theta + self.momentum * difference - self.gamma * gradient, state.theta)

    def flow(self) -> tuple[Flow, Any] | None:
        return friction(self.momentum, self.gamma)

    def flow_state(self, state: Pair) -> Moving:
        return moving(state, self.gamma)
