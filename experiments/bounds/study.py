"""The proved convergence bounds held against runs, and the rates that runs show.

Each right-hand side is read off the claims ledger (`dynopt.training.theorems`): the corrected one where the
printed one is refuted.  Constants are exact, proved bounds, or measured, and each row of ``bounds.csv`` says which.
A measured value above its bound by more than four standard errors is a bug or a refuted claim; the study then ends
with ``holds: false`` and exit code 1.  Printed statements that the ledger refutes are run too: they must be exceeded.

* SNGD (Z7) on L-smooth, (Z10) on (L₀, L₁)-smooth problems; S-SNGD (Z11), (Z13), with the expectation over the random
  output taken exactly along each path, and once more from the outputs that the method draws.
* Step-Tuned SGD: (4.19) and its form with the true step at every state visited, the conditional expectation taken
  exactly by enumeration of the mini-batches; then min_j E‖∇J(θ_j)‖².
* Gradient descent under the slides' error bound, for γ in (0, 2/β).
* Fitted rates: 1/√T of SNGD over horizons, 1/2 − δ of Step-Tuned SGD, the linear factors of gradient descent.
"""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from dynopt import Landscape, Quadratic, method
from dynopt.core.problem import oracle as exact_oracle
from dynopt.ensemble.noise import Additive, MiniBatch
from dynopt.plot.palette import colour, line, marker
from dynopt.problems.phi_regression import PhiRegression
from dynopt.problems.random_quadratic import RandomQuadratic
from dynopt.training.claimed import claimed
from dynopt.training.measured import Held, Measured, along, held, left_side
from dynopt.training.rates import Rate, fitted_rate
from dynopt.training.theorems import convergence_bound, staged

TITLE = "Convergence bounds against runs, and fitted rates"
SOURCE = "Zhao et al. 2021 (7), (10), (11), (13); Castera et al. 2022 (23) = thesis (4.19), Theorem 4.2; slides, error bound"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"runs": 32, "steps": 200, "stages": 6, "horizon": 300, "states": 4, "samples": 100},
    "paper": {"runs": 200, "steps": 2000, "stages": 20, "horizon": 4000, "states": 16, "samples": 200},
}
SLOPE = 3 * np.sqrt(3) / 8
"""max |φ'|, proved in s-phi-lipschitz; |φ''| ≤ 2 is there too."""


@dataclass(frozen=True)
class Case:
    """One bound on one problem: what it is called, how its constants are known, what came out and what must."""

    problem: str
    known: str
    result: Held
    expected: str = "holds"

    def row(self) -> dict[str, Any]:
        """A row of ``bounds.csv``."""
        bound = convergence_bound(self.result.bound)
        return {
            "problem": self.problem, **self.result.row(), "expected": self.expected, "as_expected": self.result.outcome == self.expected,
            "constants": self.known, "printed": bound.printed, "remark": bound.remark,
        }  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """A fitted rate beside the theory's: an ``exponent`` or a ``factor``; ``part`` is γβ of gradient descent."""

    what: str
    label: str
    kind: str
    theory: float
    rate: Rate
    part: float = 0.0

    def row(self) -> dict[str, Any]:
        """A row of ``rates.csv``."""
        value, (low, high) = getattr(self.rate, self.kind), getattr(self.rate, f"{self.kind}_interval")
        above, below = low > self.theory * (1 + 1e-9), high < self.theory * (1 - 1e-9)
        faster, slower = (above, below) if self.kind == "exponent" else (below, above)
        earlier, later = self.rate.halves[self.kind]
        verdict = "faster than the bound" if faster else "slower than the bound in this window" if slower else "agrees within its interval"
        if slower and abs(later - self.theory) < abs(earlier - self.theory):
            verdict += ", nearer in its later half"
        return {
            "what": self.what, "kind": self.kind, "theory": self.theory, "fitted": value, "low": low, "high": high,
            "form": self.rate.form, "earlier": earlier, "later": later, "first_k": self.rate.window[0], "last_k": self.rate.window[1],
            "bias": self.rate.bias, "preference_for_power": self.rate.preference, "resampled": self.rate.resampled, "verdict": verdict,
        }  # fmt: skip


