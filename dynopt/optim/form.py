"""The form of a definition's state, from one run of its start on plain numbers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import FunctionOracle
from dynopt.errors import Misuse


@functools.cache
def form(algorithm: Any, options: tuple[tuple[str, str], ...]) -> tuple[Any, frozenset[str]]:
    """The type of a definition's state, and the names of its blocks that are one number for each run."""
    dimension = 2
    state = instance(algorithm, options).init(np.zeros(dimension), FunctionOracle(lambda x: 0 * x[0], lambda x: 0 * x, lambda x: 0 * x))
    if "step" in state._fields:
        raise Misuse(f"{algorithm.name}: torch counts iterations under the name 'step'; give the state block another name")
    return type(state), frozenset(n for n, block in zip(state._fields, state, strict=True) if np.shape(block) != (dimension,))


def instance(algorithm: type[Algorithm], options: tuple[tuple[str, str], ...]) -> Algorithm:
    """The definition with its defaults, and the first of 1/2, 1/16, … in the place of what has none."""
    needed = [p.name for p in algorithm.numbers() if p.required]
    for power in range(1, 40, 3):
        try:
            return algorithm(**dict(options), **dict.fromkeys(needed, 2.0**-power)).numeric()
        except Misuse:
            continue
    raise Misuse(f"{algorithm.name}: no admissible values of {', '.join(needed)} were found; give them defaults")
