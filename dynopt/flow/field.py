"""The right-hand side of a flow on packed states, for one trajectory or many at once, and its Jacobian."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import is_schedule
from dynopt.core.problem import Problem, oracle
from dynopt.errors import Misuse

_TINY = 1e-40  # an imaginary step: no subtraction, so no rounding, and its square still is a number


class Field:
    """The flow's own text as a function (t, y) of packed states: blocks one after the other, lanes last.

    Attributes
    ----------
    kind : the NamedTuple of the state.
    start : the packed initial state, ``(d,)`` for one start ``(n,)`` and ``(d, m)`` for starts ``(m, n)``.
    count, finite : calls so far; whether all answers since the flag was set were finite.
    jacobian : the exact derivative (t, y) ↦ ``(d, d)`` by the complex step (Squire and Trapp 1998), or None
        where the definition or the problem cannot take it (kinks, a gradient for real numbers alone).
    """

    def __init__(self, flow: Flow, problem: Problem, theta0: np.ndarray, t0: float) -> None:
        self.flow, self.problem, self.oracle = flow, problem, oracle(problem)
        self.count, self.finite = 0, True
        initial = initial_state(flow, problem, theta0, t0)
        self.kind = type(initial)
        self.start = np.concatenate([block.T for block in initial])
        self.jacobian: Callable[[float, np.ndarray], np.ndarray] | None = None

    def unpack(self, y: np.ndarray) -> Any:
        """Blocks ``(n,)`` of a state ``(d,)``, or ``(q, n)`` of states ``(d, q)``."""
        count = len(self.kind._fields)
        return self.kind(*(block.T for block in y.reshape(count, len(y) // count, *y.shape[1:])))

    def __call__(self, t: Any, y: np.ndarray) -> np.ndarray:
        self.count += 1
        rate = np.concatenate([block.T for block in velocity(self.flow, self.oracle, t, self.unpack(y))])
        self.finite = self.finite and bool(np.all(np.isfinite(rate)))
        return rate

    def derivative(self, t: float, y: np.ndarray) -> np.ndarray:
        """The Jacobian ``(d, d)``: exact where there is `jacobian`, by differences elsewhere."""
        return self._differences(t, y) if self.jacobian is None else self.jacobian(t, y)

    def differentiate(self, t0: float) -> None:
        """Set `jacobian` if the complex step works here: it is held against differences at the start."""
        if getattr(self.problem, "smooth", True):
            try:
                exact, near = self._complex_step(t0, self.start), self._differences(t0, self.start)
            except Exception:
                return  # a definition or gradient that takes real arrays alone
            size = np.max(np.abs(near), initial=0.0)
            if np.all(np.abs(exact - near) <= 1e-4 * size + 1e-12):
                self.jacobian = self._complex_step

    def _complex_step(self, t: float, y: np.ndarray) -> np.ndarray:
        moved = y[:, None] + 1j * _TINY * np.eye(len(y))
        found = self._moved(t, moved).imag / _TINY
        self.finite = self.finite and bool(np.all(np.isfinite(found)))
        return found

    def _differences(self, t: float, y: np.ndarray) -> np.ndarray:
        step = 6e-6 * np.maximum(1.0, np.abs(y))
        ahead, behind = (self._moved(t, y[:, None] + s * np.diag(step)) for s in (1, -1))
        return (ahead - behind) / (2 * step)

    def _moved(self, t: float, y: np.ndarray) -> np.ndarray:
        """Velocities at the columns of ``y``, all at one time and not counted."""
        return np.concatenate([block.T for block in velocity(self.flow, self.oracle, t, self.unpack(y))])


def velocity(flow: Flow, asked: Oracle, t: Any, state: Any) -> Any:
    """s' at times ``(*batch,)`` and blocks ``(*batch, n)``; a time for each lane is a column in the field's arithmetic."""
    return at_times(flow, t).field(state, asked, np.asarray(t)[..., None] if np.ndim(t) else t)


def at_times(flow: Flow, t: Any) -> Flow:
    """The flow with its schedules evaluated at the times ``(*batch,)``, as columns ``(*batch, 1)``.

    >>> from dynopt import HeavyBallFlow, Schedule
    >>> at_times(HeavyBallFlow(alpha=Schedule("1/t", lambda t: 1 / t)), np.array([1.0, 2.0])).alpha
    array([[1. ],
           [0.5]])
    """
    scheduled = [p for p in flow.numbers() if is_schedule(getattr(flow, p.name))]
    if not scheduled or np.ndim(t) == 0:
        return flow.at(float(t)) if scheduled else flow
    frozen = copy.copy(flow)
    for p in scheduled:
        values = [p.clean(flow.name, getattr(flow, p.name)(float(s))) for s in np.ravel(t)]
        object.__setattr__(frozen, p.name, np.array(values, dtype=float).reshape(*np.shape(t), 1))
    return frozen


def one_by_one(function: Callable[[float, Any], Any]) -> Callable[[Any, Any], Any]:
    """A function of one time and blocks ``(n,)`` as one of times ``(q,)`` and blocks ``(q, n)``."""

    def many(t: Any, state: Any) -> Any:
        if np.ndim(t) == 0:
            return function(t, state)
        return np.array([float(function(float(s), type(state)(*(b[i] for b in state)))) for i, s in enumerate(t)])

    return many


def initial_state(flow: Flow, problem: Problem, theta0: np.ndarray, t0: float) -> Any:
    """The state at the start(s) ``(*batch, n)``; `Misuse` when the definition does not fit the problem."""
    asked = oracle(problem)
    with np.errstate(all="ignore"):
        try:
            initial = flow.at(t0).init(theta0, asked)
            rate = flow.at(t0).field(initial, asked, t0)
        except Misuse:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise Misuse(f"{flow.name} cannot be evaluated on {problem.name} ({said}); correct its text") from error
    if type(initial) is not type(rate) or any(np.shape(b) != theta0.shape for b in (*initial, *rate)):
        raise Misuse(
            f"{flow.name}: init gives {_shapes(initial)} and field {_shapes(rate)}; "
            f"return the same NamedTuple of blocks of shape {theta0.shape} from both"
        )
    return initial


def _shapes(state: Any) -> str:
    inside = ", ".join(str(np.shape(block)) for block in state) if isinstance(state, tuple) else str(np.shape(state))
    return f"a {type(state).__name__} of shapes {inside}"
