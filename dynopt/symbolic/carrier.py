"""The algebra on SymPy: single expressions, and NumPy object arrays of them (vectors)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from sympy.utilities.lambdify import implemented_function


def _elementwise(function: Callable[..., Any], *operands: Any) -> Any:
    if any(isinstance(x, np.ndarray) for x in operands):
        return np.frompyfunc(function, len(operands), 1)(*operands)
    return function(*operands)


def inner(x: Any, y: Any) -> Any:
    product = x * y
    return np.sum(product, axis=-1, keepdims=True) if isinstance(product, np.ndarray) else product


def sqrt(x: Any) -> Any:
    return _elementwise(sp.sqrt, x)


def where(condition: Any, x: Any, y: Any) -> Any:
    return _elementwise(lambda c, a, b: sp.Piecewise((a, c), (b, True)), condition, x, y)


def one(x: Any) -> Any:
    return np.full((*x.shape[:-1], 1), sp.Integer(1)) if isinstance(x, np.ndarray) else sp.Integer(1)


def per_run(value: Any) -> Any:
    return value[..., None] if isinstance(value, np.ndarray) else np.array([value], dtype=object)


def settled(condition: Any) -> bool:
    return all(c == True for c in np.ravel(condition))  # noqa: E712  (SymPy's true)


def sequence(name: str, rule: Callable[[Any], Any], k: Any) -> Any:
    """An undefined function of ``k`` that evaluates to ``rule`` where a number takes the place of ``k``."""
    return implemented_function(name, lambda index: sp.N(rule(int(index)), 30))(k)


def minimum(x: Any, y: Any) -> Any:
    return _elementwise(sp.Min, x, y)


def maximum(x: Any, y: Any) -> Any:
    return _elementwise(sp.Max, x, y)
