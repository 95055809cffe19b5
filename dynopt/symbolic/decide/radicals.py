"""Square roots, absolute values, minima and maxima as auxiliary generators, and how to eliminate them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flint import fmpz_mpoly
from flint.utils.flint_exceptions import DomainError

from dynopt.symbolic.decide.eliminants import power, times
from dynopt.symbolic.decide.factors import Ratio, Ring, homogenised, split, support


@dataclass(frozen=True)
class Root:
    """√radicand."""

    radicand: Ratio

    def inside(self) -> tuple[Ratio, ...]:
        return (self.radicand,)


@dataclass(frozen=True)
class Largest:
    """The largest of several quotients: |e| is the largest of e and −e, min(a, b) minus the largest of −a and −b."""

    options: tuple[Ratio, ...]

    def inside(self) -> tuple[Ratio, ...]:
        return self.options


Auxiliary = Root | Largest


def square_root(radicand: Ratio) -> Auxiliary:
    """√(N/M), or |S/M| where N·M = S² is a square."""
    try:
        s = times(radicand.numerator, radicand.denominator).sqrt()
    except DomainError:
        return Root(radicand)
    value = Ratio(s, radicand.denominator)
    return Largest((value, -value))


def same(a: Auxiliary, b: Auxiliary) -> bool:
    one, two = a.inside(), b.inside()
    return type(a) is type(b) and len(one) == len(two) and all(x.equals(y) for x, y in zip(one, two, strict=True))


class Radicals:
    """The auxiliary generators of a ring; each is defined by variables and earlier ones."""

    def __init__(self, ring: Ring, table: Mapping[int, Auxiliary]) -> None:
        self.ring = ring
        self.table = dict(table)
        self._traces: dict[tuple[int, bool], frozenset[int]] = {}
        self._variables: dict[int, frozenset[int]] = {}

    def used(self, factors: Iterable[int]) -> list[int]:
        """Auxiliary generators that occur in the factors, directly or inside others, innermost first."""
        found: set[int] = set()
        todo = {i for f in factors for i in self.ring.support(f)}
        while todo:
            i = todo.pop()
            if i in self.table and i not in found:
                found.add(i)
                todo |= {j for r in self.table[i].inside() for j in r.support()}
        return sorted(found)

    def variables(self, f: int) -> frozenset[int]:
        """The variables on which a factor depends, also through auxiliary generators."""
        if f not in self._variables:
            direct = self.ring.support(f)
            inner = (j for i in self.used([f]) for r in self.table[i].inside() for j in r.support())
            self._variables[f] = frozenset(i for i in (*direct, *inner) if i < self.ring.variables)
        return self._variables[f]

    def traces(self, f: int, full: bool = False) -> frozenset[int]:
        """Polynomials in the variables alone off whose zeros the sign of a factor is constant on connected sets.

        A + B√(N/M) vanishes only where its norm A²M − B²N does, a polynomial in a maximum only where
        it does for one of the options.  Where a norm vanishes identically, or with ``full`` (for sets
        on which it is known to vanish), the signs of A, B, N and M, or of the gaps between the
        options, decide.
        """
        if self.ring.free([f]):
            return frozenset({f})
        if (f, full) not in self._traces:
            inner = self.ring.parts(self._without_outermost(f, full))
            self._traces[f, full] = frozenset(t for g in inner for t in self.traces(g, full))
        return self._traces[f, full]

    def degenerate(self, f: int) -> bool:
        """A norm vanishes identically, so that the factor itself may vanish on an open set."""
        if self.ring.free([f]):
            return False
        norms = self._norms(f)
        return any(p.is_zero() for p in norms) or any(self.degenerate(g) for g in self.ring.parts(norms))

    def _norms(self, f: int) -> list[fmpz_mpoly]:
        """Polynomials without the outermost auxiliary generator, one of which vanishes wherever the factor does."""
        i = max(self.ring.support(f))
        quantity = self.table[i]
        if isinstance(quantity, Largest):
            return [homogenised(self.ring.context, self.ring.polynomial(f), i, option)[0] for option in quantity.options]
        radicand = quantity.radicand
        even, odd = self._halves(f, i, radicand)
        if odd.is_zero():
            return [even]
        square, other = (times(times(half, half), factor) for half, factor in ((even, radicand.denominator), (odd, radicand.numerator)))
        return [self.reduced(square - other)]

    def _without_outermost(self, f: int, full: bool) -> list[fmpz_mpoly]:
        norms = self._norms(f)
        if not full and not any(p.is_zero() for p in norms):
            return norms
        i = max(self.ring.support(f))
        quantity = self.table[i]
        if isinstance(quantity, Largest):
            more = [(a - b).numerator for k, a in enumerate(quantity.options) for b in quantity.options[:k]]
        else:
            more = [*self._halves(f, i, quantity.radicand), quantity.radicand.numerator, quantity.radicand.denominator]
        return [p for p in (*norms, *more) if not p.is_zero()]

    def _halves(self, f: int, i: int, radicand: Ratio) -> tuple[fmpz_mpoly, fmpz_mpoly]:
        """A and B with f·Mᵏ = A + B√(N/M)."""
        coefficients = split(self.ring.context, self.ring.polynomial(f), i)
        top = (len(coefficients) - 1) // 2
        halves = [self.ring.constant(0), self.ring.constant(0)]
        for k, c in enumerate(coefficients):
            scale = times(power(radicand.numerator, k // 2), power(radicand.denominator, top - k // 2))
            halves[k % 2] = halves[k % 2] + times(c, scale)
        return self.reduced(halves[0]), self.reduced(halves[1])

    def reduced(self, p: fmpz_mpoly) -> fmpz_mpoly:
        """√D² replaced by D, for polynomials D."""
        for i in sorted(support(p) & self.table.keys(), reverse=True):
            quantity = self.table[i]
            if isinstance(quantity, Root) and quantity.radicand.denominator.is_one() and p.degrees()[i] > 1:
                halves = [self.ring.constant(0), self.ring.constant(0)]
                for k, c in enumerate(split(self.ring.context, p, i)):
                    halves[k % 2] = halves[k % 2] + times(c, power(quantity.radicand.numerator, k // 2))
                p = halves[0] + times(halves[1], self.ring.gens[i])
        return p

    def substitute(self, v: int, value: Ratio) -> Radicals:
        """The definitions with a value for a generator (whose own definition, if it has one, is dropped)."""
        context = self.ring.context
        table: dict[int, Auxiliary] = {}
        for i, quantity in self.table.items():
            if i == v:
                continue
            inner = tuple(r.substitute(context, v, value) for r in quantity.inside())
            table[i] = square_root(inner[0]) if isinstance(quantity, Root) else Largest(inner)
        return Radicals(self.ring, table)
