"""The algebra on SymPy: single expressions, and NumPy object arrays of them (vectors)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from sympy.utilities.lambdify import implemented_function


class Expressions(np.ndarray):
    """An object array of expressions that can be compared: NumPy would ask each comparison whether it is true.

    >>> x = np.array(sp.symbols("x y")).view(Expressions)
    >>> (x > 0).tolist()
    [x > 0, y > 0]
    """

    def __gt__(self, other: Any) -> Any:
        return _elementwise(operator.gt, self, other)

    def __lt__(self, other: Any) -> Any:
        return _elementwise(operator.lt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _elementwise(operator.ge, self, other)

    def __le__(self, other: Any) -> Any:
        return _elementwise(operator.le, self, other)


def _elementwise(function: Callable[..., Any], *operands: Any) -> Any:
    if any(isinstance(x, np.ndarray) for x in operands):
        return np.frompyfunc(function, len(operands), 1)(*operands)
    return function(*operands)


class Vector(sp.Symbol):
    """A vector in a formula that is only printed: inner products and norms of it are left standing."""


class Inner(sp.Function):
    """⟨x, y⟩, left standing."""

    def _sympystr(self, printer: Any) -> str:
        return f"inner({', '.join(map(printer._print, self.args))})"

    def _latex(self, printer: Any, exp: Any = None) -> str:
        base = rf"\langle {', '.join(map(printer._print, self.args))} \rangle"
        return f"{base}^{{{exp}}}" if exp else base


class Norm(sp.Function):
    """‖x‖, left standing."""

    is_nonnegative = True

    def _sympystr(self, printer: Any) -> str:
        return f"norm({printer._print(self.args[0])})"

    def _latex(self, printer: Any, exp: Any = None) -> str:
        base = rf"\left\| {printer._print(self.args[0])} \right\|"
        return f"{base}^{{{exp}}}" if exp else base


def inner(x: Any, y: Any) -> Any:
    if isinstance(x, sp.Basic) and x.has(Vector):
        return Norm(x) ** 2 if x == y else Inner(x, y)
    product = x * y
    return np.sum(product, axis=-1, keepdims=True) if isinstance(product, np.ndarray) else product


def sqrt(x: Any) -> Any:
    return _elementwise(sp.sqrt, x)


def where(condition: Any, x: Any, y: Any) -> Any:
    return _elementwise(lambda c, a, b: sp.Piecewise((a, c), (b, True)), condition, x, y)


def one(x: Any) -> Any:
    return np.full((*x.shape[:-1], 1), sp.Integer(1)).view(Expressions) if isinstance(x, np.ndarray) else sp.Integer(1)


def size(x: Any) -> Any:
    return x.shape[-1] if isinstance(x, np.ndarray) else sp.Symbol("n", positive=True, integer=True)


def per_run(value: Any, x: Any) -> Any:
    return np.asarray(value, dtype=object)[..., None] if isinstance(x, np.ndarray) else value


def settled(condition: Any) -> bool:
    return all(c == True for c in np.ravel(condition))  # noqa: E712  (SymPy's true)


def shrink(value: Any, factor: Any, accepted: Callable[[Any], Any]) -> Any:
    """The step found by back-tracking, left standing; the condition is written with the step ``s``."""
    return sp.Function("shrink")(value, factor, accepted(sp.Symbol("s", positive=True)))


def sequence(name: str, rule: Callable[[Any], Any], k: Any) -> Any:
    """An undefined function of ``k`` that evaluates to ``rule`` where a number takes the place of ``k``."""
    return implemented_function(name, lambda index: sp.N(rule(int(index)), 30))(k)


def minimum(x: Any, y: Any) -> Any:
    return _elementwise(sp.Min, x, y)


def maximum(x: Any, y: Any) -> Any:
    return _elementwise(sp.Max, x, y)
