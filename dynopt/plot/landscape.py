"""A landscape in the plane as quiet contours, its critical points marked, its concave part shaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap

from dynopt.errors import Misuse
from dynopt.plot.palette import QUIET

_GRID = 241
KINDS = {
    "minimum": ("*", 110), "strict saddle": ("X", 55), "maximum": ("^", 45), "degenerate": ("d", 45), "kink": ("P", 55),
}  # fmt: skip
"""The sign and its size of each kind of critical point."""
SIGNS = 6
"""The layer (zorder) of signs: above every curve."""


@dataclass(frozen=True)
class Box:
    """A rectangle: x from ``left`` to ``right``, y from ``bottom`` to ``top``."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def diagonal(self) -> float:
        return float(np.hypot(self.right - self.left, self.top - self.bottom))

    def holds(self, point: Sequence[float]) -> bool:
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top


def box_around(points: np.ndarray, margin: float = 0.12, flattest: float = 0.55) -> Box:
    """The rectangle around points of shape ``(m, 2)``, with a margin, its short side at least ``flattest`` times the long one.

    >>> box_around(np.array([[0.0, 0.0], [1.0, 0.0]]), margin=0.0, flattest=0.5)
    Box(left=0.0, right=1.0, bottom=-0.25, top=0.25)
    """
    points = points[np.all(np.isfinite(points), axis=-1)]
    low, high = points.min(axis=0), points.max(axis=0)
    longest = float(max(high - low)) or 1.0
    half = np.maximum(high - low, flattest * longest) * (0.5 + margin)
    middle = (low + high) / 2
    (left, bottom), (right, top) = middle - half, middle + half
    return Box(float(left), float(right), float(bottom), float(top))


def draw_landscape(axes: Any, problem: Any, box: Box, levels: int = 14) -> None:
    """Contours of J in light grey on equal axes, spaced so that each ring holds about the same area.

    Marks each critical point inside the box and names its kind for the legend.
    """
    x, y, grid = _mesh(box)
    with np.errstate(all="ignore"):
        values = np.asarray(problem.value(grid), dtype=float)
    heights = _levels(values, levels)
    if len(heights) > 1:
        axes.contour(x, y, np.ma.masked_invalid(values), levels=heights, colors=QUIET, linewidths=0.7, linestyles="solid", zorder=0)
    axes.set_xlim(box.left, box.right)
    axes.set_ylim(box.bottom, box.top)
    axes.set_aspect("equal")
    axes.set_xlabel("θ₁")
    axes.set_ylabel("θ₂", rotation=0, ha="right", va="center")
    mark_critical_points(axes, problem, box)


def mark_critical_points(axes: Any, problem: Any, box: Box) -> None:
    """A symbol at every exact critical point inside the box, one legend entry a kind."""
    seen: set[str] = set()
    for kind, point in critical_points(problem):
        if len(point) == 2 and box.holds(point):
            symbol, size = KINDS[kind]
            label = "" if kind in seen else kind
            axes.scatter(*point, marker=symbol, s=size, color="white", edgecolor="black", linewidth=0.9, zorder=SIGNS, label=label)
            seen.add(kind)


def shade_concave(axes: Any, problem: Any, box: Box, colour: str = "#F6DDD3", label: str = "a negative Hessian eigenvalue") -> Any:
    """Shade where ∇²J has a negative eigenvalue; returns the legend handle."""
    from matplotlib.patches import Patch

    x, y, grid = _mesh(box)
    with np.errstate(all="ignore"):
        hessian = np.asarray(problem.hessian(grid), dtype=float)
    least = np.linalg.eigvalsh(np.where(np.isfinite(hessian), hessian, 0.0))[..., 0]
    axes.pcolormesh(x, y, np.ma.masked_where(least >= 0, least), cmap=ListedColormap([colour]), shading="auto", zorder=-2, rasterized=True)
    return Patch(facecolor=colour, edgecolor="none", label=label)


def critical_points(problem: Any) -> list[tuple[str, tuple[float, ...]]]:
    """Kind and place of the isolated critical points, where exact solving is certain to be quick; otherwise none.

    That is: quadratic functions, and polynomials (with ``abs``, max, min) of degree at most 6 in at most two coordinates.
    """
    return [(c.kind, tuple(float(v) for v in c.point)) for c in _exact(problem) if c.isolated and all(v.is_number for v in c.point)]


def lowest_value(problem: Any) -> float | None:
    """The least value among exactly known critical points that may be minima, None when none is known."""
    values = [float(c.value) for c in _exact(problem) if c.kind in ("minimum", "degenerate", "kink") and c.value.is_number]
    return min(values, default=None)


def _exact(problem: Any) -> Sequence[Any]:
    import sympy as sp

    from dynopt.problems.pieces import abs_form

    if not hasattr(problem, "critical_points"):
        return ()
    expression = getattr(problem, "expression", None)
    if expression is not None and not hasattr(problem, "spectrum"):
        plain = abs_form(expression).replace(sp.Abs, lambda inside: inside)
        symbols = problem.symbols
        degree = sp.Poly(plain, *symbols).total_degree() if plain.is_polynomial(*symbols) else 7
        if degree > 6 or (problem.dimension > 2 and (degree > 2 or problem.dimension > 20)):
            return ()
    try:
        return tuple(problem.critical_points())
    except Misuse:
        return ()


def _mesh(box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = np.linspace(box.left, box.right, _GRID), np.linspace(box.bottom, box.top, _GRID)
    return x, y, np.stack(np.meshgrid(x, y), axis=-1)


def _levels(values: np.ndarray, count: int) -> np.ndarray:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.empty(0)
    return np.unique(np.quantile(finite, np.linspace(0.02, 0.98, count) ** 1.3))
