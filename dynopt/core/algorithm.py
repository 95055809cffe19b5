"""Algorithm and Flow: the two kinds of definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from dynopt.core.oracle import Oracle
from dynopt.core.system import System


class Algorithm(System):
    """A discrete method s⁺ = update(s, ∇J, k), defined once, in plain arithmetic.

    Inside ``init`` and ``update``: ``+ - * /``, calls of the oracle and `dynopt.core.algebra`; no
    ``if`` on values, no indexing, no in-place operation, no library names, no float literals.
    The state is a NamedTuple of blocks of shape ``(*batch, n)``, its first block the iterate θ.
    """

    def init(self, theta0: Any, oracle: Oracle) -> Any:
        """The initial state for the start ``theta0``."""
        raise NotImplementedError

    def update(self, state: Any, oracle: Oracle, k: Any) -> Any:
        """The next state."""
        raise NotImplementedError

    def flow(self) -> tuple[Flow, Any] | None:
        """The flow that the method discretises and the time that one iteration takes, if it has one."""
        return None

    def flow_state(self, state: Any) -> Any:
        """The state of `flow` that stands for a state of the method, linear in its blocks; the state itself unless declared."""
        return state

    def states(self, theta0: Any, oracle: Oracle, start: int = 0) -> Iterator[Any]:
        """The initial state and all that follow, without end; schedules and samples are taken at each k."""
        state = self.at(start).init(theta0, oracle.at(start))
        k = start
        while True:
            yield state
            state = self.at(k).update(state, oracle.at(k), k)
            k += 1


class Flow(System):
    """A continuous method s' = field(s, ∇J, t), defined once, in plain arithmetic, under `Algorithm`'s rules."""

    autonomous: ClassVar[bool] = True
    """False when ``field`` depends on ``t``."""
    start_time: ClassVar[float] = 0.0
    """The time of the initial state (positive for flows with a coefficient like 3/t); a property where it depends on parameters."""

    def init(self, theta0: Any, oracle: Oracle) -> Any:
        """The initial state for the start ``theta0``."""
        raise NotImplementedError

    def field(self, state: Any, oracle: Oracle, t: Any) -> Any:
        """The velocity of the state, a NamedTuple of the same blocks."""
        raise NotImplementedError

    def energies(self, state: Any, oracle: Oracle, t: Any) -> Mapping[str, Any]:
        """Lyapunov functions by name, each of shape ``(*batch,)``; none unless declared."""
        return {}
