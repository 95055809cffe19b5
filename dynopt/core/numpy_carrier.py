"""The algebra on NumPy arrays and Python floats."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

where = np.where
minimum = np.minimum
maximum = np.maximum


def inner(x: Any, y: Any) -> Any:
    return np.sum(np.multiply(x, y), axis=-1, keepdims=True)


def sqrt(x: Any) -> Any:
    return math.sqrt(x) if isinstance(x, (int, float, Fraction)) else np.sqrt(x)


def one(x: Any) -> Any:
    return np.ones((*np.shape(x)[:-1], 1), dtype=x.dtype) if isinstance(x, np.ndarray) else 1


def size(x: Any) -> Any:
    return np.shape(x)[-1] if np.ndim(x) else 1


def per_run(value: Any, x: Any) -> Any:
    return np.asarray(value)[..., None] if np.ndim(value) or isinstance(value, (np.ndarray, np.generic)) else value


def sequence(name: str, rule: Callable[[Any], Any], k: Any) -> Any:
    return rule(k)


def settled(condition: Any) -> bool:
    """True when the condition holds everywhere."""
    return bool(np.all(condition))
