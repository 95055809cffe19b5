"""Castera 2021, Chapter 2, §2.5.3: the quadratic form (2.35), the constants c₁, c₂ and Theorem 2.10.

The energy and the field are read off the definition of `DIN`; the thesis's formulas are typed as printed.
"""

import math

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp

from dynopt.algorithms.din import DIN, Lifted
from dynopt.core.oracle import FunctionOracle
from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, theta, psi, slope, J = sp.symbols("alpha beta theta psi g J", real=True)
domain = [alpha >= 0, beta > 0]


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- (2.32)–(2.36) ------------------------------------------------------------------------------------------------------------

r1, r2, r3, p1, p2, e, c1 = sp.symbols("r1 r2 r3 p1 p2 e c1", real=True)
form = (r1 * p1 + r2 * p2) ** 2 + r3 * p2**2
trace, determinant = r1**2 + r2**2 + r3, r1**2 * r3
root = sp.sqrt(trace**2 - 4 * determinant)
small, large = (trace - root) / 2, (trace + root) / 2

QUADFORM = Claim(
    id="t2-quadform",
    source="Castera 2021, thesis, (2.35)",
    statement="there are C₁, C₂ > 0 with C₁(a² + b²) ≤ (r₁a + r₂b)² + r₃b² ≤ C₂(a² + b²) for all real a, b; the two eigenvalues of the "
    "matrix will do",
    hypotheses="r₁ > 0, r₂ real, r₃ > 0",
    checks=[
        Implication(
            part="C₁ = r₁²r₃/(r₁² + r₂² + r₃), C₂ = r₁² + r₂² + r₃",
            given=[r1 > 0, r3 > 0],
            then=sp.And(
                determinant / trace > 0,
                determinant / trace * (p1**2 + p2**2) <= form,
                form <= trace * (p1**2 + p2**2),
            ),
        ),
        Implication(part="the eigenvalues are real and positive", given=[r1 > 0, r3 > 0], then=sp.And(small > 0, large >= small)),
        *(
            Implication(
                part=f"the {which} eigenvalue",
                given=[r1 > 0, r3 > 0, sp.Eq(e**2 - trace * e + determinant, 0), ordered],
                then=wanted,
            )
            for which, ordered, wanted in (
                ("smaller", 2 * e <= trace, e * (p1**2 + p2**2) <= form),
                ("larger", 2 * e >= trace, form <= e * (p1**2 + p2**2)),
            )
        ),
    ],
    expected=Verdict.PROVED,
    reduction="For vectors a, b in R^P, as used: sum over coordinates.",
    remark="r₁ ≠ 0 is enough.  The use on (2.32) has r₁ = √(2α), which needs α > 0: t2-c1c2.",
)


def energy(value, gradient, position, lifted) -> sp.Expr:
    """E = E_min + E_max of the definition, one coordinate."""
    oracle = FunctionOracle(lambda _: value, lambda _: np.array([gradient]))
    state = Lifted(np.array([position]), np.array([lifted]))
    return real(symbolic("din").energies(state, oracle, 0)["E"])


space = state_space(symbolic("din"))
theta_rate, psi_rate = real(space.A) * sp.Matrix([theta, psi]) + real(space.B) * slope
E = energy(J, slope, theta, psi)
subgradient = [sp.diff(E, theta) + sp.diff(E, J) * slope, sp.diff(E, psi)]
"""∂E, one coordinate, for the element g of ∂J."""
E_rate = subgradient[0] * theta_rate + subgradient[1] * psi_rate
steepness = subgradient[0] ** 2 + subgradient[1] ** 2
w = (alpha - 1 / beta) * theta + psi / beta
motion = theta_rate**2 + psi_rate**2

