"""Explicit Runge–Kutta steps of many trajectories at once, each with its own step-size.

SciPy's pairs and SciPy's step controller (Hairer, Nørsett, Wanner I, §II.4) on arrays: a lane takes
the steps that ``scipy.integrate.solve_ivp`` takes for its start, up to rounding.  States have shape
``(d, m)``, coordinates first, so that one coordinate of all lanes is contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

EXPLICIT = ("RK23", "RK45", "DOP853")
SAFETY, SMALLEST, LARGEST = 0.9, 0.2, 10.0  # SciPy's: aim below the tolerance; bounds on the change of a step-size
Velocities = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(times ``(k,)``, states ``(d, k)``) ↦ velocities ``(d, k)``."""

Dense = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(fractions of a step ``(q,)``, steps ``(q,)``) ↦ states ``(d, q)``."""


class Lanes:
    """Trajectories under way.

    Attributes
    ----------
    index : which trajectories they are, shape ``(m,)``.
    t, y, f : time ``(m,)``, state and velocity ``(d, m)``.
    h : the step-size that each tries next.
    retried : whether its last attempt was rejected.
    nfev, steps, rejections : counts for each.
    """

    _ROWS = ("index", "t", "y", "f", "h", "retried", "nfev", "steps", "rejections")

    def __init__(self, field: Velocities, method: str, t0: float, y0: np.ndarray, end: float, rtol: float, atol: float) -> None:
        self.field, self.pair, self.end, self.rtol, self.atol = field, getattr(scipy.integrate, method), end, rtol, atol
        self.exponent = -1 / (self.pair.error_estimator_order + 1)
        m = y0.shape[1]
        self.index, self.t, self.y = np.arange(m), np.full(m, t0), y0
        self.f = field(self.t, y0)
        self.h = self._first_step(t0)
        self.retried = np.zeros(m, dtype=bool)
        self.nfev = np.full(m, 2)
        self.steps, self.rejections = np.zeros(m, dtype=int), np.zeros(m, dtype=int)
        self._room = np.empty((self.pair.n_stages + 1) * y0.size)

    def __len__(self) -> int:
        return len(self.index)

    def keep(self, which: np.ndarray) -> None:
        """Go on with these lanes alone."""
        for name in self._ROWS:
            setattr(self, name, getattr(self, name)[..., which])

    def stuck(self) -> np.ndarray:
        """Lanes whose step-size fell below ten times the spacing of numbers."""
        return self.retried & (self.h < self._spacing())

    def attempt(self) -> Steps:
        """Try one step of every lane; those within the tolerance advance and are returned."""
        t, y, pair = self.t, self.y, self.pair
        proposed = np.where(self.retried, self.h, np.maximum(self.h, self._spacing()))
        t_new = np.minimum(t + proposed, self.end)
        h = t_new - t
        d, k = y.shape
        K = self._room[: (pair.n_stages + 1) * y.size].reshape(-1, d, k)
        flat = K.reshape(len(K), -1)
        K[0] = self.f
        for s in range(1, pair.n_stages):
            stage = y + h * (pair.A[s, :s] @ flat[:s]).reshape(d, k)
            K[s] = self.field(t + pair.C[s] * h, stage)
        y_new = y + h * (pair.B @ flat[:-1]).reshape(d, k)
        K[-1] = self.field(t + h, y_new)
        self.nfev += pair.n_stages
        with np.errstate(all="ignore"):
            error = self._error(flat, h, self.atol + np.maximum(np.abs(y), np.abs(y_new)) * self.rtol)
            change = SAFETY * error**self.exponent
            accepted = error < 1
            larger = np.where(self.retried, np.minimum(1.0, change), np.minimum(LARGEST, change))
            self.h = h * np.where(accepted, larger, np.fmax(SMALLEST, change))  # not-a-number: as small as allowed
        self.retried = ~accepted
        self.steps += accepted
        self.rejections += self.retried
        done = np.flatnonzero(accepted)
        taken = Steps(self, done, t[done], h[done], y[:, done], y_new[:, done], K if len(done) == k else K[:, :, done])
        self.t, self.y = np.where(accepted, t_new, t), np.where(accepted, y_new, y)
        self.f = np.where(accepted, K[-1], self.f)
        return taken

    def _spacing(self) -> np.ndarray:
        return 10 * (np.nextafter(self.t, np.inf) - self.t)

    def _error(self, flat: np.ndarray, h: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """The size of the local error in units of the tolerance (root mean square over coordinates)."""
        d = len(scale)
        if not hasattr(self.pair, "E3"):
            return np.sqrt(np.mean((h * (self.pair.E @ flat).reshape(scale.shape) / scale) ** 2, axis=0))
        fifth, third = (np.sum(((e @ flat).reshape(scale.shape) / scale) ** 2, axis=0) for e in (self.pair.E5, self.pair.E3))
        both = fifth + 0.01 * third
        return np.where(both == 0, 0.0, np.abs(h) * fifth / np.sqrt(both * d))

    def _first_step(self, t0: float) -> np.ndarray:
        """SciPy's choice: from the sizes of the state, the velocity and its change over a trial step."""
        with np.errstate(all="ignore"):
            y, f, span = self.y, self.f, abs(self.end - t0)
            scale = self.atol + np.abs(y) * self.rtol
            size, speed = _rms(y / scale), _rms(f / scale)
            trial = np.minimum(np.where((size < 1e-5) | (speed < 1e-5), 1e-6, 0.01 * size / speed), span)
            bend = _rms((self.field(self.t + trial, y + trial * f) - f) / scale) / trial
            flat = (speed <= 1e-15) & (bend <= 1e-15)
            first = np.where(flat, np.maximum(1e-6, trial * 1e-3), (0.01 / np.fmax(speed, bend)) ** -self.exponent)
            return np.fmin(np.fmin(100 * trial, first), span)


