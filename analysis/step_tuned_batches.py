"""Castera et al. 2021b (Step-Tuned SGD), Chapter 4 of the thesis: mini-batches, expected gradient variations, the algorithms.

Numbers such as (20) are the article's, (4.17) the thesis's.  g_i and H_i stand for the gradient and the Hessian of J_i at one point,
g and H for their means, S for a random mini-batch of size b.
"""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict

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


# --- averages and steps -----------------------------------------------------------------------------------------------------

beta, power = sp.symbols("beta p", real=True)
weights = beta * (1 - power) + (1 - beta)
"""The sum of the weights of G_k when that of G_{k−1} is 1 − β^k; p = β^k."""

DEBIAS = Claim(
    id="s-debias",
    source="Castera et al. 2021b, after (18), Algorithm 2; thesis after (4.15), Algorithm 3",
    statement="in Ĝ_k = G_k/(1 − β^{k+1}), G_k = βG_{k−1} + (1 − β)Δg_{B_k}, G_{−1} = 0, the weights of the Δg_{B_j} sum to 1",
    hypotheses="β in [0, 1], k ≥ 0",
    checks=[Implication(given=[0 <= beta, beta <= 1, 0 <= power, power <= 1], then=same(weights / (1 - beta * power), 1))],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="for β in [0, 1); for β = 1, which the input line admits, G_k = 0 and Ĝ_k = 0/0.  The power k + 1 is the right one: with "
        "β^k the sum is not 1",
        checks=[
            Implication(given=[0 <= beta, beta < 1, 0 <= power, power <= 1], then=same(weights / (1 - beta * power), 1)),
            Implication(part="the power k", given=[0 < beta, beta < 1, 0 < power, power < 1], then=sp.Ne(weights / (1 - power), 1)),
            Implication(part="β = 1: no weight at all", given=[sp.Eq(beta, 1), sp.Eq(power, 1)], then=sp.Eq(weights, 0)),
        ],
    ),
    reduction="All k by induction: the sum of the weights is 1 − β^0 = 0 for G_{−1}; the check is the step, with p = β^k for any k.",
)

alpha, step, last, now, factor, length, along = sp.symbols("alpha gamma a c f n e", real=True)
moved = alpha * step / now
"""Δθ_k = −(αγ_{k−1}/c)∇J_{B_{k−1}}(θ_{k−1}) with c = k^{1/2+δ}: line 15 for k − 1, and line 5 for k = 1."""
algorithm_step = (moved * length) ** 2 / (factor * moved * along)
"""‖Δθ‖²/⟨G, Δθ⟩ with G = −f·E C and e = ⟨E C, ∇J_B⟩."""
expected_gv = (moved * length) * length / (moved * along)
"""‖Δθ‖‖∇J_B‖/⟨−E C, Δθ⟩."""


positive = [alpha > 0, step > 0, length > 0, along > 0]

EXPECTED_STEP = Claim(
    id="s-expected-step",
    source="Castera et al. 2021b, Algorithm 5 and §D; thesis Algorithm 6 and §4.9",
    statement="with G_k = −α(k−1)^{−1/2−δ}γ_{k−1}E[C(θ_{k−1})] the step ‖Δθ_k‖²/⟨G_k, Δθ_k⟩ equals that of Expected-GV, "
    "‖Δθ_k‖‖∇J_{B_{k−1}}(θ_{k−1})‖/⟨−E[C(θ_{k−1})], Δθ_k⟩",
    hypotheses="k = 1, 2, …; α > 0, 0 < δ < ½, positive curvature",
    checks=[
        Implication(
            part="k = 1",
            given=[*positive, sp.Eq(last, 0), sp.Eq(now, 1), sp.Eq(factor, alpha * step / last)],
            then=same(algorithm_step, expected_gv),
        ),
        Implication(
            part="k = 2",
            given=[*positive, sp.Eq(last, 1), now**2 > 2, now > 0, now < 2, sp.Eq(factor, alpha * step / last)],
            then=same(algorithm_step, expected_gv),
        ),
    ],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="the factor is αγ_{k−1}k^{−1/2−δ}, that of θ_k − θ_{k−1}; printed, it does not exist for k = 1, and for k ≥ 2 it gives "
        "((k−1)/k)^{1/2+δ} times the step of Expected-GV",
        checks=[
            Implication(
                part="k^{−1/2−δ}, every k ≥ 1",
                given=[*positive, now > 0, sp.Eq(factor, alpha * step / now)],
                then=same(algorithm_step, expected_gv),
            ),
            Implication(
                part="printed, k ≥ 2: too short by a/c",
                given=[*positive, last > 0, now > last, sp.Eq(factor, alpha * step / last)],
                then=sp.And(same(algorithm_step, last / now * expected_gv), algorithm_step < expected_gv),
            ),
        ],
    ),
    reduction="a = (k−1)^{1/2+δ} and c = k^{1/2+δ}: (0, 1) for k = 1, (1, c) with √2 < c < 2 for k = 2.  n = ‖∇J_{B_{k−1}}(θ_{k−1})‖, e = "
    "⟨E[C(θ_{k−1})], ∇J_{B_{k−1}}(θ_{k−1})⟩; the steps before the clip are compared.",
    remark="Lines 9 of Algorithms 3 to 5 test the sign with Δθ_{B_k}, which these algorithms never define; Δθ_k is meant.",
)

values, lengths = sp.symbols("u w", real=True)
"""J → uJ and θ → wθ: gradients scale with u/w, ∇²J∇J with u²/w³, Δθ with w."""

HOMOGENEITY = Claim(
    id="s-homogeneity",
    source="Castera et al. 2021b, after Expected-GV; thesis, the same place",
    statement="the numerator ‖Δθ‖‖∇J_B‖ gives Expected-GV the dimension of the other steps, which (8)'s numerator ‖Δθ‖² would not",
    hypotheses="positive scales of values and of lengths",
    checks=[
        Implication(
            part="both scale with w²/u",
            given=[values > 0, lengths > 0, length > 0, along > 0],
            then=sp.And(
                same((lengths * length) ** 2 / (lengths * values / lengths * along), lengths**2 / values * (length**2 / along)),
                same(
                    lengths * length * (values / lengths * length) / (values**2 / lengths**3 * lengths * along),
                    lengths**2 / values * (length**2 / along),
                ),
            ),
        ),
        Exists(
            part="‖Δθ‖² over ⟨−E C, Δθ⟩ does not",
            such_that=[
                values > 0,
                lengths > 0,
                length > 0,
                along > 0,
                sp.Ne((lengths * length) ** 2 / (values**2 / lengths**3 * lengths * along), lengths**2 / values * (length**2 / along)),
            ],
        ),
    ],
    expected=Verdict.PROVED,
    remark="With the correct factor in Algorithm 5 the two numerators are the same thing: ‖Δθ‖ = η‖∇J_B‖ and G = −ηE C.",
)

eta, h1, h2, c1, c2, at = sp.symbols("eta h1 h2 c1 c2 theta", real=True)
terms = ((h1, c1), (h2, c2))


def full_gradient(point):
    return mean(h * (point - c) for h, c in terms)


def halfway(h, c):
    """θ_{k+½} for the batch of the one loss ½h(θ − c)²."""
    return at - eta * h * (at - c)


REUSE = Claim(
    id="s-reuse",
    source="Castera et al. 2021b, (25) and after; thesis (4.22) and after",
    statement="E[∇J_{B_k}(θ_k) | B_0, …, B_{k−1}] = ∇J(θ_k), and the like fails at θ_{k+½}",
    hypotheses="B_k independent of B_0, …, B_{k−1}; J the mean of the J_n",
    checks=[
        Implication(part="at θ_k: N = 2, b = 1", then=same(mean(h * (at - c) for h, c in terms), full_gradient(at))),
        Exists(
            part="at θ_{k+½}: N = 2, b = 1",
            such_that=[
                eta > 0,
                sp.Ne(mean(h * (halfway(h, c) - c) for h, c in terms), mean(full_gradient(halfway(h, c)) for h, c in terms)),
            ],
        ),
    ],
    expected=Verdict.PROVED,
    reduction="At θ_k this is s-unbiased at a point that does not depend on B_k.",
    remark="In the example J_n = ½h_n(θ − c_n)².  Where all h_n are equal the two expectations at θ_{k+½} agree.  (25) is stated for k ≥ "
    "1; it holds for k = 0.",
)
