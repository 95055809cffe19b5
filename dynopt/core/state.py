"""State blocks: a state is a NamedTuple of arrays of one shape ``(*batch, n)``."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

State = TypeVar("State", bound=tuple)


class Position(NamedTuple):
    """The state of a one-block system.  ``theta``: array of shape ``(*batch, n)``."""

    theta: Any


def advance(state: State, step: Any, rate: State) -> State:
    """``state + step * rate``, block by block.

    >>> advance(Position(1.0), 0.5, Position(4.0))
    Position(theta=3.0)
    """
    return type(state)(*(block + step * slope for block, slope in zip(state, rate, strict=True)))
