"""What an escape study found, as frozen records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dynopt.core.problem import Problem
from dynopt.core.result import Result, plain
from dynopt.errors import Outcome
from dynopt.escape import statistics
from dynopt.escape.law import Prediction, Response
from dynopt.escape.saddle import Saddle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTABLE = 0.05
"""The quadratic model is said to be off when it misjudges the amplitude at the exit by more than this."""


@dataclass(frozen=True, eq=False)
class Law(Result):
    """The predicted escape time of one method under one exit.

    Attributes
    ----------
    response : σ, κ and the exact linear response; None for a method without (`dynopt.escape.normalised`).
    quadratic : the law on the quadratic model; None for exits that it does not describe.
    nonlinear : the law with the nonlinear offset; None with a ``reason``.
    asymptotic : closed forms, see `dynopt.escape.law.asymptotic`.
    offset : x_k·max|a_j|/r − 1 far from the exit, the part by which the true objective asks for a
        larger start than the quadratic model does (the largest over directions; infinite where runs never leave).
    reason : why there is no nonlinear law.
    notes : what else a reader must know.
    """

    response: Response | None
    quadratic: Prediction | None
    nonlinear: Prediction | None
    asymptotic: dict[str, float] | None = None
    offset: float | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Prediction:
        """The prediction that measurements are compared with: with the nonlinear offset where there is one."""
        found = self.nonlinear or self.quadratic
        assert found is not None
        return found

    @property
    def offset_steps(self) -> float | None:
        """The offset in iterations, log(1 + offset)/log σ."""
        if self.offset is None or not np.isfinite(self.offset) or self.response is None or self.response.sigma is None:
            return None
        return float(np.log1p(self.offset) / np.log(self.response.sigma))

    def to_dict(self) -> dict[str, Any]:
        r = self.response
        return plain({
            **_prediction(self.best),
            "sigma": r and r.sigma, "kappa": r and r.kappa, "second": r and r.second, "eigenvalue": r and str(r.eigenvalue),
            "asymptotic": self.asymptotic,
            "quadratic": None if self.quadratic is None else _prediction(self.quadratic),
            "offset": self.offset, "offset_steps": self.offset_steps,
            "quadratic_off": None if self.offset is None else abs(self.offset) > NOTABLE,
            "reason": self.reason, "notes": self.notes,
        })  # fmt: skip


def _prediction(p: Prediction) -> dict[str, Any]:
    quantiles = {str(q): p.quantile(q) for q in statistics.LEVELS}
    return {"kind": p.kind, "mean": p.mean, "sd": p.sd, "never": p.never, "error": p.error, "quantiles": quantiles}


@dataclass(frozen=True, eq=False)
class Times(Result):
    """Escape times of one method under one exit.

    Attributes
    ----------
    exit : the definition, such as ``coordinate(radius=0.5)``.
    counts : (max_steps + 1,), how many runs were out first at each step.
    diverged : runs that became non-finite before they were out.
    censored : runs that were still inside after ``max_steps``.
    law : the prediction, or None with ``no_law`` saying why.
    """

    exit: str
    counts: np.ndarray
    diverged: int
    censored: int
    law: Law | None
    no_law: str = ""

    @property
    def escaped(self) -> int:
        return int(self.counts.sum())

    @property
    def runs(self) -> int:
        return self.escaped + self.censored + self.diverged

    @property
    def complete(self) -> bool:
        """Whether every run was out; otherwise there is no mean to report."""
        return self.escaped == self.runs

    @cached_property
    def moments(self) -> statistics.Moments | None:
        """Mean and sd over all runs; None unless all were out (censored runs are never averaged)."""
        return statistics.moments(self.counts) if self.complete else None

    @property
    def _lost(self) -> np.ndarray:
        """Censored and diverged runs, at the last step: they were not out by then."""
        lost = np.zeros_like(self.counts)
        lost[-1] = self.censored + self.diverged
        return lost

    def quantile(self, level: float) -> tuple[int | None, tuple[int | None, int | None]]:
        """The quantile of the escape time among all runs and its 95 % interval; None: not reached."""
        return statistics.quantile(self.counts, self._lost, level)

    @property
    def kolmogorov(self) -> float | None:
        """The largest distance between the measured and the predicted distribution function."""
        return None if self.law is None or not self.runs else statistics.kolmogorov(self.counts, self.runs, self.law.best.cdf)

    def to_dict(self) -> dict[str, Any]:
        m = self.moments
        found = {q: self.quantile(q) for q in statistics.LEVELS} if self.runs else {}
        law = None
        if self.law is not None:
            law = {**self.law.to_dict(), "kolmogorov": self.kolmogorov, "kolmogorov_bound": statistics.kolmogorov_bound(max(self.runs, 1))}
            if self.law.quadratic is not None and self.runs:
                law["quadratic"]["kolmogorov"] = statistics.kolmogorov(self.counts, self.runs, self.law.quadratic.cdf)
        return plain({
            "exit": self.exit, "escaped": self.escaped, "censored": self.censored, "diverged_before_exit": self.diverged,
            "mean": m and m.mean, "mean_interval": m and m.mean_interval, "sd": m and m.sd, "sd_interval": m and m.sd_interval,
            "quantiles": {str(q): value for q, (value, _) in found.items()},
            "quantile_intervals": {str(q): interval for q, (_, interval) in found.items()},
            "law": law, "no_law": self.no_law,
        })  # fmt: skip


@dataclass(frozen=True)
class Destination(Result):
    """Where runs ended: a critical point, or ``elsewhere`` or ``diverged`` (then ``point`` is None).

    ``interval`` is the Wilson 95 % interval of the fraction.
    """

    point: tuple[float, ...] | None
    exact: str
    kind: str
    count: int
    fraction: float
    interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class MethodEscape(Result):
    """What the runs of one method did.

    Attributes
    ----------
    method : the call.
    runs : runs finished (fewer than asked for when the study was interrupted).
    diverged : runs that became non-finite at any time, before or after they were out.
    times : escape times, the principal exit first.
    destinations : counts over all places.
    engine, seconds, steps : what did the work, the time it took, the updates done over all runs.
    """

    method: str
    runs: int
    diverged: int
    times: tuple[Times, ...]
    destinations: tuple[Destination, ...]
    engine: str
    seconds: float
    steps: int

    def to_dict(self) -> dict[str, Any]:
        principal, *others = [t.to_dict() for t in self.times]
        return {
            "method": self.method, "runs": self.runs, **principal, "diverged": self.diverged,
            "destinations": plain(self.destinations), "exits": others,
            "engine": self.engine, "seconds": self.seconds, "steps": self.steps,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class EscapeStudy(Result):
    """What `escape_study` found; ``figure()`` draws it, ``table()`` lists it, ``save()`` keeps it.

    Attributes
    ----------
    seed, runs : of the starts; trajectory i depends on (seed, i) alone.
    exit : the principal definition of leaving, to which all unnamed statistics belong.
    problem, saddle : where.
    methods : one record a method.
    max_steps, linger : horizon of the escape times; steps allowed afterwards to come to rest.
    settings, versions : what it takes to repeat it.
    outcome : ``done``, or ``interrupted``: then the records hold the batches that were finished.
    """

    seed: int
    runs: int
    exit: str
    problem: Problem
    saddle: Saddle
    methods: tuple[MethodEscape, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    outcome: Outcome = Outcome.DONE

    def to_dict(self) -> dict[str, Any]:
        return plain({
            "seed": self.seed, "runs": self.runs, "exit": self.exit, "problem": self.problem.name,
            "saddle": {"point": self.saddle.point, "exact": self.saddle.exact, "spectrum": self.saddle.spectrum},
            "outcome": self.outcome, "methods": self.methods, "settings": self.settings, "versions": self.versions,
        })  # fmt: skip

    def table(self) -> list[dict[str, Any]]:
        """One row for each method and exit; the principal exit first."""
        rows = []
        for m in self.methods:
            for t in m.times:
                law = t.law.best if t.law else None
                rows.append({
                    "method": m.method, "exit": t.exit, "runs": t.runs, "escaped": t.escaped, "censored": t.censored,
                    "diverged": t.diverged, "mean": t.moments and t.moments.mean, "sd": t.moments and t.moments.sd,
                    "median": t.quantile(0.5)[0], "law_mean": law and law.mean, "law_sd": law and law.sd,
                    "law_median": law and law.quantile(0.5), "kolmogorov": t.kolmogorov,
                })  # fmt: skip
        return rows

    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers behind the figure: for method i and exit j, histogram ``counts_i_j`` and ``law_i_j`` = P(K ≤ k)."""
        found = {}
        for i, m in enumerate(self.methods):
            for j, t in enumerate(m.times):
                found[f"counts_{i}_{j}"] = t.counts
                if t.law is not None:
                    found[f"law_{i}_{j}"] = t.law.best.cdf
                    if t.law.quadratic is not None and t.law.nonlinear is not None:
                        found[f"quadratic_{i}_{j}"] = t.law.quadratic.cdf
        return found

    def figure(self) -> Figure:
        """A row for each method: measured distribution as dots, law as a line; and their difference."""
        from dynopt.plot.escape import escape_figure

        return escape_figure(self)

    def save(self, folder: str | Path) -> Path:
        """Write a run folder (manifest, result.json, arrays.npz, table.csv, escape.png) and return its path."""
        from dynopt.store.run_folder import save_run

        return save_run(folder, spec=self.settings, seed=self.seed, **self.contents())

    def contents(self) -> dict[str, Any]:
        """What a run folder of it holds, as `dynopt.store.run_folder.fill` takes it."""
        return {"result": self, "arrays": self.arrays(), "table": self.table(), "figures": {"escape": self.figure()}}


def destinations(places: Sequence[Any], counts: np.ndarray, elsewhere: int, diverged: int) -> tuple[Destination, ...]:
    """Records of all places with their counts; ``elsewhere`` and ``diverged`` only where they occur."""
    runs = int(counts.sum()) + elsewhere + diverged
    found: list[Any] = [(tuple(p.point.tolist()), p.exact, p.kind, int(c)) for p, c in zip(places, counts, strict=True)]
    found += [(None, "", kind, c) for kind, c in (("elsewhere", elsewhere), ("diverged", diverged)) if c]
    return tuple(Destination(point, exact, kind, c, c / runs, statistics.wilson(c, runs)) for point, exact, kind, c in found if runs)
