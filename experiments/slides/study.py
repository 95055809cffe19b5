"""The examples of the lecture slides on stochastic gradient descent.

**Triangle.** ½ Σ ‖x − c_i‖² with c₁ + c₂ + c₃ = 0: gradient descent with γ = 1/3 goes straight to the solution, SGD with
γ = 1/3 goes there fast from afar and wanders inside the triangle, E‖x_k‖² → (1/5) mean ‖c_i‖² (claim ``g-noise-ball``).
**Agreement.** f₁ + f₂ whose gradients at the solution are ±0.83, ±0.02 (the slides' numbers) or 0, γ = 0.07, cyclic
and random order: SGD ends in a 2-cycle (a noise ball) of a size in proportion to them, and converges when they vanish.
**Tables.** The step-sizes printed for the rule γ₀/((1 + ψ(⌈k/K⌉))(α‖∇̃f‖ + 1)) beside those of ``damped_gd``.

Not on the slides, and ours: the points c_i, the starts, all functions (f_i = ½h·max(±x + s, 0)² in the second part, with
f(x₀) − f* = 2.45 as printed) and numbers of runs.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import dynopt
from dynopt.core.parameter import Schedule, staircase_decay
from dynopt.plot.palette import colour, line, marker
from dynopt.problems.finite_sum import FiniteSum, MiniBatch
from dynopt.symbolic.stationary import stationary_variances

TITLE = "Examples of SGD: the triangle, gradients that agree at the solution or not, step-size tables"
SOURCE = "Lecture slides on stochastic gradient descent: SGD example, large and small gradients, step-sizes"
PRESETS: dict[str, dict[str, Any]] = {"smoke": {"runs": 400}, "paper": {"runs": 20000}}
CENTRES = np.array([[1.0, 0.2], [-0.7, 0.6], [-0.3, -0.8]])
NEAR, FAR = (1.7, 1.3), (14.0, 9.0)
SLOPES = (0.83, 0.02, 0.0)
CURVATURE, GAMMA, FIRST_GAP = 4.0, 0.07, 2.45

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


def run(*, folder: Path, seed: int, runs: int) -> dict[str, Any]:
    """Write a figure for each example, tables.csv and arrays.npz; return what was measured."""
    triangle, paths = _triangle(runs, seed)
    _triangle_figure(triangle, paths).savefig(folder / "triangle.png", dpi=150)
    agreement, gaps = _agreement(runs, seed)
    _agreement_figure(agreement, gaps).savefig(folder / "agreement.png", dpi=150)
    rows = _tables()
    _write(folder / "tables.csv", rows)
    _tables_figure(rows).savefig(folder / "tables.png", dpi=150)
    arrays = {f"triangle_{k}": v for k, v in paths.items()} | {f"gaps_{k}": v for k, v in gaps.items()}
    np.savez_compressed(folder / "arrays.npz", **arrays)
    return {"triangle": triangle, "agreement": agreement, "tables": rows}


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
