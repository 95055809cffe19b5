"""Counts over batches of runs: all that is kept of them, merged by addition in any order."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.problem import oracle
from dynopt.ensemble.fused import Setting, run_fused
from dynopt.ensemble.kernel import Task
from dynopt.ensemble.noise import Noise
from dynopt.ensemble.run import run_batch
from dynopt.ensemble.trace import trace
from dynopt.escape.exits import Exit
from dynopt.escape.expressions import expression
from dynopt.escape.saddle import Place, Saddle

STAY = 500
"""Steps for which a method must stay at a minimiser to be counted as resting there."""


GROUP = 128
"""A multiple of the numbers of runs that the fused kernels keep together."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What a number of runs of one method did.

    Attributes
    ----------
    runs : how many.
    counts : (exits, max_steps + 1), runs that were out first at each step, by exit.
    lost : (exits,), runs that became non-finite before they were out.
    reached : (places,), runs that ended at each critical point.
    elsewhere, diverged : runs that ended at none; that became non-finite at any time.
    steps, seconds : updates done, time taken.
    """

    runs: int
    counts: np.ndarray
    lost: np.ndarray
    reached: np.ndarray
    elsewhere: int
    diverged: int
    steps: int
    seconds: float

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in dataclasses.fields(self)))

    @classmethod
    def empty(cls, exits: int, places: int, max_steps: int) -> Tally:
        """No runs yet."""
        shape, whole = (exits, max_steps + 1), np.int64
        return cls(0, np.zeros(shape, whole), np.zeros(exits, whole), np.zeros(places, whole), 0, 0, 0, 0.0)


def tally(
    method: Algorithm,
    saddle: Saddle,
    exits: Sequence[Exit],
    theta0: torch.Tensor,
    *,
    max_steps: int,
    linger: int,
    rests: Sequence[int] | None = None,
    sampled: Oracle | None = None,
    finished: Callable[[int], None] | None = None,
) -> Tally:
    """Run ``method`` (in floating point) from every row of ``theta0``, principal exit first, and count.

    A run that leaves goes on, for at most ``linger`` steps, until every block of its state is within
    reach of the state in which the method rests at some minimiser; runs that did not arrive that way
    are counted at the critical point that θ is within reach of, if any.  ``rests`` are the numbers of
    the places where the method can come to rest, `resting_places` by default.  ``sampled`` is the oracle
    that the runs see, the exact one by default; with noise a run has arrived the first time it is there.
    """
    began = time.perf_counter()
    asked = oracle(saddle.problem)
    rests = resting_places(method, saddle) if rests is None else rests
    arrived = _arrival(method, asked, saddle.places, rests, theta0) if saddle.minima else None
    paths = run_batch(
        method, sampled or asked, theta0, {e.text: e.holds for e in exits}, steps=max_steps, linger=linger,
        lazy={e.text for e in exits if e.costly}, arrived=arrived, finished=finished,
    )  # fmt: skip
    place = torch.where(paths.arrival >= 0, paths.arrival, _nearest(saddle.places, paths.final))
    place = torch.where(paths.diverged, -1, place)
    first = [paths.first[e.text] for e in exits]
    diverged = int(paths.diverged.sum())
    return Tally(
        runs=len(theta0),
        counts=np.stack([_histogram(times, max_steps + 1) for times in first]),
        lost=np.array([int((paths.diverged & (times < 0)).sum()) for times in first]),
        reached=_histogram(place, len(saddle.places)),
        elsewhere=int((place < 0).sum()) - diverged,
        diverged=diverged,
        steps=paths.lane_steps,
        seconds=time.perf_counter() - began,
    )


def fused_task(method: Algorithm, saddle: Saddle, exits: Sequence[Exit], noise: Noise | None = None) -> tuple[Task, tuple[float, ...]]:
    """The kernel's task and the exits' levels; `Untraceable` says why there is none."""
    traced = trace(method, saddle.problem, noise)
    pairs = [expression(e, saddle, traced.state[: traced.dimension]) for e in exits]
    places = tuple(tuple(float(x) for x in p.point) for p in saddle.places)
    return Task(traced, tuple(m for m, _ in pairs), places), tuple(level for _, level in pairs)


def fused_tally(
    task: Task, levels: Sequence[float], saddle: Saddle, *, seed: int, first: int, stop: int, scale: float,
    max_steps: int, linger: int, device: torch.device, finished: Callable[[int], None] | None = None,
) -> Tally:  # fmt: skip
    """The same counts from a fused kernel, for Gaussian starts of runs ``first`` … ``stop`` − 1.

    Every run goes on ``linger`` steps after the last of its group has left, and is counted where it is then.
    Groups begin at multiples of `GROUP`, so that a run has the same companions however the runs are cut.
    """
    began = time.perf_counter()
    setting = Setting(seed, saddle.point, scale, levels, max_steps, linger, [p.reach for p in saddle.places])
    before = first % GROUP
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():  # Triton launches on the current device
        out, rest = run_fused(task, setting, first - before, stop - first + before, device)
    out, rest = out[:, before:], rest[before:]
    lost = rest == -2
    counted = [_histogram(times, max_steps + 1) for times in out]
    if finished is not None:
        finished(stop - first)
    left = np.arange(max_steps + 1)
    return Tally(
        runs=stop - first,
        counts=np.stack(counted),
        lost=np.array([int((lost & (times < 0)).sum()) for times in out]),
        reached=_histogram(rest, len(saddle.places)),
        elsewhere=int((rest == -1).sum()),
        diverged=int(lost.sum()),
        steps=int(counted[0] @ left) + int((out[0] < 0).sum()) * max_steps + linger * (stop - first),
        seconds=time.perf_counter() - began,
    )


def _histogram(values: torch.Tensor, length: int) -> np.ndarray:
    return torch.bincount(values[values >= 0], minlength=length).cpu().numpy()


def resting_places(method: Algorithm, saddle: Saddle) -> tuple[int, ...]:
    """The numbers of the minimisers where the method stays.

    Started half the reach away along each axis, it must be within reach after `STAY` steps.  Where the
    step is too large for the curvature, a method passes minimisers and does not rest at them.
    """
    asked, found = oracle(saddle.problem), []
    for i, place in enumerate(saddle.places):
        if place.kind != "minimum":
            continue
        point = torch.as_tensor(place.point)
        axes = torch.eye(saddle.dimension, dtype=point.dtype) * (place.reach / 2)
        state = method.at(0).init(point + torch.cat([axes, -axes]), asked.at(0))
        for k in range(STAY):
            state = method.at(k).update(state, asked.at(k), k)
        if bool((torch.linalg.vector_norm(state[0] - point, dim=-1) <= place.reach).all()):
            found.append(i)
    return tuple(found)


def _arrival(
    method: Algorithm, asked: Any, places: Sequence[Place], rests: Sequence[int], like: torch.Tensor
) -> Callable[[Any], torch.Tensor]:
    """State ↦ the number of the place in ``rests`` whose rest state is within reach in every vector of the state, or −1.

    The state in which a method rests at a critical point is its start there, where the gradient is zero.
    Blocks that hold a number for each run, such as a tuned gain, are no places and are not compared.
    """
    at = method.at(0)
    rest = [at.init(torch.as_tensor(p.point, dtype=like.dtype, device=like.device)[None], asked.at(0)) for p in places]
    vectors = [i for i, block in enumerate(rest[0]) if block.shape[-1] == like.shape[-1]]

    def arrived(state: Any) -> torch.Tensor:
        found = torch.full(state[0].shape[:1], -1, dtype=torch.int64, device=state[0].device)
        for i in rests:
            away = [state[j] - rest[i][j] for j in vectors]
            gaps = [(gap * gap).sum(-1) for gap in away]
            found = torch.where(torch.stack(gaps).amax(0) <= places[i].reach ** 2, i, found)
        return found

    return arrived


def _nearest(places: Sequence[Place], theta: torch.Tensor) -> torch.Tensor:
    """The critical point that θ is within reach of, or −1."""
    found = torch.full(theta.shape[:1], -1, dtype=torch.int64, device=theta.device)
    for i, place in enumerate(places):
        gap = torch.linalg.vector_norm(theta - torch.as_tensor(place.point, dtype=theta.dtype, device=theta.device), dim=-1)
        found = torch.where(gap <= place.reach, i, found)
    return found
