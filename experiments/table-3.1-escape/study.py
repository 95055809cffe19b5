"""Thesis Table 3.1: INNA and gradient descent started 1e-12 away from the strict saddle of the double well.

The printed "average number of iterations" (36, 35, 37) is in another unit than iterations.  The
authors' script looks at every 10th iterate, the first one after one update, notes whether (1, 0),
(−1, 0) or (0, 0) is nearest, counts how often it was (0, 0) and multiplies the mean count by 2.
Nearest to (0, 0) means |θ₁| < 0.5, so with K the first iteration with |θ₁| ≥ 0.5 that statistic is

    2 (⌊(K − 2)/10⌋ + 1),

its mean cut to a whole number.  This study reports K itself, with its law, and the published
statistic recomputed from the same runs.  The percentages of the table are one sample of 1000 fair
coin throws a row; their spread over other seeds is shown.  Rows on the stable manifold start at
(0, θ₂) with θ₂ ~ N(0, 1); the thesis does not say how its own were drawn.
"""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dynopt
from dynopt.plot.palette import colour

TITLE = "Escape from the saddle of the double well: INNA and gradient descent"
SOURCE = "Castera 2021, thesis Table 3.1"
PRESETS = {
    "smoke": {"runs": 200, "seeds": 3, "iterations": 600, "scale": 1e-12},
    "paper": {"runs": 1000, "seeds": 40, "iterations": 2000, "scale": 1e-12},
}

ROWS = (
    {"name": "INNA, alpha beta < 1", "method": "inna(alpha=1/2, beta=1, gamma=1/50)", "left": 48.8, "right": 51.2, "statistic": 36},
    {"name": "INNA, alpha beta > 1", "method": "inna(alpha=1, beta=11/10, gamma=1/50)", "left": 50.7, "right": 49.3, "statistic": 35},
    {"name": "GD", "method": "gd(gamma=1/50)", "left": 50.2, "right": 49.8, "statistic": 37},
)
"""What the table prints: percentages at (−√2, 0) and (√2, 0), 0 % at (0, 0), and the statistic."""


def run(*, folder: Path, seed: int, runs: int, seeds: int, iterations: int, scale: float) -> dict[str, Any]:
    """Write table.csv, seeds.csv, arrays.npz and two figures; return the table."""
    samples = [[escapes(row, runs, seed + seeds * i + j, iterations, scale) for j in range(seeds)] for i, row in enumerate(ROWS)]
    table = [compared(row, sample) for row, sample in zip(ROWS, samples, strict=True)]
    stay = [stays(row, runs, seed, iterations) for row in ROWS]
    write(folder / "table.csv", table + stay)
    write(folder / "seeds.csv", [{"name": row["name"], **counted(s)} for row, sample in zip(ROWS, samples, strict=True) for s in sample])
    arrays: dict[str, Any] = {f"counts_{i}": sum(s.methods[0].times[0].counts for s in sample) for i, sample in enumerate(samples)}
    arrays |= {f"law_{i}": sample[0].methods[0].times[0].law.best.cdf for i, sample in enumerate(samples)}
    np.savez_compressed(folder / "arrays.npz", **arrays)
    figure(samples, runs).savefig(folder / "table-3.1.png", dpi=150)
    together = dynopt.escape_study([row["method"] for row in ROWS], "double-well", runs, seed=seed, scale=scale, max_steps=iterations)
    together.figure().savefig(folder / "escape.png", dpi=150)
    return {row.pop("name"): row for row in table + stay}


def escapes(row: dict[str, Any], runs: int, seed: int, iterations: int, scale: float) -> Any:
    """One sample of a row of the table."""
    return dynopt.escape_study(row["method"], "double-well", runs, seed=seed, scale=scale, max_steps=iterations, also=[])


