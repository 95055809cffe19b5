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
