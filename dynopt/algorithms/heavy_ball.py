"""The heavy ball: Polyak's position form, torch's velocity form, and the flow with friction."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.core.algebra import inner, where
from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, is_schedule, number, option
from dynopt.errors import Misuse


class Pair(NamedTuple):
    """An iterate and the one before it."""

    theta: Any
    previous: Any


class Moving(NamedTuple):
    """A position and its velocity (or momentum buffer)."""

    theta: Any
    velocity: Any


def friction(momentum: Scalar, gamma: Scalar) -> tuple[HeavyBallFlow, Scalar] | None:
    """Momentum m at step γ is the friction (1 − m)/√γ at the time step √γ, to first order in √γ."""
    if is_schedule(gamma) or is_schedule(momentum):
        return None
    step = gamma ** Fraction(1, 2)
    return HeavyBallFlow(alpha=(1 - momentum) / step), step


def moving(state: Pair, gamma: Scalar) -> Moving:
    """The state of that flow: the velocity is (θ − θ₋)/√γ."""
    return Moving(state.theta, (state.theta - state.previous) / gamma ** Fraction(1, 2))


class HeavyBallFlow(Flow):
    """The heavy ball with friction θ'' + αθ' + ∇J(θ) = 0, at rest at the start.

    First order: θ' = v, v' = −αv − ∇J(θ).  Along solutions dE/dt = −α‖v‖² for E = J + ‖v‖²/2.
    """

    name = "hbf"
    references = ("Polyak 1964", "Attouch, Goudou, Redont 2000", "thesis (2.2)")

    alpha: Scalar = number("[0, oo)", "viscous friction")

    def init(self, theta0: Any, oracle: Oracle) -> Moving:
        return Moving(theta0, theta0 - theta0)

    def field(self, state: Moving, oracle: Oracle, t: Any) -> Moving:
        return Moving(state.velocity, -self.alpha * state.velocity - oracle.gradient(state.theta))

    def energies(self, state: Moving, oracle: Oracle, t: Any) -> dict[str, Any]:
        return {"J + |v|^2/2": oracle.value(state.theta) + inner(state.velocity, state.velocity)[..., 0] / 2}


class HeavyBall(Algorithm):
    """Polyak's heavy ball in position form: θ⁺ = θ − γ∇J(θ) + m(θ − θ₋), started with θ₋ = θ₀.

    For a constant step it is the same map as `HeavyBallVelocity` (torch.optim.SGD with momentum);
    under a step-size schedule it is another one.
    """

    name = "heavy_ball"
    references = ("Polyak 1964", "thesis (1.28)")

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum: Scalar = number("[0, 1)", "momentum")

    def init(self, theta0: Any, oracle: Oracle) -> Pair:
        return Pair(theta0, theta0)

    def update(self, state: Pair, oracle: Oracle, k: Any) -> Pair:
        inertia = self.momentum * (state.theta - state.previous)
        return Pair(state.theta - self.gamma * oracle.gradient(state.theta) + inertia, state.theta)

    def flow(self) -> tuple[Flow, Any] | None:
        return friction(self.momentum, self.gamma)

    def flow_state(self, state: Pair) -> Moving:
        return moving(state, self.gamma)


class HeavyBallVelocity(Algorithm):
    """The heavy ball in velocity form: v⁺ = mv + (1 − τ)∇J(θ), θ⁺ = θ − γv⁺.

    ``first`` says with which v it starts:

    * ``dampened``  v = 0, so the first step is that of every other iteration, (1 − τ)∇J(θ₀);
    * ``torch``     v = (τ/m)∇J(θ₀), so the first step is undampened, v⁺ = ∇J(θ₀): torch.optim.SGD(lr=γ,
      momentum=m, dampening=τ) from the first step on.  It needs m > 0 (torch ignores τ where m = 0).

    Without dampening the two are the same.  The mode matrix does not depend on ``first``; the start does.

    >>> HeavyBallVelocity(gamma=0.1, momentum=0.9).first
    'dampened'
    """

    name = "heavy_ball_velocity"
    references = ("Sutskever et al. 2013", "torch.optim.SGD")

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum: Scalar = number("[0, 1)", "momentum")
    dampening: Scalar = number("[0, 1)", "dampening of the gradient", 0)
    first: str = option(("dampened", "torch"), "whether the first step is dampened too", "dampened")

    def check(self) -> None:
        if self.first == "torch" and self.momentum == 0:
            raise Misuse(f"{self.name}: torch keeps no velocity for momentum=0 and ignores dampening; use gd")

    def init(self, theta0: Any, oracle: Oracle) -> Moving:
        def undampened() -> Any:
            return self.dampening / self.momentum * oracle.gradient(theta0)

        return Moving(theta0, where(self.first == "torch", undampened, theta0 - theta0))

    def update(self, state: Moving, oracle: Oracle, k: Any) -> Moving:
        velocity = self.momentum * state.velocity + (1 - self.dampening) * oracle.gradient(state.theta)
        return Moving(state.theta - self.gamma * velocity, velocity)

    def flow(self) -> tuple[Flow, Any] | None:
        return friction(self.momentum, self.gamma * (1 - self.dampening)) if not is_schedule(self.gamma) else None

    def flow_state(self, state: Moving) -> Moving:
        return Moving(state.theta, -((self.gamma / (1 - self.dampening)) ** Fraction(1, 2)) * state.velocity)
