"""The language of claims: which formulas may be asked, and what may be assumed where each expression is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def total(formula: Any) -> bool:
    """True when no value can make an expression of the formula undefined: no variable denominators or radicands."""
    powers = formula.atoms(sp.Pow)
    return all((p.exp.q == 1 and p.exp > 0) or not p.base.free_symbols for p in powers)



def partial_expressions(formula: Any, assumed: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], list[sp.Expr]]]:
    """Every expression that may be undefined, with what may be assumed where it is read.

    A formula guards its own parts: in ``a ∧ b`` the part b is read where a holds, in ``a ∨ b`` where
    a fails, in ``a ⇒ b`` where a holds; only a without variable denominators or radicands guards,
    except that an implication is read from left to right.
    """
    if total(formula):
        return
    if isinstance(formula, Relational):
        yield assumed, [side for side in formula.args if not total(side)]
        return
    arguments = formula.args
    if isinstance(formula, sp.Implies):
        hypothesis, conclusion = arguments
        yield from partial_expressions(hypothesis, (*assumed, sp.Not(conclusion)) if total(conclusion) else assumed)
        yield from partial_expressions(conclusion, (*assumed, hypothesis))
        return
    if isinstance(formula, sp.ITE):
        condition, yes, no = arguments
        yield from partial_expressions(condition, assumed)
        yield from partial_expressions(yes, (*assumed, condition))
        yield from partial_expressions(no, (*assumed, sp.Not(condition)))
        return
    for part in arguments:
        guards: tuple[Any, ...] = ()
        if isinstance(formula, (sp.And, sp.Or)):
            others = [a for a in arguments if a is not part and total(a)]
            guards = tuple(others if isinstance(formula, sp.And) else map(sp.Not, others))
        yield from partial_expressions(part, assumed + guards)


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
