"""`compare`: for which parameters one method leaves a strict saddle faster than another.

At a Hessian eigenvalue λ < 0 the faster method is the one with the larger growth σ(λ)
(`dynopt.symbolic.growth`).  One of the two growths, r, is eliminated: σ > r iff the other method's χ is
negative at r, and if r is itself a root of a quadratic, the sign of χ at r is the sign of its remainder
D₁w + D₀ at the positive root w of the shifted quadratic, a matter of the signs of D₀, D₁ and the
resultant.  What comes out is quantifier-free in the parameters and λ.  Nothing rests on that derivation:
both directions go to the deciders with the two growths as variables, defined by their own polynomials.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from dynopt.core.registry import Call
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.criteria import z
from dynopt.symbolic.growth import Growth, growth, mirror, proved
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.prune import negated, prune, stripped
from dynopt.symbolic.symbols import eigenvalue, symbol, symbolic

L = sp.Symbol("L", real=True)
first_growth, second_growth = sp.symbols("sigma_first sigma_second", real=True)
Check = tuple[str, tuple[Any, ...], Any]
"""What is checked, hypotheses, conclusion."""


@dataclass(frozen=True)
class Comparison:
    """When the first method leaves faster than the second.

    Attributes
    ----------
    first, second : their growths; parameters of the second that are not shared are called ``…_2``.
    shared : the parameters that both have and that are one symbol (or one number) here.
    condition : the largest multiplier of the first exceeds that of the second at λ iff this holds.
    direct : where this holds, both largest multipliers are the growths, so that ``condition`` says which
        is faster; elsewhere a mode flips its sign at every step and `everywhere` is the condition.
    """

    first: Growth
    second: Growth
    shared: tuple[str, ...]
    condition: Any
    direct: Any

    @property
    def facts(self) -> tuple[Any, ...]:
        """The parameters' domains."""
        return tuple(dict.fromkeys((*self.first.facts, *self.second.facts)))

    @property
    def negative(self) -> tuple[Any, ...]:
        """The parameters' domains and λ < 0."""
        return (*self.facts, eigenvalue < 0)

    @cached_property
    def everywhere(self) -> Any:
        """The first is faster at λ iff this holds, flips of sign included."""
        return self.condition if self.direct == sp.true else prune(_faster(self.first, self.second, flips=True), self.negative)

    @cached_property
    def whole(self) -> tuple[Any, Any] | None:
        """(hypothesis, condition) without λ: under the hypothesis, the first is faster for all λ in [−L, 0) iff the condition holds.

        None where the condition at one λ is not a conjunction of comparisons affine in λ.
        """
        hypothesis, condition = (_for_all(f, self.facts) for f in (self.direct, self.condition))
        return None if hypothesis is None or condition is None else (hypothesis, condition)

    @cached_property
    def verdict(self) -> str:
        """``always``, ``never``, ``same`` (equal largest multipliers), or ``depends``."""
        if self.condition == sp.true:
            return "always"
        if self.condition != sp.false:
            return "depends"
        return "same" if proved((*self.negative, *self._largest), sp.Eq(first_growth, second_growth)) else "never"

    @property
    def _largest(self) -> tuple[Any, ...]:
        return (*self.first.largest(first_growth), *self.second.largest(second_growth))

    @property
    def _pivot(self) -> tuple[Growth, Growth]:
        """The method whose growth is eliminated, and the other one."""
        return (self.second, self.first) if self.second.degree <= self.first.degree else (self.first, self.second)

    @property
    def checks(self) -> list[Check]:
        """Both directions at one λ, why the largest multiplier is the growth, and both directions for all λ in [−L, 0).

        With one block on one side the two growths are variables.  Otherwise one of them is, the other's
        is where its χ changes sign, which is checked by itself.  Sign flips are checked in the first case.
        """
        faster = first_growth > second_growth
        if self._pivot[0].degree == 1:
            found = _both("", (*self.negative, *self._largest), faster, self.condition)
            if self.direct != sp.true:
                defined = (*self.first.is_growth(first_growth), *self.second.is_growth(second_growth))
                found += _both("with sign flips, ", (*self.negative, *defined), faster, self.everywhere)
        else:
            found = [*self._sign_change(), *_both("", *self._at_pivot(), self.condition)]
        if self.direct != sp.true:
            found += self._dominance()
        if self.whole is not None and self.condition not in (sp.true, sp.false):
            found += self._whole_checks(*self.whole)
        return found

    def _at_pivot(self) -> tuple[tuple[Any, ...], Any]:
        """With w + 1 (w for flows) the pivot's largest multiplier: its definition, and "the first is faster" as signs there."""
        pivot, other = self._pivot
        w = sp.Symbol("w", real=True)
        chi = sp.Poly(pivot.at(w + pivot.still), w)
        rests = [sp.Poly(sp.expand(f.subs(z, w + pivot.still)), w).rem(chi).as_expr() for f in other.exceeds()]
        given = (*self.negative, w > 0, sp.Eq(chi.as_expr(), 0))
        return given, sp.Or(*(r < 0 for r in rests)) if pivot is self.second else sp.And(*(r > 0 for r in rests))

    def _sign_change(self) -> list[Check]:
        """The other method's largest multiplier exceeds s (is less than s) iff its χ is negative (positive) there."""
        pivot, other = self._pivot
        s = sp.Symbol("s", real=True)
        options = [sp.expand(f.subs(z, s)) for f in other.exceeds()]
        given = (*other.negative, s > other.still, *other.largest(first_growth))
        if pivot is self.second:
            return _both("largest multiplier, ", given, first_growth > s, sp.Or(*(f < 0 for f in options)))
        return _both("largest multiplier, ", given, first_growth < s, sp.And(*(f > 0 for f in options)))

    def _dominance(self) -> list[Check]:
        other = sp.Symbol("other", real=True)
        found: list[Check] = []
        for one in (self.first, self.second):
            if one.direct != sp.true:
                given = (*one.negative, one.direct, *one.largest(first_growth), sp.Eq(one.at(other), 0))
                found.append(
                    (
                        f"the largest multiplier of {one.system.name} is its growth",
                        given,
                        sp.And(other <= first_growth, other >= -first_growth),
                    )
                )
        return found

    def _whole_checks(self, hypothesis: Any, condition: Any) -> list[Check]:
        """The condition without λ implies the one at a free λ; that one at −L and at its zero implies the one without λ."""
        base = (*self.facts, L > 0)
        inside = (eigenvalue >= -L, eigenvalue < 0)
        instances: list[Any] = []
        for i, relation in enumerate(sp.And.make_args(self.condition)):
            v = sp.Symbol(f"v{i}", real=True)
            slope, rest = sp.Poly(relation.lhs, eigenvalue).coeff_monomial(eigenvalue), relation.lhs.subs(eigenvalue, 0)
            instances += [
                relation.subs(eigenvalue, -L),
                sp.Or(sp.Eq(slope, 0), sp.Eq(slope * v + rest, 0)),
                sp.Or(v < -L, v >= 0, sp.Eq(slope, 0), relation.subs(eigenvalue, v)),
            ]
        checks: list[Check] = []
        if condition != sp.false:
            given = (*base, *inside, *((condition,) if condition != sp.true else ()))
            checks.append(("for all λ, sufficient", given, self.condition))
        if self.direct != sp.true and hypothesis != sp.true:
            checks.append(("for all λ, no sign flips", (*base, *inside, hypothesis), self.direct))
        if condition != sp.true:
            checks.append(("for all λ, necessary", (*base, *instances), condition))
        return checks

    @property
    def statement(self) -> str:
        """The result at one λ, then for all λ in [−L, 0), in SymPy's notation."""
        names = f"{label(self.first.system)} leaves a strict saddle faster than {label(self.second.system)}"
        equal = f" at equal {', '.join(self.shared)}" if self.shared else ""
        where = "" if self.direct == sp.true else f", provided {self.direct} (no mode flips its sign)"
        if self.verdict != "depends":
            said = {"always": "at every λ < 0", "never": "at no λ < 0", "same": "at no λ < 0: both grow at the same rate"}[self.verdict]
            return f"{names}{equal} {said}{where}"
        text = f"{names}{equal} at λ < 0 iff {self.condition}{where}"
        if self.whole is not None:
            hypothesis, condition = self.whole
            where = "" if hypothesis == sp.true else f", provided {hypothesis}"
            if condition == sp.false:
                return f"{text}; for no L at every λ in [-L, 0)"
            text += f"; at every λ in [-L, 0) iff {condition}{where}" if condition != self.condition else "; and then at every λ < 0"
        return text


