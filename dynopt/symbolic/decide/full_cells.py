"""Complete cylindrical decomposition: a sample, rational or algebraic, in every cell of every dimension.

Lazard's projection (leading and trailing coefficients, discriminants, resultants) with Lazard's
evaluation is valid without exception (McCallum, Parusiński, Paunescu 2019).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from flint import fmpq

from dynopt.symbolic.decide.branch import Branch, Product
from dynopt.symbolic.decide.cylinders import Stack, burden
from dynopt.symbolic.decide.factors import Ring
from dynopt.symbolic.decide.numberfield import Field, Value, adjoin, is_zero, real_roots
from dynopt.symbolic.decide.points import Point
from dynopt.symbolic.decide.realroots import RealRoot, simplest
from dynopt.symbolic.decide.signs import ZERO
from dynopt.symbolic.limits import check


def all_cells(branch: Branch) -> dict[int, Value] | None:
    """A point that satisfies the branch, or None if there is none: a search that misses nothing."""
    return _FullSearch(branch).run()


class _FullSearch:
    """A cell is lifted only while no condition on its variables fails.

    Where an equation (a condition, or a resultant of two that are) does not vanish identically over
    a cell, only its roots are lifted.
    """

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.ring = branch.ring
        conditions = branch.conditions()
        factors = frozenset(t for p in conditions for f in p.factors for t in branch.radicals.traces(f, True))
        self.equations: list[list[frozenset[int]]] = []
        equations = [p.factors for p in conditions if p.allowed == ZERO and self.ring.free(p.factors)]
        self.stack = self._project(factors, equations, branch.variables())
        self.due: list[list[Product]] = [[] for _ in range(len(self.stack.order) + 1)]
        for p in conditions:
            self.due[self.stack.level(frozenset(v for f in p.factors for v in branch.radicals.variables(f)))].append(p)

    def _project(self, factors: frozenset[int], equations: list[frozenset[int]], variables: frozenset[int]) -> Stack:
        """Each equation is a set of factors one of which vanishes."""
        ring = self.ring
        order: list[int] = []
        levels: list[tuple[int, ...]] = []
        left = set(variables)
        while left:
            v = min(left, key=lambda v: burden(ring, factors, v))
            here = sorted(f for f in factors if v in ring.support(f))
            below = {f for f in factors if v not in ring.support(f)}
            for i, f in enumerate(here):
                below |= ring.leading(f, v) | ring.trailing(f, v) | ring.discriminant(f, v)
                for g in here[:i]:
                    below |= ring.resultant(f, g, v)
            bound = [e for e in equations if any(v in ring.support(f) for f in e)]
            equations = [e for e in equations if e not in bound]
            equations += [_eliminant(ring, e, other, v) for i, e in enumerate(bound) for other in bound[:i] if not e & other]
            order.append(v)
            levels.append(tuple(here))
            self.equations.insert(0, bound)
            left.discard(v)
            factors = frozenset(below)
        return Stack(tuple(reversed(order)), tuple(reversed(levels)))

    def run(self) -> dict[int, Value] | None:
        return self._extend({}, None) if Point(self.branch, {}).satisfies(self.due[0]) else None

    def _extend(self, values: dict[int, Value], field: Field | None) -> dict[int, Value] | None:
        k = len(values)
        if k == len(self.stack.order):
            return values
        v = self.stack.order[k]
        for s in self._samples(k, v, values, field):
            check()
            point, extension = _joined(values, field, v, s)
            if Point(self.branch, point).satisfies(self.due[k + 1]) and (found := self._extend(point, extension)) is not None:
                return found
        return None

    def _samples(self, k: int, v: int, values: dict[int, Value], field: Field | None) -> Iterator[fmpq | RealRoot]:
        lines = {f: self._line(f, v, values, field) for f in self.stack.levels[k]}
        for e in self.equations[k]:
            if e <= lines.keys() and not any(self._nullified(f, values) for f in e):
                yield from self._roots([lines[f] for f in e])
                return
        roots = self._roots(list(lines.values()))
        ends = _separated(roots)
        yield simplest(None, ends[0][0] if ends else None)
        for i, root in enumerate(roots):
            yield root
            yield simplest(ends[i][1], ends[i + 1][0] if i + 1 < len(roots) else None)

    def _nullified(self, f: int, values: dict[int, Value]) -> bool:
        """The factor vanishes identically over the sample, so that its being zero restricts nothing there."""
        p = self._terms(f, None)
        for u, at in values.items():
            p = _evaluated(p, u, at)
        return not p

    def _line(self, f: int, v: int, values: dict[int, Value], field: Field | None) -> list[Value]:
        """Lazard's evaluation over a sample: ascending coefficients in the next variable, not all zero."""
        p = self._terms(f, field)
        for u, at in values.items():
            while not (image := _evaluated(p, u, at)):
                # the first derivative that does not vanish identically stands for the quotient by (x − at)^k
                p = {(*m[:u], m[u] - 1, *m[u + 1 :]): c * fmpq(m[u]) for m, c in p.items() if m[u]}
            p = image
        line: list[Value] = [fmpq(0)] * (1 + max(m[v] for m in p))
        for m, c in p.items():
            line[m[v]] = c
        return line

    def _terms(self, f: int, field: Field | None) -> dict[tuple[int, ...], Value]:
        terms = self.ring.polynomial(f).to_dict().items()
        return {tuple(int(e) for e in m): fmpq(c) if field is None else field.element(fmpq(c)) for m, c in terms}

    def _roots(self, lines: list[list[Value]]) -> list[fmpq | RealRoot]:
        product: list[Value] = [fmpq(1)]
        for line in lines:
            product = _convolved(product, line)
        check()
        return real_roots(product)


