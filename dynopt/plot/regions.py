"""The region where a method has a property, in a plane of two parameters: proved boundaries over measured runs.

Lines are zeros of the proved conditions (`dynopt.symbolic.theorems`), evaluated on a grid; the quiet
shading is the worst eigenvalue over the spectrum, by dense linear algebra, which knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.artist import Artist
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, ListedColormap, to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withTickedStroke

from dynopt.core.registry import method_class
from dynopt.plot.palette import colour, line
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbol, symbolic
from dynopt.symbolic.theorems import Theorem

ASPECTS = ("stable", "non-oscillating", "diffeomorphism")
"""In the order of their colours; each line has its ticks on the side where the property fails."""
LEVELS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.5, 1e3)
_BLUES = LinearSegmentedColormap.from_list("quiet blues", ["#A9C7DE", "#F4F9FC"])
SHADES = ListedColormap([*(to_hex(_BLUES(i / 5)) for i in range(6)), "0.90", "0.82"])
"""Blue where every mode decays, the darker the faster; grey where one grows."""
_SAMPLES = 25
_TICKS = [withTickedStroke(spacing=11, angle=-90, length=0.4)]
_SPARSE = (0, (1, 2))


@dataclass(frozen=True)
class Plane:
    """Two axes and the parameters that a point (x, y) stands for.

    Attributes
    ----------
    method : a registered name.
    title : the values of the other parameters, in words.
    x, y : label, lowest and highest value of each axis.
    values : (x, y) ↦ the method's parameters and the spectrum ends ``mu`` and ``L``; works on arrays.
    marked : curves of interest, label ↦ function of (x, y) that is zero there.
    """

    method: str
    title: str
    x: tuple[str, float, float]
    y: tuple[str, float, float]
    values: Callable[[Any, Any], dict[str, Any]]
    marked: Mapping[str, Callable[[Any, Any], Any]]

    def grid(self, nx: int, ny: int) -> tuple[np.ndarray, np.ndarray]:
        """Points that fill the plane, moved off its edges, where a parameter may leave its domain."""
        (_, left, right), (_, bottom, top) = self.x, self.y
        across, up = np.linspace(1e-6, 1 - 1e-6, nx), np.linspace(1e-6, 1 - 1e-6, ny)
        x, y = np.meshgrid(left + (right - left) * across, bottom + (top - bottom) * up)
        return x, y


def worst(plane: Plane, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The largest modulus of an eigenvalue of M(λ) (for flows e^(largest real part)) over 25 λ of [μ, L], at each (x, y)."""
    method = method_class(plane.method)
    space = state_space(symbolic(method))
    numbers = [p for p in method.numbers() if space.mode_matrix.has(symbol(p))]
    entries = [sp.lambdify([eigenvalue, *map(symbol, numbers)], e, "numpy") for e in space.mode_matrix]
    values = plane.values(x, y)
    n = space.mode_matrix.shape[0]
    found = np.zeros(x.shape)
    for share in np.linspace(0, 1, _SAMPLES):
        lam = values["mu"] + share * (values["L"] - values["mu"])
        arguments = [lam, *(values[p.name] for p in numbers)]
        matrix = np.stack([np.broadcast_to(e(*arguments), x.shape) for e in entries], axis=-1).reshape(*x.shape, n, n)
        roots = np.linalg.eigvals(matrix)
        found = np.maximum(found, np.exp(roots.real.max(-1)) if space.continuous else np.abs(roots).max(-1))
    return found


def signed(condition: Any, names: Sequence[str]) -> Callable[..., Any]:
    """A function that is positive inside the set of a condition, negative outside and zero on its boundary.

    "and" is a minimum, "or" a maximum; a point set that ``≠`` removes is left to `removed`.

    >>> x, y = sp.symbols("x y", real=True)
    >>> inside = signed(sp.And(sp.Gt(1 - x, 0), sp.Gt(2 - y, 0)), ["x", "y"])
    >>> [float(inside(*p)) for p in ((0.0, 0.0), (2.0, 0.0), (0.0, 2.0))]
    [1.0, -1.0, 0.0]
    """
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [signed(a, names) for a in condition.args]
        join = np.minimum if isinstance(condition, sp.And) else np.maximum
        return lambda *at: join.reduce(np.broadcast_arrays(*(part(*at) for part in parts)))
    if condition in (sp.true, sp.false) or isinstance(condition, sp.Ne):
        return lambda *at: np.full(np.broadcast(*at).shape, -1.0 if condition == sp.false else 1.0)
    sign = 1 if isinstance(condition, (sp.StrictGreaterThan, sp.GreaterThan)) else -1
    function: Callable[..., Any] = sp.lambdify([sp.Symbol(n, real=True) for n in names], sign * (condition.lhs - condition.rhs), "numpy")
    return function


