"""Two boxes on the same gradients: do they ask at the same points, and where do they first not?

Open loop, the gradients are sequences of our choice, the same whatever the boxes do; two causal maps
that agree on all sequences agree on every objective.  Closed loop, they come from objectives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dynopt.auditor.box import SHAPES, Answer, Box, MethodBox, Probe, Trace, script
from dynopt.auditor.structure import SIZE
from dynopt.core.algorithm import Algorithm

STEPS = 60
CLOSE = 1e-10
"""Agreement: relative to the size of the coordinate's path, beyond what rounding explains."""

STILL = "a gradient of zero"


@dataclass(frozen=True)
class Difference:
    """Where two runs first part.

    Attributes
    ----------
    sequence : the gradients on which they do, in words.
    step : the iteration whose gradient is asked for elsewhere, or whose iterate differs.
    question : its number among all gradients asked for.
    coordinate : the coordinate that differs most there.
    value, expected : the two values.
    """

    sequence: str
    step: int
    question: int
    coordinate: int
    value: float
    expected: float


@dataclass(frozen=True)
class Comparison:
    """The outcome over all sequences.

    Attributes
    ----------
    verdict : ``matches``, ``differs`` or ``cannot tell``.
    difference : the earliest difference, or None.
    agree, differ, unclear : the names of the sequences by outcome.
    reason : a sentence.
    shifted : the boxes ask at the same points, but one stores another iterate than the other.
    gap : the largest relative difference where they agree.
    """

    verdict: str
    difference: Difference | None
    agree: tuple[str, ...]
    differ: tuple[str, ...]
    unclear: tuple[str, ...]
    reason: str
    shifted: bool
    gap: float


def sequences(steps: int = STEPS) -> dict[str, Probe]:
    """The probes by name, seeded; starts at zero let tiny steps be seen."""
    rng = np.random.default_rng(2026)
    calls = 4 * steps
    n = SIZE
    zero = np.zeros(n)
    start = rng.choice([-1, 1], n) * rng.uniform(0.5, 2, n)
    noise = rng.standard_normal((calls, n))
    tiny, huge = 10.0 ** rng.uniform(-12, -7, n), 10.0 ** rng.uniform(-4, 4, n)
    tiny[1::3] = 1e-8
    steady = 1 + 0.3 * noise
    fading = np.where(np.arange(calls)[:, None] < 10, 5.0, 0.05) * noise
    sparse = noise * (rng.uniform(size=(calls, n)) < 0.3)
    sparse[0, ::2] = 0
    sparse[:, 0] = noise[:, 0]  # never all zero
    swinging = (-1.0) ** np.arange(calls)[:, None] * steady
    chosen = {
        "normal gradients": (start, noise),
        "gradients of many sizes from zero": (zero, huge * noise),
        "tiny gradients from zero": (zero, tiny * noise),
        "steady gradients": (start, steady),
        "alternating gradients": (start, swinging),
        "large, then small gradients": (start, fading),
        "sparse gradients": (start, sparse),
        "steady gradients from zero": (zero, 1e-3 * steady),
    }
    probes = {name: Probe(s, script(rows), steps, SHAPES) for name, (s, rows) in chosen.items()}
    still = noise.copy()
    still[5] = 0
    probes[STILL] = Probe(start, script(still), steps, SHAPES)
    probes["a smooth objective"] = Probe(start, _objective(), steps, SHAPES)
    return probes


def _objective() -> Answer:
    """J = Σ cᵢ(θᵢ²/2 + cos θᵢ) + (Σ θᵢ)²/40: not quadratic, its coordinates coupled."""
    c = np.linspace(0.2, 1.2, SIZE)

    def answer(j: int, x: np.ndarray) -> tuple[np.ndarray, float]:
        with np.errstate(all="ignore"):
            return c * (x - np.sin(x)) + x.sum() / 20, float(c @ (x * x / 2 + np.cos(x)) + x.sum() ** 2 / 40)

    return answer


def compare(box: Box, reference: Box, probes: dict[str, Probe] | None = None) -> Comparison:
    """Run both on every probe; what rounding can do is measured by runs of the reference on gradients off by 1e-15."""
    agree: list[str] = []
    unclear: list[str] = []
    differ: dict[str, Difference] = {}
    reasons: list[str] = []
    shifted, largest = False, 0.0
    for name, (probe, two, blur) in _references(reference, probes).items():
        one = box.play(probe)
        if one.ended and not len(one.asked) > 1:
            return Comparison("cannot tell", None, (), (), (name,), one.ended, False, 0.0)
        if two.ended and not len(two.asked) > 1:
            return Comparison("cannot tell", None, (), (), (name,), two.ended, False, 0.0)
        if name == "a smooth objective" and (_wild(one) or _wild(two)):
            one, two = _tame(one), _tame(two)
        found, gap, same_iterate = _against(one, two, blur, name)
        if found is not None:
            differ[name] = found
        elif gap is None:
            unclear.append(name)
            asked = [len(t.asked) / max(len(t.theta) - 1, 1) for t in (one, two)]
            often = f"the same points, but {box.name} asks for {asked[0]:g} gradients an iteration and {reference.name} for {asked[1]:g}: "
            often += "where an iteration has its own mini-batch these are two methods"
            rounding = f"on {name} rounding alone moves {reference.name}"
            reasons.append(one.ended or two.ended or (rounding if asked[0] == asked[1] else often))
        else:
            agree.append(name)
            shifted |= not same_iterate
            largest = max(largest, gap)
    first = min(differ.values(), key=lambda d: (d.question, list(differ).index(d.sequence)), default=None)
    if agree and set(differ) == {STILL}:
        assert first is not None
        reason = f"they agree except after an iteration whose whole gradient is zero ({first.value:.6g} against {first.expected:.6g})"
        verdict = "cannot tell"
    elif first is not None:
        reason = f"first in iteration {first.step}, on {first.sequence}"
        reason += f"; they agree on {', '.join(agree)}" if agree else ""
        verdict = "differs"
    elif agree:
        reason = f"same points of gradients on {len(agree)} kinds of sequences, {STEPS} iterations each"
        verdict = "matches"
    else:
        reason, verdict = "; ".join(dict.fromkeys(reasons)), "cannot tell"
    return Comparison(verdict, first, tuple(agree), tuple(differ), tuple(unclear), reason, shifted, largest)


