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

from dynopt.core.registry import method_class
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
        positive = {s: sp.factor(end.subs(POSITIVE)) for s, end in ends.items()}
        return real(sp.factor(sp.simplify(e.subs(positive))))

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
    numerators = (sp.fraction(sp.together(c)) for c in conditions)
    signed = (sp.factor(n) * d for n, d in numerators)
    return tuple((sp.Gt if strict else sp.Ge)(sp.expand(e), 0) for e in signed)


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
    at_mu = [sp.cancel(found[i].subs(lam, (1 - r) ** 2)) for i in (2, 3, 4)]
    at_high = sp.cancel(found[0].subs(lam, (1 + r) ** 2) * (1 - r) ** 2)
    return tuple(_without(sp.expand(e).subs(D**2, S**2 - P), r) > 0 for e in (*at_mu, at_high))


def _without(e: sp.Expr, positive: sp.Symbol) -> sp.Expr:
    """The polynomial without the powers of a positive number that divide it."""
    quotient, rest = sp.div(sp.expand(e), positive)
    return e if rest != 0 else _without(quotient, positive)


def aggregated_optimal() -> list[Implication]:
    given = [0 < r, r < 1, 0 < u, 0 <= S, 0 <= P, P <= S**2]
    then = sp.Not(sp.And(*aggregated_conditions()))
    return [
        Implication(part="optimal, momenta below ρ* on average", given=[*given, S < 1], then=then),
        Implication(part="optimal, momenta above ρ* on average", given=[*given, S >= 1], then=then),
    ]


# ---- the midpoint step of DIN: two gradients a step ------------------------------------------------------------------

q, x, s, h = sp.symbols("q x s h", real=True)
alpha, beta, gamma = sp.symbols("alpha beta gamma", real=True)
MIDPOINT = state_space(symbolic("midpoint_din"))
MIDPOINT_CHI = real(characteristic_polynomial(MIDPOINT))
ONE_MODE = sp.Poly(sp.expand(MIDPOINT_CHI.as_expr().subs({alpha: q - beta * x, lam: x}).subs(gamma, 1)), MIDPOINT_CHI.gen)
"""χ in q = γ(α + βλ) and x = γ²λ: with γ = 1 and α = q − βx it must not depend on β any more."""
