"""A black box: what is fed gradients of our choice, step by step, and moves its iterate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from dynopt.core.algorithm import Algorithm

Answer = Callable[[int, np.ndarray], tuple[np.ndarray, float]]
"""The gradient and the value for the j-th question (j = 0, 1, … over the whole run), asked at a point."""

SHAPES: tuple[tuple[int, ...], ...] = ((3,), (2, 2), (1,))
"""Three tensors, so that a norm over one can be told from a norm over all."""


@dataclass(frozen=True)
class Probe:
    """One run to be made.

    Attributes
    ----------
    start : array (n,), the initial iterate.
    answer : what is answered to each question.
    steps : iterations.
    shapes : shapes of the tensors that the n coordinates are dealt out to, in order; one tensor when empty.
    rates : factors on the step-size, one an iteration; all one when empty.
    reuse : write every gradient into the same memory, as ``zero_grad(set_to_none=False)`` does.
    """

    start: np.ndarray
    answer: Answer
    steps: int
    shapes: tuple[tuple[int, ...], ...] = ()
    rates: tuple[float, ...] = ()
    reuse: bool = False


@dataclass(frozen=True)
class Trace:
    """What a run showed.

    Attributes
    ----------
    theta : array (iterations + 1, n), the stored iterate.
    asked : array (questions, n), the points where gradients were asked for, in order.
    moments : the iteration of each question.
    ended : why the run ended early (a sentence), or empty.
    """

    theta: np.ndarray
    asked: np.ndarray
    moments: tuple[int, ...]
    ended: str = ""


class Box(Protocol):
    """Something that can be probed; every run starts afresh."""

    name: str

    def play(self, probe: Probe) -> Trace:
        """Run the probe from the start."""


def script(rows: np.ndarray) -> Answer:
    """Open loop: row j answers question j wherever it is asked; zeros after the last row.

    >>> script(np.array([[1.0], [2.0]]))(1, np.zeros(1))
    (array([2.]), 0.0)
    """
    nothing = np.zeros(rows.shape[1])

    def answer(j: int, point: np.ndarray) -> tuple[np.ndarray, float]:
        return (rows[j] if j < len(rows) else nothing), 0.0

    return answer


class _Asked:
    """The oracle of a definition: one answer a point and iteration, every question kept."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.points: list[np.ndarray] = []
        self.moments: list[int] = []
        self.k = 0
        self.now: list[tuple[np.ndarray, np.ndarray, float]] = []

    def at(self, k: int) -> Self:
        if k != self.k:
            self.k, self.now = k, []
        return self

    def _reply(self, x: Any) -> tuple[np.ndarray, float]:
        x = np.asarray(x, dtype=float)
        for point, gradient, value in self.now:
            if np.array_equal(point, x):
                return gradient, value
        gradient, value = self.answer(len(self.points), x)
        self.points.append(x.copy())
        self.moments.append(self.k)
        self.now.append((x.copy(), gradient, value))
        return gradient, value

    def gradient(self, x: Any) -> np.ndarray:
        return self._reply(x)[0]

    full_gradient = gradient

    def noise(self, x: Any, every: Any = 1) -> Any:
        raise NotImplementedError("it draws random numbers of its own, which no other run can share")

    uniform = noise

    def expected_variation(self, x: Any) -> Any:
        raise NotImplementedError("it asks for the mean of Hessian times gradient over mini-batches")

    def value(self, x: Any) -> np.ndarray:
        return np.array([self._reply(x)[1]])[0]


class MethodBox:
    """A definition of dynopt as a black box, on NumPy."""

    def __init__(self, method: Algorithm, name: str = "") -> None:
        self.method = method.numeric()
        self.name = name or method.call()

    def play(self, probe: Probe) -> Trace:
        oracle = _Asked(probe.answer)
        method = self.method
        if probe.rates:
            gamma, rates = getattr(method, "gamma"), probe.rates  # noqa: B009
            method = method.replace(gamma=lambda k: gamma * rates[min(k, len(rates) - 1)])
        iterates: list[np.ndarray] = [probe.start]
        ended = ""
        try:
            with np.errstate(all="ignore"):
                for k, theta in enumerate(_iterates(method, probe.start, oracle)):
                    if k:
                        iterates.append(theta)
                    if not np.all(np.isfinite(theta)):
                        ended = f"{self.name} produced a value that is not finite in iteration {k - 1}"
                    if k == probe.steps or ended:
                        break
        except Exception as error:
            ended = f"{self.name} cannot be run on chosen gradients ({type(error).__name__}: {error})"
        points = np.array(oracle.points).reshape(len(oracle.points), len(probe.start))
        return Trace(np.array(iterates), points, tuple(oracle.moments), ended)


def _iterates(method: Algorithm, start: np.ndarray, oracle: _Asked) -> Iterator[np.ndarray]:
    for state in method.states(start, oracle):
        yield np.array(state[0], dtype=float)
