"""Exits as expressions, for fused kernels: the measures of `dynopt.escape.exits` on symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from dynopt.ensemble.trace import Untraceable
from dynopt.escape.exits import Exit
from dynopt.escape.saddle import Saddle


def expression(exit: Exit, saddle: Saddle, theta: Sequence[sp.Symbol]) -> tuple[sp.Expr, float]:
    """(measure, level) with measure(θ) ≥ level exactly when the exit holds.

    Raises
    ------
    Untraceable : a problem without expressions, the exit ``descent``, or ``concave`` and ``hessian`` in more than two dimensions.
    """
    shift = [x - float(p) if p else x for x, p in zip(theta, saddle.point, strict=True)]
    problem: Any = saddle.problem
    if exit.name == "coordinate":
        if saddle.axes is not None:
            part: list[Any] = [shift[i] for i in saddle.axes]
        else:
            part = [sum(float(c) * x for c, x in zip(column, shift, strict=True)) for column in saddle.unstable.T]
        return (sp.Abs(part[0]), exit.level) if len(part) == 1 else (_square(part), exit.level**2)
    if exit.name == "ball":
        return _square(shift), exit.level
    if exit.name == "basin":
        squares = [_square([x - float(p) for x, p in zip(theta, place.point, strict=True)]) for place in saddle.minima]
        nearest = squares[0]
        for square in squares[1:]:
            nearest = sp.Min(nearest, square)
        return -nearest, exit.level
    if exit.name == "descent":
        raise Untraceable("the exit descent follows a path from every point, which no expression says")
    if not hasattr(problem, "expression"):
        raise Untraceable(f"problem {problem.name!r} has no expression for the exit {exit.text}")
    named = dict(zip(problem.symbols, theta, strict=True))
    if exit.name == "drop":
        return float(problem.value(saddle.point)) - problem.expression.xreplace(named), exit.level
    if len(theta) > 2:
        raise Untraceable(f"the exit {exit.name} needs eigenvalues, which have no kernel form above two dimensions")
    hessian = sp.hessian(problem.expression, problem.symbols).xreplace(named)
    if len(theta) == 1:
        return hessian[0, 0], exit.level
    half, middle = (hessian[0, 0] - hessian[1, 1]) / 2, (hessian[0, 0] + hessian[1, 1]) / 2
    if hessian[0, 1] == 0:
        return sp.Min(hessian[0, 0], hessian[1, 1]), exit.level
    return middle - sp.sqrt(half**2 + hessian[0, 1] ** 2), exit.level


def _square(vector: Sequence[Any]) -> sp.Expr:
    return sp.Add(*(x * x for x in vector))
