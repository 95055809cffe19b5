"""What the law says before anything is run: for each exit a prediction, and a horizon."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dynopt.core.algorithm import Algorithm
from dynopt.errors import Misuse
from dynopt.escape import law as laws
from dynopt.escape.exits import Exit
from dynopt.escape.law import NoLaw
from dynopt.escape.normalised import is_normalised, normalised
from dynopt.escape.record import Law
from dynopt.escape.reference import Side, amplitudes
from dynopt.escape.saddle import Saddle
from dynopt.escape.sampled import sampled
from dynopt.escape.starts import inside, largest, survival

BLIND_STEPS = 10_000
"""Horizon where no law suggests one."""
_UNSETTLED = 0.1
"""Beyond this part of the radius the noise in the last steps is worth a note; up to it the law lags by at most 0.002 (σ ≥ 1.01)."""
_SETTLING = 500
"""Steps that a sampled law is given beyond those of the quadratic model."""
_UNLIKELY = 1e-12
"""The suggested horizon is where the law leaves only this part inside."""


def predict(
    method: Algorithm, saddle: Saddle, exits: Sequence[Exit], start: str, scale: float, radius: float, noise: float = 0.0
) -> dict[str, Law | NoLaw]:
    """The law of the method under each exit, by the exit's text, or the reason why there is none.

    Parameters
    ----------
    noise : standard deviation of additive Gaussian gradient noise in each coordinate, one sample an iteration.
    """
    try:
        if is_normalised(method):
            if noise:
                raise NoLaw(f"the law of {method.name} is that of exact gradients")
            return normalised(method, saddle, exits, start, scale, radius, _notes(saddle, start, scale, None, 0.0))
        plain = _responses(method, saddle, scale, radius)
        found = [r.driven(noise / scale, start != "stable") for r in plain] if noise else plain
        source = _source(start, noise)
        law = _on_the_quadratic(found, source, scale, saddle)
    except Misuse as error:
        reason = NoLaw(str(error))
        return {e.text: reason for e in exits}
    d, size = saddle.unstable.shape[1], largest(source, scale, saddle)
    alike = all(r is plain[0] for r in plain)
    notes = _notes(saddle, start, scale, radius, noise * (plain[0].floor or 0.0))
    curved = _beyond(method, saddle, [e for e in exits if saddle.bent or e.name != "coordinate"], source, scale, radius, plain, found, law)
    result: dict[str, Law | NoLaw] = {}
    for e in exits:
        quadratic = law(e.level) if e.name == "coordinate" else None
        closed = laws.asymptotic(plain[0], scale, e.level, d) if quadratic and alike and start == "gaussian" and not noise else None
        if e.text not in curved:
            result[e.text] = Law(plain[0], quadratic, None, closed, 0.0, "the objective is quadratic, so the quadratic law is exact", notes)
            continue
        nonlinear, offset = curved[e.text]
        if quadratic is not None and offset is None:
            offset = _fastest(method, saddle, e, plain[0], radius, size)
        if isinstance(nonlinear, laws.Prediction):
            result[e.text] = Law(plain[0], quadratic, nonlinear, closed, offset, "", notes)
        elif quadratic is not None:
            result[e.text] = Law(plain[0], quadratic, None, closed, offset, str(nonlinear), notes)
        else:
            result[e.text] = nonlinear
    return result


def _source(start: str, noise: float) -> str:
    """The distribution of the unstable part; noise makes it Gaussian, also on the stable subspace."""
    if noise and start not in ("gaussian", "stable"):
        raise NoLaw(f"the law with gradient noise adds Gaussian numbers, and {start} starts are none; use start=gaussian")
    return "gaussian" if noise else start


def _on_the_quadratic(found: Sequence[laws.Response], start: str, scale: float, saddle: Saddle) -> Callable[[float], laws.Prediction]:
    """Radius ↦ the law of exit coordinate on the quadratic model."""
    if _one_number(found, start, saddle):
        tail = survival(start, scale, saddle)
        return lambda radius: laws.quadratic(found[0], tail, radius)
    part = inside(start, scale, saddle)
    return lambda radius: laws.several(found, part, radius)


def _beyond(
    method: Algorithm, saddle: Saddle, exits: Sequence[Exit], source: str, scale: float, radius: float,
    plain: Sequence[laws.Response], found: Sequence[laws.Response], law: Callable[[float], laws.Prediction],
) -> dict[str, tuple[laws.Prediction | NoLaw, float | None]]:  # fmt: skip
    """What the quadratic model does not know, and by how much it is off where that is read off the amplitudes.

    Where one number tells the history of a run (one unstable direction, or equal ones), amplitudes; elsewhere a sample.
    """
    if not exits:
        return {}
    if _one_number(plain, source, saddle) and (saddle.bent or len(plain) == 1):
        tail = survival(source, scale, saddle)
        result: dict[str, tuple[laws.Prediction | NoLaw, float | None]] = {}
        tables = amplitudes(method, saddle, exits, radius, largest(source, scale, saddle))
        for e in exits:
            sides = tables[e.text]
            if isinstance(sides, NoLaw):
                result[e.text] = sides, None
            else:
                curved = laws.with_offset(found[0], tail, [_driven(side, plain[0], found[0]) for side in sides])
                result[e.text] = curved, _offset(sides, plain[0], e.level) if e.name == "coordinate" else None
        return result
    stretch = np.array([abs(driven.a[-1] / own.a[-1]) for driven, own in zip(found, plain, strict=True)])
    steps = _SETTLING + 2 * (law(radius).quantile(1 - 1e-9) or 0)
    return {text: (one, None) for text, one in sampled(method, saddle, exits, source, scale, steps, stretch=stretch).items()}


def _one_number(found: Sequence[laws.Response], start: str, saddle: Saddle) -> bool:
    """Whether the length of the start's unstable part alone tells when a run leaves the quadratic model."""
    return all(r is found[0] for r in found) and not (start == "uniform" and (len(found) > 1 or saddle.axes is None))


