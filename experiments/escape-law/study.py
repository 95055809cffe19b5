"""The law of the escape time against measurement, in 2 and in 100 dimensions, and what "escaped" has to do with it.

**Law.** Gradient descent, heavy ball, Nesterov's method and INNA with four parameter pairs start at
scale · N(0, I) beside the saddle of ½ Σ λ_p θ_p², with spectrum {−8, 2} and with five unequal negative and 95
positive eigenvalues.  The runs are those of the definitions (`dynopt.ensemble.separable`), the law is read off the
mode matrix.  For each: every quantile from 1 % to 99 %, Kolmogorov's distance with the one that 95 % of samples
of that size stay below, mean and sd with 95 % intervals; and the coverage of these intervals, over blocks of
runs, with its own Wilson interval.  The escape time is a whole number and so is the law's, so nothing is left to
be accounted for by rounding.

**Exits.** On the double well the same runs are timed by seven definitions of leaving.  The table and the figure show
which method is fastest by which (their step-sizes make them nearly equal by the first), and how often the descent
from the point of exit ends where the method ends: from rest beside the saddle, always on the double well, since
a method that loses energy cannot come back over the saddle it fell from.
"""

from __future__ import annotations

import csv
import resource
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble.separable import run_separable
from dynopt.escape.descent import basin
from dynopt.escape.exits import make_exit
from dynopt.escape.predict import predict
from dynopt.escape.saddle import find_saddle
from dynopt.escape.starts import draw
from dynopt.escape.statistics import kolmogorov, kolmogorov_bound, moments, wilson
from dynopt.plot.palette import colour

TITLE = "The law of the escape time against measurement"
SOURCE = "theory sheet, section 5; thesis Table 3.1 for the double well"
PRESETS = {
    "smoke": {"runs": 4000, "block": 200, "exit_runs": 300},
    "paper": {"runs": 1_000_000, "block": 1000, "exit_runs": 4000},
}
SCALE, RADIUS = 1e-12, 0.5

METHODS = (
    "gd(gamma=1/50)", "heavy_ball(gamma=1/50, momentum=9/10)", "nesterov(gamma=1/50, momentum=9/10)",
    "inna(alpha=1/2, beta=1, gamma=1/50)", "inna(alpha=1/2, beta=1/2, gamma=1/50)",
    "inna(alpha=1, beta=11/10, gamma=1/50)", "inna(alpha=3, beta=1, gamma=1/50)",
)  # fmt: skip
"""INNA twice with αβ < 1 and twice with αβ > 1."""
SPECTRA = {2: (-8, 2), 100: (-8, -7, -6, -5, -4, *(round(0.5 + 0.2 * i, 1) for i in range(95)))}
QUANTILES = np.arange(1, 100) / 100

EXITS = ("coordinate(radius=0.5)", "ball(radius=0.5)", "concave", "hessian(curvature=1)", "drop(amount=1)", "descent(radius=0.5)",
         "basin(radius=0.5)")  # fmt: skip
RANKED = (
    "gd(gamma=0.02)", "heavy_ball(gamma=1/219, momentum=9/10)", "heavy_ball(gamma=1/329, momentum=99/100)",
    "nesterov(gamma=1/245, momentum=9/10)", "inna(alpha=1/2, beta=1, gamma=0.019)", "inna(alpha=1, beta=11/10, gamma=0.0184)",
    "inna(alpha=1/10, beta=1/10, gamma=0.0488)",
)  # fmt: skip
"""With step-sizes for which the first definition sees them within an iteration of each other."""


def run(*, folder: Path, seed: int, runs: int, block: int, exit_runs: int) -> dict[str, Any]:
    """Write law.csv, exits.csv, arrays.npz, a figure of the law for each dimension and one of the exits; return the tables."""
    rows, arrays = [], {}
    for n, spectrum in SPECTRA.items():
        measured = []
        for i, method in enumerate(METHODS):
            times, law, seconds = measure(method, spectrum, runs, seed + len(rows))
            rows.append({"dimension": n, "method": method, **compared(times, law, block), "cpu_seconds": round(seconds, 2)})
            counts = np.bincount(times[times >= 0], minlength=len(law.cdf))
            arrays |= {f"counts_{n}_{i}": counts, f"law_{n}_{i}": law.cdf}
            measured.append((method, counts, law))
        law_figure(measured, runs, n).savefig(folder / f"law-{n}.png", dpi=130)
        write(folder / "law.csv", rows)  # what is done by now survives an interruption
    ranked = exits(exit_runs, seed)
    write(folder / "exits.csv", ranked)
    exits_figure(ranked, exit_runs).savefig(folder / "exits.png", dpi=150)
    np.savez_compressed(folder / "arrays.npz", **arrays)
    return {"law": rows, "exits": ranked}


