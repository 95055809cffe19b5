"""Iterates of an algorithm on the time axis of its flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.algorithm import Algorithm
from dynopt.core.problem import Problem, oracle
from dynopt.core.result import Result
from dynopt.errors import Misuse, Outcome
from dynopt.flow.clock import Clock, clock
from dynopt.flow.integrate import positive, starting_point

STEPS = 100_000
"""Default budget of iterations."""


@dataclass(frozen=True, eq=False)
class Iterates(Result):
    """A run of an algorithm.

    Attributes
    ----------
    method : what ran, in floating point.
    problem : the objective.
    t : the time of each iterate (`dynopt.flow.clock.Clock`), shape ``(m,)``.
    states : the state, a NamedTuple of blocks of shape ``(m, n)``; the first is θ.
    outcome : ``done``, ``diverged`` or ``budget spent``.
    message : the outcome in words.
    failed_at : the first iteration with a non-finite state; everything before it is kept.
    clock : the time axis.
    """

    method: Algorithm
    problem: Problem
    t: np.ndarray
    states: Any
    outcome: Outcome
    message: str
    failed_at: int | None
    clock: Clock

    @property
    def theta(self) -> np.ndarray:
        """θ_k, shape ``(m, n)``."""
        return self.states[0]

    def to_dict(self) -> dict[str, Any]:
        """``method, problem, t, points, outcome, message, failed_at``."""
        document = {"method": self.method.call(), "problem": self.problem.name, "t": self.t.tolist(), "points": self.theta.tolist()}
        return {**document, "outcome": self.outcome.value, "message": self.message, "failed_at": self.failed_at}


def iterates(
    method: Algorithm,
    problem: Problem,
    start: Sequence[float] | np.ndarray | None = None,
    horizon: float | None = None,
    *,
    steps: int | None = None,
    max_steps: int = STEPS,
) -> Iterates:
    """Run an algorithm over a duration of its flow's time (``horizon``) or for a number of ``steps``.

    The time of iterate k is the flow's start time plus the steps taken so far (`method.flow` says
    how long a step is; schedules are summed).  For a method that declares no flow see `Clock.unit`.

    Raises
    ------
    Misuse : a start of the wrong dimension, a horizon shorter than one step, a flow in place of an
        algorithm, neither or both of ``horizon`` and ``steps``.

    Examples
    --------
    >>> from dynopt import GradientDescent, Quadratic
    >>> run = iterates(GradientDescent(gamma=0.5), Quadratic([1]), (1,), steps=2)
    >>> run.t, run.theta.ravel()
    (array([0. , 0.5, 1. ]), array([1.  , 0.5 , 0.25]))
    """
    if not isinstance(method, Algorithm):
        raise Misuse(f"{method!r} is not an algorithm; run one such as INNA(gamma=0.01), or use integrate() for a flow")
    if (horizon is None) == (steps is None):
        raise Misuse(f"horizon={horizon} and steps={steps} say the length of the run; give exactly one of them")
    theta0 = starting_point(problem, start)
    method = method.numeric()
    at = clock(method)
    if steps is None:
        positive("horizon", horizon)
        count = at.count(float(horizon), max_steps + 1)  # type: ignore[arg-type]
        if count == 0:
            first = float(at.times(1)[1] - at.start)
            raise Misuse(f"the horizon {horizon:g} is shorter than one step, {first:g}, of {method.call()}; give at least {first:g}")
    elif steps < 1:
        raise Misuse(f"steps={steps} is outside [1, oo); give a positive number of iterations")
    else:
        count = steps
    most = min(count, max_steps)
    rows, failed_at = _run(method, problem, theta0, most)
    stacked = type(rows[0])(*(np.stack(blocks) for blocks in zip(*rows, strict=True)))
    outcome, message = Outcome.DONE, f"{most} iterations"
    if failed_at is not None:
        grown = float(np.max(np.abs(rows[-1][0])))
        outcome, message = Outcome.DIVERGED, f"diverged at iteration {failed_at}: non-finite after |theta| = {grown:.3g}"
    elif most < count:
        outcome, message = Outcome.BUDGET_SPENT, f"{most} iterations were spent at t = {at.times(most)[-1]:g}; raise max_steps"
    return Iterates(method, problem, at.times(most)[: len(rows)], stacked, outcome, message, failed_at, at)


def _run(method: Algorithm, problem: Problem, theta0: np.ndarray, count: int) -> tuple[list[Any], int | None]:
    """Finite states 0, …, count, and the first iteration that is not finite (None if all are)."""
    rows: list[Any] = []
    with np.errstate(all="ignore"):
        states = method.states(theta0, oracle(problem))
        for k in range(count + 1):
            try:
                state = next(states)
            except Misuse:
                raise
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                raise Misuse(f"{method.name} cannot be run on {problem.name} ({said}); correct its text") from error
            if not rows and any(np.shape(block) not in (theta0.shape, (1,)) for block in state):
                shapes = [np.shape(block) for block in state]
                raise Misuse(
                    f"{method.name}: the blocks of the state have shapes {shapes}; give each the shape of theta, {theta0.shape}, or (1,)"
                )
            if not all(np.all(np.isfinite(block)) for block in state):
                return (rows, k) if rows else ([state], k)
            rows.append(state)
    return rows, None
