"""Zhao et al. 2021 (stochastic normalized gradient descent), Lemma 2 and Theorem 2: curvature that grows with the gradient."""

from fractions import Fraction
from math import factorial

import sympy as sp
from flint import arb, ctx

from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict

alpha, n, G, D, c, F, F1, epsilon = sp.symbols("alpha n G D c F F_next epsilon", real=True)
"""n = ‖g‖, G = ‖∇F(w)‖, D = ‖∇F(w) − g‖, c = ⟨∇F(w), g⟩, F = F(w), F_next = F(w⁺)."""
S, total, m = sp.symbols("S total m", real=True)

lengths = [n >= 0, G >= 0, D >= 0, sp.Eq(D**2, G**2 - 2 * c + n**2), c**2 <= G**2 * n**2]
"""Norms and inner product of two vectors: the Gram minor, and ‖∇F − g‖² expanded."""
nonzero = [n > 0, *lengths[1:]]
by_gram = "All dimensions: the lemma sees the two vectors only through n, G, D and c, with the Gram minor c² ≤ G²n² and D² = G² − 2c + n²."


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


L0, L1, E = sp.symbols("L0 L1 E", real=True)
"""E = e^{αL₁}."""


def gronwall_by_derivative() -> Finding:
    """v = A + κ∫p with p ≤ v: (v e^{−κt})' = e^{−κt}(v' − κv) ≤ 0, so p ≤ v ≤ A e^{κt}; A e^{κt} attains it."""
    t, kappa, start = sp.symbols("t kappa A", positive=True)
    v = sp.Function("v")(t)
    identity = sp.simplify(sp.diff(v * sp.exp(-kappa * t), t) - sp.exp(-kappa * t) * (sp.diff(v, t) - kappa * v)) == 0
    s = sp.Symbol("s", positive=True)
    sharp = start * sp.exp(kappa * t)
    attained = sp.simplify(start + kappa * sp.integrate(sharp.subs(t, s), (s, 0, t)) - sharp) == 0
    return Finding(identity and attained)


def gronwall_by_iteration() -> Finding:
    """p ≤ A + κ∫p put into itself N times: p ≤ A Σ_{n<N} (κt)ⁿ/n! + (κt)^N/N!·max p, and the last term vanishes as N → ∞."""
    t, s, kappa, start, top = sp.symbols("t s kappa A top")
    bound = top
    for count in range(1, 13):
        bound = sp.expand(start + kappa * sp.integrate(bound.subs(t, s), (s, 0, t)))
        series = sum((kappa * t) ** i / factorial(i) for i in range(count))
        if sp.expand(bound - start * series - top * (kappa * t) ** count / factorial(count)) != 0:
            return Finding(False, {"N": count})
    return Finding(True)


middle = L0 + L1 * (alpha * L0 + G) * E
"""The bound L₀ + L₁p(ξ) of ‖∇²F‖ on the segment, with Gronwall's p(ξ) ≤ (αL₀ + ‖∇F(w)‖)e^{αL₁}."""
rough_step = F1 <= F - alpha * c / n + alpha**2 / 2 * middle
lemma2 = (1 - alpha * L1 * E / 2) * G <= (F - F1) / alpha + (1 + alpha * L1 * E) * L0 * alpha / 2 + 2 * D
rough = [alpha > 0, L0 > 0, L1 > 0, E >= 1]

LEMMA2 = Claim(
    id="z-lemma2",
    source="Zhao et al. 2021, Lemma 2",
    statement="(1 − ½αL₁e^{αL₁})‖∇F(w)‖ ≤ (F(w) − F(w⁺))/α + (1 + αL₁e^{αL₁})L₀α/2 + 2‖∇F(w) − g‖ for every g, where w⁺ = w − αg/‖g‖",
    hypotheses="F (L₀, L₁)-smooth (Definition 2), L₀, L₁ > 0, α > 0, any w and g",
    checks=[
        Computation(
            part="Gronwall: p(t) ≤ A + κ∫₀ᵗp implies p(t) ≤ Ae^{κt}",
            methods={"derivative": gronwall_by_derivative, "iteration": gronwall_by_iteration},
        ),
        Implication(part="the rest", given=[*rough, *lengths, rough_step], then=lemma2),
    ],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="for every g ≠ 0",
        checks=[Implication(given=[*rough, *nonzero, rough_step], then=lemma2)],
    ),
    reduction=by_gram + "  On the segment p(t) = ‖∇F(w + t(w⁺ − w))‖ satisfies p(t) ≤ αL₀ + p(0) + αL₁∫₀ᵗp; Gronwall with "
    "A = αL₀ + p(0), κ = αL₁, t ≤ 1 bounds p(ξ), and Taylor–Lagrange gives the hypothesis on F(w⁺).  E ≥ 1 is all that is used of e^{αL₁}.",
    remark="‖∇²F‖ is bounded on the segment because ∇F is continuous, so the integrals exist for F merely twice differentiable.  For "
    "αL₁e^{αL₁} ≥ 2 (αL₁ > 0.853) the left side is not positive and the lemma says nothing about ‖∇F(w)‖.",
)