FORMULAS = Claim(
    id="t2-rate-formulas",
    source="Castera 2021, thesis, (2.32), (2.33), (2.34), (2.36)",
    statement="with w = (α − 1/β)θ + ψ/β: dE/dt = −2α‖−βg − w‖² − 2β‖g‖²; ∂E = 2((1 + αβ)g + (α − 1/β)w, w/β); ‖∂E‖²/4 = "
    "‖(1/β)(1 + αβ)θ' + [(α − 1/β) − (1/β)(1 + αβ)]ψ'‖² + ‖ψ'‖²/β²",
    hypotheses="α ≥ 0, β > 0, g the element of ∂J(θ) that the solution takes",
    checks=[
        Implication(part="(2.32)", given=domain, then=same(E_rate, -2 * alpha * (-beta * slope - w) ** 2 - 2 * beta * slope**2)),
        Implication(
            part="(2.33)",
            given=domain,
            then=sp.And(
                same(subgradient[0], 2 * ((1 + alpha * beta) * slope + (alpha - 1 / beta) * w)), same(subgradient[1], 2 * w / beta)
            ),
        ),
        Implication(
            part="(2.34)",
            given=domain,
            then=same(steepness / 4, ((1 + alpha * beta) * slope + (alpha - 1 / beta) * w) ** 2 + (w / beta) ** 2),
        ),
        Implication(
            part="(2.36)",
            given=domain,
            then=same(
                steepness / 4,
                ((1 + alpha * beta) / beta * theta_rate + ((alpha - 1 / beta) - (1 + alpha * beta) / beta) * psi_rate) ** 2
                + psi_rate**2 / beta**2,
            ),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: sums over coordinates.",
    remark="(2.36) needs g = (ψ' − θ')/β, not the sign printed in Lemma 2.5.  Its bracket is −2/β.",
)

first = alpha * beta**2 / (4 * (1 + alpha * beta) ** 2)
second = 4 / beta**2 * (1 + alpha * beta) ** 2 / ((1 + alpha * beta) ** 2 + 5)
X1, X2, F = sp.symbols("X1 X2 F", real=True)
r = 1 + alpha * beta

CONSTANTS = Claim(
    id="t2-c1c2",
    source="Castera 2021, thesis, (2.32)–(2.36)",
    statement="there are c₁, c₂ > 0 with dE/dt ≤ −c₁‖∂E‖² and ‖∂E‖² ≥ c₂(‖θ'‖² + ‖ψ'‖²) along the solutions of (2.8)",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(part="c₁ = αβ²/(4(1 + αβ)²)", given=domain, then=sp.And(first > 0, E_rate <= -first * steepness)),
        Implication(part="c₂ = (4/β²)(1 + αβ)²/((1 + αβ)² + 5)", given=domain, then=sp.And(second > 0, steepness >= second * motion)),
        Implication(
            part="c₂ for the nearest element of a set ∂J: F = ‖∂_θE‖β/2 with F‖θ'‖ ≥ (1 + αβ)‖θ'‖² − 2‖θ'‖‖ψ'‖",
            given=[*domain, X1 > 0, X2 >= 0, F >= 0, F * X1 >= r * X1**2 - 2 * X1 * X2],
            then=4 / beta**2 * (F**2 + X2**2) >= second * (X1**2 + X2**2),
        ),
    ],
    expected=Verdict.CONDITIONAL,
    extra=alpha > 0,
    needed=[
        Implication(
            part="α = 0: no c₁ > 0 will do, wherever g = 0 and w ≠ 0",
            given=[sp.Eq(alpha, 0), beta > 0, c1 > 0, sp.Eq(slope, 0), sp.Ne(psi, theta)],
            then=E_rate > -c1 * steepness,
        ),
    ],
    reduction="All P: sums over coordinates.  Non-smooth J: ‖∂E‖ is the distance of 0 to a set, so c₁ carries over, as the element that "
    "the solution takes is one of them; for c₂ the chain rule (2.15) makes ⟨θ', v⟩ the same for all v ∈ ∂J(θ(t)), which gives "
    "⟨θ', ∂_θE⟩ the same value for all elements, and Cauchy–Schwarz the hypothesis on F (X₁ = ‖θ'‖, X₂ = ‖ψ'‖; θ' = 0 is trivial).",
    remark="The form in (2.32) has r₁ = √(2α), so (2.35) does not apply at α = 0.  In (ii) of Theorem 2.8 the constant is √c₂.",
)


# --- Theorem 2.10 at α = 0 ----------------------------------------------------------------------------------------------------


def flat_slope(position):
    """J' for J = ½·max(|θ| − 1, 0)²: C¹, semi-algebraic, ≥ 0, zero on [−1, 1]."""
    return position - np.clip(position, -1, 1)


BOUNCE = {"alpha": 0, "beta": 1, "J": "max(|theta| - 1, 0)^2/2", "theta0": 0, "psi0": -1}


def bounce_by_modes() -> Finding:
    """θ has the modes z² inside (constant speed) and z² + z + 1 outside, whose roots −½ ± i√3/2 turn ξ = |θ| − 1 through 0 again.

    A start ξ = 0, ξ' = s > 0 is back at ξ = 0 after the time 2π/√3, with ξ' = −e^(−π/√3)·s ≠ 0: no bounce is the last.
    """
    z = sp.Symbol("z")
    inside, outside = (
        real(space.mode_matrix).subs({alpha: 0, beta: 1, eigenvalue: curvature}).charpoly(z).as_expr() for curvature in (0, 1)
    )
    decay, frequency = sp.Rational(-1, 2), sp.sqrt(3) / 2
    spiral = sp.Matrix([[decay, -frequency], [frequency, decay]])  # d/dt on e^{t·decay} sin, cos
    solves = (spiral**2 + spiral + sp.eye(2)).applyfunc(sp.expand) == sp.zeros(2, 2)
    bounces = sp.expand(inside - z**2) == 0 and sp.expand(outside - (z**2 + z + 1)) == 0 and solves
    factor = sp.exp(sp.pi * decay / frequency)
    return Finding(not (bounces and 0 < factor < 1), BOUNCE, f"speed factor of a bounce {factor}")


def bounce_by_integration() -> Finding:
    """The definition of DIN integrated numerically through three bounces."""
    flow = DIN(alpha=0, beta=1)
    oracle = FunctionOracle(lambda x: None, flat_slope)

    def field(t: float, s: np.ndarray) -> np.ndarray:
        return np.array(flow.field(Lifted(s[0], s[1]), oracle, t))

    def side(t: float, s: np.ndarray) -> float:
        return abs(s[0]) - 1

    run = solve_ivp(field, (0, 110), [0.0, -1.0], method="DOP853", rtol=1e-9, atol=1e-12, events=side, max_step=1.5)
    crossings = [(s[0], field(t, s)[0]) for t, s in zip(run.t_events[0], run.y_events[0], strict=True)]
    back = [(x, v) for x, v in crossings if x * v < 0]
    factor = math.exp(-math.pi / math.sqrt(3))
    alternates = [round(x) for x, _ in back] == [1, -1, 1]
    shrinks = all(abs(abs(v) / factor ** (i + 1) - 1) < 1e-4 for i, (_, v) in enumerate(back))
    return Finding(not (alternates and shrinks), BOUNCE)


RATES = Claim(
    id="t2-rates",
    source="Castera 2021, thesis, Theorem 2.10",
    statement="every bounded solution (θ, ψ) of (2.8) converges",
    hypotheses="J semi-algebraic, locally Lipschitz, bounded below; α ≥ 0, β > 0",
    checks=[
        Computation(
            part="α = 0, J = ½·max(|θ| − 1, 0)²: the solution converges",
            methods={"modes": bounce_by_modes, "integration of the definition": bounce_by_integration},
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="it holds for α > 0, where (i) and (ii) of Theorem 2.8 hold for E with c₁ = αβ²/(4(1 + αβ)²) and "
        "c₂² = (4/β²)(1 + αβ)²/((1 + αβ)² + 5)",
        checks=[
            Implication(part="(i)", given=[alpha > 0, beta > 0], then=sp.And(first > 0, E_rate <= -first * steepness)),
            Implication(part="(ii)", given=[alpha > 0, beta > 0], then=sp.And(second > 0, steepness >= second * motion)),
        ],
    ),
    reduction="The witness crosses [−1, 1] at constant speed, is thrown back with e^(−π/√3) times that speed, and so reaches 1 and −1 "
    "infinitely often while it stays bounded: θ has no limit.  The correction is Theorem 2.8 (t2-kl-rate, t2-kl-trajectory).",
    remark="J(θ(t)) does tend to 0.  With 0 < β < 2 every start in [−1, 1] with ψ₀ ≠ θ₀ behaves so.",
)
