"""Several starts on one landscape: the paths of each method, and the critical points where they end."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.problem import Problem, oracle
from dynopt.core.registry import method as named_method
from dynopt.core.registry import problem as named_problem
from dynopt.core.result import Result, plain
from dynopt.errors import Misuse
from dynopt.flow.basins import Destinations, destinations, isolated
from dynopt.flow.batch import integrate_batch
from dynopt.flow.clock import clock
from dynopt.flow.curves import STILL, check_target, write_figure
from dynopt.flow.inclusion import kinks
from dynopt.flow.integrate import positive, starting_point

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HORIZON = 50.0
_TIMES = 400  # points of a path
_MOST = 2000  # starts in one picture


@dataclass(frozen=True, eq=False)
class ManyStarts(Result):
    """Trajectories of every method from the same starts.

    Attributes
    ----------
    methods : the methods as they were called.
    problem, starts, horizon : the objective, θ₀ of shape ``(m, n)``, the duration.
    paths : for each method θ over time, shape ``(m, k, n)``, not finite where a trajectory has diverged.
    ends : for each method the `Destinations`.
    """

    methods: tuple[str, ...]
    problem: Problem
    starts: np.ndarray
    horizon: float
    paths: tuple[np.ndarray, ...]
    ends: tuple[Destinations, ...]

    def to_dict(self) -> dict[str, Any]:
        """``problem, horizon, starts``, and for each of ``methods`` its ends and how many are at which critical point."""
        rows = [{"method": name, **end.to_dict(), "points": end.ends} for name, end in zip(self.methods, self.ends, strict=True)]
        return {"problem": self.problem.name, "horizon": self.horizon, **plain({"starts": self.starts, "methods": rows})}

    def arrays(self) -> dict[str, np.ndarray]:
        """``starts``, and ``path0``, ``end0``, ``label0`` of the first method and so on."""
        found = {"starts": self.starts, "methods": np.array(self.methods), "critical_points": self.ends[0].points}
        for i, (path, end) in enumerate(zip(self.paths, self.ends, strict=True)):
            found |= {f"path{i}": path, f"end{i}": end.ends, f"label{i}": end.labels}
        return found

    def save(self, target: str | Path) -> Path:
        """Keep the figure (.png, .svg or .pdf) with its numbers (.npz) beside it, and return its path."""
        target = check_target(target)
        if target.suffix.lower() not in STILL:
            raise Misuse(f"{str(target)!r}: many starts make a still figure; choose one of {', '.join(STILL)}")
        return write_figure(target, lambda path: self.figure().savefig(path, dpi=150), self.arrays())

    def figure(self) -> Figure:
        """One landscape a method, each path in the colour of the critical point at which it ends."""
        from dynopt.plot.starts import starts_figure

        return starts_figure(self)


def many_starts(
    methods: Sequence[str | Algorithm | Flow], problem: str | Problem, starts: Sequence[Any] | np.ndarray, horizon: float | None = None
) -> ManyStarts:
    """Run every method from every start (rows of ``starts``) over a duration, 50 by default.

    Raises
    ------
    Misuse : starts of the wrong shape, a flow on a problem with kinks, critical points that are not all isolated.

    Examples
    --------
    >>> found = many_starts(["gradient_flow", "gd(gamma=0.05)"], "double-well", [(0.3, 1), (-0.2, 1)])
    >>> [end.labels.tolist() for end in found.ends], found.ends[0].points.round(3).tolist()
    ([[2, 0], [2, 0]], [[-1.414, 0.0], [0.0, 0.0], [1.414, 0.0]])
    """
    objective: Problem = named_problem(problem) if isinstance(problem, str) else problem
    systems = [named_method(m) if isinstance(m, str) else m for m in methods]
    if not systems:
        raise Misuse('there is no method to run; name at least one flow or algorithm, as in "inna(gamma=0.01)"')
    duration = HORIZON if horizon is None else horizon
    positive("horizon", duration)
    points = np.atleast_2d(np.asarray(starts, dtype=float))
    if len(points) > _MOST:
        raise Misuse(f"{len(points)} starts are too many for one picture; give at most {_MOST}, or use dynopt escape")
    if not np.all(np.isfinite(points)):
        raise Misuse(f"the start number {int(np.argmin(np.all(np.isfinite(points), axis=-1)))} is not finite; give finite numbers")
    if kinks(objective) is not None and any(isinstance(s, Flow) for s in systems):
        raise Misuse(f"{objective.name} has kinks, where flows go one start at a time; give --start, or algorithms alone")
    ends = tuple(destinations(s, objective, points, duration) for s in systems)
    paths = tuple(_path(s, objective, points, duration) for s in systems)
    texts = tuple(m.strip() if isinstance(m, str) else m.call() for m in methods)
    return ManyStarts(texts, objective, points, duration, paths, ends)


def draw_starts(problem: Problem, count: int, seed: int, start: Sequence[float] | None = None) -> np.ndarray:
    """Random starts, uniform on a cube around the critical points, large enough for them and for the problem's own start (or ``start``).

    >>> from dynopt import Quadratic
    >>> draw_starts(Quadratic([1, 2]), 3, seed=0).shape
    (3, 2)
    """
    if count < 1 or seed < 0:
        raise Misuse(f"{count} starts with seed {seed} cannot be drawn; give at least one start and a seed of at least 0")
    points, _ = isolated(problem)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    half = 1.2 * float(np.max(np.abs(np.vstack([points, starting_point(problem, start)]) - middle))) or 1.0
    return middle + half * np.random.default_rng(seed).uniform(-1, 1, (count, problem.dimension))


def read_starts(path: str | Path) -> np.ndarray:
    """Starts from a file of comma-separated numbers, a row each; lines that begin with # are left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty file warns
            found = np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise Misuse(f"{str(path)!r} holds no starts ({error}); give a number, or a file with one row X,Y,… a start") from None
    if not found.size:
        raise Misuse(f"{str(path)!r} holds no starts; give one row X,Y,… a start")
    return found


def _path(system: Algorithm | Flow, problem: Problem, theta0: np.ndarray, horizon: float) -> np.ndarray:
    if isinstance(system, Flow):
        begin = float(system.start_time)
        grid = np.linspace(begin, begin + horizon, _TIMES)
        # the beginning, where most happens, gets as many points as the whole
        grid = np.union1d(grid, np.linspace(begin, grid[len(grid) // 20], _TIMES))
        return np.asarray(integrate_batch(system, problem, theta0, horizon, rtol=1e-7, atol=1e-9, t_eval=grid.tolist()).path[0])
    count = clock(system.numeric()).count(horizon, 10**6)
    every = max(1, count // (4 * _TIMES))
    with np.errstate(all="ignore"):
        states = system.numeric().states(theta0, oracle(problem))
        return np.stack([state[0] for state in islice(states, 0, count + 1, every)], axis=1)
