"""INNAprop's inertial Newton step, with the gain of its adaptive scaling frozen."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dynopt.algorithms.din import Lifted
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number
from dynopt.errors import Misuse


def inertial_newton(state: Lifted, scaled: Any, alpha: Scalar, beta: Scalar, gamma: Scalar) -> Lifted:
    """One INNAprop step for a gradient that has already been scaled; it needs γ < β.

    ψ⁺ = (1 − γ/β)ψ + γ(1/β − α)θ,   θ⁺ = (1 + γ(1 − αβ)/(β − γ))θ − γ/(β − γ) ψ⁺ − γβ·scaled
    """
    theta, psi = state
    after = (1 - gamma / beta) * psi + gamma * (1 / beta - alpha) * theta
    moved = (1 + gamma * (1 - alpha * beta) / (beta - gamma)) * theta - gamma / (beta - gamma) * after - gamma * beta * scaled
    return Lifted(moved, after)


class FrozenINNAprop(Algorithm):
    """INNAprop with its gain frozen at p: the gradient enters as p∇J(θ), p standing for 1/(√v̂ + ε).

    The local dynamics of the adaptive method while its second-moment estimate changes slowly; a
    statement about it is a statement about the frozen method.
    """

    name = "innaprop_frozen"
    references = ("Bolte, Boustany, Pauwels, Purica 2024",)

    alpha: Scalar = number("[0, oo)", "viscous damping", Fraction(1, 10))
    beta: Scalar = number("(0, oo)", "Newtonian damping", Fraction(9, 10))
    gamma: Scalar = number("(0, oo)", "step-size, below beta")
    gain: Scalar = number("(0, oo)", "frozen gain of the adaptive scaling", 1)

    def laws(self) -> tuple[Any, ...]:
        return (self.beta - self.gamma,)

    def check(self) -> None:
        (gap,) = self.laws()
        if getattr(gap, "is_number", True) and not gap > 0:
            raise Misuse(
                f"{self.name}: gamma={self.gamma} is not below beta={self.beta}; the step divides by beta - gamma: take gamma < beta"
            )

    def init(self, theta0: Any, oracle: Oracle) -> Lifted:
        return Lifted(theta0, (1 - self.alpha * self.beta) * theta0)

    def update(self, state: Lifted, oracle: Oracle, k: Any) -> Lifted:
        return inertial_newton(state, self.gain * oracle.gradient(state.theta), self.alpha, self.beta, self.gamma)
