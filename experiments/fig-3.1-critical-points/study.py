"""Thesis Figure 3.1: two functions with the same singular Hessian at 0, one of them with a minimum there.

½θ₁² + ½θ₂² + θ₁θ₂ and θ₁³ + θ₂² have the Hessian eigenvalues 0 and 2 at the critical point 0, so the Hessian
does not tell what it is.  Both answers are decided exactly: the first function is ≥ 0 everywhere; the
second takes both signs on every ball around 0, −ε³ at (−ε, 0) and ε³ at (ε, 0).

The gradient flow and DIN run on both from the same ``starts``.  The gradient flow has closed forms to be held
against: on the left θ₁ − θ₂ is constant and the flow ends on the line of minima θ₁ + θ₂ = 0; on the right
θ₁' = −3θ₁² blows up at the time −1/(3θ₁(0)) from θ₁(0) < 0 and creeps to 0 like 1/(3t) from θ₁(0) > 0.
DIN has momentum: with the parameters below it runs past 0 and blows up from every start on the right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dynopt import DIN, GradientFlow, problem
from dynopt.errors import Outcome
from dynopt.flow.integrate import integrate
from dynopt.flow.solution import Solution
from dynopt.plot.landscape import Box, draw_landscape, shade_concave
from dynopt.plot.palette import colour, line
from dynopt.symbolic.decide import decide

TITLE = "The same singular Hessian at a minimum and at a point that is no extremum"
SOURCE = "Castera 2021, thesis, Figure 3.1 and §3.2"
_STARTS = [[1.2, 0.9], [-0.3, 1.1], [-0.6, -1.0], [0.9, -0.5], [-0.9, 0.4]]
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"horizon": 40.0, "alpha": 1.0, "beta": 0.5, "starts": _STARTS},
    "paper": {"horizon": 400.0, "alpha": 1.0, "beta": 0.5, "starts": _STARTS},
}
LEFT, RIGHT = problem("thesis-3.1-left"), problem("thesis-3.1-right")
BOX = Box(-1.5, 1.5, -1.4, 1.4)


def run(*, folder: Path, seed: int, horizon: float, alpha: float, beta: float, starts: list[list[float]]) -> dict[str, Any]:
    """Run the study; nothing in it is random, so ``seed`` is not used."""
    flows = {"gradient flow": GradientFlow(), f"DIN, α = {alpha:g}, β = {beta:g}": DIN(alpha=alpha, beta=beta)}
    runs = {
        (side.name, name): [integrate(flow, side, start, horizon) for start in starts]
        for side in (LEFT, RIGHT)
        for name, flow in flows.items()
    }
    _figure(list(flows), runs).savefig(folder / "figure-3.1.png", dpi=150)
    arrays = {f"run{i}_{j}_theta": r.theta for i, found in enumerate(runs.values()) for j, r in enumerate(found)}
    np.savez_compressed(folder / "arrays.npz", starts=np.array(starts), **arrays)
    descents = {side.name: runs[side.name, "gradient flow"] for side in (LEFT, RIGHT)}
    return {
        "points": [_point(side) for side in (LEFT, RIGHT)],
        "runs": [_told(problem, name, r) for (problem, name), found in runs.items() for r in found],
        "gradient_flow_against_its_closed_form": {
            "left_end_off_by": max(_left_error(r, horizon) for r in descents[LEFT.name]),
            "right_theta1_off_by_relative": max(_right_error(r) for r in descents[RIGHT.name]),
            "blow_up_off_by_relative": max(_blow_up_error(r) for r in descents[RIGHT.name] if r.theta[0, 0] < 0),
        },
    }


def _point(side: Any) -> dict[str, Any]:
    """Spectrum at 0 and whether 0 is a minimum, each with the decision behind it."""
    x, y = side.symbols
    hessian = side.hessian_expression.subs({x: 0, y: 0})
    e = sp.Symbol("epsilon", real=True)
    beside = [side.expression.subs({x: s * e, y: 0}) for s in (-1, 1)]
    signs = [decide([e > 0], beside[0] < 0).verdict, decide([e > 0], beside[1] > 0).verdict]
    nonnegative = decide([], side.expression >= 0).verdict
    both = "proved" if signs == ["proved"] * 2 else "refuted" if nonnegative == "proved" else "undecided"
    return {
        "problem": side.name, "function": str(side.expression),
        "spectrum": sorted(str(v) for v, count in hessian.eigenvals().items() for _ in range(count)),
        "gradient_at_0": [str(v) for v in side.gradient_expression.subs({x: 0, y: 0})],
        "nonnegative_everywhere": nonnegative, "both_signs_in_every_ball": both,
        "what_0_is": "no extremum" if both == "proved" else "minimum" if nonnegative == "proved" else "undecided",
    }  # fmt: skip


def _told(problem: str, name: str, r: Solution) -> dict[str, Any]:
    return {"problem": problem, "flow": name, "start": r.theta[0], "outcome": r.outcome, "message": r.message, "end": r.theta[-1]}


def _left_error(r: Solution, horizon: float) -> float:
    """Distance from the solution (s ± d)/2 with d = θ₁ − θ₂ constant and s = θ₁ + θ₂ decaying like e^(−2t)."""
    total, difference = r.theta[0].sum() * np.exp(-2 * horizon), r.theta[0, 0] - r.theta[0, 1]
    return float(np.linalg.norm(r.theta[-1] - np.array([total + difference, total - difference]) / 2))


def _right_error(r: Solution) -> float:
    """Relative error of θ₁ = a/(1 + 3at), where it is not yet ten times as large as at the start."""
    a = r.theta[0, 0]
    near = 1 + 3 * a * r.t > 0.1
    return float(np.max(np.abs(r.theta[near, 0] * (1 + 3 * a * r.t[near]) / a - 1)))


def _blow_up_error(r: Solution) -> float:
    return abs(float(r.statistics.get("blow_up_time", np.nan)) * -3 * r.theta[0, 0] - 1)


def _figure(names: list[str], runs: dict[tuple[str, str], list[Solution]]) -> Figure:
    figure = Figure(figsize=(11, 6.2), layout=ConstrainedLayoutEngine(h_pad=0.1))
    handles: dict[str, Any] = {}
    titles = {LEFT.name: "½θ₁² + ½θ₂² + θ₁θ₂: 0 is a minimum", RIGHT.name: "θ₁³ + θ₂²: 0 is no extremum"}
    for axes, side in zip(figure.subplots(1, 2, sharey=True), (LEFT, RIGHT), strict=True):
        draw_landscape(axes, side, BOX)
        x = np.linspace(BOX.left, BOX.right, 301)
        if side is LEFT:
            axes.plot(x, -x, color="0.35", linewidth=1.2, zorder=1, label="J = 0")
        else:
            shade = shade_concave(axes, side, BOX)
            handles[shade.get_label()] = shade
            for sign in (-1, 1):
                down = x[x <= 0]
                axes.plot(down, sign * (-down) ** 1.5, color="0.35", linewidth=1.2, zorder=1, label="J = 0")
        for i, name in enumerate(names):
            for r in runs[side.name, name]:
                dense = r(np.linspace(*r.reach, 4000)).theta
                axes.plot(*dense.T, color=colour(2 * i), linestyle=line(i), linewidth=1.7, zorder=3, label=name)
                if r.outcome is not Outcome.DIVERGED:
                    size = 10 - 4 * i
                    axes.plot(
                        *r.theta[-1], "o", color=colour(2 * i), markeredgecolor="black", markersize=size, zorder=5, label=f"{name}, end"
                    )
        for r in runs[side.name, names[0]]:
            axes.plot(*r.theta[0], marker="s", color="black", markersize=5, linestyle="none", zorder=6, label="start")
        axes.plot(
            0,
            0,
            marker="d",
            color="white",
            markeredgecolor="black",
            markersize=8,
            linestyle="none",
            zorder=7,
            label="0: eigenvalues 0 and 2",
        )
        axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        axes.set_title(titles[side.name], fontsize="medium")
        handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    del handles["degenerate"]  # the sign of the landscape is under the one for 0
    figure.axes[1].set_ylabel("")
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False)
    return figure
