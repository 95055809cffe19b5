"""Castera 2021, Chapter 3: fixed points, characteristic polynomials, eigenvalues and the discriminant of one mode.

The left sides come from the definitions of DIN and INNA, the right sides are typed as printed.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Implication, Verdict, real
from dynopt.symbolic.criteria import characteristic_polynomial
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, gamma, X, x, theta, psi, slope = sp.symbols("alpha beta gamma X x theta psi g", real=True)
lam = eigenvalue
domain = [alpha >= 0, beta > 0]


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


def rows(name: str) -> sp.Matrix:
    """The right-hand sides of one coordinate in (θ, ψ, g), g the coordinate of ∇J(θ), read off the definition."""
    space = state_space(symbolic(name))
    assert sp.Matrix([[1, 0]]) == space.C  # the gradient is asked for at θ
    return real(space.A) * sp.Matrix([theta, psi]) + real(space.B) * slope


din_rows, inna_rows = rows("din"), rows("inna")

steady = sp.And(sp.Eq(slope, 0), sp.Eq(psi, (1 - alpha * beta) * theta))

FIXED_POINTS = Claim(
    id="t3-fixed-points",
    source="Castera 2021, thesis, (3.22) and the set S of §3.3 and §3.4",
    statement="(θ, ψ) is a fixed point of INNA, and a stationary point of DIN, if and only if ∇J(θ) = 0 and ψ = (1 − αβ)θ",
    hypotheses="α ≥ 0, β > 0, γ > 0",
    checks=[
        Implication(
            part="INNA",
            given=[alpha >= 0, beta > 0, gamma > 0],
            then=sp.Equivalent(sp.And(sp.Eq(inna_rows[0], theta), sp.Eq(inna_rows[1], psi)), steady),
        ),
        Implication(
            part="DIN",
            given=[alpha >= 0, beta > 0],
            then=sp.Equivalent(sp.And(sp.Eq(din_rows[0], 0), sp.Eq(din_rows[1], 0)), steady),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: the two systems act on each coordinate separately, given that coordinate g of ∇J(θ).",
)

din_chi = real(characteristic_polynomial(state_space(symbolic("din")))).as_expr().subs(sp.Symbol("z", real=True), X)

inna_chi = real(characteristic_polynomial(state_space(symbolic("inna")))).as_expr().subs(sp.Symbol("z", real=True), X)

discriminant = (alpha + beta * lam) ** 2 - 4 * lam

CHARPOLY = Claim(
    id="t3-charpoly",
    source="Castera 2021, thesis, (3.8), (3.9), (3.25) and the discriminant below it",
    statement="χ(X) = X² + (α + βλ)X + λ for DIN, χ(X) = X² − (2 − γ(α + βλ))X + 1 − γ(α + βλ) + γ²λ for INNA; "
    "discriminants (α + βλ)² − 4λ and γ²((α + βλ)² − 4λ)",
    hypotheses="β > 0",
    checks=[
        Implication(part="(3.8)", given=[beta > 0], then=same(din_chi, X**2 + (alpha + beta * lam) * X + lam)),
        Implication(part="(3.9)", given=[beta > 0], then=same(sp.discriminant(din_chi, X), discriminant)),
        Implication(
            part="(3.25)",
            given=[beta > 0],
            then=same(inna_chi, X**2 - (2 - gamma * (alpha + beta * lam)) * X + 1 - gamma * (alpha + beta * lam) + gamma**2 * lam),
        ),
        Implication(part="discriminant of (3.25)", given=[beta > 0], then=same(sp.discriminant(inna_chi, X), gamma**2 * discriminant)),
    ],
    expected=Verdict.PROVED,
    remark="The left sides come from the definitions of the methods.",
)

DET = Claim(
    id="t3-det",
    source="Castera 2021, thesis, (3.39)",
    statement="det M_p = (1 − γ(α − 1/β) − γβλ)(1 − γ/β) − (γ/β)γ(α − 1/β) = 1 − γ(α + βλ) + γ²λ",
    hypotheses="β > 0",
    checks=[
        Implication(
            part="of the definition",
            given=[beta > 0],
            then=same(real(state_space(symbolic("inna")).mode_matrix).det(), 1 - gamma * (alpha + beta * lam) + gamma**2 * lam),
        ),
        Implication(
            part="first equality",
            given=[beta > 0],
            then=same(
                (1 - gamma * (alpha - 1 / beta) - gamma * beta * lam) * (1 - gamma / beta) - gamma / beta * gamma * (alpha - 1 / beta),
                1 - gamma * (alpha + beta * lam) + gamma**2 * lam,
            ),
        ),
    ],
    expected=Verdict.PROVED,
)

# --- eigenvalues and their discriminant ---

root = sp.sqrt(discriminant)
imaginary = sp.sqrt(4 * lam - (alpha + beta * lam) ** 2)
"""√Δ and √(−Δ)."""

half = (alpha + beta * lam) / 2

EIGENVALUES = Claim(
    id="t3-eigenvalues",
    source="Castera 2021, thesis, (3.10) and (3.14)",
    statement="the eigenvalues of M_p are −(α + βλ)/2 ± √Δ/2 where Δ = (α + βλ)² − 4λ ≥ 0, and −(α + βλ)/2 ± i√(−Δ)/2 where Δ ≤ 0",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(
            part="(3.10)",
            given=[*domain, discriminant >= 0],
            then=same(din_chi, (X + half - root / 2) * (X + half + root / 2)),
        ),
        Implication(part="(3.14)", given=[*domain, discriminant <= 0], then=same(din_chi, (X + half) ** 2 + (imaginary / 2) ** 2)),
    ],
    expected=Verdict.PROVED,
)

EIGENVALUES_MAP = Claim(
    id="t3-eigenvalues-map",
    source="Castera 2021, thesis, (3.26) and (3.29)",
    statement="the eigenvalues of M_p are 1 − γ(α + βλ)/2 ± γ√Δ/2 where Δ = (α + βλ)² − 4λ ≥ 0, and 1 − γ(α + βλ)/2 ± iγ√(−Δ)/2 where "
    "Δ ≤ 0",
    hypotheses="α ≥ 0, β > 0, γ > 0",
    checks=[
        Implication(
            part="(3.26)",
            given=[*domain, gamma > 0, discriminant >= 0],
            then=same(inna_chi, (X - (1 - gamma * half + gamma * root / 2)) * (X - (1 - gamma * half - gamma * root / 2))),
        ),
        Implication(
            part="(3.29)",
            given=[*domain, gamma > 0, discriminant <= 0],
            then=same(inna_chi, (X - (1 - gamma * half)) ** 2 + (gamma * imaginary / 2) ** 2),
        ),
    ],
    expected=Verdict.PROVED,
)

centre, half_width = (2 - alpha * beta) / beta**2, 2 * sp.sqrt(1 - alpha * beta) / beta**2

lower, upper = centre - half_width, centre + half_width
"""The ends of the spiral interval, Lemma 3.6."""

DISCRIMINANT = Claim(
    id="t3-discriminant",
    source="Castera 2021, thesis, Lemma 3.6",
    statement="(α + βλ)² − 4λ ≤ 0 if and only if αβ ≤ 1 and (2 − αβ)/β² − 2√(1−αβ)/β² ≤ λ ≤ (2 − αβ)/β² + 2√(1−αβ)/β²",
    hypotheses="α ≥ 0, β > 0, λ real",
    checks=[
        Implication(part="αβ > 1", given=[*domain, alpha * beta > 1], then=discriminant > 0),
        Implication(
            part="αβ ≤ 1",
            given=[*domain, alpha * beta <= 1],
            then=sp.Equivalent(discriminant <= 0, sp.And(lower <= lam, lam <= upper)),
        ),
        Implication(
            part="discriminant in λ",
            given=domain,
            then=same(sp.discriminant(sp.expand(discriminant), lam), 16 * (1 - alpha * beta)),
        ),
    ],
    expected=Verdict.PROVED,
)

INTERVAL_POSITIVE = Claim(
    id="t3-interval-positive",
    source="Castera 2021, thesis, proof of Theorem 3.2",
    statement="(2 − αβ)/β² − 2√(1−αβ)/β² ≥ 0, so Δ ≤ 0 implies λ ≥ 0",
    hypotheses="0 ≤ αβ ≤ 1, β > 0",
    checks=[
        Implication(part="2 − x − 2√(1−x) ≥ 0 on [0, 1]", given=[x >= 0, x <= 1], then=2 - x - 2 * sp.sqrt(1 - x) >= 0),
        Implication(part="lower end", given=[*domain, alpha * beta <= 1], then=lower >= 0),
        Implication(part="Δ ≤ 0 ⇒ λ ≥ 0", given=[*domain, discriminant <= 0], then=lam >= 0),
    ],
    expected=Verdict.PROVED,
    remark="The ends are ((1 ∓ √(1−αβ))/β)²; the lower one is 0 exactly for α = 0.",
)
