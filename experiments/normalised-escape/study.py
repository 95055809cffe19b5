"""Normalised gradient descent beside a saddle: the 2-cycle, where it ends, and the law of the escape time.

**Growth.** Beside the stable subspace of ½λ_s x² − ½λ_u u² the steps 2-cycle between ξγ and (1 − ξ)γ, whatever ξ is, and u grows by
√(1 + c(1 + c)/(ξ(1 − ξ))) a step, c = λ_u/λ_s: at least by 1 + 2c, and by that only at ξ = ½.  The definition is run from
u = 10⁻⁶⁰ for all phases.  **Crossover.** On the symmetric cycle the factor stays 1 + 2c until u = γ/(2c), which may be far
from γ; from there on u moves γ a step.  **Law.** Runs on quadratic saddles in 2, 4 and 100 dimensions and on the double
well, from tiny starts (whose first step has length γ in the direction of the gradient) and from starts of several steps,
against the law: Kolmogorov's distance beside the law's own sampling error, mean, sd, quantiles from 1 % to 99 %.
"""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dynopt
from dynopt.escape.normalised import growth
from dynopt.escape.statistics import kolmogorov_bound
from dynopt.flow.iterates import iterates
from dynopt.plot.palette import colour, marker

TITLE = "Normalised gradient descent beside a saddle"
SOURCE = "theory sheet, section 5"
PRESETS = {"smoke": {"runs": 2000, "phases": 11}, "paper": {"runs": 200_000, "phases": 39}}
METHOD = "normalized_gd(gamma=1/50)"
GAMMA, RADIUS = 0.02, 0.5
RATIOS = {"1/80": (-1, 80), "1/8": (-1, 8), "1": (-1, 1), "4": (-8, 2)}
WIDE = (-8, -7, -6, -5, -4, *(round(0.5 + 0.2 * i, 1) for i in range(95)))
CASES: tuple[tuple[str, Any, float], ...] = (
    ("(-8, 2)", dynopt.Quadratic([-8, 2]), 1e-12), ("(-1, 8)", dynopt.Quadratic([-1, 8]), 1e-12),
    ("(-1, 8)", dynopt.Quadratic([-1, 8]), 0.1), ("(-1, 80)", dynopt.Quadratic([-1, 80]), 0.1),
    ("(-2, -1, 3, 8)", dynopt.Quadratic([-2, -1, 3, 8]), 0.05), ("5 of 100", dynopt.Quadratic(list(WIDE)), 1e-12),
    ("double well", "double-well", 1e-12), ("double well", "double-well", 0.1),
)  # fmt: skip
"""Spectrum, problem, size of the starts."""
SHOWN = (2, 3, 7)


def run(*, folder: Path, seed: int, runs: int, phases: int) -> dict[str, Any]:
    """Write law.csv, growth.csv, crossover.csv, arrays.npz and a figure; return the first table."""
    grown = [row for name, spectrum in RATIOS.items() for row in growths(name, spectrum, phases)]
    crossed = crossover((-1, 80))
    rows, arrays, shown = [], {}, []
    for i, (name, problem, scale) in enumerate(CASES):
        study = dynopt.escape_study(METHOD, problem, runs, seed=seed + i, scale=scale, also=[], linger=0)
        times = study.methods[0].times[0]
        rows.append({"spectrum": name, "scale": scale, **compared(times)})
        arrays |= {f"counts_{i}": times.counts, f"law_{i}": times.law.best.cdf}
        if i in SHOWN:
            shown.append((f"{name}, starts of size {scale:g}", times))
        write(folder / "law.csv", rows)  # what is done by now survives an interruption
    write(folder / "growth.csv", grown)
    write(folder / "crossover.csv", crossed)
    np.savez_compressed(folder / "arrays.npz", **arrays)
    figure(grown, crossed, shown).savefig(folder / "normalised.png", dpi=150)
    return {"law": rows}


def growths(name: str, spectrum: tuple[int, int], phases: int) -> list[dict[str, Any]]:
    """The factor a step over ten 2-cycles, run and by the formula."""
    ratio = -spectrum[0] / spectrum[1]
    rows = []
    for phase in np.linspace(0.025, 0.975, phases):
        path = iterates(dynopt.method(METHOD), dynopt.Quadratic(list(spectrum)), (1e-60, phase * GAMMA), steps=20).theta[:, 0]
        rows.append({"ratio": name, "phase": phase, "measured": (path[-1] / path[0]) ** (1 / 20), "formula": growth(ratio, phase)})
    return rows


