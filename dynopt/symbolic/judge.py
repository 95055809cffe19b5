"""From a claim to its verdict, and whether that is what was expected of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from dynopt.core.result import Result
from dynopt.symbolic.check import Part, judge_check
from dynopt.symbolic.claims import Check, Claim, Implication, Verdict
from dynopt.symbolic.mutate import survivors


@dataclass(frozen=True)
class Judgement(Result):
    """A claim with its verdict, and whether that is what was expected.

    Attributes
    ----------
    ok : the verdict is the expected one (without an expectation: ``proved``), the correction that it
        needs is proved, and no tool failed.
    failures : one sentence for each reason why ``ok`` is false.
    deciders : for each decider its overall answer to the conclusion and its total time.
    parts, correction_parts, extra_parts, needed_parts : the checks, one by one; ``extra_parts`` are
        those that fail without the extra hypothesis, judged under it (the others hold all the more).
    """

    id: str
    source: str
    statement: str
    hypotheses: str
    verdict: Verdict
    expected: Verdict | None
    ok: bool
    witness: dict[str, str]
    place: str
    correction: str | None
    correction_verdict: Verdict | None
    extra: str | None
    deciders: tuple[dict[str, Any], ...]
    parts: tuple[Part, ...]
    correction_parts: tuple[Part, ...]
    extra_parts: tuple[Part, ...]
    needed_parts: tuple[Part, ...]
    failures: tuple[str, ...]
    reduction: str
    remark: str
    seconds: float
    file: str = ""


def judge(claim: Claim, *, seconds: float = 10.0, mutate: bool = False) -> Judgement:
    """The verdict on a claim; each question to the deciders may take ``seconds``.

    Some part ill-defined makes the claim ill-defined; otherwise a refuted part refutes it, a vacuous
    or undecided one leaves it so.  A refuted claim is ``conditional`` when it holds under its
    ``extra`` hypothesis and the checks ``needed`` prove that it fails without.  With ``mutate``
    every proved check must have a damaged copy that is refuted.
    """
    begun = time.perf_counter()

    def judged(checks: Iterable[Check]) -> tuple[Part, ...]:
        parts = ((check, judge_check(check, seconds=seconds)) for check in checks)
        return tuple(_guarded(check, part) if mutate else part for check, part in parts)

    parts = judged(claim.checks)
    verdict = combined(parts) if parts else Verdict.NOT_CHECKABLE
    open_checks = [check for check, part in zip(claim.checks, parts, strict=True) if part.verdict != Verdict.PROVED]
    extra_parts = judged(under(check, claim.extra) for check in open_checks) if claim.extra is not None else ()
    needed_parts = judged(claim.needed)
    if verdict == Verdict.REFUTED and claim.extra is not None and combined([*extra_parts, *needed_parts]) == Verdict.PROVED:
        verdict = Verdict.CONDITIONAL
    correction_parts = judged(claim.correction.checks) if claim.correction else ()
    telling = [p for p in parts if p.verdict == (Verdict.REFUTED if verdict == Verdict.CONDITIONAL else verdict)]
    shown = next((p for p in telling if p.witness), telling[0] if telling else None)
    judgement = Judgement(
        id=claim.id, source=claim.source, statement=claim.statement, hypotheses=claim.hypotheses,
        verdict=verdict, expected=None if claim.expected is None else Verdict(claim.expected), ok=False,
        witness=shown.witness if shown else {}, place=shown.place if shown else "",
        correction=claim.correction.statement if claim.correction else None,
        correction_verdict=combined(correction_parts) if claim.correction else None,
        extra=None if claim.extra is None else str(claim.extra),
        deciders=tally(parts), parts=parts, correction_parts=correction_parts,
        extra_parts=extra_parts, needed_parts=needed_parts, failures=(),
        reduction=claim.reduction, remark=claim.remark, seconds=time.perf_counter() - begun,
    )  # fmt: skip
    failures = tuple(_failures(judgement))
    return replace(judgement, ok=not failures, failures=failures)


def combined(parts: Iterable[Part]) -> Verdict:
    """The verdict on a conjunction of checks."""
    reached = {p.verdict for p in parts}
    order = (Verdict.ILL_DEFINED, Verdict.REFUTED, Verdict.VACUOUS, Verdict.UNDECIDED)
    return next((v for v in order if v in reached), Verdict.PROVED)


def under(check: Check, extra: Any) -> Check:
    """The check with one more hypothesis; a computation has none to add to."""
    return replace(check, given=[*check.given, extra]) if isinstance(check, Implication) else check


def _guarded(check: Check, part: Part) -> Part:
    """The part with the number of its mutants that were refuted, and a complaint if none was."""
    if part.verdict != Verdict.PROVED or not isinstance(check, Implication):
        return part
    counts = survivors(check)
    return replace(part, mutants=counts, tool_failure="" if counts["refuted"] else _CANNOT_FAIL.format(**counts))


_CANNOT_FAIL = "a check that cannot fail: none of its {tried} damaged copies is refuted"


def _failures(j: Judgement) -> Iterable[str]:
    every = [*j.parts, *j.correction_parts, *j.extra_parts, *j.needed_parts]
    yield from (f"{p.part}: {p.tool_failure}" if p.part else p.tool_failure for p in every if p.tool_failure)
    if j.expected is None and j.verdict != Verdict.PROVED:
        yield f"it is {j.verdict}"
    elif j.expected is not None and j.verdict != j.expected:
        yield f"it is {j.verdict}, expected {j.expected}"
    if j.extra is not None and j.verdict == Verdict.REFUTED:
        for what, parts in (("under the extra hypothesis", j.extra_parts), ("the necessity of the extra hypothesis", j.needed_parts)):
            yield from (f"{what}, {_named(p)} is {p.verdict}" for p in parts if p.verdict != Verdict.PROVED)
    if j.correction is not None:
        yield from (f"the correction is not proved: {_named(p)} is {p.verdict}" for p in j.correction_parts if p.verdict != Verdict.PROVED)
    elif j.expected in (Verdict.REFUTED, Verdict.ILL_DEFINED, Verdict.VACUOUS):
        yield "it has no correction; say what holds instead"


def _named(part: Part) -> str:
    return repr(part.part) if part.part else "its check"


def tally(parts: Iterable[Part]) -> tuple[dict[str, Any], ...]:
    """Each decider's overall answer to the conclusions, and its total time over all questions.

    The answer is the worst one: refuted before anything unsettled before proved.
    """
    worst = {"": 0, "proved": 1, "refuted": 3}
    table: dict[str, dict[str, Any]] = {}
    for a in (a for p in parts for a in p.deciders):
        row = table.setdefault(a.name, {"name": a.name, "answer": "", "seconds": 0.0, "version": a.version, "computation": a.computation})
        row["seconds"] += a.seconds
        if a.concluding and worst.get(a.answer, 2) > worst.get(row["answer"], 2):
            row["answer"] = a.answer
    return tuple(table.values())
