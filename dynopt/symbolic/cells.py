"""The exact set of one parameter for which polynomial conditions hold for all λ in an interval.

The line of the parameter is cut at every value where the position of a root in λ relative to the
interval can change: where a condition vanishes at an end of the interval, where two roots meet
(discriminants, resultants), or where a condition vanishes identically.  Between two cuts one
rational sample decides; at a cut the field Q(cut) does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Poly, Rational

from dynopt.core.parameter import Domain
from dynopt.symbolic.algebraic import Algebraic, FieldPolynomial, between, roots
from dynopt.symbolic.symbols import eigenvalue


@dataclass(frozen=True)
class Piece:
    """An interval of the parameter; an end of None is infinite, a point has equal closed ends."""

    lower: Algebraic | None
    upper: Algebraic | None
    lower_closed: bool
    upper_closed: bool


def admissible(
    polynomials: Sequence[sp.Expr], relation: str, parameter: sp.Symbol, domain: Domain, low: Rational, high: Rational
) -> list[Piece]:
    """The set {p in domain : for all λ in [low, high], every polynomial satisfies the relation}, as ascending pieces.

    ``polynomials`` are in λ (`eigenvalue`) and ``parameter`` alone, with rational coefficients;
    ``relation`` is ``> 0``, ``>= 0`` or ``!= 0``.
    """
    conditions = [Poly(q, eigenvalue, parameter, domain="QQ") for q in polynomials]
    ends = [_end(domain.lower), _end(domain.upper)]
    cuts = roots(critical(conditions, parameter, low, high))
    line: list[Algebraic] = [c for c in cuts if _inside(c, ends)]
    lower, upper = ends
    cells: list[tuple[Algebraic | None, Algebraic | None]] = list(itertools.pairwise([lower, *line, upper]))

    def holds(p: Algebraic) -> bool:
        return all(_test(q, relation, p, low, high) for q in conditions)

    verdicts: list[tuple[str, bool, Algebraic | None, Algebraic | None]] = []
    for i, (a, b) in enumerate(cells):
        if i == 0 and a is not None and domain.lower_closed:
            verdicts.append(("point", holds(a), a, a))
        verdicts.append(("cell", holds(Algebraic.rational(between(a, b))), a, b))
        if b is not None and (b is not upper or domain.upper_closed):
            verdicts.append(("point", holds(b), b, b))
    return _merge(verdicts)


def _end(value: object) -> Algebraic | None:
    return None if value in (float("inf"), float("-inf")) else Algebraic.rational(Rational(str(value)))


def _inside(cut: Algebraic, ends: Sequence[Algebraic | None]) -> bool:
    lower, upper = ends
    above = lower is None or cut.sign(Poly(cut.poly.gen - lower.lower, cut.poly.gen, domain="QQ")) > 0
    below = upper is None or cut.sign(Poly(upper.lower - cut.poly.gen, cut.poly.gen, domain="QQ")) > 0
    return above and below


def critical(conditions: Sequence[Poly], parameter: sp.Symbol, low: Rational, high: Rational) -> list[Poly]:
    factors = {f for q in conditions if not q.is_zero for f, _ in q.factor_list()[1]}
    result: list[sp.Expr] = []
    for f in factors:
        result += [f.eval(eigenvalue, low).as_expr(), f.eval(eigenvalue, high).as_expr()]
        in_lambda = Poly(f.as_expr(), eigenvalue)
        content = sp.gcd_list(in_lambda.all_coeffs())
        result.append(content)
        if in_lambda.degree() >= 2:
            result.append(sp.discriminant(in_lambda))
    for f, g in itertools.combinations(factors, 2):
        if f.degree(eigenvalue) and g.degree(eigenvalue):
            result.append(sp.resultant(f.as_expr(), g.as_expr(), eigenvalue))
    polys = (Poly(e, parameter, domain="QQ") for e in map(sp.expand, result) if e != 0)
    return [p for p in polys if p.degree() > 0]


def _test(condition: Poly, relation: str, p: Algebraic, low: Rational, high: Rational) -> bool:
    parameter = condition.gens[1]
    in_lambda = Poly(condition.as_expr(), eigenvalue)
    field = FieldPolynomial([Poly(c, parameter, domain="QQ") for c in in_lambda.all_coeffs()], p)
    if relation == "> 0":
        return field.positive_on(low, high)
    return field.nonnegative_on(low, high) if relation == ">= 0" else field.nowhere_zero_on(low, high)


def _merge(verdicts: list[tuple[str, bool, Algebraic | None, Algebraic | None]]) -> list[Piece]:
    pieces: list[Piece] = []
    run: list[tuple[str, bool, Algebraic | None, Algebraic | None]] = []
    for item in [*verdicts, ("end", False, None, None)]:
        if item[1]:
            run.append(item)
        elif run:
            first, last = run[0], run[-1]
            pieces.append(Piece(first[2], last[3], first[0] == "point", last[0] == "point"))
            run = []
    return pieces
