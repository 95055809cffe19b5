"""Avoidance of strict saddles: from random starts in a region, how many runs end at each critical point.

Theorems 3.2 and 3.9 of the thesis say that the starts from which DIN and INNA converge to a strict saddle
have measure zero.  No number of runs proves that; what N runs without a hit show is that such starts fill less
than a stated part of the region.  A run counts for a critical point when its θ is within the point's
reach (`dynopt.escape.saddle.Place`) at the end, so a run that is still passing a saddle counts for it: the
numbers err on the side of the saddles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.problem import Problem
from dynopt.core.registry import method as named_method
from dynopt.core.registry import problem as named_problem
from dynopt.core.result import Result
from dynopt.ensemble import rng
from dynopt.errors import Misuse
from dynopt.escape.exits import Exit, make_exit
from dynopt.escape.record import Destination, destinations
from dynopt.escape.saddle import Saddle, find_saddle
from dynopt.escape.statistics import wilson
from dynopt.escape.tally import Tally, fused_tally, fused_task, resting_places, tally

BATCH = 2**14
"""Runs that eager torch works on at once."""
FUSED_BATCH = 2**20
"""Runs that a kernel works on at once."""
_BESIDE = 1e-150
"""A run counts as started when it is that far from the saddle: all starts but the saddle itself."""


@dataclass(frozen=True)
class Avoidance(Result):
    """Where the runs of one method ended.

    Attributes
    ----------
    method, problem : what ran, and where.
    starts : the distribution of the starts, in words.
    runs, steps : how many runs, of how many iterations.
    ended : counts at each critical point, ``elsewhere`` and ``diverged``, with Wilson 95 % intervals.
    at_strict : runs at critical points with a negative Hessian eigenvalue, maxima included.
    interval : the Wilson 95 % interval of their fraction.
    """

    method: str
    problem: str
    starts: str
    runs: int
    steps: int
    ended: tuple[Destination, ...]
    at_strict: int
    interval: tuple[float, float]

    @property
    def statement(self) -> str:
        """What the count shows, in a sentence."""
        if self.at_strict:
            low, high = (f"{100 * p:.3g}" for p in self.interval)
            return f"{self.at_strict:,} of {self.runs:,} runs ended at a strict saddle: between {low} % and {high} % of the starts do"
        share = f"fewer than {self.interval[1]:.2g} of the starts"
        return f"0 of {self.runs:,} runs ended at a strict saddle; an upper bound, not a proof: {share} do (95 %)"

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "statement": self.statement}


def from_box(
    method: str | Algorithm, problem: str | Problem, box: Sequence[tuple[float, float]], runs: int, *, steps: int, seed: int = 0
) -> Avoidance:
    """Run from starts that are uniform in a box, (low, high) for each coordinate.

    Raises
    ------
    Misuse : the problem has no isolated strict saddle, or the box does not fit.

    Examples
    --------
    >>> found = from_box("gd(gamma=0.02)", "double-well", [(-2, 2), (-2, 2)], 500, steps=400)
    >>> [d.count > 0 for d in found.ended], found.at_strict
    ([True, False, True], 0)
    """
    moved, saddle = _arguments(method, problem)
    sides = np.asarray(box, dtype=float)
    if sides.shape != (saddle.dimension, 2) or not (sides[:, 0] < sides[:, 1]).all():
        raise Misuse(
            f"box={[tuple(s) for s in box]} is no box of {saddle.problem.name}; give {saddle.dimension} pairs (low, high), low < high"
        )
    low, size = torch.as_tensor(sides[:, 0]), torch.as_tensor(sides[:, 1] - sides[:, 0])
    count, rests = Tally.empty(1, len(saddle.places), 1), resting_places(moved.numeric(), saddle)
    for first in range(0, runs, BATCH):
        theta = low + size * rng.uniforms(seed, first, min(runs, first + BATCH), saddle.dimension)
        count += tally(moved.numeric(), saddle, [_started(saddle)], theta, max_steps=1, linger=steps, rests=rests)
    words = " × ".join(f"[{a:g}, {b:g}]" for a, b in sides)
    return _counted(moved, saddle, f"uniform in {words}", runs, steps, count)


def from_cloud(
    method: str | Algorithm, problem: str | Problem, scale: float, runs: int, *, steps: int, seed: int = 0,
    saddle: Sequence[Any] | None = None, device: str = "cpu",
) -> Avoidance:  # fmt: skip
    """Run from starts N(saddle, scale²I) in one compiled kernel, for very many runs.

    Every run makes all ``steps`` iterations.  Raises `dynopt.ensemble.trace.Untraceable` where there is no kernel.
    """
    moved, place = _arguments(method, problem, saddle)
    task, levels = fused_task(moved.numeric(), place, [_started(place)])
    count = Tally.empty(1, len(place.places), 1)
    for first in range(0, runs, FUSED_BATCH):
        count += fused_tally(
            task, levels, place, seed=seed, first=first, stop=min(runs, first + FUSED_BATCH), scale=scale,
            max_steps=1, linger=steps, device=torch.device(device),
        )  # fmt: skip
    return _counted(moved, place, f"{place.exact} + {scale:g} N(0, I)", runs, steps, count)


def from_points(method: str | Algorithm, problem: str | Problem, theta0: np.ndarray, *, steps: int) -> Avoidance:
    """Run from given starts, (runs, n): such as points of a stable manifold, where runs stay until rounding takes them off."""
    moved, saddle = _arguments(method, problem)
    theta = torch.as_tensor(np.asarray(theta0, dtype=float))
    if theta.ndim != 2 or theta.shape[1] != saddle.dimension:
        raise Misuse(
            f"theta0 of shape {tuple(theta.shape)} does not fit {saddle.problem.name}; give one row of {saddle.dimension} numbers a run"
        )
    count = tally(moved.numeric(), saddle, [_started(saddle)], theta, max_steps=1, linger=steps)
    return _counted(moved, saddle, "given points", len(theta), steps, count)


def _arguments(method: str | Algorithm, problem: str | Problem, chosen: Sequence[Any] | None = None) -> tuple[Algorithm, Saddle]:
    """The method, and some strict saddle of the problem: it carries the list of all critical points."""
    moved: Any = named_method(method) if isinstance(method, str) else method
    if isinstance(moved, Flow):
        raise Misuse(f"{moved.name} is a flow, and runs are counted by iterations; name an algorithm, or use dynopt.destinations")
    objective: Any = named_problem(problem) if isinstance(problem, str) else problem
    if chosen is None and hasattr(objective, "critical_points"):
        chosen = next((c.point for c in objective.critical_points() if c.strict and c.isolated), None)
    return moved, find_saddle(objective, chosen)


def _started(saddle: Saddle) -> Exit:
    return make_exit(f"ball(radius={_BESIDE})", saddle, _BESIDE)


def _counted(method: Algorithm, saddle: Saddle, starts: str, runs: int, steps: int, count: Tally) -> Avoidance:
    ended = destinations(saddle.places, count.reached, count.elsewhere, count.diverged)
    kinds = ("strict saddle", "maximum")
    strict = sum(d.count for d in ended if d.kind in kinds)
    return Avoidance(method.call(), saddle.problem.name, starts, runs, steps, ended, strict, wilson(strict, runs))
