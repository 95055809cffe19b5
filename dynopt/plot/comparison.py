"""Figures of a comparison: growth against λ, and the winner in a plane of two parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.plot.palette import colour, line, marker
from dynopt.symbolic.comparison import Comparison, label
from dynopt.symbolic.faster import growth_at
from dynopt.symbolic.growth import Growth
from dynopt.symbolic.race import lap
from dynopt.symbolic.symbols import exact

_RUNS = 9
"""Measured dots a curve."""
_GRID = 13
"""Runs along either side of a plane."""


def growth_figure(found: Comparison, intervals: Sequence[Any], low: float, high: float) -> tuple[Figure, dict[str, np.ndarray]]:
    """Log growth per step (growth per unit of time for flows) of both methods against −λ, and its data.

    Lines are the growths of the mode matrices, dots are measured on runs of the definitions, vertical
    lines mark where the two cross, and the λ where the first is faster are shaded.

    Parameters
    ----------
    intervals : where the first is faster, with ``lower_float`` and ``upper_float``.
    low, high : the negative λ that are drawn, low < high < 0.
    """
    if not low < high < 0:
        raise Misuse(f"the figure needs an interval of negative eigenvalues, not {low:g},{high:g}; give --spectrum A,B with A < B < 0")
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    axes = figure.subplots()
    wide = low / high > 30
    place = np.geomspace if wide else np.linspace
    grid, dots = place(-high, -low, 241), place(-high, -low, _RUNS)
    data: dict[str, np.ndarray] = {"minus_lambda": grid, "minus_lambda_measured": dots}
    for i, one in enumerate((found.first, found.second)):
        rates = np.array([_rate(one, -x) for x in grid])
        measured = np.array([lap(_instance(one, {}), sp.Rational(str(-x)), 1e24).rate for x in dots])
        axes.plot(grid, rates, color=colour(i), linestyle=line(i), linewidth=1.8, label=label(one.system))
        axes.plot(
            dots, measured, marker(i), color=colour(i), markersize=6 - i, markeredgecolor="white", linestyle="none", zorder=3, clip_on=False
        )
        data |= {f"{'first' if i == 0 else 'second'}": rates, f"{'first' if i == 0 else 'second'}_measured": measured}
    ends = {e for i in intervals for e in (i.lower_float, i.upper_float) if low < e < high}
    for i, interval in enumerate(intervals):
        left, right = max(-interval.upper_float, -high), min(-interval.lower_float, -low)
        name = f"{found.first.system.name} leaves faster" if i == 0 else None
        axes.axvspan(left, right, color="0.92", zorder=0, label=name)
    for i, end in enumerate(sorted(ends)):
        axes.axvline(-end, color="0.35", linewidth=1, linestyle=":", label="equal growth" if i == 0 else None)
        axes.plot([-end], [_rate(found.first, end)], "o", markersize=9, markerfacecolor="none", markeredgecolor="black", zorder=4)
        axes.annotate(
            f"λ = {end:.6g}", (-end, 0), xycoords=("data", "axes fraction"), xytext=(4, 5), textcoords="offset points", fontsize="small"
        )
    data["crossings"] = np.array(sorted(ends))
    axes.plot([], [], "o", color="0.4", markersize=5, label="measured on runs")
    if wide:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(-high, -low)
    axes.set_xlabel("−λ, negative curvature at the saddle")
    axes.set_ylabel("growth rate per unit of time" if found.first.continuous else "log growth per iteration, log σ")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure, data


def _rate(one: Growth, value: float) -> float:
    growth = growth_at(one, sp.Rational(str(value)))
    return growth if one.continuous else math.log(growth)


def plane_figure(
    found: Comparison, span: Sequence[tuple[str, float, float]], values: Mapping[str, Any]
) -> tuple[Figure, dict[str, np.ndarray]]:
    """Where the first method wins in the plane of two parameters, and its data.

    The region is where the exact condition holds, its boundary a line; each dot is one pair of runs of
    the two definitions on the quadratic ½λθ², marked by who grew faster.

    Parameters
    ----------
    span : (parameter, from, to) along the horizontal, then along the vertical axis.
    values : the other parameters and ``lamda``.

    Raises
    ------
    Misuse : a symbol without a value, an axis that is no parameter, or an empty axis.
    """
    first, second = span
    names = [first[0], second[0]]
    fixed = {sp.Symbol(name, real=True): exact(value) for name, value in values.items()}
    present = {s.name for s in found.first.chi.free_symbols | found.second.chi.free_symbols} - {"z"}
    if left := sorted(present - set(names) - {s.name for s in fixed}):
        raise Misuse(f"the plane of {names[0]} and {names[1]} needs a value of {left[0]}; give every other parameter and the eigenvalue")
    if odd := [n for n in names if n not in present]:
        raise Misuse(f"{odd[0]} is no free parameter of this comparison; choose among {', '.join(sorted(present - {'lamda'}))}")
    for name, low, high in (first, second):
        if not low < high:
            raise Misuse(f"the axis {name} from {low:g} to {high:g} is empty; give its ends in order")
    x, y = (np.linspace(a, b, 241) for _, a, b in (first, second))
    condition = found.everywhere.subs(fixed) if found.everywhere not in (sp.true, sp.false) else found.everywhere
    margin = _margin(sp.to_nnf(condition, simplify=False), names, x, y)
    region = (margin > 0).astype(float)
    figure = Figure(figsize=(6.6, 5.4), layout="constrained")
    axes = figure.subplots()
    if region.any():
        axes.contourf(x, y, margin, levels=[0, np.inf], colors=[colour(0)], alpha=0.18)
    if 0 < region.mean() < 1:
        axes.contour(x, y, margin, levels=[0], colors="black", linewidths=1.6)
        axes.plot([], [], color="black", linewidth=1.6, label="equal growth (exact condition)")
    dots = _winners(found, first, second, {str(s): v for s, v in fixed.items()})
    for sign, name, style in ((1, found.first.system.name, 0), (-1, found.second.system.name, 1), (0, "equal", 6)):
        here = dots[dots[:, 2] == sign]
        if len(here):
            axes.plot(
                here[:, 0], here[:, 1], marker(style), color=colour(style), markersize=5, linestyle="none",
                label="measured: equal" if sign == 0 else f"measured: {name} grows faster",
            )  # fmt: skip
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    fixed_text = ", ".join(f"{'λ' if s.name == 'lamda' else s.name} = {v}" for s, v in fixed.items())
    axes.set_title(f"{label(found.first.system)} against {label(found.second.system)} at {fixed_text}", fontsize="medium")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure, {names[0]: x, names[1]: y, "region": region, "measured": dots}


def _margin(condition: Any, names: Sequence[str], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A continuous function that is positive where the condition holds: the largest side of "or", the smallest of "and"."""
    if condition in (sp.true, sp.false):
        return np.full((len(y), len(x)), 1.0 if condition == sp.true else -1.0)
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [_margin(part, names, x, y) for part in condition.args]
        return np.min(parts, axis=0) if isinstance(condition, sp.And) else np.max(parts, axis=0)
    side = sp.lambdify([sp.Symbol(n, real=True) for n in names], condition.gts - condition.lts, "numpy")
    return np.broadcast_to(side(*np.meshgrid(x, y)), (len(y), len(x))).astype(float)


