"""Zhao et al. 2021 (stochastic normalized gradient descent), §2 and §3: one normalised step, Lemma 1, Theorem 1.

Where the extracted text leaves > and ≥ alike, F ≥ 0 and L, L₀, L₁, σ > 0 are read.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict

alpha, L, n, G, D, c, q, F, F1, epsilon = sp.symbols("alpha L n G D c q F F_next epsilon", real=True)
"""n = ‖g‖, G = ‖∇F(w)‖, D = ‖∇F(w) − g‖, c = ⟨∇F(w), g⟩, F = F(w), F_next = F(w⁺)."""
b, variance = sp.symbols("b V", real=True)

lengths = [n >= 0, G >= 0, D >= 0, sp.Eq(D**2, G**2 - 2 * c + n**2), c**2 <= G**2 * n**2]
"""Norms and inner product of two vectors: the Gram minor, and ‖∇F − g‖² expanded."""
nonzero = [n > 0, *lengths[1:]]
by_gram = "All dimensions: the lemma sees the two vectors only through n, G, D and c, with the Gram minor c² ≤ G²n² and D² = G² − 2c + n²."


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- one step ---------------------------------------------------------------------------------------------------------------

g1, g2 = sp.symbols("g1 g2", real=True)
norm = sp.sqrt(g1**2 + g2**2)

NGD_LENGTH = Claim(
    id="z-ngd-length",
    source="Zhao et al. 2021, (3), Figure 1",
    statement="‖w⁺ − w‖ = α for w⁺ = w − αg/‖g‖, whether the gradient is large or small",
    hypotheses="α > 0, any g",
    checks=[Implication(part="P = 2", given=[alpha > 0], then=same((alpha * g1 / norm) ** 2 + (alpha * g2 / norm) ** 2, alpha**2))],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="for every g ≠ 0; for g = 0 the step is 0/0",
        checks=[
            Implication(
                part="P = 2",
                given=[alpha > 0, sp.Or(sp.Ne(g1, 0), sp.Ne(g2, 0))],
                then=same((alpha * g1 / norm) ** 2 + (alpha * g2 / norm) ** 2, alpha**2),
            ),
            Implication(
                part="‖αg/n‖² = (α/n)²‖g‖², all P", given=[alpha > 0, n > 0, same(c, n**2)], then=same((alpha / n) ** 2 * c, alpha**2)
            ),
        ],
    ),
    remark="The same hole is in (4): Saddle-NGD is not defined at the saddle, where it is meant to help.  A mini-batch gradient is 0 with "
    "positive probability in many discrete problems; a convention (no step, or any unit vector) is needed, and Lemma 1 survives either.",
)


# --- Lemma 1 and Theorem 1 ----------------------------------------------------------------------------------------------------

smooth_step = F1 <= F - alpha * c / n + L * alpha**2 / 2
"""Definition 1 between w and w⁺, with ‖w⁺ − w‖ = α."""
lemma1 = G <= (F - F1) / alpha + L * alpha / 2 + 2 * D

LEMMA1 = Claim(
    id="z-lemma1",
    source="Zhao et al. 2021, Lemma 1",
    statement="‖∇F(w)‖ ≤ (F(w) − F(w⁺))/α + Lα/2 + 2‖∇F(w) − g‖ for every g, where w⁺ = w − αg/‖g‖",
    hypotheses="F L-smooth (Definition 1), L > 0, α > 0, any w and g",
    checks=[Implication(given=[alpha > 0, L > 0, *lengths, smooth_step], then=lemma1)],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="for every g ≠ 0; for g = 0 it holds with either convention, no step or a step along any unit vector",
        checks=[
            Implication(part="g ≠ 0", given=[alpha > 0, L > 0, *nonzero, smooth_step], then=lemma1),
            Implication(
                part="g = 0, any unit vector: q = ⟨∇F, v⟩",
                given=[alpha > 0, L > 0, G >= 0, sp.Abs(q) <= G, sp.Eq(D, G), F1 <= F - alpha * q + L * alpha**2 / 2],
                then=lemma1,
            ),
            Implication(part="g = 0, no step", given=[alpha > 0, L > 0, G >= 0, sp.Eq(D, G), sp.Eq(F1, F)], then=lemma1),
        ],
    ),
    reduction=by_gram,
    remark="The factor 2 cannot be lowered: for g short and opposite to ∇F the step goes uphill, and both sides agree up to Lα/2 + O(‖g‖).",
)

w0, S, T, total, m, h, sigma, mean_error = sp.symbols("w0 S T total m h sigma e", real=True)
per_step = L * alpha / 2 + 2 * epsilon


def half_square(w):
    return w**2 / 2


THEOREM1 = Claim(
    id="z-theorem1",
    source="Zhao et al. 2021, Theorem 1 (7)",
    statement="(1/(T+1)) Σ_{t=0}^T E‖∇F(w_t)‖ ≤ F(w_1)/(α(T+1)) + Lα/2 + 2ε; with α = 2ε/L and T = LF(w_1)/(2ε²), E‖∇F(w̄)‖ ≤ 4ε",
    hypotheses="F ≥ 0 L-smooth, E‖∇f − ∇F‖² ≤ σ², b = σ²/ε², w_t from Algorithm 1",
    checks=[
        Implication(
            part="(7) for F = ½w² without noise: L = 1, T = 1, w_0 > α, w_1 = w_0 − α",
            given=[alpha > 0, epsilon > 0, w0 > alpha],
            then=(w0 + (w0 - alpha)) / 2 <= half_square(w0 - alpha) / (2 * alpha) + alpha / 2 + 2 * epsilon,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="with F(w_0): (1/(T+1)) Σ_{t=0}^T E‖∇F(w_t)‖ ≤ F(w_0)/(α(T+1)) + Lα/2 + 2ε, whenever b ≥ σ²/ε² and no g_t is 0; α = 2ε/L "
        "and any T with T + 1 ≥ LF(w_0)/(2ε²) give 4ε; the printed T gives (3 + √2)ε",
        checks=[
            Implication(
                part="E‖∇F − g‖ ≤ ε",
                given=[
                    b > 0,
                    epsilon > 0,
                    mean_error >= 0,
                    mean_error**2 <= variance,
                    variance * b <= sigma**2,
                    sigma**2 <= b * epsilon**2,
                ],
                then=mean_error <= epsilon,
            ),
            Implication(
                part="the sum of m inequalities of Lemma 1: the step",
                given=[alpha > 0, total <= (S - F) / alpha + m * per_step, G <= (F - F1) / alpha + per_step],
                then=total + G <= (S - F1) / alpha + (m + 1) * per_step,
            ),
            Implication(
                part="(7) with m = T + 1 and S = F(w_0)",
                given=[alpha > 0, m >= 1, F1 >= 0, total <= (S - F1) / alpha + m * per_step],
                then=total / m <= S / (alpha * m) + per_step,
            ),
            Implication(
                part="4ε",
                given=[L > 0, epsilon > 0, S >= 0, m >= 1, 2 * epsilon**2 * m >= L * S],
                then=(S / (alpha * m) + per_step).subs(alpha, 2 * epsilon / L) <= 4 * epsilon,
            ),
            Implication(
                part="the printed T, h² = 2LF(w_1) = 4ε²T: ‖∇F(w_0)‖ ≤ h + 2ε",
                given=[
                    L > 0,
                    epsilon > 0,
                    G >= 0,
                    G**2 <= 2 * L * S,
                    h >= 0,
                    sp.Eq(h**2, 2 * L * F1),
                    n <= h,
                    S <= F1 + 2 * epsilon / L * n + 2 * epsilon**2 / L,
                ],
                then=G <= h + 2 * epsilon,
            ),
            Implication(
                part="the printed T: (3 + √2)ε, since the inequalities of t = 1..T add up to F(w_1)/α + 3εT = h²/ε",
                given=[epsilon > 0, h >= 0, G <= h + 2 * epsilon, total <= h**2 / epsilon],
                then=(G + total) / (h**2 / (4 * epsilon**2) + 1) <= (3 + sp.sqrt(2)) * epsilon,
            ),
        ],
    ),
    reduction="Expectations are linear; (E‖x‖)² ≤ E‖x‖² is z-jensen, E‖∇F − g‖² ≤ σ²/b is z-batch-variance.  The mean over t = 0..T is "
    "E‖∇F(w̄)‖.",
    remark="The telescoped sum starts at F(w_0), not F(w_1); in the example of the witness σ = ε and b = 1 fit the noise-free F.  The sum "
    "to T also uses w_{T+1}, which Algorithm 1 does not compute: one more step must be thought of.  σ²/ε² and LF/(2ε²) need not be "
    "integers; rounded up they serve.  A T that depends on w_1 is not known before the run; with it (3 + √2)ε is proved, and whether 4ε "
    "holds is open.",
)


COMPLEXITY = Claim(
    id="z-complexity",
    source="Zhao et al. 2021, Theorems 1 and 2, last sentences",
    statement="the numbers of iterations and of gradients are O(1/ε²) and O(1/ε⁴)",
    hypotheses="T and b as in the theorems, rounded up; 0 < ε ≤ 1",
    checks=[
        Implication(
            part="at most (LF/2 + 1)(σ² + 1)/ε⁴ gradients",
            given=[
                0 < epsilon,
                epsilon <= 1,
                L > 0,
                F >= 0,
                T >= 0,
                b >= 0,
                T <= L * F / (2 * epsilon**2) + 1,
                b <= sigma**2 / epsilon**2 + 1,
            ],
            then=sp.And(T <= (L * F / 2 + 1) / epsilon**2, T * b <= (L * F / 2 + 1) * (sigma**2 + 1) / epsilon**4),
        ),
    ],
    expected=Verdict.PROVED,
    remark="For Theorem 2 replace LF/2 by L₀F.  F is F at the start.",
)
