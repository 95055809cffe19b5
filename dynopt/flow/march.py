"""The march of a solver: one step at a time, with events, a budget, and an end in every case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

from dynopt.errors import Misuse, Outcome
from dynopt.flow.events import Event, Hit
from dynopt.flow.field import Field
from dynopt.flow.stiffness import IMPLICIT, MANY, advice, spectrum, steps_needed
from dynopt.flow.watch import Watch

_STEP = 10  # a step costs the budget this many evaluations at least: its own arithmetic and the events take time too
_POINTS = 40  # of the trajectory, at most twice as many, from which a blow-up time is estimated


class Path:
    """What a march has collected."""

    def __init__(self, t0: float, y0: np.ndarray) -> None:
        self.t, self.y, self.pieces = [t0], [y0], list[Any]()
        self.hits: list[Hit] = []
        self.outcome, self.message, self.advice = Outcome.DONE, "", ""
        self.njev = self.nlu = 0
        self.solvers: list[str] = []
        self.blow_up: float | None = None

    def dense(self) -> Callable[[Any], np.ndarray]:
        if len(self.t) > 1:
            return scipy.integrate.OdeSolution(self.t, self.pieces)
        only = self.y[0]
        return lambda t: np.repeat(only[:, None], np.size(t), axis=1)

    def end(self, outcome: Outcome, message: str) -> None:
        self.outcome, self.message = outcome, message


def march(field_of: Field, method: str, t0: float, horizon: float, rtol: float, atol: float, watch: list[Watch], budget: int) -> Path:
    """Integrate from the field's start; ``method`` may be ``auto`` (see `dynopt.flow.integrate.integrate`)."""
    path, end = Path(t0, field_of.start), t0 + horizon
    path.end(Outcome.DONE, f"reached t = {end:g}")
    if not np.all(np.isfinite(field_of.start)) or not np.all(np.isfinite(field_of(t0, field_of.start))):
        path.end(Outcome.DIVERGED, f"the field is not finite at the start, t = {t0:g}")
        return path
    if _at_rest(path, watch, field_of, t0):
        return path
    switching = method == "auto"
    if switching:
        method = "DOP853"
        field_of.differentiate(t0)
        if steps_needed(field_of, t0, field_of.start, horizon, method) >= MANY:
            method, switching = IMPLICIT, False
    solver = _solver(path, method, field_of, t0, field_of.start, end, rtol, atol)
    while solver.status == "running":
        if max(field_of.count, _STEP * (len(path.t) - 1)) >= budget:
            _advise(path, field_of)
            told = _oscillation(path, field_of, horizon)
            spent = f"{field_of.count} field evaluations in {len(path.t) - 1} steps"
            path.end(Outcome.BUDGET_SPENT, f"{spent} were spent at t = {path.t[-1]:g}; raise the budget{told}")
            break
        field_of.finite = True
        failure = _step(solver, field_of)
        if failure is not None:
            path.end(Outcome.DIVERGED, _why(failure, path, field_of))
            break
        piece = solver.dense_output()
        stop = _record(path, solver, piece, watch, field_of)
        path.pieces.append(piece)
        if stop is not None:
            path.end(Outcome.CONVERGED if stop.rest else Outcome.EVENT, f"{stop.name} at t = {path.t[-1]:.10g}")
            break
        if (len(path.t) - 1) % MANY == 0 and solver.status == "running":
            _advise(path, field_of)
            if path.advice and switching:
                switching = False
                _count(path, solver)
                solver = _solver(path, IMPLICIT, field_of, path.t[-1], path.y[-1], end, rtol, atol)
    _count(path, solver)
    if path.advice and path.solvers[-1] != IMPLICIT:
        path.message += f" ({path.advice})"
    return path


def _solver(path: Path, name: str, field_of: Field, t: float, y: np.ndarray, end: float, rtol: float, atol: float) -> Any:
    path.solvers.append(name)
    options = {}
    if name in ("Radau", "BDF", "LSODA"):
        if field_of.jacobian is None:
            field_of.differentiate(t)
        options["jac"] = field_of.jacobian
    return getattr(scipy.integrate, name)(field_of, t, y, end, rtol=rtol, atol=atol, **options)


def _count(path: Path, solver: Any) -> None:
    path.njev += int(solver.njev)
    path.nlu += int(solver.nlu)


