"""The high-resolution ODEs of Nesterov's methods and of the heavy ball.

They keep the terms of order √s of a method with step-size s, which tell the methods apart: the limit
s → 0 of Nesterov's method and of the heavy ball is the same flow.
"""

from __future__ import annotations

from typing import Any

from dynopt.algorithms.din import Shifted
from dynopt.algorithms.heavy_ball import Moving
from dynopt.core.algebra import inner, sqrt
from dynopt.core.algorithm import Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number, option

_SHI = "Shi, Du, Jordan, Su 2018"


def _speed(start: str, mu: Scalar, s: Scalar) -> Scalar:
    """c in the initial velocity −c∇J(θ₀)."""
    return {"published": 2 * sqrt(s) / (1 + sqrt(mu * s)), "iterates": sqrt(s) / 2}[start]


class HighResolutionNesterov(Flow):
    """NAG-SC: θ'' + 2√μ θ' + √s ∇²J(θ)θ' + (1 + √(μs))∇J(θ) = 0; no Hessian is evaluated.

    With y = θ' + √s∇J(θ):  θ' = y − √s∇J(θ),  y' = −2√μ y − (1 − √(μs))∇J(θ).

    It belongs to Nesterov's method with γ = s and momentum (1 − √(μs))/(1 + √(μs)), one step taking
    the time √s.  ``start`` selects the initial velocity:

    * ``published`` −2√s/(1 + √(μs)) ∇J(θ₀), the first difference of the extrapolated points over √s;
    * ``iterates``  −(√s/2)∇J(θ₀), that of `Nesterov` started with θ₋ = θ₀, to the order of the equation.

    Along solutions E = (1 + √(μs))J + ½‖y‖² does not increase, whatever J is.

    >>> HighResolutionNesterov(mu=1, s=0.01)
    HighResolutionNesterov(mu=1, s=0.01, start='published')
    """

    name = "nesterov_high_resolution"
    references = (_SHI,)

    mu: Scalar = number("(0, oo)", "strong convexity that the momentum is tuned to")
    s: Scalar = number("(0, oo)", "step-size of the method")
    start: str = option(("published", "iterates"), "initial velocity", "published")

    def init(self, theta0: Any, oracle: Oracle) -> Shifted:
        return Shifted(theta0, (sqrt(self.s) - _speed(self.start, self.mu, self.s)) * oracle.gradient(theta0))

    def field(self, state: Shifted, oracle: Oracle, t: Any) -> Shifted:
        theta, y = state
        gradient = oracle.gradient(theta)
        return Shifted(y - sqrt(self.s) * gradient, (sqrt(self.mu * self.s) - 1) * gradient - 2 * sqrt(self.mu) * y)

    def energies(self, state: Shifted, oracle: Oracle, t: Any) -> dict[str, Any]:
        weight = 1 + sqrt(self.mu * self.s)
        return {"(1 + sqrt(mu s)) J + |y|^2/2": weight * oracle.value(state.theta) + inner(state.y, state.y)[..., 0] / 2}


class HighResolutionHeavyBall(Flow):
    """The heavy ball: θ'' + 2√μ θ' + (1 + √(μs))∇J(θ) = 0, `HighResolutionNesterov` without its Hessian.

    It belongs to the heavy ball with γ = s and momentum (1 − √(μs))/(1 + √(μs)); ``start`` as there.
    Along solutions dE/dt = −2√μ‖θ'‖² for E = (1 + √(μs))J + ½‖θ'‖².
    """

    name = "heavy_ball_high_resolution"
    references = (_SHI,)

    mu: Scalar = number("(0, oo)", "strong convexity that the momentum is tuned to")
    s: Scalar = number("(0, oo)", "step-size of the method")
    start: str = option(("published", "iterates"), "initial velocity", "published")

    def init(self, theta0: Any, oracle: Oracle) -> Moving:
        return Moving(theta0, -_speed(self.start, self.mu, self.s) * oracle.gradient(theta0))

    def field(self, state: Moving, oracle: Oracle, t: Any) -> Moving:
        pull = (1 + sqrt(self.mu * self.s)) * oracle.gradient(state.theta)
        return Moving(state.velocity, -2 * sqrt(self.mu) * state.velocity - pull)

    def energies(self, state: Moving, oracle: Oracle, t: Any) -> dict[str, Any]:
        weight = 1 + sqrt(self.mu * self.s)
        return {"(1 + sqrt(mu s)) J + |v|^2/2": weight * oracle.value(state.theta) + inner(state.velocity, state.velocity)[..., 0] / 2}


class HighResolutionConvexNesterov(Flow):
    """NAG-C: θ'' + (3/t)θ' + √s ∇²J(θ)θ' + (1 + 3√s/(2t))∇J(θ) = 0 from t₀ = 3√s/2, θ'(t₀) = −√s∇J(θ₀).

    With y = θ' + √s∇J(θ):  θ' = y − √s∇J(θ),  y' = −(3/t)y + (3√s/(2t) − 1)∇J(θ),  y(t₀) = 0.

    It belongs to Nesterov's method with γ = s and momentum k/(k + 3), whose iterate k has the time
    t₀ + k√s.  For convex J with a minimiser θ*, t(t + √s/2)(J − J*) + ½‖2(θ − θ*) + ty‖² does not
    increase: J − J* = O(1/t²), and min ‖∇J‖² = O(1/t³).

    >>> HighResolutionConvexNesterov(s=0.01).start_time
    0.15000000000000002
    """

    name = "nesterov_convex_high_resolution"
    references = (_SHI,)
    autonomous = False

    s: Scalar = number("(0, oo)", "step-size of the method")

    @property
    def start_time(self) -> Any:  # type: ignore[override]
        return 3 * sqrt(self.s) / 2

    def init(self, theta0: Any, oracle: Oracle) -> Shifted:
        return Shifted(theta0, theta0 - theta0)

    def field(self, state: Shifted, oracle: Oracle, t: Any) -> Shifted:
        theta, y = state
        gradient = oracle.gradient(theta)
        return Shifted(y - sqrt(self.s) * gradient, (3 * sqrt(self.s) / (2 * t) - 1) * gradient - 3 / t * y)
