"""Castera 2021, Chapter 2, §2.4: the energies of DIN and their derivatives along solutions.

The energies and the field are read off the definition of `DIN`; the thesis's formulas are typed as printed.
"""

import numpy as np
import sympy as sp

from dynopt.algorithms.din import Lifted
from dynopt.core.oracle import FunctionOracle
from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

alpha, beta, c, theta, psi, slope, J, a, b, s = sp.symbols("alpha beta c theta psi g J a b s", real=True)
domain = [alpha >= 0, beta > 0]
sqrt_product = sp.sqrt(alpha) * sp.sqrt(beta)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


def energies(value, gradient, position, lifted) -> dict[str, sp.Expr]:
    """The energies of the definition at one coordinate; J is the sum's value, the rest adds up over coordinates."""
    oracle = FunctionOracle(lambda x: value, lambda x: np.array([gradient]))
    state = Lifted(np.array([position]), np.array([lifted]))
    return {name: real(energy) for name, energy in symbolic("din").energies(state, oracle, 0).items()}


def velocity(position, lifted, gradient) -> sp.Matrix:
    """(θ', ψ') of one coordinate."""
    space = state_space(symbolic("din"))
    return real(space.A) * sp.Matrix([position, lifted]) + real(space.B) * gradient


field = velocity(theta, psi, slope)
theta_rate, psi_rate = field


def along(energy: sp.Expr) -> sp.Expr:
    """d/dt along a solution, one coordinate: dJ/dt is g·θ'."""
    return sp.diff(energy, theta) * theta_rate + sp.diff(energy, psi) * psi_rate + sp.diff(energy, J) * slope * theta_rate


energy = energies(J, slope, theta, psi)
kinetic = energies(sp.Integer(0), slope, theta, psi)["E_min"]
pull = (alpha - 1 / beta) * theta + psi / beta
weighted = c * J + kinetic
"""E_c, with the kinetic part of the definition."""

difference = (psi_rate - theta_rate) / sp.sqrt(beta)

DERIVATIVE = Claim(
    id="t2-energy-derivative",
    source="Castera 2021, thesis, Lemma 2.5 and (2.20)",
    statement="along solutions (θ' − ψ')/β ∈ DJ(θ), dE_min/dt = −‖√α θ' − (ψ' − θ')/√β‖² and dE_max/dt = −‖√α θ' + (ψ' − θ')/√β‖²",
    hypotheses="α ≥ 0, β > 0; E_min, E_max of (2.17)",
    checks=[
        Implication(part="(θ' − ψ')/β ∈ DJ(θ)", given=domain, then=same((theta_rate - psi_rate) / beta, slope)),
        Implication(part="E_min", given=domain, then=same(along(energy["E_min"]), -((sp.sqrt(alpha) * theta_rate - difference) ** 2))),
        Implication(part="E_max", given=domain, then=same(along(energy["E_max"]), -((sp.sqrt(alpha) * theta_rate + difference) ** 2))),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="(ψ' − θ')/β ∈ DJ(θ), and the two closed forms change places: dE_min/dt = −‖√α θ' + (ψ' − θ')/√β‖², "
        "dE_max/dt = −‖√α θ' − (ψ' − θ')/√β‖².  Their sum −2α‖θ'‖² − (2/β)‖ψ' − θ'‖² is as used later",
        checks=[
            Implication(part="(ψ' − θ')/β ∈ DJ(θ)", given=domain, then=same((psi_rate - theta_rate) / beta, slope)),
            Implication(part="E_min", given=domain, then=same(along(energy["E_min"]), -((sp.sqrt(alpha) * theta_rate + difference) ** 2))),
            Implication(part="E_max", given=domain, then=same(along(energy["E_max"]), -((sp.sqrt(alpha) * theta_rate - difference) ** 2))),
            Implication(
                part="their sum",
                given=domain,
                then=same(along(energy["E"]), -2 * alpha * theta_rate**2 - 2 / beta * (psi_rate - theta_rate) ** 2),
            ),
        ],
    ),
    reduction="All P: both sides are sums over coordinates; J enters through dJ/dt = ⟨g, θ'⟩ with g ∈ DJ(θ) (Lemma 2.3), so the smooth "
    "computation is the general one.",
    remark="The sign of the subgradient: subtracting the lines of (2.12) gives βg = ψ' − θ'.  With it (2.36) is right as printed.",
)

gap = alpha * beta + 1 - c

