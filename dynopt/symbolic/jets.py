"""The derivatives of J at a point as symbols, and an oracle that answers with Taylor polynomials in the step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import sympy as sp

from dynopt.errors import Misuse

step = sp.Symbol("h", positive=True)
"""h, the time that one iteration takes."""
Index = tuple[int, ...]


class Jets:
    """The partial derivatives of J at θ: zero, a number, or a symbol that stands for an expression.

    ``jets[1, 2]`` is ∂J/∂θ₁∂θ₂².  Without a problem, J is any function of one coordinate.
    """

    def __init__(self, problem: Any = None) -> None:
        self.dimension = 1 if problem is None else problem.dimension
        self.expressions: dict[sp.Symbol, sp.Expr] = {}
        self.indices: dict[sp.Symbol, Index] = {}
        self._known: dict[Index, sp.Expr] = {}
        self.coordinates = () if problem is None else problem.symbols
        self._derivatives: dict[Index, sp.Expr] = {} if problem is None else {(0,) * self.dimension: problem.expression}

    def __getitem__(self, index: Index) -> sp.Expr:
        if index not in self._known:
            expression = self._derivative(index) if self._derivatives else None
            self._known[index] = sp.S.Zero if expression is None else expression
            if expression is None or not expression.is_Rational:
                name = sp.Symbol("J" + "".join(map(str, index)), real=True)
                self._known[index], self.indices[name] = name, index
                if expression is not None:
                    self.expressions[name] = expression
        return self._known[index]

    def _derivative(self, index: Index) -> sp.Expr:
        if index not in self._derivatives:
            last = max(i for i, power in enumerate(index) if power)
            lower = tuple(power - (i == last) for i, power in enumerate(index))
            self._derivatives[index] = sp.expand(sp.diff(self._derivative(lower), self.coordinates[last]))
        return self._derivatives[index]

    def up_to(self, order: int) -> Iterator[Index]:
        """All indices of total order 1 to ``order`` whose derivative is not zero."""
        level = {(0,) * self.dimension}
        for _ in range(order):
            following = {raised(index, i) for index in level for i in range(self.dimension)}
            yield from sorted(index for index in following if self[index] != 0)
            level = {index for index in following if self[index].is_Symbol}  # the others have no derivatives but zero


def raised(index: Index, i: int) -> Index:
    """The index of one more derivative in coordinate i.

    >>> raised((0, 1), 1)
    (0, 2)
    """
    return tuple(power + (i == j) for j, power in enumerate(index))


class ExpandedOracle:
    """An oracle that answers with the Taylor polynomial of ∇J in h around θ."""

    def __init__(self, jets: Jets, theta: np.ndarray, order: int, name: str) -> None:
        self.jets, self.theta, self.order, self.name = jets, theta, order, name

    def gradient(self, x: Any) -> Any:
        n = self.jets.dimension
        shifts = [taylor(e - t, self.order) for e, t in zip(np.ravel(x), self.theta, strict=True)]
        if any(row[0] != 0 for row in shifts):
            raise Misuse(
                f"{self.name} takes a gradient at a distance from theta that does not vanish with the step; "
                "such a map has no modified equation: study it by runs (trajectory)"
            )
        moved = any(any(row) for row in shifts)
        indices = [(0,) * n, *self.jets.up_to(self.order)] if moved else [(0,) * n]
        powers = {index: _power(shifts, index, self.order) for index in indices}
        result = np.empty(n, dtype=object)
        for i in range(n):
            row = [sp.S.Zero] * (self.order + 1)
            for index, power in powers.items():
                jet = self.jets[raised(index, i)] if any(power) else 0
                row = [a + jet * b for a, b in zip(row, power, strict=True)]
            result[i] = sp.Add(*(c * step**j for j, c in enumerate(row)))
        return result

    full_gradient = gradient

    def value(self, x: Any) -> Any:
        raise Misuse(f"{self.name} uses values of J, which no modified equation here knows; study it by runs (trajectory)")

    def at(self, k: int) -> Self:
        return self


def _power(shifts: list[list[sp.Expr]], index: Index, order: int) -> list[sp.Expr]:
    """Coefficients in h of Π δᵢ^{aᵢ}/aᵢ!, up to h^order."""
    row = [sp.S.One, *[sp.S.Zero] * order]
    for shift, power in zip(shifts, index, strict=True):
        for _ in range(power):
            row = [sp.Add(*(row[i] * shift[j - i] for i in range(j + 1))) for j in range(order + 1)]
        row = [c / math.factorial(power) for c in row]
    return row


def taylor(expression: Any, order: int) -> list[sp.Expr]:
    """Coefficients of h⁰, …, h^order of an expression that is smooth at h = 0.

    >>> taylor((1 + step) ** 2 / (1 - step), 2)
    [1, 3, 4]
    """
    expression = sp.expand(expression)
    if not expression.is_polynomial(step):
        expression = sp.cancel(expression)
    if expression.is_polynomial(step):
        poly = sp.Poly(expression, step)
        return [sp.sympify(poly.coeff_monomial(step**j)) for j in range(order + 1)]
    slopes = [expression]
    for _ in range(order):
        slopes.append(sp.diff(slopes[-1], step))
    return [sp.cancel(e.subs(step, 0)) / math.factorial(j) for j, e in enumerate(slopes)]
