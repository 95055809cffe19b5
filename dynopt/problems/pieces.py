"""The smooth pieces of a landscape with kinks: one sign per ``abs``, one piece per choice of signs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from dynopt.errors import Misuse

if TYPE_CHECKING:
    from dynopt.problems.landscape import Landscape


def abs_form(expression: sp.Expr) -> sp.Expr:
    """The same function with Max(a, b) = (a + b + |a − b|)/2 and Min(a, b) = (a + b − |a − b|)/2.

    >>> x, y = sp.symbols("x y", real=True)
    >>> abs_form(sp.Max(x, y))
    x/2 + y/2 + Abs(x - y)/2
    """

    def fold(sign: int, arguments: tuple[Any, ...]) -> sp.Expr:
        result = arguments[0]
        for a in arguments[1:]:
            result = (result + a + sign * sp.Abs(result - a)) / 2
        return result

    if not expression.has(sp.Max, sp.Min):
        return expression
    return expression.replace(sp.Max, lambda *a: fold(1, a)).replace(sp.Min, lambda *a: fold(-1, a))


class Pieces:
    """J(θ) = P(θ, s) with s_j = sign h_j(θ, s): each |h_j| of J, innermost first, becomes s_j·h_j.

    For fixed signs P is smooth in θ; the signs of a nested ``abs`` enter the h_j outside it.  Written
    with `abs_form`, so that max and min count as ``abs``.

    Parameters
    ----------
    landscape : J.
    terms : J as a sum, when each term shall have signs of its own (see `dynopt.problems.finite_sum`).

    Attributes
    ----------
    symbols, signs : the coordinates and s₁, …, s_k.
    switches : the functions h₁, …, h_k, whose zeros are the kinks.
    expression : P.

    Raises
    ------
    Misuse : J contains sign or Piecewise, so that it need not be continuous.

    Examples
    --------
    >>> from dynopt import Landscape
    >>> pieces = Pieces(Landscape(lambda x: abs(abs(x) - 1), name="two wells"))
    >>> pieces.expression, pieces.switches
    (s2*(s1*x - 1), (x, s1*x - 1))
    >>> pieces.gradient(np.array([0.5]), pieces.signs_at(np.array([0.5])))
    array([-1.])
    """

    def __init__(self, landscape: Landscape, terms: Sequence[sp.Expr] | None = None) -> None:
        self.name, self.symbols = landscape.name, landscape.symbols
        signs: list[sp.Symbol] = []
        switches: list[sp.Expr] = []
        self.expression: sp.Expr = sp.Integer(0)
        for term in [landscape.expression] if terms is None else terms:
            expression = abs_form(term)
            if expression.has(sp.sign, sp.Piecewise, sp.Heaviside):
                raise Misuse(f"problem {self.name!r} contains sign or Piecewise and may jump; write its kinks with abs, Max and Min")
            while inner := sorted((a for a in expression.atoms(sp.Abs) if not a.args[0].has(sp.Abs)), key=sp.default_sort_key):
                fresh = [_fresh(f"s{len(signs) + i + 1}", self.symbols) for i in range(len(inner))]
                signs += fresh
                switches += [a.args[0] for a in inner]
                expression = expression.xreplace({a: s * a.args[0] for a, s in zip(inner, fresh, strict=True)})
            self.expression += expression
        self.signs, self.switches = tuple(signs), tuple(switches)

    @property
    def count(self) -> int:
        """The number of kinks k."""
        return len(self.signs)

    @cached_property
    def gradient_expression(self) -> list[sp.Expr]:
        """∇P with respect to θ, for fixed signs."""
        return [sp.diff(self.expression, x) for x in self.symbols]

    def gradient(self, theta: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """∇P(θ, s), of shape ``(*batch, n)``, for θ of shape ``(*batch, n)`` and signs of shape ``(*batch, k)``."""
        return _stack(self._compiled[0], theta, signs)

    def heights(self, theta: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """h_j(θ, s), of shape ``(*batch, k)``."""
        return _stack(self._compiled[1], theta, signs)

    def normals(self, theta: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """∇h_j(θ, s) with respect to θ, of shape ``(*batch, k, n)``."""
        flat = _stack(self._compiled[2], theta, signs)
        return flat.reshape(*flat.shape[:-1], self.count, len(self.symbols))

    def signs_at(self, theta: np.ndarray) -> np.ndarray:
        """The signs of the piece that holds one θ of shape ``(n,)``; +1 where h_j = 0."""
        signs = np.ones(self.count)
        for j in range(self.count):  # innermost first: h_j depends on earlier signs alone
            signs[j] = -1.0 if self.heights(theta, signs)[j] < 0 else 1.0
        return signs

    @cached_property
    def _compiled(self) -> list[Callable[..., Any]]:
        normals = [sp.diff(h, x) for h in self.switches for x in self.symbols]
        return [
            sp.lambdify([*self.symbols, *self.signs], entries, modules="numpy", cse=True)
            for entries in (self.gradient_expression, list(self.switches), normals)
        ]


def _fresh(name: str, taken: tuple[sp.Symbol, ...]) -> sp.Symbol:
    return sp.Dummy(name, real=True) if name in {s.name for s in taken} else sp.Symbol(name, real=True)


def _stack(function: Callable[..., Any], theta: np.ndarray, signs: np.ndarray) -> np.ndarray:
    rows = function(*(theta[..., i] for i in range(theta.shape[-1])), *(signs[..., j] for j in range(signs.shape[-1])))
    result = np.empty((*np.broadcast_shapes(theta.shape[:-1], signs.shape[:-1]), len(rows)))
    for i, row in enumerate(rows):
        result[..., i] = row
    return result


def regularised(landscape: Landscape, epsilon: float) -> Landscape:
    """The smooth landscape in which every |h| of J, innermost first, is √(h² + ε²).

    The value differs from J by at most ε for each ``abs`` of coefficient 1 that is not nested.

    >>> from dynopt import Landscape
    >>> regularised(Landscape(lambda x: abs(x), name="kink"), 0.5).expression
    sqrt(x1**2 + 1/4)
    """
    from dynopt.problems.landscape import Landscape

    if isinstance(epsilon, (str, bool)) or not 0 < epsilon < float("inf"):
        raise Misuse(f"regularise={epsilon} is outside (0, oo); give the width of the rounded kinks, such as 1e-3")
    Pieces(landscape)  # says so if J has jumps
    width = sp.Rational(str(float(epsilon)))
    expression = abs_form(landscape.expression).replace(sp.Abs, lambda h: sp.sqrt(h**2 + width**2))
    return Landscape(
        lambda *x: expression.xreplace(dict(zip(landscape.symbols, x, strict=True))),
        dimension=landscape.dimension, name=landscape.name, start=landscape.start,
    )  # fmt: skip
