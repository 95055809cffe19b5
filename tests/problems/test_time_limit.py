"""The exact search for critical points ends in time, with a remedy."""

from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest

from dynopt import Landscape, Misuse
from dynopt.problems.critical import critical_points
from dynopt.problems.time_limit import TimeUp, time_limit


def hard(a, b, c, d):
    return a**4 + b**4 + c**4 + d**4 - 3 * a**2 * b + 2 * b**2 * c * d - 5 * c * a - 4 * a**2 + a * b * d - 3 * c**2 - d**2 * b + a


def test_a_search_that_takes_too_long_says_what_to_do():
    began = time.monotonic()
    with pytest.raises(Misuse, match=r"hard are not found within 0.3 s; give the one you mean"):
        critical_points(Landscape(hard), seconds=0.3)
    assert time.monotonic() - began < 10
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_a_limit_that_is_not_reached_changes_nothing():
    with time_limit(5):
        found = critical_points(Landscape(lambda x: x**2))  # an alarm is set already: no second one
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert found[0].kind == "minimum"
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_the_block_is_left_by_an_exception_that_libraries_do_not_catch():
    def stubborn():
        while True:
            with contextlib.suppress(Exception):
                sum(range(1000))

    with pytest.raises(TimeUp), time_limit(0.05):
        stubborn()


def test_other_threads_run_without_a_limit():
    done = []

    def work():
        with time_limit(0.01):
            time.sleep(0.05)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