CROSS = Claim(
    id="t2-energy-cross",
    source="Castera 2021, thesis, proof of Lemma 2.5, derivative of E_λ",
    statement="dE_c/dt = −α‖θ'‖² − β‖(θ' − ψ')/β‖² + (c − αβ − 1)⟨θ', (θ' − ψ')/β⟩",
    hypotheses="α ≥ 0, β > 0, c real (c is the λ of the proof)",
    checks=[
        Implication(
            given=domain,
            then=same(
                along(weighted),
                -alpha * theta_rate**2 - (theta_rate - psi_rate) ** 2 / beta - gap * theta_rate * (theta_rate - psi_rate) / beta,
            ),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the subgradient is g = (ψ' − θ')/β: dE_c/dt = −α‖θ'‖² − β‖g‖² + (c − αβ − 1)⟨θ', g⟩",
        checks=[
            Implication(given=domain, then=same(along(weighted), -alpha * theta_rate**2 - beta * slope**2 - gap * theta_rate * slope)),
        ],
    ),
    reduction="All P: sums over coordinates.",
)

quadratic = -alpha * a**2 - beta * b**2 - gap * a * b
"""dE_c/dt with a = θ' and b = g in one coordinate."""

SQUARE = Claim(
    id="t2-energy-square",
    source="Castera 2021, thesis, proof of Lemma 2.5, completed square",
    statement="−α‖θ'‖² − β‖g‖² + (c − αβ − 1)⟨θ', g⟩ = −‖√α θ' + ((αβ + 1 − c)/(2√α)) g‖² − (β − (αβ + 1 − c)²/(4α))‖g‖²",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(
            given=domain,
            then=same(quadratic, -((sp.sqrt(alpha) * a + gap / (2 * sp.sqrt(alpha)) * b) ** 2) - (beta - gap**2 / (4 * alpha)) * b**2),
        ),
    ],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="it needs α > 0; at α = 0, which (2.6) and Algorithm 1 allow, the left side is −β‖g‖² + (c − 1)⟨θ', g⟩",
        checks=[
            Implication(
                part="α > 0",
                given=[alpha > 0, beta > 0],
                then=same(quadratic, -((sp.sqrt(alpha) * a + gap / (2 * sp.sqrt(alpha)) * b) ** 2) - (beta - gap**2 / (4 * alpha)) * b**2),
            ),
            Implication(part="α = 0", given=[sp.Eq(alpha, 0), beta > 0], then=same(quadratic, -beta * b**2 + (c - 1) * a * b)),
        ],
    ),
    reduction="All P: sums over coordinates; a and b stand for one coordinate of θ' and g.",
)

inside = sp.And(c >= (1 - sqrt_product) ** 2, c <= (1 + sqrt_product) ** 2)
strictly_inside = sp.And(c > (1 - sqrt_product) ** 2, c < (1 + sqrt_product) ** 2)

STRICT = Claim(
    id="t2-energy-range-strict",
    source="Castera 2021, thesis, proof of Lemma 2.5",
    statement="β − (αβ + 1 − c)²/(4α) > 0 whenever c ∈ [(1 − √αβ)², (1 + √αβ)²]",
    hypotheses="α ≥ 0, β > 0",
    checks=[Implication(given=[*domain, inside], then=beta - gap**2 / (4 * alpha) > 0)],
    expected=Verdict.ILL_DEFINED,
    correction=Correction(
        statement="α > 0, and ≥ 0 on the closed interval; > 0 exactly on the open one (at its ends, which are the c then chosen, it is 0)",
        checks=[
            Implication(
                part="≥ 0 ⇔ closed interval", given=[alpha > 0, beta > 0], then=sp.Equivalent(beta - gap**2 / (4 * alpha) >= 0, inside)
            ),
            Implication(
                part="> 0 ⇔ open interval",
                given=[alpha > 0, beta > 0],
                then=sp.Equivalent(beta - gap**2 / (4 * alpha) > 0, strictly_inside),
            ),
        ],
    ),
)

speed, force = a, b  # ‖θ'‖² and ‖g‖²; s is ⟨θ', g⟩
gram = [speed >= 0, force >= 0, s**2 <= speed * force]
rate = -alpha * speed - beta * force - gap * s

