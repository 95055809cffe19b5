"""Castera et al. 2021b (Step-Tuned SGD) and Chapter 4 of the thesis: mini-batches and expected gradient variations.

Numbers such as (20) are the article's, (4.17) the thesis's.  g_i and H_i stand for the gradient and the Hessian of J_i at one point,
g and H for their means, S for a random mini-batch of size b.
"""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict

N, b = sp.symbols("N b", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- batches ------------------------------------------------------------------------------------------------------------------


def cases(largest: int):
    """All N ≤ ``largest`` and 1 ≤ b ≤ N."""
    return ((n, k) for n in range(1, largest + 1) for k in range(1, n + 1))


def mean(values):
    values = list(values)
    return sum(values) / sp.Integer(len(values))


def unbiased_by_enumeration() -> Finding:
    for n, k in cases(6):
        losses = sp.symbols(f"J1:{n + 1}")
        expected = mean(mean(losses[i] for i in s) for s in combinations(range(n), k))
        if sp.expand(expected - mean(losses)) != 0:
            return Finding(False, {"N": n, "b": k})
    return Finding(True)


def unbiased_by_counting() -> Finding:
    """Each J_i has weight 1/b in C(N−1, b−1) of the C(N, b) batches."""
    bad = next(((n, k) for n, k in cases(60) if Fraction(comb(n - 1, k - 1), k * comb(n, k)) != Fraction(1, n)), None)
    return Finding(bad is None, {} if bad is None else {"N": bad[0], "b": bad[1]})


UNBIASED = Claim(
    id="s-unbiased",
    source="Castera et al. 2021b, (9)–(11)",
    statement="E J_S = J and E∇J_S = ∇J for J = (1/N) Σ_n J_n, J_B = (1/|B|) Σ_{n∈B} J_n and S uniform over the subsets of one fixed size",
    hypotheses="1 ≤ b ≤ N",
    checks=[Computation(methods={"enumeration": unbiased_by_enumeration, "binomial coefficients": unbiased_by_counting})],
    expected=Verdict.PROVED,
    reduction="The gradient is linear, so the first equation gives the second.  All N: C(N−1, b−1)/(b·C(N, b)) = 1/N; the induction on b "
    "is in t1-unbiased.",
)

first, second = sp.symbols("J1 J2", real=True)

SUM = Claim(
    id="s-sum",
    source="Castera 2021, thesis, §4.3.2 with (4.9)",
    statement="E J_A = J and E∇J_A = ∇J for J = Σ_n J_n, J_B = (1/|B|) Σ_{n∈B} J_n and A uniform over the subsets of one fixed size",
    hypotheses="J is the sum of the N terms",
    checks=[Implication(part="N = 2, b = 1", then=same(first / 2 + second / 2, first + second))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="E J_A is the mean (1/N) Σ_n J_n, as in the article's (9); it is the sum only for N = 1 or where the sum vanishes",
        checks=[
            Computation(methods={"enumeration": unbiased_by_enumeration, "binomial coefficients": unbiased_by_counting}),
            Implication(
                part="mean = sum",
                given=[N >= 1],
                then=sp.Equivalent(sp.Eq(first / N, first), sp.Or(sp.Eq(N, 1), sp.Eq(first, 0))),
            ),
        ],
    ),
    remark="The article defines J as the mean, the thesis as the sum; the proof of Theorem 4.2 uses E∇J_A = ∇J in (4.22), so it needs the "
    "mean.",
)

total, bound, count = sp.symbols("S C2 count", real=True)
within = [bound > 0, sp.Abs(total) <= count * bound]

BATCH_BOUND = Claim(
    id="s-batch-bound",
    source="Castera et al. 2021b, (10), (26) and (27); thesis (4.9), (4.23) and (4.24)",
    statement="J_B = (1/|B|) Σ_{n∈B} J_n for every B ⊆ {1, …, N}, and a bound (or a Lipschitz constant) common to the ∇J_n is one of ∇J_B",
    hypotheses="B any subset of {1, …, N}",
    checks=[Implication(given=[count >= 0, N >= count, *within], then=sp.Abs(total / count) <= bound)],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="for every non-empty B, the whole of {1, …, N} included",
        checks=[
            Implication(given=[count >= 1, N >= count, *within], then=sp.Abs(total / count) <= bound),
            Implication(
                part="‖s + x‖ ≤ (n + 1)C from ‖s‖ ≤ nC and ‖x‖ ≤ C",
                given=[count >= 0, bound > 0, 0 <= N, N <= count * bound, 0 <= b, b <= bound, total**2 <= N**2 * b**2],
                then=N**2 + 2 * total + b**2 <= ((count + 1) * bound) ** 2,
            ),
        ],
    ),
    reduction="All P: in the second check N and b stand for ‖s‖ and ‖x‖, S for ⟨s, x⟩ (S² ≤ ‖s‖²‖x‖² is the Gram minor); by induction on "
    "|B| the sum of |B| vectors of length at most C has length at most |B|·C.",
    remark="Only B = ∅ fails.  The text writes ⊂, which read strictly would exclude the full batch.",
)


