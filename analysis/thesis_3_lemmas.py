"""Castera 2021, Chapter 3, §3.7: the roots of det M in γ, and the monotonicity lemmas 3.13 to 3.15.

det M(λ) is read off the definition of INNA; every formula of the thesis is typed as printed.
Monotonicity is proved in two-point form, x < y.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, gamma, x, y, p, q, r = sp.symbols("alpha beta gamma x y p q r", real=True)
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


ends = [(2 - alpha * beta) / beta**2 + sign * 2 * sp.sqrt(1 - alpha * beta) / beta**2 for sign in (-1, 1)]

lower, upper = ends

ROOTS = Claim(
    id="t3-roots",
    source="Castera 2021, thesis, (3.40)",
    statement="for λ ≠ 0 and Δ = (α + βλ)² − 4λ ≥ 0 the roots in γ of det M_p are γ± = (α + βλ)/(2λ) ± √Δ/(2λ) = β/2 + α/(2λ) ± √Δ/(2λ)",
    hypotheses="α > 0, β > 0, λ ≠ 0, Δ ≥ 0",
    checks=[
        Implication(
            part="factors of the determinant",
            given=[*positive, sp.Ne(lam, 0), discriminant(lam) >= 0],
            then=same(determinant, lam * (gamma - gamma_plus(lam)) * (gamma - gamma_minus(lam))),
        ),
        Implication(
            part="the two ways of writing them",
            given=[*positive, sp.Ne(lam, 0), discriminant(lam) >= 0],
            then=same((alpha + beta * lam) / (2 * lam) - sp.sqrt(discriminant(lam)) / (2 * lam), gamma_minus(lam)),
        ),
        Implication(part="Δ < 0: none", given=[*positive, discriminant(lam) < 0], then=determinant > 0),
    ],
    expected=Verdict.PROVED,
)


def det(value):
    return determinant.subs(lam, value)


ROOT_SIGNS = Claim(
    id="t3-root-signs",
    source="Castera 2021, thesis, proof of Theorem 3.12",
    statement="λ < 0: γ⁺ < 0 (and γ⁻ > 0); λ > 0 with Δ ≥ 0: γ⁺ ≥ γ⁻ > 0, with Δ > 0: γ⁺ > γ⁻; λ = 0: det M = 0 only at γ = 1/α",
    hypotheses="α > 0, β > 0",
    checks=[
        Implication(part="λ < 0", given=[*positive, lam < 0], then=sp.And(gamma_plus(lam) < 0, gamma_minus(lam) > 0)),
        Implication(
            part="λ > 0",
            given=[*positive, lam > 0, discriminant(lam) >= 0],
            then=sp.And(gamma_plus(lam) >= gamma_minus(lam), gamma_minus(lam) > 0),
        ),
        Implication(part="λ = 0", given=positive, then=sp.Equivalent(sp.Eq(det(0), 0), sp.Eq(gamma, 1 / alpha))),
        Implication(part="λ > 0, Δ > 0", given=[*positive, lam > 0, discriminant(lam) > 0], then=gamma_plus(lam) > gamma_minus(lam)),
    ],
    expected=Verdict.PROVED,
)

root = sp.sqrt(discriminant(x))

h = -alpha * root - (2 - alpha * beta) * x + alpha**2

h_first = -alpha * (2 * beta * (beta * x + alpha) - 4) / (2 * root) + alpha * beta - 2

h_second = -4 * alpha * (alpha * beta - 1) / root**3
"""h, (3.37) and (3.38), as printed."""

above, below = [*positive, alpha * beta > 1], [*positive, alpha * beta <= 1]

at_two_points = [sp.Eq(p, gamma_minus(x)), sp.Eq(q, gamma_minus(y))]
"""p and q name the values of the function at x and y."""

DERIVATIVES = [
    Implication(
        part="first derivative",
        given=[*positive, sp.Ne(x, 0), discriminant(x) > 0],
        then=same(sp.diff(gamma_minus(x), x), -(alpha * root + (2 - alpha * beta) * x - alpha**2) / (2 * x**2 * root)),
    ),
    Implication(part="(3.37)", given=[*positive, discriminant(x) > 0], then=same(sp.diff(h, x), h_first)),
    Implication(part="(3.38)", given=[*positive, discriminant(x) > 0], then=same(sp.diff(h_first, x), h_second)),
    Implication(
        part="h and h' vanish at 0 (r = √Δ there)",
        given=[*positive, r >= 0, sp.Eq(r**2, discriminant(0))],
        then=sp.And(same(-alpha * r + alpha**2, 0), same(-alpha * (2 * beta * alpha - 4) / (2 * r) + alpha * beta - 2, 0)),
    ),
]

LEMMA_313 = Claim(
    id="t3-lemma-313",
    source="Castera 2021, thesis, Lemma 3.13 with (3.37), (3.38)",
    statement="x ↦ β/2 + α/(2x) − √((α + βx)² − 4x)/(2x) is continuous and decreasing both on R_{>0} and on R_{<0}",
    hypotheses="α > 0, β > 0, αβ > 1",
    checks=[
        Implication(part="continuous: the radicand stays positive", given=above, then=discriminant(x) > 0),
        Implication(part="decreasing on R_{>0}", given=[*above, x > 0, y > x, *at_two_points], then=p > q),
        Implication(part="decreasing on R_{<0}", given=[*above, x < y, y < 0, *at_two_points], then=p > q),
        *DERIVATIVES,
        Implication(part="h'' < 0", given=above, then=h_second < 0),
        Implication(part="h < 0 off 0", given=[*above, sp.Ne(x, 0)], then=h < 0),
    ],
    expected=Verdict.PROVED,
    remark="The domain is printed as R_{>0} although the lemma also speaks of R_{<0}; the formula is meant there too.",
)

LEMMA_314 = Claim(
    id="t3-lemma-314",
    source="Castera 2021, thesis, Lemma 3.14",
    statement="x ↦ β/2 + α/(2x) − √((α + βx)² − 4x)/(2x) is continuous and increasing on R_{<0}",
    hypotheses="α > 0, β > 0, αβ ≤ 1",
    checks=[
        Implication(part="continuous: the radicand stays positive", given=[*below, x < 0], then=discriminant(x) > 0),
        Implication(part="increasing", given=[*below, x < y, y < 0, *at_two_points], then=p < q),
        Implication(part="h'' > 0", given=[*below, x < 0], then=h_second > 0),
        Implication(part="h > 0", given=[*below, x < 0], then=h > 0),
    ],
    expected=Verdict.CONDITIONAL,
    extra=alpha * beta < 1,
    needed=[
        Implication(
            part="αβ = 1: the function is the constant β",
            given=[*positive, sp.Eq(alpha * beta, 1), x < 0],
            then=sp.And(same(gamma_minus(x), beta), same(h_second, 0), same(h, 0)),
        ),
    ],
    correction=Correction(
        statement="strictly increasing for αβ < 1, constant (= β = 1/α) for αβ = 1; so non-decreasing for αβ ≤ 1, which is all that "
        "Theorem 3.12 uses",
        checks=[Implication(given=[*below, x < y, y < 0, *at_two_points], then=p <= q)],
    ),
)

left_branch = [*below, x > 0, y > x, y < lower, *at_two_points]

right_branch = [*below, x > upper, y > x, *at_two_points]

LEMMA_315 = Claim(
    id="t3-lemma-315",
    source="Castera 2021, thesis, Lemma 3.15",
    statement="x ↦ β/2 + α/(2x) − √((α + βx)² − 4x)/(2x) is continuous and increasing on (0, x⁻), continuous and decreasing on (x⁺, ∞), "
    "x± = (2 − αβ)/β² ± 2√(1−αβ)/β²",
    hypotheses="α > 0, β > 0, αβ ≤ 1",
    checks=[
        Implication(
            part="continuous: the radicand stays positive",
            given=[*below, x > 0, sp.Or(x < lower, x > upper)],
            then=discriminant(x) > 0,
        ),
        Implication(part="increasing on (0, x⁻)", given=left_branch, then=p < q),
        Implication(part="decreasing on (x⁺, ∞)", given=right_branch, then=p > q),
        Implication(
            part="h(x⁺)",
            given=[*below, sp.Eq(x, upper)],
            then=sp.And(
                same(h, -4 * (1 - alpha * beta) / beta**2 - 2 * (2 - alpha * beta) * sp.sqrt(1 - alpha * beta) / beta**2),
                h <= 0,
            ),
        ),
        Implication(
            part="h' → −2 as x → ∞: −2 − 16α/(βx) ≤ h' < −2",
            given=[*below, alpha * beta < 1, x >= 8 / beta**2],
            then=sp.And(h_first < -2, h_first >= -2 - 16 * alpha / (beta * x)),
        ),
    ],
    expected=Verdict.CONDITIONAL,
    extra=alpha * beta < 1,
    needed=[
        Implication(
            part="αβ = 1: the function is the constant β on (0, x⁻)",
            given=[*positive, sp.Eq(alpha * beta, 1), x > 0, x < lower],
            then=same(gamma_minus(x), beta),
        ),
    ],
    correction=Correction(
        statement="for αβ < 1 as printed; for αβ = 1 constant (= β) on (0, x⁻) and α/x, decreasing, on (x⁺, ∞)",
        checks=[
            Implication(part="(0, x⁻), αβ ≤ 1", given=left_branch, then=p <= q),
            Implication(part="(x⁺, ∞), αβ ≤ 1", given=right_branch, then=p > q),
            Implication(
                part="αβ = 1 on (x⁺, ∞)",
                given=[*positive, sp.Eq(alpha * beta, 1), x > upper],
                then=same(gamma_minus(x), alpha / x),
            ),
        ],
    ),
    remark="The proof says 'since αβ < 1', the lemma αβ ≤ 1.",
)

LIMITS = Claim(
    id="t3-limits",
    source="Castera 2021, thesis, proof of Theorem 3.12",
    statement="γ⁻ → 1/α as λ → 0 and γ⁻ → β as λ → −∞",
    hypotheses="α > 0, β > 0",
    checks=[
        Implication(
            part="λ → 0 from below, αβ ≥ 1: 0 ≤ γ⁻ − 1/α ≤ |λ|(β − 1/α)β/α",
            given=[*positive, lam < 0, alpha * beta >= 1],
            then=sp.And(gamma_minus(lam) >= 1 / alpha, gamma_minus(lam) - 1 / alpha <= -lam * (beta - 1 / alpha) * beta / alpha),
        ),
        Implication(
            part="λ → 0 from below, αβ ≤ 1: 0 ≤ 1/α − γ⁻ ≤ |λ|(1/α − β)/α²",
            given=[*positive, lam < 0, alpha * beta <= 1],
            then=sp.And(gamma_minus(lam) <= 1 / alpha, 1 / alpha - gamma_minus(lam) <= -lam * (1 / alpha - beta) / alpha**2),
        ),
        Implication(
            part="λ → 0 from above, αβ ≥ 1: |γ⁻ − 1/α| ≤ λβ/α²",
            given=[*positive, lam > 0, alpha * beta >= 1, lam * beta**2 <= 1],
            then=sp.Abs(gamma_minus(lam) - 1 / alpha) <= lam * beta / alpha**2,
        ),
        Implication(
            part="λ → 0 from above, αβ < 1: |γ⁻ − 1/α| ≤ 4λ/α³",
            given=[*positive, lam > 0, alpha * beta < 1, 4 * lam <= alpha**2],
            then=sp.Abs(gamma_minus(lam) - 1 / alpha) <= 4 * lam / alpha**3,
        ),
        Implication(
            part="λ → −∞: |γ⁻ − β| ≤ |α − 1/β|/|λ|",
            given=[*positive, lam < 0],
            then=sp.Abs(gamma_minus(lam) - beta) <= sp.Abs(alpha - 1 / beta) / -lam,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="Each bound gives δ(ε) (or the threshold) explicitly, so the limit follows.",
)
