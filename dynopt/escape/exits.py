"""What "escaped" means: several named definitions, to be evaluated on the same paths.

Each is a measure of θ and a level: the exit is the first step at which measure ≥ level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dynopt.core.registry import parse_call
from dynopt.errors import Misuse, closest
from dynopt.escape.descent import descend
from dynopt.escape.saddle import Saddle
from dynopt.escape.starts import combine

MEANINGS = {
    "coordinate": "the part of θ − saddle along the unstable directions has length at least `radius`",
    "ball": "θ is at least `radius` away from the saddle",
    "concave": "the smallest eigenvalue of the Hessian at θ is at least 0",
    "hessian": "the Hessian passes a test: its smallest eigenvalue at θ is at least `curvature`",
    "drop": "J is at least `amount` below its value at the saddle",
    "basin": "θ is at most `radius` away from the closest minimiser",
    "descent": "descent from θ ends at a minimiser and does not come within `radius` of the saddle: a basin is entered",
}
_PARAMETER = {"coordinate": "radius", "ball": "radius", "hessian": "curvature", "drop": "amount", "basin": "radius",
              "descent": "radius"}  # fmt: skip
_ASKED = ("hessian", "descent")
"""Evaluated where asked for only: the first differs from ``concave`` by a margin, the second takes a descent from every point."""


@dataclass(frozen=True)
class Exit:
    """One definition of leaving the saddle: the first step at which ``measure(θ) ≥ level``.

    ``text`` is its call, such as ``coordinate(radius=0.5)``; ``measure`` takes θ of shape (batch, n).
    """

    name: str
    text: str
    level: float
    measure: Callable[[torch.Tensor], torch.Tensor]

    @property
    def meaning(self) -> str:
        return MEANINGS[self.name]

    @property
    def costly(self) -> bool:
        """Whether it is worth asking only those runs that are not out yet."""
        return self.name == "descent"

    def holds(self, theta: torch.Tensor) -> torch.Tensor:
        """Whether the run is out, (batch,) booleans; a θ that is not a number is not out."""
        return self.measure(theta) >= self.level


def make_exit(text: str, saddle: Saddle, radius: float) -> Exit:
    """The exit that a call such as ``ball`` or ``drop(amount=2)`` describes, ``radius`` being the default length.

    The default ``amount`` of ``drop`` is ½|λ|·radius², what the quadratic model loses along the
    steepest unstable direction at that radius; that of ``curvature`` is half the smallest Hessian eigenvalue
    of the minimisers.

    Raises
    ------
    Misuse : the name or the parameter is unknown, or the exit holds at the saddle itself, or it cannot
        happen on this problem.
    """
    call = parse_call(text)
    if call.name not in MEANINGS:
        raise Misuse(f"there is no exit {call.name!r}; {closest(call.name, MEANINGS)}")
    parameter = _PARAMETER.get(call.name)
    for key in call.values:
        if key != parameter:
            example = f"{call.name}({parameter}=0.5)" if parameter else call.name
            raise Misuse(f"exit {call.name!r} has no parameter {key!r}; write {example}")
    default = radius
    if call.name == "drop":
        default = 0.5 * abs(float(saddle.spectrum[0])) * radius**2
    elif call.name == "hessian":
        default = 0.5 * min((float(np.linalg.eigvalsh(saddle.problem.hessian(p.point))[0]) for p in saddle.minima), default=0.0)
    try:
        value = float(call.values.get(parameter or "", default))
    except (TypeError, ValueError):
        raise Misuse(f"exit {text!r}: {parameter} is not a number; write {call.name}({parameter}=0.5)") from None
    if not (np.isfinite(value) and value > 0):
        raise Misuse(f"exit {call.name!r}: {parameter or 'radius'}={value:g} is not a positive number; give it one, such as 0.5")
    shown = f"{call.name}({parameter}={value:g})" if parameter else call.name
    made = Exit(call.name, shown, *_BUILDERS[call.name](saddle, value))
    if bool(made.holds(torch.as_tensor(saddle.point)[None])[0]):
        remedy = f"lower its {parameter}" if parameter else "choose another exit"
        raise Misuse(f"exit {shown} already holds at the saddle {saddle.exact}, so every start would satisfy it; {remedy}")
    return made


def other_exits(principal: Exit, saddle: Saddle, radius: float) -> tuple[Exit, ...]:
    """The other definitions that can happen on this problem and are cheap enough to be evaluated by default.

    ``concave`` needs all Hessians and is left out above two dimensions.
    """
    found = []
    for name in MEANINGS:
        if name in (principal.name, *_ASKED) or (name == "concave" and saddle.dimension > 2):
            continue
        try:
            found.append(make_exit(name, saddle, radius))
        except Misuse:
            continue
    return tuple(found)


Built = tuple[float, Callable[[torch.Tensor], torch.Tensor]]


def _square_distance(theta: torch.Tensor, point: np.ndarray) -> torch.Tensor:
    """‖θ − point‖²; short vectors are added up by hand, which is much faster than a reduction over a short axis."""
    if theta.shape[-1] > 8:
        shift = theta - torch.as_tensor(point, dtype=theta.dtype, device=theta.device)
        return (shift * shift).sum(-1)
    total = None
    for i, p in enumerate(point.tolist()):
        gap = theta[..., i] - p if p else theta[..., i]
        total = gap * gap if total is None else total + gap * gap
    assert total is not None
    return total


def _coordinate(saddle: Saddle, radius: float) -> Built:
    axes, unstable = saddle.axes, saddle.unstable

    def measure(theta: torch.Tensor) -> torch.Tensor:
        if axes is not None and len(axes) == 1:
            offset = float(saddle.point[axes[0]])
            return (theta[..., axes[0]] - offset if offset else theta[..., axes[0]]).abs()
        shift = theta - torch.as_tensor(saddle.point, dtype=theta.dtype, device=theta.device)
        part = (
            shift[..., list(axes)]
            if axes is not None
            else combine(shift, torch.as_tensor(unstable, dtype=theta.dtype, device=theta.device))
        )
        return part[..., 0].abs() if part.shape[-1] == 1 else torch.sqrt(_square_distance(part, np.zeros(part.shape[-1])))

    return radius, measure


def _ball(saddle: Saddle, radius: float) -> Built:
    return radius**2, lambda theta: _square_distance(theta, saddle.point)


def _concave(saddle: Saddle, _: float) -> Built:
    return _hessian(saddle, 0.0, "concave")


def _hessian(saddle: Saddle, curvature: float, name: str = "hessian") -> Built:
    if not saddle.bent:
        raise Misuse(
            f"the Hessian of {saddle.problem.name!r} is constant with smallest eigenvalue {saddle.spectrum[0]}, so exit {name!r} never "
            "happens; use coordinate or ball"
        )

    def measure(theta: torch.Tensor) -> torch.Tensor:
        H = saddle.problem.hessian(theta)
        if theta.shape[-1] == 1:
            return H[..., 0, 0]
        if theta.shape[-1] == 2:
            half, off = (H[..., 0, 0] - H[..., 1, 1]) / 2, H[..., 0, 1]
            return (H[..., 0, 0] + H[..., 1, 1]) / 2 - torch.sqrt(half * half + off * off)
        return torch.linalg.eigvalsh(H)[..., 0]

    return curvature, measure


def _drop(saddle: Saddle, amount: float) -> Built:
    top = float(saddle.problem.value(saddle.point))
    return amount, lambda theta: top - saddle.problem.value(theta)


def _minimisers(saddle: Saddle, name: str) -> list[np.ndarray]:
    if not saddle.minima:
        raise Misuse(f"problem {saddle.problem.name!r} lists no minimiser, so exit {name!r} has no meaning; use coordinate or ball")
    return [p.point for p in saddle.minima]


def _basin(saddle: Saddle, radius: float) -> Built:
    points = _minimisers(saddle, "basin")

    def measure(theta: torch.Tensor) -> torch.Tensor:
        distance = _square_distance(theta, points[0])
        for point in points[1:]:
            distance = torch.minimum(distance, _square_distance(theta, point))
        return -distance

    return -(radius**2), measure


def _descent(saddle: Saddle, radius: float) -> Built:
    """The measure is the descent's shortest distance from the saddle, 0 where it ends at no minimiser."""
    _minimisers(saddle, "descent")

    def measure(theta: torch.Tensor) -> torch.Tensor:
        distance = torch.sqrt(_square_distance(theta, saddle.point))
        rows = (distance >= radius).nonzero()[:, 0]
        if len(rows):
            found, nearest = descend(saddle.problem, theta[rows].cpu(), saddle.minima, saddle.point, radius)
            distance[rows] = torch.where(found >= 0, nearest, 0.0).to(distance)
        return distance

    return radius, measure


_BUILDERS: dict[str, Callable[[Saddle, float], Built]] = {
    "coordinate": _coordinate, "ball": _ball, "concave": _concave, "hessian": _hessian, "drop": _drop, "basin": _basin,
    "descent": _descent,
}  # fmt: skip