def measure(method: str, spectrum: tuple[float, ...], runs: int, seed: int) -> tuple[np.ndarray, Any, float]:
    """First times at which the unstable part has length `RADIUS`, their law, and CPU seconds (of all threads)."""
    saddle = find_saddle(dynopt.Quadratic(list(spectrum)))
    found = dynopt.method(method)
    exit = make_exit(f"coordinate(radius={RADIUS})", saddle, RADIUS)
    law = predict(found, saddle, [exit], "gaussian", SCALE, RADIUS)[exit.text].best  # type: ignore[union-attr]
    unstable = np.array([[float(v < 0) for v in spectrum]])
    settings = {"seed": seed, "scale": SCALE, "steps": len(law.cdf) + 100}
    run_separable(found.numeric(), spectrum, unstable, [RADIUS**2], first=0, count=1, **settings)  # compiles
    before = _cpu()
    times = run_separable(found.numeric(), spectrum, unstable, [RADIUS**2], first=0, count=runs, **settings)[0]
    return times, law, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def compared(times: np.ndarray, law: Any, block: int) -> dict[str, Any]:
    """Quantiles, Kolmogorov's distance, mean and sd against the law; coverage over blocks of runs."""
    runs = len(times)
    counts = np.bincount(times[times >= 0], minlength=len(law.cdf))
    ours = np.searchsorted(np.cumsum(counts), QUANTILES * runs - 1e-6)
    theirs = np.array([law.quantile(q) for q in QUANTILES])
    whole = moments(counts)
    assert whole is not None
    found = [moments(np.bincount(part)) for part in times[: runs - runs % block].reshape(-1, block)]
    of_mean = sum(m.mean_interval[0] <= law.mean <= m.mean_interval[1] for m in found if m)
    of_sd = sum(m.sd_interval[0] <= law.sd <= m.sd_interval[1] for m in found if m)
    return {
        "runs": runs, "not_out": int((times < 0).sum()), "kolmogorov": kolmogorov(counts, runs, law.cdf),
        "kolmogorov_95": kolmogorov_bound(runs), "quantiles_off_by_one": int((ours != theirs).sum()),
        "quantile_gap": int(np.abs(ours - theirs).max()),
        "mean": whole.mean, "mean_low": whole.mean_interval[0], "mean_high": whole.mean_interval[1], "mean_law": law.mean,
        "sd": whole.sd, "sd_low": whole.sd_interval[0], "sd_high": whole.sd_interval[1], "sd_law": law.sd,
        "blocks": len(found), "block": block,
        **_coverage("mean", of_mean, len(found)), **_coverage("sd", of_sd, len(found)),
    }  # fmt: skip


def _coverage(name: str, hits: int, blocks: int) -> dict[str, float]:
    low, high = wilson(hits, blocks)
    return {f"coverage_{name}": hits / blocks, f"coverage_{name}_low": low, f"coverage_{name}_high": high}


def exits(runs: int, seed: int) -> list[dict[str, Any]]:
    """For each method and exit on the double well: mean time, law, rank, and where descent from the exit point ends."""
    saddle = find_saddle(dynopt.problem("double-well"))
    defined = [make_exit(text, saddle, RADIUS) for text in EXITS]
    rows = []
    for method in RANKED:
        found = dynopt.method(method)
        laws = predict(found, saddle, defined, "gaussian", SCALE, RADIUS)
        points, times, end = _paths(found.numeric(), saddle, defined, runs, seed)
        for e, where, when in zip(defined, points, times, strict=True):
            out = when >= 0
            same = int((basin(saddle.problem, where[out], saddle.minima) == end[out]).sum())
            row = {
                "method": method, "exit": e.text, "out": int(out.sum()), "runs": runs, "mean": float(when[out].double().mean()),
                "times": when.double(),
                "law_mean": laws[e.text].best.mean if hasattr(laws[e.text], "best") else None,
                "ends_where_descent_does": same,
            }  # fmt: skip
            rows.append(row)
    for e in defined:
        own = [r for r in rows if r["exit"] == e.text]
        order = np.argsort([r["mean"] for r in own])
        behind = [r["times"] - own[order[0]]["times"] for r in own]  # the same starts: differences are known better than means
        for rank, i in enumerate(order, 1):
            own[i] |= {"rank": rank, "behind": float(behind[i].mean()), "behind_error": float(behind[i].std()) / runs**0.5}
    for r in rows:
        del r["times"]
    return rows


