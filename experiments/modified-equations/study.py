"""Modified equations: to which order do iterates follow the flows that are derived for them?

For each method and problem the gap between the iterates and the modified flow of order p = 1, …, 4 is
measured over a fixed time at several steps h; it should fall like h^p.  Each run is compared with the
modified flow of its own step.  What is held fixed as the step shrinks are the parameters of the
method's flow: h is γ for the methods that discretise DIN or the gradient flow, √γ for the momentum
methods.  The explicit midpoint rule is of second order by itself, so that its F₁ is zero and its order
at p = 1 is 2.

The plate shows what the corrections do where they can be seen: INNA with a large step, its flow, and
its modified flows of order 2 and 3 on one landscape.  The flow turns to another minimum than the iterates;
the modified flows take their path.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dynopt
from dynopt import Landscape, ModifiedFlow
from dynopt.core.algorithm import Algorithm
from dynopt.core.registry import method_class
from dynopt.flow.compare import family, order, slopes
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates
from dynopt.plot.landscape import box_around, draw_landscape
from dynopt.plot.palette import colour, line, marker
from dynopt.symbolic.modified import modified_equation

TITLE = "Iterates follow their modified flows to the order that theory gives"
SOURCE = "Hairer, Lubich, Wanner 2006, §IX.1, for the methods of Castera 2021 and their relatives"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"step": 0.02, "levels": 2, "horizon": 1.2, "methods": ["gd", "nesterov", "inna"], "plate_step": 0.2},
    "paper": {"step": 0.025, "levels": 4, "horizon": 1.2, "methods": [], "plate_step": 0.2},
}
ORDERS = (1, 2, 3, 4)
PROBLEMS = {"thesis-3.2": (1.0, 1.0), "double-well": (0.3, 1.0), "ripples": (2.0, 1.0)}
ALPHA, BETA, NU = 2.0, 0.25, 0.7
PLATE: dict[str, Any] = {"problem": "ripples", "start": (-3.0, 1.5), "alpha": 0.3, "beta": 0.2, "horizon": 8.0}


def run(*, folder: Path, seed: int, step: float, levels: int, horizon: float, methods: list[str], plate_step: float) -> dict[str, Any]:
    """Run the study; nothing in it is random, so ``seed`` is not used.  No ``methods`` means all of them."""
    chosen = {name: m for name, m in _methods(step).items() if not methods or name in methods}
    rows = [_measure(name, m, problem, p, levels, horizon) for problem in PROBLEMS for name, m in chosen.items() for p in ORDERS]
    seconds = {name: _seconds(m) for name, m in chosen.items()}
    with (folder / "orders.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["problem", "method", "p", "nominal", "measured", *(f"gap at h/{2**i}" for i in range(levels))])
        writer.writerows([r["problem"], r["method"], r["p"], r["nominal"], r["measured"], *r["gaps"]] for r in rows)
    _slopes(rows, list(chosen)).savefig(folder / "slopes.png", dpi=150)
    plate, arrays, distances = _plate(plate_step)
    plate.savefig(folder / "plate.png", dpi=150)
    steps, gaps = (np.array([r[key] for r in rows]) for key in ("steps", "gaps"))
    labels = np.array([f"{r['problem']} {r['method']} {r['p']}" for r in rows])
    np.savez_compressed(folder / "arrays.npz", labels=labels, steps=steps, gaps=gaps, **arrays)
    return {
        "orders": {
            problem: {name: [r["measured"] for r in rows if (r["problem"], r["method"]) == (problem, name)] for name in chosen}
            for problem in PROBLEMS
        },
        "largest_deviation": max(abs(r["measured"] - r["nominal"]) for r in rows if r["measured"] is not None),
        "not_measured": [f"{r['method']} on {r['problem']} at p = {r['p']}: {r['reason']}" for r in rows if r["measured"] is None],
        "seconds_to_derive_order_4": seconds,
        "plate": {"gamma": plate_step, **PLATE, "largest_distances": distances},
    }


def _methods(step: float) -> dict[str, Algorithm]:
    """Methods whose iteration takes the time ``step``, with friction 2 and, where they have it, Newtonian damping ¼ (qhm: 0.15)."""
    momentum = {"gamma": step**2, "momentum": 1 - ALPHA * step}
    inertial = {"alpha": ALPHA, "beta": BETA, "gamma": step}
    named: dict[str, tuple[str, dict[str, Any]]] = {
        "gd": ("gd", {"gamma": step}),
        "heavy ball": ("heavy_ball", momentum),
        "nesterov": ("nesterov", momentum),
        "inna": ("inna", inertial),
        "semi-implicit DIN": ("semi_implicit_din", inertial),
        "midpoint DIN": ("midpoint_din", inertial),
        "qhm": ("qhm", {"gamma": step / ALPHA, "momentum": 1 - ALPHA * step, "nu": NU}),
        "triple momentum": ("triple_momentum", {**momentum, "extrapolation": 0.5}),
    }
    return {label: method_class(name)(**values) for label, (name, values) in named.items()}


def _measure(name: str, method: Algorithm, problem: str, p: int, levels: int, horizon: float) -> dict[str, Any]:
    objective, start = dynopt.problem(problem), PROBLEMS[problem]
    runs, reason = family(method, objective, start, horizon, levels)
    flows = [ModifiedFlow(method=r.method, problem=objective, order=p) for r in runs]
    found = order(runs, [integrate(f, objective, start, horizon, rtol=3e-14, atol=1e-15) for f in flows], reason)
    return {
        "problem": problem, "method": name, "p": p, "nominal": _nominal(method, objective, p), "measured": found.order,
        "reason": found.reason, "slopes": slopes(found.gaps), "steps": [g.step for g in found.gaps], "gaps": [g.max for g in found.gaps],
    }  # fmt: skip


def _nominal(method: Algorithm, problem: Any, p: int) -> int:
    """The order that theory gives to the gap: p, or more if the terms from F_p on vanish (the explicit midpoint rule: F₁ = 0)."""
    terms = modified_equation(method, problem, max(ORDERS)).terms
    return next((q for q in range(p, len(terms)) if np.any(terms[q])), len(terms))


def _seconds(method: Algorithm) -> float:
    """CPU seconds of a derivation from nothing, of order 4, on a problem with no zero among its derivatives."""
    fresh = Landscape(dynopt.problem("ripples").function, name="fresh")  # type: ignore[attr-defined]
    begin = time.process_time()
    modified_equation(method, fresh, max(ORDERS))
    return round(time.process_time() - begin, 3)


def _slopes(rows: list[dict[str, Any]], methods: list[str]) -> Figure:
    """Gap against step, one panel a problem: nominal slopes as lines through the finest measurement, measurements as dots."""
    figure = Figure(figsize=(12.5, 7.6), layout="constrained")
    for axes, problem in zip(figure.subplots(1, 3, sharey=True), PROBLEMS, strict=True):
        for i, name in enumerate(methods):
            for r in (r for r in rows if (r["problem"], r["method"]) == (problem, name)):
                steps, gaps = np.array(r["steps"]), np.array(r["gaps"])
                axes.loglog(steps, gaps[-1] * (steps / steps[-1]) ** r["nominal"], color=_COLOURS[i], linewidth=0.9, alpha=0.75)
                style = {"marker": _MARKERS[i], "markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.5}
                axes.plot(steps, gaps, linestyle="none", color=_COLOURS[i], label=name if r["p"] == 1 else "", **style)
        for p in ORDERS:
            ends = [r["gaps"][0] for r in rows if (r["problem"], r["p"]) == (problem, p)]
            at = max(r["steps"][0] for r in rows if r["problem"] == problem)
            axes.text(at * 1.12, float(np.exp(np.mean(np.log(ends)))), f"p = {p}", va="center", fontsize="small")
        axes.set_xlim(right=axes.get_xlim()[1] * 1.35)
        axes.set(title=problem, xlabel="time step h")
        axes.grid(color="0.92")
        ticks = sorted({s for r in rows for s in r["steps"]})
        axes.set_xticks(ticks, [f"{t:.2g}" for t in ticks])
        axes.minorticks_off()
    figure.axes[0].set_ylabel("largest distance of the iterates to the modified flow of order p")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


_MARKERS = (*map(marker, range(7)), "<")
_COLOURS = (*map(colour, range(7)), "0.55")


def _plate(gamma: float) -> tuple[Figure, dict[str, np.ndarray], dict[str, float]]:
    """INNA with a large step, its flow and modified flows of order 2 and 3; and the distances of the iterates to each."""
    problem, start, horizon = dynopt.problem(PLATE["problem"]), PLATE["start"], PLATE["horizon"]
    method = dynopt.INNA(alpha=PLATE["alpha"], beta=PLATE["beta"], gamma=gamma)
    found = iterates(method, problem, start, horizon)
    solutions = {p: integrate(ModifiedFlow(method=method, problem=problem, order=p), problem, start, horizon + gamma) for p in (1, 2, 3)}
    names = {1: "flow (DIN)", 2: "modified flow of order 2", 3: "modified flow of order 3"}
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    plane, distance = figure.subplots(1, 2, width_ratios=(1.35, 1))
    times = np.linspace(0, horizon, 1201)
    paths = {p: s(times).theta for p, s in solutions.items()}
    draw_landscape(plane, problem, box_around(np.concatenate([found.theta, *paths.values()]), margin=0.06))
    for p, path in paths.items():
        plane.plot(*path.T, color=colour(p - 1), linestyle=line(p - 1), linewidth=1.9, label=names[p], zorder=3)
    dots = {"linestyle": "none", "marker": "o", "color": "black", "markersize": 4.2, "markeredgecolor": "white", "markeredgewidth": 0.4}
    plane.plot(*found.theta.T, label=f"INNA, γ = {gamma:g}", zorder=4, **dots)
    plane.plot(*start, marker="s", color="black", markersize=6, linestyle="none", label="start", zorder=5)
    plane.set_title(f"INNA on {problem.name}, α = {PLATE['alpha']:g}, β = {PLATE['beta']:g}", fontsize="medium")
    largest: dict[str, float] = {}
    for p, s in solutions.items():
        apart = np.linalg.norm(found.theta - s(found.t).theta, axis=-1)
        distance.semilogy(found.t[1:], apart[1:], color=colour(p - 1), linestyle=line(p - 1), marker="o", markersize=3, label=names[p])
        largest[names[p]] = float(np.max(apart))
    distance.set(xlabel="time kγ", ylabel="distance of the iterates")
    distance.grid(color="0.92")
    figure.legend(*plane.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    arrays = {"plate_iterates": found.theta, "plate_times": times, **{f"plate_order{p}": path for p, path in paths.items()}}
    return figure, arrays, largest
