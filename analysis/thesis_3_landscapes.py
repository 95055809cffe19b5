"""Castera 2021, Chapter 3: kinds of critical points (§3.2) and the toy landscape of §3.4.4."""

import numpy as np
import sympy as sp

from dynopt.algorithms.inna import INNA
from dynopt.core.problem import oracle
from dynopt.core.registry import problem
from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict, real
from dynopt.symbolic.criteria import characteristic_polynomial, jury
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

theta1, theta2, epsilon, h1, h2 = sp.symbols("theta1 theta2 epsilon h1 h2", real=True)

LEFT, RIGHT = problem("thesis-3.1-left"), problem("thesis-3.1-right")


def spectra_by_eigenvalues() -> Finding:
    origin = np.array([0, 0], dtype=object)
    found = {p.name: sorted(sp.Matrix(p.hessian(origin)).eigenvals(multiple=True)) for p in (LEFT, RIGHT)}
    return Finding(all(spectrum == [0, 2] for spectrum in found.values()), note=str(found))


def spectra_by_invariants() -> Finding:
    """Eigenvalues 0 and 2 are trace 2 and determinant 0."""
    at = {s: 0 for p in (LEFT, RIGHT) for s in p.symbols}
    hessians = [sp.hessian(p.expression, p.symbols).subs(at) for p in (LEFT, RIGHT)]
    gradients = [[sp.diff(p.expression, s).subs(at) for s in p.symbols] for p in (LEFT, RIGHT)]
    return Finding(all(h.trace() == 2 and h.det() == 0 for h in hessians) and gradients == [[0, 0], [0, 0]])


def value(landscape, *point):
    return landscape.expression.subs(dict(zip(landscape.symbols, point, strict=True)), simultaneous=True)


KINDS = Claim(
    id="t3-kinds",
    source="Castera 2021, thesis, §3.2 and Figure 3.1",
    statement="(0, 0) is a critical point of ½θ₁² + ½θ₂² + θ₁θ₂ and of θ₁³ + θ₂² with Hessian eigenvalues 0 and 2; it is a minimiser "
    "of the first and not an extremum of the second",
    hypotheses="none",
    checks=[
        Computation(part="spectra", methods={"eigenvalues": spectra_by_eigenvalues, "trace and determinant": spectra_by_invariants}),
        Implication(part="minimiser", then=value(LEFT, theta1, theta2) >= value(LEFT, 0, 0)),
        Implication(
            part="no extremum: both signs at distance ε/2",
            given=[epsilon > 0],
            then=sp.And(value(RIGHT, epsilon / 2, 0) > value(RIGHT, 0, 0), value(RIGHT, -epsilon / 2, 0) < value(RIGHT, 0, 0)),
        ),
    ],
    expected=Verdict.PROVED,
    remark="The minimiser is not strict: the first function vanishes on the line θ₁ + θ₂ = 0, so it violates Assumption 3.1 (isolated "
    "critical points).",
)

regular = sp.And(sp.Ne(h1, 0), sp.Ne(h2, 0))

minimum, strict_saddle = sp.And(h1 > 0, h2 > 0), sp.Or(h1 < 0, h2 < 0)

