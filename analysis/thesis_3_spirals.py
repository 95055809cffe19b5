"""Castera 2021, Chapter 3, §3.3.1.4 and §3.3.2: when solutions of DIN spiral, and their form when they do not.

χ and M are read off the definition of DIN; every formula of the thesis is typed as printed.
"""

import numpy as np
import sympy as sp

from dynopt.core.registry import problem
from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict, real
from dynopt.symbolic.criteria import characteristic_polynomial
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, beta2, X, h1, h2 = sp.symbols("alpha beta beta2 X h1 h2", real=True)
lam = eigenvalue

SPACE = state_space(symbolic("din"))

M = real(SPACE.mode_matrix)

chi = real(characteristic_polynomial(SPACE)).as_expr().subs(sp.Symbol("z", real=True), X)

trace = alpha + beta * lam

discriminant = trace**2 - 4 * lam
"""Δ = (α + βλ)² − 4λ, (3.9)."""

centre, half_width = (2 - alpha * beta) / beta**2, 2 * sp.sqrt(1 - alpha * beta) / beta**2

lower, upper = centre - half_width, centre + half_width
"""The ends of the spiral interval, Lemma 3.6."""

root = sp.sqrt(discriminant)

plus, minus = -trace / 2 + root / 2, -trace / 2 - root / 2
"""σ_{p,±} of (3.10)."""

complex_plus = (-trace / 2, sp.sqrt(4 * lam - trace**2) / 2)
"""Real and imaginary part of σ_{p,+} in (3.14)."""

domain = [alpha >= 0, beta > 0]


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


SPIRAL = Claim(
    id="t3-spiral",
    source="Castera 2021, thesis, §3.3.1.4 and §3.3.2.2",
    statement="when αβ ≤ 1 and λ lies in the closed interval [(2−αβ)/β² − 2√(1−αβ)/β², (2−αβ)/β² + 2√(1−αβ)/β²], M_p has complex "
    "eigenvalues (non-zero imaginary part), and in this setting only",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(
            part="§3.3.1.4, closed interval",
            given=[*domain, alpha * beta <= 1, lower <= lam, lam <= upper],
            then=discriminant < 0,
        ),
        Implication(part="only there", given=[*domain, discriminant < 0], then=sp.And(alpha * beta <= 1, lower <= lam, lam <= upper)),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="M_p has non-real eigenvalues exactly when αβ < 1 and λ lies in the open interval.  §3.3.2.2 prints the open "
        "interval with αβ ≤ 1, which is right, since for αβ = 1 the open interval is empty",
        checks=[
            Implication(
                part="αβ < 1",
                given=[*domain, alpha * beta < 1],
                then=sp.Equivalent(discriminant < 0, sp.And(lower < lam, lam < upper)),
            ),
            Implication(part="αβ ≥ 1", given=[*domain, alpha * beta >= 1], then=discriminant >= 0),
            Implication(part="αβ = 1: the interval is a point", given=[*domain, sp.Eq(alpha * beta, 1)], then=same(lower, upper)),
        ],
    ),
    remark="At either end Δ = 0 and M_p has one real double eigenvalue; the simplest instance is α = β = λ = 1.",
)

spiralling = [alpha >= 0, beta > 0, beta2 > beta, discriminant < 0, discriminant.subs(beta, beta2) < 0]

omega = sp.sqrt(4 * lam - trace**2) / 2

OMEGA = Claim(
    id="t3-omega",
    source="Castera 2021, thesis, §3.3.2.2",
    statement="ω_p = ½√(4λ − (α + βλ)²) is a decreasing function of β",
    hypotheses="α ≥ 0, β > 0, and λ in the open spiral interval (for both values of β that are compared)",
    checks=[
        Implication(part="two values of β", given=spiralling, then=omega > omega.subs(beta, beta2)),
        Implication(
            part="derivative",
            given=[*domain, discriminant < 0],
            then=sp.And(same(sp.diff(omega, beta), -lam * trace / (4 * omega)), -lam * trace / (4 * omega) < 0),
        ),
        Implication(
            part="where it is defined: β below (2√λ − α)/λ",
            given=[*domain, lam > 0],
            then=sp.Equivalent(discriminant < 0, beta * lam < 2 * sp.sqrt(lam) - alpha),
        ),
        Implication(
            part="turns per decay: ω/|Re σ| decreases too",
            given=spiralling,
            then=omega / (trace / 2) > (omega / (trace / 2)).subs(beta, beta2),
        ),
    ],
    expected=Verdict.PROVED,
    remark="Inside the setting λ > 0 holds by itself.  On the closed interval strictness fails at the single case α = λ = 0, where ω "
    "is 0 for every β.",
)

