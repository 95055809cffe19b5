"""The exact set of (α, β, γ) for which INNA is locally stable on [μ, L], beside Theorem 3.9's bound (3.20).

M and the Jury conditions are read off the definition of INNA.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Exists, Implication, Verdict, real
from dynopt.symbolic.criteria import characteristic_polynomial, jury
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, gamma, L, mu, tau, delta = sp.symbols("alpha beta gamma L mu tau delta", real=True)
lam = eigenvalue

SPACE = state_space(symbolic("inna"))

M = real(SPACE.mode_matrix)

conditions = tuple(real(p) for p in jury(characteristic_polynomial(SPACE)))
"""χ(−1), 2(1 − det M) and χ(1) up to positive factors: all positive iff both eigenvalues have modulus below 1."""

decays = sp.And(*(p > 0 for p in conditions))

double_root = (alpha + beta * L) ** 2 - 4 * L
bound = beta / 2 + alpha / (2 * L) - sp.sqrt(double_root) / (2 * L)
"""The first term of (3.20) and its radicand."""

triangle = sp.And(1 - tau + delta > 0, 1 + tau + delta > 0, delta < 1)
"""Jury's conditions for X² − τX + δ."""

low, high = (tau - sp.sqrt(tau**2 - 4 * delta)) / 2, (tau + sp.sqrt(tau**2 - 4 * delta)) / 2


def flip(value):
    """χ(−1) = 4 − 2γ(α + βλ) + γ²λ."""
    return 4 - 2 * gamma * (alpha + beta * value) + gamma**2 * value


spectrum = [alpha >= 0, beta > 0, gamma > 0, mu > 0, mu <= L]

region = sp.And((gamma - beta) * L < alpha, flip(mu) > 0, flip(L) > 0)

STABLE_EXACT = Claim(
    id="t3-stable-exact",
    source="the exact local stability region of INNA (ours)",
    statement="every eigenvalue of M(λ) has modulus below 1 for all λ in [μ, L] if and only if γ < β + α/L and 4 − 2γ(α + βλ) + γ²λ > "
    "0 at λ = μ and at λ = L; for γ ≤ 2β the condition at μ follows from that at L",
    hypotheses="α ≥ 0, β > 0, γ > 0, 0 < μ ≤ L",
    checks=[
        Implication(part="Jury, real roots", given=[tau**2 >= 4 * delta], then=sp.Equivalent(sp.And(low > -1, high < 1), triangle)),
        Implication(part="Jury, complex roots (|σ|² = δ)", given=[tau**2 < 4 * delta], then=sp.Equivalent(delta < 1, triangle)),
        Implication(
            part="of the definition: τ = tr M, δ = det M",
            given=[gamma > 0, beta > 0],
            then=sp.And(
                *(
                    sp.Eq(condition, side, evaluate=False)
                    for condition, side in zip(conditions, (1 + M.trace() + M.det(), 2 - 2 * M.det(), 1 - M.trace() + M.det()), strict=True)
                )
            ),
        ),
        Implication(part="sufficient", given=[*spectrum, region, mu <= lam, lam <= L], then=decays),
        Implication(
            part="necessary: it fails at μ or at L",
            given=[*spectrum, sp.Not(region)],
            then=sp.Not(sp.And(decays.subs(lam, mu), decays.subs(lam, L))),
        ),
        Implication(
            part="γ ≤ 2β: the end μ follows",
            given=[*spectrum, gamma <= 2 * beta, flip(L) > 0, (gamma - beta) * L < alpha],
            then=region,
        ),
        Implication(
            part="against (3.20): up to twice its first term",
            given=[*spectrum, alpha > 0, double_root >= 0, gamma < 2 * bound, gamma < 2 * beta, (gamma - beta) * L < alpha],
            then=region,
        ),
        Exists(
            part="beyond 2β the end μ matters",
            such_that=[*spectrum, (gamma - beta) * L < alpha, flip(L) > 0, flip(mu) <= 0],
        ),
    ],
    expected=Verdict.PROVED,
    remark="Local: it concerns quadratics, or neighbourhoods of minima.  χ(−1) at γ is four times det M at γ/2, so the stability limit "
    "is 2γ⁻(L) where the invertibility limit is γ⁻(L).",
)