def removed(condition: Any, names: Sequence[str]) -> list[tuple[Callable[..., Any], Callable[..., Any]]]:
    """Curves that the condition leaves out of its set: (zero on the curve, positive where the curve counts).

    They are the left sides of ``≠``, and square factors of an option that "or" needs.
    """
    symbols = [sp.Symbol(n, real=True) for n in names]
    found = []
    for part in condition.args if isinstance(condition, sp.And) else (condition,):
        if isinstance(part, sp.Ne):
            found.append((sp.lambdify(symbols, part.lhs, "numpy"), lambda *at: np.ones(np.broadcast(*at).shape)))
        elif isinstance(part, sp.Or):
            for option in part.args:
                rest = signed(sp.Or(*(o for o in part.args if o is not option), evaluate=False), names)
                for base, power in sp.factor_list(option.lhs)[1]:
                    if power % 2 == 0 and isinstance(option, sp.StrictGreaterThan):
                        found.append((sp.lambdify(symbols, base, "numpy"), lambda *at, rest=rest: -rest(*at)))
    return found


def draw_region(axes: Any, plane: Plane, theorems: Mapping[str, Theorem], *, resolution: int = 90) -> tuple[Any, set[str]]:
    """The shading and the proved boundaries of a plane.

    Returns the shading, for a colour bar, and what is in sight besides: lines by the name of their property, curves that
    are ``removed``, and a part of the plane where a law between parameters leaves the method ``undefined``.
    """
    x, y = plane.grid(resolution, resolution)
    height = np.clip(worst(plane, x, y), 0, LEVELS[-1])
    shading = axes.contourf(x, y, height, levels=LEVELS, cmap=SHADES, norm=BoundaryNorm(LEVELS, SHADES.N), zorder=0)
    drawn = set()
    x, y = plane.grid(6 * resolution, 6 * resolution)
    values = plane.values(x, y)
    names = [n for n, v in values.items() if np.ndim(v) or isinstance(v, (int, float))]
    at = [np.broadcast_to(values[n], x.shape) for n in names]
    for i, aspect in enumerate(ASPECTS):
        if aspect not in theorems:
            continue
        condition = theorems[aspect].condition
        edge = signed(condition, names)(*at)
        if np.any(edge < 0) and np.any(edge > 0):
            curves = axes.contour(x, y, edge, levels=[0], colors=colour(i), linestyles=[line(i)], linewidths=1.6, zorder=3)
            curves.set_path_effects(_TICKS)
            drawn.add(aspect)
        for zero, counts in removed(condition, names):
            left_out = np.ma.masked_where(counts(*at) <= 0, np.broadcast_to(zero(*at), x.shape))
            if left_out.count() and left_out.min() < 0 < left_out.max():
                axes.contour(x, y, left_out, levels=[0], colors=colour(i), linestyles=[_SPARSE], linewidths=1.6, zorder=3)
                drawn.add("removed")
    for zero in plane.marked.values():
        axes.contour(x, y, zero(x, y), levels=[0], colors="black", linestyles="dotted", linewidths=1.6, zorder=2)
    lawful = signed(sp.And(*next(iter(theorems.values())).facts, evaluate=False), names)(*at)
    if np.any(lawful < 0):
        axes.contourf(x, y, lawful, levels=[-np.inf, 0], colors="white", hatches=["///"], zorder=4)
        drawn.add("undefined")
    for text, set_limits, set_label in ((plane.x, axes.set_xlim, axes.set_xlabel), (plane.y, axes.set_ylim, axes.set_ylabel)):
        set_label(text[0])
        set_limits(*text[1:])
    axes.set_title(plane.title, fontsize="medium")
    return shading, drawn


def draw_runs(axes: Any, x: Sequence[float], y: Sequence[float], good: Sequence[bool]) -> None:
    """Measured runs: a filled dot where the run has the property, an open one where it has not."""
    fill = ["black" if g else "white" for g in good]
    axes.scatter(x, y, s=16, c=fill, edgecolors="black", linewidths=0.8, zorder=5, clip_on=True)


def legend_handles(drawn: Collection[str], marked: Sequence[str] = (), measured: Sequence[str] = ()) -> list[Artist]:
    """One entry for each kind of line of `draw_region`, each marked curve, and the filled and the open dot."""
    dot: dict[str, Any] = {"marker": "o", "linestyle": "none", "color": "black", "markersize": 4.5}
    styles: list[tuple[str, dict[str, Any]]] = [
        (f"{aspect}, fails on the side of the ticks", {"color": colour(i), "linestyle": line(i), "path_effects": _TICKS})
        for i, aspect in enumerate(ASPECTS)
        if aspect in drawn
    ]
    if "removed" in drawn:
        styles.append(("diffeomorphism, fails on the line alone", {"color": colour(2), "linestyle": _SPARSE}))
    styles += [(name, {"color": "black", "linestyle": "dotted"}) for name in marked]
    handles: list[Artist] = [Line2D([], [], label=label, linewidth=1.6, **style) for label, style in styles]
    if "undefined" in drawn:
        handles.append(Patch(facecolor="white", edgecolor="black", hatch="///", label="the method is not defined"))
    fills = ("black", "white")
    return handles + [Line2D([], [], label=label, markerfacecolor=fill, **dot) for label, fill in zip(measured, fills, strict=False)]
