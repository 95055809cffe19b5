"""Other discretisations of DIN than INNA, one line each."""

from __future__ import annotations

from dynopt.algorithms.din import DIN
from dynopt.core.discretise import runge_kutta, semi_implicit_euler

SemiImplicitDIN = semi_implicit_euler(
    DIN,
    ("theta", "psi"),
    "SemiImplicitDIN",
    """The semi-implicit Euler step of `DIN`: ψ⁺ is computed with the new θ⁺, θ⁺ with the old ψ.

    θ⁺ = θ + γ[(1/β − α)θ − ψ/β − β∇J(θ)],   ψ⁺ = ψ + γ[(1/β − α)θ⁺ − ψ/β]
    """,
    references=("thesis (2.6)", "Hairer, Lubich, Wanner 2006, §I.1.2"),
)
SemiImplicitDIN.name = "semi_implicit_din"

MidpointDIN = runge_kutta(
    DIN,
    [[], ["1/2"]],
    [0, 1],
    "MidpointDIN",
    """The explicit midpoint (Runge–Kutta 2) step of `DIN`: two gradients a step, second order in γ.""",
    references=("thesis (2.6)", "Runge 1895"),
)
MidpointDIN.name = "midpoint_din"
