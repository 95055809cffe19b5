"""Zhao et al. 2021 (stochastic normalized gradient descent), §4: the stagewise method, Theorems 3 and 4, Remark 1.

Stage t = 0..T−1 runs M_t = S/α_t normalised steps of length α_t from w̃_t to w̃_{t+1}; w̄_{t+1} is one of its iterates, and the output is
w̄_t with probability proportional to p_t, t = 1..T.
"""

from fractions import Fraction

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict

S, alpha, rho, m, t, T = sp.symbols("S alpha rho m t T", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- a stage ------------------------------------------------------------------------------------------------------------------


def steps_by_fractions() -> Finding:
    steps = Fraction(1) / Fraction(2, 3)
    return Finding(steps.denominator == 1, {"S": 1, "alpha_t": "2/3", "M_t": str(steps)})


def steps_by_counting() -> Finding:
    """No whole number of steps of length 2/3 has the total length 1."""
    return Finding(any(3 * 1 == 2 * count for count in range(1, 10)), {"S": 1, "alpha_t": "2/3"})


STAGE_COUNT = Claim(
    id="z-stage-count",
    source="Zhao et al. 2021, Algorithm 2, Theorems 3 and 4",
    statement="M_t = S/α_t is a number of iterations for every S > 0 and every sequence of learning rates α_t > 0",
    hypotheses="S > 0, α_t > 0",
    checks=[Computation(part="S = 1, α_t = 2/3", methods={"fractions": steps_by_fractions, "counting": steps_by_counting})],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="S/α_t must be a positive integer, since the theorems use S = M_tα_t; for α_t = ρ/(t+1) it is one for all t if S/ρ is, "
        "for α_t = ρᵗ if S and 1/ρ are",
        checks=[
            Implication(part="S(t+1)/ρ is (t+1) times S/ρ", given=[rho > 0, S > 0], then=same(S / (rho / (m + 1)), (m + 1) * (S / rho))),
            Implication(
                part="S/ρ^{t+1} is 1/ρ times S/ρᵗ", given=[rho > 0, alpha > 0], then=same(S / (alpha * rho), 1 / rho * (S / alpha))
            ),
        ],
    ),
    remark="Rounding M_t up breaks S = M_tα_t; the poly schedule α(1 − t/T)^{1.1} of the experiments never gives integers for all t.",
)

G, F, F1, total, start, rate, noise = sp.symbols("G F F_next total F_start r noise", real=True)

