"""AdaGrad."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.core.algebra import sqrt
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class Scaled(NamedTuple):
    """The iterate and the running sum, or mean, of the squared gradients, coordinate by coordinate."""

    theta: Any
    square: Any


class AdaGrad(Algorithm):
    """AdaGrad: v⁺ = v + ∇J(θ)², θ⁺ = θ − γ∇J(θ)/(√v⁺ + ε), coordinate by coordinate, started with v = initial.

    ε stands outside the root, as printed in the thesis.  This is torch.optim.Adagrad(lr=γ, eps=ε,
    initial_accumulator_value=initial); its ``lr_decay`` d is the schedule gamma=γ/(1+k*d).  The gradient is
    divided by at least ε > 0, so a zero gradient is a zero step.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("adagrad(gamma=1)"), Quadratic([1, 9]), (5, 5), steps=1).theta[-1].round(6)
    array([4., 4.])
    """

    name = "adagrad"
    references = ("Duchi, Hazan, Singer 2011", "thesis (1.30)", "torch.optim.Adagrad")

    gamma: Scalar = number("(0, oo)", "step-size")
    epsilon: Scalar = number("(0, oo)", "what is added to the root", Fraction(1, 10**10))
    initial: Scalar = number("[0, oo)", "the sum of squares at the start", 0)

    def init(self, theta0: Any, oracle: Oracle) -> Scaled:
        return Scaled(theta0, theta0 - theta0 + self.initial)

    def update(self, state: Scaled, oracle: Oracle, k: Any) -> Scaled:
        gradient = oracle.gradient(state.theta)
        square = state.square + gradient * gradient
        return Scaled(state.theta - self.gamma * gradient / (sqrt(square) + self.epsilon), square)
