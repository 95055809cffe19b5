"""The figure of many starts: one landscape a method, paths coloured by where they end."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynopt.errors import Misuse
from dynopt.plot.landscape import box_around, draw_landscape
from dynopt.plot.palette import colour, line, marker

_MOST = 4  # panels
_LOST = "0.45"
_OPEN = "where it is then"


def starts_figure(study: Any) -> Figure:
    """The figure of a `dynopt.flow.starts.ManyStarts`: starts by the sign of where they end, counts in the titles."""
    if study.problem.dimension != 2:
        raise Misuse(f"{study.problem.name} has {study.problem.dimension} coordinates, the picture of many starts is for two; use --json")
    if len(study.methods) > _MOST:
        raise Misuse(f"{len(study.methods)} methods do not fit one picture of many starts; give at most {_MOST}")
    points = study.ends[0].points
    box = box_around(np.concatenate([study.starts, points]), margin=0.1)
    columns = min(2, len(study.methods))
    rows = -(-len(study.methods) // columns)
    figure = Figure(figsize=(5.4 * columns + 0.4, 5.0 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    reached = sorted({int(label) for end in study.ends for label in end.labels if label >= 0})
    handles: dict[str, Any] = {}
    for axes, method, path, end in zip(panels, study.methods, study.paths, study.ends, strict=False):
        draw_landscape(axes, study.problem, box)
        for label in [*reached, -1, -2]:
            chosen = np.flatnonzero(end.labels == label)
            if len(chosen):
                i = reached.index(label) if label >= 0 else 0
                tint, style, sign = (colour(i), line(i), marker(i)) if label >= 0 else (_LOST, ":", "x")
                _draw(axes, path[chosen], tint, style, sign, _name(end, label))
                if label == -1:
                    axes.plot(
                        *end.ends[chosen].T, "o", markersize=8, markerfacecolor="none", markeredgecolor="black", zorder=5, label=_OPEN
                    )
        name = method if len(method) <= 48 else method[:47] + "…"
        axes.set_title(f"{name}\n{_counts(end, reached)}", fontsize="small")
        if axes.get_subplotspec().colspan.start:
            axes.set_ylabel("")
        handles |= {text: handle for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    for axes in panels[len(study.methods) :]:
        axes.remove()
    figure.suptitle(f"{study.problem.name}: {len(study.starts)} starts, time {study.horizon:g}", fontsize="medium")
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def _draw(axes: Any, paths: np.ndarray, tint: str, style: Any, sign: str, name: str) -> None:
    with np.errstate(all="ignore"):
        finite = np.where(np.all(np.isfinite(paths) & (np.abs(paths) < 1e6), axis=-1, keepdims=True), paths, np.nan)
    for path in finite:
        axes.plot(*path.T, color=tint, linestyle=style, linewidth=0.8, alpha=0.55, zorder=2)
    axes.plot(*finite[:, 0].T, sign, color=tint, markersize=5.5, markeredgecolor="black", markeredgewidth=0.5, zorder=4, label=name)


def _name(end: Any, label: int) -> str:
    if label < 0:
        return "start that diverges" if label == -2 else "start that is at no critical point when the time is over"
    place = ", ".join(f"{v + 0.0:.4g}" for v in end.points[label])
    return f"start that ends at ({place}), {end.kinds[label]}"


def _counts(end: Any, reached: list[int]) -> str:
    told = [f"{np.count_nonzero(end.labels == label)} to ({', '.join(f'{v + 0.0:.3g}' for v in end.points[label])})" for label in reached]
    told += [f"{n} {word}" for label, word in ((-1, "elsewhere"), (-2, "diverge")) if (n := np.count_nonzero(end.labels == label))]
    return ", ".join(told)
