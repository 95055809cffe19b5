"""Open cylindrical decomposition: a rational sample in every full-dimensional cell, or sections of one equation over them.

Off the zeros of the leading coefficients, discriminants and resultants of some polynomials (in their
last variable), their real roots are continuous and keep their order and number.  So between two
neighbouring roots one rational stands for all points of a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flint import fmpq, fmpq_poly, fmpz_poly

from dynopt.symbolic.decide.branch import Branch, Product
from dynopt.symbolic.decide.factors import Ring
from dynopt.symbolic.decide.numberfield import Field, Value, real_roots
from dynopt.symbolic.decide.points import Point
from dynopt.symbolic.decide.realroots import afford_factors, halve, isolate, polynomial, sign, simplest, squarefree
from dynopt.symbolic.decide.signs import ANY, NON_ZERO, Signs
from dynopt.symbolic.limits import TooLarge, check


@dataclass(frozen=True)
class Stack:
    """An order of variables, and for each the factors whose last variable it is."""

    order: tuple[int, ...]
    levels: tuple[tuple[int, ...], ...]

    def level(self, variables: frozenset[int]) -> int:
        """How many variables must have values before all the given ones have."""
        return max((self.order.index(v) + 1 for v in variables), default=0)


def project(branch: Branch, factors: frozenset[int], variables: frozenset[int], equation: int | None) -> Stack:
    """Eliminates the variables one by one, each time the one that leaves the smallest set.

    The last variable of all is one of the equation, if there is one; then only its own projection
    and its resultants with the others are needed.  Factors that cannot vanish for the known signs
    of the variables are left out: their zeros meet no cell that is searched.
    """
    ring = branch.ring
    order: list[int] = []
    levels: list[tuple[int, ...]] = []
    left = set(variables)
    current = frozenset(f for f in factors if not branch.definite(f))
    while left:
        v, below = _cheapest(branch, current, left if equation is None else left & ring.support(equation), equation)
        order.append(v)
        levels.append(tuple(f for f in current if v in ring.support(f)))
        left.discard(v)
        current, equation = below, None
    return Stack(tuple(reversed(order)), tuple(reversed(levels)))


def _cheapest(branch: Branch, factors: frozenset[int], candidates: set[int], equation: int | None) -> tuple[int, frozenset[int]]:
    best: tuple[float, int, frozenset[int]] | None = None
    refusal = TooLarge("no variable can be eliminated")
    for v in sorted(candidates, key=lambda v: burden(branch.ring, factors, v)):
        try:
            below = _projection(branch, factors, v, equation, best[0] if best else float("inf"))
        except TooLarge as error:
            refusal = error
            continue
        if below is not None:
            best = (_size(branch.ring, below), v, below)
    if best is None:
        raise refusal
    return best[1:]


def _projection(branch: Branch, factors: frozenset[int], v: int, equation: int | None, bound: float) -> frozenset[int] | None:
    """The factors left after v is eliminated; None as soon as they are not smaller than the bound."""
    ring = branch.ring
    here = sorted(f for f in factors if v in ring.support(f))
    below = {f for f in factors if v not in ring.support(f)}

    def parts() -> Iterator[frozenset[int]]:
        for f in here if equation is None else [equation]:
            yield ring.leading(f, v) | ring.discriminant(f, v)
        for i, f in enumerate(here):
            for g in here[:i] if equation is None else [equation] * (f != equation):
                yield ring.resultant(f, g, v)

    for found in parts():
        below |= {f for f in found if not branch.definite(f)}
        if _size(ring, below) >= bound:
            return None
    return frozenset(below)


def _size(ring: Ring, factors: set[int] | frozenset[int]) -> float:
    return float(sum(int(ring.polynomial(f).total_degree()) for f in factors))


def burden(ring: Ring, factors: frozenset[int], v: int) -> tuple[int, int]:
    """How costly the elimination of a variable looks: its largest degree, the sum of its degrees."""
    degrees = [ring.degree(f, v) for f in factors]
    return max(degrees, default=0), sum(degrees)


class _Accident(Exception):
    """A sample fell on a factor that must only not vanish and was left out of the projection."""

    def __init__(self, factors: frozenset[int]) -> None:
        self.factors = factors


def open_cells(branch: Branch, equation: int | None = None) -> dict[int, Value] | None:
    """A point that satisfies the branch, from the open cells, or from the sections of an equation over open cells."""
    included: frozenset[int] = frozenset()
    while True:
        try:
            return _OpenSearch(branch, equation, included).run()
        except _Accident as accident:
            included |= accident.factors


class _OpenSearch:
    """Depth first through the cells; a cell is left as soon as a condition on its variables fails.

    A condition f ≠ 0 excludes no open set, so f stays out of the projection until a sample falls on it.
    """

    def __init__(self, branch: Branch, equation: int | None, included: frozenset[int]) -> None:
        self.branch = branch
        self.ring = branch.ring
        self.equation = equation
        self.included = included
        conditions = [p for p in branch.conditions() if p.factors != {equation}]
        factors: set[int] = set() if equation is None else {equation}
        for p in conditions:
            for f in p.odd if not self._generic(p) else ():
                traces = branch.radicals.traces(f)
                factors |= branch.radicals.traces(f, True) if equation in traces and traces != {f} else traces
        self.stack = project(branch, frozenset(factors), branch.variables(), equation)
        self.due: list[list[Product]] = [[] for _ in range(len(self.stack.order) + 1)]
        for p in conditions:
            self.due[self.stack.level(frozenset(v for f in p.factors for v in branch.radicals.variables(f)))].append(p)

    def _generic(self, p: Product) -> bool:
        return p.allowed == NON_ZERO and len(p.odd) == 1 and not p.odd <= self.included

    def run(self) -> dict[int, Value] | None:
        return self._extend({}, {}) if self._holds({}, {}) else None

    def _extend(self, values: dict[int, fmpq], signs: dict[int, int]) -> dict[int, Value] | None:
        check()
        k = len(values)
        if k == len(self.stack.order):
            return dict(values)
        v = self.stack.order[k]
        if self.equation is not None and k == len(self.stack.order) - 1:
            return self._on_sections(v, values)
        slices = {f: self._slice(f, v, values) for f in self.stack.levels[k]}
        for s in gaps(list(slices.values()), self.branch.sign_of(self.ring.generator(v))):
            known = {**signs, **{f: sign(p(s)) for f, p in slices.items()}}
            point = {**values, v: s}
            if self._holds(point, known) and (found := self._extend(point, known)) is not None:
                return found
        return None

    def _slice(self, f: int, v: int, values: dict[int, fmpq]) -> fmpz_poly:
        """A factor at a partial sample, as a polynomial in the next variable."""
        point = [values.get(i, fmpq(0)) for i in range(max(self.ring.size, 1))]
        return polynomial([self.ring.over_rationals(c)(*point) for c in self.ring.coefficients(f, v)])

    def _holds(self, values: dict[int, fmpq], known: dict[int, int]) -> bool:
        """The conditions on the variables so far; by the known signs of factors where they suffice."""
        pending = []
        for p in self.due[len(values)]:
            if not p.factors <= known.keys():
                pending.append(p)
                continue
            total = p.sign
            for f in p.factors:
                total *= known[f] if f in p.odd else known[f] ** 2
            if total not in p.allowed:
                return False
        return self._satisfies(Point(self.branch, values), pending)

    def _satisfies(self, point: Point, conditions: list[Product]) -> bool:
        if point.satisfies(conditions):
            return True
        if point.satisfies([p for p in conditions if not self._generic(p)]):
            raise _Accident(frozenset(f for p in conditions if self._generic(p) and not point.satisfies([p]) for f in p.odd))
        return False

    def _on_sections(self, v: int, values: dict[int, fmpq]) -> dict[int, Value] | None:
        assert self.equation is not None
        for root in real_roots([fmpq(c) for c in self._slice(self.equation, v, values).coeffs()]):
            check()
            at: Value = root if isinstance(root, fmpq) else Field(root).element(fmpq_poly([0, 1]))
            point = Point(self.branch, {**values, v: at})
            if self._satisfies(point, self.due[len(values) + 1]):
                return point.values
        return None


def gaps(polynomials: Sequence[fmpz_poly], allowed: Signs) -> Iterator[fmpq]:
    """A simple rational in every interval between neighbouring roots, simplest first; only of the allowed signs.

    >>> [str(s) for s in gaps([fmpz_poly([-2, 0, 1])], ANY)]
    ['0', '-2', '2']
    """
    product = fmpz_poly([1])
    for p in polynomials:
        if p.degree() > 0:
            p = squarefree(p)
            afford_factors(product)
            product *= p // p.gcd(product)
    if allowed not in (ANY, NON_ZERO) and product(0) != 0:
        product = product * fmpz_poly([0, 1])
    roots = isolate(product)
    for i in range(len(roots) - 1):
        left, right = roots[i : i + 2]
        steps = 0
        while steps < 3 or left.high >= right.low:
            left, right, steps = halve(product, left), halve(product, right), steps + 1
        roots[i : i + 2] = left, right
    samples = [simplest(low, high) for low, high in zip([None, *(r.high for r in roots)], [*(r.low for r in roots), None], strict=True)]
    for s in sorted(samples, key=lambda s: (s.q, abs(s.p))):
        if sign(s) in allowed or allowed == NON_ZERO:
            yield s
