"""A second SMT solver on the same text: cvc5 with cylindrical algebraic coverings, where it is installed (extra ``exact``)."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import sympy as sp

from dynopt.symbolic.decide.decision import Answer
from dynopt.symbolic.decide.encode import Encoding
from dynopt.symbolic.decide.witness import real_roots
from dynopt.symbolic.limits import OutOfTime, TooLarge, within

NAME = "cvc5"
AVAILABLE = importlib.util.find_spec("cvc5") is not None
_PROCESS = Path(__file__).with_name("cvc5_process.py")


def settle(encoding: Encoding, seconds: float) -> Answer:
    """Asks for a model of the negation (option ``nl-cov``), in a process that is ended at the time limit."""
    started = time.monotonic()

    def answer(verdict: str, note: str, witness: dict[sp.Symbol, sp.Expr] | None = None) -> Answer:
        return Answer(NAME, version("cvc5"), verdict, time.monotonic() - started, witness, note)

    if encoding.refusal:
        return answer("undecided", encoding.refusal)
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_PROCESS)], input=encoding.text, capture_output=True, text=True, timeout=seconds, check=True
        )
    except subprocess.TimeoutExpired:
        return answer("undecided", f"not finished in {seconds:g} s")
    except subprocess.CalledProcessError as error:
        return answer("undecided", f"failed: {error.stderr.strip().splitlines()[-1:]}")
    result, *lines = done.stdout.splitlines()
    if result != "sat":
        return answer("proved" if result == "unsat" else "undecided", "coverings" if result == "unsat" else result)
    values = dict(line.split(" = ", 1) for line in lines)
    try:
        with within(seconds):
            return answer("refuted", "coverings", {s: exact_value(values[name]) for s, name in encoding.names.items()})
    except (OutOfTime, TooLarge) as limit:
        return answer("undecided", f"a model whose numbers are too large: {limit}")


def exact_value(text: str) -> sp.Expr:
    """cvc5's text of a number: decimal, quotient or real algebraic number.

    >>> exact_value("(- 1.0)"), exact_value("(/ (- 3) 2)"), exact_value("(_ real_algebraic_number <1*x^2 + (-2), (1, 2)>)")
    (-1, -3/2, sqrt(2))
    """
    if "algebraic" not in text:
        numbers = [sp.Rational(n) for n in re.findall(r"[0-9]+(?:\.[0-9]+)?", text)]
        return (-1 if "-" in text else 1) * (numbers[0] / numbers[1] if "/" in text else numbers[0])
    polynomial, low, high = re.search(r"<(.*), \((.*), (.*)\)>", text).groups()  # type: ignore[union-attr]
    x = sp.Dummy("x")
    total = sp.Integer(0)
    for term in polynomial.split(" + "):
        coefficient, _, power = term.strip("()").partition("*x") if "x" in term else (term.strip("()"), "", None)
        total += sp.Integer(coefficient) * x ** (0 if power is None else int(power.lstrip("^") or 1))
    return next(r for r in real_roots(sp.Poly(total, x)) if sp.Rational(low) <= r <= sp.Rational(high))
