"""The time axis of an algorithm, and its own flow on that axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.parameter import Schedule, is_schedule

_MOST = 1 << 17  # steps after which a schedule whose sum converges is not searched further


@dataclass(frozen=True)
class Clock:
    """t_k = start + Σ_{j<k} step_j: the time of iterate k.

    Attributes
    ----------
    start : the time of the initial state.
    step : the time that one iteration takes: a float, or a schedule of k.
    unit : where the step comes from: ``flow``, the method declares it; ``gamma``, the method declares
        no flow and its step-size is taken for the time step; ``iteration``, it has no step-size either,
        so that time counts iterations.

    Examples
    --------
    >>> Clock(0.0, 0.5).times(2)
    array([0. , 0.5, 1. ])
    >>> Clock(0.0, lambda k: 1 / (k + 1)).times(2)
    array([0. , 1. , 1.5])
    """

    start: float
    step: Any
    unit: str = "flow"
    _known: list[float] = field(default_factory=list, repr=False, compare=False)

    def times(self, count: int) -> np.ndarray:
        """t_0, …, t_count."""
        if not is_schedule(self.step):
            return self.start + float(self.step) * np.arange(count + 1)
        return np.array(self._sums(count)[: count + 1])

    def count(self, horizon: float, most: int) -> int:
        """The number of whole steps that fit into the duration ``horizon``, at most ``most``."""
        slack = 1e-9
        if not is_schedule(self.step):
            return int(min(horizon / float(self.step) + slack, most))
        number, end = 0, self.start + horizon * (1 + slack)
        while number < most and self._sums(number + 1)[number + 1] <= end:
            number += 1
        return number

    def index(self, t: float) -> float:
        """k as a function of time, linear between iterates: the inverse of `times`."""
        if not is_schedule(self.step):
            return float((t - self.start) / float(self.step))
        number = 1
        while self._sums(number)[-1] < t and number < _MOST and self._known[-1] > self._known[-2]:
            number *= 2
        return float(np.interp(t, self._known, np.arange(len(self._known))))

    def _sums(self, count: int) -> list[float]:
        """The cumulated schedule, known at least up to t_count."""
        known = self._known
        if not known:
            known.append(self.start)
        for k in range(len(known) - 1, count):
            known.append(known[-1] + float(self.step(k)))
        return known


def clock(method: Algorithm) -> Clock:
    """The clock of an algorithm: its flow's start time and the time that one iteration takes (see `Clock.unit`)."""
    found = method.flow()
    if found is None:
        step = getattr(method, "gamma", None)
        if step is None:
            return Clock(0.0, 1.0, "iteration")
        return Clock(0.0, step if is_schedule(step) else float(step), "gamma")
    flow, step = found
    return Clock(float(flow.start_time), step if is_schedule(step) else float(step))


def own_flow(method: Algorithm) -> Flow | None:
    """The flow that an algorithm discretises, its schedules of k turned into schedules of time by k(t).

    >>> from dynopt import INNA, Schedule
    >>> own_flow(INNA(alpha=Schedule("1/(k+1)", lambda k: 1 / (k + 1)), gamma=0.5)).alpha(1.0)
    0.3333333333333333
    """
    found = method.flow()
    if found is None:
        return None
    flow, at = found[0], clock(method)
    scheduled = {p.name: v for p in flow.numbers() if is_schedule(v := getattr(flow, p.name))}
    return flow.replace(**{name: _in_time(value, at) for name, value in scheduled.items()}) if scheduled else flow


def _in_time(value: Any, at: Clock) -> Schedule:
    rule = "k(t)" if is_schedule(at.step) else f"k = (t - {at.start:g})/{at.step:g}" if at.start else f"k = t/{at.step:g}"
    name = value if isinstance(value, Schedule) else getattr(value, "__name__", "schedule")
    return Schedule(f"{name} with {rule}", lambda t: value(at.index(t)))