diagonalisable = sp.Or(discriminant > 0, sp.And(sp.Eq(M[0, 1], 0), sp.Eq(M[1, 0], 0), sp.Eq(M[0, 0], M[1, 1])))
"""A real 2 × 2 matrix is diagonalisable over R exactly when its eigenvalues are real and distinct or it is a multiple of I."""

outside = [*domain, lam > 0, alpha * beta <= 1, sp.Or(lam <= lower, lam >= upper)]


def with_double_eigenvalue() -> sp.Matrix:
    """M_p for α = β = λ = 1, read off the definition."""
    return M.subs({alpha: 1, beta: 1, lam: 1})


def jordan_by_exponential() -> Finding:
    """e^{tM} has an entry t·e^{σt}."""
    time = sp.Symbol("t")
    flow = (with_double_eigenvalue() * time).exp()
    return Finding(not flow.has(time * sp.exp(-time)), {"alpha": 1, "beta": 1, "lamda": 1}, f"exp(tM) = {flow.tolist()}")


def jordan_by_solution() -> Finding:
    """(θ, ψ) = (−t, 1)e^{−t} solves the linearised flow: θ rises from −1/e after t = 1 and falls before."""
    time = sp.Symbol("t")
    solution = sp.Matrix([-time, 1]) * sp.exp(-time)
    solves = sp.simplify(solution.diff(time) - with_double_eigenvalue() * solution) == sp.zeros(2, 1)
    rank = (with_double_eigenvalue() + sp.eye(2)).rank()
    return Finding(not (solves and rank == 1), {"alpha": 1, "beta": 1, "lamda": 1}, "rank(M + I) = 1: one eigenvector")


REAL_FORM = Claim(
    id="t3-real-form",
    source="Castera 2021, thesis, §3.3.2.2, form of the solutions",
    statement="if αβ ≤ 1 and no eigenvalue of ∇²J(θ*) lies in the open spiral interval, or if αβ > 1, then Jac_G = QDQ⁻¹ with a real "
    "diagonal D and the solutions of the linearised flow are sums of exponential functions decreasing in time",
    hypotheses="α ≥ 0, β > 0, every Hessian eigenvalue positive (θ* a non-degenerate local minimiser)",
    checks=[
        Implication(part="αβ ≤ 1: M_p is diagonalisable over R", given=outside, then=diagonalisable),
        Implication(
            part="αβ > 1: distinct negative eigenvalues",
            given=[*domain, lam > 0, alpha * beta > 1],
            then=sp.And(minus < plus, plus < 0),
        ),
        Computation(
            part="α = β = λ = 1: no term t·e^(−t)",
            methods={"matrix exponential": jordan_by_exponential, "a solution": jordan_by_solution},
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="where Δ > 0 for every Hessian eigenvalue (αβ > 1, or all of them outside the closed interval) the coordinates are "
        "linear combinations, with coefficients of any sign, of decreasing exponentials; at an end of the interval M_p is defective "
        "and e^{tM} = e^{σt}(I + t(M − σI)), M ≠ σI, contains t·e^{σt}",
        checks=[
            Implication(
                part="strictly outside",
                given=[*domain, lam > 0, alpha * beta <= 1, sp.Or(lam < lower, lam > upper)],
                then=sp.And(minus < plus, plus < 0),
            ),
            Implication(
                part="at an end: defective",
                given=[*domain, lam > 0, sp.Eq(discriminant, 0)],
                then=sp.And(
                    sp.Ne(M[0, 1], 0),
                    *(sp.Eq(entry, 0) for entry in ((M + trace / 2 * sp.eye(2)) ** 2).applyfunc(sp.expand)),
                ),
            ),
        ],
    ),
    remark="t·e^{σt} is not monotone, and even with distinct eigenvalues e^{σ₊t} − e^{σ₋t} is not: only the exponentials decrease, not "
    "the coordinates.",
)

DIAGONAL = Claim(
    id="t3-diagonal",
    source="Castera 2021, thesis, §3.3.2.2, before (3.18)",
    statement="there is a matrix Q in R^{2P×2P} such that Jac_G = QDQ⁻¹ with D the diagonal matrix of the eigenvalues",
    hypotheses="θ* a local minimiser with non-singular Hessian; α ≥ 0, β > 0",
    checks=[Implication(given=[*domain, lam > 0], then=diagonalisable)],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="Q is real where every Δ > 0, complex where some Δ < 0, and does not exist where some Δ = 0 with λ > 0",
        checks=[
            Implication(part="Δ > 0", given=[*domain, lam > 0, discriminant > 0], then=diagonalisable),
            Implication(part="Δ = 0", given=[*domain, sp.Eq(discriminant, 0)], then=sp.Not(diagonalisable)),
            Implication(
                part="Δ < 0: two different, conjugate eigenvalues",
                given=[*domain, discriminant < 0],
                then=sp.And(complex_plus[1] > 0, same(chi, (X - complex_plus[0]) ** 2 + complex_plus[1] ** 2)),
            ),
        ],
    ),
)

