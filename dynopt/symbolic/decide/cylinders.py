"""Cylinders over the reals: sample points of every cell on which all given polynomials keep their signs.

`open_cells` visits the full-dimensional cells only, with rational samples; with one equation it
visits the sections of that equation over the full-dimensional cells below.  `all_cells` visits
every cell, with algebraic samples (Lazard's projection and evaluation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx, fmpq_poly, fmpz_poly

from dynopt.symbolic.decide.branch import Branch, Product
from dynopt.symbolic.decide.factors import Ring, TooLarge, numerator_of
from dynopt.symbolic.decide.numberfield import Field, Value, adjoin, is_zero, real_roots
from dynopt.symbolic.decide.points import Point
from dynopt.symbolic.decide.realroots import Interval, RealRoot, halve, isolate, sign, simplest


class Needed(Exception):
    """A sample fell on a polynomial that was left out of the projection; it must be put in."""

    def __init__(self, factors: frozenset[int]) -> None:
        self.factors = factors


@dataclass(frozen=True)
class Stack:
    """An order of variables, and for each the factors whose last variable it is."""

    order: tuple[int, ...]
    levels: tuple[tuple[int, ...], ...]


def project(branch: Branch, factors: frozenset[int], variables: frozenset[int], equation: int | None = None) -> Stack:
    """Eliminates the variables one by one, each time the one that leaves the smallest set.

    On open cells the leading coefficients, discriminants and pairwise resultants suffice; for an
    equation, only its own and its resultants with the others.  Factors that cannot vanish for the
    given signs of the variables are left out: no cell that matters meets their zeros.
    """
    ring = branch.ring
    order: list[int] = []
    levels: list[tuple[int, ...]] = []
    left = set(variables)
    current = frozenset(f for f in factors if not branch.definite(f))
    while left:
        candidates = left if equation is None else {v for v in left if v in ring.support(equation)}
        best: tuple[float, int, frozenset[int]] | None = None
        refused: Exception | None = None
        for v in sorted(candidates, key=lambda v: _burden(ring, current, v)):
            try:
                below = _below(branch, current, v, equation, best[0] if best else None)
            except TooLarge as error:
                refused = error
                continue
            if below is None:
                continue
            size = _size(ring, below)
            if best is None or size < best[0]:
                best = (size, v, below)
        if best is None:
            raise refused or TooLarge("no variable can be eliminated")
        _, v, below = best
        here = tuple(sorted((f for f in current if v in ring.support(f)), key=lambda f: len(ring.polynomial(f))))
        order.append(v)
        levels.append(here)
        left.discard(v)
        current, equation = below, None
    return Stack(tuple(reversed(order)), tuple(reversed(levels)))


def _below(branch: Branch, factors: frozenset[int], v: int, equation: int | None, bound: float | None) -> frozenset[int] | None:
    """The projection that eliminates v; None as soon as it is larger than the bound."""
    ring = branch.ring
    here = [f for f in factors if v in ring.support(f)]
    below = {f for f in factors if v not in ring.support(f)}
    pairs = [(f, g) for i, f in enumerate(here) for g in here[:i]] if equation is None else [(equation, g) for g in here if g != equation]

    def add(found: frozenset[int]) -> bool:
        below.update(f for f in found if not branch.definite(f))
        return bound is None or _size(ring, below) < bound

    for f in here if equation is None else [equation]:
        if not (add(ring.leading(f, v)) and add(ring.discriminant(f, v))):
            return None
    for f, g in pairs:
        if not add(ring.resultant(f, g, v)):
            return None
    return frozenset(below)


def _size(ring: Ring, factors: frozenset[int] | set[int]) -> float:
    return float(sum(int(ring.polynomial(f).total_degree()) for f in factors))


def _burden(ring: Ring, factors: frozenset[int], v: int) -> tuple[int, int]:
    degrees = [ring.degree(f, v) for f in factors]
    return (max(degrees, default=0), sum(degrees))


class _Slices:
    """Factors at partial samples: univariate polynomials in the next variable."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self._context = fmpq_mpoly_ctx.get([f"x{i}" for i in range(max(ring.size, 1))], ring.context.ordering())
        self._coefficients: dict[tuple[int, int], list[fmpq_mpoly]] = {}

    def at(self, f: int, v: int, values: dict[int, fmpq]) -> fmpz_poly:
        if (f, v) not in self._coefficients:
            parts = self.ring.coefficients(f, v)
            self._coefficients[f, v] = [self._context.from_dict({m: fmpq(c) for m, c in p.to_dict().items()}) for p in parts]
        point = [values.get(i, fmpq(0)) for i in range(self.ring.size)]
        return numerator_of([p(*point) for p in self._coefficients[f, v]])


