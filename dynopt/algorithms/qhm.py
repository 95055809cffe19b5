"""Quasi-hyperbolic momentum."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dynopt.algorithms.din import DIN, Lifted
from dynopt.algorithms.heavy_ball import HeavyBallFlow, Moving
from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, is_schedule, number


class QuasiHyperbolicMomentum(Algorithm):
    """Quasi-hyperbolic momentum: a weighted mean of a plain and a momentum step.

    v⁺ = mv + (1 − m)∇J(θ),   θ⁺ = θ − γ[(1 − ν)∇J(θ) + νv⁺],   v₀ = 0

    ν = 0 is gradient descent, ν = 1 momentum with dampening m, ν = m Nesterov up to a change of step.
    It discretises `DIN` with the viscosity α = √((1 − m)/γ) and αβ = 1 − ν in time steps √((1 − m)γ)
    (for ν = 1 the heavy ball with friction).
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

    def flow(self) -> tuple[Flow, Any] | None:
        if is_schedule(self.gamma) or is_schedule(self.momentum) or is_schedule(self.nu):
            return None
        root = Fraction(1, 2)
        alpha, step = ((1 - self.momentum) / self.gamma) ** root, ((1 - self.momentum) * self.gamma) ** root
        flow = HeavyBallFlow(alpha=alpha) if self.nu == 1 else DIN.make(alpha=alpha, beta=(1 - self.nu) / alpha, start="pytorch")
        return flow, step

    def flow_state(self, state: Moving) -> Moving | Lifted:
        scale = self.gamma / (1 - self.momentum)
        if self.nu == 1:
            return Moving(state.theta, -(scale ** Fraction(1, 2)) * state.velocity)
        return Lifted(state.theta, self.nu * state.theta + self.nu * (1 - self.nu) * scale * state.velocity)
