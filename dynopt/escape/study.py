"""The `escape_study` job: many runs from beside a strict saddle, against the law."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm
from dynopt.core.problem import Problem
from dynopt.ensemble.noise import Noise
from dynopt.errors import Outcome
from dynopt.escape.exits import Exit
from dynopt.escape.law import NoLaw
from dynopt.escape.plan import Plan, cut, make_plan
from dynopt.escape.record import EscapeStudy, Law, MethodEscape, Times, destinations
from dynopt.escape.saddle import Saddle
from dynopt.escape.tally import Tally

Progress = Callable[[str, int, int], None]
"""Told (method, runs finished, runs in all)."""


def escape_study(
    methods: str | Algorithm | Sequence[str | Algorithm],
    problem: str | Problem = "double-well",
    runs: int = 1000,
    *,
    seed: int = 0,
    start: str = "gaussian",
    scale: float = 1e-12,
    exit: str = "coordinate",
    radius: float = 0.5,
    also: Sequence[str] | None = None,
    saddle: Sequence[Any] | None = None,
    max_steps: int | None = None,
    linger: int | None = None,
    device: str = "cpu",
    dtype: str = "float64",
    batch: int | None = None,
    engine: str = "auto",
    noise: str | float | Noise | None = None,
    progress: Progress | None = None,
) -> EscapeStudy:
    """Run each method from the same random starts beside a strict saddle and compare escape times with the law.

    Run i starts at a point that depends on (``seed``, i) alone, so batches, order and device leave the
    sample unchanged.  Several definitions of leaving are evaluated on the same paths.  After leaving,
    a run goes on until its whole state is near that of a minimiser at rest, which is its destination.
    Many runs that must outlive this process, or be shared by several, are a `dynopt.campaign`.

    Parameters
    ----------
    methods : calls such as ``"inna(gamma=0.02)"`` or instances.
    problem : a name, a call, ``path/file.py:Name``, or an object.
    runs : number of starts for each method.
    seed : in [0, 2⁶⁴).
    start, scale : see `dynopt.escape.starts.STARTS`; the distance of the starts from the saddle.
    exit, radius : the principal definition of leaving, see `dynopt.escape.exits.MEANINGS`, and its length.
    also : further definitions; by default all that can happen and are cheap to evaluate.
    saddle : its coordinates; by default the only strict saddle of the problem.
    max_steps : horizon; runs still inside then are censored.  By default the law's 1 − 10⁻¹² quantile.
    linger : steps allowed after leaving to come to rest, at least 1000 by default.
    device, dtype : ``cpu``, ``cuda``, ``cuda:1``; ``float64`` or ``float32``.
    batch : runs worked on at once.
    engine : ``eager`` (torch), ``fused`` (one compiled kernel: numba on the CPU, Triton on CUDA; Gaussian
        starts in float64), or ``auto``: fused where it exists and the work is worth a compilation.
    noise : in the gradients: the size of Gaussian noise, or a call such as ``periodic(size=1e-3, every=10)`` or
        ``minibatch(size=32)``, see `dynopt.ensemble.noise.NOISES`; run i in iteration k draws from (seed, i, k) alone.
    progress : told (method, runs finished, runs in all) now and then.

    Raises
    ------
    Misuse : unknown names, values outside their law, an exit that every start already satisfies.
    KeyboardInterrupt does not pass: what was finished is returned, with outcome ``interrupted``.

    Examples
    --------
    >>> study = escape_study("gd(gamma=0.02)", "double-well", runs=200, also=[])
    >>> [study.methods[0].times[0].escaped, [d.count for d in study.methods[0].destinations][1]]
    [200, 0]
    """
    plan = make_plan(
        methods, problem, runs, seed=seed, start=start, scale=scale, exit=exit, radius=radius, also=also, saddle=saddle,
        max_steps=max_steps, linger=linger, device=device, dtype=dtype, batch=batch, engine=engine, noise=noise,
    )  # fmt: skip
    counts = [plan.empty() for _ in plan.named]
    outcome = Outcome.DONE
    try:
        for i, (text, _) in enumerate(plan.named):
            for begin, end in cut(0, plan.runs, plan.batch[i]):
                counts[i] += plan.run(i, begin, end, finished=_teller(progress, text, begin, plan.runs))
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
    return report(plan, counts, outcome)


def report(plan: Plan, counts: Sequence[Tally], outcome: Outcome) -> EscapeStudy:
    """What the counts of each method say beside its law; methods without a finished run are left out."""
    records = tuple(
        _record(text, count, plan.exits, plan.saddle, law, used)
        for (text, _), count, law, used in zip(plan.named, counts, plan.laws, plan.engines, strict=True)
        if count.runs
    )
    principal = plan.exits[0].text
    return EscapeStudy(plan.seed, plan.runs, principal, plan.problem, plan.saddle, records, plan.settings(), _versions(), outcome)


def _teller(progress: Progress | None, text: str, done: int, runs: int) -> Callable[[int], None] | None:
    """Adds the runs that end to those that ended before, and tells."""
    if progress is None:
        return None

    def finished(ended: int) -> None:
        nonlocal done
        done += ended
        progress(text, done, runs)

    return finished


def _record(text: str, count: Tally, exits: Sequence[Exit], saddle: Saddle, law: dict[str, Law | NoLaw], engine: str) -> MethodEscape:
    times = []
    for e, counts, lost in zip(exits, count.counts, count.lost, strict=True):
        found = law[e.text]
        known = found if isinstance(found, Law) else None
        censored = count.runs - int(counts.sum()) - int(lost)
        times.append(Times(e.text, counts, int(lost), censored, known, "" if known else str(found)))
    ended = destinations(saddle.places, count.reached, count.elsewhere, count.diverged)
    return MethodEscape(text, count.runs, count.diverged, tuple(times), ended, engine, count.seconds, count.steps)


def _versions() -> dict[str, str]:
    import scipy

    from dynopt import __version__

    return {"dynopt": __version__, "python": platform.python_version(), "torch": torch.__version__,
            "numpy": np.__version__, "scipy": scipy.__version__}  # fmt: skip
