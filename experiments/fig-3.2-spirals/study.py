"""Thesis Figure 3.2: spirals of INNA on θ₁² + 2θ₂², and whether theory predicts them.

Four runs from (1, 1): (α, β) = (2, 0.1), where αβ < 1 and both Hessian eigenvalues lie in the spiral
range; (2, 1), where they do not; and the vanishing viscosity α = 2/t with two values of β (the
larger one is not printed; 1 is ours).

Predicted, from the mode matrix M(λ) that is read off the definition: whether each mode turns, how
fast, and how fast it decays.  Measured, from the iterates alone: the rotation number of
(θ_i, θ_i⁺ − θ_i) and the decay of its amplitude from half-turn to half-turn.

On the vanishing viscosity: the authors' script sets t_k = (k+1)√γ in an iteration whose step is γ, so
that in the time kγ of the flow the viscosity is 2√γ/t rather than 2/t, with γ = 0.01 a tenth of it.  And a
varying α in the (θ, ψ) form adds α'(t)θ to the equation of the text.  The third figure shows what
either difference does: the distance of three discretisations to the flow of the text's equation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynopt import INNA, Schedule, VanishingDIN, explicit_euler, problem
from dynopt.core.algorithm import Algorithm
from dynopt.flow.curves import TrajectoryStudy
from dynopt.flow.iterates import Iterates, iterates
from dynopt.flow.trajectory import trajectory
from dynopt.plot.landscape import Box, draw_landscape
from dynopt.plot.palette import colour, line, marker
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

TITLE = "Spirals of INNA on a quadratic, predicted and measured"
SOURCE = "Castera 2021, thesis, Figure 3.2 and §3.3.2"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"iterations": 1200, "gamma": 0.01, "larger_beta": 1.0, "comparison_time": 3.0},
    "paper": {"iterations": 7000, "gamma": 0.01, "larger_beta": 1.0, "comparison_time": 20.0},
}
START = (1.0, 1.0)
LANDSCAPE = problem("thesis-3.2")
SPECTRUM = (2, 4)


def run(*, folder: Path, seed: int, iterations: int, gamma: float, larger_beta: float, comparison_time: float) -> dict[str, Any]:
    """Run the study; nothing in it is random, so ``seed`` is not used."""
    runs = {name: iterates(method, LANDSCAPE, START, steps=iterations) for name, method in _methods(gamma, larger_beta).items()}
    modes = [_mode(name, runs[name], i, value) for name in list(runs)[:2] for i, value in enumerate(SPECTRUM)]
    comparison = _comparison(gamma, comparison_time)
    _landscapes(runs).savefig(folder / "figure-3.2.png", dpi=150)
    _envelopes(runs, modes).savefig(folder / "prediction.png", dpi=150)
    _vanishing(comparison).savefig(folder / "vanishing-viscosity.png", dpi=150)
    arrays = {f"run{i}_{what}": getattr(r, what) for i, r in enumerate(runs.values()) for what in ("t", "theta")}
    np.savez_compressed(folder / "arrays.npz", names=np.array(list(runs)), **arrays, **comparison.arrays())
    return {
        "runs": [_end(name, r) for name, r in runs.items()],
        "modes": modes,
        "spirals_as_predicted": all(m["predicted"]["spirals"] == m["measured"]["spirals"] for m in modes),
        "vanishing_viscosity": [
            {"method": d.method, "max_distance_to_the_equation_of_the_text": d.max, "order": d.order} for d in comparison.distances
        ],
        "viscosity_at_unit_time": {"text": 2.0, "authors_clock": 2 * gamma**0.5 / (1 + gamma), "flow_clock": 2 / (1 + gamma)},
    }


def _methods(gamma: float, larger_beta: float) -> dict[str, Algorithm]:
    clock = Schedule("2/((k+1)*sqrt(gamma))", lambda k: 2 / ((k + 1) * gamma**0.5))
    return {
        "α = 2, β = 0.1": INNA(alpha=2, beta=0.1, gamma=gamma),
        "α = 2, β = 1": INNA(alpha=2, beta=1, gamma=gamma),
        "α = 2/t, β = 0.1": INNA(alpha=clock, beta=0.1, gamma=gamma),
        f"α = 2/t, β = {larger_beta:g}": INNA(alpha=clock, beta=larger_beta, gamma=gamma),
    }


def _mode(name: str, found: Iterates, coordinate: int, value: int) -> dict[str, Any]:
    """Prediction and measurement for the Hessian eigenvalue ``value``, whose mode is one coordinate of θ."""
    gamma = float(found.method.gamma)  # type: ignore[attr-defined]
    matrix = state_space(symbolic(found.method)).mode_matrix.subs(eigenvalue, value)
    roots = [complex(z) for z in matrix.eigenvals(multiple=True)]
    slowest = max(roots, key=abs)
    predicted = {
        "eigenvalues": [[z.real, z.imag] for z in roots],
        "spirals": any(abs(z.imag) > 1e-12 for z in roots),
        "decay": -float(np.log(abs(slowest))) / gamma,
        "frequency": abs(float(np.angle(slowest))) / gamma,
    }
    return {"run": name, "hessian_eigenvalue": value, "predicted": predicted, "measured": measure(found.t, found.theta[:, coordinate])}


def measure(t: np.ndarray, u: np.ndarray) -> dict[str, Any]:
    """Rotation and decay of a scalar sequence around zero, from its values alone.

    The phase is the angle of (u, u⁺ − u), unwrapped; a half-turn ends where u changes sign.  The
    frequency is π per half-turn between the first and the last of them; the decay is the slope of the
    logarithm of |u⁺ − u| there.  A sequence without half-turns decays like its last half.
    """
    usable = np.flatnonzero(np.abs(u) > 1e-290)
    u, t = u[: usable[-1] + 1], t[: usable[-1] + 1]
    step = np.diff(u)
    phase = np.unwrap(np.arctan2(step, u[:-1]))
    turning = abs(float(phase[-1] - phase[0]))
    crossings = np.flatnonzero(u[:-1] * u[1:] < 0)
    if len(crossings) < 3:
        half = len(u) // 2
        return {
            "spirals": False, "half_turns": len(crossings), "phase": turning, "frequency": 0.0,
            "decay": -float(np.log(abs(u[-1] / u[half])) / (t[-1] - t[half])),
        }  # fmt: skip
    share = u[crossings] / (u[crossings] - u[crossings + 1])
    when = t[crossings] + share * (t[crossings + 1] - t[crossings])
    slope = np.polyfit(when, np.log(np.abs(step[crossings])), 1)[0]
    frequency = np.pi * (len(when) - 1) / (when[-1] - when[0])
    return {"spirals": True, "half_turns": len(crossings), "phase": turning, "frequency": float(frequency), "decay": -float(slope)}


def _comparison(gamma: float, time: float) -> TrajectoryStudy:
    """Three discretisations of "α = 2/t, β = 0.1" against the flow of the text's equation."""
    script = Schedule("2/((k+1)*sqrt(gamma))", lambda k: 2 / ((k + 1) * gamma**0.5))
    flow_time = Schedule("2/((k+1)*gamma)", lambda k: 2 / ((k + 1) * gamma))
    direct = explicit_euler(VanishingDIN, "EulerVanishingDIN")
    return trajectory(
        [
            VanishingDIN(alpha0=2, beta=0.1),
            direct(alpha0=2, beta=0.1, gamma=gamma),
            INNA(alpha=flow_time, beta=0.1, gamma=gamma),
            INNA(alpha=script, beta=0.1, gamma=gamma),
        ],
        LANDSCAPE, START, time,
    )  # fmt: skip


