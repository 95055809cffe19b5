"""The small algebra that definitions may use beside ``+ - * /`` and the oracle.

``inner``, ``norm``, ``where``, ``sqrt``, ``minimum``, ``maximum`` act on one meaning of "vector":
the last axis of NumPy arrays, of batched torch tensors and of NumPy object arrays of SymPy
expressions (exact traces), or a whole list of network parameters.  Inner products keep the last
axis with length one, so that they broadcast against the vectors they came from.

Which implementation runs is decided by the operands; each lives beside the library that it needs
and is imported only when such an operand appears.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

_CARRIERS = {
    "numpy": "dynopt.core.numpy_carrier",
    "sympy": "dynopt.symbolic.carrier",
    "torch": "dynopt.ensemble.carrier",
    "dynopt": "dynopt.optim.carrier",
}


def carrier(*operands: Any) -> ModuleType:
    """The module that implements the algebra for these operands (Python numbers follow the others)."""
    roots = {type(x).__module__.partition(".")[0] for x in operands}
    objects = "numpy" in roots and any(str(getattr(x, "dtype", "")) == "object" for x in operands)
    if "sympy" in roots or objects or any(hasattr(x, "free_symbols") for x in operands):
        return importlib.import_module(_CARRIERS["sympy"])
    for root in ("dynopt", "torch", "numpy"):
        if root in roots:
            return importlib.import_module(_CARRIERS[root])
    return importlib.import_module(_CARRIERS["numpy"])


def inner(x: Any, y: Any) -> Any:
    """⟨x, y⟩ over the last axis, kept with length one.

    >>> import numpy as np
    >>> inner(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([11.])
    """
    return carrier(x, y).inner(x, y)


def norm(x: Any) -> Any:
    """‖x‖ = √⟨x, x⟩ over the last axis, kept with length one; over *all* parameters for a list."""
    return sqrt(inner(x, x))


def sqrt(x: Any) -> Any:
    """The element-wise square root."""
    return carrier(x).sqrt(x)


def where(condition: Any, x: Any, y: Any) -> Any:
    """``x`` where the condition holds, else ``y``: the only branch a definition may take on values."""
    return carrier(condition, x, y).where(condition, x, y)


def minimum(x: Any, y: Any) -> Any:
    """The element-wise smaller of two."""
    return carrier(x, y).minimum(x, y)


def maximum(x: Any, y: Any) -> Any:
    """The element-wise larger of two."""
    return carrier(x, y).maximum(x, y)
