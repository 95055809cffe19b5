"""The rescaled gradient flow and normalised gradient descent."""

from __future__ import annotations

from typing import Any

from dynopt.core.algebra import norm, where
from dynopt.core.algorithm import Flow
from dynopt.core.discretise import explicit_euler
from dynopt.core.oracle import Oracle
from dynopt.core.state import Position


def direction(gradient: Any) -> Any:
    """g/‖g‖ with the global norm, and 0 where g = 0."""
    length = norm(gradient)
    return gradient / where(length > 0, length, 1)


class RescaledGradientFlow(Flow):
    """θ' = −∇J(θ)/‖∇J(θ)‖, and θ' = 0 where ∇J(θ) = 0: the paths of the gradient flow at unit speed.

    Along solutions dJ/dt = −‖∇J‖, so that the time to a critical point is the length of the path,
    which is finite where the gradient flow takes for ever.  The field jumps there: a solution stays at
    the point that it reached, while a solver with error control spends its budget just before it (end
    it with an event such as ``entering-ball``).

    >>> RescaledGradientFlow()
    RescaledGradientFlow()
    """

    name = "rescaled_gradient_flow"
    references = ("Cortés 2006", "Wibisono, Wilson, Jordan 2016")

    def init(self, theta0: Any, oracle: Oracle) -> Position:
        return Position(theta0)

    def field(self, state: Position, oracle: Oracle, t: Any) -> Position:
        return Position(-direction(oracle.gradient(state.theta)))

    def energies(self, state: Position, oracle: Oracle, t: Any) -> dict[str, Any]:
        return {"J": oracle.value(state.theta)}


NormalizedGradientDescent = explicit_euler(
    RescaledGradientFlow,
    "NormalizedGradientDescent",
    """Normalised gradient descent θ⁺ = θ − γ∇J(θ)/‖∇J(θ)‖ (θ⁺ = θ where ∇J(θ) = 0), with the global norm: every step has length γ.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("normalized_gd(gamma=1)"), Quadratic([1, 1]), (3, 4), steps=4).theta[-1].round(12)
    array([0.6, 0.8])
    """,
    references=("Nesterov 1984", "Hazan, Levy, Shalev-Shwartz 2015"),
)
NormalizedGradientDescent.name = "normalized_gd"
