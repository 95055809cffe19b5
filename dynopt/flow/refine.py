"""The same method with its steps cut in n: what is held fixed when an order is measured."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.parameter import Schedule, is_schedule
from dynopt.errors import Misuse
from dynopt.symbolic.rescale import at_step


def refined(method: Algorithm, factor: int) -> Algorithm | None:
    """The method of the same class that follows the *same flow* in time steps ``factor`` times as short.

    Held fixed are the flow with all its parameters and the time that schedules refer to; the other
    parameters follow from ``method.flow()``, solved for them.  For INNA this divides γ.  For the heavy
    ball and Nesterov's method, whose flow has the friction α = (1 − m)/√γ and whose time step is √γ,
    it divides γ by factor² and makes the momentum m = 1 − α√γ.  A scheduled step is cut as
    γ_⌊k/n⌋/n, another scheduled parameter is read at k/n.  A parameter with a default keeps its value
    where the others suffice.

    A method that declares no flow has its γ divided and everything else fixed.  None when it has no
    γ either, or the equations have no admissible solution.

    >>> from dynopt import HeavyBall
    >>> refined(HeavyBall(gamma=0.01, momentum=0.8), 2)
    HeavyBall(gamma=1/400, momentum=9/10)
    """
    found = method.flow()
    if found is None:
        step = getattr(method, "gamma", None)
        return None if step is None else method.replace(gamma=_cut(step, factor, True) if is_schedule(step) else step / factor)
    step = found[1]
    cut = {p.name: _cut(v, factor, v is step) for p in method.numbers() if is_schedule(v := getattr(method, p.name))}
    constants = [p for p in method.numbers() if p.name not in cut]
    for values in at_step(method, constants, lambda now: now / factor):
        try:
            return method.replace(**cut, **{name: _plain(v) for name, v in values.items()})
        except Misuse:
            continue  # this root lies outside the domain of a parameter
    return None


def same_flow(one: Flow, other: Flow) -> bool:
    """Whether two flows are the same system up to rounding of their parameters (schedules must be the same objects)."""
    if type(one) is not type(other):
        return False
    for f in dataclasses.fields(one):
        a, b = getattr(one, f.name), getattr(other, f.name)
        numbers = not isinstance(a, str) and not is_schedule(a) and not is_schedule(b)
        if not (math.isclose(float(a), float(b), rel_tol=1e-12) if numbers else a == b):
            return False
    return True


def _cut(schedule: Any, factor: int, is_step: bool) -> Schedule:
    name = schedule if isinstance(schedule, Schedule) else getattr(schedule, "__name__", "schedule")
    if is_step:
        return Schedule(f"({name})/{factor} at k//{factor}", lambda k: schedule(k // factor) / factor)
    return Schedule(f"{name} at k/{factor}", lambda k: schedule(k / factor))


def _plain(value: Any) -> Any:
    """An exact rational as a Fraction, another number (a root) as a float."""
    return Fraction(int(value.p), int(value.q)) if value.is_Rational else float(value)
