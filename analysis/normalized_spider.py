"""Zhao et al. 2021 (stochastic normalized gradient descent), §2.2 and §5: the mixed step (5) and SPIDER-SFO (Algorithm 3)."""

from fractions import Fraction

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict

alpha, beta, n, L, b, m, M, epsilon = sp.symbols("alpha beta n L b m M epsilon", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- the mixed step ----------------------------------------------------------------------------------------------------------

mixed = sp.Min(alpha / n, beta)
"""η_t of (5), n = ‖g_t‖."""
two_cases = sp.And(sp.Implies(n > alpha / beta, sp.Eq(mixed, alpha / n)), sp.Implies(n <= alpha / beta, sp.Eq(mixed, beta)))

MIXTURE = Claim(
    id="z-mixture",
    source="Zhao et al. 2021, (5)",
    statement="w⁺ = w − ηg with η = min{α/‖g‖, β} is the normalised step for ‖g‖ > α/β and the step βg otherwise",
    hypotheses="α, β > 0, any g",
    checks=[Implication(given=[alpha > 0, beta > 0, n >= 0], then=two_cases)],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="for g ≠ 0; for g = 0 the case distinction of Algorithm 3, which divides by ‖g‖ only where ‖g‖ > α/β, is meant",
        checks=[Implication(given=[alpha > 0, beta > 0, n > 0], then=two_cases)],
    ),
)

SPIDER_STEP = Claim(
    id="z-spider-step",
    source="Zhao et al. 2021, §5",
    statement="SPIDER-SFO keeps ‖w_{t,m} − w_{t,m−1}‖ ≤ α",
    hypotheses="α, β > 0; Algorithm 3",
    checks=[
        Implication(part="‖μ‖ ≤ α/β: the step βμ", given=[alpha > 0, beta > 0, n >= 0, n <= alpha / beta], then=beta * n <= alpha),
        Implication(
            part="‖μ‖ > α/β: the step αμ/‖μ‖", given=[alpha > 0, beta > 0, n > alpha / beta], then=same((alpha / n) ** 2 * n**2, alpha**2)
        ),
        Implication(part="the division is allowed", given=[alpha > 0, beta > 0, n > alpha / beta], then=n > 0),
    ],
    expected=Verdict.PROVED,
    remark="For m = 1 the two points are the same.  The output line lists w_{t,m} for t = 0..T, but stage T is never run.",
)


# --- the error of the recursive estimate -----------------------------------------------------------------------------------------

before, after, spread, moved, added = sp.symbols("e_before e_after spread r k", real=True)
"""E‖μ − ∇F‖² − σ²/B before and after a step; E‖∇f(w_m; a) − ∇f(w_{m−1}; a)‖²; ‖w_m − w_{m−1}‖."""
lipschitz = spread <= L**2 * moved**2


def bump(w):
    """The derivative of 1/(1 + w²)."""
    return -2 * w / (1 + w**2) ** 2


CASE = {
    "w": Fraction(1, 100),
    "alpha": Fraction(1, 4),
    "L": Fraction(1, 2),
    "B": 1000,
    "b": 1,
    "M": 2,
    "beta": 100,
    "variance": Fraction(27, 256),
}
"""1000 samples, f(·; a) = 1/(1 + w²) for half of them and 0 for the others; the first batch is all of them."""


def allowed() -> Fraction:
    """The right side of (15) in the example."""
    return CASE["M"] * CASE["alpha"] ** 2 * CASE["L"] ** 2 / CASE["b"] + CASE["variance"] / CASE["B"]


def error_by_running() -> Finding:
    """Algorithm 3 with m = 1, 2, both draws of the sample of m = 2, in rational arithmetic."""
    samples = (bump, lambda w: Fraction(0))

    def full(w):
        return sum(f(w) for f in samples) / 2

    w0 = w1 = CASE["w"]
    mu1 = full(w0)
    length = abs(mu1)
    step = CASE["alpha"] * mu1 / length if length > CASE["alpha"] / CASE["beta"] else CASE["beta"] * mu1
    w2 = w1 - step
    errors = [(f(w2) - f(w1) + mu1 - full(w2)) ** 2 for f in samples]
    found = sum(errors) / len(errors)
    return Finding(found > allowed(), {"E‖μ − ∇F‖²": str(found)}, f"{float(found):.5f} against {float(allowed()):.5f}")


def error_by_formula() -> Finding:
    """Half of the samples move by d = f'(w + α) − f'(w), the others by 0: the variance is d²/4."""
    w, step = sp.Rational(1, 100), sp.Rational(1, 4)
    x = sp.Symbol("x")
    slope = sp.diff(1 / (1 + x**2), x)
    d = slope.subs(x, w + step) - slope.subs(x, w)
    right = 2 * step**2 * sp.Rational(1, 2) ** 2 + sp.Rational(27, 256) / 1000
    return Finding(bool(d**2 / 4 > right))


w0, w1 = sp.symbols("w0 w1", real=True)

