"""Real algebraic numbers and univariate polynomials over the field they generate, exactly.

This is the exact half of `bound`: Sturm sequences over Q(α), no floating point, no SMT.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp
from sympy import Poly, Rational


@dataclass
class Algebraic:
    """A real root of an irreducible polynomial, held by an isolating interval that shrinks on demand.

    ``poly`` is irreducible over Q; for a rational number it is linear and ``lower == upper``.
    """

    poly: Poly
    lower: Rational
    upper: Rational

    @classmethod
    def rational(cls, value: Rational) -> Algebraic:
        x = sp.Dummy("x")
        return cls(Poly(x - value, x, domain="QQ"), value, value)

    @property
    def is_rational(self) -> bool:
        return self.lower == self.upper

    def refine(self) -> None:
        """Halve the isolating interval."""
        if self.is_rational:
            return
        middle = (self.lower + self.upper) / 2
        if self.poly.eval(middle) * self.poly.eval(self.lower) < 0:
            self.upper = middle
        else:
            self.lower = middle

    def sign(self, other: Poly) -> int:
        """The exact sign of a rational polynomial in this number."""
        if self.is_rational:
            return int(sp.sign(other.eval(self.lower)))
        rest = other.rem(self.poly.replace(self.poly.gen, other.gen))
        if rest.is_zero:
            return 0
        if rest.degree() <= 0:
            return int(sp.sign(rest.LC()))
        while rest.count_roots(self.lower, self.upper):
            self.refine()
        return int(sp.sign(rest.eval(self.lower)))

    def expression(self) -> sp.Expr:
        """The number in SymPy: rational, radicals up to degree two, else ``CRootOf``."""
        if self.is_rational:
            return self.lower
        poly = self.poly.replace(self.poly.gen, sp.Symbol("x"))
        index = self.poly.count_roots(None, self.lower)
        return sp.rootof(poly.clear_denoms()[1], index, radicals=poly.degree() <= 2)

    def __float__(self) -> float:
        width = Rational(1, 10**20) * (1 + abs(self.lower))
        while self.upper - self.lower > width:
            self.refine()
        return float((self.lower + self.upper) / 2)


def roots(polynomials: Iterable[Poly]) -> list[Algebraic]:
    """All distinct real roots of rational univariate polynomials, ascending, their intervals disjoint."""
    factors: dict[tuple, Poly] = {}
    for polynomial in polynomials:
        if polynomial.is_zero or polynomial.degree() < 1:
            continue
        for factor, _ in polynomial.set_domain("QQ").factor_list()[1]:
            factors[tuple(factor.monic().all_coeffs())] = factor.monic()
    found: list[Algebraic] = []
    for factor in factors.values():
        if factor.degree() == 1:
            value = Rational(-factor.all_coeffs()[1])
            found.append(Algebraic(factor, value, value))
        else:
            found += [Algebraic(factor, Rational(a), Rational(b)) for (a, b), _ in factor.intervals()]
    done = False
    while not done:
        found.sort(key=lambda r: (r.lower + r.upper) / 2)
        done = True
        for left, right in itertools.pairwise(found):
            if (left.upper >= right.lower and left.poly != right.poly) or left.upper > right.lower:
                left.refine()
                right.refine()
                done = False
    return found


def between(left: Algebraic | None, right: Algebraic | None) -> Rational:
    """A simple rational number strictly between two neighbouring roots (None: infinity)."""
    if left is None and right is None:
        return Rational(0)
    if left is None:
        assert right is not None
        return sp.floor(right.lower) - 1
    if right is None:
        return sp.ceiling(left.upper) + 1
    while left.upper >= right.lower:
        left.refine()
        right.refine()
    return _simplest(left.upper, right.lower)


def _simplest(a: Rational, b: Rational) -> Rational:
    """The rational of smallest denominator strictly between a and b (Stern–Brocot)."""
    whole = sp.floor(a) + 1
    if whole < b:
        return whole
    whole = sp.floor(a)
    if a == whole:
        return whole + 1 / (sp.floor(1 / (b - whole)) + 1)
    return whole + 1 / _simplest(1 / (b - whole), 1 / (a - whole))


class FieldPolynomial:
    """A polynomial in one variable whose coefficients are polynomials in α, reduced by α's minimal polynomial.

    Parameters
    ----------
    coefficients : rational polynomials in α, highest power first.
    at : the number α.
    """

    def __init__(self, coefficients: list[Poly], at: Algebraic) -> None:
        self.at = at
        generator = coefficients[0].gen if coefficients else at.poly.gen
        self.modulus = at.poly.replace(at.poly.gen, generator)
        reduced = [c.rem(self.modulus) for c in coefficients]
        while reduced and reduced[0].is_zero:
            reduced = reduced[1:]
        self.coefficients = reduced

    @property
    def degree(self) -> int:
        return len(self.coefficients) - 1

    def sign_at(self, x: Rational) -> int:
        """The exact sign of the value at a rational point."""
        if not self.coefficients:
            return 0
        total = self.coefficients[0]
        for c in self.coefficients[1:]:
            total = total * x + c
        return self.at.sign(total)

    def derivative(self) -> FieldPolynomial:
        n = self.degree
        return FieldPolynomial([c * (n - i) for i, c in enumerate(self.coefficients[:-1])], self.at)

    def divide(self, other: FieldPolynomial) -> tuple[FieldPolynomial, FieldPolynomial]:
        """Quotient and remainder."""
        inverse = other.coefficients[0].invert(self.modulus)
        rest, quotient = list(self.coefficients), []
        while len(rest) >= len(other.coefficients):
            factor = (rest[0] * inverse).rem(self.modulus)
            quotient.append(factor)
            rest = [
                (rest[i] - factor * other.coefficients[i]).rem(self.modulus) if i < len(other.coefficients) else rest[i]
                for i in range(len(rest))
            ][1:]
        return FieldPolynomial(quotient, self.at), FieldPolynomial(rest, self.at)

    def __neg__(self) -> FieldPolynomial:
        return FieldPolynomial([-c for c in self.coefficients], self.at)

    def sturm(self) -> list[FieldPolynomial]:
        """The Sturm sequence of the square-free part."""
        sequence = [self, self.derivative()]
        while sequence[-1].degree > 0:
            rest = -sequence[-2].divide(sequence[-1])[1]
            if rest.degree < 0:
                break
            sequence.append(rest)
        common = sequence[-1]
        return [s.divide(common)[0] for s in sequence] if common.degree > 0 else sequence

    def roots_in(self, a: Rational, b: Rational, sequence: list[FieldPolynomial]) -> int:
        """The number of distinct real roots in (a, b]."""

        def variations(x: Rational) -> int:
            signs = [s for s in (p.sign_at(x) for p in sequence) if s]
            return sum(s != t for s, t in itertools.pairwise(signs))

        return variations(a) - variations(b)

    def positive_on(self, a: Rational, b: Rational) -> bool:
        """Whether the value is > 0 on all of [a, b]."""
        return self.sign_at(a) > 0 and self.nowhere_zero_on(a, b)

    def nowhere_zero_on(self, a: Rational, b: Rational) -> bool:
        """Whether the value is ≠ 0 on all of [a, b]."""
        if not self.coefficients or self.sign_at(a) == 0:
            return False
        return self.degree == 0 or a == b or self.roots_in(a, b, self.sturm()) == 0

    def nonnegative_on(self, a: Rational, b: Rational) -> bool:
        """Whether the value is ≥ 0 on all of [a, b] (it may touch zero)."""
        if self.degree <= 0 or a == b:
            return self.sign_at(a) >= 0
        sequence = self.sturm()
        pieces = [(a, b)]
        while pieces:
            left, right = pieces.pop()
            if self.sign_at(left) < 0 or self.sign_at(right) < 0:
                return False
            inside = self.roots_in(left, right, sequence) - (self.sign_at(right) == 0)
            if inside > 1 or (inside == 1 and 0 in (self.sign_at(left), self.sign_at(right))):
                # several roots, or one beside a root at an end: look at the middle, which must not be a root itself
                middle = (left + right) / 2
                while self.sign_at(middle) == 0:
                    middle = (left + 2 * middle) / 3
                pieces += [(left, middle), (middle, right)]
            elif inside == 0 and self.sign_at((left + right) / 2) < 0:
                return False
        return True
