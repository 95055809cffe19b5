"""The exact decider: signs of polynomials on cylinders, real-root isolation, algebraic numbers.

It shares no code with the SMT deciders.  The negated statement is a disjunction of conjunctions of
sign conditions.  For each conjunction:

1. signs that follow from signs are propagated; a scaling symmetry fixes one variable at ±1 (or 0);
2. an equation that is linear in a variable is solved for it, where its coefficient is not zero;
3. without equations, the open cells off the zeros of all polynomials are searched.  A point that
   satisfies the conjunction but has no such cell near it lies on zeros of conditions that may be
   zero (see `_boundaries`); each way to lie there is a conjunction with more equations;
4. with one equation f = 0 that is not linear, the sections of f over the open cells of the other
   variables are searched; what is missed lies on zeros as above or where f and all its partial
   derivatives vanish (f is irreducible, so ∂f/∂x cannot vanish on a piece of the hypersurface);
5. several equations, none of them linear, go to the complete decomposition of `all_cells`, unless
   enclosures of the common points (in two variables) show that each breaks some condition.

Every step covers all points, so an exhausted search is a proof.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import combinations
from operator import add
from typing import Any

import flint
import sympy as sp
from flint import fmpq, fmpz_mpoly

from dynopt.symbolic.decide.branch import Branch, Contradiction
from dynopt.symbolic.decide.cylinders import open_cells
from dynopt.symbolic.decide.decision import Answer
from dynopt.symbolic.decide.eliminants import times
from dynopt.symbolic.decide.enclosures import no_common_point
from dynopt.symbolic.decide.factors import Ratio
from dynopt.symbolic.decide.full_cells import all_cells
from dynopt.symbolic.decide.numberfield import Number, Value, minimal_polynomial
from dynopt.symbolic.decide.points import Point
from dynopt.symbolic.decide.radicals import Radicals
from dynopt.symbolic.decide.reading import Reading
from dynopt.symbolic.decide.scaling import scaled_variables
from dynopt.symbolic.decide.signs import NON_ZERO, ZERO
from dynopt.symbolic.decide.witness import real_roots
from dynopt.symbolic.limits import OutOfTime, TooLarge, check, within

NAME = "exact"
_SMOOTH = 6
"""More closed polynomial conditions than this are treated one by one: their subsets would be too many."""


def settle(given: Sequence[Any], then: Any, seconds: float) -> Answer:
    """Proves given ⇒ then, or finds an exact point that satisfies given and breaks then.

    >>> x = sp.Symbol("x")
    >>> settle([x > 1], x**2 > x, 5).answer, settle([x >= 0], x**2 > 0, 5).witness
    ('proved', {x: 0})
    """
    started = time.monotonic()

    def answer(verdict: str, note: str, witness: dict[sp.Symbol, sp.Expr] | None = None) -> Answer:
        return Answer(NAME, f"python-flint {flint.__version__}", verdict, time.monotonic() - started, witness, note)

    try:
        with within(seconds):
            reading = Reading(given, then)
            radicals = Radicals(reading.ring, reading.auxiliary)
            refusal = None
            for conjunction in reading.conjunctions:
                try:
                    found = search(Branch.of(radicals, conjunction))
                    if found is not None:
                        return answer("refuted", "", {s: _expression(found.get(i, fmpq(0))) for s, i in reading.symbols.items()})
                except Contradiction:
                    continue
                except TooLarge as reason:
                    refusal = reason
            if refusal is not None:
                raise refusal
    except OutOfTime:
        return answer("undecided", f"not finished in {seconds:g} s")
    except TooLarge as reason:
        return answer("undecided", f"too large: {reason}")
    cases = len(reading.conjunctions)
    return answer("proved", f"{cases} case{'s' * (cases != 1)}")


def search(branch: Branch) -> dict[int, Value] | None:
    """A point that satisfies the branch, or None if there is none."""
    check()
    for simpler in (_split, _resolved, _scaled, _linear):
        if (pieces := simpler(branch)) is not None:
            return _first(pieces)
    equations = _equations(branch)
    if len(equations) > 1:
        return None if no_common_point(branch, *equations[:2]) else _completed(branch, all_cells(branch))
    equation = equations[0] if equations else None
    if (found := open_cells(branch, equation)) is not None:
        return _completed(branch, found)
    return _first(_boundaries(branch, equation))


def _first(branches: Iterable[Branch | None]) -> dict[int, Value] | None:
    for branch in branches:
        if branch is not None and (found := search(branch)) is not None:
            return found
    return None


def _equations(branch: Branch) -> list[int]:
    return [f for f, allowed in branch.signs.items() if allowed == ZERO and branch.ring.free([f])]


def _split(branch: Branch) -> Iterable[Branch | None] | None:
    """Cases for an equation with several factors, and for one with radicals the zeros of its norm."""
    for p in branch.products:
        if p.allowed == ZERO:
            return _cases(branch, sorted(p.factors))
    for f, allowed in branch.signs.items():
        if allowed == ZERO and not branch.ring.free([f]) and not branch.radicals.degenerate(f):
            traces = sorted(branch.radicals.traces(f))
            if not any(branch.sign_of(t) == ZERO for t in traces):
                return _cases(branch, traces)
    return None


def _cases(branch: Branch, factors: Sequence[int]) -> list[Branch | None]:
    """One of the factors is the first that vanishes."""
    return [branch.also({f: ZERO, **dict.fromkeys(factors[:i], NON_ZERO)}) for i, f in enumerate(factors)]


def _resolved(branch: Branch) -> Iterable[Branch | None] | None:
    """An auxiliary generator is replaced by its value, where that is known."""
    known = branch.resolved()
    return None if known is None else [branch.substitute(*known)]


def _scaled(branch: Branch) -> Iterable[Branch | None] | None:
    """One variable of a scaling symmetry at 1, −1 and 0, as far as its sign is open."""
    ring = branch.ring
    if not (moved := scaled_variables(branch)):
        return None

    def benefit(v: int) -> tuple[bool, int]:
        return len(branch.sign_of(ring.generator(v))) == 1, sum(ring.degree(f, v) for f in branch.factors())

    v = max(sorted(moved), key=benefit)
    values = sorted(branch.sign_of(ring.generator(v)), reverse=True)
    return (branch.substitute(v, Ratio(ring.constant(s), ring.constant(1))) for s in values)


def _linear(branch: Branch) -> Iterable[Branch | None] | None:
    """The cases of an equation a·x + b = 0: x = −b/a where a ≠ 0, and a = b = 0."""
    ring = branch.ring
    options = []
    for f in _equations(branch):
        for v in ring.support(f):
            if ring.degree(f, v) == 1:
                b, a = ring.coefficients(f, v)
                occurrences = sum(ring.degree(g, v) for g in branch.factors())
                options.append((branch.polynomial_sign(a) == 0, len(a), len(b) * occurrences, f, v))
    if not options:
        return None
    *_, f, v = min(options)
    b, a = ring.coefficients(f, v)
    factors = [g for g, _ in ring.factor(a)[1]]
    solvable = branch.also(dict.fromkeys(factors, NON_ZERO))
    return [solvable and solvable.substitute(v, Ratio(-b, a)), *(branch.also({g: ZERO}, [b], implied=f) for g in factors)]


def _boundaries(branch: Branch, equation: int | None) -> Iterable[Branch | None]:
    """Where a point may satisfy the branch although none of the open cells (or sections) does: on zeros of closed conditions.

    Near a point at which the closed polynomial conditions fᵢ ≥ 0 in a set S are active (fᵢ = 0) and
    no other closed condition is, there are points with all fᵢ > 0 (on the equation's hypersurface, if
    there is one), unless the gradients of S (and of the equation) are linearly dependent there
    (Gordan's theorem).  For S = ∅ these are the singular points of the equation.
    """
    radicals = branch.radicals
    smooth: list[int] = []
    other: set[int] = set()
    for p in branch.conditions():
        if 0 not in p.allowed or p.factors == {equation}:
            continue
        if len(p.factors) == 1 and p.allowed != ZERO and branch.ring.free(p.factors) and len(smooth) < _SMOOTH:
            smooth.extend(p.factors)
            continue
        for f in p.factors:
            traces = radicals.traces(f)
            other |= radicals.traces(f, True) if radicals.degenerate(f) or (equation in traces and traces != {f}) else traces
    rough = sorted(f for f in other if f != equation and branch.sign_of(f) != NON_ZERO)
    yield from _cases(branch, rough)
    if (apart := branch.also(dict.fromkeys(rough, NON_ZERO))) is not None:
        fixed = [] if equation is None else [equation]
        for k in range(0 if fixed else 1, len(smooth) + 1):
            for active in combinations(smooth, k):
                yield _dependent(apart, [*fixed, *active])


def _dependent(branch: Branch, active: Sequence[int]) -> Branch | None:
    """The common zeros of some factors at which their gradients are linearly dependent."""
    ring = branch.ring
    variables = sorted({v for f in active for v in ring.support(f)})
    gradients = [[ring.polynomial(f).derivative(v) for v in variables] for f in active]
    choices = combinations(range(len(variables)), len(active))
    minors = [_determinant([[row[c] for c in columns] for row in gradients]) for columns in choices]
    return branch.also(dict.fromkeys(active, ZERO), minors)


def _determinant(rows: list[list[fmpz_mpoly]]) -> fmpz_mpoly:
    if len(rows) == 1:
        return rows[0][0]
    return reduce(add, (times(_determinant([[*r[:k], *r[k + 1 :]] for r in rows[1:]]), rows[0][k]) * (-1) ** k for k in range(len(rows))))


def _completed(branch: Branch, found: dict[int, Value] | None) -> dict[int, Value] | None:
    """The point with the values of the variables that were solved for."""
    if found is None:
        return None
    for v, value in reversed(branch.solved):
        if v < branch.ring.variables:
            point = Point(branch, {**dict.fromkeys(range(branch.ring.variables), fmpq(0)), **found})
            top, bottom = (point.value(p)[0][frozenset()] for p in (value.numerator, value.denominator))
            found = {**found, v: top / bottom}
    return found


def _expression(value: Value) -> sp.Expr:
    """An exact coordinate as a SymPy number."""
    if isinstance(value, Number):
        coefficients, index = minimal_polynomial(value)
        return real_roots(sp.Poly(list(reversed(coefficients)), sp.Dummy("x")))[index]
    return sp.Rational(int(value.p), int(value.q))
