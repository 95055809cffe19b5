"""Zhao et al. 2021 (stochastic normalized gradient descent), §2 and §3: one normalised step, Lemmas 1 and 2, Theorems 1 and 2.

The print does not let > and ≥ be told apart everywhere; F ≥ 0 and L, σ > 0 are assumed, which only makes the statements weaker.
"""

from fractions import Fraction
from itertools import combinations, product
from math import factorial

import sympy as sp
from flint import arb, ctx

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict

alpha, L, n, G, D, c, q, F, F1, epsilon = sp.symbols("alpha L n G D c q F F_next epsilon", real=True)
"""n = ‖g‖, G = ‖∇F(w)‖, D = ‖∇F(w) − g‖, c = ⟨∇F(w), g⟩, F = F(w), F_next = F(w⁺)."""


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


lengths = [n >= 0, G >= 0, D >= 0, sp.Eq(D**2, G**2 - 2 * c + n**2), c**2 <= G**2 * n**2]
"""Norms and inner product of two vectors: the Gram minor, and ‖∇F − g‖² expanded."""
nonzero = [n > 0, *lengths[1:]]
by_gram = "All dimensions: the lemma sees the two vectors only through n, G, D and c, with the Gram minor c² ≤ G²n² and D² = G² − 2c + n²."


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

BIAS = Claim(
    id="z-bias",
    source="Zhao et al. 2021, §3, before Algorithm 1",
    statement="E[g/‖g‖ | w] ≠ ∇F(w)",
    hypotheses="g an unbiased estimate of ∇F(w), g ≠ 0",
    checks=[Implication(part="P = 1, g = ∇F(w) without noise", given=[G > 0], then=sp.Ne(G, 1))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="equality is possible only where ‖∇F(w)‖ ≤ 1, since a mean of unit vectors is no longer than 1; in expectation the step "
        "may even go against −∇F(w)",
        checks=[
            Implication(
                part="‖E[g/‖g‖]‖ ≤ 1: the mean of two vectors of length at most 1",
                given=[0 <= q, q <= 1, 0 <= n, n <= 1, 0 <= G, G <= 1, c**2 <= G**2 * n**2],
                then=q**2 * n**2 + 2 * q * (1 - q) * c + (1 - q) ** 2 * G**2 <= 1,
            ),
            Exists(
                part="the wrong direction: g = −c with probability 2/3, g = n with 1/3",
                such_that=[c > 0, n > 0, -2 * c / 3 + n / 3 > 0, -sp.Rational(2, 3) + sp.Rational(1, 3) < 0],
            ),
        ],
    ),
    reduction="Means over more vectors by induction.",
    remark="The inequality is true for most w; as a statement about every w it is not: F = ½w² at w = 1.",
)

f_value, f_slope = sp.symbols("f slope", real=True)

ALGORITHM = Claim(
    id="z-algorithm1",
    source="Zhao et al. 2021, Algorithm 1, line 4",
    statement="g_t = (1/b) Σ_{a∈I_t} f(w_t; a) is a mini-batch gradient: E g_t = ∇F(w_t)",
    hypotheses="F = E f",
    checks=[Implication(part="P = 1, b = 1, f = F = ½w²", then=same(q**2 / 2, q))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="g_t = (1/b) Σ ∇f(w_t; a), as in (2), (3) and Algorithm 2",
        checks=[Implication(part="two samples, b = 1", then=same((g1 + g2) / 2, g1 / 2 + g2 / 2))],
    ),
    reduction="The correction for any b is linearity of the expectation.",
    remark="∇ is missing: the printed g_t is a number, and g_t/‖g_t‖ is ±1 for every P.",
)


def draws(n_samples: int, b: int, replacement: bool):
    return list(product(range(n_samples), repeat=b) if replacement else combinations(range(n_samples), b))


def variance_by_enumeration() -> Finding:
    """Scalar samples with symbolic values; every draw is listed."""
    for size, b in ((s, b) for s in (1, 2, 3, 4) for b in (1, 2, 3)):
        g = sp.symbols(f"g1:{size + 1}")
        centre = sum(g) / sp.Integer(size)
        single = sum((v - centre) ** 2 for v in g) / size
        for replacement in (True, False) if b <= size else (True,):
            listed = draws(size, b, replacement)
            found = sum((sum(g[i] for i in s) / sp.Integer(b) - centre) ** 2 for s in listed) / len(listed)
            factor = sp.Integer(1) if replacement or size == 1 else sp.Rational(size - b, size - 1)
            if sp.expand(found - factor * single / b) != 0:
                return Finding(False, {"n": size, "b": b, "replacement": replacement})
    return Finding(True)


def variance_by_covariances() -> Finding:
    """b variances and b(b − 1) covariances over b²: 0 for independent draws, −Var/(n − 1) without replacement."""
    for size in range(2, 30):
        for b in range(1, size + 1):
            covariance = Fraction(-1, size - 1)
            if (b + b * (b - 1) * covariance) / b**2 != Fraction(size - b, size - 1) / b:
                return Finding(False, {"n": size, "b": b})
    return Finding(True)


b, variance, size = sp.symbols("b V N", real=True)

BATCH_VARIANCE = Claim(
    id="z-batch-variance",
    source="Zhao et al. 2021, proof of Theorem 1",
    statement="E‖∇F − g‖² = E‖∇F − ∇f‖²/b for a mini-batch of b independent samples; with b samples drawn without replacement from n it is "
    "(n−b)/(n−1) times that, so ≤ holds either way",
    hypotheses="b ≥ 1 (b ≤ n without replacement)",
    checks=[
        Computation(methods={"enumeration": variance_by_enumeration, "covariances": variance_by_covariances}),
        Implication(
            part="≤ without replacement",
            given=[size >= 2, b >= 1, b <= size, variance >= 0],
            then=(size - b) / (size - 1) * variance / b <= variance / b,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate.  n ≤ 4 is listed; in general the covariance of two draws without replacement is "
    "−Var/(n−1), since all n deviations sum to 0.",
    remark="The paper writes = and “randomly choose b samples”.  Its proof needs only ≤.",
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

w0, w1, S, T, total, m, h, sigma, mean_error = sp.symbols("w0 w1 S T total m h sigma e", real=True)
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

p, x, y = sp.symbols("p x y", real=True)

JENSEN = Claim(
    id="z-jensen",
    source="Zhao et al. 2021, (8)",
    statement="(E x)² ≤ E x²",
    hypotheses="E x² finite",
    checks=[Implication(part="two values", given=[0 <= p, p <= 1], then=(p * x + (1 - p) * y) ** 2 <= p * x**2 + (1 - p) * y**2)],
    expected=Verdict.PROVED,
    reduction="More values by induction on their number: x stands for one value, y for the conditional mean of the others; in general E x² "
    "− (E x)² = E(x − E x)².",
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


# --- after Theorem 1 -----------------------------------------------------------------------------------------------------------

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


# --- Lemma 2 and Theorem 2 ----------------------------------------------------------------------------------------------------

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
