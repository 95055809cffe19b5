"""Gradient descent with the scaled Barzilai–Borwein step of Algorithm 1."""

from __future__ import annotations

from typing import Any, NamedTuple

from dynopt.core.algebra import inner, maximum, one, where
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number, option


class Stepped(NamedTuple):
    """The iterate, the previous gradient, and the step that was taken along it, a number for each run."""

    theta: Any
    gradient: Any
    taken: Any


class BarzilaiBorwein(Algorithm):
    """Algorithm 1 of Step-Tuned SGD, full batch: θ⁺ = θ − γγ_k∇J(θ), γ_k = ‖Δθ‖²/⟨Δθ, Δg⟩ where that is positive, else ν.

    Δθ and Δg are the last changes of θ and ∇J(θ).  ``curvature`` says what a step measures:

    * ``positive``  Algorithm 1: the large step ν wherever the curvature ⟨Δθ, Δg⟩ is not positive;
    * ``absolute``  its rival "BB with absolute value": γ_k = ‖Δθ‖²/|⟨Δθ, Δg⟩|, and ν where ⟨Δθ, Δg⟩ = 0.

    γ_k = 1 where Δθ = 0: in the first iteration, which is θ − γ∇J(θ), and after a zero gradient, which moves
    nothing.  Because Δθ is the last step times the previous gradient, the state holds these two: one vector
    and one number beside θ, and one gradient an iteration.  With gamma = 1 it is the first step of Barzilai and Borwein.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("barzilai_borwein(gamma=1)"), Quadratic([4]), (1,), steps=2).theta[:, 0]
    array([ 1., -3.,  0.])
    """

    name = "barzilai_borwein"
    references = ("Barzilai, Borwein 1988", "Castera, Bolte, Févotte, Pauwels 2022, Algorithm 1", "thesis Algorithm 2")

    gamma: Scalar = number("(0, oo)", "scaling of the tuned step")
    nu: Scalar = number("(0, oo)", "large step where the curvature is not positive", 2)
    curvature: str = option(("positive", "absolute"), "what negative curvature does: the large step, or its absolute value", "positive")

    def init(self, theta0: Any, oracle: Oracle) -> Stepped:
        return Stepped(theta0, theta0 - theta0, one(theta0))

    def update(self, state: Stepped, oracle: Oracle, k: Any) -> Stepped:
        gradient = oracle.gradient(state.theta)
        moved = inner(state.gradient, state.gradient)
        measured = inner(state.gradient, state.gradient - gradient)
        measured = where(self.curvature == "absolute", lambda: maximum(measured, -measured), measured)
        tuned = state.taken * moved / where(measured > 0, measured, 1)
        tuned = where(measured > 0, tuned, self.nu * one(state.theta))
        step = self.gamma * where(moved > 0, tuned, one(state.theta))
        return Stepped(state.theta - step * gradient, gradient, step)
