"""Nesterov's accelerated gradient and its flow."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dynopt.algorithms.heavy_ball import Moving, Pair, friction, moving
from dynopt.core.algebra import inner
from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class NesterovFlow(Flow):
    """Nesterov's ODE θ'' + (r/t)θ' + ∇J(θ) = 0 (r = 3), at rest at t = 1/10.

    The coefficient r/t is singular at t = 0; integration starts at `start_time`.
    """

    name = "nesterov_flow"
    references = ("Su, Boyd, Candès 2014",)
    autonomous = False
    start_time = 0.1

    r: Scalar = number("(0, oo)", "vanishing friction: the coefficient is r/t", 3)

    def init(self, theta0: Any, oracle: Oracle) -> Moving:
        return Moving(theta0, theta0 - theta0)

    def field(self, state: Moving, oracle: Oracle, t: Any) -> Moving:
        return Moving(state.velocity, -(self.r / t) * state.velocity - oracle.gradient(state.theta))

    def energies(self, state: Moving, oracle: Oracle, t: Any) -> dict[str, Any]:
        return {"J + |v|^2/2": oracle.value(state.theta) + inner(state.velocity, state.velocity)[..., 0] / 2}


class Nesterov(Algorithm):
    """Nesterov's method: y = θ + m(θ − θ₋), θ⁺ = y − γ∇J(y), started with θ₋ = θ₀.

    The gradient is taken at the extrapolated point y; θ is the gradient-step sequence.
    `NesterovVelocity`, torch.optim.SGD(nesterov=True), stores the shifted iterate y instead.
    """

    name = "nesterov"
    references = ("Nesterov 1983", "thesis (1.29)")

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum: Scalar = number("[0, 1)", "momentum")

    def init(self, theta0: Any, oracle: Oracle) -> Pair:
        return Pair(theta0, theta0)

    def update(self, state: Pair, oracle: Oracle, k: Any) -> Pair:
        ahead = state.theta + self.momentum * (state.theta - state.previous)
        return Pair(ahead - self.gamma * oracle.gradient(ahead), state.theta)

    def flow(self) -> tuple[Flow, Any] | None:
        return friction(self.momentum, self.gamma)

    def flow_state(self, state: Pair) -> Moving:
        return moving(state, self.gamma)


class NesterovVelocity(Algorithm):
    """Nesterov's method in velocity form: v⁺ = mv + ∇J(θ), θ⁺ = θ − γ(∇J(θ) + mv⁺), started with v = 0.

    This is torch.optim.SGD(lr=γ, momentum=m, nesterov=True).  θ is the shifted iterate: `Nesterov`'s
    extrapolated point y, so that the gradient is taken at θ itself.  The two have the same θ − γ∇J(θ) for a
    constant step and the same start; under a step-size schedule they are different methods.

    >>> NesterovVelocity(gamma=0.1, momentum=0.9)
    NesterovVelocity(gamma=0.1, momentum=0.9)
    """

    name = "nesterov_velocity"
    references = ("Sutskever et al. 2013", "torch.optim.SGD")

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum: Scalar = number("[0, 1)", "momentum")

    def init(self, theta0: Any, oracle: Oracle) -> Moving:
        return Moving(theta0, theta0 - theta0)

    def update(self, state: Moving, oracle: Oracle, k: Any) -> Moving:
        gradient = oracle.gradient(state.theta)
        velocity = self.momentum * state.velocity + gradient
        return Moving(state.theta - self.gamma * (gradient + self.momentum * velocity), velocity)

    def flow(self) -> tuple[Flow, Any] | None:
        return friction(self.momentum, self.gamma)

    def flow_state(self, state: Moving) -> Moving:
        return Moving(state.theta, -(self.gamma ** Fraction(1, 2)) * state.velocity)