STAGE = Claim(
    id="z-stage",
    source="Zhao et al. 2021, (12) and (14)",
    statement="E‖∇F(w̄_{t+1})‖ ≤ E[F(w̃_t) − F(w̃_{t+1})]/S + Lα_t/2 + 2ε for L-smooth F; for (L₀, L₁)-smooth F with α_tL₁ ≤ ½, "
    "E‖∇F(w̄_{t+1})‖ ≤ 2E[F(w̃_t) − F(w̃_{t+1})]/S + 2L₀α_t + 4ε",
    hypotheses="M_t = S/α_t a positive integer, b = σ²/ε², no mini-batch gradient 0",
    checks=[
        Implication(
            part="a step of the stage",
            given=[alpha > 0, rate > 0, total <= rate * (start - F) / alpha + m * noise, G <= rate * (F - F1) / alpha + noise],
            then=total + G <= rate * (start - F1) / alpha + (m + 1) * noise,
        ),
        Implication(
            part="its mean, S = M_tα_t",
            given=[alpha > 0, S > 0, m >= 1, same(S, m * alpha), total <= rate * (start - F1) / alpha + m * noise],
            then=total / m <= rate * (start - F1) / S + noise,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="Each step is Lemma 1 (r = 1, noise = Lα/2 + 2ε) or Lemma 2 with αL₁ ≤ ½ (r = 2, noise = 2L₀α + 4ε), proved in z-lemma1 and "
    "z-theorem2; w̄_{t+1} is uniform on the M_t iterates before w̃_{t+1}.",
)


# --- Theorems 3 and 4 ---------------------------------------------------------------------------------------------------------

W, P, A, p, p1, E, curve, f, f1, top = sp.symbols("W P A p p_next E curve f f_next top", real=True)
"""Sums over the stages so far: W of p_tE‖∇F(w̄_t)‖, P of p_t, A of α_{t−1}p_t.  f = rF(w̃_t)/S at both ends of a stage, top = rδ/S."""

bounded = [0 <= f, f <= top, 0 <= f1, f1 <= top]
weighted = [
    Implication(
        part="the first stage: pE ≤ top·p − f_next·p + pκ",
        given=[*bounded, p > 0, E <= f - f1 + noise],
        then=p * E <= top * p - f1 * p + p * noise,
    ),
    Implication(
        part="one stage more adds at most (top − f_next)p_next − (top − f)p + p_nextκ",
        given=[*bounded, p > 0, p1 >= p, E <= f - f1 + noise],
        then=p1 * E <= (top - f1) * p1 - (top - f) * p + p1 * noise,
    ),
    Implication(
        part="division by Σp",
        given=[p > 0, P >= p, f >= 0, W <= (top - f) * p + curve * A + noise * P],
        then=W / P <= top * p / P + curve * A / P + noise,
    ),
]
by_parts = (
    "r, curve and noise are 1, L/2, 2ε in (11) and 2, 2L₀, 4ε in (13).  Each stage is z-stage; in the first two checks noise stands for κ "
    "= curve·α_t + noise.  Added up (they telescope; this is the summation by parts) they give W ≤ (top − f)p_T + curve·A + noise·P, and "
    "E‖∇F(w̄)‖ = W/P."
)

THEOREM3 = Claim(
    id="z-theorem3",
    source="Zhao et al. 2021, Theorem 3 (11)",
    statement="E‖∇F(w̄)‖ ≤ δp_T/(SΣp_t) + LΣα_{t−1}p_t/(2Σp_t) + 2ε, sums over t = 1..T",
    hypotheses="0 ≤ F ≤ δ L-smooth, 0 < p_t ≤ p_{t+1}, S > 0, M_t = S/α_t, b = σ²/ε²",
    checks=weighted,
    expected=Verdict.PROVED,
    reduction=by_parts,
    remark="Used and not said: every M_t is a positive integer (z-stage-count) and no mini-batch gradient is 0 (z-ngd-length).  F ≤ δ is "
    "needed at the ends of the stages only.",
)

THEOREM4 = Claim(
    id="z-theorem4",
    source="Zhao et al. 2021, Theorem 4 (13)",
    statement="E‖∇F(w̄)‖ ≤ 2δp_T/(SΣp_t) + 2L₀Σα_{t−1}p_t/Σp_t + 4ε, sums over t = 1..T",
    hypotheses="0 ≤ F ≤ δ (L₀, L₁)-smooth, 0 < p_t ≤ p_{t+1}, α_tL₁ ≤ ½, S > 0, M_t = S/α_t, b = σ²/ε²",
    checks=list(weighted),
    expected=Verdict.PROVED,
    reduction=by_parts,
    remark="The same two unsaid hypotheses as in z-theorem3.  §3 credits “Theorem 4” with a result that is Theorem 2's.",
)


# --- Remark 1 -------------------------------------------------------------------------------------------------------------------

log, log1, H = sp.symbols("log log_next H", real=True)

REMARK1 = Claim(
    id="z-remark1",
    source="Zhao et al. 2021, Remark 1",
    statement="without F ≤ δ, (1/T) Σ_{t=1}^T E‖∇F(w̄_t)‖ ≤ 2F(w̃_0)/(TS) + O(log T/T) + O(ε) for α_t = O(1/t)",
    hypotheses="(12) or (14), F ≥ 0, α_t ≤ ρ/(t+1)",
    checks=[
        Implication(
            part="the sum of (12) or (14): the step",
            given=[S > 0, rate > 0, W <= rate * (start - F) / S + curve * A + m * noise, E <= rate * (F - F1) / S + curve * alpha + noise],
            then=W + E <= rate * (start - F1) / S + curve * (A + alpha) + (m + 1) * noise,
        ),
        Implication(
            part="1 + 1/2 + … + 1/T ≤ 1 + log T: the step",
            given=[t >= 1, log1 >= log + 1 / (t + 1), H <= 1 + log],
            then=H + 1 / (t + 1) <= 1 + log1,
        ),
        Implication(part="1 + log T ≤ 3 log T for T ≥ 2", given=[log >= sp.Rational(1, 2)], then=1 + log <= 3 * log),
        Implication(
            part="(12) and (14) together",
            given=[
                S > 0,
                T >= 2,
                rho > 0,
                curve > 0,
                log >= sp.Rational(1, 2),
                sp.Or(sp.Eq(rate, 1), sp.Eq(rate, 2)),
                start >= 0,
                F1 >= 0,
                A <= rho * 3 * log,
                W <= rate * (start - F1) / S + curve * A + T * noise,
            ],
            then=W / T <= 2 * start / (T * S) + 3 * curve * rho * log / T + noise,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="r, curve and noise as in z-theorem3 and z-theorem4; log(t+1) − log t ≥ 1/(t+1), and log 2 > ½ since e < 4.  W and A are "
    "sums over stages.",
    remark="For L-smooth F the first term is F(w̃_0)/(TS).  The output is uniform over the stages, p_t constant.  α_0 = O(1/0) says "
    "nothing; α_0 ≤ ρ is read.",
)
