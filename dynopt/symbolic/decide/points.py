"""Exact signs of expressions with radicals at points with rational or algebraic coordinates."""

from __future__ import annotations

from collections.abc import Mapping

import flint
from flint import fmpq, fmpz, fmpz_mpoly

from dynopt.symbolic.decide.branch import Branch, Product
from dynopt.symbolic.decide.numberfield import Number, Value, is_zero, precision, signum
from dynopt.symbolic.decide.radicals import Root
from dynopt.symbolic.limits import check

Multilinear = dict[frozenset[int], Value]
"""Σ c·Π√Dᵢ over sets of radicals, each radical at most once."""


class Undefined(Exception):
    """A radicand is negative or a denominator zero at the point."""


class Point:
    """Values of variables; signs of the factors of a branch are exact.

    Coordinates are rationals and elements of one real number field.  Radicals at the point are
    adjoined formally, √D with D positive; a sum A + B√D has its sign from those of A, B and A² − B²D.
    """

    def __init__(self, branch: Branch, values: Mapping[int, Value]) -> None:
        self.ring = branch.ring
        self.table = branch.radicals.table
        self.values = dict(values)
        self._rationals: dict[str | int, int | fmpz | fmpq] = {i: v for i, v in self.values.items() if isinstance(v, fmpq)}
        self._squares: list[Multilinear] = []
        self._auxiliary: dict[int, tuple[Multilinear, Multilinear]] = {}
        self._signs: dict[int, int] = {}

    def satisfies(self, conditions: list[Product]) -> bool:
        """All conditions hold; a condition on an expression that does not exist fails."""
        try:
            return all(self.product(p) in p.allowed for p in conditions)
        except Undefined:
            return False

    def product(self, p: Product) -> int:
        sign = p.sign
        for f in p.factors:
            s = self.sign(f)
            sign *= s if f in p.odd else s * s
        return sign

    def sign(self, f: int) -> int:
        """The exact sign of a factor."""
        if f not in self._signs:
            top, bottom = self.value(self.ring.polynomial(f))
            self._signs[f] = self._sign(top) * self._sign(bottom)
        return self._signs[f]

    def value(self, p: fmpz_mpoly) -> tuple[Multilinear, Multilinear]:
        """A polynomial in variables and auxiliary quantities as a quotient of sums of radicals."""
        n = self.ring.variables
        degrees = [max(d, 0) for d in p.degrees()]
        inner = {i: self._quantity(i) for i, d in enumerate(degrees) if d and i >= n}
        grouped = self._rational(p, n) if len(self._rationals) == len(self.values) else self._algebraic(p, n, degrees)
        if not inner:
            return _constant(grouped.get((0,) * (len(degrees) - n), fmpq(0))), _constant(fmpq(1))
        top: Multilinear = {}
        for key, c in grouped.items():
            product = _constant(c)
            for i, (up, down) in inner.items():
                e = key[i - n]
                product = self._times(product, self._power(up, e))
                product = self._times(product, self._power(down, int(degrees[i]) - e))
            top = _plus(top, product)
        bottom = _constant(fmpq(1))
        for i, (_, down) in inner.items():
            bottom = self._times(bottom, self._power(down, int(degrees[i])))
        return top, bottom

    def _rational(self, p: fmpz_mpoly, n: int) -> dict[tuple[int, ...], Value]:
        """Coefficients of the monomials in auxiliary quantities, all coordinates being rational."""
        values = self.ring.over_rationals(p).subs(self._rationals)
        return {tuple(int(e) for e in m[n:]): c for m, c in values.to_dict().items()}

    def _algebraic(self, p: fmpz_mpoly, n: int, degrees: list[int]) -> dict[tuple[int, ...], Value]:
        powers = {i: _powers(self.values[i], int(d)) for i, d in enumerate(degrees) if d and i < n}
        grouped: dict[tuple[int, ...], Value] = {}
        for exponents, c in p.to_dict().items():
            check()
            term: Value = fmpq(c)
            for i, e in enumerate(exponents[:n]):
                if e:
                    term = powers[i][int(e)] * term
            key = tuple(int(e) for e in exponents[n:])
            grouped[key] = grouped[key] + term if key in grouped else term
        return grouped

    def _quantity(self, i: int) -> tuple[Multilinear, Multilinear]:
        if i not in self._auxiliary:
            quantity = self.table[i]
            values = []
            for r in quantity.inside():
                (a, b), (c, d) = self.value(r.numerator), self.value(r.denominator)
                top, bottom = self._times(a, d), self._times(b, c)
                if self._sign(bottom) == 0:
                    raise Undefined
                values.append((top, bottom))
            self._auxiliary[i] = self._root(*values[0]) if isinstance(quantity, Root) else self._largest(values)
        return self._auxiliary[i]

    def _root(self, top: Multilinear, bottom: Multilinear) -> tuple[Multilinear, Multilinear]:
        """√(P/Q) = √(PQ)/|Q|."""
        below = self._sign(bottom)
        inside = self._sign(top) * below
        if inside < 0:
            raise Undefined
        if inside == 0:
            return _constant(fmpq(0)), _constant(fmpq(1))
        square = self._times(top, bottom)
        absolute = bottom if below > 0 else _minus(bottom)
        if set(square) <= {frozenset()}:
            value = square.get(frozenset(), fmpq(0))
            if isinstance(value, fmpq) and (root := _rational_root(value)) is not None:
                return _constant(root), absolute
        self._squares.append(square)
        return {frozenset({len(self._squares) - 1}): fmpq(1)}, absolute

    def _largest(self, values: list[tuple[Multilinear, Multilinear]]) -> tuple[Multilinear, Multilinear]:
        best = values[0]
        for other in values[1:]:
            gap = _plus(self._times(other[0], best[1]), _minus(self._times(best[0], other[1])))
            if self._sign(gap) * self._sign(best[1]) * self._sign(other[1]) > 0:
                best = other
        return best

    def _times(self, a: Multilinear, b: Multilinear) -> Multilinear:
        total: Multilinear = {}
        for s, c in a.items():
            check()
            for t, d in b.items():
                part: Multilinear = {s ^ t: c * d}
                for i in s & t:
                    part = self._times(part, self._squares[i])
                total = _plus(total, part)
        return total

    def _power(self, a: Multilinear, n: int) -> Multilinear:
        result = _constant(fmpq(1))
        for _ in range(n):
            result = self._times(result, a)
        return result

    def _sign(self, a: Multilinear) -> int:
        a = {s: c for s, c in a.items() if not is_zero(c)}
        if not a:
            return 0
        if set(a) == {frozenset()}:
            return signum(a[frozenset()])
        if (quick := self._estimate(a)) != 0:
            return quick
        top = max(i for s in a for i in s)
        free = {s: c for s, c in a.items() if top not in s}
        with_root = {s - {top}: c for s, c in a.items() if top in s}
        one, two = self._sign(free), self._sign(with_root)
        if one == 0 or two == 0 or one == two:
            return one or two
        squares = self._times(self._times(with_root, with_root), self._squares[top])
        return one * self._sign(_plus(self._times(free, free), _minus(squares)))

    def _estimate(self, a: Multilinear, bits: int = 96) -> int:
        """The sign if ball arithmetic separates the value from zero, else 0."""
        with precision(bits + 64):
            value = self._ball(a, bits)
            return 1 if value > 0 else -1 if value < 0 else 0

    def _ball(self, a: Multilinear, bits: int) -> flint.arb:
        total = flint.arb(0)
        for s, c in a.items():
            check()
            term = c.ball(bits) if isinstance(c, Number) else flint.arb(c)
            for i in s:
                term = term * self._ball(self._squares[i], bits).sqrt()
            total = total + term
        return total


def _constant(value: Value) -> Multilinear:
    return {frozenset(): value}


def _plus(a: Multilinear, b: Multilinear) -> Multilinear:
    total = dict(a)
    for s, c in b.items():
        total[s] = total[s] + c if s in total else c
    return total


def _minus(a: Multilinear) -> Multilinear:
    return {s: -c for s, c in a.items()}


def _powers(value: Value, n: int) -> list[Value]:
    result: list[Value] = [fmpq(1)]
    for _ in range(n):
        result.append(value * result[-1])
    return result


def _rational_root(value: fmpq) -> fmpq | None:
    """√value if it is rational."""
    p, q = value.p.isqrt(), value.q.isqrt()
    return fmpq(p, q) if p * p == value.p and q * q == value.q else None