SPIDER_VARIANCE = Claim(
    id="z-spider-variance",
    source="Zhao et al. 2021, (15)",
    statement="E‖μ_{t,m} − ∇F(w_{t,m})‖² ≤ Mα²L²/b + σ²/B for 1 ≤ m ≤ M",
    hypotheses="every f(·; a) L-smooth in the sense of Definition 1, E‖∇f − ∇F‖² ≤ σ², independent samples",
    checks=[
        Implication(
            part="one step adds at most α²L²/b",
            given=[alpha > 0, L > 0, b >= 1, 0 <= moved, moved <= alpha, spread >= 0],
            then=spread / b <= alpha**2 * L**2 / b,
        ),
        Implication(
            part="m ≤ M − 1 such steps, k the addition: the error above σ²/B is at most Mk",
            given=[added >= 0, m >= 1, m <= M - 1, before <= (m - 1) * added, after <= before + added],
            then=sp.And(after <= m * added, after <= M * added),
        ),
    ],
    expected=Verdict.CONDITIONAL,
    extra=lipschitz,
    correction=Correction(
        statement="if ‖∇f(u; a) − ∇f(v; a)‖ ≤ L‖u − v‖ for every a, even (M − 1)α²L²/b + σ²/B",
        checks=[
            Implication(
                part="one step",
                given=[L > 0, b >= 1, 0 <= moved, moved <= alpha, lipschitz],
                then=spread / b <= alpha**2 * L**2 / b,
            ),
            Implication(
                part="m − 1 ≤ M − 1 steps",
                given=[added >= 0, m >= 1, m <= M, before <= (m - 1) * added],
                then=before <= (M - 1) * added,
            ),
        ],
    ),
    needed=[
        Implication(
            part="1/(1 + w²) satisfies Definition 1 with L = ½",
            then=1 / (1 + w1**2) <= 1 / (1 + w0**2) + bump(w0) * (w1 - w0) + (w1 - w0) ** 2 / 4,
        ),
        Implication(part="σ² = 27/256 serves for the samples 1/(1 + w²) and 0", then=(bump(w0) / 2) ** 2 <= sp.Rational(27, 256)),
        Computation(part="there m = 2 breaks (15)", methods={"Algorithm 3, run": error_by_running, "closed form": error_by_formula}),
    ],
    reduction="Given the past, μ_m − ∇F(w_m) is μ_{m−1} − ∇F(w_{m−1}) plus a mean of b independent terms with mean 0 and second moment at "
    "most spread; the cross term vanishes.  For m = 1, w_1 = w_0 and the error is that of the first batch, at most σ²/B "
    "(z-batch-variance).",
    remark="The extra hypothesis is that the gradients are L-Lipschitz, in mean square at least, the usual meaning of L-smooth; Definition "
    "1 bounds the curvature from above only (z-smooth-backward).  With it M − 1 may stand for M.  The free witness only shows that the "
    "step does not follow; the example in the checks of necessity is a run of Algorithm 3: 1000 samples, all in the first batch, b = 1, M "
    "= 2, α = ¼, β = 100, w̃ = 1/100.",
)

c1, c2, start = sp.symbols("c1 c2 w", real=True)

SPIDER_UNBIASED = Claim(
    id="z-spider-unbiased",
    source="Zhao et al. 2021, §5, before (15)",
    statement="E[μ_{t,m} | w_{t,m}] = ∇F(w_{t,m})",
    hypotheses="Algorithm 3",
    checks=[
        Implication(
            part="f(·; i) = ½(w − c_i)², i = 1, 2, B = b = 1, m = 2: w_2 = w̃ − α tells that c_1 was drawn first",
            given=[alpha > 0, c1 < start, start < c2],
            then=same(-alpha + (start - c1), (start - alpha) - (c1 + c2) / 2),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="E μ_{t,m} = E∇F(w_{t,m}) without the condition; given the past, the error of μ_{t,m−1} stays in μ_{t,m}",
        checks=[
            Implication(
                part="the example: both first draws",
                given=[alpha > 0, c1 < start, start < c2],
                then=same(
                    ((-alpha + (start - c1)) + (alpha + (start - c2))) / 2,
                    ((start - alpha) - (c1 + c2) / 2 + (start + alpha) - (c1 + c2) / 2) / 2,
                ),
            ),
        ],
    ),
    reduction="The correction for every m: E(μ_m − ∇F(w_m)) = E(μ_{m−1} − ∇F(w_{m−1})) = … = 0.  With ‖μ‖ > α/β (β large) the first moving "
    "step is −α·sign(w̃ − c_i); μ_2 = ∇f(w_2) − ∇f(w_1) + μ_1 = (w_2 − w_1) + (w̃ − c_i).",
    remark="For m = 1 it is true.  (15) does not need it: the cross term vanishes given the past.",
)

size, batch, epochs, stages, k = sp.symbols("B b M T k", real=True)

SPIDER_COST = Claim(
    id="z-spider-cost",
    source="Zhao et al. 2021, §5",
    statement="B = O(1/ε²), b, M, T = O(1/ε) make O(1/ε³) gradients, and with α = O(ε/L), M = Θ(b) the bound (15) is O(α² + 1/B) = O(ε²)",
    hypotheses="constants k > 0 for the first four; M ≤ kb, B ≥ 1/(kε²) and αL ≤ kε for the last",
    checks=[
        Implication(
            part="T(B + 2bM) gradients",
            given=[
                k > 0,
                0 < epsilon,
                0 <= size,
                size <= k / epsilon**2,
                0 <= batch,
                batch <= k / epsilon,
                0 <= epochs,
                epochs <= k / epsilon,
                0 <= stages,
                stages <= k / epsilon,
            ],
            then=stages * (size + 2 * batch * epochs) <= k**2 * (1 + 2 * k) / epsilon**3,
        ),
        Implication(
            part="(15)",
            given=[
                k > 0,
                0 < epsilon,
                batch > 0,
                0 <= epochs,
                epochs <= k * batch,
                size >= 1 / (k * epsilon**2),
                0 <= moved,
                moved <= k * epsilon,
            ],
            then=epochs * moved**2 / batch + spread**2 / size <= (k**3 + k * spread**2) * epsilon**2,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="moved stands for αL, spread for σ; a step m ≥ 2 costs 2b gradients (two points), the restart B.",
    remark="Only the arithmetic; that these constants reach ‖∇F‖ ≤ ε is the cited paper's theorem.",
)
