"""What kind of map a black box is: deterministic, element-wise or coupled, linear or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynopt.auditor.box import SHAPES, Box, Probe, Trace, script

STEPS = 12
SIZE = sum(int(np.prod(shape)) for shape in SHAPES)
_PARTS = np.repeat(np.arange(len(SHAPES)), [int(np.prod(shape)) for shape in SHAPES])


@dataclass(frozen=True)
class Structure:
    """What a few paired runs show.

    Attributes
    ----------
    obstacle : why nothing can be said, or empty.
    questions : gradients asked for in one iteration.
    coupling : ``element-wise``, ``tensor`` (a coordinate feels others of its tensor) or ``global`` (of every tensor).
    feels_start : coordinates feel where the others are, and not only their gradients.
    linear : the iterate is linear in the start and the gradients.
    affine : it is linear after a constant is taken away.
    aliased : the run changes when gradients are written into the same memory.
    """

    obstacle: str = ""
    questions: int = 1
    coupling: str = "element-wise"
    feels_start: bool = False
    linear: bool = False
    affine: bool = False
    aliased: bool = False


def random_probe(seed: int, *, scale: float = 1.0, start: float = 1.0, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """A start (n,) and gradients (steps, n), none of them small against its scale."""
    rng = np.random.default_rng([7, seed])

    def draw(*shape: int) -> np.ndarray:
        return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)

    return start * draw(SIZE), scale * draw(steps, SIZE)


def structure(box: Box) -> Structure:
    """Paired runs on three small tensors: repeat, same memory, one coordinate moved, sums and multiples."""
    start, rows = random_probe(0)
    first = _run(box, start, rows)
    if first.ended:
        return Structure(obstacle=first.ended)
    again = _run(box, start, rows)
    if not (_same(first, again)):
        return Structure(obstacle=f"two runs of {box.name} on the same gradients differ: it draws random numbers or remembers other runs")
    per_step = np.bincount(first.moments, minlength=STEPS)
    if per_step.max() != per_step.min():
        obstacle = f"{box.name} asks for {per_step.min()} to {per_step.max()} gradients an iteration, depending on the answers"
        return Structure(obstacle=obstacle, questions=int(per_step.max()))
    questions = int(per_step[0])
    if questions > 1:
        rows = np.concatenate([rows, *(random_probe(20 + i)[1] for i in range(1, questions))])
        first = _run(box, start, rows)
    aliased = not _same(first, _run(box, start, rows, reuse=True))
    coupling, feels_start = _coupling(box, start, rows, first)
    linear, affine = _linear(box, len(rows)) if coupling == "element-wise" else (False, False)
    return Structure("", questions, coupling, feels_start, linear, affine, aliased)


def _run(box: Box, start: np.ndarray, rows: np.ndarray, *, reuse: bool = False) -> Trace:
    return box.play(Probe(start, script(rows), STEPS, SHAPES, reuse=reuse))


def _same(one: Trace, two: Trace) -> bool:
    return one.theta.shape == two.theta.shape and bool(np.array_equal(one.theta, two.theta, equal_nan=True))


def _coupling(box: Box, start: np.ndarray, rows: np.ndarray, first: Trace) -> tuple[str, bool]:
    """Which coordinates move otherwise when the gradient, or the start, of coordinate 0 is another."""
    other = np.zeros(SIZE, dtype=bool)
    felt = np.zeros(SIZE, dtype=bool)
    for factor in (4.0, 1e3):
        moved = rows.copy()
        moved[:, 0] *= -factor
        other |= _differs(_run(box, start, moved), first)
        away = start.copy()
        away[0] *= -factor
        felt |= _differs(_run(box, away, rows), first)
    reach = other | felt
    reach[0] = felt[0] = False
    if not reach.any():
        return "element-wise", False
    return ("global" if reach[_PARTS != _PARTS[0]].any() else "tensor"), bool(felt.any())


def _differs(one: Trace, two: Trace) -> np.ndarray:
    if one.theta.shape != two.theta.shape:
        return np.ones(SIZE, dtype=bool)
    return np.asarray(np.any(one.theta != two.theta, axis=0))


def _linear(box: Box, calls: int) -> tuple[bool, bool]:
    """Sums and multiples over twelve orders of magnitude; affine when that holds after the run from nothing is taken away."""
    nothing = _run(box, np.zeros(SIZE), np.zeros((calls, SIZE)))
    if nothing.ended:
        return False, False
    constant = nothing.theta
    for scale, start in ((1.0, 1.0), (1e-6, 1e-6), (1e6, 1e6), (1e-9, 0.0), (1e-3, 1.0), (1.0, 1e-6)):
        pairs = [random_probe(1, scale=scale, start=start, steps=calls), random_probe(2, scale=scale, start=start, steps=calls)]
        both = tuple(a + b for a, b in zip(*pairs, strict=True))
        traces = [_run(box, *p) for p in (*pairs, both, (-3 * pairs[0][0], -3 * pairs[0][1]))]
        if any(t.ended for t in traces):
            return False, False
        one, two, total, multiple = (t.theta - constant for t in traces)
        size = max(np.max(np.abs(t.theta)) for t in traces)
        for gap in (total - one - two, multiple + 3 * one):
            if np.max(np.abs(gap)) > 1e-13 * size + 1e-300:
                return False, False
    return not constant.any(), bool(constant.any())
