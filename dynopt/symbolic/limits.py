"""Limits of a decision: a time that every loop asks, and that a computation which cannot be interrupted asks before it starts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

_END: ContextVar[float] = ContextVar("end", default=inf)
_GRACE = 0.3
"""Seconds by which a limit may be exceeded."""


class OutOfTime(Exception):
    """The time limit was reached."""


class TooLarge(Exception):
    """A computation would take too long and could not be interrupted; the message says which."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """In the block `check` raises `OutOfTime` once the seconds (wall time) are over; of nested limits the earliest counts.

    >>> with within(0):
    ...     check()
    Traceback (most recent call last):
        ...
    dynopt.symbolic.limits.OutOfTime
    """
    token = _END.set(min(_END.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _END.reset(token)


def check() -> None:
    """Raises `OutOfTime` when the time of the innermost `within` is over; every loop without a small bound calls it."""
    if time.monotonic() > _END.get():
        raise OutOfTime


def afford(seconds: float, what: str) -> None:
    """Like `check` before a computation that nothing can interrupt; raises `TooLarge` when its estimated seconds are not left.

    >>> with within(1):
    ...     afford(0.1, "a small resultant")
    ...     afford(60, "a large resultant")
    Traceback (most recent call last):
        ...
    dynopt.symbolic.limits.TooLarge: a large resultant needs about 60 s
    """
    check()
    if seconds > _GRACE and time.monotonic() + seconds > _END.get() + _GRACE:
        raise TooLarge(f"{what} needs about {seconds:.2g} s")
