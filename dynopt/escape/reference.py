"""The law's nonlinear correction: runs of the method along the unstable direction, without randomness.

Starts are tiny beside the exit, so by the time a run is near the exit it follows the unstable
manifold and its whole history is one number, the start's unstable component.  For each step k there
is an amplitude x_k above which a run is out by step k; on a quadratic objective x_k = r/max|a_j|, on
the true one it is found here by running the method itself from saddle ± x v on a fine grid of
amplitudes x.  Far from the exit the ratio of the two settles to a constant, the offset.  With several
equal unstable directions it depends on the direction, and a number of them is tried.  An exit may be reached
along some directions and never along others, whose runs the law then keeps inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.escape.exits import Exit
from dynopt.escape.law import NoLaw
from dynopt.escape.saddle import Saddle
from dynopt.escape.sampled import RESTING, lost

GRID = 512
"""Amplitudes per direction."""
DIRECTIONS = 32
"""Directions that are tried where there are several unstable ones, at least."""
REST = 100
"""Reference runs that have not moved in this many steps have come to rest."""
LONGEST = 50_000
"""Most steps of a reference run."""


@dataclass(frozen=True)
class Side:
    """The runs of one direction.

    Attributes
    ----------
    x : x_0, …, x_N, the amplitudes above which a run is out by step k; inf while none is.
    leaves : whether the smallest amplitude left, after which x_k goes on in proportion to the linear response.
        Otherwise the runs came to rest at a minimiser, and x_k stays as it is.
    """

    x: np.ndarray
    leaves: bool


def amplitudes(method: Algorithm, saddle: Saddle, exits: Sequence[Exit], radius: float, largest: float) -> dict[str, list[Side] | NoLaw]:
    """For each exit a table of amplitudes along each of the `directions`.

    A table ends where the smallest amplitude, 10⁻⁵ radius, leaves, or where all runs have come to rest.  An exit for
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
    tables = {e.text: _Table(e, grid, len(along)) for e in exits}
    before = theta
    for k in range(LONGEST):
        for table in tables.values():
            table.look(state[0])
        if all(table.over for table in tables.values()):
            break
        if k and k % REST == 0:
            finite = torch.isfinite(state[0]).all(-1)
            if bool(((state[0] - before).abs() <= 1e-12 * (1 + state[0].abs()))[finite].all()):
                for table in tables.values():
                    table.rest(lost(saddle, state[0]))
                break
            before = state[0]
        state = numeric.at(k).update(state, asked.at(k), k)
    else:
        late = NoLaw(f"{method.call()}: the reference run takes more than {LONGEST:,} steps")
        return {text: table.result if table.over else late for text, table in tables.items()}
    return {text: table.result for text, table in tables.items()}


class _Table:
    """The amplitudes of one exit while the reference runs are under way."""

    def __init__(self, exit: Exit, grid: np.ndarray, sides: int) -> None:
        self.exit, self.grid = exit, grid
        self.best = torch.full((sides, len(grid)), -math.inf, dtype=torch.float64)
        self.rows: list[list[float]] = [[] for _ in range(sides)]
        self.open = [True] * sides
        self.result: list[Side] | NoLaw = []

    @property
    def over(self) -> bool:
        return not any(self.open)

    def look(self, theta: torch.Tensor) -> None:
        """One step of all runs.  Runs beyond the first that is out no longer matter."""
        if self.over:
            return
        inside = self.best < self.exit.level
        inside[:, 1:] |= inside[:, :-1].clone()
        inside[[not o for o in self.open]] = False
        rows = inside.reshape(-1)
        self.best.view(-1)[rows] = torch.fmax(self.best.view(-1)[rows], self.exit.measure(theta[rows]).double())
        for i in [i for i, o in enumerate(self.open) if o]:
            x = _front(self.grid, self.best[i].numpy(), self.exit.level)
            if math.isnan(x):
                self.open = [False] * len(self.open)
                self.result = NoLaw(f"exit {self.exit.text}: a start further out leaves later, so no amplitude separates the runs")
                return
            if x < self.grid[0]:
                self.open[i] = False
            else:
                self.rows[i].append(x)
        if self.over:
            self._done([True] * len(self.open))

    def rest(self, ended: torch.Tensor) -> None:
        """All runs have come to rest, at a minimiser or not."""
        if self.over:
            return
        stuck = torch.as_tensor(self.open)
        if bool(ended.reshape(len(self.open), -1)[stuck].all()):
            self._done([not o for o in self.open])
        else:
            self.result = NoLaw(RESTING)

    def _done(self, leaves: list[bool]) -> None:
        if all(self.rows):
            self.result = [Side(np.array(row), out) for row, out in zip(self.rows, leaves, strict=True)]
        else:
            self.result = NoLaw(f"exit {self.exit.text}: all amplitudes leave at once")


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
