"""Stiffness: where stability, not accuracy, dictates the steps of an explicit solver."""

from __future__ import annotations

import numpy as np

from dynopt.flow.field import Field

STABLE = {"RK23": 2.51, "RK45": 3.31, "DOP853": 6.39}
"""h·|λ| up to which an explicit pair is stable for a real negative λ."""
NEARLY = 0.85
"""Steps beyond this share of it are held back by stability: the controller hovers about the limit."""
MANY = 1000
"""Steps held back by stability that are worth an implicit solver."""
IMPLICIT = "LSODA"
"""What stiff flows are given: at tolerances near 1e-10 its variable order needs a tenth of the time of Radau, and its corrector
still converges where Radau's Newton iteration meets rounding (a Rosenbrock valley with b = 10⁶)."""
LARGE = 1000
"""Rows of a Jacobian beyond which its spectrum is not looked at."""


def spectrum(field: Field, t: float, y: np.ndarray) -> np.ndarray:
    """Eigenvalues of the Jacobian of the field; empty where it is not finite, or `LARGE`, or the problem has kinks."""
    if len(y) > LARGE or not getattr(field.problem, "smooth", True):
        return np.empty(0)
    matrix = field.derivative(t, y)
    return np.linalg.eigvals(matrix) if np.all(np.isfinite(matrix)) else np.empty(0)


def fastest_decay(values: np.ndarray) -> float:
    """The largest −Re λ over eigenvalues that decay at least as fast as they turn, |Im λ| ≤ −Re λ; 0 where there are none.

    >>> fastest_decay(np.array([-5, -100 + 3j, -200 + 1000j, 2]))
    100.0
    """
    decay = -np.real(values)
    return float(np.max(decay[np.abs(np.imag(values)) <= decay], initial=0.0))


def steps_needed(field: Field, t: float, y: np.ndarray, duration: float, method: str) -> float:
    """The steps that stability forces on an explicit solver over the duration: its product with the fastest decay here, over `STABLE`."""
    return duration * fastest_decay(spectrum(field, t, y)) / STABLE[method]


def advice(field: Field, t: float, y: np.ndarray, h: float, method: str) -> str:
    """What to say if steps of the mean size ``h`` were held back by the fastest decay at (t, y); empty if they were not."""
    decay = fastest_decay(spectrum(field, t, y)) if method in STABLE else 0.0
    return f"stiff: a mode decays at the rate {decay:.3g}, try {IMPLICIT}" if h * decay > NEARLY * STABLE.get(method, np.inf) else ""
