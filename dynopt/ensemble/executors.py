"""Where shards are done: in this process, in several, one process per GPU, on a Dask cluster, over MPI.

Each is a ``concurrent.futures.Executor``; any other can be given instead of a name.
"""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dynopt.errors import Misuse, closest

EXECUTORS = {
    "serial": "one shard after another in this process, whose kernels use all cores",
    "processes": "worker processes on this machine; on CUDA one for each GPU",
    "dask": "a Dask cluster: a local one, or dask:ADDRESS of its scheduler (extra dask)",
    "mpi": "MPI ranks, under mpiexec -n N python -m mpi4py.futures (extra mpi)",
}
_EXTRAS = {"dask": "distributed", "mpi": "mpi4py"}
_device: str | None = None


@dataclass(frozen=True)
class Workers:
    """An open executor.

    Attributes
    ----------
    executor : takes the work.
    ahead : how many pieces are handed to it at a time, so that memory does not grow with their number.
    threads : for each worker, so that all together use the cores once; None leaves them as they are.
    """

    executor: Executor
    ahead: int
    threads: int | None


class Serial(Executor):
    """Does the work at once, in this process.

    >>> Serial().submit(pow, 2, 3).result()
    8
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def check_executor(asked: str | Executor, workers: int | None) -> None:
    """`Misuse` for an unknown name, an extra that is not installed, a number of workers that cannot be."""
    if isinstance(workers, bool) or not (workers is None or (isinstance(workers, int) and workers >= 1)):
        raise Misuse(f"workers={workers} is not a number of workers; give a whole number of at least 1")
    if isinstance(asked, Executor):
        return
    kind, colon, address = asked.partition(":") if isinstance(asked, str) else (asked, "", "")
    if kind not in EXECUTORS or (colon and (kind != "dask" or not address)):
        raise Misuse(f"there is no executor {asked!r}; {closest(str(kind), EXECUTORS)}")
    if kind in _EXTRAS and importlib.util.find_spec(_EXTRAS[kind]) is None:
        raise Misuse(f'executor {kind!r} needs the package {_EXTRAS[kind]}, which is not installed; pip install "dynopt[{kind}]"')
    if kind == "serial" and workers not in (None, 1):
        raise Misuse(f"executor 'serial' works in this process, not in {workers}; choose --executor processes")


@contextmanager
def open_executor(asked: str | Executor, workers: int | None = None, devices: Sequence[str] | None = None) -> Iterator[Workers]:
    """The executor of that name with its workers, shut down at the end; pieces under way are finished then, others dropped.

    Parameters
    ----------
    asked : see `EXECUTORS`, or an executor, which stays open.
    workers : how many; by default one for each device, or else for each core (two cores: two).
    devices : for ``processes``, one per worker in turn, see `assigned_device`.
    """
    check_executor(asked, workers)
    if isinstance(asked, Executor):
        yield Workers(asked, 2 * workers if workers else 64, None)
        return
    kind, _, address = asked.partition(":")
    count = workers or (len(devices) if devices else cores())
    share = max(1, cores() // count)
    if kind == "serial":
        yield Workers(Serial(), 1, None)
    elif kind == "processes":
        spawn = multiprocessing.get_context("spawn")  # threads and CUDA do not survive a fork
        pool = ProcessPoolExecutor(count, spawn, _begin, (spawn.Value("i", 0), tuple(devices or ())))
        try:
            yield Workers(pool, 2 * count, share)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    elif kind == "dask":
        with _dask(address, count) as (executor, threads):
            yield Workers(executor, 2 * max(threads, 1), None if address else share)
    else:
        from mpi4py.futures import MPIPoolExecutor

        with MPIPoolExecutor(max_workers=workers) as executor:
            yield Workers(executor, 2 * (workers or executor.num_workers or 1), None)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def assigned_device() -> str | None:
    """The device that this worker process was given, or None."""
    return _device


def use_threads(threads: int | None) -> None:
    """Let torch and compiled kernels of this thread use so many cores; None leaves them as they are."""
    if threads is None:
        return
    import numba
    import torch

    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, vars(numba.config)["NUMBA_NUM_THREADS"]))


def _begin(number: Any, devices: tuple[str, ...]) -> None:
    """A worker process starts: it takes its device, leaves Ctrl-C to its parent, and does not outlive it."""
    global _device
    with number.get_lock():
        mine, number.value = number.value, number.value + 1
    _device = devices[mine % len(devices)] if devices else None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()  # after kill -9 nobody else tells the worker to stop
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _dask(address: str, workers: int) -> Iterator[tuple[Executor, int]]:
    """A client's executor and the number of its threads: of the scheduler at ``address``, or of a cluster on this machine."""
    from distributed import Client, LocalCluster

    if address:
        try:
            client = Client(address, timeout="10s")
        except (OSError, ValueError) as error:
            raise Misuse(f"no Dask scheduler answers at {address!r} ({error}); check the address") from None
        with client:
            yield client.get_executor(), sum(client.nthreads().values())
        return
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.ERROR)
    with cluster, Client(cluster) as client:
        yield client.get_executor(), workers
