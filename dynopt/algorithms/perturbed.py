"""Perturbed gradient descent, a baseline for the escape from saddles."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.core.algebra import norm, one, size, where
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class Waiting(NamedTuple):
    """The iterate and the number of gradient steps before it may be perturbed again, a number for each run."""

    theta: Any
    wait: Any


class PerturbedGradientDescent(Algorithm):
    """Gradient descent that is thrown to a random place nearby where the gradient is small.

    Where ‖∇J(θ)‖ ≤ ``threshold`` and the last perturbation lies more than ``pause`` gradient steps back,
    θ⁺ = θ + ξ, ξ uniform in the ball of ``radius``; everywhere else θ⁺ = θ − γ∇J(θ).

    The perturbation takes an iteration of its own, so that an iteration asks for one gradient; the sequence
    is otherwise Jin's.  It has no end of its own: at a minimiser it goes on perturbing, where Jin's stops
    when J has not decreased enough in ``pause`` steps.  The paper's constants depend on bounds of the
    second and third derivatives that are seldom known: the defaults here are only small.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> moved = iterates(method("perturbed_gd(gamma=0.1)"), Quadratic([-1, 1]), (0, 0), steps=1).theta[-1]
    >>> bool(0 < (moved**2).sum() ** 0.5 <= 0.01)
    True
    """

    name = "perturbed_gd"
    references = ("Jin, Ge, Netrapalli, Kakade, Jordan 2017, Algorithm 1",)

    gamma: Scalar = number("(0, oo)", "step-size")
    threshold: Scalar = number("[0, oo)", "gradient norm up to which the iterate is perturbed", Fraction(1, 100))
    radius: Scalar = number("(0, oo)", "radius of the ball that the perturbation is drawn from", Fraction(1, 100))
    pause: Scalar = number("[0, oo)", "gradient steps after a perturbation before there may be another", 10)

    def init(self, theta0: Any, oracle: Oracle) -> Waiting:
        return Waiting(theta0, 0 * one(theta0))

    def update(self, state: Waiting, oracle: Oracle, k: Any) -> Waiting:
        theta, wait = state
        gradient, direction = oracle.gradient(theta), oracle.noise(theta)
        length = self.radius * oracle.uniform(theta) ** (1 / size(theta))
        due = (wait <= 0) & (norm(gradient) <= self.threshold)
        moved = where(due, length / norm(direction) * direction, -self.gamma * gradient)
        return Waiting(theta + moved, where(due, (self.pause + 1) * one(theta), wait - 1))
