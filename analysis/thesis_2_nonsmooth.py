"""Castera 2021, Chapter 2, §2.3.3, §2.4 and §2.6.1: the sum rule, D-critical points, the noise of mini-batches, the V-shaped valley."""

from fractions import Fraction
from itertools import combinations, pairwise

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

alpha, beta, theta, psi, slope, t, u, v, x, y = sp.symbols("alpha beta theta psi g t u v x y", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


def within(z, low, high):
    return sp.And(z >= low, z <= high)


# --- the sum rule -------------------------------------------------------------------------------------------------------------

SUM_RULE = Claim(
    id="t2-sumrule",
    source="Castera 2021, thesis, §2.3.3",
    statement="∂(|·| − |·|)(0) = {0}, whereas ∂|·|(0) + ∂(−|·|)(0) = [−1, 1] + [−1, 1] = [−2, 2]",
    hypotheses="Clarke subdifferentials",
    checks=[
        Implication(
            part="[−1, 1] is the convex hull of the slopes −1 and 1",
            given=[within(u, -1, 1), sp.Eq(x, (1 + u) / 2)],
            then=sp.And(x >= 0, x <= 1, same(x * 1 + (1 - x) * -1, u)),
        ),
        Implication(part="[−1, 1] + [−1, 1] ⊂ [−2, 2]", given=[within(u, -1, 1), within(v, -1, 1)], then=within(u + v, -2, 2)),
        Implication(
            part="[−2, 2] ⊂ [−1, 1] + [−1, 1]",
            given=[within(u, -2, 2), sp.Eq(x, u / 2), sp.Eq(y, u / 2)],
            then=sp.And(within(x, -1, 1), within(y, -1, 1), same(x + y, u)),
        ),
        Implication(
            part="|t| − |t| vanishes on both sides of 0",
            given=[t > 0, sp.Or(sp.Eq(u, t), sp.Eq(u, -t)), sp.Eq(x, sp.Abs(u)), sp.Eq(y, -sp.Abs(u))],
            then=same(x + y, 0),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="By (2.7) the subdifferential at 0 is the convex hull of the limits of slopes at t → 0, t ≠ 0; those of |t| and of −|t| "
    "are −1 and 1.",
)

D_CRITICAL = Claim(
    id="t2-dcritical",
    source="Castera 2021, thesis, after (2.11)",
    statement="D-critical points need not be Clarke-critical",
    hypotheses="DJ = Σ ∂J_n, Clarke subdifferentials",
    checks=[
        Exists(
            part="J = |t| + (−|t|) + t: 0 ∈ DJ(0) = [−1, 1] + [−1, 1] + {1}",
            such_that=[within(u, -1, 1), within(v, -1, 1), sp.Eq(u + v + 1, 0)],
        ),
        Implication(part="J = t, so ∂J(0) = {1} does not contain 0", given=[sp.Eq(slope, 1)], then=sp.Ne(slope, 0)),
    ],
    expected=Verdict.PROVED,
    reduction="The subdifferentials of |t| and −|t| at 0 are those of t2-sumrule.",
)

space = state_space(symbolic("din"))
field = real(space.A) * sp.Matrix([theta, psi]) + real(space.B) * slope

STEADY_CONSTANT = Claim(
    id="t2-steady-constant",
    source="Castera 2021, thesis, after (2.16)",
    statement="a solution of (2.12) that starts at a point of S remains constant",
    hypotheses="J locally Lipschitz and tame; α ≥ 0, β > 0.  Here J(θ) = ||θ| − 1|, bounded below, with ∂J(0) = [−1, 1], and α = β = 1",
    checks=[
        Implication(
            part="(θ, ψ)(t) = (t, 0) starts at (0, 0) ∈ S, solves (2.12) with J'(t) = −1 for 0 < t < 1, and is constant",
            given=[
                *(sp.Eq(s, 1) for s in (alpha, beta)),
                t > 0,
                t < 1,
                sp.Eq(theta, t),
                sp.Eq(psi, 0),
                sp.Eq(slope, -1),
                sp.Eq(field[0], 1),
                sp.Eq(field[1], 0),
            ],
            then=sp.Eq(theta, 0),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the constant is a solution; it is the only one where ∇J is locally Lipschitz, but not for non-smooth J",
        checks=[
            Implication(
                part="the constant is a solution, by the element 0 of DJ(θ)",
                given=[alpha >= 0, beta > 0, sp.Eq(slope, 0), sp.Eq(psi, (1 - alpha * beta) * theta)],
                then=sp.And(sp.Eq(field[0], 0), sp.Eq(field[1], 0)),
            ),
            Implication(
                part="another one from (0, 0), J as above and any α ≥ 0, β > 0: at once θ' = β > 0",
                given=[alpha >= 0, beta > 0, sp.Eq(theta, 0), sp.Eq(psi, 0), sp.Eq(slope, -1)],
                then=sp.And(same(field[0], beta), same(field[1], 0)),
            ),
        ],
    ),
    reduction="0 ∈ ∂J(0) because the slopes of ||θ| − 1| at 0 are −1 (right) and 1 (left).  Uniqueness in the smooth case is "
    "Picard–Lindelöf.",
    remark="A local maximum at a kink is D-critical, yet solutions leave it; Lemma 2.6 speaks of starts outside S only.",
)


# --- the noise of mini-batches --------------------------------------------------------------------------------------------------


def share_by_enumeration(count: int) -> Fraction:
    """E of the indicator that index 1 lies in a uniform non-empty subset."""
    subsets = [s for k in range(1, count + 1) for s in combinations(range(count), k)]
    return Fraction(sum(0 in s for s in subsets), len(subsets))


def share_by_sizes(count: int) -> Fraction:
    """The same, summed over the sizes: of C(N, k) subsets the part k/N holds index 1; binomials by Pascal's rule."""
    row = [1]
    for _ in range(count):
        row = [1, *(a + b for a, b in pairwise(row)), 1]
    return sum((Fraction(k * row[k], count) for k in range(1, count + 1)), Fraction(0)) / sum(row[1:])


def shares(share, wanted) -> Finding:
    for count in range(1, 10):
        if share(count) != wanted(count):
            return Finding(False, {"N": count, "E v_k / sum of all gradients": str(share(count))})
    return Finding(True)


def of_shares(wanted) -> dict:
    return {
        "enumeration of the subsets": lambda: shares(share_by_enumeration, wanted),
        "sum over sizes": lambda: shares(share_by_sizes, wanted),
    }


power, kappa = sp.symbols("M kappa", real=True)

NOISE = Claim(
    id="t2-noise",
    source="Castera 2021, thesis, (2.11), (2.13) and (2.14)",
    statement="v_k ∈ DJ_{B_k}(θ_k) = Σ_{n∈B_k} ∂J_n(θ_k) is an element of DJ(θ_k) plus a zero-mean noise",
    hypotheses="B_k uniform over the non-empty subsets of {1, …, N}",
    checks=[Computation(part="N ≤ 9: the share of each gradient in E v_k is 1", methods=of_shares(lambda n: Fraction(1)))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="E v_k = κ times an element of DJ(θ_k), κ = 2^(N−1)/(2^N − 1) ∈ (½, 1] (b/N for batches of a fixed size b, 1 only for "
        "N = 1 or full batches): INNA follows (2.12) for κJ, which has the same D-critical points, values scaled by κ",
        checks=[
            Computation(part="N ≤ 9", methods=of_shares(lambda n: Fraction(2 ** (n - 1), 2**n - 1))),
            Implication(
                part="½ < κ ≤ 1, and κ = 1 only for N = 1, with M = 2^N ≥ 2",
                given=[power >= 2, sp.Eq(kappa, power / 2 / (power - 1))],
                then=sp.And(kappa > sp.Rational(1, 2), kappa <= 1, sp.Equivalent(sp.Eq(kappa, 1), sp.Eq(power, 2))),
            ),
        ],
    ),
    reduction="All N: 2^(N−1) of the 2^N − 1 non-empty subsets contain a given index.",
    remark="The sums in (2.10) and (2.11) lack the 1/|B| of (1.18); with it, as there, a factor 1/N remains (t1-unbiased).  Theorem 2.1 "
    "stands for κJ, and so for J; but the limit dynamics of mini-batch INNA is DIN for κJ, not that of full-batch INNA.",
)


# --- the example of Fig. 2.1 ----------------------------------------------------------------------------------------------------

t1, t2, side, k1 = sp.symbols("theta1 theta2 sigma k1", real=True)
smooth = 100 * (t2 - side * t1) ** 2 + k1 * (1 - t1)
"""J where |θ₁| = σθ₁ and |1 − θ₁| = k₁(1 − θ₁); σ and k₁ are signs."""
gradient = [sp.diff(smooth, z) for z in (t1, t2)]
valley = 100 * (t2 - sp.Abs(t1)) ** 2 + sp.Abs(1 - t1)
critical = sp.And(sp.Eq(gradient[0], 0), sp.Eq(gradient[1], 0))

ROSENBROCK = Claim(
    id="t2-rosenbrock",
    source="Castera 2021, thesis, §2.6.1",
    statement="J = 100(θ₂ − |θ₁|)² + |1 − θ₁| has the unique critical point (1, 1), which is its global minimum",
    hypotheses="critical: 0 in the Clarke subdifferential",
    checks=[
        Implication(part="θ₁ < 0", given=[t1 < 0, sp.Eq(side, -1), sp.Eq(k1, 1)], then=sp.Not(critical)),
        Implication(part="θ₁ = 0, σ in the hull of ±1", given=[sp.Eq(t1, 0), within(side, -1, 1), sp.Eq(k1, 1)], then=sp.Not(critical)),
        Implication(part="0 < θ₁ < 1", given=[t1 > 0, t1 < 1, sp.Eq(side, 1), sp.Eq(k1, 1)], then=sp.Not(critical)),
        Implication(part="θ₁ > 1", given=[t1 > 1, sp.Eq(side, 1), sp.Eq(k1, -1)], then=sp.Not(critical)),
        Implication(
            part="θ₁ = 1, k₁ in the hull of ±1: only θ₂ = 1, with k₁ = 0",
            given=[sp.Eq(t1, 1), sp.Eq(side, 1), within(k1, -1, 1)],
            then=sp.Equivalent(critical, sp.And(sp.Eq(t2, 1), sp.Eq(k1, 0))),
        ),
        Implication(part="global minimum: J ≥ 0, and J = 0 only at (1, 1)", then=sp.Or(valley > 0, sp.And(sp.Eq(t1, 1), sp.Eq(t2, 1)))),
        Implication(part="J(1, 1) = 0", given=[sp.Eq(t1, 1), sp.Eq(t2, 1)], then=same(valley, 0)),
    ],
    expected=Verdict.PROVED,
    reduction="By (2.7): at θ₁ = 0 the limits of gradients are those with σ = ±1, and the gradient is affine in σ there, so the hull is "
    "given by σ ∈ [−1, 1]; at θ₁ = 1 likewise with k₁.  The signs never vanish together, so no sum rule is needed.",
    remark="At θ₁ = 0 the first component is −1 wherever the second vanishes.",
)
