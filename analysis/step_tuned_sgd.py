"""Castera et al. 2021b (Step-Tuned SGD) and Chapter 4 of the thesis: the quadratic model, the full-batch step-size, the clip.

The two documents carry the same formulas; numbers such as (3) are the article's, (4.3) the thesis's.
"""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict

gamma, slope, curvature, J0, squared, weight, x, y, r = sp.symbols("gamma s c J G w x y r", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- the quadratic model along a direction --------------------------------------------------------------------------------


def model(step):
    """q_d(γ) of (2): s = ⟨∇J, d⟩, c = ⟨∇²J d, d⟩."""
    return J0 + step * slope + step**2 / 2 * curvature


g1, g2, h11, h12, h22 = sp.symbols("g1 g2 h11 h12 h22", real=True)
gradient, hessian = sp.Matrix([g1, g2]), sp.Matrix([[h11, h12], [h12, h22]])
along = (hessian * gradient).dot(gradient)
"""⟨∇²J∇J, ∇J⟩ for P = 2."""
direction = -gradient

MINIMISER = Claim(
    id="s-minimiser",
    source="Castera et al. 2021b, (3) and (4); thesis (4.3) and (4.4)",
    statement="where ⟨∇²J d, d⟩ > 0 the model q_d(γ) = J + γ⟨∇J, d⟩ + ½γ²⟨∇²J d, d⟩ has the unique minimiser −⟨∇J, d⟩/⟨∇²J d, d⟩; along d "
    "= −∇J it is ‖∇J‖²/⟨∇²J∇J, ∇J⟩",
    hypotheses="J twice differentiable, ⟨∇²J d, d⟩ > 0",
    checks=[
        Implication(
            part="unique minimiser",
            given=[curvature > 0, sp.Ne(gamma, -slope / curvature)],
            then=model(gamma) > model(-slope / curvature),
        ),
        Implication(
            part="along −∇J, P = 2",
            given=[along > 0],
            then=same(-gradient.dot(direction) / (hessian * direction).dot(direction), gradient.dot(gradient) / along),
        ),
        Implication(
            part="value at the minimiser",
            given=[curvature > 0],
            then=same(model(-slope / curvature), J0 - slope**2 / (2 * curvature)),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: s and c stand for ⟨∇J, d⟩ and ⟨∇²J d, d⟩; along d = −∇J they are −‖∇J‖² and ⟨∇²J∇J, ∇J⟩.",
)

GAMMA = Claim(
    id="s-gamma",
    source="Castera et al. 2021b, (4); thesis (4.4)",
    statement="γ(θ) = ‖∇J‖²/⟨∇²J∇J, ∇J⟩ is a number for every θ, positive exactly where the curvature along ∇J is",
    hypotheses="J twice differentiable; θ in R^P without restriction",
    checks=[
        Implication(given=[squared >= 0, curvature**2 <= x**2 * squared**2], then=sp.Equivalent(squared / curvature > 0, curvature > 0))
    ],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="γ(θ) exists exactly where ⟨∇²J∇J, ∇J⟩ ≠ 0, and there its sign is that of the curvature; at critical points it is 0/0, "
        "on flat directions infinite",
        checks=[
            Implication(given=[squared > 0, sp.Ne(curvature, 0)], then=sp.Equivalent(squared / curvature > 0, curvature > 0)),
            Implication(
                part="critical points have no γ(θ)",
                given=[sp.Eq(squared, 0), curvature**2 <= x**2 * squared**2],
                then=sp.Eq(curvature, 0),
            ),
        ],
    ),
    reduction="G = ‖∇J‖², c = ⟨∇²J∇J, ∇J⟩, |c| ≤ x·G with x the largest modulus of a Hessian eigenvalue.",
    remark="(8) and Algorithm 1 test the sign of ⟨Δθ, Δg⟩ before they divide, so they are defined everywhere.",
)

nearby = sp.Symbol("h", real=True)

CONCAVE = Claim(
    id="s-concave",
    source="Castera et al. 2021b, after (3); thesis after (4.3)",
    statement="where ⟨∇²J d, d⟩ ≤ 0 the model q_d is concave, which is equivalent to J being locally concave in the direction d",
    hypotheses="J twice differentiable",
    checks=[
        Implication(
            part="the model is concave",
            given=[curvature <= 0, weight > 0, weight < 1],
            then=model(weight * x + (1 - weight) * y) >= weight * model(x) + (1 - weight) * model(y),
        ),
        Implication(
            part="J = t⁴ at 0, where the second derivative is 0: concave on [−r, r]",
            given=[r > 0],
            then=sp.Integer(0) >= (r**4 + (-r) ** 4) / 2,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the model is concave exactly when ⟨∇²J d, d⟩ ≤ 0; J locally concave along d implies ≤ 0, and < 0 with a continuous "
        "second derivative implies locally concave; at 0 nothing follows",
        checks=[
            Implication(
                part="the model: only if",
                given=[
                    weight > 0,
                    weight < 1,
                    sp.Ne(x, y),
                    model(weight * x + (1 - weight) * y) >= weight * model(x) + (1 - weight) * model(y),
                ],
                then=curvature <= 0,
            ),
            Implication(
                part="c > 0: second differences near it are positive",
                given=[curvature > 0, sp.Abs(nearby - curvature) < curvature],
                then=nearby > 0,
            ),
            Implication(
                part="c < 0: second derivatives near it are negative",
                given=[curvature < 0, sp.Abs(nearby - curvature) < -curvature],
                then=nearby < 0,
            ),
        ],
    ),
    reduction="h is the second difference, or the second derivative, at a nearby point; it differs from c by less than |c| near θ.",
    remark="t⁴ is strictly convex on every interval around 0 although its curvature there is 0.",
)


# --- the step-size (8) --------------------------------------------------------------------------------------------------------

a, b, c, tau, s1, s2 = sp.symbols("a b c tau s1 s2", real=True)
step = sp.Matrix([s1, s2])
change = hessian * step

BB = Claim(
    id="s-bb",
    source="Castera et al. 2021b, (8); thesis (4.8)",
    statement="on a strongly convex quadratic (8) is the Barzilai–Borwein step ‖Δθ‖²/⟨Δθ, Δg⟩: its first case applies and 1/γ_k minimises "
    "‖τΔθ − Δg‖² over τ",
    hypotheses="J quadratic with ∇²J positive definite, Δθ ≠ 0",
    checks=[
        Implication(
            part="the first case applies, P = 2", given=[h11 > 0, h11 * h22 > h12**2, s1**2 + s2**2 > 0], then=step.dot(change) > 0
        ),
        Implication(
            part="1/γ_k is the least-squares factor",
            given=[a > 0, b > 0, b**2 <= a * c, sp.Ne(tau, b / a)],
            then=a * tau**2 - 2 * b * tau + c > a * (b / a) ** 2 - 2 * b * (b / a) + c,
        ),
        Implication(
            part="the other Barzilai–Borwein step is never longer", given=[a > 0, b > 0, c > 0, b**2 <= a * c], then=b / c <= a / b
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: a = ‖Δθ‖², b = ⟨Δθ, Δg⟩, c = ‖Δg‖² with the Gram minor b² ≤ ac; ⟨Δθ, ∇²JΔθ⟩ > 0 by the spectral theorem.",
    remark="Of the two Barzilai–Borwein steps it is the long one; the short one, b/c, differs unless Δg is a multiple of Δθ.  Algorithm 1 "
    "multiplies it by α and starts with γ₀ = 1, so it is the Barzilai–Borwein method only for α = 1 and after the first step.  For Δθ = 0, "
    "(8) gives ν.",
)

DISCRETISATION = Claim(
    id="s-discretisation",
    source="Castera et al. 2021b, (5)–(8) and Algorithm 1; thesis (4.5)–(4.8)",
    statement="‖Δθ_k‖²/⟨Δθ_k, Δg_k⟩ stands for γ(θ_{k−1}): the two are equal on quadratics, with Δθ_k = −γ_{k−1}∇J(θ_{k−1}) as in (6) and "
    "equally with the factor αγ_{k−1} of Algorithm 1",
    hypotheses="J quadratic, ⟨∇²J∇J, ∇J⟩ ≠ 0 at θ_{k−1}",
    checks=[
        Implication(
            part="any factor τ ≠ 0, P = 2",
            given=[sp.Ne(along, 0), sp.Ne(tau, 0)],
            then=same(
                (tau**2 * gradient.dot(gradient)) / (-tau * gradient).dot(hessian * (-tau * gradient)), gradient.dot(gradient) / along
            ),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: ‖Δθ‖² and ⟨Δθ, ∇²JΔθ⟩ both carry τ².",
    remark="(6) holds with the factor αγ_{k−1} in Algorithm 1; the quotient does not see it.  In Algorithm 2 the moving average mixes Δg "
    "of different scales, and the quotient does see those.",
)


# --- the clip ----------------------------------------------------------------------------------------------------------------

nu, nu2, low, high = sp.symbols("nu nu2 m M", real=True)


def clipped(value, smallest=low, largest=high):
    """Line 17 of Algorithm 2."""
    return sp.Min(sp.Max(value, smallest), largest)


def in_grid(value):
    return sp.Or(*(sp.Eq(value, v) for v in (1, 2, 5)))


CLIP = Claim(
    id="s-clip",
    source="Castera et al. 2021b, Algorithm 2 and §5.1; thesis Algorithm 3 and §4.5.1",
    statement="the grid ν in {1, 2, 5}, with the clip [m̃, M̃] = [½, 2] at its default, compares three step-sizes for concave regions",
    hypotheses="defaults (m̃, M̃) = (½, 2)",
    checks=[
        Implication(
            part="different ν give different γ",
            given=[in_grid(nu), in_grid(nu2), nu < nu2],
            then=sp.Ne(clipped(nu, sp.Rational(1, 2), 2), clipped(nu2, sp.Rational(1, 2), 2)),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="ν = 1 and ν = 2 pass the clip, ν = 5 becomes 2: the grid holds two methods.  In general every ν ≥ M̃ acts as M̃",
        checks=[
            Implication(
                part="defaults",
                given=[in_grid(nu)],
                then=sp.And(
                    sp.Implies(nu <= 2, sp.Eq(clipped(nu, sp.Rational(1, 2), 2), nu)),
                    sp.Implies(sp.Eq(nu, 5), sp.Eq(clipped(nu, sp.Rational(1, 2), 2), 2)),
                ),
            ),
            Implication(part="ν ≥ M̃", given=[low > 0, high > 0, nu >= high], then=sp.Eq(clipped(nu), high)),
            Implication(part="m̃ ≤ ν ≤ M̃", given=[low > 0, low <= nu, nu <= high], then=sp.Eq(clipped(nu), nu)),
        ],
    ),
    remark="The proof of Theorem 1 replaces M̃ by max(M̃, ν), which Algorithm 2 does not do; run that way ν = 5 would also let every other "
    "step-size grow to 5.",
)
