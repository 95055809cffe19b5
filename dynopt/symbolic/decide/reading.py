"""From SymPy to the exact decider: disjunctions of conjunctions of signs of polynomials in variables and radicals.

This walk is independent of the SMT encoding on purpose: a mistake in one of them shows as a disagreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp
from flint import fmpz_mpoly
from flint.utils.flint_exceptions import DomainError
from sympy.logic.boolalg import BooleanFunction

from dynopt.errors import Misuse
from dynopt.symbolic.decide.factors import Deadline, Ratio, Ring, TooLarge


@dataclass(frozen=True)
class Root:
    """√radicand."""

    radicand: Ratio


@dataclass(frozen=True)
class Largest:
    """The largest of several quotients (|e| is the largest of e and −e, min of a, b the negative of the largest of −a, −b)."""

    options: tuple[Ratio, ...]


Auxiliary = Root | Largest


@dataclass(frozen=True)
class Sign:
    """A quotient whose sign is one of ``allowed`` (a subset of {−1, 0, 1})."""

    ratio: Ratio
    allowed: frozenset[int]


POSITIVE, NEGATIVE = frozenset({1}), frozenset({-1})
NON_NEGATIVE, NON_POSITIVE = frozenset({0, 1}), frozenset({0, -1})
ZERO, NON_ZERO = frozenset({0}), frozenset({-1, 1})
_ALLOWED = {sp.Gt: POSITIVE, sp.Ge: NON_NEGATIVE, sp.Lt: NEGATIVE, sp.Le: NON_POSITIVE, sp.Eq: ZERO, sp.Ne: NON_ZERO}
_ALL = frozenset({-1, 0, 1})
_LIMIT = 4000


class Reading:
    """A statement's search for a counterexample: the ring, the auxiliary quantities and the conjunctions to try."""

    def __init__(self, given: Sequence[Any], then: Any, deadline: Deadline) -> None:
        symbols = sorted({s for e in (*given, then) for s in sp.sympify(e).free_symbols}, key=str)
        self.index: dict[Any, int] = {}
        for s in symbols:
            key = _identity(s)
            if key not in self.index:
                self.index[key] = len(self.index)
        self.symbols = {s: self.index[_identity(s)] for s in symbols}
        places = {node for e in (*given, then) for node in sp.preorder_traversal(sp.sympify(e)) if _auxiliary_count(node)}
        numbers = {node for e in (*given, then) for node in sp.preorder_traversal(sp.sympify(e)) if _is_algebraic(node)}
        self._algebraic = {node: len(self.index) + i for i, node in enumerate(sorted(numbers, key=str))}
        self.ring = Ring(len(self.index) + len(numbers), sum(map(_auxiliary_count, places)), deadline)
        self.auxiliary: dict[int, Auxiliary] = {}
        self._known: dict[Any, tuple[Ratio, tuple[Sign, ...]]] = {}
        self._one = self.ring.constant(1)
        pieces = [self._clauses(g, False) for g in given] + [self._clauses(then, True)]
        pieces += [[tuple(self._definition(node))] for node in self._algebraic]
        self.conjunctions = [tuple(s for part in choice for s in part) for choice in _limited(pieces)]

    def _clauses(self, e: Any, negate: bool) -> list[tuple[Sign, ...]]:
        """The conjunctions of which the (negated) statement is the disjunction."""
        if isinstance(e, (bool, sp.logic.boolalg.BooleanAtom)):
            return [()] if bool(e) != negate else []
        if isinstance(e, sp.Rel):
            allowed = _ALLOWED.get(type(e))
            if allowed is None:
                raise Misuse(f"{e} is not one of the comparisons >, >=, <, <=, Eq, Ne")
            return self._comparison(e.lhs, e.rhs, _ALL - allowed if negate else allowed)
        if not isinstance(e, BooleanFunction):
            raise Misuse(f"{e} is not a comparison or a Boolean combination of comparisons")
        return self._combined(e, negate)

    def _combined(self, e: Any, negate: bool) -> list[tuple[Sign, ...]]:
        kind, args = type(e).__name__, e.args
        if kind == "Not":
            return self._clauses(args[0], not negate)
        if kind in ("And", "Or"):
            parts = [self._clauses(a, negate) for a in args]
            if (kind == "And") != negate:
                return [tuple(s for part in choice for s in part) for choice in _limited(parts)]
            return [clause for part in parts for clause in part]
        if kind == "Implies":
            return self._clauses(sp.Or(sp.Not(args[0], evaluate=False), args[1], evaluate=False), negate)
        if kind == "Equivalent":
            patterns = [p for p in product((False, True), repeat=len(args)) if (len(set(p)) == 1) != negate]
        elif kind == "Xor":
            patterns = [p for p in product((False, True), repeat=len(args)) if (sum(p) % 2 == 1) != negate]
        elif kind == "ITE":
            condition, yes, no = args
            patterns = []
            both = [[self._clauses(condition, False), self._clauses(yes, negate)], [self._clauses(condition, True), self._clauses(no, negate)]]
            return [tuple(s for part in choice for s in part) for pair in both for choice in _limited(pair)]
        else:
            raise Misuse(f"{e} is not a Boolean combination that can be decided; use And, Or, Not, Implies, Equivalent")
        result = []
        for pattern in patterns:
            pieces = [self._clauses(a, not value) for a, value in zip(args, pattern, strict=True)]
            result += [tuple(s for part in choice for s in part) for choice in _limited(pieces)]
        return result

    def _comparison(self, lhs: Any, rhs: Any, allowed: frozenset[int]) -> list[tuple[Sign, ...]]:
        left, needs = self._ratio(lhs)
        right, more = self._ratio(rhs)
        return [(*needs, *more, Sign(left - right, allowed))]

    def _ratio(self, e: Any) -> tuple[Ratio, tuple[Sign, ...]]:
        """The quotient that an expression is, and the signs on which its existence depends."""
        if e not in self._known:
            self._known[e] = self._read(e)
        return self._known[e]

    def _read(self, e: Any) -> tuple[Ratio, tuple[Sign, ...]]:
        ring = self.ring
        if e in self.symbols:
            return Ratio(ring.gens[self.symbols[e]], self._one), ()
        if e in self._algebraic:
            return Ratio(ring.gens[self._algebraic[e]], self._one), ()
        if isinstance(e, sp.Rational) and e.is_finite:
            return Ratio(ring.constant(int(e.p)), ring.constant(int(e.q))), ()
        if isinstance(e, sp.Pow) and isinstance(e.exp, sp.Rational):
            return self._power(e)
        if isinstance(e, (sp.Add, sp.Mul)):
            values = [self._ratio(a) for a in e.args]
            total = values[0][0]
            for value, _ in values[1:]:
                total = total + value if isinstance(e, sp.Add) else total * value
            return self._reduced(total), tuple(dict.fromkeys(n for _, needs in values for n in needs))
        if isinstance(e, (sp.Abs, sp.Max, sp.Min)):
            values = [self._ratio(a) for a in e.args]
            needs = tuple(dict.fromkeys(n for _, ns in values for n in ns))
            options = tuple(-v if isinstance(e, sp.Min) else v for v, _ in values)
            largest = self._add(Largest(options if not isinstance(e, sp.Abs) else (options[0], -options[0])))
            return (-largest if isinstance(e, sp.Min) else largest), needs
        if e.is_number and e.is_Float:
            raise Misuse(f"{e} is a floating-point number; a proof needs the exact value: write Rational('{e}')")
        raise Misuse(f"{e} cannot be decided: only rational numbers, + - * /, square roots, Abs, Min and Max are")

    def _power(self, e: sp.Pow) -> tuple[Ratio, tuple[Sign, ...]]:
        value, needs = self._ratio(e.base)
        p, q = int(e.exp.p), int(e.exp.q)
        if bin(q).count("1") != 1:
            raise Misuse(f"{e} cannot be decided: only square roots (and roots of roots) are")
        for _ in range(q.bit_length() - 1):
            needs = (*needs, Sign(value, NON_NEGATIVE))
            value = self._root(value)
        if p < 0:
            needs = (*needs, Sign(Ratio(value.numerator, self._one), NON_ZERO))
            if value.numerator.is_zero():
                return Ratio(self.ring.constant(0), self._one), needs
            value = value.inverse()
        total = value
        for _ in range(abs(p) - 1):
            total = self._reduced(total * value)
        return total, needs

    def _root(self, radicand: Ratio) -> Ratio:
        return self._add(square_root(radicand))

    def _add(self, quantity: Auxiliary) -> Ratio:
        for i, known in self.auxiliary.items():
            if same(known, quantity):
                return Ratio(self.ring.gens[i], self._one)
        i = self.ring.variables + len(self.auxiliary)
        self.auxiliary[i] = quantity
        return Ratio(self.ring.gens[i], self._one)

    def _reduced(self, value: Ratio) -> Ratio:
        """√D² replaced by D where D is a polynomial."""
        numerator, denominator = value.numerator, value.denominator
        for i, quantity in reversed(self.auxiliary.items()):
            if isinstance(quantity, Root) and quantity.radicand.denominator.is_one():
                numerator = folded(self.ring, numerator, i, quantity.radicand.numerator)
                denominator = folded(self.ring, denominator, i, quantity.radicand.numerator)
        return Ratio(numerator, denominator)

    def _definition(self, node: Any) -> list[Sign]:
        """A real algebraic number as a variable: its polynomial vanishes in an isolating interval."""
        x = Ratio(self.ring.gens[self._algebraic[node]], self._one)
        total = Ratio(self.ring.constant(0), self._one)
        for c in node.poly.all_coeffs():
            total = total * x + self._ratio(c)[0]
        (low, high), _ = node.poly.intervals()[node.index]
        ends = [self._ratio(v)[0] for v in (low, high)]
        return [Sign(total, ZERO), Sign(x - ends[0], NON_NEGATIVE), Sign(x - ends[1], NON_POSITIVE)]


def _identity(symbol: sp.Symbol) -> Any:
    return symbol if isinstance(symbol, sp.Dummy) else symbol.name


def _auxiliary_count(node: Any) -> int:
    if isinstance(node, (sp.Abs, sp.Max, sp.Min)):
        return 1
    if isinstance(node, sp.Pow) and isinstance(node.exp, sp.Rational):
        return int(node.exp.q).bit_length() - 1
    return 0


def _is_algebraic(node: Any) -> bool:
    return isinstance(node, sp.CRootOf) and bool(node.is_real)


def _limited(parts: list[list[tuple[Sign, ...]]]) -> Any:
    size = 1
    for part in parts:
        size *= len(part)
    if size > _LIMIT:
        raise TooLarge(f"{size} cases")
    return product(*parts)


def square_root(radicand: Ratio) -> Auxiliary:
    """√(N/M), or |S/M| if N·M = S² is a square."""
    product_ = radicand.numerator * radicand.denominator
    try:
        s = product_.sqrt()
    except DomainError:
        return Root(radicand)
    value = Ratio(s, radicand.denominator)
    return Largest((value, -value))


def same(a: Auxiliary, b: Auxiliary) -> bool:
    def parts(q: Auxiliary) -> list[Ratio]:
        return [q.radicand] if isinstance(q, Root) else list(q.options)

    one, two = parts(a), parts(b)
    return (
        type(a) is type(b)
        and len(one) == len(two)
        and all(x.numerator * y.denominator == y.numerator * x.denominator for x, y in zip(one, two, strict=True))
    )


def folded(ring: Ring, p: fmpz_mpoly, i: int, square: fmpz_mpoly) -> fmpz_mpoly:
    """p with gen(i)² replaced by a polynomial."""
    if p.degrees()[i] < 2:
        return p
    even, odd = ring.constant(0), ring.constant(0)
    from dynopt.symbolic.decide.factors import split

    for c in reversed(split(ring.context, p, i)[::2]):
        even = even * square + c
    for c in reversed(split(ring.context, p, i)[1::2]):
        odd = odd * square + c
    return even + odd * ring.gens[i]
