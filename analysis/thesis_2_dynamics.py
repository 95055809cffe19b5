"""Castera 2021, Chapter 2: the first-order form of DIN, INNA as its discretisation, the start, and when DIN is a gradient system.

The fields, the update, the start and the mode matrix are read off the definitions of `DIN` and `INNA`; the
thesis's formulas are typed as printed.
"""

import sympy as sp

from dynopt.algorithms.din import DIN
from dynopt.core.oracle import FunctionOracle
from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, gamma, theta, psi, slope = sp.symbols("alpha beta gamma theta psi g", real=True)
lam = eigenvalue
domain = [alpha >= 0, beta > 0]


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


def rows(name: str, position=theta, lifted=psi, gradient=slope) -> sp.Matrix:
    """One coordinate of the field of DIN, or of the next state of INNA, with g that of the gradient at θ."""
    space = state_space(symbolic(name))
    assert sp.Matrix([[1, 0]]) == space.C  # the gradient is asked for at θ
    return real(space.A) * sp.Matrix([position, lifted]) + real(space.B) * gradient


field = rows("din")


# --- (2.5) and (2.6) --------------------------------------------------------------------------------------------------------

velocity, acceleration, turning = sp.symbols("v a h", real=True)
din = acceleration + alpha * velocity + beta * turning + slope
"""The left side of (2.5): v = θ', a = θ'', h the coordinate of ∇²J(θ)θ', which is the derivative of g."""

lift = -beta * velocity - beta**2 * slope - (alpha * beta - 1) * theta
lift_rate = -beta * acceleration - beta**2 * turning - (alpha * beta - 1) * velocity

