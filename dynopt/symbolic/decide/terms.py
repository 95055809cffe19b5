"""Polynomials and fractions for the SMT encoding: sparse dictionaries, denominators kept as factor lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm

from dynopt.symbolic.limits import check

Monomial = tuple[tuple[str, int], ...]
"""Variables with positive exponents, sorted by name."""


@dataclass(frozen=True)
class Polynomial:
    """Σ c·monomial with rational c; hashable, so that equal radicands and denominators are recognised.

    >>> x, y = Polynomial.variable("x"), Polynomial.variable("y")
    >>> ((x + y) * (x - y)).smt()
    '(+ (* x x) (* (- 1) y y))'
    """

    terms: frozenset[tuple[Monomial, Fraction]]

    @staticmethod
    def of(terms: Mapping[Monomial, Fraction]) -> Polynomial:
        return Polynomial(frozenset((m, c) for m, c in terms.items() if c))

    @staticmethod
    def constant(value: int | Fraction) -> Polynomial:
        return Polynomial.of({(): Fraction(value)})

    @staticmethod
    def variable(name: str) -> Polynomial:
        return Polynomial.of({((name, 1),): Fraction(1)})

    def value(self) -> Fraction | None:
        """The number, if the polynomial is constant."""
        if not self.terms:
            return Fraction(0)
        ((monomial, c), *rest) = self.terms
        return None if monomial or rest else c

    def __add__(self, other: Polynomial) -> Polynomial:
        total = dict(self.terms)
        for m, c in other.terms:
            total[m] = total.get(m, Fraction(0)) + c
        return Polynomial.of(total)

    def __neg__(self) -> Polynomial:
        return Polynomial(frozenset((m, -c) for m, c in self.terms))

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + (-other)

    def __mul__(self, other: Polynomial) -> Polynomial:
        total: dict[Monomial, Fraction] = {}
        for m, c in self.terms:
            check()
            for n, d in other.terms:
                product = _times(m, n)
                total[product] = total.get(product, Fraction(0)) + c * d
        return Polynomial.of(total)

    def __pow__(self, n: int) -> Polynomial:
        result = ONE
        for _ in range(n):
            result = result * self
        return result

    def split(self) -> tuple[Polynomial, dict[Polynomial, int]]:
        """A constant and a factor list whose product it is; variables common to all terms are pulled out."""
        if (c := self.value()) is not None:
            return Polynomial.constant(c), {}
        common: dict[str, int] = dict(min(self.terms)[0])
        for m, _ in self.terms:
            powers = dict(m)
            common = {v: min(e, powers[v]) for v, e in common.items() if v in powers}
        rest = Polynomial.of({tuple((v, e - common.get(v, 0)) for v, e in m if e > common.get(v, 0)): c for m, c in self.terms})
        factors = {Polynomial.variable(v): e for v, e in common.items()}
        if (c := rest.value()) is not None:
            return Polynomial.constant(c), factors
        scale, rest = rest.primitive()
        factors[rest] = factors.get(rest, 0) + 1
        return Polynomial.constant(scale), factors

    def primitive(self) -> tuple[Fraction, Polynomial]:
        """A number and the associated integer polynomial without common factor; the first coefficient is positive."""
        coefficients = [c for _, c in sorted(self.terms)]
        scale = Fraction(gcd(*(c.numerator for c in coefficients)), lcm(*(c.denominator for c in coefficients)))
        scale = -scale if coefficients[-1] < 0 else scale
        return scale, Polynomial.of({m: c / scale for m, c in self.terms})

    def smt(self) -> str:
        """SMT-LIB text of a positive integer multiple of the polynomial."""
        if not self.terms:
            return "0"
        scale = abs(self.primitive()[0])
        products = []
        for m, c in sorted(self.terms, key=lambda t: (-sum(e for _, e in t[0]), t[0])):
            factors = [v for v, e in m for _ in range(e)]
            n = int(c / scale)
            if n != 1 or not factors:
                factors.insert(0, str(n) if n > 0 else f"(- {-n})")
            products.append(factors[0] if len(factors) == 1 else f"(* {' '.join(factors)})")
        return products[0] if len(products) == 1 else f"(+ {' '.join(products)})"


def _times(m: Monomial, n: Monomial) -> Monomial:
    if not m or not n:
        return m or n
    powers = dict(m)
    for v, e in n:
        powers[v] = powers.get(v, 0) + e
    return tuple(sorted(powers.items()))


ONE = Polynomial.constant(1)


@dataclass(frozen=True)
class Fractional:
    """A numerator over a product of powers of non-constant polynomials, each of which must not vanish."""

    numerator: Polynomial
    denominator: Mapping[Polynomial, int] = field(default_factory=dict)

    def __add__(self, other: Fractional) -> Fractional:
        common = {q: max(self.denominator.get(q, 0), other.denominator.get(q, 0)) for q in {**self.denominator, **other.denominator}}
        return Fractional(self._over(common) + other._over(common), common)

    def __neg__(self) -> Fractional:
        return Fractional(-self.numerator, self.denominator)

    def __sub__(self, other: Fractional) -> Fractional:
        return self + (-other)

    def _over(self, common: Mapping[Polynomial, int]) -> Polynomial:
        return _product(self.numerator, {q: e - self.denominator.get(q, 0) for q, e in common.items()})

    def __mul__(self, other: Fractional) -> Fractional:
        powers = dict(self.denominator)
        for q, e in other.denominator.items():
            powers[q] = powers.get(q, 0) + e
        return Fractional(self.numerator * other.numerator, powers)

    def inverse(self) -> Fractional:
        constant, factors = self.numerator.split()
        number = constant.value()
        assert number
        return Fractional(_product(Polynomial.constant(1 / number), self.denominator), factors)

    def sign(self) -> Polynomial:
        """A polynomial with the same sign wherever no denominator vanishes: even powers are dropped, odd ones multiplied."""
        return _product(self.numerator, {q: e % 2 for q, e in self.denominator.items()})


def _product(p: Polynomial, powers: Mapping[Polynomial, int]) -> Polynomial:
    for q, e in powers.items():
        p = p * q**e
    return p
