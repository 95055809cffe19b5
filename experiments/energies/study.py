"""DIN's Lyapunov family E_c along flows and iterates, and the rates of Theorem 2.8.

* ``energies``: E_c along DIN for c at and outside the ends of [(1 − √(αβ))², (1 + √(αβ))²]; its
  derivative by differences against the closed form (`DIN.dissipation`); outside the interval the
  energy goes up on some quadratic, which is shown on the one where the form is most indefinite.
* ``iterates`` (a question, not a claim): for INNA, the share of iterations that raise E_min, E_max and
  their sum, as a function of the step.
* ``rates``: J along DIN on |t|^c, whose KL exponent is a = 1 − 1/c, and on functions of two variables
  with a known exponent: slope of log J against log t over the last two decades, beside 1/(1 − 2a).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dynopt
from dynopt import DIN, INNA, Landscape, Quadratic
from dynopt.core.problem import oracle
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates
from dynopt.flow.tail import tail
from dynopt.plot.palette import colour, line, marker

TITLE = "Energies of DIN along flows and iterates, and the rates of Theorem 2.8"
SOURCE = "Castera 2021, thesis (2.17), Lemma 2.5, Theorem 2.8, §2.5.3"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"alpha": 2.0, "beta": 0.25, "horizon": 1e6, "powers": [3, 4, 6], "steps": [0.02, 0.1, 0.3], "starts": 4},
    "paper": {"alpha": 2.0, "beta": 0.25, "horizon": 1e7, "powers": [3, 4, 5, 6, 8, 10], "starts": 40,
              "steps": [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]},
}  # fmt: skip
PLANE = {
    "x² + y⁴ (a = 3/4)": (lambda x, y: x**2 + y**4, 0.75),
    "x⁴ + y⁶ (a = 5/6)": (lambda x, y: x**4 + y**6, 5 / 6),
    "(x² + y² − 1)⁴: a circle (a = 3/4)": (lambda x, y: (x**2 + y**2 - 1) ** 4, 0.75),
    "(y − x²)² + x⁴: a curved valley (a = 3/4)": (lambda x, y: (y - x**2) ** 2 + x**4, 0.75),
}


def run(
    *, folder: Path, seed: int, alpha: float, beta: float, horizon: float, powers: list[int], steps: list[float], starts: int
) -> dict[str, Any]:
    flow = DIN(alpha=alpha, beta=beta)
    along = _along(flow)
    raised = _raised(alpha, beta, steps, starts, seed)
    rates = _rates(flow, horizon, powers)
    _write(folder / "rates.csv", [{k: v for k, v in r.items() if k not in ("t", "J")} for r in rates])
    _write(folder / "iterates.csv", raised)
    arrays = {f"{what}_{i}": r[what] for i, r in enumerate(rates) for what in ("t", "J")}
    np.savez(folder / "arrays.npz", **arrays, **{f"energy_{k}": v for k, v in along["curves"].items()}, energy_t=along["t"])
    _energies_figure(along).savefig(folder / "energies.png", dpi=150)
    _iterates_figure(raised, steps).savefig(folder / "iterates.png", dpi=150)
    _rates_figure(rates).savefig(folder / "rates.png", dpi=150)
    return {
        "energies": {k: along[k] for k in ("interval", "largest_increase", "derivative_error", "outside")},
        "iterates": raised,
        "rates": [
            {k: r[k] for k in ("problem", "kl_exponent", "predicted", "measured", "relative_error", "settled", "outcome")} for r in rates
        ],
    }


def _along(flow: DIN) -> dict[str, Any]:
    """E_c and −dE_c/dt along one trajectory on the double well, and the worst quadratic for c outside the interval."""
    system, product = flow.numeric(), float(flow.alpha) * float(flow.beta)
    low, high = (1 - np.sqrt(product)) ** 2, (1 + np.sqrt(product)) ** 2
    weights = {"c = lower end": low, "c = middle": (low + high) / 2, "c = upper end": high}
    problem = dynopt.problem("double-well")
    solution = integrate(flow, problem, (0.05, 1.9), 20.0, rtol=1e-12, atol=1e-14)
    t, h = np.linspace(0.01, 19.99, 2001), 1e-4
    asked = oracle(problem)
    curves, errors, rises = {}, {}, {}
    for name, c in weights.items():
        values = system.energy(solution(t), asked, c)
        slope = (system.energy(solution(t + h), asked, c) - system.energy(solution(t - h), asked, c)) / (2 * h)
        closed = -system.dissipation(solution(t), asked, c)
        curves[name] = values
        errors[name] = float(np.max(np.abs(slope - closed)) / np.max(np.abs(closed)))
        rises[name] = float(np.max(np.diff(values), initial=0.0))
    outside = {f"c = {c:.4g}": _rise(flow, c) for c in (low * 0.9, low, high, high * 1.1)}
    return {"t": t, "curves": curves, "interval": [low, high], "largest_increase": rises, "derivative_error": errors, "outside": outside}


def _rise(flow: DIN, c: float) -> dict[str, float]:
    """The largest rise of E_c relative to its start over a set of quadratics and starting directions."""
    system, worst, where = flow.numeric(), 0.0, 0.0
    for value in np.geomspace(0.05, 50, 25):
        problem = Quadratic([float(value)])
        asked = oracle(problem)
        for angle in np.linspace(0, np.pi, 24, endpoint=False):
            # the state with p = cos(angle), θ = sin(angle): the energy's first instants are all that matters
            theta = np.array([np.sin(angle)])
            psi = float(flow.beta) * (np.cos(angle) - (float(flow.alpha) - 1 / float(flow.beta)) * theta)
            state = type(system.init(theta, asked))(theta, psi)
            rate, size = float(-system.dissipation(state, asked, c)), float(system.energy(state, asked, c))
            if rate / size > worst:
                worst, where = rate / size, float(value)
    return {"largest_relative_rate_of_increase": worst if worst > 1e-12 else 0.0, "lambda": where}


def _raised(alpha: float, beta: float, steps: list[float], starts: int, seed: int) -> list[dict[str, Any]]:
    """The share of INNA's iterations that raise each energy, over random starts on two landscapes."""
    rows = []
    points = np.random.default_rng(seed).uniform(-1.5, 1.5, (starts, 2))
    for label, problem in (("double well", dynopt.problem("double-well")), ("θ₁² + 2θ₂²", dynopt.problem("thesis-3.2"))):
        for gamma in steps:
            method = INNA(alpha=alpha, beta=beta, gamma=gamma)
            counts, total, diverged = dict.fromkeys(("E_min", "E_max", "E"), 0), 0, 0
            for start in points:
                found = iterates(method, problem, start, steps=round(20 / gamma))
                diverged += found.failed_at is not None
                with np.errstate(all="ignore"):
                    energies = DIN(alpha=alpha, beta=beta).numeric().energies(found.states, oracle(problem), 0.0)
                    for name, values in energies.items():
                        moving = values[:-1] - values[-1] > 1e-12 * (1 + abs(values[-1]))  # at rest only rounding is left
                        counts[name] += int(np.sum((np.diff(values) > 0) & moving))
                        total += int(np.sum(moving)) if name == "E" else 0
            rows.append({"problem": label, "gamma": gamma, "iterations": total, "diverged": diverged,
                         **{f"raised_{n}": c / max(total, 1) for n, c in counts.items()}})  # fmt: skip
    return rows


