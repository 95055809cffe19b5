"""Castera et al. 2021b (Step-Tuned SGD) and Chapter 4 of the thesis: the descent inequality, line by line.

Numbers such as (44) are the article's, (4.41) the thesis's.  η_k = αγ_k(k+1)^{−1/2−δ} is the step, C₂ the bound of ‖∇J_B‖ on the
compact set that holds the iterates, L the Lipschitz constant of the gradients there.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict

L, C2, alpha, eta, low, high, gamma = sp.symbols("L C2 alpha eta m M gamma", real=True)


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

theta, half, after, a, q, n1, n2, squared, kappa = sp.symbols("theta J_half J_next a q n1 n2 G kappa", real=True)


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
