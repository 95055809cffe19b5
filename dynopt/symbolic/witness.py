"""Exact witnesses: checked by `exact`, and made as simple as they can be one coordinate at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

import sympy as sp

from dynopt.symbolic.exact import NotExact, Point, Undefined
from dynopt.symbolic.limits import OutOfTime, TooLarge, within

Witness = dict[sp.Symbol, Any]


def fulfils(point: Mapping[sp.Symbol, Any], formulas: Iterable[Any]) -> bool:
    """True when every formula exists and holds at the point."""
    at = Point(point)
    try:
        return all(at.holds(f) for f in formulas)
    except Undefined:
        return False


def breaks(point: Mapping[sp.Symbol, Any], given: Sequence[Any], then: Any) -> bool:
    """True when the point satisfies ``given`` and ``then`` exists and is false there."""
    try:
        return fulfils(point, given) and not Point(point).holds(then)
    except Undefined:
        return False


def complete(point: Mapping[sp.Symbol, Any], formulas: Iterable[Any]) -> Witness:
    """The point with 0 for every symbol that it leaves out (it did not matter to the decider; the re-check tells)."""
    symbols = sorted({s for f in formulas for s in f.free_symbols}, key=lambda s: s.name)
    return {s: sp.sympify(point.get(s, 0)) for s in symbols}


def simplest(point: Witness, accepts: Callable[[Witness], object], *, seconds: float = 5.0) -> Witness:
    """A simpler accepted point: each coordinate in turn takes the simplest value that keeps the point accepted.

    After ``seconds`` the simplest point so far.

    >>> x, y = sp.symbols("x y", real=True)
    >>> simplest({x: sp.Rational(355, 113), y: sp.Integer(7)}, lambda p: p[x] > 1 and p[y] > p[x])
    {x: 2, y: 3}
    """
    point = dict(point)
    with within(seconds), suppress(OutOfTime):
        for _ in range(3):
            before = dict(point)
            for s in point:
                for value in _candidates(point[s]):
                    trial = {**point, s: value}
                    if _accepted(trial, accepts):
                        point = trial
                        break
            if point == before:
                break
    return point


def _accepted(point: Witness, accepts: Callable[[Witness], object]) -> bool:
    try:
        return bool(accepts(point))
    except (NotExact, TooLarge):
        return False


def _weight(value: Any) -> tuple[int, int]:
    """Rationals before other numbers; among them small numerators and denominators, then positive ones.

    0 comes after ±2: a witness on the edge of a domain convinces less than one inside.
    """
    if not isinstance(value, sp.Rational):
        return (1 << 62, 0)
    return (abs(int(value.p)) + 2 * int(value.q), int(value.p < 0)) if value else (4, 2)


_SMALL = sorted({sp.Rational(s * p, q) for p in range(13) for q in (1, 2, 3, 4, 5, 10) for s in (1, -1)}, key=_weight)


def _candidates(value: Any) -> Iterator[sp.Rational]:
    """Values simpler than the present one: small rationals, then ever finer roundings of it."""
    limit = _weight(value)
    near = Fraction(str(sp.N(value, 30)))  # only proposes: whatever is accepted is checked exactly
    rounded = [near.limit_denominator(d) for d in (1, 2, 5, 10, 50, 100, 1000, 10**6)]
    rounded += [Fraction(round(near, -k)) for k in range(len(str(abs(int(near)))))]
    tried = set()
    for candidate in [*_SMALL, *sorted((sp.Rational(f.numerator, f.denominator) for f in rounded), key=_weight)]:
        if candidate not in tried and _weight(candidate) < limit:
            tried.add(candidate)
            yield candidate