LEMMA2_SIGN = Claim(
    id="z-lemma2-sign",
    source="Zhao et al. 2021, proof of Lemma 2, third line of the last chain",
    statement="F(w⁺) ≤ F(w) − α‖∇F(w) − g‖ − α‖g‖ + (α²/2)(L₀ + αL₀L₁e^{αL₁} + L₁e^{αL₁}‖∇F(w)‖)",
    hypotheses="as in Lemma 2, g ≠ 0",
    checks=[
        Implication(
            part="F constant: F(w⁺) = F(w), ∇F = 0, ‖∇F − g‖ = ‖g‖",
            given=[*rough, n > 0],
            then=0 <= -alpha * n - alpha * n + alpha**2 / 2 * (L0 + alpha * L0 * L1 * E),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="+α‖∇F(w) − g‖, which is what the next line uses",
        checks=[
            Implication(given=[*rough, *nonzero, rough_step], then=F1 <= F + alpha * D - alpha * n + alpha**2 / 2 * middle),
            Implication(
                part="the next line",
                given=[*rough, G <= n + D, F1 <= F + alpha * D - alpha * n + alpha**2 / 2 * middle],
                then=lemma2,
            ),
            Implication(
                part="the printed line with α = L₀ = L₁ = 1, ‖g‖ = 2 is wrong for every E ≤ 3, so for E = e",
                given=[E >= 1, E <= 3, sp.Eq(n, 2)],
                then=(0 > -alpha * n - alpha * n + alpha**2 / 2 * (L0 + alpha * L0 * L1 * E)).subs({alpha: 1, L0: 1, L1: 1}),
            ),
        ],
    ),
    remark="In the check E is any number ≥ 1; the last part of the correction shows that the true E = e fails too.",
)


def geometric(ratio, terms: int):
    return sum(ratio**t for t in range(terms + 1))


def both_sides(ratio, terms: int):
    """(10) for F = 1000e^w, α = ½, L₀ = L₁ = ε = 1, w_0 = 0: F(w_t) = ‖∇F(w_t)‖ = 1000·ratio^t with ratio = e^{−1/2}."""
    return 1000 * geometric(ratio, terms) / (terms + 1), 2 * 1000 * ratio / (terms + 1) * 2 + 1 + 4


LAST = 9
"""T of the example."""


def exponential_by_balls() -> Finding:
    with ctx.workprec(100):
        left, right = both_sides((arb(-1) / 2).exp(), LAST)
    return Finding(
        not left > right, {"F": "1000·exp(w)", "alpha": "1/2", "L0": 1, "L1": 1, "epsilon": 1, "w0": 0, "T": LAST}, f"{left} > {right}"
    )


def exponential_by_series() -> Finding:
    """e^{−1/2} between two consecutive partial sums of its alternating series; left and right side increase with it."""
    sums = [sum(Fraction(-1, 2) ** i / factorial(i) for i in range(terms)) for terms in (11, 12)]
    low, high = min(sums), max(sums)
    return Finding(not both_sides(low, LAST)[0] > both_sides(high, LAST)[1], {"F": "1000·exp(w)", "T": LAST})


slopes = 2 * L0 * alpha + 4 * epsilon
small = [alpha > 0, L0 > 0, L1 > 0, alpha * L1 <= sp.Rational(1, 2), E >= 1, E <= 2]

THEOREM2 = Claim(
    id="z-theorem2",
    source="Zhao et al. 2021, Theorem 2 (10)",
    statement="(1/(T+1)) Σ_{t=0}^T E‖∇F(w_t)‖ ≤ 2F(w_1)/(α(T+1)) + 2L₀α + 4ε; with α = ε/L₀ and T = L₀F(w_1)/ε², E‖∇F(w̄)‖ ≤ 8ε",
    hypotheses="F ≥ 0 (L₀, L₁)-smooth, αL₁ ≤ ½, E‖∇f − ∇F‖² ≤ σ², b = σ²/ε², w_t from Algorithm 1",
    checks=[
        Computation(
            part="(10) for F = 1000e^w without noise, L₀ = L₁ = 1, α = ½, T = 9",
            methods={"ball arithmetic": exponential_by_balls, "alternating series": exponential_by_series},
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="with F(w_0): (1/(T+1)) Σ E‖∇F(w_t)‖ ≤ 2F(w_0)/(α(T+1)) + 2L₀α + 4ε whenever αL₁ ≤ ½ and b ≥ σ²/ε²; α = ε/L₀ and any T "
        "with T + 1 ≥ L₀F(w_0)/ε² give 8ε, for exactly the ε with ε ≤ L₀/(2L₁) that αL₁ ≤ ½ admits",
        checks=[
            Implication(
                part="Lemma 2 with αL₁ ≤ ½",
                given=[*small, G >= 0, D >= 0, lemma2],
                then=G <= 2 * (F - F1) / alpha + 2 * L0 * alpha + 4 * D,
            ),
            Implication(
                part="the sum: the step",
                given=[alpha > 0, total <= 2 * (S - F) / alpha + m * slopes, G <= 2 * (F - F1) / alpha + slopes],
                then=total + G <= 2 * (S - F1) / alpha + (m + 1) * slopes,
            ),
            Implication(
                part="(10) with m = T + 1 and S = F(w_0)",
                given=[alpha > 0, m >= 1, F1 >= 0, total <= 2 * (S - F1) / alpha + m * slopes],
                then=total / m <= 2 * S / (alpha * m) + slopes,
            ),
            Implication(
                part="8ε",
                given=[L0 > 0, epsilon > 0, S >= 0, m >= 1, epsilon**2 * m >= L0 * S],
                then=(2 * S / (alpha * m) + slopes).subs(alpha, epsilon / L0) <= 8 * epsilon,
            ),
            Implication(
                part="the admissible ε",
                given=[L0 > 0, L1 > 0, epsilon > 0],
                then=sp.Equivalent((alpha * L1).subs(alpha, epsilon / L0) <= sp.Rational(1, 2), epsilon <= L0 / (2 * L1)),
            ),
        ],
    ),
    reduction="e^{αL₁} ≤ e^{1/2} < 2 because e < 4.  In the example F'' = F' ≤ 1 + F', every step is −½, and σ = ε, b = 1 fit the "
    "noise-free F.  Expectations as in z-theorem1.",
    remark="F(w_1) for F(w_0) again.  The constants hold as long as αL₁e^{αL₁} ≤ 1, that is αL₁ ≤ 0.567.",
)

w = sp.Symbol("w", real=True)

EPSILON = Claim(
    id="z-theorem2-epsilon",
    source="Zhao et al. 2021, Theorem 2 and Corollaries, ε-stationarity for every ε",
    statement="with α = ε/L₀ the bound E‖∇F(w̄)‖ ≤ 8ε holds for every ε > 0",
    hypotheses="F ≥ 0 (L₀, L₁)-smooth; αL₁ ≤ ½ not assumed",
    checks=[
        Implication(part="½w² + w⁴ is (1, 3)-smooth", then=sp.Abs(1 + 12 * w**2) <= 1 + 3 * sp.Abs(w + 4 * w**3)),
        Implication(
            part="started at α/2 the iterates alternate between ±α/2, where |F'| is (w + 4w³) at α/2",
            given=[epsilon > 0, sp.Eq(alpha, epsilon)],
            then=(w + 4 * w**3).subs(w, alpha / 2) <= 8 * epsilon,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="for ε ≤ L₀/(2L₁) (z-theorem2); in the example that is ε ≤ 1/6",
        checks=[
            Implication(
                part="the example",
                given=[0 < epsilon, epsilon <= sp.Rational(1, 6), sp.Eq(alpha, epsilon)],
                then=(w + 4 * w**3).subs(w, alpha / 2) <= 8 * epsilon,
            ),
        ],
    ),
    remark="The theorem assumes αL₁ ≤ ½, so that ε is bounded by L₀/(2L₁) is implied but not said.",
)
