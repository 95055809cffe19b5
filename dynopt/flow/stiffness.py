"""Stiffness: where stability, not accuracy, dictates the steps of an explicit solver."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynopt.flow.field import Field
from dynopt.flow.lanes import EXPLICIT, STABLE

MANY = 1000
"""Steps held back by stability that are worth an implicit solver."""
IMPLICIT = "LSODA"
"""What stiff flows are given: at tolerances near 1e-10 its variable order needs a tenth of the time of Radau, and its corrector
still converges where Radau's Newton iteration meets rounding (a Rosenbrock valley with b = 10⁶)."""


def limited(solver: Any) -> bool:
    """Whether h times an estimate of the largest eigenvalue exceeded the stability limit in the step that a SciPy solver just took.

    The estimate ‖f(y₁) − f(Y)‖/‖y₁ − Y‖ compares the end of the step with its last stage Y (Hairer,
    Wanner II, §IV.2); it costs no evaluation.  False for implicit solvers.
    """
    name = type(solver).__name__
    if name not in EXPLICIT:
        return False
    last = solver.n_stages - 1
    h = solver.t - solver.t_old
    stage = solver.y_old + h * (solver.A[last, :last] @ solver.K[:last])
    far = float(np.linalg.norm(solver.y - stage))
    return bool(h * float(np.linalg.norm(solver.K[-1] - solver.K[-2])) > STABLE[name] * far)


def spectrum(field: Field, t: float, y: np.ndarray) -> np.ndarray:
    """Eigenvalues of the Jacobian of the field; empty where it is not finite."""
    matrix = field.derivative(t, y)
    return np.linalg.eigvals(matrix) if np.all(np.isfinite(matrix)) else np.empty(0)


def fastest_decay(values: np.ndarray) -> float:
    """The largest −Re λ over eigenvalues that decay at least as fast as they turn, |Im λ| ≤ −Re λ; 0 where there are none.

    >>> fastest_decay(np.array([-5, -100 + 3j, -1 + 1000j, 2]))
    100.0
    """
    decay = -np.real(values)
    return float(np.max(decay[np.abs(np.imag(values)) <= decay], initial=0.0))


def held_back(decay: float, duration: float, method: str) -> float:
    """The steps that stability forces on an explicit solver: duration · decay over its limit h·|λ|."""
    return duration * decay / STABLE[method]