def _winners(found: Comparison, first: tuple[str, float, float], second: tuple[str, float, float], values: dict[str, Any]) -> np.ndarray:
    """(x, y, winner) of one pair of runs per grid point: 1 the first, −1 the second, 0 within 1e-9 of each other."""
    rows = []
    value = values["lamda"]
    for x in _inside(*first[1:]):
        for y in _inside(*second[1:]):
            point = {**values, first[0]: x, second[0]: y}
            try:
                a, b = (lap(_instance(one, point), value, 1e40).rate for one in (found.first, found.second))
            except Misuse:  # outside the domain of a parameter
                continue
            if not (math.isnan(a) and math.isnan(b)):
                gap = (0.0 if math.isnan(a) else a) - (0.0 if math.isnan(b) else b)
                rows.append((float(x), float(y), 0.0 if abs(gap) < 1e-9 else math.copysign(1, gap)))
    return np.array(rows).reshape(-1, 3)


def _inside(low: float, high: float) -> list[sp.Rational]:
    """Grid values half a cell away from the ends, where parameters often leave their domains."""
    width = (high - low) / _GRID
    return [sp.Rational(str(round(low + (i + 0.5) * width, 12))) for i in range(_GRID)]


def _instance(one: Growth, values: Mapping[str, Any]) -> System:
    system = one.system
    symbols = {s: values[s.name] for p in system.numbers() for s in getattr(system, p.name).free_symbols if s.name in values}
    present = {p.name: getattr(system, p.name).subs(symbols) for p in system.numbers()}
    # a parameter that only the start contains may have been left open: any value will do
    return system.replace(**{p.name: p.default if present[p.name].free_symbols else present[p.name] for p in system.numbers()})
