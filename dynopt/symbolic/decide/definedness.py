"""Where an expression exists: every radicand non-negative, every denominator non-zero, inner ones first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.logic.boolalg import ITE, And, BooleanFunction, Implies, Not, Or


@dataclass(frozen=True)
class Place:
    """One root or division: what it needs, and under which hypotheses it is evaluated."""

    expression: sp.Expr
    condition: Any
    given: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.expression} needs {self.condition}"


def places(given: Sequence[Any], *expressions: Any) -> list[Place]:
    """The places of the hypotheses and then of the expressions (or statements), inner ones first.

    Hypotheses without roots and divisions count everywhere, the others from where they stand.  Inside a
    statement a place may rely on its guards: on the other conjuncts, on the failure of the other
    alternatives (of those that exist everywhere), on the premise of its implication.

    >>> x = sp.Symbol("x")
    >>> [str(p) for p in places([x > 1], 1 / sp.sqrt(x - 1))]
    ['1/sqrt(x - 1) needs x - 1 >= 0', '1/sqrt(x - 1) needs Ne(sqrt(x - 1), 0)']
    """
    hypotheses = [part for g in given for part in _conjuncts(g)]
    known = [h for h in hypotheses if _total(h)]
    found: list[Place] = []

    def add(statement: Any) -> None:
        for place in _places(statement, tuple(known)):
            if not any(place.condition == other.condition and set(other.given) <= set(place.given) for other in found):
                found.append(place)

    for h in hypotheses:
        if not _total(h):
            add(h)
            known.append(h)
    for e in expressions:
        add(sp.sympify(e))
    return found


def _conjuncts(statement: Any) -> list[Any]:
    return [part for a in statement.args for part in _conjuncts(a)] if isinstance(statement, And) else [statement]


def _is_place(node: Any) -> bool:
    return isinstance(node, sp.Pow) and bool(node.exp.is_Rational) and (node.exp.q > 1 or node.exp.p < 0) and not node.base.is_Rational


def _total(statement: Any) -> bool:
    """The statement contains no root and no division."""
    return not any(_is_place(node) for node in sp.preorder_traversal(statement))


def _places(e: Any, known: tuple[Any, ...]) -> Iterator[Place]:
    if isinstance(e, (And, Or)):
        for argument in e.args:
            guards = [a for a in e.args if a is not argument and _total(a)]
            yield from _places(argument, (*known, *(guards if isinstance(e, And) else [Not(g) for g in guards])))
    elif isinstance(e, Implies):
        yield from _places(e.args[0], known)
        yield from _places(e.args[1], (*known, e.args[0]))
    elif isinstance(e, ITE):
        yield from _places(e.args[0], known)
        yield from _places(e.args[1], (*known, e.args[0]))
        yield from _places(e.args[2], (*known, Not(e.args[0])))
    elif isinstance(e, BooleanFunction):
        for argument in e.args:
            yield from _places(argument, known)
    else:
        for node in sp.postorder_traversal(e):
            if _is_place(node):
                yield from _conditions(node, known)


def _conditions(node: sp.Pow, known: tuple[Any, ...]) -> Iterator[Place]:
    if node.exp.q > 1:
        yield Place(node, sp.Ge(node.base, 0, evaluate=False), known)
    if node.exp.p < 0:
        value = sp.Pow(node.base, sp.Rational(1, node.exp.q)) if node.exp.q > 1 else node.base
        yield Place(node, sp.Ne(value, 0, evaluate=False), known)
