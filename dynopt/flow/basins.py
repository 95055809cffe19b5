"""Where starts end: the critical point that each trajectory or run comes to rest at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.problem import Problem, oracle
from dynopt.core.result import Result, plain
from dynopt.core.system import System
from dynopt.errors import Misuse, Outcome
from dynopt.flow.batch import integrate_batch
from dynopt.flow.clock import clock
from dynopt.flow.events import steady

NOWHERE, DIVERGED = -1, -2
"""Labels of starts that are at no critical point when the horizon ends, and of those that left the finite numbers."""
_SHARE = 0.01  # of the distance to the nearest other critical point: closer than that is arrived


@dataclass(frozen=True, eq=False)
class Destinations(Result):
    """The ends of many starts.

    Attributes
    ----------
    system, problem : what moved, and where.
    starts : θ₀, shape ``(m, n)``.
    ends : θ at the end, shape ``(m, n)``.
    labels : for each start the number of the critical point in ``points`` it ended at, −1 for none
        within the horizon, −2 for divergence.
    points, kinds : the isolated critical points, shape ``(p, n)``, and their kinds.
    horizon : the duration.
    """

    system: System
    problem: Problem
    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray
    points: np.ndarray
    kinds: tuple[str, ...]
    horizon: float

    def to_dict(self) -> dict[str, Any]:
        """``system, problem, horizon, starts`` (their number) and how many ended where."""
        counted = Counter(self.labels.tolist())
        rows = [{"point": p, "kind": k, "count": counted[i]} for i, (p, k) in enumerate(zip(self.points, self.kinds, strict=True))]
        document = {"system": self.system.call(), "problem": self.problem.name, "horizon": self.horizon, "starts": len(self.starts)}
        return {**document, **plain({"ends": rows, "nowhere": counted[NOWHERE], "diverged": counted[DIVERGED]})}


def destinations(system: Algorithm | Flow, problem: Problem, starts: Sequence[Any] | np.ndarray, horizon: float = 100.0) -> Destinations:
    """The critical point at which each start comes to rest within the time ``horizon``.

    A flow stops when its whole state rests (`dynopt.flow.events.steady`); an algorithm runs for as many
    iterations as the time holds.  A start has arrived when θ is within 1 % of the distance between the
    point and its nearest neighbour.

    Raises
    ------
    Misuse : starts of the wrong shape, a problem whose critical points are not all isolated or not known.

    Examples
    --------
    >>> import dynopt
    >>> dynopt.problem("double-well").critical_points()[0].point
    (-sqrt(2), 0)
    >>> destinations(dynopt.GradientFlow(), dynopt.problem("double-well"), [(0.1, 1), (-0.1, 1), (0, 1)]).labels
    array([2, 0, 1])
    """
    points, kinds = isolated(problem)
    theta0 = np.atleast_2d(np.asarray(starts, dtype=float))
    if theta0.ndim != 2 or theta0.shape[1] != problem.dimension:
        raise Misuse(f"starts of shape {np.shape(starts)} do not fit {problem.name}; give one row of {problem.dimension} numbers a start")
    if isinstance(system, Flow):
        found = integrate_batch(system, problem, theta0, horizon, rtol=1e-8, atol=1e-10, events=[steady(1e-7)])
        ends, diverged = found.theta, np.array([o == Outcome.DIVERGED for o in found.outcomes])
    else:
        ends = _run(system, problem, theta0, horizon)
        diverged = ~np.all(np.isfinite(ends), axis=1)
    return Destinations(system, problem, theta0, ends, _labels(ends, diverged, points), points, kinds, horizon)


def grid(box: tuple[float, float, float, float], cells: int) -> np.ndarray:
    """Cell centres of a rectangle (left, right, bottom, top), ``cells`` a side, row by row from below: shape ``(cells², 2)``."""
    left, right, bottom, top = box
    share = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(left + share * (right - left), bottom + share * (top - bottom))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def isolated(problem: Problem) -> tuple[np.ndarray, tuple[str, ...]]:
    """The critical points in floating point and their kinds; `Misuse` when they are not all isolated."""
    once: Any = problem
    return _isolated(once)


@lru_cache(maxsize=16)
def _isolated(problem: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    if not hasattr(problem, "critical_points"):
        raise Misuse(f"{problem.name} does not know its critical points, so its basins have no names; use a Landscape or a Quadratic")
    found = problem.critical_points()
    if not found or not all(c.isolated and all(v.is_number for v in c.point) for c in found):
        raise Misuse(
            f"the critical points of {problem.name} are not all isolated, so their basins are not finitely many; choose another problem"
        )
    return np.array([[float(v) for v in c.point] for c in found]), tuple(c.kind for c in found)


def _run(method: Algorithm, problem: Problem, theta0: np.ndarray, horizon: float) -> np.ndarray:
    numeric, asked = method.numeric(), oracle(problem)
    at = clock(numeric)
    count = at.count(horizon, 10**7)
    if count == 0:
        raise Misuse(f"the horizon {horizon:g} is shorter than one step of {method.call()}; give a longer one")
    with np.errstate(all="ignore"):
        for _, state in zip(range(count + 1), numeric.states(theta0, asked), strict=False):
            end = state[0]
    return np.asarray(end)


def _labels(ends: np.ndarray, diverged: np.ndarray, points: np.ndarray) -> np.ndarray:
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.diag(np.full(len(points), np.inf))
    reach = _SHARE * np.where(np.isfinite(gaps.min(axis=1)), gaps.min(axis=1), 100.0)
    with np.errstate(all="ignore"):
        distance = np.linalg.norm(ends[:, None] - points[None], axis=-1)
    nearest = np.argmin(np.where(np.isfinite(distance), distance, np.inf), axis=1)
    arrived = distance[np.arange(len(ends)), nearest] <= reach[nearest]
    return np.where(diverged, DIVERGED, np.where(arrived, nearest, NOWHERE))