def run(*, folder: Path, seed: int, runs: int, steps: int, stages: int, horizon: int, states: int, samples: int) -> dict[str, Any]:
    """Run the study; noise and mini-batches are drawn from ``seed``."""
    curves = [*_smooth(runs, steps, samples, seed), *_growth(runs, steps, seed), *_stagewise(runs, stages, samples, seed)]
    descent, used = _descent(states, min(steps, 400), seed)
    tuned, decays = _decays(runs, horizon, samples, seed)
    linear, factors = _linear()
    over_horizons, horizons = _horizons(runs, horizon, seed)
    cases = [*curves, *descent, *tuned, *linear, *over_horizons, *_printed()]
    fits = [fit.row() for fit in (*decays, *horizons, *factors)]
    rows = [case.row() for case in cases]
    _write(folder / "bounds.csv", rows)
    _write(folder / "rates.csv", fits)
    arrays = {f"{what}_{i}": getattr(c.result, what) for i, c in enumerate(cases) for what in ("at", "measured", "errors", "right")}
    np.savez_compressed(folder / "arrays.npz", **arrays, **{f"used_part_{i}": part for i, part in enumerate(used.values())})
    _bounds_figure([c for c in curves if c.result.outcome != "not applicable"]).savefig(folder / "bounds.png", dpi=150)
    _descent_figure(used, tuned, decays).savefig(folder / "step-tuned.png", dpi=150)
    _rates_figure(over_horizons, horizons, factors).savefig(folder / "rates.png", dpi=150)
    strange = [f"{r['problem']}: {r['bound']} {r['outcome']}" for r in rows if not r["as_expected"]]
    return {
        "holds": not strange,
        "bug_or_refuted_claim": strange,
        "bounds": {f"{i}. {r['problem']}": _told(r) for i, r in enumerate(rows, 1)},
        "largest_used_part_of_the_descent": {name: float(part.max()) for name, part in used.items()},
        "rates": {
            r["what"]: f"{r['fitted']:.4g} [{r['low']:.4g}, {r['high']:.4g}], {r['form']}; theory {r['theory']:.4g}: {r['verdict']}"
            for r in fits
        },
    }


def _told(row: dict[str, Any]) -> str:
    if row["outcome"] == "not applicable":
        return f"{row['bound']}: not applicable, {row['unmet']} does not hold"
    ratio = "" if row["left"] == "change" else f", measured/bound {row['last_ratio']:.3g} at the end, at most {row['largest_ratio']:.3g}"
    return f"{row['bound']}: {row['outcome']}{ratio}"


# --- what is run ------------------------------------------------------------------------------------------------------------------


def _starts(point: Any, runs: int) -> torch.Tensor:
    return torch.tensor(np.broadcast_to(np.asarray(point, dtype=float), (runs, len(point))).copy())


def _oracle(problem: Any, noise: Any, runs: int, seed: int) -> Any:
    return (noise or Additive(0.0)).oracle(problem, seed=seed, runs=torch.arange(runs))


def _slopes(call: str, problem: Any, noise: Any, start: Any, runs: int, steps: int, seed: int) -> np.ndarray:
    """‖∇F(w_k)‖ of each run, (runs, steps + 1)."""
    watch = {"slope": lambda s: torch.linalg.vector_norm(problem.gradient(s[0]), dim=-1)}
    return along(method(call).numeric(), _oracle(problem, noise, runs, seed), _starts(start, runs), steps, watch)["slope"]


def _gap(problem: Any, start: Any) -> float:
    """F(w₀) − 0: each objective here is at least 0."""
    return float(problem.value(np.asarray(start, dtype=float)))


def _average(name: str, call: str, problem: Any, noise: Any, start: Any, runs: int, steps: int, seed: int, **constants: Any) -> Held:
    bound = convergence_bound(name)
    right = bound(gap=_gap(problem, start), gamma=float(method(call).gamma), steps=np.arange(steps + 1), **constants)
    return held(bound, right, left_side("average", _slopes(call, problem, noise, start, runs, steps, seed)))


def _batch_variance(single: float, samples: int, batch: int) -> float:
    """E‖g − ∇F‖² of a mini-batch without replacement from the mean of ‖∇J_n − ∇J‖² (z-batch-variance)."""
    return (samples - batch) / (samples - 1) * single / batch


def phi_constants(problem: PhiRegression) -> dict[str, float]:
    """Proved constants on all of R^P: J and each ∇J_n from |φ'| ≤ 3√3/8, |φ''| ≤ 2; C₂ and the L of Theorem 4.2 serve every mini-batch."""
    squares = (problem.A**2).sum(1)
    return {
        "L": 2 * float(np.linalg.eigvalsh(problem.A.T @ problem.A)[-1]) / problem.samples,
        "single_variance": SLOPE**2 * float(squares.mean()),
        "C2": SLOPE * float(np.sqrt(squares.max())),
        "L_batch": 2 * float(squares.max()),
    }


