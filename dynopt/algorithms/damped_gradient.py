"""The damped gradient flow and gradient descent with gradient-norm damping."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dynopt.core.algebra import norm
from dynopt.core.algorithm import Flow
from dynopt.core.discretise import explicit_euler
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number
from dynopt.core.state import Position


class DampedGradientFlow(Flow):
    """θ' = −∇J(θ)/(α‖∇J(θ)‖ + 1): the paths of the gradient flow at a speed below 1/α.

    α = 0 is the gradient flow; far from critical points, where α‖∇J‖ is large, it moves at the speed 1/α.

    >>> DampedGradientFlow(alpha=1)
    DampedGradientFlow(alpha=1)
    """

    name = "damped_gradient_flow"
    references = ("lecture slides on stochastic gradient descent, large gradients",)

    alpha: Scalar = number("[0, oo)", "damping by the gradient's norm", Fraction(1, 10))

    def init(self, theta0: Any, oracle: Oracle) -> Position:
        return Position(theta0)

    def field(self, state: Position, oracle: Oracle, t: Any) -> Position:
        gradient = oracle.gradient(state.theta)
        return Position(-gradient / (self.alpha * norm(gradient) + 1))

    def energies(self, state: Position, oracle: Oracle, t: Any) -> dict[str, Any]:
        return {"J": oracle.value(state.theta)}


DampedGradientDescent = explicit_euler(
    DampedGradientFlow,
    "DampedGradientDescent",
    """Gradient descent with the step-size γ/(α‖∇J(θ)‖ + 1), with the global norm: θ⁺ = θ − γ∇J(θ)/(α‖∇J(θ)‖ + 1).

    No step is longer than γ/α, and where the gradient is small it is `GradientDescent`'s; a zero gradient is a
    zero step.  With a schedule for gamma (`staircase_decay`) it is the combined rule of the slides.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("damped_gd(gamma=1, alpha=1)"), Quadratic([1]), (3,), steps=1).theta[-1]
    array([2.25])
    """,
    references=("lecture slides on stochastic gradient descent, large gradients",),
)
DampedGradientDescent.name = "damped_gd"
