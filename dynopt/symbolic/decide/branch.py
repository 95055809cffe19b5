"""A conjunction of sign conditions on irreducible polynomials, simplified as far as signs alone allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flint import fmpz_mpoly

from dynopt.symbolic.decide.eliminants import power, times
from dynopt.symbolic.decide.factors import Ratio, Ring, homogenised
from dynopt.symbolic.decide.radicals import Largest, Radicals, Root
from dynopt.symbolic.decide.reading import Condition
from dynopt.symbolic.decide.signs import ANY, NEGATIVE, NON_NEGATIVE, NON_ZERO, POSITIVE, ZERO, Signs
from dynopt.symbolic.limits import check


class Contradiction(Exception):
    """No point satisfies the branch."""


@dataclass(frozen=True)
class Product:
    """sign·Π odd·Π even² has a sign in ``allowed``; the factors are named by numbers."""

    sign: int
    odd: frozenset[int]
    even: frozenset[int]
    allowed: Signs

    @property
    def factors(self) -> frozenset[int]:
        return self.odd | self.even


class Branch:
    """What is known of the signs of factors and of products of factors, and the generators already solved for."""

    def __init__(
        self,
        radicals: Radicals,
        signs: Mapping[int, Signs] | None = None,
        products: Iterable[Product] = (),
        solved: tuple[tuple[int, Ratio], ...] = (),
    ) -> None:
        self.ring: Ring = radicals.ring
        self.radicals = radicals
        self.signs = dict(signs or {})
        self.products = list(products)
        self.solved = solved

    @staticmethod
    def of(radicals: Radicals, conditions: Iterable[Condition]) -> Branch:
        """The branch of some conditions; raises `Contradiction`."""
        branch = Branch(radicals)
        for c in conditions:
            branch.require(c.ratio.numerator, c.allowed, c.ratio.denominator)
        branch.simplify()
        return branch

    def also(self, signs: Mapping[int, Signs] | None = None, zero: Iterable[fmpz_mpoly] = (), implied: int | None = None) -> Branch | None:
        """The branch with further signs of factors and zeros of polynomials, simplified; None if they contradict it.

        The condition on the factor ``implied`` is left out: it follows from the further ones.
        """
        branch = Branch(self.radicals, self.signs, self.products, self.solved)
        if implied is not None:
            del branch.signs[implied]
        try:
            for f, allowed in (signs or {}).items():
                branch.restrict(f, allowed)
            for p in zero:
                branch.require(p, ZERO)
            branch.simplify()
        except Contradiction:
            return None
        return branch

    def factors(self) -> list[int]:
        """All factors of which something is known or required."""
        return list(dict.fromkeys((*self.signs, *(f for p in self.products for f in p.factors))))

    def used_auxiliary(self) -> list[int]:
        return self.radicals.used(self.factors())

    def variables(self) -> frozenset[int]:
        return frozenset(v for f in self.factors() for v in self.radicals.variables(f))

    def sign_of(self, f: int) -> Signs:
        return self.signs.get(f, ANY)

    def restrict(self, f: int, allowed: Signs) -> None:
        left = self.sign_of(f) & allowed
        if not left:
            raise Contradiction
        if left != ANY:
            self.signs[f] = left

    def require(self, p: fmpz_mpoly, allowed: Signs, denominator: fmpz_mpoly | None = None) -> None:
        """The sign of p, or of p over a denominator that must not vanish, is in ``allowed``."""
        sign, powers = self.ring.factor(p)
        parity = dict(powers)
        if denominator is not None:
            below, more = self.ring.factor(denominator)
            sign *= below
            for f, e in more:
                self.restrict(f, NON_ZERO)
                parity[f] = parity.get(f, 0) + e
        if sign == 0:
            if 0 not in allowed:
                raise Contradiction
            return
        odd = frozenset(f for f, e in parity.items() if e % 2)
        self._add(Product(sign, odd, frozenset(parity) - odd, allowed))

    def _add(self, p: Product) -> None:
        """Drops factors of known sign; what is left of one factor becomes a restriction."""
        sign, odd, even, allowed = p.sign, set(p.odd), set(p.even), p.allowed
        for f in p.factors:
            known = self.sign_of(f)
            if known == ZERO:
                if 0 not in allowed:
                    raise Contradiction
                return
            if known in (POSITIVE, NEGATIVE):
                sign *= min(known) if f in odd else 1
                odd.discard(f)
                even.discard(f)
            elif known == NON_ZERO:
                even.discard(f)
                if allowed == ZERO:
                    odd.discard(f)
        if 0 not in allowed:
            for f in odd | even:
                self.restrict(f, NON_ZERO)
            even.clear()
        if not odd:
            possible = frozenset({sign} | ({0} if even else set()))
            allowed = allowed & possible
            if not allowed:
                raise Contradiction
            if allowed == possible:
                return
        if allowed >= (ANY if any(0 in self.sign_of(f) for f in odd | even) else NON_ZERO):
            return
        if len(odd | even) == 1 and (not even or allowed == ZERO):
            (f,) = odd | even
            self.restrict(f, frozenset(s * sign for s in allowed))
            return
        product = Product(sign, frozenset(odd), frozenset(even), allowed)
        if product not in self.products:
            self.products.append(product)

    def simplify(self) -> None:
        """Draws the consequences of signs on products, and of signs of generators on sums of terms; raises `Contradiction`."""
        before = None
        while (now := (dict(self.signs), frozenset(self.products))) != before:
            before = now
            products, self.products = self.products, []
            for p in products:
                self._add(p)
            for i in self.used_auxiliary():
                if isinstance(self.radicals.table[i], Root):
                    self.restrict(self.ring.generator(i), self._root_sign(i))
            for f in self.factors():
                check()
                if not self.ring.is_generator(f):
                    self._by_terms(f)

    def _root_sign(self, i: int) -> Signs:
        (radicand,) = self.radicals.table[i].inside()
        return POSITIVE if self.ratio_sign(radicand) == 1 else NON_NEGATIVE

    def _by_terms(self, f: int) -> None:
        possible = self.term_signs(f)
        self.restrict(f, possible)
        if self.signs.get(f) == ZERO and possible != ANY:
            for exponents in self.ring.polynomial(f).to_dict():
                generators = frozenset(self.ring.generator(i) for i, e in enumerate(exponents) if e)
                self._add(Product(1, frozenset(), generators, ZERO))

    def term_signs(self, f: int) -> Signs:
        """The signs that a factor can have, given only the signs of generators: all terms ≥ 0, or all ≤ 0."""
        total: set[int] = set()
        strict = False
        for exponents, c in self.ring.polynomial(f).to_dict().items():
            possible = {1 if c > 0 else -1}
            for i, e in enumerate(exponents):
                if e:
                    possible = {s * a**e for s in possible for a in self.sign_of(self.ring.generator(i))}
            total |= possible
            strict = strict or 0 not in possible
        if {1, -1} <= total:
            return ANY
        return frozenset(total - {0}) if strict else frozenset(total | {0})

    def definite(self, f: int) -> bool:
        """The signs of the generators alone exclude zero."""
        return not self.ring.is_generator(f) and 0 not in self.term_signs(f)

    def polynomial_sign(self, p: fmpz_mpoly) -> int:
        """The sign of p where it follows from known signs of its factors, else 0."""
        sign, powers = self.ring.factor(p)
        for f, e in powers:
            known = self.sign_of(f) & (ANY if self.ring.is_generator(f) else self.term_signs(f))
            if known not in (POSITIVE, NEGATIVE) and not (known == NON_ZERO and e % 2 == 0):
                return 0
            sign *= min(known) ** e
        return sign

    def ratio_sign(self, r: Ratio) -> int:
        return self.polynomial_sign(r.numerator) * self.polynomial_sign(r.denominator)

    def conditions(self) -> list[Product]:
        """All conditions, those on single factors first; what the signs of generators imply is left out."""
        single = [Product(1, frozenset({f}), frozenset(), allowed) for f, allowed in self.signs.items() if not self._implied(f, allowed)]
        return single + self.products

    def _implied(self, f: int, allowed: Signs) -> bool:
        if not self.ring.is_generator(f):
            return self.term_signs(f) <= allowed
        (i,) = self.ring.support(f)
        return isinstance(self.radicals.table.get(i), Root) and self._root_sign(i) <= allowed

    def resolved(self) -> tuple[int, Ratio] | None:
        """An auxiliary generator whose value follows from known signs: the root of zero, the largest of ordered options."""
        for i in self.used_auxiliary():
            quantity = self.radicals.table[i]
            if isinstance(quantity, Largest):
                for option in quantity.options:
                    gaps = [option - other for other in quantity.options if other is not option]
                    if all(g.numerator.is_zero() or self.ratio_sign(g) == 1 for g in gaps):
                        return i, option
            elif quantity.radicand.numerator.is_zero():
                return i, quantity.radicand
        return None

    def substitute(self, v: int, value: Ratio) -> Branch | None:
        """The branch with a quotient of other generators for generator v; None if that is contradictory."""
        ring, below = self.ring, value.denominator
        branch = Branch(self.radicals.substitute(v, value), solved=(*self.solved, (v, value)))
        images = {f: homogenised(ring.context, ring.polynomial(f), v, value) for f in self.factors()}
        try:
            branch.require(below, NON_ZERO)
            for f, allowed in self.signs.items():
                p, degree = images[f]
                branch.require(branch.radicals.reduced(p), allowed, below if degree % 2 else None)
            for product in self.products:
                total, degree = ring.constant(product.sign), 0
                for f in product.odd:
                    p, d = images[f]
                    total, degree = times(total, p), degree + d
                for f in product.even:
                    total = times(total, power(images[f][0], 2))
                branch.require(branch.radicals.reduced(total), product.allowed, below if degree % 2 else None)
            branch.simplify()
        except Contradiction:
            return None
        return branch
