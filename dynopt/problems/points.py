"""Points of shape ``(*batch, n)`` as NumPy arrays, object arrays of exact numbers or torch tensors, and constants to match."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from dynopt.errors import Misuse


def check_points(problem: Any, x: Any) -> None:
    """Raise `Misuse` when the points do not have the problem's dimension."""
    if x.shape[-1] != problem.dimension:
        raise Misuse(f"{problem.name} has {problem.dimension} coordinates, the point has {x.shape[-1]}; give one value per coordinate")


def is_torch(x: Any) -> bool:
    return type(x).__module__.partition(".")[0] == "torch"


def like(array: np.ndarray, x: Any) -> Any:
    """A NumPy array of numbers as the kind of array that ``x`` is: its library, dtype and device; exact ones for exact points."""
    if is_torch(x):
        import torch

        return torch.as_tensor(np.asarray(array, dtype=float), dtype=x.dtype, device=x.device)
    if x.dtype == object:
        return array
    return np.asarray(array, dtype=x.dtype)


def join(parts: list[Any], axis: int = -1) -> Any:
    """Arrays of one kind, concatenated."""
    if is_torch(parts[0]):
        import torch

        return torch.cat(parts, dim=axis)
    return np.concatenate(parts, axis=axis)


def stack(parts: list[Any], axis: int = -1) -> Any:
    """Arrays of one kind and one shape, stacked along a new axis."""
    if is_torch(parts[0]):
        import torch

        return torch.stack(parts, dim=axis)
    return np.stack([np.asarray(p) for p in parts], axis=axis)


def coordinates(n: int) -> tuple[sp.Symbol, ...]:
    """The symbols x1, …, xn."""
    return tuple(sp.Symbol(f"x{i + 1}", real=True) for i in range(n))


def whole(owner: str, name: str, value: Any, least: int = 1) -> int:
    """The value as an integer; `Misuse` where it is none or too small."""
    try:
        number = int(value)
        good = number == value and not isinstance(value, (bool, str)) and number >= least
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise Misuse(f"{owner}: {name}={value} is not a whole number of at least {least}; give one, as in {owner}({name}={max(least, 2)})")
    return number


def positive(owner: str, name: str, value: Any) -> sp.Rational:
    """The value as an exact positive number; `Misuse` where it is none."""
    try:
        number = sp.Rational(str(value))
        good = number > 0
    except (TypeError, ValueError):
        good = False
    if not good:
        raise Misuse(f"{owner}: {name}={value} is not a positive number; give one, as in {owner}({name}=1)")
    return number
