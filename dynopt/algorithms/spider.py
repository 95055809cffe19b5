"""SPIDER-SFO: a gradient estimate carried along the path, and steps of bounded length."""

from __future__ import annotations

from typing import Any, NamedTuple

from dynopt.algorithms.saddle_ngd import whole_period
from dynopt.core.algebra import maximum, norm, where
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class Carried(NamedTuple):
    """The position θ, the one before, and the estimate μ of the gradient there."""

    theta: Any
    previous: Any
    estimate: Any


class SpiderSFO(Algorithm):
    """SPIDER-SFO: θ⁺ = θ − min{γ/‖μ‖, β} μ, so that no step is longer than γ.

    μ_k = ∇J_B(θ_k) where M = ``every`` divides k (a restart), and else
    μ_k = ∇J_B(θ_k) − ∇J_B(θ_{k−1}) + μ_{k−1}, both gradients on one mini-batch B.

    The restart's larger mini-batch is the oracle's matter: ``minibatch(size=b, large=B, every=M)``.  This is the
    publication's recursion (5); its Algorithm 3 draws one more mini-batch in each stage, for a difference that is 0.
    There M = B/(2b), B = 1024 and β = 1.  Without mini-batches it is descent with the step min{γ/‖g‖, β}.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("spider_sfo(gamma=2, beta=1/2)"), Quadratic([1]), (8,), steps=4).theta.ravel()
    array([8., 6., 4., 2., 1.])
    """

    name = "spider_sfo"
    references = ("Fang, Li, Lin, Zhang 2018", "Zhao, Xie, Li 2021, (5) and Algorithm 3")

    gamma: Scalar = number("(0, oo)", "longest step, the paper's alpha")
    beta: Scalar = number("(0, oo)", "largest step-size", 1)
    every: Scalar = number("[1, oo)", "iterations from one restart to the next, the paper's M", 16)

    def check(self) -> None:
        whole_period(self.name, self.every)

    def init(self, theta0: Any, oracle: Oracle) -> Carried:
        return Carried(theta0, theta0, theta0 - theta0)

    def update(self, state: Carried, oracle: Oracle, k: Any) -> Carried:
        theta, previous, estimate = state
        estimate = where(
            k % self.every > 0,
            lambda: oracle.gradient(theta) - oracle.gradient(previous) + estimate,
            lambda: oracle.gradient(theta),
        )
        return Carried(theta - self.gamma / maximum(norm(estimate), self.gamma / self.beta) * estimate, theta, estimate)
