"""The noise ball of constant-step SGD, for four methods, and when there is none.

**Additive noise** on ½ Σ λ_p θ_p²: E‖θ‖² in the long run against the step-size, for gradient descent (closed form
γε²/(λ(2 − γλ)) along each λ), heavy ball, Nesterov's method and INNA, up to the limit of stability of each.  Lines are
the stationary covariance Σ = MΣMᵀ + bbᵀ of the mode matrix (`dynopt.symbolic.stationary`), dots are runs of the definitions.

**Mini-batches** of a small least-squares problem: the noise depends on where the iterate is.  Lines are the exact second
moments (`dynopt.ensemble.second_moments`), thin lines what the additive law says when the noise at the solution is put in:
right for small steps, too small for large ones, where the method is no longer stable in mean square.

**Least squares of the slides**, A ∈ R^{200×100} and R^{200×1000} with Gaussian data: with more rows than unknowns the
gradients of the samples do not vanish at the solution, and SGD with a constant step ends in a noise ball; with more
unknowns than rows all of them vanish and it converges linearly.  The shapes are the slides'; step, batch, data and start
are not given: ours are standard normal data, single samples, γ = ``step``/n (n the mean of ‖a_i‖²) and θ₀ = 0.  The loss
is the mean over the samples.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import torch
from matplotlib.figure import Figure
from scipy import stats

import dynopt
from dynopt.ensemble.noise import Additive, MiniBatch
from dynopt.ensemble.second_moments import SecondMoments
from dynopt.plot.palette import colour, line, marker
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.stationary import stationary_covariance, stationary_variances
from dynopt.symbolic.symbols import eigenvalue, symbolic

TITLE = "The noise ball of methods with a constant step, and linear convergence where the data are interpolated"
SOURCE = "Lecture slides on stochastic gradient descent: SGD example, over- against under-parameterized least squares"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"spectrum": [1.0, 10.0], "noise": 1.0, "runs": 128, "points": 3, "smallest": 0.2, "samples": 12, "unknowns": 2,
              "shapes": [[40, 20], [40, 200]], "step": 0.5, "epochs": 15, "ensemble": 64},
    "paper": {"spectrum": [1.0, 10.0], "noise": 1.0, "runs": 2048, "points": 8, "smallest": 0.02, "samples": 20, "unknowns": 3,
              "shapes": [[200, 100], [200, 1000]], "step": 0.5, "epochs": 40, "ensemble": 256},
}  # fmt: skip
METHODS = ("gd", "heavy_ball(momentum=9/10)", "nesterov(momentum=9/10)", "inna(alpha=1/2, beta=1/10)")
NAMES = ("gradient descent", "heavy ball, m = 0.9", "Nesterov, m = 0.9", "INNA, α = 0.5, β = 0.1")
BATCHES = (("gd", 1), ("gd", 4), ("heavy_ball(momentum=1/2)", 1))
BATCH_NAMES = ("SGD, single samples", "SGD, batches of 4", "heavy ball, m = 0.5, single samples")
_LARGEST = 0.95  # of the limit of stability
_NOT_HEAVY = 0.8  # of the limit of stability in mean square: beyond, E‖θ‖⁴ is so large, or infinite, that a mean of squares tells nothing
_FORGOTTEN = 1e-3  # the part of E‖θ − θ*‖² that may be left of the start
_SHOWN = 30  # dots of a loss curve


class LeastSquares:
    """J(θ) = (1/2N) Σ (⟨a_i, θ⟩ − b_i)² for batches of runs on torch, (batch, n)."""

    def __init__(self, samples: int, unknowns: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.rows, self.targets = rng.standard_normal((samples, unknowns)), rng.standard_normal(samples)
        self.name, self.samples, self.dimension = f"least squares {samples}×{unknowns}", samples, unknowns
        self._a, self._b = torch.as_tensor(self.rows), torch.as_tensor(self.targets)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return ((x @ self._a.T - self._b) ** 2).mean(-1) / 2

    def gradient(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self._a.T - self._b) @ self._a / self.samples

    def sample_gradient(self, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        rows = self._a[chosen]
        return (((rows * x[..., None, :]).sum(-1) - self._b[chosen])[..., None] * rows).mean(-2)


def run(
    *, folder: Path, seed: int, spectrum: list[float], noise: float, runs: int, points: int, smallest: float, samples: int, unknowns: int,
    shapes: list[list[int]], step: float, epochs: int, ensemble: int,
) -> dict[str, Any]:  # fmt: skip
    """Write noise-ball.csv, mini-batches.csv, arrays.npz and a figure of each part; return the tables."""
    steps = np.geomspace(smallest, _LARGEST, points)
    additive, mine = _additive(spectrum, noise, runs, steps, seed)
    _write(folder / "noise-ball.csv", additive)
    _ball_figure(additive, mine, NAMES, "additive noise", "E‖θ − θ*‖² in the long run").savefig(folder / "noise-ball.png", dpi=150)
    data = LeastSquares(samples, unknowns, seed)
    batches, theirs = _mini_batches(data, runs, steps[steps <= _NOT_HEAVY], seed)
    _write(folder / "mini-batches.csv", batches)
    title = f"mini-batches of least squares {samples}×{unknowns}"
    _ball_figure(batches, theirs, BATCH_NAMES, title, "E‖θ − θ*‖² in the long run").savefig(folder / "mini-batches.png", dpi=150)
    curves = [_descend(LeastSquares(*shape, seed + i), step, epochs, ensemble, seed + i) for i, shape in enumerate(shapes)]
    _losses_figure(curves).savefig(folder / "least-squares.png", dpi=150)
    arrays = {f"{key}_{i}": c[key] for i, c in enumerate(curves) for key in ("shown", "measured", "half", "expected", "one", "residuals")}
    arrays |= {f"line_{kind}_{i}": np.array(xy) for kind, lines in (("additive", mine), ("batch", theirs)) for i, xy in enumerate(lines)}
    np.savez_compressed(folder / "arrays.npz", **arrays)
    return {"additive": additive, "mini_batches": batches, "least_squares": [c["told"] for c in curves]}


def _additive(spectrum: list[float], noise: float, runs: int, steps: np.ndarray, seed: int) -> tuple[list[dict[str, Any]], list[Any]]:
    """Rows of measured and predicted sizes, and the lines to draw."""
    problem, rows, lines = dynopt.Quadratic(spectrum), [], []
    for text, name in zip(METHODS, NAMES, strict=True):
        limit, radius = _limit(text, spectrum), _radius(text)
        fine = limit * _fine(steps[0] / 1.3, 0.999, 120)
        variance = _closed_form(text)
        lines.append((fine, sum(noise**2 * variance(fine, value) for value in spectrum)))
        for part in steps:
            method = _with(text, limit * part)
            rate = max(radius(limit * part, value) for value in spectrum) ** 2
            oracle = Additive(noise).oracle(problem, seed=seed + len(rows), runs=torch.arange(runs))
            measured, half, iterations = _long_run(method, oracle, torch.zeros(runs, problem.dimension, dtype=torch.float64), rate)
            expected = float(stationary_variances(method, spectrum, noise).sum())
            rows.append(_row(name, limit, method.gamma, runs, iterations, measured, half, expected))
    return rows, lines


def _mini_batches(data: LeastSquares, runs: int, steps: np.ndarray, seed: int) -> tuple[list[dict[str, Any]], list[Any]]:
    rows, lines = [], []
    for (text, batch), name in zip(BATCHES, BATCH_NAMES, strict=True):

        def law(gamma: float, text: str = text, batch: int = batch) -> SecondMoments:
            return SecondMoments(_with(text, gamma), data.rows, data.targets, batch=batch)

        limit = _edge(lambda gamma: law(gamma).rate < 1)
        fine = limit * _fine(steps[0] / 1.3, 0.98, 6 * len(steps))
        frozen, variance = law(limit), _closed_form(text)
        sizes = frozen.share * ((frozen.residuals[:, None] * data.rows @ frozen.basis) ** 2).mean(axis=0)
        lines.append((
            fine, [float(np.trace(law(g).stationary())) for g in fine],
            sum(size * variance(fine, value) for size, value in zip(sizes, frozen.curvatures, strict=True)),
        ))  # fmt: skip
        start = torch.as_tensor(frozen.solution).expand(runs, -1).clone()
        for part in steps:
            known = law(limit * part)
            oracle = MiniBatch(batch).oracle(data, seed=seed + len(rows), runs=torch.arange(runs))
            measured, half, iterations = _long_run(known.method, oracle, start, known.rate)
            expected = float(np.trace(known.stationary()))
            rows.append(_row(name, limit, known.method.gamma, runs, iterations, measured, half, expected))
    return rows, lines


def _row(name: str, limit: float, gamma: Any, runs: int, iterations: int, measured: float, half: float, expected: float) -> dict[str, Any]:
    return {"method": name, "stable_below": limit, "gamma": float(gamma), "runs": runs, "iterations": iterations, "measured": measured,
            "half_interval": half, "expected": expected, "ratio": measured / expected, "ratio_half_interval": half / expected}  # fmt: skip


def _with(text: str, gamma: float) -> Any:
    """The method with this step-size."""
    name, _, rest = text.rstrip(")").partition("(")
    return dynopt.method(f"{name}({rest + ', ' if rest else ''}gamma={float(gamma)!r})")


def _closed_form(text: str) -> Any:
    """(γ, λ) ↦ the stationary variance of θ for noise of variance 1."""
    method = symbolic(text)
    return sp.lambdify((method.gamma, eigenvalue), stationary_covariance(method)[0], "numpy")


def _fine(smallest: float, largest: float, count: int) -> np.ndarray:
    """Parts of the limit of stability, close to each other near 1, where the sizes grow without bound."""
    half = count // 2
    near = 1 - np.geomspace(0.5, 1 - largest, count - half)
    return np.concatenate([np.geomspace(smallest, 0.5, half, endpoint=False), near])


def _limit(text: str, spectrum: list[float]) -> float:
    """The step-size up to which every mode is stable."""
    radius = _radius(text)
    return _edge(lambda gamma: max(radius(gamma, value) for value in spectrum) < 1)


def _radius(text: str) -> Any:
    """(γ, λ) ↦ the spectral radius of the mode matrix."""
    method = symbolic(text)
    matrix = sp.lambdify((method.gamma, eigenvalue), state_space(method).mode_matrix, "numpy")
    return lambda gamma, value: float(np.max(np.abs(np.linalg.eigvals(np.array(matrix(gamma, value), dtype=float)))))


def _edge(stable: Callable[[float], bool]) -> float:
    """The first step-size that is not stable, by doubling and bisection."""
    low = high = 1e-3
    while stable(high):
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if stable(middle) else (low, middle)
    return low


def _long_run(method: Any, oracle: Any, start: torch.Tensor, rate: float) -> tuple[float, float, int]:
    """Mean of ‖θ − start‖² over the second half of the iterations and all runs, half its 95 % interval (over runs), iterations.

    The start is the minimum, so that the size grows to its limit; the first half lasts until all but
    `_FORGOTTEN` of it is reached.
    """
    settled = max(16, int(np.ceil(np.log(_FORGOTTEN) / np.log(rate))) if rate < 1 else 0)
    total = torch.zeros(len(start), dtype=torch.float64)
    for state in islice(method.numeric().states(start, oracle), settled + 1, 2 * settled + 1):
        total += ((state[0] - start) ** 2).sum(-1)
    sizes = (total / settled).numpy()
    half = stats.t.ppf(0.975, len(sizes) - 1) * sizes.std(ddof=1) / np.sqrt(len(sizes))
    return float(sizes.mean()), float(half), 2 * settled


def _descend(data: LeastSquares, step: float, epochs: int, ensemble: int, seed: int) -> dict[str, Any]:
    """Losses of SGD over the ensemble, their exact expectation, and the residuals at the solution."""
    method, iterations = _with("gd", step / data.dimension), epochs * data.samples
    law = SecondMoments(method, data.rows, data.targets, batch=1)
    least = float(data.value(torch.as_tensor(law.solution))) if law.residuals.any() else 0.0
    shown = np.unique(np.round(np.linspace(0, iterations, _SHOWN + 1)).astype(int))
    moments, expected = law.start(np.zeros(data.dimension)), []
    for _ in range(iterations + 1):
        expected.append(law.loss(moments))
        moments = law.advance(moments)
    oracle = MiniBatch(1).oracle(data, seed=seed, runs=torch.arange(ensemble))
    start, one, measured, half = torch.zeros(ensemble, data.dimension, dtype=torch.float64), [], [], []
    for k, state in enumerate(islice(method.numeric().states(start, oracle), iterations + 1)):
        if k in shown or k % max(1, data.samples // 20) == 0:
            losses = (data.value(state[0]) - least).numpy()
            one.append((k, losses[0]))
            if k in shown:
                measured.append(losses.mean())
                half.append(stats.t.ppf(0.975, ensemble - 1) * losses.std(ddof=1) / np.sqrt(ensemble))
    ball = float(law.curvatures @ np.diag(law.stationary())) / 2 if law.residuals.any() else 0.0
    deviations = np.abs(np.array(measured) - np.array(expected)[shown])[1:] / np.array(half)[1:] * stats.t.ppf(0.975, ensemble - 1)
    told = {
        "shape": list(data.rows.shape), "gamma": float(method.gamma), "iterations": iterations, "runs": ensemble, "least_loss": least,
        "mean_square_rate": law.rate, "noise_ball_of_the_loss": ball, "final_expected": expected[-1], "final_measured": measured[-1],
        "final_half_interval": half[-1], "largest_deviation_in_standard_errors": float(deviations.max()),
        "root_mean_square_residual": float(np.sqrt(np.mean(law.residuals**2))),
    }  # fmt: skip
    return {"told": told, "shown": shown, "measured": np.array(measured), "half": np.array(half), "expected": np.array(expected),
            "one": np.array(one), "residuals": np.abs(law.residuals), "name": data.name, "samples": data.samples}  # fmt: skip


def _ball_figure(rows: list[dict[str, Any]], lines: list[Any], names: tuple[str, ...], title: str, said: str) -> Figure:
    """Sizes against the step-size, and measured over expected with intervals."""
    figure = Figure(figsize=(8.2, 7.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    for i, (name, (gamma, *sizes)) in enumerate(zip(names, lines, strict=True)):
        own = [r for r in rows if r["method"] == name]
        x, ratio = [r["gamma"] for r in own], [r["ratio"] for r in own]
        above.plot(gamma, sizes[0], color=colour(i), linestyle=line(i), label=name)
        if len(sizes) > 1:
            label = "the same, the noise frozen as it is at θ*" if i == len(names) - 1 else ""
            above.plot(gamma, sizes[1], color=colour(i), linewidth=0.8, label=label)
        style = {"color": colour(i), "marker": marker(i), "linestyle": "none", "markersize": 5.5, "zorder": 3}
        above.plot(x, [r["measured"] for r in own], markeredgecolor="white", markeredgewidth=0.4, **style)
        below.errorbar(x, ratio, yerr=[r["ratio_half_interval"] for r in own], elinewidth=1, capsize=2, **style)
        for axes in (above, below):
            axes.axvline(own[0]["stable_below"], color=colour(i), linewidth=0.8, linestyle=":")
    above.plot([], [], "o", color="0.4", label="measured")
    above.plot([], [], ":", color="0.4", linewidth=0.8, label="limit of stability")
    below.axhline(1, color="0.4", linewidth=1)
    above.set(xscale="log", yscale="log", ylabel=said, title=title)
    above.set_ylim(0.5 * min(r["expected"] for r in rows), 4 * max(r["measured"] for r in rows))
    below.set(xlabel="step-size γ", ylabel="measured / expected, 95 %")
    for axes in (above, below):
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


def _losses_figure(curves: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    panels = figure.subplots(1, 3)
    for i, (axes, c) in enumerate(zip(panels, curves, strict=False)):
        told, epoch = c["told"], np.arange(len(c["expected"])) / c["samples"]
        axes.plot(c["one"][:, 0] / c["samples"], c["one"][:, 1], color="0.72", linewidth=0.8, label="one run")
        axes.plot(epoch, c["expected"], color=colour(i), linestyle=line(i), label="E J − J*, exact")
        if told["noise_ball_of_the_loss"]:
            axes.axhline(told["noise_ball_of_the_loss"], color="black", linewidth=1, linestyle=":", label="its limit, the noise ball")
        axes.errorbar(c["shown"] / c["samples"], c["measured"], yerr=c["half"], color=colour(i), marker=marker(i), linestyle="none",
                      markersize=4.5, elinewidth=1, capsize=2, zorder=3, label=f"mean of {told['runs']} runs, 95 %")  # fmt: skip
        axes.set(yscale="log", xlabel="epoch", ylabel="J − J*", title=f"{c['name']}, γ = {told['gamma']:.3g}")
        panels[2].plot(np.sort(c["residuals"]), color=colour(i), linestyle=line(i), label=c["name"])
    panels[2].set(xlabel="samples, sorted", ylabel="|⟨a_i, θ*⟩ − b_i|", title="residuals of the samples at θ*")
    for axes in panels:
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
        axes.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.18))
    return figure


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
