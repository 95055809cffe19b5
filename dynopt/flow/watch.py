"""Events looked for along trajectories that advance step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.problem import Problem
from dynopt.flow.crossings import crossings
from dynopt.flow.events import Event
from dynopt.flow.field import one_by_one

States = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Any]]
"""(fractions of a step ``(q,)``, steps ``(q,)``) ↦ times ``(q,)`` and blocks ``(q, n)``."""


class Watch:
    """One event along ``m`` trajectories: its function of times ``(q,)`` and blocks ``(q, n)``, and its values where each is now."""

    def __init__(self, event: Event, flow: Flow, problem: Problem) -> None:
        level = event.build(flow, problem)
        self.event, self.level = event, level if event.batched else one_by_one(level)
        self.now = np.empty(0)

    def begin(self, t: np.ndarray, states: Any) -> np.ndarray:
        """Note the values at the starts; which of them are at rest there already (for an event that asks for rest)."""
        self.now = np.array(self.level(t, states), dtype=float)  # a copy: an event may return a view of the state, and this is written to
        return np.flatnonzero(self.now < 0) if self.event.rest else np.empty(0, dtype=int)

    def crossed(self, states: States, lanes: np.ndarray, resolution: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crossings within the steps just taken by ``lanes``: positions within ``lanes`` and fractions of the step (see `crossings`)."""

        def level(x: np.ndarray, i: np.ndarray) -> np.ndarray:
            return np.asarray(self.level(*states(x, i)), dtype=float)

        step, x, self.now[lanes] = crossings(level, self.now[lanes], self.event.direction, resolution)
        return step, x