def open_cells(branch: Branch, equation: int | None = None) -> dict[int, Value] | None:
    """A point that satisfies the branch, from the full-dimensional cells, or over them on an equation's sections."""
    extra: frozenset[int] = frozenset()
    while True:
        try:
            return _OpenSearch(branch, equation, extra).run()
        except Needed as missing:
            extra |= missing.factors


class _OpenSearch:
    def __init__(self, branch: Branch, equation: int | None, extra: frozenset[int]) -> None:
        self.branch = branch
        self.ring = branch.ring
        self.equation = equation
        self.conditions = [p for p in branch.conditions() if equation is None or p.odd != {equation} or p.even]
        # a factor that must only differ from zero excludes no open set: it is checked at the samples
        self.avoided = frozenset(f for p in self.conditions if len(p.odd) == 1 and p.allowed == {-1, 1} for f in p.odd) - extra
        factors: set[int] = {equation} if equation is not None else set()
        for p in self.conditions:
            for f in p.odd if not self._is_avoided(p) else ():
                trace = branch.traces(f)
                factors |= branch.traces(f, True) if equation in trace and trace != {f} else trace
        variables = branch.all_variables()
        self.stack = project(branch, frozenset(factors), variables, equation)
        self.slices = _Slices(self.ring)
        self.exact = {f for level in self.stack.levels for f in level}
        self.due: list[list[Product]] = [[] for _ in range(len(self.stack.order) + 1)]
        place = {v: k + 1 for k, v in enumerate(self.stack.order)}
        for p in self.conditions:
            self.due[max((place[v] for f in p.factors for v in branch.variables(f)), default=0)].append(p)
        self.bounds = {
            v: branch.signs.get(self.ring.number(self.ring.gens[v]), frozenset({-1, 0, 1})) for v in self.stack.order
        }

    def _is_avoided(self, p: Product) -> bool:
        return len(p.odd) == 1 and p.odd <= self.avoided and p.allowed == {-1, 1}

    def run(self) -> dict[int, Value] | None:
        if not Point(self.branch, {}).satisfies(self.due[0]):
            return None
        return self._extend({}, {})

    def _extend(self, values: dict[int, fmpq], signs: dict[int, int]) -> dict[int, Value] | None:
        self.ring.deadline.check()
        k = len(values)
        if k == len(self.stack.order):
            return dict(values)
        v = self.stack.order[k]
        if self.equation is not None and k == len(self.stack.order) - 1:
            return self._on_sections(v, values)
        slices = {f: self.slices.at(f, v, values) for f in self.stack.levels[k]}
        for s in gaps(list(slices.values()), self.bounds[v]):
            known = dict(signs)
            for f, p in slices.items():
                known[f] = sign(p(s))
            point = {**values, v: s}
            if self._holds(k + 1, point, known) and (found := self._extend(point, known)) is not None:
                return found
        return None

    def _holds(self, k: int, values: dict[int, fmpq], known: dict[int, int]) -> bool:
        exact = Point(self.branch, values)
        pending = []
        for p in self.due[k]:
            if p.factors <= known.keys():
                total = p.sign
                for f in p.factors:
                    total *= known[f] if f in p.odd else known[f] ** 2
                if total not in p.allowed:
                    return False
            else:
                pending.append(p)
        if exact.satisfies(pending):
            return True
        self._blame(exact, pending)
        return False

    def _blame(self, exact: Point, failed: list[Product]) -> None:
        """If only an accident of the sample excludes it, start again with the accidental factor in the projection."""
        if exact.satisfies([p for p in failed if not self._is_avoided(p)]):
            raise Needed(frozenset(f for p in failed if self._is_avoided(p) and not exact.satisfies([p]) for f in p.odd))

    def _on_sections(self, v: int, values: dict[int, fmpq]) -> dict[int, Value] | None:
        assert self.equation is not None
        p = self.slices.at(self.equation, v, values)
        for root in real_roots([fmpq(c) for c in p.coeffs()]):
            self.ring.deadline.check()
            at: Value = root if isinstance(root, fmpq) else Field(root).element(fmpq_poly([0, 1]))
            point = Point(self.branch, {**values, v: at})
            due = [q for q in self.due[len(values) + 1] if q.odd != {self.equation}]
            if point.satisfies(due):
                return point.values
            self._blame(point, due)
        return None