def _both(what: str, given: tuple[Any, ...], claim: Any, condition: Any) -> list[Check]:
    """The claim iff the condition, under the hypotheses."""
    if condition == sp.true:
        return [(f"{what}always", given, claim)]
    if condition == sp.false:
        return [(f"{what}never", given, negated(claim))]
    return [(f"{what}sufficient", (*given, condition), claim), (f"{what}necessary", (*given, claim), condition)]


def comparison(
    first: str | Call | type[System] | System, second: str | Call | type[System] | System, share: Sequence[str] | None = None
) -> Comparison:
    """The exact condition under which the first method leaves a strict saddle faster than the second.

    Parameters
    ----------
    first, second : calls, classes or instances; parameters left out stay symbols.
    share : names of the parameters that are equal in both; by default every parameter that both have
        under one name.  A number given on one side only is then used on both.  An instance may hold
        expressions in the first method's symbols.

    Raises
    ------
    Misuse : a flow against a map; a name to share that one of them lacks; a method without a constant mode matrix.

    Examples
    --------
    >>> print(comparison("heavy_ball", "gd").statement)
    heavy_ball leaves a strict saddle faster than gd at equal gamma at λ < 0 iff momentum > 0; and then at every λ < 0
    >>> comparison("inna", "gd").condition
    -alpha + lamda*(1 - beta) + 1 > 0
    """
    one, two, shared = _aligned(symbolic(first), symbolic(second), share)
    a, b = growth(one), growth(two)
    if a.continuous != b.continuous:
        flow, step = (one, two) if a.continuous else (two, one)
        raise Misuse(
            f"{flow.name} is a flow and {step.name} an iteration: they grow per unit of time and per step; "
            f"compare {flow.name} with another flow, or {step.name} with an explicit_euler of it"
        )
    facts = (*dict.fromkeys((*a.facts, *b.facts)), eigenvalue < 0)
    condition = prune(_faster(a, b, flips=False), facts)
    return Comparison(a, b, shared, condition, prune(sp.And(a.direct, b.direct), facts))


