"""Many starts in one call: every trajectory with its own steps, events and outcome, the arithmetic shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.problem import Problem
from dynopt.core.result import Result, plain
from dynopt.errors import Misuse, Outcome, closest
from dynopt.flow.events import Event, Hit, Level
from dynopt.flow.events import event as named_event
from dynopt.flow.field import Field
from dynopt.flow.integrate import EVALUATIONS, checked_flow, duration, time_grid, tolerances
from dynopt.flow.lanes import EXPLICIT, Dense, Lanes, Steps
from dynopt.flow.stiffness import MANY, advice
from dynopt.flow.watch import Watch

TOGETHER = 8192
"""Trajectories advanced together: enough to share the cost of a call, few enough to bound the memory."""


@dataclass(frozen=True, eq=False)
class BatchSolution(Result):
    """Trajectories of one flow from ``m`` starts.

    Attributes
    ----------
    flow : what was integrated, in floating point.
    problem : the objective.
    starts : θ₀ of each, shape ``(m, n)``.
    t : the time at which each ended, shape ``(m,)``.
    states : the state there, a NamedTuple of blocks of shape ``(m, n)``; the first is θ.
    outcomes : ``done``, ``event``, ``converged``, ``diverged`` or ``budget spent``, one a trajectory.
    messages : the outcomes in words.
    t_eval : the times ``(k,)`` at which values were asked for.
    path : the states at those times, blocks of shape ``(m, k, n)``, nan after a trajectory's end; None when none were asked for.
    events : the `Hit`s of each trajectory, in order of time.
    watched : the names of the events looked for.
    statistics : solver, rtol, atol, and for each trajectory (arrays ``(m,)``) its steps, rejections and evaluations of the
        field (nfev); ``calls`` of the field for all of them together, and ``advice`` where stability held back the one with most steps.
    """

    flow: Flow
    problem: Problem
    starts: np.ndarray
    t: np.ndarray
    states: Any
    outcomes: tuple[Outcome, ...]
    messages: tuple[str, ...]
    t_eval: np.ndarray
    path: Any
    events: tuple[tuple[Hit, ...], ...]
    watched: tuple[str, ...]
    statistics: dict[str, Any]

    @property
    def theta(self) -> np.ndarray:
        """θ at the end of each trajectory, shape ``(m, n)``."""
        return self.states[0]

    def to_dict(self) -> dict[str, Any]:
        """``flow, problem, starts, t, points, counts, outcomes, messages, t_eval, path, events, happened, statistics``.

        ``happened`` counts the trajectories on which each event happened, 0 where it never did.
        """
        document = {
            "flow": self.flow.call(), "problem": self.problem.name, "starts": self.starts, "t": self.t, "points": self.theta,
            "counts": Counter(o.value for o in self.outcomes), "outcomes": self.outcomes, "messages": self.messages,
            "t_eval": self.t_eval, "path": None if self.path is None else self.path[0], "events": self.events,
            "happened": {name: sum(any(h.name == name for h in found) for found in self.events) for name in self.watched},
            "statistics": self.statistics,
        }  # fmt: skip
        return {name: plain(value) for name, value in document.items()}


def integrate_batch(
    flow: Flow,
    problem: Problem,
    starts: Sequence[Sequence[float]] | np.ndarray,
    horizon: float = 20.0,
    *,
    method: str = "DOP853",
    rtol: float = 1e-10,
    atol: float = 1e-12,
    events: Sequence[Event | Level] = (),
    t_eval: Sequence[float] | None = None,
    max_evaluations: int = EVALUATIONS,
) -> BatchSolution:
    """Integrate s' = field(s, ∇J, t) from every row of ``starts`` over the duration ``horizon``.

    Each trajectory takes the steps that ``scipy.integrate.solve_ivp`` takes for it, up to rounding, and
    leaves the batch when it ends; the others do not see it.  Memory grows with ``starts`` and
    ``t_eval``, not with the number of steps; `dynopt.flow.integrate.integrate` has all steps of one start.

    Parameters
    ----------
    flow, problem, horizon, rtol, atol : as for `dynopt.flow.integrate.integrate`.
    starts : θ₀ of each trajectory, shape ``(m, n)``.
    method : RK23, RK45 or DOP853 (explicit; a stiff flow needs `integrate` with an implicit one).
    events : `Event` objects, or plain functions of (t, state) with blocks ``(n,)``, which are called one trajectory at a time.
    t_eval : times at which the states are reported, ascending.
    max_evaluations : budget of field evaluations of each trajectory.

    Raises
    ------
    Misuse : starts of the wrong shape, a horizon or tolerance out of range, an implicit solver, an algorithm in place of a flow.

    Examples
    --------
    >>> from dynopt import GradientFlow, Quadratic
    >>> ends = integrate_batch(GradientFlow(), Quadratic([1, 2]), [(1, 1), (2, 0)], 1.0)
    >>> ends.theta.round(6) + 0.0
    array([[0.367879, 0.135335],
           [0.735759, 0.      ]])
    """
    flow = checked_flow(flow)
    method = _explicit(method)
    tolerances(rtol, atol)
    points = _starts(problem, starts)
    t0 = float(flow.start_time)
    duration(horizon, t0)
    grid = np.empty(0) if t_eval is None else time_grid(t_eval, t0, horizon)
    watch = [(e if isinstance(e, Event) else named_event(e)) for e in events]
    record = _Record(points, grid, t0)
    with np.errstate(all="ignore"):
        for first in range(0, len(points), TOGETHER):
            part = slice(first, first + TOGETHER)
            field = Field(flow, problem, points[part], t0)
            _run(field, first, method, t0, t0 + horizon, rtol, atol, [Watch(e, flow, problem) for e in watch], max_evaluations, record)
    kind = record.kind
    m, n = points.shape
    blocks = kind(*record.y.reshape(-1, n, m).transpose(0, 2, 1))
    path = None if t_eval is None else kind(*record.path.reshape(-1, n, m, len(grid)).transpose(0, 2, 3, 1))
    statistics = {"solver": method, "rtol": rtol, "atol": atol, "calls": record.calls, "advice": record.advice, **record.counts}
    hits = tuple(tuple(sorted(found, key=lambda h: h.t)) for found in record.hits)
    ends = record.t, blocks, tuple(record.outcomes), tuple(record.messages)
    return BatchSolution(flow, problem, points, *ends, grid, path, hits, tuple(e.name for e in watch), statistics)


class _Record:
    """What the trajectories leave behind; lanes write into it by their own index."""

    COUNTS = ("nfev", "steps", "rejections")

    def __init__(self, points: np.ndarray, grid: np.ndarray, t0: float) -> None:
        m = len(points)
        self.grid, self.calls, self.advice = grid, 0, ""
        self.t, self.next = np.full(m, t0), np.zeros(m, dtype=int)
        self.outcomes, self.messages = [Outcome.DONE] * m, [""] * m
        self.hits: list[list[Hit]] = [[] for _ in range(m)]
        self.counts = {name: np.zeros(m, dtype=int) for name in self.COUNTS}
        self.kind: Any = None
        self.y = self.path = np.empty(0)

    def begin(self, field: Field) -> None:
        if self.kind is None:
            self.kind, d, m = field.kind, len(field.start), len(self.t)
            self.y, self.path = np.empty((d, m)), np.full((d, m, len(self.grid)), np.nan)

    def end(self, lanes: Lanes, which: np.ndarray, first: int, outcome: Outcome, messages: Sequence[str] | str) -> None:
        """Lanes at the positions ``which`` end where they are."""
        at = lanes.index[which] + first
        self.t[at], self.y[:, at] = lanes.t[which], lanes.y[:, which]
        for name, count in self.counts.items():
            count[at] = getattr(lanes, name)[which]
        for i, k in enumerate(at):
            self.outcomes[k], self.messages[k] = outcome, messages if isinstance(messages, str) else messages[i]


def _run(
    field: Field, first: int, method: str, t0: float, end: float, rtol: float, atol: float,
    watch: list[Watch], budget: int, record: _Record,
) -> None:  # fmt: skip
    record.begin(field)
    lanes = Lanes(field, method, t0, field.start, end, rtol, atol)
    states = field.unpack(lanes.y)
    resting: dict[int, Event] = {}
    for w in watch:
        for i in w.begin(lanes.t, states):
            record.hits[first + i].append(Hit(w.event.name, t0, states[0][i].copy()))
            if w.event.terminal:
                resting.setdefault(int(i), w.event)
    _fill(record, lanes, None, None, first)
    lost = ~np.all(np.isfinite(lanes.y) & np.isfinite(lanes.f), axis=0)
    at_rest = np.isin(np.arange(len(lanes)), list(resting)) & ~lost
    _leave(record, lanes, lost, first, Outcome.DIVERGED, f"the field is not finite at the start, t = {t0:g}")
    for i in np.flatnonzero(at_rest):
        record.end(lanes, np.array([i]), first, Outcome.CONVERGED, f"{resting[int(i)].name} at t = {t0:g}")
    _keep(lanes, watch, ~(lost | at_rest))
    while len(lanes):
        stuck = lanes.stuck()
        spent = ~stuck & (lanes.nfev >= budget)
        if np.any(stuck | spent):
            messages = [f"stopped or blew up at t = {t:.10g}: the step-size fell below the spacing of numbers" for t in lanes.t[stuck]]
            _leave(record, lanes, stuck, first, Outcome.DIVERGED, messages)
            messages = [f"{budget} field evaluations were spent at t = {t:g}" for t in lanes.t[spent]]
            _leave(record, lanes, spent, first, Outcome.BUDGET_SPENT, messages)
            _keep(lanes, watch, ~(stuck | spent))
            continue
        steps = lanes.attempt()
        dense = steps.dense(np.arange(len(steps.lane))) if watch else None
        stopped = np.zeros(len(lanes), dtype=bool) if dense is None else _look(record, lanes, steps, dense, watch, first)
        _fill(record, lanes, steps, dense, first)
        done = ~stopped & (lanes.t >= end)
        lost = ~stopped & ~np.all(np.isfinite(lanes.y), axis=0)
        _leave(record, lanes, done & ~lost, first, Outcome.DONE, f"reached t = {end:g}")
        _leave(record, lanes, lost, first, Outcome.DIVERGED, "the state is not finite")
        if np.any(stopped | done | lost):
            _keep(lanes, watch, ~(stopped | done | lost))
    record.calls += field.count
    slowest = first + int(np.argmax(record.counts["steps"][first : first + field.start.shape[1]]))
    steps = record.counts["steps"][slowest]
    if steps >= MANY and not record.advice:
        record.advice = advice(field, record.t[slowest], record.y[:, slowest], (record.t[slowest] - t0) / steps, method)


def _leave(record: _Record, lanes: Lanes, mask: np.ndarray, first: int, outcome: Outcome, messages: Sequence[str] | str) -> None:
    if np.any(mask):
        record.end(lanes, np.flatnonzero(mask), first, outcome, messages)


def _keep(lanes: Lanes, watch: list[Watch], mask: np.ndarray) -> None:
    lanes.keep(mask)
    for w in watch:
        w.now = w.now[mask]


def _look(record: _Record, lanes: Lanes, steps: Steps, dense: Dense, watch: list[Watch], first: int) -> np.ndarray:
    """Note the events within the steps; lanes that a terminal one stops are set back to it, ended, and told as a mask."""
    stopped = np.zeros(len(lanes), dtype=bool)
    if not len(steps.lane):
        return stopped
    unpack = lanes.field.unpack  # type: ignore[attr-defined]

    def states(x: np.ndarray, i: np.ndarray) -> tuple[np.ndarray, Any]:
        return steps.t[i] + x * steps.h[i], unpack(dense(x, i))

    resolution = np.spacing(steps.t) / steps.h
    found = [(w.event, *w.crossed(states, steps.lane, resolution)) for w in watch]
    crossed = sorted((i, x, number) for number, (_, where, at) in enumerate(found) for i, x in zip(where, at, strict=True))
    for i, x, number in crossed:
        lane = steps.lane[i]
        if stopped[lane]:
            continue
        event, y = found[number][0], dense(np.array([x]), np.array([i]))
        t = float(steps.t[i] + x * steps.h[i])
        record.hits[first + lanes.index[lane]].append(Hit(event.name, t, unpack(y)[0][0].copy()))
        if event.terminal:
            stopped[lane] = True
            lanes.t[lane], lanes.y[:, lane] = t, y[:, 0]
            outcome = Outcome.CONVERGED if event.rest else Outcome.EVENT
            record.end(lanes, np.array([lane]), first, outcome, f"{event.name} at t = {t:.10g}")
    return stopped


def _fill(record: _Record, lanes: Lanes, steps: Steps | None, dense: Dense | None, first: int) -> None:
    """States at the asked times that the steps have reached (``None``: the start)."""
    if not len(record.grid):
        return
    at = lanes.index + first if steps is None else lanes.index[steps.lane] + first
    until = lanes.t if steps is None else lanes.t[steps.lane]
    reached = np.searchsorted(record.grid, until, side="right")
    counts = reached - record.next[at]
    busy = np.flatnonzero(counts)
    if len(busy):
        which = np.repeat(np.arange(len(busy)), counts[busy])
        places = np.concatenate([np.arange(a, b) for a, b in zip(record.next[at[busy]], reached[busy], strict=True)])
        if steps is None:
            values = lanes.y[:, busy][:, which]
        else:
            x = (record.grid[places] - steps.t[busy][which]) / steps.h[busy][which]
            values = steps.dense(busy)(x, which) if dense is None else dense(x, busy[which])
        record.path[:, at[busy][which], places] = values
    record.next[at] = reached


def _explicit(name: str) -> str:
    known = {s.lower(): s for s in EXPLICIT}
    if name.lower() not in known:
        raise Misuse(
            f"there is no batched solver {name!r}; {closest(name, EXPLICIT)} (integrate() has the implicit ones, a start at a time)"
        )
    return known[name.lower()]


def _starts(problem: Problem, starts: Any) -> np.ndarray:
    if isinstance(problem, type) or not hasattr(problem, "gradient"):
        raise Misuse(f'{problem!r} is not a problem; give dynopt.problem("double-well"), a Landscape or a Quadratic')
    try:
        points = np.array(starts, dtype=float)
    except (TypeError, ValueError):
        raise Misuse(f"the starts are not points of {problem.name}; give an array of shape (m, {problem.dimension})") from None
    if points.ndim != 2 or points.shape[1] != problem.dimension or not len(points):
        raise Misuse(f"the starts have the shape {points.shape}; give one row per start, {problem.dimension} numbers each")
    if not np.all(np.isfinite(points)):
        row = int(np.flatnonzero(~np.all(np.isfinite(points), axis=1))[0])
        raise Misuse(f"the start number {row}, {tuple(points[row])}, is not finite; give finite numbers")
    return points