def published(counts: np.ndarray) -> tuple[float, float]:
    """Mean and sd of the statistic as printed, before it is cut to a whole number, from weights of K = 0, 1, …"""
    k = np.arange(len(counts))
    values = 2 * np.where(k >= 2, (k - 2) // 10 + 1, 0)
    mean = float((values * counts).sum() / counts.sum())
    return mean, float(((values - mean) ** 2 * counts).sum() / counts.sum()) ** 0.5


def chance(printed: int, law: np.ndarray, runs: int) -> float:
    """The probability, under the law, that the mean over ``runs`` runs is printed as that whole number."""
    mean, sd = published(law)
    spread = NormalDist(mean, sd / runs**0.5)
    return spread.cdf(printed + 1) - spread.cdf(printed)


def counted(study: Any) -> dict[str, Any]:
    """Percentages, exact escape time and published statistic of one sample."""
    m = study.methods[0]
    t = m.times[0]
    left, saddle, right = (round(100 * d.fraction, 6) for d in m.destinations[:3])
    return {
        "seed": study.seed, "left": left, "right": right, "saddle": saddle, "escaped": t.escaped,
        "mean_iterations": t.moments.mean, "sd_iterations": t.moments.sd, "statistic": published(t.counts)[0],
    }  # fmt: skip


def compared(row: dict[str, Any], sample: list[Any]) -> dict[str, Any]:
    """A row: as printed, the first sample, the range over all samples, the law."""
    ours = [counted(s) for s in sample]
    law = sample[0].methods[0].times[0].law.best
    first = ours[0]
    lefts, values = [one["left"] for one in ours], [one["statistic"] for one in ours]
    return {
        "name": row["name"], "method": row["method"],
        "printed_left": row["left"], "left": first["left"], "left_lowest": min(lefts), "left_highest": max(lefts),
        "printed_right": row["right"], "right": first["right"], "printed_saddle": 0.0, "saddle": first["saddle"],
        "printed_statistic": row["statistic"], "statistic": int(first["statistic"]),
        "statistic_lowest": min(values), "statistic_highest": max(values), "statistic_law": published(law.pmf)[0],
        "chance_of_printed_statistic": chance(row["statistic"], law.pmf, 1000),
        "mean_iterations": first["mean_iterations"], "mean_iterations_law": law.mean,
        "sd_iterations": first["sd_iterations"], "sd_iterations_law": law.sd,
    }  # fmt: skip


def stays(row: dict[str, Any], runs: int, seed: int, iterations: int) -> dict[str, Any]:
    """A row on the stable manifold: how many runs end at each point."""
    study = dynopt.escape_study(row["method"], "double-well", runs, seed=seed, start="stable", scale=1.0, max_steps=iterations, also=[])
    left, saddle, right = (round(100 * d.fraction, 6) for d in study.methods[0].destinations[:3])
    return {
        "name": row["name"] + ", on the stable manifold", "method": row["method"],
        "printed_left": 0.0, "left": left, "printed_right": 0.0, "right": right, "printed_saddle": 100.0, "saddle": saddle,
    }  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as CSV."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def figure(samples: list[list[Any]], runs: int) -> Figure:
    """Left: percentages over seeds beside the printed ones.  Right: the published statistic, recomputed, beside the printed one."""
    drawn = Figure(figsize=(11.5, 3.9), layout="constrained")
    left, right = drawn.subplots(1, 2)
    half = 196 * (0.25 / runs) ** 0.5
    left.axvspan(50 - half, 50 + half, color="0.92", label=f"95 % of samples of {runs:,} fair coins")
    for i, (row, sample) in enumerate(zip(ROWS, samples, strict=True)):
        ours = [counted(s) for s in sample]
        heights = i + np.linspace(-0.25, 0.25, len(ours)) if len(ours) > 1 else np.array([float(i)])
        first = i == 0
        left.plot([one["left"] for one in ours], heights, "o", markersize=4, color=colour(0), label="one seed" if first else None)
        left.plot(row["left"], i, "X", markersize=9, color=colour(2), label="printed" if first else None)
        right.plot([one["statistic"] for one in ours], heights, "o", markersize=4, color=colour(0), label="one seed" if first else None)
        law, _ = published(sample[0].methods[0].times[0].law.best.pmf)
        right.plot([law, law], [i - 0.35, i + 0.35], "-", color="black", linewidth=1.6, label="law" if first else None)
        right.fill_betweenx([i - 0.35, i + 0.35], row["statistic"], row["statistic"] + 1, color=colour(2), alpha=0.25, linewidth=0,
                            label="printed, cut to a whole number" if first else None)  # fmt: skip
    for axes in (left, right):
        axes.set_yticks(range(len(ROWS)), [row["name"] for row in ROWS])
        axes.set_ylim(len(ROWS) - 0.5, -0.5)
    left.set_xlabel("runs that end at (−√2, 0), in %")
    right.set_xlabel("published statistic 2·(⌊(K − 2)/10⌋ + 1), mean")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return drawn
