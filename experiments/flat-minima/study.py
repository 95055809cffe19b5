"""Which minimum SGD finds, and which it stays in: flat and sharp ones, and minima of the terms or of their mean alone.

**Flat and sharp.** Σ min(½h_i(x + 1)², ½l_i(x − 1)²): the gradients of all terms vanish at both minima, so SGD stays in
either once it is there; which one it finds depends on the step-size.  At the sharp one x + 1 is multiplied by 1 − γh_B: stable for GD iff
γ < 2/h, in mean square iff E(1 − γh_B)² < 1, almost surely iff E log|1 − γh_B| < 0.  Where E|1 − γh_B|^κ = 1 the power
|x + 1|^κ is a martingale, so that a run which starts at the distance δ ever gets to the distance R with probability at most (δ/R)^κ.
**Individually flat.** Two minima of the same value and curvature, of which only the right one is a minimum of every
term: gradient descent stays in both, SGD leaves the left one, the sooner the smaller the batch.

The slides ask which minima SGD escapes and draw both kinds without saying the functions; those here, batches, starts and
numbers of runs are ours, the step-size ½ of the second part is theirs.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy import optimize

import dynopt
from dynopt.escape.statistics import wilson
from dynopt.plot.palette import colour, marker
from dynopt.problems.finite_sum import FiniteSum, MiniBatch

TITLE = "Which minima SGD finds and stays in: sharpness, step-size and batch"
SOURCE = "Lecture slides on stochastic gradient descent: flatness of minima, mini-batch setting"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"runs": 400, "iterations": 200, "gammas": 5, "escape_iterations": 300},
    "paper": {"runs": 2000, "iterations": 600, "gammas": 18, "escape_iterations": 3000},
}
SHARP, FLAT = (4, 8, 12, 16), (1.5, 1, 1, 0.5)
BATCHES = (1, 2, 4)
DISTANCE, STEPS = 0.01, (0.12, 0.32)
SHIFTS = (-1.5, -0.5, 0.5, 1.5)
_SETTLED = 1e-3
_DASHES = {"mean_square": (0, (5, 2)), "almost_sure": (0, (1, 1.5))}


def run(*, folder: Path, seed: int, runs: int, iterations: int, gammas: int, escape_iterations: int) -> dict[str, Any]:
    """Write a figure of each part, flat-and-sharp.csv and arrays.npz; return what was measured."""
    rows, limits, problem = _flat_and_sharp(runs, iterations, gammas, seed)
    _write(folder / "flat-and-sharp.csv", rows)
    _flat_figure(problem, rows, limits).savefig(folder / "flat-and-sharp.png", dpi=150)
    escapes, wells = _individually_flat(runs, escape_iterations, seed)
    _escape_figure(wells, escapes, runs).savefig(folder / "individually-flat.png", dpi=150)
    np.savez_compressed(folder / "arrays.npz", **{f"left_{b}": e["left"] for b, e in escapes.items()})
    told = {f"batch {b}": {k: v for k, v in e.items() if k != "left"} for b, e in escapes.items()}
    return {"flat_and_sharp": {"limits": limits, "rows": rows}, "individually_flat": told}


def _flat_and_sharp(runs: int, iterations: int, gammas: int, seed: int) -> tuple[list[dict[str, Any]], dict[str, Any], FiniteSum]:
    """The share of runs that settle in each minimum, and that ever leave the sharp one when they start beside it."""

    def term(h: float, l: float) -> Callable[[Any], Any]:
        return lambda x: sp.Min(h * (x + 1) ** 2 / 2, l * (x - 1) ** 2 / 2)

    problem = FiniteSum(*(term(h, sp.Rational(str(l))) for h, l in zip(SHARP, FLAT, strict=True)), name="flat and sharp")
    # nearer to −1 than this every term is on its sharp branch: √h r < √l (2 − r)
    reach = min(2 * np.sqrt(l) / (np.sqrt(h) + np.sqrt(l)) for h, l in zip(SHARP, FLAT, strict=True))
    starts = np.random.default_rng(seed).uniform(-2.5, 2.5, (runs, 1))
    beside = np.full((runs, 1), -1 + DISTANCE)
    rows, limits = [], {"reach": float(reach)}
    for size in BATCHES:
        h = _curvatures(size)
        limits[f"batch {size}"] = {"mean_square": float(2 * h.mean() / (h**2).mean()), "almost_sure": _almost_sure(h)}
        for gamma in np.linspace(*STEPS, gammas):
            method = dynopt.method(f"gd(gamma={float(gamma) / size!r})").numeric()  # the oracle gives the sum over the batch
            oracle = MiniBatch(problem, size=size, seed=seed + 2 * len(rows))
            *_, last = (s.theta for s in islice(method.states(starts, oracle), iterations + 1))
            left = np.zeros(runs, dtype=bool)
            for state in islice(method.states(beside, replace(oracle, seed=oracle.seed + 1)), iterations + 1):
                left |= np.abs(state.theta[:, 0] + 1) >= reach
            sharp, flat = int((np.abs(last + 1) < _SETTLED).sum()), int((np.abs(last - 1) < _SETTLED).sum())
            rows.append({"batch": size, "gamma": float(gamma), "runs": runs, "sharp": sharp, "flat": flat, "neither": runs - sharp - flat,
                         "left": int(left.sum()), "left_bound": float((DISTANCE / reach) ** _power(h, gamma))})  # fmt: skip
    return rows, limits, problem


def _curvatures(size: int) -> np.ndarray:
    """h_B of every batch."""
    return np.array([np.mean(c) for c in combinations(SHARP, size)], dtype=float)


def _almost_sure(h: np.ndarray) -> float:
    """The largest step-size up to which E log|1 − γh| < 0; it is where the mean square limit is when h does not vary."""
    grid = np.linspace(1e-3, 4 / h.mean(), 40_001)
    with np.errstate(divide="ignore"):
        exponent = np.log(np.abs(1 - grid[:, None] * h)).mean(axis=1)
    return float(grid[np.argmax(exponent > 0)])


def _power(h: np.ndarray, gamma: float) -> float:
    """κ > 0 with E|1 − γh|^κ = 1: ∞ where no step expands, 0 where E log|1 − γh| ≥ 0."""
    factors = np.abs(1 - gamma * h)
    if factors.max() <= 1:
        return np.inf
    if np.exp(np.log(np.maximum(factors, 1e-300)).mean()) >= 1:
        return 0.0
    return float(optimize.brentq(lambda p: np.mean(factors**p) - 1, 1e-9, 1 + np.log(len(h)) / np.log(factors.max())))


def _flat_figure(problem: FiniteSum, rows: list[dict[str, Any]], limits: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(11, 8.6), layout="constrained")
    (shape, leaving), (sharp, flat) = figure.subplots(2, 2)
    x = np.linspace(-2.2, 3.2, 601)[:, None]
    for term in problem.terms:
        shape.plot(x, term.value(x), color=colour(3), linewidth=0.9, label="terms" if term is problem.terms[0] else "")
    shape.plot(x, problem.value(x) / len(SHARP), color=colour(0), linewidth=2, label="their mean")
    shape.set(xlabel="x", ylim=(0, 4))
    shape.set_title("a sharp and a flat minimum", fontsize="medium")
    shape.legend(frameon=False, fontsize="small", loc="upper center")
    fine = np.linspace(*STEPS, 400)
    for i, size in enumerate(BATCHES):
        own = [r for r in rows if r["batch"] == size]
        style = {"color": colour(i), "marker": marker(i), "linestyle": "none", "markersize": 5, "elinewidth": 1, "capsize": 2}
        name = "gradient descent" if size == len(SHARP) else f"SGD, batch {size}"
        for axes, key in ((sharp, "sharp"), (flat, "flat"), (leaving, "left")):
            share = np.array([r[key] / r["runs"] for r in own])
            spread = np.abs(np.array([wilson(r[key], r["runs"]) for r in own]).T - share)
            axes.errorbar([r["gamma"] for r in own], share, yerr=spread, label=name, **style)
            for kind, dashes in _DASHES.items():
                axes.axvline(limits[f"batch {size}"][kind], color=colour(i), linewidth=1, linestyle=dashes)
        leaving.plot(fine, [(DISTANCE / limits["reach"]) ** _power(_curvatures(size), g) for g in fine], color=colour(i), linewidth=1.2)
    for kind, dashes in _DASHES.items():
        sharp.plot([], [], color="0.4", linestyle=dashes, linewidth=1, label=f"limit of {kind.replace('_', ' ')} stability")
    sharp.plot([], [], color="0.4", linewidth=1.2, label="bound (δ/R)^κ")
    sharp.set_title("share of runs that settle in the sharp minimum", fontsize="medium")
    flat.set_title("share of runs that settle in the flat minimum", fontsize="medium")
    leaving.set_title(f"share that ever leaves |x + 1| < {limits['reach']:.2f} from distance {DISTANCE}", fontsize="medium")
    leaving.set(yscale="log", ylim=(0.3 / rows[0]["runs"], 2))
    sharp.set_ylim(-0.02, None)
    for axes in (sharp, flat, leaving):
        axes.set_xlabel("step-size γ")
        axes.grid(color="0.92")
    figure.legend(*sharp.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


# --- minima of every term, and minima of the sum alone -------------------------------------------------------------------------


def _individually_flat(runs: int, iterations: int, seed: int) -> tuple[dict[int, dict[str, Any]], FiniteSum]:
    """The share of runs that have left the minimum at −3/2, at each iteration, and those that left the one at 3/2."""
    raised = sp.Rational(5, 4)  # mean of the squared shifts: both minima of the mean have the value 0

    def term(c: Any) -> Callable[[Any], Any]:
        return lambda x: sp.Min((x + sp.Rational(3, 2) - c) ** 2 - raised, (x - sp.Rational(3, 2)) ** 2) / 2

    problem = FiniteSum(*(term(sp.Rational(str(c))) for c in SHIFTS), name="individually flat")
    found = {}
    for size in BATCHES:
        method = dynopt.method(f"gd(gamma={0.5 / size!r})").numeric()  # γ = ½ as on the slides, for the mean over the batch
        oracle = MiniBatch(problem, size=size, seed=seed)
        left = [float(np.mean(s.theta > 7 / 6)) for s in islice(method.states(np.full((runs, 1), -1.5), oracle), iterations + 1)]
        *_, right = (s.theta for s in islice(method.states(np.full((runs, 1), 1.5), oracle), 51))
        found[size] = {"left": np.array(left), "left_at_the_end": left[-1], "iterations": iterations,
                       "moved_from_the_right_minimum": float(np.abs(right - 1.5).max())}  # fmt: skip
    return found, problem


def _escape_figure(problem: FiniteSum, found: dict[int, dict[str, Any]], runs: int) -> Figure:
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    shape, share = figure.subplots(1, 2)
    x = np.linspace(-3.2, 3.2, 601)[:, None]
    for term in problem.terms:
        shape.plot(x, term.value(x), color=colour(3), linewidth=0.9, label="terms" if term is problem.terms[0] else "")
    shape.plot(x, problem.value(x) / len(SHIFTS), color=colour(0), linewidth=2, label="their mean")
    shape.set(xlabel="x", ylim=(-0.8, 2.5), title="two minima of one value and curvature")
    shape.legend(frameon=False, fontsize="small", loc="upper center")
    for i, (size, e) in enumerate(found.items()):
        k = np.unique(np.round(np.geomspace(1, len(e["left"]), 30)).astype(int)) - 1
        part = e["left"][k]
        spread = np.abs(np.array([wilson(round(p * runs), runs) for p in part]).T - part)
        name = "gradient descent" if size == len(SHIFTS) else f"SGD, batch {size}"
        share.errorbar(k + 1, part, yerr=spread, color=colour(i), marker=marker(i), markersize=5, linestyle="none", elinewidth=1, capsize=2,
                       label=name)  # fmt: skip
    share.set(xscale="log", xlabel="k + 1", ylim=(-0.03, 1.03), title="share of runs that went from the left to the right one")
    share.grid(color="0.92")
    share.legend(frameon=False, fontsize="small", loc="upper left")
    return figure


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
