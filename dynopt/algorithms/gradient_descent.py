"""Gradient flow and gradient descent."""

from __future__ import annotations

from typing import Any

from dynopt.core.algorithm import Flow
from dynopt.core.discretise import explicit_euler
from dynopt.core.oracle import Oracle
from dynopt.core.state import Position


class GradientFlow(Flow):
    """The gradient flow θ' = −∇J(θ).

    >>> GradientFlow()
    GradientFlow()
    """

    name = "gradient_flow"
    references = ("Cauchy 1847", "thesis (1.25)")

    def init(self, theta0: Any, oracle: Oracle) -> Position:
        return Position(theta0)

    def field(self, state: Position, oracle: Oracle, t: Any) -> Position:
        return Position(-oracle.gradient(state.theta))

    def energies(self, state: Position, oracle: Oracle, t: Any) -> dict[str, Any]:
        return {"J": oracle.value(state.theta)}


GradientDescent = explicit_euler(
    GradientFlow,
    "GradientDescent",
    """Gradient descent θ⁺ = θ − γ∇J(θ): the explicit Euler step of the gradient flow.

    >>> from dynopt import GradientDescent
    >>> GradientDescent(gamma=0.1)
    GradientDescent(gamma=0.1)
    """,
)
GradientDescent.name = "gd"
