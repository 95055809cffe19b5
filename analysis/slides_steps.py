"""Lecture slides on stochastic gradient descent: step-size rules, their sums, damping by the gradient norm, and the printed tables."""

from fractions import Fraction
from math import isqrt

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict

alpha, gamma, gamma0, epsilon, m, n, norm, larger = sp.symbols("alpha gamma gamma0 epsilon m n b b_larger", real=True)


# --- the sums ---------------------------------------------------------------------------------------------------------------

first, second = 1 / (1 + m), 1 / (1 + sp.sqrt(m))
"""The two rules over γ₀, with m = ⌈k/(KN)⌉."""
harmonic = [
    Implication(
        part="1/(n+1) + … + 1/(2n) does not decrease in n",
        given=[n >= 1],
        then=1 / (2 * n + 1) + 1 / (2 * n + 2) - 1 / (n + 1) >= 0,
    ),
    Implication(part="… and is ½ for n = 1, so Σ1/m = ∞", given=[sp.Eq(n, 1)], then=1 / (2 * n) >= sp.Rational(1, 2)),
]
S, Q, C = sp.symbols("S Q C", real=True)
refined = [
    Implication(
        part="γ_k ≤ ε from some k on: Σγ² ≤ C + εΣγ is kept",
        given=[epsilon > 0, gamma >= 0, gamma <= epsilon, Q <= C + epsilon * S],
        then=Q + gamma**2 <= C + epsilon * (S + gamma),
    ),
    Implication(
        part="so Σγ/Σγ² ≥ 1/(2ε) once Σγ ≥ C/ε",
        given=[epsilon > 0, C >= 0, Q > 0, Q <= C + epsilon * S, S >= C / epsilon],
        then=S / Q >= 1 / (2 * epsilon),
    ),
    Implication(
        part="both rules fall below every ε",
        given=[gamma0 > 0, epsilon > 0, m >= 1, sp.sqrt(m) > gamma0 / epsilon],
        then=sp.And(gamma0 * first <= gamma0 * second, gamma0 * second < epsilon),
    ),
]

SUMS = Claim(
    id="g-steps-sums",
    source="Slides, step-sizes",
    statement="γ₀/(1 + ⌈k/(KN)⌉) satisfies Σγ = ∞ and Σγ² < ∞, γ₀/(1 + √⌈k/(NK)⌉) satisfies the first but not the second; Σγ/Σγ² "
    "tends to ∞ for both",
    hypotheses="γ₀ > 0, K, N ≥ 1; the quotient is that of partial sums",
    checks=[
        Implication(part="first rule: (1 + m)⁻² ≤ 1/m − 1/(m + 1), so Σγ² < ∞", given=[m >= 1], then=first**2 <= 1 / m - 1 / (m + 1)),
        Implication(part="second rule: (1 + √m)⁻² ≥ 1/(4m), so Σγ² = ∞", given=[m >= 1], then=second**2 >= 1 / (4 * m)),
        Implication(part="both: at least 1/(2m), so Σγ = ∞", given=[m >= 1], then=sp.And(first >= 1 / (2 * m), second >= 1 / (2 * m))),
        *harmonic,
        *refined,
    ],
    expected=Verdict.PROVED,
    reduction="By hand: ⌈k/(KN)⌉ takes the value 0 once (k = 0) and every m ≥ 1 exactly KN times, so the sums are KN times those over m, "
    "up to one term; 1/m − 1/(m + 1) telescopes.",
)

A, B = sp.symbols("A B", real=True)

QUOTIENT = Claim(
    id="g-steps-quotient",
    source="Slides, step-sizes, refined condition",
    statement="(Σ_{k=0}^∞ γ_k)/(Σ_{k=0}^∞ γ_k²) = ∞, a quotient of two infinite sums, for all the rules above",
    hypotheses="Σγ = ∞; A = 1/Σγ and B = 1/Σγ², which are 0 when the sums are ∞",
    checks=[Implication(given=[sp.Eq(A, 0), B >= 0], then=sp.Eq(A / B, 0))],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="for the second rule both sums are infinite; what holds, and is meant, is that the quotient of partial sums tends to ∞",
        checks=refined,
    ),
)


# --- damping by the gradient norm -----------------------------------------------------------------------------------------------

damped = gamma0 / (alpha * norm + 1)
positive = [gamma0 > 0, alpha > 0, norm >= 0]

DAMPED = Claim(
    id="g-damped",
    source="Slides, large gradients",
    statement="γ₀/(α‖∇̃f‖ + 1) is small for large ‖∇̃f‖ and approximately γ₀ for small ‖∇̃f‖",
    hypotheses="γ₀, α > 0",
    checks=[
        Implication(part="limit 0 at ∞", given=[*positive, epsilon > 0, norm > gamma0 / (alpha * epsilon)], then=damped < epsilon),
        Implication(
            part="limit γ₀ at 0",
            given=[*positive, epsilon > 0, norm < epsilon / (alpha * gamma0)],
            then=sp.And(damped <= gamma0, gamma0 - damped < epsilon),
        ),
        Implication(part="decreasing", given=[*positive, larger > norm], then=gamma0 / (alpha * larger + 1) < damped),
        Implication(part="the step-length γ‖∇̃f‖ stays below γ₀/α", given=positive, then=damped * norm < gamma0 / alpha),
    ],
    expected=Verdict.PROVED,
)


