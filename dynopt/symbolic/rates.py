"""`rate`: the exact worst-case rate of a method on quadratics with a given spectrum interval.

The spectral radius of M(λ) is below ρ iff the Jury conditions of χ(ρz; λ) hold, the spectral abscissa
below ρ iff the Hurwitz conditions of χ(z + ρ; λ) do.  Both hold for all large ρ and for no small ones,
so the worst case is the threshold of "the conditions hold for every λ in the interval", one of the
finitely many values of ρ at which that can change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from time import perf_counter
from typing import Any

import sympy as sp
from sympy import Poly, Rational

from dynopt.core.registry import parse_call
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.algebraic import Algebraic, FieldPolynomial, between, roots
from dynopt.symbolic.bounds import Interval, call_text, refuse, spectrum_ends
from dynopt.symbolic.cells import critical
from dynopt.symbolic.criteria import _numerator, characteristic_polynomial, hurwitz, jury
from dynopt.symbolic.decide import decide
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.optima import OptimumAt, optimum
from dynopt.symbolic.symbols import eigenvalue, symbolic

GUARANTEE = "local / quadratic, not class-wide: {} for Hessian eigenvalues λ in the interval, which governs the iterates asymptotically"
_WHAT = {False: "the largest spectral radius of M(λ)", True: "minus the largest real part of the eigenvalues of M(λ)"}
_UNIT = {False: "factor per iteration", True: "decay per unit of time"}
_TINY = Rational(1, 10**12)


@dataclass(frozen=True)
class Rate(Result):
    """What `rate` found.

    Attributes
    ----------
    method, spectrum : what was asked; parameters left out are at their defaults, which ``method`` shows.
    rate : the exact worst case: the factor ρ per iteration, or for a flow the decay r in e^(−rt) (negative: it grows);
        None when the method came without parameters.
    rate_float : its decimals.
    unit : ``factor per iteration`` or ``decay per unit of time``.
    attained_at : all λ where it is attained: points (equal ends), or the whole interval.
    guarantee : what the number means, and for which functions.
    optimum : the best parameters where they are known (`dynopt.symbolic.optima`), None elsewhere and for spectra below zero.
    loss : how many times as many iterations (or as long a time) the given parameters need as the best ones
        for the same accuracy; infinite if they do not converge.
    deciders : both deciders' answers, with versions and seconds.
    """

    method: str
    spectrum: tuple[Any, Any]
    rate: Any
    rate_float: float | None
    unit: str
    attained_at: tuple[Interval, ...]
    guarantee: str
    optimum: OptimumAt | None
    loss: float | None
    deciders: tuple[dict[str, Any], ...]


def rate(method: str | System | type[System], spectrum: Sequence[Any], *, seconds: float = 5.0) -> Rate:
    """The exact worst-case rate on quadratics whose Hessian has its spectrum in [A, B], and the best parameters.

    Parameters
    ----------
    method : a call such as ``"heavy_ball(gamma=1/10, momentum=1/2)"`` or an instance, its parameters exact
        rationals; a bare name (or a class) asks for the best parameters alone.
    spectrum : (A, B) with A ≤ B, the interval of Hessian eigenvalues.
    seconds : time limit of the second decider.

    Raises
    ------
    Misuse : A > B, a non-linear or time-dependent method, a parameter that is irrational or has no value,
        a bare name for which no best parameters are known.

    Examples
    --------
    >>> found = rate("gd(gamma=1/10)", (1, 10))
    >>> found.rate, [str(i) for i in found.attained_at], found.optimum.rate
    (9/10, ['[1, 1]'], 9/11)
    """
    low, high = spectrum_ends(spectrum)
    bare = isinstance(method, type) or (isinstance(method, str) and not parse_call(method).values)
    system = symbolic(method, defaults=not bare)
    space = state_space(system)
    refuse(space, "stable", low, high)
    best = optimum(type(system), low, high)
    guarantee, unit = GUARANTEE.format(_WHAT[space.continuous]), _UNIT[space.continuous]
    unknown = [p.name for p in system.numbers() if space.mode_matrix.has(*getattr(system, p.name).free_symbols)]
    if unknown and bare:
        if best is None:
            call = f"{system.name}({', '.join(f'{name}=...' for name in unknown)})"
            raise Misuse(f"no best parameters of {system.name} are known for the spectrum {low},{high}; give parameters, as in {call}")
        return Rate(system.name, (low, high), None, None, unit, (), guarantee, best, None, ())
    if unknown:
        raise Misuse(f"{system.name}: {unknown[0]} has no value; give it one, or write {system.name} alone for the best parameters")
    started = perf_counter()
    conditions = _conditions(space)
    worst = _threshold(conditions, space.continuous, low, high)
    where = _attained(conditions, worst, low, high)
    first = {"name": "sturm", "version": sp.__version__, "answer": "proved", "seconds": round(perf_counter() - started, 3)}
    second = _confirm(conditions, worst, space.continuous, low, high, seconds)
    value = -worst.expression() if space.continuous else worst.expression()
    decimals = -float(worst) if space.continuous else float(worst)
    loss = None if best is None else _loss(decimals, best.rate_float, space.continuous)
    return Rate(call_text(system, ""), (low, high), value, decimals + 0.0, unit, where, guarantee, best, loss, (first, second))


_rho = sp.Symbol("rho", real=True)


def _conditions(space: StateSpace) -> list[Poly]:
    """Polynomials in λ and ρ that are all positive iff the radius (the abscissa) of M(λ) is below ρ."""
    chi = characteristic_polynomial(space)
    z = chi.gen
    if space.continuous:
        found = hurwitz(Poly(chi.as_expr().subs(z, z + _rho), z))
    else:
        found = jury(Poly([c * _rho ** (chi.degree() - i) for i, c in enumerate(chi.all_coeffs())], z))
    return [Poly(_numerator(c), eigenvalue, _rho, domain="QQ") for c in found]


def _threshold(conditions: Sequence[Poly], continuous: bool, low: Rational, high: Rational) -> Algebraic:
    """The infimum of the ρ for which every condition is positive on the interval."""
    cuts = roots(critical(conditions, _rho, low, high))
    zero = Algebraic.rational(Rational(0))
    if not continuous:
        x = Poly(_rho, _rho, domain="QQ")
        cuts = [c for c in cuts if c.sign(x) > 0]
    line: list[Algebraic | None] = [None if continuous else zero, *cuts, None]
    first, last = 0, len(line) - 2  # cells between neighbours of the line; the last one holds
    while first < last:
        middle = (first + last) // 2
        if _hold(conditions, between(line[middle], line[middle + 1]), low, high):
            last = middle
        else:
            first = middle + 1
    found = line[first]
    assert found is not None
    return found


def _hold(conditions: Sequence[Poly], rho: Rational, low: Rational, high: Rational) -> bool:
    at = (c.eval(_rho, rho) for c in conditions)
    return all(q.eval(low) > 0 and (low == high or q.count_roots(low, high) == 0) for q in at)


def _attained(conditions: Sequence[Poly], worst: Algebraic, low: Rational, high: Rational) -> tuple[Interval, ...]:
    """Where some condition vanishes at ρ = the worst case: there, and only there, the radius is the worst case."""
    everywhere = (Interval(low, high, True, True, float(low), float(high)),)
    minimal = worst.poly.replace(worst.poly.gen, _rho)
    norms, fields = [], []
    for condition in conditions:
        norm = sp.resultant(condition.as_expr(), minimal.as_expr(), _rho)
        if norm == 0:  # zero at this ρ for every λ: the radius is the same on the whole interval
            return everywhere
        norms.append(Poly(norm, eigenvalue, domain="QQ"))
        coefficients = Poly(condition.as_expr(), eigenvalue).all_coeffs()
        fields.append(FieldPolynomial([Poly(c, _rho, domain="QQ") for c in coefficients], worst))
    if low == high:
        return everywhere
    ends = [Poly(s * (eigenvalue - e), eigenvalue, domain="QQ") for s, e in ((1, low), (-1, high))]
    points = [c for c in roots(norms) if all(c.sign(e) >= 0 for e in ends) and any(_zero(f, c) for f in fields)]
    return tuple(Interval(c.expression(), c.expression(), True, True, float(c), float(c)) for c in points)


def _zero(field: FieldPolynomial, at: Algebraic) -> bool:
    """Whether the polynomial over Q(ρ) vanishes at a root of its norm."""
    if at.is_rational:
        return field.sign_at(at.lower) == 0
    return field.degree > 0 and field.roots_in(at.lower, at.upper, field.sturm()) > 0


def _confirm(
    conditions: Sequence[Poly], worst: Algebraic, continuous: bool, low: Rational, high: Rational, seconds: float
) -> dict[str, Any]:
    """z3, from the conditions alone: just above the worst case they hold for every λ, just below it they fail for some."""
    started = perf_counter()
    while worst.upper - worst.lower > _TINY:
        worst.refine()
    given = [sp.Ge(eigenvalue, low), sp.Le(eigenvalue, high)]

    def answer(rho: Rational) -> tuple[str, str]:
        every = sp.And(*(sp.Gt(c.eval(_rho, rho).as_expr(), 0) for c in conditions))
        said = decide(given, every, seconds=seconds / 2, deciders=["z3"]).answers[0]
        return said.answer, said.version

    above, version = answer(worst.upper + _TINY)
    # no radius is below zero, so there is nothing to fail below a worst case of zero
    below = "refuted" if not continuous and worst.lower <= _TINY else answer(worst.lower - _TINY)[0]
    verdict = "refuted" if above == "refuted" or below == "proved" else "proved" if (above, below) == ("proved", "refuted") else "undecided"
    return {"name": "z3", "version": version, "answer": verdict, "seconds": round(perf_counter() - started, 3)}


def _loss(given: float, best: float, continuous: bool) -> float:
    if continuous:
        return best / given if given > 0 else inf
    if given >= 1:
        return inf
    if given <= 0:
        return 1.0
    return log(best) / log(given) if best > 0 else inf
