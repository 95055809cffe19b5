"""Quasi-hyperbolic momentum."""

from __future__ import annotations

from typing import Any

from dynopt.algorithms.heavy_ball import Moving
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class QuasiHyperbolicMomentum(Algorithm):
    """Quasi-hyperbolic momentum: a weighted mean of a plain and a momentum step.

    v⁺ = mv + (1 − m)∇J(θ),   θ⁺ = θ − γ[(1 − ν)∇J(θ) + νv⁺],   v₀ = 0

    ν = 0 is gradient descent, ν = 1 momentum with dampening m, ν = m Nesterov up to a change of step.
    """

    name = "qhm"
    references = ("Ma, Yarats 2019",)

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum: Scalar = number("[0, 1)", "momentum")
    nu: Scalar = number("[0, 1]", "weight of the momentum step")

    def init(self, theta0: Any, oracle: Oracle) -> Moving:
        return Moving(theta0, theta0 - theta0)

    def update(self, state: Moving, oracle: Oracle, k: Any) -> Moving:
        gradient = oracle.gradient(state.theta)
        velocity = self.momentum * state.velocity + (1 - self.momentum) * gradient
        return Moving(state.theta - self.gamma * ((1 - self.nu) * gradient + self.nu * velocity), velocity)
