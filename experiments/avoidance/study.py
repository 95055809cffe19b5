"""Random starts and strict saddles: Theorems 3.2 and 3.9, counted.

The theorems say that the starts from which INNA converges to a strict saddle have measure zero, for step-sizes
below (3.20).  Runs cannot prove that; they bound the part of a region that such starts fill.

**Boxes.** Uniform starts on problems whose critical points are all known, with the Wilson interval of the
part that ended at strict saddles, maxima included.  **Clouds.** Very many Gaussian starts of unit size on the double
well, in one kernel.  **Step-sizes.** The same boxes with step-sizes below (3.20), up to the largest γ₀ for which
det M(λ) ≠ 0 on [−L, L] for all γ < γ₀, and past it; L bounds the Hessian on the box.  The theorem needs a
diffeomorphism for its proof; what happens past the bound is a question.  **Stable manifold.** Starts on it: where it is a
coordinate axis they stay for ever; where it is oblique they stay until rounding, about 1.1e-16 of their size, has
grown to the exit.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dynopt
from dynopt.escape.avoidance import Avoidance, from_box, from_cloud
from dynopt.plot.palette import colour

TITLE = "Random starts avoid strict saddles"
SOURCE = "Castera 2021, thesis, Theorems 3.2 and 3.9"
PRESETS = {
    "smoke": {"quartics": 1, "runs": 200, "cloud": 20_000, "step_runs": 100},
    "paper": {"quartics": 4, "runs": 20_000, "cloud": 100_000_000, "step_runs": 5_000},
}
METHODS = (
    "gd(gamma=1/100)", "heavy_ball(gamma=1/200, momentum=9/10)", "inna(alpha=1/2, beta=1, gamma=1/100)",
    "inna(alpha=1, beta=11/10, gamma=1/100)",
)  # fmt: skip
STEPS = 3000
CLOUD_STEPS = 500
SIDE = 2.0
"""The boxes are [−2, 2]²."""
CURVATURE = 12 * SIDE**2 - 8
"""Of the double well on the box: ∂²J/∂θ₁² = 12θ₁² − 8."""
PAIRS = ((0.5, 1.0), (0.5, 0.1))
FACTORS = (0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99, 1.01, 1.1, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0)
"""Of the exact bound."""
STAY = 600


def problems(quartics: int) -> list[Any]:
    """Problems with strict saddles that are all known: named ones, and quartics with drawn coefficients."""
    drawn = np.random.default_rng(2021)
    found = [dynopt.problem("double-well"), dynopt.problem("three-hump-camel"), dynopt.Quadratic([-1, 2])]
    while len(found) < 3 + quartics:
        a, b, c, d = (int(v) for v in drawn.integers(-4, 5, 4))
        quartic = dynopt.Landscape(
            lambda x, y, *, a, b, c, d: (x**4 + y**4) / 4 + (a * x * y - b * x**2 - c * y**2) / 2 + d * x / 8,
            constants={"a": a, "b": b, "c": abs(c), "d": d}, name=f"quartic({a}, {b}, {abs(c)}, {d})",
        )  # fmt: skip
        points = quartic.critical_points()
        if any(p.strict for p in points) and all(p.isolated and p.kind in ("minimum", "maximum", "strict saddle") for p in points):
            found.append(quartic)
    return found


def run(*, folder: Path, seed: int, quartics: int, runs: int, cloud: int, step_runs: int) -> dict[str, Any]:
    """Write boxes.csv, steps.csv, stable.csv and a figure; return the tables."""
    boxes = []
    for i, problem in enumerate(problems(quartics)):
        for j, method in enumerate(METHODS):
            boxes.append(row(from_box(method, problem, [(-SIDE, SIDE)] * 2, runs, steps=STEPS, seed=seed + 10 * i + j)))
    for method in (METHODS[0].replace("1/100", "1/50"), METHODS[2].replace("1/100", "1/50")):
        boxes.append(row(from_cloud(method, "double-well", 1.0, cloud, steps=CLOUD_STEPS, seed=seed)))
    write(folder / "boxes.csv", boxes)
    steps = [r for pair in PAIRS for r in step_sizes(*pair, step_runs, seed)]
    write(folder / "steps.csv", steps)
    stable = stay(seed)
    write(folder / "stable.csv", stable)
    figure(steps, stable).savefig(folder / "avoidance.png", dpi=150)
    return {"boxes": boxes, "steps": steps, "stable": stable}


def row(found: Avoidance) -> dict[str, Any]:
    """Counts by kind, and the part at strict saddles with its interval."""
    kinds = dict.fromkeys(("minimum", "strict saddle", "maximum", "elsewhere", "diverged"), 0)
    for d in found.ended:
        kinds[d.kind] += d.count
    low, high = found.interval
    return {
        "problem": found.problem, "method": found.method, "starts": found.starts, "runs": found.runs, "steps": found.steps, **kinds,
        "at_strict": found.at_strict, "part_low": low, "part_high": high, "statement": found.statement,
    }  # fmt: skip


def printed_bound(alpha: float, beta: float, L: float) -> float | None:
    """(3.20) as printed, None where its root does not exist."""
    square = (alpha + beta * L) ** 2 - 4 * L
    return min(beta / 2 + alpha / (2 * L) - math.sqrt(square) / (2 * L), beta) if square >= 0 else None


def step_sizes(alpha: float, beta: float, runs: int, seed: int) -> list[dict[str, Any]]:
    """INNA on the double well with step-sizes around the exact bound."""
    exact = dynopt.bound(f"inna(alpha={alpha}, beta={beta})", property="diffeomorphism", spectrum=(-CURVATURE, CURVATURE))
    edge = exact.to_dict()["intervals"][0]["upper_float"]
    rows = []
    for factor in FACTORS:
        method = f"inna(alpha={alpha}, beta={beta}, gamma={factor * edge:.10g})"
        found = from_box(method, "double-well", [(-SIDE, SIDE)] * 2, runs, steps=STEPS, seed=seed)
        rows.append({
            "alpha": alpha, "beta": beta, "L": CURVATURE, "printed_3_20": printed_bound(alpha, beta, CURVATURE), "exact": edge,
            "factor": factor, "gamma": factor * edge, **row(found),
        })  # fmt: skip
    return rows


def stay(seed: int, runs: int = 500) -> list[dict[str, Any]]:
    """How many runs on a stable manifold have not left the saddle after so many steps: along an axis, and along (4, −3)."""
    oblique = dynopt.Landscape(lambda x, y: ((3 * x + 4 * y) / 5) ** 4 - 4 * ((3 * x + 4 * y) / 5) ** 2 + ((3 * y - 4 * x) / 5) ** 2,
                               name="double well turned by 53°")  # fmt: skip
    rows = []
    for method in ("gd(gamma=1/50)", "inna(alpha=1/2, beta=1, gamma=1/50)"):
        for name, problem in (("axis", dynopt.problem("double-well")), ("oblique", oblique)):
            study = dynopt.escape_study(method, problem, runs, seed=seed, saddle=(0, 0), start="stable", scale=1.0, also=[], max_steps=STAY)
            left = np.cumsum(study.methods[0].times[0].counts)
            rows += [
                {"method": method, "manifold": name, "steps": k, "runs": runs, "stayed": runs - int(left[k])}
                for k in range(0, STAY + 1, 10)
            ]
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def figure(steps: list[dict[str, Any]], stable: list[dict[str, Any]]) -> Figure:
    """Left: where runs end, by step-size over the exact bound, for each pair.  Right: who stays on the stable manifold."""
    drawn = Figure(figsize=(13.5, 4.4), layout="constrained")
    panels = drawn.subplots(1, len(PAIRS) + 1)
    kinds = ("minimum", "elsewhere", "diverged", "at_strict")
    names = ("a minimum", "elsewhere", "diverged", "a strict saddle")
    for axes, (alpha, beta) in zip(panels, PAIRS, strict=False):
        own = [r for r in steps if (r["alpha"], r["beta"]) == (alpha, beta)]
        for i, (kind, name) in enumerate(zip(kinds, names, strict=True)):
            axes.plot([r["factor"] for r in own], [100 * r[kind] / r["runs"] for r in own], "os^X"[i] + "-", color=colour(i), markersize=6,
                      linewidth=1, fillstyle="full" if kind == "at_strict" else "none", label=name)  # fmt: skip
        axes.axvline(1, color="black", linewidth=1.2)
        axes.text(1.03, 50, "exact bound", rotation=90, va="center", fontsize="small")
        printed = own[0]["printed_3_20"]
        if printed and abs(printed / own[0]["exact"] - 1) > 0.01:
            axes.axvline(printed / own[0]["exact"], color="0.5", linestyle="--", linewidth=1.2)
        axes.set_xscale("log")
        axes.set_xticks([0.5, 1, 2, 4, 6], ["0.5", "1", "2", "4", "6"])
        axes.minorticks_off()
        axes.set_xlabel("step-size over the exact bound for a diffeomorphism")
        axes.set_ylabel("runs that end there, %")
        where = "(3.20) is the same" if printed else "(3.20) has no root"
        axes.set_title(f"INNA α = {alpha:g}, β = {beta:g}: γ₀ = {own[0]['exact']:.4g}, {where}", fontsize="medium")
        axes.set_ylim(-4, 104)
    panels[0].legend(frameon=False, fontsize="small", title="ended at", loc="center left", bbox_to_anchor=(0.0, 0.5))
    right = panels[-1]
    for i, (method, manifold) in enumerate(dict.fromkeys((r["method"], r["manifold"]) for r in stable)):
        own = [r for r in stable if (r["method"], r["manifold"]) == (method, manifold)]
        right.plot([r["steps"] for r in own], [100 * r["stayed"] / r["runs"] for r in own], "os^D"[i] + "-", color=colour(i),
                   markersize=6 - i, markevery=3, linewidth=1, fillstyle="none", label=f"{method.split('(')[0]}, {manifold}")  # fmt: skip
    right.axvline(math.log(0.5 / 1.1e-16) / math.log(1.16), color="0.5", linestyle="--", linewidth=1.2, label="gd: log(0.5/ε)/log σ")
    right.set_xlabel("iterations")
    right.set_ylabel("runs within 0.5 of the saddle, %")
    right.set_title("starts on the stable manifold", fontsize="medium")
    right.set_ylim(-4, 104)
    right.legend(frameon=False, fontsize="small", loc="lower left")
    return drawn
