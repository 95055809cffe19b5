"""Stable manifolds of saddles: by going backward in time, and by bisecting between basins.

Near a saddle the points that are carried into it form a manifold tangent to the stable eigenspace.
Going backward from there, by integrating the reversed flow or by inverting the map step by step,
follows it outward.  On a landscape of two coordinates a first-order system has a curve, which
`stable_curve` traces; a system with more blocks has a manifold of more dimensions, of which a
landscape shows the slice of its starts (θ₀ with the method's own initial ψ₀): `edge` finds points of
that slice between two starts that end differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.problem import Problem, oracle
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse, Outcome
from dynopt.flow.basins import destinations, isolated
from dynopt.flow.events import leaving_box
from dynopt.flow.integrate import integrate

_OFFSET = 1e-5  # of the box: where the tangent is left; the error is of its square
_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class StableCurve(Result):
    """A one-dimensional stable manifold of a saddle.

    Attributes
    ----------
    system, problem, saddle : whose; the saddle of shape ``(n,)``.
    branches : one array ``(m, n)`` of points for each side, from the saddle outward.
    outcomes : why each branch ended: left the box, or where it could not be followed further.
    """

    system: System
    problem: Problem
    saddle: np.ndarray
    branches: tuple[np.ndarray, ...]
    outcomes: tuple[str, ...]


def stable_curve(
    system: Algorithm | Flow, problem: Problem, saddle: Sequence[float], box: tuple[float, float, float, float], horizon: float = 100.0
) -> StableCurve:
    """The stable manifold of a saddle in the plane, for a system of one block, out to a box (left, right, bottom, top).

    Flow: the reversed flow is integrated from both sides of the saddle along the stable eigenvector of
    ∇²J.  Algorithm: a fundamental segment [p, update⁻¹(p)] beside the saddle is carried outward by the
    inverse map, which Newton's method evaluates; where the map is not invertible the branch ends, and says so.

    Raises
    ------
    Misuse : more than one block, not two coordinates, a point that is not a saddle with one stable direction.

    Examples
    --------
    >>> import dynopt
    >>> curve = stable_curve(dynopt.GradientFlow(), dynopt.problem("double-well"), (0, 0), (-2, 2, -2, 2))
    >>> [branch[-1].round(6).tolist() for branch in curve.branches]
    [[0.0, 2.0], [0.0, -2.0]]
    """
    asked, point = oracle(problem), np.asarray(saddle, dtype=float)
    numeric = system.numeric()
    blocks = numeric.init(point, asked)._fields
    if len(blocks) != 1 or problem.dimension != 2:
        raise Misuse(
            f"{system.name} on {problem.name} has {len(blocks)} blocks of {problem.dimension} coordinates, so the stable manifold of a "
            "saddle is no curve; use edge() for the slice of its starts"
        )
    values, vectors = np.linalg.eigh(problem.hessian(point))
    if not (values[0] < 0 < values[1]) or np.linalg.norm(problem.gradient(point)) > 1e-8 * (1 + values[1]):
        raise Misuse(f"({point[0]:g}, {point[1]:g}) is no saddle of {problem.name} (Hessian eigenvalues {values[0]:.3g}, {values[1]:.3g})")
    size = float(np.hypot(box[1] - box[0], box[3] - box[2]))
    sides = [s * _OFFSET * size * vectors[:, 1] * (1 if vectors[1, 1] >= 0 else -1) for s in (1, -1)]
    follow = _flow_branch if isinstance(system, Flow) else _map_branch
    found = [follow(numeric, problem, point, side, box, horizon) for side in sides]
    return StableCurve(system, problem, point, tuple(b for b, _ in found), tuple(o for _, o in found))


def edge(system: Algorithm | Flow, problem: Problem, one: Any, other: Any, horizon: float = 100.0, digits: float = 1e-12) -> np.ndarray:
    """Starts between pairs of starts with different ends, on the boundary of the basin of the first: shape ``(m, n)``.

    Every segment is bisected until ``digits`` of its length are left.  Where the boundary is the stable
    manifold of a saddle, a run from there goes to the saddle, and leaves it after a time that grows
    with the logarithm of the digits.

    Parameters
    ----------
    one, other : the ends of the segments, each of shape ``(m, n)`` or ``(n,)``.

    Raises
    ------
    Misuse : both ends of a segment end at the same place.

    Examples
    --------
    >>> import dynopt
    >>> abs(float(edge(dynopt.GradientFlow(), dynopt.problem("double-well"), (-1, 1), (1.5, 1), 20, 1e-4)[0, 0])) < 1e-3
    True
    """
    a, b = np.atleast_2d(np.asarray(one, dtype=float)), np.atleast_2d(np.asarray(other, dtype=float))
    first, last = (destinations(system, problem, ends, horizon).labels for ends in (a, b))
    if np.any(first == last):
        i = int(np.argmax(first == last))
        raise Misuse(f"the starts {tuple(a[i].tolist())} and {tuple(b[i].tolist())} end at the same place; give two with different ends")
    low, high = np.zeros((len(a), 1)), np.ones((len(a), 1))
    while float(np.max(high - low)) > digits:
        middle = (low + high) / 2
        inside = (destinations(system, problem, a + middle * (b - a), horizon).labels == first)[:, None]
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return a + (low + high) / 2 * (b - a)


def _flow_branch(
    flow: Any, problem: Problem, saddle: np.ndarray, side: np.ndarray, box: tuple[float, float, float, float], horizon: float
) -> tuple[np.ndarray, str]:
    class Reversed(Flow):
        """The flow with time running backward."""

        def init(self, theta0: Any, oracle: Any) -> Any:
            return flow.init(theta0, oracle)

        def field(self, state: Any, oracle: Any, t: Any) -> Any:
            slope = flow.field(state, oracle, -t)
            return type(slope)(*(-block for block in slope))

    out = leaving_box(box[::2], box[1::2], terminal=True)
    found = integrate(Reversed(), problem, saddle + side, horizon, rtol=1e-10, atol=1e-14, events=[out])
    reached = found(np.linspace(*found.reach, 400))[0] if found.reach[1] > found.reach[0] else found.theta
    said = "left the box" if found.outcome is Outcome.EVENT else found.message
    return np.concatenate([saddle[None], reached]), said


def _map_branch(
    method: Any, problem: Problem, saddle: np.ndarray, side: np.ndarray, box: tuple[float, float, float, float], horizon: float
) -> tuple[np.ndarray, str]:
    """The fundamental segment between side and its preimage, carried outward until it leaves the box."""
    asked = oracle(problem)
    kind = type(method.init(saddle, asked))

    def step(points: np.ndarray) -> np.ndarray:
        return np.asarray(method.update(kind(points), asked, 0)[0])

    def preimage(goal: np.ndarray, guess: np.ndarray) -> np.ndarray | None:
        found = scipy.optimize.root(lambda x: step(x) - goal, guess, tol=1e-14)
        return found.x if np.linalg.norm(step(found.x) - goal) <= 1e-10 * (1 + np.linalg.norm(goal)) else None

    multiplier = float(np.dot(step(saddle + side) - saddle, side) / np.dot(side, side))
    if not 0 < abs(multiplier) < 1:
        raise Misuse(f"{method.call()} does not contract along the stable direction of the Hessian there (multiplier {multiplier:.4g})")
    two_sided = multiplier < 0  # each step changes sides: the second iterate of the map keeps them
    shares = np.geomspace(1.0, 1 / (multiplier * multiplier if two_sided else multiplier), 17)[:-1]
    segment = [saddle + share * side for share in shares]
    branch, rounds = [saddle, *segment], 2 if two_sided else 1
    previous = [saddle] * len(segment)
    for _ in range(_STEPS):
        ahead: list[np.ndarray] = []
        for now, before in zip(segment, previous, strict=True):
            place: np.ndarray | None = now
            for i in range(rounds):
                assert place is not None
                guess = saddle + (place - saddle) / multiplier if np.array_equal(before, saddle) or i else place + (place - before)
                place = preimage(place, guess)
                if place is None:
                    return np.array(branch), "the map is not invertible there"
            assert place is not None
            ahead.append(place)
            branch.append(place)
            if not (box[0] <= place[0] <= box[1] and box[2] <= place[1] <= box[3]):
                return np.array(branch), "left the box"
        previous, segment = segment, ahead
    return np.array(branch), f"{_STEPS} steps were taken"


def saddles(problem: Problem) -> np.ndarray:
    """The strict saddles among the isolated critical points, shape ``(s, n)``."""
    points, kinds = isolated(problem)
    return points[[k == "strict saddle" for k in kinds]]
