"""`bound` against exact truth at rational points on both sides of every end that it returns."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction
from time import process_time
from typing import Any

import sympy as sp

from dynopt.core.algorithm import Flow
from dynopt.core.parameter import Domain
from dynopt.core.registry import method_class
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.bounds import Bound, bound
from dynopt.symbolic.sampling import OFFSETS, draw
from dynopt.symbolic.schur import modes
from dynopt.symbolic.symbols import exact

DIGITS = 60
"""Decimal digits to which an irrational end is known; the smallest step off it is 1e-12 of it."""


@dataclass(frozen=True)
class Question:
    """One call of `bound`, with exact numbers."""

    method: str
    property: str
    free: str
    values: dict[str, Fraction]
    low: Fraction
    high: Fraction

    def __str__(self) -> str:
        inside = ", ".join(f"{k}={v}" for k, v in self.values.items())
        return f"bound {self.method}({inside}) --free {self.free} --property {self.property} --spectrum {self.low},{self.high}"

    def system(self, value: Fraction) -> System:
        return method_class(self.method)(**self.values, **{self.free: value})


@dataclass
class BoundTally(Result):
    """What was seen over many questions.

    Attributes
    ----------
    questions, empty : asked; answered by the empty set.
    intervals, ends, rational : intervals returned; their finite ends inside the parameter's domain; the rational ones.
    points, agreements : rational points tested; where membership and truth agree.
    at_ends : of these, rational ends themselves (closed or open).
    refused : points that break a law between the parameters, where the definition refuses them; false counts as the truth.
    undecided : answers that bound's second decider did not confirm in its time.
    bound_seconds, truth_seconds : CPU seconds.
    slowest : the slowest questions, with CPU seconds.
    failures : question, value, what bound says and what is true.
    """

    questions: int = 0
    empty: int = 0
    intervals: int = 0
    ends: int = 0
    rational: int = 0
    points: int = 0
    agreements: int = 0
    at_ends: int = 0
    refused: int = 0
    undecided: int = 0
    bound_seconds: float = 0.0
    truth_seconds: float = 0.0
    slowest: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)


def random_question(methods: list[str], rng: random.Random) -> Question:
    """A method, a property, values of all parameters but one, and a spectrum; the step-size is the free one half the time."""
    name = rng.choice(methods)
    method = method_class(name)
    numbers = {p.name: p.domain for p in method.numbers() if p.domain is not None and p.name != "speed"}
    free = "gamma" if "gamma" in numbers and rng.random() < 0.5 else rng.choice(list(numbers))
    while True:
        values = {n: draw(d, rng) for n, d in numbers.items() if n != free}
        kinds = ["stable", "non-oscillating"] + ([] if issubclass(method, Flow) else ["diffeomorphism"])
        kind = rng.choice(kinds)
        high = draw(Domain.parse("(0, oo)"), rng)
        if kind == "diffeomorphism":
            low = -high if rng.random() < 0.5 else -draw(Domain.parse("(0, oo)"), rng)
        else:
            low = high * (1 if rng.random() < 0.1 else draw(Domain.parse("(0, 1)"), rng))
        question = Question(name, kind, free, values, low, high)
        if any(_defined(question, draw(numbers[free], rng)) for _ in range(8)):
            return question


def _defined(question: Question, value: Fraction) -> bool:
    """Whether the definition takes these parameters; some have laws between them."""
    try:
        question.system(value)
    except Misuse:
        return False
    return True


def check_bounds(questions: list[Question], rng: random.Random, *, seconds: float = 5.0, answer: Any = bound) -> BoundTally:
    """Ask every question of ``answer`` (`bound`) and test what it says at its ends, beside them, and at random values."""
    tally = BoundTally()
    for question in questions:
        started = process_time()
        call = f"{question.method}({', '.join(f'{k}={v}' for k, v in question.values.items())})"
        found: Bound = answer(call, question.property, (question.low, question.high), free=question.free, seconds=seconds)
        spent = process_time() - started
        tally.questions += 1
        tally.bound_seconds += spent
        tally.slowest = sorted([*tally.slowest, {"question": str(question), "seconds": round(spent, 3)}], key=lambda r: -r["seconds"])[:10]
        started = process_time()
        _compare(tally, question, found, rng)
        tally.truth_seconds += process_time() - started
    return tally


def _compare(tally: BoundTally, question: Question, found: Bound, rng: random.Random) -> None:
    domain = method_class(question.method).parameter(question.free).domain
    assert domain is not None
    assert found.intervals is not None
    tally.intervals += len(found.intervals)
    tally.empty += not found.intervals
    tally.undecided += any(d["answer"] != "proved" for d in found.deciders)
    ends = dict.fromkeys(e for i in found.intervals for e in (i.lower, i.upper) if e.is_finite and domain.contains(_close(e)))
    for end in ends:
        value = _close(end)
        tally.ends += 1
        tally.rational += bool(end.is_Rational)
        if end.is_Rational:
            tally.at_ends += _test(tally, question, found, domain, value)
        for step in OFFSETS:
            _test(tally, question, found, domain, value + (value or Fraction(1)) * step)
    for _ in range(4):
        _test(tally, question, found, domain, draw(domain, rng))


def _close(end: Any) -> Fraction:
    """An exact end as a Fraction, or within 10^-DIGITS of it, relatively."""
    number = end if end.is_Rational else sp.Rational(sp.N(end, DIGITS))
    return Fraction(int(number.p), int(number.q))


def _test(tally: BoundTally, question: Question, found: Bound, domain: Domain, value: Fraction) -> bool:
    if not domain.contains(value):
        return False
    said = exact(value) in found
    try:
        truth = modes(question.system(value)).holds_on(question.property, question.low, question.high)
    except Misuse:  # a law between parameters is broken: the method is not defined there, and has no property
        truth = False
        tally.refused += 1
    tally.points += 1
    tally.agreements += said is truth
    if said is not truth and len(tally.failures) < 20:
        tally.failures.append({"question": str(question), question.free: str(value), "bound": said, "truth": truth})
    return True
