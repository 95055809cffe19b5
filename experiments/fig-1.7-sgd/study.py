"""Thesis Figure 1.7: GD against SGD with constant and with vanishing step-sizes on θ₁² + 10θ₂².

SGD is gradient descent with a noisy oracle, θ⁺ = θ − γ_k(∇J(θ) + ξ_k) (thesis (1.21)): the definition of
``gd`` runs unchanged.  The figure's start, steps and noise are not published; ours are the settings below,
with ξ_k normal, independent, of standard deviation ``noise`` in each coordinate.  The vanishing steps are
γ₀(k+1)^(−q) with q in (½, 1], which meets the condition (1.22), and with q = ``too_fast`` > 1, which does not:
the steps have a finite sum, so that a part Π(1 − γ_kλ) of the start is never forgotten.

The second figure measures what the picture suggests.  On a quadratic with eigenvalues λ the mean
square E θ² of each coordinate obeys m⁺ = (1 − γ_kλ)²m + γ_k²·noise² exactly (line); dots are means over
``runs`` runs.  For constant steps m tends to γ·noise²/(λ(2 − γλ)) > 0: SGD does not converge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from matplotlib.figure import Figure

from dynopt import GradientDescent, Landscape, power_decay
from dynopt.plot.landscape import Box, draw_landscape
from dynopt.plot.palette import colour, line, marker

TITLE = "SGD bounces around the minimum unless its steps vanish, but not too fast"
SOURCE = "Castera 2021, thesis, Figure 1.7, (1.21) and (1.22)"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"iterations": 300, "runs": 2000, "gamma": 0.06, "exponent": 0.6, "too_fast": 1.5, "noise": 3.0, "start": [-2.0, 1.0]},
    "paper": {"iterations": 3000, "runs": 20000, "gamma": 0.06, "exponent": 0.6, "too_fast": 1.5, "noise": 3.0, "start": [-2.0, 1.0]},
}
LANDSCAPE = Landscape(lambda x, y: x**2 + 10 * y**2, name="θ₁² + 10θ₂²", lipschitz=(2, 20, "everywhere"))
SPECTRUM = np.array([2.0, 20.0])
_SHOWN = 150  # iterations of the landscape figure
_DOTS = 24
_NEAR = 0.75


@dataclass(frozen=True)
class NoisyOracle:
    """∇J(θ) + ξ_k with ξ_k a function of (seed, k) alone: two calls within one iteration see the same noise."""

    noise: float
    seed: int
    k: int = 0

    def gradient(self, x: Any) -> Any:
        sample = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, self.k])).standard_normal(x.shape)
        return LANDSCAPE.gradient(x) + self.noise * sample

    def full_gradient(self, x: Any) -> Any:
        return LANDSCAPE.gradient(x)

    def value(self, x: Any) -> Any:
        return LANDSCAPE.value(x)

    def at(self, k: int) -> Self:
        return replace(self, k=k)


def run(
    *, folder: Path, seed: int, iterations: int, runs: int, gamma: float, exponent: float, too_fast: float, noise: float, start: list[float]
) -> dict[str, Any]:
    """Run the study; the noise is drawn from ``seed``."""
    constant = GradientDescent(gamma=gamma)
    cases = {
        "GD": (constant, 0.0),
        f"SGD, γ = {gamma:g}": (constant, noise),
        f"SGD, γ = {gamma:g}/(k+1)^{exponent:g}": (GradientDescent(gamma=power_decay(gamma, exponent)), noise),
        f"SGD, γ = {gamma:g}/(k+1)^{too_fast:g}": (GradientDescent(gamma=power_decay(gamma, too_fast)), noise),
    }
    shown = sorted({0, *np.unique(np.geomspace(1, iterations, _DOTS).astype(int)).tolist()})
    arrays: dict[str, np.ndarray] = {"shown": np.array(shown)}
    found = {}
    for i, (name, (method, sigma)) in enumerate(cases.items()):
        one, squares, errors, last = _measure(method.numeric(), NoisyOracle(sigma, seed), np.array(start), runs, iterations, shown)
        expected = _mean_squares(method, sigma, np.array(start), iterations)
        arrays |= {f"path{i}": one, f"mean_square{i}": squares, f"standard_error{i}": errors, f"expected{i}": expected}
        told = {"expected_mean_square": expected[-1], "measured_mean_square": squares[-1], "mean_end": last.mean(axis=0)}
        gap = np.abs(squares - expected[shown])
        if sigma:
            gap = {"largest_deviation_in_standard_errors": np.max(gap[1:] / errors[1:]), "standard_error": errors[-1]}
        else:
            above = expected[shown] > 1e-290  # before it underflows
            gap = {"largest_relative_deviation": np.max(gap[above] / expected[shown][above])}
        found[name] = {**told, **gap}
    limits = gamma * noise**2 / (SPECTRUM * (2 - gamma * SPECTRUM))
    steps = power_decay(gamma, too_fast)
    kept = np.prod(1 - SPECTRUM[:, None] * steps(np.arange(100_000)), axis=1)
    np.savez_compressed(folder / "arrays.npz", **arrays)
    _paths(list(cases), arrays, start).savefig(folder / "figure-1.7.png", dpi=150)
    _distances(list(cases), arrays, float(limits.sum()), iterations).savefig(folder / "mean-square.png", dpi=150)
    return {"cases": found, "limit_of_the_mean_square": {"constant": float(limits.sum())}, "never_forgotten": (kept * start).tolist()}


def _measure(
    method: Any, oracle: NoisyOracle, start: np.ndarray, runs: int, iterations: int, shown: list[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The path of the first run, mean and standard error of ‖θ‖² at the iterations shown, and where the runs end."""
    path, means, errors = [], [], []
    states = method.states(np.broadcast_to(start, (runs, 2)), oracle)
    for k, state in enumerate(islice(states, iterations + 1)):
        if k <= _SHOWN:
            path.append(state.theta[0])
        if k in shown:
            squares = np.sum(state.theta**2, axis=1)
            means.append(squares.mean())
            errors.append(squares.std(ddof=1) / np.sqrt(runs))
    return np.array(path), np.array(means), np.array(errors), np.asarray(state.theta)


