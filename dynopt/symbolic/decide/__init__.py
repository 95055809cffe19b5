"""Proofs and counterexamples for statements about real numbers, by two independent deciders.

>>> from sympy import sqrt, symbols
>>> x, y = symbols("x y", real=True)
>>> decide([x >= 0, y >= 0], (x + y) / 2 >= sqrt(x * y)).verdict
'proved'
>>> decide([x >= 0, y <= 0], x + sqrt(-y) > 0).witness
{x: 0, y: 0}
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import sympy as sp

from dynopt.errors import Misuse, closest
from dynopt.symbolic.decide import cvc5_decider, exact_decider, memory, z3_decider
from dynopt.symbolic.decide.decision import REQUIRED, Answer, Decision, combine
from dynopt.symbolic.decide.definedness import Place, places
from dynopt.symbolic.decide.encode import Encoding, encode, smtlib
from dynopt.symbolic.limits import OutOfTime, TooLarge, within
from dynopt.symbolic.witness import breaks

__all__ = ["Answer", "Decision", "Place", "decide", "definedness", "satisfiable", "smtlib"]

_SETTLE: dict[str, Callable[[Sequence[Any], Any, Encoding, float], Answer]] = {
    "z3": lambda given, then, encoding, seconds: z3_decider.settle(encoding, seconds),
    "exact": lambda given, then, encoding, seconds: exact_decider.settle(given, then, seconds),
}
if cvc5_decider.AVAILABLE:
    _SETTLE["cvc5"] = lambda given, then, encoding, seconds: cvc5_decider.settle(encoding, seconds)

_SECOND_LOOK = 2.0
"""Seconds for a decider whose answer can change the verdict only by contradicting it."""


def decide(given: Sequence[Any], then: Any, *, seconds: float = 10.0, deciders: Sequence[str] | None = None) -> Decision:
    """Whether given ⇒ then holds for all real values of the free symbols for which its expressions exist.

    ``given`` (a list) and ``then`` are comparisons and their Boolean combinations (And, Or, Not,
    Implies, Equivalent) of expressions made of rational numbers, symbols, + − · /, square roots,
    Abs, Min and Max.  Sign assumptions of the symbols are not hypotheses, and symbols of the same
    name are one variable.  An expression that does not exist at a point (negative radicand, zero
    denominator) makes its comparison neither true nor false there: ask `definedness` first.

    ``seconds`` is the limit per decider.  z3 and the exact decider are asked, and cvc5, where it is
    installed, about what these two leave open; ``deciders`` names others.  Without both z3 and
    exact nothing is ``proved``.

    >>> x = sp.Symbol("x", real=True)
    >>> [(a.decider, a.answer) for a in decide([x > 2], x**2 > 4).answers]
    [('z3', 'proved'), ('exact', 'proved')]
    """
    given = _statements(given)
    (then,) = _statements([then])
    names = list(_SETTLE if deciders is None else deciders)
    if unknown := [n for n in names if n not in _SETTLE]:
        raise Misuse(f"there is no decider {unknown[0]!r} here; {closest(unknown[0], _SETTLE)}")
    encoding = encode(given, then, seconds)
    address = memory.key(encoding, given, then, names)
    found = memory.recall(address, encoding)
    if found is not None and (found.verdict == "proved" or not _objection(given, then, found.witness or {})):
        return found
    answers: list[Answer] = []
    failures: list[str] = []
    for name in names:
        settled = combine(answers) != "undecided"
        if settled and deciders is None and name not in REQUIRED:
            continue
        answer = _ask(name, given, then, encoding, min(seconds, _SECOND_LOOK) if settled else seconds)
        if answer.answer == "refuted" and (objection := _objection(given, then, answer.witness or {}, seconds)):
            failures += [name] * (not objection.startswith(_UNCHECKED))
            answer = replace(answer, answer="undecided", witness=None, note=objection)
        answers.append(answer)
    witnesses = [a.witness for a in answers if a.witness is not None]
    decision = Decision(
        verdict=combine(answers, failures),
        answers=tuple(answers),
        witness=min(witnesses, key=_complexity, default=None),
        query_hash=encoding.query_hash,
        notes=_assumed(encoding.names),
        smtlib=encoding.text,
    )
    memory.keep(address, decision)
    return decision


def satisfiable(constraints: Sequence[Any], *, seconds: float = 10.0, deciders: Sequence[str] | None = None) -> Decision:
    """Whether some real point satisfies all constraints: ``proved`` by an exact witness, ``refuted`` if there is none.

    >>> x = sp.Symbol("x", real=True)
    >>> satisfiable([x**2 <= 0]).witness, satisfiable([x**2 < 0]).verdict
    ({x: 0}, 'refuted')
    """
    found = decide(constraints, sp.false, seconds=seconds, deciders=deciders)
    turned = {"proved": "refuted", "refuted": "proved"}
    answers = tuple(replace(a, answer=turned.get(a.answer, a.answer)) for a in found.answers)
    return replace(found, verdict=turned.get(found.verdict, found.verdict), answers=answers)


def definedness(
    given: Sequence[Any], *expressions: Any, seconds: float = 10.0, deciders: Sequence[str] | None = None
) -> list[tuple[Place, Decision]]:
    """For every root and division in the hypotheses and the expressions: is its radicand ≥ 0, its denominator ≠ 0?

    >>> x = sp.Symbol("x", real=True)
    >>> [(str(place), d.verdict) for place, d in definedness([x > 0], sp.sqrt(x - 1))]
    [('sqrt(x - 1) needs x - 1 >= 0', 'refuted')]
    """
    found = places(_statements(given), *expressions)
    return [(place, decide(place.given, place.condition, seconds=seconds, deciders=deciders)) for place in found]


_SIGNED = ("positive", "negative", "nonnegative", "nonpositive", "nonzero", "integer", "rational")


def _assumed(symbols: Iterable[sp.Symbol]) -> tuple[str, ...]:
    """Assumptions that SymPy may have used before the statement came here."""
    strongest = {s: next((a for a in _SIGNED if s.assumptions0.get(a)), None) for s in sorted(symbols, key=str)}
    return tuple(
        f"{s} is declared {a}: that is no hypothesis here, but SymPy may have used it when the statement was written"
        for s, a in strongest.items()
        if a is not None
    )


def _ask(name: str, given: Sequence[Any], then: Any, encoding: Encoding, seconds: float) -> Answer:
    """One decider's answer; a crash is an answer too."""
    started = time.monotonic()
    try:
        return _SETTLE[name](given, then, encoding, seconds)
    except Misuse:
        raise
    except Exception as error:
        return Answer(name, "", "undecided", time.monotonic() - started, None, f"failed: {type(error).__name__}: {error}")


