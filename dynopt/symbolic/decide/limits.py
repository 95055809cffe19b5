"""Limits of the exact decider: a deadline that loops ask, and sizes beyond which a computation is not started."""

from __future__ import annotations

import time


class OutOfTime(Exception):
    """The time limit was reached."""


class TooLarge(Exception):
    """A computation would take too long and could not be interrupted; the message says which."""


class Deadline:
    """A time limit."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self.end:
            raise OutOfTime