MORSE = Claim(
    id="t3-morse",
    source="Castera 2021, thesis, §3.2, after Definition 3.1",
    statement="Morse functions are functions for which all saddles are strict and other critical points are minima",
    hypotheses="twice continuously differentiable; Morse: no zero eigenvalue of the Hessian at any critical point",
    checks=[
        Implication(part="as a characterisation, in the thesis's terms", then=sp.Equivalent(regular, sp.Or(strict_saddle, minimum))),
        Implication(
            part="in the usual terms: a critical point is a minimum or a saddle (eigenvalues of both signs)",
            given=[regular],
            then=sp.Or(minimum, h1 * h2 < 0),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="every critical point of a Morse function is a minimum with positive definite Hessian or has a negative Hessian "
        "eigenvalue (a strict saddle in the thesis's sense, maxima included); the converse fails, since a strict saddle may have a "
        "zero eigenvalue too",
        checks=[
            Implication(given=[regular], then=sp.Or(strict_saddle, minimum)),
            Exists(part="the converse fails", such_that=[strict_saddle, sp.Not(regular)]),
        ],
    ),
    reduction="Two Hessian eigenvalues h1, h2 at the critical point 0 of ½h1θ₁² + ½h2θ₂² (+ θ₂⁴ where h2 = 0, to isolate it); P "
    "eigenvalues read the same.",
    remark="−θ₁² + θ₂⁴ has one critical point, a strict saddle in the thesis's sense, and is not Morse.  −θ₁² − θ₂² is Morse and its "
    "one critical point is a maximum: a strict saddle only because the thesis's definition counts maxima.  Corollaries 3.3 and 3.10 "
    "use the true direction.",
)

# --- §3.4.4: INNA on the double well ---

alpha, beta, gamma, L, rho = sp.symbols("alpha beta gamma L rho", real=True)
lam = eigenvalue

SPACE = state_space(symbolic("inna"))

M = real(SPACE.mode_matrix)

conditions = tuple(real(p) for p in jury(characteristic_polynomial(SPACE)))
"""χ(−1), 2(1 − det M) and χ(1) up to positive factors: all positive iff both eigenvalues have modulus below 1."""

decays = sp.And(*(p > 0 for p in conditions))


WELL = problem("double-well")

first, second = WELL.symbols

gradient = list(WELL.gradient_expression)

hessian = WELL.hessian_expression


def run(start, **parameters):
    """One step of INNA on the double well from the thesis's initial ψ, exactly: the state before and after."""
    method = INNA(**parameters)
    before = method.init(np.array(start, dtype=object), oracle(WELL))
    return before, method.update(before, oracle(WELL), 0)


def critical_by_solving() -> Finding:
    found = {c.point: (c.kind, c.spectrum) for c in WELL.critical_points()}
    well = ("minimum", (2, 16))
    wanted = {(-sp.sqrt(2), 0): well, (0, 0): ("strict saddle", (-8, 2)), (sp.sqrt(2), 0): well}
    return Finding(found == wanted, note=str(found))


def critical_by_division() -> Finding:
    """∂₁J = 4θ₁(θ₁² − 2), ∂₂J = 2θ₂: no other zeros; diag(12θ₁² − 8, 2) at them."""
    factors = sp.expand(gradient[0] - 4 * first * (first**2 - 2)) == 0 and sp.expand(gradient[1] - 2 * second) == 0
    at = [hessian.subs({first: value, second: 0}) for value in (-sp.sqrt(2), 0, sp.sqrt(2))]
    return Finding(factors and at == [sp.diag(16, 2), sp.diag(-8, 2), sp.diag(16, 2)])


def hits_by_running() -> Finding:
    """The starts (2, 0) with γ = 1/8 and (√(29/2), 0) with the figure's γ = 1/50 are at the saddle after one step."""
    arrived = []
    for step, place in ((sp.Rational(1, 8), sp.Integer(2)), (sp.Rational(1, 50), sp.sqrt(sp.Rational(29, 2)))):
        _, after = run([place, sp.Integer(0)], alpha=1, beta=1, gamma=step)
        arrived.append(all(sp.expand(v) == 0 for block in after for v in block))
    witness = {"alpha": 1, "beta": 1, "gamma": sp.Rational(1, 8), "theta1": 2, "theta2": 0}
    return Finding(not all(arrived), witness, "θ = ψ = (0, 0) after one step; with gamma = 1/50 so it is from theta1 = sqrt(58)/2")


def hits_by_factoring() -> Finding:
    """For α = β = 1 the thesis's ψ₀ is 0 and θ₁⁺ = θ₁ − γ∂₁J = θ₁(1 + 8γ − 4γθ₁²): it vanishes at θ₁² = (1 + 8γ)/(4γ)."""
    roots = [sp.roots(sp.Poly(first - step * gradient[0], first)) for step in (sp.Rational(1, 8), sp.Rational(1, 50))]
    return Finding(not (2 in roots[0] and sp.sqrt(58) / 2 in roots[1]), {"theta1": 2})


symbols_state, symbols_after = run([first, second], alpha=alpha, beta=beta, gamma=gamma)

figure = [sp.Eq(gamma, sp.Rational(1, 50)), sp.Eq(beta, 1), sp.Or(sp.Eq(alpha, 2), sp.Eq(alpha, sp.Rational(1, 2)))]

start = real(SPACE.start)

double = sp.sqrt((alpha + beta * lam) ** 2 - 4 * lam)
plus, minus = (1 - gamma * (alpha + beta * lam - sign * double) / 2 for sign in (1, -1))
"""σ₊ and σ₋ of (3.26)."""

SADDLE_POINT = Claim(
    id="t3-saddle-point",
    source="Castera 2021, thesis, §3.4.4 and Figure 3.3",
    statement="θ₁⁴ − 4θ₁² + θ₂² has the critical points (±√2, 0), local minimisers, and (0, 0), a strict saddle; the initialisations "
    "for which INNA converges to (0, 0) are exactly θ₁ = 0; started anywhere else it avoids the saddle",
    hypotheses="INNA with the initial ψ of §2.6.2.1; the parameters are left open in the text, (2, 1), (½, 1) and γ = 1/50 in the figure",
    checks=[
        Computation(part="critical points", methods={"solving": critical_by_solving, "factors": critical_by_division}),
        Implication(
            part="θ₁ = 0 is kept, and ψ₁ = 0 with it",
            given=[beta > 0, gamma > 0, sp.Eq(first, 0)],
            then=sp.And(*(sp.Eq(block[0], 0) for block in (symbols_state.psi, symbols_after.theta, symbols_after.psi))),
        ),
        Implication(part="and θ₂ then decays (the figure's parameters)", given=[*figure, sp.Eq(lam, 2)], then=decays),
        Computation(part="nothing else reaches the saddle", methods={"definition": hits_by_running, "factors": hits_by_factoring}),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="θ₁ = 0 is contained in that set, and near the saddle it is all of it, since a start (θ₁, ψ₁) off it has a component "
        "along the unstable eigenvector; far away other starts reach the saddle.  In the phase space R⁴ the stable manifold has "
        "dimension 3",
        checks=[
            Implication(
                part="the start has an unstable component",
                given=[alpha >= 0, beta > 0, gamma > 0, lam < 0],
                then=sp.Ne(((M - minus * sp.eye(2)) * start)[0], 0),
            ),
            Implication(
                part="θ₁ ≠ 0 reaches the saddle in one step",
                given=[sp.Eq(alpha, 1), sp.Eq(beta, 1), gamma > 0, sp.Eq(4 * gamma * first**2, 1 + 8 * gamma), sp.Eq(second, 0)],
                then=sp.And(*(sp.Eq(sp.expand(v), 0) for block in symbols_after for v in block)),
            ),
            Implication(
                part="one stable and one unstable eigenvalue at λ = −8 (the figure's parameters)",
                given=[*figure, sp.Eq(lam, -8)],
                then=sp.And(plus > 1, minus > -1, minus < 1),
            ),
        ],
    ),
    remark="The exact witness has α = β = 1.  At the figure's own parameters the basins of ±√2 change over near θ₁ = 4.03 (for (2, 1)) and "
    "θ₁ = 3.72 (for (½, 1)), so starts between reach the saddle too; a floating-point test follows one.  J itself is outside Theorem 3.9: "
    "see t3-toy-lipschitz.",
)


def curvature_unbounded() -> Finding:
    """12θ₁² − 8 at θ₁ = L + 1 exceeds L."""
    excess = sp.Poly(sp.expand(hessian[0, 0].subs(first, L + 1) - L), L)
    return Finding(not all(c > 0 for c in excess.all_coeffs()), {"theta1": L + 1}, f"∂₁₁J − L = {excess.as_expr()}")


def curvature_limit() -> Finding:
    limit = sp.limit(hessian[0, 0], first, sp.oo)
    return Finding(limit != sp.oo, {"theta1": sp.oo}, f"∂₁₁J → {limit}")


TOY_LIPSCHITZ = Claim(
    id="t3-toy-lipschitz",
    source="Castera 2021, thesis, §3.4.4",
    statement="the function θ₁⁴ − 4θ₁² + θ₂² illustrates Theorem 3.9, that is, it meets Assumption 3.2: ∇J is L-Lipschitz on R² for some L",
    hypotheses="none",
    checks=[Computation(methods={"a point for every L": curvature_unbounded, "limit": curvature_limit})],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="its curvature is unbounded; on |θ₁| ≤ ρ the Hessian spectrum lies in [−L, L] for L = max(8, 12ρ² − 8), and (3.20) "
        "speaks of orbits that stay there",
        checks=[
            Implication(part="unbounded", given=[L > 0, sp.Eq(first, L + 1)], then=hessian[0, 0] > L),
            Implication(
                part="on |θ₁| ≤ ρ",
                given=[rho >= 0, first >= -rho, first <= rho, sp.Eq(L, sp.Max(8, 12 * rho**2 - 8))],
                then=sp.And(hessian[0, 0] >= -L, hessian[0, 0] <= L, hessian[1, 1] <= L),
            ),
        ],
    ),
)

CONCAVE = Claim(
    id="t3-concave",
    source="Castera 2021, thesis, caption of Figure 3.3",
    statement="the landscape of θ₁⁴ − 4θ₁² + θ₂² has parts where J is locally concave (red) and parts where it is locally convex (blue)",
    hypotheses="concave where 12θ₁² < 8",
    checks=[
        Implication(
            part="locally concave: both Hessian eigenvalues ≤ 0",
            given=[hessian[0, 0] < 0],
            then=sp.And(hessian[0, 0] <= 0, sp.Le(hessian[1, 1], 0), hessian.det() >= 0),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="∂₂₂J = 2 everywhere, so J is nowhere concave: indefinite where 3θ₁² < 2, convex where 3θ₁² ≥ 2",
        checks=[
            Implication(part="indefinite", given=[3 * first**2 < 2], then=hessian.det() < 0),
            Implication(part="convex", given=[3 * first**2 >= 2], then=sp.And(hessian[0, 0] >= 0, hessian.det() >= 0)),
        ],
    ),
)
