"""Castera 2021, Chapter 3, §3.4: INNA near its fixed points under the step-size bound (3.20).

M, χ and the Jury conditions are read off the definition of INNA; every formula of the thesis is typed as printed.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict, real
from dynopt.symbolic.criteria import characteristic_polynomial, jury
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, gamma, L, X, x, y = sp.symbols("alpha beta gamma L X x y", real=True)
h1, h2, b, u, v = sp.symbols("h1 h2 b u v", real=True)
lam = eigenvalue

SPACE = state_space(symbolic("inna"))

M = real(SPACE.mode_matrix)

chi = real(characteristic_polynomial(SPACE)).as_expr().subs(sp.Symbol("z", real=True), X)

conditions = tuple(real(p) for p in jury(characteristic_polynomial(SPACE)))
"""χ(−1), 2(1 − det M) and χ(1) up to positive factors: all positive iff both eigenvalues have modulus below 1."""

decays = sp.And(*(p > 0 for p in conditions))


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


def discriminant(value):
    return (alpha + beta * value) ** 2 - 4 * value


trace, root = alpha + beta * lam, sp.sqrt(discriminant(lam))

plus, minus = 1 - gamma * trace / 2 + gamma * root / 2, 1 - gamma * trace / 2 - gamma * root / 2
"""σ_{p,±} of (3.26)."""

complex_plus = (1 - gamma * trace / 2, gamma * sp.sqrt(4 * lam - trace**2) / 2)
"""Real and imaginary part of σ_{p,+} in (3.29)."""

bound = beta / 2 + alpha / (2 * L) - sp.sqrt(discriminant(L)) / (2 * L)
"""The first term of the minimum in (3.20)."""

steps = [alpha > 0, beta > 0, L > 0, gamma > 0, gamma < beta]

exists = [discriminant(L) >= 0, gamma < bound]
"""The rest of (3.20), and that its root exists."""

PRESUMES = "(3.20): 0 < γ < min(β/2 + α/(2L) − √((α + βL)² − 4L)/(2L), β), whose root is presumed to exist; α > 0, β > 0, L > 0"

ELSEWHERE = "Where the root of (3.20) does not exist (t3-bound-positive), 0 < γ < β is enough; that part is proved too."

BOUND_POSITIVE = Claim(
    id="t3-bound-positive",
    source="Castera 2021, thesis, Theorem 3.9 (3.20)",
    statement="min(β/2 + α/(2L) − √((α + βL)² − 4L)/(2L), β) is always positive",
    hypotheses="α > 0, β > 0, L > 0",
    checks=[Implication(given=[alpha > 0, beta > 0, L > 0], then=sp.And(bound > 0, beta > 0))],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="it is positive wherever it exists, that is, for (α + βL)² ≥ 4L: always if αβ ≥ 1, and for L outside the open spiral "
        "interval if αβ < 1",
        checks=[
            Implication(part="positive", given=[alpha > 0, beta > 0, L > 0, discriminant(L) >= 0], then=sp.And(bound > 0, beta > 0)),
            Implication(part="exists for αβ ≥ 1", given=[alpha > 0, beta > 0, L > 0, alpha * beta >= 1], then=discriminant(L) >= 0),
            Implication(
                part="fails for every αβ < 1 at L = α/β",
                given=[alpha > 0, beta > 0, alpha * beta < 1, sp.Eq(L * beta, alpha)],
                then=discriminant(L) < 0,
            ),
        ],
    ),
    remark="The radicand is the discriminant of Lemma 3.6 at λ = L.  Theorems 3.9 and 3.12 and Corollary 3.10 use this bound.",
)

SADDLE_MAP = Claim(
    id="t3-saddle-map",
    source="Castera 2021, thesis, proof of Theorem 3.9",
    statement="λ < 0 implies σ₊ > 1 and σ₋ < 1",
    hypotheses="α ≥ 0, β > 0, γ > 0",
    checks=[
        Implication(given=[alpha >= 0, beta > 0, gamma > 0, lam < 0], then=sp.And(discriminant(lam) > 0, plus > 1, minus < 1)),
        Implication(part="root-free: χ(1) < 0", given=[alpha >= 0, beta > 0, gamma > 0, lam < 0], then=chi.subs(X, 1) < 0),
    ],
    expected=Verdict.PROVED,
    remark="No upper bound on γ is needed.",
)

neutral = sp.And(1 - gamma * alpha >= -1, 1 - gamma * alpha <= 1)

ZERO_MODE = Claim(
    id="t3-zero-mode",
    source="Castera 2021, thesis, proof of Theorem 3.9",
    statement="λ = 0 implies σ₊ = 1 and |σ₋| = |1 − γα| ≤ 1",
    hypotheses=PRESUMES,
    checks=[
        Implication(part="eigenvalues 1 and 1 − γα", given=[beta > 0], then=same(chi.subs(lam, 0), (X - 1) * (X - (1 - gamma * alpha)))),
        Implication(part="|1 − γα| ≤ 1", given=[*steps, *exists], then=neutral),
        Implication(part="even 0 < 1 − γα < 1", given=[*steps, *exists], then=sp.And(1 - gamma * alpha > 0, 1 - gamma * alpha < 1)),
        Implication(part="no root in (3.20)", given=[*steps, discriminant(L) < 0], then=neutral),
        Implication(part="what it needs: 0 ≤ γα ≤ 2", then=sp.Equivalent(neutral, sp.And(gamma * alpha >= 0, gamma * alpha <= 2))),
    ],
    expected=Verdict.PROVED,
    remark=ELSEWHERE,
)

# --- local stability under (3.20) ---

modes = [lam > 0, lam <= L]

climb = trace + root
"""The bracket of (3.27); −1 < σ₋ says γ · climb < 4."""

within = sp.And(plus >= 0, plus < 1, minus < 1)

STABLE_REAL = Claim(
    id="t3-stable-real",
    source="Castera 2021, thesis, proof of Theorem 3.9, (3.27) and (3.28)",
    statement="λ > 0 and Δ > 0 imply 0 ≤ σ₊ < 1 and |σ₋| < 1",
    hypotheses=PRESUMES + "; 0 < λ ≤ L",
    checks=[
        Implication(part="0 ≤ σ₊ < 1, σ₋ < 1", given=[*steps, *exists, *modes, discriminant(lam) > 0], then=within),
        Implication(part="γ(α + βλ + √Δ) < 2, so < 4", given=[*steps, *exists, *modes, discriminant(lam) > 0], then=gamma * climb < 2),
        Implication(part="which says −σ₋ < 1", given=[discriminant(lam) >= 0], then=sp.Equivalent(-minus < 1, gamma * climb < 4)),
        Implication(part="root-free: the Jury conditions", given=[*steps, *exists, *modes], then=decays),
        Implication(
            part="no root in (3.20)",
            given=[*steps, discriminant(L) < 0, *modes, discriminant(lam) > 0],
            then=sp.And(within, gamma * climb < 4),
        ),
    ],
    expected=Verdict.PROVED,
    remark=ELSEWHERE + "  The printed chains themselves are judged in t3-increasing, t3-chain and t3-max.",
)

INCREASING = Claim(
    id="t3-increasing",
    source="Castera 2021, thesis, before (3.27)",
    statement="for αβ > 1 the function x > 0 ↦ α + βx + √((α + βx)² − 4x) is increasing",
    hypotheses="α > 0, β > 0, αβ > 1",
    checks=[
        Implication(
            given=[alpha > 0, beta > 0, alpha * beta > 1, x > 0, y > x],
            then=climb.subs(lam, x) < climb.subs(lam, y),
        ),
    ],
    expected=Verdict.PROVED,
)

CHAIN = Claim(
    id="t3-chain",
    source="Castera 2021, thesis, (3.27)",
    statement="γ(α + βλ + √Δ(λ)) < (α + βL − √Δ(L))/(2L) · (α + βL + √Δ(L)) < 4L/(2L) = 2 < 4",
    hypotheses=PRESUMES + "; αβ > 1, 0 < λ ≤ L",
    checks=[
        Implication(
            part="first <: the bracket grows with λ",
            given=[alpha > 0, beta > 0, alpha * beta > 1, *modes],
            then=sp.And(climb > 0, climb <= climb.subs(lam, L)),
        ),
        Implication(part="first <: and γ < b", given=[gamma > 0, gamma < b, u > 0, u <= v], then=gamma * u < b * v),
        Implication(part="second <", given=[alpha > 0, beta > 0, L > 0, alpha * beta > 1], then=bound * climb.subs(lam, L) < 2),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the second sign is an equality: (a − s)(a + s)/(2L) = 4L/(2L) = 2.  The conclusion < 4 stands, with a factor 2 to spare",
        checks=[
            Implication(given=[alpha > 0, beta > 0, L > 0, alpha * beta > 1], then=same(bound * climb.subs(lam, L), 2)),
            Implication(part="< 2", given=[*steps, *exists, *modes, alpha * beta > 1], then=gamma * climb < 2),
        ],
    ),
)

crest = sp.Max(2 * alpha, climb.subs(lam, L))

MAXIMUM = Claim(
    id="t3-max",
    source="Castera 2021, thesis, (3.28)",
    statement="α + βλ + √Δ(λ) ≤ max(2α, α + βL + √Δ(L))",
    hypotheses="α > 0, β > 0, αβ ≤ 1, 0 < λ ≤ L, Δ(λ) > 0",
    checks=[Implication(given=[alpha > 0, beta > 0, alpha * beta <= 1, *modes, discriminant(lam) > 0], then=climb <= crest)],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="so it is where Δ(L) ≥ 0; where Δ(L) < 0 the left side is at most 2α",
        checks=[
            Implication(
                part="Δ(L) ≥ 0",
                given=[alpha > 0, beta > 0, alpha * beta <= 1, *modes, discriminant(lam) > 0, discriminant(L) >= 0],
                then=climb <= crest,
            ),
            Implication(
                part="Δ(L) < 0",
                given=[alpha > 0, beta > 0, alpha * beta <= 1, *modes, discriminant(lam) > 0, discriminant(L) < 0],
                then=climb <= 2 * alpha,
            ),
        ],
    ),
    remark="In the proof (3.20) is in force, whose root is the same √Δ(L); the inequality itself contains no γ.",
)

modulus = complex_plus[0] ** 2 + complex_plus[1] ** 2

STABLE_COMPLEX = Claim(
    id="t3-stable-complex",
    source="Castera 2021, thesis, (3.30), (3.31), (3.32)",
    statement="Δ ≤ 0: |σ±|² = 1 − γ(α + βλ) + γ²λ; it is below 1 ⇔ (γ − β)λ < α ⇔ γ < β + α/λ, and "
    "γ < ½(β + α/L) − √((α + βL)² − 4L)/(2L) ≤ ½(β + α/L) ≤ β + α/λ",
    hypotheses=PRESUMES + "; 0 < λ ≤ L, Δ ≤ 0",
    checks=[
        Implication(
            part="(3.30)",
            given=[beta > 0, gamma > 0, discriminant(lam) <= 0],
            then=sp.And(same(modulus, 1 - gamma * trace + gamma**2 * lam), same(modulus, M.det())),
        ),
        Implication(
            part="(3.31)",
            given=[alpha > 0, beta > 0, gamma > 0, lam > 0],
            then=sp.And(
                sp.Equivalent(1 - gamma * trace + gamma**2 * lam < 1, (gamma - beta) * lam < alpha),
                sp.Equivalent((gamma - beta) * lam < alpha, gamma < beta + alpha / lam),
            ),
        ),
        Implication(
            part="(3.32)",
            given=[*steps, *exists, *modes],
            then=sp.And(gamma < bound, bound <= (beta + alpha / L) / 2, (beta + alpha / L) / 2 <= beta + alpha / lam),
        ),
        Implication(part="so |σ±| < 1", given=[*steps, *exists, *modes, discriminant(lam) <= 0], then=modulus < 1),
        Implication(part="no root in (3.20)", given=[*steps, discriminant(L) < 0, *modes, discriminant(lam) <= 0], then=modulus < 1),
        Implication(part="Δ ≤ 0 and α > 0 exclude λ = 0", given=[alpha > 0, beta > 0, discriminant(lam) <= 0], then=lam > 0),
    ],
    expected=Verdict.PROVED,
    remark=ELSEWHERE + "  γ < β alone gives (3.31): the first term of the minimum is not needed here.",
)

real_modes = [*steps, *exists, lam >= -L, lam <= L, discriminant(lam) > 0]

SUMMARY_REAL = Claim(
    id="t3-summary-real",
    source="Castera 2021, thesis, after (3.28)",
    statement="when Δ > 0: λ ≥ 0 ⇔ |σ₊| ≤ 1 and |σ₋| ≤ 1",
    hypotheses=PRESUMES + "; −L ≤ λ ≤ L",
    checks=[
        Implication(part="⇒, λ > 0: |σ₊| ≤ 1, σ₋ ≤ 1", given=[*real_modes, lam > 0], then=sp.And(plus >= -1, plus <= 1, minus <= 1)),
        Implication(part="⇒, λ > 0: γ(α + βλ + √Δ) < 2, so −1 ≤ σ₋", given=[*real_modes, lam > 0], then=gamma * climb < 2),
        Implication(part="⇒, λ = 0", given=[*steps, *exists, sp.Eq(lam, 0)], then=sp.And(sp.Eq(plus, 1), minus >= -1, minus <= 1)),
        Implication(part="⇐", given=[*real_modes, lam < 0], then=plus > 1),
    ],
    expected=Verdict.PROVED,
)

SUMMARY = Claim(
    id="t3-summary",
    source="Castera 2021, thesis, after (3.32)",
    statement="the eigenvalues of Jac_G(θ*, ψ*) have magnitude less than one if and only if no Hessian eigenvalue is negative",
    hypotheses=PRESUMES + "; −L ≤ λ ≤ L",
    checks=[Implication(given=[*steps, *exists, lam >= -L, lam <= L], then=sp.Equivalent(decays, lam >= 0))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="if and only if every Hessian eigenvalue is positive; λ = 0 always gives the eigenvalue 1 (t3-zero-mode)",
        checks=[
            Implication(given=[*steps, *exists, lam >= -L, lam <= L], then=sp.Equivalent(decays, lam > 0)),
            Implication(part="λ = 0", given=[beta > 0], then=same(chi.subs({lam: 0, X: 1}), 0)),
        ],
    ),
    remark="Non-strict saddles and degenerate minima belong to S without S_{<0} and have the eigenvalue 1.  The theorem only needs λ < "
    "0 ⇒ an eigenvalue above 1.",
)

COMPLEX_NOT_SADDLE = Claim(
    id="t3-complex-not-saddle",
    source="Castera 2021, thesis, proof of Theorem 3.9, case Δ ≤ 0",
    statement="if Δ_{M_p} ≤ 0 for some p, then λ_p ≥ 0, so (θ*, ψ*) is not a strict saddle",
    hypotheses="α > 0, β > 0; P = 2 with Hessian eigenvalues h1 (the one with Δ ≤ 0) and h2",
    checks=[Implication(given=[alpha > 0, beta > 0, discriminant(h1) <= 0], then=sp.And(h1 >= 0, h2 >= 0))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="only λ_p ≥ 0 follows, for that p; the argument must run over every p",
        checks=[Implication(given=[alpha > 0, beta > 0, discriminant(h1) <= 0], then=h1 >= 0)],
    ),
)

# --- Theorems 3.11 and 3.9 ---


def identity_map() -> Finding:
    """F(Θ) = Θ on R²: a C¹ diffeomorphism, Jacobian I, eigenvalues 1, 1, none below 1 in magnitude; every orbit stays."""
    jacobian = sp.Matrix(sp.symbols("a b")).jacobian(sp.symbols("a b"))
    dimension = sum(m for value, m in jacobian.eigenvals().items() if abs(value) < 1)
    return Finding(dimension == 2, {"F": "identity on R^2", "dimension of W": dimension}, "all orbits stay in Ω, W is the point Θ* alone")


def inna_with_zero_curvature() -> Finding:
    """INNA with J = 0 on R: every (θ, (1 − αβ)θ) is a fixed point, but one of the two eigenvalues is 1."""
    at_rest = M.subs({alpha: 1, beta: 1, gamma: sp.Rational(1, 2), lam: 0})
    dimension = sum(m for value, m in at_rest.eigenvals().items() if abs(value) < 1)
    stays = [at_rest * sp.Matrix(v) == sp.Matrix(v) for v in ([1, 0], [2, 0])] == [True, True]
    outside = (at_rest - sp.Rational(1, 2) * sp.eye(2)) * sp.Matrix([1, 0]) != sp.zeros(2, 1)  # not in the contracting direction
    return Finding(not (dimension == 1 and stays and outside), {"J": 0, "alpha": 1, "beta": 1, "gamma": sp.Rational(1, 2)})


STABLE_MANIFOLD = Claim(
    id="t3-stable-manifold",
    source="Castera 2021, thesis, Theorem 3.11 (ii)",
    statement="at a fixed point Θ* of a C¹ local diffeomorphism F there is a C¹ manifold W, of dimension the number of eigenvalues of "
    "Jac_F(Θ*) of magnitude less than one, such that F^k(Θ₀) in Ω for all k > 0 implies Θ₀ in W",
    hypotheses="F a C¹ local diffeomorphism, F(Θ*) = Θ*",
    checks=[Computation(methods={"identity map": identity_map, "INNA on a constant J": inna_with_zero_curvature})],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="W must count the eigenvalues of magnitude at most one (centre-stable manifold, Shub III.7).  At a strict saddle "
        "INNA still has an eigenvalue above 1, so the dimension is below 2P and Theorem 3.9 keeps its proof",
        checks=[Implication(given=[alpha > 0, beta > 0, gamma > 0, lam < 0], then=plus > 1)],
    ),
    remark="The corrected theorem is Shub's; what is proved here is what it is used for.  The difference matters, because λ = 0 gives "
    "INNA the eigenvalue 1.  Theorem 3.5 for flows is stated with 'non-positive', correctly.",
)

THEOREM_39 = Claim(
    id="t3-theorem-39",
    source="Castera 2021, thesis, Theorem 3.9 and Corollary 3.10",
    statement="under (3.20), for almost any initialization INNA does not converge to a point of S with a negative Hessian eigenvalue",
    hypotheses="isolated critical points, ∇J L-Lipschitz, α > 0, (3.20)",
    checks=[],
    expected=Verdict.NOT_CHECKABLE,
    remark="A statement about Lebesgue measure that rests on the centre-stable manifold theorem (see t3-stable-manifold).  Its "
    "machine-checked parts are t3-saddle-map, t3-diffeo and t3-fixed-points; its bound is ill-defined for some α, β, L "
    "(t3-bound-positive); Corollary 3.10 shares t3-nondegenerate.",
)
