"""Boxes whose coordinates are coupled through a norm of the gradient, over all parameters or over each tensor.

The first step shows how the gradient is scaled as a function of its norm r: normalised (lr/r), damped
(lr/(αr + 1)), or clipped.  What comes after is seen with gradients whose norm never changes: one more
coordinate fills each of them up to norm R.  If the rest of the box is linear then, its map is recovered
as any linear one, as a map of g/R.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dynopt.auditor.box import SHAPES, Box, Probe, Trace, script
from dynopt.auditor.compare import compare
from dynopt.auditor.linear import recurrence, responses, short, time_invariant
from dynopt.auditor.structure import SIZE

_LEVEL = 16.0
_SCALES = 10.0 ** np.arange(-14, 9, dtype=float)


@dataclass(frozen=True)
class NormForm:
    """A gradient scaled by its norm, then heavy-ball momentum.

    Attributes
    ----------
    scaling : ``normalised``, ``damped`` or ``clipped``.
    scope : ``global`` or ``tensor``.
    order : ``gradient`` (scaled, then averaged) or ``average`` (averaged, then scaled).
    lr : the length of a normalised step, or the step for small gradients.
    level : ε of lr g/(‖g‖ + ε), α of lr g/(α‖g‖ + 1), or the norm at which clipping starts; 0 for an exact normalisation.
    momentum : m of v⁺ = mv + scaled gradient, or of the average.
    """

    scaling: str
    scope: str
    order: str
    lr: float
    level: float
    momentum: float

    def __str__(self) -> str:
        where = "all parameters" if self.scope == "global" else "each tensor"
        what = "gradient" if self.order == "gradient" else f"average m⁺ = {short(self.momentum)} m + (1 − {short(self.momentum)}) g"
        formula = {
            "normalised": f"lr g/(‖g‖ + {self.level:.6g})" if self.level else "lr g/‖g‖",
            "damped": f"lr g/({short(self.level)} ‖g‖ + 1)",
            "clipped": f"lr g min(1, {short(self.level)}/‖g‖)",
        }[self.scaling]
        after = f", then heavy-ball momentum {short(self.momentum)}" if self.momentum and self.order == "gradient" else ""
        return f"{self.scaling} {what} {formula} with lr={short(self.lr)}, the norm over {where}{after}"

    def path(self, start: np.ndarray, ask: Callable[[np.ndarray], np.ndarray], steps: int, parts: list[np.ndarray]) -> list[np.ndarray]:
        """The iterates of the form itself, to hold against the box."""
        theta, v, found = start, np.zeros_like(start), [start]
        for _ in range(steps):
            g = ask(theta)
            if self.order == "average":
                v = self.momentum * v + (1 - self.momentum) * g
                moved = self._scale(v, parts)
            else:
                v = self.momentum * v + self._scale(g, parts)
                moved = v
            theta = theta - self.lr * moved
            found.append(theta)
        return found

    def _scale(self, g: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
        scaled = np.zeros_like(g)
        for part in parts:
            r = float(np.linalg.norm(g[part]))
            if r > 0:
                factor = {
                    "normalised": 1 / (r + self.level) if self.scaling == "normalised" else 0,
                    "damped": 1 / (self.level * r + 1),
                    "clipped": min(1.0, self.level / r),
                }[self.scaling]
                scaled[part] = g[part] * factor
        return scaled


class _FormBox:
    """The form as a black box."""

    def __init__(self, form: NormForm) -> None:
        self.form, self.name = form, str(form)

    def play(self, probe: Probe) -> Trace:
        n = len(probe.start)
        sizes = [int(np.prod(s)) for s in probe.shapes or ((n,),)]
        ends = np.cumsum(sizes)
        tensors = [np.arange(e - s, e) for s, e in zip(sizes, ends, strict=True)]
        asked: list[np.ndarray] = []

        def ask(theta: np.ndarray) -> np.ndarray:
            asked.append(theta)
            return probe.answer(len(asked) - 1, theta)[0]

        theta = self.form.path(probe.start, ask, probe.steps, [np.arange(n)] if self.form.scope == "global" else tensors)
        return Trace(np.array(theta), np.array(asked), tuple(range(len(asked))))


class _Filled:
    """A box whose gradients are filled up to the norm `_LEVEL` by one more coordinate, which is then forgotten."""

    def __init__(self, box: Box) -> None:
        self.box, self.name = box, box.name

    def play(self, probe: Probe) -> Trace:
        def answer(j: int, x: np.ndarray) -> tuple[np.ndarray, float]:
            g, value = probe.answer(j, x[:-1])
            return np.append(g, np.sqrt(max(_LEVEL**2 - float(g @ g), 0.0))), value

        found = self.box.play(replace(probe, start=np.append(probe.start, 0.0), answer=answer, shapes=()))
        return replace(found, theta=found.theta[:, :-1], asked=found.asked[:, :-1])


def norm_form(box: Box, scope: str) -> NormForm | None:
    """The form that reproduces fresh runs to 1e-10, or None."""
    lengths = []
    direction = np.zeros(SIZE)
    direction[:3] = (2.0, -1.0, 2.0)
    direction /= 3.0
    sign = 0
    for scale in _SCALES:
        step = box.play(Probe(np.zeros(SIZE), script(scale * direction[None]), 1, SHAPES)).theta[-1]
        sign = sign or (1 if step @ direction < 0 else -1)
        if not np.all(np.isfinite(step)) or np.linalg.norm(step + sign * direction * np.linalg.norm(step)) > 1e-9 * np.linalg.norm(step):
            return None  # not along the gradient
        lengths.append(float(np.linalg.norm(step)))
    if min(lengths) == 0:
        return None
    for form in _candidates(box, scope, np.array(lengths)):
        form = replace(form, lr=sign * form.lr)
        if compare(box, _FormBox(form)).verdict in ("matches", "cannot tell"):
            return form
    return None


def _candidates(box: Box, scope: str, s: np.ndarray) -> list[NormForm]:
    r, last = _SCALES, float(s[-1])
    gain = float(s[0] / r[0])
    turn = (last / float(s[0]) - 1) * float(r[0])
    found: list[tuple[str, float, float]] = []
    if np.ptp(s) <= 1e-9 * last:
        found.append(("normalised", last, 0.0))
    elif np.all(np.isclose(s, last * r / (r + turn) * (1 + turn / r[-1]), rtol=1e-8)):
        found += [("normalised", last, turn)] if turn < 1e-2 else [("damped", gain, gain / last), ("normalised", last, turn)]
    elif np.all(np.isclose(s, np.minimum(gain * r, last), rtol=1e-5)):
        found.append(("clipped", gain, last / gain))
    momentum = _momentum(box)
    found = [(k, float(short(lr, 1e-9)), float(short(level, 1e-9))) for k, lr, level in found]
    forms = [NormForm(k, scope, "gradient", lr, level, momentum or 0.0) for k, lr, level in found if momentum is not None]
    forms += [NormForm(k, scope, "average", lr, level, m) for k, lr, level in found for m in _averages(box)]
    return forms


def _momentum(box: Box) -> float | None:
    """m of the linear map that follows a scaling: its second pole; None when what follows is not that."""
    found = responses(_Filled(box))
    if not time_invariant(found):
        return None
    linear = recurrence(found)
    if linear is None or linear.order > 2 or (linear.order == 2 and abs(float(linear.b[1])) > 1e-12 * abs(float(linear.b[0]))):
        return None
    return float(short(float(linear.a[1]), 1e-9)) if linear.order == 2 else 0.0


def _averages(box: Box) -> list[float]:
    """m of an average that is normalised: after unit gradients e₁, then e₂ the second step has the direction (m, 1)."""
    rows = np.eye(SIZE)[:2] * 1e3
    theta = box.play(Probe(np.zeros(SIZE), script(rows), 2, ((SIZE,),))).theta
    step = theta[2] - theta[1]
    if step[1] == 0 or not np.isfinite(step).all():
        return []
    return [float(short(float(step[0] / step[1]), 1e-9))]


__all__ = ["NormForm", "norm_form"]
