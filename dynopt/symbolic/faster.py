"""`compare`: a comparison as a result, with the exact set of λ, or of one parameter, where the first method is faster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from time import perf_counter
from typing import Any

import numpy as np
import sympy as sp
from sympy import Poly, Rational
from sympy.core.relational import Relational

from dynopt.core.parameter import Domain
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.algebraic import Algebraic
from dynopt.symbolic.bounds import Interval, interval_of, spectrum_ends
from dynopt.symbolic.cells import critical, pieces
from dynopt.symbolic.comparison import Comparison, comparison, label
from dynopt.symbolic.decide import decide
from dynopt.symbolic.growth import Growth
from dynopt.symbolic.prune import negated
from dynopt.symbolic.symbols import eigenvalue, exact


@dataclass(frozen=True)
class Ratio(Result):
    """The growths at one λ, and by what factor the first method's mean escape time is shorter, to leading order.

    For small starts the mean escape time is proportional to 1/log σ (maps, in steps) or 1/σ (flows, in
    time), so ``speedup`` = log σ_first / log σ_second (σ_first/σ_second for flows) and ``time_ratio`` is
    its inverse, first over second.
    """

    eigenvalue: Any
    first: float
    second: float
    time_ratio: float
    speedup: float


@dataclass(frozen=True)
class Compared(Result):
    """What `compare` found.

    Attributes
    ----------
    first, second : the methods, values that are not their own symbol included.
    kind : ``maps`` (growth: largest modulus, per step) or ``flows`` (largest real part, per unit of time).
    shared : parameters that are equal in both.
    verdict : ``always``, ``never``, ``same`` or ``depends``: whether the first is faster at λ < 0.
    condition, provided : at one λ < 0 the first is faster iff ``condition``, where ``provided`` holds (no mode
        flips its sign at every step).
    whole : the same for all λ in [−L, 0): ``condition``, ``provided``; None where none is derived.
    statement : all of it in a sentence.
    checks : the verdict of the deciders on each part.
    parameter, intervals : with numbers, the exact set of ``lamda`` (in the spectrum asked for) or of the free
        parameter (for every λ in the spectrum) where the first is faster; None while symbols are left.
    spectrum : the λ that were asked for.
    ratios : growths and ratios of mean escape times, at the ends of the spectrum and where asked; empty with symbols.
    note : what a reader should know.
    """

    first: str
    second: str
    kind: str
    shared: tuple[str, ...]
    verdict: str
    condition: Any
    provided: Any
    whole: dict[str, Any] | None
    statement: str
    checks: tuple[dict[str, Any], ...]
    parameter: str
    intervals: tuple[Interval, ...] | None
    spectrum: tuple[Any, Any]
    ratios: tuple[Ratio, ...]
    note: str

    @property
    def proved(self) -> bool:
        """Whether both deciders proved every part."""
        return all(c["verdict"] == "proved" for c in self.checks)


def compare(
    first: str | System,
    second: str | System,
    *,
    spectrum: Sequence[Any] | None = None,
    share: Sequence[str] | None = None,
    free: str | None = None,
    at: Sequence[Any] = (),
    seconds: float = 5.0,
) -> Compared:
    """For which parameters and λ < 0 the first method leaves a strict saddle faster than the second.

    Parameters
    ----------
    first, second : calls or instances; parameters left out stay symbols.
    spectrum : (A, B), A ≤ B, an interval of Hessian eigenvalues, of which the negative part counts; all λ < 0 by default.
    share : parameters that are equal in both; by default all that both have.
    free : the parameter whose values are wanted for which the first is faster for *every* λ in the spectrum (then B < 0).
    at : eigenvalues where growths and the ratio of escape times are wanted.
    seconds : time limit of each question to each decider.

    Raises
    ------
    Misuse : see `dynopt.symbolic.comparison.comparison`; a spectrum without negative part; an unknown ``free``.

    Examples
    --------
    >>> found = compare("inna(alpha=1/2, beta=1/2)", "gd")
    >>> str(found.condition), [str(i) for i in found.intervals]
    ('lamda + 1 > 0', ['(-1, 0)'])
    """
    found = comparison(first, second, share)
    low, high = (-sp.oo, sp.Integer(0)) if spectrum is None else spectrum_ends(spectrum)
    points = sorted({exact(v) for v in at})
    if bad := [v for v in (low, *points) if not v < 0]:
        raise Misuse(f"the eigenvalue {bad[0]} is not negative; a strict saddle is left along negative ones, as in -10,-1")
    intervals = _parameter_set(found, free, low, high) if free is not None else _eigenvalue_set(found, low, high)
    if spectrum is not None:
        points = sorted({*points, low, *([high] if high < 0 else [])})
    whole = None if found.whole is None else {"provided": found.whole[0], "condition": found.whole[1]}
    return Compared(
        label(found.first.system), label(found.second.system), "flows" if found.first.continuous else "maps", found.shared,
        found.verdict, found.condition, found.direct, whole, found.statement, _asked(found, seconds),
        free or "lamda", intervals, (low, high), tuple(_ratios(found, points)), _note(found),
    )  # fmt: skip


def _asked(found: Comparison, seconds: float) -> tuple[dict[str, Any], ...]:
    rows = []
    for part, given, then in found.checks:
        started = perf_counter()
        decision = decide(given, then, seconds=seconds)
        answers = {a.decider: a.answer for a in decision.answers}
        rows.append({"part": part, "verdict": decision.verdict, "deciders": answers, "seconds": round(perf_counter() - started, 3)})
    return tuple(rows)


def _note(found: Comparison) -> str:
    a, b = found.first, found.second
    if a.gradients == b.gradients:
        return ""
    return f"per iteration, {a.system.name} takes {a.gradients} gradient(s), {b.system.name} {b.gradients}"


def symbols_left(found: Comparison, condition: Any) -> set[sp.Symbol]:
    """The parameters that a condition still contains."""
    return condition.free_symbols - {eigenvalue} if condition not in (sp.true, sp.false) else set()


def _eigenvalue_set(found: Comparison, low: Any, high: Any) -> tuple[Interval, ...] | None:
    """Where symbols are left, the set is given if they only decide whether a mode flips its sign."""
    numbers = not (found.first.chi.free_symbols | found.second.chi.free_symbols) - {*found.first.chi.gens, eigenvalue}
    condition = found.everywhere if numbers else found.condition
    if symbols_left(found, condition):
        return None
    upper_closed = bool(high < 0)
    domain = Domain(
        -math.inf if low == -sp.oo else Fraction(str(low)), Fraction(str(min(high, sp.Integer(0)))), low != -sp.oo, upper_closed
    )  # fmt: skip
    return _set(condition, eigenvalue, domain)


def _set(condition: Any, unknown: sp.Symbol, domain: Domain) -> tuple[Interval, ...]:
    if condition == sp.false:
        return ()
    polynomials = [Poly(r.lhs - r.rhs, unknown, domain="QQ") for r in condition.atoms(Relational)]
    return tuple(map(interval_of, pieces(polynomials, domain, lambda x: _true(condition, unknown, x))))


def _true(condition: Any, unknown: sp.Symbol, x: Algebraic) -> bool:
    """A Boolean combination of polynomial comparisons at a real algebraic number, exactly."""
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, Relational):
        sign = x.sign(Poly(condition.lhs - condition.rhs, unknown, domain="QQ"))
        return bool(condition.func(sp.Integer(sign), 0))
    values = [_true(part, unknown, x) for part in condition.args]
    return all(values) if isinstance(condition, sp.And) else any(values) if isinstance(condition, sp.Or) else not values[0]


def _parameter_set(found: Comparison, free: str, low: Any, high: Any) -> tuple[Interval, ...] | None:
    systems = [g.system for g in (found.first, found.second) if any(p.name == free.removesuffix("_2") for p in g.system.numbers())]
    if not systems:
        raise Misuse(f"neither {found.first.system.name} nor {found.second.system.name} has a parameter {free}; name one of theirs")
    parameter = sp.Symbol(free, real=True)
    condition = found.everywhere
    others = symbols_left(found, condition) - {parameter}
    if others:
        return None
    if low == -sp.oo or not high < 0:
        raise Misuse(f"the set of {free} needs a spectrum of negative eigenvalues A,B with B < 0, as in -10,-1")
    domain = systems[0].parameter(free.removesuffix("_2")).domain
    assert domain is not None
    if condition in (sp.true, sp.false):
        return tuple(map(interval_of, pieces([], domain, lambda p: bool(condition))))
    polynomials = [Poly(r.lhs - r.rhs, eigenvalue, parameter, domain="QQ") for r in condition.atoms(Relational)]
    inside = Domain(Fraction(str(low)), Fraction(str(high)), True, True)
    wrong = negated(condition)

    def holds(p: Algebraic) -> bool:
        if p.is_rational:
            return not _set(wrong.subs(parameter, p.lower), eigenvalue, inside)
        given = [sp.Eq(p.poly.as_expr().subs(p.poly.gen, parameter), 0), parameter > p.lower, parameter < p.upper]
        return decide([*given, eigenvalue >= low, eigenvalue <= high], condition).verdict == "proved"

    return tuple(map(interval_of, pieces(critical(polynomials, parameter, low, high), domain, holds)))


def growth_at(one: Growth, value: Any) -> float:
    """The growth at one eigenvalue in floating point, from χ's roots; NaN where symbols are left."""
    coefficients = [c.subs(eigenvalue, exact(value)) for c in one.chi.all_coeffs()]
    if any(c.free_symbols for c in coefficients):
        return math.nan
    roots = np.roots([float(c) for c in coefficients])
    return float(np.max(roots.real if one.continuous else np.abs(roots)))


def _ratios(found: Comparison, points: Sequence[Rational]) -> list[Ratio]:
    rows = []
    for value in points:
        a, b = growth_at(found.first, value), growth_at(found.second, value)
        if math.isnan(a) or math.isnan(b):
            continue
        fast, slow = (a, b) if found.first.continuous else (math.log(a), math.log(b))
        rows.append(Ratio(value, a, b, slow / fast, fast / slow))
    return rows
