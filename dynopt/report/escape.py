"""An `EscapeStudy` as text for the terminal."""

from __future__ import annotations

import math
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from dynopt.escape import statistics
from dynopt.escape.record import NOTABLE, EscapeStudy, Law, MethodEscape, Times

MOST_PLACES = 8
"""Critical points that no run reached are listed one by one up to this many."""


def text(study: EscapeStudy, width: int = 140) -> str:
    """Escape times against the law, destinations, the other exits, and what must be known about the law."""
    s = study.settings
    lines = [
        f"{study.runs:,} {s['start']} starts of size {s['scale']:g} (seed {study.seed}) beside the saddle {study.saddle.exact} of "
        f"{study.problem.name}, Hessian eigenvalues {', '.join(map(str, study.saddle.spectrum[:8]))}",
        *([f"the gradients that the runs see have the noise {s['noise']}"] if s.get("noise") else []),
        f"a run is out at the first iteration, up to {s['max_steps']:,}, with {study.exit}",
    ]
    others = any(len(m.times) > 1 for m in study.methods)
    return "\n\n".join([
        "\n".join(lines),
        _render(_times(study), width),
        _render(_quantiles(study), width),
        _render(_destinations(study), width),
        *([_render(_others(study), width)] if others else []),
        *([_render(_ranks(study), width)] if others and len(study.methods) > 1 else []),
        "\n".join([*(n for m in study.methods for n in _notes(m)), *_unfinished(study)]),
    ])  # fmt: skip


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=i > 0, overflow="fold")
    return table


def _render(table: Table, width: int) -> str:
    out = StringIO()
    Console(file=out, width=width, no_color=True).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines())


def _name(m: MethodEscape) -> str:
    return m.method.rpartition(".py:")[2]


def _times(study: EscapeStudy) -> Table:
    heads = ("method", "escaped", "censored", "diverged", "mean", "law", "sd", "law", "Kolmogorov", "95 %")
    table = _table("iteration of escape", *heads)
    for m in study.methods:
        t = m.times[0]
        law = t.law.best if t.law else None
        found, bound = t.kolmogorov, statistics.kolmogorov_bound(t.runs)
        table.add_row(
            _name(m), f"{t.escaped:,}", f"{t.censored:,}", f"{m.diverged:,}",
            *((_pm(t.moments.mean, t.moments.mean_interval), _number(law and law.mean)) if t.moments else ("-", _number(law and law.mean))),
            *((_pm(t.moments.sd, t.moments.sd_interval), _number(law and law.sd)) if t.moments else ("-", _number(law and law.sd))),
            "-" if found is None else f"{found:.5f}", f"{bound:.5f}",
        )  # fmt: skip
    return table


def _quantiles(study: EscapeStudy) -> Table:
    table = _table("quantiles, measured / law", "method", *(f"{100 * q:g} %" for q in statistics.LEVELS))
    for m in study.methods:
        t = m.times[0]
        cells = []
        for q in statistics.LEVELS:
            value = t.quantile(q)[0]
            cells.append(_whole(value) + (f" / {_whole(t.law.best.quantile(q))}" if t.law else ""))
        table.add_row(_name(m), *cells)
    return table


def _destinations(study: EscapeStudy) -> Table:
    table = _table("where the runs end, with Wilson 95 % intervals", "method", "point", "kind", "runs", "fraction", "interval")
    for m in study.methods:
        shown = [d for d in m.destinations if d.count or len(m.destinations) <= MOST_PLACES]
        for i, d in enumerate(shown):
            low, high = d.interval
            name = _name(m) if i == 0 else ""
            table.add_row(name, d.exact or "-", d.kind, f"{d.count:,}", _share(d.fraction), f"[{_share(low)}, {_share(high)}]")
        if len(shown) < len(m.destinations):
            low, high = statistics.wilson(0, m.runs)
            others = f"{len(m.destinations) - len(shown)} others"
            table.add_row("", others, "each", "0", _share(0), f"[{_share(low)}, {_share(high)}]")
    return table


