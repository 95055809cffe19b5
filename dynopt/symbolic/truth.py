"""The theorem table against exact truth at rational points, on both sides of every piece of every boundary.

A piece is a relation of the condition.  Along random rational lines its zeros are separated exactly;
the points are the zero itself, where it is rational, and steps of ±1e-12 … ±1e-3 off it.  The
property's own boundary is sought as well, by bisection of its truth alone, so that a piece that the
condition lacks is met too.  The condition is evaluated in exact arithmetic, the property decided by
`dynopt.symbolic.schur` for all λ of the interval; a point where they differ is a failure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp
from flint import fmpq, fmpq_poly

from dynopt.core.parameter import Domain
from dynopt.core.result import Result
from dynopt.errors import Misuse
from dynopt.symbolic.sampling import OFFSETS, draw
from dynopt.symbolic.schur import modes, rational
from dynopt.symbolic.sturm import separated, squarefree
from dynopt.symbolic.theorems import Theorem

Point = dict[str, Fraction]
INTERIOR, OWN = "random points", "the property's own boundary"


@dataclass
class Tally(Result):
    """What was seen at one piece of a boundary.

    Attributes
    ----------
    method, aspect, piece : the statement, and the relation (or `INTERIOR`, `OWN`).
    boundary : boundary points visited, ``exact`` of them rational and tested themselves.
    changes : boundary points with different verdicts on their two sides.
    points, agreements, true, undecided : points tested; where condition and truth agree; where the property holds;
        where the exact test stays open.
    failures : the first points where condition and truth differ.
    """

    method: str
    aspect: str
    piece: str
    boundary: int = 0
    exact: int = 0
    changes: int = 0
    points: int = 0
    agreements: int = 0
    true: int = 0
    undecided: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)

    def add(self, point: Point, claimed: bool, truth: bool | None) -> None:
        self.points += 1
        self.undecided += truth is None
        self.agreements += claimed is truth
        self.true += truth is True
        if truth is not None and claimed is not truth and len(self.failures) < 5:
            self.failures.append({"point": {k: str(v) for k, v in point.items()}, "condition": claimed, "truth": truth})


class Statement:
    """A theorem that can be asked at rational points: is the point admissible, does the condition hold, is the property true."""

    def __init__(self, theorem: Theorem) -> None:
        self.theorem = theorem
        known = set().union(*(f.free_symbols for f in (*theorem.facts, theorem.condition)))
        self.domains = {p.name: p.domain for p in theorem.method.numbers() if p.domain and sp.Symbol(p.name, real=True) in known}
        self.ends = [n for n in ("mu", "L") if sp.Symbol(n, real=True) in known]
        self.names = [*self.domains, *self.ends]
        self.rest = {p.name: Fraction(p.default) for p in theorem.method.numbers() if p.name not in self.domains}
        relations = sorted(theorem.condition.atoms(sp.core.relational.Relational), key=str)
        self.pieces = {str(a): self._compiled(a) for a in relations}
        self.affine = {str(a): [n for n in self.names if sp.degree(a.lhs, sp.Symbol(n, real=True)) == 1] for a in relations}
        self._condition = self._tree(theorem.condition)
        self._facts = [self._tree(f) for f in theorem.facts]

    def _compiled(self, relation: Any) -> Callable[..., Any]:
        """The left side as a function of rationals or of polynomials; a positive factor clears its denominators."""
        symbols = [sp.Symbol(n, real=True) for n in self.names]
        left = sp.Poly(relation.lhs - relation.rhs, *symbols, domain="QQ").clear_denoms()[1].as_expr()
        function: Callable[..., Any] = sp.lambdify(symbols, left, modules=[], cse=True)
        return function

    def _tree(self, e: Any) -> Callable[[list[fmpq]], bool]:
        if isinstance(e, (sp.And, sp.Or)):
            parts, joined = [self._tree(a) for a in e.args], all if isinstance(e, sp.And) else any
            return lambda values: joined(part(values) for part in parts)
        if e in (sp.true, sp.false):
            return lambda values: bool(e)
        left, relation = self._compiled(e), _RELATIONS[type(e)]
        return lambda values: relation(left(*values))

    def admissible(self, point: Mapping[str, Fraction]) -> bool:
        """Whether the hypotheses hold."""
        values = [rational(point[n]) for n in self.names]
        return all(fact(values) for fact in self._facts)

    def claimed(self, point: Mapping[str, Fraction]) -> bool:
        """Whether the condition holds, in exact arithmetic."""
        return self._condition([rational(point[n]) for n in self.names])

    def truth(self, point: Mapping[str, Fraction]) -> bool | None:
        """Whether the property holds for all λ, exactly.  `Misuse` where the method is not defined."""
        found = modes(self.theorem.method(**self.rest, **{n: point[n] for n in self.domains}))
        if self.theorem.aspect == "repelling":
            return found.repels()
        low = -point["L"] if self.theorem.aspect == "diffeomorphism" else point["mu"]
        return found.holds_on(self.theorem.aspect, low, point["L"])

    def random_point(self, rng: random.Random) -> Point:
        """A random rational point that satisfies the hypotheses (unless they refuse fifty in a row)."""
        for _ in range(50):
            point = self._any_point(rng)
            if self.admissible(point):
                break
        return point

    def _any_point(self, rng: random.Random) -> Point:
        point = {name: draw(domain, rng) for name, domain in self.domains.items()}
        if self.ends:
            point["L"] = draw(_POSITIVE, rng)
        if "mu" in self.ends:
            point["mu"] = point["L"] * (1 if rng.random() < 0.08 else draw(_SHARE, rng))
        return point

    @cached_property
    def steps(self) -> dict[str, tuple[Fraction, Fraction]]:
        """For each coordinate the range that a line parallel to its axis covers."""
        reach = {n: (Fraction(d.lower), Fraction(min(64, d.upper))) for n, d in self.domains.items()}
        return reach | {n: (Fraction(0), Fraction(64)) for n in self.ends}


_POSITIVE, _SHARE = Domain.parse("(0, oo)"), Domain.parse("(0, 1)")
_RELATIONS: dict[Any, Callable[[Any], bool]] = {
    sp.StrictGreaterThan: lambda v: bool(v > 0),
    sp.GreaterThan: lambda v: bool(v >= 0),
    sp.StrictLessThan: lambda v: bool(v < 0),
    sp.LessThan: lambda v: bool(v <= 0),
    sp.Ne: lambda v: bool(v != 0),
}


@dataclass(frozen=True)
class Line:
    """Points origin + s·direction for s in (low, high)."""

    origin: Point
    direction: Point
    low: Fraction
    high: Fraction

    def at(self, s: Fraction) -> Point:
        return {n: v + s * self.direction[n] if n in self.direction else v for n, v in self.origin.items()}

    def polynomials(self, names: list[str]) -> list[fmpq_poly]:
        zero = Fraction(0)
        return [fmpq_poly([rational(self.origin[n]), rational(self.direction.get(n, zero))]) for n in names]


def check_theorem(theorem: Theorem, rng: random.Random, points: int) -> list[Tally]:
    """Compare the condition with the truth at about ``points`` rational points; one tally a piece.

    Four fifths of them lie at boundaries of pieces, shared equally; the others are random or lie at the property's own
    boundary.  A condition that always holds gets a fifth of the points, at random.
    """
    statement = Statement(theorem)
    names = theorem.method.name, theorem.aspect
    tallies = []
    share = 4 * points // (5 * len(statement.pieces)) if statement.pieces else 0
    for piece in statement.pieces:
        tally = Tally(*names, piece)
        affine = statement.affine[piece]
        for _ in range(8 * share):
            if tally.points >= share:
                break
            line = _line(statement, rng, affine)
            for s, exact in _zeros(statement, piece, line):
                _step_off(statement, tally, line, s, exact)
        tallies.append(tally)
    if statement.pieces:
        own = Tally(*names, OWN)
        for _ in range(max(1, points // 150)):
            found = _own_boundary(statement, rng)
            if found is not None:
                _step_off(statement, own, *found, False)
        tallies.append(own)
    interior = Tally(*names, INTERIOR)
    for _ in range(points - sum(t.points for t in tallies) if statement.pieces else points // 5):
        _test(statement, interior, statement.random_point(rng))
    return [*tallies, interior]


def _test(statement: Statement, tally: Tally, point: Point) -> bool | None:
    """The truth at the point, added to the tally; None outside the hypotheses or where the method is not defined."""
    if not statement.admissible(point):
        return None
    try:
        truth = statement.truth(point)
    except (Misuse, ZeroDivisionError):
        return None
    tally.add(point, statement.claimed(point), truth)
    return truth


def _step_off(statement: Statement, tally: Tally, line: Line, s: Fraction, exact: bool) -> None:
    size = s or Fraction(1)  # a relative step off zero would stay there
    sides: list[tuple[bool | None, bool | None]] = []
    for below, above in zip(OFFSETS[::2], OFFSETS[1::2], strict=True):
        sides.append((_test(statement, tally, line.at(s + size * below)), _test(statement, tally, line.at(s + size * above))))
    if exact:
        _test(statement, tally, line.at(s))
    tally.boundary += 1
    tally.exact += exact
    tally.changes += any(None not in pair and pair[0] != pair[1] for pair in sides)


def _line(statement: Statement, rng: random.Random, affine: list[str]) -> Line:
    """Parallel to an axis, half the time to one in which the piece is affine (its zero is rational), or between two random points."""
    point, kind = statement.random_point(rng), rng.random()
    if kind < 0.75:
        name = rng.choice(affine if affine and kind < 0.5 else statement.names)
        low, high = statement.steps[name]
        return Line(point | {name: Fraction(0)}, {name: Fraction(1)}, low, high)
    other = statement.random_point(rng)
    return Line(point, {n: other[n] - point[n] for n in point}, Fraction(0), Fraction(1))


def _zeros(statement: Statement, piece: str, line: Line, most: int = 3) -> Iterator[tuple[Fraction, bool]]:
    """Zeros of a piece on the line, and whether each is exact; others are enclosed to 24 digits."""
    restricted = statement.pieces[piece](*line.polynomials(statement.names))
    if not isinstance(restricted, fmpq_poly) or restricted.degree() < 1:
        return
    restricted = squarefree(restricted)  # where a piece touches zero, too
    low, high = rational(line.low), rational(line.high)
    ends = [(end, end) for end in (low, high) if restricted(end) == 0]
    for a, b in (ends + separated(restricted, low, high)[1])[:most]:
        rising = restricted(b) > restricted(a)
        while b - a > abs(a + b) / 10**24:
            middle = (a + b) / 2
            value = restricted(middle)
            if value == 0:
                a = b = middle
            elif (value > 0) == rising:
                b = middle
            else:
                a = middle
        near = _fraction((a + b) / 2)
        simple = near.limit_denominator(10**9)
        exact = restricted(rational(simple)) == 0
        yield (simple if exact else near), exact


def _own_boundary(statement: Statement, rng: random.Random) -> tuple[Line, Fraction] | None:
    """A line between a point where the property is true and one where it is not, and where its truth changes, to 15 digits."""
    ends: dict[bool, Point] = {}
    for _ in range(60):
        point = statement.random_point(rng)
        truth = _test(statement, Tally("", "", ""), point)
        if truth is not None:
            ends[truth] = point
        if len(ends) == 2:
            break
    else:
        return None
    line = Line(ends[True], {n: ends[False][n] - v for n, v in ends[True].items()}, Fraction(0), Fraction(1))
    low, high = Fraction(0), Fraction(1)
    for _ in range(50):
        middle = (low + high) / 2
        truth = _test(statement, Tally("", "", ""), line.at(middle))
        if truth is None:
            return None
        low, high = (middle, high) if truth else (low, middle)
    return line, high


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))
