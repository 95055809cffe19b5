"""Shorter Boolean conditions: factors of known sign and parts that the rest decides are dropped, each with a proof."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from dynopt.symbolic.decide import decide
from dynopt.symbolic.symbols import eigenvalue


def stripped(e: sp.Expr) -> sp.Expr:
    """A polynomial with the sign of e for λ < 0: denominators and powers of λ are multiplied out with their sign.

    >>> gamma = sp.Symbol("gamma", real=True)
    >>> stripped(eigenvalue * gamma - eigenvalue)
    1 - gamma
    """
    numerator, denominator = sp.fraction(sp.together(e))
    constant, factors = sp.factor_list(sp.expand(numerator * denominator))
    sign = sp.sign(constant)
    kept: list[sp.Expr] = []
    for base, power in factors:
        if base == eigenvalue:
            sign *= (-1) ** power
        elif power % 2 == 0:
            kept.append(base**2)
        else:
            kept.append(base)
    return _collected(sign * sp.Mul(*kept))


def _collected(e: sp.Expr) -> sp.Expr:
    expanded = sp.expand(e)
    return min((expanded, sp.collect(expanded, eigenvalue), sp.factor(e)), key=lambda form: (sp.count_ops(form), len(str(form))))


def prune(condition: Any, given: Sequence[Any], *, seconds: float = 0.5) -> Any:
    """The condition with factors of one sign under ``given`` dropped, and every part that ``given`` and its neighbours decide.

    >>> x, y = sp.symbols("x y", real=True)
    >>> prune(sp.Or(sp.And(x > 0, y > 0), sp.And(x < 0, y > 0)), [x > 1])
    y > 0
    """
    if condition in (sp.true, sp.false):
        return condition
    if _proved(given, condition, seconds):
        return sp.true
    if _proved(given, negated(condition), seconds):
        return sp.false
    if not isinstance(condition, (sp.And, sp.Or)):
        return _one_sign(condition, given, seconds)
    join, parts = condition.func, sorted(condition.args, key=lambda part: -len(str(part)))
    done: list[Any] = []
    while parts:
        part = parts.pop(0)
        others = [*parts, *done]
        context = [*given, *(others if join is sp.And else map(negated, others))]
        done.append(prune(part, context, seconds=seconds))
        if isinstance(done[-1], join):  # flattened, so that its parts are looked at one by one
            parts += done.pop().args
        elif done[-1] == (sp.true if join is sp.And else sp.false):
            done.pop()
    return join(*done)


def negated(condition: Any) -> Any:
    """Not, carried to the comparisons."""
    return sp.to_nnf(sp.Not(condition), simplify=False)


def _one_sign(relation: Any, given: Sequence[Any], seconds: float) -> Any:
    """A comparison with zero without the factors of its left side that have one sign under the hypotheses."""
    if relation.rhs != 0:
        return relation
    sign, kept = sp.Integer(1), sp.Integer(1)
    constant, factors = sp.factor_list(relation.lhs)
    sign = sp.sign(constant)
    for base, power in factors:
        if _proved(given, base > 0, seconds):
            continue
        if _proved(given, base < 0, seconds):
            sign *= (-1) ** power
            continue
        kept *= base**power
    return relation.func(_collected(sign * kept), 0)


def _proved(given: Sequence[Any], then: Any, seconds: float) -> bool:
    if then in (sp.true, sp.false):
        return bool(then)
    if _broken(given, then):
        return False
    return decide(list(given), then, seconds=seconds, deciders=["z3"]).answers[0].answer == "proved"


_DRAWS = 400


def _broken(given: Sequence[Any], then: Any) -> bool:
    """Whether a random point, in floating point, satisfies the hypotheses and not the conclusion.

    What is not provable costs a solver its whole time, and a point next to nothing.  A point that rounding
    makes a wrong counterexample leaves a part in that could have been dropped, nothing worse.
    """
    names = sorted({s for f in (*given, then) if f not in (sp.true, sp.false) for s in f.free_symbols}, key=str)
    points = {s: -_draws(s.name) if s == eigenvalue else _draws(s.name) for s in names}
    holds = np.ones(_DRAWS, dtype=bool)
    for fact in given:
        holds &= _at(fact, points)
    return bool(np.any(holds & ~_at(then, points)))


@functools.cache
def _draws(name: str) -> np.ndarray:
    """Positive values of a symbol: half of them below one, half around one on a logarithmic scale."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return np.where(rng.random(_DRAWS) < 0.5, rng.random(_DRAWS), np.exp(2 * rng.normal(size=_DRAWS)))


def _at(formula: Any, points: dict[sp.Symbol, np.ndarray]) -> np.ndarray:
    if formula in (sp.true, sp.false):
        return np.full(_DRAWS, bool(formula))
    return np.broadcast_to(_compiled(formula)(*(points[s] for s in sorted(formula.free_symbols, key=str))), (_DRAWS,))


@functools.lru_cache(maxsize=4096)
def _compiled(formula: Any) -> Any:
    return sp.lambdify(sorted(formula.free_symbols, key=str), formula, "numpy")
