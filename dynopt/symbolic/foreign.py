"""Running what is written in claim files: it may print, exit or never end, and must not take the tool with it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

SECONDS = 60.0
"""Processor time for loading one file and for one function of a `Computation`; waiting may take `PATIENCE` times as long."""

PATIENCE = 5


class OverTime(Exception):
    """The time limit was reached; the message says which."""


@contextmanager
def foreign(seconds: float | None = None) -> Iterator[None]:
    """Code of a claim file: what it prints goes to stderr, and when it takes too long it is stopped by `OverTime`.

    ``seconds`` (default `SECONDS`) are processor time, so that a busy machine changes no verdict.
    The limit needs the main thread and a system with interval timers; elsewhere there is none.

    >>> with foreign(0.05):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
    dynopt.symbolic.foreign.OverTime: not finished in 0.05 s
    """
    seconds = SECONDS if seconds is None else seconds
    with redirect_stdout(sys.stderr):
        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
            yield
            return

        def stop(number: int, _: Any) -> None:
            raise OverTime(f"not finished in {seconds if number == signal.SIGPROF else PATIENCE * seconds:g} s")

        timers = {
            signal.SIGPROF: (signal.ITIMER_PROF, seconds),  # user and system time of this process
            signal.SIGALRM: (signal.ITIMER_REAL, PATIENCE * seconds),
        }
        handlers = {number: signal.signal(number, stop) for number in timers}
        try:
            for timer, limit in timers.values():
                signal.setitimer(timer, limit, 0.5)  # again, for code that catches everything
            yield
        finally:
            for number, (timer, _) in timers.items():
                signal.setitimer(timer, 0)
                signal.signal(number, handlers[number])
