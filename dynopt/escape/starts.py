"""Starts beside a saddle, and the distribution of their distance from its stable subspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import stats

from dynopt.ensemble import rng
from dynopt.errors import Misuse, closest
from dynopt.escape import weighted
from dynopt.escape.saddle import Saddle

STARTS = {
    "gaussian": "saddle + scale · N(0, I)",
    "uniform": "saddle + scale · uniform in the cube [-1, 1]^n",
    "sphere": "saddle + scale · uniform on the unit sphere",
    "ball": "saddle + scale · uniform in the unit ball",
    "stable": "saddle + scale · N(0, I) with the unstable components set to zero: on the stable subspace",
}

EXTRA = {"ball": 2}
"""Random numbers that a start needs beyond one a coordinate."""


def check_start(start: str, scale: float, saddle: Saddle) -> None:
    """Raise `Misuse` for an unknown start or a scale that is not a positive number."""
    if start not in STARTS:
        raise Misuse(f"there is no start {start!r}; {closest(start, STARTS)}")
    if not (np.isfinite(scale) and scale > 0):
        raise Misuse(f"scale={scale} is not a positive length; give the size of the starts' distance from the saddle, such as 1e-12")
    if start == "stable" and saddle.unstable.shape[1] == saddle.dimension:
        raise Misuse(f"all {saddle.dimension} directions at {saddle.exact} are unstable: there is no stable manifold; use start=gaussian")


def draw(start: str, scale: float, saddle: Saddle, *, seed: int, first: int, stop: int, device: str, dtype: torch.dtype) -> torch.Tensor:
    """θ₀ of runs ``first`` … ``stop`` − 1, of shape (stop − first, n); row i depends on (seed, i) alone.

    ``stable`` zeroes the unstable components: exactly where the unstable directions are coordinate
    axes, up to rounding otherwise.  That is the stable *subspace*; the stable manifold is tangent to
    it and equal to it where the problem is even in the unstable coordinates (as the double well is).
    """
    drawn = rng.uniforms if start == "uniform" else rng.normals
    numbers = drawn(seed, first, stop, saddle.dimension + EXTRA.get(start, 0), device=device)
    shift = unit_shift(start, numbers, saddle.dimension)
    if start == "stable":
        if saddle.axes is not None:
            shift[:, list(saddle.axes)] = 0.0
        else:
            unstable = torch.as_tensor(saddle.unstable, device=device)
            shift = shift - combine(combine(shift, unstable), unstable.T)
    return (torch.as_tensor(saddle.point, device=device) + scale * shift).to(dtype)


def unit_shift(start: str, numbers: torch.Tensor, dimension: int) -> torch.Tensor:
    """(θ₀ − saddle)/scale, (batch, n), from uniform numbers (start ``uniform``) or normal ones, n + `EXTRA` a run.

    The first n coordinates of a uniform point on the sphere of R^{n+2} are uniform in the ball of R^n.
    """
    if start == "uniform":
        return 2 * numbers - 1
    if start in ("sphere", "ball"):
        numbers = numbers / torch.linalg.vector_norm(numbers, dim=-1, keepdim=True)
    return numbers[:, :dimension]


def combine(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """``rows @ columns`` for (batch, n) and (n, d), added up term by term.

    A matrix product rounds differently in batches of different sizes; this one gives every row the
    same number wherever it stands.
    """
    return sum(rows[:, i : i + 1] * columns[i] for i in range(len(columns)))  # type: ignore[return-value]


def survival(start: str, scale: float, saddle: Saddle) -> Callable[[np.ndarray], np.ndarray]:
    """x ↦ P(‖u₀‖ ≥ x) for the component u₀ of the start along the unstable directions, d of n.

    gaussian: ‖u₀‖/scale is χ_d.  sphere: its square is Beta(d/2, (n − d)/2), with n + 2 in the place of n for ball.
    uniform: uniform on [0, scale], for one direction along a coordinate.  Raises `Misuse` where none of these holds.

    >>> import dynopt
    >>> from dynopt.escape.saddle import find_saddle
    >>> float(survival("uniform", 2.0, find_saddle(dynopt.problem("double-well")))(np.array(0.5)))
    0.75
    """
    n, d = saddle.unstable.shape
    n += EXTRA.get(start, 0)
    law: Any
    if start == "gaussian":
        law = stats.chi(d)
    elif start in ("sphere", "ball"):
        if n == d:
            return lambda x: (np.asarray(x) <= scale).astype(float)
        square = stats.beta(d / 2, (n - d) / 2)
        return lambda x: square.sf(np.minimum((np.asarray(x) / scale) ** 2, 1.0))
    elif start == "uniform":
        if d > 1 or saddle.axes is None:
            raise Misuse("the unstable part of a uniform start has no closed form here; use start=gaussian or start=sphere")
        law = stats.uniform()
    else:
        raise Misuse("runs that start on the stable subspace have no unstable part and do not leave")
    return lambda x: law.sf(np.asarray(x) / scale)


def inside(start: str, scale: float, saddle: Saddle) -> Callable[[np.ndarray], np.ndarray]:
    """weights (N, d) ↦ P(Σ_j w_j u_j² < 1), u the component of the start along the d unstable directions.

    Uniform starts in three or more directions, or in oblique ones, are averaged over quasi-random points, to about
    10⁻⁴ (`dynopt.escape.weighted.cube`).  Raises `Misuse` for starts on the stable subspace.

    >>> import dynopt
    >>> from dynopt.escape.saddle import find_saddle
    >>> saddle = find_saddle(dynopt.Quadratic([-2, -1, 1]))
    >>> inside("uniform", 2.0, saddle)(np.array([[0.25, 1e-9]])).round(6)
    array([1.])
    """
    n, d = saddle.unstable.shape
    if start == "gaussian":
        return lambda w: weighted.gaussian(scale**2 * w)
    if start in ("sphere", "ball"):
        return lambda w: weighted.sphere(scale**2 * w, n + EXTRA.get(start, 0))
    if start == "uniform" and d == 2 and saddle.axes is not None:
        return lambda w: weighted.square(scale**2 * w)
    if start == "uniform":
        return lambda w: weighted.cube(scale**2 * w, None if saddle.axes is not None else saddle.unstable)
    raise Misuse("runs that start on the stable subspace have no unstable part and do not leave")


def largest(start: str, scale: float, saddle: Saddle) -> float:
    """A bound on ‖u₀‖ over all starts (the generator's normals are at most 8.6 in size)."""
    d = saddle.unstable.shape[1]
    return scale * {"gaussian": 8.6 * d**0.5, "uniform": saddle.dimension**0.5, "sphere": 1.0, "ball": 1.0}.get(start, 0.0)