def _aligned(one: System, two: System, share: Sequence[str] | None) -> tuple[System, System, tuple[str, ...]]:
    """Both methods with their shared parameters made equal, the second's other symbols renamed where they clash."""
    common = [p.name for p in one.numbers() if p.name in {q.name for q in two.numbers()}]
    for name in share or ():
        if name not in common:
            raise Misuse(f"{name} cannot be shared: {one.name} and {two.name} have {', '.join(common) or 'no parameter'} in common")
    shared: list[str] = []
    for name in common:
        own, left, right = symbol(one.parameter(name)), getattr(one, name), getattr(two, name)
        if share is not None and name not in share:
            if right.is_Symbol and right.name == name and left.free_symbols:
                two = two.replace(**{name: sp.Symbol(f"{name}_2", **right.assumptions0)})
            continue
        if right.is_Symbol and right.name == name:
            two = two.replace(**{name: left})
        elif left == own and right.is_number:
            one = one.replace(**{name: right})
        if getattr(one, name) == getattr(two, name):
            shared += [name] if own in _dynamics(type(one)) and symbol(two.parameter(name)) in _dynamics(type(two)) else []
        elif share is not None:
            raise Misuse(f"{name} is shared but has two values, {left} and {right}; give it once")
    return one, two, tuple(shared)


