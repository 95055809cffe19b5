"""The `trajectory` job: flows, iterates, and the distance between them on one time axis."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import numpy as np

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.problem import Problem
from dynopt.core.registry import method as named_method
from dynopt.core.registry import problem as named_problem
from dynopt.errors import Misuse
from dynopt.flow.clock import clock, own_flow
from dynopt.flow.compare import family, order
from dynopt.flow.curves import Curve, Distance, TrajectoryStudy
from dynopt.flow.energy import energies
from dynopt.flow.events import Event, Level, parse_event
from dynopt.flow.integrate import EVALUATIONS, integrate, positive, starting_point
from dynopt.flow.iterates import STEPS, Iterates
from dynopt.flow.modified import ModifiedFlow
from dynopt.flow.refine import same_flow
from dynopt.flow.solution import Solution

HORIZON = 20.0
"""Default duration, …"""
STEPS_SHOWN = 2000
"""… or the time of that many iterations of the method with the shortest step, if that is less."""
SAMPLES = 600
"""A flow's curve is reported at its solver's steps and at that many equal intervals."""


def trajectory(
    methods: str | Algorithm | Flow | Sequence[str | Algorithm | Flow],
    problem: str | Problem,
    start: Sequence[float] | None = None,
    horizon: float | None = None,
    *,
    solver: str = "DOP853",
    rtol: float = 1e-10,
    atol: float = 1e-12,
    events: Sequence[Event | Level | str] = (),
    levels: int = 3,
    orders: Sequence[int] = (),
    max_evaluations: int = EVALUATIONS,
    max_steps: int = STEPS,
    regularise: float | None = None,
) -> TrajectoryStudy:
    """Flows and algorithms from one start: their trajectories, distances, orders and energies.

    An algorithm is compared with the flow that it discretises if that is among those given, otherwise
    with every flow that is given; where none is, its own flow is added to the curves.  The order of
    a distance in the time step is measured on ``levels`` runs at h, h/2, h/4, … over the same time,
    with the algorithm's own flow held fixed.

    Parameters
    ----------
    methods : calls such as ``"inna(alpha=2, gamma=0.01)"`` or instances, flows and algorithms in any order.
    problem : a name, a call, ``path/file.py:Name``, or an object.
    start : θ₀; the problem's own by default.
    horizon : the duration in the flows' time.  By default 20, or the time of 2000 iterations of the
        method with the shortest step if that is less; 2000 iterations for methods with neither a
        flow nor a step-size gamma (whose time counts iterations) when they are alone.
    solver, rtol, atol, events, max_evaluations : see `dynopt.flow.integrate.integrate`; events may also be calls.
    levels : number of step-sizes for the order, at least 1 (which measures none).
    orders : orders 1 to 4 of modified flows to add for each algorithm, in the place of its own flow
        (`dynopt.modified_flow`).  They are integrated with tolerances a thousand times as strict, and
        each run of the order's measurement is compared with the modified flow of its own step.
    max_steps : budget of iterations per run.
    regularise : ε > 0 to round the kinks of a non-smooth problem for its flows, which are otherwise followed
        as differential inclusions (`dynopt.flow.integrate.integrate`); algorithms run on the problem itself.

    Raises
    ------
    Misuse : unknown names, a start of the wrong dimension, a horizon that is not positive or shorter than one step.

    Examples
    --------
    >>> study = trajectory("gd(gamma=0.1)", "quadratic(spectrum=[1])", start=[1], horizon=1)
    >>> [c.method for c in study.curves], round(study.distances[0].max, 4)
    (['gd(gamma=0.1)', 'gradient_flow'], 0.0192)
    """
    named = [_named(m) for m in ([methods] if isinstance(methods, (str, Algorithm, Flow)) else methods)]
    objective: Problem = named_problem(problem) if isinstance(problem, str) else problem
    if not named:
        raise Misuse('there is no method to run; name at least one flow or algorithm, as in "inna(gamma=0.01)"')
    if not isinstance(levels, int) or not 1 <= levels <= 8:
        raise Misuse(f"levels={levels} is outside [1, 8]; give the number of step-sizes for the order, such as 3")
    theta0 = starting_point(objective, start)
    algorithms = [(text, m) for text, m in named if isinstance(m, Algorithm)]
    duration = _duration(algorithms, horizon, alone=len(algorithms) == len(named))
    watched = [parse_event(e) if isinstance(e, str) else e for e in events]

    def solve(flow: Flow) -> Solution:
        exact = 1e-3 if isinstance(flow, ModifiedFlow) else 1  # a small distance is what a modified flow is for
        return integrate(
            flow, objective, theta0, duration, method=solver, rtol=max(rtol * exact, min(rtol, 1e-13)), atol=atol * exact,
            events=watched, max_evaluations=max_evaluations, regularise=regularise,
        )  # fmt: skip

    found: list[tuple[str, Any, Any]] = [
        (text, m, solve(m) if isinstance(m, Flow) else family(m, objective, theta0, duration, levels, max_steps)) for text, m in named
    ]
    given = [entry for entry in found if isinstance(entry[1], Flow)]
    added: list[tuple[str, Flow, Solution]] = []
    distances: list[Distance] = []
    for text, algorithm, (runs, reason) in (entry for entry in found if isinstance(entry[1], Algorithm)):
        own = own_flow(algorithm)
        rivals = [(*g, own is not None and same_flow(own, g[1])) for g in given or ([] if orders else _added(own, added, solve))]
        rivals = [r for r in rivals if r[3]] or rivals
        distances += [_distance(text, name, is_own, runs, solution, reason) for name, _, solution, is_own in rivals]
        for p in orders:
            flows = [ModifiedFlow(method=run.method, problem=objective, order=p) for run in runs]
            solutions = [solve(flow) for flow in flows]
            name = f"order-{p} modified flow of {text}"
            added.append((name, flows[0], solutions[0]))
            distances.append(_distance(text, name, True, runs, solutions, reason))
    curves = [_flow_curve(text, r, True) if isinstance(m, Flow) else _iterates_curve(text, r[0][0]) for text, m, r in found]
    curves += [_flow_curve(text, solution, False) for text, _, solution in added]
    settings = {
        "methods": [text for text, _ in named], "solver": solver, "rtol": rtol, "atol": atol, "levels": levels,
        "events": [getattr(e, "name", getattr(e, "__name__", "event")) for e in watched],
        "orders": list(orders), "max_evaluations": max_evaluations, "max_steps": max_steps, "regularise": regularise,
    }  # fmt: skip
    return TrajectoryStudy(objective, theta0, duration, tuple(curves), tuple(distances), settings, _versions())


def _named(item: Any) -> tuple[str, Any]:
    if isinstance(item, str):
        return item.strip(), named_method(item)
    if isinstance(item, (Algorithm, Flow)):
        return item.call(), item
    name = getattr(item, "__name__", repr(item))
    raise Misuse(f"{name} is not a method with its parameters; give an instance such as INNA(gamma=0.01), or a call as text")


def _duration(algorithms: list[tuple[str, Algorithm]], horizon: float | None, alone: bool) -> float:
    """The asked duration, or the default (``alone``: no flows are asked for); `Misuse` when an algorithm cannot take one step in it."""
    clocks = [(text, clock(m.numeric())) for text, m in algorithms]
    if horizon is None:
        most = STEPS_SHOWN if alone and all(c.unit == "iteration" for _, c in clocks) else HORIZON
        return min([most, *(float(c.times(STEPS_SHOWN)[-1] - c.start) for _, c in clocks)])
    positive("horizon", horizon)
    for text, c in clocks:
        first = float(c.times(1)[1] - c.start)
        if c.count(horizon, 1) == 0:
            raise Misuse(f"the horizon {horizon:g} is shorter than one step, {first:g}, of {text}; give at least {first:g}")
    return float(horizon)


def _added(own: Flow | None, added: list[tuple[str, Flow, Solution]], solve: Any) -> list[tuple[str, Flow, Solution]]:
    """The own flow, integrated unless another algorithm already asked for it."""
    if own is None:
        return []
    for entry in added:
        if same_flow(entry[1], own):
            return [entry]
    added.append((own.call(), own, solve(own)))
    return added[-1:]


def _distance(
    method: str, flow: str, own: bool, runs: Sequence[Iterates], solution: Solution | Sequence[Solution], reason: str
) -> Distance:
    found = order(runs, solution, reason)
    first = found.gaps[0]
    if not first.values.size:
        return Distance(method, flow, own, None, None, None, None, found.reason, found.gaps)
    at = float(first.t[int(np.argmax(first.values))])
    return Distance(method, flow, own, first.max, at, float(first.values[-1]), found.order, found.reason, found.gaps)


def _flow_curve(text: str, solution: Solution, given: bool) -> Curve:
    first, last = solution.reach
    times = np.union1d(solution.t, np.linspace(first, last, SAMPLES + 1))
    states = solution(times)
    with np.errstate(all="ignore"):
        values = np.asarray(solution.problem.value(states[0]))
    found = energies(solution.flow, solution.problem, times, states)
    return Curve(
        text, "flow", given, times, states[0], values, solution.outcome, solution.message,
        energies=found, events=solution.events, statistics=solution.statistics, missed=solution.missed,
    )  # fmt: skip


def _iterates_curve(text: str, run: Iterates) -> Curve:
    own = own_flow(run.method)
    with np.errstate(all="ignore"):
        values = np.asarray(run.problem.value(run.theta))
    found = energies(own, run.problem, run.t, run.method.flow_state(run.states)) if own is not None else ()
    count = {"iterations": len(run.t) - 1, "time_unit": run.clock.unit}
    return Curve(text, "iterates", True, run.t, run.theta, values, run.outcome, run.message, run.failed_at, found, (), count)


def _versions() -> dict[str, str]:
    import scipy

    from dynopt import __version__

    return {"dynopt": __version__, "numpy": np.__version__, "scipy": scipy.__version__, "python": platform.python_version()}