def crossover(spectrum: tuple[int, int]) -> list[dict[str, Any]]:
    """u and its increment along a run that begins on the symmetric cycle with u = 10⁻⁶γ, in units of γ."""
    ratio = -spectrum[0] / spectrum[1]
    path = iterates(dynopt.method(METHOD), dynopt.Quadratic(list(spectrum)), (1e-6 * GAMMA, GAMMA / 2), steps=900).theta[:, 0] / GAMMA
    return [{"ratio": ratio, "u": u, "measured": after - u, "formula": min(2 * ratio * u, 1.0)} for u, after in pairwise(path)]


def compared(times: Any) -> dict[str, Any]:
    """Measured beside predicted."""
    law, m, levels = times.law.best, times.moments, np.arange(1, 100) / 100
    gaps = [abs(times.quantile(q)[0] - law.quantile(q)) for q in levels]
    return {
        "runs": times.runs, "out": times.escaped, "kolmogorov": times.kolmogorov, "kolmogorov_95": kolmogorov_bound(times.runs),
        "law_error": law.error, "quantiles_off": sum(g > 0 for g in gaps), "quantile_gap": max(gaps),
        "mean": m.mean, "mean_low": m.mean_interval[0], "mean_high": m.mean_interval[1], "mean_law": law.mean,
        "sd": m.sd, "sd_low": m.sd_interval[0], "sd_high": m.sd_interval[1], "sd_law": law.sd,
    }  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def figure(grown: list[dict[str, Any]], crossed: list[dict[str, Any]], shown: list[tuple[str, Any]]) -> Figure:
    """Growth by phase, the end of the cycle, and distributions: theory as lines, runs as dots."""
    drawn = Figure(figsize=(13.5, 4.3), layout="constrained")
    left, middle, right = drawn.subplots(1, 3)
    for i, name in enumerate(RATIOS):
        own = [r for r in grown if r["ratio"] == name]
        ratio, phases = -RATIOS[name][0] / RATIOS[name][1], np.linspace(0.025, 0.975, 200)
        left.plot(phases, [growth(ratio, p) for p in phases], "-", color=colour(i), linewidth=1.2)
        left.plot([r["phase"] for r in own], [r["measured"] for r in own], marker(i), color=colour(i), markersize=4, label=f"c = {name}")
    left.set_yscale("log")
    left.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    left.minorticks_off()
    left.set_ylim(0.9, 45)
    left.set_xlabel("phase ξ of the 2-cycle")
    left.set_ylabel("growth of u a step")
    left.set_title("beside the stable subspace", fontsize="medium", loc="left")
    left.legend(frameon=False, fontsize="small", ncols=4, loc="upper center", columnspacing=1, handletextpad=0.2)
    u = np.array([r["u"] for r in crossed])
    middle.loglog(u, [r["formula"] for r in crossed], "-", color="black", linewidth=1.2, label="2cu, then 1")
    few = np.unique(np.searchsorted(u, np.geomspace(u[0], u[-1], 40)).clip(0, len(u) - 1))
    middle.loglog(u[few], [crossed[j]["measured"] for j in few], "o", color=colour(0), markersize=4, label="run, c = 1/80")
    middle.axvline(1 / (2 * crossed[0]["ratio"]), color="0.5", linestyle="--", linewidth=1.2, label="u = γ/(2c)")
    middle.set_xlabel("u/γ")
    middle.set_ylabel("(u⁺ − u)/γ")
    middle.set_title("where the cycle ends", fontsize="medium", loc="left")
    middle.legend(frameon=False, fontsize="small", loc="upper left")
    for i, (name, times) in enumerate(shown):
        law, k = times.law.best, np.arange((times.law.best.quantile(0.999) or 0) + 3)
        right.step(k, law.at(k), where="post", color="black", linewidth=1.2, label="law" if i == 0 else None)
        few = np.unique(np.linspace(0, len(k) - 1, 40).astype(int))
        measured = times.counts.cumsum()[np.minimum(k[few], len(times.counts) - 1)] / times.runs
        right.plot(k[few], measured, marker(i), color=colour(i), markersize=4, label=name)
    right.set_xscale("log")
    right.set_xlim(left=4)
    right.set_ylim(-0.04, 1.45)
    right.set_yticks(np.arange(0, 1.1, 0.2))
    right.set_xticks([5, 10, 20, 50, 100, 200], ["5", "10", "20", "50", "100", "200"])
    right.minorticks_off()
    right.set_xlabel("iteration k")
    right.set_ylabel("P(K ≤ k)")
    right.set_title(f"{shown[0][1].runs:,} runs, γ = {GAMMA:g}, exit at {RADIUS:g}", fontsize="medium", loc="left")
    right.legend(frameon=False, fontsize="small", loc="upper left")
    return drawn
