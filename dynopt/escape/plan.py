"""The plan of an escape study: everything that is decided before the first run, and how any part of the runs is done."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.problem import Problem
from dynopt.core.registry import method as named_method
from dynopt.core.registry import problem as named_problem
from dynopt.ensemble.kernel import Task, kernel_text
from dynopt.ensemble.noise import Additive, Noise, make_noise
from dynopt.ensemble.trace import Untraceable
from dynopt.errors import Misuse, closest
from dynopt.escape.exits import Exit, make_exit, other_exits
from dynopt.escape.law import NoLaw
from dynopt.escape.predict import predict, suggest_horizon
from dynopt.escape.record import Law
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
_WIDEST = 64
"""State numbers of a run up to which `engine="auto"` compiles a kernel: compilers take minutes for more."""
ENGINES = ("auto", "eager", "fused")
DTYPES = {"float64": torch.float64, "float32": torch.float32}


@dataclass(frozen=True, eq=False)
class Plan:
    """A study before it is run: a pure function of what was asked, so that every process that asks has the same.

    Attributes
    ----------
    named : each method with the text that names it.
    problem, saddle, exits : where; the principal exit first.
    runs, seed, start, scale, radius, max_steps, linger, dtype : as in `escape_study`, checked and resolved.
    device : where the runs are done unless `run` is told otherwise.
    batch : runs worked on at once, for each method.
    fused : for each method the kernel's task with the exits' levels, or None for torch eager.
    engines : for each method the engine's name, with the reason where it is not fused.
    rests : for each eager method the numbers of the places where it can come to rest.
    laws : for each method the prediction by exit; empty where none were asked for.
    noise : what is added to the gradients that the runs see.
    """

    named: tuple[tuple[str, Algorithm], ...]
    problem: Problem
    saddle: Saddle
    exits: tuple[Exit, ...]
    runs: int
    seed: int
    start: str
    scale: float
    radius: float
    max_steps: int
    linger: int
    device: torch.device
    dtype: str
    batch: tuple[int, ...]
    fused: tuple[tuple[Task, tuple[float, ...]] | None, ...]
    engines: tuple[str, ...]
    rests: tuple[tuple[int, ...], ...]
    laws: tuple[dict[str, Law | NoLaw], ...]
    noise: Noise | None = None

    def empty(self) -> Tally:
        """No runs yet."""
        return Tally.empty(len(self.exits), len(self.saddle.places), self.max_steps)

    def run(self, method: int, first: int, stop: int, *, device: str | None = None, finished: Callable[[int], None] | None = None) -> Tally:
        """Do runs ``first`` … ``stop`` − 1 of one method, batch by batch, and count them.

        Run i depends on (seed, i) alone, so the counts of any cutting of the runs add up to the same.
        ``finished`` is told how many runs have ended since it was last called.
        """
        where = self.device if device is None else torch.device(device)
        fused, definition = self.fused[method], self.named[method][1].numeric()
        count = self.empty()
        for begin, end in cut(first, stop, self.batch[method]):
            if fused is not None:
                count += fused_tally(
                    *fused, self.saddle, seed=self.seed, first=begin, stop=end, scale=self.scale, max_steps=self.max_steps,
                    linger=self.linger, device=where, finished=finished,
                )  # fmt: skip
                continue
            theta0 = draw(
                self.start, self.scale, self.saddle, seed=self.seed, first=begin, stop=end, device=str(where), dtype=DTYPES[self.dtype]
            )
            runs = torch.arange(begin, end, device=where)
            sampled = (self.noise or Additive(0.0)).oracle(self.problem, seed=self.seed, runs=runs)
            count += tally(
                definition, self.saddle, self.exits, theta0, max_steps=self.max_steps, linger=self.linger,
                rests=self.rests[method], sampled=sampled, finished=finished,
            )  # fmt: skip
        return count

    def settings(self) -> dict[str, Any]:
        """What it takes to repeat the study, but for the seed."""
        return {
            "methods": [text for text, _ in self.named], "problem": self.problem.name, "runs": self.runs, "start": self.start,
            "scale": self.scale, "exit": self.exits[0].text, "radius": self.radius, "exits": [e.text for e in self.exits],
            "saddle": self.saddle.exact, "max_steps": self.max_steps, "linger": self.linger, "device": str(self.device),
            "dtype": self.dtype, "engines": list(self.engines), "noise": self.noise and self.noise.call(),
        }  # fmt: skip


def make_plan(
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
    laws: bool = True,
) -> Plan:
    """Check and resolve what `escape_study` is asked; the parameters are its own.

    ``laws=False`` leaves the predictions out; the horizon must be given then.

    Raises
    ------
    Misuse : as `escape_study` says.

    Examples
    --------
    >>> plan = make_plan(["gd(gamma=0.02)"], runs=5, also=[])
    >>> (plan.run(0, 0, 2) + plan.run(0, 2, 5)).runs, plan.max_steps, plan.engines
    (5, 370, ('torch eager (cpu, float64)',))
    """
    named = _methods(methods)
    objective: Problem = named_problem(problem) if isinstance(problem, str) else problem
    runs, seed = whole("runs", runs, 1, None), whole("seed", seed, 0, 2**64 - 1)
    place = find_saddle(objective, saddle)
    scale, radius = _positive("scale", scale), _positive("radius", radius)
    check_start(start, scale, place)
    principal = make_exit(exit, place, radius)
    exits = (principal, *(other_exits(principal, place, radius) if also is None else (make_exit(e, place, radius) for e in also)))
    if len({e.text for e in exits}) < len(exits):
        raise Misuse(f"the exits {', '.join(e.text for e in exits)} name one twice; give each once")
    added = make_noise(noise, objective) if isinstance(noise, (str, int, float)) else noise
    where = _device(device)
    if dtype not in DTYPES:
        raise Misuse(f"dtype={dtype!r} is not a floating type for runs; choose float64 or float32")
    size = whole("batch", batch, 1, None) if batch is not None else max(1024, _CELLS[where.type] // objective.dimension)
    first = draw(start, scale, place, seed=seed, first=0, stop=min(runs, size), device=device, dtype=DTYPES[dtype])
    if bool(principal.holds(first).all()):
        raise Misuse(f"every start already satisfies the exit {principal.text} at scale={scale:g}; start closer or widen the exit")
    known = isinstance(added, Additive) and added.every == 1 and added.axes is None
    size_of_noise = added.size if known and isinstance(added, Additive) else 0.0
    predicted = tuple(predict(m, place, exits, start, scale, radius, size_of_noise) for _, m in named) if laws else ()
    suggested = suggest_horizon([m for _, m in named], predicted, place, scale, radius) if max_steps is None else max_steps
    if added is not None and not known:  # the horizon of the runs without noise is long enough for these
        predicted = tuple(without_noise(added, exits) for _ in predicted)
    horizon = whole("max_steps", suggested, 1, LONGEST_HORIZON)
    after = whole("linger", linger, 0, None) if linger is not None else max(1000, horizon)
    chosen = [_engine(engine, m, place, exits, start, dtype, where, runs * horizon, added) for _, m in named]
    rests = tuple(resting_places(m.numeric(), place) if fused is None else () for (_, m), (fused, _) in zip(named, chosen, strict=True))
    return Plan(
        tuple(named), objective, place, exits, runs, seed, start, scale, radius, horizon, after, where, dtype,
        tuple(size if fused is None or batch is not None else _FUSED for fused, _ in chosen),
        tuple(fused for fused, _ in chosen), tuple(used for _, used in chosen), rests, predicted, added,
    )  # fmt: skip


def without_noise(noise: Noise, exits: Sequence[Exit]) -> dict[str, Law | NoLaw]:
    """What is said in place of the law, which knows Gaussian noise of one size on every axis alone."""
    return {e.text: NoLaw(f"the law is that of exact or evenly noisy gradients, and these have the noise {noise.call()}") for e in exits}


def cut(first: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """The pieces of at most ``size`` that first … stop − 1 falls into, in order.

    >>> list(cut(0, 5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    return ((begin, min(stop, begin + size)) for begin in range(first, stop, size))


def _engine(
    asked: str, method: Algorithm, saddle: Saddle, exits: Sequence[Exit], start: str, dtype: str, device: torch.device, work: int,
    noise: Noise | None = None,
) -> tuple[tuple[Task, tuple[float, ...]] | None, str]:  # fmt: skip
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
        task = fused_task(method.numeric(), saddle, exits, noise)
        if asked == "auto" and len(task[0].trace.state) > _WIDEST:
            raise Untraceable(f"the state has {len(task[0].trace.state)} numbers, a long compilation (engine=fused does it all the same)")
        kernel_text(task[0], device.type)
    except Untraceable as reason:
        if asked == "fused":
            raise
        return None, f"{eager}, not fused: {reason}"
    return task, f"fused {'triton' if device.type == 'cuda' else 'numba'} ({device}, {dtype})"


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


def whole(name: str, value: Any, least: int, most: int | None) -> int:
    """The value as an integer; `Misuse` where it is none, or not between the two."""
    try:
        number = int(value)
        exact = number == value and not isinstance(value, (bool, str))
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise Misuse(f"{name}={value} is not a whole number; give one that is at least {least}")
    if number < least or (most is not None and number > most):
        raise Misuse(f"{name}={number} is out of range; give a whole number of at least {least}" + (f" and at most {most}" if most else ""))
    return number


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
