"""What a trajectory rests at: the critical point beside its end, and its kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynopt.core.problem import Problem
from dynopt.core.result import Result

_NEWTON = 60  # steps: a degenerate point is approached linearly, by a factor 2/3 for x⁴
_NEAR = 1e-2  # a critical point farther than this share of 1 + ‖θ‖ is not the one that was reached


@dataclass(frozen=True, eq=False)
class RestingPlace(Result):
    """The critical point nearest to the end of a trajectory.

    Attributes
    ----------
    kind : as for `dynopt.core.problem.CriticalPoint`, from the eigenvalues of the Hessian in floating point;
        None where it cannot be told.
    point : θ*, shape ``(n,)``; None as above.
    distance : ‖θ − θ*‖.
    reason : why it cannot be told; empty otherwise.
    """

    kind: str | None
    point: np.ndarray | None
    distance: float | None
    reason: str = ""

    def __str__(self) -> str:
        if self.point is None:
            return self.reason
        shown = ", ".join(f"{v + 0.0:.6g}" for v in self.point[:4]) + (", …" if len(self.point) > 4 else "")
        article = {"strict saddle": "a strict saddle", "degenerate": "a degenerate critical point"}.get(str(self.kind), f"a {self.kind}")
        return f"{self.distance:.2g} from {article} at ({shown})"


def resting_place(problem: Problem, theta: np.ndarray) -> RestingPlace:
    """The critical point that Newton's method on ∇J = 0 finds from ``theta`` ``(n,)``, the reached end.

    An eigenvalue below 10⁻⁶ of the largest (and of 1) in size counts as zero.

    >>> from dynopt import problem
    >>> print(resting_place(problem("double-well"), np.array([1.4142, 1e-5])))
    1.7e-05 from a minimum at (1.41421, 0)
    """
    if not getattr(problem, "smooth", True):
        return RestingPlace(None, None, None, f"not classified: {problem.name} is not differentiable everywhere")
    with np.errstate(all="ignore"):
        try:
            point = _newton(problem, theta)
            values = np.linalg.eigvalsh(problem.hessian(point))
            steep = float(np.linalg.norm(problem.gradient(point)))
        except (np.linalg.LinAlgError, NotImplementedError, AttributeError) as error:
            return RestingPlace(None, None, None, f"not classified: {problem.name} has no usable Hessian there ({type(error).__name__})")
    distance, size = float(np.linalg.norm(point - theta)), float(np.max(np.abs(values)))
    if not distance <= _NEAR * (1 + float(np.linalg.norm(theta))) or not steep <= 1e-6 * max(1.0, size):
        return RestingPlace(None, None, None, "not classified: no critical point is near")
    zero = 1e-6 * max(1.0, size)
    negative, vanishing = values < -zero, np.abs(values) <= zero
    kind = "maximum" if np.all(negative) else "strict saddle" if np.any(negative) else "degenerate" if np.any(vanishing) else "minimum"
    return RestingPlace(kind, point, distance)


def _newton(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Least-norm Newton steps, so that a family of critical points is met where it is nearest."""
    point = theta.astype(float)
    for _ in range(_NEWTON):
        gradient = problem.gradient(point)
        if not np.any(gradient) or not np.all(np.isfinite(gradient)):
            break
        step = np.linalg.lstsq(problem.hessian(point), gradient, rcond=1e-14)[0]
        if not np.all(np.isfinite(step)) or np.linalg.norm(step) <= 1e-16 * np.linalg.norm(point):
            break
        point = point - step
    return point
