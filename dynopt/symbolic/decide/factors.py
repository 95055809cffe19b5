"""Irreducible integer polynomials, each stored once under a number, with the projections that cylinders need."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import reduce

import flint
from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx, fmpz_mpoly, fmpz_mpoly_ctx


class OutOfTime(Exception):
    """The time limit of the exact decider was reached."""


class TooLarge(Exception):
    """A computation would be too large to be finished; its message says which."""


class Deadline:
    """A time limit that the loops of the exact decider ask."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self.end:
            raise OutOfTime


class Ring:
    """Z[x₀, …, xₙ₋₁, a₀, …]: the variables of a statement, then its radicals and other auxiliary quantities.

    Irreducible factors are primitive with a positive leading coefficient and are named by integers.
    """

    def __init__(self, variables: int, auxiliary: int, deadline: Deadline) -> None:
        self.variables = variables
        self.size = variables + auxiliary
        self.context = fmpz_mpoly_ctx.get([f"x{i}" for i in range(max(self.size, 1))], flint.Ordering.lex)
        self.gens = self.context.gens()
        self._over_q = fmpq_mpoly_ctx.get([f"x{i}" for i in range(max(self.size, 1))], flint.Ordering.lex)
        self.deadline = deadline
        self._polynomials: list[fmpz_mpoly] = []
        self._support: list[frozenset[int]] = []
        self._numbers: dict[str, int] = {}
        self._factored: dict[str, tuple[int, tuple[tuple[int, int], ...]]] = {}
        self._projections: dict[tuple[str, int, int, int], frozenset[int]] = {}
        self._coefficients: dict[tuple[int, int], list[fmpz_mpoly]] = {}

    def constant(self, value: int) -> fmpz_mpoly:
        return self.context.constant(value)

    def factor(self, p: fmpz_mpoly) -> tuple[int, tuple[tuple[int, int], ...]]:
        """The sign of the constant and the irreducible factors with their powers; (0, ()) for zero."""
        key = str(p)
        if key not in self._factored:
            if p.is_zero():
                self._factored[key] = (0, ())
            else:
                self.deadline.check()
                if len(p) > 20000:
                    raise TooLarge(f"a polynomial of {len(p)} terms")
                constant, powers = p.factor()
                sign = 1 if constant > 0 else -1
                found = []
                for q, e in powers:
                    if q.leading_coefficient() < 0:
                        q, sign = -q, sign * (-1) ** int(e)
                    found.append((self.number(q), int(e)))
                self._factored[key] = (sign, tuple(found))
        return self._factored[key]

    def rational(self, p: fmpz_mpoly) -> fmpq_mpoly:
        """The polynomial over Q, which can be evaluated at rationals."""
        return self._over_q.from_dict({m: fmpq(c) for m, c in p.to_dict().items()})

    def number(self, irreducible: fmpz_mpoly) -> int:
        key = str(irreducible)
        if key not in self._numbers:
            self._numbers[key] = len(self._polynomials)
            self._polynomials.append(irreducible)
            self._support.append(frozenset(i for i, d in enumerate(irreducible.degrees()) if d > 0))
        return self._numbers[key]

    def polynomial(self, f: int) -> fmpz_mpoly:
        return self._polynomials[f]

    def support(self, f: int) -> frozenset[int]:
        """The generators that occur in a factor."""
        return self._support[f]

    def variable(self, f: int) -> int | None:
        """The index i if the factor is the generator xᵢ itself."""
        p, support = self._polynomials[f], self._support[f]
        return next(iter(support)) if len(support) == 1 and len(p) == 1 else None

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
        if self.degree(f, v) < 2:
            return frozenset()
        return self._projected("discriminant", f, f, v)

    def resultant(self, f: int, g: int, v: int) -> frozenset[int]:
        return self._projected("resultant", *sorted((f, g)), v)

    def _projected(self, kind: str, f: int, g: int, v: int) -> frozenset[int]:
        key = (kind, f, g, v)
        if key not in self._projections:
            self.deadline.check()
            p, q = self._polynomials[f], self._polynomials[g]
            self._guard(f, g, v)
            self._projections[key] = self.parts([p.discriminant(v) if kind == "discriminant" else p.resultant(q, v)])
        return self._projections[key]

    def _guard(self, f: int, g: int, v: int) -> None:
        """Refuses resultants whose Sylvester determinant is hopeless, because a call into flint cannot be interrupted."""
        m, n = self.degree(f, v), self.degree(g, v)
        others = (self._support[f] | self._support[g]) - {v}
        terms = 1
        for u in others:
            terms *= m * self.degree(g, u) + n * self.degree(f, u) + 1
        if terms > 2_000_000 or (m * n > 60 and terms > 100_000):
            raise TooLarge(f"a resultant of degrees {m} and {n} with up to {terms} terms")


def split(context: fmpz_mpoly_ctx, p: fmpz_mpoly, v: int) -> list[fmpz_mpoly]:
    """Coefficients of the powers of generator v, ascending."""
    parts: list[dict[tuple[int, ...], int]] = [{} for _ in range(int(p.degrees()[v]) + 1)] if not p.is_zero() else [{}]
    for exponents, c in p.to_dict().items():
        rest = (*exponents[:v], 0, *exponents[v + 1 :])
        parts[int(exponents[v])][rest] = c
    return [context.from_dict(part) for part in parts]


class Ratio:
    """A quotient of two polynomials of a ring, reduced."""

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: fmpz_mpoly, denominator: fmpz_mpoly) -> None:
        common = numerator.gcd(denominator)
        if not common.is_one():
            numerator, denominator = numerator // common, denominator // common
        self.numerator = numerator
        self.denominator = denominator

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(
            self.numerator * other.denominator + other.numerator * self.denominator, self.denominator * other.denominator
        )

    def __sub__(self, other: Ratio) -> Ratio:
        return self + Ratio(-other.numerator, other.denominator)

    def __mul__(self, other: Ratio) -> Ratio:
        return Ratio(self.numerator * other.numerator, self.denominator * other.denominator)

    def __neg__(self) -> Ratio:
        return Ratio(-self.numerator, self.denominator)

    def inverse(self) -> Ratio:
        return Ratio(self.denominator, self.numerator)

    def substitute(self, context: fmpz_mpoly_ctx, v: int, value: Ratio) -> Ratio:
        """The quotient with a value for generator v."""
        up, m = homogenised(context, self.numerator, v, value)
        down, n = homogenised(context, self.denominator, v, value)
        return Ratio(up * value.denominator ** max(n - m, 0), down * value.denominator ** max(m - n, 0))


def homogenised(context: fmpz_mpoly_ctx, p: fmpz_mpoly, v: int, value: Ratio) -> tuple[fmpz_mpoly, int]:
    """p(v = a/b)·bᵈ and d, the degree of p in v."""
    coefficients = split(context, p, v)
    d = len(coefficients) - 1
    powers = [context.constant(1)]
    for _ in range(d):
        powers.append(powers[-1] * value.denominator)
    total = coefficients[d]
    for k in range(d - 1, -1, -1):
        total = total * value.numerator + coefficients[k] * powers[d - k]
    return total, d


def primitive_product(polynomials: Iterable[flint.fmpz_poly]) -> flint.fmpz_poly:
    return reduce(lambda a, b: a * b, polynomials, flint.fmpz_poly([1]))


def numerator_of(coefficients: list[fmpq]) -> flint.fmpz_poly:
    """The primitive integer polynomial with the given ascending rational coefficients, up to a positive factor."""
    p = flint.fmpq_poly(coefficients).numer()
    return p // p.content() if p else p