def gaps(polynomials: Sequence[fmpz_poly], allowed: frozenset[int]) -> Iterator[fmpq]:
    """A simple rational between any two neighbouring roots of some polynomials, of the allowed sign."""
    product = fmpz_poly([1])
    for p in polynomials:
        if p.degree() > 0:
            product *= p // p.gcd(product)
    product = product // product.gcd(product.derivative()) if product.degree() > 0 else product
    if (0 < len(allowed) < 3) and not allowed >= {-1, 1} and product(0) != 0:
        product = product * fmpz_poly([0, 1])
    roots = isolate(product)
    if not roots:
        yield fmpq(0) if 0 in allowed else fmpq(max(allowed))
        return
    samples: list[fmpq] = [simplest(None, roots[0].low)]
    for left, right in zip(roots, roots[1:], strict=False):
        a, b = left, right
        for _ in range(3):
            a, b = _closer(product, a), _closer(product, b)
        while a.high >= b.low:
            a, b = _closer(product, a), _closer(product, b)
        samples.append(simplest(a.high, b.low))
    samples.append(simplest(roots[-1].high, None))
    for s in sorted(samples, key=lambda s: (s.q, abs(s.p))):
        if sign(s) in allowed or (s == 0 and len(allowed) > 1):
            yield s


def _closer(p: fmpz_poly, i: Interval) -> Interval:
    return i if i.exact else halve(p, i)


def all_cells(branch: Branch) -> dict[int, Value] | None:
    """A point that satisfies the branch, from the cells of every dimension: a complete search."""
    return _FullSearch(branch).run()


class _FullSearch:
    """Lazard's projection (leading and trailing coefficients, discriminants, resultants) and evaluation.

    A cell is lifted only while no condition on its variables fails; where an equation (a condition,
    or a resultant of two that are) does not vanish identically over a cell, only its roots are lifted.
    """

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.ring = branch.ring
        self.conditions = branch.conditions()
        self.equations: list[list[frozenset[int]]] = []
        factors = frozenset(g for p in self.conditions for f in p.factors for g in branch.traces(f, True))
        equations = [p.factors for p in self.conditions if p.allowed == {0} and branch.free(p.factors)]
        self.stack = self._project(factors, equations, branch.all_variables())
        place = {v: k + 1 for k, v in enumerate(self.stack.order)}
        self.due: list[list[Product]] = [[] for _ in range(len(self.stack.order) + 1)]
        for p in self.conditions:
            self.due[max((place[v] for f in p.factors for v in branch.variables(f)), default=0)].append(p)

    def _project(self, factors: frozenset[int], equations: list[frozenset[int]], variables: frozenset[int]) -> Stack:
        ring = self.ring
        order: list[int] = []
        levels: list[tuple[int, ...]] = []
        current, left = factors, set(variables)
        while left:
            v = min(left, key=lambda v: _burden(ring, current, v))
            here = sorted(f for f in current if v in ring.support(f))
            below = {f for f in current if v not in ring.support(f)}
            for f in here:
                below |= ring.leading(f, v) | ring.trailing(f, v) | ring.discriminant(f, v)
            for i, f in enumerate(here):
                for g in here[:i]:
                    below |= ring.resultant(f, g, v)
            bound = [e for e in equations if any(v in ring.support(f) for f in e)]
            equations = [e for e in equations if e not in bound]
            for i, e in enumerate(bound):
                equations += [_eliminant(ring, e, other, v) for other in bound[:i] if not e & other]
            order.append(v)
            levels.append(tuple(here))
            self.equations.insert(0, bound)
            left.discard(v)
            current = frozenset(below)
        return Stack(tuple(reversed(order)), tuple(reversed(levels)))

    def run(self) -> dict[int, Value] | None:
        if not Point(self.branch, {}).satisfies(self.due[0]):
            return None
        return self._extend({}, None)

    def _extend(self, values: dict[int, Value], field: Field | None) -> dict[int, Value] | None:
        self.ring.deadline.check()
        k = len(values)
        if k == len(self.stack.order):
            return values
        v = self.stack.order[k]
        lines = {f: self._line(f, v, values, field) for f in self.stack.levels[k]}
        forced = next((e for e in self.equations[k] if e <= lines.keys() and not any(self._nullified(f, v, values) for f in e)), None)
        samples = self._roots([lines[f] for f in forced]) if forced is not None else self._cells([p for p in lines.values() if len(p) > 1])
        for s in samples:
            point, extended = self._join(values, field, v, s)
            if Point(self.branch, point).satisfies(self.due[k + 1]) and (found := self._extend(point, extended)) is not None:
                return found
        return None

    def _join(self, values: dict[int, Value], field: Field | None, v: int, s: fmpq | RealRoot) -> tuple[dict[int, Value], Field | None]:
        if isinstance(s, fmpq):
            return {**values, v: s}, field
        extension, theta, rho = adjoin(field, s)
        moved: dict[int, Value] = {}
        for i, c in values.items():
            moved[i] = c if isinstance(c, fmpq) or theta is None else extension.element(_compose(c.p, theta, extension))
        return {**moved, v: extension.element(rho)}, extension

    def _nullified(self, f: int, v: int, values: dict[int, Value]) -> bool:
        """The factor vanishes identically over the sample, so that it restricts nothing there."""
        coefficients: dict[int, Value] = {}
        for m, c in self.ring.polynomial(f).to_dict().items():
            term: Value = fmpq(c)
            for u, at in values.items():
                if m[u]:
                    term = at ** int(m[u]) * term
            coefficients[m[v]] = coefficients[m[v]] + term if m[v] in coefficients else term
        return all(is_zero(c) for c in coefficients.values())

    def _line(self, f: int, v: int, values: dict[int, Value], field: Field | None) -> list[Value]:
        """Lazard's evaluation: each coordinate in turn, after division by its highest power that divides."""
        p = {tuple(int(e) for e in m): (fmpq(c) if field is None else field.element(fmpq(c))) for m, c in self.ring.polynomial(f).to_dict().items()}
        for u, at in values.items():
            p = _lazard(p, u, at)
        degree = max(m[v] for m in p)
        result: list[Value] = [fmpq(0)] * (degree + 1)
        for m, c in p.items():
            result[m[v]] = result[m[v]] + c
        while result and is_zero(result[-1]):
            result.pop()
        return result

    def _roots(self, lines: list[list[Value]]) -> list[fmpq | RealRoot]:
        product: list[Value] = [fmpq(1)]
        for line in lines:
            product = _convolve(product, line)
        return real_roots(product)

    def _cells(self, lines: list[list[Value]]) -> Iterator[fmpq | RealRoot]:
        """Roots and simple rationals between them."""
        roots = self._roots(lines)
        if not roots:
            yield fmpq(0)
            return
        ends = _separated(roots)
        yield simplest(None, ends[0][0])
        for i, root in enumerate(roots):
            yield root
            yield simplest(ends[i][1], ends[i + 1][0] if i + 1 < len(roots) else None)


