"""The small algebra that definitions may use beside ``+ - * /`` and the oracle.

``inner``, ``norm``, ``where``, ``sqrt``, ``minimum``, ``maximum`` act on one meaning of "vector":
the last axis of NumPy arrays, of batched torch tensors and of NumPy object arrays of SymPy
expressions (exact traces), or a whole list of network parameters.  Inner products keep the last
axis with length one, so that they broadcast against the vectors they came from; a number for each
run, such as a tuned step-size, has that shape ``(*batch, 1)`` too: `one` is the number 1 in it, and
`per_run` brings objective values into it; `size` counts coordinates.

Which implementation runs is decided by the operands; each lives beside the library that it needs
and is imported only when such an operand appears.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import FunctionType, ModuleType
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
    objects = not roots.isdisjoint({"numpy", "dynopt"}) and any(str(getattr(x, "dtype", "")) == "object" for x in operands)
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
    """``x`` where the condition holds, else ``y``: the only branch a definition may take on values.

    ``x`` and ``y`` may be functions without arguments, called only if they are needed: a condition on the
    iteration alone (``k % period == 0``) decides which, so that a gradient is not taken in vain.

    >>> where(True, 1, lambda: 1 / 0)
    1
    """
    if isinstance(condition, bool):
        return _now(x if condition else y)
    x, y = _now(x), _now(y)
    return carrier(condition, x, y).where(condition, x, y)


def _now(value: Any) -> Any:
    return value() if isinstance(value, FunctionType) else value


def one(x: Any) -> Any:
    """The number 1 for each run: of shape ``(*batch, 1)`` for ``x`` of shape ``(*batch, n)``, in its library and dtype.

    >>> import numpy as np
    >>> one(np.zeros((2, 3)))
    array([[1.],
           [1.]])
    """
    return carrier(x).one(x)


def size(x: Any) -> Any:
    """The number of coordinates of a vector; over *all* parameters for a list.

    >>> import numpy as np
    >>> size(np.zeros((2, 3)))
    3
    """
    return carrier(x).size(x)


def per_run(value: Any, x: Any) -> Any:
    """Objective values of shape ``(*batch,)`` as a number for each run, of the shape of ``one(x)``.

    >>> import numpy as np
    >>> per_run(np.array([1.0, 2.0]), np.zeros((2, 3)))
    array([[1.],
           [2.]])
    """
    return carrier(x).per_run(value, x)


def shrink(value: Any, factor: Any, accepted: Callable[[Any], Any], most: int) -> Any:
    """``value·factor^j`` with the least j ≤ ``most`` that is ``accepted``, for each run; with j = ``most`` where none is.

    Back-tracking in plain arithmetic: it stops early where every run's value is accepted and that can be known.

    >>> shrink(1.0, 0.5, lambda step: step < 0.3, 10)
    0.25
    """
    module = carrier(value)
    if hasattr(module, "shrink") and not hasattr(value, "shape"):  # a symbol, which is only printed
        return module.shrink(value, factor, accepted)
    for _ in range(int(most)):
        good = accepted(value)
        if carrier(good).settled(good):
            return value
        value = where(good, value, factor * value)
    return value


def sequence(name: str, rule: Callable[[Any], Any], k: Any) -> Any:
    """``rule(k)``, a number that depends on the iteration alone; where ``k`` is a symbol, ``name(k)`` left standing.

    For what is counted rather than computed, such as the step-size of the stage that iteration ``k`` belongs to.

    >>> sequence("alpha", lambda k: 8 if k < 3 else 4, 5)
    4
    """
    return carrier(k).sequence(name, rule, k)


def minimum(x: Any, y: Any) -> Any:
    """The element-wise smaller of two."""
    return carrier(x, y).minimum(x, y)


def maximum(x: Any, y: Any) -> Any:
    """The element-wise larger of two."""
    return carrier(x, y).maximum(x, y)
