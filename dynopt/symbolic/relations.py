"""`relations`: every equivalence between registered methods, pair by pair."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dynopt.core.algorithm import Flow
from dynopt.core.registry import METHODS, method_class, parse_call
from dynopt.core.result import Result
from dynopt.errors import Misuse
from dynopt.symbolic.equivalence import Equivalence, equivalent


@dataclass(frozen=True)
class Relations(Result):
    """One `Equivalence` an ordered pair of methods of one kind; pairs that cannot be compared say why in ``note``."""

    pairs: tuple[Equivalence, ...]


def relations(
    method: str | None = None, *, seconds: float = 5.0, progress: Callable[[Equivalence, int, int], None] | None = None
) -> Relations:
    """The equivalences from one method to every registered one of its kind, or between all of them, INNA first.

    Parameters
    ----------
    method : a name or a call; None for all ordered pairs.
    seconds : processor time for each pair; a pair that needs more is ``undecided``, which its note says.
    progress : called with each pair, the number of pairs so far and of all.

    Examples
    --------
    >>> found = relations("gradient_flow")
    >>> [e.second for e in found.pairs if e.relations]
    ['din', 'nesterov_high_resolution', 'hnag']
    """
    names = sorted(METHODS, key=lambda name: (name != "inna", issubclass(method_class(name), Flow), list(METHODS).index(name)))
    firsts = names if method is None else [method]
    chosen: list[tuple[str, str]] = []
    for first in firsts:
        own = method_class(parse_call(first).name)
        kind = issubclass(own, Flow)
        chosen += [(first, n) for n in names if issubclass(method_class(n), Flow) == kind and method_class(n) is not own]
    found: list[Equivalence] = []
    for first, second in chosen:
        found.append(_one(first, second, seconds))
        if progress is not None:
            progress(found[-1], len(found), len(chosen))
    return Relations(tuple(found))


def _one(first: str, second: str, seconds: float) -> Equivalence:
    try:
        with _processor_time(seconds):
            return equivalent(first, second)
    except Misuse as error:
        return Equivalence(first, second, (), f"not comparable: {error}")
    except _Spent:
        return Equivalence(first, second, (), f"undecided: not settled in {seconds:g} s of processor time")


class _Spent(BaseException):
    """The processor time is spent; no handler of ordinary errors may take it for one."""


@contextlib.contextmanager
def _processor_time(seconds: float) -> Iterator[None]:
    """Interrupt the block after that much processor time (where signals can be had: in the main thread, on POSIX)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def spent(*_: Any) -> None:
        raise _Spent

    before = signal.signal(signal.SIGPROF, spent)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