def _others(study: EscapeStudy) -> Table:
    heads = ("method", "exit", "escaped", "mean", "law", "sd", "law", "median", "law", "Kolmogorov")
    table = _table("the same paths under other exits", *heads)
    for m in study.methods:
        for i, t in enumerate(m.times[1:]):
            law = t.law.best if t.law else None
            median = t.quantile(0.5)[0]
            table.add_row(
                _name(m) if i == 0 else "", t.exit, f"{t.escaped:,}", _number(t.moments and t.moments.mean), _number(law and law.mean),
                _number(t.moments and t.moments.sd), _number(law and law.sd), _whole(median),
                _whole(law.quantile(0.5)) if law else "-", "-" if t.kolmogorov is None else f"{t.kolmogorov:.5f}",
            )  # fmt: skip
    return table


def _ranks(study: EscapeStudy) -> Table:
    """How the ranking of the methods depends on the definition: rank and mean, where every run of every method was out."""
    exits = [t.exit for t in study.methods[0].times]
    table = _table("rank of the methods by their mean time, under each definition of leaving", "method", *exits)
    means = [[t.moments.mean if t.moments else None for t in m.times] for m in study.methods]
    for m, own in zip(study.methods, means, strict=True):
        cells = []
        for mean, column in zip(own, zip(*means, strict=True), strict=True):
            known = [other for other in column if other is not None]
            cells.append("-" if mean is None or len(known) < len(column) else f"{1 + sum(other < mean for other in known)} ({mean:.1f})")
        table.add_row(_name(m), *cells)
    return table


def _unfinished(study: EscapeStudy) -> list[str]:
    done = {m.method: m.runs for m in study.methods}
    counts = [(name, done.get(name, 0)) for name in study.settings["methods"]]
    return [f"{name}: interrupted after {n:,} of {study.runs:,} runs" for name, n in counts if n < study.runs]


def _notes(m: MethodEscape) -> list[str]:
    t, name = m.times[0], _name(m)
    notes = [f"{name}: {m.engine}, {m.seconds:.1f} s, {m.steps / max(m.seconds, 1e-9) / 1e6:.1f} million iterations a second"]
    if t.law is None:
        notes.append(f"{name}: no law: {t.no_law}")
    else:
        notes += _law_notes(name, t.law, t)
    notes += [word for other in m.times[1:] for word in _off(name, other)]
    if not t.complete:
        notes.append(f"{name}: {t.runs - t.escaped:,} runs were never out, so there is no mean; quantiles are Kaplan-Meier estimates")
    if m.diverged:
        notes.append(f"{name}: {m.diverged:,} runs became non-finite, {t.diverged:,} of them before they were out")
    return notes


def _law_notes(name: str, law: Law, t: Times) -> list[str]:
    r, best = law.response, law.best
    notes = []
    if r is not None and r.sigma is not None and r.kappa is not None:
        notes.append(f"{name}: the unstable coordinate grows like {r.kappa:.6g} * {r.sigma:.8g}^k; law {best.kind}")
    if best.error:
        notes.append(f"{name}: the law is an average over quasi-random starts, with a sampling error of at most {best.error:.1g} (95 %)")
    if best.never:
        notes.append(f"{name}: by the law {100 * best.never:.4g} % of the runs never leave, so there is no mean")
    return [*notes, *_off(name, t), *([f"{name}: {law.reason}"] if law.reason else []), *(f"{name}: {note}" for note in law.notes)]


def _off(name: str, t: Times) -> list[str]:
    """By how much the quadratic model is off at an exit, where that is worth a word."""
    law = t.law
    if law is None or law.offset is None or abs(law.offset) <= NOTABLE:
        return []
    gap = statistics.kolmogorov(t.counts, t.runs, law.quadratic.cdf) if law.quadratic else 0.0
    iterations = "" if law.offset_steps is None else f", {law.offset_steps:.2f} iterations"
    off = "has all runs leave, and some come to rest before" if math.isinf(law.offset) else f"is off by {100 * law.offset:.1f} % at"
    return [f"{name}: the quadratic model {off} exit {t.exit}{iterations} (Kolmogorov distance {gap:.4f} without the offset)"]


def _share(value: float) -> str:
    """Five decimals; a bound that they would make 0 in powers of ten."""
    return f"{value:.1e}" if 0 < value < 5e-6 else f"{value:.5f}"


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}"


def _whole(value: int | None) -> str:
    return "-" if value is None else str(value)


def _pm(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ± {(interval[1] - interval[0]) / 2:.3f}"
