"""Thesis Figure 2.1: INNA and DIN on the V-shaped valley 100(θ₂ − |θ₁|)² + |1 − θ₁|, and other flows on kinks.

The valley is non-smooth, so DIN is the differential inclusion (2.8): its flow is followed from kink to
kink (`dynopt.flow.inclusion`).  Published: the start (−1, 1.5), γ = 1e-4, and α = 1.3, β = 0.1 for (c).
Ours: α and β of (a) and (b), chosen to show what §2.6.1 describes, and the start ψ₀ = (1 − αβ)θ₀ (the
reference PyTorch code's): with the other convention of §2.6.2.1, θ'(0) = −∇J(θ₀), whose length is 140
here, small β sends the run beyond θ₁ = 100, far from the oscillations near (1, 1) that the text describes.

The second figure follows flows where the answer is known: |θ|, a maximum of affine functions, DIN on
|θ|; and measures how the regularised flow, |h| as √(h² + ε²), tends to the inclusion.

The third is about sums.  J = J₁ + J₂ with J₁ = max(−x, 0) + (y − 1)²/2 and
J₂ = min(−x, 0) + max(x² − 1, 0)/2 + (y + 1)²/2 is convex with the only critical point (1, 0), but (0, 0)
is D-critical: 0 ∈ ∂J₁ + ∂J₂.  With the usual choice that max(u, 0) has derivative 0 at u = 0,
mini-batch methods started on x = 0 stay there.  Gradient descent gets there from an open set of starts
for one exceptional step: with γ₀ = 1 and the batch {2} first, x₁ = x₀ − x₀ = 0 exactly (the starts
are multiples of 2⁻²⁰, so that this step is free of rounding; of other floats some miss 0 by a rounding and leave).
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

from dynopt import DIN, INNA, GradientDescent, GradientFlow, Landscape, power_decay, problem
from dynopt.flow.compare import gap
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import Iterates, iterates
from dynopt.flow.solution import Solution
from dynopt.plot.landscape import Box, draw_landscape
from dynopt.plot.palette import colour, line, marker
from dynopt.plot.trajectory import spaced
from dynopt.problems.finite_sum import FiniteSum, MiniBatch
from dynopt.problems.subdifferential import clarke

TITLE = "Damping transverse and longitudinal oscillations in a non-smooth valley; flows on kinks; a D-critical point"
SOURCE = "Castera 2021, thesis, Figure 2.1, §2.6.1, (2.8), (2.12)"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"gamma": 1e-3, "horizon": 10.0, "order_horizon": 2.0, "runs": 200, "epsilons": [4e-3, 1e-3]},
    "paper": {"gamma": 1e-4, "horizon": 12.0, "order_horizon": 6.0, "runs": 1000, "epsilons": [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4]},
}
VALLEY = problem("thesis-2.1")
SETTINGS = {"a": (0.5, 0.004), "b": (0.5, 0.1), "c": (1.3, 0.1)}
START = "pytorch"
VEE = Landscape(lambda t: abs(t), name="|θ|")
CORNER = Landscape(lambda x, y: sp.Max(x + y, -x, -y), name="max(x + y, −x, −y)")
SUM = FiniteSum(
    lambda x, y: sp.Max(-x, 0) + (y - 1) ** 2 / 2,
    lambda x, y: sp.Min(-x, 0) + sp.Max(x**2 - 1, 0) / 2 + (y + 1) ** 2 / 2,
    at_kinks=(1, -1),
    name="J₁ + J₂",
)
FIRST_STEPS = (0.8, 0.9, 0.95, 0.99, 1.0, 1.01, 1.05, 1.1, 1.2)


def run(*, folder: Path, seed: int, gamma: float, horizon: float, order_horizon: float, runs: int, epsilons: list[float]) -> dict[str, Any]:
    """Run the study; ``seed`` draws the mini-batches and the starts of the third figure."""
    count = round(horizon / gamma)
    flows = {name: integrate(DIN(alpha=a, beta=b, start=START), VALLEY, horizon=horizon) for name, (a, b) in SETTINGS.items()}
    found = {
        name: iterates(INNA(alpha=a, beta=b, start=START, gamma=gamma), VALLEY, steps=count, max_steps=count)
        for name, (a, b) in SETTINGS.items()
    }
    panels = [{"panel": name, **_behaviour(found[name], flows[name], order_horizon)} for name in SETTINGS]
    _valley(flows, found).savefig(folder / "figure-2.1.png", dpi=150)
    gaps = _regularised(epsilons)
    _kinks(gaps, epsilons).savefig(folder / "kinks.png", dpi=150)
    stopped = _stopped(seed, runs)
    beside = {x: _sgd(seed, np.array([[x, 0.9]]), 0.2, 600)[:, 0] for x in (-1e-3, 0.0, 1e-3)}
    _sums(stopped, runs, beside).savefig(folder / "d-critical.png", dpi=150)
    thin = max(1, count // 20_000)
    arrays = {f"{n}_theta": r.theta[::thin] for n, r in found.items()} | {f"{n}_flow": f.theta for n, f in flows.items()}
    arrays |= {f"{n}_flow_t": f.t for n, f in flows.items()} | {f"gap_{n}": np.array(v) for n, v in gaps.items()}
    arrays |= {"epsilons": np.array(epsilons), "first_steps": np.array(FIRST_STEPS), "stopped": np.array(stopped)}
    np.savez_compressed(folder / "arrays.npz", every=thin, **arrays | {f"sgd_from_{x:g}": p for x, p in beside.items()})
    origin = [0, 0]
    sums, joint = SUM.subdifferential(origin), clarke(SUM, origin)
    return {
        "panels": panels,
        "regularised": [{"problem": n, "gaps": v, "order": float(np.polyfit(np.log(epsilons), np.log(v), 1)[0])} for n, v in gaps.items()],
        "d_critical": {
            "DJ": [[str(c) for c in v] for v in sums.vertices], "0 in DJ": sums.contains().answer,
            "clarke": [[str(c) for c in v] for v in joint.vertices], "0 in clarke": joint.contains().answer,
            "critical_points": [[str(c) for c in k.point] for k in SUM.critical_points()],
            "stopped": [{"first_step": g, "fraction": s / runs} for g, s in zip(FIRST_STEPS, stopped, strict=True)],
            "ends": [{"x0": x, "end": p[-1].tolist()} for x, p in beside.items()],
        },
    }  # fmt: skip


def _behaviour(found: Iterates, flow: Solution, order_horizon: float) -> dict[str, Any]:
    """What §2.6.1 speaks of, in numbers, for iterates and flow; and the distance between the two at γ, 2γ, 4γ."""
    x, y = found.theta.T
    flow_x, flow_y = flow(np.linspace(*flow.reach, 40_001))[0].T
    values = VALLEY.value(found.theta)
    settled = np.flatnonzero(values >= 1e-3)
    gamma = float(found.t[1])
    method = found.method
    runs = [found] + [iterates(method.replace(gamma=gamma * f), VALLEY, None, order_horizon) for f in (2, 4)]
    largest = [float(np.max(_until(gap(r, flow), order_horizon))) for r in runs]
    between = (found.t >= 2) & (found.t <= 6)
    return {
        "method": found.method.call(), "outcome": found.outcome, "end": found.theta[-1].tolist(),
        "transverse_swings": _swings(y - np.abs(x)), "transverse_swings_of_the_flow": _swings(flow_y - np.abs(flow_x)),
        "farthest_beyond_the_minimiser": float(np.max(x) - 1), "of_the_flow": float(np.max(flow_x) - 1),
        "mean_J_between_t_2_and_6": float(np.mean(values[between])), "last_iteration_with_J_above_1e-3": int(settled[-1]),
        "flow_modes": flow.statistics["modes"][:12], "mode_switches": flow.statistics["mode_switches"],
        "gamma": [gamma * f for f in (1, 2, 4)], "largest_distance": largest, "over_time": order_horizon,
        "order": float(np.polyfit(np.log([1, 2, 4]), np.log(largest), 1)[0]),
    }  # fmt: skip


def _until(distance: Any, horizon: float) -> np.ndarray:
    return distance.values[distance.t <= horizon]


def _swings(w: np.ndarray) -> int:
    """How often the transverse coordinate goes from beyond +0.02 to beyond −0.02 or back."""
    far = np.sign(w[np.abs(w) > 0.02])
    return int(np.count_nonzero(far[1:] != far[:-1]))


def _regularised(epsilons: list[float]) -> dict[str, list[float]]:
    """The largest distance between the regularised flow and the inclusion, for each ε."""
    cases = {
        "gradient flow, |θ|": (GradientFlow(), VEE, [1.0], 2.0),
        "DIN(1, 0.1), |θ|": (DIN(alpha=1, beta=0.1), VEE, [1.0], 4.0),
        "gradient flow, max of affine": (GradientFlow(), CORNER, [1.0, 0.3], 3.0),
        "gradient flow, valley": (GradientFlow(), VALLEY, None, 6.0),
    }
    gaps: dict[str, list[float]] = {}
    for name, (flow, objective, start, horizon) in cases.items():
        exact, t = integrate(flow, objective, start, horizon), np.linspace(0, horizon, 2001)
        rounded = [integrate(flow, objective, start, horizon, regularise=e, rtol=1e-8, atol=1e-10) for e in epsilons]
        gaps[name] = [float(np.max(np.linalg.norm(r(t)[0] - exact(t)[0], axis=-1))) for r in rounded]
    return gaps


def _sgd(seed: int, theta0: np.ndarray, first: float, steps: int) -> np.ndarray:
    """Mini-batch gradient descent with γ_k = first/√(k + 1) and batches of one term, of shape ``(steps + 1, runs, 2)``."""
    method = GradientDescent(gamma=power_decay(first, 0.5))
    return np.stack([s.theta for s in islice(method.states(theta0, MiniBatch(SUM, size=1, seed=seed)), steps + 1)])


def _stopped(seed: int, runs: int) -> list[int]:
    """How many runs end with x = 0 exactly, for each first step; starts uniform on [−3, −1] × [−1, 1], in steps of 2⁻²⁰."""
    rng = np.random.default_rng(seed)
    theta0 = np.round(np.stack([rng.uniform(-3, -1, runs), rng.uniform(-1, 1, runs)], axis=-1) * 2**20) / 2**20
    return [int(np.count_nonzero(_sgd(seed, theta0, first, 300)[-1, :, 0] == 0)) for first in FIRST_STEPS]


def _valley(flows: dict[str, Solution], found: dict[str, Iterates]) -> Figure:
    figure = Figure(figsize=(11, 8.6), layout="constrained")
    grid = figure.subplots(2, 2)
    box = Box(-1.75, 1.75, -0.35, 1.85)
    handles: dict[str, Any] = {}
    for i, (axes, name) in enumerate(zip(grid.flat, flows, strict=False)):
        draw_landscape(axes, VALLEY, box)
        t = np.linspace(*flows[name].reach, 12_001)
        axes.plot(*flows[name](t)[0].T, color=colour(i), linewidth=1.3, zorder=3)
        theta = found[name].theta
        kept = spaced(theta, box.diagonal / 90)
        axes.plot(*theta[kept].T, linestyle="none", marker=marker(i), markersize=3.6, color=colour(i), markeredgecolor="white",
                  markeredgewidth=0.4, zorder=4)  # fmt: skip
        axes.plot(
            *theta[0], marker="x", color="black", markersize=9, markeredgewidth=2, linestyle="none", zorder=5, label="start (−1, 1.5)"
        )
        alpha, beta = SETTINGS[name]
        axes.set_title(f"({name})  α = {alpha:g}, β = {beta:g}" + ("" if name == "c" else "  (α, β ours)"), fontsize="medium")
        handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    axes = grid[1, 1]
    for i, name in enumerate(flows):
        alpha, beta = SETTINGS[name]
        run_, flow = found[name], flows[name]
        gamma = float(run_.t[1])
        t = np.linspace(*flow.reach, 4001)
        axes.plot(t / gamma, VALLEY.value(flow(t)[0]), color=colour(i), linestyle=line(i), linewidth=1.2, label=f"({name}) flow of DIN")
        every = max(1, len(run_.t) // 70)
        axes.plot(np.arange(len(run_.t))[::every], VALLEY.value(run_.theta)[::every], linestyle="none", marker=marker(i), markersize=3.6,
                  color=colour(i), markeredgecolor="white", markeredgewidth=0.4, label=f"({name}) INNA, γ = {gamma:g}")  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(1e-9, 60)
    axes.set_xlabel("iteration")
    axes.set_ylabel("J")
    axes.set_title("(d)  objective", fontsize="medium")
    axes.grid(color="0.92")
    handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _kinks(gaps: dict[str, list[float]], epsilons: list[float]) -> Figure:
    figure = Figure(figsize=(11, 8.4), layout="constrained")
    grid = figure.subplots(2, 2)
    _over_time(grid[0, 0], GradientFlow(), GradientDescent(gamma=0.07), 2.0, "θ' ∈ −∂|θ|: 0 is reached at t = 1 and kept")
    axes = grid[0, 1]
    for i, (beta, gamma) in enumerate(((0.6, 0.05), (0.1, 0.05))):
        _over_time(
            axes,
            DIN(alpha=1, beta=beta),
            INNA(alpha=1, beta=beta, gamma=gamma),
            4.0,
            "DIN on |θ|, α = 1: slides at once or crosses first",
            i,
        )
    axes = grid[1, 0]
    draw_landscape(axes, CORNER, Box(-0.35, 1.1, -0.68, 0.42))
    path, descent = integrate(GradientFlow(), CORNER, (1.0, 0.3), 3.0), iterates(GradientDescent(gamma=0.04), CORNER, (1.0, 0.3), 3.0)
    axes.plot(*path.theta.T, color=colour(0), linewidth=2, label="inclusion (broken line by hand: dotted)")
    axes.plot([1, 1.4 / 3, 0], [0.3, -0.7 / 3, 0], color="black", linestyle=":", linewidth=1.2, zorder=5)
    axes.plot(
        *descent.theta.T, linestyle="none", marker=marker(1), color=colour(1), markersize=4, label="gradient descent, γ = 0.04", zorder=4
    )
    axes.plot(1.0, 0.3, marker="x", color="black", markersize=8, markeredgewidth=2, linestyle="none")
    axes.set_title("gradient flow of max(x + y, −x, −y): along an edge to the corner", fontsize="medium")
    axes = grid[1, 1]
    axes.plot(epsilons, epsilons, color="0.5", linewidth=1.2, label="slope 1")
    for i, (name, values) in enumerate(gaps.items()):
        axes.plot(epsilons, values, linestyle="none", marker=marker(i), color=colour(i), label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("ε")
    axes.set_ylabel("largest distance to the inclusion")
    axes.set_title("|h| rounded to √(h² + ε²)", fontsize="medium")
    axes.grid(color="0.92")
    for axes, place in zip(grid.flat, ("upper right", "upper right", "lower right", "lower right"), strict=True):
        axes.legend(fontsize="small", frameon=True, framealpha=0.9, edgecolor="none", loc=place)
    return figure


def _over_time(axes: Any, flow: Any, method: Any, horizon: float, title: str, i: int = 0) -> None:
    solution, found = integrate(flow, VEE, [1.0], horizon), iterates(method, VEE, [1.0], horizon)
    t = np.linspace(0, horizon, 801)
    rounded = integrate(flow, VEE, [1.0], horizon, regularise=0.1, rtol=1e-8, atol=1e-10)
    told = f", β = {float(flow.beta):g}" if isinstance(flow, DIN) else ""
    axes.plot(t, solution(t)[0], color=colour(i), linewidth=2, linestyle=line(i), label="inclusion" + told)
    axes.plot(t, rounded(t)[0], color=colour(i), linewidth=0.9, alpha=0.7, label=f"regularised, ε = 0.1{told}")
    axes.plot(
        found.t,
        found.theta,
        linestyle="none",
        marker=marker(i),
        markersize=3.6,
        color=colour(i),
        label=f"iterates, γ = {float(method.gamma):g}{told}",
    )
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlabel("time")
    axes.set_ylabel("θ", rotation=0)
    axes.set_title(title, fontsize="medium")


def _sums(stopped: list[int], runs: int, beside: dict[float, np.ndarray]) -> Figure:
    figure = Figure(figsize=(13.5, 5.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    ends = {x: sorted(float(v[0]) for v in clarke(SUM, [x, 0]).vertices) for x in (-2, -1, 1, 2)}
    whole = [float(v[0]) for v in SUM.subdifferential([0, 0]).vertices]
    graph = np.array([(x, g) for x, found in ends.items() for g in found])  # affine in between
    left.plot(*graph.T, color=colour(0), linewidth=2, label="∂J (Clarke)")
    left.plot([0, 0], [min(whole), max(whole)], color=colour(2), linewidth=2, linestyle="--", label="DJ = ∂J₁ + ∂J₂ where it is larger")
    left.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    left.plot(
        0,
        0,
        "o",
        markersize=9,
        markerfacecolor="white",
        markeredgecolor=colour(2),
        markeredgewidth=1.8,
        label="D-critical only",
        linestyle="none",
    )
    left.plot(1, 0, "P", markersize=10, markerfacecolor="white", markeredgecolor="black", label="critical: the minimiser", linestyle="none")
    left.set_xlabel("x (y = 0)")
    left.set_ylabel("x-component of the subdifferential")
    left.set_ylim(-3.2, 2.2)
    draw_landscape(middle, SUM, Box(-0.4, 1.4, -0.7, 1.0))
    for i, (x, path) in enumerate(beside.items()):
        middle.plot(*path.T, color=colour(i), marker=marker(i), markersize=3, linewidth=0.7, label=f"mini-batch GD from x₀ = {x:g}")
    middle.plot(
        0, 0, "o", markersize=9, markerfacecolor="white", markeredgecolor=colour(2), markeredgewidth=1.8, linestyle="none", zorder=6
    )
    right.plot(FIRST_STEPS, np.array(stopped) / runs, "o", color=colour(0), label=f"measured, {runs} runs")
    right.plot(1, 0.5, "_", color="black", markersize=22, markeredgewidth=1.6, label="½: the batch {2} comes first")
    right.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    right.set_xlabel("first step γ₀  (γ_k = γ₀/√(k + 1))")
    right.set_ylabel("share of runs that end at x = 0 exactly")
    right.set_ylim(-0.03, 0.75)
    right.grid(color="0.92")
    for axes, title in (
        (left, "DJ is larger than ∂J at x = 0"),
        (middle, "on the line x = 0 and beside it"),
        (right, "from an open set of starts, for one step only"),
    ):
        axes.set_title(title, fontsize="medium")
        axes.legend(fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    return figure
