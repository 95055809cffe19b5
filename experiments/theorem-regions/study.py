"""The theorem table put to the test: exact truth beside every boundary, and the regions drawn.

Three parts.

1. Every if-and-only-if statement of the theorem table is compared with exact truth at rational
   points, most of them beside a piece of its boundary (`dynopt.symbolic.truth`).
2. Random questions to ``dynopt bound`` are compared with exact truth beside every end of every
   interval that it returns (`dynopt.symbolic.bound_truth`).
3. For each method one plate: the proved boundaries as lines, the worst eigenvalue as shading, and
   runs of the definition on a quadratic as dots; each dot must lie on the proved side.
"""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynopt import Quadratic
from dynopt.core.algorithm import Flow
from dynopt.core.registry import method_class
from dynopt.errors import Misuse
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates
from dynopt.plot.regions import LEVELS, Plane, draw_region, draw_runs, legend_handles, worst
from dynopt.symbolic.bound_truth import BoundTally, check_bounds, random_question
from dynopt.symbolic.theorems import STATEMENTS, Theorem, theorem
from dynopt.symbolic.truth import INTERIOR, OWN, Statement, Tally, check_theorem

TITLE = "The theorem table against exact truth at rational points, and its regions drawn"
SOURCE = "dynopt, theorem table; definitions of Castera 2021 and the papers of each method"
METHODS = [
    "gd", "heavy_ball", "heavy_ball_velocity", "nesterov", "qhm", "triple_momentum", "aggregated_momentum", "inna",
    "semi_implicit_din", "midpoint_din", "innaprop_frozen", "step_tuned_frozen", "din", "hbf",
]  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"points": 140, "questions": 30, "seconds": 0.5, "dots": 4, "figures": ["heavy_ball", "inna"], "resolution": 50},
    "paper": {"points": 3600, "questions": 1000, "seconds": 2.0, "dots": 9, "figures": METHODS, "resolution": 90},
}
COUNTED = ("boundary", "exact", "changes", "points", "agreements", "true", "undecided")
STEPS, MODES = 400, 9
TIME, SAMPLES = 2.0, 41
LOW, HIGH = 1, 10
"""The spectrum of the plates, where no axis is one of its ends."""


def _plane(method: str, title: str, x: tuple[str, float, float], y: tuple[str, float, float], values: Any, **marked: Any) -> Plane:
    return Plane(method, title, x, y, lambda a, b: {"mu": LOW, "L": HIGH} | values(a, b), marked.get("marked", {}))


def _din(method: str, beta: float, tops: tuple[float, float]) -> Plane:
    marked = {"αβ = 1": lambda a, g: a * beta - 1 + 0 * g}
    return _plane(
        method, f"β = {beta:g}", ("α", 0, tops[0]), ("γ", 0, tops[1]), lambda a, g: {"alpha": a, "beta": beta, "gamma": g}
        | ({"gain": 1} if method == "innaprop_frozen" else {}), marked=marked,
    )  # fmt: skip