def _end(name: str, found: Iterates) -> dict[str, Any]:
    values = LANDSCAPE.value(found.theta)
    below = np.flatnonzero(values < 1e-6)
    return {
        "name": name, "outcome": found.outcome, "last_value": float(values[-1]), "last_distance": float(np.linalg.norm(found.theta[-1])),
        "first_iteration_below_1e-6": int(below[0]) if below.size else None,
        "farthest": float(np.max(np.linalg.norm(found.theta, axis=-1))),
    }  # fmt: skip


def _landscapes(runs: dict[str, Iterates]) -> Figure:
    """Landscape with two zooms (into which only runs that end there are drawn); objective and distance over iterations."""
    figure = Figure(figsize=(12, 8), layout="constrained")
    grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 1, 1), height_ratios=(1.35, 1))
    panels = [figure.add_subplot(grid[0, :2]), figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])]
    for axes, size in zip(panels, (None, 1.2, 1e-3), strict=True):
        reach = max(float(np.max(np.abs(r.theta))) for r in runs.values()) * 1.05 if size is None else size
        draw_landscape(axes, LANDSCAPE, Box(-reach, reach, -reach, reach), levels=10)
        for i, (name, r) in enumerate(runs.items()):
            if size is not None and np.max(np.abs(r.theta[-1])) > size / 100:
                continue
            axes.plot(*r.theta.T, color=colour(i), linestyle=line(i), linewidth=1.3, label=name)
        axes.set_title("landscape" if size is None else f"zoom to ±{size:g}", fontsize="medium")
        if size is not None:
            ticks, named = [-size, 0, size], [f"{-size:g}", "0", f"{size:g}"]
            axes.set(xlabel="", ylabel="", xticks=ticks, yticks=ticks, xticklabels=named, yticklabels=named)
            axes.tick_params(labelsize="small")
    panels[0].plot(*START, marker="s", color="black", linestyle="none", label="start")
    for row, (title, values) in enumerate(
        (("J", lambda r: LANDSCAPE.value(r.theta)), ("‖θ − θ*‖", lambda r: np.linalg.norm(r.theta, axis=-1)))
    ):
        axes = figure.add_subplot(grid[row, 2:])
        for i, r in enumerate(runs.values()):
            axes.semilogy(np.maximum(values(r), 1e-300), color=colour(i), linestyle=line(i), linewidth=1.3)
        axes.set(xlabel="iteration", ylabel=title)
        axes.grid(color="0.92")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def _envelopes(runs: dict[str, Iterates], modes: list[dict[str, Any]]) -> Figure:
    """|θ_i| as dots, the predicted decay as a line through the end of the run, for both modes of the constant viscosities."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, name in zip(panels, list(runs)[:2], strict=True):
        r = runs[name]
        for i, mode in enumerate(m for m in modes if m["run"] == name):
            u, told = np.abs(r.theta[:, i]), mode["predicted"]
            every = max(1, len(u) // 160)
            label = f"θ{'₁₂'[i]} (λ = {mode['hessian_eigenvalue']})"
            axes.semilogy(r.t[::every], u[::every], linestyle="none", marker=marker(i), markersize=3.2, color=colour(i), label=label)
            tops = np.log(np.maximum(u, 1e-300)) + told["decay"] * r.t
            height = float(np.max(tops[len(tops) // 2 :]))
            kind = f"turns, ω = {told['frequency']:.3f}" if told["spirals"] else "does not turn"
            law = f"predicted: {kind}, decay {told['decay']:.3f}"
            axes.semilogy(r.t, np.exp(height - told["decay"] * r.t), color="black", linestyle=line(i), linewidth=1, label=law)
        axes.set(title=name, xlabel="time kγ")
        axes.grid(color="0.92")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False, fontsize="small")
    panels[0].set_ylabel("|coordinate|")
    return figure


def _vanishing(study: TrajectoryStudy) -> Figure:
    """Distance over time of each discretisation to the flow of the text's equation, and the coordinates' size."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    near, far = figure.subplots(1, 2)
    names = ("Euler on the equation of the text", "INNA with α(kγ) = 2/t: adds α'(t)θ", "INNA with t_k = (k+1)√γ, the authors' clock")
    for i, (name, d) in enumerate(zip(names, study.distances, strict=True), start=1):
        order = "no order" if d.order is None else f"order {round(d.order, 2) + 0.0:.2f}"
        near.semilogy(d.gaps[0].t, d.gaps[0].values, color=colour(i), linestyle=line(i), label=f"{name}: {order}")
    for i, (name, c) in enumerate(zip(("flow of the text's equation", *names), study.curves, strict=True)):
        far.semilogy(c.t, np.linalg.norm(c.points, axis=-1), color=colour(i), linestyle=line(i), label=name)
    near.set(xlabel="time", ylabel="distance to the flow of the text's equation")
    far.set(xlabel="time", ylabel="‖θ − θ*‖")
    for axes in (near, far):
        axes.grid(color="0.92")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False, fontsize="small")
    return figure
