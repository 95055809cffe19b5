"""The second decider of `bound`: z3 re-proves each admissible piece and each gap, from the criteria alone.

It shares nothing with the exact work of `cells`: λ is eliminated by instantiation at the ends, at
interior points and at the vertex, and z3 does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import sympy as sp
import z3

from dynopt.core.parameter import Domain
from dynopt.symbolic.algebraic import Algebraic
from dynopt.symbolic.cells import Piece
from dynopt.symbolic.symbols import eigenvalue


def check(
    pieces: Sequence[Piece],
    polynomials: Sequence[sp.Expr],
    relation: str,
    parameter: sp.Symbol,
    domain: Domain,
    low: sp.Rational,
    high: sp.Rational,
    seconds: float,
) -> dict[str, Any]:
    """Whether z3 agrees: ``proved``, ``refuted`` (a disagreement), or ``undecided``, with the time it took."""
    started = perf_counter()
    p, lam = z3.Real("p"), z3.Real("lam")
    names = {parameter: p, eigenvalue: lam}
    holds = [[_relation(_term(q, names, {}), relation)] for q in polynomials]
    inside = z3.And(lam >= _number(low), lam <= _number(high))
    answers = []
    for piece in pieces:
        violated = z3.Or([z3.Not(h) for (h,) in holds])
        answers.append(_unsat([*_within(piece, p), inside, violated], seconds))
    for gap in _gaps(pieces, domain):
        answers.append(_excluded(gap, polynomials, relation, parameter, p, low, high, seconds))
    verdict = "refuted" if "refuted" in answers else "undecided" if "undecided" in answers else "proved"
    return {"name": "z3", "version": z3.get_version_string(), "answer": verdict, "seconds": round(perf_counter() - started, 3)}


def _number(value: sp.Rational) -> z3.ArithRef:
    return z3.Q(int(value.p), int(value.q))


def _term(expression: sp.Expr, names: dict[sp.Symbol, z3.ArithRef], at: dict[sp.Symbol, z3.ArithRef]) -> z3.ArithRef:
    symbols = {**names, **at}
    poly = sp.Poly(expression, *names)
    total: Any = z3.RealVal(0)
    for powers, coefficient in poly.terms():
        factor: Any = _number(sp.Rational(coefficient))
        for gen, power in zip(names, powers, strict=True):
            for _ in range(power):
                factor = factor * symbols[gen]
        total = total + factor
    return total


def _relation(term: z3.ArithRef, relation: str) -> z3.BoolRef:
    return term > 0 if relation == "> 0" else term >= 0 if relation == ">= 0" else term != 0


def _within(piece: Piece, p: z3.ArithRef) -> list[z3.BoolRef]:
    constraints = []
    for end, closed, upper in ((piece.lower, piece.lower_closed, False), (piece.upper, piece.upper_closed, True)):
        if end is None:
            continue
        value, defining = _algebraic(end, "upper" if upper else "lower")
        constraints += defining
        if upper:
            constraints.append(p <= value if closed else p < value)
        else:
            constraints.append(p >= value if closed else p > value)
    return constraints


def _algebraic(end: Algebraic, name: str) -> tuple[z3.ArithRef, list[z3.BoolRef]]:
    if end.is_rational:
        return _number(end.lower), []
    value = z3.Real(f"{name}_end")
    polynomial = _term(end.poly.as_expr(), {end.poly.gen: value}, {})
    return value, [polynomial == 0, value > _number(end.lower), value < _number(end.upper)]


def _gaps(pieces: Sequence[Piece], domain: Domain) -> list[Piece]:
    def finite(value: Any) -> Algebraic | None:
        return None if value in (float("inf"), float("-inf")) else Algebraic.rational(sp.Rational(str(value)))

    gaps, lower, closed = [], finite(domain.lower), domain.lower_closed
    open_below = True
    for piece in pieces:
        starts_at_domain = piece.lower is None if lower is None else (
            piece.lower is not None and piece.lower.is_rational and lower.is_rational and piece.lower.lower == lower.lower
        )  # fmt: skip
        if not (open_below and starts_at_domain):
            gaps.append(Piece(lower, piece.lower, closed, not piece.lower_closed))
        elif closed and not piece.lower_closed:
            gaps.append(Piece(lower, lower, True, True))
        lower, closed, open_below = piece.upper, not piece.upper_closed, False
    last = pieces[-1] if pieces else None
    upper = finite(domain.upper)
    if last is None:
        gaps.append(Piece(lower, upper, closed, domain.upper_closed))
    elif last.upper is not None:
        at_end = upper is not None and last.upper.is_rational and last.upper.lower == upper.lower
        if not at_end:
            gaps.append(Piece(last.upper, upper, not last.upper_closed, domain.upper_closed))
        elif domain.upper_closed and not last.upper_closed:
            gaps.append(Piece(upper, upper, True, True))
    return gaps


def _excluded(
    gap: Piece, polynomials: Sequence[sp.Expr], relation: str, parameter: sp.Symbol, p: z3.ArithRef,
    low: sp.Rational, high: sp.Rational, seconds: float,
) -> str:  # fmt: skip
    """Unsatisfiability of "p in the gap and the criterion holds at chosen λ": sound, since one violated λ suffices."""
    names = {parameter: p, eigenvalue: z3.Real("lam")}
    points = [low, high, *(low + (high - low) * sp.Rational(i, 4) for i in (1, 2, 3))]
    constraints = _within(gap, p)
    for i, q in enumerate(polynomials):
        values = [_term(q, names, {eigenvalue: _number(x)}) for x in points]
        poly = sp.Poly(q, eigenvalue)
        if poly.degree() == 2:
            a, b, _ = (sp.expand(c) for c in poly.all_coeffs())
            v = z3.Real(f"vertex{i}")
            # some v with 2av + b = 0 exists when a ≠ 0; the criterion must hold there if it lies inside
            at_vertex = _term(q, names, {eigenvalue: v})
            constraints.append(
                z3.Or(_term(a, {parameter: p}, {}) == 0, 2 * _term(a, {parameter: p}, {}) * v + _term(b, {parameter: p}, {}) == 0)
            )
            inside = z3.And(v >= _number(low), v <= _number(high), _term(a, {parameter: p}, {}) != 0)
            same = (
                z3.Or(z3.And(at_vertex > 0, values[0] > 0), z3.And(at_vertex < 0, values[0] < 0))
                if relation == "!= 0"
                else _relation(at_vertex, relation)
            )
            constraints.append(z3.Implies(inside, same))
        if relation == "!= 0":  # a continuous function without a zero keeps its sign
            constraints.append(z3.Or(z3.And([x > 0 for x in values]), z3.And([x < 0 for x in values])))
        else:
            constraints += [_relation(x, relation) for x in values]
    answer = _unsat(constraints, seconds)
    # a model here only means that the chosen λ do not settle the gap, not that the gap is wrong
    return "undecided" if answer == "refuted" else answer


def _unsat(constraints: list[z3.BoolRef], seconds: float) -> str:
    for solver in (z3.Tactic("qfnra-nlsat").solver(), z3.Solver()):
        solver.set("timeout", int(seconds * 500))
        solver.add(*constraints)
        result = solver.check()
        if result != z3.unknown:
            return "proved" if result == z3.unsat else "refuted"
    return "undecided"
