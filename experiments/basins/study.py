"""Basins of the minimisers and stable manifolds of the saddles, for flows and for algorithms.

Each panel colours the starts θ₀ (with the method's own ψ₀) by the minimiser they end at.  On top are

* for systems of one block (gradient flow, gradient descent): the stable manifold of each saddle, by
  going backward (the reversed flow; the inverse map, step by step);
* for systems of more blocks: points of the slice of starts that lie on a basin boundary, by bisection.

``starts.csv`` holds what runs from there do: how near they come to a saddle, how long they stay within
a tenth of the distance between critical points, beside runs from a hair (``hair``) next to them.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dynopt
from dynopt.core.algorithm import Flow
from dynopt.core.oracle import FunctionOracle
from dynopt.flow.basins import Destinations, destinations, grid
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates
from dynopt.flow.manifold import edge, saddles, stable_curve
from dynopt.plot.basins import draw_basins
from dynopt.plot.landscape import Box, draw_landscape
from dynopt.plot.palette import colour

TITLE = "Basins of the minimisers and stable manifolds of the saddles, for flow and for map"
SOURCE = "Castera 2021, thesis §3.3.2 and §3.4 (stable manifold theorem), on the double well and the three-hump camel"
_METHODS = ["gradient_flow", "din(alpha=1/2,beta=1/10)", "gd(gamma=1/10)", "inna(alpha=1/2,beta=1/10,gamma=1/10)"]
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "problem": "three-hump-camel",
        "methods": _METHODS[::2],
        "box": [-2.4, 2.4, -2.4, 2.4],
        "cells": 24,
        "edges": 6,
        "hair": 1e-3,
    },
    "paper": {"problem": "three-hump-camel", "methods": _METHODS, "box": [-2.4, 2.4, -2.4, 2.4], "cells": 160, "edges": 60, "hair": 1e-3},
}
HORIZON = 60.0


def run(
    *, folder: Path, seed: int, problem: str, methods: list[str], box: list[float], cells: int, edges: int, hair: float
) -> dict[str, Any]:
    objective, frame = dynopt.problem(problem), (box[0], box[1], box[2], box[3])
    rng = np.random.default_rng(seed)
    found = [_panel(dynopt.method(text), text, objective, frame, cells, edges, rng) for text in methods]
    rows = [row for panel in found for row in _runs(panel, objective, hair)]
    with (folder / "starts.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    np.savez(folder / "arrays.npz", **{f"labels_{i}": p["basins"].labels for i, p in enumerate(found)},
             **{f"edge_{i}": p["edge"] for i, p in enumerate(found)})  # fmt: skip
    _figure(found, objective, frame, cells).savefig(folder / "basins.png", dpi=150)
    return {"panels": [_summary(p, rows) for p in found]}


def _panel(
    system: Any, text: str, objective: Any, frame: tuple[float, float, float, float], cells: int, edges: int, rng: np.random.Generator
) -> dict[str, Any]:
    basins = destinations(system, objective, grid(frame, cells), HORIZON)
    curves = []
    if len(system.numeric().init(np.zeros(2), _zero())._fields) == 1:
        curves = [stable_curve(system, objective, s, frame) for s in saddles(objective)]
    return {"system": system, "text": text, "basins": basins, "curves": curves, "edge": _edge(system, objective, basins, cells, edges, rng)}


def _zero() -> Any:
    return FunctionOracle(lambda x: 0 * x[..., 0], lambda x: 0 * x)


def _edge(system: Any, objective: Any, basins: Destinations, cells: int, edges: int, rng: np.random.Generator) -> np.ndarray:
    """Boundary starts between random pairs of neighbouring cells (left and right) that end at different minima."""
    label, start = basins.labels.reshape(cells, cells), basins.starts.reshape(cells, cells, 2)
    minima = np.isin(label, [i for i, kind in enumerate(basins.kinds) if kind == "minimum"])
    differ = (label[:, 1:] != label[:, :-1]) & minima[:, 1:] & minima[:, :-1]
    places = np.argwhere(differ)
    chosen = places[rng.permutation(len(places))[:edges]]
    return edge(system, objective, start[chosen[:, 0], chosen[:, 1]], start[chosen[:, 0], chosen[:, 1] + 1], HORIZON, 1e-13)


def _runs(panel: dict[str, Any], objective: Any, hair: float) -> list[dict[str, Any]]:
    """Runs from boundary starts, and from a hair to the left and right of them."""
    rows = []
    places = saddles(objective)
    for kind, shift in (("on", 0.0), ("left", -hair), ("right", hair)):
        for start in panel["edge"]:
            t, theta = _path(panel["system"], objective, start + np.array([shift, 0.0]))
            distance = np.linalg.norm(theta[:, None] - places[None], axis=-1)
            nearest = int(np.argmin(distance.min(axis=0)))
            near = distance[:, nearest] < 0.1
            rows.append({
                "method": panel["text"], "start": kind, "theta1": start[0] + shift, "theta2": start[1],
                "closest_to_saddle": float(distance.min()), "time_within_0.1": float(np.sum(np.diff(t) * near[:-1])),
            })  # fmt: skip
    return rows


def _path(system: Any, objective: Any, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(system, Flow):
        solution = integrate(system, objective, start, HORIZON, rtol=1e-12, atol=1e-14)
        t = np.linspace(*solution.reach, 6001)
        return t, solution(t)[0]
    found = iterates(system, objective, start, HORIZON)
    return found.t, found.theta


def _summary(panel: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    own = [r for r in rows if r["method"] == panel["text"]]
    on, beside = [r for r in own if r["start"] == "on"], [r for r in own if r["start"] != "on"]
    return {
        **panel["basins"].to_dict(),
        "branches": [{"saddle": c.saddle.tolist(), "outcomes": list(c.outcomes)} for c in panel["curves"]],
        "boundary_starts": len(on),
        "on_it": {"closest_to_saddle_at_most": max(r["closest_to_saddle"] for r in on),
                  "time_near_saddle_median": float(np.median([r["time_within_0.1"] for r in on]))},
        "beside_it": {"closest_to_saddle_median": float(np.median([r["closest_to_saddle"] for r in beside])),
                      "time_near_saddle_median": float(np.median([r["time_within_0.1"] for r in beside]))},
    }  # fmt: skip


def _figure(panels: list[dict[str, Any]], objective: Any, frame: tuple[float, float, float, float], cells: int) -> Figure:
    rows = (len(panels) + 1) // 2
    figure = Figure(figsize=(11, 5.9 * rows + 1.0), layout="constrained")
    axes_all = figure.subplots(rows, 2, squeeze=False).flat
    handles: dict[str, Any] = {}
    for axes, panel in zip(axes_all, panels, strict=False):
        basins: Destinations = panel["basins"]
        minima = [i for i, kind in enumerate(basins.kinds) if kind == "minimum"]
        names = {i: f"ends at ({basins.points[i, 0]:.3g}, {basins.points[i, 1] + 0.0:.3g})" for i in minima}
        for handle in draw_basins(axes, basins.labels, cells, frame, names):
            handles[handle.get_label()] = handle
        draw_landscape(axes, objective, Box(*frame))
        for line in (b for c in panel["curves"] for b in c.branches):
            handles["stable manifold of a saddle, going backward"] = axes.plot(*line.T, color="black", linewidth=1.3, zorder=3)[0]
        dots = axes.plot(*panel["edge"].T, linestyle="none", marker="o", markersize=3.6, color=colour(2), zorder=4)[0]
        handles["start on a basin boundary, by bisection"] = dots
        axes.set_title(panel["text"], fontsize="medium")
    for axes in list(axes_all):
        axes.set_visible(False)
    for collection in figure.axes[0].collections:
        if collection.get_label() and not collection.get_label().startswith("_"):
            handles[collection.get_label()] = collection
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure
