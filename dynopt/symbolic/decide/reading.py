"""From SymPy to the exact decider: disjunctions of conjunctions of signs of polynomials in variables and radicals.

This walk is independent of the SMT encoding on purpose: a mistake in one of them shows as a disagreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from dynopt.errors import Misuse
from dynopt.symbolic.decide.factors import Ratio, Ring
from dynopt.symbolic.decide.radicals import Auxiliary, Largest, Radicals, same, square_root
from dynopt.symbolic.decide.signs import ANY, NEGATIVE, NON_NEGATIVE, NON_POSITIVE, NON_ZERO, POSITIVE, ZERO, Signs
from dynopt.symbolic.limits import TooLarge, check


@dataclass(frozen=True, eq=False)
class Condition:
    """A quotient whose sign is one of ``allowed``."""

    ratio: Ratio
    allowed: Signs


Conjunction = tuple[Condition, ...]

_ALLOWED = {sp.Gt: POSITIVE, sp.Ge: NON_NEGATIVE, sp.Lt: NEGATIVE, sp.Le: NON_POSITIVE, sp.Eq: ZERO, sp.Ne: NON_ZERO}
_MOST = 4000
"""More cases than this are not searched."""


class Reading:
    """The search for a counterexample of given ⇒ then: the ring, the auxiliary generators, the conjunctions to try.

    A comparison is accompanied by the conditions under which its expressions exist (radicands ≥ 0,
    denominators ≠ 0), and so is its negation.
    """

    def __init__(self, given: Sequence[Any], then: Any) -> None:
        statements = [sp.sympify(e) for e in (*given, then)]
        symbols = sorted({s for e in statements for s in e.free_symbols}, key=str)
        nodes = {node for e in statements for node in sp.preorder_traversal(e)}
        names = list(dict.fromkeys(_identity(s) for s in symbols))
        numbers = sorted((n for n in nodes if isinstance(n, sp.CRootOf) and n.is_real), key=str)
        self.symbols = {s: names.index(_identity(s)) for s in symbols}
        self._generators: dict[Any, int] = {**self.symbols, **{n: len(names) + i for i, n in enumerate(numbers)}}
        self.ring = Ring(len(names) + len(numbers), sum(map(_auxiliary_count, nodes)))
        self.auxiliary: dict[int, Auxiliary] = {}
        self._known: dict[Any, tuple[Ratio, Conjunction]] = {}
        self._compared: dict[Any, list[Conjunction]] = {}
        self._one = self.ring.constant(1)
        pieces = [self._clauses(e, False) for e in statements[:-1]] + [self._clauses(statements[-1], True)]
        self.conjunctions = sorted(_absorbed(_all_of([*pieces, *([self._definition(n)] for n in numbers)])), key=_effort)

    def _clauses(self, e: Any, negate: bool) -> list[Conjunction]:
        """The conjunctions of which the (negated) statement is the disjunction."""
        check()
        if isinstance(e, BooleanAtom):
            return [()] if bool(e) != negate else []
        if isinstance(e, sp.Rel) and type(e) in _ALLOWED:
            return self._comparison(e.lhs, e.rhs, ANY - _ALLOWED[type(e)] if negate else _ALLOWED[type(e)])
        if not isinstance(e, BooleanFunction):
            raise Misuse(f"{e} is not a comparison or a Boolean combination of comparisons")
        return self._combination(type(e).__name__, e.args, negate)

    def _combination(self, kind: str, args: Sequence[Any], negate: bool) -> list[Conjunction]:
        if kind == "Not":
            return self._clauses(args[0], not negate)
        if kind in ("And", "Or"):
            parts = [self._clauses(a, negate) for a in args]
            return _all_of(parts) if (kind == "And") != negate else [clause for part in parts for clause in part]
        if kind == "Implies":
            premise, conclusion = self._clauses(args[0], not negate), self._clauses(args[1], negate)
            return _all_of([premise, conclusion]) if negate else premise + conclusion
        if kind == "ITE":
            condition, yes, no = args
            return [
                clause
                for holds, branch in ((True, yes), (False, no))
                for clause in _all_of([self._clauses(condition, not holds), self._clauses(branch, negate)])
            ]
        if 2 ** len(args) > _MOST:
            raise TooLarge(f"{2 ** len(args)} cases")
        patterns = list(product((True, False), repeat=len(args)))
        if kind == "Equivalent":
            patterns = [p for p in patterns if (len(set(p)) == 1) != negate]
        elif kind == "Xor":
            patterns = [p for p in patterns if (sum(p) % 2 == 1) != negate]
        else:
            raise Misuse(f"{kind} cannot be decided; use And, Or, Not, Implies, Equivalent")
        return [
            clause
            for pattern in patterns
            for clause in _all_of([self._clauses(a, not value) for a, value in zip(args, pattern, strict=True)])
        ]

    def _comparison(self, lhs: Any, rhs: Any, allowed: Signs) -> list[Conjunction]:
        key = (lhs, rhs, allowed)
        if key not in self._compared:
            left, needs = self._ratio(lhs)
            right, more = self._ratio(rhs)
            self._compared[key] = [(*needs, *more, Condition(left - right, allowed))]
        return self._compared[key]

    def _ratio(self, e: Any) -> tuple[Ratio, Conjunction]:
        """The quotient that an expression is, and the conditions for its existence."""
        if e not in self._known:
            self._known[e] = self._read(e)
        return self._known[e]

    def _read(self, e: Any) -> tuple[Ratio, Conjunction]:
        if e in self._generators:
            return self._generator(self._generators[e]), ()
        if isinstance(e, sp.Rational) and e.is_finite:
            return Ratio(self.ring.constant(int(e.p)), self.ring.constant(int(e.q))), ()
        if isinstance(e, sp.Pow) and isinstance(e.exp, sp.Rational):
            return self._power(e)
        if isinstance(e, (sp.Add, sp.Mul, sp.Abs, sp.Max, sp.Min)):
            values = [self._ratio(a) for a in e.args]
            needs = tuple(dict.fromkeys(n for _, ns in values for n in ns))
            return self._operation(e, [v for v, _ in values]), needs
        if e.is_Float:
            raise Misuse(f"{e} is a floating-point number; a proof needs the exact value: write Rational('{e}')")
        raise Misuse(f"{e} cannot be decided: only rational numbers, + - * /, square roots, Abs, Min and Max are")

    def _operation(self, e: Any, values: list[Ratio]) -> Ratio:
        if isinstance(e, sp.Abs):
            return self._add(Largest((values[0], -values[0])))
        if isinstance(e, sp.Max):
            return self._add(Largest(tuple(values)))
        if isinstance(e, sp.Min):
            return -self._add(Largest(tuple(-v for v in values)))
        total = values[0]
        for value in values[1:]:
            total = total + value if isinstance(e, sp.Add) else total * value
        return self._reduced(total)

    def _power(self, e: sp.Pow) -> tuple[Ratio, Conjunction]:
        value, needs = self._ratio(e.base)
        p, q = int(e.exp.p), int(e.exp.q)
        if q & (q - 1):
            raise Misuse(f"{e} cannot be decided: only square roots (and roots of roots) are")
        for _ in range(q.bit_length() - 1):
            needs = (*needs, Condition(value, NON_NEGATIVE))
            value = self._add(square_root(value))
        if p < 0:
            needs = (*needs, Condition(Ratio(value.numerator, self._one), NON_ZERO))
            if value.numerator.is_zero():
                return value, needs
            value = value.inverse()
        total = value
        for _ in range(abs(p) - 1):
            check()
            total = self._reduced(total * value)
        return total, needs

    def _add(self, quantity: Auxiliary) -> Ratio:
        """The generator of an auxiliary quantity; equal ones share it."""
        for i, known in self.auxiliary.items():
            if same(known, quantity):
                return self._generator(i)
        i = self.ring.variables + len(self.auxiliary)
        self.auxiliary[i] = quantity
        return self._generator(i)

    def _generator(self, i: int) -> Ratio:
        return Ratio(self.ring.gens[i], self._one)

    def _reduced(self, value: Ratio) -> Ratio:
        radicals = Radicals(self.ring, self.auxiliary)
        return Ratio(radicals.reduced(value.numerator), radicals.reduced(value.denominator))

    def _definition(self, number: sp.CRootOf) -> Conjunction:
        """A real algebraic number as a variable: its polynomial vanishes in an isolating interval."""
        x = self._generator(self._generators[number])
        total = self._ratio(sp.Integer(0))[0]
        for c in number.poly.all_coeffs():
            total = total * x + self._ratio(c)[0]
        (low, high), _ = number.poly.intervals()[number.index]
        below, above = x - self._ratio(low)[0], x - self._ratio(high)[0]
        return Condition(total, ZERO), Condition(below, NON_NEGATIVE), Condition(above, NON_POSITIVE)


def _identity(symbol: sp.Symbol) -> Any:
    """Symbols of one name are one variable, whatever their assumptions."""
    return symbol if isinstance(symbol, sp.Dummy) else symbol.name


def _auxiliary_count(node: Any) -> int:
    if isinstance(node, (sp.Abs, sp.Max, sp.Min)):
        return 1
    return int(node.exp.q).bit_length() - 1 if isinstance(node, sp.Pow) and isinstance(node.exp, sp.Rational) else 0


def _all_of(parts: list[list[Conjunction]]) -> list[Conjunction]:
    """The disjunction of all ways to take one conjunction of each part."""
    size = 1
    for part in parts:
        size *= len(part)
    if size > _MOST:
        raise TooLarge(f"{size} cases")
    return [tuple(dict.fromkeys(c for part in choice for c in part)) for choice in product(*parts)]


def _absorbed(conjunctions: list[Conjunction]) -> list[Conjunction]:
    """Without those that contain all conditions of another."""
    kept: list[tuple[frozenset[Condition], Conjunction]] = []
    for c in sorted(conjunctions, key=len):
        check()
        conditions = frozenset(c)
        if not any(smaller <= conditions for smaller, _ in kept):
            kept.append((conditions, c))
    return [c for _, c in kept]


def _effort(conjunction: Conjunction) -> int:
    """How far the equations are from being solved: a point is found first where they are linear in some variable."""
    equations = [c.ratio.numerator for c in conjunction if c.allowed == ZERO]
    return sum(min((int(d) for d in p.degrees() if d), default=0) for p in equations)
