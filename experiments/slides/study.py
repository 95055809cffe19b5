"""The examples of the lecture slides on stochastic gradient descent.

**Triangle.** ½ Σ ‖x − c_i‖² with c₁ + c₂ + c₃ = 0: gradient descent with γ = 1/3 goes straight to the solution, SGD with
γ = 1/3 goes there fast from afar and wanders inside the triangle, E‖x_k‖² → (1/5) mean ‖c_i‖² (claim ``g-noise-ball``).
**Agreement.** f₁ + f₂ whose gradients at the solution are ±0.83, ±0.02 (the slides' numbers) or 0, γ = 0.07, cyclic
and random order: SGD ends in a 2-cycle (a noise ball) of a size in proportion to them, and converges when they vanish.
**Flat and sharp.** Σ min(½h_i(x + 1)², ½l_i(x − 1)²): the gradients of all terms vanish at both minima, so SGD stays in
either once it is there; which one it finds depends on the step-size.  At the sharp one x + 1 is multiplied by 1 − γh_B: stable for GD iff
γ < 2/h, in mean square iff E(1 − γh_B)² < 1, almost surely iff E log|1 − γh_B| < 0.  Where E|1 − γh_B|^κ = 1 the power
|x + 1|^κ is a martingale, so that a run which starts at the distance δ ever gets to the distance R with probability at most (δ/R)^κ.
**Individually flat.** Two minima of the same value and curvature, of which only the right one is a minimum of every
term: gradient descent stays in both, SGD leaves the left one, the sooner the smaller the batch.
**Tables.** The step-sizes printed for the rule γ₀/((1 + ψ(⌈k/K⌉))(α‖∇̃f‖ + 1)) beside those of ``damped_gd``.

Not on the slides, and ours: the points c_i, the starts, all functions (f_i = ½h·max(±x + s, 0)² in the second part, with
f(x₀) − f* = 2.45 as printed), batches and numbers of runs.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy import optimize

import dynopt
from dynopt.core.parameter import Schedule, staircase_decay
from dynopt.escape.statistics import wilson
from dynopt.plot.palette import colour, line, marker
from dynopt.problems.finite_sum import FiniteSum, MiniBatch
from dynopt.symbolic.stationary import stationary_variances

TITLE = "Examples of SGD: the triangle, gradients that agree or not, flat and sharp minima, step-size tables"
SOURCE = "Lecture slides on stochastic gradient descent: SGD example, large and small gradients, flatness of minima, step-sizes"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"runs": 400, "iterations": 200, "gammas": 5, "escape_iterations": 300},
    "paper": {"runs": 2000, "iterations": 600, "gammas": 18, "escape_iterations": 3000},
}
CENTRES = np.array([[1.0, 0.2], [-0.7, 0.6], [-0.3, -0.8]])
NEAR, FAR = (1.7, 1.3), (14.0, 9.0)
SLOPES = (0.83, 0.02, 0.0)
CURVATURE, GAMMA, FIRST_GAP = 4.0, 0.07, 2.45
SHARP, FLAT = (4, 8, 12, 16), (1.5, 1, 1, 0.5)
BATCHES = (1, 2, 4)
DISTANCE, STEPS = 0.01, (0.12, 0.32)
SHIFTS = (-1.5, -0.5, 0.5, 1.5)
_SETTLED = 1e-3
_DASHES = {"mean_square": (0, (5, 2)), "almost_sure": (0, (1, 1.5))}

DECAYING = {
    0: ("4.8e-8", "2.1e7"), 10: ("1.4e-5", "7.2e4"), 50: ("0.097", "0.31"), 100: ("0.016", "0.28"), 200: ("0.012", "6.8e-5"),
    300: ("0.01", "0.33"), 500: ("0.008", "0"), 700: ("0.007", "1.2e-6"), 1000: ("0.006", "3.1e-6"),
}  # fmt: skip
UNDAMPED = {1: ("0.1", "1.2e6")}
CONSTANT = {
    0: ("1.4e-7", "7.0e6"), 10: ("0.004", "257"), 50: ("0.10", "6.2e-10"), 100: ("0.087", "1.5"), 200: ("0.089", "1.2"),
    300: ("0.1", "2.0e-12"), 500: ("0.1", "5.1e-12"), 700: ("0.1", "2.4e-13"), 1000: ("0.087", "1.5"),
}  # fmt: skip
"""Printed tables: epoch, step-size, batch norm; the rows of the second that are not NaN."""


def run(*, folder: Path, seed: int, runs: int, iterations: int, gammas: int, escape_iterations: int) -> dict[str, Any]:
    """Write a figure for each example, tables.csv, flat-and-sharp.csv and arrays.npz; return what was measured."""
    triangle, paths = _triangle(runs, seed)
    _triangle_figure(triangle, paths).savefig(folder / "triangle.png", dpi=150)
    agreement, gaps = _agreement(runs, seed)
    _agreement_figure(agreement, gaps).savefig(folder / "agreement.png", dpi=150)
    sharp, limits, flat_or_sharp = _flat_and_sharp(runs, iterations, gammas, seed)
    _write(folder / "flat-and-sharp.csv", sharp)
    _flat_figure(flat_or_sharp, sharp, limits).savefig(folder / "flat-and-sharp.png", dpi=150)
    escapes, wells = _individually_flat(runs, escape_iterations, seed)
    _escape_figure(wells, escapes, runs).savefig(folder / "individually-flat.png", dpi=150)
    rows = _tables()
    _write(folder / "tables.csv", rows)
    _tables_figure(rows).savefig(folder / "tables.png", dpi=150)
    arrays = {f"triangle_{k}": np.array(v) for k, v in paths.items()} | {f"gaps_{k}": np.array(v) for k, v in gaps.items()}
    np.savez_compressed(folder / "arrays.npz", **arrays, **{f"left_{b}": e["left"] for b, e in escapes.items()})
    return {
        "triangle": triangle, "agreement": agreement, "flat_and_sharp": {"limits": limits, "rows": sharp},
        "individually_flat": {f"batch {b}": {k: v for k, v in e.items() if k != "left"} for b, e in escapes.items()}, "tables": rows,
    }  # fmt: skip


def _states(method: Any, start: np.ndarray, oracle: Any, count: int) -> np.ndarray:
    return np.array([s.theta for s in islice(method.numeric().states(start, oracle), count)])


# --- the triangle -----------------------------------------------------------------------------------------------------------


def _triangle(runs: int, seed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    def term(a: float, b: float) -> Callable[[Any, Any], Any]:
        return lambda x, y: ((x - a) ** 2 + (y - b) ** 2) / 2

    problem = FiniteSum(*(term(*map(float, c)) for c in CENTRES), name="triangle")
    method, count = dynopt.method("gd(gamma=1/3)"), 40
    oracle = MiniBatch(problem, size=1, seed=seed)
    many = _states(method, np.tile(FAR, (runs, 1)), oracle, count)
    squares = (many**2).sum(-1)
    ball = float(stationary_variances(method, [1])[0] * (CENTRES**2).sum(1).mean())  # every Hessian is I, so the noise is additive
    expected = ball + (1 - 1 / 3) ** (2 * np.arange(count)) * (np.sum(np.square(FAR)) - ball)
    errors = squares.std(axis=1, ddof=1) / np.sqrt(runs)
    paths = {
        "near": _states(method, np.array([NEAR]), oracle, 30)[:, 0], "far": many[:, 0], "expected": expected,
        "measured": squares.mean(axis=1), "half": 1.96 * errors,
        "gd": np.array([s.theta for s in islice(method.numeric().states(np.array(NEAR), MiniBatch(problem, size=3)), 4)]),
    }  # fmt: skip
    told = {
        "gradient_descent_after_one_step": paths["gd"][1].tolist(), "noise_ball": ball, "measured": float(squares[20:].mean()),
        "largest_deviation_in_standard_errors": float(np.max(np.abs(squares.mean(axis=1) - expected)[2:] / errors[2:])),
    }  # fmt: skip
    return told, paths


def _triangle_figure(told: dict[str, Any], paths: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(10, 9), layout="constrained")
    (one, two), (three, four) = figure.subplots(2, 2)
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for axes, path, reach in ((one, paths["near"], 2.2), (two, paths["gd"], 2.2), (three, paths["far"], 17.0)):
        for centre in CENTRES if axes is not two else np.zeros((1, 2)):
            for r in np.linspace(0.2, 1, 4) * reach * (0.5 if axes is not two else 1):
                axes.plot(*(centre[:, None] + r * circle), color="0.86", linewidth=0.7, zorder=0)
        axes.plot(*path.T, color=colour(0), marker="o", markersize=4, linewidth=1, label="iterates", zorder=3)
        axes.plot(*CENTRES.T, color="black", linestyle="none", marker="^", markersize=6, label="c_i, minima of the terms", zorder=4)
        axes.plot(0, 0, color=colour(2), linestyle="none", marker="*", markersize=13, label="the solution", zorder=5)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="x₁", ylabel="x₂", aspect="equal")
    one.set_title("SGD, γ = 1/3, and level sets of the terms", fontsize="medium")
    two.set_title("gradient descent, γ = 1/3, and level sets of the sum", fontsize="medium")
    three.set_title("SGD from far away", fontsize="medium")
    one.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize="small", loc="lower right")
    k = np.arange(len(paths["expected"]))
    four.plot(k, paths["expected"], color=colour(0), label="E‖x_k‖², exact: distance to the limit times 4/9")
    four.errorbar(k, paths["measured"], yerr=paths["half"], color=colour(0), marker="o", markersize=4, linestyle="none", capsize=2,
                  label="measured, 95 %")  # fmt: skip
    four.axhline(told["noise_ball"], color="black", linestyle=":", linewidth=1, label="noise ball, (1/5) mean ‖c_i‖²")
    four.set(yscale="log", xlabel="k", title="SGD from far away")
    four.title.set_fontsize("medium")
    four.grid(color="0.92")
    four.legend(frameon=False, fontsize="small")
    return figure


# --- gradients that agree at the solution, or not ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Cyclic:
    """The terms of a finite sum in turn, one an iteration."""

    problem: FiniteSum
    k: int = 0

    def at(self, k: int) -> Self:
        return replace(self, k=k)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self.problem.gradients(x)[..., self.k % len(self.problem.terms), :]


def _agreement(runs: int, seed: int, count: int = 60) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Gaps f(x_k) − f* for each slope at the solution, in cyclic order (one run) and in random order (mean)."""
    rows, gaps = [], {}
    method = dynopt.method(f"gd(gamma={GAMMA})")
    for slope in SLOPES:
        s = slope / CURVATURE
        problem = _pair(s)
        least = CURVATURE * s**2
        start = np.array([np.sqrt(2 * (FIRST_GAP + least) / CURVATURE) - s])  # beyond s, where one term is 0
        cyclic = problem.value(_states(method, start, Cyclic(problem), count)) - least
        random = problem.value(_states(method, np.tile(start, (runs, 1)), MiniBatch(problem, size=1, seed=seed), count)) - least
        half = 1.96 * random.std(axis=1, ddof=1) / np.sqrt(runs)
        # inside |x| < s both terms act: x ↦ (1 − γh)x ± γhs, with the fixed 2-cycle ± γhs/(2 − γh) and the noise ball below
        cycle = CURVATURE * (GAMMA * slope / (2 - GAMMA * CURVATURE)) ** 2
        ball = CURVATURE * float(stationary_variances(method, [CURVATURE], slope)[0])
        rows.append({"slope": slope, "start": float(start[0]), "cycle_gap": cycle, "measured_cycle_gap": float(cyclic[-1]),
                     "ball_gap": ball, "measured_ball_gap": float(random[-1].mean()),
                     "half_interval": float(half[-1]), "first_gaps": cyclic[:11].tolist()})  # fmt: skip
        gaps |= {f"cyclic_{slope}": cyclic, f"random_{slope}": random.mean(axis=1), f"half_{slope}": half}
    return rows, gaps


