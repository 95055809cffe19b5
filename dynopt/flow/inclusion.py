"""Flows on objectives with kinks: Filippov solutions of the differential inclusion, piece by piece.

Away from kinks a flow follows one smooth piece of J, as in `dynopt.flow.march`.  Where it meets a
kink h(θ) = 0 every continuation is looked for: a side or a set of kinks to stay on, with a velocity
that is a convex combination of the velocities of the pieces there and that points where it should.
One continuation is the rule (crossing, or *sliding*: the combination that keeps h = 0, while its
weights lie in [0, 1]).  Several are possible where J has a concave kink, and are reported; the
slowest is followed.  For fields affine in the gradient (gradient flow, DIN, HBF, …) convex
combinations of velocities are the field at the Clarke subgradients: this is (2.8) of the thesis.

The flow of the rounded objective (`dynopt.problems.pieces.regularised`) tends to it: the distance is
O(ε) along crossing and sliding, O(ε^(4/5)) once a sliding mode has been left.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.oracle import FunctionOracle
from dynopt.core.problem import Problem
from dynopt.errors import Misuse, Outcome
from dynopt.flow.events import Event, Hit, Level
from dynopt.flow.field import Field
from dynopt.flow.march import Path, march
from dynopt.flow.watch import Watch
from dynopt.problems.pieces import Pieces

SWITCHES = 2000
"""Changes of mode allowed in one trajectory."""
_MEET = 5  # kinks at one place: 3^5 continuations are looked at
_ACCEPTED = 1e-7  # relative violation up to which a continuation counts as one
_FEASIBLE = 1e-8  # relative distance up to which a combination counts as convex
_RETURN = 1.0  # a sliding mode goes back to h = 0 at this rate (numerical drift alone takes it off)
_EXIT = "leaving the mode"


@dataclass(frozen=True)
class Mode:
    """Where the flow is: for each kink its side −1 or +1, or 0 for staying on it."""

    pattern: tuple[int, ...]

    @property
    def on(self) -> list[int]:
        """The kinks that it stays on."""
        return [j for j, side in enumerate(self.pattern) if side == 0]

    def rows(self) -> np.ndarray:
        """The signs of the pieces that meet there, shape ``(m, k)``."""
        return np.array(list(itertools.product(*((side,) if side else (-1, 1) for side in self.pattern))), dtype=float)


@dataclass(frozen=True)
class Continuation:
    """A mode with the velocity of the packed state in it, and by how much it fails to be one (0 or so when it is)."""

    mode: Mode
    velocity: np.ndarray
    violation: float


def kinks(problem: Problem) -> Pieces | None:
    """The pieces of an objective with kinks; None for a smooth one, and for one that may jump.

    Those of a `dynopt.problems.finite_sum.FiniteSum` are its terms', so that its flows are (2.12) instead of (2.8).
    """
    if getattr(problem, "smooth", True) and not hasattr(problem, "pieces"):
        return None
    try:
        pieces = problem.pieces if hasattr(problem, "pieces") else Pieces(problem)  # type: ignore[arg-type]
    except Misuse:
        return None
    return pieces if pieces.count else None


class KinkedField(Field):
    """The flow's own text in the current `mode`: on one piece of J, or on the combination of several that stays on their kinks."""

    def __init__(self, flow: Flow, problem: Problem, theta0: np.ndarray, t0: float, pieces: Pieces) -> None:
        super().__init__(flow, problem, theta0, t0)
        self.pieces, self.dimension = pieces, len(theta0)
        self.log: list[dict[str, Any]] = []
        self.ambiguous: list[float] = []
        self.switches = 0
        self.enter(Mode(tuple(int(s) for s in pieces.signs_at(theta0))))

    def enter(self, mode: Mode) -> None:
        self.mode, self._rows, self._on = mode, mode.rows(), mode.on

    def __call__(self, t: float, y: np.ndarray) -> np.ndarray:
        self.count += 1
        velocities = self.velocities(t, y, self._rows)
        velocity = velocities[0] if len(velocities) == 1 else self._weights(y, velocities, self._rows, self._on) @ velocities
        self.finite = self.finite and bool(np.all(np.isfinite(velocity)))
        return velocity

    def at(self, t: Any) -> KinkedField:
        """Itself: for events it stands for the flow, so that they see the velocity of the mode."""
        return self

    def numbers(self) -> tuple[()]:
        """None that events would have to evaluate: it knows its flow's schedules itself."""
        return ()

    def field(self, state: Any, oracle: Any, t: Any) -> Any:
        """The velocity in the mode at states with blocks ``(q, n)``, as blocks of that shape; not counted."""
        count = self.count
        times = np.broadcast_to(np.ravel(t), len(state[0]))
        rates = [self(float(s), np.concatenate([block[i] for block in state])) for i, s in enumerate(times)]
        self.count = count
        return self.unpack(np.array(rates).T)

    def velocities(self, t: float, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The velocity of the packed state on each of m pieces, shape ``(m, N)``."""
        flow = self.flow.at(t)
        state = self.kind(*(block[None].repeat(len(rows), 0) for block in self.unpack(y)))
        oracle = FunctionOracle(self.problem.value, lambda x: self.pieces.gradient(x, rows))
        return np.concatenate(flow.field(state, oracle, t), axis=-1)

    def _conditions(self, y: np.ndarray, velocities: np.ndarray, rows: np.ndarray, on: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """The linear system for the weights: each kink of ``on`` is kept, and the weights sum to 1 (rows scaled to order 1)."""
        theta, speed = y[: self.dimension], float(np.max(np.abs(velocities))) or 1.0
        normals = self.pieces.normals(theta, rows[0])[on]
        heights = self.pieces.heights(theta, rows[0])[on]
        scale = speed * (np.linalg.norm(normals, axis=1) + 1e-300)
        across = normals @ velocities[:, : self.dimension].T / scale[:, None]
        return np.vstack([across, np.ones(len(rows))]), np.append(-_RETURN * heights / scale, 1.0)

    def _weights(self, y: np.ndarray, velocities: np.ndarray, rows: np.ndarray, on: list[int]) -> np.ndarray:
        """Weights of sum 1 that stay on the kinks; for the least norm where the velocity is left open (θ' without a gradient)."""
        system, target = self._conditions(y, velocities, rows, on)
        left, sizes, right = np.linalg.svd(system)
        rank = int(np.sum(sizes > 1e-9 * sizes[0]))
        weights = right[:rank].T @ ((left[:, :rank].T @ target) / sizes[:rank])
        speed = float(np.max(np.abs(velocities)))
        if np.max(np.abs(right[rank:] @ velocities), initial=0.0) <= 1e-7 * speed:
            return weights
        heavy = 1e5
        return _non_negative(np.vstack([heavy * system, velocities.T / speed]), np.append(heavy * target, np.zeros(velocities.shape[1])))[0]

    def _misfit(self, t: float, y: np.ndarray, rows: np.ndarray, on: list[int]) -> float:
        """How far the kinks ``on`` are from being kept by a *convex* combination (0 when they are)."""
        return _non_negative(*self._conditions(y, self.velocities(t, y, rows), rows, on))[1]

    def tolerances(self, theta: np.ndarray, rtol: float, atol: float) -> np.ndarray:
        """How near 0 each h_j counts as on the kink."""
        normals = self.pieces.normals(theta, self.pieces.signs_at(theta))
        width = min(1e-7, atol + rtol * max(1.0, float(np.max(np.abs(theta)))))
        return width * (np.linalg.norm(normals, axis=-1) + 1e-6)

    def continuations(self, t: float, y: np.ndarray, active: Sequence[int]) -> list[Continuation]:
        """Every mode that differs at the active kinks alone, with its velocity and violation."""
        theta, base = y[: self.dimension], self.pieces.signs_at(y[: self.dimension]).astype(int)
        found = []
        for sides in itertools.product((-1, 0, 1), repeat=len(active)):
            pattern = base.copy()
            pattern[list(active)] = sides
            mode = Mode(tuple(int(p) for p in pattern))
            rows, on = mode.rows(), mode.on
            velocities = self.velocities(t, y, rows)
            misfit, weights = 0.0, np.ones(1)
            if on:
                weights = self._weights(y, velocities, rows, on)
                misfit = self._misfit(t, y, rows, on)
            velocity = weights @ velocities
            speed = float(np.linalg.norm(velocity[: self.dimension])) or 1.0
            normals = self.pieces.normals(theta, rows[0])
            away = [side * float(normals[j] @ velocity[: self.dimension]) for j, side in zip(active, sides, strict=True) if side]
            sizes = [speed * float(np.linalg.norm(normals[j])) or 1.0 for j, side in zip(active, sides, strict=True) if side]
            wrong = max((-a / size for a, size in zip(away, sizes, strict=True)), default=0.0)
            found.append(Continuation(mode, velocity, max(misfit, wrong, 0.0)))
        return found

    def choose(self, t: float, y: np.ndarray, rtol: float, atol: float, leaving: bool) -> str | None:
        """Enter the mode that continues from here; a sentence when it cannot be found."""
        theta = y[: self.dimension]
        heights = self.pieces.heights(theta, self.pieces.signs_at(theta))
        active = [int(j) for j in np.flatnonzero(np.abs(heights) <= 3 * self.tolerances(theta, rtol, atol))]
        if len(active) > _MEET:
            return f"{len(active)} kinks meet at t = {t:g}; more than {_MEET} are out of reach, use regularise"
        everything = self.continuations(t, y, active)
        options = [c for c in everything if not (leaving and c.mode == self.mode)] or everything
        good = [c for c in options if c.violation <= _ACCEPTED]
        if not good:
            good = [min(options, key=lambda c: c.violation)]
        best = min(good, key=lambda c: (round(float(np.linalg.norm(c.velocity)), 7), -len(c.mode.on)))
        scale = max(float(np.linalg.norm(c.velocity)) for c in good)
        if any(np.linalg.norm(c.velocity - best.velocity) > 1e-5 * scale for c in good):
            self.ambiguous.append(t)
        self._note(t, best.mode, y)
        self.enter(best.mode)
        return None

    def _note(self, t: float, new: Mode, y: np.ndarray) -> None:
        old, on = self.mode.on, new.on
        changed = [j for j in range(len(new.pattern)) if new.pattern[j] != self.mode.pattern[j]]
        what = "slides" if set(on) > set(old) else "leaves" if set(on) < set(old) else "crosses" if on == old else "turns"
        if what == "crosses" and _same(self.velocities(t, y, new.rows())[:1], self.velocities(t, y, self.mode.rows())[:1]) and not on:
            return  # a kink of a term that plays no part here
        signs = dict(zip(self.pieces.signs, self.pieces.signs_at(y[: self.dimension]).astype(int).tolist(), strict=True))
        self.log.append({"t": float(t), "what": what, "kinks": [f"{self.pieces.switches[j].xreplace(signs)} = 0" for j in changed]})

    def exits(self, rtol: float, atol: float) -> list[Watch]:
        """What ends the mode: another kink is met, or its own cannot be kept any more."""
        theta, rows, on = self.start[: self.dimension], self._rows, self._on
        width = self.tolerances(theta, rtol, atol)
        side = np.array(self.mode.pattern)
        off = np.flatnonzero(side)

        def inside(t: float, state: Any) -> float:
            return float(np.min(side[off] * self.pieces.heights(state[0], rows[0])[off] + width[off]))

        def kept(t: float, state: Any) -> float:
            y = np.concatenate(state)
            drift = np.max(np.abs(self.pieces.heights(state[0], rows[0])[on]) / (10 * width[on]))
            return float(min(_FEASIBLE - self._misfit(t, y, rows, on), _FEASIBLE * (1 - drift)))

        levels: list[Level] = ([inside] if len(off) else []) + ([kept] if on else [])
        return [Watch(Event(_EXIT, _given(level), True, -1), self.flow, self.problem) for level in levels]


def _given(level: Level) -> Callable[[Flow, Problem], Level]:
    return lambda flow, problem: level


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.max(np.abs(a - b)) <= 1e-9 * max(1.0, float(np.max(np.abs(a)))))


def _non_negative(system: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """u ≥ 0 that minimises ‖system·u − target‖, and the minimum."""
    from scipy.optimize import nnls

    try:
        weights, rest = nnls(system, target)
    except (RuntimeError, ValueError):  # its iterations ran out, or something is not finite
        return np.full(system.shape[1], 1 / system.shape[1]), float("inf")
    return weights, float(rest)


def slide(
    field_of: KinkedField, method: str, t0: float, horizon: float, rtol: float, atol: float, watch: list[Watch], budget: int
) -> Path:  # fmt: skip
    """`dynopt.flow.march.march` from kink to kink."""
    whole, end = Path(t0, field_of.start), t0 + horizon
    t, y, leaving = t0, field_of.start, False
    while True:
        before = [_level(w, t, field_of.unpack(y)) for w in watch]
        stuck = field_of.choose(t, y, rtol, atol, leaving)
        if stuck is not None:
            whole.end(Outcome.BUDGET_SPENT, stuck)
            return whole
        if leaving:
            stop = _jumps(whole, watch, before, t, field_of.unpack(y))
            if stop is not None:
                whole.end(Outcome.EVENT, f"{stop.name} at t = {t:.10g}")
                return whole
        field_of.start = y
        path = march(field_of, method, t, end - t, rtol, atol, [*watch, *field_of.exits(rtol, atol)], budget)
        exited = path.outcome is Outcome.EVENT and path.hits[-1].name == _EXIT
        _append(whole, path)
        if not exited or end - path.t[-1] <= 1e-13 * max(1.0, abs(end)):
            whole.end(*((Outcome.DONE, f"reached t = {end:g}") if exited else (path.outcome, path.message)))
            return whole
        t, y, leaving = path.t[-1], path.y[-1], True
        field_of.switches += 1
        if field_of.switches > SWITCHES:
            whole.end(Outcome.BUDGET_SPENT, f"{SWITCHES} kinks were met by t = {t:.10g}: ever faster, or chattering; use regularise")
            return whole


def _jumps(whole: Path, watch: list[Watch], before: list[float], t: float, state: Any) -> Hit | None:
    """Record the events whose functions change sign where the velocity jumps, up to the first terminal one, which is returned."""
    for w, left in zip(watch, before, strict=True):
        right = _level(w, t, state)
        if (left < 0 <= right and w.event.direction >= 0) or (left > 0 >= right and w.event.direction <= 0):
            whole.hits.append(Hit(w.event.name, t, state[0]))
            if w.event.terminal:
                return whole.hits[-1]
    return None


def _level(watch: Watch, t: float, state: Any) -> float:
    """The event's function at one state with blocks ``(n,)``."""
    return float(np.ravel(watch.level(np.array([t]), type(state)(*(block[None] for block in state))))[0])


def _append(whole: Path, path: Path) -> None:
    for t, y, piece in zip(path.t[1:], path.y[1:], path.pieces, strict=True):
        if t > whole.t[-1]:
            whole.t.append(t)
            whole.y.append(y)
            whole.pieces.append(piece)
    whole.hits += [h for h in path.hits if h.name != _EXIT]
    whole.solvers += [name for name in path.solvers if name not in whole.solvers]
    whole.advice = whole.advice or path.advice
    whole.njev, whole.nlu = whole.njev + path.njev, whole.nlu + path.nlu
