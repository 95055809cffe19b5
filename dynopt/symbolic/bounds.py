"""`bound`: the exact set of step-sizes (or of another parameter) with a property on a spectrum interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from time import perf_counter
from typing import Any

import sympy as sp

from dynopt.core.parameter import Domain
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse, closest
from dynopt.symbolic.bound_check import check
from dynopt.symbolic.cells import Piece, admissible
from dynopt.symbolic.closed_form import ClosedForm, closed_form
from dynopt.symbolic.criteria import CRITERIA, Criterion
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import eigenvalue, exact, symbol, symbolic


@dataclass(frozen=True)
class Interval(Result):
    """An interval of admissible values, its ends exact SymPy numbers (``oo`` where unbounded)."""

    lower: Any
    upper: Any
    lower_closed: bool
    upper_closed: bool
    lower_float: float
    upper_float: float

    def __contains__(self, value: Any) -> bool:
        value = exact(value)
        above = value > self.lower or (self.lower_closed and value == self.lower)
        below = value < self.upper or (self.upper_closed and value == self.upper)
        return bool(above) and bool(below)

    def __str__(self) -> str:
        return f"{'[' if self.lower_closed else '('}{self.lower}, {self.upper}{']' if self.upper_closed else ')'}"


@dataclass(frozen=True)
class Bound(Result):
    """What `bound` found.

    Attributes
    ----------
    method, property, spectrum, parameter : what was asked; parameters left out are at their defaults, which ``method`` shows.
    guarantee : what an admissible value implies, and for which functions.
    intervals : the exact admissible set, ascending; empty when nothing is admissible; None when other
        parameters are left as symbols, so that only the closed form exists.
    closed_form : the same in the method's own symbols for a symbolic spectrum (`ClosedForm`), or None where there is none.
    deciders : both deciders' answers on the intervals, with versions and seconds.
    """

    method: str
    property: str
    spectrum: tuple[Any, Any]
    parameter: str
    guarantee: str
    closed_form: ClosedForm | None
    intervals: tuple[Interval, ...] | None
    deciders: tuple[dict[str, Any], ...]

    def __contains__(self, value: Any) -> bool:
        return any(value in interval for interval in self.intervals or ())


def bound(
    method: str | System, property: str = "stable", spectrum: Sequence[Any] = (), *, free: str = "gamma", seconds: float = 5.0
) -> Bound:
    """The exact set of values of ``free`` for which the method has the property for every λ in the spectrum interval.

    Parameters
    ----------
    method : a call such as ``"inna(alpha=1/2, beta=1/10)"``, or an instance; its other parameters are exact rationals.
    property : ``stable`` (every mode decays), ``diffeomorphism`` (det M(λ) ≠ 0) or ``non-oscillating`` (real modes).
    spectrum : (A, B) with A ≤ B, the interval of Hessian eigenvalues.
    free : the parameter whose admissible values are wanted.
    seconds : time limit of the second decider on each piece.

    Raises
    ------
    Misuse : unknown property or parameter, A > B, a non-linear or time-dependent method, irrational parameters.

    Examples
    --------
    >>> [str(i) for i in bound("gd", "stable", (1, 10)).intervals]
    ['(0, 1/5)']
    """
    if property not in CRITERIA:
        raise Misuse(f"there is no property {property!r}; {closest(property, CRITERIA)}")
    low, high = spectrum_ends(spectrum)
    system = symbolic(method, free, defaults=True)
    parameter = system.parameter(free)
    if parameter.domain is None:
        raise Misuse(f"{system.name}: {free} is an option, not a number; choose one of {', '.join(p.name for p in system.numbers())}")
    unknown, space = symbol(parameter), state_space(system)
    refuse(space, property, low, high)
    criterion = CRITERIA[property](space)
    others = set().union(*(q.free_symbols for q in criterion.polynomials), set()) - {unknown, eigenvalue}
    form = closed_form(type(system), property, free)
    text = call_text(system, free)
    if others:
        return Bound(text, property, (low, high), free, criterion.guarantee, form, None, ())
    pieces, deciders = _decide(criterion, unknown, _lawful(system, parameter.domain, unknown), low, high, seconds)
    return Bound(text, property, (low, high), free, criterion.guarantee, form, tuple(map(interval_of, pieces)), deciders)


def call_text(system: System, free: str) -> str:
    """The call with every value that was used, defaults included."""
    shown = [p.name for p in system.numbers() if p.name != free and not getattr(system, p.name).free_symbols]
    used = ", ".join(f"{name}={getattr(system, name)}" for name in shown)
    return f"{system.name}({used})" if used else system.name


def spectrum_ends(spectrum: Sequence[Any]) -> tuple[sp.Rational, sp.Rational]:
    """The exact ends of a spectrum interval; `Misuse` unless they are two rational numbers in order."""
    try:
        low, high = (exact(v) for v in spectrum)
    except (TypeError, ValueError, sp.SympifyError):
        shown = ",".join(map(str, spectrum)) if isinstance(spectrum, Sequence) else spectrum
        raise Misuse(f"the spectrum {shown!r} is not a pair of numbers; give the smallest and largest eigenvalue, as in 1,10") from None
    for value in (low, high):
        if not value.is_Rational:
            raise Misuse(f"the spectrum end {value} is not a rational number; give integers, decimals or fractions")
    if low > high:
        raise Misuse(f"the spectrum {low},{high} has its ends in the wrong order; give the smaller eigenvalue first: {high},{low}")
    return low, high


def refuse(space: StateSpace, property: str, low: sp.Rational, high: sp.Rational) -> None:
    system = space.system
    if space.index is not None:
        raise Misuse(f"{system.name} depends on {space.index}, and frozen eigenvalues decide nothing about it; use trajectory instead")
    if space.continuous and property == "diffeomorphism":
        raise Misuse(f"{system.name} is a flow, whose time-t maps are always diffeomorphisms; ask for stable or non-oscillating")
    for p in system.numbers():
        value = getattr(system, p.name)
        if not value.free_symbols and not value.is_Rational:
            raise Misuse(f"{system.name}: {p.name}={value} is irrational; exact bounds need rational parameters")


def _lawful(system: System, domain: Domain, unknown: sp.Symbol) -> Domain:
    """The part of the free parameter's domain where the laws between parameters hold."""
    for law in system.laws():
        if not law.has(unknown):
            continue
        if sp.degree(law, unknown) != 1:
            raise Misuse(f"{system.name}: the law {law} > 0 is not linear in {unknown}; choose another free parameter")
        slope, rest = (Fraction(int(c.p), int(c.q)) for c in sp.Poly(law, unknown).all_coeffs())
        end = -rest / slope
        if slope > 0 and end >= domain.lower:
            domain = replace(domain, lower=end, lower_closed=False)
        elif slope < 0 and end <= domain.upper:
            domain = replace(domain, upper=end, upper_closed=False)
    return domain


def _decide(
    criterion: Criterion, unknown: sp.Symbol, domain: Domain, low: sp.Rational, high: sp.Rational, seconds: float
) -> tuple[list[Piece], tuple[dict[str, Any], ...]]:
    started = perf_counter()
    pieces = admissible(criterion.polynomials, criterion.relation, unknown, domain, low, high)
    first = {"name": "sturm", "version": sp.__version__, "answer": "proved", "seconds": round(perf_counter() - started, 3)}
    second = check(pieces, criterion.polynomials, criterion.relation, unknown, domain, low, high, seconds)
    return pieces, (first, second)


def interval_of(piece: Piece) -> Interval:
    """A piece with its ends as SymPy numbers and decimals."""
    lower = -sp.oo if piece.lower is None else piece.lower.expression()
    upper = sp.oo if piece.upper is None else piece.upper.expression()
    decimals = [float(e) if e is not None else s * float("inf") for e, s in ((piece.lower, -1), (piece.upper, 1))]
    return Interval(lower, upper, piece.lower_closed, piece.upper_closed, *decimals)
