"""Damaged copies of a proved check: if none of them can be refuted, the check cannot fail and its proof says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from dynopt.symbolic.claims import Check, Implication
from dynopt.symbolic.decide import decide
from dynopt.symbolic.exact import NotExact
from dynopt.symbolic.formula import plain
from dynopt.symbolic.witness import breaks, complete

_REVERSED = {sp.Gt: sp.Lt, sp.Lt: sp.Gt, sp.Ge: sp.Le, sp.Le: sp.Ge, sp.Eq: sp.Ne, sp.Ne: sp.Eq}
_STRICT = {sp.Ge: sp.Gt, sp.Le: sp.Lt}
_MORE, _LESS = sp.Rational(101, 100), sp.Rational(99, 100)


@dataclass(frozen=True)
class Mutant:
    """A check with one damaged relation, and what was done to it."""

    kind: str
    check: Implication


def mutants(check: Check) -> Iterator[Mutant]:
    """Copies of an implication with one relation of its conclusion or of its hypotheses damaged.

    A sign is flipped, a constant is changed by 1 %, a non-strict relation becomes strict, a relation
    of the conclusion is reversed.  Other checks have none: a witness or a second computation guards them.

    >>> x = sp.Symbol("x", real=True)
    >>> [str(m.check.then) for m in mutants(Implication(given=[x > 1], then=x > 0))][0]
    '-x > 0'
    """
    if not isinstance(check, Implication):
        return
    of_conclusion = ((kind, replace(check, then=then)) for kind, then in _damaged(check.then, reverse=True))
    of_hypotheses = (
        (kind, replace(check, given=[*check.given[:i], g, *check.given[i + 1 :]]))
        for i, one in enumerate(check.given)
        for kind, g in _damaged(one, reverse=False)
    )
    for pair in zip_longest(of_conclusion, of_hypotheses):
        yield from (Mutant(kind, damaged) for kind, damaged in filter(None, pair))


def survivors(check: Implication, *, seconds: float = 2.0, most: int = 24) -> dict[str, int]:
    """How many of the first ``most`` mutants were tried, and how many were refuted by an exact counterexample."""
    tried = refuted = 0
    for mutant in islice(mutants(check), most):
        given, then = [plain(g) for g in mutant.check.given], plain(mutant.check.then)
        tried += 1
        decision = decide(given, then, seconds=seconds)
        if decision.witness is not None:
            try:
                refuted += breaks(complete(decision.witness, [*given, then]), given, then)
            except NotExact:
                continue
    return {"tried": tried, "refuted": refuted}


def _damaged(formula: Any, *, reverse: bool) -> Iterator[tuple[str, Any]]:
    atoms = [formula] if isinstance(formula, Relational) else sorted(formula.atoms(Relational), key=str)
    for atom in atoms:
        for kind, other in _damaged_relation(atom, reverse):
            damaged = other if atom is formula else formula.xreplace({atom: other})
            if damaged != formula:
                yield kind, damaged


def _damaged_relation(atom: Any, reverse: bool) -> Iterator[tuple[str, Any]]:
    left, right = atom.args
    if atom.func in _STRICT:
        yield "strict for non-strict", _STRICT[atom.func](left, right)
    for kind, other in _damaged_expression(left, whole=right != 0):
        yield kind, atom.func(other, right)
    for kind, other in _damaged_expression(right, whole=left != 0):
        yield kind, atom.func(left, other)
    if reverse:
        yield "reversed", _REVERSED[atom.func](left, right)


def _damaged_expression(e: sp.Expr, *, whole: bool) -> Iterator[tuple[str, sp.Expr]]:
    """One sign or one constant changed somewhere; ``whole`` when a factor of the whole expression matters too."""
    if e.free_symbols and not e.is_Add:
        yield "sign", -e
    if whole and e != 0:
        yield "constant", e * _MORE
        yield "constant", e * _LESS
    yield from _inside(e)


def _inside(e: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    if e.is_Add:
        for term in e.args:
            yield "sign", e - 2 * term
    for i, part in enumerate(e.args[:1] if e.is_Pow else e.args):
        rest = e.args[i + 1 :]
        if part.is_Rational and part != 0:
            yield "constant", e.func(*e.args[:i], part * _MORE, *rest)
        elif part.args:
            yield from ((kind, e.func(*e.args[:i], other, *rest)) for kind, other in _inside(part))
