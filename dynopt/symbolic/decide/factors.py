"""Irreducible integer polynomials, each stored once under a number, with the projections that cylinders need."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import mul

import flint
from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx, fmpz, fmpz_mpoly, fmpz_mpoly_ctx

from dynopt.symbolic.decide.eliminants import power, quotient, resultant, times
from dynopt.symbolic.limits import TooLarge, afford, check

_SMALL = 50
"""With fewer terms than this factors and common divisors are found in milliseconds."""


class Ring:
    """Z[x₀, …, xₙ₋₁, a₀, …]: the variables of a statement, then its radicals and other auxiliary quantities.

    Irreducible factors are primitive with a positive leading coefficient and are named by integers.
    """

    def __init__(self, variables: int, auxiliary: int) -> None:
        self.variables = variables
        self.size = variables + auxiliary
        names = [f"x{i}" for i in range(max(self.size, 1))]
        self.context = fmpz_mpoly_ctx.get(names, flint.Ordering.lex)
        self._rationals = fmpq_mpoly_ctx.get(names, flint.Ordering.lex)
        self._evaluable: dict[int, tuple[fmpz_mpoly, fmpq_mpoly]] = {}
        self.gens = self.context.gens()
        self._polynomials: list[fmpz_mpoly] = []
        self._support: list[frozenset[int]] = []
        self._numbers: dict[str, int] = {}
        self._factored: dict[str, tuple[int, tuple[tuple[int, int], ...]]] = {}
        self._projections: dict[tuple[str, int, int, int], frozenset[int]] = {}
        self._coefficients: dict[tuple[int, int], list[fmpz_mpoly]] = {}

    def constant(self, value: int) -> fmpz_mpoly:
        return self.context.constant(value)

    def over_rationals(self, p: fmpz_mpoly) -> fmpq_mpoly:
        """The same polynomial in a form that can be evaluated at rationals; kept for as long as the ring."""
        if id(p) not in self._evaluable:
            self._evaluable[id(p)] = p, self._rationals.from_dict({m: fmpq(c) for m, c in p.to_dict().items()})
        return self._evaluable[id(p)][1]

    def factor(self, p: fmpz_mpoly) -> tuple[int, tuple[tuple[int, int], ...]]:
        """The sign of the constant factor, and the irreducible factors with their powers; (0, ()) for zero."""
        key = str(p)
        if key not in self._factored:
            self._factored[key] = (0, ()) if p.is_zero() else self._factor(p)
        return self._factored[key]

    def _factor(self, p: fmpz_mpoly) -> tuple[int, tuple[tuple[int, int], ...]]:
        check()
        if len(p) > 10_000:
            raise TooLarge(f"the factors of a polynomial of {len(p)} terms")
        if len(p) > _SMALL:
            dense = reduce(mul, (int(d) + 1 for d in p.degrees()), 1)
            afford(1e-4 * min(dense, 10 * len(p)) * (1 + bits(p) / 300), f"the factors of a polynomial of {len(p)} terms")
        try:
            powers = p.factor()[1]
        except OverflowError:
            # python-flint 0.9 cannot sort integer factors with large coefficients; rational ones it can
            powers = [(self._integral(q), e) for q, e in self.over_rationals(p).factor()[1]]
        found = tuple((self.number(q if q.leading_coefficient() > 0 else -q), int(e)) for q, e in powers)
        return (1 if p.leading_coefficient() > 0 else -1), found

    def _integral(self, q: fmpq_mpoly) -> fmpz_mpoly:
        """The primitive integer polynomial that is a multiple of a rational one."""
        scale = fmpz(1)
        for c in q.coeffs():
            scale = scale * c.q // scale.gcd(c.q)
        return self.context.from_dict({m: (c * scale).p for m, c in q.to_dict().items()}).primitive()[1]

    def number(self, irreducible: fmpz_mpoly) -> int:
        """The number of an irreducible polynomial."""
        key = str(irreducible)
        if key not in self._numbers:
            self._numbers[key] = len(self._polynomials)
            self._polynomials.append(irreducible)
            self._support.append(support(irreducible))
        return self._numbers[key]

    def generator(self, i: int) -> int:
        """The number of the factor xᵢ."""
        return self.number(self.gens[i])

    def polynomial(self, f: int) -> fmpz_mpoly:
        return self._polynomials[f]

    def support(self, f: int) -> frozenset[int]:
        """The generators that occur in a factor."""
        return self._support[f]

    def is_generator(self, f: int) -> bool:
        return len(self._support[f]) == 1 and len(self._polynomials[f]) == 1

    def free(self, factors: Iterable[int]) -> bool:
        """No auxiliary quantity occurs in the factors."""
        return all(i < self.variables for f in factors for i in self._support[f])

    def degree(self, f: int, v: int) -> int:
        return int(self._polynomials[f].degrees()[v])

    def coefficients(self, f: int, v: int) -> list[fmpz_mpoly]:
        """Coefficients of the powers of generator v, ascending, as polynomials in the others."""
        if (f, v) not in self._coefficients:
            self._coefficients[f, v] = split(self.context, self._polynomials[f], v)
        return self._coefficients[f, v]

    def parts(self, polynomials: Iterable[fmpz_mpoly]) -> frozenset[int]:
        """All irreducible factors of some polynomials."""
        return frozenset(f for p in polynomials for f, _ in self.factor(p)[1])

    def leading(self, f: int, v: int) -> frozenset[int]:
        return self.parts(self.coefficients(f, v)[-1:])

    def trailing(self, f: int, v: int) -> frozenset[int]:
        return self.parts(self.coefficients(f, v)[:1])

    def discriminant(self, f: int, v: int) -> frozenset[int]:
        return self._projected("discriminant", f, f, v) if self.degree(f, v) > 1 else frozenset()

    def resultant(self, f: int, g: int, v: int) -> frozenset[int]:
        return self._projected("resultant", min(f, g), max(f, g), v)

    def _projected(self, kind: str, f: int, g: int, v: int) -> frozenset[int]:
        key = (kind, f, g, v)
        if self._support[f] | self._support[g] == {v}:
            return frozenset()  # a number, not zero
        if key not in self._projections:
            check()
            self._projections[key] = self.parts([self._eliminated(kind, f, g, v)])
        return self._projections[key]

    def _eliminated(self, kind: str, f: int, g: int, v: int) -> fmpz_mpoly:
        """The resultant or discriminant, up to factors of the leading coefficients; large ones in interruptible steps."""
        p = self._polynomials[f]
        q = p.derivative(v) if kind == "discriminant" else self._polynomials[g]
        cost = int(p.degrees()[v] * q.degrees()[v])
        for u in (self._support[f] | self._support[g]) - {v}:
            cost *= int(p.degrees()[v] * q.degrees()[u] + q.degrees()[v] * p.degrees()[u]) + 1
        if cost * (bits(p) + bits(q)) > 5_000_000:
            return resultant(split(self.context, p, v), split(self.context, q, v))
        return p.discriminant(v) if kind == "discriminant" else p.resultant(q, v)


def support(p: fmpz_mpoly) -> frozenset[int]:
    """The generators that occur in a polynomial."""
    return frozenset(i for i, d in enumerate(p.degrees()) if d > 0)


def bits(p: fmpz_mpoly) -> int:
    """The length of the largest coefficient."""
    return max((c.height_bits() for c in p.coeffs()), default=0)


def split(context: fmpz_mpoly_ctx, p: fmpz_mpoly, v: int) -> list[fmpz_mpoly]:
    """Coefficients of the powers of generator v, ascending."""
    parts: list[dict[tuple[int, ...], int | fmpz]] = [{} for _ in range(max(int(p.degrees()[v]), 0) + 1)]
    for exponents, c in p.to_dict().items():
        parts[int(exponents[v])][(*exponents[:v], 0, *exponents[v + 1 :])] = c
    return [context.from_dict(part) for part in parts]


def homogenised(context: fmpz_mpoly_ctx, p: fmpz_mpoly, v: int, value: Ratio) -> tuple[fmpz_mpoly, int]:
    """p(x_v = a/b)·bᵈ, and d, the degree of p in x_v."""
    coefficients = split(context, p, v)
    d = len(coefficients) - 1
    total, scale = coefficients[d], context.constant(1)
    for c in reversed(coefficients[:d]):
        scale = times(scale, value.denominator)
        total = times(total, value.numerator) + times(c, scale)
    return total, d


class Ratio:
    """A reduced quotient of two polynomials of a ring."""

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: fmpz_mpoly, denominator: fmpz_mpoly) -> None:
        if len(numerator) + len(denominator) > _SMALL:
            size = bits(numerator) + bits(denominator)
            afford(1e-5 * (len(numerator) + len(denominator)) * (1 + size / 300), "a common divisor")
        common = numerator.gcd(denominator)
        if not common.is_one():
            numerator, denominator = quotient(numerator, common), quotient(denominator, common)
        self.numerator = numerator
        self.denominator = denominator

    def __add__(self, other: Ratio) -> Ratio:
        numerator = times(self.numerator, other.denominator) + times(other.numerator, self.denominator)
        return Ratio(numerator, times(self.denominator, other.denominator))

    def __sub__(self, other: Ratio) -> Ratio:
        return self + (-other)

    def __mul__(self, other: Ratio) -> Ratio:
        return Ratio(times(self.numerator, other.numerator), times(self.denominator, other.denominator))

    def __neg__(self) -> Ratio:
        return Ratio(-self.numerator, self.denominator)

    def equals(self, other: Ratio) -> bool:
        return bool(times(self.numerator, other.denominator) == times(other.numerator, self.denominator))

    def inverse(self) -> Ratio:
        return Ratio(self.denominator, self.numerator)

    def support(self) -> frozenset[int]:
        return support(self.numerator) | support(self.denominator)

    def substitute(self, context: fmpz_mpoly_ctx, v: int, value: Ratio) -> Ratio:
        """The quotient with a value for generator v."""
        up, m = homogenised(context, self.numerator, v, value)
        down, n = homogenised(context, self.denominator, v, value)
        return Ratio(times(up, power(value.denominator, max(n - m, 0))), times(down, power(value.denominator, max(m - n, 0))))
