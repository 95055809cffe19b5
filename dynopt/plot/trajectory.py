"""The figure of `dynopt trajectory`: landscape, distance over time, objective gap or energies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import TextPath

from dynopt.errors import Misuse, Outcome
from dynopt.plot.landscape import KINDS, SIGNS, Box, box_around, critical_points, draw_landscape, lowest_value
from dynopt.plot.palette import colour, line, marker

_DOTS = 70  # iterates shown are at least the picture's diagonal over this apart
_COORDINATES = 6  # coordinates drawn over time in other dimensions than two
_TOLD = 4  # distances spelled out above their panel
_TINY, _HUGE = 1e-300, 1e300
_TALL, _RIGHT = 4.9, 5.6  # inches: the height that the plane may take, the width of the panels over time
_HOLLOW = ("o", "s", "D", "^", "v", "P")  # events
_SIGNS = ("start", *KINDS)
_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Moving:
    """A part of the figure that an animation lets grow: points ``xy`` ``(m, 2)`` of an artist, each from its time ``t`` on.

    ``curve`` is the number of the curve that it belongs to, and ``head`` whether it is that curve (and no event on it).
    """

    artist: Any
    t: np.ndarray
    xy: np.ndarray
    curve: int
    head: bool = True

    @property
    def joined(self) -> bool:
        """Whether its points are joined by a line."""
        return bool(self.artist.get_linestyle() != "None")


@dataclass(frozen=True)
class Drawing:
    """A trajectory figure: what moves in it, and the axes that show time from left to right."""

    figure: Figure
    moving: tuple[Moving, ...]
    clocks: tuple[Any, ...]


def trajectory_figure(study: Any, panel: str = "gap") -> Figure:
    """The figure of a `dynopt.flow.curves.TrajectoryStudy`.

    Left: in the plane the landscape with flows as lines and iterates as dots, in other dimensions the
    coordinates over time, one below the other.  Right: the distance over time (and at h/2, h/4, …
    thinner), then ``panel``: ``gap`` for J minus its minimum, ``energy`` for the declared energies.
    """
    return draw_trajectory(study, panel).figure


def draw_trajectory(study: Any, panel: str = "gap") -> Drawing:
    """The figure with its moving parts (see `trajectory_figure`)."""
    if panel not in ("gap", "energy"):
        raise Misuse(f"panel={panel!r} is not an option; choose gap or energy")
    if panel == "energy" and not any(c.energies for c in study.curves):
        raise Misuse("none of these methods declares an energy; choose the panel gap")
    box = _box(study) if study.problem.dimension == 2 else None
    left = _RIGHT if box is None else float(np.clip(_TALL * (box.right - box.left) / (box.top - box.bottom), 3.2, 6.2))
    figure = Figure(figsize=(left + _RIGHT + 1.0, 6.6), layout=ConstrainedLayoutEngine(h_pad=0.1))
    rows = 2 if study.distances else 1
    grid = figure.add_gridspec(rows, 2, width_ratios=(left + 0.5, _RIGHT))
    moving, clocks = _plane(figure.add_subplot(grid[:, 0]), study, box) if box else _coordinates(figure, grid[:, 0], study)
    lower = figure.add_subplot(grid[rows - 1, 1])
    (_gap if panel == "gap" else _energies)(lower, study)
    clocks = [*clocks, lower]
    if study.distances:
        clocks.append(figure.add_subplot(grid[0, 1], sharex=lower))
        _distances(clocks[-1], study)
    _legend(figure, figure.axes[0])
    return Drawing(figure, tuple(moving), tuple(clocks))


def _legend(figure: Figure, axes: Any) -> None:
    """Curves first, then the signs of the landscape, below the panels in as many columns as have room."""
    entries = sorted(zip(*axes.get_legend_handles_labels(), strict=True), key=lambda e: e[1] in _SIGNS)
    size = 10 if len(entries) <= 6 else 8.5
    widths = [TextPath((0, 0), label, size=size).get_extents().width / 72 + 0.75 for _, label in entries]
    columns = next((n for n in (3, 2) if sum(map(max, _columns(widths, n))) <= figure.get_figwidth()), 1)
    handles, labels = zip(*entries, strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, markerscale=1.3, fontsize=size)


def _columns(widths: Sequence[float], count: int) -> list[Sequence[float]]:
    """The entries as a legend of ``count`` columns deals them out: the first columns hold one more."""
    rows, longer = divmod(len(widths), count)
    ends = [rows * i + min(i, longer) for i in range(count + 1)]
    return [widths[a:b] for a, b in itertools.pairwise(ends) if b > a]


def label_of(curve: Any) -> str:
    """The legend entry of a curve: what it is, and how it ended unless it reached the horizon."""
    name = curve.method.rpartition(".py:")[2]
    name = name if len(name) <= 60 else name[:57] + "…"
    ending = "" if curve.outcome == Outcome.DONE else f", {curve.outcome.value}"
    ending += {"iteration": ", time counts iterations", "gamma": ", time kγ assumed"}.get(curve.statistics.get("time_unit", ""), "")
    return f"{name} ({curve.kind}{ending})"


def _plane(axes: Any, study: Any, box: Box) -> tuple[list[Moving], list[Any]]:
    draw_landscape(axes, study.problem, box)
    moving = []
    for i, curve in enumerate(study.curves):
        kept = np.arange(len(curve.t)) if curve.kind == "flow" else spaced(curve.points, box.diagonal / _DOTS)
        style: dict[str, Any] = {"linestyle": line(i), "linewidth": 2, "zorder": 3}
        if curve.kind != "flow":
            style = {"marker": marker(i), "markersize": 4.2, "markeredgecolor": "white", "markeredgewidth": 0.4}
            style |= {"linestyle": "none", "zorder": 4}
        points = curve.points[kept]
        moving += [
            Moving(drawn, curve.t[kept], points, i)
            for drawn in axes.plot(*points.T, color=colour(i), label=_told(curve, kept, box), **style)
        ]
    moving += _events(axes, study)
    axes.plot(*study.start, marker="s", color="black", markersize=6, linestyle="none", zorder=SIGNS, label="start")
    axes.set_title(f"{study.problem.name}, horizon {study.horizon:g}", fontsize="medium")
    return moving, []


def _events(axes: Any, study: Any) -> list[Moving]:
    """A hollow sign for each event by name, in the colour of the curve on which it happened."""
    names = list(dict.fromkeys(hit.name for curve in study.curves for hit in curve.events))
    moving, seen = [], set[str]()
    for i, curve in enumerate(study.curves):
        for name in names:
            hits = [hit for hit in curve.events if hit.name == name]
            if hits:
                xy, label = np.array([hit.theta for hit in hits]), "" if name in seen else name
                style = {"marker": _HOLLOW[names.index(name) % len(_HOLLOW)], "markersize": 9, "markerfacecolor": "none"}
                [drawn] = axes.plot(*xy.T, color=colour(i), markeredgewidth=1.5, linestyle="none", zorder=5, label=label, **style)
                moving.append(Moving(drawn, np.array([hit.t for hit in hits]), xy, i, head=False))
                seen.add(name)
    return moving


def _box(study: Any) -> Box:
    """Around the curves that stay near, and the beginning of those that go far (see `_reach`)."""
    start, reach = np.asarray(study.start), _reach(study)
    shown = [c.points[np.all(np.abs(c.points - start) <= reach, axis=-1)] for c in study.curves]
    near = [p for _, p in critical_points(study.problem) if np.max(np.abs(np.array(p) - start)) <= 2 * reach]
    return box_around(np.concatenate([start[None], *shown, np.reshape(near, (-1, 2))]))


def _reach(study: Any) -> float:
    """How far from the start the picture goes: as far as every curve that neither diverged nor goes ten times as far as the nearest one."""
    with np.errstate(all="ignore"):
        far = [float(np.max(np.abs(c.points - study.start))) for c in study.curves]
    whole = [f for f, c in zip(far, study.curves, strict=True) if c.outcome != Outcome.DIVERGED and np.isfinite(f)]
    if not whole:
        return 1.5 * max(1.0, float(np.max(np.abs(study.start))))
    return 1.02 * max(f for f in whole if f <= 10 * min(whole))


def spaced(points: np.ndarray, least: float) -> np.ndarray:
    """Indices of points ``(m, n)``, each ``least`` or more from the one kept before it in some coordinate; first and last are kept."""
    kept, here = [0], points[0]
    for i in range(1, len(points)):
        if np.max(np.abs(points[i] - here)) >= least:
            kept.append(i)
            here = points[i]
    return np.array(kept if kept[-1] == len(points) - 1 else [*kept, len(points) - 1])


def _told(curve: Any, kept: np.ndarray, box: Box) -> str:
    return label_of(curve) + (f", {len(kept)} of {len(curve.t)} shown" if len(kept) < len(curve.t) else "") + _leaves(curve, box)


def _leaves(curve: Any, box: Box) -> str:
    return "" if all(box.holds(p) for p in curve.points) else ", leaves the picture"


def _coordinates(figure: Figure, place: Any, study: Any) -> tuple[list[Moving], list[Any]]:
    """The coordinates over time, one below the other: all of them, or some from the first to the last."""
    dimension = study.problem.dimension
    shown = np.unique(np.linspace(0, dimension - 1, min(dimension, _COORDINATES)).astype(int))
    rows = place.subgridspec(len(shown), 1, hspace=0.05)
    panels: list[Any] = []
    moving = []
    reach = max(1.1 * _reach(study), 1e-12)
    for row, j in enumerate(shown):
        axes = figure.add_subplot(rows[row, 0], sharex=panels[0] if panels else None)
        panels.append(axes)
        for i, curve in enumerate(study.curves):
            style: dict[str, Any] = {"linestyle": line(i)}
            every = 1
            if curve.kind != "flow":
                every = max(1, len(curve.t) // 60)
                style = {"marker": marker(i), "markersize": 3.5, "linestyle": "none"}
            t, values = curve.t[::every], curve.points[::every, j]
            [drawn] = axes.plot(t, values, color=colour(i), linewidth=1.5, label="" if row else label_of(curve), **style)
            moving.append(Moving(drawn, t, np.stack([t, values], axis=-1), i))
        near = [c.points[np.abs(c.points[:, j] - study.start[j]) <= reach, j] for c in study.curves]
        if any(len(n) < len(c.t) for n, c in zip(near, study.curves, strict=True)):
            low, high = (f(np.concatenate(near)) for f in (np.min, np.max))
            axes.set_ylim(low - 0.1 * (high - low) - 1e-12, high + 0.1 * (high - low) + 1e-12)
        axes.set_ylabel("θ" if dimension == 1 else f"θ{str(j + 1).translate(_BELOW)}", rotation=0, ha="right", va="center")
        axes.tick_params(labelbottom=row == len(shown) - 1)
        axes.grid(color="0.92")
    panels[-1].set_xlabel("time")
    some = f", {len(shown)} of {dimension} coordinates" if len(shown) < dimension else ""
    panels[0].set_title(f"{study.problem.name}, horizon {study.horizon:g}{some}", fontsize="medium")
    return moving, panels


def _distances(axes: Any, study: Any) -> None:
    colours = {c.method: i for i, c in reversed(list(enumerate(study.curves)))}
    many = len({d.flow for d in study.distances}) > 1
    for d in study.distances:
        i = colours[d.method]
        style = line(colours[d.flow]) if many else "-"
        for level, g in enumerate(d.gaps if d.own else d.gaps[:1]):
            values = _positive(g.values)
            few = marker(i) if np.count_nonzero(np.isfinite(values)) < 3 else "None"
            width, alpha = (1.8, 1.0) if level == 0 else (0.8, 0.55)
            axes.plot(g.t, values, color=colour(i), linestyle=style, linewidth=width, alpha=alpha, marker=few)
    if any(np.any(g.values > _TINY) for d in study.distances for g in d.gaps):
        axes.set_yscale("log")
    else:
        axes.text(0.5, 0.5, "no distance to show", transform=axes.transAxes, ha="center", color="0.4")
    axes.set_ylabel("‖iterate − flow‖")
    finer = max((len(d.gaps) for d in study.distances if d.own), default=1)
    axes.set_xlabel("time" if finer < 2 else f"time (thin: steps cut in {', '.join(str(2**i) for i in range(1, finer))})")
    told = [_verdict(d, many) for d in study.distances[:_TOLD]]
    told += [f"… and {len(study.distances) - _TOLD} more"] if len(study.distances) > _TOLD else []
    axes.set_title("\n".join(told), fontsize="small", loc="left")
    axes.grid(color="0.92")
    axes.tick_params(labelbottom=True)


def _verdict(distance: Any, name_flow: bool) -> str:
    names = (distance.method, distance.flow) if name_flow or not distance.own else (distance.method,)
    longest = 22 if len(names) > 1 else 46
    short = [n.rpartition(".py:")[2] for n in names]
    name = " to ".join(n if len(n) <= longest else n[: longest - 1] + "…" for n in short)
    largest = "no common time" if distance.max is None else f"max {distance.max:.3g}"
    slope = "no order" if distance.order is None else f"order {round(distance.order, 2) + 0.0:.2f}"
    return f"{name}: {largest}, {slope if distance.own else 'not its own flow'}"


def _gap(axes: Any, study: Any) -> None:
    known, bottom = lowest_value(study.problem), _lowest_seen(study.curves)
    everywhere = _lowest_seen(study.curves, diverged=True)
    exact = known is not None and everywhere is not None and known <= everywhere + 1e-9 * max(1.0, abs(everywhere))
    bottom = known if exact else bottom
    drawable = bottom is not None and any(np.any(_positive(c.values - bottom) > 0) for c in study.curves)
    for i, curve in enumerate(study.curves):
        above = curve.values if bottom is None else curve.values - bottom
        axes.plot(curve.t, _positive(above) if drawable else above, color=colour(i), **_style(i, curve))
    if bottom is None:  # everything diverged and no minimum is known: J itself, near where it started
        begin = float(study.curves[0].values[0])
        if abs(begin) < _HUGE:
            axes.set_ylim(begin - 20 * max(1.0, abs(begin)), begin + 20 * max(1.0, abs(begin)))
        else:
            axes.text(0.5, 0.5, "J is too large to show", transform=axes.transAxes, ha="center", color="0.4")
    elif drawable:
        axes.set_yscale("log")
    axes.set_ylabel("J" if bottom is None else "J − minimum" if exact else "J − lowest value seen")
    axes.set_xlabel("time")
    axes.grid(color="0.92")


def _lowest_seen(curves: Any, diverged: bool = False) -> float | None:
    """The least value of J on the curves (on those that diverged only if asked), None when there is none."""
    values = [c.values[np.isfinite(c.values)] for c in curves if diverged or c.outcome != Outcome.DIVERGED]
    return min((float(np.min(v)) for v in values if v.size), default=None)


def _energies(axes: Any, study: Any) -> None:
    """The last energy that each curve declares (for DIN the sum of the extreme ones); the data hold them all."""
    drawn = [(i, c, c.energies[-1]) for i, c in enumerate(study.curves) if c.energies]
    for i, curve, energy in drawn:
        axes.plot(curve.t, _positive(energy.values), color=colour(i), **_style(i, curve))
    axes.set_yscale("log" if any(np.any(e.values > _TINY) for _, _, e in drawn) else "linear")
    axes.set_ylabel("energy " + ", ".join(dict.fromkeys(e.name for _, _, e in drawn)))
    axes.set_xlabel("time")
    axes.grid(color="0.92")


def _style(i: int, curve: Any) -> dict[str, Any]:
    if curve.kind == "flow":
        return {"linestyle": line(i), "linewidth": 1.8}
    return {"linestyle": "none", "marker": marker(i), "markersize": 3.4, "markevery": max(1, len(curve.t) // 45)}


def _positive(values: np.ndarray) -> np.ndarray:
    """Values for a logarithmic axis: those that are zero or not finite are left out."""
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(values) & (values > _TINY), values, np.nan)
