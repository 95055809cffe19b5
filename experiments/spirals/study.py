"""Spirals of DIN and INNA: predicted from the mode matrix M(λ), measured on trajectories.

A mode with Hessian eigenvalue λ spirals iff M(λ) has complex eigenvalues: for DIN iff
(α + βλ)² < 4λ, an open interval of λ that is not empty iff αβ < 1 (thesis §3.3).  Three figures:

* ``rates``: ω and the decay against λ, the prediction as a line, measurements on the flow (DIN) and on
  its Euler iterates (INNA) as dots;
* ``plane``: the (α, β) plane for one spectrum: the predicted boundary of "some eigenvalue of the
  spectrum spirals" as a line, random (α, β) as dots, filled where a trajectory was seen to turn;
* ``portraits``: the plane (θ, θ') of single modes and of a double well, with stable and unstable directions.

What is measured is the angle of the state in the plane (θ, ψ + shift), not zero crossings
(`dynopt.flow.spirals.measured`).  A spiral whose half turn takes longer than the run cannot be told
from none; such dots are counted as unseen and drawn as rings, neither right nor wrong.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynopt import DIN, INNA, Landscape, Quadratic
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates
from dynopt.flow.portrait import PhasePlane
from dynopt.flow.spirals import Rotation, measured, modes, rotation, spiral_set
from dynopt.plot.landscape import box_around
from dynopt.plot.palette import colour, line, marker
from dynopt.plot.portrait import draw_directions, draw_portrait

TITLE = "Spirals of DIN and INNA: frequency, decay and the (α, β) plane, predicted and measured"
SOURCE = "Castera 2021, thesis §3.3.1.4 and §3.3.2.2"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"pairs": [[2.0, 0.1], [0.5, 0.5]], "eigenvalues": 7, "gamma": 0.01, "spectrum": [1.0, 4.0], "dots": 40},
    "paper": {"pairs": [[2.0, 0.1], [0.5, 0.5], [1.0, 1.3]], "eigenvalues": 25, "gamma": 0.01, "spectrum": [1.0, 4.0], "dots": 600},
}
HALF_TURNS, LONGEST, STEPS = 12, 650.0, 20_000  # amplitudes fall by e^-650 at most: doubles hold no more


def run(*, folder: Path, seed: int, pairs: list[list[float]], eigenvalues: int, gamma: float, spectrum: list[float], dots: int) -> dict:
    rates = [row for pair in pairs for row in _rates(pair[0], pair[1], eigenvalues, gamma)]
    plane = _plane(seed, spectrum, dots)
    _write(folder / "rates.csv", rates)
    _write(folder / "plane.csv", plane)
    _rates_figure(pairs, rates, gamma).savefig(folder / "rates.png", dpi=150)
    _plane_figure(spectrum, plane).savefig(folder / "plane.png", dpi=150)
    _portraits().savefig(folder / "portraits.png", dpi=150)
    seen = [r for r in plane if r["measured"] != ""]
    return {
        "rates": {system: _worst([r for r in rates if r["system"] == system]) for system in ("flow", "iterates")},
        "plane": {
            "spectrum": spectrum, "dots": len(plane), "seen": len(seen), "unseen": len(plane) - len(seen),
            "on_the_right_side": sum(r["measured"] == r["predicted"] for r in seen),
            "spiral_though_product_at_least_1": sum(r["measured"] == 1 and r["alpha"] * r["beta"] >= 1 for r in seen),
        },
    }  # fmt: skip


def _worst(rows: list[dict[str, Any]]) -> dict[str, Any]:
    turning = [r for r in rows if r["spirals"]]
    return {
        "spirals": len(turning), "recognised": sum(r["measured_spirals"] == 1 for r in turning),
        "others": len(rows) - len(turning), "taken_for_spirals": sum(r["measured_spirals"] == 1 for r in rows if not r["spirals"]),
        "largest_relative_error_of_frequency": max((abs(r["measured_frequency"] / r["frequency"] - 1) for r in turning), default=None),
        "largest_relative_error_of_decay": max((abs(r["measured_decay"] / r["decay"] - 1) for r in rows), default=None),
    }  # fmt: skip


def _rates(alpha: float, beta: float, count: int, gamma: float) -> list[dict[str, Any]]:
    """ω and decay for λ spread (on a logarithmic scale) over the spiral interval and as far again on both sides."""
    flow, method = DIN(alpha=alpha, beta=beta), INNA(alpha=alpha, beta=beta, gamma=gamma)
    ends = [float(e) for pair in spiral_set(flow) for e in pair] or [0.3, 3.0]
    low, high = ends[0], ends[-1]
    values = np.geomspace(low * (low / high) ** 0.2, high * (high / low) ** 0.2, count)
    stable = [v for v in values if gamma * v < 1]  # the Euler step must resolve the mode
    rows = []
    for system, at in (("flow", values), ("iterates", stable)):
        for value in map(float, at):
            told = rotation(flow if system == "flow" else method, value)
            duration = _duration(told)
            duration = duration if system == "flow" else min(duration, STEPS * gamma)
            seen = _flow(flow, value, duration) if system == "flow" else _iterates(method, value, duration)
            rows.append({
                "system": system, "alpha": alpha, "beta": beta, "lambda": value, "spirals": int(told.spirals or 0),
                "frequency": told.frequency, "decay": told.decay, "duration": duration,
                "measured_spirals": int(seen.spirals or 0), "measured_frequency": seen.frequency,
                "measured_decay": seen.decay, "half_turns": seen.turned,
            })  # fmt: skip
    return rows


def _duration(told: Rotation) -> float:
    longest = LONGEST / max(abs(told.decay), 1e-3)
    return min(HALF_TURNS * np.pi / told.frequency, longest) if told.spirals else min(40.0 / max(abs(told.decay), 1e-3), longest)


def _flow(flow: DIN, value: float, duration: float) -> Rotation:
    solution = integrate(flow, Quadratic([value]), (1.0,), duration, rtol=1e-10, atol=1e-290)
    t = np.linspace(0, solution.reach[1], 6001)
    states = solution(t)
    return measured(t, states[0][:, 0], _shifted(flow, states))


def _iterates(method: INNA, value: float, duration: float) -> Rotation:
    found = iterates(method, Quadratic([value]), (1.0,), steps=int(np.ceil(duration / float(method.gamma))), max_steps=10**6)
    return measured(found.t, found.theta[:, 0], _shifted(method, found.states))


def _shifted(system: Any, states: Any) -> np.ndarray:
    """ψ − (1 − αβ)θ, which is 0 where θ is in its steady state: the plane's second coordinate."""
    return (states[1] - (1 - float(system.alpha) * float(system.beta)) * states[0])[:, 0]