MOMENTUM = ("m", 0, 1)
PLANES: dict[str, list[Plane]] = {
    "gd": [Plane("gd", "λ in [1, L]", ("γ", 0, 1), ("L", 1, 10), lambda g, top: {"gamma": g, "mu": 1, "L": top}, {})],
    "heavy_ball": [_plane("heavy_ball", "", ("γL", 0, 4.4), MOMENTUM, lambda u, m: {"gamma": u / HIGH, "momentum": m})],
    "heavy_ball_velocity": [
        _plane("heavy_ball_velocity", f"dampening τ = {t:g}", ("γL", 0, 12), MOMENTUM,
               lambda u, m, t=t: {"gamma": u / HIGH, "momentum": m, "dampening": t}) for t in (0, 0.5)
    ],
    "nesterov": [_plane("nesterov", "", ("γL", 0, 2.4), MOMENTUM, lambda u, m: {"gamma": u / HIGH, "momentum": m})],
    "qhm": [
        _plane("qhm", f"ν = {n:g}", ("γL", 0, 12), MOMENTUM, lambda u, m, n=n: {"gamma": u / HIGH, "momentum": m, "nu": n})
        for n in (0.3, 0.7, 1)
    ],
    "triple_momentum": [
        _plane("triple_momentum", f"extrapolation η = {e:g}", ("γL", 0, 4), MOMENTUM,
               lambda u, m, e=e: {"gamma": u / HIGH, "momentum": m, "extrapolation": e}) for e in (0.1, 0.5)
    ],
    "aggregated_momentum": [
        _plane("aggregated_momentum", f"second momentum {b:g}", ("γL", 0, 4.4), ("first momentum", 0, 1),
               lambda u, m, b=b: {"gamma": u / HIGH, "momentum1": m, "momentum2": b}) for b in (0.1, 0.9)
    ],
    "inna": [_din("inna", beta, tops) for beta, tops in ((0.1, (12, 0.5)), (0.5, (6, 1)), (2, (3, 0.25)))],
    "semi_implicit_din": [_din("semi_implicit_din", beta, tops) for beta, tops in ((0.1, (14, 0.8)), (0.5, (8, 0.8)), (2, (3, 0.25)))],
    "midpoint_din": [_din("midpoint_din", beta, tops) for beta, tops in ((0.1, (12, 0.8)), (0.5, (6, 1)), (2, (3, 0.25)))],
    "innaprop_frozen": [_din("innaprop_frozen", beta, tops) for beta, tops in ((0.1, (12, 0.11)), (0.5, (6, 0.55)), (2, (3, 0.25)))],
    "step_tuned_frozen": [
        Plane("step_tuned_frozen", "λ in [1, L]", ("γ", 0, 1), ("L", 1, 10), lambda g, top: {"gamma": g, "mu": 1, "L": top}, {})
    ],
    "din": [_plane("din", "", ("α", 0, 8), ("β", 0, 2), lambda a, b: {"alpha": a, "beta": b}, marked={"αβ = 1": lambda a, b: a * b - 1})],
    "hbf": [Plane("hbf", "λ in [1, L]", ("α", 0, 8), ("L", 1, 16), lambda a, top: {"alpha": a, "mu": 1, "L": top}, {})],
}  # fmt: skip


