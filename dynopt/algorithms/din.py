"""DIN, the dynamical inertial Newton system: constant and vanishing viscosity."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.core.algebra import inner, sqrt
from dynopt.core.algorithm import Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, number, option


class Lifted(NamedTuple):
    """The position θ and the auxiliary variable ψ that removes the Hessian from the equation."""

    theta: Any
    psi: Any


class Shifted(NamedTuple):
    """The position θ and y = θ' + β∇J(θ)."""

    theta: Any
    y: Any


class DIN(Flow):
    """θ'' + αθ' + β∇²J(θ)θ' + ∇J(θ) = 0 in its first-order form without a Hessian.

    θ' = −(α − 1/β)θ − ψ/β − β∇J(θ),   ψ' = −(α − 1/β)θ − ψ/β          (thesis (2.6), (3.1))

    ``start`` selects the published initial ψ₀ = (1 − αβ)θ₀ + c∇J(θ₀):

    * ``thesis``  c = −(β² − β): initial velocity −∇J(θ₀) (thesis §2.6.2.1);
    * ``pytorch`` c = 0: initial velocity −β∇J(θ₀) (reference PyTorch code);
    * ``keras``   c = −β² + β·speed: initial velocity −speed·∇J(θ₀) (reference Keras code).

    Energies (thesis (2.17)): E_c = cJ + ½‖(α − 1/β)θ + ψ/β‖², non-increasing along solutions for
    c between (1 − √(αβ))² and (1 + √(αβ))², shown at both ends and at their sum.

    >>> DIN(alpha=2, beta=0.1).start
    'thesis'
    """

    name = "din"
    references = ("Alvarez, Attouch, Bolte, Redont 2002", "Castera 2021, thesis (2.6) and (3.1)")

    alpha: Scalar = number("[0, oo)", "viscous damping", Fraction(1, 2))
    beta: Scalar = number("(0, oo)", "Newtonian damping", Fraction(1, 10))
    start: str = option(("thesis", "pytorch", "keras"), "convention for the initial psi", "thesis")
    speed: Scalar = number("[0, oo)", "initial speed of the keras start", 1)

    def init(self, theta0: Any, oracle: Oracle) -> Lifted:
        a, b = self.alpha, self.beta
        weight = {"thesis": b - b * b, "pytorch": 0 * b, "keras": b * self.speed - b * b}[self.start]
        return Lifted(theta0, (1 - a * b) * theta0 + weight * oracle.gradient(theta0))

    def field(self, state: Lifted, oracle: Oracle, t: Any) -> Lifted:
        theta, psi = state
        common = (1 / self.beta - self.alpha) * theta - psi / self.beta
        return Lifted(common - self.beta * oracle.gradient(theta), common)

    def energy(self, state: Lifted, oracle: Oracle, c: Any) -> Any:
        """E_c = cJ + ½‖(α − 1/β)θ + ψ/β‖² of a state, of shape ``(*batch,)`` (thesis (2.17))."""
        pull = (self.alpha - 1 / self.beta) * state.theta + state.psi / self.beta
        return c * oracle.value(state.theta) + inner(pull, pull)[..., 0] / 2

    def dissipation(self, state: Lifted, oracle: Oracle, c: Any) -> Any:
        """−dE_c/dt along the flow: α‖p‖² + cβ‖g‖² + (c + αβ − 1)⟨p, g⟩ with g = ∇J(θ), p = −ψ'.

        Non-negative for every (p, g) iff (c + αβ − 1)² ≤ 4cαβ, which is c between (1 − √(αβ))² and
        (1 + √(αβ))²; at these ends it is the square of Lemma 2.5.
        """
        pull = (self.alpha - 1 / self.beta) * state.theta + state.psi / self.beta
        slope = oracle.gradient(state.theta)
        mixed = (c + self.alpha * self.beta - 1) * inner(pull, slope)
        return (self.alpha * inner(pull, pull) + c * self.beta * inner(slope, slope) + mixed)[..., 0]

    def energies(self, state: Lifted, oracle: Oracle, t: Any) -> dict[str, Any]:
        root = sqrt(self.alpha * self.beta)
        lower, upper = (self.energy(state, oracle, (1 + s * root) * (1 + s * root)) for s in (-1, 1))
        return {"E_min": lower, "E_max": upper, "E": lower + upper}


class VanishingDIN(Flow):
    """DIN with vanishing viscosity a(t), also called DIN-AVD: θ'' + a(t)θ' + β∇²J(θ)θ' + ∇J(θ) = 0, θ' = −β∇J(θ₀) at the start.

    With y = θ' + β∇J(θ):  θ' = y − β∇J(θ),  y' = −a(t)y + (a(t)β − 1)∇J(θ).  ``clock`` selects a(t):

    * ``flow``   α₀/t from t = 1/10 on: an iteration of step γ has t_k = kγ;
    * ``script`` α₀√s/(t + s) from t = 0 on: the authors' script has t_k = (k + 1)√s in an iteration
      of step s, which in the flow's time t = ks is this viscosity (√s times as large for t ≫ s).

    Along solutions J + ½‖y‖² does not increase while a(t)β ≤ 4.

    Putting α = α₀/t into the (θ, ψ) form of `DIN` instead gives the *different* equation with the
    extra term α'(t)θ = −α₀θ/t²; that is what a time-dependent alpha in `INNA` discretises.
    """

    name = "din_vanishing"
    references = ("Attouch, Peypouquet, Redont 2016", "thesis §3.3.2.3 and the authors' script of Figure 3.2")
    autonomous = False

    alpha0: Scalar = number("[0, oo)", "vanishing viscosity: the damping is alpha0/t", 2)
    beta: Scalar = number("(0, oo)", "Newtonian damping", Fraction(1, 10))
    clock: str = option(("flow", "script"), "convention for the time in the damping", "flow")
    s: Scalar = number("(0, oo)", "step of the script's iteration", Fraction(1, 100))

    @property
    def start_time(self) -> float:  # type: ignore[override]
        return {"flow": 0.1, "script": 0.0}[self.clock]

    def init(self, theta0: Any, oracle: Oracle) -> Shifted:
        return Shifted(theta0, theta0 - theta0)

    def field(self, state: Shifted, oracle: Oracle, t: Any) -> Shifted:
        theta, y = state
        late = {"flow": 0 * self.s, "script": self.s}[self.clock]
        scale = {"flow": 1, "script": sqrt(self.s)}[self.clock]
        gradient, friction = oracle.gradient(theta), self.alpha0 * scale / (t + late)
        return Shifted(y - self.beta * gradient, (friction * self.beta - 1) * gradient - friction * y)

    def energies(self, state: Shifted, oracle: Oracle, t: Any) -> dict[str, Any]:
        return {"J + |y|^2/2": oracle.value(state.theta) + inner(state.y, state.y)[..., 0] / 2}
