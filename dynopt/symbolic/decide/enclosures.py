"""Ball arithmetic at a point known only by enclosures: enough to exclude it, never to accept it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from flint import arb, fmpz, fmpz_mpoly, fmpz_poly

from dynopt.symbolic.decide.branch import Branch, Product
from dynopt.symbolic.decide.factors import Ratio
from dynopt.symbolic.decide.numberfield import rational_or_root
from dynopt.symbolic.decide.radicals import Root
from dynopt.symbolic.decide.realroots import RealRoot, isolate, precision
from dynopt.symbolic.limits import check

_BITS = 128


class Enclosure:
    """Balls around the values of variables and, from them, of everything else."""

    def __init__(self, branch: Branch, values: Mapping[int, arb]) -> None:
        self.ring = branch.ring
        self.table = branch.radicals.table
        self._balls = dict(values)

    def excludes(self, conditions: Iterable[Product]) -> bool:
        """Some condition certainly fails."""
        return any(self._fails(p) for p in conditions)

    def _fails(self, p: Product) -> bool:
        value = arb(p.sign)
        for f in p.factors:
            ball = self._polynomial(self.ring.polynomial(f))
            value = value * (ball if f in p.odd else ball * ball)
        return not ((1 in p.allowed and not value <= 0) or (-1 in p.allowed and not value >= 0) or (0 in p.allowed and value.contains(0)))

    def _polynomial(self, p: fmpz_mpoly) -> arb:
        total = arb(0)
        for exponents, c in p.to_dict().items():
            check()
            term = arb(c)
            for i, e in enumerate(exponents):
                if e:
                    term = term * self._generator(i) ** int(e)
            total = total + term
        return total

    def _generator(self, i: int) -> arb:
        if i not in self._balls:
            quantity = self.table[i]
            inside = [self._ratio(r) for r in quantity.inside()]
            self._balls[i] = _root(inside[0]) if isinstance(quantity, Root) else reduce(arb.max, inside)
        return self._balls[i]

    def _ratio(self, r: Ratio) -> arb:
        return self._polynomial(r.numerator) / self._polynomial(r.denominator)


def _root(radicand: arb) -> arb:
    """√ of what is not negative in a ball; that the radicand is not negative is a condition of its own."""
    return radicand.sqrt() if radicand > 0 else arb(0).union(radicand.upper().sqrt() if radicand.upper() > 0 else arb(0))


def no_common_point(branch: Branch, f: int, g: int) -> bool:
    """Certainly no point of the plane on both curves satisfies the branch (False means: not known).

    The coordinates of a common point are roots of the two resultants; every pair of such roots is
    enclosed and the conditions are evaluated.
    """
    ring = branch.ring
    variables = sorted(branch.variables())
    if len(variables) != 2 or not all(set(variables) == ring.support(h) for h in (f, g)):
        return False
    coordinates: list[list[arb]] = []
    with precision(2 * _BITS):
        for v, eliminated in (variables, variables[::-1]):
            roots = []
            for h in ring.resultant(f, g, eliminated):
                p = _univariate(ring.polynomial(h), v)
                roots += [rational_or_root(p, i) for i in isolate(p)]
            coordinates.append([r.ball(_BITS) if isinstance(r, RealRoot) else arb(r) for r in roots])
        conditions = branch.conditions()
        pairs = ((x, y) for x in coordinates[0] for y in coordinates[1])
        for x, y in pairs:
            check()
            if not Enclosure(branch, {variables[0]: x, variables[1]: y}).excludes(conditions):
                return False
    return True


def _univariate(p: fmpz_mpoly, v: int) -> fmpz_poly:
    coefficients = [fmpz(0)] * (int(p.degrees()[v]) + 1)
    for exponents, c in p.to_dict().items():
        coefficients[int(exponents[v])] = c
    return fmpz_poly(coefficients)
