"""The exact decider: signs of polynomials on cylinders, real-root isolation, algebraic numbers.

It shares no code with the SMT deciders.  The negated statement is a disjunction of conjunctions of
sign conditions.  For each conjunction:

1. signs that follow from signs are propagated; a scaling symmetry fixes one variable at ±1 (or 0);
2. an equation that is linear in a variable is solved for it, where its coefficient is not zero;
3. without equations, the points off the zeros of all polynomials are searched by an open
   cylindrical decomposition.  A point that satisfies the conjunction but is not seen in this way
   lies on the zeros of a condition that may be zero; each of these gives a conjunction with one
   equation more;
4. with one equation f = 0 that is not linear, the sections of f over the open cells of the other
   variables are searched; what is missed lies on a zero as above or where f and all its partial
   derivatives vanish (f is irreducible, so ∂f/∂x cannot vanish on a piece of the hypersurface);
5. several equations without a linear variable go to the complete decomposition of `all_cells`.

Every step covers all points, so an exhausted search is a proof.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from operator import add
from typing import Any

import flint
import sympy as sp
from flint import fmpq

from dynopt.symbolic.decide.branch import NON_ZERO, ZERO, Branch, Contradiction, Product
from dynopt.symbolic.decide.cylinders import all_cells, open_cells
from dynopt.symbolic.decide.decision import Answer
from dynopt.symbolic.decide.factors import Deadline, OutOfTime, Ratio, TooLarge
from dynopt.symbolic.decide.numberfield import Number, Value, minimal_polynomial
from dynopt.symbolic.decide.points import Point
from dynopt.symbolic.decide.reading import Reading

NAME = "exact"


def settle(given: Sequence[Any], then: Any, seconds: float) -> Answer:
    """Proves given ⇒ then, or finds an exact point that satisfies given and breaks then.

    >>> x = sp.Symbol("x")
    >>> settle([x > 1], x**2 > x, 5).answer, settle([], x**2 > x, 5).witness
    ('proved', {x: 0})
    """
    started = time.monotonic()

    def answer(verdict: str, note: str = "", witness: dict[sp.Symbol, sp.Expr] | None = None) -> Answer:
        return Answer(NAME, f"python-flint {flint.__version__}", verdict, time.monotonic() - started, witness, note)

    try:
        reading = Reading(given, then, Deadline(seconds))
        conjunctions = list(dict.fromkeys(reading.conjunctions))
        for conditions in conjunctions:
            try:
                branch = Branch.of(reading.ring, reading.auxiliary, conditions)
            except Contradiction:
                continue
            if (found := search(branch)) is not None:
                return answer("refuted", witness={s: _expression(found.get(i, fmpq(0))) for s, i in reading.symbols.items()})
    except OutOfTime:
        return answer("undecided", f"not finished in {seconds:g} s")
    except TooLarge as reason:
        return answer("undecided", f"too large: {reason}")
    return answer("proved", f"{len(conjunctions)} conjunction{'s' * (len(conjunctions) != 1)} searched completely")


def search(branch: Branch) -> dict[int, Value] | None:
    """A point that satisfies the branch, or None if there is none."""
    ring = branch.ring
    ring.deadline.check()
    if (pieces := _split(branch)) is not None:
        return _first(pieces)
    if (known := branch.resolved()) is not None:
        return _first([_substituted(branch, *known)])
    if (pieces := _scaled(branch)) is not None:
        return _first(pieces)
    equations = [f for f, allowed in branch.signs.items() if allowed == ZERO and branch.free([f])]
    if (linear := _linear(branch, equations)) is not None:
        return _first(linear)
    if len(equations) > 1:
        return _complete(branch, all_cells(branch))
    equation = equations[0] if equations else None
    if (found := open_cells(branch, equation)) is not None:
        return _complete(branch, found)
    return _first(_boundaries(branch, equation))


def _first(branches: Sequence[Branch | None]) -> dict[int, Value] | None:
    for branch in branches:
        if branch is not None and (found := search(branch)) is not None:
            return found
    return None


def _split(branch: Branch) -> list[Branch | None] | None:
    """Cases for an equation with several factors, and for one with radicals the zeros of its norm."""
    for p in branch.products:
        if p.allowed == ZERO:
            return _cases(branch, sorted(p.factors))
    for f, allowed in branch.signs.items():
        if allowed == ZERO and not branch.free([f]) and not branch.degenerate(f):
            traces = sorted(branch.traces(f))
            if not any(branch.signs.get(t) == ZERO for t in traces):
                return _cases(branch, traces)
    return None


def _cases(branch: Branch, factors: Sequence[int]) -> list[Branch | None]:
    """One of the factors is the first that vanishes."""
    return [branch.also({f: ZERO, **{g: NON_ZERO for g in factors[:i]}}) for i, f in enumerate(factors)]


def _scaled(branch: Branch) -> list[Branch | None] | None:
    """One variable of a scaling symmetry at 1, −1 and 0."""
    ring = branch.ring
    best: tuple[tuple[bool, int], int] | None = None
    for weights in branch.weights():
        for v in weights:
            f = ring.number(ring.gens[v])
            burden = sum(ring.degree(g, v) for g in (*branch.signs, *(g for p in branch.products for g in p.factors)))
            known = len(branch.signs.get(f, (-1, 0, 1))) == 1
            if best is None or (known, burden) > best[0]:
                best = ((known, burden), v)
    if best is None:
        return None
    v = best[1]
    f = ring.number(ring.gens[v])
    allowed = branch.signs.get(f, frozenset({-1, 0, 1}))
    return [_substituted(branch, v, Ratio(ring.constant(s), ring.constant(1))) for s in sorted(allowed, reverse=True)]


def _substituted(branch: Branch | None, v: int, value: Ratio) -> Branch | None:
    if branch is None:
        return None
    try:
        return branch.substitute(v, value)
    except Contradiction:
        return None


def _linear(branch: Branch, equations: Sequence[int]) -> list[Branch | None] | None:
    """The cases of an equation a·x + b = 0: x = −b/a where a ≠ 0, and a = b = 0."""
    ring = branch.ring
    options = []
    for f in equations:
        for v in ring.support(f):
            if ring.degree(f, v) == 1:
                b, a = ring.coefficients(f, v)
                certain = branch.product_sign(a) != 0
                others = sum(ring.degree(g, v) for g in (*branch.signs, *(g for p in branch.products for g in p.factors)) if g != f)
                options.append(((not certain, len(a), len(b) * (1 + others)), f, v))
    if not options:
        return None
    _, f, v = min(options)
    b, a = ring.coefficients(f, v)
    factors = [g for g, _ in ring.factor(a)[1]]
    solved = _substituted(branch.also({g: NON_ZERO for g in factors}), v, Ratio(-b, a))
    return [solved, *(_vanishing(branch.also({g: ZERO}), b) for g in factors)]


def _vanishing(branch: Branch | None, p: flint.fmpz_mpoly) -> Branch | None:
    """The branch with p = 0."""
    if branch is None:
        return None
    branch = branch.copy()
    try:
        branch.require(p, ZERO)
        branch.simplify()
    except Contradiction:
        return None
    return branch


def _boundaries(branch: Branch, equation: int | None) -> list[Branch | None]:
    """Where a point may satisfy the branch although none of the open cells (or sections) does: on zeros of closed conditions.

    Near a point at which the closed polynomial conditions fᵢ ≥ 0 in a set S are active (fᵢ = 0) and
    no other closed condition is, there are points with all fᵢ > 0 (on the equation's hypersurface, if
    there is one), unless the gradients of S (and of the equation) are linearly dependent there
    (Gordan's theorem).  For S = ∅ these are the singular points of the equation.
    """
    smooth: list[int] = []
    other: dict[int, None] = {}
    for p in branch.conditions():
        if 0 not in p.allowed or p.factors == {equation}:
            continue
        if len(p.factors) == 1 and p.allowed != ZERO and branch.free(p.factors) and len(smooth) < _SMOOTH:
            smooth.extend(p.factors)
            continue
        for f in sorted(p.factors):
            traces = branch.traces(f)
            full = branch.degenerate(f) or (equation in traces and traces != {f})
            other.update(dict.fromkeys(sorted(branch.traces(f, True) if full else traces)))
    rough = [f for f in other if f != equation and branch.signs.get(f) != NON_ZERO]
    apart = branch.also(dict.fromkeys(rough, NON_ZERO))
    pieces = _cases(branch, rough)
    if apart is not None:
        fixed = [] if equation is None else [equation]
        for k in range(0 if fixed else 1, len(smooth) + 1):
            pieces += [_dependent(apart, [*fixed, *active]) for active in combinations(smooth, k)]
    return pieces


_SMOOTH = 6
"""More closed conditions than this are treated one by one: the subsets would be too many."""


def _dependent(branch: Branch, active: Sequence[int]) -> Branch | None:
    """The zeros of some factors at which their gradients are linearly dependent."""
    ring = branch.ring
    piece = branch.also(dict.fromkeys(active, ZERO))
    variables = sorted({v for f in active for v in ring.support(f)})
    if piece is None or len(active) > len(variables):
        return piece
    gradients = [[ring.polynomial(f).derivative(v) for v in variables] for f in active]
    for columns in combinations(range(len(variables)), len(active)):
        piece = _vanishing(piece, _determinant([[row[c] for c in columns] for row in gradients]))
    return piece


def _determinant(rows: list[list[flint.fmpz_mpoly]]) -> flint.fmpz_mpoly:
    if len(rows) == 1:
        return rows[0][0]
    minors = (_determinant([[*row[:k], *row[k + 1 :]] for row in rows[1:]]) * rows[0][k] * (-1) ** k for k in range(len(rows)))
    return reduce(add, minors)


def _complete(branch: Branch, found: dict[int, Value] | None) -> dict[int, Value] | None:
    """The point with the values of the variables that were solved for; the branch's conditions are checked again."""
    if found is None:
        return None
    for v, value in reversed(branch.solved):
        if v >= branch.ring.variables:
            continue
        values = {**{u: fmpq(0) for u in range(branch.ring.variables)}, **found}
        point = Point(Branch(branch.ring, {}), values)
        (top, bottom) = (point.value(p)[0][frozenset()] for p in (value.numerator, value.denominator))
        found = {**found, v: top / bottom}
    return found


def _expression(value: Value) -> sp.Expr:
    """An exact coordinate as a SymPy number."""
    if isinstance(value, Number):
        coefficients, index = minimal_polynomial(value)
        x = sp.Dummy()
        return sp.rootof(sp.Poly([sp.Integer(int(c)) for c in reversed(coefficients)], x), index)
    return sp.Rational(int(value.p), int(value.q))


__all__ = ["NAME", "Product", "search", "settle"]