def measured_variance(problem: Any, x: torch.Tensor) -> torch.Tensor:
    """The mean of ‖∇J_n − ∇J‖² over all terms at points (batch, n)."""
    rows = x.repeat_interleave(problem.samples, 0)
    chosen = torch.arange(problem.samples).repeat(len(x))[:, None]
    each = problem.sample_gradient(rows, chosen).reshape(len(x), problem.samples, -1)
    return ((each - problem.gradient(x)[:, None]) ** 2).sum(-1).mean(-1)


def _smooth(runs: int, steps: int, samples: int, seed: int) -> list[Case]:
    """(Z7) with constant steps, over T; the 2-cycle ±γ/2 of a parabola attains its limit Lγ/2."""
    spectrum, far, size = [i / 10 for i in range(1, 11)], [3.0] * 10, 0.05
    terms, phi = RandomQuadratic(spectrum, samples=50, spread=0.5, seed=seed), PhiRegression(samples=samples, dimension=10, seed=seed)
    proved, batch = phi_constants(phi), samples // 5
    exact, bounded = "L, F, σ exact", "L from |φ''| ≤ 2, σ from |φ'| ≤ 3√3/8, F ≥ 0"
    of_sum, of_phi = _batch_variance(10 * 0.25, 50, 5), _batch_variance(proved["single_variance"], samples, batch)
    cases = [
        Case(label, known, _average("sngd", f"sngd(gamma={gamma})", problem, noise, start, count, steps, seed, L=L, variance=variance))
        for label, known, problem, noise, start, count, gamma, L, variance in (
            ("½θ², no noise, 2-cycle", exact, Quadratic([1]), None, [0.05], 1, 0.1, 1, 0),
            ("quadratic, Gaussian noise", exact, Quadratic(spectrum), Additive(size), far, runs, 0.05, 1, 10 * size**2),
            ("quadratic sum, 5 of 50 terms", exact, terms, MiniBatch(5), far, runs, 0.05, 1, of_sum),
            ("φ-regression", bounded, phi, MiniBatch(batch), phi.start, runs, 0.05, proved["L"], of_phi),
        )
    ]
    last, visited = cases[-1].result, {"variance": lambda s: measured_variance(phi, s[0])}
    few = method("sngd(gamma=0.05)").numeric(), _oracle(phi, MiniBatch(batch), 8, seed), _starts(phi.start, 8)
    largest = float(along(*few, steps, visited, every=max(1, steps // 40))["variance"].max())
    constants = {"L": proved["L"], "variance": _batch_variance(largest, samples, batch), "gap": _gap(phi, phi.start), "gamma": 0.05}
    bound, same_runs = convergence_bound("sngd"), Measured(last.at, last.measured, last.errors, last.runs)
    again = held(bound, bound(**constants, steps=last.at), same_runs)
    return [*cases, Case("φ-regression, σ measured", "L from |φ''| ≤ 2, σ the largest at points visited, F ≥ 0", again)]


COSH = Landscape(lambda *x: sum(sp.cosh(v) - 1 for v in x), dimension=3, name="Σ(cosh θ_i − 1)")
QUARTIC = Landscape(lambda *x: sum(v**2 / 2 + v**4 for v in x), dimension=2, name="Σ(θ_i²/2 + θ_i⁴)")
EXP = Landscape(lambda w: 1000 * sp.exp(w), name="1000 exp w")


def _growth(runs: int, steps: int, seed: int) -> list[Case]:
    size = 0.05

    def case(problem: Any, call: str, start: list[float], **constants: float) -> Held:
        variance = problem.dimension * size**2
        return _average("sngd-growth", call, problem, Additive(size), start, runs, steps, seed, variance=variance, **constants)

    none = convergence_bound("sngd")(L=np.inf, gap=1, gamma=0.05, variance=0, steps=np.arange(steps + 1))
    long = convergence_bound("sngd-growth")(L0=1, L1=1, gap=1, gamma=0.6, variance=0, steps=np.arange(steps + 1))
    blank = left_side("average", np.zeros((1, steps + 1)))
    return [
        Case(COSH.name, "L₀ = L₁ = 1 as cosh ≤ 1 + |sinh|, σ, F exact", case(COSH, "sngd(gamma=0.05)", [4.0] * 3, L0=1, L1=1)),
        Case(QUARTIC.name, "(1, 3)-smooth (z-theorem2-epsilon), σ, F exact", case(QUARTIC, "sngd(gamma=0.02)", [2.0, -1.0], L0=1, L1=3)),
        Case(COSH.name + ", as L-smooth", "no L", held(convergence_bound("sngd"), none, blank), "not applicable"),
        Case(COSH.name + ", γ = 0.6", "γL₁ > ½", held(convergence_bound("sngd-growth"), long, blank), "not applicable"),
    ]


def _stagewise(runs: int, stages: int, samples: int, seed: int) -> list[Case]:
    """Harmonic stages α_t = ρ/(t+1), p_t = 1/α_{t−1} (Corollary 1), for T = 1, …, ``stages``."""
    phi = PhiRegression(samples=samples, dimension=10, seed=seed)
    proved, half = phi_constants(phi), MiniBatch(samples // 2)
    smooth = {"L": proved["L"], "variance": _batch_variance(proved["single_variance"], samples, samples // 2), "ceiling": 1.0}
    growth, on_phi, on_cosh = {"L0": 1, "L1": 1, "variance": 3 * 0.05**2}, "L, σ proved, δ = 1 as 0 ≤ φ < 1", "L₀ = L₁ = 1, σ exact"
    rho, length, T = 0.5, 2.0, np.arange(1, stages + 1)
    p, counts = T / rho, [round(length * t / rho) for t in T]
    ends = np.cumsum(counts)
    each = [staged(rho / T[:t], p[:t], length) for t in T]
    schedule = {key: np.array([e[key] for e in each]) for key in each[0]}
    tuned = method(f"s_sngd(gamma=1/2, length=2, stages={stages}, schedule=harmonic, output=random)").numeric()
    cases = []
    for label, known, problem, noise, start, name, constants in (
        ("φ-regression", on_phi, phi, half, phi.start, "s_sngd", smooth),
        (COSH.name, f"{on_cosh}, δ the largest value at ends of stages", COSH, Additive(0.05), [3.0] * 3, "s_sngd-growth", growth),
    ):
        watch = {
            "slope": lambda s, p=problem: torch.linalg.vector_norm(p.gradient(s[0]), dim=-1),
            "drawn": lambda s, p=problem: torch.linalg.vector_norm(p.gradient(s[1]), dim=-1),
            "value": lambda s, p=problem: p.value(s[0]),
        }
        found = along(tuned, _oracle(problem, noise, runs, seed), _starts(start, runs), int(ends[-1]), watch)
        means = np.stack([found["slope"][:, e - m : e].mean(1) for e, m in zip(ends, counts, strict=True)], axis=1)
        over_outputs = np.cumsum(p * means, axis=1) / np.cumsum(p)
        bound, largest = convergence_bound(name), float(found["value"][:, [0, *ends]].max())
        right = bound(**schedule, **{"ceiling": largest, **constants})
        cases.append(Case(f"{label}, stages", known, held(bound, right, left_side("output", over_outputs, T))))
        cases.append(Case(f"{label}, outputs drawn", known, held(bound, right, left_side("output", found["drawn"][:, ends], T))))
    return cases


# --- Step-Tuned SGD -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Every:
    """The oracle of given mini-batches, int64 (rows, b), one for each row of points."""

    problem: Any
    chosen: torch.Tensor

    def gradient(self, x: torch.Tensor) -> torch.Tensor:
        return self.problem.sample_gradient(x, self.chosen)

    def at(self, k: int) -> Every:
        return self


def expected_next(tuned: Any, state: Any, problem: Any, batch: int, k: int) -> np.ndarray:
    """E[J(θ_{k+1}) | the state of iteration k] for each run, over all mini-batches of that size, each once."""
    batches = torch.tensor(list(itertools.combinations(range(problem.samples), batch)))
    runs, count = len(state[0]), len(batches)
    spread = type(state)(*(block.repeat_interleave(count, 0) for block in state))
    after = tuned.update(spread, Every(problem, batches.repeat(runs, 1)), k)
    return problem.value(after[0]).reshape(runs, count).mean(1).numpy()


def _descent(states: int, steps: int, seed: int) -> tuple[list[Case], dict[str, np.ndarray]]:
    """(44) with the true step and (4.19), at every state that a few runs visit; the parts of the remainder that are used."""
    problem, batch, delta = PhiRegression(samples=8, dimension=3, seed=seed), 2, 0.001
    proved = phi_constants(problem)
    tuned = method(f"step_tuned_sgd(gamma=0.2, delta={delta})").numeric()
    asked = MiniBatch(batch).oracle(problem, seed=seed, runs=torch.arange(states))
    start = torch.tensor(np.random.default_rng(seed).normal(0, 2, (states, 3)))
    change, squares, eta = [], [], []
    for k, state in zip(range(steps), tuned.states(start, asked), strict=False):
        change.append(expected_next(tuned, state, problem, batch, k) - problem.value(state[0]).numpy())
        squares.append((problem.gradient(state[0]) ** 2).sum(-1).numpy())
        eta.append(tuned.scale(k) * state.gain[:, 0].numpy())
    changes, square, etas = (np.stack(rows, axis=1) for rows in (change, squares, eta))
    smooth = {"L": proved["L_batch"], "square": square.ravel()}
    clip = {"lower": float(tuned.lower), "upper": float(tuned.upper)}
    decay = {"gamma": float(tuned.gamma), "delta": delta, "k": np.tile(np.arange(steps), states), **clip}
    cases, used = [], []
    for name, constants in (("step_tuned-step", {"eta": etas.ravel()}), ("step_tuned", decay)):
        bound = convergence_bound(name)
        right, slope = (bound(C2=C2, **smooth, **constants) for C2 in (proved["C2"], 0))
        assert right.values is not None
        assert slope.values is not None
        result = held(bound, right, left_side("change", changes.reshape(1, -1)), rounding=1e-15)
        cases.append(Case("φ-regression, 8 terms, batches of 2", "L, C₂ proved, expectation exact (28 batches)", result))
        used.append(((changes.ravel() - slope.values) / (right.values - slope.values)).reshape(states, steps))
    sharp, part = _sharp_descent(steps)
    return [*cases, sharp], {"φ-regression, true step η_k": used[0], "φ-regression, (4.19)": used[1], "½θ², true step": part[None]}


def _sharp_descent(steps: int) -> tuple[Case, np.ndarray]:
    """½θ²: at each θ_k the set [0, θ_k] has the constants L = 1, C₂ = θ_k, and all but a part of the order of η_k of 3η²LC₂² is used."""
    problem, tuned = Quadratic([1]), method("step_tuned_sgd(gamma=0.05, lower=1)").numeric()
    watch = {"theta": lambda s: s.theta[:, 0], "gain": lambda s: s.gain[:, 0], "value": lambda s: problem.value(s.theta)}
    found = along(tuned, exact_oracle(problem), _starts([1.0], 1), steps, watch)
    theta, change = found["theta"][0, :-1], np.diff(found["value"])
    eta, bound = found["gain"][0, :-1] * np.array([tuned.scale(k) for k in range(steps)]), convergence_bound("step_tuned-step")
    right, slope = (bound(L=1, C2=C2, eta=eta, square=theta**2) for C2 in (theta, 0))
    assert right.values is not None
    assert slope.values is not None
    case = Case("½θ², best constants at each step", "all exact", held(bound, right, left_side("change", change)))
    return case, (change[0] - slope.values) / (right.values - slope.values)


def _decays(runs: int, steps: int, samples: int, seed: int) -> tuple[list[Case], list[Fit]]:
    """min_j E‖∇J(θ_j)‖², its explicit bound, and its exponent on the last decade; φ-regression starts at the z of its data."""
    delta, cases, fits = 0.001, [], []
    phi, terms = PhiRegression(samples=samples, dimension=10, seed=seed), RandomQuadratic([0.5, 1, 2], samples=50, spread=1, seed=seed)
    proved, runs = phi_constants(phi), min(runs, 100)
    for label, problem, gamma, batch, start in (
        ("φ-regression", phi, 0.5, samples // 10, phi.z),
        ("quadratic sum", terms, 0.5, 5, [2.0] * 3),
    ):
        tuned = method(f"step_tuned_sgd(gamma={gamma}, delta={delta})").numeric()
        watch = {
            "square": lambda s, p=problem: (p.gradient(s[0]) ** 2).sum(-1),
            "reach": lambda s: torch.linalg.vector_norm(s[0], dim=-1),
        }
        found = along(tuned, _oracle(problem, MiniBatch(batch), runs, seed), _starts(start, runs), steps, watch)
        k, squares = np.arange(1, steps + 1), found["square"][:, :-1]
        measured = left_side("least", squares, k)
        if problem is phi:
            constants, known = {"L": proved["L_batch"], "C2": proved["C2"]}, "L, C₂ proved for every term, J ≥ 0"
        else:  # ‖∇J_B‖ ≤ λ‖θ‖ + max‖b_n‖ on the ball that the runs stay in
            C2 = 2 * float(found["reach"].max()) + float(np.linalg.norm(terms.linear, axis=1).max())
            constants, known = {"L": 2, "C2": C2}, "L exact, C₂ on the ball that the runs stay in (measured)"
        shared = {"gamma": gamma, "lower": 0.5, "upper": 2, "delta": delta, "gap": _gap(problem, start), **constants}
        v = k ** -(0.5 + delta)
        sums = {"sum_of_steps": np.cumsum(v), "sum_of_squares": np.cumsum(v * v)}
        for name, more in (("step_tuned-rate", {"k": k}), ("step_tuned-sums", sums)):
            bound = convergence_bound(name)
            cases.append(Case(label, known, held(bound, bound(**shared, **more), measured)))
        rate = fitted_rate(squares, quantity="least", seed=seed)
        fits.append(Fit(f"Step-Tuned SGD, {label}: min E‖∇J‖²", label, "exponent", 0.5 - delta, rate))
    return cases, fits


# --- gradient descent, horizons, printed statements -------------------------------------------------------------------------------------

WAVY = Landscape(lambda x: x**2 + 3 * sp.sin(x) ** 2, name="x² + 3 sin²x")


def _linear() -> tuple[list[Case], list[Fit]]:
    """f(x_k) − f* of 16 starts for γβ from 0.1 to 1.9, and one γ beyond 2/β; one eigenvalue alone attains the bound."""
    bound, cases, fits, steps = convergence_bound("gd"), [], [], 400
    known = "β exact, δ = 2·(least non-zero eigenvalue)"
    for label, problem, beta, error, constants in (
        ("5x²", Quadratic([10]), 10.0, 20.0, known),
        ("quadratic 1, 4, 10", Quadratic([1, 4, 10]), 10.0, 2.0, known),
        ("flat least squares 0, 0.3, 10", Quadratic([0, 0.3, 10]), 10.0, 0.6, known),
        (WAVY.name, WAVY, 8.0, 1 / 16, "β = 8 exact, δ = 1/16 (Karimi, Nutini, Schmidt 2016)"),
    ):
        starts = torch.tensor(np.random.default_rng(1).normal(0, 2, (16, problem.dimension)))
        for part in (0.1, 0.5, 0.9, 1.5, 1.9, 2.1):
            gamma, watch = part / beta, {"value": lambda s, p=problem: p.value(s[0])}
            values = along(method(f"gd(gamma={gamma})").numeric(), exact_oracle(problem), starts, steps, watch)["value"]
            each = values / values[:, :1]  # every run against its own gap
            right = bound(L=beta, error=error, gamma=gamma, gap=1, k=np.arange(steps + 1))
            result = held(bound, right, left_side("value", each), rounding=1e-300)
            cases.append(Case(f"{label}, γβ = {part:g}", constants, result, "not applicable" if part > 2 else "holds"))
            if part < 2:
                theory = float(bound(L=beta, error=error, gamma=gamma, gap=1, k=1).values)
                fits.append(Fit(f"GD, {label}, γβ = {part:g}", label, "factor", theory, fitted_rate(values, floor=1e-25), part))
    return cases, fits


def _horizons(runs: int, longest: int, seed: int) -> tuple[list[Case], list[Fit]]:
    """SNGD with γ ~ 1/√T and a variance ~ 1/T (b ~ 1/ε²) at ten horizons, a set of runs for each."""
    horizons = np.unique(np.geomspace(30, longest, 10).astype(int))
    cases, fits, runs = [], [], min(runs, 64)
    for label, problem, point, name, constants in (
        ("quadratic", Quadratic([i / 10 for i in range(1, 11)]), [3.0] * 10, "sngd", {"L": 1}),
        (COSH.name, COSH, [2.0] * 3, "sngd-growth", {"L0": 1, "L1": 1}),
    ):
        gap, bound = _gap(problem, point), convergence_bound(name)
        longest_step = np.inf if name == "sngd" else 0.5  # αL₁ ≤ ½ at every horizon
        gammas = min(np.sqrt(2 * gap), longest_step * np.sqrt(horizons[0] + 1)) / np.sqrt(horizons + 1)
        variances, ends = gap / (2 * (horizons + 1)), []
        for i, (T, gamma, variance) in enumerate(zip(horizons, gammas, variances, strict=True)):
            noise = Additive(float(np.sqrt(variance / problem.dimension)))
            ends.append(_slopes(f"sngd(gamma={float(gamma)!r})", problem, noise, point, runs, int(T), seed + i).mean(1))
        values = np.stack(ends, axis=1)
        right = bound(gap=gap, gamma=gammas, variance=variances, steps=horizons, **constants)
        result = held(bound, right, left_side("output", values, horizons))
        cases.append(Case(f"{label}, T = {horizons[0]} … {horizons[-1]}, γ ~ 1/√T", "all exact", result))
        rate = fitted_rate(values, horizons + 1.0, decades=9, seed=seed)
        fits.append(Fit(f"SNGD over horizons, {label}", label, "exponent", 0.5, rate))
    return cases, fits


def _printed() -> list[Case]:
    """Statements that the ledger refutes as printed, on its counterexamples: they must be exceeded."""
    half, gamma = Quadratic([1]), 0.1
    cases = []
    for name, problem, start, step, T, constants in (
        ("sngd", half, [0.15], gamma, 1, {"L": 1}),
        ("sngd-growth", EXP, [0.0], 0.5, 9, {"L0": 1, "L1": 1}),
    ):
        bound, call = convergence_bound(name), f"sngd(gamma={step})"
        slopes = _slopes(call, problem, None, start, 1, T, 0)
        first = along(
            method(call).numeric(), _oracle(problem, None, 1, 0), _starts(start, 1), 1, {"F": lambda s, p=problem: p.value(s[0])}
        )["F"]
        for label, gap, expected in (("printed: F(w_1)", first[0, 1], "exceeded"), ("corrected: F(w_0)", first[0, 0], "holds")):
            right = bound(gap=gap, gamma=step, variance=0, steps=T, **constants)
            measured = left_side("output", slopes.mean(1, keepdims=True), [T])
            cases.append(Case(f"{problem.name}, {label}", "all exact", held(bound, right, measured), expected))
    return [*cases, _printed_descent()]


def _printed_descent() -> Case:
    """(44) as printed, L(C₂ + 2C₂²), on ½θ² from θ = C₂ = 2 with η = (1 − 1/C₂)/2: the ledger's own relation, evaluated."""
    relation = claimed("step_tuned_descent", "s-descent").checks[0].then  # type: ignore[union-attr]
    at = {"L": 1.0, "theta": 2.0, "eta": 0.25, "C2": 2.0}
    after, right = (float(side.subs({s: at[s.name] for s in side.free_symbols})) for side in (relation.lhs, relation.rhs))
    bound = convergence_bound("step_tuned-step")
    before = at["theta"] ** 2 / 2
    corrected = bound(L=1, C2=2, eta=0.25, square=4)
    printed = type(corrected)(bound.name, np.array([right - before]), (), corrected.constants)
    return Case("½θ² from 2, printed: C₂ + 2C₂²", "all exact", held(bound, printed, left_side("change", [[after - before]])), "exceeded")


# --- tables and figures -----------------------------------------------------------------------------------------------------------------


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _draw(axes: Any, result: Held, shown: int = 14, style: int = 0, label: str = "runs, ± 2 standard errors") -> None:
    """Measured values as dots with two standard errors, at most so many."""
    x = result.at + (result.at[0] == 0)
    chosen = np.arange(len(x)) if len(x) <= shown else np.unique(np.geomspace(1, len(x), shown).astype(int)) - 1
    bars = {"color": colour(2 + 2 * style), "marker": marker(style), "linestyle": "none", "markersize": 4, "zorder": 3}
    axes.errorbar(x[chosen], result.measured[chosen], 2 * result.errors[chosen], label=label, **bars)


def _limit(axes: Any, result: Held, style: int = 0, label: str = "bound") -> None:
    axes.plot(result.at + (result.at[0] == 0), result.right, color=colour(0), linestyle=line(style), label=label)


def _log(axes: Any, both: bool = True) -> None:
    """Logarithmic axes that show whole decades."""
    axes.set(yscale="log", xscale="log" if both else "linear")
    low, high = axes.get_ylim()
    axes.set_ylim(10 ** np.floor(np.log10(low) + 0.05), 10 ** np.ceil(np.log10(high) - 0.05))
    if both:
        left, right = axes.get_xlim()
        axes.set_xlim(min(left, 10 ** np.floor(np.log10(left) + 0.5)), max(right, 10 ** np.ceil(np.log10(right) - 0.5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(color="0.92")
    axes.set_axisbelow(True)


def _bounds_figure(cases: list[Case]) -> Figure:
    """A panel for each problem; the second bound of φ-regression and the outputs drawn go into the panel before them."""
    panels: list[list[Case]] = []
    for case in cases:
        panels.append([case]) if not case.problem.endswith(("measured", "drawn")) else panels[-1].append(case)
    figure = Figure(figsize=(15, 6.6), layout="constrained")
    for axes, (case, *more) in zip(figure.subplots(2, 4).ravel(), panels, strict=True):
        _limit(axes, case.result)
        _draw(axes, case.result)
        stages = case.result.left == "output"
        for other in more:
            if stages:
                _draw(axes, other.result, style=1, label="outputs drawn")
            else:
                _limit(axes, other.result, 1, "bound, σ measured")
        _log(axes, both=not stages)
        name = convergence_bound(case.result.bound).source.split(", ")[1].split(" (")[0]
        axes.set_title(f"{case.problem} ({name})\nat the end {case.result.last_ratio:.4g} of the bound", fontsize="small")
        axes.set(xlabel="stages T" if stages else "T + 1", ylabel="E‖∇F(w̄)‖" if stages else "average of E‖∇F(w_t)‖, t ≤ T")
        axes.legend(frameon=False, fontsize="x-small")
    return figure


def _descent_figure(used: dict[str, np.ndarray], tuned: list[Case], decays: list[Fit]) -> Figure:
    figure = Figure(figsize=(15, 4.8), layout="constrained")
    panels = figure.subplots(1, 3)
    for i, (name, part) in enumerate(used.items()):
        k = np.broadcast_to(np.arange(1, part.shape[1] + 1), part.shape).ravel()
        panels[0].plot(
            k, part.ravel(), marker(i), color=colour(2 * i), markersize=3, linestyle="none", label=f"{name}: at most {part.max():.3g}"
        )
    panels[0].axhline(1, color="black", linewidth=1.2, label="the bound")
    panels[0].set(xscale="log", xlabel="k + 1", ylabel="part of the remainder that is used", ylim=(None, 1.1))
    panels[0].set_title("descent in conditional expectation, at every state visited", fontsize="small")
    panels[0].legend(frameon=False, fontsize="small", loc="center left")
    panels[0].grid(color="0.92")
    for axes, fit, (explicit, sums) in zip(panels[1:], decays, (tuned[:2], tuned[2:]), strict=True):
        _limit(axes, explicit.result, 1, "bound, Σ(j+1)^(−1−2δ) < 1 + 1/(2δ)")
        _limit(axes, sums.result, 0, "bound with the sums themselves")
        _draw(axes, sums.result)
        window = np.array(fit.rate.window)
        middle = np.sqrt(window.prod())
        guide = sums.result.measured[int(middle) - 1] * (window / middle) ** -fit.rate.exponent
        axes.plot(window, 0.4 * guide, color="black", linewidth=1.4, label="fitted exponent")
        low, high = fit.rate.exponent_interval
        axes.set_title(f"{fit.label}: {fit.rate.exponent:.3f} [{low:.3f}, {high:.3f}], 1/2 − δ = {fit.theory:.3f}", fontsize="small")
        axes.set(xlabel="k", ylabel="min E‖∇J(θ_j)‖² over j < k")
        _log(axes)
    handles, labels = panels[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=4, frameon=False, fontsize="small")
    return figure


def _rates_figure(cases: list[Case], horizons: list[Fit], factors: list[Fit]) -> Figure:
    figure = Figure(figsize=(15, 4.6), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, case, fit in zip(panels, cases, horizons, strict=False):
        _limit(axes, case.result)
        _draw(axes, case.result)
        _log(axes)
        low, high = fit.rate.exponent_interval
        axes.set_title(f"SNGD, {fit.label}: exponent {fit.rate.exponent:.3f} [{low:.3f}, {high:.3f}], bound 1/2", fontsize="small")
        axes.set(xlabel="horizon T, γ ~ 1/√T", ylabel="average of E‖∇F‖ over t ≤ T")
        axes.legend(frameon=False, fontsize="small")
    for i, label in enumerate(dict.fromkeys(fit.label for fit in factors)):
        own = [fit for fit in factors if fit.label == label]
        parts = [fit.part for fit in own]
        panels[2].plot(parts, [1 - fit.theory for fit in own], color=colour(i), linestyle=line(i))
        dots = {"color": colour(i), "markersize": 11 - 2 * i, "markerfacecolor": "none", "linestyle": "none"}
        panels[2].plot(parts, [1 - fit.rate.factor for fit in own], marker(i), label=label, **dots)
    panels[2].plot([], [], color="0.4", label="bound: at least γδ(1 − βγ/2)")
    panels[2].set(xlabel="γβ", ylabel="1 − factor per step of f(x_k) − f*", yscale="log")
    panels[2].set_title("gradient descent", fontsize="small")
    panels[2].legend(frameon=False, fontsize="x-small")
    panels[2].grid(color="0.92")
    return figure
