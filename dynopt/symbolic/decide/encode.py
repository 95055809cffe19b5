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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.logic.boolalg import ITE, And, Equivalent, Implies, Not, Or, Xor

from dynopt.errors import Misuse
from dynopt.symbolic.decide.terms import Fractional, Polynomial

Formula = tuple[Any, ...]
"""``("and", …)``, ``("or", …)`` or ``("atom", relation, polynomial)`` with the relation to zero."""

TRUE: Formula = ("and",)
FALSE: Formula = ("or",)
_NEGATED = {">": "<=", "<=": ">", ">=": "<", "<": ">=", "=": "!=", "!=": "="}
_RELATIONS = {sp.Gt: ">", sp.Ge: ">=", sp.Lt: "<", sp.Le: "<=", sp.Eq: "=", sp.Ne: "!="}
_RESERVED = {"lambda", "let", "par", "and", "or", "not", "ite", "exists", "forall", "abs", "div", "mod", "true", "false", "is", "xor"}


@dataclass(frozen=True)
class Encoding:
    """The query as text (it ends in ``(check-sat)``) and the name of every free symbol in it."""

    text: str
    names: dict[sp.Symbol, str]

    @property
    def query_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def encode(given: Sequence[Any], then: Any) -> Encoding:
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
    parts: list[Formula] = []
    for hypothesis in given:
        parts += _conjuncts(writer.formula(hypothesis, False))
    parts += _conjuncts(writer.formula(then, True))
    parts = list(dict.fromkeys(parts))
    asserted = set(parts)
    for guards, definition in writer.definitions:
        unmet = [g for g in guards if g not in asserted]
        parts += list(definition) if not unmet else [_or([*(_negation(g) for g in unmet), ("and", *definition)])]
    for symbol in sorted({s for e in (*given, then) for s in sp.sympify(e).free_symbols}, key=str):
        writer.name(symbol)
    names = sorted(set(writer.names.values()))
    lines = ["(set-logic QF_NRA)"]
    lines += [f"(declare-const {v} Real)" for v in (*names, *writer.auxiliary)]
    lines += [f"(assert {_text(p)})" for p in parts]
    return Encoding("\n".join([*lines, "(check-sat)", ""]), writer.symbols)


def smtlib(given: Sequence[Any], then: Any) -> str:
    """The SMT-LIB 2 text whose satisfiability refutes ``given ⇒ then``."""
    return encode(given, then).text