_UNCHECKED = "found a counterexample that is too large for the exact re-check"


def _objection(given: Sequence[Any], then: Any, witness: Mapping[sp.Symbol, Any], seconds: float = inf) -> str:
    """Why a claimed counterexample is not accepted; empty if it is one."""
    claimed = ", ".join(f"{s} = {v}" for s, v in witness.items())
    try:
        with within(seconds):
            return "" if breaks(witness, given, then) else f"claimed the counterexample {claimed}, which is none"
    except (OutOfTime, TooLarge) as limit:
        return f"{_UNCHECKED} in {seconds:g} s" + f": {limit}" * bool(str(limit))
    except Exception as error:
        return f"the counterexample {claimed} could not be re-checked: {type(error).__name__}: {error}"


def _statements(given: Any) -> list[Any]:
    if isinstance(given, (sp.Basic, bool)):
        raise Misuse(f"hypotheses are a list of comparisons, not {given}: write [{given}]")
    result = []
    for statement in given:
        statement = sp.true if statement is True else sp.false if statement is False else statement
        if not isinstance(statement, (sp.logic.boolalg.Boolean, sp.core.relational.Relational)) or isinstance(statement, sp.Symbol):
            raise Misuse(f"{statement} is not a comparison or a Boolean combination of comparisons")
        result.append(statement)
    return result


def _complexity(witness: Mapping[sp.Symbol, Any]) -> tuple[int, int]:
    """Irrational coordinates first, then digits."""
    return sum(not v.is_Rational for v in witness.values()), sum(len(str(v)) for v in witness.values())
