"""Integration of any flow with SciPy's solvers: dense output, events, statistics, an outcome in every case.

The loop (`dynopt.flow.march`) runs the steppers behind ``scipy.integrate.solve_ivp`` one step at a
time, because a step is where a budget can be kept, a blow-up recognised and everything computed so
far preserved.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.problem import Problem
from dynopt.errors import Misuse, Outcome, closest
from dynopt.flow.events import Event, Level
from dynopt.flow.events import event as named_event
from dynopt.flow.field import Field
from dynopt.flow.inclusion import KinkedField, kinks, slide
from dynopt.flow.march import march
from dynopt.flow.rest import resting_place
from dynopt.flow.solution import Solution
from dynopt.flow.watch import Watch
from dynopt.problems.pieces import regularised

SOLVERS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA", "auto")
"""SciPy's steppers: the first three explicit, Radau and BDF implicit (stiff flows), LSODA switching; auto chooses."""

EVALUATIONS = 400_000
"""Default budget of field evaluations: seconds to half a minute, whatever the flow."""


def integrate(
    flow: Flow,
    problem: Problem,
    start: Sequence[float] | np.ndarray | None = None,
    horizon: float = 20.0,
    *,
    method: str = "DOP853",
    rtol: float = 1e-10,
    atol: float = 1e-12,
    events: Sequence[Event | Level] = (),
    t_eval: Sequence[float] | None = None,
    max_evaluations: int = EVALUATIONS,
    regularise: float | None = None,
) -> Solution:
    """Integrate s' = field(s, ∇J, t) from ``flow.start_time`` over the duration ``horizon``.

    On a landscape with kinks the flow is the differential inclusion with the Clarke subdifferential
    (thesis (2.8)) and is followed from kink to kink, crossing or sliding (`dynopt.flow.inclusion`);
    with ``regularise`` every |h| becomes √(h² + ε²) instead.

    Parameters
    ----------
    flow : any flow with numbers (or schedules of t) for parameters.
    problem : the objective.
    start : θ at the start, one number per coordinate; the problem's own start by default.
    horizon : the duration, > 0.
    method : a SciPy stepper, one of `SOLVERS`; Radau or BDF for stiff flows.  ``auto`` takes LSODA when
        stability would force 1000 or more steps on DOP853 (the duration times the fastest decay rate in
        the spectrum of the Jacobian at the start, over 6.39), DOP853 otherwise; it changes to LSODA once,
        when 1000 steps have been held back by stability (their mean times the fastest decay rate is near 6.39).
    rtol, atol : error tolerances per step, relative and absolute.
    events : `Event` objects, or plain functions of (t, state).
    t_eval : times to report instead of the solver's steps.
    max_evaluations : budget of field evaluations, so that nothing runs for ever; a step counts for ten at least.
    regularise : ε > 0, for a landscape with kinks; the flow is then stiff, and Radau takes the place of an explicit solver.

    Raises
    ------
    Misuse : a start of the wrong dimension, a horizon or tolerance out of range, an unknown solver,
        an algorithm in place of a flow.

    Notes
    -----
    Implicit solvers get the exact Jacobian of the field (`dynopt.flow.field.Field.jacobian`), or SciPy's
    differences where the problem has kinks.  An explicit solver that was asked for is never replaced:
    after 1000 steps held back by stability the message and ``statistics["advice"]`` say that the flow is stiff.

    Examples
    --------
    >>> from dynopt import GradientFlow, Quadratic
    >>> solution = integrate(GradientFlow(), Quadratic([1, 2]), (1, 1), 1.0)
    >>> solution(1.0).theta.round(6)
    array([0.367879, 0.135335])
    >>> str(solution.outcome)
    'done'
    """
    flow = checked_flow(flow)
    method = _solver(method)
    tolerances(rtol, atol)
    theta0 = starting_point(problem, start)
    t0 = float(flow.start_time)
    duration(horizon, t0)
    pieces = kinks(problem)
    if regularise is not None:
        if pieces is None:
            raise Misuse(f"regularise={regularise} has no kink of {problem.name} to round; leave it out")
        method = method if method in ("Radau", "BDF", "LSODA") else "Radau"
        field_of = Field(flow, regularised(problem, regularise), theta0, t0)  # type: ignore[arg-type]
    else:
        field_of = Field(flow, problem, theta0, t0) if pieces is None else KinkedField(flow, problem, theta0, t0, pieces)
    seen: Any = field_of if isinstance(field_of, KinkedField) else flow
    watch = [Watch(e if isinstance(e, Event) else named_event(e), seen, problem) for e in events]
    grid = None if t_eval is None else time_grid(t_eval, t0, horizon)
    with warnings.catch_warnings(record=True), np.errstate(all="ignore"):
        warnings.simplefilter("always")
        settings = (method, t0, horizon, rtol, atol, watch, max_evaluations)
        path = slide(field_of, *settings) if isinstance(field_of, KinkedField) else march(field_of, *settings)
    dense = path.dense()
    if grid is None:
        times, values = np.array(path.t), np.array(path.y).T
    else:
        times = grid[grid <= path.t[-1]]
        values = np.asarray(dense(times))
    rows = values.reshape(len(field_of.kind._fields), problem.dimension, len(times))
    states = field_of.kind(*(row.T for row in rows))
    statistics = {
        "solver": ", then ".join(path.solvers) or method, "rtol": rtol, "atol": atol, "steps": len(path.t) - 1,
        "nfev": field_of.count, "njev": path.njev, "nlu": path.nlu, "advice": path.advice,
    }  # fmt: skip
    if isinstance(field_of, KinkedField):
        statistics |= {
            "selection": "Filippov",
            "mode_switches": field_of.switches,
            "modes": field_of.log,
            "not_unique_at": field_of.ambiguous,
        }
    elif regularise is not None:
        statistics |= {"regularised_eps": float(regularise)}
    if path.blow_up is not None:
        statistics["blow_up_time"] = path.blow_up
    message = path.message
    if path.outcome is Outcome.CONVERGED:
        place = resting_place(problem, field_of.unpack(path.y[-1])[0])
        statistics["rest"] = place.to_dict()
        message += f", {place}"
    hits = tuple(sorted(path.hits, key=lambda h: h.t))
    missed = tuple(w.event.name for w in watch if w.event.name not in {h.name for h in hits})
    return Solution(flow, problem, times, states, path.outcome, message, hits, statistics, dense, (path.t[0], path.t[-1]), missed)


def starting_point(problem: Problem, start: Sequence[float] | np.ndarray | None) -> np.ndarray:
    """θ₀ as a float vector, from ``start`` or the problem's own; `Misuse` for a wrong dimension."""
    if isinstance(problem, type) or not hasattr(problem, "gradient"):
        raise Misuse(f'{problem!r} is not a problem; give dynopt.problem("double-well"), a Landscape or a Quadratic')
    if start is None:
        start = getattr(problem, "start", None)
        if start is None:
            raise Misuse(f"{problem.name} has no start of its own; give one number per coordinate ({problem.dimension} in all)")
    try:
        point = np.array([float(v) for v in np.atleast_1d(np.asarray(start, dtype=object))])
    except (TypeError, ValueError):
        raise Misuse(f"the start {start!r} is not a point; give one number per coordinate, as in start=(1, 1)") from None
    if len(point) != problem.dimension:
        raise Misuse(f"the start has {len(point)} coordinates, {problem.name} has {problem.dimension}; give one number per coordinate")
    if not np.all(np.isfinite(point)):
        raise Misuse(f"the start {tuple(point)} is not finite; give finite numbers")
    return point


def positive(name: str, value: Any) -> None:
    """`Misuse` unless the value is a positive finite number."""
    if isinstance(value, (str, bool)) or not 0 < value < math.inf:
        raise Misuse(f"{name}={value} is outside (0, oo); give a positive number")


def duration(horizon: Any, t0: float) -> None:
    """`Misuse` unless the horizon is a positive duration that numbers of the size of ``t0`` can hold."""
    positive("horizon", horizon)
    least = 100 * (math.nextafter(t0, math.inf) - t0)
    if horizon < least:
        raise Misuse(f"horizon={horizon} is too short to leave t = {t0:g} in double precision; give at least {least:.2g}")


def checked_flow(flow: Any) -> Flow:
    """The flow in floating point; `Misuse` for anything else."""
    if not isinstance(flow, Flow):
        raise Misuse(f"{flow!r} is not a flow; integrate a Flow such as DIN(alpha=2), or use iterates() for an algorithm")
    return flow.numeric()


def _solver(name: str) -> str:
    known = {s.lower(): s for s in SOLVERS}
    if name.lower() not in known:
        raise Misuse(f"there is no solver {name!r}; {closest(name, SOLVERS)}")
    return known[name.lower()]


def tolerances(rtol: float, atol: float) -> None:
    """`Misuse` unless both can be met."""
    smallest = 100 * np.finfo(float).eps
    if not smallest <= rtol < 1:
        raise Misuse(f"rtol={rtol} is outside [{smallest:.3g}, 1); double precision offers no less, choose one such as 1e-10")
    if not 0 <= atol < math.inf:
        raise Misuse(f"atol={atol} is outside [0, oo); choose one such as 1e-12")


def time_grid(t_eval: Sequence[float], t0: float, horizon: float) -> np.ndarray:
    """The asked times, if they ascend within the flow's time."""
    grid = np.asarray(t_eval, dtype=float)
    if grid.ndim != 1 or not np.all(np.diff(grid) > 0) or (len(grid) and not t0 <= grid[0] <= grid[-1] <= t0 + horizon * (1 + 1e-12)):
        raise Misuse(f"t_eval must ascend within [{t0:g}, {t0 + horizon:g}], the time of the flow; correct the times or the horizon")
    return np.minimum(grid, t0 + horizon)
