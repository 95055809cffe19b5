"""How far iterates are from a flow, and to which order in the step they follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynopt.core.algorithm import Algorithm
from dynopt.core.problem import Problem
from dynopt.core.result import Result
from dynopt.errors import Outcome
from dynopt.flow.iterates import STEPS, Iterates, iterates
from dynopt.flow.refine import refined
from dynopt.flow.solution import Solution

_SETTLED = 0.5  # slopes between successive levels that differ by more have no common order


@dataclass(frozen=True, eq=False)
class Gap(Result):
    """‖θ_k − θ(t_k)‖ for one time step: times and values, both of shape ``(m,)``."""

    step: float
    t: np.ndarray
    values: np.ndarray

    @property
    def max(self) -> float:
        return float(np.max(self.values))


@dataclass(frozen=True, eq=False)
class Order(Result):
    """The order of the gap in the time step.

    Attributes
    ----------
    order : slope of log(max gap) against log(time step), least squares over all levels; None where
        it cannot be measured, or where the slopes between successive levels differ by more than ½,
        so that the steps are too coarse (or the problem too rough) for an order to show.
    reason : why it is None; empty otherwise.
    gaps : the gap at the asked step and at the refined ones.
    """

    order: float | None
    reason: str
    gaps: tuple[Gap, ...]


def gap(run: Iterates, solution: Solution) -> Gap:
    """The distance ‖θ_k − θ(t_k)‖ at the times of the iterates that the solution covers (both use absolute time).

    A flow that starts later than the iterates (one with a coefficient like 3/t) is compared from
    its start on; a flow or run that ended early, up to there.  Empty for a method with neither flow
    nor step-size, whose time counts iterations and has nothing to do with a flow's.
    """
    first, last = solution.reach
    if run.clock.unit == "iteration":
        return Gap(float("nan"), np.empty(0), np.empty(0))
    inside = (run.t >= first - 1e-12) & (run.t <= last * (1 + 1e-12))
    times = run.t[inside]
    step = float(run.t[1] - run.t[0]) if len(run.t) > 1 else float("nan")
    if not times.size:
        return Gap(step, times, np.empty(0))
    with np.errstate(all="ignore"):
        values = np.linalg.norm(run.theta[inside] - solution(np.minimum(times, last))[0], axis=-1)
    kept = np.isfinite(values)  # both may have grown beyond what a norm can hold
    return Gap(step, times[kept], values[kept])


def family(
    method: Algorithm, problem: Problem, start: Sequence[float] | np.ndarray | None, horizon: float, levels: int, max_steps: int = STEPS
) -> tuple[tuple[Iterates, ...], str]:
    """Runs of the method at its time step, at half of it, a quarter, …, and why no order can come of them, if so.

    What is held fixed is said in `dynopt.flow.refine.refined`.  Levels that ``max_steps`` does not allow are left out.
    """
    runs = [iterates(method, problem, start, horizon, max_steps=max_steps)]
    if runs[0].clock.unit == "iteration":
        return tuple(runs), "the method has neither a flow nor a step-size gamma, so its iterations have no place on a flow's time axis"
    for level in range(1, levels):
        if runs[-1].outcome is not Outcome.DONE:
            break
        if 2**level * (len(runs[0].t) - 1) > max_steps:
            return tuple(runs), "" if level > 1 else f"{max_steps} iterations do not suffice for half the step; raise max_steps"
        finer = refined(method, 2**level)
        if finer is None:
            return tuple(runs), f"{method.name} has no parameters that follow the same flow at a finer step"
        runs.append(iterates(finer, problem, start, horizon, max_steps=max_steps))
    last = runs[-1]
    first = float(last.clock.times(1)[1] - last.clock.start)
    return tuple(runs), "" if last.outcome is Outcome.DONE else f"at time step {first:g}: {last.message}"


def order(runs: Sequence[Iterates], solution: Solution | Sequence[Solution], reason: str = "") -> Order:
    """The order of a family of runs (finer and finer steps, same duration) relative to one flow, or to a flow for each run.

    The maximum over the common duration is regressed, log against log, on the *time step* of the
    flow: γ for INNA and gradient descent, √γ for the heavy ball and Nesterov's method.
    """
    solutions = [solution] * len(runs) if isinstance(solution, Solution) else list(solution)
    gaps = tuple(gap(run, s) for run, s in zip(runs, solutions, strict=True))
    solution = next((s for s in solutions if s.outcome not in (Outcome.DONE, Outcome.EVENT)), solutions[0])
    if not reason and solution.outcome not in (Outcome.DONE, Outcome.EVENT):
        reason = f"the flow ended early: {solution.message}"
    if not reason and len(gaps) < 2:
        reason = "one step-size alone has no order"
    if not reason and any(not g.values.size for g in gaps):
        reason = "the flow and the iterates share no time"
    if not reason:
        largest = np.array([g.max for g in gaps])
        scale = float(np.max(np.abs(solution.theta)))
        floor = 1e2 * (solution.statistics["rtol"] * scale + solution.statistics["atol"])
        if not np.all(largest > floor):
            reason = f"the distance, {largest.min():.2g}, is at the level of the flow's own tolerance, {floor:.2g}"
            return Order(None, reason, gaps)
        found = slopes(gaps)
        if max(found) - min(found) > _SETTLED:
            listed = ", ".join(f"{s:.2f}" for s in found)
            return Order(None, f"no settled order: slopes {listed} from step to finer step; start from a smaller step", gaps)
        return Order(float(np.polyfit(np.log([g.step for g in gaps]), np.log(largest), 1)[0]), "", gaps)
    return Order(None, reason, gaps)


def slopes(gaps: Sequence[Gap]) -> tuple[float, ...]:
    """Slope of log max gap against log time step between each two successive levels, coarse to fine."""
    if any(not g.values.size or not g.max > 0 for g in gaps):
        return ()
    rise = np.diff(np.log([g.max for g in gaps])) / np.diff(np.log([g.step for g in gaps]))
    return tuple(float(r) for r in rise)
