"""Gradient descent with Armijo's back-tracking."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dynopt.core.algebra import inner, one, per_run, shrink
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, is_symbolic, number
from dynopt.core.state import Position
from dynopt.errors import Misuse


class Armijo(Algorithm):
    """Gradient descent θ⁺ = θ − s∇J(θ) with back-tracking: s is the first of γ, γρ, γρ², … with enough decrease.

    J(θ − s∇J(θ)) ≤ J(θ) − c s‖∇J(θ)‖²  (ρ is ``factor``).  Every iteration begins at γ and asks for at most
    ``most`` values beside J(θ); where none is accepted, as happens when the decrease is below rounding, the
    step is γρ^most.  A value that is not a number is not accepted.  A zero gradient is a zero step.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("armijo(gamma=1)"), Quadratic([3]), (1,), steps=1).theta[-1]
    array([-0.5])
    """

    name = "armijo"
    references = ("Armijo 1966",)

    gamma: Scalar = number("(0, oo)", "largest step-size, tried first in every iteration")
    c: Scalar = number("(0, 1)", "part of the linear decrease that is asked for", Fraction(1, 10**4))
    factor: Scalar = number("(0, 1)", "what the step is multiplied by while the decrease is too small", Fraction(1, 2))
    most: Scalar = number("[1, 1000]", "most reductions in an iteration", 50)

    def check(self) -> None:
        if not is_symbolic(self.most) and self.most != int(self.most):
            raise Misuse(f"{self.name}: most={self.most} is not a whole number; it counts reductions of the step")

    def init(self, theta0: Any, oracle: Oracle) -> Position:
        return Position(theta0)

    def update(self, state: Position, oracle: Oracle, k: Any) -> Position:
        theta = state.theta
        gradient = oracle.gradient(theta)
        here = per_run(oracle.value(theta), theta)
        decrease = self.c * inner(gradient, gradient)

        def accepted(step: Any) -> Any:
            return per_run(oracle.value(theta - step * gradient), theta) <= here - step * decrease

        step = shrink(self.gamma * one(theta), self.factor, accepted, self.most)
        return Position(theta - step * gradient)
