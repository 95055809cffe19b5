"""Lecture slides on stochastic gradient descent: error bound, smoothness, semi-smoothness, Kurdyka–Łojasiewicz."""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

beta, c, delta, epsilon, gamma, sigma = sp.symbols("beta c delta epsilon gamma sigma", real=True)
x, slope, n, F, G, after = sp.symbols("x g n F G F_next", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


descent = state_space(symbolic("gd"))
moved = (real(descent.A) * sp.Matrix([x]) + real(descent.B) * sp.Matrix([slope]))[0]
"""x_{k+1} of gradient descent with the gradient g, one coordinate, read off the definition."""


# --- error bound ------------------------------------------------------------------------------------------------------------------

s, xs, g, gs = sp.symbols("s x_star g_x g_star", real=True)
f, fs = g + sigma / 2 * x**2, gs + sigma / 2 * xs**2
chain = [
    (s + sigma * x) ** 2,
    s**2 + 2 * sigma * s * x + sigma**2 * x**2,
    s**2 + 2 * sigma * s * xs + 2 * sigma * (g - gs) + sigma**2 * x**2,
    s**2 + 2 * sigma * s * xs + sigma * xs**2 + 2 * sigma * (f - fs),
    (s + sigma * xs) ** 2 + 2 * sigma * (f - fs),
    2 * sigma * (f - fs),
]
"""The chain as printed, one dimension."""
strongly_convex = [sigma > 0, gs >= g + s * (xs - x), g >= gs - sigma * xs * (x - xs)]
"""The subgradient inequalities of g at x (slope s) and at x* (slope −σx*, as 0 ∈ ∂f(x*)); by interpolation no others bind."""
S, sx, sxs, X, Y, fx, fstar = sp.symbols("S s_x s_xs X Y f_x f_star", real=True)
gx, gstar = fx - sigma * X / 2, fstar - sigma * Y / 2
corrected = [
    S + 2 * sigma * sx + sigma**2 * X,
    S + 2 * sigma * sxs + 2 * sigma * (gx - gstar) + sigma**2 * X,
    S + 2 * sigma * sxs + sigma**2 * Y + 2 * sigma * (fx - fstar),
    2 * sigma * (fx - fstar),
]
"""The chain with σ²‖x*‖², any dimension: S = ‖s‖², X = ‖x‖², Y = ‖x*‖², s_x = ⟨s, x⟩, s_xs = ⟨s, x*⟩."""

STRONG = Claim(
    id="g-strong-error-bound",
    source="Slides, strongly convex functions satisfy the error bound",
    statement="‖s + σx‖² = ‖s‖² + 2σsᵀx + σ²‖x‖² ≥ ‖s‖² + 2σsᵀx* + 2σ(g(x) − g(x*)) + σ²‖x‖² = ‖s‖² + 2σsᵀx* + σ‖x*‖² + 2σ(f(x) − f(x*)) "
    "= ‖s + σx*‖² + 2σ(f(x) − f(x*)) ≥ 2σ(f(x) − f(x*)), so δ = 2σ",
    hypotheses="f σ-strongly convex, σ > 0, g = f − (σ/2)‖·‖², s ∈ ∂g(x), x* the minimiser",
    checks=[
        Implication(part="line 1", given=strongly_convex, then=same(chain[0], chain[1])),
        Implication(part="line 2", given=strongly_convex, then=chain[1] >= chain[2]),
        Implication(part="line 3", given=strongly_convex, then=same(chain[2], chain[3])),
        Implication(part="line 4", given=strongly_convex, then=same(chain[3], chain[4])),
        Implication(part="line 5", given=strongly_convex, then=sp.Ge(chain[4], chain[5], evaluate=False)),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the third line has σ²‖x*‖² for σ‖x*‖²; then every line holds, in any dimension, and δ = 2σ",
        checks=[
            Implication(part="line 2", given=[sigma > 0, gstar >= gx + sxs - sx], then=corrected[0] >= corrected[1]),
            Implication(part="line 3", given=[sigma > 0], then=same(corrected[1], corrected[2])),
            Implication(
                part="lines 4 and 5, where ‖s + σx*‖² = S + 2σ⟨s, x*⟩ + σ²Y ≥ 0",
                given=[sigma > 0, S + 2 * sigma * sxs + sigma**2 * Y >= 0],
                then=corrected[2] >= corrected[3],
            ),
            Implication(part="in one dimension: 2σ(f(x) − f*) ≤ ‖s + σx‖²", given=strongly_convex, then=chain[0] >= chain[5]),
        ],
    ),
    remark="A lost square: lines 3 and 4 need σ = 1 or x* = 0.  The conclusion is right.",
)

NO_SPURIOUS = Claim(
    id="g-no-spurious",
    source="Slides, implications of the error bound",
    statement="if δ(f(x) − f(x*)) ≤ ‖∇f(x)‖² in a ball around the solution x*, every critical point in the ball is a global minimum",
    hypotheses="δ > 0, x* a global minimiser",
    checks=[Implication(given=[delta > 0, F >= 0, delta * F <= G, sp.Eq(G, 0)], then=same(F, 0))],
    expected=Verdict.PROVED,
    reduction="F stands for f(x̄) − f(x*) ≥ 0, G for ‖∇f(x̄)‖².",
    remark="Saddles and local maxima are excluded as well.",
)

bound = 1 - gamma * delta * (1 - beta * gamma / 2)
smooth = [beta > 0, delta > 0, F >= 0, delta * F <= G]

LINEAR = Claim(
    id="g-linear-rate",
    source="Slides, convergence under smoothness and error bound",
    statement="f(x_{k+1}) − f* ≤ f(x_k) − f* − γ(1 − βγ/2)‖∇f‖² ≤ (1 − γδ(1 − βγ/2))(f(x_k) − f*), linear for γ ∈ [ε, 2/β − ε], ε > 0",
    hypotheses="f β-smooth, δ-error bound at the iterates, x_{k+1} = x_k − γ∇f(x_k)",
    checks=[
        Implication(
            part="the gradient step: ⟨∇f, x_{k+1} − x_k⟩ = −γ‖∇f‖², ‖x_{k+1} − x_k‖² = γ²‖∇f‖²",
            then=sp.And(same(slope * (moved - x), -gamma * slope**2), same((moved - x) ** 2, gamma**2 * slope**2)),
        ),
        Implication(
            part="first two equalities",
            given=[beta > 0],
            then=same(F - gamma * G + beta / 2 * gamma**2 * G, F - gamma * (1 - beta * gamma / 2) * G),
        ),
        Implication(
            part="last inequality, 0 ≤ γ ≤ 2/β",
            given=[*smooth, gamma >= 0, gamma <= 2 / beta],
            then=F - gamma * (1 - beta * gamma / 2) * G <= bound * F,
        ),
        Implication(
            part="γ ∈ [ε, 2/β − ε]: the factor is at most that of γ = ε, which is below 1",
            given=[beta > 0, delta > 0, epsilon > 0, gamma >= epsilon, gamma <= 2 / beta - epsilon],
            then=sp.And(bound <= bound.subs(gamma, epsilon), bound.subs(gamma, epsilon) < 1),
        ),
        Implication(
            part="and not negative, as δ ≤ 2β",
            given=[beta > 0, delta > 0, delta <= 2 * beta, gamma >= 0, gamma <= 2 / beta],
            then=bound >= 0,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All dimensions: G = ‖∇f(x_k)‖², F = f(x_k) − f*; the first inequality is β-smoothness.  δ ≤ 2β follows from "
    "‖∇f‖² ≤ 2β(f − f*).",
    remark="The last inequality needs γ ≤ 2/β, which the range gives.  The error bound is local: the iterates must stay where it holds.",
)


# --- semi-smoothness ----------------------------------------------------------------------------------------------------------------

root = sp.sqrt(F)
semismooth_lines = [
    F - gamma * n**2 + c * gamma * n * root + beta * gamma**2 / 2 * n**2,
    F - gamma * n**2 + c * gamma / sp.sqrt(delta) * n**2 + beta * gamma**2 / 2 * n**2,
    F - gamma * n**2 + beta * gamma**2 * n**2,
    F - gamma * (1 - beta * gamma) * n**2,
    (1 - c * gamma * (1 - beta * gamma)) * F,
]
"""The chain from its second line on, as printed, with n = ‖∇f(x_k)‖, F = f(x_k)."""
stepped = [beta > 0, delta > 0, gamma > 0, beta * gamma < 1, c >= 0]
small_c = c <= sp.sqrt(delta) * gamma * beta / 2
at_iterate = [F >= 0, n >= 0, delta * F <= n**2]
m = sp.Symbol("m", real=True)
right_factor = 1 - delta * gamma * (1 - beta * gamma)
quadratic_after = m / 2 * moved.subs(slope, m * x) ** 2

SEMISMOOTH = Claim(
    id="g-semismooth",
    source="Slides, error bound and semi-smoothness",
    statement="f(x_{k+1}) ≤ f − γ‖∇f‖² + cγ‖∇f‖√f + (βγ²/2)‖∇f‖² ≤ f − γ‖∇f‖² + (cγ/√δ)‖∇f‖² + (βγ²/2)‖∇f‖² ≤ f − γ‖∇f‖² + βγ²‖∇f‖² "
    "≤ f − γ(1 − βγ)‖∇f‖² ≤ (1 − cγ(1 − βγ))f at x_k, which shows linear convergence",
    hypotheses="(c, β)-semi-smooth, δ-error bound, f* = 0, c ≤ √δ·γβ/2, γ ∈ (0, 1/β)",
    checks=[
        Implication(
            part="gradient step: ⟨∇f, x_{k+1} − x_k⟩ = −γ‖∇f‖², ‖x_{k+1} − x_k‖² = γ²‖∇f‖²",
            then=sp.And(same(slope * (moved - x), -gamma * slope**2), same((moved - x) ** 2, gamma**2 * slope**2)),
        ),
        *(
            Implication(part=part, given=[*stepped, small_c, *at_iterate], then=semismooth_lines[i] >= semismooth_lines[i - 1])
            for i, part in enumerate(("line 3: error bound", "line 4: c small", "line 5", "line 6: error bound"), start=1)
        ),
        Implication(
            part="from end to end, on f = ½mx² with m ≤ β, where δ = 2m and c ≥ 0 is free",
            given=[m > 0, m <= beta, gamma > 0, beta * gamma < 1, c >= 0, c <= sp.sqrt(2 * m) * gamma * beta / 2, sp.Ne(x, 0)],
            then=quadratic_after <= (1 - c * gamma * (1 - beta * gamma)) * m / 2 * x**2,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the factor is 1 − δγ(1 − βγ), with the error-bound constant δ for c; it is below 1.  (With c as printed the factor is 1 "
        "in the smooth case c = 0.)",
        checks=[
            Implication(
                part="line 6",
                given=[*stepped, small_c, *at_iterate],
                then=sp.And(semismooth_lines[3] <= right_factor * F, right_factor < 1),
            ),
            Implication(
                part="as printed exactly when c ≤ δ, where n² = δF ≠ 0",
                given=[*stepped, F > 0, n >= 0, sp.Eq(n**2, delta * F)],
                then=sp.Equivalent(semismooth_lines[3] <= semismooth_lines[4], c <= delta),
            ),
            Implication(
                part="on f = ½mx²",
                given=[m > 0, m <= beta, gamma > 0, beta * gamma < 1],
                then=quadratic_after <= (1 - 2 * m * gamma * (1 - beta * gamma)) * m / 2 * x**2,
            ),
        ],
    ),
    reduction="All dimensions: only n = ‖∇f(x_k)‖ and F = f(x_k) enter; the first line is semi-smoothness at y = x_k.",
    remark="The radical covers δ alone (see g-semismooth-radical).  f = ½mx² satisfies semi-smoothness with every c ≥ 0 and β ≥ m, and "
    "‖∇f‖² = 2m·f.",
)

RADICAL = Claim(
    id="g-semismooth-radical",
    source="Slides, error bound and semi-smoothness, bound on c",
    statement="with c ≤ √(δγβ)/2, the radical read over the whole product, the fourth line holds",
    hypotheses="δ > 0, β > 0, γ ∈ (0, 1/β)",
    checks=[
        Implication(given=[*stepped, c <= sp.sqrt(delta * gamma * beta) / 2, *at_iterate], then=semismooth_lines[2] >= semismooth_lines[1]),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the radical covers δ alone: for n ≠ 0 the line holds exactly when c ≤ √δ·γβ/2",
        checks=[
            Implication(
                given=[*stepped, n > 0],
                then=sp.Equivalent(semismooth_lines[2] >= semismooth_lines[1], small_c),
            ),
        ],
    ),
    remark="The extracted text of the slide leaves the extent of the radical open.",
)

t, y1, y2, g1, g2, f1, f2, u, v = sp.symbols("t y1 y2 g1 g2 f1 f2 u v", real=True)


def kink(z):
    """(|z| − 1)²."""
    return (sp.Abs(z) - 1) ** 2


SEMISMOOTH_ZERO = Claim(
    id="g-semismooth-c0",
    source="Slides, semi-smoothness",
    statement="c = 0 gives smoothness",
    hypotheses="f(x) ≤ f(y) + f'(y)(x − y) + (β/2)(x − y)² for all x and all y where f' exists; here f = (|x| − 1)², β = 2",
    checks=[
        Implication(
            part="|f'(t) − f'(−t)| ≤ β·2t",
            given=[t > 0, sp.Eq(g1, 2 * (t - 1)), sp.Eq(g2, -2 * (t - 1))],
            then=sp.Abs(g1 - g2) <= 2 * 2 * t,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="c = 0 is the upper half of smoothness, the descent inequality, which is all that the chain uses; concave kinks remain "
        "possible.  For convex f it gives |f'(x) − f'(y)| ≤ β|x − y|",
        checks=[
            Implication(
                part="(|x| − 1)² satisfies the inequality with β = 2 at y = t > 0 (t < 0 by symmetry)",
                given=[t > 0],
                then=kink(x) <= kink(t) + 2 * (t - 1) * (x - t) + (x - t) ** 2,
            ),
            Implication(
                part="and its derivative jumps from 2 to −2 at 0: |f'(t) − f'(−t)| ≥ 3 for 0 < t ≤ 1/4",
                given=[t > 0, t <= sp.Rational(1, 4)],
                then=sp.Abs(2 * (t - 1) - -2 * (t - 1)) >= 3,
            ),
            Implication(
                part="convex: descent at y₁ and y₂, convexity from y₂ and y₁, at y₁ ∓ (g₁ − g₂)/β and y₂ ± (g₁ − g₂)/β",
                given=[
                    beta > 0,
                    u <= f1 - g1 * (g1 - g2) / beta + (g1 - g2) ** 2 / (2 * beta),
                    u >= f2 + g2 * (y1 - (g1 - g2) / beta - y2),
                    v <= f2 + g2 * (g1 - g2) / beta + (g1 - g2) ** 2 / (2 * beta),
                    v >= f1 + g1 * (y2 + (g1 - g2) / beta - y1),
                ],
                then=(g1 - g2) ** 2 <= beta * (g1 - g2) * (y1 - y2),
            ),
            Implication(
                part="… which is |g₁ − g₂| ≤ β|y₁ − y₂|",
                given=[beta > 0, (g1 - g2) ** 2 <= beta * (g1 - g2) * (y1 - y2)],
                then=(g1 - g2) ** 2 <= beta**2 * (y1 - y2) ** 2,
            ),
        ],
    ),
    remark="ReLU networks are the case: piecewise polynomials with kinks of both kinds.",
)

# --- Kurdyka–Łojasiewicz -----------------------------------------------------------------------------------------------------------

kappa, q, p, r, r_next = sp.symbols("kappa q p r r_next", real=True)

KL_RATES = Claim(
    id="g-kl-rates",
    source="Slides, Kurdyka–Łojasiewicz",
    statement="the exponent α = ½ gives the error bound; descent methods converge linearly for α ∈ (0, ½] and sublinearly for α ∈ (½, 1)",
    hypotheses="κ' (f − f*)^α ≤ ‖∇f‖ near x*, and a descent f_{k+1} ≤ f_k − a‖∇f(x_k)‖², a > 0",
    checks=[
        Implication(
            part="α = ½: κ√F ≤ ‖∇f‖ is the error bound with δ = κ²",
            given=[kappa > 0, F >= 0, n >= 0],
            then=sp.Equivalent(kappa * sp.sqrt(F) <= n, kappa**2 * F <= n**2),
        ),
        Implication(
            part="α ≤ ½, F ≤ 1: F⁺ ≤ F − κF^(2α) ≤ (1 − κ)F, with p = F^(2α), q = F^(1−2α) ≤ 1",
            given=[F > 0, p > 0, q > 0, q <= 1, sp.Eq(F, p * q), kappa > 0, after <= F - kappa * p],
            then=after <= (1 - kappa) * F,
        ),
        Implication(
            part="α = ¾: with r = √F, 1/r grows by at least κ/2 a step, so F = O(1/k²)",
            given=[kappa > 0, r > 0, r_next > 0, r_next**2 <= r**2 - kappa * r**3],
            then=1 / r_next >= 1 / r + kappa / 2,
        ),
        Implication(
            part="α = ⅔: with r = F^(1/3), 1/r grows by at least κ/3 a step, so F = O(1/k³)",
            given=[kappa > 0, r > 0, r_next > 0, r_next**3 <= r**3 - kappa * r**4],
            then=1 / r_next >= 1 / r + kappa / 3,
        ),
        Implication(
            part="not linear for α = ¾: f = x⁴ with GD, γ ≤ 1/24, |x| ≤ 1: the ratio of values is at least 1 − 16γx², which tends to 1",
            given=[gamma > 0, gamma <= sp.Rational(1, 24), x >= -1, x <= 1],
            then=moved.subs(slope, 4 * x**3) ** 4 >= (1 - 16 * gamma * x**2) * x**4,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="F = f(x_k) − f*, κ = aκ'².  Every α > ½ by hand: F⁺ ≤ F(1 − κF^(2α−1)) and Bernoulli, (1 − s)^(−m) ≥ 1 + ms with "
    "m = 2α − 1, give F⁺^(−m) ≥ F^(−m) + mκ, so F = O(k^(−1/(2α−1))).  The two exponents proved are m = ½ and m = ⅓.",
    remark="In continuous time: t2-kl-rate.  α = 0 gives finitely many steps.",
)
