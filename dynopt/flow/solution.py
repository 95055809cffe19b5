"""A trajectory of a flow: what an integration returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.problem import Problem
from dynopt.core.result import Result, plain
from dynopt.errors import Misuse, Outcome
from dynopt.flow.events import Hit


@dataclass(frozen=True, eq=False)
class Solution(Result):
    """A trajectory of a flow.

    Attributes
    ----------
    flow : what was integrated, in floating point.
    problem : the objective.
    t : times, shape ``(m,)``: the solver's own steps, or ``t_eval`` as far as the solution goes.
    states : the state there, a NamedTuple of blocks of shape ``(m, n)``; the first is θ.
    outcome : ``done`` (horizon reached), ``event`` (a terminal one fired), ``converged`` (one that asks for
        rest did), ``diverged`` (non-finite values, finite-time blow-up or step-size underflow) or ``budget spent``.
    message : the outcome in words, with the place.
    events : every `Hit`, in order of time.
    statistics : solver, rtol, atol, steps, and evaluations of the field (nfev), of its Jacobian (njev)
        and LU decompositions (nlu); ``advice`` where stability held an explicit solver back; ``blow_up_time``,
        an estimate, after a blow-up; ``rest``, the critical point reached, after convergence.
    dense : t ↦ packed state, the solver's interpolant; call the solution itself for blocks.
    """

    flow: Flow
    problem: Problem
    t: np.ndarray
    states: Any
    outcome: Outcome
    message: str
    events: tuple[Hit, ...]
    statistics: dict[str, Any]
    dense: Callable[[Any], np.ndarray] = field(repr=False)
    reach: tuple[float, float] = (0.0, 0.0)
    """First and last time of the solution."""
    missed: tuple[str, ...] = ()
    """Names of the events that were looked for and did not happen."""

    @property
    def theta(self) -> np.ndarray:
        """θ at the times ``t``, shape ``(m, n)``."""
        return self.states[0]

    def __call__(self, t: Any) -> Any:
        """The state at any times within `reach`: blocks of shape ``(*t.shape, n)``, accurate to the solver's interpolant."""
        times = np.asarray(t, dtype=float)
        first, last = self.reach
        slack = 1e-12 * max(1.0, abs(last))
        if times.size and not (first - slack <= times.min() and times.max() <= last + slack):
            raise Misuse(
                f"the solution of {self.flow.name} covers times {first:g} to {last:g} ({self.outcome}), "
                f"not {times.min():g} to {times.max():g}; ask within, or integrate over a longer horizon"
            )
        with np.errstate(all="ignore"):  # an end that overflowed
            packed = np.asarray(self.dense(times.ravel()))
        rows = packed.reshape(len(self.states), self.problem.dimension, times.size)
        return type(self.states)(*(row.T.reshape(*times.shape, -1) for row in rows))

    def to_dict(self) -> dict[str, Any]:
        """``flow, problem, t, points, outcome, message, events, missed, statistics``."""
        document = {"flow": self.flow.call(), "problem": self.problem.name, "t": self.t, "points": self.theta}
        told = {
            "outcome": self.outcome,
            "message": self.message,
            "events": self.events,
            "missed": self.missed,
            "statistics": self.statistics,
        }
        return {name: plain(value) for name, value in {**document, **told}.items()}
