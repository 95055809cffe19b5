"""Energies (Lyapunov functions) along trajectories and iterates, and whether they decrease, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.parameter import is_schedule
from dynopt.core.problem import Problem, oracle
from dynopt.core.result import Result, plain


@dataclass(frozen=True, eq=False)
class Energy(Result):
    """One declared energy along a trajectory.

    Attributes
    ----------
    name : as the flow declares it.
    values : its value at each time, shape ``(m,)``.
    largest_increase : the largest step up from one time to the next, 0 when it never increases.
    at : the time after that step, None when there is none.
    """

    name: str
    values: np.ndarray
    largest_increase: float
    at: float | None

    def to_dict(self) -> dict[str, Any]:
        """The record without its values, which go to the arrays: ``name, first, last, largest_increase, at``."""
        ends = {"first": self.values[0], "last": self.values[-1]}
        return plain({"name": self.name, **ends, "largest_increase": self.largest_increase, "at": self.at})


def energies(flow: Flow, problem: Problem, t: np.ndarray, states: Any) -> tuple[Energy, ...]:
    """The energies that a flow declares, at times ``t`` and states with blocks of shape ``(m, n)``.

    Empty when the flow declares none, or when the states are not the flow's (an algorithm with
    other state blocks than the flow it discretises).

    >>> import numpy as np
    >>> from dynopt import GradientFlow, Position, Quadratic
    >>> path = Position(np.array([[2.0], [1.0], [1.5]]))
    >>> [found] = energies(GradientFlow(), Quadratic([2]), np.array([0.0, 1.0, 2.0]), path)
    >>> found.largest_increase, found.at
    (1.25, 2.0)
    """
    asked = oracle(problem)
    flow = flow.numeric()
    with np.errstate(all="ignore"):
        if type(states) is not type(flow.at(t[0]).init(states[0][0], asked)):
            return ()
        if any(is_schedule(getattr(flow, p.name)) for p in flow.numbers()):
            rows = [flow.at(s).energies(type(states)(*(b[i] for b in states)), asked, s) for i, s in enumerate(t)]
            table = {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}
        else:
            table = {name: np.asarray(v, dtype=float) for name, v in flow.energies(states, asked, t).items()}
        return tuple(_judged(name, values, t) for name, values in table.items())


def _judged(name: str, values: np.ndarray, t: np.ndarray) -> Energy:
    steps = np.diff(values)
    if not steps.size or not np.nanmax(steps, initial=0.0) > 0:
        return Energy(name, values, 0.0, None)
    worst = int(np.nanargmax(steps))
    return Energy(name, values, float(steps[worst]), float(t[worst + 1]))