SADDLE_REAL = Claim(
    id="t3-saddle-real",
    source="Castera 2021, thesis, §3.3.1.4, first sentence",
    statement="if an eigenvalue λ_p of the Hessian is negative, then its discriminant is positive and thus the eigenvalues of Jac_G "
    "are real",
    hypotheses="α ≥ 0, β > 0; P = 2 with Hessian eigenvalues h1 and h2",
    checks=[
        Implication(
            given=[*domain, h1 < 0],
            then=sp.And(discriminant.subs(lam, h1) > 0, discriminant.subs(lam, h2) >= 0),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the two eigenvalues of the block M_p of that λ_p are real; other blocks may have complex ones",
        checks=[Implication(given=[*domain, h1 < 0], then=discriminant.subs(lam, h1) > 0)],
    ),
)

example = {alpha: 2, beta: sp.Rational(1, 10)}

EXAMPLE_INTERVAL = Claim(
    id="t3-example-interval",
    source="Castera 2021, thesis, §3.3.2.3",
    statement="for (α, β) = (2, 0.1) the eigenvalues for which spirals are seen range over approximately [1, 359]; the Hessian "
    "eigenvalues 2 and 4 of θ₁² + 2θ₂² lie in it; (2, 1) has αβ > 1",
    hypotheses="approximately: to the nearest integer",
    checks=[
        Implication(
            part="ends",
            then=sp.And(*(sp.Abs(end.subs(example) - near) < sp.Rational(1, 2) for end, near in ((lower, 1), (upper, 359)))),
        ),
        Implication(
            part="2 and 4 spiral",
            given=[sp.Or(sp.Eq(lam, 2), sp.Eq(lam, 4))],
            then=sp.And(lower.subs(example) < lam, lam < upper.subs(example), discriminant.subs(example) < 0),
        ),
        Computation(
            part="spectrum of the example",
            methods={
                "Hessian": lambda: Finding(problem("thesis-3.2").hessian(np.array([0.5, -3.0])).tolist() == [[2, 0], [0, 4]]),
                "critical points": lambda: Finding([c.spectrum for c in problem("thesis-3.2").critical_points()] == [(2, 4)]),
            },
        ),
    ],
    expected=Verdict.PROVED,
    remark="Exactly [180 − 80√5, 180 + 80√5] ≈ [1.115, 358.885]: 1 and 359 themselves lie outside.",
)

EXAMPLE_RATE = Claim(
    id="t3-example-rate",
    source="Castera 2021, thesis, §3.3.2.3, results",
    statement="on θ₁² + 2θ₂² the setting (α, β) = (2, 0.1), which spirals, is faster than (2, 1), which does not",
    hypotheses="speed: the slowest exponential rate over λ = 2, 4",
    checks=[
        Implication(
            part="(2, 0.1): every real part is at most −11/10",
            given=[sp.Or(sp.Eq(lam, 2), sp.Eq(lam, 4))],
            then=complex_plus[0].subs(example) <= sp.Rational(-11, 10),
        ),
        Implication(
            part="(2, 1), λ = 2: an eigenvalue above −6/10",
            given=[sp.Eq(lam, 2)],
            then=plus.subs({alpha: 2, beta: 1}) > sp.Rational(-6, 10),
        ),
    ],
    expected=Verdict.PROVED,
    remark="The rates are 1.1 and 2 − √2 ≈ 0.586.",
)
