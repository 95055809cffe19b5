"""Castera et al. 2021b (Step-Tuned SGD) and Chapter 4 of the thesis: what the algorithms compute from the gradient variations.

Numbers such as (18) are the article's, (4.15) the thesis's.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Exists, Implication, Verdict


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


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


def mean(values):
    values = list(values)
    return sum(values) / sp.Integer(len(values))


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
