"""The figure of an escape study: measured distributions as dots, the law as a line, and their difference."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynopt.plot.palette import colour

FEW = 20
"""Steps in the window up to which dots are large."""
_LAW = "black"
_TITLE = 56
"""Letters that fit over the right panel."""
_LONG, _WIDE = 24, 110
"""Letters of a saddle, and of the whole title, up to which they are written out and in full size."""


def escape_figure(study: Any) -> Figure:
    """The figure of a `dynopt.escape.record.EscapeStudy`, one row a method.

    Left: the fraction of runs that leave at each step (dots, with two standard errors), the law with
    the nonlinear offset (line) and the quadratic one (dashed) where both exist.  Right: measured minus
    predicted distribution function, with the band ±1.36/√runs that 95 % of samples from the law stay in;
    without a law, the measured distribution function.
    """
    rows = max(len(study.methods), 1)
    figure = Figure(figsize=(11.5, 0.9 + 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False, width_ratios=(1.25, 1))
    for i, (method, (left, right)) in enumerate(zip(study.methods, axes, strict=False)):
        times = method.times[0]
        first, last = _window(times)
        _density(left, times, first, last, colour(i))
        if times.law is not None and times.runs:
            _difference(right, times, first, last, colour(i))
        else:
            _distribution(right, times, first, last, colour(i))
        left.set_title(method.method.rpartition(".py:")[2], fontsize="medium", loc="left")
        right.set_title(_endings(method), fontsize="small", loc="left")
    for column in axes[-1]:
        column.set_xlabel("iteration at which the run is out")
    exact = study.saddle.exact
    saddle = f"saddle {exact if len(exact) < _LONG else _numbers(study.saddle.point)} of {study.problem.name}"
    noise = f", noise {study.settings['noise']}" if study.settings.get("noise") else ""
    started = f"{study.settings['start']} starts of size {study.settings['scale']:g}"
    title = f"{saddle}, exit {study.exit}, {started}{noise}"
    figure.suptitle(title, fontsize="medium" if len(title) < _WIDE else "small")
    return figure


def _window(times: Any) -> tuple[int, int]:
    """The steps that are shown: all where something was measured, and the law's up to 1 in 10⁵, within the horizon."""
    hits = np.flatnonzero(times.counts)
    first, last = (int(hits[0]), int(hits[-1])) if len(hits) else (0, len(times.counts) - 1)
    if times.law is not None:
        law = times.law.best
        out = 1 - law.never
        first, last = min(first, law.quantile(1e-5 * out) or 0), max(last, law.quantile((1 - 1e-5) * out) or 0)
    return max(first - 2, 0), min(last + 2, len(times.counts) - 1)


def _density(axes: Any, times: Any, first: int, last: int, tint: str) -> None:
    steps = np.arange(first, last + 1)
    if times.law is not None:
        law = times.law
        if law.nonlinear is not None and law.quadratic is not None:
            axes.plot(steps, _at(law.quadratic.pmf, steps), color="0.55", linestyle="--", linewidth=1.2, label="quadratic law")
        label = "law" if law.nonlinear is not None and law.quadratic is None else f"law, {law.best.kind}"
        axes.plot(steps, _at(law.best.pmf, steps), color=_LAW, linewidth=1.4, label=label, zorder=3)
    fraction = _at(times.counts, steps) / max(times.runs, 1)
    error = 2 * np.sqrt(fraction * (1 - fraction) / max(times.runs, 1))
    shown = fraction > 0
    axes.errorbar(
        steps[shown], fraction[shown], yerr=error[shown], fmt="o", markersize=3 if len(steps) > FEW else 5, color=tint, elinewidth=0.8,
        label=f"{times.escaped:,} of {times.runs:,} runs", zorder=2 if len(steps) > FEW else 4,
    )  # fmt: skip
    axes.set_ylabel("fraction of runs")
    axes.set_ylim(bottom=0)
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.legend(frameon=False, fontsize="small")
    if not times.escaped:
        axes.text(0.5, 0.5, f"no run left within {len(times.counts) - 1:,} iterations", transform=axes.transAxes, ha="center", va="center")


def _difference(axes: Any, times: Any, first: int, last: int, tint: str) -> None:
    steps = np.arange(first, last + 1)
    gap = np.cumsum(times.counts)[steps] / times.runs - times.law.best.at(steps)
    band = 1.36 / np.sqrt(times.runs)
    axes.axhspan(-band, band, color="0.92", zorder=0, label="95 % band ±1.36/√runs")
    axes.axhline(0, color=_LAW, linewidth=1.4, zorder=1)
    axes.plot(steps, gap, "o", markersize=3, color=tint, label=f"largest {times.kolmogorov:.2g}")
    reach = 1.25 * max(band, float(np.abs(gap).max()))
    axes.set_ylim(-reach, reach)
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.set_ylabel("P(K ≤ k), measured − law")
    axes.legend(frameon=False, fontsize="small", loc="lower right", ncols=2)


def _distribution(axes: Any, times: Any, first: int, last: int, tint: str) -> None:
    steps = np.arange(first, last + 1)
    values = np.cumsum(times.counts)[steps] / max(times.runs, 1)
    axes.plot(steps, values, "o", markersize=3, color=tint, label="measured (no law)")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.set_ylabel("P(K ≤ k)")
    axes.legend(frameon=False, fontsize="small")


def _at(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Entries at the steps, 0 beyond the end."""
    return np.append(values, 0.0)[np.minimum(steps, len(values))]


def _endings(method: Any) -> str:
    """Where the runs ended, in percent: as many places as fit in a title, the most frequent ones."""
    most = sorted((d.count for d in method.destinations), reverse=True)[:3]
    shown = [d for d in method.destinations if d.count and d.count >= most[-1]][:3]
    parts = [f"{_place(d)} {100 * d.fraction:.3g} %" for d in shown]
    while len(", ".join(parts)) > _TITLE and len(parts) > 1:
        parts.pop()
    left_out = sum(d.count > 0 for d in method.destinations) - len(parts)
    return "ends: " + ", ".join(parts + ["…"] * (left_out > 0))


def _place(destination: Any) -> str:
    if destination.point is None:
        return str(destination.kind)
    return _numbers(destination.point)


def _numbers(point: Any) -> str:
    numbers = [f"{v:.3g}" for v in point]
    return "(" + ", ".join(numbers if len(numbers) <= 3 else [*numbers[:2], "…"]) + ")"
