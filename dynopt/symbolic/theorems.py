"""If-and-only-if conditions for a property on a whole spectrum interval, in a method's own symbols.

An affine function of λ keeps a sign on an interval iff it has it at both ends, a quadratic one iff it
has it at both ends and at its vertex, if that lies inside.  So "for all λ in [A, B]" becomes a
quantifier-free condition on parameters, μ and L, from which implied parts are dropped.  Nothing rests
on that derivation: both directions are handed to the deciders, the sufficiency with λ free, the
necessity from the property at the ends and the vertex.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import sympy as sp

from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.closed_form import L, domain_facts, independent, law_facts, mu
from dynopt.symbolic.criteria import CRITERIA, characteristic_polynomial
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

STATEMENTS = {
    "stable": "every mode decays for all λ in [μ, L]",
    "diffeomorphism": "the map is a local diffeomorphism where the Hessian spectrum lies in [−L, L]",
    "non-oscillating": "every mode is real for all λ in [μ, L]",
    "repelling": "every strict saddle repels: for all λ < 0 some eigenvalue leaves the stable region",
}


@dataclass(frozen=True)
class Theorem:
    """A property of a method on an interval, and the condition it is equivalent to.

    Attributes
    ----------
    method, aspect : what it is about; ``aspect`` is a key of `STATEMENTS`.
    facts : the parameters' domains, the method's laws between them, and 0 < μ ≤ L (0 < L for ``diffeomorphism``).
    inside : the interval of λ, as relations.
    holds : the property at one λ, as conditions that must all hold.
    instances : the property at the finitely many λ where it is used for the converse: the ends, and the
        vertex v of each criterion that is quadratic in λ.
    condition : the statement's condition: under ``facts`` it holds iff ``holds`` does for all λ ``inside``.
    """

    method: type[System]
    aspect: str
    facts: tuple[Any, ...]
    inside: tuple[Any, ...]
    holds: tuple[Any, ...]
    instances: tuple[Any, ...]
    condition: Any

    @property
    def sufficient(self) -> tuple[tuple[tuple[Any, ...], Any], ...]:
        """(given, then) pairs: the condition implies each part of the property at a free λ of the interval."""
        given = (*self.facts, *self.inside, *((self.condition,) if self.condition != sp.true else ()))
        return tuple((given, part) for part in self.holds)

    @property
    def necessary(self) -> tuple[tuple[Any, ...], Any] | None:
        """(given, then): the property at its instances implies the condition; None when there is no condition."""
        return None if self.condition == sp.true else ((*self.facts, *self.instances), self.condition)

    @property
    def statement(self) -> str:
        return f"{self.method.name}: {STATEMENTS[self.aspect]} iff {self.condition if self.condition != sp.true else 'always'}"


def theorem(method: type[System], aspect: str) -> Theorem:
    """The equivalence for one method and property.

    Raises
    ------
    Misuse : a criterion of degree above two in λ, for which no lemma is stated here.

    Examples
    --------
    >>> from dynopt import HeavyBall
    >>> str(theorem(HeavyBall, "stable").condition)
    '-L*gamma + 2*momentum + 2 > 0'
    """
    key: Any = method
    space = _space(key)
    domains = (*domain_facts(space), *law_facts(space))
    if aspect == "repelling":
        return _real(Theorem(method, aspect, domains, (_lt(eigenvalue),), (repelling(space),), (), sp.true))
    criterion = CRITERIA[aspect](space)
    low, high = (-L, L) if aspect == "diffeomorphism" else (mu, L)
    # with μ < L an even factor of a criterion cannot hide a negative value at a single λ
    facts = (*domains, _gt(L)) if low == -L else (*domains, _gt(mu), _gt(L - mu) if aspect == "non-oscillating" else _ge(L - mu))
    parts: list[Any] = []
    instances: list[Any] = []
    for i, q in enumerate(criterion.polynomials):
        q = _stripped(_without_squares(q) if criterion.relation == ">= 0" else q)
        conditions, used = _on_interval(method, q, criterion.relation, low, high, sp.Symbol(f"v{i}", real=True))
        parts += conditions
        instances += used
    kept = independent(list(dict.fromkeys(parts)), facts)
    condition = sp.And(*kept, evaluate=False) if len(kept) > 1 else kept[0] if kept else sp.true
    holds = tuple(_relation(q, criterion.relation) for q in criterion.polynomials if not q.is_positive)
    inside = (_ge(eigenvalue - low), _ge(high - eigenvalue))
    return _real(Theorem(method, aspect, facts, inside, holds, tuple(instances), condition))


@functools.lru_cache
def _space(method: Any) -> StateSpace:
    return state_space(symbolic(method))


def _real(found: Theorem) -> Theorem:
    """The theorem in symbols that assume nothing but reality: every hypothesis is then a listed one."""

    def bare(relation: Any) -> Any:
        return relation.xreplace({s: sp.Symbol(s.name, real=True) for s in relation.free_symbols})

    parts: dict[str, Any] = {n: tuple(map(bare, getattr(found, n))) for n in ("facts", "inside", "holds", "instances")}
    return dataclasses.replace(found, **parts, condition=bare(found.condition))


def repelling(space: StateSpace) -> Any:
    """Not all eigenvalues in the closed stable region: some modulus above one (maps), some positive real part (flows).

    Up to two blocks the closed Jury and Routh–Hurwitz conditions are negated; above, χ(1) < 0 with a
    positive leading coefficient is sufficient, and enough here.
    """
    chi = characteristic_polynomial(space)
    n = chi.degree()
    if space.continuous:
        return sp.Or(*(_lt(c) for c in chi.all_coeffs()[1:]), evaluate=False)
    at = [sp.expand(chi.eval(1)), sp.expand((-1) ** n * chi.eval(-1))]
    if n == 1:
        return _lt(at[0] * at[1])
    options = [_lt(at[0])] if n > 2 else [_lt(at[0]), _lt(at[1]), _gt(chi.eval(0) - 1)]
    return sp.Or(*options, evaluate=False)


def _on_interval(method: type[System], q: sp.Expr, relation: str, low: sp.Expr, high: sp.Expr, v: sp.Symbol) -> tuple[list[Any], list[Any]]:
    """The conditions on one criterion, and the instances of it that imply them."""
    if not q.has(eigenvalue):
        conditions = [] if q.is_positive else [_relation(q, relation)]
        return conditions, conditions
    poly = sp.Poly(q, eigenvalue)
    if poly.degree() > 2:
        raise Misuse(f"{method.name}: a criterion has degree {poly.degree()} in λ, for which there is no lemma; use bound with numbers")
    ends = [_stripped(q.subs(eigenvalue, end)) for end in (low, high)]
    values = [sp.expand(q.subs(eigenvalue, end)) for end in (low, high)]
    if relation == "!= 0":  # a continuous function without a zero on an interval has one sign there
        conditions, instances = _same_sign(*ends), [_gt(values[0] * values[1])]
    else:
        conditions, instances = [_relation(e, relation) for e in ends], [_relation(e, relation) for e in values]
    if poly.degree() == 2:
        a, b, c = (sp.expand(k) for k in poly.all_coeffs())
        at_vertex = sp.expand(q.subs(eigenvalue, v))
        bottom = sp.factor(4 * a * c - b**2)
        if relation == "!= 0":
            options = [_ge(sp.expand((2 * a * low + b) * (2 * a * high + b))), _gt(_stripped(a * bottom * ends[0]))]
            agrees = _gt(at_vertex * values[0])
        else:
            options = [_le(a), _ge(_stripped(2 * a * low + b)), _le(_stripped(2 * a * high + b)), _relation(_stripped(bottom), relation)]
            agrees = _relation(at_vertex, relation)
        conditions.append(sp.Or(*(o for o in options if not (isinstance(o, sp.LessThan) and o.args[0].is_positive)), evaluate=False))
        # where the leading coefficient is not zero there is a vertex v; where it is zero the condition holds by itself
        instances += [sp.Or(sp.Eq(a, 0), sp.Eq(2 * a * v + b, 0)), sp.Or(_lt(v - low), _gt(v - high), sp.Eq(a, 0), agrees)]
    return conditions, instances


def _same_sign(one: sp.Expr, other: sp.Expr) -> list[Any]:
    constant, factors = sp.factor_list(one * other)
    conditions: list[Any] = []
    rest = sp.sign(constant)
    for base, power in factors:
        if base.is_positive:
            continue
        if power % 2 == 0:
            conditions.append(sp.Ne(base, 0, evaluate=False))
        else:
            rest *= base
    return [*conditions, _gt(rest)]


def _stripped(e: sp.Expr) -> sp.Expr:
    """The expression without factors that are positive for every admissible parameter."""
    constant, factors = sp.factor_list(e)
    return sp.expand(sp.sign(constant) * sp.Mul(*(base**power for base, power in factors if not base.is_positive)))


def _without_squares(q: sp.Expr) -> sp.Expr:
    """Even factors dropped: q ≥ 0 on an interval with interior iff its odd part is, by continuity."""
    constant, factors = sp.factor_list(q)
    return sp.expand(constant * sp.Mul(*(base for base, power in factors if power % 2)))


def _relation(e: sp.Expr, relation: str) -> Any:
    return {"> 0": _gt, ">= 0": _ge, "!= 0": lambda x: sp.Ne(x, 0, evaluate=False)}[relation](e)


def _gt(e: Any) -> Any:
    return sp.Gt(e, 0, evaluate=False)


def _ge(e: Any) -> Any:
    return sp.Ge(e, 0, evaluate=False)


def _le(e: Any) -> Any:
    return sp.Le(e, 0, evaluate=False)


def _lt(e: Any) -> Any:
    return sp.Lt(e, 0, evaluate=False)
