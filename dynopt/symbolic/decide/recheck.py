"""The truth of a statement at one exact point, decided without either decider.

Interval arithmetic of growing precision finds signs.  A value that no precision separates from zero
is zero by the root bound of Burnikel, Funke, Mehlhorn, Schirra and Schmitt (2001): every expression
E is U/L with algebraic integers whose conjugates are below u and l in modulus, so that E ≠ 0 implies
|E| ≥ 1/(u^(D−1)·l), D being the product of the degrees of the radicals in E.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from typing import Any

import sympy as sp
from mpmath import iv, mp
from sympy.logic.boolalg import ITE, And, Equivalent, Implies, Not, Or, Xor

from dynopt.errors import Misuse


class Undefined(Exception):
    """An expression does not exist at the point: a negative radicand or a zero denominator."""


def truth(statement: Any, point: Mapping[Any, Any]) -> bool | None:
    """True, false, or None where the statement depends on an expression that does not exist at the point.

    >>> x = sp.Symbol("x")
    >>> truth(sp.sqrt(x) * sp.sqrt(x) >= x, {x: 2}), truth(sp.sqrt(x) > 0, {x: -1})
    (True, None)
    """
    return _Check({_key(s): sp.sympify(v) for s, v in point.items()}).truth(statement)


def refutes(given: Sequence[Any], then: Any, point: Mapping[Any, Any]) -> bool:
    """The point satisfies every hypothesis and breaks the conclusion."""
    check = _Check({_key(s): sp.sympify(v) for s, v in point.items()})
    return all(check.truth(g) is True for g in given) and check.truth(then) is False


def _key(symbol: Any) -> Any:
    return symbol if isinstance(symbol, sp.Dummy) or not isinstance(symbol, sp.Symbol) else symbol.name


class _Check:
    def __init__(self, point: Mapping[Any, Any]) -> None:
        self.point = point
        self._bounds: dict[Any, tuple[float, float, dict[Any, int]]] = {}
        self._resolved: dict[Any, Any] = {}

    def truth(self, e: Any) -> bool | None:
        if isinstance(e, (bool, sp.logic.boolalg.BooleanAtom)):
            return bool(e)
        if isinstance(e, sp.core.relational.Relational):
            try:
                sign = self.sign(sp.Add(e.lhs, sp.Mul(-1, e.rhs, evaluate=False), evaluate=False))
            except Undefined:
                return None
            return {sp.Gt: sign > 0, sp.Ge: sign >= 0, sp.Lt: sign < 0, sp.Le: sign <= 0, sp.Eq: sign == 0, sp.Ne: sign != 0}[type(e)]
        values = [self.truth(a) for a in e.args]
        if isinstance(e, Not):
            return None if values[0] is None else not values[0]
        if isinstance(e, Implies):
            return _any([None if values[0] is None else not values[0], values[1]])
        if isinstance(e, Or):
            return _any(values)
        if isinstance(e, And):
            return None if (some := _any([None if v is None else not v for v in values])) is None else not some
        if isinstance(e, ITE):
            return values[1] if values[0] else values[2] if values[0] is False else (values[1] if values[1] == values[2] else None)
        if None in values:
            return None
        if isinstance(e, Equivalent):
            return len(set(values)) == 1
        if isinstance(e, Xor):
            return sum(map(bool, values)) % 2 == 1
        raise Misuse(f"{e} is not a Boolean combination of comparisons")

    def sign(self, e: Any) -> int:
        """The exact sign of an expression at the point."""
        u, l, radicals = self.bound(e)
        degree = 1
        for d in radicals.values():
            degree *= d
        enough = (degree - 1) * u + l + 8
        bits = 64
        while True:
            low, high = self.enclosure(e, bits)
            if low > 0:
                return 1
            if high < 0:
                return -1
            if low == high == 0 or max(abs(low), abs(high)) * 2 ** int(enough + 1) < 1:
                return 0
            bits *= 2

    def enclosure(self, e: Any, bits: int) -> tuple[Any, Any]:
        before, iv.prec = iv.prec, bits
        try:
            value = self._interval(e, bits)
            return tuple(mp.make_mpf(end) for end in value._mpi_)
        finally:
            iv.prec = before

    def _interval(self, e: Any, bits: int) -> Any:
        e = self.resolve(e)
        if e.is_Rational:
            return iv.mpf(int(e.p)) / iv.mpf(int(e.q))
        if e.is_Symbol:
            return self._interval(self.point[_key(e)], bits)
        if e.is_Add or e.is_Mul:
            total = self._interval(e.args[0], bits)
            for a in e.args[1:]:
                part = self._interval(a, bits)
                total = total + part if e.is_Add else total * part
            return total
        if e.is_Pow:
            base, p, q = self._interval(e.base, bits), int(e.exp.p), int(e.exp.q)
            while q > 1:
                base = iv.sqrt(iv.mpf([max(base.a, iv.mpf(0).a), base.b]))
                q //= 2
            return base**p if p > 0 else 1 / base ** (-p) if 0 not in base else iv.mpf(["-inf", "inf"])
        low, high = _root_enclosure(e, bits)
        return iv.mpf([(iv.mpf(int(low.p)) / int(low.q)).a, (iv.mpf(int(high.p)) / int(high.q)).b])

    def resolve(self, e: Any) -> Any:
        """|·|, min and max replaced by the branch that is taken at the point."""
        if not isinstance(e, (sp.Abs, sp.Min, sp.Max)):
            return e
        if e not in self._resolved:
            best = e.args[0]
            if isinstance(e, sp.Abs):
                best = best if self.sign(best) >= 0 else sp.Mul(-1, best, evaluate=False)
            for other in e.args[1:]:
                gap = self.sign(sp.Add(other, sp.Mul(-1, best, evaluate=False), evaluate=False))
                best = other if gap * (1 if isinstance(e, sp.Max) else -1) > 0 else best
            self._resolved[e] = best
        return self.resolve(self._resolved[e])

    def bound(self, e: Any) -> tuple[float, float, dict[Any, int]]:
        """log₂ of u and of l, and the radicals with their degrees; raises `Undefined`."""
        if e not in self._bounds:
            self._bounds[e] = self._bound(self.resolve(e))
        return self._bounds[e]

    def _bound(self, e: Any) -> tuple[float, float, dict[Any, int]]:
        if e.is_Rational:
            return _log(int(e.p)), _log(int(e.q)), {}
        if e.is_Symbol:
            return self.bound(self.point[_key(e)])
        if e.is_Add or e.is_Mul:
            u, l, radicals = self.bound(e.args[0])
            for a in e.args[1:]:
                v, m, more = self.bound(a)
                u, l, radicals = (max(u + m, l + v) + 1 if e.is_Add else u + v), l + m, {**radicals, **more}
            return u, l, radicals
        if e.is_Pow and e.exp.is_Rational and bin(int(e.exp.q)).count("1") == 1:
            return self._power(e)
        if isinstance(e, sp.CRootOf) and e.is_real:
            coefficients = [abs(int(c)) for c in e.poly.all_coeffs()]
            return _log(coefficients[0] + max(coefficients)), _log(coefficients[0]), {e: e.poly.degree()}
        raise Misuse(f"{e} has no exact real value here")

    def _power(self, e: Any) -> tuple[float, float, dict[Any, int]]:
        u, l, radicals = self.bound(e.base)
        p, q = int(e.exp.p), int(e.exp.q)
        sign = self.sign(e.base) if q > 1 or p < 0 else 1
        if (sign < 0 and q > 1) or (sign == 0 and p < 0):
            raise Undefined
        while q > 1:
            radicals = {**radicals, (e.base, q): 2}
            u, q = (u + l) / 2 + 1e-6, q // 2
        u, l = (u, l) if p > 0 else (l, u)
        return abs(p) * u, abs(p) * l, radicals


def _log(n: int) -> float:
    """An upper bound of log₂ max(|n|, 1)."""
    return log2(max(abs(n), 1)) + 1e-6


def _root_enclosure(e: Any, bits: int) -> tuple[sp.Rational, sp.Rational]:
    width = sp.Rational(1, 2**bits)
    middle = e.eval_rational(dx=width)
    return middle - width, middle + width


def _any(values: Sequence[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False