# --- expected gradient variations -------------------------------------------------------------------------------------------

gam = sp.Symbol("gamma")


def jets(n: int):
    """Gradient, Hessian and third derivative of N losses of one variable at one point."""
    return sp.symbols(f"g1:{n + 1}"), sp.symbols(f"h1:{n + 1}"), sp.symbols(f"c1:{n + 1}")


def variation_by_jets() -> Finding:
    """P = 1, cubic losses with symbolic coefficients, every subset listed."""
    for n, k in cases(4):
        g, h, c = jets(n)
        variation, curvature = 0, 0
        batches = list(combinations(range(n), k))
        for s in batches:
            slope, bend, third = (mean(v[i] for i in s) for v in (g, h, c))
            moved = slope - gam * bend * slope + third * (gam * slope) ** 2 / 2
            variation += (moved - slope) / len(batches)
            curvature += bend * slope / len(batches)
        gap = sp.Poly(sp.expand(variation + gam * curvature), gam)
        quadratic = gap.as_expr().subs(dict.fromkeys(c, 0))
        if any(gap.coeff_monomial(gam**power) != 0 for power in (0, 1)) or quadratic != 0:
            return Finding(False, {"N": n, "b": k})
    return Finding(True, note="the gap is of order γ², and zero on quadratics")


def variation_by_polynomials() -> Finding:
    """P = 2, quartic losses with integer coefficients at an integer point; gradients and Hessians by differentiation."""
    x, y = point = sp.symbols("x y")
    losses = [x**4 - 2 * x * y**2 + 3 * y, x**2 * y - y**3 + x, 2 * x * y + y**4 - x**3, 5 * x - y**2 + x**2 * y**2]
    at = {x: 2, y: -1}
    for k in range(1, len(losses) + 1):
        batches = list(combinations(losses, k))
        gap = sp.zeros(2, 1)
        for s in batches:
            loss = mean(s)
            slopes = sp.Matrix([sp.diff(loss, v) for v in point])
            here = slopes.subs(at)
            there = slopes.subs({x: at[x] - gam * here[0], y: at[y] - gam * here[1]}, simultaneous=True)
            gap += (there - here + gam * sp.hessian(loss, point).subs(at) * here) / len(batches)
        if any(sp.rem(sp.Poly(sp.expand(e), gam), sp.Poly(gam**2, gam)) != 0 for e in gap):
            return Finding(False, {"N": len(losses), "b": k})
    return Finding(True)


EXPECTED = Claim(
    id="s-expected",
    source="Castera et al. 2021b, (15) and (20); thesis (4.12) and (4.17)",
    statement="−γE[C_{J_S}(θ)] = E[∇J_S(θ − γ∇J_S(θ)) − ∇J_S(θ)] to first order in γ, where C_{J_B} = ∇²J_B∇J_B",
    hypotheses="each J_n twice continuously differentiable; S uniform over the subsets of one size",
    checks=[Computation(methods={"P = 1, symbolic jets": variation_by_jets, "P = 2, polynomials": variation_by_polynomials})],
    expected=Verdict.PROVED,
    reduction="All N, P: Taylor's formula for each batch with remainder o(γ), and a finite average of o(γ) is o(γ).  N ≤ 4, every b, is "
    "the finite check.",
    remark="On quadratics it is an equality; with Lipschitz Hessians the gap is O(γ²).  In Algorithm 2 the step in Δg is η_k = "
    "αγ_k(k+1)^{−1/2−δ}, so Δg_{B_k} stands for −η_kC, not for −γ_kC as the line after (16) has it for the ideal step.",
)


def parts(g, h):
    """mean_i(H_i g_i) and H g."""
    return mean(a * b for a, b in zip(h, g, strict=True)), mean(h) * mean(g)


