"""Events along a trajectory: zeros of a function of time and state, ready-made ones by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.problem import Problem, oracle
from dynopt.core.registry import parse_call
from dynopt.core.result import Result
from dynopt.errors import Misuse, closest
from dynopt.flow.field import at_times, one_by_one, velocity

Level = Callable[[Any, Any], Any]
"""A function of (t, state) whose zeros are the event; the blocks of the state have shape ``(n,)``.

A ``batched`` one takes times ``(*batch,)`` and blocks ``(*batch, n)`` and gives values ``(*batch,)``.
"""


@dataclass(frozen=True)
class Event:
    """A zero crossing to look for.

    Attributes
    ----------
    name : how it is reported.
    build : gives the function of (t, state) for a flow on a problem.
    terminal : whether the integration stops there.
    direction : +1 for upward crossings alone, −1 for downward ones, 0 for both.
    batched : whether the function takes many states at once (see `Level`); otherwise they are given one by one.
    rest : whether the event means that the flow has come to rest: it happens at the start too if the
        function is negative there, and an integration that it stops has converged.

    A start that lies exactly on the zero does not count: a crossing needs a sign on the way in.  A
    function that touches zero without changing sign does not cross it either.
    """

    name: str
    build: Callable[[Flow, Problem], Level]
    terminal: bool = False
    direction: int = 0
    batched: bool = False
    rest: bool = False


@dataclass(frozen=True)
class Hit(Result):
    """An event that happened: its name, the time, and θ there, of shape ``(n,)``."""

    name: str
    t: float
    theta: np.ndarray


def event(function: Level, name: str = "", *, terminal: bool = False, direction: int = 0, batched: bool = False) -> Event:
    """The event that ``function(t, state)`` crosses zero.

    >>> event(lambda t, state: state.theta[0] - 1, "x = 1").name
    'x = 1'
    """
    return Event(name or getattr(function, "__name__", "event"), lambda flow, problem: function, terminal, direction, batched)


def entering_ball(center: Sequence[Any], radius: Any, *, terminal: bool = False) -> Event:
    """θ comes within ``radius`` of ``center`` from outside."""
    build = _ball(center, radius)
    return Event(f"entering the ball of radius {radius} at {_point(center)}", build, terminal, -1, True)


def leaving_ball(center: Sequence[Any], radius: Any, *, terminal: bool = False) -> Event:
    """θ goes farther than ``radius`` from ``center`` from inside."""
    build = _ball(center, radius)
    return Event(f"leaving the ball of radius {radius} at {_point(center)}", build, terminal, +1, True)


def leaving_box(lower: Sequence[Any], upper: Sequence[Any], *, terminal: bool = False) -> Event:
    """θ leaves the box lower ≤ θ ≤ upper."""
    low, high = _vector("lower", lower), _vector("upper", upper)
    if low.shape != high.shape or not np.all(low < high):
        raise Misuse(f"leaving-box: lower={_point(lower)} is not below upper={_point(upper)} in every coordinate; swap or correct them")

    def build(flow: Flow, problem: Problem) -> Level:
        _fits("leaving-box", low, problem)
        return lambda t, state: np.min(np.minimum(state[0] - low, high - state[0]), axis=-1)

    return Event(f"leaving the box {_point(lower)} to {_point(upper)}", build, terminal, -1, True)


def leaving(inside: Callable[[np.ndarray], float], name: str = "leaving the set", *, terminal: bool = False) -> Event:
    """θ leaves the set ``inside(θ) > 0``."""
    return Event(name, lambda flow, problem: lambda t, state: float(inside(state[0])), terminal, -1)


def objective_level(level: Any, *, terminal: bool = False) -> Event:
    """J(θ) crosses ``level``, in either direction."""
    value = _number("objective-level", "level", level)
    return Event(f"J = {value:g}", lambda flow, problem: lambda t, state: problem.value(state[0]) - value, terminal, 0, True)


def energy_level(level: Any, name: Any = "", *, terminal: bool = False) -> Event:
    """An energy that the flow declares crosses ``level``, in either direction; ``name`` may be left out where it declares one alone."""
    value = _number("energy-level", "level", level)

    def build(flow: Flow, problem: Problem) -> Level:
        asked, zero = oracle(problem), np.zeros(problem.dimension)
        begin = at_times(flow, flow.start_time)
        known = list(begin.energies(begin.init(zero, asked), asked, flow.start_time))
        if not known:
            raise Misuse(f"energy-level: {flow.name} declares no energy; use objective-level(level=...)")
        chosen = str(name) or known[0]
        if chosen not in known or (not name and len(known) > 1):
            given = f"name={str(name)!r} is no energy of {flow.name}" if name else f"{flow.name} declares several energies"
            raise Misuse(f"energy-level: {given}; choose one of {', '.join(known)}, as in name='{known[0]}'")

        def level(t: Any, state: Any) -> Any:
            return flow.at(t).energies(state, asked, t)[chosen] - value

        return level if begin is flow else one_by_one(level)  # schedules are columns to the field, not to an energy

    return Event(f"{str(name) or 'energy'} = {value:g}", build, terminal, 0, True)


def zero_velocity(speed: Any = 1e-6, *, terminal: bool = False) -> Event:
    """‖θ'‖ falls below ``speed``: the trajectory comes to rest (‖θ'‖ touches zero without changing sign, so a threshold it is)."""
    slow = _number("zero-velocity", "speed", speed, positive=True)

    def build(flow: Flow, problem: Problem) -> Level:
        asked = oracle(problem)
        return lambda t, state: np.linalg.norm(velocity(flow, asked, t, state)[0], axis=-1) - slow

    return Event(f"speed below {slow:g}", build, terminal, -1, True)


def steady(tolerance: Any = 1e-8, *, terminal: bool = True) -> Event:
    """‖s'‖ of the whole state falls below ``tolerance``: the flow is at rest, and not only θ on its way round.

    A flow that creeps past a saddle more slowly than that counts as at rest too; what it rests at is
    told by `dynopt.flow.rest.resting_place`.
    """
    slow = _number("steady", "tolerance", tolerance, positive=True)

    def build(flow: Flow, problem: Problem) -> Level:
        asked = oracle(problem)
        return lambda t, state: np.linalg.norm(np.concatenate(velocity(flow, asked, t, state), axis=-1), axis=-1) - slow

    return Event(f"at rest, state velocity below {slow:g}", build, terminal, -1, True, rest=True)


def turning_point(coordinate: Any = 1, *, terminal: bool = False) -> Event:
    """The velocity of one coordinate of θ (counted from 1) vanishes: it turns round."""

    def build(flow: Flow, problem: Problem) -> Level:
        asked = oracle(problem)
        if _number("turning-point", "coordinate", coordinate) % 1 or not 1 <= coordinate <= problem.dimension:
            raise Misuse(f"turning-point: there is no coordinate {coordinate}; {problem.name} has coordinates 1 to {problem.dimension}")
        return lambda t, state: velocity(flow, asked, t, state)[0][..., int(coordinate) - 1]

    return Event(f"turning point of coordinate {coordinate}", build, terminal, 0, True)


EVENTS: dict[str, Callable[..., Event]] = {
    "entering-ball": entering_ball,
    "leaving-ball": leaving_ball,
    "leaving-box": leaving_box,
    "objective-level": objective_level,
    "energy-level": energy_level,
    "zero-velocity": zero_velocity,
    "steady": steady,
    "turning-point": turning_point,
}


def parse_event(text: str) -> Event:
    """The event that a call describes; ``terminal=yes`` makes the flow stop there.

    >>> parse_event("entering-ball(center=[0, 0], radius=1/10, terminal=yes)").terminal
    True
    """
    call = parse_call(text)
    if call.name not in EVENTS:
        raise Misuse(f"there is no event {call.name!r}; {closest(call.name, EVENTS)}")
    values = dict(call.values)
    stop = values.pop("terminal", "yes" if call.name == "steady" else "no")
    if stop not in ("yes", "no"):
        raise Misuse(f"{text!r}: terminal={stop} is not an option; choose yes or no")
    try:
        return EVENTS[call.name](**values, terminal=stop == "yes")
    except TypeError as error:
        said = str(error).partition("() ")[2] or str(error)
        raise Misuse(f"event {call.name}: {said}; write as in {_EXAMPLES[call.name]}") from None


_EXAMPLES = {
    "entering-ball": "entering-ball(center=[0,0], radius=0.1)",
    "leaving-ball": "leaving-ball(center=[0,0], radius=2)",
    "leaving-box": "leaving-box(lower=[-1,-1], upper=[1,1])",
    "objective-level": "objective-level(level=0.01)",
    "energy-level": "energy-level(name=E, level=0.01)",
    "steady": "steady(tolerance=1e-8)",
    "zero-velocity": "zero-velocity(speed=1e-6)",
    "turning-point": "turning-point(coordinate=1)",
}


def _ball(center: Sequence[Any], radius: Any) -> Callable[[Flow, Problem], Level]:
    middle, size = _vector("center", center), _number("ball", "radius", radius, positive=True)

    def build(flow: Flow, problem: Problem) -> Level:
        _fits("ball", middle, problem)
        return lambda t, state: np.linalg.norm(state[0] - middle, axis=-1) - size

    return build


def _vector(name: str, values: Any) -> np.ndarray:
    try:
        vector = np.array([float(v) for v in values])
    except (TypeError, ValueError):
        raise Misuse(f"{name}={values!r} is not a point; write one number per coordinate, as in {name}=[0,0]") from None
    return vector


def _number(owner: str, name: str, value: Any, positive: bool = False) -> float:
    if isinstance(value, (str, list, tuple)) or callable(value):
        raise Misuse(f"{owner}: {name}={value!r} is not a number; give one number")
    if positive and not float(value) > 0:
        raise Misuse(f"{owner}: {name}={value} is outside (0, oo); give a positive number")
    return float(value)


def _fits(name: str, vector: np.ndarray, problem: Problem) -> None:
    if len(vector) != problem.dimension:
        raise Misuse(f"{name}: the point has {len(vector)} coordinates, {problem.name} has {problem.dimension}; give one per coordinate")


def _point(values: Sequence[Any]) -> str:
    return "(" + ", ".join(f"{float(v):g}" for v in values) + ")"
