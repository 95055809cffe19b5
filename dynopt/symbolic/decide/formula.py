"""Quantifier-free formulas over polynomials, and their SMT-LIB text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dynopt.symbolic.decide.terms import Polynomial

Formula = tuple[Any, ...]
"""``("and", …)``, ``("or", …)``, or ``("atom", relation, polynomial)`` with a relation to zero."""

TRUE: Formula = ("and",)
FALSE: Formula = ("or",)
OPPOSITE = {">": "<=", "<=": ">", ">=": "<", "<": ">=", "=": "!=", "!=": "="}


def atom(relation: str, p: Polynomial) -> Formula:
    """p related to zero; a constant is decided at once."""
    value = p.value()
    if value is None:
        return ("atom", relation, p)
    truth = {">": value > 0, ">=": value >= 0, "<": value < 0, "<=": value <= 0, "=": value == 0, "!=": value != 0}[relation]
    return TRUE if truth else FALSE


def negation(f: Formula) -> Formula:
    if f[0] == "atom":
        return ("atom", OPPOSITE[f[1]], f[2])
    return (any_of if f[0] == "and" else all_of)([negation(g) for g in f[1:]])


def all_of(parts: Iterable[Formula]) -> Formula:
    flat = dict.fromkeys(g for f in parts for g in conjuncts(f))
    if FALSE in flat:
        return FALSE
    return next(iter(flat)) if len(flat) == 1 else ("and", *flat)


def any_of(parts: Iterable[Formula]) -> Formula:
    flat = dict.fromkeys(g for f in parts for g in (f[1:] if f[0] == "or" else [f]))
    if TRUE in flat:
        return TRUE
    return next(iter(flat)) if len(flat) == 1 else ("or", *flat)


def conjuncts(f: Formula) -> list[Formula]:
    return list(f[1:]) if f[0] == "and" else [f]


def text(f: Formula) -> str:
    """SMT-LIB.

    >>> text(all_of([atom(">", Polynomial.variable("x")), atom("!=", Polynomial.variable("y"))]))
    '(and (> x 0) (not (= y 0)))'
    """
    if f in (TRUE, FALSE):
        return "true" if f == TRUE else "false"
    if f[0] == "atom":
        _, relation, p = f
        return f"(not (= {p.smt()} 0))" if relation == "!=" else f"({relation} {p.smt()} 0)"
    return f"({f[0]} {' '.join(map(text, f[1:]))})"