def _plane(seed: int, spectrum: list[float], dots: int) -> list[dict[str, Any]]:
    """Random (α, β): does any eigenvalue of the spectrum spiral, by the exact discriminant and by the angle of the flow?"""
    points = np.random.default_rng(seed).uniform((0.02, 0.02), (5.0, 2.5), (dots, 2))
    rows = []
    for alpha, beta in points.round(4):
        flow = DIN(alpha=float(alpha), beta=float(beta))
        told = [rotation(flow, v) for v in spectrum]
        lengths = [min(LONGEST / max(t.decay, 1e-3), 200.0) for t in told]
        seen = [_flow(flow, v, length) for v, length in zip(spectrum, lengths, strict=True)]
        turns = any(s.spirals for s in seen)
        expected = max(t.frequency * length / np.pi for t, length in zip(told, lengths, strict=True))
        rows.append({
            "alpha": alpha, "beta": beta, "predicted": int(expected > 0), "expected_half_turns": expected,
            "measured": "" if 0 < expected < 1.01 and not turns else int(turns), "half_turns": max(s.turned for s in seen),
        })  # fmt: skip
    return rows


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _rates_figure(pairs: list[list[float]], rows: list[dict[str, Any]], gamma: float) -> Figure:
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    for axes, what, title in zip(figure.subplots(1, 2), ("frequency", "decay"), ("angular frequency ω", "decay rate"), strict=True):
        for i, (alpha, beta) in enumerate(pairs):
            own = [r for r in rows if (r["alpha"], r["beta"]) == (alpha, beta)]
            values = np.geomspace(min(r["lambda"] for r in own), max(r["lambda"] for r in own), 120)
            euler = values[values * gamma < 1]
            for method, at, width in ((DIN(alpha=alpha, beta=beta), values, 1.5), (INNA(alpha=alpha, beta=beta, gamma=gamma), euler, 0.7)):
                law = [getattr(rotation(method, float(v)), what) for v in at]
                label = f"α = {alpha:g}, β = {beta:g}: {'DIN' if width > 1 else 'INNA'}, predicted"
                axes.plot(at, law, color=colour(i), linestyle=line(i), linewidth=width, label=label)
            for system, filled in (("flow", True), ("iterates", False)):
                dots = [r for r in own if r["system"] == system]
                face = colour(i) if filled else "white"
                axes.plot([r["lambda"] for r in dots], [r[f"measured_{what}"] for r in dots], linestyle="none", marker=marker(i),
                          markersize=5 if filled else 8, color=colour(i), markerfacecolor=face, zorder=3 if filled else 2,
                          label=f"  {'DIN' if filled else 'INNA'}, measured")  # fmt: skip
        axes.set(xscale="log", xlabel="Hessian eigenvalue λ", ylabel=title)
        axes.grid(color="0.92")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(pairs) if len(pairs) > 2 else 2, frameon=False, fontsize="small")
    return figure


