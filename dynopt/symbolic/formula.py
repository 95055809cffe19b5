"""The language of claims: which formulas may be asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

_SIGNS = ("positive", "negative", "nonnegative", "nonpositive", "zero", "nonzero", "integer", "rational", "irrational")
_CONNECTIVES = (sp.And, sp.Or, sp.Not, sp.Implies, sp.Equivalent, sp.Xor, sp.ITE)


def fault(formula: Any) -> str:
    """Why a formula cannot be asked, or the empty string.

    >>> x = sp.Symbol("x", real=True)
    >>> fault(sp.sin(x) > 0)
    'sin(x) is outside the language; use + - * /, integer powers, sqrt, Abs, Min and Max of real symbols'
    >>> fault(x == 1)
    'False is a Python value, not a formula; write sp.Eq(left, right) for an equation'
    """
    if isinstance(formula, bool) or not isinstance(formula, sp.Basic):
        if isinstance(formula, bool):
            return f"{formula} is a Python value, not a formula; write sp.Eq(left, right) for an equation"
        return f"{_short(formula)} is not a formula; write a SymPy relation such as x > 0"
    if formula in (sp.true, sp.false):
        return ""
    if isinstance(formula, _CONNECTIVES):
        return next((f for f in map(fault, formula.args) if f), "")
    if not isinstance(formula, Relational):
        return f"{_short(formula)} is not a formula; write a SymPy relation such as x > 0"
    return next((f for f in map(_expression_fault, formula.args) if f), "")


def _expression_fault(e: Any) -> str:
    if isinstance(e, sp.Symbol):
        signs = [s for s in _SIGNS if getattr(e, f"is_{s}") is not None]
        if e.is_real is False or signs:
            declared = signs[0] if signs else "not real"
            return f"the symbol {e} is declared {declared}; declare it real=True and state in given what it satisfies"
        return ""
    if isinstance(e, sp.Rational):
        return ""
    if isinstance(e, sp.Float):
        return f"{e} is a floating-point number; write it exactly, such as sp.Rational(1, 10)"
    if isinstance(e, sp.polys.rootoftools.ComplexRootOf):
        return "" if e.is_real else f"{_short(e)} is not a real number; compare real numbers only"
    power = isinstance(e, sp.Pow) and isinstance(e.args[1], sp.Rational) and e.args[1].q & (e.args[1].q - 1) == 0
    if isinstance(e, (sp.Add, sp.Mul, sp.Abs, sp.Max, sp.Min)) or power:
        return next((f for f in map(_expression_fault, e.args[:1] if power else e.args) if f), "")
    return f"{_short(e)} is outside the language; use + - * /, integer powers, sqrt, Abs, Min and Max of real symbols"


def names_fault(formulas: Iterable[Any]) -> str:
    """Two different variables under one name make every report ambiguous."""
    seen: dict[str, sp.Symbol] = {}
    for s in (s for f in formulas for s in f.free_symbols):
        other = seen.setdefault(s.name, s)
        if other != s and (isinstance(s, sp.Dummy) or isinstance(other, sp.Dummy)):
            return f"two different symbols are called {s.name}; give each its own name"
    return ""


def plain(formula: Any) -> Any:
    """The formula in real symbols (a symbol without assumptions stands for a real variable)."""
    renaming = {s: sp.Symbol(s.name, real=True) for s in formula.free_symbols if s.is_real is None or isinstance(s, sp.Dummy)}
    return formula.xreplace(renaming) if renaming else formula


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
