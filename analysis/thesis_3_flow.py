"""Castera 2021, Chapter 3, §3.3: DIN near its stationary points.

χ and M are read off the definition of DIN; every formula of the thesis is typed as printed.
"""

import numpy as np
import sympy as sp

from dynopt.core.problem import oracle
from dynopt.core.registry import problem
from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict, real
from dynopt.symbolic.criteria import characteristic_polynomial
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, X, x, y, theta, psi, omega = sp.symbols("alpha beta X x y theta psi omega", real=True)
lam = eigenvalue

SPACE = state_space(symbolic("din"))

M = real(SPACE.mode_matrix)

chi = real(characteristic_polynomial(SPACE)).as_expr().subs(sp.Symbol("z", real=True), X)

trace = alpha + beta * lam

discriminant = trace**2 - 4 * lam
"""Δ = (α + βλ)² − 4λ, (3.9)."""

root = sp.sqrt(discriminant)

plus, minus = -trace / 2 + root / 2, -trace / 2 - root / 2
"""σ_{p,±} of (3.10)."""

domain = [alpha >= 0, beta > 0]

SADDLE_FLOW = Claim(
    id="t3-saddle-flow",
    source="Castera 2021, thesis, proof of Theorem 3.2",
    statement="λ < 0 implies Δ > 0 and σ₊ > 0",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(part="Δ > 0", given=[*domain, lam < 0], then=discriminant > 0),
        Implication(part="σ₊ > 0", given=[*domain, lam < 0], then=plus > 0),
        Implication(part="root-free: the product of the eigenvalues is negative", given=[*domain, lam < 0], then=chi.subs(X, 0) < 0),
        Implication(part="whatever α and β", given=[lam < 0], then=sp.And(discriminant > 0, plus > 0)),
    ],
    expected=Verdict.PROVED,
)

MINIMA_FLOW = Claim(
    id="t3-minima-flow",
    source="Castera 2021, thesis, Remark 3.7",
    statement="λ > 0 implies σ₊ < 0, that is, both eigenvalues of M_p have negative real parts",
    hypotheses="α ≥ 0, β > 0 (§3.3)",
    checks=[
        Implication(part="real case", given=[*domain, lam > 0, discriminant >= 0], then=sp.And(plus < 0, minus < 0)),
        Implication(part="complex case", given=[*domain, lam > 0, discriminant <= 0], then=-trace / 2 < 0),
        Implication(part="root-free (Routh–Hurwitz)", given=[*domain, lam > 0], then=sp.And(M.trace() < 0, M.det() > 0)),
        Implication(
            part="what it needs: for λ > 0 exactly α + βλ > 0",
            given=[sp.Ne(beta, 0), lam > 0],
            then=sp.Equivalent(sp.And(M.trace() < 0, M.det() > 0), alpha + beta * lam > 0),
        ),
    ],
    expected=Verdict.PROVED,
    remark="Where Δ < 0 the printed σ₊ < 0 can only mean its real part.  α = 0 is allowed, because β > 0.",
)

# --- Theorem 3.8 and its use ---

SPIRAL_FIELD = (-y - x * (x**2 + y**2), x - y * (x**2 + y**2))
"""C¹ (polynomial), zero at 0, Jacobian [[0, −1], [1, 0]] there: eigenvalues ±i."""


def centre_by_radius() -> Finding:
    """d(x² + y²)/dt is −2(x² + y²)² along the field and 0 along its linearisation: no orbit closes, every orbit closes."""
    jacobian = sp.Matrix(SPIRAL_FIELD).jacobian([x, y]).subs({x: 0, y: 0})
    linear = jacobian * sp.Matrix([x, y])
    along = sp.expand(2 * x * SPIRAL_FIELD[0] + 2 * y * SPIRAL_FIELD[1] + 2 * (x**2 + y**2) ** 2) == 0
    closed = sp.expand(2 * x * linear[0] + 2 * y * linear[1]) == 0
    return Finding(not (along and closed and jacobian.det() != 0), {"F": SPIRAL_FIELD}, "eigenvalues ±i; periodic orbits against none")


def centre_by_solution() -> Finding:
    """r(t) = (1 + 2t)^(−1/2) at angle t solves the field and never returns; e^{2πM} = I, so the linear flow always does."""
    time = sp.Symbol("t", positive=True)
    radius = 1 / sp.sqrt(1 + 2 * time)
    path = {x: radius * sp.cos(time), y: radius * sp.sin(time)}
    solves = all(sp.simplify(sp.diff(path[v], time) - f.subs(path)) == 0 for v, f in zip((x, y), SPIRAL_FIELD, strict=True))
    jacobian = sp.Matrix(SPIRAL_FIELD).jacobian([x, y]).subs({x: 0, y: 0})
    returns = sp.simplify((2 * sp.pi * jacobian).exp()) == sp.eye(2) and set(jacobian.eigenvals()) == {sp.I, -sp.I}
    return Finding(not (solves and returns), {"F": SPIRAL_FIELD}, "eigenvalues ±i; periodic orbits against none")


