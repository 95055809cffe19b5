"""Critical points of a landscape, in exact arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sympy as sp

from dynopt.core.problem import CriticalPoint
from dynopt.errors import Misuse
from dynopt.problems.pieces import Pieces
from dynopt.problems.polynomial_system import real_solutions
from dynopt.problems.subdifferential import clarke
from dynopt.problems.time_limit import TimeUp, time_limit

if TYPE_CHECKING:
    from dynopt.problems.landscape import Landscape


SECONDS = 30.0
"""Longest time of the exact search."""


def critical_points(landscape: Landscape, seconds: float | None = None) -> tuple[CriticalPoint, ...]:
    """All real solutions of ∇J = 0 with the exact spectrum of ∇²J, and the kinks where 0 ∈ ∂J.

    With ``abs``, max and min each sign pattern of the kinks is solved for.  On a kink its sign is a
    multiplier in [−1, 1]; where as many kinks meet as there are coordinates, their crossings are
    solved for instead.  Isolated kinks are listed (kind ``kink``) when the exact Clarke
    subdifferential contains 0 or that is undecided.  `Misuse` when SymPy cannot solve the equations, or
    not within ``seconds``, `SECONDS` by default (see `dynopt.problems.time_limit` for where that is kept).
    """
    limit = SECONDS if seconds is None else seconds
    try:
        with time_limit(limit):
            return _search(landscape)
    except TimeUp:
        raise Misuse(
            f"the exact critical points of {landscape.name} are not found within {limit:g} s; give the one you mean by its coordinates, "
            "as in saddle=0,0, or define the problem as a class whose critical_points() lists them"
        ) from None


def _search(landscape: Landscape) -> tuple[CriticalPoint, ...]:
    pieces = None if landscape.smooth else Pieces(landscape)
    count = 0 if pieces is None else pieces.count
    found: dict[tuple[Any, ...], CriticalPoint] = {}
    for pattern in itertools.product((-1, 0, 1), repeat=count):
        for point, isolated in _pattern_solutions(landscape, pieces, pattern):
            if point in found:
                continue
            if 0 in pattern and isolated and clarke(landscape, point).contains().answer == "outside":
                continue
            found[point] = _classify(landscape, point, isolated, kink=0 in pattern)
    return tuple(sorted(found.values(), key=lambda c: [_order(v) for v in c.point]))


def _order(value: Any) -> tuple[int, Any]:
    return (0, float(value)) if value.is_number else (1, 0.0)


def _pattern_solutions(landscape: Landscape, pieces: Pieces | None, pattern: tuple[int, ...]) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """Solutions where each kink function has the sign of the pattern (0: on the kink, multiplier in [−1, 1])."""
    symbols, signs, switches = landscape.symbols, (pieces.signs if pieces else ()), (pieces.switches if pieces else ())
    gradient = pieces.gradient_expression if pieces else list(landscape.gradient_expression)
    multipliers = {s: sp.Dummy("t", real=True) if p == 0 else sp.Integer(p) for s, p in zip(signs, pattern, strict=True)}
    free = [m for m in multipliers.values() if m.is_Symbol]
    heights = [h.xreplace(multipliers) for h in switches]
    on = [h for h, p in zip(heights, pattern, strict=True) if p == 0]
    slopes = [sp.expand(g.xreplace(multipliers)) for g in gradient]
    crossing = len(on) >= len(symbols) and not any(h.has(*free) for h in on)
    for solution in _solve(on if crossing else slopes + on, list(symbols) if crossing else [*symbols, *free], landscape):
        point = tuple(solution.get(s, s) for s in symbols)
        if any(v.is_real is False for v in point):
            continue
        at = {**dict(zip(symbols, point, strict=True)), **{m: solution.get(m, sp.Integer(0)) for m in free}}
        if pieces is None or any(_holds(values, heights, pattern, free) for values in _samples(at, symbols)):
            yield point, all(v.is_number for v in point)


def _samples(at: dict[Any, Any], symbols: Any) -> Iterator[dict[Any, Any]]:
    """The solution itself, or members of a family of solutions."""
    parameters = sorted({p for v in at.values() for p in v.free_symbols if p in symbols}, key=lambda p: p.name)
    for values in itertools.product((-3, -1, sp.Rational(1, 3), 2), repeat=len(parameters)):
        chosen = dict(zip(parameters, values, strict=True))
        yield {key: v.subs(chosen) for key, v in at.items()}


def _holds(at: dict[Any, Any], heights: list[Any], pattern: tuple[int, ...], free: list[Any]) -> bool:
    """Whether the kink functions have the signs of the pattern and the multipliers lie in [−1, 1]."""
    if any(p and sp.sign(h.subs(at)) != p for h, p in zip(heights, pattern, strict=True)):
        return False
    return all(not at[m].is_number or abs(at[m]) <= 1 for m in free)


def _solve(equations: list[Any], unknowns: list[Any], landscape: Landscape) -> list[dict[Any, Any]]:
    equations = [e for e in equations if e != 0]
    if not equations:
        return [{}]
    blocks = _separate(equations, unknowns)
    if blocks is not None:  # each equation has one unknown of its own: exact real roots, one by one
        roots = [[(x, root) for root, _ in sp.real_roots(sp.Poly(e, x), multiple=False)] for x, e in blocks]
        return [dict(choice) for choice in itertools.product(*roots)]
    solutions = real_solutions(equations, unknowns)
    if solutions is not None:
        return [dict(zip(unknowns, solution, strict=True)) for solution in solutions]
    try:
        return list(sp.solve(equations, unknowns, dict=True))
    except NotImplementedError as error:
        raise Misuse(
            f"the critical points of {landscape.name} are out of reach of exact solving ({error}); give a polynomial landscape"
        ) from None


def _separate(equations: list[Any], unknowns: list[Any]) -> list[tuple[Any, Any]] | None:
    pairs = []
    for e in equations:
        inside = e.free_symbols & set(unknowns)
        if len(inside) != 1 or not e.is_polynomial(*inside):
            return None
        pairs.append((inside.pop(), e))
    names = [x for x, _ in pairs]
    return pairs if len(set(names)) == len(names) else None


def _classify(landscape: Landscape, point: tuple[Any, ...], isolated: bool, kink: bool) -> CriticalPoint:
    at = dict(zip(landscape.symbols, point, strict=True))
    value = landscape.expression.subs(at)
    value = value if value.has(sp.CRootOf) else sp.simplify(value)
    if kink:
        return CriticalPoint(point, "kink", (), value, isolated)
    hessian = landscape.hessian_expression.subs(at)
    if hessian.has(sp.CRootOf) and (hessian.is_diagonal() or len(point) == 2):
        spectrum = _algebraic_spectrum(landscape, point, hessian)
    else:
        spectrum = [sp.simplify(v) for v, m in hessian.eigenvals().items() for _ in range(m)]
        if all(v.is_number for v in spectrum) and any(v.has(sp.I) for v in spectrum):  # real roots whose radicals need i have no sign
            coefficients = [sp.simplify(c) for c in hessian.charpoly().all_coeffs()]
            exactly = all(c.is_Rational for c in coefficients)
            spectrum = sp.Poly(coefficients, sp.Symbol("z")).real_roots() if exactly else [sp.re(sp.N(v, 30)) for v in spectrum]
    if all(v.is_number for v in spectrum):
        spectrum.sort(key=lambda v: float(sp.re(v)))
        isolated = isolated and not (0 in spectrum and any(v.free_symbols for v in point))
    return CriticalPoint(point, kind_of(spectrum), tuple(spectrum), value, isolated)


def _algebraic_spectrum(landscape: Landscape, point: tuple[Any, ...], hessian: sp.Matrix) -> list[sp.Expr]:
    """Eigenvalues of a diagonal or 2 × 2 Hessian at a point of `CRootOf` coordinates, zeros recognised exactly."""
    symbolic, size = landscape.hessian_expression, len(point)
    if hessian.is_diagonal():
        entries = [(symbolic[i, i], hessian[i, i]) for i in range(size)]
        return [sp.Integer(0) if _vanishes(landscape, formula, point) else value for formula, value in entries]
    trace, root = hessian.trace(), sp.sqrt((hessian[0, 0] - hessian[1, 1]) ** 2 + 4 * hessian[0, 1] ** 2)
    if _vanishes(landscape, symbolic.det(), point):
        return [sp.Integer(0), trace]
    return [(trace - root) / 2, (trace + root) / 2]


def _vanishes(landscape: Landscape, formula: sp.Expr, point: tuple[Any, ...]) -> bool:
    """Whether a polynomial is zero at a critical point: the point then solves ∇J = 0 with that equation added."""
    at = dict(zip(landscape.symbols, point, strict=True))
    if abs(sp.N(formula.subs(at), 30)) > 1e-9:
        return False
    return point in (real_solutions([*landscape.gradient_expression, formula], landscape.symbols) or [])


def kind_of(spectrum: Any) -> str:
    """The kind of a critical point from the exact Hessian spectrum (see `CriticalPoint`).

    >>> kind_of([sp.Integer(-8), sp.Integer(2)])
    'strict saddle'
    """
    if not all(v.is_number for v in spectrum):
        return "degenerate"
    negative, zero = any(v < 0 for v in spectrum), any(v == 0 for v in spectrum)
    if negative:
        return "maximum" if all(v < 0 for v in spectrum) else "strict saddle"
    return "degenerate" if zero else "minimum"
