"""The quadratic worst-case rate of each method: its best parameters on [μ, L] reach it, and no admissible ones do better.

The spectral radius of M(λ) is below r iff the Jury conditions of χ(rz; λ) hold, the decay of a flow above r
iff the Hurwitz conditions of χ(z − r; λ) do; χ is read off the definition.  *attained*: at the optimum they
hold for every r beyond ρ* and every λ in [μ, L].  *optimal*: at r = ρ* they fail for some λ, an end of the
interval.  With μ = m² and L = M² (or another parametrisation of μ ≤ L) nothing but rational functions is left.

The two-block methods with one gradient a step share one theorem: with an optimum of the heavy ball's rate they
are members of the family χ = (z − 1)(z − p) + λ(az − b), and no member for any real p, a, b is faster.
"""

from collections.abc import Mapping
from typing import Any

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Exists, Implication, Verdict, real
from dynopt.symbolic.closed_form import L, domain_facts, mu
from dynopt.symbolic.criteria import characteristic_polynomial, hurwitz, jury
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.optima import OPTIMA, Optimum, epsilon
from dynopt.symbolic.symbols import eigenvalue, symbolic

lam = eigenvalue
z, m, M, r, p, a, b = sp.symbols("z m M r p a b", real=True)
POSITIVE = {s: sp.Symbol(s.name, positive=True) for s in (m, M)}  # so that SymPy takes the roots of μ and L
REDUCTION = (
    "By hand: block diagonalisation (spectral theorem) reduces a quadratic to one mode matrix M(λ) per eigenvalue; the largest "
    "modulus of the roots of χ is below r iff Jury's conditions of χ(rz) are positive (Hurwitz's of χ(z − r) for a decay above r). "
    "By machine: everything else."
)
SOURCES = {
    "gd": "Polyak 1963", "heavy_ball": "Polyak 1964", "heavy_ball_velocity": "Polyak 1964",
    "nesterov": "Lessard, Recht, Packard 2016, Proposition 1",
}  # fmt: skip


