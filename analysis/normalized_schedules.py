"""Zhao et al. 2021 (stochastic normalized gradient descent), §4: Corollaries 1 and 2, the two explicit schedules of the stages."""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict

L, L0, S, delta, epsilon, alpha, rho = sp.symbols("L L0 S delta epsilon alpha rho", real=True)
P, A, p = sp.symbols("P A p", real=True)
"""Sums over the stages t = 1..T: P of p_t, A of α_{t−1}p_t."""


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


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

power, half = sp.symbols("power half", real=True)
"""power = (2ρ)^{−t}, half = 2^{−t}."""
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