def _mean_squares(method: Any, noise: float, start: np.ndarray, iterations: int) -> np.ndarray:
    """E‖θ_k‖² for k = 0, …, by the recursion m⁺ = (1 − γ_kλ)²m + γ_k²·noise² of each coordinate."""
    m, rows = start**2, [np.sum(start**2)]
    for k in range(iterations):
        gamma = float(method.gamma(k) if callable(method.gamma) else method.gamma)
        m = (1 - gamma * SPECTRUM) ** 2 * m + (gamma * noise) ** 2
        rows.append(np.sum(m))
    return np.array(rows)


def _paths(names: list[str], arrays: dict[str, np.ndarray], start: list[float]) -> Figure:
    """All paths on the landscape, and the neighbourhood of the minimum."""
    figure = Figure(figsize=(12, 5), layout="constrained")
    reach = max(abs(start[0]), abs(start[1]))
    whole = Box(-1.15 * reach, 0.45 * reach, -0.62 * reach, 0.75 * reach)
    near = Box(-_NEAR, _NEAR, -_NEAR * 0.86, _NEAR * 0.86)
    for axes, box, title in zip(
        figure.subplots(1, 2), (whole, near), (f"the first {_SHOWN} iterations", "around the minimum"), strict=True
    ):
        draw_landscape(axes, LANDSCAPE, box)
        for i, name in enumerate(names):
            path = arrays[f"path{i}"]
            axes.plot(
                *path.T,
                color=colour(i),
                linestyle=line(i),
                linewidth=1.1,
                alpha=0.9,
                marker=marker(i),
                markersize=3.2,
                label=name,
                zorder=3,
            )
        axes.plot(*start, marker="s", color="black", markersize=6, linestyle="none", zorder=6, label="start")
        axes.set_title(title, fontsize="medium")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _distances(names: list[str], arrays: dict[str, np.ndarray], limit: float, iterations: int) -> Figure:
    figure = Figure(figsize=(8.6, 5), layout="constrained")
    axes = figure.subplots()
    for i, name in enumerate(names):
        expected, shown = arrays[f"expected{i}"], arrays["shown"]
        axes.plot(np.arange(len(expected)) + 1, expected, color=colour(i), linestyle=line(i), linewidth=1.5, label=name)
        measured = np.where(arrays[f"mean_square{i}"] > 1e-30, arrays[f"mean_square{i}"], np.nan)
        axes.plot(shown + 1, measured, marker(i), color=colour(i), markersize=5, markeredgecolor="white", markeredgewidth=0.4, zorder=3)
    axes.axhline(limit, color="0.4", linewidth=1, linestyle=":", label="limit for constant steps")
    axes.plot([], [], "o", color="0.4", label="measured")
    axes.set_xscale("log")
    axes.set_yscale("log")
    noisy = [arrays[f"expected{i}"] for i in range(1, len(names))]
    axes.set_ylim(0.2 * min(float(e.min()) for e in noisy), 3 * max(float(e.max()) for e in noisy))
    axes.set_xlim(1, iterations + 1)
    axes.set_xlabel("k + 1")
    axes.set_ylabel("mean square distance to the minimum")
    axes.grid(color="0.92")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure
