"""Castera et al. 2021b (Step-Tuned SGD) and Chapter 4 of the thesis: the series, the convergence argument, the rate.

Numbers such as (51) are the article's, (4.48) the thesis's.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict

L, alpha, low, high, gamma, n, v, A, c, r = sp.symbols("L alpha m M gamma n v A c r", real=True)
value, half, after = sp.symbols("J J_half J_next", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- series ---------------------------------------------------------------------------------------------------------------------

k, S, y, y1, delta2, weight = sp.symbols("k S y y1 d w", real=True)

SUMMABLE = Claim(
    id="s-summable",
    source="Castera et al. 2021b, §4.3 and after (46); thesis after (4.19) and (4.43)",
    statement="Σ_{k≥0} (k+1)^{−1−2δ} < ∞ and Σ_{k≥0} (k+1)^{−1/2−δ} = ∞",
    hypotheses="0 < δ < ½",
    checks=[
        Implication(
            part="one term of the first: 1/(k·k^d) ≤ (1/d)((k−1)^{−d} − k^{−d}), d = 2δ",
            given=[0 < delta2, delta2 < 1, k >= 2, y1 > 0, y > 0, y1 <= y * (1 - delta2 / k)],
            then=1 / (k * y) <= (1 / y1 - 1 / y) / delta2,
        ),
        Implication(
            part="its partial sums stay below 1 + 1/d: the step",
            given=[0 < delta2, y1 > 0, y > 0, weight <= (1 / y1 - 1 / y) / delta2, S <= 1 + (1 - 1 / y1) / delta2],
            then=sp.And(S + weight <= 1 + (1 - 1 / y) / delta2, S + weight < 1 + 1 / delta2),
        ),
        Implication(
            part="partial sums of the second are at least n/n^{1/2+δ} = n^{1/2−δ}: the step",
            given=[k >= 1, y1 > 0, y >= y1, S >= k / y1],
            then=S + 1 / y >= (k + 1) / y,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="First series: y = k^d and y1 = (k−1)^d, where y1 ≤ y(1 − d/k) is Bernoulli's inequality (t^d is concave, below its tangent "
    "at 1); S is the sum of the terms before k, the base is S = 1 for the term 1.  Second: y1 = k^{1/2+δ}, y = (k+1)^{1/2+δ}; the base is "
    "1 ≥ 1/1, and n^{1/2−δ} is unbounded.",
    remark="The sum of the first is at most 1 + 1/(2δ) = 501 for the default δ = 0.001.  The second series still diverges at δ = ½, so the "
    "almost sure part of Theorem 1 would hold there too; δ = 0 fails.",
)

ROBBINS_MONRO = Claim(
    id="s-robbins-monro",
    source="Castera 2021, thesis, §4.3.3 on (1.22)",
    statement="with 0 < δ < ½ the steps η_k = αγ_k(k+1)^{−1/2−δ} satisfy Ση_k = ∞, Ση_k² < ∞",
    hypotheses="α > 0, 0 < m̃ ≤ γ_k ≤ M̃",
    checks=[
        Implication(
            part="Ση ≥ αm̃ Σ(k+1)^{−1/2−δ}: the step",
            given=[alpha > 0, 0 < low, low <= gamma, v > 0, A >= alpha * low * S],
            then=A + alpha * gamma * v >= alpha * low * (S + v),
        ),
        Implication(
            part="Ση² ≤ α²M̃² Σ(k+1)^{−1−2δ}: the step",
            given=[alpha > 0, 0 < low, low <= gamma, gamma <= high, v > 0, A <= alpha**2 * high**2 * S],
            then=A + (alpha * gamma * v) ** 2 <= alpha**2 * high**2 * (S + v**2),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="A and S are partial sums, v = (k+1)^{−1/2−δ}; the rest is s-summable.",
)

epoch, batches = sp.symbols("E b", real=True)

EPOCH = Claim(
    id="s-epoch",
    source="Castera et al. 2021b, §5.1; thesis §4.5.1",
    statement="the decay q^{−1/2−δ} in the epoch q = 1, 2, … instead of the iteration is slower and still has Σ = ∞, Σ of squares < ∞",
    hypotheses="0 < δ < ½, a fixed number b ≥ 1 of iterations per epoch",
    checks=[
        Implication(
            part="slower: q ≤ k + 1 for k in {(q−1)b, …, qb − 1}",
            given=[batches >= 1, epoch >= 1, k >= (epoch - 1) * batches],
            then=epoch <= k + 1,
        ),
        Implication(
            part="the sums over whole epochs are b times those over q: the step",
            given=[same(A, batches * S)],
            then=same(A + batches * v, batches * (S + v)),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="t ↦ t^{−1/2−δ} decreases, so q ≤ k + 1 makes the decay slower; b times a divergent (convergent) series is one; the rest is "
    "s-summable.",
    remark="The proof of Theorem 1 goes through with these weights; in the rate k is then the number of epochs.  An epoch index that "
    "starts at 0 would divide by 0.",
)

previous, following, epsilon, C, top = sp.symbols("u u_next epsilon C U", real=True)

ALBER = Claim(
    id="s-alber",
    source="Castera et al. 2021b, Lemma 3; thesis Lemma 4.6",
    statement="u_k → 0 if Σu_kv_k < ∞, Σv_k = ∞ and |u_{k+1} − u_k| ≤ Cv_k",
    hypotheses="u_k, v_k ≥ 0, C > 0",
    checks=[
        Implication(
            part="lim inf u = 0: while u ≥ ε, Σuv ≥ εΣv, the step",
            given=[epsilon > 0, v >= 0, previous >= epsilon, A >= epsilon * S],
            then=A + previous * v >= epsilon * (S + v),
        ),
        Implication(
            part="a way down from U to u, all before it ≥ ε, costs Σuv ≥ ε(U − u)/C: the step",
            given=[
                epsilon > 0,
                C > 0,
                v >= 0,
                previous >= epsilon,
                sp.Abs(following - previous) <= C * v,
                A >= epsilon * (top - previous) / C,
            ],
            then=A + previous * v >= epsilon * (top - following) / C,
        ),
        Implication(
            part="from above 2ε to below ε it costs at least ε²/C",
            given=[epsilon > 0, C > 0, top >= 2 * epsilon, previous < epsilon, A >= epsilon * (top - previous) / C],
            then=A >= epsilon**2 / C,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="By the first check u falls below any ε again and again (Σv = ∞).  If u exceeded 2ε again and again, it would descend from "
    "above 2ε to below ε infinitely often, and by the others each descent adds ε²/C to Σuv < ∞.",
    remark="Descents are counted, not ascents: the steps of an ascent may start at u ≈ 0 and cost nothing.  v need not be bounded.",
)

LIPSCHITZ = Claim(
    id="s-lipschitz",
    source="Castera et al. 2021b, Lemma 4; thesis Lemma 4.7",
    statement="a differentiable L-Lipschitz function has gradients of norm at most L",
    hypotheses="L ≥ 0",
    checks=[Implication(given=[L >= 0, n >= 0, n**2 <= L * n], then=n <= L)],
    expected=Verdict.PROVED,
    reduction="All P: the derivative along ∇g(θ) is n² = ‖∇g‖²; as the limit of difference quotients it is at most L times the length n of "
    "the direction.",
    remark="So under Corollary 2 the constant C₂ exists on all of R^P.  The article asks each J_n to be bounded below, the thesis only J; "
    "J is enough.",
)


# --- the rate --------------------------------------------------------------------------------------------------------------------

Z, square_now, least, W, budget = sp.symbols("Z E least W budget", real=True)

RATE = Claim(
    id="s-rate",
    source="Castera et al. 2021b, Theorem 1, (49)–(51); thesis Theorem 4.2, (4.46)–(4.48)",
    statement="min_{0≤j<k} E‖∇J(θ_j)‖² = O(k^{−(1/2−δ)})",
    hypotheses="J ≥ inf J > −∞, (49) with some constant, 0 < δ < ½, k ≥ 1",
    checks=[
        Implication(
            part="(50), telescoping: the step",
            given=[W <= value - half + c * Z, r * v * square_now <= half - after + c * v**2],
            then=W + r * v * square_now <= value - after + c * (Z + v**2),
        ),
        Implication(
            part="min·Σv ≤ ΣvE: the step",
            given=[v > 0, least <= square_now, least * S <= W],
            then=least * (S + v) <= W + v * square_now,
        ),
        Implication(
            part="Σ_{j<k} v_j ≥ k/k^{1/2+δ}: the step",
            given=[k >= 1, y1 > 0, y >= y1, S >= k / y1],
            then=S + 1 / y >= (k + 1) / y,
        ),
        Implication(
            part="the rate",
            given=[r > 0, k >= 1, y > 0, least >= 0, S >= k / y, r * least * S <= budget],
            then=least <= budget / r * y / k,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="r = 2αm̃, c = 3α²M̃²LC₂², v_j = (j+1)^{−1/2−δ}, Z = Σv_j², y = k^{1/2+δ}, E = E‖∇J(θ_j)‖², budget = J(θ₀) − inf J + cΣv²; "
    "y/k = k^{−(1/2−δ)}.  Expectation of (45) is (49) by the tower property.",
    remark="Explicitly min_{j<k} E‖∇J(θ_j)‖² ≤ [J(θ₀) − inf J + 3α²M̃²LC₂²(1 + 1/(2δ))]/(2αm̃)·k^{−(1/2−δ)} when m̃ ≤ 1 ≤ M̃.  The printed "
    "(51) does not give it: s-rate-chain.",
)

drawn = (alpha * (2 - alpha)) ** 2
"""E‖∇J(θ₁)‖² for the losses ½(θ ∓ 1)², one of them drawn, started at their mean θ₀ = 0: θ₁ = ±α(2 − α) and ∇J(θ) = θ."""

RATE_CHAIN = Claim(
    id="s-rate-chain",
    source="Castera et al. 2021b, (51); thesis (4.48)",
    statement="Σ_{k=0}^K v_kE_k ≥ min_{1≤k≤K} E_k·Σ_{k=0}^K v_k with v_k = (k+1)^{−1/2−δ} and E_k = E‖∇J(θ_k)‖²",
    hypotheses="K ≥ 1, 0 < δ < ½",
    checks=[
        Implication(
            part="K = 1: J_1 = ½(θ−1)², J_2 = ½(θ+1)², θ₀ = 0, batches of one",
            given=[0 < alpha, alpha < 1, v < 1, 2 * v > 1],
            then=0 + v * drawn >= drawn * (1 + v),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the minimum is over 0 ≤ k ≤ K, as in Theorem 1 (with K = k − 1); or both sides start at k = 1",
        checks=[
            Implication(part="base", given=[v > 0, least <= square_now], then=least * v <= v * square_now),
            Implication(part="step", given=[v > 0, least <= square_now, least * S <= W], then=least * (S + v) <= W + v * square_now),
        ],
    ),
    reduction="v = v₁ = 2^{−1/2−δ} lies in (½, 1).",
    remark="θ₀ = 0 is critical for J but not for J_1 and J_2, so E₀ = 0 < E₁.",
)

THEOREM = Claim(
    id="s-theorem1",
    source="Castera et al. 2021b, Theorem 1 and Corollary 2, almost sure part; thesis Theorem 4.2 and Corollary 4.3",
    statement="J(θ_k) converges and ‖∇J(θ_k)‖² → 0 almost surely",
    hypotheses="iterates almost surely bounded, or all J_n and ∇J_n Lipschitz; J bounded below",
    expected=Verdict.NOT_CHECKABLE,
    remark="An almost sure statement about random sequences; it rests on the Robbins–Siegmund theorem.  What that theorem and the end of "
    "the proof need is checked: s-descent-exists, s-summable, s-variation, s-alber and, for the corollary, s-lipschitz.",
)
