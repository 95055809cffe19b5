"""What an update may ask about the objective."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np


class Oracle(Protocol):
    """The answers that an update may ask for; all arrays have shape ``(*batch, n)``.

    ``gradient`` answers on this iteration's sample: two calls within one iteration see the same
    mini-batch or the same noise.  Randomness enters here and never in an update; an oracle answers
    what its methods ask, and says so (`NotImplementedError`, or a sentence) where it cannot.
    """

    def gradient(self, x: Any) -> Any:
        """∇J on this iteration's sample, of the shape of ``x``."""

    def full_gradient(self, x: Any) -> Any:
        """∇J of the whole objective."""

    def value(self, x: Any) -> Any:
        """J on this iteration's sample, of shape ``(*batch,)``."""

    def expected_variation(self, x: Any) -> Any:
        """E[∇²J_S(x) ∇J_S(x)] over the draw of the sample S, of the shape of ``x``; ∇²J ∇J without samples."""

    def noise(self, x: Any, every: Any = 1) -> Any:
        """This iteration's standard normals, of the shape of ``x``; zeros in iterations that are not multiples of ``every``."""

    def uniform(self, x: Any) -> Any:
        """This iteration's uniform number in (0, 1), one for each run: of shape ``(*batch, 1)``."""

    def at(self, k: int) -> Self:
        """The oracle of iteration ``k`` (its sample); a deterministic oracle returns itself."""


@dataclass(frozen=True)
class FunctionOracle:
    """An oracle without samples from functions: the objective, its gradient and x ↦ ∇²J(x)∇J(x).

    What a method draws itself (`noise`, `uniform`) depends on (seed, k) and the shape of ``x`` alone.

    >>> FunctionOracle(lambda x: x * x / 2, lambda x: x).gradient(3.0)
    3.0
    """

    objective: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    variation: Callable[[Any], Any] | None = None
    seed: int = 0
    k: int = 0

    def gradient(self, x: Any) -> Any:
        return self.slope(x)

    def full_gradient(self, x: Any) -> Any:
        return self.slope(x)

    def value(self, x: Any) -> Any:
        return self.objective(x)

    def expected_variation(self, x: Any) -> Any:
        if self.variation is None:
            raise NotImplementedError("this oracle has no expected variation of the gradient")
        return self.variation(x)

    def noise(self, x: Any, every: Any = 1) -> Any:
        if self.k % every:
            return 0 * x
        return _like(self._generator(x, 1).standard_normal(x.shape), x)

    def uniform(self, x: Any) -> Any:
        return _like(self._generator(x, 2).random((*x.shape[:-1], 1)), x)

    def _generator(self, x: Any, purpose: int) -> np.random.Generator:
        if str(getattr(x, "dtype", "object")) == "object":
            raise NotImplementedError("random numbers are drawn for arrays of floats only")
        return np.random.default_rng([self.seed, self.k, purpose])

    def at(self, k: int) -> Self:
        return dataclasses.replace(self, k=k)


def _like(array: np.ndarray, x: Any) -> Any:
    """The array in the library and dtype of ``x``."""
    return x.new_tensor(array) if hasattr(x, "new_tensor") else array.astype(x.dtype)
