"""Sign changes of event functions within steps, for many trajectories at once.

A function is sampled at `LOOKS` places of a step; between samples of one sign it is searched where
it turns towards zero, so that two crossings close together are found too.  A function that touches
zero without changing sign has no crossing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LOOKS = 8
"""Intervals of a step between whose ends a sign change is looked for."""

Levels = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(fractions of a step ``(q,)``, steps ``(q,)``) ↦ values of the event function ``(q,)``."""

_NUDGE = 1e-3 / LOOKS  # for the slope at the ends of a step
_GOLDEN = (np.sqrt(5) - 1) / 2


def crossings(
    level: Levels, before: np.ndarray, direction: int = 0, resolution: np.ndarray | float = 1e-16
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the functions of ``k`` steps change sign.

    Parameters
    ----------
    level : the event function within the steps.
    before : its values at the left ends, shape ``(k,)``; a step that starts on zero or at nan does not cross there.
    direction : +1 for upward crossings alone, −1 for downward ones, 0 for both.
    resolution : the fraction of each step that its times can tell apart, a number or ``(k,)``.

    Returns
    -------
    steps, fractions : of the crossings, ordered by step and then by fraction.
    after : the values at the right ends, to be ``before`` of the next steps.

    Examples
    --------
    >>> turns = lambda x, step: np.cos(2 * np.pi * x) + 0.999
    >>> crossings(turns, np.array([1.999]))[1].round(6)
    array([0.492882, 0.507118])
    """
    k, finest = len(before), np.maximum(np.broadcast_to(resolution, len(before)), 1e-16)
    nodes = np.linspace(0, 1, LOOKS + 1)
    inner = level(np.repeat(nodes[1:], k), np.tile(np.arange(k), LOOKS)).reshape(LOOKS, k)
    g = np.vstack([before, inner])
    with np.errstate(invalid="ignore"):
        sign = np.sign(g)
        beyond = np.vstack([sign[2:], -sign[-2:-1]])  # a zero sample is a crossing unless the sign returns after it
        row, step = np.nonzero((sign[:-1] * sign[1:] < 0) | ((sign[1:] == 0) & (sign[:-1] * beyond < 0)))
        brackets: list[tuple[np.ndarray, ...]] = [(step, nodes[row], nodes[row + 1], g[row, step] > 0)]
        where, left, right = _dips(level, g, nodes)
        if len(where):
            falling = level(left, where) > 0
            side = np.where(falling, 1, -1)
            low, through = _through(lambda x: side * level(x.ravel(), np.tile(where, len(x))).reshape(x.shape), left, right, finest[where])
            where, left, low, right, falling = (v[through] for v in (where, left, low, right, falling))
            brackets += [(where, left, low, falling), (where, low, right, ~falling)]
    step, a, b, falling = (np.concatenate(parts) for parts in zip(*brackets, strict=True))
    wanted = falling if direction < 0 else ~falling if direction > 0 else np.ones(len(step), dtype=bool)
    step, a, b, falling = step[wanted], a[wanted], b[wanted], falling[wanted]
    if len(step):
        b = _bisect(level, step, a, b, falling, finest[step])
    order = np.lexsort((b, step))
    return step[order], b[order], g[-1]


def _bisect(level: Levels, step: np.ndarray, a: np.ndarray, b: np.ndarray, falling: np.ndarray, finest: np.ndarray) -> np.ndarray:
    """The first numbers at which the crossing has happened."""
    for _ in range(int(np.ceil(np.log2(np.max((b - a) / finest))))):
        middle = (a + b) / 2
        value = level(middle, step)
        crossed = np.where(falling, value <= 0, value >= 0)
        a, b = np.where(crossed, a, middle), np.where(crossed, middle, b)
    return b


def _dips(level: Levels, g: np.ndarray, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places where a function keeps its sign but turns towards zero and, by its slope, may reach it: steps and brackets."""
    size = np.abs(g)
    one_sign = (np.sign(g[:-1]) == np.sign(g[1:])) & (g[:-1] != 0)
    turn = one_sign[:-1] & one_sign[1:] & (size[1:-1] < size[:-2]) & (size[1:-1] <= size[2:])
    turn &= size[1:-1] <= np.maximum(size[:-2], size[2:]) - size[1:-1]
    row, step = np.nonzero(turn)
    found = [(step, nodes[row], nodes[row + 2])]
    for end, next_to, nudged, low, high in ((0, 1, _NUDGE, nodes[0], nodes[1]), (-1, -2, 1 - _NUDGE, nodes[-2], nodes[-1])):
        candidates = np.flatnonzero(one_sign[end] & (size[end] < size[next_to]))
        if not len(candidates):
            continue
        value = level(np.full(len(candidates), nudged), candidates) * np.sign(g[end, candidates])
        reach = (size[end, candidates] - value) / _NUDGE / LOOKS  # how far the slope at the end leads within the interval
        inward = candidates[(reach > 0) & (reach >= size[end, candidates])]
        found.append((inward, np.full(len(inward), low), np.full(len(inward), high)))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _through(value: Callable[[np.ndarray], np.ndarray], a: np.ndarray, b: np.ndarray, finest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where positive functions that turn within [a, b] fall below zero, and which of them do.

    Golden-section search to 10⁻⁵ of the bracket.  A function that turns as smoothly as it came falls by no
    more than it has fallen from the ends of the bracket; where that leaves it positive, the search is over.
    """
    finest = np.maximum(finest, 1e-5 * (b - a))
    ends = value(np.stack([a, b]))
    while True:
        c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
        at_c, at_d = value(np.stack([c, d]))
        left = at_c < at_d
        best, low = np.where(left, at_c, at_d), np.where(left, c, d)
        through = best < 0
        if not np.any(~through & (2 * best <= np.max(ends, axis=0)) & (b - a > finest)):
            return low, through
        ends = np.where(through, ends, np.where(left, [ends[0], at_d], [at_c, ends[1]]))
        a, b = np.where(left | through, a, c), np.where(~left | through, b, d)
