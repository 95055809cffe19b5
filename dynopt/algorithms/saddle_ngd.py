"""Saddle-NGD: normalised gradient descent that is perturbed now and then."""

from __future__ import annotations

from typing import Any

from dynopt.algorithms.rescaled_gradient import direction
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, is_schedule, is_symbolic, number
from dynopt.core.state import Position
from dynopt.errors import Misuse


def whole_period(name: str, every: Any) -> None:
    """`Misuse` unless ``every`` is a whole number (or a symbol)."""
    if is_schedule(every) or (not is_symbolic(every) and every != int(every)):
        raise Misuse(f"{name}: every={every} is not a whole number of iterations; give one, as in every=10")


class SaddleNGD(Algorithm):
    """Saddle-NGD: θ⁺ = θ − γg/‖g‖ + ξ_k, with the noise ξ_k ~ N(0, s²I) where q divides k, and ξ_k = 0 elsewhere.

    q = ``every``, s = ``size``; k = 0 is perturbed.  The noise is added to the iterate, not to the gradient, so it
    is not scaled with γ.  Where g = 0 the iterate moves by the noise alone.  The sources leave s and q open.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> run = iterates(method("saddle_ngd(gamma=1, size=0.5, every=3)"), Quadratic([1]), (9,), steps=6)
    >>> [bool(abs(step + 1) > 1e-9) for step in (run.theta[1:] - run.theta[:-1]).ravel()]
    [True, False, False, True, False, False]
    """

    name = "saddle_ngd"
    references = ("Levy 2016", "Zhao, Xie, Li 2021, (4)")

    gamma: Scalar = number("(0, oo)", "length of the steps, the paper's alpha")
    size: Scalar = number("(0, oo)", "standard deviation of the noise in each coordinate")
    every: Scalar = number("[1, oo)", "the noise comes every so many iterations, the paper's q", 10)

    def check(self) -> None:
        whole_period(self.name, self.every)

    def init(self, theta0: Any, oracle: Oracle) -> Position:
        return Position(theta0)

    def update(self, state: Position, oracle: Oracle, k: Any) -> Position:
        along = direction(oracle.gradient(state.theta))
        return Position(state.theta - self.gamma * along + self.size * oracle.noise(state.theta, every=self.every))
