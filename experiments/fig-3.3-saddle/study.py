"""Thesis Figure 3.3: INNA on θ₁⁴ − 4θ₁² + θ₂², on the stable manifold of the saddle and beside it.

Left: two starts with θ₁ = 0, from which INNA converges to the strict saddle (0, 0).  Right: two
starts with |θ₁| = 0.05, from which it converges to a minimiser.  Shaded: where the Hessian has a
negative eigenvalue.

The text (§3.4.4) says that the starts from which INNA converges to the saddle are exactly those with
θ₁ = 0.  The second figure asks: it follows a line of starts (θ₁, 1.9) for each published (α, β) and
for the default (½, 1/10) and records the minimiser that each reaches.  Where the destination changes
side at some θ₁ > 0, the change is bisected to the last bit; the run from there approaches the saddle, so
that the set of such starts has more pieces than the line θ₁ = 0 (they still have measure zero).
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynopt import INNA, problem
from dynopt.core.problem import oracle
from dynopt.flow.iterates import Iterates, iterates
from dynopt.plot.landscape import Box, draw_landscape, shade_concave
from dynopt.plot.palette import colour, marker
from dynopt.plot.trajectory import spaced

TITLE = "INNA avoids a strict saddle unless started on its stable manifold"
SOURCE = "Castera 2021, thesis, Figure 3.3 and §3.4.4"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"iterations": 400, "gamma": 0.02, "line_starts": 81, "farthest": 3.0},
    "paper": {"iterations": 1000, "gamma": 0.02, "line_starts": 601, "farthest": 3.0},
}
LANDSCAPE = problem("double-well")
PUBLISHED = {
    "on the stable manifold": (((0.0, 1.9), (2.0, 1.0)), ((0.0, -1.9), (0.5, 1.0))),
    "beside it": (((-0.05, 1.9), (1.0, 1.3)), ((0.05, -1.9), (0.3, 0.9))),
}


def run(*, folder: Path, seed: int, iterations: int, gamma: float, line_starts: int, farthest: float) -> dict[str, Any]:
    """Run the study; nothing in it is random, so ``seed`` is not used."""
    runs = {
        panel: [iterates(INNA(alpha=a, beta=b, gamma=gamma), LANDSCAPE, start, steps=iterations) for start, (a, b) in cases]
        for panel, cases in PUBLISHED.items()
    }
    pairs = [ab for cases in PUBLISHED.values() for _, ab in cases] + [(0.5, 0.1)]
    starts = np.linspace(0, farthest, line_starts)
    lines = [_line(ab, gamma, iterations, starts) for ab in pairs]
    _landscapes(runs).savefig(folder / "figure-3.3.png", dpi=150)
    _destinations(starts, lines).savefig(folder / "destinations.png", dpi=150)
    flat = [r for panel in runs.values() for r in panel]
    arrays = {f"run{i}_theta": r.theta for i, r in enumerate(flat)} | {f"line{i}_end": line["ends"] for i, line in enumerate(lines)}
    np.savez_compressed(folder / "arrays.npz", line_starts=starts, alpha_beta=np.array(pairs), **arrays)
    return {
        "runs": [_end(panel, r) for panel, found in runs.items() for r in found],
        "lines": [{key: value for key, value in line.items() if key != "ends"} for line in lines],
        "converges_to_the_saddle_only_from_theta1_0": all(not line["boundaries"] for line in lines),
    }


def _end(panel: str, found: Iterates) -> dict[str, Any]:
    final = found.theta[-1]
    nearest = min(LANDSCAPE.critical_points(), key=lambda c: float(np.linalg.norm(final - np.array(c.point, dtype=float))))
    away = np.linalg.norm(final - np.array(nearest.point, dtype=float))
    return {
        "panel": panel, "method": repr(found.method), "start": found.theta[0].tolist(), "outcome": found.outcome, "final": final.tolist(),
        "nearest": [str(v) for v in nearest.point], "kind": nearest.kind, "distance": float(away),
    }  # fmt: skip


def _ends(pair: tuple[float, float], gamma: float, iterations: int, starts: np.ndarray) -> np.ndarray:
    """The last θ₁ for every start (θ₁, 1.9), all runs at once."""
    method = INNA(alpha=pair[0], beta=pair[1], gamma=gamma).numeric()
    theta0 = np.stack([starts, np.full_like(starts, 1.9)], axis=-1)
    with np.errstate(all="ignore"):
        return next(islice(method.states(theta0, oracle(LANDSCAPE)), iterations, None)).theta[:, 0]


def _line(pair: tuple[float, float], gamma: float, iterations: int, starts: np.ndarray) -> dict[str, Any]:
    """Destinations along the line, and the starts with θ₁ > 0 at which they change side."""
    ends = _ends(pair, gamma, iterations, starts)
    sides = np.sign(ends)
    changes = [i for i in range(1, len(starts) - 1) if sides[i] * sides[i + 1] < 0]
    boundaries = [_boundary(pair, gamma, iterations, starts[i], starts[i + 1]) for i in changes]
    return {"alpha": pair[0], "beta": pair[1], "ends": ends, "boundaries": boundaries}


def _boundary(pair: tuple[float, float], gamma: float, iterations: int, low: float, high: float) -> dict[str, Any]:
    """Bisect a change of destination to adjacent floats, 32 starts at a time; how near the saddle the last two runs come."""
    while np.nextafter(low, high) < high:
        inner = np.unique(np.linspace(low, high, 34))
        sides = np.sign(_ends(pair, gamma, iterations, inner))
        change = int(np.flatnonzero(sides[:-1] * sides[1:] <= 0)[0])
        if inner[change] == low and inner[change + 1] == high:
            break
        low, high = float(inner[change]), float(inner[change + 1])
    found = iterates(INNA(alpha=pair[0], beta=pair[1], gamma=gamma), LANDSCAPE, (low, 1.9), steps=iterations)
    return {"theta1": low, "closest_to_the_saddle": float(np.min(np.linalg.norm(found.theta, axis=-1)))}


def _landscapes(runs: dict[str, list[Iterates]]) -> Figure:
    figure = Figure(figsize=(10.5, 7), layout="constrained")
    box = Box(-2.3, 2.3, -2.4, 2.4)
    handles: dict[str, Any] = {}
    for axes, (title, found), first in zip(figure.subplots(1, 2, sharey=True), runs.items(), (0, 2), strict=True):
        shade = shade_concave(axes, LANDSCAPE, box)
        draw_landscape(axes, LANDSCAPE, box)
        manifold = axes.axvline(0, color="0.55", linewidth=1.2, zorder=1, label="θ₁ = 0, in the stable manifold of (0, 0)")
        for i, r in enumerate(found, start=first):
            name = f"α = {r.method.alpha:g}, β = {r.method.beta:g}"  # type: ignore[attr-defined]
            kept = spaced(r.theta, 0.03)
            axes.plot(*r.theta[kept].T, linestyle="none", marker=marker(i), markersize=4.5, color=colour(i), label=name,
                      markeredgecolor="white", markeredgewidth=0.3, zorder=3)  # fmt: skip
            axes.plot(*r.theta[0], marker="s", color="black", markersize=6, linestyle="none", zorder=5, label="start")
        axes.set_title(title, fontsize="medium")
        axes.set_ylabel("θ₂" if first == 0 else "")
        handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        handles |= {shade.get_label(): shade, manifold.get_label(): manifold}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _destinations(starts: np.ndarray, lines: list[dict[str, Any]]) -> Figure:
    """For each (α, β) a row of starts: filled where they reach (√2, 0), hollow where they reach (−√2, 0)."""
    figure = Figure(figsize=(10.5, 4), layout="constrained")
    axes = figure.subplots()
    every = max(1, len(starts) // 80)
    x, rows = np.meshgrid(starts[::every], np.arange(len(lines)))
    end = np.stack([found["ends"][::every] for found in lines])
    for label, side, symbol, face, edge in (
        ("reaches (√2, 0)", end > 0.7, "o", colour(0), colour(0)),
        ("reaches (−√2, 0)", end < -0.7, "o", "white", colour(0)),
        ("stays at the saddle", np.abs(end) <= 0.7, "X", colour(2), colour(2)),
    ):
        axes.plot(x[side], rows[side], symbol, markersize=6, markerfacecolor=face, markeredgecolor=edge, label=label)
    for row, found in enumerate(lines):
        for b in found["boundaries"]:
            axes.plot([b["theta1"]] * 2, [row - 0.3, row + 0.3], color=colour(2), linewidth=2)
            axes.annotate(f"{b['theta1']:.4f}", (b["theta1"], row + 0.3), ha="center", va="bottom", fontsize="small")
    axes.set_yticks(range(len(lines)), [f"α = {f['alpha']:g}, β = {f['beta']:g}" for f in lines])
    axes.set_ylim(-0.6, len(lines) - 0.2)
    axes.set_xlabel("θ₁ of the start (θ₁, 1.9)")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure
