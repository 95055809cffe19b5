"""Closed forms in the method's own symbols: "for all λ in an interval" reduced to its ends.

A condition that is affine in λ holds on an interval iff it holds at both ends; the other conditions
have no closed form here.  Conditions that the remaining ones imply are dropped, with a proof by z3.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.symbolic.criteria import CRITERIA
from dynopt.symbolic.decide import decide
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import eigenvalue, symbol, symbolic

mu = sp.Symbol("mu", positive=True)
L = sp.Symbol("L", positive=True)


@dataclass(frozen=True)
class ClosedForm(Result):
    """Conditions on a method's parameters that hold iff it has a property for all λ in an interval.

    ``conditions`` joined by "and"; none means that every admissible parameter has the property.
    ``interval`` states where λ ranges.
    """

    conditions: tuple[str, ...]
    interval: str

    def __str__(self) -> str:
        """One SymPy-parsable Boolean."""
        return " & ".join(f"({c})" for c in self.conditions) if len(self.conditions) != 1 else self.conditions[0]

    def to_dict(self) -> Any:
        return str(self) or "True"


def closed_form(method: type[System], property: str, free: str = "gamma") -> ClosedForm | None:
    """The property on [μ, L] with 0 < μ ≤ L (on [−L, L] for ``diffeomorphism``) as conditions without λ.

    Each is solved for ``free`` where it is linear in it with a coefficient of known sign.  None where
    a condition is not affine in λ.

    >>> from dynopt import GradientDescent
    >>> str(closed_form(GradientDescent, "stable"))
    'gamma < 2/L'
    """
    key: Any = method
    return _closed_form(key, property, free)


@functools.cache
def _closed_form(method: Any, property: str, free: str) -> ClosedForm | None:
    space = state_space(symbolic(method))
    if space.index is not None:
        return None
    criterion = CRITERIA[property](space)
    if any(sp.degree(q, eigenvalue) > 1 for q in criterion.polynomials if q.has(eigenvalue)):
        return None
    symmetric = property == "diffeomorphism"
    conditions = _at_ends(criterion.polynomials, criterion.relation, -L if symmetric else mu, L)
    unknown = symbol(method.parameter(free))
    spectrum = [sp.Gt(L, 0, evaluate=False)]
    if not symmetric:
        spectrum += [sp.Gt(mu, 0, evaluate=False), sp.Ge(L - mu, 0, evaluate=False)]
    conditions += law_facts(space)
    kept = dict.fromkeys(_solved(c, unknown) for c in independent(conditions, [*domain_facts(space), *spectrum]))
    return ClosedForm(tuple(kept), "lamda in [-L, L], L > 0" if symmetric else "lamda in [mu, L], 0 < mu <= L")


def _at_ends(polynomials: tuple[sp.Expr, ...], relation: str, low: sp.Expr, high: sp.Expr) -> list[sp.Basic]:
    conditions: list[sp.Basic] = []
    for q in polynomials:
        ends = [q.subs(eigenvalue, end) for end in ((low, high) if q.has(eigenvalue) else (low,))]
        if relation != "!= 0":
            relate = sp.Gt if relation == "> 0" else sp.Ge
            conditions += [relate(sp.expand(e), 0, evaluate=False) for e in ends]
            continue
        # an affine function has no zero on the interval iff it has one sign at both ends
        constant, factors = sp.factor_list(sp.Mul(*ends))
        rest = sp.sign(constant)
        for base, power in factors:
            if base.is_positive:
                continue
            if power % 2 == 0 or len(ends) == 1:
                conditions.append(sp.Ne(base, 0, evaluate=False))
            if power % 2:
                rest *= base
        if len(ends) == 2:
            conditions.append(sp.Gt(rest, 0, evaluate=False))
    return conditions


def independent(conditions: Sequence[Any], facts: Sequence[Any]) -> list[Any]:
    """The conditions without those that z3 proves from the others and the facts."""
    kept = list(conditions)
    for c in sorted(conditions, key=lambda c: -len(str(c))):
        rest = [o for o in kept if o is not c]
        if decide([*facts, *rest], c, seconds=0.5, deciders=["z3"]).answers[0].answer == "proved":
            kept.remove(c)
    return kept


def domain_facts(space: StateSpace) -> tuple[Any, ...]:
    """The declared domains of the numeric parameters that the dynamics contain, as relations."""
    present = space.A.free_symbols | space.B.free_symbols | space.C.free_symbols | space.D.free_symbols
    facts = []
    for p in space.system.numbers():
        x = symbol(p)
        if x not in present:
            continue
        assert p.domain is not None
        if abs(p.domain.lower) != float("inf"):
            relate = sp.GreaterThan if p.domain.lower_closed else sp.StrictGreaterThan
            facts.append(relate(x, sp.Rational(str(p.domain.lower)), evaluate=False))
        if abs(p.domain.upper) != float("inf"):
            relate = sp.LessThan if p.domain.upper_closed else sp.StrictLessThan
            facts.append(relate(x, sp.Rational(str(p.domain.upper)), evaluate=False))
    return tuple(facts)


def law_facts(space: StateSpace) -> tuple[Any, ...]:
    """The laws between parameters that the method declares, as relations."""
    return tuple(sp.Gt(law, 0, evaluate=False) for law in space.system.laws())


def _solved(condition: sp.Basic, unknown: sp.Symbol) -> str:
    """The condition as text, solved for the unknown where that is safe."""
    left = condition.args[0]
    if isinstance(condition, sp.Ne):
        return f"Ne({left}, 0)"
    sign = ">" if isinstance(condition, sp.StrictGreaterThan) else ">="
    if left.has(unknown) and sp.degree(left, unknown) == 1:
        expanded = sp.expand(left)
        slope, rest = sp.factor(expanded.coeff(unknown, 1)), expanded.coeff(unknown, 0)
        end = sp.cancel(-rest / slope)
        shown = min((end, sp.factor(end), sp.apart(end, L) if end.has(L) else end), key=lambda e: len(str(e)))
        if slope.is_positive:
            return f"{unknown} {sign} {shown}"
        if slope.is_negative:
            return f"{unknown} {sign.replace('>', '<')} {shown}"
    return f"{left} {sign} 0"
