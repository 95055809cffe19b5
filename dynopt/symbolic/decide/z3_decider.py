"""The SMT decider: z3 on the polynomial encoding, several strategies in turn, exact models."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import sympy as sp
import z3

from dynopt.symbolic.decide.decision import Answer
from dynopt.symbolic.decide.encode import Encoding
from dynopt.symbolic.decide.witness import real_roots
from dynopt.symbolic.limits import OutOfTime, TooLarge, within

NAME = "z3"
_SIMPLE = [Fraction(1), Fraction(0), Fraction(2), Fraction(-1), Fraction(1, 2), Fraction(3), Fraction(-2), Fraction(1, 3), Fraction(4)]


def _plain(context: z3.Context) -> z3.Solver:
    steps = (z3.Tactic(name, ctx=context) for name in ("simplify", "purify-arith", "tseitin-cnf", "nlsat"))
    return z3.Then(*steps, ctx=context).solver()


def _nlsat(**options: Any) -> Callable[[z3.Context], z3.Solver]:
    return lambda context: z3.With("qfnra-nlsat", ctx=context, **options).solver()


STRATEGIES: dict[str, Callable[[z3.Context], z3.Solver]] = {
    "nlsat, variable order 4": _nlsat(variable_ordering_strategy=4),
    "nlsat, variables as declared": _nlsat(reorder=False),
    "nlsat, little preprocessing": _plain,
    "default": lambda context: z3.Solver(ctx=context),
    "nlsat, variable order 1": _nlsat(variable_ordering_strategy=1),
    "nlsat, conflicts not simplified": _nlsat(simplify_conflicts=False),
}
"""Any of them may stall where another answers in milliseconds; mostly the variable order decides."""


def settle(encoding: Encoding, seconds: float) -> Answer:
    """Asks for a model of the negation, by several strategies in turn, with growing shares of the time.

    >>> from dynopt.symbolic.decide.encode import encode
    >>> x = sp.Symbol("x")
    >>> settle(encode([x > 1], x**2 > x), 5).answer
    'proved'
    """
    started = time.monotonic()

    def answer(verdict: str, note: str, witness: Mapping[sp.Symbol, Any] | None = None) -> Answer:
        return Answer(NAME, z3.get_version_string(), verdict, time.monotonic() - started, witness, note)

    share = 0.1
    while not encoding.refusal:
        for name, strategy in STRATEGIES.items():
            left = seconds - (time.monotonic() - started)
            if left <= 0:
                return answer("undecided", f"not finished in {seconds:g} s")
            context = z3.Context()
            solver = strategy(context)
            solver.from_string(encoding.text)
            result = _check(solver, context, min(share, left))
            if result == z3.unsat:
                return answer("proved", name)
            if result == z3.sat:
                try:
                    with within(seconds):
                        return answer("refuted", name, _witness(encoding, solver.model(), context, strategy, min(1.0, seconds / 4)))
                except (OutOfTime, TooLarge) as limit:
                    return answer("undecided", f"a model whose numbers are too large: {limit}")
        share *= 4
    return answer("undecided", encoding.refusal)


def _check(solver: z3.Solver, context: z3.Context, seconds: float) -> z3.CheckSatResult:
    """`check` under a time limit; the context is interrupted if the solver overlooks its own."""
    solver.set("timeout", max(1, int(seconds * 1000)))
    with _interrupted(context, seconds + 0.25):
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


def _witness(
    encoding: Encoding, model: z3.ModelRef, context: z3.Context, strategy: Callable[[z3.Context], z3.Solver], seconds: float
) -> Mapping[sp.Symbol, Any]:
    """Exact values of the variables: simple rationals where the query stays satisfiable, else z3's own values."""
    end = time.monotonic() + seconds
    solver = strategy(context)
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