def _references(reference: Box, probes: dict[str, Probe] | None) -> dict[str, tuple[Probe, Trace, np.ndarray]]:
    """The reference's runs and what rounding does to them; those of a definition on the standard probes are kept."""
    if probes is None and isinstance(reference, MethodBox):
        try:
            return _of_definition(reference.method)
        except TypeError:  # a parameter that cannot be hashed
            pass
    return _runs(reference, probes or sequences())


@functools.lru_cache(maxsize=16)
def _of_definition(method: Algorithm) -> dict[str, tuple[Probe, Trace, np.ndarray]]:
    return _runs(MethodBox(method), sequences())


def _runs(reference: Box, probes: dict[str, Probe]) -> dict[str, tuple[Probe, Trace, np.ndarray]]:
    found = {}
    for name, probe in probes.items():
        trace = reference.play(probe)
        found[name] = (probe, trace, _blur(reference, probe, trace))
    return found


def _wild(trace: Trace) -> bool:
    return bool(trace.ended) or bool(np.max(np.abs(trace.theta)) > 1e6)


def _tame(trace: Trace) -> Trace:
    """The part of a diverging closed-loop run before rounding is all that is seen."""
    large = np.flatnonzero(~(np.max(np.abs(trace.asked), axis=1) < 1e6))
    stop = int(large[0]) if len(large) else len(trace.asked)
    return replace(trace, asked=trace.asked[:stop], moments=trace.moments[:stop], ended="")


def _blur(reference: Box, probe: Probe, trace: Trace) -> np.ndarray:
    """How far the questions move when every gradient is off by relative 1e-15, the running maximum."""
    moved = reference.play(replace(probe, answer=_shaken(probe.answer, np.random.default_rng(1)))).asked
    worst = np.zeros_like(trace.asked)
    count = min(len(moved), len(worst))
    with np.errstate(all="ignore"):
        worst[:count] = np.fmax(worst[:count], np.abs(moved[:count] - trace.asked[:count]))
    return np.maximum.accumulate(worst, axis=0)


def _shaken(answer: Answer, rng: np.random.Generator) -> Callable[[int, np.ndarray], Any]:
    def shaken(j: int, x: np.ndarray) -> tuple[np.ndarray, float]:
        gradient, value = answer(j, x)
        return gradient * (1 + 1e-15 * rng.choice([-1, 1], len(gradient))), value

    return shaken


def _against(one: Trace, two: Trace, blur: np.ndarray, name: str) -> tuple[Difference | None, float | None, bool]:
    """The first difference; the largest relative gap when there is none (None: rounding decides); whether the iterates agree too."""
    count = min(len(one.asked), len(two.asked), len(blur))
    a, b = one.asked[:count], two.asked[:count]
    with np.errstate(all="ignore"):
        finite = np.isfinite(a) & np.isfinite(b)
        size = np.maximum(np.max(np.abs(np.where(np.isfinite(b), b, 0)), axis=0), 1e-300)
        slack = CLOSE * size + 1e3 * np.nan_to_num(blur[:count], nan=np.inf)
        gap = np.where(finite, np.abs(a - b), np.where(np.isfinite(a) == np.isfinite(b), 0.0, np.inf))
        off = gap > slack
    if off.any():
        j = int(np.flatnonzero(off.any(axis=1))[0])
        i = int(np.argmax(np.where(off[j], gap[j] / size, -1)))
        step = two.moments[j] if two.moments[j] > 0 else one.moments[j]
        return Difference(name, step, j, i, float(a[j, i]), float(b[j, i])), None, False
    if len(one.asked) != len(two.asked):
        return None, None, False  # one asks more often an iteration, or ended early
    decided = np.all(slack <= 1e-4 * size, axis=0)
    if not decided.any():
        return None, None, False
    rows = min(len(one.theta), len(two.theta))
    with np.errstate(all="ignore"):
        x, y = one.theta[:rows], two.theta[:rows]
        same = not bool(np.any(np.abs(x - y) > 1e-8 * size + 1e4 * blur.max(axis=0)))
    return None, float(np.max(np.where(finite, gap, 0)[:, decided] / size[decided], initial=0.0)), same
