"""Statements as quantifier-free polynomial formulas over the reals, in SMT-LIB 2.

The negation of ``given ⇒ then`` is brought to negation normal form.  √D becomes a variable r with
r ≥ 0, r² = D; denominators are multiplied out with their sign and asserted non-zero; |·|, min and
max are split into cases.  A comparison of an expression that does not exist counts neither as true
nor as false: it is guarded by its radicands ≥ 0 and denominators ≠ 0, and so is its negation.
Sign assumptions of SymPy symbols are not used; symbols of the same name are the same variable.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

import sympy as sp
from sympy.logic.boolalg import ITE, And, Equivalent, Implies, Not, Or, Xor

from dynopt.errors import Misuse
from dynopt.symbolic.decide.formula import FALSE, OPPOSITE, TRUE, Formula, all_of, any_of, atom, conjuncts, negation, text
from dynopt.symbolic.decide.terms import Fractional, Polynomial
from dynopt.symbolic.limits import OutOfTime, check, within

_RELATIONS = {sp.Gt: ">", sp.Ge: ">=", sp.Lt: "<", sp.Le: "<=", sp.Eq: "=", sp.Ne: "!="}
_RESERVED = {"lambda", "let", "par", "and", "or", "not", "ite", "exists", "forall", "abs", "div", "mod", "true", "false", "is", "xor"}

Guards = list[Formula]
"""What must hold for an expression to exist."""

Choice = dict[Any, Fractional]
"""The values of |·|, min and max in one case."""


@dataclass(frozen=True)
class Encoding:
    """The query as text (it ends in ``(check-sat)``) and the name of every free symbol in it.

    Where the statement could not be encoded in time, ``refusal`` says so and the text is a comment.
    """

    text: str
    names: dict[sp.Symbol, str]
    refusal: str = ""

    @property
    def query_hash(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def encode(given: Sequence[Any], then: Any, seconds: float = inf) -> Encoding:
    """The query that is unsatisfiable iff given ⇒ then holds wherever its expressions exist.

    >>> x = sp.Symbol("x")
    >>> print(encode([x >= 1], sp.sqrt(x) > 0).text)
    (set-logic QF_NRA)
    (declare-const x Real)
    (declare-const root1 Real)
    (assert (>= (+ x (- 1)) 0))
    (assert (>= x 0))
    (assert (<= root1 0))
    (assert (>= root1 0))
    (assert (= (+ (* root1 root1) (* (- 1) x)) 0))
    (check-sat)
    <BLANKLINE>
    """
    writer = _Writer()
    for symbol in sorted({s for e in (*given, then) for s in sp.sympify(e).free_symbols}, key=str):
        writer.declare(symbol)
    try:
        with within(seconds):
            return Encoding(_query(writer, given, then), writer.names)
    except OutOfTime:
        return Encoding(
            f"; not encoded: {sp.srepr(tuple(given))} implies {sp.srepr(then)}\n", writer.names, f"not encoded in {seconds:g} s"
        )


def _query(writer: _Writer, given: Sequence[Any], then: Any) -> str:
    parts = conjuncts(all_of([*(writer.formula(e, False) for e in given), writer.formula(then, True)]))
    asserted = set(parts)
    for guards, definition in writer.definitions:
        unmet = [g for g in guards if g not in asserted]
        parts += conjuncts(any_of([*map(negation, unmet), definition]))
    variables = [*sorted(set(writer.names.values())), *writer.auxiliary]
    lines = ["(set-logic QF_NRA)", *(f"(declare-const {v} Real)" for v in variables), *(f"(assert {text(p)})" for p in parts)]
    return "\n".join([*lines, "(check-sat)", ""])


def smtlib(given: Sequence[Any], then: Any) -> str:
    """The SMT-LIB 2 text whose satisfiability refutes ``given ⇒ then``."""
    return encode(given, then).text


class _Writer:
    """Collects variables and definitions while statements are rewritten."""

    def __init__(self) -> None:
        self.names: dict[sp.Symbol, str] = {}
        self.auxiliary: list[str] = []
        self.definitions: list[tuple[Guards, Formula]] = []
        self._by_key: dict[Any, str] = {}
        self._roots: dict[Any, tuple[Fractional, Guards]] = {}
        self._squares: dict[str, Polynomial] = {}

    def declare(self, symbol: sp.Symbol) -> None:
        """Symbols of one name are one variable; dummies are themselves."""
        key = symbol if isinstance(symbol, sp.Dummy) else symbol.name
        if key not in self._by_key:
            name = re.sub(r"[^A-Za-z0-9_]", "_", symbol.name)
            if not name[:1].isalpha() or name in _RESERVED or name.startswith(("root", "number")):
                name = f"v_{name}"
            while name in self._by_key.values():
                name += "_"
            self._by_key[key] = name
        self.names[symbol] = self._by_key[key]

    def fresh(self, kind: str) -> Polynomial:
        self.auxiliary.append(f"{kind}{len(self.auxiliary) + 1}")
        return Polynomial.variable(self.auxiliary[-1])

    def formula(self, e: Any, negate: bool) -> Formula:
        """Negation normal form of a statement or of its negation."""
        check()
        if e in (sp.true, sp.false):
            return TRUE if bool(e) != negate else FALSE
        if isinstance(e, Not):
            return self.formula(e.args[0], not negate)
        if isinstance(e, (And, Or)):
            return (all_of if isinstance(e, And) != negate else any_of)([self.formula(a, negate) for a in e.args])
        if isinstance(e, Implies):
            return (all_of if negate else any_of)([self.formula(e.args[0], not negate), self.formula(e.args[1], negate)])
        if isinstance(e, Equivalent):
            if not negate:
                return any_of([all_of([self.formula(a, no) for a in e.args]) for no in (False, True)])
            return any_of([all_of([self.formula(a, False), self.formula(b, True)]) for a in e.args for b in e.args if a is not b])
        if isinstance(e, Xor):
            first, rest = e.args[0], (e.args[1] if len(e.args) == 2 else Xor(*e.args[1:], evaluate=False))
            return any_of([all_of([self.formula(first, no), self.formula(rest, no == negate)]) for no in (False, True)])
        if isinstance(e, ITE):
            c, *branches = e.args
            return any_of([all_of([self.formula(c, no), self.formula(b, negate)]) for no, b in zip((False, True), branches, strict=True)])
        for kind, relation in _RELATIONS.items():
            if isinstance(e, kind):
                return self.comparison(e.lhs, e.rhs, OPPOSITE[relation] if negate else relation)
        raise Misuse(f"{e} is not a comparison or a Boolean combination of comparisons; state the claim with >, >=, <, <=, Eq, Ne")

    def comparison(self, lhs: Any, rhs: Any, relation: str) -> Formula:
        """One comparison, split into the cases of its |·|, min and max."""
        found = []
        for choice, conditions in self.cases(lhs, rhs):
            left, one = self.value(lhs, choice)
            right, two = self.value(rhs, choice)
            difference = left - right
            sign = difference.numerator if relation in ("=", "!=") else difference.sign()
            found.append(all_of([*conditions, *one, *two, atom(relation, sign)]))
        return any_of(found)

    def cases(self, *expressions: Any) -> list[tuple[Choice, Guards]]:
        """Every way to choose a branch of each |·|, min and max, innermost first, with the condition of the choice."""
        nodes = dict.fromkeys(n for e in expressions for n in sp.postorder_traversal(e) if isinstance(n, (sp.Abs, sp.Min, sp.Max)))
        result: list[tuple[Choice, Guards]] = [({}, [])]
        for node in nodes:
            extended = []
            for choice, conditions in result:
                check()
                values = [self.value(a, choice) for a in node.args]
                options = [v for v, _ in values]
                guards = [g for _, gs in values for g in gs]
                if isinstance(node, sp.Abs):
                    options.append(-options[0])
                for option in options:
                    gaps = [option - other for other in options if other is not option]
                    taken = [atom("<=" if isinstance(node, sp.Min) else ">=", gap.sign()) for gap in gaps]
                    extended.append(({**choice, node: option}, [*conditions, *guards, *taken]))
            result = extended
        return result

    def value(self, e: Any, choice: Choice) -> tuple[Fractional, Guards]:
        """The expression as a fraction in variables and root variables, and what must hold for it to exist."""
        if e in choice:
            return choice[e], []
        if e.is_Rational and e.is_finite:
            return Fractional(Polynomial.constant(Fraction(int(e.p), int(e.q)))), []
        if e.is_Symbol:
            return Fractional(Polynomial.variable(self.names[e])), []
        if e.is_Add or e.is_Mul:
            total, guards = self.value(e.args[0], choice)
            for argument in e.args[1:]:
                term, more = self.value(argument, choice)
                total = total + term if e.is_Add else self.reduced(total * term)
                guards = guards + more
            return total, guards
        if e.is_Pow and e.exp.is_Rational:
            return self.power(e, choice)
        if isinstance(e, sp.CRootOf) and e.is_real:
            return self.algebraic(e), []
        remedy = f"write {e} as an exact fraction" if e.is_Float else "replace it by a variable with the properties that the argument needs"
        raise Misuse(f"{e} cannot be decided: only rational numbers, + - * /, square roots, Abs, Min and Max can; {remedy}")

    def power(self, e: Any, choice: Choice) -> tuple[Fractional, Guards]:
        base, guards = self.value(e.base, choice)
        p, q = int(e.exp.p), int(e.exp.q)
        if q & (q - 1):
            raise Misuse(f"{e} cannot be decided: only square roots can; introduce a variable t with t**{q} equal to the base")
        while q > 1:
            base, guards = self.root(base, guards)
            q //= 2
        if p < 0:
            if base.numerator.value() == 0:
                return base, [*guards, FALSE]
            guards = [*guards, atom("!=", base.numerator)]
            base = base.inverse()
        result = base
        for _ in range(abs(p) - 1):
            result = self.reduced(result * base)
        return result, guards

    def root(self, radicand: Fractional, guards: Guards) -> tuple[Fractional, Guards]:
        """The root variable of a radicand; equal radicands share it.  Its definition holds where the radicand exists and is ≥ 0."""
        key = (radicand.numerator, frozenset(radicand.denominator.items()))
        if key not in self._roots:
            r = self.fresh("root")
            square = r * r
            for q, k in radicand.denominator.items():
                square = square * q**k
            if not radicand.denominator:
                self._squares[self.auxiliary[-1]] = radicand.numerator
            needs = [*guards, atom(">=", radicand.sign())]
            self.definitions.append((needs, all_of([atom(">=", r), atom("=", square - radicand.numerator)])))
            self._roots[key] = (Fractional(r), needs)
        value, needs = self._roots[key]
        return value, [*guards, *needs]

    def algebraic(self, e: Any) -> Fractional:
        """A variable for a real algebraic number: its polynomial and an interval that isolates it."""
        if e not in self._roots:
            r = self.fresh("number")
            polynomial = Polynomial.constant(0)
            for c in e.poly.all_coeffs():
                polynomial = polynomial * r + Polynomial.constant(Fraction(int(c.p), int(c.q)))
            low, high = (Polynomial.constant(Fraction(int(v.p), int(v.q))) for v in e.poly.intervals()[e.index][0])
            self.definitions.append(([], all_of([atom("=", polynomial), atom(">=", r - low), atom("<=", r - high)])))
            self._roots[e] = (Fractional(r), [])
        return self._roots[e][0]

    def reduced(self, f: Fractional) -> Fractional:
        """Squares of root variables replaced by their radicands in the numerator."""
        p = f.numerator
        while high := next(((m, c, v, k) for m, c in p.terms for v, k in m if k > 1 and v in self._squares), None):
            check()
            m, c, v, k = high
            rest = tuple((w, n if w != v else 1) for w, n in m if w != v or k % 2)
            p = p - Polynomial.of({m: c}) + Polynomial.of({rest: c}) * self._squares[v] ** (k // 2)
        return Fractional(p, f.denominator)
