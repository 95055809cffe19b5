"""HNAG, the Hessian-driven Nesterov accelerated gradient flow."""

from __future__ import annotations

from typing import Any, NamedTuple

from dynopt.core.algebra import inner
from dynopt.core.algorithm import Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class Pulled(NamedTuple):
    """The position θ and the point y that pulls it."""

    theta: Any
    y: Any


class HNAG(Flow):
    """θ' = y − θ − β∇J(θ),  y' = θ − y − ∇J(θ)/μ,  with y = θ at the start; no Hessian is evaluated.

    Equivalently μθ'' + 2μθ' + βμ∇²J(θ)θ' + (1 + βμ)∇J(θ) = 0: up to scales `DIN`.  (The published
    flow has a third unknown in the place of μ in y', constant when it starts at μ.)

    For μ-strongly convex J with minimiser θ*, L = J − J* + (μ/2)‖y − θ*‖² satisfies L' ≤ −L − β‖∇J‖².
    Without any convexity E = (1 + βμ)J + (μ/2)‖y − θ‖² does not increase.

    >>> HNAG(mu=1, beta=0.1)
    HNAG(mu=1, beta=0.1)
    """

    name = "hnag"
    references = ("Chen, Luo 2019",)

    mu: Scalar = number("(0, oo)", "strong convexity")
    beta: Scalar = number("[0, oo)", "Hessian-driven damping")

    def init(self, theta0: Any, oracle: Oracle) -> Pulled:
        return Pulled(theta0, theta0)

    def field(self, state: Pulled, oracle: Oracle, t: Any) -> Pulled:
        theta, y = state
        gradient = oracle.gradient(theta)
        return Pulled(y - theta - self.beta * gradient, theta - y - gradient / self.mu)

    def energies(self, state: Pulled, oracle: Oracle, t: Any) -> dict[str, Any]:
        theta, y = state
        pull = inner(y - theta, y - theta)[..., 0]
        return {"(1 + beta mu) J + mu |y - theta|^2/2": (1 + self.beta * self.mu) * oracle.value(theta) + self.mu * pull / 2}
