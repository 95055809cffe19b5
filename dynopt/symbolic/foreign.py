"""Running what is written in claim files: it may print, exit or never end, and must not take the tool with it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

SECONDS = 60.0
"""Wall time for loading one file and for one function of a `Computation`."""


class OverTime(Exception):
    """The time limit was reached; the message says which."""


@contextmanager
def foreign(seconds: float | None = None) -> Iterator[None]:
    """Code of a claim file: what it prints goes to stderr, and after ``seconds`` (default `SECONDS`) it is stopped by `OverTime`.

    The limit needs the main thread and a system with SIGALRM; elsewhere there is none.

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

        def stop(*_: Any) -> None:
            raise OverTime(f"not finished in {seconds:g} s")

        handler = signal.signal(signal.SIGALRM, stop)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)  # again, for code that catches everything
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
