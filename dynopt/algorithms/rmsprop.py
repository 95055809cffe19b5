"""RMSprop, plain and centred."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.algorithms.adagrad import Scaled
from dynopt.core.algebra import maximum, sqrt
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number


class Centred(NamedTuple):
    """The iterate and the running means of the squared gradients and of the gradients."""

    theta: Any
    square: Any
    mean: Any


class RMSprop(Algorithm):
    """RMSprop: v⁺ = βv + (1 − β)∇J(θ)², θ⁺ = θ − γ∇J(θ)/(√v⁺ + ε), coordinate by coordinate, started with v = 0.

    As printed in the thesis and as torch.optim.RMSprop(lr=γ, alpha=β, eps=ε): ε outside the root, no bias
    correction.  The gradient is divided by at least ε > 0, so a zero gradient is a zero step.  While v
    changes slowly it is `gd` with the step-size γ/(√v + ε) in each coordinate.

    >>> RMSprop(gamma=0.001).beta
    Fraction(99, 100)
    """

    name = "rmsprop"
    references = ("Tieleman, Hinton 2012", "thesis (1.31)", "torch.optim.RMSprop")

    gamma: Scalar = number("(0, oo)", "step-size")
    beta: Scalar = number("[0, 1)", "memory of the squared gradients", Fraction(99, 100))
    epsilon: Scalar = number("(0, oo)", "what is added to the root", Fraction(1, 10**8))

    def init(self, theta0: Any, oracle: Oracle) -> Scaled:
        return Scaled(theta0, theta0 - theta0)

    def update(self, state: Scaled, oracle: Oracle, k: Any) -> Scaled:
        gradient = oracle.gradient(state.theta)
        square = self.beta * state.square + (1 - self.beta) * gradient * gradient
        return Scaled(state.theta - self.gamma * gradient / (sqrt(square) + self.epsilon), square)


class CentredRMSprop(Algorithm):
    """RMSprop divided by the running standard deviation of the gradients instead of their root mean square.

    v⁺ = βv + (1 − β)∇J(θ)²,   m⁺ = βm + (1 − β)∇J(θ),   θ⁺ = θ − γ∇J(θ)/(√(v⁺ − (m⁺)²) + ε)

    torch.optim.RMSprop(lr=γ, alpha=β, eps=ε, centered=True).  A variance that rounding makes negative
    counts as zero here, where torch returns NaN.

    >>> CentredRMSprop(gamma=0.001).epsilon
    Fraction(1, 100000000)
    """

    name = "rmsprop_centred"
    references = ("Graves 2013", "torch.optim.RMSprop")

    gamma: Scalar = number("(0, oo)", "step-size")
    beta: Scalar = number("[0, 1)", "memory of the gradients and their squares", Fraction(99, 100))
    epsilon: Scalar = number("(0, oo)", "what is added to the root", Fraction(1, 10**8))

    def init(self, theta0: Any, oracle: Oracle) -> Centred:
        zero = theta0 - theta0
        return Centred(theta0, zero, zero)

    def update(self, state: Centred, oracle: Oracle, k: Any) -> Centred:
        gradient = oracle.gradient(state.theta)
        square = self.beta * state.square + (1 - self.beta) * gradient * gradient
        mean = self.beta * state.mean + (1 - self.beta) * gradient
        deviation = sqrt(maximum(square - mean * mean, 0))
        return Centred(state.theta - self.gamma * gradient / (deviation + self.epsilon), square, mean)
