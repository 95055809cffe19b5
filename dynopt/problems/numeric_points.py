"""Critical points found in floating point, for problems whose equations no exact method solves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import minimize

from dynopt.core.problem import CriticalPoint
from dynopt.problems.critical import kind_of

_ZERO = 1e-9
"""Eigenvalues below this part of the largest count as zero."""


def polished(problem: Any, x: np.ndarray, steps: int = 20) -> tuple[np.ndarray, float]:
    """Newton's method on ∇J = 0 until the gradient stops shrinking; the point and ‖∇J‖ there.

    Zero eigenvalues of the Hessian (a point of a family) are left out of the step.
    """
    best, size = x, float(np.linalg.norm(problem.gradient(x)))
    for _ in range(steps):
        moved = best - np.linalg.pinv(problem.hessian(best), rcond=_ZERO, hermitian=True) @ problem.gradient(best)
        now = float(np.linalg.norm(problem.gradient(moved)))
        if not now < size:
            break
        best, size = moved, now
    return best, size


def spectrum(problem: Any, x: np.ndarray) -> np.ndarray:
    """Eigenvalues of the Hessian, ascending; those that rounding alone makes differ from zero are zero."""
    values = np.linalg.eigvalsh(problem.hessian(x))
    return np.where(np.abs(values) < _ZERO * np.abs(values).max(), 0.0, values)


def critical_point(problem: Any, x: np.ndarray, isolated: bool = True) -> CriticalPoint:
    """The record of a point found numerically: SymPy floats instead of exact numbers."""
    values = tuple(sp.Float(v) if v else sp.Integer(0) for v in spectrum(problem, x))
    return CriticalPoint(tuple(map(sp.Float, x.tolist())), kind_of(values), values, sp.Float(float(problem.value(x))), isolated)


def descend(problem: Any, x: np.ndarray) -> np.ndarray | None:
    """A nearby critical point below ``x`` (BFGS, then Newton's method), or None where none is reached."""
    found = minimize(problem.value, x, jac=problem.gradient, method="BFGS", options={"gtol": 1e-8, "maxiter": 2_000})
    point, size = polished(problem, found.x)
    return point if size < 1e-10 * (1 + float(np.abs(problem.hessian(point)).max())) else None


def strict_saddle(problem: Any, starts: Iterable[np.ndarray], longest: float = 0.5, steps: int = 300) -> np.ndarray | None:
    """The first isolated critical point with exactly one negative eigenvalue that a start leads to, or None.

    By eigenvector following (Cerjan, Miller 1981): Newton's step in the eigenbasis of the Hessian, turned
    uphill along the smallest eigenvalue and downhill along all others, no longer than ``longest``.
    """
    for x in starts:
        for _ in range(steps):
            values, vectors = np.linalg.eigh(problem.hessian(x))
            slopes = vectors.T @ problem.gradient(x)
            step = -slopes / np.maximum(np.abs(values), 1e-12)
            step[0] = -step[0]
            length = float(np.linalg.norm(step))
            x = x + vectors @ step * min(1.0, longest / max(length, 1e-300))
            if length < 1e-12 * (1 + float(np.linalg.norm(x))):
                break
        point, size = polished(problem, x)
        values = spectrum(problem, point)
        if size < 1e-12 * (1 + float(np.abs(values).max())) and values[0] < 0 and (len(values) == 1 or values[1] > 0):
            return point
    return None
