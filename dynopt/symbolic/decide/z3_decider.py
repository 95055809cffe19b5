"""The SMT decider: z3 on the polynomial encoding, two strategies in turn, exact models."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import sympy as sp
import z3

from dynopt.symbolic.decide.decision import Answer
from dynopt.symbolic.decide.encode import Encoding
from dynopt.symbolic.decide.witness import real_roots

NAME = "z3"
_SIMPLE = [Fraction(1), Fraction(0), Fraction(2), Fraction(-1), Fraction(1, 2), Fraction(3), Fraction(-2), Fraction(1, 3), Fraction(4)]


def settle(encoding: Encoding, seconds: float) -> Answer:
    """Asks for a model of the negation: the default strategy and ``qfnra-nlsat`` in turn, with growing shares of the time.

    >>> from dynopt.symbolic.decide.encode import encode
    >>> x = sp.Symbol("x")
    >>> settle(encode([x > 1], x**2 > x), 5).answer
    'proved'
    """
    started = time.monotonic()
    share, spent = 0.2, 0.0
    verdict, witness, note = "undecided", None, f"not finished in {seconds:g} s"
    while spent < seconds and verdict == "undecided":
        for strategy in ("nlsat", "default"):
            context = z3.Context()
            solver = z3.Solver(ctx=context) if strategy == "default" else z3.Tactic("qfnra-nlsat", ctx=context).solver()
            solver.from_string(encoding.text)
            result = _check(solver, context, max(0.01, min(share, seconds - spent)))
            spent = time.monotonic() - started
            if result == z3.unsat:
                verdict, note = "proved", strategy
            elif result == z3.sat:
                left = min(1.0, seconds / 4)
                verdict, witness, note = "refuted", _witness(encoding, solver.model(), context, left), strategy
            if verdict != "undecided" or spent >= seconds:
                break
        share *= 4
    return Answer(NAME, z3.get_version_string(), verdict, time.monotonic() - started, witness, note)


def _check(solver: z3.Solver, context: z3.Context, seconds: float) -> z3.CheckSatResult:
    """`check` under a time limit; the context is interrupted if the solver overlooks its own."""
    solver.set("timeout", max(1, int(seconds * 1000)))
    with _interrupted(context, seconds + 0.5):
        try:
            return solver.check()
        except z3.Z3Exception:
            return z3.unknown


@contextmanager
def _interrupted(context: z3.Context, seconds: float) -> Iterator[None]:
    alarm = threading.Timer(seconds, context.interrupt)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()
        alarm.join()


def _witness(encoding: Encoding, model: z3.ModelRef, context: z3.Context, seconds: float) -> Mapping[sp.Symbol, Any]:
    """Exact values of the variables: simple rationals where the query stays satisfiable, else z3's own values."""
    end = time.monotonic() + seconds
    solver = z3.Solver(ctx=context)
    solver.from_string(encoding.text)
    variables = {key: z3.Real(name, context) for key, name in encoding.names.items()}
    for v in variables.values():
        for candidate in _candidates(model.eval(v, model_completion=True)):
            if time.monotonic() > end:
                break
            solver.push()
            solver.add(v == z3.Q(candidate.numerator, candidate.denominator, context))
            if _check(solver, context, 0.1) == z3.sat:
                model = solver.model()
                break
            solver.pop()
    return {key: exact_value(model.eval(v, model_completion=True)) for key, v in variables.items()}


def _candidates(value: Any) -> list[Fraction]:
    """Simple numbers, then roundings of the model's value."""
    middle = value.as_fraction() if isinstance(value, z3.RatNumRef) else value.approx(30).as_fraction()
    rounded = [middle.limit_denominator(n) for n in (1, 2, 5, 10, 100)]
    return list(dict.fromkeys([*_SIMPLE, *rounded]))


def exact_value(value: Any) -> sp.Expr:
    """z3's rational or algebraic number as a SymPy number."""
    if isinstance(value, z3.RatNumRef):
        return sp.Rational(value.numerator_as_long(), value.denominator_as_long())
    coefficients = [sp.Integer(c.as_fraction().numerator) / c.as_fraction().denominator for c in value.poly()]
    return real_roots(sp.Poly(list(reversed(coefficients)), sp.Dummy("x")))[value.index() - 1]