def _advise(path: Path, field_of: Field) -> None:
    """Say that the flow is stiff if the last steps, `MANY` at most, were held back by stability."""
    recent = path.t[-MANY - 1 :]
    if not path.advice and len(recent) > 1:
        path.advice = advice(field_of, path.t[-1], path.y[-1], (recent[-1] - recent[0]) / (len(recent) - 1), path.solvers[-1])


def _oscillation(path: Path, field_of: Field, horizon: float) -> str:
    """What to say where a fast oscillation, which no solver can skip, spends the budget."""
    if path.advice:
        return ""
    fastest = float(np.max(np.abs(np.imag(spectrum(field_of, path.t[-1], path.y[-1]))), initial=0.0))
    turns = fastest * horizon / (2 * np.pi)
    return f" or shorten the horizon: a mode turns {turns:.2g} times in it" if turns >= MANY else ""


def _at_rest(path: Path, watch: list[Watch], field_of: Field, t0: float) -> bool:
    """Whether a terminal event that asks for rest holds at the start."""
    states = field_of.unpack(field_of.start[:, None])
    for w in watch:
        if len(w.begin(np.array([t0]), states)):
            path.hits.append(Hit(w.event.name, t0, states[0][0]))
            if w.event.terminal:
                path.end(Outcome.CONVERGED, f"{w.event.name} at the start, t = {t0:g}")
                return True
    return False


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


def _why(failure: str, path: Path, field_of: Field) -> str:
    begin, now = (float(np.max(np.abs(y))) for y in (path.y[0], path.y[-1]))
    place = f"at t = {path.t[-1]:.10g}"
    if now > 1e3 * max(1.0, begin) or not field_of.finite:
        path.blow_up = blow_up_time(path, field_of)
        grew = f"the state grew from {begin:.3g} to {now:.3g}"
        if path.blow_up is None:
            return f"overflow {place}: {grew}, not towards a finite time"
        return f"blow-up at t = {path.blow_up:.10g} (estimated): {grew}"
    return f"stopped {place} ({failure.rstrip('.')}): the field is singular or discontinuous there"


def blow_up_time(path: Path, field_of: Field) -> float | None:
    """T from ‖s‖ ~ (T − t)^(−p): the inverse growth rate ‖s‖²/⟨s, s'⟩ = (T − t)/p falls to zero in a line.

    None where it does not fall, as for exponential growth, which overflows without a finite blow-up time.
    """
    sizes = np.max(np.abs(path.y), axis=1)  # a sum of squares would overflow long before
    grown = np.flatnonzero(sizes >= np.sqrt(sizes[-1]) * np.sqrt(max(sizes[0], 1.0)))
    grown = grown[:: max(1, len(grown) // _POINTS)]
    with np.errstate(all="ignore"):
        times, states, sizes = np.array(path.t)[grown], np.array(path.y)[grown], sizes[grown]
        rates = np.array([field_of(t, y) for t, y in zip(times, states, strict=True)])
        shape = states / sizes[:, None]
        inverse = sizes * np.sum(shape * shape, axis=1) / np.sum(shape * rates, axis=1)
    usable = np.isfinite(inverse) & (inverse > 0)
    inverse, times = inverse[usable], times[usable]
    if len(times) < 3 or not inverse[-1] < inverse[0] / 2:
        return None
    estimate = float(np.polyfit(inverse / inverse[0], times - times[-1], 1)[1] + times[-1])
    return max(estimate, float(times[-1]))


def _record(path: Path, solver: Any, piece: Any, watch: list[Watch], field_of: Field) -> Event | None:
    """Append the step, cut at the first terminal event; that event, if any."""
    left, width = solver.t_old, solver.t - solver.t_old

    def states(x: np.ndarray, i: np.ndarray) -> tuple[np.ndarray, Any]:
        times = left + x * width
        return times, field_of.unpack(piece(times))

    found = sorted(((x, k) for k, w in enumerate(watch) for x in w.crossed(states, np.array([0]), np.array([np.spacing(left) / width]))[1]))
    for x, k in found:
        event, t = watch[k].event, min(float(left + x * width), float(solver.t))
        path.hits.append(Hit(event.name, t, field_of.unpack(piece(t))[0]))
        if event.terminal:
            path.t.append(t)
            path.y.append(piece(t))
            return event
    path.t.append(solver.t)
    path.y.append(solver.y.copy())
    return None
