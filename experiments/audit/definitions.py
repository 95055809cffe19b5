"""What the optimizers should be, as definitions of dynopt in plain arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import dynopt
from dynopt import Algorithm, Scalar, number, sqrt


class Moments(NamedTuple):
    """The iterate, the averages of the gradient and of its square, and the weights that these averages have by now."""

    theta: Any
    m: Any
    v: Any
    first: Any
    second: Any


class Momentum(Algorithm):
    """v⁺ = mv + ∇J(θ) + wθ, θ⁺ = θ − γv⁺."""

    gamma: Scalar = number("(0, oo)", "step-size")
    momentum: Scalar = number("[0, 1)", "momentum")
    decay: Scalar = number("[0, oo)", "coupled weight decay")

    def init(self, theta0: Any, oracle: Any) -> Any:
        return dynopt.method("heavy_ball_velocity(gamma=1, momentum=0)").init(theta0, oracle)

    def update(self, state: Any, oracle: Any, k: Any) -> Any:
        velocity = self.momentum * state.velocity + oracle.gradient(state.theta) + self.decay * state.theta
        return type(state)(state.theta - self.gamma * velocity, velocity)


class Adam(Algorithm):
    """m⁺ = β₁m + (1 − β₁)g, v⁺ = β₂v + (1 − β₂)g², θ⁺ = (1 − γw)θ − γm̂/(√v̂ + ε), the averages divided by the weights they have."""

    gamma: Scalar = number("(0, oo)", "step-size")
    beta1: Scalar = number("[0, 1)", "weight of the old average", Fraction(9, 10))
    beta2: Scalar = number("[0, 1)", "weight of the old average of squares", Fraction(99, 100))
    epsilon: Scalar = number("[0, oo)", "added to the root", Fraction(1, 10**8))
    decay: Scalar = number("[0, oo)", "decoupled weight decay", 0)

    def init(self, theta0: Any, oracle: Any) -> Moments:
        zero = theta0 - theta0
        return Moments(theta0, zero, zero, zero, zero)

    def update(self, state: Moments, oracle: Any, k: Any) -> Moments:
        g = oracle.gradient(state.theta)
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g * g
        first = self.beta1 * state.first + (1 - self.beta1)
        second = self.beta2 * state.second + (1 - self.beta2)
        step = (m / first) / (sqrt(v / second) + self.epsilon)
        return Moments((1 - self.gamma * self.decay) * state.theta - self.gamma * step, m, v, first, second)


class Squares(NamedTuple):
    """The iterate and the average (or sum) of squared gradients."""

    theta: Any
    v: Any


class RMSprop(Algorithm):
    """v⁺ = αv + (1 − α)g², θ⁺ = θ − γg/(√v⁺ + ε)."""

    gamma: Scalar = number("(0, oo)", "step-size")
    alpha: Scalar = number("[0, 1)", "weight of the old average", Fraction(9, 10))
    epsilon: Scalar = number("[0, oo)", "added to the root", Fraction(1, 10**8))

    def init(self, theta0: Any, oracle: Any) -> Squares:
        return Squares(theta0, theta0 - theta0)

    def update(self, state: Squares, oracle: Any, k: Any) -> Squares:
        g = oracle.gradient(state.theta)
        v = self.alpha * state.v + (1 - self.alpha) * g * g
        return Squares(state.theta - self.gamma * g / (sqrt(v) + self.epsilon), v)


class AdaGrad(Algorithm):
    """s⁺ = s + g², θ⁺ = θ − γg/(√s⁺ + ε)."""

    gamma: Scalar = number("(0, oo)", "step-size")
    epsilon: Scalar = number("[0, oo)", "added to the root", Fraction(1, 10**8))

    def init(self, theta0: Any, oracle: Any) -> Squares:
        return Squares(theta0, theta0 - theta0)

    def update(self, state: Squares, oracle: Any, k: Any) -> Squares:
        g = oracle.gradient(state.theta)
        s = state.v + g * g
        return Squares(state.theta - self.gamma * g / (sqrt(s) + self.epsilon), s)
