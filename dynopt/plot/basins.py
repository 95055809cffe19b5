"""Basins as pale colours that differ in lightness, with a hatch-free grey for starts that end nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

TINTS = ("#BBD7EA", "#F9E3B4", "#8FC7B2", "#F3C3A5", "#DDCCE6", "#FFFFFF")
"""Pale blue, yellow, green, orange, violet, white."""
_NOWHERE = "0.55"


def draw_basins(axes: Any, labels: np.ndarray, cells: int, box: tuple[float, float, float, float], names: dict[int, str]) -> list[Patch]:
    """Fill the cells of a grid (row by row from below) by label; returns legend handles for the labels that ``names`` holds.

    A label without a name (none, divergence) is grey.
    """
    order = list(names)
    index = np.full(labels.shape, len(order))
    for i, label in enumerate(order):
        index[labels == label] = i
    colours = [*TINTS[: len(order)], _NOWHERE]
    axes.imshow(
        index.reshape(cells, cells), origin="lower", extent=box, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(order) + 0.5,
        interpolation="nearest", aspect="auto", zorder=-3,
    )  # fmt: skip
    handles = [Patch(facecolor=colours[i], edgecolor="0.4", linewidth=0.5, label=names[label]) for i, label in enumerate(order)]
    if np.any(index == len(order)):
        handles.append(Patch(facecolor=_NOWHERE, edgecolor="0.4", linewidth=0.5, label="diverged, or at no critical point in time"))
    return handles