def _pair(s: float) -> FiniteSum:
    return FiniteSum(
        lambda x: CURVATURE / 2 * sp.Max(x + s, 0) ** 2, lambda x: CURVATURE / 2 * sp.Max(s - x, 0) ** 2, name=f"two terms, s = {s:g}"
    )


def _agreement_figure(rows: list[dict[str, Any]], gaps: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    shape, *panels = figure.subplots(1, 3)
    x = np.linspace(-0.6, 0.6, 301)
    problem = _pair(SLOPES[0] / CURVATURE)
    for i, term in enumerate(problem.terms):
        sign = "+−"[i]
        shape.plot(x, term.value(x[:, None]), color=colour(2 - i), linestyle=line(i + 1), label=f"f{'₁₂'[i]}, slope {sign}{SLOPES[0]} at 0")
    shape.plot(x, problem.value(x[:, None]), color=colour(0), label="f₁ + f₂")
    shape.set(xlabel="x", ylim=(0, 1.6), title="the two terms")
    shape.legend(frameon=False, fontsize="small", loc="upper center")
    for axes, order, limit in zip(panels, ("cyclic", "random"), ("cycle_gap", "ball_gap"), strict=True):
        for i, row in enumerate(rows):
            gap = gaps[f"{order}_{row['slope']}"]
            spread = gaps[f"half_{row['slope']}"] if order == "random" else 0 * gap
            label = f"∇f_i(0) = ±{row['slope']:g}" if row["slope"] else "∇f_i(0) = 0"
            axes.errorbar(np.arange(len(gap)), gap, yerr=spread, color=colour(i), marker=marker(i), markersize=3.5, linestyle="none",
                          elinewidth=0.8, label=label)  # fmt: skip
            if row[limit]:
                axes.axhline(row[limit], color=colour(i), linestyle=line(i), linewidth=1)
        axes.set(yscale="log", xlabel="k", ylim=(1e-8, 10), title=f"f(x_k) − f*, {order} order" + (", mean" if order == "random" else ""))
        axes.grid(color="0.92")
    rate = (1 + (1 - GAMMA * CURVATURE) ** 2) / 2
    k = np.arange(len(gaps["random_0.0"]))
    panels[0].plot(k, FIRST_GAP * (1 - GAMMA * CURVATURE) ** (2 * np.ceil(k / 2)), color=colour(2), linestyle=line(2), linewidth=1)
    panels[1].plot(k, FIRST_GAP * rate**k, color=colour(2), linestyle=line(2), linewidth=1)
    panels[0].plot([], [], color="0.4", linewidth=1, label="exact: the limit, or the gap where ∇f_i(0) = 0")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    return figure


# --- flat and sharp minima ----------------------------------------------------------------------------------------------------


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


# --- the tables ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """A gradient of this norm, wherever it is asked for."""

    norm: float

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return np.full_like(x, self.norm)


def _tables() -> list[dict[str, Any]]:
    """Each printed row, with the step of ``damped_gd`` for its batch norm under two readings of ψ(x) = 0.5√x."""
    off = 0.1
    printed = staircase_decay(0.1, 50, 0.5, 0.5)  # k the epoch
    read = Schedule("0.1/(1+0.5*k**0.5) after epoch 50", lambda k: 0.1 / (1 + (0.5 * k**0.5 if k > 50 else 0)))
    rows = []
    for table, entries, alpha, rules in (
        (1, DECAYING, 0.1, (printed, read)), (2, UNDAMPED, 0.0, (printed, read)), (3, CONSTANT, 0.1, (off, off)),
    ):  # fmt: skip
        for epoch, (step, norm) in entries.items():
            row = {"table": table, "epoch": epoch, "batch_norm": norm, "printed": step}
            for name, rule in zip(("rule", "as_tabulated"), rules, strict=True):
                value = [_step(rule, alpha, epoch, n) for n in (float(norm), *reversed(_rounded(norm)))]
                low, high = _rounded(step)
                row |= {name: value[0], f"{name}_agrees": value[1] <= high and low <= value[2]}
            rows.append(row)
    return rows


def _step(rule: Any, alpha: float, epoch: int, norm: float) -> float:
    """The step-size with which the definition multiplies a gradient of that norm in that epoch."""
    norm = norm or 1e-12  # a zero gradient shows no step
    method = dynopt.DampedGradientDescent(gamma=rule, alpha=alpha).at(epoch).numeric()
    state = method.init(np.zeros(1), Given(norm))
    return float(-method.update(state, Given(norm), epoch).theta[0] / norm)


def _rounded(text: str) -> tuple[float, float]:
    """The ends of the interval of numbers that are printed so; 0 stands for itself."""
    mantissa, _, power = text.partition("e")
    half = 0.5 * 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2])) if float(text) else 0.0
    return float(text) - half, float(text) + half


