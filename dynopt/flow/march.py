"""The march of a solver: one step at a time, with events, a budget, and an end in every case."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.integrate
from scipy.optimize import brentq

from dynopt.core.algorithm import Flow
from dynopt.core.parameter import is_schedule
from dynopt.core.problem import Problem, oracle
from dynopt.errors import Misuse, Outcome
from dynopt.flow.events import Event, Hit

_LOOKS = 8  # places within a step at which event functions are sampled


class Field:
    """The flow's own text as a function (t, y) of packed states; counts its calls and remembers non-finite answers."""

    def __init__(self, flow: Flow, problem: Problem, theta0: np.ndarray, t0: float) -> None:
        self.flow, self.problem, self.oracle = flow, problem, oracle(problem)
        self.scheduled = any(is_schedule(getattr(flow, p.name)) for p in flow.numbers())
        self.count, self.finite = 0, True
        with np.errstate(all="ignore"):
            try:
                initial = flow.at(t0).init(theta0, self.oracle)
                velocity = flow.at(t0).field(initial, self.oracle, t0)
            except Misuse:
                raise
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                raise Misuse(f"{flow.name} cannot be evaluated on {problem.name} ({said}); correct its text") from error
        if type(initial) is not type(velocity) or any(np.shape(b) != theta0.shape for b in (*initial, *velocity)):
            raise Misuse(
                f"{flow.name}: init gives {_shapes(initial)} and field {_shapes(velocity)}; "
                f"return the same NamedTuple of blocks of shape {theta0.shape} from both"
            )
        self.kind = type(initial)
        self.start = np.concatenate(initial)

    def unpack(self, y: np.ndarray) -> Any:
        return self.kind(*y.reshape(len(self.kind._fields), -1))

    def __call__(self, t: float, y: np.ndarray) -> np.ndarray:
        self.count += 1
        flow = self.flow.at(t) if self.scheduled else self.flow
        velocity = np.concatenate(flow.field(self.unpack(y), self.oracle, t))
        self.finite = self.finite and bool(np.all(np.isfinite(velocity)))
        return velocity


def _shapes(state: Any) -> str:
    inside = ", ".join(str(np.shape(block)) for block in state) if isinstance(state, tuple) else str(np.shape(state))
    return f"a {type(state).__name__} of shapes {inside}"


class Watch:
    """One event during a march: its function, and its value at the end of the last step."""

    def __init__(self, event: Event, flow: Flow, problem: Problem) -> None:
        self.event, self.level = event, event.build(flow, problem)
        self.last = math.nan

    def crossings(self, at: Callable[[float], Any], left: float, right: float) -> list[float]:
        """Times in (left, right] at which the function changes sign in the wanted direction."""
        times, found = np.linspace(left, right, _LOOKS + 1), []
        for a, b in pairwise(times):
            before, after = self.last, self.level(b, at(b))
            self.last = after
            up, down = before < 0 <= after, before > 0 >= after
            if (up and self.event.direction >= 0) or (down and self.event.direction <= 0):
                found.append(float(brentq(lambda t: self.level(t, at(t)), a, b, xtol=1e-14 * max(1.0, abs(b)))))
        return found


class Path:
    """What a march has collected."""

    def __init__(self, t0: float, y0: np.ndarray) -> None:
        self.t, self.y, self.pieces = [t0], [y0], list[Any]()
        self.hits: list[Hit] = []
        self.outcome, self.message = Outcome.DONE, ""
        self.njev = self.nlu = 0

    def dense(self) -> Callable[[Any], np.ndarray]:
        if len(self.t) > 1:
            return scipy.integrate.OdeSolution(self.t, self.pieces)
        only = self.y[0]
        return lambda t: np.repeat(only[:, None], np.size(t), axis=1)

    def end(self, outcome: Outcome, message: str) -> None:
        self.outcome, self.message = outcome, message


def march(field_of: Field, method: str, t0: float, horizon: float, rtol: float, atol: float, watch: list[Watch], budget: int) -> Path:
    path, end = Path(t0, field_of.start), t0 + horizon
    path.end(Outcome.DONE, f"reached t = {end:g}")
    if not np.all(np.isfinite(field_of.start)) or not np.all(np.isfinite(field_of(t0, field_of.start))):
        path.end(Outcome.DIVERGED, f"the field is not finite at the start, t = {t0:g}")
        return path
    solver = getattr(scipy.integrate, method)(field_of, t0, field_of.start, end, rtol=rtol, atol=atol)
    for w in watch:
        w.last = w.level(t0, field_of.unpack(field_of.start))
    while solver.status == "running":
        if field_of.count >= budget:
            advice = "" if method in ("Radau", "BDF") else ", or try an implicit solver (Radau) if the flow is stiff"
            path.end(Outcome.BUDGET_SPENT, f"{field_of.count} field evaluations were spent at t = {path.t[-1]:g}; raise the budget{advice}")
            break
        field_of.finite = True
        failure = _step(solver, field_of)
        if failure is not None:
            path.end(Outcome.DIVERGED, _why(failure, path, field_of.finite))
            break
        piece = solver.dense_output()
        stop = _record(path, solver, piece, watch, field_of)
        path.pieces.append(piece)
        if stop is not None:
            path.end(Outcome.EVENT, f"{stop.name} at t = {stop.t:.10g}")
            break
    path.njev, path.nlu = int(solver.njev), int(solver.nlu)
    return path


def _step(solver: Any, field_of: Field) -> str | None:
    """One step; None when it succeeded with a finite state, otherwise what happened."""
    try:
        message = solver.step()
    except Misuse:
        raise
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        if field_of.finite:
            raise  # not a consequence of overflow: an error in the definition
        return "the field is not finite"
    if solver.status == "failed":
        return str(message)
    if solver.t == solver.t_old:  # LSODA steps on the spot where the others fail
        return "the step-size fell below the spacing of numbers"
    return None if np.all(np.isfinite(solver.y)) else "the state is not finite"


def _why(failure: str, path: Path, finite: bool) -> str:
    begin, now = (float(np.max(np.abs(y))) for y in (path.y[0], path.y[-1]))
    place = f"at t = {path.t[-1]:.10g}"
    if now > 1e3 * max(1.0, begin) or not finite:
        return f"blow-up {place}: the state grew from {begin:.3g} to {now:.3g}"
    return f"stopped {place} ({failure.rstrip('.')}): the field is singular or discontinuous there"


def _record(path: Path, solver: Any, piece: Any, watch: list[Watch], field_of: Field) -> Hit | None:
    """Append the step, cut at the first terminal event; that event, if any."""
    at = lambda t: field_of.unpack(piece(t))  # noqa: E731
    found = sorted(((t, w.event) for w in watch for t in w.crossings(at, solver.t_old, solver.t)), key=lambda f: f[0])
    for t, event in found:
        hit = Hit(event.name, t, at(t)[0])
        path.hits.append(hit)
        if event.terminal:
            path.t.append(t)
            path.y.append(piece(t))
            return hit
    path.t.append(solver.t)
    path.y.append(solver.y.copy())
    return None
