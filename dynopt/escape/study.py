"""The `escape_study` job: many runs from beside a strict saddle, against the law."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.problem import Problem
from dynopt.core.registry import method as named_method
from dynopt.core.registry import problem as named_problem
from dynopt.ensemble.kernel import Task, kernel_text
from dynopt.ensemble.trace import Untraceable
from dynopt.errors import Misuse, Outcome, closest
from dynopt.escape.exits import Exit, make_exit, other_exits
from dynopt.escape.law import NoLaw
from dynopt.escape.predict import predict, suggest_horizon
from dynopt.escape.record import EscapeStudy, Law, MethodEscape, Times, destinations
from dynopt.escape.saddle import Saddle, find_saddle
from dynopt.escape.starts import check_start, draw
from dynopt.escape.tally import Tally, fused_tally, fused_task, resting_places, tally

LONGEST_HORIZON = 10_000_000
"""The largest ``max_steps``; histograms have that many entries."""
_CELLS = {"cpu": 2**15, "cuda": 2**22}
"""Numbers per state block that are worked on at once; only speed depends on it."""
_FUSED = 2**20
"""Runs that a fused kernel works on at once."""
_WORTH_COMPILING = 10**7
"""Iterations from which `engine="auto"` compiles a kernel."""
ENGINES = ("auto", "eager", "fused")

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
    progress: Progress | None = None,
) -> EscapeStudy:
    """Run each method from the same random starts beside a strict saddle and compare escape times with the law.

    Run i starts at a point that depends on (``seed``, i) alone, so batches, order and device leave the
    sample unchanged.  Several definitions of leaving are evaluated on the same paths.  After leaving,
    a run goes on until its whole state is near that of a minimiser at rest, which is its destination.

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
    named = _methods(methods)
    objective: Problem = named_problem(problem) if isinstance(problem, str) else problem
    runs, seed = _whole("runs", runs, 1, None), _whole("seed", seed, 0, 2**64 - 1)
    place = find_saddle(objective, saddle)
    scale, radius = _positive("scale", scale), _positive("radius", radius)
    check_start(start, scale, place)
    principal = make_exit(exit, place, radius)
    exits = [principal, *(other_exits(principal, place, radius) if also is None else (make_exit(e, place, radius) for e in also))]
    if len({e.text for e in exits}) < len(exits):
        raise Misuse(f"the exits {', '.join(e.text for e in exits)} name one twice; give each once")
    where = _device(device)
    kind = {"float64": torch.float64, "float32": torch.float32}.get(dtype)
    if kind is None:
        raise Misuse(f"dtype={dtype!r} is not a floating type for runs; choose float64 or float32")
    size = _whole("batch", batch, 1, None) if batch is not None else max(1024, _CELLS[where.type] // objective.dimension)
    first = draw(start, scale, place, seed=seed, first=0, stop=min(runs, size), device=device, dtype=kind)
    if bool(principal.holds(first).all()):
        raise Misuse(f"every start already satisfies the exit {principal.text} at scale={scale:g}; start closer or widen the exit")

    predicted = [predict(m, place, exits, start, scale, radius) for _, m in named]
    suggested = suggest_horizon([m for _, m in named], predicted, place, scale, radius) if max_steps is None else max_steps
    horizon = _whole("max_steps", suggested, 1, LONGEST_HORIZON)
    after = _whole("linger", linger, 0, None) if linger is not None else max(1000, horizon)
    records: list[MethodEscape] = []
    outcome = Outcome.DONE
    engines: list[str] = []
    for (text, method), law in zip(named, predicted, strict=True):
        count = Tally.empty(len(exits), len(place.places), horizon)
        fused, used = _engine(engine, method, place, exits, start, dtype, where, runs * horizon)
        engines.append(used)
        try:
            rests = resting_places(method.numeric(), place) if fused is None else ()
            step = size if fused is None or batch is not None else _FUSED
            for begin in range(0, runs, step):
                end = min(runs, begin + step)
                if fused is not None:
                    count += fused_tally(
                        *fused, place, seed=seed, first=begin, stop=end, scale=scale, max_steps=horizon, linger=after, device=where,
                        finished=_teller(progress, text, begin, runs),
                    )  # fmt: skip
                    continue
                theta0 = draw(start, scale, place, seed=seed, first=begin, stop=end, device=device, dtype=kind)
                tell = _teller(progress, text, begin, runs)
                count += tally(method.numeric(), place, exits, theta0, max_steps=horizon, linger=after, rests=rests, finished=tell)
        except KeyboardInterrupt:
            outcome = Outcome.INTERRUPTED
        if count.runs:
            records.append(_record(text, count, exits, place, law, used))
        if outcome is Outcome.INTERRUPTED:
            break
    settings = {
        "methods": [text for text, _ in named], "problem": objective.name, "runs": runs, "start": start, "scale": scale,
        "exit": principal.text, "radius": radius, "exits": [e.text for e in exits], "saddle": place.exact,
        "max_steps": horizon, "linger": after, "device": str(where), "dtype": dtype, "engines": engines,
    }  # fmt: skip
    return EscapeStudy(seed, runs, principal.text, objective, place, tuple(records), settings, _versions(), outcome)


def _engine(
    asked: str, method: Algorithm, saddle: Saddle, exits: Sequence[Exit], start: str, dtype: str, device: torch.device, work: int
) -> tuple[tuple[Task, tuple[float, ...]] | None, str]:
    """The fused task where it is to be used, and the engine's name with the reason where it is not."""
    eager = f"torch eager ({device}, {dtype})"
    if asked not in ENGINES:
        raise Misuse(f"there is no engine {asked!r}; {closest(asked, ENGINES)}")
    if asked == "eager" or (asked == "auto" and work < _WORTH_COMPILING):
        return None, eager
    try:
        if start != "gaussian" or dtype != "float64":
            raise Untraceable(f"fused kernels draw Gaussian starts in float64, not {start} in {dtype}")
        if device.type == "cuda" and importlib.util.find_spec("triton") is None:
            raise Untraceable("fused kernels on CUDA need the package triton")
        task = fused_task(method.numeric(), saddle, exits)
        kernel_text(task[0], device.type)
    except Untraceable as reason:
        if asked == "fused":
            raise
        return None, f"{eager}, not fused: {reason}"
    return task, f"fused {'triton' if device.type == 'cuda' else 'numba'} ({device}, {dtype})"


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


def _methods(methods: Any) -> list[tuple[str, Algorithm]]:
    given = list(methods) if isinstance(methods, Sequence) and not isinstance(methods, str) else [methods]
    if not given:
        raise Misuse('there is no method to run; name at least one, as in "gd(gamma=0.02)"')
    found = []
    for item in given:
        method = named_method(item) if isinstance(item, str) else item
        if isinstance(method, Flow):
            raise Misuse(f"{method.name} is a flow, and an escape study counts iterations; name an algorithm, such as inna or gd")
        if not isinstance(method, Algorithm):
            raise Misuse(f"{item!r} is not a method with its parameters; give an instance such as INNA(gamma=0.01), or a call as text")
        method.numeric()
        found.append((item.strip() if isinstance(item, str) else method.call(), method))
    return found


def _whole(name: str, value: Any, least: int, most: int | None) -> int:
    try:
        whole = int(value)
        exact = whole == value and not isinstance(value, (bool, str))
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise Misuse(f"{name}={value} is not a whole number; give one that is at least {least}")
    if whole < least or (most is not None and whole > most):
        raise Misuse(f"{name}={whole} is out of range; give a whole number of at least {least}" + (f" and at most {most}" if most else ""))
    return whole


def _positive(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Misuse(f"{name}={value!r} is not a number; give a positive length") from None
    if not (np.isfinite(number) and number > 0):
        raise Misuse(f"{name}={number:g} is not a positive length; give one, such as {'1e-12' if name == 'scale' else '0.5'}")
    return number


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise Misuse(f"there is no device {name!r}; choose cpu, cuda or cuda:0") from None
    if device.type not in _CELLS:
        raise Misuse(f"device {name!r} is not supported; choose cpu, cuda or cuda:0")
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise Misuse(f"device {name!r} is not there: torch sees {torch.cuda.device_count()} CUDA devices; use device=cpu")
    return device


def _versions() -> dict[str, str]:
    import scipy

    from dynopt import __version__

    return {"dynopt": __version__, "python": platform.python_version(), "torch": torch.__version__,
            "numpy": np.__version__, "scipy": scipy.__version__}  # fmt: skip
