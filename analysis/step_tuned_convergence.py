"""Castera et al. 2021b (Step-Tuned SGD) and Chapter 4 of the thesis: the convergence proof, inequality by inequality.

Numbers such as (44) are the article's, (4.41) the thesis's.  η_k = αγ_k(k+1)^{−1/2−δ} is the step, C₂ the bound of ‖∇J_B‖ on the
compact set that holds the iterates, L the Lipschitz constant of the gradients there.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict

L, C2, alpha, eta, low, high, gamma, nu = sp.symbols("L C2 alpha eta m M gamma nu", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- the range of the steps ---------------------------------------------------------------------------------------------------

clipped = sp.Min(sp.Max(gamma, low), high)
"""Line 17 of Algorithm 2."""
start = sp.Integer(1)
"""γ₀, which line 17 does not touch."""
unit_inside = sp.And(low <= 1, 1 <= high)

RANGE = Claim(
    id="s-range",
    source="Castera et al. 2021b, Algorithm 2, §3.3.3 and after (44); thesis Algorithm 3, §4.3.3 and after (4.41)",
    statement="γ_k is in [m̃, M̃], and so η_k in [αm̃, αM̃]·(k+1)^{−1/2−δ}, for every k ≥ 0",
    hypotheses="m̃ > 0, M̃ > 0, γ₀ = 1",
    checks=[
        Implication(part="k = 0", given=[low > 0, high > 0], then=sp.And(low <= start, start <= high)),
        Implication(part="k ≥ 1, after the clip", given=[low > 0, high > 0], then=sp.And(low <= clipped, clipped <= high)),
    ],
    expected=Verdict.CONDITIONAL,
    extra=unit_inside,
    needed=[
        Implication(part="without it γ₀ is outside", given=[low > 0, high > 0, sp.Not(unit_inside)], then=sp.Or(start < low, start > high))
    ],
    correction=Correction(
        statement="for k ≥ 1 it holds when m̃ ≤ M̃ (else γ_k = M̃ < m̃); for k = 0 exactly when m̃ ≤ 1 ≤ M̃, as with the defaults",
        checks=[
            Implication(part="m̃ ≤ M̃", given=[low > 0, low <= high], then=sp.And(low <= clipped, clipped <= high)),
            Implication(part="m̃ > M̃", given=[high > 0, low > high], then=sp.Eq(clipped, high)),
        ],
    ),
    remark="(45) and (48) are used for every k ≥ 0, so they inherit the hypothesis; for the theorem it does no harm, since k = 0 is one "
    "term.  The proof assumes M̃ ≥ ν (thesis: M̃ > ν, which the defaults ν = M̃ = 2 violate) instead: line 17 comes after ν, so that is "
    "not needed.",
)


# --- the conditional descent inequality ---------------------------------------------------------------------------------------

n, N, d, D, u, v, x = sp.symbols("n N d D u v x", real=True)

SQUARE = Claim(
    id="s-square",
    source="Castera et al. 2021b, (33); thesis (4.30)",
    statement="‖∇J_B‖² ≤ C₂ on the set where ‖∇J_B‖ ≤ C₂",
    hypotheses="C₂ > 0 as in (27): ‖∇J_B‖ ≤ C₂",
    checks=[Implication(given=[C2 > 0, n >= 0, n <= C2], then=n**2 <= C2)],
    expected=Verdict.CONDITIONAL,
    extra=C2 <= 1,
    needed=[Implication(part="every C₂ > 1 is a counterexample when it is attained", given=[C2 > 1, sp.Eq(n, C2)], then=n**2 > C2)],
    correction=Correction(
        statement="‖∇J_B‖² ≤ C₂², for every C₂",
        checks=[Implication(given=[C2 > 0, n >= 0, n <= C2], then=n**2 <= C2**2)],
    ),
    remark="(27) bounds the norm; (33) reads it as a bound of the square.  The slip goes into (34), (44), (45), (49) and (50): see "
    "s-descent.",
)

CROSS = Claim(
    id="s-cross",
    source="Castera et al. 2021b, (38)–(42); thesis (4.35)–(4.39)",
    statement="−⟨∇J(θ_{k+½}), ∇J_B(θ_{k+½})⟩ ≤ 2LC₂²η_k − ⟨∇J(θ_k), ∇J_B(θ_k)⟩",
    hypotheses="‖∇J‖, ‖∇J_B‖ ≤ C₂, both L-Lipschitz, θ_{k+½} = θ_k − η_k∇J_B(θ_k)",
    checks=[
        Implication(
            part="⟨∇J(θ_{k+½}), ∇J_B(θ_{k+½}) − ∇J_B(θ_k)⟩ ≥ −LC₂²η",
            given=[x >= 0, n >= 0, n <= C2, N >= 0, N <= C2, d >= 0, d <= x * n, u**2 <= N**2 * d**2],
            then=u >= -x * C2**2,
        ),
        Implication(
            part="⟨∇J(θ_{k+½}) − ∇J(θ_k), ∇J_B(θ_k)⟩ ≥ −LC₂²η",
            given=[x >= 0, n >= 0, n <= C2, D >= 0, D <= x * n, v**2 <= D**2 * n**2],
            then=v >= -x * C2**2,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: x = Lη, n = ‖∇J_B(θ_k)‖, N = ‖∇J(θ_{k+½})‖, d and D the norms of the differences, u and v the inner products, with "
    "their Gram minors.  The left side is −u − v − ⟨∇J(θ_k), ∇J_B(θ_k)⟩ identically.",
)

theta, value, half, after, a, q, n1, n2, squared, kappa = sp.symbols("theta J J_half J_next a q n1 n2 G kappa", real=True)


def parabola(point):
    """½Lθ²: N = 1, P = 1, every mini-batch is the whole."""
    return L * point**2 / 2


two_steps = (1 - L * eta) ** 2 * theta
"""θ_{k+1}: both half-steps shrink θ by 1 − Lη."""
on_parabola = [L > 0, theta > 0, eta > 0, L * eta <= 1]
"""The iterates stay in [0, θ_k], where C₂ = Lθ_k is the best constant and ∇J is L-Lipschitz."""
slope = L * theta


def bound(constant):
    """The right side of (44) with ``constant`` for C₂ + 2C₂², on the parabola."""
    return parabola(theta) - 2 * eta * slope**2 + eta**2 * L * constant


growth = 1 - 1 / C2

DESCENT = Claim(
    id="s-descent",
    source="Castera et al. 2021b, (44) and (45); thesis (4.41) and (4.42)",
    statement="E[J(θ_{k+1}) | B_0, …, B_{k−1}] ≤ J(θ_k) − 2η_k‖∇J(θ_k)‖² + η_k²L(C₂ + 2C₂²), and so with η_k replaced by αm̃(k+1)^{−1/2−δ} "
    "in the second and αM̃(k+1)^{−1/2−δ} in the third term",
    hypotheses="J_n twice continuously differentiable, iterates in a compact convex set on which all ∇J_n are L-Lipschitz and ‖∇J_B‖ ≤ C₂",
    checks=[
        Implication(
            part="N = 1, J = ½Lθ², iterates in [0, θ_k], C₂ = Lθ_k",
            given=[*on_parabola, sp.Eq(C2, slope)],
            then=parabola(two_steps) <= bound(C2 + 2 * C2**2),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the constant is 3C₂² (of which C₂² comes from (33) corrected): E[J(θ_{k+1}) | …] ≤ J(θ_k) − 2η_k‖∇J(θ_k)‖² + 3η_k²LC₂². "
        " No smaller multiple of C₂² will do, and the printed constant fails for every C₂ > 1",
        checks=[
            Implication(
                part="descent lemma twice with s-cross",
                given=[
                    L > 0,
                    eta > 0,
                    half <= -eta * a + eta**2 * L / 2 * n1,
                    after <= half - eta * q + eta**2 * L / 2 * n2,
                    -q <= 2 * L * C2**2 * eta - a,
                    n1 <= C2**2,
                    n2 <= C2**2,
                ],
                then=after <= -2 * eta * a + 3 * eta**2 * L * C2**2,
            ),
            Implication(
                part="(45)",
                given=[L > 0, squared >= 0, 0 < low, low <= eta, eta <= high],
                then=-2 * eta * squared + 3 * eta**2 * L * C2**2 <= -2 * low * squared + 3 * high**2 * L * C2**2,
            ),
            Implication(
                part="3 is sharp: L = θ_k = C₂ = 1, η = (3 − κ)/2",
                given=[kappa >= 1, kappa < 3],
                then=(parabola(two_steps) > bound(kappa)).subs({L: 1, theta: 1, eta: (3 - kappa) / 2}),
            ),
            Implication(
                part="the printed constant, every C₂ > 1: L = 1, θ_k = C₂, η = (1 − 1/C₂)/2",
                given=[C2 > 1],
                then=(parabola(two_steps) > bound(C2 + 2 * C2**2)).subs({L: 1, theta: C2, eta: growth / 2}),
            ),
        ],
    ),
    reduction="All P, any distribution of B: a = ⟨∇J(θ_k), ∇J_B(θ_k)⟩, q the same at θ_{k+½}, n₁ and n₂ the squared norms, J measured from "
    "J(θ_k); the first check holds for each B, and expectation keeps it, with E a = ‖∇J(θ_k)‖² by s-reuse.  In (45) m and M stand for the "
    "two ends of the range of η_k.",
    remark="The example is k = 0 of the algorithm with α = η, γ₀ = m̃ = M̃ = 1.  For C₂ ≤ 1 the printed constant is larger than 3C₂² and "
    "so right.  The theorem only needs some constant.",
)

DESCENT_EXISTS = Claim(
    id="s-descent-exists",
    source="Castera et al. 2021b, (23); thesis (4.19)",
    statement="there are M₁, M₂ > 0 with E[J(θ_{k+1}) | …] ≤ J(θ_k) − M₁(k+1)^{−1/2−δ}‖∇J(θ_k)‖² + M₂(k+1)^{−1−2δ} for every k ≥ 1",
    hypotheses="as in s-descent; 0 < m̃ ≤ M̃",
    checks=[
        Implication(
            part="M₁ = 2αm̃, M₂ = 3α²M̃²LC₂²",
            given=[
                alpha > 0,
                L > 0,
                squared >= 0,
                0 < low,
                low <= gamma,
                gamma <= high,
                v > 0,
                sp.Eq(eta, alpha * gamma * v),
                after <= -2 * eta * squared + 3 * eta**2 * L * C2**2,
            ],
            then=after <= -2 * alpha * low * v * squared + 3 * alpha**2 * high**2 * L * C2**2 * v**2,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="v = (k+1)^{−1/2−δ}, G = ‖∇J(θ_k)‖², J_next is measured from J(θ_k); the last hypothesis is s-descent corrected.",
    remark="For m̃ > M̃ take M₁ = 2αM̃; for k = 0 use min(m̃, 1) and max(M̃, 1) (s-range).",
)

A, B, c, r = sp.symbols("A B c r", real=True)

VARIATION = Claim(
    id="s-variation",
    source="Castera et al. 2021b, (48); thesis (4.45)",
    statement="|‖∇J(θ_{k+1})‖² − ‖∇J(θ_k)‖²| ≤ 4C₂²LαM̃(k+1)^{−1/2−δ}",
    hypotheses="as in s-descent; η_k ≤ αM̃(k+1)^{−1/2−δ}",
    checks=[
        Implication(part="|‖p‖ − ‖q‖| ≤ ‖p − q‖", given=[A >= 0, B >= 0, c**2 <= A**2 * B**2], then=(A - B) ** 2 <= A**2 - 2 * c + B**2),
        Implication(
            part="‖θ_{k+1} − θ_k‖ ≤ 2η_kC₂", given=[eta > 0, 0 <= n1, n1 <= C2, 0 <= n2, n2 <= C2], then=eta * (n1 + n2) <= 2 * eta * C2
        ),
        Implication(
            part="the product",
            given=[L > 0, eta > 0, 0 <= A, A <= C2, 0 <= B, B <= C2, sp.Abs(A - B) <= L * r, r <= 2 * eta * C2],
            then=sp.Abs(A**2 - B**2) <= 4 * C2**2 * L * eta,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: A and B are the two norms, c the inner product with its Gram minor, r = ‖θ_{k+1} − θ_k‖.",
)


# --- series ---------------------------------------------------------------------------------------------------------------------

k, S, y, y1, delta2, weight = sp.symbols("k S y y1 d w", real=True)

SUMMABLE = Claim(
    id="s-summable",
    source="Castera et al. 2021b, §4.3 and after (46); thesis after (4.19) and (4.43)",
    statement="Σ_{k≥0} (k+1)^{−1−2δ} < ∞ and Σ_{k≥0} (k+1)^{−1/2−δ} = ∞",
    hypotheses="0 < δ < ½",
    checks=[
        Implication(
            part="one term of the first: 1/(k·k^d) ≤ (1/d)((k−1)^{−d} − k^{−d}), d = 2δ",
            given=[0 < delta2, delta2 < 1, k >= 2, y1 > 0, y > 0, y1 <= y * (1 - delta2 / k)],
            then=1 / (k * y) <= (1 / y1 - 1 / y) / delta2,
        ),
        Implication(
            part="its partial sums stay below 1 + 1/d: the step",
            given=[0 < delta2, y1 > 0, y > 0, weight <= (1 / y1 - 1 / y) / delta2, S <= 1 + (1 - 1 / y1) / delta2],
            then=sp.And(S + weight <= 1 + (1 - 1 / y) / delta2, S + weight < 1 + 1 / delta2),
        ),
        Implication(
            part="partial sums of the second are at least n/n^{1/2+δ} = n^{1/2−δ}: the step",
            given=[k >= 1, y1 > 0, y >= y1, S >= k / y1],
            then=S + 1 / y >= (k + 1) / y,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="First series: y = k^d and y1 = (k−1)^d, where y1 ≤ y(1 − d/k) is Bernoulli's inequality (t^d is concave, below its tangent "
    "at 1); S is the sum of the terms before k, the base is S = 1 for the term 1.  Second: y1 = k^{1/2+δ}, y = (k+1)^{1/2+δ}; the base is "
    "1 ≥ 1/1, and n^{1/2−δ} is unbounded.",
    remark="The sum of the first is at most 1 + 1/(2δ) = 501 for the default δ = 0.001.  The second series still diverges at δ = ½, so the "
    "almost sure part of Theorem 1 would hold there too; δ = 0 fails.",
)

ROBBINS_MONRO = Claim(
    id="s-robbins-monro",
    source="Castera 2021, thesis, §4.3.3 on (1.22)",
    statement="with 0 < δ < ½ the steps η_k = αγ_k(k+1)^{−1/2−δ} satisfy Ση_k = ∞, Ση_k² < ∞",
    hypotheses="α > 0, 0 < m̃ ≤ γ_k ≤ M̃",
    checks=[
        Implication(
            part="Ση ≥ αm̃ Σ(k+1)^{−1/2−δ}: the step",
            given=[alpha > 0, 0 < low, low <= gamma, v > 0, A >= alpha * low * S],
            then=A + alpha * gamma * v >= alpha * low * (S + v),
        ),
        Implication(
            part="Ση² ≤ α²M̃² Σ(k+1)^{−1−2δ}: the step",
            given=[alpha > 0, 0 < low, low <= gamma, gamma <= high, v > 0, A <= alpha**2 * high**2 * S],
            then=A + (alpha * gamma * v) ** 2 <= alpha**2 * high**2 * (S + v**2),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="A and S are partial sums, v = (k+1)^{−1/2−δ}; the rest is s-summable.",
)

epoch, batches = sp.symbols("E b", real=True)

EPOCH = Claim(
    id="s-epoch",
    source="Castera et al. 2021b, §5.1; thesis §4.5.1",
    statement="the decay q^{−1/2−δ} in the epoch q = 1, 2, … instead of the iteration is slower and still has Σ = ∞, Σ of squares < ∞",
    hypotheses="0 < δ < ½, a fixed number b ≥ 1 of iterations per epoch",
    checks=[
        Implication(
            part="slower: q ≤ k + 1 for k in {(q−1)b, …, qb − 1}",
            given=[batches >= 1, epoch >= 1, k >= (epoch - 1) * batches],
            then=epoch <= k + 1,
        ),
        Implication(
            part="the sums over whole epochs are b times those over q: the step",
            given=[same(A, batches * S)],
            then=same(A + batches * v, batches * (S + v)),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="t ↦ t^{−1/2−δ} decreases, so q ≤ k + 1 makes the decay slower; b times a divergent (convergent) series is one; the rest is "
    "s-summable.",
    remark="The proof of Theorem 1 goes through with these weights; in the rate k is then the number of epochs.  An epoch index that "
    "starts at 0 would divide by 0.",
)

previous, following, epsilon, C, top = sp.symbols("u u_next epsilon C U", real=True)

ALBER = Claim(
    id="s-alber",
    source="Castera et al. 2021b, Lemma 3; thesis Lemma 4.6",
    statement="u_k → 0 if Σu_kv_k < ∞, Σv_k = ∞ and |u_{k+1} − u_k| ≤ Cv_k",
    hypotheses="u_k, v_k ≥ 0, C > 0",
    checks=[
        Implication(
            part="lim inf u = 0: while u ≥ ε, Σuv ≥ εΣv, the step",
            given=[epsilon > 0, v >= 0, previous >= epsilon, A >= epsilon * S],
            then=A + previous * v >= epsilon * (S + v),
        ),
        Implication(
            part="a way down from U to u, all before it ≥ ε, costs Σuv ≥ ε(U − u)/C: the step",
            given=[
                epsilon > 0,
                C > 0,
                v >= 0,
                previous >= epsilon,
                sp.Abs(following - previous) <= C * v,
                A >= epsilon * (top - previous) / C,
            ],
            then=A + previous * v >= epsilon * (top - following) / C,
        ),
        Implication(
            part="from above 2ε to below ε it costs at least ε²/C",
            given=[epsilon > 0, C > 0, top >= 2 * epsilon, previous < epsilon, A >= epsilon * (top - previous) / C],
            then=A >= epsilon**2 / C,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="By the first check u falls below any ε again and again (Σv = ∞).  If u exceeded 2ε again and again, it would descend from "
    "above 2ε to below ε infinitely often, and by the others each descent adds ε²/C to Σuv < ∞.",
    remark="Descents are counted, not ascents: the steps of an ascent may start at u ≈ 0 and cost nothing.  v need not be bounded.",
)

LIPSCHITZ = Claim(
    id="s-lipschitz",
    source="Castera et al. 2021b, Lemma 4; thesis Lemma 4.7",
    statement="a differentiable L-Lipschitz function has gradients of norm at most L",
    hypotheses="L ≥ 0",
    checks=[Implication(given=[L >= 0, n >= 0, n**2 <= L * n], then=n <= L)],
    expected=Verdict.PROVED,
    reduction="All P: the derivative along ∇g(θ) is n² = ‖∇g‖²; as the limit of difference quotients it is at most L times the length n of "
    "the direction.",
    remark="So under Corollary 2 the constant C₂ exists on all of R^P.  The article asks each J_n to be bounded below, the thesis only J; "
    "J is enough.",
)


# --- the rate --------------------------------------------------------------------------------------------------------------------

Z, square_now, least, W, budget = sp.symbols("Z E least W budget", real=True)

RATE = Claim(
    id="s-rate",
    source="Castera et al. 2021b, Theorem 1, (49)–(51); thesis Theorem 4.2, (4.46)–(4.48)",
    statement="min_{0≤j<k} E‖∇J(θ_j)‖² = O(k^{−(1/2−δ)})",
    hypotheses="J ≥ inf J > −∞, (49) with some constant, 0 < δ < ½, k ≥ 1",
    checks=[
        Implication(
            part="(50), telescoping: the step",
            given=[W <= value - half + c * Z, r * v * square_now <= half - after + c * v**2],
            then=W + r * v * square_now <= value - after + c * (Z + v**2),
        ),
        Implication(
            part="min·Σv ≤ ΣvE: the step",
            given=[v > 0, least <= square_now, least * S <= W],
            then=least * (S + v) <= W + v * square_now,
        ),
        Implication(
            part="Σ_{j<k} v_j ≥ k/k^{1/2+δ}: the step",
            given=[k >= 1, y1 > 0, y >= y1, S >= k / y1],
            then=S + 1 / y >= (k + 1) / y,
        ),
        Implication(
            part="the rate",
            given=[r > 0, k >= 1, y > 0, least >= 0, S >= k / y, r * least * S <= budget],
            then=least <= budget / r * y / k,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="r = 2αm̃, c = 3α²M̃²LC₂², v_j = (j+1)^{−1/2−δ}, Z = Σv_j², y = k^{1/2+δ}, E = E‖∇J(θ_j)‖², budget = J(θ₀) − inf J + cΣv²; "
    "y/k = k^{−(1/2−δ)}.  Expectation of (45) is (49) by the tower property.",
    remark="Explicitly min_{j<k} E‖∇J(θ_j)‖² ≤ [J(θ₀) − inf J + 3α²M̃²LC₂²(1 + 1/(2δ))]/(2αm̃)·k^{−(1/2−δ)} when m̃ ≤ 1 ≤ M̃.  The printed "
    "(51) does not give it: s-rate-chain.",
)

drawn = (alpha * (2 - alpha)) ** 2
"""E‖∇J(θ₁)‖² for the losses ½(θ ∓ 1)², one of them drawn, started at their mean θ₀ = 0: θ₁ = ±α(2 − α) and ∇J(θ) = θ."""

RATE_CHAIN = Claim(
    id="s-rate-chain",
    source="Castera et al. 2021b, (51); thesis (4.48)",
    statement="Σ_{k=0}^K v_kE_k ≥ min_{1≤k≤K} E_k·Σ_{k=0}^K v_k with v_k = (k+1)^{−1/2−δ} and E_k = E‖∇J(θ_k)‖²",
    hypotheses="K ≥ 1, 0 < δ < ½",
    checks=[
        Implication(
            part="K = 1: J_1 = ½(θ−1)², J_2 = ½(θ+1)², θ₀ = 0, batches of one",
            given=[0 < alpha, alpha < 1, v < 1, 2 * v > 1],
            then=0 + v * drawn >= drawn * (1 + v),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the minimum is over 0 ≤ k ≤ K, as in Theorem 1 (with K = k − 1); or both sides start at k = 1",
        checks=[
            Implication(part="base", given=[v > 0, least <= square_now], then=least * v <= v * square_now),
            Implication(part="step", given=[v > 0, least <= square_now, least * S <= W], then=least * (S + v) <= W + v * square_now),
        ],
    ),
    reduction="v = v₁ = 2^{−1/2−δ} lies in (½, 1).",
    remark="θ₀ = 0 is critical for J but not for J_1 and J_2, so E₀ = 0 < E₁.",
)

THEOREM = Claim(
    id="s-theorem1",
    source="Castera et al. 2021b, Theorem 1 and Corollary 2, almost sure part; thesis Theorem 4.2 and Corollary 4.3",
    statement="J(θ_k) converges and ‖∇J(θ_k)‖² → 0 almost surely",
    hypotheses="iterates almost surely bounded, or all J_n and ∇J_n Lipschitz; J bounded below",
    expected=Verdict.NOT_CHECKABLE,
    remark="An almost sure statement about random sequences; it rests on the Robbins–Siegmund theorem.  What that theorem and the end of "
    "the proof need is checked: s-descent-exists, s-summable, s-variation, s-alber and, for the corollary, s-lipschitz.",
)
