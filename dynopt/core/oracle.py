"""What an update may ask about the objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self


class Oracle(Protocol):
    """The answers that an update may ask for; all arrays have shape ``(*batch, n)``.

    ``gradient`` answers on this iteration's sample: two calls within one iteration see the same
    mini-batch or the same noise.  Randomness enters here and never in an update.
    """

    def gradient(self, x: Any) -> Any:
        """∇J on this iteration's sample, of the shape of ``x``."""

    def full_gradient(self, x: Any) -> Any:
        """∇J of the whole objective."""

    def value(self, x: Any) -> Any:
        """J on this iteration's sample, of shape ``(*batch,)``."""

    def at(self, k: int) -> Self:
        """The oracle of iteration ``k`` (its sample); a deterministic oracle returns itself."""


@dataclass(frozen=True)
class FunctionOracle:
    """A deterministic oracle from two functions.

    >>> FunctionOracle(lambda x: x * x / 2, lambda x: x).gradient(3.0)
    3.0
    """

    objective: Callable[[Any], Any]
    slope: Callable[[Any], Any]

    def gradient(self, x: Any) -> Any:
        return self.slope(x)

    def full_gradient(self, x: Any) -> Any:
        return self.slope(x)

    def value(self, x: Any) -> Any:
        return self.objective(x)

    def at(self, k: int) -> Self:
        return self
