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
from dynopt.escape.law import NoLaw, Prediction
from dynopt.escape.saddle import Saddle
from dynopt.escape.starts import EXTRA, unit_shift

RESTING = "runs along the unstable direction come to rest before this exit, so only their other components lead there"
COPIES = 8
"""Independent scramblings."""
CELLS = 2**20
"""Numbers in a state block over all points, at most."""
FEWEST, WHOLE, PARTS = 12, 15, 14
"""Binary logarithms: of the least number of points, and of the largest for whole starts and for unstable parts, whose runs are longer."""
PATIENCE = 10
"""How much longer runs are followed that were neither out nor at rest."""


def sampled(
    method: Algorithm, saddle: Saddle, exits: Sequence[Exit], start: str, scale: float, steps: int, *, stretch: np.ndarray | None = None
) -> dict[str, Prediction | NoLaw]:
    """The law under each exit, by its text, from whole starts or from their unstable parts.

    Parameters
    ----------
    start, scale : see `dynopt.escape.starts.STARTS`.
    steps : what is still inside then never leaves.
    stretch : (d,), run from the unstable parts alone, each multiplied by its number.  If such runs come to
        rest where a direction leads down, there is a `NoLaw` for the exits that they have not reached.

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
    n, d = saddle.unstable.shape
    few = stretch is not None and start == "gaussian"  # normal numbers are normal in any directions: no need for all n
    numbers = uniforms(d if few else n + EXTRA.get(start, 0), WHOLE if stretch is None else PARTS)
    drawn = torch.as_tensor(numbers if start == "uniform" else special.ndtri(numbers))
    if stretch is None:
        return from_shifts(method, saddle, exits, scale * unit_shift(start, drawn, n), steps)
    across = torch.as_tensor(saddle.unstable)
    part = drawn if few else unit_shift(start, drawn, n) @ across
    return from_shifts(method, saddle, exits, scale * (part * torch.as_tensor(stretch)) @ across.T, steps, alone=True)


def uniforms(width: int, most: int = WHOLE) -> np.ndarray:
    """Points in the open unit cube, (COPIES · N, width), one scrambling after the other."""
    power = int(np.clip(np.log2(CELLS / width), FEWEST, most) - np.log2(COPIES))
    drawn = np.concatenate([qmc.Sobol(width, seed=seed).random_base2(power) for seed in range(COPIES)])
    return np.clip(drawn, 2.0**-54, 1 - 2.0**-53)


def from_shifts(
    method: Algorithm, saddle: Saddle, exits: Sequence[Exit], shift: torch.Tensor, steps: int, alone: bool = False
) -> dict[str, Prediction | NoLaw]:
    """The law under each exit, from the starts θ₀ − saddle that the points of `uniforms` stand for; ``alone``: their unstable parts."""
    theta0 = torch.as_tensor(saddle.point) + shift
    first, final = _run(method, saddle, exits, theta0, steps)
    late = ((first < 0).any(0) & ~_at_rest(saddle, final)).nonzero()[:, 0]
    if len(late):  # they passed close by another saddle
        first[:, late], final[late] = _run(method, saddle, exits, theta0[late], PATIENCE * steps)
    found: dict[str, Prediction | NoLaw] = {}
    for e, when in zip(exits, first, strict=True):
        if alone and not bool(lost(saddle, final[when < 0]).all()):
            found[e.text] = NoLaw(RESTING)
        else:
            found[e.text] = _averaged(when.numpy().reshape(COPIES, -1))
    return found


def _run(method: Algorithm, saddle: Saddle, exits: Sequence[Exit], theta0: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """First steps under each exit (exits, batch), −1 for none, and where the runs were left; as many at once as a cache holds."""
    definition, asked, events = method.numeric(), oracle(saddle.problem), {e.text: e.holds for e in exits}
    lazy = {e.text for e in exits if e.costly}
    parts = [
        run_batch(definition, asked, part, events, steps=steps, linger=steps, lazy=lazy)
        for part in theta0.split(max(1, 2**15 // theta0.shape[1]))
    ]
    first = torch.cat([torch.stack([paths.first[e.text] for e in exits]) for paths in parts], dim=1)
    return first, torch.cat([paths.final for paths in parts])


def _at_rest(saddle: Saddle, theta: torch.Tensor) -> torch.Tensor:
    """Whether the gradient has all but vanished beside the curvature, at θ (batch, n); or θ is not finite."""
    slope = torch.linalg.vector_norm(saddle.problem.gradient(theta), dim=-1)
    return ~(slope > 1e-6 * float(np.abs(np.asarray(saddle.problem.hessian(saddle.point))).max()))


def lost(saddle: Saddle, theta: torch.Tensor) -> torch.Tensor:
    """Whether runs that ended at θ, (batch, n), stay for good: no direction leads down there, or they are no longer finite."""
    ended, finite = torch.ones(len(theta), dtype=torch.bool), torch.isfinite(theta).all(-1)
    if bool(finite.any()):
        values = torch.linalg.eigvalsh(torch.as_tensor(saddle.problem.hessian(theta[finite])))
        ended[finite] = values[:, 0] > -1e-9 * values.abs().amax(-1)
    return ended


def _averaged(first: np.ndarray) -> Prediction:
    """The distribution function of first steps (copies, points), −1 for never."""
    length = int(first.max()) + 1 if (first >= 0).any() else 1
    copies = np.stack([np.bincount(row[row >= 0], minlength=length).cumsum() / len(row) for row in first])
    error = 2 * float((copies.std(0, ddof=1) / len(first) ** 0.5).max())
    return Prediction("sampled", copies.mean(0), error)