def product_by_enumeration() -> Finding:
    for n, k in cases(5):
        if n == 1:
            continue
        g, h, _ = jets(n)
        expected = mean(mean(h[i] for i in s) * mean(g[i] for i in s) for s in combinations(range(n), k))
        own, whole = parts(g, h)
        closed = sp.Rational(n - k, k * (n - 1)) * own + sp.Rational(n * (k - 1), k * (n - 1)) * whole
        if sp.expand(expected - closed) != 0:
            return Finding(False, {"N": n, "b": k})
    return Finding(True)


def product_by_inclusion() -> Finding:
    """Coefficients of H_i g_i and of H_i g_j from P(i ∈ S) = C(N−1, b−1)/C(N, b) and P(i, j ∈ S) = C(N−2, b−2)/C(N, b)."""
    for n, k in cases(40):
        if n == 1:
            continue
        once = Fraction(comb(n - 1, k - 1), comb(n, k)) / k**2
        twice = Fraction(comb(n - 2, k - 2) if k > 1 else 0, comb(n, k)) / k**2
        whole = Fraction(n * (k - 1), k * (n - 1)) / n**2
        if (once, twice) != (Fraction(n - k, k * (n - 1)) / n + whole, whole):
            return Finding(False, {"N": n, "b": k})
    return Finding(True)


own, whole = sp.symbols("T Q", real=True)
"""Σ H_i g_i and (Σ H_i)(Σ g_i)."""

EXPECTED_CLOSED = Claim(
    id="s-expected-closed",
    source="theory sheet, §3 (not in the sources); the expectation in Expected-GV",
    statement="E[∇²J_S∇J_S] = (N−b)/(b(N−1))·mean_i(H_i g_i) + N(b−1)/(b(N−1))·H g for S uniform over the subsets of size b",
    hypotheses="N ≥ 2, 1 ≤ b ≤ N",
    checks=[
        Computation(methods={"enumeration": product_by_enumeration, "inclusion probabilities": product_by_inclusion}),
        Implication(
            part="all N and b, from the inclusion probabilities",
            given=[N >= 2, b >= 1, b <= N],
            then=same(
                (b / N * own + b * (b - 1) / (N * (N - 1)) * (whole - own)) / b**2,
                (N - b) / (b * (N - 1)) * own / N + N * (b - 1) / (b * (N - 1)) * whole / N**2,
            ),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: H_i g_j is bilinear, so the coefficients may be counted with commuting symbols.",
    remark="The bias of the estimator (14) of C_J = H g is therefore (N−b)/(b(N−1))·(mean_i(H_i g_i) − H g): it vanishes for the full "
    "batch only.  For N = 1 the formula is 0/0.",
)


def replaced_by_enumeration() -> Finding:
    for n, k in ((n, k) for n in (1, 2, 3) for k in (1, 2, 3, 4)):
        g, h, _ = jets(n)
        expected = mean(mean(h[i] for i in s) * mean(g[i] for i in s) for s in product(range(n), repeat=k))
        diagonal, full = parts(g, h)
        if sp.expand(expected - (diagonal / k + sp.Rational(k - 1, k) * full)) != 0:
            return Finding(False, {"N": n, "b": k})
    return Finding(True)


def replaced_by_moments() -> Finding:
    """E[(Σ_r h_r)(Σ_r g_r)]/b² for b independent draws: b equal and b(b − 1) unequal pairs."""
    for n, k in ((n, k) for n in range(1, 30) for k in range(1, 30)):
        equal, unequal = Fraction(k, k**2 * n), Fraction(k * (k - 1), k**2 * n**2)
        if (equal + unequal, unequal) != (Fraction(1, k * n) + Fraction(k - 1, k * n**2), Fraction(k - 1, k * n**2)):
            return Finding(False, {"N": n, "b": k})
    return Finding(True)


EXPECTED_REPLACEMENT = Claim(
    id="s-expected-replacement",
    source="Castera et al. 2021b, Algorithms 3 to 5, line 4 (draws with replacement)",
    statement="with b independent draws from {1, …, N} instead, E[∇²J_S∇J_S] = (1/b)·mean_i(H_i g_i) + ((b−1)/b)·H g",
    hypotheses="N ≥ 1, b ≥ 1",
    checks=[Computation(methods={"enumeration": replaced_by_enumeration, "moments": replaced_by_moments})],
    expected=Verdict.PROVED,
    remark="Algorithms 3 to 5 of the article draw the batches with replacement, §3.2.1 and the thesis draw subsets; if the words are meant "
    "within a batch, the expectation in Algorithm 5 is this one.  For b = 1 both are mean_i(H_i g_i).",
)