def _paths(
    method: Any, saddle: Any, defined: list[Any], runs: int, seed: int
) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    """θ and the step at which each exit first holds, and the number of the minimiser that the run is nearest to at the end."""
    theta = draw("gaussian", SCALE, saddle, seed=seed, first=0, stop=runs, device="cpu", dtype=torch.float64)
    points = [torch.full_like(theta, torch.nan) for _ in defined]
    times = [torch.full((runs,), -1) for _ in defined]
    for k, state in zip(range(1500), method.states(theta, oracle(saddle.problem)), strict=False):
        for e, where, when in zip(defined, points, times, strict=True):
            new = (when < 0).nonzero()[:, 0]
            new = new[e.holds(state[0][new])]
            when[new], where[new] = k, state[0][new]
    minima = torch.stack([torch.as_tensor(p.point) for p in saddle.minima])
    return points, times, torch.cdist(state[0], minima).argmin(1)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def law_figure(measured: list[tuple[str, np.ndarray, Any]], runs: int, n: int) -> Figure:
    """A row a method: distribution functions, their difference with the 95 % band, quantiles against quantiles."""
    figure = Figure(figsize=(11.5, 1.0 + 2.1 * len(measured)), layout="constrained")
    axes = figure.subplots(len(measured), 3, width_ratios=(1.3, 1.3, 0.8))
    for i, ((method, counts, law), (left, middle, right)) in enumerate(zip(measured, axes, strict=True)):
        first, last = law.quantile(1e-4) - 2, law.quantile(1 - 1e-4) + 2
        k = np.arange(first, last + 1)
        ours, theirs = (np.append(f, 1.0)[np.minimum(k, len(f))] for f in (np.cumsum(counts) / runs, law.cdf))
        left.step(k, theirs, where="post", color="black", linewidth=1.2, label="law")
        few = slice(None, None, max(1, len(k) // 45))
        left.plot(k[few], ours[few], "o", markersize=3, color=colour(i), label=f"{runs:,} runs")
        left.set_ylabel("P(K ≤ k)")
        left.set_title(method, fontsize="medium", loc="left")
        band = kolmogorov_bound(runs)
        middle.axhspan(-band, band, facecolor="0.92", edgecolor="0.6", linewidth=0.8, label="95 % of samples")
        middle.axhline(0, color="black", linewidth=1.2)
        middle.plot(k, ours - theirs, "o", markersize=3, color=colour(i))
        reach = 1.3 * max(band, float(np.abs(ours - theirs).max()))
        middle.set_ylim(-reach, reach)
        middle.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
        middle.set_ylabel("measured − law")
        quantiles = np.searchsorted(np.cumsum(counts), QUANTILES * runs - 1e-6)
        expected = np.array([law.quantile(q) for q in QUANTILES])
        ends = [expected[0] - 2, expected[-1] + 2]
        right.plot(ends, ends, "-", color="black", linewidth=1.2)
        right.plot(expected, quantiles, "o", markersize=3, color=colour(i))
        right.set_aspect("equal")
        right.set_ylabel("measured")
        for panel in (left, middle, right):
            panel.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        if i == 0:
            left.legend(frameon=False, fontsize="small", loc="lower right")
            middle.legend(frameon=False, fontsize="small", loc="upper right")
            right.set_title("quantiles, 1 % to 99 %", fontsize="medium", loc="left")
    for column, label in zip(axes[-1], ("iteration k", "iteration k", "law"), strict=True):
        column.set_xlabel(label)
    figure.suptitle(f"Escape times in {n} dimensions, starts of size {SCALE:g}, exit at radius {RADIUS:g}", fontsize="medium")
    return figure


def exits_figure(rows: list[dict[str, Any]], runs: int) -> Figure:
    """Mean escape time beside the fastest method's, by definition of leaving: dots measured (same starts), lines the law."""
    figure = Figure(figsize=(12.5, 4.6), layout="constrained")
    axes = figure.subplots()
    names = list(EXITS)
    first = [next(r for r in rows if r["exit"] == name and r["rank"] == 1) for name in names]
    for i, method in enumerate(RANKED):
        own = [next(r for r in rows if r["exit"] == name and r["method"] == method) for name in names]
        x = np.arange(len(names)) + 0.05 * (i - (len(RANKED) - 1) / 2)
        law = [np.nan if None in (r["law_mean"], f["law_mean"]) else r["law_mean"] - f["law_mean"] for r, f in zip(own, first, strict=True)]
        axes.plot(x, law, "-", color=colour(i), linewidth=1.2)
        errors = [2 * r["behind_error"] for r in own]
        axes.errorbar(
            x, [r["behind"] for r in own], yerr=errors, fmt="os^Dv<>"[i], markersize=5, color=colour(i), elinewidth=1, label=method
        )
    labels = [f"{n.replace('(', chr(10) + '(')}\nfastest: {f['mean']:.1f}" for n, f in zip(names, first, strict=True)]
    axes.set_xticks(range(len(names)), labels, fontsize="small")
    axes.set_ylabel("iterations behind the fastest method")
    axes.grid(axis="y", color="0.92")
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5), title=f"mean of {runs:,} runs; lines: law")
    return figure
