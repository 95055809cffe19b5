"""The saddle that runs start beside, and the places where they may end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.problem import Problem
from dynopt.core.result import plain
from dynopt.errors import Misuse

_SAME = 1e-6
"""Relative distance within which coordinates given in decimals mean a listed critical point."""


@dataclass(frozen=True)
class Place:
    """A critical point in floating point, with its exact coordinates as text.

    Attributes
    ----------
    point : (n,) float64.
    exact : such as ``(-sqrt(2), 0)``.
    kind : as in `dynopt.core.problem.CriticalPoint`.
    reach : 1 % of the distance to the nearest other critical point (of 1 when there is none): a run
        whose state is that close to the rest state here has arrived.
    """

    point: np.ndarray
    exact: str
    kind: str
    reach: float


@dataclass(frozen=True)
class Saddle:
    """A strict saddle of a problem.

    Attributes
    ----------
    problem : the objective.
    point : (n,) float64.
    exact : its exact coordinates as text.
    spectrum : eigenvalues of the Hessian, ascending, exact where the problem knows them.
    unstable : (n, d), orthonormal eigenvectors of the negative eigenvalues, in the order of ``spectrum``.
    places : the critical points that the problem lists, this one among them; empty when not known.
    bent : whether the Hessian varies (False: the problem is quadratic and its pieces never bend).
    """

    problem: Problem
    point: np.ndarray
    exact: str
    spectrum: tuple[Any, ...]
    unstable: np.ndarray
    places: tuple[Place, ...]
    bent: bool

    @property
    def dimension(self) -> int:
        return len(self.point)

    @property
    def minima(self) -> tuple[Place, ...]:
        """The minimisers, where runs can come to rest."""
        return tuple(p for p in self.places if p.kind == "minimum")

    @property
    def axes(self) -> tuple[int, ...] | None:
        """The coordinates that the unstable directions are, or None when they are oblique."""
        hits = np.nonzero(self.unstable.T == 1.0)
        return tuple(int(i) for i in hits[1]) if len(hits[0]) == self.unstable.shape[1] else None


def find_saddle(problem: Problem, chosen: Sequence[Any] | None = None) -> Saddle:
    """The saddle at the chosen coordinates (a single 0 is the origin in any dimension), or the only strict saddle that the problem lists.

    Strict means that the Hessian has a negative eigenvalue, so maxima count (thesis §3.2).

    Raises
    ------
    Misuse : there is no strict saddle, or more than one to choose from, or the chosen point has the
        wrong dimension, is not critical, or has no negative eigenvalue.

    Examples
    --------
    >>> import dynopt
    >>> find_saddle(dynopt.problem("double-well")).spectrum
    (-8, 2)
    """
    listed = _listed(problem, needed=chosen is None)
    if chosen is None:
        strict = [c for c in listed if c.strict]
        if not strict:
            kinds = ", ".join(f"{_text(c.point)} {c.kind}" for c in listed) or "none"
            raise Misuse(f"problem {problem.name!r} has no strict saddle (critical points: {kinds}); choose a problem that has one")
        if len(strict) > 1:
            options = "; ".join(",".join(f"{float(v):.10g}" for v in c.point) for c in strict[:6]) + ("; ..." if len(strict) > 6 else "")
            raise Misuse(f"problem {problem.name!r} has {len(strict)} strict saddles; choose one: saddle={options}")
        critical: Any = strict[0]
        point = np.array([float(v) for v in critical.point])
    else:
        point = _coordinates(problem, chosen)
        near = [c for c in listed if np.linalg.norm(_numbers(c) - point) <= _SAME * (1 + np.linalg.norm(point))]
        critical = near[0] if near else None
        point = _numbers(critical) if near else _checked(problem, point)
    values, vectors = np.linalg.eigh(np.asarray(problem.hessian(point), dtype=float))
    d = int((values < -1e-9 * np.abs(values).max(initial=1e-300)).sum())
    if d == 0:
        kind = f"a {critical.kind}" if critical is not None else "a critical point"
        raise Misuse(f"{_text(point)} is {kind} with Hessian eigenvalues {values.round(6).tolist()}, none negative; choose a strict saddle")
    spectrum = tuple(critical.spectrum) if critical is not None else tuple(float(v) for v in values)
    exact = _text(critical.point if critical is not None else point)
    return Saddle(problem, point, exact, spectrum, _oriented(vectors[:, :d]), _places(listed), _bent(problem, point))


def _listed(problem: Problem, needed: bool) -> list[Any]:
    """The critical points that the problem can name; of a family at most a member that it lists with numbers."""
    if not hasattr(problem, "critical_points"):
        if needed:
            raise Misuse(f"problem {problem.name!r} does not list its critical points; give the saddle's coordinates as saddle=X,Y")
        return []
    try:
        found = problem.critical_points()
    except Misuse:
        if needed:
            raise
        return []
    return [c for c in found if all(v.is_number for v in c.point)]


def _coordinates(problem: Problem, chosen: Sequence[Any]) -> np.ndarray:
    try:
        point = np.array([float(v) for v in chosen])
    except (TypeError, ValueError):
        raise Misuse(f"saddle={chosen!r} is not a list of coordinates; write saddle=X,Y with one number per coordinate") from None
    if point.shape == (1,) and point[0] == 0:
        point = np.zeros(problem.dimension)
    if point.shape != (problem.dimension,):
        count, name = problem.dimension, problem.name
        raise Misuse(f"the saddle {_text(point)} has {point.size} coordinates, problem {name!r} has {count}; give one per coordinate")
    return point


def _checked(problem: Problem, point: np.ndarray) -> np.ndarray:
    slope = float(np.linalg.norm(problem.gradient(point)))
    scale = float(np.abs(problem.hessian(point)).max(initial=0.0)) * (1 + float(np.linalg.norm(point)))
    if not slope <= 1e-9 * (scale or 1.0):
        raise Misuse(f"{_text(point)} is not a critical point of {problem.name!r}: |gradient| = {slope:.3g}; give the saddle exactly")
    return point


def _places(listed: list[Any]) -> tuple[Place, ...]:
    points = [_numbers(c) for c in listed]
    places = []
    for i, (c, point) in enumerate(zip(listed, points, strict=True)):
        others = [float(np.linalg.norm(point - q)) for j, q in enumerate(points) if j != i]
        places.append(Place(point, _text(c.point), c.kind, 0.01 * min(others, default=1.0)))
    return tuple(places)


def _numbers(critical: Any) -> np.ndarray:
    return np.array([float(v) for v in critical.point])


def _text(point: Sequence[Any] | np.ndarray) -> str:
    """Exact coordinates as they are, decimal ones to six digits; beyond eight of them the ends."""
    words = [f"{float(v):.6g}" if isinstance(v, float) or getattr(v, "is_Float", False) else str(plain(v)) for v in point]
    if len(words) > 8:
        return f"({', '.join(words[:4])}, ..., {words[-1]}; {len(words)} coordinates)"
    return "(" + ", ".join(words) + ")"


def _oriented(vectors: np.ndarray) -> np.ndarray:
    """Columns with their largest entry positive; columns that are coordinate vectors up to rounding, exactly so."""
    columns = []
    for v in vectors.T:
        largest = int(np.abs(v).argmax())
        v = v * np.sign(v[largest])
        unit = np.eye(len(v))[largest]
        columns.append(unit if np.abs(v - unit).max() < 1e-12 else v)
    return np.stack(columns, axis=1)


def _bent(problem: Problem, point: np.ndarray) -> bool:
    """Whether the Hessian differs between the saddle and three points at distances of about 1, 10 and 100."""
    here = np.asarray(problem.hessian(point))
    shifts = np.sin(np.arange(1, 3 * len(point) + 1)).reshape(3, -1) * [[1], [10], [100]]
    return any(not np.array_equal(np.asarray(problem.hessian(point + s)), here) for s in shifts)