def _tables_figure(rows: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, table, title in zip(panels, (1, 3), ("ψ(x) = 0.5√x, K = 50, α = γ₀ = 0.1", "ψ = 0, α = γ₀ = 0.1"), strict=True):
        own = [r for r in rows if r["table"] == table]
        place = np.arange(len(own))
        for i, (name, label) in enumerate((("rule", "the printed rule"), ("as_tabulated", "ψ = 0 up to epoch 50, then 0.5√epoch"))):
            if table == 3 and name == "as_tabulated":
                continue
            ratio = np.array([r[name] / float(r["printed"]) for r in own])
            axes.plot(place + 0.16 * (i - 0.5) * (table == 1), ratio, color=colour(2 - 2 * i), marker=marker(i), linestyle="none",
                      markersize=7, label=label)  # fmt: skip
        widths = [np.array(_rounded(r["printed"])) / float(r["printed"]) for r in own]
        for p, (low, high) in zip(place, widths, strict=True):
            axes.fill_between([p - 0.4, p + 0.4], low, high, color="0.85", zorder=0, label="rounds to the printed number" if p == 0 else "")
        axes.axhline(1, color="0.5", linewidth=0.8, zorder=1)
        axes.set_xticks(place, [str(r["epoch"]) for r in own])
        axes.set(yscale="log", xlabel="epoch", title=title)
        axes.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
        axes.minorticks_off()
    panels[0].set_ylabel("step-size of the rule / printed step-size")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
