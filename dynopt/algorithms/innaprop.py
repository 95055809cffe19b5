"""INNAprop: the inertial Newton step on the RMSprop-scaled gradient, and the same with its gain frozen."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.algorithms.din import Lifted
from dynopt.core.algebra import sqrt
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, is_schedule, number
from dynopt.errors import Misuse


def inertial_newton(state: Lifted, scaled: Any, alpha: Scalar, beta: Scalar, gamma: Scalar) -> Lifted:
    """One INNAprop step for a gradient that has already been scaled; it needs γ < β.

    ψ⁺ = (1 − γ/β)ψ + γ(1/β − α)θ,   θ⁺ = (1 + γ(1 − αβ)/(β − γ))θ − γ/(β − γ) ψ⁺ − γβ·scaled
    """
    theta, psi = state
    after = (1 - gamma / beta) * psi + gamma * (1 / beta - alpha) * theta
    moved = (1 + gamma * (1 - alpha * beta) / (beta - gamma)) * theta - gamma / (beta - gamma) * after - gamma * beta * scaled
    return Lifted(moved, after)


def gap(system: Any) -> tuple[Any, ...]:
    """β − γ, by which the step divides; nothing to say while γ is a schedule."""
    return () if is_schedule(system.gamma) or is_schedule(system.beta) else (system.beta - system.gamma,)


def check_gap(system: Any) -> None:
    """`Misuse` where γ is not below β."""
    if any(getattr(law, "is_number", True) and not law > 0 for law in gap(system)):
        raise Misuse(
            f"{system.name}: gamma={system.gamma} is not below beta={system.beta}; the step divides by beta - gamma: take gamma < beta"
        )


class Scaled(NamedTuple):
    """The position θ, the auxiliary variable ψ, and the running mean of the squared gradients."""

    theta: Any
    psi: Any
    square: Any


class INNAprop(Algorithm):
    """INNAprop: INNA's step on the gradient divided by the root of its running mean square, by coordinate.

    v⁺ = σv + (1 − σ)∇J(θ)²,   v̂ = v⁺/(1 − σ^{k+1}),   started with v = 0 and ψ₀ = (1 − αβ)θ₀

    ψ⁺ = (1 − γ/β)ψ + γ(1/β − α)θ,   θ⁺ = (1 + γ(1 − αβ)/(β − γ))θ − γ/(β − γ) ψ⁺ − γβ∇J(θ)/(√v̂ + ε)

    It needs γ < β, at every iteration of a schedule too.  The gradient is divided by at least ε > 0, so a zero
    gradient adds nothing.  The published method also shrinks θ by 1 − γ·wd first: decoupled weight decay, which
    is no part of the definition.  `FrozenINNAprop` is its local dynamics.

    >>> INNAprop(gamma=0.001).sigma
    Fraction(999, 1000)
    """

    name = "innaprop"
    references = ("Bolte, Boustany, Pauwels, Purica 2024",)

    alpha: Scalar = number("[0, oo)", "viscous damping", Fraction(1, 10))
    beta: Scalar = number("(0, oo)", "Newtonian damping", Fraction(9, 10))
    gamma: Scalar = number("(0, oo)", "step-size, below beta")
    sigma: Scalar = number("[0, 1)", "memory of the squared gradients", Fraction(999, 1000))
    epsilon: Scalar = number("(0, oo)", "what is added to the root", Fraction(1, 10**8))

    laws = gap
    check = check_gap

    def init(self, theta0: Any, oracle: Oracle) -> Scaled:
        return Scaled(theta0, (1 - self.alpha * self.beta) * theta0, theta0 - theta0)

    def update(self, state: Scaled, oracle: Oracle, k: Any) -> Scaled:
        gradient = oracle.gradient(state.theta)
        square = self.sigma * state.square + (1 - self.sigma) * gradient * gradient
        scaled = gradient / (sqrt(square / (1 - self.sigma ** (k + 1))) + self.epsilon)
        theta, psi = inertial_newton(Lifted(state.theta, state.psi), scaled, self.alpha, self.beta, self.gamma)
        return Scaled(theta, psi, square)


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

    laws = gap
    check = check_gap

    def init(self, theta0: Any, oracle: Oracle) -> Lifted:
        return Lifted(theta0, (1 - self.alpha * self.beta) * theta0)

    def update(self, state: Lifted, oracle: Oracle, k: Any) -> Lifted:
        return inertial_newton(state, self.gain * oracle.gradient(state.theta), self.alpha, self.beta, self.gamma)
