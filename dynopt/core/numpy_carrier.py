"""The algebra on NumPy arrays and Python floats."""

from __future__ import annotations

import math
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
