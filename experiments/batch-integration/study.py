"""Batches of starts in one call against one ``solve_ivp`` call per start.

DIN on the double well from random starts.  `dynopt.flow.batch.integrate_batch` takes all of them in one
call; the rival is ``scipy.integrate.solve_ivp``, one start at a time, with the same pair and tolerances
and the same field traced to scalars and compiled by numba, so that it pays for SciPy's loop alone.

For each batch size the two alternate in ``repeats`` rounds: the batch whole, the rival on its share of
the starts, all shares together at most ``rival_starts`` (the largest batch's rival time is scaled up
where that leaves some out; in the paper preset none are).  A ratio compares times of one round.  Times
are CPU seconds.  End points of the starts that both did are compared with each other and with the tolerance.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp

from dynopt import DIN, problem
from dynopt.core.problem import oracle
from dynopt.flow.batch import integrate_batch
from dynopt.flow.field import Field
from dynopt.plot.palette import colour, line

TITLE = "Ten thousand trajectories in one call, each with its own steps"
SOURCE = "scipy.integrate.solve_ivp as the rival; Hairer, Nørsett, Wanner, Solving ODEs I, §II.4 for the step control"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"sizes": [1, 30, 1000], "rival_starts": 60, "repeats": 3, "horizon": 20.0, "method": "DOP853", "rtol": 1e-10, "atol": 1e-12},
    "paper": {
        "sizes": [1, 10, 100, 1000, 10000], "rival_starts": 10000, "repeats": 5, "horizon": 20.0,
        "method": "DOP853", "rtol": 1e-10, "atol": 1e-12,
    },
}  # fmt: skip
LANDSCAPE, FLOW = problem("double-well"), DIN(alpha=2, beta=0.1)


def run(
    *, folder: Path, seed: int, sizes: list[int], rival_starts: int, repeats: int, horizon: float, method: str, rtol: float, atol: float
) -> dict[str, Any]:
    """Run the study; the starts are uniform on [−2, 2]², drawn from ``seed``."""
    starts = np.random.default_rng(seed).uniform(-2, 2, (max(sizes), 2))
    rival, packed = compiled(), Field(FLOW.numeric(), LANDSCAPE, starts, 0.0).start
    options = {"method": method, "rtol": rtol, "atol": atol}

    def alone(i: int) -> Any:
        return solve_ivp(rival, (0.0, horizon), packed[:, i], **options)

    alone(0), integrate_batch(FLOW, LANDSCAPE, starts[:2], horizon, **options)  # compile before the clock starts
    rows, ends, evaluations, steps = [], np.full((len(packed), max(sizes)), np.nan), np.zeros(max(sizes)), np.zeros(max(sizes))
    for size in sizes:
        shares = np.array_split(np.arange(min(size, rival_starts)), min(repeats, size))
        together, apart = [], []
        for number in range(repeats):
            share = shares[number % len(shares)]
            begin = time.process_time()
            batch = integrate_batch(FLOW, LANDSCAPE, starts[:size], horizon, **options)
            middle = time.process_time()
            found = [alone(int(i)) for i in share]
            together.append((middle - begin) / size)
            apart.append((time.process_time() - middle) / len(share))
            for i, f in zip(share, found, strict=True):
                ends[:, i], evaluations[i], steps[i] = f.y[:, -1], f.nfev, len(f.t) - 1
        ratios = np.array(apart) / np.array(together)
        rows.append({
            "starts": size, "batch_seconds": float(np.median(together) * size), "solve_ivp_seconds": float(np.median(apart) * size),
            "ratio": float(np.median(ratios)), "ratio_least": float(ratios.min()), "ratio_most": float(ratios.max()),
            "solve_ivp_starts_timed": int(sum(map(len, shares))),
        })  # fmt: skip
    done = np.flatnonzero(evaluations)
    mine = np.concatenate([block[done].T for block in batch.states])
    gaps = np.max(np.abs(mine - ends[:, done]) / (atol + rtol * np.abs(ends[:, done])), axis=0)
    same = {name: float(np.mean(batch.statistics[name][done] == told[done])) for name, told in (("nfev", evaluations), ("steps", steps))}
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    np.savez_compressed(folder / "arrays.npz", starts=starts, ends=mine, solve_ivp_ends=ends[:, done], compared=done,
                        gaps=gaps, steps=batch.statistics["steps"], nfev=batch.statistics["nfev"], t=batch.t)  # fmt: skip
    figure(rows, gaps, batch.statistics["steps"]).savefig(folder / "batch-integration.png", dpi=150)
    return {
        "table": rows, "largest_gap_in_tolerances": float(gaps.max()), "same_evaluations": same["nfev"], "same_steps": same["steps"],
        "steps": {"least": int(batch.statistics["steps"].min()), "most": int(batch.statistics["steps"].max())},
        "compared": len(done), "field_calls": int(batch.statistics["calls"]),
    }  # fmt: skip


def compiled() -> Any:
    """The right-hand side (t, y) of `FLOW` on `LANDSCAPE`, from their own text, as machine code for one state."""
    names = sp.symbols("s0:4", real=True)
    kind = type(FLOW.init(np.zeros(2), oracle(LANDSCAPE)))
    state = kind(*np.array(names, dtype=object).reshape(2, 2))
    rates = np.concatenate(FLOW.numeric().field(state, oracle(LANDSCAPE), 0))
    scalar = numba.njit(sp.lambdify(names, tuple(sp.horner(sp.expand(r)) for r in rates), "math", cse=True))

    @numba.njit
    def field(t: float, y: np.ndarray) -> np.ndarray:
        return np.array(scalar(y[0], y[1], y[2], y[3]))

    return field


def figure(rows: list[dict[str, Any]], gaps: np.ndarray, steps: np.ndarray) -> Figure:
    """Time a trajectory against the size of the batch; how far the end points are from each other; the steps that lanes took."""
    picture = Figure(figsize=(11, 3.6), layout="constrained")
    cost, gap, own = picture.subplots(1, 3)
    size = [r["starts"] for r in rows]
    cost.plot(
        size,
        [1e3 * r["solve_ivp_seconds"] / r["starts"] for r in rows],
        marker="s",
        color=colour(1),
        linestyle=line(1),
        label="solve_ivp, a call a start",
    )
    cost.plot(
        size, [1e3 * r["batch_seconds"] / r["starts"] for r in rows], marker="o", color=colour(0), linestyle=line(0), label="one batch"
    )
    for r in rows:
        at = 1e3 * r["batch_seconds"] / r["starts"]
        cost.annotate(f"×{r['ratio']:.2g}", (r["starts"], at), (7, 4), textcoords="offset points", fontsize="small")
    cost.set(xscale="log", yscale="log", xlabel="starts in the batch", ylabel="CPU ms a trajectory")
    cost.margins(0.18, 0.15)
    cost.legend(frameon=False, fontsize="small", loc="lower left")
    floor = 1e-6
    gap.hist(np.maximum(gaps, floor), bins=np.logspace(-6, 1, 36), color=colour(0))
    gap.axvline(1, color="black", linestyle="--", linewidth=1)
    gap.annotate("tolerance ", (1, 0.95), xycoords=("data", "axes fraction"), ha="right", fontsize="small")
    gap.set(xscale="log", xlabel="gap of the end points / tolerance", ylabel="starts")
    own.hist(steps, bins=np.arange(steps.min() - 0.5, steps.max() + 1.5), color=colour(0))
    own.set(xlabel="steps of a trajectory", ylabel="starts")
    return picture