def run(
    *, folder: Path, seed: int, points: int, questions: int, seconds: float, dots: int, figures: list[str], resolution: int
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    points : rational points for each statement, a fifth of it where the condition always holds.
    questions : random calls of ``bound``.
    seconds : the time limit of bound's second decider; its first one, which gives the intervals, has none.
    dots : runs along each axis of a plane.
    figures : methods of which plates are drawn.
    resolution : grid points of the shading along each axis.
    """
    started = process_time()
    table = table_of_theorems()
    derived = process_time() - started
    rng = random.Random(seed)
    tallies = [t for found in table.values() for t in check_theorem(found, rng, points)]
    checked = process_time() - started - derived
    asked = check_bounds([random_question(METHODS, rng) for _ in range(questions)], rng, seconds=seconds)
    _write(folder / "pieces.csv", tallies)
    plates = {name: _plate(folder, name, table, dots, resolution, rng) for name in figures}
    _overview(folder, figures, table, resolution)
    return {
        "statements": len(table),
        "theorems": _counts(tallies, table) | {"derivation_cpu_seconds": round(derived, 1), "cpu_seconds": round(checked, 1)},
        "bounds": asked.to_dict(),
        "plates": plates,
        "agree": _agree(tallies, asked) and all(p["dots"] == p["on_the_proved_side"] for p in plates.values()),
    }


def table_of_theorems() -> dict[tuple[str, str], Theorem]:
    """The statements of ``analysis/theorem_table.py`` that say something: no flow's diffeomorphism, no real modes of one block."""
    found = {}
    for name in METHODS:
        for aspect in STATEMENTS:
            if aspect == "diffeomorphism" and issubclass(method_class(name), Flow):
                continue
            try:
                statement = theorem(method_class(name), aspect)
            except Misuse:  # a criterion of degree above two in λ
                continue
            if statement.holds:
                found[name, aspect] = statement
    return found


def _agree(tallies: Sequence[Tally], asked: BoundTally) -> bool:
    return all(t.points == t.agreements for t in tallies) and asked.points == asked.agreements


def _counts(tallies: Sequence[Tally], table: dict[tuple[str, str], Theorem]) -> dict[str, Any]:
    def total(what: str, some: Sequence[Tally] = tallies) -> int:
        return sum(getattr(t, what) for t in some)

    parts = {key: [t for t in tallies if (t.method, t.aspect) == key] for key in table}
    pieces = [t for t in tallies if t.piece not in (INTERIOR, OWN)]
    by_statement = {" ".join(key): [total("points", some), total("agreements", some)] for key, some in parts.items()}
    return {what: total(what) for what in COUNTED} | {
        "pieces": sum(t.points > 0 for t in pieces),
        "pieces_never_met": [f"{t.method} {t.aspect}: {t.piece}" for t in pieces if not t.points],
        "points_and_agreements": by_statement,
        "failures": [{"method": t.method, "aspect": t.aspect, "piece": t.piece} | f for t in tallies for f in t.failures],
    }


def _write(path: Path, tallies: Sequence[Tally]) -> None:
    columns = ("method", "aspect", "piece", *COUNTED)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([getattr(t, c) for c in columns] for t in tallies)


def _theorems(name: str, table: dict[tuple[str, str], Theorem]) -> dict[str, Theorem]:
    return {aspect: found for (method, aspect), found in table.items() if method == name}


def _plate(folder: Path, name: str, table: dict[tuple[str, str], Theorem], dots: int, resolution: int, rng: random.Random) -> Any:
    """One figure a method, its planes side by side; the counts of dots on the proved side."""
    planes, theorems = PLANES[name], _theorems(name, table)
    flow = issubclass(method_class(name), Flow)
    aspect = "non-oscillating" if flow else "stable"
    figure = Figure(figsize=(1.2 + 4.1 * len(planes), 5.2), layout="constrained")
    panels = figure.subplots(1, len(planes), squeeze=False)[0]
    arrays: dict[str, Any] = {}
    counts: dict[str, Any] = {"dots": 0, "on_the_proved_side": 0, "disagree": []}
    drawn: set[str] = set()
    for i, (axes, plane) in enumerate(zip(panels, planes, strict=True)):
        shading, lines = draw_region(axes, plane, theorems, resolution=resolution)
        drawn |= lines
        seen = _measure(plane, dots, rng, flow)
        statement = Statement(theorems[aspect]) if aspect in theorems else None
        for x, y, good in seen:
            told = statement is None or statement.claimed(_exactly(plane, x, y))
            counts["dots"] += 1
            counts["on_the_proved_side"] += told is good
            if told is not good:
                radius = float(worst(plane, np.array([x]), np.array([y]))[0])
                counts["disagree"].append({"plane": plane.title, "x": x, "y": y, "measured": good, "worst": radius})
        draw_runs(axes, [s[0] for s in seen], [s[1] for s in seen], [s[2] for s in seen])
        arrays[f"plane{i}"] = np.array(seen, dtype=float)
    bar = figure.colorbar(shading, ax=panels, shrink=0.85, pad=0.02)
    bar.ax.set_yticks(LEVELS, ["0", "0.5", "0.7", "0.8", "0.9", "0.95", "1", "1.5", ""])
    bar.set_label("worst e^(Re z) over the spectrum" if flow else "worst |z| over the spectrum")
    measured = ("run that does not oscillate", "run that oscillates") if flow else ("run that converges", "run that diverges")
    marked = list(dict.fromkeys(label for plane in planes for label in plane.marked))
    handles = legend_handles(drawn, marked, measured)
    figure.legend(handles=handles, loc="outside lower center", ncols=2 if len(planes) == 1 else 3, frameon=False, fontsize="small")
    where = "λ in [1, 10]" if all("λ" not in p.title for p in planes) else ""
    figure.suptitle(" – ".join(filter(None, (name, where))), fontsize="large")
    figure.savefig(folder / f"{name}.png", dpi=130)
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    return counts


def _exactly(plane: Plane, x: float, y: float) -> dict[str, Fraction]:
    return {n: Fraction(float(v)) for n, v in plane.values(x, y).items()}


def _measure(plane: Plane, dots: int, rng: random.Random, flow: bool) -> list[tuple[float, float, bool]]:
    """Runs at a jittered grid of the plane: (x, y, whether the run converges; for a flow, whether it does not oscillate)."""
    (_, left, right), (_, bottom, top) = plane.x, plane.y
    seen = []
    for i, j in itertools.product(range(dots), repeat=2):
        a = left + (right - left) * (i + 0.1 + 0.8 * rng.random()) / dots
        b = bottom + (top - bottom) * (j + 0.1 + 0.8 * rng.random()) / dots
        values = {n: float(v) for n, v in plane.values(a, b).items()}
        problem = Quadratic([Fraction(v).limit_denominator(10**6) for v in np.linspace(values.pop("mu"), values.pop("L"), MODES)])
        try:
            method = method_class(plane.method)(**values)
        except Misuse:  # outside the method's own laws (INNAprop: γ < β)
            continue
        seen.append((a, b, _calm(method, problem) if flow else _converges(method, problem)))
    return seen


def _converges(method: Any, problem: Quadratic) -> bool:
    """Whether the largest |θ| of the last quarter of 400 steps is below that of the second quarter."""
    found = iterates(method, problem, steps=STEPS)
    size = np.max(np.abs(found.theta), axis=-1)
    if found.failed_at is not None or not np.all(np.isfinite(size)):
        return False
    return bool(size[3 * STEPS // 4 :].max() < size[STEPS // 4 : STEPS // 2].max()) or not size[STEPS // 2 :].any()


def _calm(method: Any, problem: Quadratic) -> bool:
    """Whether no coordinate of the flow oscillates.

    Each obeys a recurrence u(t + 2h) = a u(t + h) + b u(t); fitted to the run, it has complex roots iff the mode turns.
    """
    found = integrate(method, problem, horizon=TIME, rtol=1e-12, atol=1e-15)
    theta = found(np.linspace(0, TIME, SAMPLES)).theta
    for u in theta.T:
        later = np.stack([u[1:-1], u[:-2]], axis=-1)
        (a, b), *_ = np.linalg.lstsq(later, u[2:], rcond=1e-10)
        if a * a + 4 * b < 0:
            return False
    return True


def _overview(folder: Path, figures: Sequence[str], table: dict[tuple[str, str], Theorem], resolution: int) -> None:
    """The first plane of every method, without runs."""
    columns = min(5, len(figures))
    rows = -(-len(figures) // columns)
    figure = Figure(figsize=(3 * columns + 0.8, 2.9 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    drawn: set[str] = set()
    for axes, name in zip(panels, figures, strict=False):
        plane = PLANES[name][len(PLANES[name]) // 2]
        shading, lines = draw_region(axes, plane, _theorems(name, table), resolution=resolution // 2)
        drawn |= lines
        axes.set_title(f"{name}\n{plane.title}" if plane.title else name, fontsize="small")
    for axes in panels[len(figures) :]:
        axes.set_axis_off()
    bar = figure.colorbar(shading, ax=panels, shrink=0.6, pad=0.01)
    bar.ax.set_yticks(LEVELS, ["0", "0.5", "0.7", "0.8", "0.9", "0.95", "1", "1.5", ""])
    bar.set_label("worst |z|, for flows e^(Re z)")
    handles = legend_handles(drawn)
    figure.legend(handles=handles, loc="outside lower center", ncols=4 if columns > 3 else 2, frameon=False, fontsize="small")
    figure.savefig(folder / "overview.png", dpi=130)