def _separated(roots: list[fmpq | RealRoot]) -> list[tuple[fmpq, fmpq]]:
    """Disjoint enclosures with gaps between them, of ascending roots."""

    def ends(r: fmpq | RealRoot) -> tuple[fmpq, fmpq]:
        return (r, r) if isinstance(r, fmpq) else (r.interval.low, r.interval.high)

    for a, b in zip(roots, roots[1:], strict=False):
        while ends(a)[1] >= ends(b)[0]:
            for r in (a, b):
                if isinstance(r, RealRoot):
                    r.halve()
    return [ends(r) for r in roots]


def _lazard(p: dict[tuple[int, ...], Value], u: int, at: Value) -> dict[tuple[int, ...], Value]:
    """The first derivative in x_u that does not vanish identically at x_u = at, over its factorial, evaluated there."""
    while True:
        result: dict[tuple[int, ...], Value] = {}
        for m, c in p.items():
            key = (*m[:u], 0, *m[u + 1 :])
            term = c * (at ** m[u] if m[u] else fmpq(1))
            result[key] = result[key] + term if key in result else term
        result = {m: c for m, c in result.items() if not is_zero(c)}
        if result:
            return result
        p = {(*m[:u], m[u] - 1, *m[u + 1 :]): c * fmpq(m[u]) for m, c in p.items() if m[u]}


def _eliminant(ring: Ring, e: frozenset[int], other: frozenset[int], v: int) -> frozenset[int]:
    """One of these factors vanishes where one of each set does: those of the resultants."""
    found: set[int] = set()
    for f in e:
        for g in other:
            if v not in ring.support(f) or v not in ring.support(g):
                found |= {h for h in (f, g) if v not in ring.support(h)}
            else:
                found |= ring.resultant(f, g, v)
    return frozenset(found)


def _convolve(a: list[Value], b: list[Value]) -> list[Value]:
    result: list[Value] = [fmpq(0)] * (len(a) + len(b) - 1)
    for i, c in enumerate(a):
        for j, d in enumerate(b):
            result[i + j] = result[i + j] + c * d
    return result


def _compose(p: fmpq_poly, inner: fmpq_poly, field: Field) -> fmpq_poly:
    total = fmpq_poly(0)
    for c in reversed(p.coeffs()):
        total = (total * inner + c) % field.modulus
    return total