HARTMAN = Claim(
    id="t3-hartman",
    source="Castera 2021, thesis, Theorem 3.8",
    statement="near a zero Θ* of a C¹ field F where Jac_F(Θ*) has only non-zero eigenvalues, a homeomorphism carries the solutions to "
    "those of the linear field Jac_F(Θ*), preserving time",
    hypotheses="F of class C¹ on R^{2P}, F(Θ*) = 0, Jac_F(Θ*) has only non-zero eigenvalues",
    checks=[Computation(methods={"radius": centre_by_radius, "solution": centre_by_solution})],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the eigenvalues must have non-zero real parts (Perko's hypothesis).  For DIN with α ≥ 0, β > 0 the two are the "
        "same: no eigenvalue is 0 exactly when every λ_p ≠ 0, and then none is purely imaginary, so the application in §3.3.2.2 stands",
        checks=[
            Implication(part="χ(0) = det M = λ: 0 is no eigenvalue ⇔ λ ≠ 0", given=domain, then=sp.Eq(M.det(), lam, evaluate=False)),
            Implication(
                part="χ(iω) ≠ 0 for λ ≠ 0",
                given=[*domain, sp.Ne(lam, 0)],
                then=sp.Or(
                    sp.Ne(chi.coeff(X, 0) - omega**2, 0),
                    sp.Ne(sp.expand(sp.expand(chi).coeff(X, 1)) * omega, 0),
                ),
            ),
        ],
    ),
    remark="A conjugacy maps periodic orbits to periodic orbits; F has none but the rest point, its linearisation at 0 has only such.  "
    "That the corrected theorem holds is Perko's; what is proved here is its hypothesis for DIN.",
)

velocity = M * sp.Matrix([theta, psi])

energy = (1 + alpha * beta) * lam * theta**2 / 2 + (velocity[0] + beta * lam * theta) ** 2 / 2
"""(1 + αβ)J + ½|θ' + β∇J|² on J = ½λθ², with θ' read off the definition; theta, psi stand for θ, ψ."""

NEIGHBOURHOOD = Claim(
    id="t3-neighbourhood",
    source="Castera 2021, thesis, §3.3.2.2, application of Theorem 3.8",
    statement="for any initialization in the neighbourhood Ω of (θ*, ψ*) on which Theorem 3.8 holds, the solution remains in Ω",
    hypotheses="θ* a non-degenerate local minimiser, α ≥ 0, β > 0; here J = ½λθ², for which any Ω will do, and Ω the unit ball",
    checks=[
        Implication(
            part="no solution crosses the unit circle outwards",
            given=[*domain, lam > 0, sp.Eq(theta**2 + psi**2, 1)],
            then=theta * velocity[0] + psi * velocity[1] <= 0,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="it remains in the smaller neighbourhoods where a Lyapunov function is below a constant, for instance (1 + αβ)J + "
        "½|θ' + β∇J|²; Ω must be chosen so",
        checks=[
            Implication(
                part="it decreases along solutions",
                given=[*domain, lam > 0],
                then=sp.diff(energy, theta) * velocity[0] + sp.diff(energy, psi) * velocity[1] <= 0,
            ),
            Implication(
                part="it is positive definite",
                given=[*domain, lam > 0, sp.Or(sp.Ne(theta, 0), sp.Ne(psi, 0))],
                then=energy > 0,
            ),
        ],
    ),
)

# --- Theorem 3.2 and Corollary 3.3 ---

THEOREM_32 = Claim(
    id="t3-theorem-32",
    source="Castera 2021, thesis, Theorem 3.2 and Corollary 3.3",
    statement="for almost any initialization the solution of DIN does not converge to a point of S with a negative Hessian eigenvalue",
    hypotheses="J of class C² with isolated critical points; α ≥ 0, β > 0",
    checks=[],
    expected=Verdict.NOT_CHECKABLE,
    remark="A statement about Lebesgue measure that rests on the centre-stable manifold theorem.  Its spectral core is t3-blocks with "
    "t3-saddle-flow, the rest points t3-fixed-points.  For Corollary 3.3 see t3-nondegenerate.",
)


def stays_by_definition() -> Finding:
    """DIN started at the strict saddle (0, 0), ψ = 0 of the double well has velocity 0: it converges to the saddle, with probability ½."""
    well, origin, din = problem("double-well"), np.array([0, 0], dtype=object), symbolic("din")
    velocity = din.field(din.init(origin, oracle(well)), oracle(well), 0)
    rests = all(v == 0 for block in velocity for v in block)
    saddle = min(sp.Matrix(well.hessian(origin)).eigenvals()) < 0
    return Finding(not (rests and saddle), {"law": "½δ₀ + ½N(0, I)"}, "P(limit = strict saddle) ≥ 1/2")


def stays_by_fixed_point() -> Finding:
    """(0, 0) satisfies (2.16), so it is stationary; the Hessian there is diag(−8, 2)."""
    well = problem("double-well")
    at = dict.fromkeys(well.symbols, 0)
    steady = [sp.diff(well.expression, s).subs(at) for s in well.symbols] == [0, 0]
    return Finding(not (steady and sp.hessian(well.expression, well.symbols).subs(at) == sp.diag(-8, 2)), {"law": "½δ₀ + ½N(0, I)"})


NONDEGENERATE = Claim(
    id="t3-nondegenerate",
    source="Castera 2021, thesis, Corollary 3.3 and its proof (Corollary 3.10 alike)",
    statement="if (θ₀, ψ₀) is drawn from a non-degenerate distribution, that is, one whose support has non-zero measure, the limit of "
    "the solution is a local minimiser with probability one",
    hypotheses="J a coercive Morse function of class C²",
    checks=[Computation(methods={"definition at the saddle": stays_by_definition, "stationary point": stays_by_fixed_point})],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the distribution must give probability 0 to sets of Lebesgue measure 0 (absolute continuity), as a Gaussian or "
        "uniform one does; a support of positive measure does not exclude atoms",
        checks=[
            Implication(
                part="the exceptional set has a missing direction: an unstable eigenvalue at every strict saddle",
                given=[*domain, lam < 0],
                then=sp.And(plus > 0, minus < 0),
            )
        ],
    ),
    remark="The law ½δ₀ + ½N(0, I) on R⁴ has all of R⁴ as support and rests at the strict saddle of the double well with probability "
    "½.  The examples named in the thesis (Gaussian, uniform) are absolutely continuous.",
)
