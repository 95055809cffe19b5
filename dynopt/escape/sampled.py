"""The law where no closed form is known: the definition itself, run from quasi-random starts.

The escape time is a function of the start, so its law is an integral over the starts.  Here it is an average over
scrambled Sobol points, which leave fewer gaps than random ones; several independent scramblings tell the
sampling error.  The starts are either whole ones, or their unstable parts alone: whatever a tiny start has along the stable
directions has died before the run is near the exit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import special
from scipy.stats import qmc

from dynopt.core.algorithm import Algorithm
from dynopt.core.problem import oracle
from dynopt.ensemble.run import run_batch
from dynopt.escape.exits import Exit
from dynopt.escape.law import Prediction
from dynopt.escape.saddle import Saddle
from dynopt.escape.starts import EXTRA, unit_shift

COPIES = 8
"""Independent scramblings."""
CELLS = 2**20
"""Numbers in a state block over all points; there are between 2¹² and 2¹⁶ points."""


def sampled(
    method: Algorithm, saddle: Saddle, exits: Sequence[Exit], start: str, scale: float, steps: int, *, unstable: bool = False
) -> dict[str, Prediction]:
    """The law under each exit, by its text, from whole starts or from their ``unstable`` parts.

    Parameters
    ----------
    start, scale : see `dynopt.escape.starts.STARTS`.
    steps : what is still inside then never leaves.

    Examples
    --------
    >>> import dynopt
    >>> from dynopt.escape.exits import make_exit
    >>> from dynopt.escape.saddle import find_saddle
    >>> saddle = find_saddle(dynopt.problem("quadratic(spectrum=[-8, 2])"))
    >>> exit = make_exit("coordinate", saddle, 0.5)
    >>> found = sampled(dynopt.method("gd(gamma=1/8)"), saddle, [exit], "gaussian", 1e-12, 200)[exit.text]
    >>> abs(found.mean - 40.28) < 0.01, found.error < 0.001
    (True, True)
    """
    n = saddle.dimension
    numbers = uniforms(n + EXTRA.get(start, 0))
    shift = unit_shift(start, torch.as_tensor(numbers if start == "uniform" else special.ndtri(numbers)), n)
    if unstable:
        across = torch.as_tensor(saddle.unstable)
        shift = (shift @ across) @ across.T
    return from_shifts(method, saddle, exits, scale * shift, steps)


def uniforms(width: int) -> np.ndarray:
    """Points in the open unit cube, (COPIES · N, width), one scrambling after the other."""
    power = int(np.clip(np.log2(CELLS / width), 12, 16) - np.log2(COPIES))
    drawn = np.concatenate([qmc.Sobol(width, seed=seed).random_base2(power) for seed in range(COPIES)])
    return np.clip(drawn, 2.0**-54, 1 - 2.0**-53)


def from_shifts(method: Algorithm, saddle: Saddle, exits: Sequence[Exit], shift: torch.Tensor, steps: int) -> dict[str, Prediction]:
    """The law under each exit, from the starts θ₀ − saddle that the points of `uniforms` stand for."""
    paths = run_batch(
        method.numeric(), oracle(saddle.problem), torch.as_tensor(saddle.point) + shift, {e.text: e.holds for e in exits},
        steps=steps, linger=steps,
    )  # fmt: skip
    return {e.text: _averaged(paths.first[e.text].numpy().reshape(COPIES, -1)) for e in exits}


def _averaged(first: np.ndarray) -> Prediction:
    """The distribution function of first steps (copies, points), −1 for never."""
    length = int(first.max()) + 1 if (first >= 0).any() else 1
    copies = np.stack([np.bincount(row[row >= 0], minlength=length).cumsum() / len(row) for row in first])
    error = 2 * float((copies.std(0, ddof=1) / len(first) ** 0.5).max())
    return Prediction("sampled", copies.mean(0), error)