def _driven(side: Side, plain: laws.Response, driven: laws.Response) -> Side:
    """Amplitudes per start of the noiseless response, for the one that noise drives."""
    if driven is plain or not side.leaves:
        return side
    known = min(len(side.x), len(plain.a))
    return Side(side.x[:known] * (plain.reached / driven.reached)[:known], True)


def _offset(sides: Sequence[Side], found: laws.Response, level: float) -> float:
    """The largest over the directions; infinite where runs never leave."""
    off = []
    for side in sides:
        last = min(len(side.x), len(found.reached)) - 1
        off.append(float(side.x[last] * found.reached[last] / level - 1) if side.leaves else math.inf)
    return max(off, key=abs)


def _fastest(method: Algorithm, saddle: Saddle, exit: Exit, found: laws.Response, radius: float, size: float) -> float | None:
    """The offset along the first unstable direction alone."""
    table = amplitudes(method, replace(saddle, unstable=saddle.unstable[:, :1]), [exit], radius, size)[exit.text]
    return None if isinstance(table, NoLaw) else _offset(table, found, exit.level)


def _responses(method: Algorithm, saddle: Saddle, scale: float, radius: float) -> list[laws.Response]:
    """The response of each unstable direction, the same object for equal eigenvalues; the first sets the length of all."""
    away, enough = bool(saddle.point.any()), laws.enough(scale, radius)
    found: list[laws.Response] = []
    for value in saddle.spectrum[: saddle.unstable.shape[1]]:
        if found and abs(float(value) - float(found[-1].eigenvalue)) <= 1e-9 * abs(float(value)):
            found.append(found[-1])
        else:
            found.append(laws.response(method, value, enough, away=away, steps=len(found[0].a) - 1 if found else None))
    return found


def _notes(saddle: Saddle, start: str, scale: float, radius: float | None, unsettled: float) -> tuple[str, ...]:
    """What limits the law; ``radius`` None: it is that of whole starts."""
    notes = []
    if radius is not None and unsettled > _UNSETTLED * radius:
        notes.append(
            f"the noise yet to come moves a run at the exit by {unsettled:.2g}, not small beside the radius {radius:g}: "
            "the law is that of being outside at step k, and runs that were outside before have left earlier"
        )
    if radius is not None and saddle.bent and largest(start, scale, saddle) > 0.1 * radius:
        notes.append(
            f"starts reach {largest(start, scale, saddle):.2g}, not small beside the radius {radius:g}: "
            "the law follows the unstable direction alone and neglects the start's other components"
        )
    digits = float(np.finfo(float).eps * np.abs(saddle.point).max())
    if scale < 1e3 * digits:
        notes.append(f"scale={scale:g} is within 1000 roundings ({digits:.1g}) of the saddle's coordinates: starts are rounded")
    return tuple(notes)


def suggest_horizon(
    methods: Sequence[Algorithm], predicted: Sequence[dict[str, Law | NoLaw]], saddle: Saddle, scale: float, radius: float
) -> int:
    """A number of steps after which the slowest law leaves next to nothing inside, rounded up to two digits.

    For starts that stay it is so long that a rounding error along the unstable direction would be out too.
    """
    longest = 100
    for method, law in zip(methods, predicted, strict=True):
        known = [found for found in law.values() if isinstance(found, Law)]
        if not known:
            try:
                rounding = scale * float(np.finfo(float).eps)
                found = _responses(method, saddle, rounding, radius)
            except Misuse:
                longest = max(longest, BLIND_STEPS)
                continue
            known = [Law(found[0], _on_the_quadratic(found, "gaussian", rounding, saddle)(radius), None)]
        longest = max(longest, *(_end(found.best) for found in known))
    digits = 10 ** (len(str(longest)) - 2)
    return -(-longest // digits) * digits


def _end(law: laws.Prediction) -> int:
    """Where next to none of those that leave is inside; a sample ends before that, and its tail is taken to be no longer than it."""
    if law.error:
        return 2 * len(law.cdf)
    return (law.quantile((1 - _UNLIKELY) * (1 - law.never)) or 0) if law.never < 1 else len(law.cdf)