LIFT = Claim(
    id="t2-lift",
    source="Castera 2021, thesis, (2.5) ⇔ (2.6)",
    statement="the substitution ψ = −βθ' − β²∇J(θ) − (αβ − 1)θ turns (2.5) into (2.6), and (2.6) gives back (2.5)",
    hypotheses="J twice differentiable, α ≥ 0, β > 0",
    checks=[
        Implication(
            part="with ψ of the substitution, (2.5) ⇔ (2.6)",
            given=domain,
            then=sp.Equivalent(
                sp.Eq(din, 0),
                sp.And(sp.Eq(velocity, rows("din", lifted=lift)[0]), sp.Eq(lift_rate, rows("din", lifted=lift)[1])),
            ),
        ),
        Implication(
            part="ψ of any solution of (2.6) is that of the substitution",
            given=[*domain, sp.Eq(velocity, field[0])],
            then=same(psi, lift),
        ),
        Implication(
            part="(2.6) and its derivative give (2.5)",
            given=[
                *domain,
                sp.Eq(velocity, field[0]),
                sp.Eq(acceleration, rows("din", position=velocity, lifted=field[1], gradient=turning)[0]),
            ],
            then=same(din, 0),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate.  Solutions of (2.6) have a θ' that is differentiable when ∇J is, so the first line may "
    "be differentiated; initial data (θ₀, θ'₀) and (θ₀, ψ₀) correspond one to one.",
    remark="Only β ≠ 0 is used.  With α depending on time the two differ by α'(t)θ.",
)


# --- steady states ------------------------------------------------------------------------------------------------------------

STEADY = Claim(
    id="t2-steady",
    source="Castera 2021, thesis, (2.16)",
    statement="the steady states of (2.12) are exactly the (θ, ψ) with 0 ∈ DJ(θ) and ψ = (1 − αβ)θ; each D-critical point belongs to "
    "exactly one of them",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(
            part="zero velocity with the subgradient g",
            given=domain,
            then=sp.Equivalent(
                sp.And(sp.Eq(field[0], 0), sp.Eq(field[1], 0)), sp.And(sp.Eq(slope, 0), sp.Eq(psi, (1 - alpha * beta) * theta))
            ),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate.  (θ, ψ) is steady when some g ∈ DJ(θ) gives zero velocity, which by the equivalence "
    "is g = 0; ψ is then a function of θ.",
    remark="In the non-smooth case other solutions may leave such a point: t2-steady-constant.",
)


# --- discretisation ---------------------------------------------------------------------------------------------------------

next_theta, next_psi, next_slope = sp.symbols("theta_next psi_next g_next", real=True)
printed_update = (
    theta + gamma * ((1 / beta - alpha) * theta - psi / beta - beta * slope),
    psi + gamma * ((1 / beta - alpha) * theta - psi / beta),
)
step = [alpha >= 0, beta > 0, gamma > 0]

INNA_FORM = Claim(
    id="t2-inna",
    source="Castera 2021, thesis, (2.9), (2.13) and Algorithm 1",
    statement="θ_{k+1} = θ_k + γ((1/β − α)θ_k − ψ_k/β − βv_k), ψ_{k+1} = ψ_k + γ((1/β − α)θ_k − ψ_k/β) is the explicit Euler step of "
    "(2.12), and the project's inna",
    hypotheses="α ≥ 0, β > 0, γ > 0",
    checks=[
        Implication(part=part, given=step, then=sp.And(*(same(row, printed) for row, printed in zip(text, printed_update, strict=True))))
        for part, text in {"θ + γ·field": sp.Matrix([theta, psi]) + gamma * field, "the definition of inna": rows("inna")}.items()
    ],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate.",
)

ahead = rows("din", next_theta, next_psi, next_slope)
quotients = [sp.Eq((next_theta - theta) / gamma, ahead[0]), sp.Eq((next_psi - psi) / gamma, ahead[1])]

EULER = Claim(
    id="t2-euler-index",
    source="Castera 2021, thesis, §2.3.2, before (2.9)",
    statement="replacing θ'(t_{k+1}) and ψ'(t_{k+1}) in (2.8) by (θ_{k+1} − θ_k)/γ_k and (ψ_{k+1} − ψ_k)/γ_k yields (2.9)",
    hypotheses="α ≥ 0, β > 0, γ > 0; here J = ½θ²",
    checks=[
        Implication(
            given=[*step, sp.Eq(slope, theta), sp.Eq(next_slope, next_theta), *quotients],
            then=sp.And(sp.Eq(next_theta, printed_update[0]), sp.Eq(next_psi, printed_update[1])),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the quotients must replace the derivatives at t_k; at t_{k+1} they give the implicit Euler scheme",
        checks=[
            Implication(
                given=[*step, sp.Eq((next_theta - theta) / gamma, field[0]), sp.Eq((next_psi - psi) / gamma, field[1])],
                then=sp.And(same(next_theta, printed_update[0]), same(next_psi, printed_update[1])),
            ),
        ],
    ),
    remark="An index: the algorithm itself is the explicit scheme (t2-inna).",
)


# --- the start ----------------------------------------------------------------------------------------------------------------

oracle = FunctionOracle(lambda x: sp.Symbol("J"), lambda x: slope)
printed_start = (1 - alpha * beta) * theta - (beta**2 - beta) * slope
start = DIN(alpha=alpha, beta=beta, start="thesis").init(theta, oracle)

START = Claim(
    id="t2-psi0",
    source="Castera 2021, thesis, §2.6.2.1",
    statement="with ψ₀ = (1 − αβ)θ₀ − (β² − β)∇J(θ₀) the initial velocity is in the direction of −∇J(θ₀)",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(part="the printed ψ₀ is the project's start 'thesis'", given=domain, then=same(start.psi, printed_start)),
        Implication(part="θ'(0) = −∇J(θ₀), the multiple is 1", given=domain, then=same(rows("din", lifted=printed_start)[0], -slope)),
        Implication(
            part="first step of INNA: θ₁ = θ₀ − γ∇J(θ₀)",
            given=step,
            then=same(rows("inna", lifted=printed_start)[0], theta - gamma * slope),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate.",
    remark="The multiple is exactly 1, for every α and β: the first step of INNA is a step of gradient descent.",
)


# --- gradient system ----------------------------------------------------------------------------------------------------------

s11, s12, s22 = sp.symbols("s11 s12 s22", real=True)
M = real(state_space(symbolic("din")).mode_matrix)
inner_product = sp.Matrix([[s11, s12], [s12, s22]])
skewness = (inner_product * M)[0, 1] - (inner_product * M)[1, 0]
"""M is symmetric for the inner product S exactly when this vanishes."""
positive = [s11 > 0, s11 * s22 > s12**2]
discriminant = sp.expand(M.trace() ** 2 - 4 * M.det())
spiral = (2 - alpha * beta) / beta**2
"""The λ at which the discriminant of M(λ) is smallest; 1/β² when αβ = 1."""

J = sp.Function("J")
weight = alpha * beta - 1
potential = beta * J(theta) + beta / (2 * weight) * ((alpha - 1 / beta) * theta + psi / beta) ** 2
downhill = [
    -sp.diff(potential, theta).subs(sp.Derivative(J(theta), theta), slope),
    -weight * sp.diff(potential, psi),
]
"""−grad U for the inner product ⟨θ, θ̃⟩ + ⟨ψ, ψ̃⟩/(αβ − 1)."""

GRADIENT_SYSTEM = Claim(
    id="t2-gradient-system",
    source="Castera 2021, thesis, Remark 2.11(b) (αβ > 1) and §2.6.1 (αβ ≥ 1)",
    statement="for αβ > 1 (resp. αβ ≥ 1) DIN is equivalent to a gradient system",
    hypotheses="α ≥ 0, β > 0; gradient system: (θ, ψ)' = −grad U for some U and some inner product, for every J",
    checks=[
        Implication(
            part="αβ > 1: (2.6) is −grad U with U = βJ + β/(2(αβ − 1))·‖(α − 1/β)θ + ψ/β‖²",
            given=[beta > 0, alpha * beta > 1],
            then=sp.And(weight > 0, same(field[0], downhill[0]), same(field[1], downhill[1])),
        ),
        Implication(
            part="αβ ≥ 1: every mode has two different real eigenvalues, as a gradient system must here",
            given=[beta > 0, alpha * beta >= 1],
            then=discriminant > 0,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="DIN is a gradient system exactly for αβ > 1: then (θ, ψ)' = −grad U, and for αβ ≤ 1 no inner product makes the mode of "
        "λ = (2 − αβ)/β² symmetric.  At αβ = 1 that mode is a Jordan block, below it is a spiral",
        checks=[
            Implication(
                part="αβ > 1: the form above",
                given=[beta > 0, alpha * beta > 1],
                then=sp.And(weight > 0, same(field[0], downhill[0]), same(field[1], downhill[1])),
            ),
            Implication(
                part="αβ ≤ 1: no inner product, even for the single J = ½λ‖θ‖² with that λ",
                given=[*domain, alpha * beta <= 1, *positive],
                then=sp.Ne(skewness.subs(lam, spiral), 0),
            ),
            Implication(
                part="a mode that is symmetric for an inner product has two different real eigenvalues",
                given=[*domain, *positive, sp.Eq(skewness, 0)],
                then=discriminant > 0,
            ),
            Implication(part="the discriminant at that λ", given=domain, then=same(discriminant.subs(lam, spiral), 4 * weight / beta**2)),
        ],
    ),
    reduction="For αβ > 1 and any P the identity holds in each coordinate, U and the inner product are sums over coordinates.  For "
    "αβ ≤ 1 one quadratic in one dimension suffices; the linear part of −grad U at a rest point is −S⁻¹·Hess U, so S·M must be "
    "symmetric.  A change of variables (a diffeomorphism) or a Riemannian metric instead of an inner product does not help: it changes "
    "the linear part at the rest point only into a similar matrix, and −S⁻¹·Hess U is diagonalisable with real eigenvalues.",
    remark="Witness of the boundary: α = β = 1 and J = ½θ², where θ'' + 2θ' + θ = 0 has the double eigenvalue −1 with one eigenvector, "
    "which no gradient system has.",
)
