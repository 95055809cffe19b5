"""The figure of `dynopt trajectory`: landscape, distance over time, objective gap or energies."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dynopt.errors import Misuse, Outcome
from dynopt.plot.landscape import Box, box_around, critical_points, draw_landscape, lowest_value
from dynopt.plot.palette import colour, line, marker

_DOTS = 70  # iterates shown are at least the picture's diagonal over this apart
_COORDINATES = 6  # coordinates drawn over time in other dimensions than two
_TOLD = 4  # distances spelled out above their panel
_TINY = 1e-300


def trajectory_figure(study: Any, panel: str = "gap") -> Figure:
    """The figure of a `dynopt.flow.curves.TrajectoryStudy`.

    Left: in the plane the landscape with flows as lines and iterates as dots, in other dimensions the
    coordinates over time.  Right: the distance over time (and at h/2, h/4, … thinner), then
    ``panel``: ``gap`` for J minus its minimum, ``energy`` for the declared energies.
    """
    if panel not in ("gap", "energy"):
        raise Misuse(f"panel={panel!r} is not an option; choose gap or energy")
    if panel == "energy" and not any(c.energies for c in study.curves):
        raise Misuse("none of these methods declares an energy; choose the panel gap")
    rows = 2 if study.distances else 1
    figure = Figure(figsize=(11.5, 6.6), layout=ConstrainedLayoutEngine(h_pad=0.1))
    grid = figure.add_gridspec(rows, 2, width_ratios=(1.15, 1))
    plane = figure.add_subplot(grid[:, 0])
    if study.problem.dimension == 2:
        _plane(plane, study)
    else:
        _coordinates(plane, study)
    if study.distances:
        _distances(figure.add_subplot(grid[0, 1]), study)
    (_gap if panel == "gap" else _energies)(figure.add_subplot(grid[rows - 1, 1]), study)
    handles, labels = plane.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2 if max(map(len, labels)) > 34 else 3, frameon=False, markerscale=1.3)
    return figure


def label_of(curve: Any) -> str:
    """The legend entry of a curve: what it is, and how it ended unless it reached the horizon."""
    name = curve.method.rpartition(".py:")[2]
    name = name if len(name) <= 60 else name[:57] + "…"
    ending = "" if curve.outcome == Outcome.DONE else f", {curve.outcome.value}"
    ending += {"iteration": ", time counts iterations", "gamma": ", time kγ assumed"}.get(curve.statistics.get("time_unit", ""), "")
    return f"{name} ({curve.kind}{ending})"


def _plane(axes: Any, study: Any) -> None:
    box = _box(study)
    draw_landscape(axes, study.problem, box)
    for i, curve in enumerate(study.curves):
        x, y = curve.points.T
        if curve.kind == "flow":
            axes.plot(x, y, color=colour(i), linestyle=line(i), linewidth=2, zorder=3, label=label_of(curve) + _leaves(curve, box))
        else:
            kept = spaced(curve.points, box.diagonal / _DOTS)
            style = {"marker": marker(i), "markersize": 4.2, "markeredgecolor": "white", "markeredgewidth": 0.4}
            axes.plot(x[kept], y[kept], linestyle="none", color=colour(i), zorder=4, label=_thinned(curve, kept, box), **style)
        for j, hit in enumerate(curve.events):
            label = f"event of {curve.method}" if j == 0 else ""
            style = {"marker": "o", "markersize": 10, "markerfacecolor": "none", "linestyle": "none"}
            axes.plot(*hit.theta, color=colour(i), markeredgewidth=1.6, zorder=5, label=label, **style)
    axes.plot(*study.start, marker="s", color="black", markersize=6, linestyle="none", zorder=6, label="start")
    axes.set_title(f"{study.problem.name}, horizon {study.horizon:g}", fontsize="medium")


def _box(study: Any) -> Box:
    """Around the curves that stay near, and the beginning of those that go far (see `_reach`)."""
    start, reach = np.asarray(study.start), _reach(study)
    shown = [c.points[np.all(np.abs(c.points - start) <= reach, axis=-1)] for c in study.curves]
    near = [p for _, p in critical_points(study.problem) if np.max(np.abs(np.array(p) - start)) <= 2 * reach]
    return box_around(np.concatenate([start[None], *shown, np.reshape(near, (-1, 2))]))


def _reach(study: Any) -> float:
    """How far from the start the picture goes: as far as every curve that neither diverged nor goes ten times as far as the nearest one."""
    far = [float(np.max(np.abs(c.points - study.start))) for c in study.curves]
    whole = [f for f, c in zip(far, study.curves, strict=True) if c.outcome != Outcome.DIVERGED]
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


def _thinned(curve: Any, kept: np.ndarray, box: Box) -> str:
    return label_of(curve) + (f", {len(kept)} of {len(curve.t)} shown" if len(kept) < len(curve.t) else "") + _leaves(curve, box)


def _leaves(curve: Any, box: Box) -> str:
    return "" if all(box.holds(p) for p in curve.points) else ", leaves the picture"


def _coordinates(axes: Any, study: Any) -> None:
    dimension = study.problem.dimension
    shown = np.unique(np.linspace(0, dimension - 1, min(dimension, _COORDINATES)).astype(int))
    for i, curve in enumerate(study.curves):
        dots = curve.kind != "flow"
        style = (
            {"marker": marker(i), "markersize": 3.5, "markevery": max(1, len(curve.t) // 60), "linestyle": "none"}
            if dots
            else {"linestyle": line(i)}
        )
        for j in shown:
            axes.plot(curve.t, curve.points[:, j], color=colour(i), linewidth=1.5, label=label_of(curve) if j == shown[0] else "", **style)
    reach, lowest, highest = max(1.1 * _reach(study), 1e-12), float(np.min(study.start)), float(np.max(study.start))
    if any(np.max(np.abs(c.points - study.start)) > reach for c in study.curves):
        axes.set_ylim(lowest - reach, highest + reach)
    named = "θ" if dimension == 1 else "θ: coordinates " + ", ".join(str(j + 1) for j in shown)
    axes.set_ylabel(named + (f" of {dimension}" if len(shown) < dimension else ""))
    axes.set_xlabel("time")
    axes.grid(color="0.92")
    axes.set_title(f"{study.problem.name}, horizon {study.horizon:g}", fontsize="medium")


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


def _verdict(distance: Any, name_flow: bool) -> str:
    names = (distance.method, distance.flow) if name_flow else (distance.method,)
    longest = 22 if name_flow else 46
    short = [n.rpartition(".py:")[2] for n in names]
    name = " to ".join(n if len(n) <= longest else n[: longest - 1] + "…" for n in short)
    largest = "no common time" if distance.max is None else f"max {distance.max:.2e}"
    slope = "no order" if distance.order is None else f"order {round(distance.order, 2) + 0.0:.2f}"
    return f"{name}: {largest}, {slope}"


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
        axes.set_ylim(begin - 20 * max(1.0, abs(begin)), begin + 20 * max(1.0, abs(begin)))
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
