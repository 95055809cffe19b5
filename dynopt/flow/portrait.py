"""The plane (θ, θ') of a flow with two blocks on a problem of one coordinate, from the definition alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.problem import Problem, oracle
from dynopt.errors import Misuse

_NUDGE = 1e-5


class PhasePlane:
    """Points and velocities of a two-block flow in the coordinates (θ, v) with v = θ'.

    The second block is a function of (θ, v) because θ' is affine in it, as it is for every flow here;
    v' is the derivative of θ' along the flow, by a central difference.

    >>> from dynopt import HeavyBallFlow, Quadratic
    >>> plane = PhasePlane(HeavyBallFlow(alpha=1), Quadratic([2]))
    >>> plane.velocity(np.array([[1.0, 3.0]])).round(6)
    array([[ 3., -5.]])
    """

    def __init__(self, flow: Flow, problem: Problem) -> None:
        self.flow, self.oracle = flow.numeric(), oracle(problem)
        state = self.flow.init(np.ones(problem.dimension), self.oracle)
        if problem.dimension != 1 or len(state) != 2 or not flow.autonomous:
            raise Misuse(
                f"{flow.name} on {problem.name} has {len(state)} blocks of {problem.dimension} coordinates; "
                "a phase plane needs an autonomous flow of two blocks on a problem of one coordinate"
            )
        self.kind = type(state)

    def points(self, states: Any) -> np.ndarray:
        """(θ, θ') of states with blocks of shape ``(m, 1)``, shape ``(m, 2)``."""
        return np.concatenate([states[0], self.flow.field(states, self.oracle, 0.0)[0]], axis=1)

    def velocity(self, points: np.ndarray) -> np.ndarray:
        """(θ', v') at points (θ, v) of shape ``(m, 2)``."""
        theta, v = points[:, :1], points[:, 1:]
        none, one = (self._speed(self.kind(theta, np.full_like(theta, w))) for w in (0.0, 1.0))
        state = self.kind(theta, (v - none) / (one - none))
        slope = self.flow.field(state, self.oracle, 0.0)
        ahead, behind = (self._speed(self.kind(*(b + h * f for b, f in zip(state, slope, strict=True)))) for h in (_NUDGE, -_NUDGE))
        return np.concatenate([v, (ahead - behind) / (2 * _NUDGE)], axis=1)

    def _speed(self, state: Any) -> np.ndarray:
        return np.asarray(self.flow.field(state, self.oracle, 0.0)[0])
