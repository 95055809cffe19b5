"""The law's nonlinear correction: runs of the method along the unstable direction, without randomness.

Starts are tiny beside the exit, so by the time a run is near the exit it follows the unstable
manifold and its whole history is one number, the start's unstable component.  For each step k there
is an amplitude x_k above which a run is out by step k; on a quadratic objective x_k = r/max|a_j|, on
the true one it is found here by running the method itself from saddle ± x v on a fine grid of
amplitudes x.  Far from the exit the ratio of the two settles to a constant, the offset.  With several
equal unstable directions it depends on the direction, and a number of them is tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.escape.exits import Exit
from dynopt.escape.law import NoLaw
from dynopt.escape.saddle import Saddle

GRID = 512
"""Amplitudes per direction."""
DIRECTIONS = 32
"""Directions that are tried where there are several unstable ones, at least."""
REST = 100
"""Reference runs that have not moved in this many steps have come to rest."""
LONGEST = 50_000
"""Most steps of a reference run."""


def amplitudes(method: Algorithm, saddle: Saddle, exits: Sequence[Exit], radius: float, largest: float) -> dict[str, np.ndarray | NoLaw]:
    """For each exit, the amplitudes x_k of runs along each of the `directions`, an array (directions, N), k = 0 … N − 1.

    x_k is inf while no run is out.  N is where the smallest amplitude, 10⁻⁵ radius, leaves.  An exit for
    which there is no such table has a `NoLaw` instead: a run that started further out would leave later.

    Parameters
    ----------
    radius : the length that amplitudes are measured against.
    largest : no start is farther out than this.
    """
    top, bottom = max(largest, 1e-3 * radius), 1e-5 * radius
    grid = np.geomspace(bottom, top, GRID)
    along = directions(saddle.unstable.shape[1]) @ saddle.unstable.T
    theta = torch.as_tensor(saddle.point + (along[:, None, :] * grid[:, None]).reshape(-1, saddle.dimension))
    numeric, asked = method.numeric(), oracle(saddle.problem)
    state = numeric.at(0).init(theta, asked.at(0))
    best = {e.text: torch.full_like(theta[:, 0], -math.inf) for e in exits}
    rows: dict[str, list[list[float]]] = {e.text: [] for e in exits}
    result: dict[str, np.ndarray | NoLaw] = {}
    before = theta
    for k in range(LONGEST):
        if k and k % REST == 0:
            if bool((state[0] - before).abs().max() <= 1e-12 * (1 + state[0].abs().max())):
                stays = NoLaw("runs along the unstable direction come to rest before this exit, so only their other components lead there")
                return {e.text: result.get(e.text, stays) for e in exits}
            before = state[0]
        for e in [e for e in exits if e.text not in result]:
            best[e.text] = torch.fmax(best[e.text], e.measure(state[0]))
            found = [_front(grid, half, e.level) for half in best[e.text].numpy().reshape(len(along), -1)]
            if any(math.isnan(x) for x in found):
                result[e.text] = NoLaw(f"exit {e.text}: a start further out leaves later, so no amplitude separates the runs")
            elif min(found) < bottom:
                result[e.text] = np.array(rows[e.text]).T if rows[e.text] else NoLaw(f"exit {e.text}: all amplitudes leave at once")
            else:
                rows[e.text].append(found)
        if len(result) == len(exits):
            return result
        state = numeric.at(k).update(state, asked.at(k), k)
    late = NoLaw(f"{method.call()}: the reference run takes more than {LONGEST:,} steps")
    return {e.text: result.get(e.text, late) for e in exits}


def directions(d: int) -> np.ndarray:
    """Unit vectors of R^d, (m, d), whose plain average stands for the average over the sphere.

    ±1 for d = 1, equally spaced on the circle for d = 2, beyond that random orthonormal frames and
    their opposites (each averages polynomials up to the third degree exactly).
    """
    if d == 1:
        return np.array([[1.0], [-1.0]])
    if d == 2:
        angle = 2 * np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    frames = -(-DIRECTIONS // (2 * d))
    drawn = rng.normals(0, 0, frames, d * d).numpy().reshape(frames, d, d)
    return np.concatenate([s * np.linalg.qr(frame)[0].T for frame in drawn for s in (1, -1)])


def _front(grid: np.ndarray, measure: np.ndarray, level: float) -> float:
    """The amplitude where the measure crosses the level: inf when none is out, 0 when all are, NaN when it crosses twice."""
    out = measure >= level
    if not out.any():
        return math.inf
    first = int(out.argmax())
    if not out[first:].all():
        return math.nan
    if first == 0:
        return 0.0
    below, above = float(measure[first - 1]), float(measure[first])
    if not math.isfinite(above):
        part = 1.0
    elif level > 0 and below > 0:  # lengths and drops are powers of the amplitude
        part = math.log(level / below) / math.log(above / below)
    else:
        part = (level - below) / (above - below)
    return float(grid[first - 1] * (grid[first] / grid[first - 1]) ** part)
