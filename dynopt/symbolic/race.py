"""Which of two methods leaves first, by running both definitions on a quadratic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.algorithm import Flow
from dynopt.core.discretise import runge_kutta
from dynopt.core.oracle import FunctionOracle
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse

_ROWS: list[list[Any]] = [[], ["1/2"], [0, "1/2"], [0, 0, 1]]
_WEIGHTS = ["1/6", "1/3", "1/3", "1/6"]
_LONGEST = 200_000


@dataclass(frozen=True)
class Lap(Result):
    """One run on ½λθ² from θ = 1.

    Attributes
    ----------
    arrival : iterations (or time) until |θ| has grown by the factor asked for, interpolated on a logarithmic scale;
        infinite when it has not within the budget.
    rate : growth of log|θ| per iteration (or unit of time) over the second half of that growth, where the
        decaying modes are gone; NaN when it never arrived.
    """

    arrival: float
    rate: float


def lap(method: System, eigenvalue: Any, factor: float = 1e12) -> Lap:
    """Run one definition on J(θ) = ½λθ² until |θ| ≥ factor.

    >>> from dynopt import GradientDescent
    >>> found = lap(GradientDescent(gamma=1), -1)
    >>> round(found.arrival, 9) == round(12 / math.log10(2), 9), round(math.exp(found.rate), 9)
    (True, 2.0)
    """
    value = float(eigenvalue)
    if not value < 0 or not math.isfinite(value):
        raise Misuse(f"the eigenvalue {eigenvalue} is not negative; a strict saddle is left along negative ones")
    numeric = method.numeric()
    step = 1.0
    if isinstance(numeric, Flow):
        step = 0.02 / (1 + max([abs(value), *(abs(float(getattr(numeric, p.name))) for p in numeric.numbers())]))
        values = {p.name: getattr(numeric, p.name) for p in numeric.parameters()}
        numeric = runge_kutta(type(numeric), _ROWS, _WEIGHTS)(**values, gamma=step)
    oracle = FunctionOracle(lambda x: x * x * value / 2, lambda x: value * x)
    state = numeric.init(np.ones(1), oracle)  # type: ignore[attr-defined]
    target, half = math.log(factor), math.log(factor) / 2
    before = 0.0
    crossings: list[float] = []
    for k in range(_LONGEST):
        state = numeric.update(state, oracle, k)  # type: ignore[attr-defined]
        size = abs(float(state[0][0]))
        after = math.log(size) if size > 0 else -math.inf
        for level in (half, target)[len(crossings) :]:
            if after >= level:
                crossings.append(step * (k + (level - before) / (after - before)))
        if len(crossings) == 2:
            return Lap(crossings[1], (target - half) / (crossings[1] - crossings[0]))
        before = after
    return Lap(math.inf, math.nan)
