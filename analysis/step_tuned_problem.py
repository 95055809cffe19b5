"""Castera et al. 2021b (Step-Tuned SGD) and Chapter 4 of the thesis: (12), and the regression problem of the figures."""

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict

weight, x, y, t = sp.symbols("w x y t", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- ∇²J∇J as a gradient ----------------------------------------------------------------------------------------------------


def half_square_by_functions() -> Finding:
    """An arbitrary smooth J of P variables, differentiated."""
    for size in (1, 2, 3):
        point = sp.symbols(f"x1:{size + 1}", real=True)
        loss = sp.Function("J")(*point)
        slopes = sp.Matrix([sp.diff(loss, s) for s in point])
        half = slopes.dot(slopes) / 2
        gap = sp.hessian(loss, point) * slopes - sp.Matrix([sp.diff(half, s) for s in point])
        if gap.applyfunc(lambda e: sp.expand(e.doit())) != sp.zeros(size, 1):
            return Finding(False, {"P": size})
    return Finding(True)


def half_square_by_shifts() -> Finding:
    """A quartic J at integer points: derivatives are coefficients of ε and η in J(θ + εe_j + ηe_i), nothing is differentiated."""
    e, f = sp.symbols("epsilon eta")

    def loss(point):
        return sum((i + 2) * (-1) ** i * v**3 for i, v in enumerate(point)) + sum(point) ** 4 + 5 * point[0] * point[-1]

    for start in ((2,), (1, -2), (3, 1, -2)):
        for i in range(len(start)):
            half, product = 0, 0
            for j in range(len(start)):
                shifted = [v + (e if k == j else 0) + (f if k == i else 0) for k, v in enumerate(start)]
                rates = sp.Poly(loss(shifted), e, f)
                slope_there = sum(c * f**b for (a, b), c in rates.terms() if a == 1)  # ∂_jJ(θ + ηe_i)
                half += slope_there**2 / 2
                product += rates.coeff_monomial(e * f) * rates.coeff_monomial(e)
            if sp.Poly(half, f).coeff_monomial(f) != product:
                return Finding(False, {"theta": start, "coordinate": i + 1})
    return Finding(True)


GRAD_NORM = Claim(
    id="s-grad-norm",
    source="Castera et al. 2021b, (12); thesis (4.10)",
    statement="∇²J∇J = ∇(½‖∇J‖²)",
    hypotheses="J twice differentiable (so that ∇²J is symmetric)",
    checks=[Computation(methods={"an arbitrary function": half_square_by_functions, "coefficients of shifts": half_square_by_shifts})],
    expected=Verdict.PROVED,
    reduction="All P: ∂_i ½Σ_j(∂_jJ)² = Σ_j(∂_i∂_jJ)∂_jJ, which is row i of ∇²J∇J by symmetry; P ≤ 3 is the finite check.",
    remark="For a field that is no gradient the left side would need the transposed Jacobian.",
)


# --- the test problem of the figures -------------------------------------------------------------------------------------------

phi = t**2 / (1 + t**2)
phi1, phi2 = 2 * t / (1 + t**2) ** 2, 2 * (1 - 3 * t**2) / (1 + t**2) ** 3


def derivatives_by_rules() -> Finding:
    gaps = [sp.simplify(sp.diff(phi, t) - phi1), sp.simplify(sp.diff(phi, t, 2) - phi2)]
    return Finding(gaps == [0, 0])


def derivatives_by_expansion() -> Finding:
    """φ(t + h) − φ(t) − hφ' − ½h²φ'' has a numerator divisible by h³, identically in t."""
    h = sp.Symbol("h")
    rest = sp.numer(sp.together(phi.subs(t, t + h) - phi - h * phi1 - h**2 / 2 * phi2))
    return Finding(sp.rem(sp.Poly(rest, h), sp.Poly(h**3, h)).is_zero)


PHI = Claim(
    id="s-phi",
    source="Castera et al. 2021b, §C and (52); thesis §4.7 and (4.21)",
    statement="φ(t) = t²/(1 + t²) is not convex: it is convex for |t| ≤ 1/√3 and concave on each side beyond; its curvature ranges over "
    "exactly [−½, 2]",
    hypotheses="t real",
    checks=[
        Computation(
            part="φ' = 2t/(1 + t²)², φ'' = 2(1 − 3t²)/(1 + t²)³",
            methods={"differentiation": derivatives_by_rules, "expansion": derivatives_by_expansion},
        ),
        Exists(part="not convex", such_that=[weight > 0, weight < 1, phi.subs(t, weight * x) > weight * phi.subs(t, x)]),
        Implication(part="where convex", then=sp.Equivalent(phi2 >= 0, sp.Abs(t) <= 1 / sp.sqrt(3))),
        Implication(part="where strictly concave", then=sp.Equivalent(phi2 < 0, sp.Abs(t) > 1 / sp.sqrt(3))),
        Implication(part="range", then=sp.And(phi2 >= -sp.Rational(1, 2), phi2 <= 2)),
        Implication(
            part="extrema",
            then=sp.And(sp.Equivalent(sp.Eq(phi2, 2), sp.Eq(t, 0)), sp.Equivalent(sp.Eq(phi2, -sp.Rational(1, 2)), sp.Eq(t**2, 1))),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="Every value between the extrema is taken, φ'' being continuous.",
    remark="The documents say only that φ makes the loss non-convex; the numbers are ours.  The first reading, φ(Aθ − b) in §3.1.3, "
    "applies a function of one real number to a vector; (52) is the meaning.",
)

PHI_LIPSCHITZ = Claim(
    id="s-phi-lipschitz",
    source="Castera et al. 2021b, Corollary 2 applied to (52); thesis Corollary 4.3, (4.21)",
    statement="the test problem meets the hypotheses of the corollary: φ ≥ 0, φ and φ' are Lipschitz continuous, with the best constants "
    "3√3/8 and 2",
    hypotheses="t real",
    checks=[
        Implication(part="0 ≤ φ < 1", then=sp.And(phi >= 0, phi < 1)),
        Implication(part="|φ'| ≤ 3√3/8", then=sp.Abs(phi1) <= 3 * sp.sqrt(3) / 8),
        Implication(part="attained exactly at t² = 1/3", then=sp.Equivalent(sp.Eq(phi1**2, sp.Rational(27, 64)), sp.Eq(3 * t**2, 1))),
        Implication(part="|φ''| ≤ 2", then=sp.Abs(phi2) <= 2),
    ],
    expected=Verdict.PROVED,
    reduction="J_n(θ) = φ(⟨A_n, θ⟩ − b_n) then has the Lipschitz constants (3√3/8)‖A_n‖ and 2‖A_n‖² (chain rule).",
    remark="Not said in the documents.  It means that Figure 3 needs no boundedness assumption.",
)

total, size = sp.symbols("S N", real=True)

LOSSES = Claim(
    id="s-two-losses",
    source="Castera 2021, thesis, §4.3.1 against (4.21)",
    statement="the loss of the illustrative experiment, Σ_n φ(A_nθ − b_n), is the loss (1/N) Σ_n φ(A_nᵀθ − b_n) that (4.21) specifies for "
    "it",
    hypotheses="N terms, each φ ≥ 0",
    checks=[Implication(given=[size >= 1, total >= 0], then=same(total, total / size))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="they differ by the factor N: the minimisers are the same, the values, the gradients, good step-sizes and the criterion "
        "|J − J*| < 0.1 are not",
        checks=[
            Implication(
                part="equal only for N = 1 or J = 0",
                given=[size >= 1, total >= 0],
                then=sp.Equivalent(sp.Eq(total, total / size), sp.Or(sp.Eq(size, 1), sp.Eq(total, 0))),
            ),
            Implication(part="same order of values", given=[size >= 1], then=sp.Equivalent(x < y, x / size < y / size)),
        ],
    ),
    remark="Also, A_n is introduced as a row of A: A_nθ fits that, A_nᵀθ takes it for a column.",
)