class Case:
    """A method, its polynomial χ, and an optimum in a rational parametrisation of μ ≤ L.

    ``ends`` gives μ and L in m and M, ``given`` says which m and M are meant.
    """

    def __init__(self, name: str, found: Optimum, ends: Mapping[sp.Symbol, sp.Expr], given: list[Any]) -> None:
        space = state_space(symbolic(name))
        self.space, self.optimum, self.given = space, found, given
        self.facts = [real(f) for f in domain_facts(space)]
        if name == "innaprop_frozen":  # the law between its parameters
            self.facts.append(sp.Symbol("gamma", real=True) < sp.Symbol("beta", real=True))
        self.chi = real(characteristic_polynomial(space))
        self.low, self.high = ends[mu], ends[L]
        parameters, value = found.explicit()
        formulas = {sp.Symbol(n, real=True): e for n, e in parameters.items()}
        self.best = {s: self._in_ends(e, ends) for s, e in formulas.items()}
        self.rate = self._in_ends(value, ends)
        self.inside = [self.low <= lam, lam <= self.high]

    @staticmethod
    def _in_ends(e: sp.Expr, ends: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        positive = {s: sp.expand(end.subs(POSITIVE)) for s, end in ends.items()}
        return real(sp.factor(e.subs(positive)))

    def beyond(self, radius: sp.Expr, strict: bool = True) -> tuple[Any, ...]:
        return beyond(self.chi, radius, self.space.continuous, strict)

    def at_best(self, formula: Any) -> Any:
        return formula.subs(self.best)


def beyond(chi: sp.Poly, radius: sp.Expr, continuous: bool = False, strict: bool = True) -> tuple[Any, ...]:
    """Every root of χ has modulus below ``radius`` (decays faster than it): relations that must all hold."""
    gen = chi.gen
    if continuous:
        conditions = hurwitz(sp.Poly(chi.as_expr().subs(gen, gen - radius), gen))
    else:
        conditions = jury(sp.Poly([c * radius ** (chi.degree() - i) for i, c in enumerate(chi.all_coeffs())], gen))
    parts = (sp.fraction(sp.together(c)) for c in conditions)
    return tuple((sp.Gt if strict else sp.Ge)(sp.expand(numerator * denominator), 0) for numerator, denominator in parts)


def attained(case: Case) -> list[Implication]:
    """The optimum is admissible, and at it no mode is slower than ρ*."""
    better = [r > case.rate] if not case.space.continuous else [r < case.rate]
    given = [*case.given, *case.inside, *better]
    then = sp.And(*(case.at_best(c) for c in case.beyond(r)))
    admissible = sp.And(*(case.at_best(f) for f in case.facts))
    return [
        Implication(part="the optimum is admissible", given=case.given, then=admissible),
        Implication(part="attained", given=given, then=then),
    ]


def apart(check: Implication) -> list[Implication]:
    """One check for each part of the conclusion."""
    return [Implication(part=f"{check.part}, {i}", given=check.given, then=c) for i, c in enumerate(check.then.args, start=1)]


def optimal(case: Case) -> list[Implication]:
    """With any admissible parameters some end of the interval is at least as slow as ρ*."""
    ends = [c.subs(lam, end) for c in case.beyond(case.rate) for end in (case.low, case.high)]
    return [Implication(part="optimal", given=[*case.given, *case.facts], then=sp.Not(sp.And(*ends)))]


# ---- the theorem that the two-block methods share --------------------------------------------------------------------

FAMILY = sp.Poly((z - 1) * (z - p) + lam * (a * z - b), z)
HEAVY_BALL = Case("heavy_ball", OPTIMA["heavy_ball"][0], {mu: m**2, L: M**2}, [0 < m, m <= M])
BEST = {p: HEAVY_BALL.best[sp.Symbol("momentum", real=True)], a: HEAVY_BALL.best[sp.Symbol("gamma", real=True)], b: sp.Integer(0)}
NO_FASTER = Implication(
    part="no member is faster",
    given=HEAVY_BALL.given,
    then=sp.Not(sp.And(*(c.subs(lam, end) for c in beyond(FAMILY, HEAVY_BALL.rate) for end in (m**2, M**2)))),
)
ONLY_ONE = Implication(
    part="only one member is as fast, for μ < L",
    given=[0 < m, m < M, *(c.subs(lam, end) for c in beyond(FAMILY, HEAVY_BALL.rate, strict=False) for end in (m**2, M**2))],
    then=sp.And(*(sp.Eq(s, e) for s, e in BEST.items())),
)


def coordinates(case: Case) -> dict[sp.Symbol, sp.Expr]:
    """p, a and b of a method: the product of the roots at λ = 0, and the coefficients of λz and −λ."""
    linear, constant = case.chi.all_coeffs()[1:]
    return {p: sp.factor(constant.subs(lam, 0)), a: sp.factor(sp.diff(linear, lam)), b: sp.factor(-sp.diff(constant, lam))}


def member(case: Case) -> Implication:
    family = FAMILY.as_expr().subs(coordinates(case))
    return Implication(part="it is in the family", given=case.facts, then=sp.Eq(case.chi.as_expr(), family, evaluate=False))


def reaches(case: Case) -> Any:
    """The method's p, a and b are the heavy ball's at its optimum."""
    return sp.And(*(sp.Eq(e, BEST[s]) for s, e in coordinates(case).items()))


def only(case: Case) -> Implication:
    """The parameters of the method that give this member of the family."""
    at = sp.And(*(sp.Eq(s, e) for s, e in case.best.items()))
    return Implication(part="the only optimum, for μ < L", given=[0 < m, m < M, *case.facts, reaches(case)], then=at)


def approached(case: Case, near: Any) -> list[Implication]:
    """No parameters reach the member; some are within ``near`` of its rate r, for every r above it."""
    e = sp.Symbol(epsilon.name, real=True)
    given = [*case.given, *case.inside, 0 < e, case.rate < r, r < 1, near(e)]
    then = sp.And(*(case.at_best(c) for c in case.beyond(r)))
    return [
        Implication(part="not attained, for μ < L", given=[0 < m, m < M, *case.facts], then=sp.Not(reaches(case))),
        Implication(
            part="ε close to 0 is admissible", given=[*case.given, 0 < e, e < 1], then=sp.And(*(case.at_best(f) for f in case.facts))
        ),
        Implication(part="approached: below r for ε small enough", given=given, then=then),
    ]


# ---- aggregated momentum: three blocks -------------------------------------------------------------------------------

AGGREGATED = Case("aggregated_momentum", OPTIMA["aggregated_momentum"][0], {mu: m**2, L: M**2}, [0 < m, m <= M])
S, P, D, u = sp.symbols("S P D u", real=True)
"""With √μ + √L = 2 and r = ρ*, μ = (1 − r)² and L = (1 + r)²; then m₁ + m₂ = 2rS, m₁m₂ = r²P, γμ = u."""


def aggregated_conditions() -> tuple[Any, ...]:
    """Four of Jury's conditions at r = ρ* in these variables: three at μ and the one on χ(−r) at L."""
    momenta = {sp.Symbol("momentum1", real=True): r * (S + D), sp.Symbol("momentum2", real=True): r * (S - D)}
    step = {sp.Symbol("gamma", real=True): u / (1 - r) ** 2}
    found = [c.lhs.subs({**momenta, **step}) for c in beyond(AGGREGATED.chi, r)]
    at_mu = [found[i].subs(lam, (1 - r) ** 2) for i in (2, 3, 4)]
    at_high = found[0].subs(lam, (1 + r) ** 2) * (1 - r) ** 2
    return tuple(_primitive(sp.expand(sp.cancel(e)).subs(D**2, S**2 - P)) > 0 for e in (*at_mu, at_high))


def _primitive(e: sp.Expr) -> sp.Expr:
    """The polynomial without positive numbers and powers of r and 1 + r that divide it (r > 0)."""
    constant, factors = sp.factor_list(sp.expand(e))
    return sp.expand(sp.sign(constant) * sp.Mul(*(base**power for base, power in factors if base not in (r, r + 1))))


def aggregated_optimal() -> list[Implication]:
    then = sp.Not(sp.And(*aggregated_conditions()))
    given = [0 < r, r < 1, 0 <= S, P <= S**2]
    return [
        Implication(part="optimal, momenta below ρ* on average", given=[*given, S < 1], then=then),
        Implication(part="optimal, momenta above ρ* on average", given=[*given, S >= 1], then=then),
    ]


# ---- the midpoint step of DIN: two gradients a step ------------------------------------------------------------------

q, x, s, h = sp.symbols("q x s h", real=True)
alpha, beta, gamma = sp.symbols("alpha beta gamma", real=True)
SMALL, LARGE = OPTIMA["midpoint_din"]
TURN = 2 - sp.sqrt(2)
"""γ√μ at the optimum where L = (5 + 4√2)μ; below it the mode at μ has two equal real eigenvalues at the optimum."""

NEAR = Case("midpoint_din", SMALL, {mu: m**2, L: M**2 - m**2}, [0 < m, 0 < M, 2 * m**2 <= M**2, M**2 - m**2 <= (5 + 4 * sp.sqrt(2)) * m**2])
ONE_MODE = sp.Poly(sp.expand(NEAR.chi.as_expr().subs({alpha: q - beta * x, lam: x}).subs(gamma, 1)), NEAR.chi.gen)
"""χ in q = γ(α + βλ) and x = γ²λ, read off at γ = 1."""

s_, m_ = sp.Symbol("s", positive=True), POSITIVE[m]
RATE_AT_LOW = ((1 - s) ** 2 + 1) / 2
X = 2 + 2 * sp.sqrt(2) * RATE_AT_LOW
"""γ²L where the complex pair at L has modulus ρ*, for s = γ√μ at the optimum."""
FAR = Case(
    "midpoint_din",
    Optimum({**LARGE.parameters, "gamma": s_ / m_}, LARGE.rate),
    {mu: m**2, L: X * m**2 / s**2},
    [0 < m, 0 < s, s < TURN],
)


w, y = sp.symbols("w y", real=True)
LINE = {x: s**2 + w * (X - s**2), q: 2 * s + w * (X / 2 + 1 - 2 * s)}
"""x and q at the optimum for λ = μ + w(L − μ)."""


def midpoint_attained() -> list[Implication]:
    mode = sp.Poly(sp.expand(ONE_MODE.as_expr().subs(LINE, simultaneous=True)), ONE_MODE.gen)
    given = [0 < s, s < TURN, 0 <= w, w <= 1]
    here = {x: FAR.best[gamma] ** 2 * lam, q: FAR.best[gamma] * (FAR.best[alpha] + FAR.best[beta] * lam)}
    along = sp.And(*(sp.Eq(sp.cancel(here[v].subs(lam, FAR.low + w * (FAR.high - FAR.low))), LINE[v], evaluate=False) for v in (x, q)))
    # y = √((2 + 2√2)(L − μ)), so that one root is left
    wide = 2 + 2 * sp.sqrt(2)
    y_ = sp.Symbol("y", positive=True)
    typed = real(LARGE.explicit()[0]["gamma"].subs(mu, m_**2).subs(sp.sqrt(L - m_**2), y_ / sp.sqrt(wide)))
    solved = [0 < m, 0 < y, 0 < gamma, sp.Eq(gamma * sp.denom(typed), sp.numer(typed))]
    length = y**2 / wide + m**2
    near = Implication(part="the optimum is admissible, L ≤ (5 + 4√2)μ", given=NEAR.given, then=attained(NEAR)[0].then)
    return [
        near,
        *apart(Implication(part="attained, L ≤ (5 + 4√2)μ", given=attained(NEAR)[1].given, then=attained(NEAR)[1].then)),
        Implication(part="the optimum is admissible, L > (5 + 4√2)μ", given=FAR.given, then=attained(FAR)[0].then),
        Implication(part="the typed γ solves γ²L = X for s = γ√μ", given=solved, then=sp.Eq(gamma**2 * length, X.subs(s, gamma * m))),
        Implication(part="s < 2 − √2 for L > (5 + 4√2)μ", given=[*solved, length > (5 + 4 * sp.sqrt(2)) * m**2], then=gamma * m < TURN),
        Implication(part="x and q along the interval", given=[*FAR.given, 0 <= w, w <= 1], then=along),
        *apart(Implication(part="attained, L > (5 + 4√2)μ", given=given, then=sp.And(*beyond(mode, RATE_AT_LOW, strict=False)))),
    ]


def midpoint_optimal() -> list[Implication]:
    """Lower bounds of the radius at one λ, whatever α and β are; then γ has to choose between the two ends."""
    depends = ONE_MODE.as_expr().subs({q: gamma * (alpha + beta * lam), x: gamma**2 * lam})
    near, far = NEAR.rate, RATE_AT_LOW
    both_ends = [8 * near**2 > (gamma**2 * end - 2) ** 2 for end in (NEAR.low, NEAR.high)]
    return [
        Implication(
            part="one mode: χ is a function of q and x", given=[0 < gamma], then=sp.Eq(NEAR.chi.as_expr(), depends, evaluate=False)
        ),
        Implication(part="radius > |x − 2|/√8", given=[0 < x, 0 < r, *beyond(ONE_MODE, r)], then=8 * r**2 > (x - 2) ** 2),
        Implication(
            part="radius > ((1 − √x)² + 1)/2 for √x < 2 − √2",
            given=[0 < h, h < TURN, 0 < r, *(c.subs(x, h**2) for c in beyond(ONE_MODE, r))],
            then=2 * r > (1 - h) ** 2 + 1,
        ),
        Implication(part="no γ meets the bounds, L ≤ (5 + 4√2)μ", given=[*NEAR.given, 0 < gamma], then=sp.Not(sp.And(*both_ends))),
        Implication(
            part="no γ meets the bounds, L > (5 + 4√2)μ",
            given=[0 < s, s < TURN, 0 < h],
            then=sp.Not(sp.And(sp.Or(h >= TURN, 2 * far > (1 - h) ** 2 + 1), 8 * far**2 > (X * h**2 / s**2 - 2) ** 2)),
        ),
    ]


# ---- the claims ------------------------------------------------------------------------------------------------------

ENDS, ORDER = {mu: m**2, L: M**2}, [0 < m, m <= M]
WIDE = [0 < m, m < M]
CASES = {
    **{n: Case(n, OPTIMA[n][0], ENDS, ORDER) for n in ("gd", "step_tuned_frozen", "heavy_ball", "heavy_ball_velocity", "hbf")},
    **{n: Case(n, OPTIMA[n][0], ENDS, ORDER) for n in ("qhm", "triple_momentum", "inna", "semi_implicit_din", "innaprop_frozen", "din")},
    "nesterov": Case("nesterov", OPTIMA["nesterov"][0], {mu: m**2, L: (M**2 - m**2) / 3}, [0 < m, 2 * m <= M]),
}
"""For Nesterov M stands for √(3L + μ)."""
DIN_FAMILY = {alpha: 2 * m - beta * m**2}


def _statement(name: str) -> str:
    cases = []
    for found in OPTIMA[name]:
        values = ", ".join(f"{n} = {e}" for n, e in found.parameters.items())
        where = "" if found.where == sp.true else f" for {found.where}"
        kind = "decay per unit of time" if CASES.get(name, NEAR).space.continuous else "worst-case spectral radius"
        reached = (
            f"the best parameters are {values}, with the {kind}"
            if found.attained
            else f"{values} approach, but no parameters attain, the {kind}"
        )
        cases.append(f"{reached} {found.rate}{where}")
    return f"{name} on [mu, L]: " + "; ".join(cases)


def _claim(name: str, checks: list[Implication], reduction: str = "") -> Claim:
    return Claim(
        id=f"rate-{name}",
        source=f"dynopt, theorem table ({SOURCES.get(name, 'ours')})",
        statement=_statement(name),
        hypotheses="0 < mu <= L; all admissible parameters; quadratic functions (local rates), not class-wide",
        checks=checks,
        expected=Verdict.PROVED,
        reduction=f"{REDUCTION}{reduction}",
    )


_BY_FAMILY = " The lower bound is that of the claim rate-two-block-family, for this method's p, a and b."
_NEAR = {
    "semi_implicit_din": lambda e: 4 * M**2 * e * (1 + e) < (r * (M + m)) ** 2 - (M - m) ** 2,
    "innaprop_frozen": lambda e: 4 * M**2 * e < (r * (M + m) - (M - m)) ** 2,
}
_AT_ONE = {
    "semi_implicit_din": [
        Implication(part=f"μ = L: {check.part}", given=check.given, then=check.then)
        for check in attained(Case("semi_implicit_din", OPTIMA["semi_implicit_din"][1], {mu: m**2, L: m**2}, [0 < m]))
    ]
}

family = Claim(
    id="rate-two-block-family",
    source="dynopt, theorem table (ours; the rate is Polyak's 1964)",
    statement="with χ = (z - 1)(z - p) + lamda(a z - b), whatever the real p, a, b are, the worst-case spectral radius on [mu, L] is "
    "at least (sqrt(L) - sqrt(mu))/(sqrt(L) + sqrt(mu)), with equality (mu < L) only for the heavy ball at its optimum",
    hypotheses="0 < mu <= L",
    checks=[NO_FASTER, ONLY_ONE],
    expected=Verdict.PROVED,
    reduction=REDUCTION,
)
claims = [
    family,
    *(
        _claim(n, [*attained(CASES[n]), *optimal(CASES[n])])
        for n in ("gd", "step_tuned_frozen", "heavy_ball", "heavy_ball_velocity", "nesterov")
    ),
    *(_claim(n, [*attained(CASES[n]), member(CASES[n]), only(CASES[n])], _BY_FAMILY) for n in ("qhm", "triple_momentum", "inna")),
    *(_claim(n, [member(CASES[n]), *approached(CASES[n], near), *_AT_ONE.get(n, ())], _BY_FAMILY) for n, near in _NEAR.items()),
    _claim(
        "aggregated_momentum",
        [attained(AGGREGATED)[0], *apart(attained(AGGREGATED)[1]), *aggregated_optimal()],
        " The lower bound is for √μ + √L = 2: χ depends on γλ only, so that the scale is free.",
    ),
    _claim(
        "midpoint_din",
        [*midpoint_attained(), *midpoint_optimal()],
        " For two roots Jury's conditions with ≥ say that no modulus is above r.",
    ),
    _claim("hbf", [*attained(CASES["hbf"]), *optimal(CASES["hbf"])]),
    _claim(
        "din",
        [
            *attained(CASES["din"]),
            *optimal(CASES["din"]),
            Implication(
                part="every β ≤ 1/√μ does as well",
                given=[*ORDER, *CASES["din"].inside, 0 < beta, beta * m <= 1, r < m],
                then=sp.And(*(c.subs(DIN_FAMILY) for c in CASES["din"].beyond(r))),
            ),
            Implication(
                part="no other parameters do, for μ < L",
                given=[*WIDE, *CASES["din"].facts, *(c.subs(lam, e) for c in CASES["din"].beyond(m, strict=False) for e in (m**2, M**2))],
                then=sp.And(sp.Eq(alpha, DIN_FAMILY[alpha]), beta * m <= 1),
            ),
        ],
    ),
]


# ---- published-looking optima that are none ---------------------------------------------------------------------------


def _usual(name: str, value: sp.Expr, what: str, source: str) -> Claim:
    """The claim that no admissible parameters are faster than ``value`` at both ends, which the right optimum refutes."""
    space = state_space(symbolic(name))
    chi, facts = real(characteristic_polynomial(space)), [real(f) for f in domain_facts(space)]
    ends = [c.subs(lam, end) for c in beyond(chi, value, space.continuous) for end in (m**2, M**2)]
    return Claim(
        id=f"rate-{name}-usual",
        source=source,
        statement=f"{what} is the best choice for {name} on quadratics: no admissible parameters are faster than {value} "
        "(mu = m^2 < L = M^2)",
        hypotheses="0 < mu < L",
        checks=[Implication(given=[*WIDE, *facts], then=sp.Not(sp.And(*ends)))],
        expected=Verdict.REFUTED,
        correction=Correction(statement=_statement(name), checks=[*attained(CASES[name]), *optimal(CASES[name])]),
        reduction=f"{REDUCTION} Jury's conditions are affine in λ here, so that a counterexample at both ends is one on the interval.",
    )


def usual_rate(name: str, parameters: dict[sp.Symbol, sp.Expr], value: sp.Expr) -> Implication:
    """The worst case of the usual parameters is the usual rate."""
    case = CASES[name]
    chi = sp.Poly(case.chi.as_expr().subs(parameters), case.chi.gen)
    return Implication(
        part="the usual parameters reach it", given=[*ORDER, m**2 <= lam, lam <= M**2, r > value], then=sp.And(*beyond(chi, r))
    )


_momentum = sp.Symbol("momentum", real=True)
claims += [
    _usual(
        "nesterov",
        1 - m / M,
        "gamma = 1/L with momentum (sqrt(L) - sqrt(mu))/(sqrt(L) + sqrt(mu)) and the rate 1 - sqrt(mu/L)",
        "Nesterov 2004, §2.2.1",
    ),
    _usual("gd", 1 - m**2 / M**2, "gamma = 1/L", "common practice"),
    Claim(
        id="rate-usual",
        source="Nesterov 2004, §2.2.1; common practice",
        statement="the usual parameters have these rates: Nesterov 1 - sqrt(mu/L), gradient descent 1 - mu/L",
        hypotheses="0 < mu <= L",
        checks=[
            usual_rate("nesterov", {gamma: 1 / M**2, _momentum: (M - m) / (M + m)}, 1 - m / M),
            usual_rate("gd", {gamma: 1 / M**2}, 1 - m**2 / M**2),
        ],
        expected=Verdict.PROVED,
        reduction=REDUCTION,
    ),
    Claim(
        id="rate-din-faster",
        source="a natural guess",
        statement="Newtonian damping accelerates: some alpha, beta make every mode of DIN on [mu, L] decay faster than sqrt(mu)",
        hypotheses="0 < mu <= L",
        checks=[Exists(such_that=[*ORDER, *CASES["din"].facts, *(c.subs(lam, e) for c in CASES["din"].beyond(m) for e in (m**2, M**2))])],
        expected=Verdict.REFUTED,
        correction=Correction(statement=_statement("din"), checks=[*attained(CASES["din"]), *optimal(CASES["din"])]),
        reduction=REDUCTION,
    ),
]
