"""INNA, the inertial Newton algorithm."""

from __future__ import annotations

from dynopt.algorithms.din import DIN
from dynopt.core.discretise import explicit_euler

INNA = explicit_euler(
    DIN,
    "INNA",
    """INNA: the explicit Euler step of `DIN`; both increments use the old (θ, ψ).

    θ⁺ = θ + γ[(1/β − α)θ − ψ/β − β∇J(θ)],   ψ⁺ = ψ + γ[(1/β − α)θ − ψ/β]

    Parameters: ``alpha`` ≥ 0, ``beta`` > 0, ``gamma`` > 0 (number or schedule), ``start`` (see `DIN`).

    >>> from dynopt import INNA
    >>> INNA(alpha=0.5, beta=0.1, gamma=0.02)
    INNA(alpha=0.5, beta=0.1, start='thesis', speed=1, gamma=0.02)
    """,
    references=("Castera, Bolte, Févotte, Pauwels 2021", "thesis (2.13) and (3.19)"),
)
