"""Executors by name: which there are, what they give their workers, how they end."""

from __future__ import annotations

import os
import signal
import time

import pytest

from dynopt.ensemble import executors
from dynopt.ensemble.executors import open_executor
from dynopt.errors import Misuse


@pytest.mark.parametrize(
    ("executor", "workers", "said"),
    [
        ("process", None, "did you mean processes"),
        ("dask:", None, "there is no executor"),
        ("mpi:x", None, "there is no executor"),
        ("serial", 2, "choose --executor processes"),
        ("processes", 0, "workers=0"),
        ("processes", True, "workers=True"),
        (3, None, "there is no executor"),
    ],
)
def test_executors_that_are_none(executor, workers, said):
    with pytest.raises(Misuse, match=said), open_executor(executor, workers):
        pass


@pytest.mark.parametrize(("kind", "package"), [("dask", "distributed"), ("mpi", "mpi4py")])
def test_an_extra_that_is_not_installed(monkeypatch, kind, package):
    find = executors.importlib.util.find_spec
    monkeypatch.setattr(executors.importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(Misuse, match=rf"needs the package {package}.*dynopt\[{kind}\]"):
        executors.check_executor(kind, None)


def whose(_):
    try:
        os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C in a terminal reaches workers too; what is under way is finished
        time.sleep(0.3)
    except KeyboardInterrupt:
        return "interrupted", os.getpid()
    return executors.assigned_device(), os.getpid()


@pytest.mark.slow
def test_each_worker_process_has_a_device_of_its_own():
    with open_executor("processes", None, ["cuda:0", "cuda:1"]) as there:
        found = set(there.executor.map(whose, range(6)))
        assert {device for device, _ in found} == {"cuda:0", "cuda:1"}
        assert len(found) == 2
        assert there.threads * 2 <= max(2, executors.cores())


def test_serial_work_is_done_at_once():
    with open_executor("serial") as there:
        future = there.executor.submit(divmod, 7, 2)
        assert (future.done(), future.result(), there.ahead) == (True, (3, 1), 1)
        assert isinstance(there.executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)
        with pytest.raises(KeyboardInterrupt):
            there.executor.submit(interrupted)


def interrupted():
    raise KeyboardInterrupt
