"""From one check to its verdict: definedness, vacuity, proof or counterexample, each witness re-checked exactly."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sympy as sp

from dynopt.core.result import Result
from dynopt.symbolic.claims import Check, Computation, Exists, Finding, Verdict
from dynopt.symbolic.decide import decide, definedness, satisfiable
from dynopt.symbolic.exact import NotExact
from dynopt.symbolic.foreign import OverTime, foreign
from dynopt.symbolic.formula import plain
from dynopt.symbolic.latex import latex
from dynopt.symbolic.query import Query
from dynopt.symbolic.witness import Witness, breaks, complete, simplest


@dataclass(frozen=True)
class Answered(Result):
    """What one decider (or one method of a computation) said about one question."""

    question: str
    name: str
    version: str
    answer: str
    seconds: float
    query: str = ""
    recalled: bool = False

    @property
    def computation(self) -> bool:
        return self.question == "computation"

    @property
    def concluding(self) -> bool:
        """Asked for the statement itself, not for its hypotheses or the existence of its expressions."""
        return self.question in ("conclusion", "existence", "computation")


@dataclass(frozen=True)
class Part(Result):
    """The verdict on one check.

    Attributes
    ----------
    witness : exact values: of the counterexample, of the point where an expression does not exist,
        or, for a proved `Exists`, of the point that was asked for.
    example : exact values that satisfy the hypotheses; the statement is not vacuous.
    place : for ``ill-defined``, which expression does not exist.
    note : why a check was not settled, or what a computation reported.
    tool_failure : the deciders contradict each other, a witness does not pass the exact re-check, a
        computation broke, or no damaged copy of the check can be refuted.
    mutants : with ``--mutate``, how many damaged copies were tried and how many were refuted.
    queries : every question as the deciders got it; `deciders` has the answers under the same hash.
    given, then : hypotheses and conclusions in LaTeX, each a list of conjuncts; an `Exists` has its
        conditions in ``given`` and no conclusion, a `Computation` has neither.
    """

    part: str
    verdict: Verdict
    witness: dict[str, str] = field(default_factory=dict)
    example: dict[str, str] = field(default_factory=dict)
    place: str = ""
    note: str = ""
    tool_failure: str = ""
    deciders: tuple[Answered, ...] = ()
    mutants: dict[str, int] | None = None
    queries: tuple[Query, ...] = ()
    given: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


def judge_check(check: Check, *, seconds: float = 10.0) -> Part:
    """The verdict on one check; each question to the deciders may take ``seconds``."""
    asked = _Asked(check.part, seconds)
    try:
        if isinstance(check, Computation):
            return _computation(asked, check)
        if isinstance(check, Exists):
            such_that = conjuncts(plain(f) for f in check.such_that)
            asked.given = tuple(map(latex, such_that))
            return _existence(asked, such_that)
        given, then = conjuncts(plain(f) for f in check.given), plain(check.then)
        asked.given, asked.then = tuple(map(latex, given)), tuple(map(latex, conjuncts([then])))
        return _implication(asked, given, then)
    except _Unsettled as error:
        return asked.part_with(Verdict.UNDECIDED, note=str(error))
    except _Failed as error:
        return asked.part_with(Verdict.UNDECIDED, tool_failure=str(error))
    except NotExact as error:
        return asked.part_with(Verdict.UNDECIDED, tool_failure=f"a witness could not be re-checked exactly: {error}")


def conjuncts(formulas: Iterable[Any]) -> list[Any]:
    """The formulas with every top-level conjunction taken apart."""
    return [c for f in formulas for c in (conjuncts(f.args) if isinstance(f, sp.And) else [f])]


def written(point: Mapping[sp.Symbol, Any]) -> dict[str, str]:
    """A point as strings that SymPy parses back."""
    return {s.name: str(value) for s, value in point.items()}


class _Asked:
    """The questions that one check put to the deciders, kept with their answers."""

    def __init__(self, part: str, seconds: float) -> None:
        self.part, self.seconds = part, seconds
        self.answers: list[Answered] = []
        self.queries: list[Query] = []
        self.given: tuple[str, ...] = ()
        self.then: tuple[str, ...] = ()

    def ask(self, question: str, decision: Any) -> Any:
        self.answers += [
            Answered(question, a.decider, a.version, str(a.answer), a.seconds, decision.query_hash, a.recalled) for a in decision.answers
        ]
        self.queries.append(Query.of(question, decision.smtlib, decision.verdict))
        if decision.verdict == "disagreement":
            said = ", ".join(f"{a.decider} says {a.answer}" + f" ({a.note})" * (a.answer == "undecided") for a in decision.answers)
            raise _Failed(f"failure of the tool: the deciders disagree on the {question} (query {decision.query_hash}): {said}")
        return decision

    def checked_point(self, decision: Any, given: Sequence[Any], then: Any) -> Witness:
        """The witness against given ⇒ then, checked by exact arithmetic and made simple."""
        point = complete(decision.witness or {}, [*given, then])
        if not breaks(point, given, then):
            raise _Failed(
                f"failure of the tool: the witness {written(point)} does not pass the exact re-check (query {decision.query_hash})"
            )
        return simplest(point, partial(breaks, given=given, then=then))

    def part_with(self, verdict: Verdict, **found: Any) -> Part:
        queries = tuple(self.queries)
        return Part(self.part, verdict, deciders=tuple(self.answers), queries=queries, given=self.given, then=self.then, **found)


class _Unsettled(Exception):
    """No decider settled a question on which the rest depends."""


class _Failed(Exception):
    """The tool itself failed on a check; the sentence goes into the verdict."""


def _implication(asked: _Asked, given: list[Any], then: Any) -> Part:
    """given ⇒ then, after its own definedness and non-vacuity."""
    unsettled = ""
    for place, decision in definedness(given, then, seconds=asked.seconds):
        asked.ask("definedness", decision)
        if decision.verdict == "refuted":
            point = asked.checked_point(decision, place.given, place.condition)
            return asked.part_with(Verdict.ILL_DEFINED, witness=written(point), place=str(place))
        if decision.verdict == "undecided":
            unsettled = unsettled or _tried(f"whether {place.expression} exists", decision)
    example = _point(asked, "satisfiability of the hypotheses", given)
    if example is None:
        return asked.part_with(Verdict.VACUOUS, note="no values satisfy the hypotheses")
    if unsettled:
        return asked.part_with(Verdict.UNDECIDED, example=written(example), note=unsettled)
    decision = asked.ask("conclusion", decide(given, then, seconds=asked.seconds))
    if decision.verdict == "refuted":
        point = asked.checked_point(decision, given, then)
        return asked.part_with(Verdict.REFUTED, witness=written(point), example=written(example))
    if decision.verdict == "undecided":
        return asked.part_with(Verdict.UNDECIDED, example=written(example), note=_tried("the conclusion", decision))
    note = "SymPy evaluated the conclusion to true before the deciders saw it" if then == sp.true else ""
    return asked.part_with(Verdict.PROVED, example=written(example), note=note)


def _point(asked: _Asked, question: str, formulas: list[Any]) -> Witness | None:
    """A simple point where all formulas hold, None if there is none."""
    decision = asked.ask(question, satisfiable(formulas, seconds=asked.seconds))
    if decision.verdict == "undecided":
        raise _Unsettled(_tried(f"the {question}", decision))
    return asked.checked_point(decision, formulas, sp.false) if decision.verdict == "proved" else None


def _existence(asked: _Asked, such_that: list[Any]) -> Part:
    """A point where all formulas exist and hold."""
    point = _point(asked, "existence", such_that)
    if point is None:
        return asked.part_with(Verdict.REFUTED, note="no values satisfy all conditions")
    return asked.part_with(Verdict.PROVED, witness=written(point))


def _computation(asked: _Asked, check: Computation) -> Part:
    """Every method runs; they must agree."""
    findings: dict[str, Finding] = {}
    for name, method in check.methods.items():
        begun = time.perf_counter()
        try:
            with foreign():
                finding = method()
        except OverTime as error:
            raise _Unsettled(f"the computation {name!r} was {error}") from error
        except (Exception, SystemExit) as error:
            raise _Failed(f"the computation {name!r} raises {type(error).__name__} ({' '.join(str(error).split())})") from error
        if not isinstance(finding, Finding):
            raise _Failed(f"the computation {name!r} returns {type(finding).__name__}; return a Finding")
        answer = "proved" if finding.holds else "refuted"
        asked.answers.append(Answered("computation", name, f"sympy {sp.__version__}", answer, time.perf_counter() - begun))
        findings[name] = finding
    if len({f.holds for f in findings.values()}) > 1:
        said = ", ".join(f"{name} says {'yes' if f.holds else 'no'}" for name, f in findings.items())
        raise _Failed(f"the computations disagree: {said}")
    witness = next((f.witness for f in findings.values() if f.witness), {})
    note = "; ".join(dict.fromkeys(f.note for f in findings.values() if f.note))
    verdict = Verdict.PROVED if all(f.holds for f in findings.values()) else Verdict.REFUTED
    return asked.part_with(verdict, witness={str(k): str(v) for k, v in witness.items()}, note=note)


def _tried(what: str, decision: Any) -> str:
    said = ", ".join(f"{a.decider} {a.answer} after {a.seconds:.1f} s" + (f" ({a.note})" if a.note else "") for a in decision.answers)
    return f"{what} was not settled: {said or 'no decider answered'} (query {decision.query_hash})"
