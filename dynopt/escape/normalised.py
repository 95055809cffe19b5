"""The law of normalised gradient descent, θ⁺ = θ − γ∇J/‖∇J‖, which has no mode matrix.

On J = ½ Σ λ_p θ_p² one step multiplies θ_p by 1 − γλ_p/‖Λθ‖.  Scaling θ and γ together changes nothing, and rotating an
eigenspace changes nothing, so the escape time depends on the lengths of the start's parts in the eigenspaces over γ and
on r/γ alone.  With one stable eigenvalue λ_s, one unstable −λ_u, c = λ_u/λ_s and lengths x and u,

    x⁺ = |x − γx/ρ|,    u⁺ = u + γcu/ρ,    ρ = √(x² + c²u²).

**Beside the stable subspace**, u ≪ γ: first x falls by γ a step; once it is ξγ < γ it is (1 − ξ)γ, ξγ, (1 − ξ)γ, … for every
ξ, a 2-cycle that nothing moves.  In the two steps u grows by

    (1 + c/ξ)(1 + c/(1 − ξ)) = 1 + c(1 + c)/(ξ(1 − ξ)) ≥ (1 + 2c)²,

whatever γ is; 1 + 2c a step at ξ = ½ is the *slowest* growth.  **Farther out** the symmetric cycle x = √(γ²/4 − c²u²) has ρ = γ/2
and u grows by the same 1 + 2c, until the cycle is gone at u = γ/(2c).  Only **from there on** a run is ballistic: u⁺ ≈ u + γ.

**Tiny isotropic starts** are not beside the stable subspace for long: the first step has length γ in the direction of
the gradient, whose angle alone then decides, and the escape time takes a few values near r/γ.

The law itself is the average over the starts (`dynopt.escape.sampled`): on the quadratic model over the lengths in the
eigenspaces, on the true objective over whole starts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy import special

from dynopt.algorithms.rescaled_gradient import NormalizedGradientDescent
from dynopt.algorithms.sngd import SNGD
from dynopt.core.algorithm import Algorithm
from dynopt.core.parameter import is_schedule
from dynopt.escape.exits import Exit, make_exit
from dynopt.escape.law import NoLaw, Prediction
from dynopt.escape.record import Law
from dynopt.escape.saddle import Saddle, find_saddle
from dynopt.escape.sampled import from_shifts, sampled, uniforms
from dynopt.escape.starts import EXTRA
from dynopt.problems.quadratic import Quadratic

LONGEST = 20_000
"""Most steps that are run."""
_CLOSE = 1e-9
"""Starts whose unstable part is a smaller part of their size than this are too few to matter."""


def growth(ratio: float, phase: float = 0.5) -> float:
    """The factor a step by which u ≪ γ grows, over a 2-cycle of ``phase`` ξ, for ``ratio`` λ_u/λ_s.

    >>> growth(4.0), round(growth(4.0, 0.2), 4)
    (9.0, 11.225)
    """
    return math.sqrt(1 + ratio * (1 + ratio) / (phase * (1 - phase)))


def symmetric_steps(start: float, radius: float, gamma: float, ratio: float) -> float:
    """How many steps u needs from ``start`` to ``radius`` along the symmetric cycle and then γ a step, as a real number.

    >>> round(symmetric_steps(1e-6, 0.5, 0.01, 1.0), 1)  # log(0.005/1e-6)/log 3 + 0.495/0.01
    57.3
    """
    end = gamma / (2 * ratio)
    cycling = max(math.log(min(end, radius) / start), 0.0) / math.log1p(2 * ratio)
    return cycling + max(radius - max(end, start), 0.0) / gamma


def is_normalised(method: Algorithm) -> bool:
    """Whether this law is that of the method; without mini-batches SNGD is the same map."""
    return isinstance(method, (NormalizedGradientDescent, SNGD))


def normalised(
    method: Any, saddle: Saddle, exits: Sequence[Exit], start: str, scale: float, radius: float, notes: tuple[str, ...] = ()
) -> dict[str, Law | NoLaw]:
    """The law of normalised gradient descent under each exit, by the exit's text, or the reason why there is none.

    Raises
    ------
    NoLaw : a step-size that varies, starts on the stable subspace, or a step so small that a run needs more than `LONGEST`.

    Examples
    --------
    >>> import dynopt
    >>> saddle = find_saddle(dynopt.Quadratic([-8, 2]))
    >>> exit = make_exit("coordinate", saddle, 0.5)
    >>> found = normalised(dynopt.method("normalized_gd(gamma=0.02)"), saddle, [exit], "gaussian", 1e-12, 0.5)[exit.text]
    >>> [found.best.quantile(q) for q in (0.01, 0.5, 0.99)]
    [26, 26, 27]
    """
    if is_schedule(method.gamma):
        raise NoLaw(f"{method.name} varies with the iteration, and the law is that of a constant step-size")
    if start == "stable":
        raise NoLaw("runs that start on the stable subspace have no unstable part and do not leave")
    gamma, steps = float(method.gamma), horizon(float(method.gamma), saddle, scale, radius)
    on_true = sampled(method, saddle, exits, start, scale, steps) if saddle.bent or any(e.name != "coordinate" for e in exits) else {}
    described = (*notes, _described(gamma, saddle, radius))
    result: dict[str, Law | NoLaw] = {}
    for e in exits:
        quadratic = _on_the_quadratic(method, saddle, e.level, start, scale, steps) if e.name == "coordinate" else None
        if quadratic is not None and not saddle.bent:
            result[e.text] = Law(None, quadratic, None, None, None, "the objective is quadratic, so the quadratic law is exact", described)
            continue
        curved = on_true[e.text]
        assert isinstance(curved, Prediction)
        offset = None if quadratic is None else gamma * (curved.mean - quadratic.mean) / e.level
        result[e.text] = Law(None, quadratic, curved, None, offset, "", described)
    return result


def horizon(gamma: float, saddle: Saddle, scale: float, radius: float) -> int:
    """Steps after which next to no run is still on its way: across, along the slowest cycle, and out to the farthest place.

    Raises
    ------
    NoLaw : there are more than `LONGEST`.
    """
    far = max(radius, *(float(np.linalg.norm(p.point - saddle.point)) for p in saddle.places), 0.0)
    across = scale * (saddle.dimension**0.5 + 6) / gamma
    ratio = _ratio(saddle, slowest=True)
    out = far / gamma if ratio is None else symmetric_steps(min(_CLOSE * min(scale, gamma), far), far, gamma, ratio)
    steps = 100 + 2 * math.ceil(across + out)
    if steps > LONGEST:
        raise NoLaw(f"a run of {steps:,} steps of length gamma={gamma:g} may be needed, and the law is followed for {LONGEST:,}")
    return steps


def _ratio(saddle: Saddle, slowest: bool = False) -> float | None:
    """λ_u/λ_s with the stiffest stable eigenvalue, along which steps 2-cycle; None without a stable one."""
    values = [float(v) for v in saddle.spectrum]
    unstable = values[: saddle.unstable.shape[1]]
    return -(max(unstable) if slowest else min(unstable)) / max(values) if max(values) > 0 else None


def _on_the_quadratic(method: Algorithm, saddle: Saddle, level: float, start: str, scale: float, steps: int) -> Prediction:
    """Exit coordinate on ½ Σ λ_p θ_p², with one coordinate for each eigenspace where the starts are isotropic."""
    values: list[Any] = []
    sizes: list[int] = []
    for value in saddle.spectrum:
        if start != "uniform" and values and value == values[-1]:
            sizes[-1] += 1
        else:
            values.append(value)
            sizes.append(1)
    model = find_saddle(Quadratic(values), [0])
    exit = make_exit(f"coordinate(radius={level!r})", model, level)
    if start == "uniform":
        found = sampled(method, model, [exit], start, scale, steps)
    else:
        found = from_shifts(method, model, [exit], scale * _lengths(start, sizes), steps)
    law = found[exit.text]
    assert isinstance(law, Prediction)  # whole starts always have one
    return replace(law, kind="quadratic")


def _lengths(start: str, sizes: Sequence[int]) -> torch.Tensor:
    """The lengths of the parts of isotropic starts in spaces of so many dimensions: χ numbers, on the sphere and in the ball normed."""
    degrees = np.array([*sizes, *([EXTRA[start]] if start in EXTRA else [])])
    lengths = np.sqrt(2 * special.gammaincinv(degrees / 2, uniforms(len(degrees))))
    if start != "gaussian":
        lengths /= np.linalg.norm(lengths, axis=1, keepdims=True)
    return torch.as_tensor(lengths[:, : len(sizes)])


def _described(gamma: float, saddle: Saddle, radius: float) -> str:
    """The regimes in numbers."""
    ratio = _ratio(saddle)
    if ratio is None:
        return f"no direction is stable, so no step 2-cycles: every step of length gamma = {gamma:g} leads away from the saddle"
    end = gamma / (2 * ratio)
    last = f"then {gamma:g} a step" if end < radius else f"which is beyond the radius {radius:g}: a run never moves freely before"
    return (
        f"beside the stable subspace the steps 2-cycle along it and the unstable part grows by at least 1 + 2λ_u/λ_s = {growth(ratio):.4g} "
        f"a step, whatever gamma is, up to the length gamma·λ_s/(2λ_u) = {end:.3g}, {last}"
    )
