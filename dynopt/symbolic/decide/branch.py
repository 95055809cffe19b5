"""A conjunction of sign conditions on irreducible polynomials, simplified as far as signs alone allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flint import fmpq, fmpq_mat, fmpz_mpoly

from dynopt.symbolic.decide.factors import Ratio, Ring, homogenised, split
from dynopt.symbolic.decide.reading import (
    NEGATIVE,
    NON_NEGATIVE,
    NON_POSITIVE,
    NON_ZERO,
    POSITIVE,
    ZERO,
    Auxiliary,
    Largest,
    Root,
    Sign,
    square_root,
)

ANY = frozenset({-1, 0, 1})


@dataclass(frozen=True)
class Product:
    """sign·Π odd factors·Π even factors² has a sign in ``allowed``."""

    sign: int
    odd: frozenset[int]
    even: frozenset[int]
    allowed: frozenset[int]

    @property
    def factors(self) -> frozenset[int]:
        return self.odd | self.even


class Contradiction(Exception):
    """No point satisfies the branch."""


class Branch:
    """Sign conditions, the auxiliary quantities that occur in them, and the variables already solved for."""

    def __init__(
        self,
        ring: Ring,
        auxiliary: Mapping[int, Auxiliary],
        signs: Mapping[int, frozenset[int]] | None = None,
        products: Iterable[Product] = (),
        solved: tuple[tuple[int, Ratio], ...] = (),
    ) -> None:
        self.ring = ring
        self.auxiliary = dict(auxiliary)
        self.signs = dict(signs or {})
        self.products = list(products)
        self.solved = solved
        self._traces: dict[tuple[int, bool], frozenset[int]] = {}

    @staticmethod
    def of(ring: Ring, auxiliary: Mapping[int, Auxiliary], conditions: Iterable[Sign]) -> Branch:
        """The branch of some conditions; raises `Contradiction`."""
        branch = Branch(ring, auxiliary)
        for condition in conditions:
            branch.require(condition.ratio.numerator, condition.allowed, condition.ratio.denominator)
        branch.simplify()
        return branch

    def copy(self) -> Branch:
        return Branch(self.ring, self.auxiliary, self.signs, self.products, self.solved)

    def also(self, signs: Mapping[int, frozenset[int]]) -> Branch | None:
        """The branch with further sign conditions, simplified; None if they contradict it."""
        branch = self.copy()
        try:
            for f, allowed in signs.items():
                branch.restrict(f, allowed)
            branch.simplify()
        except Contradiction:
            return None
        return branch

    def require(self, p: fmpz_mpoly, allowed: frozenset[int], denominator: fmpz_mpoly | None = None) -> None:
        """Adds: the sign of p (over a non-zero denominator) is in ``allowed``."""
        sign, powers = self.ring.factor(p)
        if sign == 0:
            if 0 not in allowed:
                raise Contradiction
            return
        parity = dict(powers)
        if denominator is not None:
            below, more = self.ring.factor(denominator)
            sign *= below
            for f, e in more:
                self.restrict(f, NON_ZERO)
                parity[f] = parity.get(f, 0) + e
        self._add(Product(sign, frozenset(f for f, e in parity.items() if e % 2), frozenset(f for f, e in parity.items() if e % 2 == 0), allowed))

    def _add(self, p: Product) -> None:
        known = {f: self.signs.get(f, ANY) for f in p.factors}
        sign = p.sign
        odd, even = set(p.odd), set(p.even)
        for f, allowed in known.items():
            if allowed == ZERO:
                if 0 not in p.allowed:
                    raise Contradiction
                return
            if allowed in (POSITIVE, NEGATIVE):
                sign *= min(allowed) if f in odd else 1
                odd.discard(f)
                even.discard(f)
            elif allowed == NON_ZERO:
                even.discard(f)
                if p.allowed == ZERO:
                    odd.discard(f)
        allowed = p.allowed
        if 0 not in allowed or not (odd | even):
            for f in odd | even:
                self.restrict(f, NON_ZERO)
            even = set()
            if odd:
                allowed = allowed - ZERO
        if not odd and not even:
            if sign not in allowed:
                raise Contradiction
            return
        if not odd:
            allowed = allowed & frozenset({0, sign})
            if sign in allowed:
                return
        if allowed >= (ANY if any(0 in self.signs.get(f, ANY) for f in odd | even) else NON_ZERO):
            return
        if not allowed:
            raise Contradiction
        if len(odd | even) == 1 and allowed == ZERO:
            self.restrict(next(iter(odd | even)), ZERO)
        elif len(odd) == 1 and not even:
            (f,) = odd
            self.restrict(f, frozenset(s * sign for s in allowed))
        else:
            product = Product(sign, frozenset(odd), frozenset(even), allowed)
            if product not in self.products:
                self.products.append(product)

    def restrict(self, f: int, allowed: frozenset[int]) -> None:
        left = self.signs.get(f, ANY) & allowed
        if not left:
            raise Contradiction
        if left != ANY:
            self.signs[f] = left

    def simplify(self) -> None:
        """Draws the consequences that need only the signs of single factors and of sums of terms of one sign."""
        while True:
            before = (dict(self.signs), set(self.products))
            products, self.products = self.products, []
            for p in products:
                self._add(p)
            for f in list(self.signs):
                if f not in self._variables_known():
                    self._by_terms(f)
            for p in self.products:
                for f in p.factors:
                    self._by_terms(f)
            for i in self.used_auxiliary():
                g = self.ring.number(self.ring.gens[i])
                if isinstance(self.auxiliary[i], Root):
                    self.restrict(g, self._root_sign(i))
            if (self.signs, set(self.products)) == before:
                return

    def _variables_known(self) -> set[int]:
        return {f for f in self.signs if self.ring.variable(f) is not None}

    def _root_sign(self, i: int) -> frozenset[int]:
        quantity = self.auxiliary[i]
        assert isinstance(quantity, Root)
        inside = self.product_sign(quantity.radicand.numerator) * self.product_sign(quantity.radicand.denominator)
        return POSITIVE if inside == 1 else NON_NEGATIVE

    def product_sign(self, p: fmpz_mpoly) -> int:
        """The sign of p where it follows from the known signs of its factors, else 0."""
        sign, powers = self.ring.factor(p)
        for f, e in powers:
            allowed = self.signs.get(f) or self.term_signs(f)
            if allowed == NON_ZERO and e % 2 == 0:
                continue
            if allowed not in (POSITIVE, NEGATIVE):
                return 0
            sign *= min(allowed) ** e
        return sign

    def term_signs(self, f: int) -> frozenset[int]:
        """The signs that a factor can have, given only the signs of generators: all terms ≥ 0, or all ≤ 0."""
        total: set[int] = set()
        strict = False
        for exponents, c in self.ring.polynomial(f).to_dict().items():
            sign = 1 if c > 0 else -1
            possible = {sign}
            for i, e in enumerate(exponents):
                if e:
                    allowed = self.signs.get(self.ring.number(self.ring.gens[i]), ANY)
                    possible = {s * a**e for s in possible for a in allowed}
            total |= possible
            strict = strict or 0 not in possible
            if {1, -1} <= total:
                return ANY
        return frozenset(total - {0}) if strict else frozenset(total | {0})

    def _by_terms(self, f: int) -> None:
        if self.ring.variable(f) is not None:
            return
        possible = self.term_signs(f)
        self.restrict(f, possible)
        if self.signs.get(f) == ZERO and possible != ANY:
            for exponents in self.ring.polynomial(f).to_dict():
                self._add(Product(1, frozenset(), frozenset(self.ring.number(self.ring.gens[i]) for i, e in enumerate(exponents) if e), ZERO))

    def definite(self, f: int) -> bool:
        """The signs of the generators alone exclude zero."""
        return self.ring.variable(f) is None and 0 not in self.term_signs(f)

    def conditions(self) -> list[Product]:
        """All conditions as products, those on single factors first; what the generators' signs imply is left out."""
        single = [
            Product(1, frozenset({f}), frozenset(), allowed)
            for f, allowed in self.signs.items()
            if (self.ring.variable(f) is not None and f not in self._auxiliary_generators()) or not self.term_signs_within(f, allowed)
        ]
        return single + self.products

    def term_signs_within(self, f: int, allowed: frozenset[int]) -> bool:
        if self.ring.variable(f) is not None:
            return f in self._auxiliary_generators() and self._implied(self.ring.variable(f), allowed)
        return self.term_signs(f) <= allowed

    def _implied(self, i: int | None, allowed: frozenset[int]) -> bool:
        return i is not None and isinstance(self.auxiliary.get(i), Root) and self._root_sign(i) <= allowed

    def _auxiliary_generators(self) -> set[int]:
        return {self.ring.number(self.ring.gens[i]) for i in self.auxiliary}

    def used_auxiliary(self) -> list[int]:
        """Auxiliary quantities that occur, directly or inside others, innermost first."""
        used: set[int] = set()
        todo = {i for f in (*self.signs, *(f for p in self.products for f in p.factors)) for i in self.ring.support(f)}
        while todo:
            i = todo.pop()
            if i >= self.ring.variables and i not in used:
                used.add(i)
                todo |= {j for ratio in self._inside(i) for p in (ratio.numerator, ratio.denominator) for j, d in enumerate(p.degrees()) if d > 0}
        return sorted(used)

    def _inside(self, i: int) -> tuple[Ratio, ...]:
        quantity = self.auxiliary[i]
        return (quantity.radicand,) if isinstance(quantity, Root) else quantity.options

    def variables(self, f: int) -> frozenset[int]:
        """The variables on which a factor depends, also through auxiliary quantities."""
        found: set[int] = set()
        todo = set(self.ring.support(f))
        while todo:
            i = todo.pop()
            if i < self.ring.variables:
                found.add(i)
            else:
                todo |= {j for r in self._inside(i) for p in (r.numerator, r.denominator) for j, d in enumerate(p.degrees()) if d > 0}
        return frozenset(found)

    def free(self, factors: Iterable[int]) -> bool:
        """No auxiliary quantity occurs in the factors."""
        return all(i < self.ring.variables for f in factors for i in self.ring.support(f))

    def all_variables(self) -> frozenset[int]:
        return frozenset(v for f in (*self.signs, *(f for p in self.products for f in p.factors)) for v in self.variables(f))

    def traces(self, f: int, full: bool = False) -> frozenset[int]:
        """Polynomials in the variables alone off whose zeros the sign of a factor is constant on connected sets.

        A + B√(N/M) vanishes only where its norm A²M − B²N does; where the norm vanishes
        identically (or with ``full``, where it is a given equation), A, B, N and M decide.
        """
        if all(i < self.ring.variables for i in self.ring.support(f)):
            return frozenset({f})
        if (f, full) not in self._traces:
            self._traces[f, full] = frozenset(g for p in self._eliminated(f, full) for h in self.ring.parts([p]) for g in self.traces(h, full))
        return self._traces[f, full]

    def degenerate(self, f: int) -> bool:
        """A norm of the factor vanishes identically, so that the factor itself may vanish on an open set."""
        if all(i < self.ring.variables for i in self.ring.support(f)):
            return False
        outer = self._eliminated(f, False, report=True)
        return outer is None or any(self.degenerate(h) for p in outer for h in self.ring.parts([p]))

    def _eliminated(self, f: int, full: bool, report: bool = False) -> list[fmpz_mpoly] | None:  # type: ignore[return]
        """Polynomials without the outermost auxiliary quantity of a factor."""
        p = self.ring.polynomial(f)
        i = max(self.ring.support(f))
        quantity = self.auxiliary[i]
        if isinstance(quantity, Largest):
            found = [homogenised(self.ring.context, p, i, option)[0] for option in quantity.options]
            if any(q.is_zero() for q in found) and report:
                return None
            if full or any(q.is_zero() for q in found):
                gaps = [a - b for k, a in enumerate(quantity.options) for b in quantity.options[:k]]
                found += [g.numerator for g in gaps]
            return [q for q in found if not q.is_zero()]
        n, m = quantity.radicand.numerator, quantity.radicand.denominator
        coefficients = split(self.ring.context, p, i)
        half = (len(coefficients) - 1) // 2
        even = odd = self.ring.constant(0)
        for k, c in enumerate(coefficients):
            scaled = c * n ** (k // 2) * m ** (half - k // 2)
            if k % 2:
                odd = odd + scaled
            else:
                even = even + scaled
        if odd.is_zero():
            return None if report and even.is_zero() else [self.reduced(even)] if not even.is_zero() else []
        norm = self.reduced(even * even * m - odd * odd * n)
        if report:
            return None if norm.is_zero() else [norm]
        if full or norm.is_zero():
            return [q for q in (norm, even, odd, n, m) if not q.is_zero()]
        return [norm]

    def reduced(self, p: fmpz_mpoly) -> fmpz_mpoly:
        """Even powers of radicals replaced, up to positive factors that are kept as they are."""
        for i in sorted((i for i, d in enumerate(p.degrees()) if d > 1 and i >= self.ring.variables), reverse=True):
            quantity = self.auxiliary[i]
            if isinstance(quantity, Root) and quantity.radicand.denominator.is_one():
                from dynopt.symbolic.decide.reading import folded

                p = folded(self.ring, p, i, quantity.radicand.numerator)
        return p

    def resolved(self) -> tuple[int, Ratio] | None:
        """An auxiliary quantity whose value follows from known signs: the root of zero, the largest of ordered options."""
        for i in self.used_auxiliary():
            quantity = self.auxiliary[i]
            if isinstance(quantity, Root):
                if quantity.radicand.numerator.is_zero():
                    return i, quantity.radicand
            else:
                for option in quantity.options:
                    if all(self._at_least(option - other) for other in quantity.options if other is not option):
                        return i, option
        return None

    def _at_least(self, gap: Ratio) -> bool:
        return gap.numerator.is_zero() or self.product_sign(gap.numerator) * self.product_sign(gap.denominator) == 1

    def substitute(self, v: int, value: Ratio) -> Branch:
        """The branch with generator v replaced by a quotient of others; raises `Contradiction`.

        The caller has made the denominator non-zero.
        """
        ring = self.ring
        auxiliary: dict[int, Auxiliary] = {}
        for i, quantity in self.auxiliary.items():
            if i == v:
                continue
            if isinstance(quantity, Root):
                auxiliary[i] = square_root(quantity.radicand.substitute(ring.context, v, value))
            else:
                auxiliary[i] = Largest(tuple(o.substitute(ring.context, v, value) for o in quantity.options))
        branch = Branch(ring, auxiliary, solved=(*self.solved, (v, value)))
        images: dict[int, tuple[fmpz_mpoly, int]] = {}

        def image(f: int) -> tuple[fmpz_mpoly, int]:
            if f not in images:
                images[f] = homogenised(ring.context, ring.polynomial(f), v, value)
            return images[f]

        below = value.denominator
        for f, _ in ring.factor(below)[1]:
            branch.restrict(f, NON_ZERO)
        for f, allowed in self.signs.items():
            p, d = image(f)
            branch.require(branch.reduced(p), allowed, below if d % 2 else None)
        for product in self.products:
            total, degree = ring.constant(product.sign), 0
            for f in product.odd:
                p, d = image(f)
                total, degree = total * p, degree + d
            for f in product.even:
                total = total * image(f)[0] ** 2
            branch.require(branch.reduced(total), product.allowed, below if degree % 2 else None)
        branch.simplify()
        return branch

    def weights(self) -> list[dict[int, fmpq]]:
        """A basis of the scalings x_i → t^(w_i) x_i, t > 0, under which every condition is invariant.

        Every polynomial that occurs must have terms of one weight; √ has half the weight of its
        radicand, the options of a maximum equal weights.
        """
        ring = self.ring
        rows: list[list[int]] = []

        def weight(p: fmpz_mpoly) -> list[int]:
            exponents = [[int(e) for e in m] for m in p.to_dict()]
            for m in exponents[1:]:
                rows.append([a - b for a, b in zip(m, exponents[0], strict=True)])
            return exponents[0] if exponents else [0] * ring.size

        for f in (*self.signs, *(f for p in self.products for f in p.factors)):
            weight(ring.polynomial(f))
        for i in self.used_auxiliary():
            quantity = self.auxiliary[i]
            unit = [int(j == i) for j in range(ring.size)]
            ratios = [[a - b for a, b in zip(weight(r.numerator), weight(r.denominator), strict=True)] for r in self._inside(i)]
            scale = 2 if isinstance(quantity, Root) else 1
            zero = [r.numerator.is_zero() for r in self._inside(i)]
            rows += [[scale * u - r for u, r in zip(unit, ratio, strict=True)] for ratio, z in zip(ratios, zero, strict=True) if not z]
        active = sorted(self.all_variables() | set(self.used_auxiliary()))
        if not active:
            return []
        matrix = fmpq_mat(max(len(rows), 1), len(active), [row[i] for row in (rows or [[0] * ring.size]) for i in active])
        reduced, rank = matrix.rref()
        pivots = []
        for r in range(rank):
            pivots.append(next(c for c in range(len(active)) if reduced[r, c] != 0))
        basis = []
        for free in (c for c in range(len(active)) if c not in pivots):
            vector = {active[free]: fmpq(1)}
            for r, c in enumerate(pivots):
                if reduced[r, free] != 0:
                    vector[active[c]] = -reduced[r, free]
            basis.append({i: w for i, w in vector.items() if i < ring.variables})
        return [b for b in basis if b]


__all__ = ["ANY", "NEGATIVE", "NON_NEGATIVE", "NON_POSITIVE", "NON_ZERO", "POSITIVE", "ZERO", "Branch", "Contradiction", "Product"]