def _eliminant(ring: Ring, e: frozenset[int], other: frozenset[int], v: int) -> frozenset[int]:
    """Factors without v, one of which vanishes where one of each set does."""
    found: set[int] = set()
    for f in e:
        for g in other:
            free = {h for h in (f, g) if v not in ring.support(h)}
            found |= free or ring.resultant(f, g, v)
    return frozenset(found)


def _joined(values: dict[int, Value], field: Field | None, v: int, s: fmpq | RealRoot) -> tuple[dict[int, Value], Field | None]:
    """The sample with one coordinate more, all in one field."""
    if isinstance(s, fmpq):
        return {**values, v: s}, field
    extension, theta, rho = adjoin(field, s)
    moved = {i: c if isinstance(c, fmpq) or theta is None else extension.element(c.p(theta)) for i, c in values.items()}
    return {**moved, v: extension.element(rho)}, extension


def _separated(roots: list[fmpq | RealRoot]) -> list[tuple[fmpq, fmpq]]:
    """Enclosures of ascending roots with gaps between them."""

    def ends(r: fmpq | RealRoot) -> tuple[fmpq, fmpq]:
        return (r, r) if isinstance(r, fmpq) else (r.interval.low, r.interval.high)

    for a, b in pairwise(roots):
        while ends(a)[1] >= ends(b)[0]:
            for r in (a, b):
                if isinstance(r, RealRoot):
                    r.halve()
    return [ends(r) for r in roots]


def _evaluated(p: dict[tuple[int, ...], Value], u: int, at: Value) -> dict[tuple[int, ...], Value]:
    """The non-zero terms after x_u = at."""
    result: dict[tuple[int, ...], Value] = {}
    for m, c in p.items():
        check()
        key = (*m[:u], 0, *m[u + 1 :])
        term = c * at ** m[u] if m[u] else c
        result[key] = result[key] + term if key in result else term
    return {m: c for m, c in result.items() if not is_zero(c)}


def _convolved(a: list[Value], b: list[Value]) -> list[Value]:
    result: list[Value] = [fmpq(0)] * (len(a) + len(b) - 1)
    for i, c in enumerate(a):
        check()
        for j, d in enumerate(b):
            result[i + j] = result[i + j] + c * d
    return result