def _rms(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(x * x, axis=0))


class Steps:
    """The steps just taken, and the interpolant on each.

    Attributes
    ----------
    lane : position of each among the `Lanes`, shape ``(k,)``.
    t, h : its left end and its length.
    left, right : the states at its ends, ``(d, k)``.
    """

    def __init__(self, lanes: Lanes, lane: np.ndarray, t: np.ndarray, h: np.ndarray, left: np.ndarray, right: np.ndarray, K: Any) -> None:
        self.lanes, self.lane, self.t, self.h, self.left, self.right, self._K = lanes, lane, t, h, left, right, K

    def dense(self, which: np.ndarray) -> Dense:
        """The interpolant of the steps ``which``, numbered as there; DOP853 needs three more velocities for it, counted for those lanes."""
        pair, h, left = self.lanes.pair, self.h[which], self.left[:, which]
        K = self._K[:, :, which]
        if not hasattr(pair, "D"):
            Q = h * np.tensordot(pair.P.T, K, 1)
            return lambda x, i: left[:, i] + x * _horner(Q[:, :, i], x)
        extra = [*K]
        for a, c in zip(pair.A_EXTRA, pair.C_EXTRA, strict=True):
            stage = left + h * np.tensordot(a[: len(extra)], np.array(extra), 1)
            extra.append(self.lanes.field(self.t[which] + c * h, stage))
        self.lanes.nfev[self.lane[which]] += len(pair.C_EXTRA)
        rise = self.right[:, which] - left
        first = [rise, h * extra[0] - rise, 2 * rise - h * (extra[pair.n_stages] + extra[0])]
        F = np.array([*first, *(h * np.tensordot(pair.D, np.array(extra), 1))])
        return lambda x, i: left[:, i] + _alternating(F[:, :, i], x)


def _horner(Q: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ_j Q_j x^j."""
    value = Q[-1].copy()
    for q in Q[-2::-1]:
        value = value * x + q
    return value


def _alternating(F: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x(F₀ + (1 − x)(F₁ + x(F₂ + …))), the nested form of DOP853's interpolant."""
    value = np.zeros_like(F[0])
    for i, f in enumerate(F[::-1]):
        value = (value + f) * (x if i % 2 == 0 else 1 - x)
    return value