def _dynamics(method: type[System]) -> set[sp.Symbol]:
    """The parameters that enter the mode matrix (and not only the start)."""
    return state_space(symbolic(method)).mode_matrix.free_symbols - {eigenvalue}


def label(system: System) -> str:
    """The name, with the values that are not the parameter's own symbol."""
    shown = {p.name: getattr(system, p.name) for p in system.numbers()}
    inside = ", ".join(f"{name}={value}" for name, value in shown.items() if not value.is_Symbol)
    return f"{system.name}({inside})" if inside else system.name


def _faster(a: Growth, b: Growth, *, flips: bool) -> Any:
    """σ_a > σ_b: the growth of the method with fewer blocks is eliminated, the second's on a tie."""
    if b.degree <= a.degree:
        return _at_root(b, a.exceeds(flips=flips), flips, exceeds=True)
    return _at_root(a, b.exceeds(flips=flips), flips, exceeds=False)


def _at_root(pivot: Growth, options: Iterable[sp.Expr], flips: bool, *, exceeds: bool) -> Any:
    """Some option is negative (``exceeds``), or all are positive, at z = the pivot's growth."""
    join = sp.Or if exceeds else sp.And
    sign = 1 if exceeds else -1

    def holds(chi: sp.Poly) -> Any:
        return join(*(_negative_at_largest(sign * f, chi, pivot) for f in options))

    if not flips or pivot.direct == sp.true:
        return holds(pivot.chi)
    return sp.Or(sp.And(pivot.direct, holds(pivot.chi)), sp.And(sp.Not(pivot.direct), holds(mirror(pivot.chi))))


def _negative_at_largest(f: sp.Expr, chi: sp.Poly, pivot: Growth) -> Any:
    """f < 0 at the largest root of χ, which has degree one, or degree two and a root on either side of 1 (0 for flows)."""
    if chi.degree() == 1:
        return _lt(f.subs(z, -chi.all_coeffs()[1]))
    if not pivot.apart or chi.degree() > 2:
        raise Misuse(
            f"no elimination is derived for the growth of {pivot.system.name}; name it first, or compare with a method of fewer blocks"
        )
    w = sp.Dummy("w", positive=True)
    shifted = sp.Poly(chi.as_expr().subs(z, w + pivot.still), w)
    rest = sp.Poly(sp.expand(f.subs(z, w + pivot.still)), w).rem(shifted)
    d1, d0 = rest.coeff_monomial(w), rest.coeff_monomial(1)
    p, q = shifted.all_coeffs()[1:]
    resultant = sp.expand(d0**2 - d0 * d1 * p + d1**2 * q)  # d1² χ(−d0/d1): negative iff the zero of d1 w + d0 lies between the roots
    return sp.Or(
        sp.And(_lt(d0), sp.Or(_le(d1), _lt(-resultant))),
        sp.And(_lt(d1), sp.Or(_le(d0), _lt(resultant))),
    )


def _lt(e: sp.Expr) -> Any:
    return sp.Gt(stripped(-e), 0)


def _le(e: sp.Expr) -> Any:
    return sp.Ge(stripped(-e), 0)


def _for_all(condition: Any, facts: Sequence[Any]) -> Any:
    """A conjunction of f(λ) > 0 or ≥ 0, f affine in λ, for all λ in [−L, 0): f(−L) > 0 and f(0) ≥ 0."""
    if not condition.has(eigenvalue):
        return condition
    parts: list[Any] = []
    for relation in sp.And.make_args(condition):
        if (
            not isinstance(relation, (sp.StrictGreaterThan, sp.GreaterThan))
            or relation.rhs != 0
            or not relation.lhs.is_polynomial(eigenvalue)
        ):
            return None
        if sp.degree(relation.lhs, eigenvalue) > 1:
            return None
        parts += [type(relation)(stripped(relation.lhs.subs(eigenvalue, -L)), 0), sp.Ge(stripped(relation.lhs.subs(eigenvalue, 0)), 0)]
    return prune(sp.And(*parts), (*facts, L > 0))