def _power(x: Any, *, c: Any) -> Any:
    return abs(x) ** c


def _rates(flow: DIN, horizon: float, powers: list[int]) -> list[dict[str, Any]]:
    cases = [(f"|t|^{c} (a = {c - 1}/{c})", Landscape(_power, constants={"c": c}, name=f"|t|^{c}"), (1.0,), 1 - 1 / c) for c in powers]
    cases += [(name, Landscape(function, name=name), (1.2, 0.9), a) for name, (function, a) in PLANE.items()]
    rows = []
    for name, problem, start, a in cases:
        solution = integrate(flow, problem, start, horizon, method="Radau", rtol=1e-8, atol=1e-40)
        t = np.geomspace(1, solution.reach[1], 401)
        J = problem.value(solution(t)[0])
        found, predicted = tail(t, J), 1 / (1 - 2 * a)
        rows.append({
            "problem": name, "kl_exponent": a, "predicted": predicted, "measured": found.exponent,
            "relative_error": abs(found.exponent / predicted - 1), "settled": found.power_law,
            "outcome": solution.outcome, "evaluations": solution.statistics["nfev"], "t": t, "J": J,
        })  # fmt: skip
    return rows


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _energies_figure(along: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for i, (name, values) in enumerate(along["curves"].items()):
        left.plot(along["t"], values, color=colour(i), linestyle=line(i), label=f"{name}")
    left.set(xlabel="time", ylabel="E_c along DIN on the double well", xlim=(0, 5))
    rises = along["outside"]
    right.bar(range(len(rises)), [r["largest_relative_rate_of_increase"] for r in rises.values()], color=colour(0), width=0.5)
    places = ("10 % below", "lower end", "upper end", "10 % above")
    right.set_xticks(range(len(rises)), [f"{p}\n{n}" for p, n in zip(places, rises, strict=True)])
    right.set(ylabel="largest (dE_c/dt)/E_c over quadratics and states", ylim=(0, None))
    for axes in (left, right):
        axes.grid(color="0.92", axis="y")
        axes.set_axisbelow(True)
    left.legend(frameon=False)
    return figure


def _iterates_figure(rows: list[dict[str, Any]], steps: list[float]) -> Figure:
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, problem in zip(panels, dict.fromkeys(r["problem"] for r in rows), strict=True):
        own = [r for r in rows if r["problem"] == problem]
        for i, name in enumerate(("E_min", "E_max", "E")):
            axes.plot(steps, [r[f"raised_{name}"] for r in own], color=colour(i), linestyle=line(i), marker=marker(i), label=name)
        axes.set(xscale="log", xlabel="step-size γ", title=problem)
        axes.grid(color="0.92")
    panels[0].set_ylabel("share of INNA's iterations that raise it")
    panels[0].legend(frameon=False)
    return figure


def _rates_figure(rows: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, part in zip(panels, ([r for r in rows if r["problem"][0] == "|"], [r for r in rows if r["problem"][0] != "|"]), strict=True):
        for i, r in enumerate(part):
            every = slice(None, None, 16)
            axes.loglog(r["t"][every], r["J"][every], linestyle="none", marker=marker(i), color=colour(i), markersize=4,
                        label=f"{r['problem']}: measured {r['measured']:.3f}, predicted {r['predicted']:.3f}")  # fmt: skip
            last = r["J"][-1] * (r["t"] / r["t"][-1]) ** r["predicted"]
            axes.loglog(r["t"], last, color=colour(i), linestyle=line(i), linewidth=1)
        axes.set(xlabel="time", ylabel="J along DIN (dots), slope 1/(1 − 2a) (lines)")
        axes.grid(color="0.92")
        axes.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.14))
    return figure