class _Writer:
    """Collects variables and definitions while expressions are rewritten."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.symbols: dict[sp.Symbol, str] = {}
        self.auxiliary: list[str] = []
        self.definitions: list[tuple[tuple[Formula, ...], tuple[Formula, ...]]] = []
        self._roots: dict[Any, tuple[Fractional, tuple[Formula, ...]]] = {}
        self._squares: dict[str, Polynomial] = {}

    def formula(self, e: Any, negate: bool) -> Formula:
        if e in (True, False, sp.true, sp.false):
            return TRUE if bool(e) != negate else FALSE
        kinds = {And: _and, Or: _or}
        if isinstance(e, (And, Or)):
            join = kinds[type(e)] if not negate else (_or if isinstance(e, And) else _and)
            return join([self.formula(a, negate) for a in e.args])
        if isinstance(e, Not):
            return self.formula(e.args[0], not negate)
        if isinstance(e, Implies):
            a, b = e.args
            return (_and if negate else _or)([self.formula(a, not negate), self.formula(b, negate)])
        if isinstance(e, (Equivalent, Xor)):
            if isinstance(e, Xor) and len(e.args) != 2:
                return self.formula(Xor(e.args[0], Xor(*e.args[1:], evaluate=False), evaluate=False), negate)
            flip = negate != isinstance(e, Xor)
            if not flip:
                return _or([_and([self.formula(a, neg) for a in e.args]) for neg in (False, True)])
            return _or([_and([self.formula(a, False), self.formula(b, True)]) for a in e.args for b in e.args if a is not b])
        if isinstance(e, ITE):
            c, t, f = e.args
            return _or([_and([self.formula(c, False), self.formula(t, negate)]), _and([self.formula(c, True), self.formula(f, negate)])])
        for kind, relation in _RELATIONS.items():
            if isinstance(e, kind):
                return self.relation(e.lhs, e.rhs, _NEGATED[relation] if negate else relation)
        raise Misuse(f"{e} is not a comparison or a Boolean combination of comparisons; state the claim with >, >=, <, <=, Eq, Ne")

    def relation(self, lhs: Any, rhs: Any, relation: str) -> Formula:
        """One comparison, split into the cases of its |·|, min and max."""
        cases = []
        for choice, conditions in self.cases(lhs, rhs):
            left, one = self.value(lhs, choice)
            right, two = self.value(rhs, choice)
            difference = left + right * Fractional(Polynomial.constant(-1))
            atom = _atom(relation, difference.sign() if relation not in ("=", "!=") else difference.numerator)
            cases.append(_and([*conditions, *one, *two, atom]))
        return _or(cases)

    def cases(self, *expressions: Any) -> list[tuple[dict[Any, Any], list[Formula]]]:
        """Every way to choose a branch of each |·|, min and max, innermost first, with the condition of the choice."""
        nodes: list[Any] = []
        for e in expressions:
            for node in sp.postorder_traversal(e):
                if isinstance(node, (sp.Abs, sp.Min, sp.Max)) and node not in nodes:
                    nodes.append(node)
        result: list[tuple[dict[Any, Any], list[Formula]]] = [({}, [])]
        for node in nodes:
            options = [(node.args[0], 1), (node.args[0], -1)] if isinstance(node, sp.Abs) else [(a, 1) for a in node.args]
            extended = []
            for choice, conditions in result:
                for option, sign in options:
                    chosen, guards = self.value(option, choice)
                    chosen = chosen * Fractional(Polynomial.constant(sign))
                    more = [*conditions, *guards]
                    if isinstance(node, sp.Abs):
                        more.append(_atom(">=", chosen.sign()))
                    for other in node.args if not isinstance(node, sp.Abs) else ():
                        if other is not option:
                            rival, extra = self.value(other, choice)
                            gap = chosen + rival * Fractional(Polynomial.constant(-1))
                            more += [*extra, _atom(">=" if isinstance(node, sp.Max) else "<=", gap.sign())]
                    extended.append(({**choice, node: (option, sign)}, more))
            result = extended
        return result

    def value(self, e: Any, choice: dict[Any, Any]) -> tuple[Fractional, list[Formula]]:
        """The expression as a fraction in variables and root variables, and what must hold for it to exist."""
        if e.is_Rational:
            return Fractional(Polynomial.constant(Fraction(int(e.p), int(e.q)))), []
        if e.is_Symbol:
            return Fractional(Polynomial.variable(self.name(e))), []
        if e in choice:
            option, sign = choice[e]
            chosen, guards = self.value(option, choice)
            return chosen * Fractional(Polynomial.constant(sign)), guards
        if e.is_Add or e.is_Mul:
            total, guards = self.value(e.args[0], choice)
            for argument in e.args[1:]:
                term, more = self.value(argument, choice)
                total = total + term if e.is_Add else total * term
                guards = guards + more
            return self.reduced(total), guards
        if e.is_Pow and e.exp.is_Rational:
            return self.power(e, choice)
        if isinstance(e, sp.polys.rootoftools.ComplexRootOf) and e.is_real:
            return self.constant(e), []
        raise Misuse(f"{e} cannot be decided: only rational numbers, + - * /, square roots, Abs, Min and Max are; {_remedy(e)}")

    def power(self, e: Any, choice: dict[Any, Any]) -> tuple[Fractional, list[Formula]]:
        base, guards = self.value(e.base, choice)
        p, q = int(e.exp.p), int(e.exp.q)
        if q & (q - 1):
            raise Misuse(f"{e} cannot be decided: only square roots are supported; introduce a variable t with t**{q} equal to the base")
        while q > 1:
            base, guards = self.root(base, guards)
            q //= 2
        if p < 0:
            number = base.numerator.value()
            if number == 0:
                return Fractional(Polynomial.constant(0)), [*guards, FALSE]
            guards = [*guards, _atom("!=", base.numerator)]
            base = base.inverse()
        result = base
        for _ in range(abs(p) - 1):
            result = self.reduced(result * base)
        return result, guards

    def root(self, radicand: Fractional, guards: list[Formula]) -> tuple[Fractional, list[Formula]]:
        """The root variable of a radicand; equal radicands share it."""
        key = (radicand.numerator, frozenset(radicand.denominator.items()))
        if key not in self._roots:
            sign = _atom(">=", radicand.sign())
            name = self.fresh("root")
            r = Polynomial.variable(name)
            square = r * r
            for q, k in radicand.denominator.items():
                square = square * q**k
            if not radicand.denominator:
                self._squares[name] = radicand.numerator
            needs = (*guards, sign)
            self.definitions.append((needs, (_atom(">=", r), _atom("=", square - radicand.numerator))))
            self._roots[key] = (Fractional(r), needs)
        r_value, needs = self._roots[key]
        return r_value, [*guards, *needs]

    def constant(self, e: Any) -> Fractional:
        """A variable for a real algebraic number: its polynomial and an interval that isolates it."""
        if e not in self._roots:
            name = self.fresh("number")
            r = Polynomial.variable(name)
            polynomial = Polynomial.constant(0)
            for c in e.poly.all_coeffs():
                polynomial = polynomial * r + Polynomial.constant(Fraction(int(c.p), int(c.q)))
            low, high = next(iv for iv, _ in [sp.Poly(e.poly).intervals()[e.index]])
            ends = [Polynomial.constant(Fraction(int(v.p), int(v.q))) for v in (low, high)]
            within = [_atom(">=", r - ends[0]), _atom("<=", r - ends[1])]
            self.definitions.append(((), (_atom("=", polynomial), *within)))
            self._roots[e] = (Fractional(r), ())
        return self._roots[e][0]

    def reduced(self, f: Fractional) -> Fractional:
        """r² replaced by its radicand in the numerator."""
        terms: Polynomial = f.numerator
        while high := next(((m, c, v) for m, c in terms.terms for v, k in m if k > 1 and v in self._squares), None):
            m, c, v = high
            k = dict(m)[v]
            rest = tuple((w, n) if w != v else (w, 1) for w, n in m if w != v or k % 2)
            terms = terms - Polynomial.of({m: c}) + Polynomial.of({rest: c}) * self._squares[v] ** (k // 2)
        return Fractional(terms, f.denominator)

    def name(self, symbol: sp.Symbol) -> str:
        key = symbol.name if not isinstance(symbol, sp.Dummy) else f"{symbol.name}_{symbol.dummy_index}"
        if key not in self.names:
            clean = re.sub(r"[^A-Za-z0-9_]", "_", key)
            clean = f"v_{clean}" if not clean[:1].isalpha() or clean in _RESERVED or clean.startswith(("root", "number")) else clean
            while clean in self.names.values():
                clean += "_"
            self.names[key] = clean
        self.symbols[symbol] = self.names[key]
        return self.names[key]

    def fresh(self, kind: str) -> str:
        self.auxiliary.append(f"{kind}{len(self.auxiliary) + 1}")
        return self.auxiliary[-1]


def _remedy(e: Any) -> str:
    if e.is_Float:
        return f"write {e} as an exact fraction, Rational('{e}')"
    if e.is_infinite:
        return "leave out comparisons with infinity"
    return "replace it by a variable with the properties that the argument needs"


def _atom(relation: str, p: Polynomial) -> Formula:
    value = p.value()
    if value is None:
        return ("atom", relation, p)
    truth = {">": value > 0, ">=": value >= 0, "<": value < 0, "<=": value <= 0, "=": value == 0, "!=": value != 0}[relation]
    return TRUE if truth else FALSE


def _negation(f: Formula) -> Formula:
    if f[0] == "atom":
        return ("atom", _NEGATED[f[1]], f[2])
    return (_or if f[0] == "and" else _and)([_negation(g) for g in f[1:]])


def _and(parts: Iterable[Formula]) -> Formula:
    flat = dict.fromkeys(g for f in parts for g in _conjuncts(f))
    if FALSE in flat:
        return FALSE
    return next(iter(flat)) if len(flat) == 1 else ("and", *flat)


def _or(parts: Iterable[Formula]) -> Formula:
    flat = dict.fromkeys(g for f in parts for g in (f[1:] if f[0] == "or" else [f]))
    if TRUE in flat:
        return TRUE
    return next(iter(flat)) if len(flat) == 1 else ("or", *flat)


def _conjuncts(f: Formula) -> list[Formula]:
    return list(f[1:]) if f[0] == "and" else [f]


def _text(f: Formula) -> str:
    if f in (TRUE, FALSE):
        return "true" if f == TRUE else "false"
    if f[0] == "atom":
        _, relation, p = f
        return f"(not (= {p.smt()} 0))" if relation == "!=" else f"({relation} {p.smt()} 0)"
    return f"({f[0]} {' '.join(map(_text, f[1:]))})"
