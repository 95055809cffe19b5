"""Stochastic normalised gradient descent and what its relatives share: the unit direction, the random output."""

from __future__ import annotations

from typing import Any, NamedTuple

from dynopt.algorithms.rescaled_gradient import direction
from dynopt.core.algebra import where
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number, option
from dynopt.core.state import Position


class Drawn(NamedTuple):
    """The position θ and the output so far, an iterate drawn at random."""

    theta: Any
    output: Any


def started(theta0: Any, output: str) -> Any:
    """The initial state with or without the block of a random output."""
    return Drawn(theta0, theta0) if output == "random" else Position(theta0)


def moved(state: Any, after: Any, oracle: Oracle, candidate: Any, share: Any) -> Any:
    """The state at ``after``; a random output becomes ``candidate`` with probability ``share`` (reservoir sampling)."""
    if len(state) == 1:
        return Position(after)
    return Drawn(after, where(oracle.uniform(after) <= share, candidate, state.output))


class SNGD(Algorithm):
    """Stochastic normalised gradient descent θ⁺ = θ − γg/‖g‖, g = ∇J_B(θ), with the global norm: every step has length γ.

    Where g = 0 the iterate stays (the publication divides 0 by 0).  Without mini-batches it is
    `NormalizedGradientDescent`.  With ``output=random`` the state has a second block, the output after k
    iterations: one of w₀, …, w_k, all with the same probability, as the theorems need.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("sngd(gamma=1)"), Quadratic([1, 1]), (3, 4), steps=4).theta[-1].round(12)
    array([0.6, 0.8])
    """

    name = "sngd"
    references = ("Hazan, Levy, Shalev-Shwartz 2015", "Zhao, Xie, Li 2021, (3) and Algorithm 1")

    gamma: Scalar = number("(0, oo)", "length of the steps, the paper's alpha")
    output: str = option(("last", "random"), "the last iterate, or beside it one drawn uniformly", "last")

    def init(self, theta0: Any, oracle: Oracle) -> Any:
        return started(theta0, self.output)

    def update(self, state: Any, oracle: Oracle, k: Any) -> Any:
        after = state.theta - self.gamma * direction(oracle.gradient(state.theta))
        return moved(state, after, oracle, after, 1 / (k + 2))
