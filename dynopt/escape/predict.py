"""What the law says before anything is run: for each exit a prediction, and a horizon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dynopt.core.algorithm import Algorithm
from dynopt.errors import Misuse
from dynopt.escape import law as laws
from dynopt.escape.exits import Exit
from dynopt.escape.law import NoLaw
from dynopt.escape.record import Law
from dynopt.escape.reference import amplitudes
from dynopt.escape.saddle import Saddle
from dynopt.escape.starts import largest, survival

BLIND_STEPS = 10_000
"""Horizon where no law suggests one."""
_UNLIKELY = 1e-12
"""The suggested horizon is where the law leaves only this part inside."""


def predict(method: Algorithm, saddle: Saddle, exits: Sequence[Exit], start: str, scale: float, radius: float) -> dict[str, Law | NoLaw]:
    """The law of the method under each exit, by the exit's text, or the reason why there is none."""
    try:
        found = _response(method, saddle, scale, radius)
        tail = survival(start, scale, saddle)
    except Misuse as error:
        reason = NoLaw(str(error))
        return {e.text: reason for e in exits}
    directions = saddle.unstable.shape[1]
    if saddle.bent or directions == 1:
        tables = amplitudes(method, saddle, exits, radius, largest(start, scale, saddle))
    else:
        reason = NoLaw(f"on a quadratic objective with {directions} unstable directions the law is that of exit coordinate")
        tables = {e.text: reason for e in exits}
    notes = _notes(saddle, start, scale, radius)
    result: dict[str, Law | NoLaw] = {}
    for e in exits:
        table = tables[e.text]
        quadratic = laws.quadratic(found, tail, e.level) if e.name == "coordinate" else None
        closed = laws.asymptotic(found, scale, e.level, directions) if e.name == "coordinate" and start == "gaussian" else None
        if quadratic is not None and not saddle.bent:
            result[e.text] = Law(found, quadratic, None, closed, 0.0, "the objective is quadratic, so the quadratic law is exact", notes)
            continue
        if isinstance(table, NoLaw):
            result[e.text] = table if quadratic is None else Law(found, quadratic, None, closed, None, str(table), notes)
            continue
        offset = None
        if quadratic is not None:
            last = min(table.shape[1], len(found.reached)) - 1
            sides = table[:, last] * found.reached[last] / e.level - 1
            offset = float(sides[np.abs(sides).argmax()])
        result[e.text] = Law(found, quadratic, laws.with_offset(found, tail, table), closed, offset, "", notes)
    return result


def _response(method: Algorithm, saddle: Saddle, scale: float, radius: float) -> laws.Response:
    unstable = saddle.spectrum[: saddle.unstable.shape[1]]
    if any(abs(float(v) - float(unstable[0])) > 1e-9 * abs(float(unstable[0])) for v in unstable):
        values = ", ".join(map(str, unstable))
        raise NoLaw(f"the unstable Hessian eigenvalues {values} differ; the law is written for one, or for several equal ones")
    return laws.response(method, unstable[0], laws.enough(scale, radius), away=bool(saddle.point.any()))


def _notes(saddle: Saddle, start: str, scale: float, radius: float) -> tuple[str, ...]:
    notes = []
    if saddle.bent and largest(start, scale, saddle) > 0.1 * radius:
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
                found = _response(method, saddle, rounding, radius)
            except Misuse:
                longest = max(longest, BLIND_STEPS)
                continue
            known = [Law(found, laws.quadratic(found, survival("gaussian", rounding, saddle), radius), None)]
        longest = max(longest, *(found.best.quantile(1 - _UNLIKELY) for found in known))
    digits = 10 ** (len(str(longest)) - 2)
    return -(-longest // digits) * digits
