"""The phase portrait of a second-order flow on a problem of one coordinate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dynopt.plot.landscape import Box
from dynopt.plot.palette import QUIET

_GRID = 61


def draw_portrait(axes: Any, field: Any, box: Box, names: tuple[str, str]) -> None:
    """Streamlines of a planar field in light grey; ``field`` maps points of shape ``(m, 2)`` to velocities of that shape."""
    x, y = np.linspace(box.left, box.right, _GRID), np.linspace(box.bottom, box.top, _GRID)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    velocity = np.asarray(field(grid.reshape(-1, 2))).reshape(_GRID, _GRID, 2)
    axes.streamplot(x, y, velocity[..., 0], velocity[..., 1], color=QUIET, linewidth=0.7, arrowsize=0.7, density=1.1, zorder=0)
    axes.set_xlim(box.left, box.right)
    axes.set_ylim(box.bottom, box.top)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])


def draw_directions(axes: Any, rest: tuple[float, float], slopes: Sequence[complex], box: Box, labels: dict[str, str]) -> None:
    """The directions (1, z) of real exponents z in the plane (θ, θ') at a rest point: stable ones solid, unstable ones dashed.

    ``labels`` names ``stable`` and ``unstable`` for the legend; each is used once.
    """
    for z in slopes:
        kind = "stable" if z.real < 0 else "unstable"
        reach = np.array([-box.diagonal, box.diagonal])
        colour, line = {"stable": ("#0072B2", "-"), "unstable": ("#D55E00", "--")}[kind]
        axes.plot(
            rest[0] + reach, rest[1] + z.real * reach, color=colour, linestyle=line, linewidth=1.4, zorder=2, label=labels.pop(kind, None)
        )
