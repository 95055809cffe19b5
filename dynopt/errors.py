"""Misuse is an exception that says what was wrong and what to do; numerical failure is an `Outcome`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum


class Misuse(ValueError):
    """A call that cannot be meant: one sentence with the value, the law it breaks and the remedy.

    The command line prints the sentence and exits with code 2.
    """


class NotLinear(Misuse):
    """The update (or field) is not linear in its state blocks and gradients, so it has no mode matrix."""


class Outcome(StrEnum):
    """How a computation ended.  Every member is a legitimate result, never a crash."""

    DONE = "done"
    """The requested horizon or the requested property was reached."""
    CONVERGED = "converged"
    """The iteration or trajectory came to rest before the horizon."""
    EVENT = "event"
    """A terminal event fired."""
    DIVERGED = "diverged"
    """A state became non-finite or left the representable range."""
    BUDGET_SPENT = "budget spent"
    """The step or time budget ended first."""
    INTERRUPTED = "interrupted"
    """The user or the system stopped the computation; what was finished is kept."""


def closest(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, or the list of all.

    >>> closest("ina", ["inna", "gd"])
    'did you mean inna?'
    >>> closest("zzz", ["inna", "gd"])
    'known: gd, inna'
    """
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else "known: " + ", ".join(known)