RANGE = Claim(
    id="t2-energy-range",
    source="Castera 2021, thesis, proof of Lemma 2.5",
    statement="E_c is non-increasing along every solution exactly for c ∈ [(1 − √αβ)², (1 + √αβ)²]",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(
            part="dE_c/dt from the definition", given=domain, then=same(along(weighted), quadratic.subs({a: theta_rate, b: slope}))
        ),
        Implication(part="c in the interval ⇔ (αβ + 1 − c)² ≤ 4αβ", given=domain, then=sp.Equivalent(inside, gap**2 <= 4 * alpha * beta)),
        Implication(part="sufficient", given=[*domain, *gram, gap**2 <= 4 * alpha * beta], then=rate <= 0),
        Implication(
            part="necessary, α > 0: where θ' = ((c − αβ − 1)/(2α))·g and g ≠ 0, E_c increases",
            given=[alpha > 0, beta > 0, gap**2 > 4 * alpha * beta, sp.Ne(b, 0), sp.Eq(a, -gap / (2 * alpha) * b)],
            then=quadratic > 0,
        ),
        Implication(
            part="necessary, α = 0: where θ' = ((β + 1)/(c − 1))·g and g ≠ 0, E_c increases",
            given=[sp.Eq(alpha, 0), beta > 0, gap**2 > 0, sp.Ne(b, 0), sp.Eq(a, (beta + 1) / (c - 1) * b)],
            then=quadratic > 0,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P, sufficient: the derivative depends on ‖θ'‖², ‖g‖², ⟨θ', g⟩ alone.  Necessary: at a point with g ≠ 0 every "
    "velocity θ' is that of some ψ, and in the direction of g the derivative is that of one coordinate.  So the range is exact for "
    "each single J that is not constant; for constant J every c will do.",
    remark="At α = 0 the interval is the point c = 1.",
)

steady = sp.And(sp.Eq(slope, 0), sp.Eq(psi, (1 - alpha * beta) * theta))
time, start, lift = sp.symbols("t theta0 psi0", real=True)
drift = (lift - start) / beta
moved = (start - drift * time, lift - drift * time)

SUM = Claim(
    id="t2-energy-sum",
    source="Castera 2021, thesis, Lemma 2.6 and §2.4.2",
    statement="E_min + E_max = 2(1 + αβ)J + ‖(α − 1/β)θ + ψ/β‖² decreases strictly along every solution that starts off the steady states",
    hypotheses="α ≥ 0, β > 0",
    checks=[
        Implication(part="the sum", given=domain, then=same(energy["E_min"] + energy["E_max"], 2 * (1 + alpha * beta) * J + pull**2)),
        Implication(part="strict off the steady states", given=[*domain, sp.Not(steady)], then=along(energy["E"]) < 0),
    ],
    expected=Verdict.CONDITIONAL,
    extra=alpha > 0,
    needed=[
        Implication(
            part="α = 0: the derivative vanishes at every (θ, ψ) with g = 0, steady or not",
            given=[sp.Eq(alpha, 0), beta > 0, sp.Eq(slope, 0), sp.Ne(psi, theta)],
            then=same(along(energy["E"]), 0),
        ),
        Implication(
            part="α = 0, J constant: θ and ψ move with the constant velocity −(ψ₀ − θ₀)/β ≠ 0 and E does not change",
            given=[sp.Eq(alpha, 0), beta > 0, time > 0, sp.Ne(lift, start)],
            then=sp.And(
                *(same(rate_, -drift) for rate_ in velocity(*moved, 0)),
                same(energies(J, 0, *moved)["E"], energies(J, 0, start, lift)["E"]),
                sp.Ne(moved[0], start),
            ),
        ),
    ],
    reduction="All P: dE/dt is a sum over coordinates, each ≤ 0, and < 0 in some coordinate unless all are steady.  Integration: if "
    "E(t) = E(0) for some t > 0 then dE/dt = 0 almost everywhere on [0, t], so θ' = ψ' = 0 there and the start is steady.",
    remark="α = 0 is allowed in (2.6) and Algorithm 1.  There a J that is constant on an open set has solutions crossing that set at "
    "constant speed and energy; Lemma 2.6 and the Lyapunov argument of Theorem 2.1 need α > 0.",
)

STEADY_ENERGY = Claim(
    id="t2-energy-steady",
    source="Castera 2021, thesis, proof of Theorem 2.1",
    statement="E = 2(1 + αβ)J on the steady states",
    hypotheses="α ≥ 0, β > 0",
    checks=[Implication(given=[*domain, steady], then=same(energy["E"], 2 * (1 + alpha * beta) * J))],
    expected=Verdict.PROVED,
)

level, lowest, spread = sp.symbols("E0 J_low W", real=True)

BOUNDED = Claim(
    id="t2-energy-bounded",
    source="Castera 2021, thesis, §2.4.2 on boundedness",
    statement="as E does not increase, J(θ(t)) cannot tend to infinity, so for coercive J neither ‖θ(t)‖ nor ‖ψ(t)‖ does",
    hypotheses="J coercive and continuous, so bounded below by some J_low; α ≥ 0, β > 0",
    checks=[
        Implication(
            part="E does not increase (W stands for ‖(α − 1/β)θ + ψ/β‖²)",
            given=domain,
            then=along(energy["E"]) <= 0,
        ),
        Implication(
            part="J stays below E₀/(2(1 + αβ)), W below E₀ − 2(1 + αβ)J_low",
            given=[*domain, spread >= 0, lowest <= J, 2 * (1 + alpha * beta) * J + spread <= level],
            then=sp.And(J <= level / (2 * (1 + alpha * beta)), spread <= level - 2 * (1 + alpha * beta) * lowest),
        ),
        Implication(
            part="ψ is bounded by θ and W",
            given=[*domain, sp.Eq(a, pull)],
            then=same(psi, beta * a - (alpha * beta - 1) * theta),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="A sublevel set of a coercive J is bounded, so θ(t) is; ψ = βw − (αβ − 1)θ with ‖w‖² = W then is too.",
    remark="More than printed: both stay bounded.",
)