def ceiling(a: int, b: int) -> int:
    return -(-a // b)


def combined_matches(in_epochs: bool) -> Finding:
    for count in range(1, 5):
        for period in range(1, 5):
            for k in range(0, 40):
                printed = ceiling(k, period * (count if in_epochs else 1))
                if printed != ceiling(k, period * count):
                    return Finding(False, {"N": count, "K": period, "k": k, "⌈k/K⌉": printed, "⌈k/(KN)⌉": ceiling(k, period * count)})
    return Finding(True)


def combined_counts(in_epochs: bool) -> Finding:
    """A value of the argument of ψ must last for K epochs, K·N iterations."""
    for count in range(1, 5):
        for period in range(1, 5):
            values = [sp.ceiling(sp.Rational(k, period * (count if in_epochs else 1))) for k in range(1, 2 * period * count + 1)]
            if values.count(1) != period * count:
                return Finding(False, {"N": count, "K": period, "iterations with the value 1": values.count(1)})
    return Finding(True)


def of_combined(in_epochs: bool) -> dict:
    return {"values": lambda: combined_matches(in_epochs), "durations": lambda: combined_counts(in_epochs)}


psi = sp.Symbol("psi", real=True)
combined = gamma0 / ((1 + psi) * (alpha * norm + 1))

COMBINED = Claim(
    id="g-combined-rule",
    source="Slides, combined step-size rule",
    statement="γ₀/((1 + ψ(⌈k/K⌉))(α‖∇̃f‖ + 1)) combines the two previous rules: the argument of ψ increases by one every K epochs",
    hypotheses="k counts iterations, N of them an epoch, as in the previous rules",
    checks=[Computation(part="⌈k/K⌉ = ⌈k/(KN)⌉", methods=of_combined(False))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the argument must be ⌈k/(KN)⌉ (or k must count epochs); then the rule is small for large gradients and tends to "
        "γ₀/(1 + ψ) for small ones",
        checks=[
            Computation(part="⌈k/(KN)⌉", methods=of_combined(True)),
            Implication(
                part="limit 0 at ∞",
                given=[*positive, psi >= 0, epsilon > 0, norm > gamma0 / (alpha * epsilon)],
                then=combined < epsilon,
            ),
            Implication(
                part="limit γ₀/(1 + ψ) at 0",
                given=[*positive, psi >= 0, epsilon > 0, norm < epsilon / (alpha * gamma0)],
                then=sp.And(combined <= gamma0 / (1 + psi), gamma0 / (1 + psi) - combined < epsilon),
            ),
        ],
    ),
    remark="The tables that follow are indexed by epochs, so only the second reading (k an epoch) is tested there (g-table).",
)


# --- the tables -------------------------------------------------------------------------------------------------------------------


def digits(text: str) -> tuple[Fraction, Fraction]:
    """The numbers that round to the printed one: half a unit of the last printed digit to either side; ``0`` is exact.

    >>> digits("4.8e-8")
    (Fraction(19, 400000000), Fraction(97, 2000000000))
    """
    if text == "0":
        return Fraction(0), Fraction(0)
    mantissa, _, power = text.partition("e")
    unit = Fraction(10) ** (int(power or 0) - len(mantissa.partition(".")[2]))
    value = Fraction(text)
    return value - unit / 2, value + unit / 2


DECAYING = {
    0: ("4.8e-8", "2.1e7"), 10: ("1.4e-5", "7.2e4"), 50: ("0.097", "0.31"), 100: ("0.016", "0.28"), 200: ("0.012", "6.8e-5"),
    300: ("0.01", "0.33"), 500: ("0.008", "0"), 700: ("0.007", "1.2e-6"), 1000: ("0.006", "3.1e-6"),
}  # fmt: skip
"""First table: epoch, step-size, batch norm; ψ(x) = 0.5√x, K = 50, α = γ₀ = 0.1."""
UNDAMPED = {1: ("0.1", "1.2e6")}
"""Second table: the same with α = 0; the other rows are NaN."""
CONSTANT = {
    0: ("1.4e-7", "7.0e6"), 10: ("0.004", "257"), 50: ("0.10", "6.2e-10"), 100: ("0.087", "1.5"), 200: ("0.089", "1.2"),
    300: ("0.1", "2.0e-12"), 500: ("0.1", "5.1e-12"), 700: ("0.1", "2.4e-13"), 1000: ("0.087", "1.5"),
}  # fmt: skip
"""Third table: ψ ≡ 0, α = γ₀ = 0.1."""
TENTH = Fraction(1, 10)


def as_printed(epoch: int) -> Fraction:
    """x of ψ(x) = 0.5√x: ⌈k/K⌉, k the epoch."""
    return Fraction(ceiling(epoch, 50))


def as_tabulated(epoch: int) -> Fraction:
    """x of ψ(x) = 0.5√x that the tables show: 0 in the first 50 epochs, then the epoch itself."""
    return Fraction(0 if epoch <= 50 else epoch)


def off(epoch: int) -> Fraction:
    return Fraction(0)


def by_root_bounds(damping: Fraction, x: Fraction, step: str, batch: str) -> bool:
    """Whether the rule's interval, √x enclosed in 40 digits, meets the printed one."""
    scale = 10**40
    floor = isqrt(int(x) * scale**2)
    roots = (Fraction(floor, scale), Fraction(floor + (floor**2 != int(x) * scale**2), scale))
    low, high = (TENTH / ((1 + root / 2) * (damping * b + 1)) for root, b in zip(reversed(roots), reversed(digits(batch)), strict=True))
    return low <= digits(step)[1] and digits(step)[0] <= high


def by_squaring(damping: Fraction, x: Fraction, step: str, batch: str) -> bool:
    """The same without roots: the rule is at least s exactly when y = γ₀/(s(αb + 1)) − 1 ≥ ½√x, that is y ≥ 0 and 4y² ≥ x."""

    def at_least(s: Fraction, b: Fraction) -> bool:
        y = TENTH / (s * (damping * b + 1)) - 1
        return y >= 0 and 4 * y * y >= x

    def at_most(s: Fraction, b: Fraction) -> bool:
        y = TENTH / (s * (damping * b + 1)) - 1
        return y <= 0 or 4 * y * y <= x

    (smallest, largest), (low, high) = digits(batch), digits(step)
    return at_least(low, smallest) and at_most(high, largest)


def table(rows: dict, rule, damping: Fraction, agrees) -> Finding:
    for epoch, (step, batch) in rows.items():
        if not agrees(damping, rule(epoch), step, batch):
            value = float(TENTH) / ((1 + float(rule(epoch)) ** 0.5 / 2) * (float(damping) * float(batch) + 1))
            return Finding(False, {"epoch": epoch, "batch norm": batch, "printed step": step, "step of the rule": f"{value:.2g}"})
    return Finding(True)


def tabulated(part: str, rows: dict, rule, damping: Fraction) -> Computation:
    return Computation(
        part=part,
        methods={
            "rational enclosures": lambda: table(rows, rule, damping, by_root_bounds),
            "squares": lambda: table(rows, rule, damping, by_squaring),
        },
    )


ten = [sp.Rational(v.numerator, v.denominator) for pair in map(digits, DECAYING[10]) for v in pair]

TABLE = Claim(
    id="g-table",
    source="Slides, step-size rules and convergence, three tables",
    statement="the tabulated step-sizes are γ₀/((1 + ψ(⌈k/K⌉))(α·batch norm + 1)): ψ(x) = 0.5√x, K = 50, α = γ₀ = 0.1; the same with "
    "α = 0; and ψ ≡ 0, α = γ₀ = 0.1",
    hypotheses="k the epoch; every printed number stands for the interval that rounds to it",
    checks=[
        tabulated("first table", DECAYING, as_printed, TENTH),
        tabulated("second table (α = 0)", UNDAMPED, as_printed, Fraction(0)),
        tabulated("third table (ψ ≡ 0)", CONSTANT, off, TENTH),
        Implication(
            part="first table, epoch 10, any ⌈·⌉ ≥ 1: the step lies in the printed interval",
            given=[m >= 1, norm >= ten[2], norm <= ten[3]],
            then=sp.Rational(1, 10) / ((1 + sp.sqrt(m) / 2) * (norm / 10 + 1)) >= ten[0],
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="all rows of the first two tables follow γ₀/((1 + ψ)(α·batch norm + 1)) with ψ = 0 up to epoch 50 and ψ = 0.5√epoch "
        "afterwards: the decay starts after K epochs, and its argument is the epoch, not ⌈epoch/K⌉.  The third table is as printed",
        checks=[
            tabulated("first table", DECAYING, as_tabulated, TENTH),
            tabulated("second table (α = 0)", UNDAMPED, as_tabulated, Fraction(0)),
            tabulated("third table (ψ ≡ 0)", CONSTANT, off, TENTH),
            Exists(
                part="first table, epoch 10, ψ = 0",
                such_that=[
                    norm >= ten[2],
                    norm <= ten[3],
                    sp.Rational(1, 10) / (norm / 10 + 1) >= ten[0],
                    sp.Rational(1, 10) / (norm / 10 + 1) <= ten[1],
                ],
            ),
            Implication(
                part="first table, epoch 10: no ⌈·⌉ ≥ 1 fits, whatever unit k has",
                given=[m >= 1, norm >= ten[2], norm <= ten[3]],
                then=sp.Rational(1, 10) / ((1 + sp.sqrt(m) / 2) * (norm / 10 + 1)) < ten[0],
            ),
        ],
    ),
    remark="Only the first row of the first table follows the printed rule; the others differ by factors from 1.5 to 5.2.  The corrected "
    "reading is inferred from the numbers; where between epochs 50 and 100 the decay starts they do not tell.",
)
