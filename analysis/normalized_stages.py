"""Zhao et al. 2021 (stochastic normalized gradient descent), §4: the stagewise method, Theorems 3 and 4, Corollaries 1 and 2, Remark 1.

Stage t = 0..T−1 runs M_t = S/α_t normalised steps of length α_t from w̃_t to w̃_{t+1}; w̄_{t+1} is one of its iterates, and the output is w̄_t
with probability proportional to p_t, t = 1..T.
"""

from fractions import Fraction

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict

L, L0, S, delta, epsilon, alpha, rho, m = sp.symbols("L L0 S delta epsilon alpha rho m", real=True)


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


# --- Corollary 1 ---------------------------------------------------------------------------------------------------------------

t, T = sp.symbols("t T", real=True)


def bound3(last, weights, products):
    """The right side of (11)."""
    return delta * last / (S * weights) + L * products / (2 * weights) + 2 * epsilon


def bound4(last, weights, products):
    """The right side of (13)."""
    return 2 * delta * last / (S * weights) + 2 * L0 * products / weights + 4 * epsilon


sizes = [S > 0, delta > 0, epsilon > 0, L > 0, L0 > 0, rho > 0]
harmonic = {"last": T / rho, "weights": T * (T + 1) / (2 * rho), "products": T}

COROLLARY1 = Claim(
    id="z-corollary1",
    source="Zhao et al. 2021, Corollary 1 and its proof",
    statement="for α_t = ρ/(t+1), p_t = 1/α_{t−1}: Σp_t = T(T+1)/(2ρ), Σα_{t−1}p_t = ρT over t = 1..T, and E‖∇F(w̄)‖ ≤ O(1/T + ε)",
    hypotheses="ρ > 0; Theorem 3 or 4",
    checks=[
        Implication(part="Σp_t: t = 1", given=[rho > 0], then=same(1 / (rho / 1), sp.Integer(1) * (1 + 1) / (2 * rho))),
        Implication(
            part="Σp_t: the step",
            given=[rho > 0, t >= 1, sp.Eq(P, t * (t + 1) / (2 * rho))],
            then=same(P + 1 / (rho / (t + 1)), (t + 1) * (t + 2) / (2 * rho)),
        ),
        Implication(part="Σα_{t−1}p_t: t = 1", given=[rho > 0, sp.Eq(alpha, rho), sp.Eq(p, 1 / alpha)], then=same(alpha * p, rho)),
        Implication(
            part="O(1/T + ε), Theorem 3, with the true sum",
            given=[*sizes, T >= 1],
            then=bound3(**harmonic) <= (2 * delta / S + L * rho) / T + 2 * epsilon,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="Σα_{t−1}p_t = T, for every ρ.  Theorem 3 gives (2δ/S + Lρ)/(T+1) + 2ε, Theorem 4 (4δ/S + 4L₀ρ)/(T+1) + 4ε; T ≥ 1/ε "
        "makes both O(ε)",
        checks=[
            Implication(
                part="Σα_{t−1}p_t: the step",
                given=[rho > 0, t >= 1, sp.Eq(A, t), sp.Eq(alpha, rho / (t + 1)), sp.Eq(p, 1 / alpha)],
                then=same(A + alpha * p, t + 1),
            ),
            Implication(part="p_t increases", given=[rho > 0, t >= 1], then=1 / (rho / t) < 1 / (rho / (t + 1))),
            Implication(
                part="Theorem 3", given=[*sizes, T >= 1], then=same(bound3(**harmonic), (2 * delta / S + L * rho) / (T + 1) + 2 * epsilon)
            ),
            Implication(
                part="Theorem 4",
                given=[*sizes, T >= 1],
                then=same(bound4(**harmonic), (4 * delta / S + 4 * L0 * rho) / (T + 1) + 4 * epsilon),
            ),
            Implication(
                part="T ≥ 1/ε",
                given=[*sizes, T >= 1 / epsilon],
                then=sp.And(
                    bound3(**harmonic) <= (2 * delta / S + L * rho + 2) * epsilon,
                    bound4(**harmonic) <= (4 * delta / S + 4 * L0 * rho + 4) * epsilon,
                ),
            ),
        ],
    ),
    reduction="All T by induction; the base of Σα_{t−1}p_t = T is α_0p_1 = 1.",
    remark="With ρT instead of T the order in T is the same, so the conclusion survives the slip.  Under Theorem 4, α_0 = ρ must satisfy "
    "ρL₁ ≤ ½.",
)

C = sp.Symbol("C", real=True)


def phi_slope(w):
    """The derivative of w²/(1 + w²), which is 2-smooth and lies in [0, 1) (s-phi)."""
    return 2 * w / (1 + w**2) ** 2


COROLLARY1_ORDER = Claim(
    id="z-corollary1-order",
    source="Zhao et al. 2021, Corollary 1, with §2.1 on O",
    statement="T = O(1/ε) suffices for E‖∇F(w̄)‖ = O(ε) in Corollary 1",
    hypotheses="O as defined in §2.1: y = O(x) means y ≤ cx for some c",
    checks=[
        Implication(
            part="T = 1, F = w²/(1 + w²), ρ = 2, w̃_0 = ρ/2, no noise: ‖∇F(w̄)‖ = F'(1) = ½ ≤ Cε at ε = 1/(4C + 1)",
            given=[C > 0, sp.Eq(epsilon, 1 / (4 * C + 1))],
            then=phi_slope(sp.Integer(1)) <= C * epsilon,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="T must be at least of the order 1/ε: T ≥ c/ε with c > 0.  T = 1 is O(1/ε), and then E‖∇F(w̄)‖ = ½ in the example "
        "whatever ε is",
        checks=[
            Implication(part="no C works", given=[C > 0, sp.Eq(epsilon, 1 / (4 * C + 1))], then=phi_slope(sp.Integer(1)) > C * epsilon),
            Implication(
                part="the iterates ±ρ/2 alternate: F'(ρ/2) > 0",
                given=[rho > 0],
                then=phi_slope(rho / 2) > 0,
            ),
            Implication(
                part="T ≥ c/ε suffices, Theorem 3",
                given=[*sizes, C > 0, T >= C / epsilon],
                then=bound3(**harmonic) <= ((2 * delta / S + L * rho) / C + 2) * epsilon,
            ),
        ],
    ),
    remark="O is used where Θ or Ω is meant; with exact gradients σ-boundedness holds for every σ, so b = 1 is allowed.",
)


# --- Corollary 2 ---------------------------------------------------------------------------------------------------------------

r, power, half = sp.symbols("ratio power half", real=True)
"""ratio = 1/(2ρ) > 1, power = ratioᵗ, half = 2^{−t}."""
geometric = [0 < rho, rho < sp.Rational(1, 2)]
true_sum = (power - 1) / (1 - 2 * rho)
printed_sum = (power - 1) / (2 * rho - 1)

COROLLARY2 = Claim(
    id="z-corollary2",
    source="Zhao et al. 2021, Corollary 2 and its proof",
    statement="for α_t = ρᵗ, p_t = (2ρ)^{−t}: Σp_t = ((2ρ)^{−T} − 1)/(2ρ − 1) and Σα_{t−1}p_t ≤ 1 over t = 1..T",
    hypotheses="0 < ρ < ½",
    checks=[
        Implication(part="Σp_t, T = 1", given=[*geometric, sp.Eq(power, 1 / (2 * rho))], then=same(power, printed_sum)),
        Implication(
            part="Σα_{t−1}p_t ≤ 1, T = 1: α_0 = 1, p_1 = 1/(2ρ)",
            given=[*geometric, sp.Eq(alpha, 1), sp.Eq(p, 1 / (2 * rho))],
            then=alpha * p <= 1,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="Σp_t = ((2ρ)^{−T} − 1)/(1 − 2ρ); Σα_{t−1}p_t = (1 − 2^{−T})/ρ > 1 for α_t = ρᵗ, and 1 − 2^{−T} < 1 for α_t = ρ^{t+1}, "
        "which is what the proof takes.  With either, S ≥ 1/ε and (2ρ)^T ≤ ε, that is T ≥ log(1/ε)/log(1/(2ρ)), give O(ε)",
        checks=[
            Implication(part="Σp_t: T = 1", given=[*geometric, sp.Eq(power, 1 / (2 * rho))], then=same(power, true_sum)),
            Implication(
                part="Σp_t: the step",
                given=[*geometric, power > 0, sp.Eq(P, true_sum)],
                then=same(P + power / (2 * rho), true_sum.subs(power, power / (2 * rho))),
            ),
            Implication(part="the printed sum is negative", given=[*geometric, power > 1], then=sp.And(printed_sum < 0, true_sum > 0)),
            Implication(
                part="α_t = ρᵗ: α_{t−1}p_t = 2^{−t}/ρ, its sum (1 − 2^{−t})/ρ: the step",
                given=[*geometric, half > 0, sp.Eq(A, (1 - half) / rho)],
                then=same(A + half / 2 / rho, (1 - half / 2) / rho),
            ),
            Implication(part="which is above 1", given=[*geometric, half > 0, half <= sp.Rational(1, 2)], then=(1 - half) / rho > 1),
            Implication(
                part="α_t = ρ^{t+1}: α_{t−1}p_t = 2^{−t}, its sum 1 − 2^{−t}: the step",
                given=[half > 0, half <= 1, sp.Eq(A, 1 - half)],
                then=sp.And(same(A + half / 2, 1 - half / 2), A + half / 2 < 1),
            ),
            Implication(
                part="Theorem 3, α_t = ρᵗ: (δ + L/(2ρ) + 2)ε",
                given=[*sizes, *geometric, power * 2 * rho >= 1, power * epsilon >= 1, S * epsilon >= 1, 0 <= A, A <= 1 / rho],
                then=bound3(power, true_sum, A) <= (delta + L / (2 * rho) + 2) * epsilon,
            ),
            Implication(
                part="Theorem 4, α_t = ρᵗ: (2δ + 2L₀/ρ + 4)ε",
                given=[*sizes, *geometric, power * 2 * rho >= 1, power * epsilon >= 1, S * epsilon >= 1, 0 <= A, A <= 1 / rho],
                then=bound4(power, true_sum, A) <= (2 * delta + 2 * L0 / rho + 4) * epsilon,
            ),
        ],
    ),
    reduction="All T by induction, power = (2ρ)^{−t}, half = 2^{−t}; (2ρ)^{−T} ≥ 1/(2ρ) since T ≥ 1.",
    remark="Statement and proof differ in α_t.  Under Theorem 4, α_0L₁ ≤ ½ means L₁ ≤ ½ for α_t = ρᵗ and ρL₁ ≤ ½ for α_t = ρ^{t+1}.",
)

COROLLARY2_ORDER = Claim(
    id="z-corollary2-order",
    source="Zhao et al. 2021, Corollary 2, with §2.1 on O",
    statement="T = O(log(1/ε)) and S = O(1/ε) suffice for E‖∇F(w̄)‖ = O(ε) in Corollary 2",
    hypotheses="O as defined in §2.1; 0 < ρ < ½",
    checks=[
        Implication(
            part="T = 1, F = w²/(1 + w²), α_0 = 1, w̃_0 = ½, no noise: ‖∇F(w̄)‖ = F'(½) = 16/25 ≤ Cε at ε = 1/(4C + 1)",
            given=[C > 0, sp.Eq(epsilon, 1 / (4 * C + 1))],
            then=phi_slope(sp.Rational(1, 2)) <= C * epsilon,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="lower bounds are meant, and the constant in T matters: T ≥ log(1/ε)/log(1/(2ρ)) and S ≥ 1/ε (z-corollary2)",
        checks=[
            Implication(
                part="no C works", given=[C > 0, epsilon > 0, epsilon < 1 / (2 * C)], then=phi_slope(sp.Rational(1, 2)) > C * epsilon
            ),
            Implication(
                part="p_T/Σp_t stays between 1 − 2ρ and 1, so the first term of (11) is at least δ(1 − 2ρ)/S: S must grow like 1/ε",
                given=[*geometric, power * 2 * rho >= 1],
                then=sp.And(power / true_sum >= 1 - 2 * rho, power / true_sum <= 1),
            ),
        ],
    ),
    remark="With T = c·log(1/ε) and c < 1/log(1/(2ρ)) the second term of (11) is of the order ε^{c·log(1/(2ρ))}, larger than ε.",
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
