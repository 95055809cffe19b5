"""Castera 2021, Chapter 3, Theorem 3.12: the step-sizes for which INNA is a local diffeomorphism, and the exact set.

det M(λ) is read off the definition of INNA; every formula of the thesis is typed as printed.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Exists, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, gamma, L = sp.symbols("alpha beta gamma L", real=True)
lam = eigenvalue

determinant = sp.expand(real(state_space(symbolic("inna")).mode_matrix).det())
"""det M(λ) of INNA, a polynomial that is affine in λ."""

positive = [alpha > 0, beta > 0]


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


def discriminant(value):
    return (alpha + beta * value) ** 2 - 4 * value


def gamma_minus(value):
    """γ⁻ of (3.40), the function of the three lemmas, and at L the bound of (3.20)."""
    return beta / 2 + alpha / (2 * value) - sp.sqrt(discriminant(value)) / (2 * value)


def gamma_plus(value):
    return beta / 2 + alpha / (2 * value) + sp.sqrt(discriminant(value)) / (2 * value)


def det(value):
    return determinant.subs(lam, value)


ends = [(2 - alpha * beta) / beta**2 + sign * 2 * sp.sqrt(1 - alpha * beta) / beta**2 for sign in (-1, 1)]

lower, upper = ends

step = [*positive, L > 0, gamma > 0, gamma < beta]
"""The part of (3.20) without the root."""

window = [lam >= -L, lam <= L]

DIFFEO = Claim(
    id="t3-diffeo",
    source="Castera 2021, thesis, Theorem 3.12 (and Theorem 3.9, Corollary 3.10)",
    statement="0 < γ < min(β/2 + α/(2L) − √((α + βL)² − 4L)/(2L), β) implies det M(λ) ≠ 0 for all λ in [−L, L], so that G is a local "
    "diffeomorphism",
    hypotheses="any α > 0, β > 0; ∇J L-Lipschitz, L > 0",
    checks=[Implication(given=[*step, *window, gamma < gamma_minus(L)], then=sp.Ne(determinant, 0))],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="where (α + βL)² ≥ 4L (always for αβ ≥ 1) as printed; where (α + βL)² < 4L, the bound does not exist and 0 < γ < β "
        "suffices",
        checks=[
            Implication(
                part="the root exists",
                given=[*step, *window, discriminant(L) >= 0, gamma < gamma_minus(L)],
                then=determinant > 0,
            ),
            Implication(part="it does not", given=[*step, *window, discriminant(L) < 0], then=determinant > 0),
            Implication(part="αβ ≥ 1: it exists", given=[*positive, L > 0, alpha * beta >= 1], then=discriminant(L) >= 0),
            Implication(
                part="root-free: for Δ(L) ≥ 0, γ < γ⁻(L) says det M(L) > 0 on the near side of the vertex",
                given=[*positive, L > 0, discriminant(L) >= 0],
                then=sp.Equivalent(gamma < gamma_minus(L), sp.And(det(L) > 0, 2 * L * gamma < alpha + beta * L)),
            ),
        ],
    ),
    remark="det M(λ) = 1 − γα + λγ(γ − β) is affine in λ; for γ < β it decreases, so only λ = L matters: the three lemmas are not needed.  "
    "Theorem 3.9 and Corollary 3.10 inherit the bound and its defect.",
)

gamma0 = gamma_minus(-L)
"""The positive root of det M(−L) (γ⁻ at λ = −L); its radicand (α − βL)² + 4L is positive."""

whole = sp.Abs(1 - alpha * gamma) > L * gamma * sp.Abs(beta - gamma)

base = [*positive, L > 0, gamma > 0]

critical = (1 - alpha * gamma) / (gamma * (beta - gamma))
"""The λ at which det M vanishes."""

over, under = [*base, alpha * beta > 1], [*base, alpha * beta < 1]

DIFFEO_EXACT = Claim(
    id="t3-diffeo-exact",
    source="the exact form of Theorem 3.12 (ours)",
    statement="det M(λ) ≠ 0 for all λ in [−L, L] if and only if |1 − αγ| > Lγ|β − γ|.  That is, with x± the ends of the spiral interval: "
    "αβ > 1: γ in (0, γ⁻(L)) ∪ (γ⁻(−L), γ⁺(L)); αβ = 1: γ < 1/(βL), γ ≠ β; "
    "αβ < 1: (0, γ⁻(−L)) ∪ (γ⁻(L), γ⁺(L)) if L ≤ x⁻, (0, γ⁻(−L)) if x⁻ < L < x⁺, (0, γ⁻(L)) ∪ (γ⁺(L), γ⁻(−L)) if L ≥ x⁺",
    hypotheses="α > 0, β > 0, γ > 0, L > 0",
    checks=[
        Implication(part="sufficient", given=[*base, whole, *window], then=sp.Ne(determinant, 0)),
        Implication(
            part="necessary, γ ≠ β: a zero inside",
            given=[*base, sp.Not(whole), sp.Ne(gamma, beta)],
            then=sp.And(critical >= -L, critical <= L, sp.Eq(det(critical), 0)),
        ),
        Implication(part="necessary, γ = β: zero everywhere", given=[*base, sp.Not(whole), sp.Eq(gamma, beta)], then=sp.Eq(determinant, 0)),
        Implication(
            part="αβ > 1",
            given=over,
            then=sp.Equivalent(whole, sp.Or(gamma < gamma_minus(L), sp.And(gamma0 < gamma, gamma < gamma_plus(L)))),
        ),
        Implication(
            part="αβ = 1",
            given=[*base, sp.Eq(alpha * beta, 1)],
            then=sp.Equivalent(whole, sp.And(beta * L * gamma < 1, sp.Ne(gamma, beta))),
        ),
        Implication(
            part="αβ < 1, L ≤ x⁻",
            given=[*under, discriminant(L) >= 0, beta * L <= alpha],
            then=sp.Equivalent(whole, sp.Or(gamma < gamma0, sp.And(gamma_minus(L) < gamma, gamma < gamma_plus(L)))),
        ),
        Implication(part="αβ < 1, x⁻ < L < x⁺", given=[*under, discriminant(L) < 0], then=sp.Equivalent(whole, gamma < gamma0)),
        Implication(
            part="αβ < 1, L ≥ x⁺",
            given=[*under, discriminant(L) >= 0, beta * L > alpha],
            then=sp.Equivalent(whole, sp.Or(gamma < gamma_minus(L), sp.And(gamma_plus(L) < gamma, gamma < gamma0))),
        ),
    ],
    expected=Verdict.PROVED,
    remark="For αβ < 1 and Δ(L) ≥ 0, L ≤ x⁻ says βL ≤ α and L ≥ x⁺ says βL > α, as x⁻ < α/β < x⁺.  What (3.20) gives away: t3-diffeo-loss.",
)

DIFFEO_LOSS = Claim(
    id="t3-diffeo-loss",
    source="how much (3.20) gives away (ours)",
    statement="the largest γ₀ such that every γ in (0, γ₀) has det M ≠ 0 on [−L, L] is the bound of (3.20) when αβ ≥ 1 or when αβ < 1 "
    "and L ≥ x⁺; when αβ < 1 and L < x⁺ it is γ⁻(−L), which lies strictly between β and 1/α, while (3.20) gives β (L ≤ x⁻) or nothing "
    "(x⁻ < L < x⁺).  The factor γ⁻(−L)/β is below 1/(αβ), approaches it as L → 0, and is unbounded as αβ → 0",
    hypotheses="α > 0, β > 0, L > 0",
    checks=[
        Implication(
            part="αβ ≥ 1: (3.20) is sharp",
            given=[*positive, L > 0, alpha * beta >= 1, sp.Eq(gamma, gamma_minus(L))],
            then=sp.And(gamma <= beta, sp.Eq(det(L), 0)),
        ),
        Implication(
            part="αβ < 1, L ≥ x⁺: (3.20) is sharp",
            given=[*positive, L > 0, alpha * beta < 1, discriminant(L) >= 0, beta * L > alpha, sp.Eq(gamma, gamma_minus(L))],
            then=sp.And(gamma < beta, sp.Eq(det(L), 0)),
        ),
        Implication(
            part="αβ < 1, L ≤ x⁻: (3.20) is γ < β",
            given=[*positive, L > 0, alpha * beta < 1, discriminant(L) >= 0, beta * L <= alpha],
            then=gamma_minus(L) > beta,
        ),
        Implication(
            part="γ⁻(−L): sharp, between β and 1/α",
            given=[*positive, L > 0, alpha * beta < 1, sp.Eq(gamma, gamma0)],
            then=sp.And(beta < gamma, alpha * gamma < 1, sp.Eq(det(-L), 0)),
        ),
        Implication(
            part="L → 0: αγ⁻(−L) ≥ 1 − L/α²",
            given=[*positive, L > 0, alpha * beta < 1],
            then=alpha * gamma0 >= 1 - L / alpha**2,
        ),
        Exists(
            part="a second window: det M ≠ 0 on [−L, L] beyond the bound, for αβ > 1",
            such_that=[*base, alpha * beta > 1, gamma > gamma_minus(L), det(L) * det(-L) > 0],
        ),
    ],
    expected=Verdict.PROVED,
)

NO_REAL_ROOTS = Claim(
    id="t3-no-real-roots",
    source="Castera 2021, thesis, proof of Theorem 3.12, αβ ≤ 1, λ > 0",
    statement="for λ in the closed interval [x⁻, x⁺] there are no real roots, so det M_p ≠ 0 whatever γ > 0",
    hypotheses="α > 0, β > 0, αβ ≤ 1",
    checks=[
        Implication(given=[*positive, gamma > 0, alpha * beta <= 1, lower <= lam, lam <= upper], then=sp.Ne(determinant, 0)),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="this holds on the open interval; at its ends γ = 1/√λ is a double root, which (3.20) excludes",
        checks=[
            Implication(
                part="open interval",
                given=[*positive, gamma > 0, alpha * beta <= 1, lower < lam, lam < upper],
                then=sp.Ne(determinant, 0),
            ),
            Implication(
                part="double root at the ends",
                given=[*positive, gamma > 0, sp.Eq(discriminant(lam), 0)],
                then=sp.Equivalent(sp.Eq(determinant, 0), sp.Eq(lam * gamma**2, 1)),
            ),
        ],
    ),
)

above, below = [*positive, alpha * beta > 1], [*positive, alpha * beta <= 1]

BETA_SPARE = Claim(
    id="t3-beta-spare",
    source="Castera 2021, thesis, proof of Theorem 3.12, αβ > 1",
    statement="for αβ > 1: 1/α > γ⁻(L), so γ < γ⁻(L) implies γ < 1/α and γ < β; for αβ ≤ 1: 1/α > γ⁻(L) need not hold",
    hypotheses="α > 0, β > 0, L > 0",
    checks=[
        Implication(part="αβ > 1", given=[*above, L > 0], then=sp.And(gamma_minus(L) < 1 / alpha, gamma_minus(L) < beta)),
        Exists(part="αβ ≤ 1", such_that=[*below, L > 0, discriminant(L) >= 0, alpha * gamma_minus(L) >= 1]),
    ],
    expected=Verdict.PROVED,
)

WRONG_WAY = Claim(
    id="t3-wrong-way",
    source="Castera 2021, thesis, end of the proof of Theorem 3.12",
    statement="γ⁻ is decreasing on (x⁺, ∞), so γ⁻(λ) ≤ γ⁻(L) for λ ≤ L in this interval",
    hypotheses="α > 0, β > 0, αβ ≤ 1, x⁺ < λ ≤ L",
    checks=[Implication(given=[*below, lam > upper, lam <= L], then=gamma_minus(lam) <= gamma_minus(L))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="γ⁻(λ) ≥ γ⁻(L), which is also what the argument needs",
        checks=[Implication(given=[*below, lam > upper, lam <= L], then=gamma_minus(lam) >= gamma_minus(L))],
    ),
    remark="A misprint of the sign; the conclusion of the proof is unaffected.",
)
