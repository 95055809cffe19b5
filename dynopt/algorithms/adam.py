"""Adam, with and without bias correction."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.core.algebra import sqrt, where
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number, option


class Moments(NamedTuple):
    """The iterate and the running means of the gradients and of their squares."""

    theta: Any
    mean: Any
    square: Any


class Adam(Algorithm):
    """Adam: the running mean of the gradients over the root of the running mean of their squares, by coordinate.

    m⁺ = β₁m + (1 − β₁)∇J(θ),   v⁺ = β₂v + (1 − β₂)∇J(θ)²,   θ⁺ = θ − γ m̂/(√v̂ + ε),   started with m = v = 0

    ``correction`` says what the hats are:

    * ``bias``  m̂ = m⁺/(1 − β₁^{k+1}), v̂ = v⁺/(1 − β₂^{k+1}): Kingma and Ba, torch.optim.Adam(lr=γ, betas=(β₁, β₂), eps=ε);
    * ``none``  m̂ = m⁺, v̂ = v⁺: as printed in the thesis.

    The mean is divided by at least ε > 0, so nothing moves where all gradients have been zero.  While v̂
    changes slowly it is ``heavy_ball_velocity(momentum=β₁, dampening=β₁)`` with the step-size γ/(√v̂ + ε) in each coordinate.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> iterates(method("adam(gamma=1)"), Quadratic([1, 9]), (5, 5), steps=1).theta[-1].round(6)
    array([4., 4.])
    """

    name = "adam"
    references = ("Kingma, Ba 2015", "thesis (1.32)", "torch.optim.Adam")

    gamma: Scalar = number("(0, oo)", "step-size")
    beta1: Scalar = number("[0, 1)", "memory of the gradients", Fraction(9, 10))
    beta2: Scalar = number("[0, 1)", "memory of the squared gradients", Fraction(999, 1000))
    epsilon: Scalar = number("(0, oo)", "what is added to the root", Fraction(1, 10**8))
    correction: str = option(("bias", "none"), "whether the means are corrected for their start at zero", "bias")

    def init(self, theta0: Any, oracle: Oracle) -> Moments:
        zero = theta0 - theta0
        return Moments(theta0, zero, zero)

    def update(self, state: Moments, oracle: Oracle, k: Any) -> Moments:
        gradient = oracle.gradient(state.theta)
        mean = self.beta1 * state.mean + (1 - self.beta1) * gradient
        square = self.beta2 * state.square + (1 - self.beta2) * gradient * gradient
        corrected = self.correction == "bias"
        first = where(corrected, lambda: mean / (1 - self.beta1 ** (k + 1)), mean)
        second = where(corrected, lambda: square / (1 - self.beta2 ** (k + 1)), square)
        return Moments(state.theta - self.gamma * first / (sqrt(second) + self.epsilon), mean, square)
