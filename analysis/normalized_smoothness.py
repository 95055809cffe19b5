"""Zhao et al. 2021 (stochastic normalized gradient descent), Definitions 1 and 2 and the remarks on them, after Theorem 1 and Theorem 2."""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict

L, n, G, c, q, F, F1, epsilon = sp.symbols("L n G c q F F_next epsilon", real=True)
w0, w1 = sp.symbols("w0 w1", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


lowest = sp.Symbol("F_star", real=True)

GRADIENT_BOUND = Claim(
    id="z-gradient-bound",
    source="Zhao et al. 2021, after Theorem 1",
    statement="F(w) − F(w*) ≥ ‖∇F(w)‖²/(2L) for a minimiser w*; so O(1/δ⁴) gradients for F − F* ≤ δ make O(1/ε⁸) for ‖∇F‖ ≤ ε",
    hypotheses="F L-smooth, F ≥ 0",
    checks=[
        Implication(
            part="the inequality",
            given=[L > 0, G >= 0, lowest <= F1, F1 <= F - G * (G / L) + L * (G / L) ** 2 / 2],
            then=F - lowest >= G**2 / (2 * L),
        ),
        Implication(
            part="F − F* ≤ ε²/(2L) suffices for ‖∇F‖ ≤ ε",
            given=[L > 0, G >= 0, epsilon > 0, F - lowest >= G**2 / (2 * L), F - lowest <= epsilon**2 / (2 * L)],
            then=G <= epsilon,
        ),
        Implication(
            part="(1/δ)⁴ with δ = ε²/(2L)", given=[L > 0, epsilon > 0], then=same((1 / (epsilon**2 / (2 * L))) ** 4, 16 * L**4 / epsilon**8)
        ),
        Implication(
            part="more than 1/ε⁴ for ε < 2L", given=[L > 0, epsilon > 0, epsilon < 2 * L], then=16 * L**4 / epsilon**8 > 1 / epsilon**4
        ),
    ],
    expected=Verdict.PROVED,
    reduction="F_next is F at w − ∇F(w)/L, where Definition 1 bounds it; any lower bound of F may stand for F(w*).",
    remark="1/ε⁸ is what this route gives, an upper bound: two upper bounds are compared, which does not make one method slower than the "
    "other.",
)

ARGMIN = Claim(
    id="z-argmin",
    source="Zhao et al. 2021, after Theorem 1",
    statement="an L-smooth F ≥ 0 has a minimiser w*",
    hypotheses="F L-smooth, F ≥ 0",
    checks=[
        Implication(part="F = 1/(1 + w²): some w* is no worse than |w*| + 1", then=1 / (1 + w0**2) <= 1 / (1 + (sp.Abs(w0) + 1) ** 2)),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="it need not: 1/(1 + w²) is ½-smooth and decreases to 0 on both sides.  The bound of z-gradient-bound holds with inf F",
        checks=[
            Implication(part="½-smooth: (6w² − 2)/(1 + w²)³ ≤ ½", then=(6 * w0**2 - 2) / (1 + w0**2) ** 3 <= sp.Rational(1, 2)),
            Implication(
                part="½-smooth, without derivatives: Definition 1 with ∇F = −2w/(1 + w²)²",
                then=1 / (1 + w1**2) <= 1 / (1 + w0**2) - 2 * w0 / (1 + w0**2) ** 2 * (w1 - w0) + (w1 - w0) ** 2 / 4,
            ),
            Implication(part="no minimiser", then=1 / (1 + w0**2) > 1 / (1 + (sp.Abs(w0) + 1) ** 2)),
            Implication(
                part="the bound with an infimum",
                given=[L > 0, G >= 0, lowest <= F1, F1 <= F - G * (G / L) + L * (G / L) ** 2 / 2],
                then=F - lowest >= G**2 / (2 * L),
            ),
        ],
    ),
)

FORWARD = Claim(
    id="z-smooth-forward",
    source="Zhao et al. 2021, after Definition 2",
    statement="an (L₀, 0)-smooth function is L₀-smooth",
    hypotheses="twice differentiable, ‖∇²F‖ ≤ L₀",
    checks=[
        Implication(
            given=[L >= 0, n >= 0, q <= L * n**2, sp.Eq(F1, F + c + q / 2)],
            then=F1 <= F + c + L / 2 * n**2,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="Taylor–Lagrange on the segment: F(u) = F(w) + ⟨∇F(w), u − w⟩ + ½q with q = ⟨∇²F(ξ)(u − w), u − w⟩ ≤ L₀‖u − w‖²; c is the "
    "middle term, n = ‖u − w‖.",
)

BACKWARD = Claim(
    id="z-smooth-backward",
    source="Zhao et al. 2021, after Definition 2 and after Theorem 2",
    statement="a twice differentiable L-smooth function is (L, 0)-smooth",
    hypotheses="Definition 1: F(u) ≤ F(w) + ⟨∇F(w), u − w⟩ + ½L‖u − w‖² for all u, w",
    checks=[
        Implication(
            part="1/(1 + w²) satisfies Definition 1 with L = ½",
            then=1 / (1 + w1**2) <= 1 / (1 + w0**2) - 2 * w0 / (1 + w0**2) ** 2 * (w1 - w0) + (w1 - w0) ** 2 / 4,
        ),
        Implication(part="and Definition 2 with L₀ = ½, L₁ = 0", then=sp.Abs((6 * w0**2 - 2) / (1 + w0**2) ** 3) <= sp.Rational(1, 2)),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="Definition 1 bounds the curvature from above only; with |F(u) − F(w) − ⟨∇F(w), u − w⟩| ≤ ½L‖u − w‖² it would be true",
        checks=[
            Implication(
                part="both bounds along a unit eigenvector: λ = lim 2(F(w + tv) − F(w) − t⟨∇F, v⟩)/t²",
                given=[L >= 0, sp.Abs(q) <= L / 2],
                then=sp.Abs(2 * q) <= L,
            ),
            Implication(part="1/(1 + w²) is 2-smooth in both senses", then=sp.Abs((6 * w0**2 - 2) / (1 + w0**2) ** 3) <= 2),
        ],
    ),
    remark="So Theorem 2 does not contain Theorem 1: an L-smooth F in the sense of Definition 1 may have curvature below −L (here −2 "
    "against L = ½, with F ≥ 0).  Lemma 1 and Theorem 1 need Definition 1 only; SPIDER's bound (15) needs both sides.",
)