def _plane_figure(spectrum: list[float], rows: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    alpha, beta = np.meshgrid(np.linspace(0, 5, 601), np.linspace(0, 2.5, 601))
    least = np.min([(alpha + beta * v) ** 2 - 4 * v for v in spectrum], axis=0)
    axes.contourf(alpha, beta, least, levels=[-1e9, 0], colors=["#E8F1F8"], zorder=0)
    axes.contour(alpha, beta, least, levels=[0], colors=[colour(0)], linewidths=1.6)
    grid = np.linspace(0.35, 5, 200)
    axes.plot(grid, 1 / grid, color="black", linestyle="--", linewidth=1, label="αβ = 1: above, no λ at all can spiral")
    axes.plot([], [], color=colour(0), linewidth=1.6, label="predicted boundary for λ in {" + ", ".join(f"{v:g}" for v in spectrum) + "}")
    for kind, name, style in (
        (1, "measured: turns", {"marker": "o", "color": colour(2)}),
        (0, "measured: does not turn", {"marker": "s", "color": "black", "markerfacecolor": "white"}),
        ("", "turns more slowly than the run can show", {"marker": "x", "color": "0.4"}),
    ):
        own = [r for r in rows if r["measured"] == kind]
        axes.plot(
            [r["alpha"] for r in own], [r["beta"] for r in own], linestyle="none", markersize=4.5, label=f"{name} ({len(own)})", **style
        )
    axes.set(xlabel="α (viscous damping)", ylabel="β (Newtonian damping)", xlim=(0, 5), ylim=(0, 2.5))
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def _portraits() -> Figure:
    """The plane (θ, θ') of a mode that spirals, of one that does not, of a saddle's unstable mode, and of a double well."""
    figure = Figure(figsize=(11, 9), layout="constrained")
    well = Landscape(lambda x: x**4 / 4 - x**2 / 2, name="double well")
    spiral, node = DIN(alpha=0.5, beta=0.1), DIN(alpha=2, beta=1)
    cases = [
        ("λ = 4, αβ = 0.05: a spiral", spiral, Quadratic([4]), [(0.0, 4.0)]),
        ("λ = 1/2, αβ = 2: a node", node, Quadratic([0.5]), [(0.0, 0.5)]),
        ("λ = −1, αβ = 0.05: a saddle", spiral, Quadratic([-1]), [(0.0, -1.0)]),
        ("θ⁴/4 − θ²/2, αβ = 0.05: two spirals and a saddle", spiral, well, [(0.0, -1.0), (1.0, 2.0), (-1.0, 2.0)]),
    ]
    names = {"stable": "stable direction", "unstable": "unstable direction"}
    for axes, (title, flow, problem, rests) in zip(figure.subplots(2, 2).flat, cases, strict=True):
        plane = PhasePlane(flow, problem)
        paths = []
        for start in (-1.5, 1.2):
            solution = integrate(flow, problem, (start,), 30.0, rtol=1e-9, atol=1e-12)
            states = solution(np.linspace(0, solution.reach[1], 3000))
            paths.append(plane.points(states)[np.abs(states[0][:, 0]) < 2.0])
        box = box_around(np.concatenate(paths), flattest=0.0)
        draw_portrait(axes, plane.velocity, box, ("θ", "θ'"))
        for place, value in rests:
            draw_directions(axes, (place, 0.0), [z for z in modes(flow, value) if z.imag == 0], box, names)
            axes.plot(place, 0.0, marker="o", color="black", markersize=5, zorder=4)
        for i, path in enumerate(paths):
            axes.plot(*path.T, color=colour(4 if i else 5), linewidth=1.3, zorder=3)
        axes.set_title(title, fontsize="medium")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure
