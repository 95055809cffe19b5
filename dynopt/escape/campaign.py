"""Campaigns: escape studies cut into shards, done anywhere, resumed after any end, merged in one table."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import torch

from dynopt.core.result import Result, plain
from dynopt.ensemble.executors import Workers, assigned_device, check_executor, open_executor, use_threads
from dynopt.errors import Misuse, Outcome
from dynopt.escape.campaign_folder import entered, merged, missing_shards, write_manifest, write_results
from dynopt.escape.plan import Plan
from dynopt.escape.record import EscapeStudy
from dynopt.escape.shards import Shard, shard_sizes, shards, write_shard
from dynopt.escape.spec import EscapeSpec, read_spec
from dynopt.escape.study import Progress, report

FORMAT = 1
"""Of the shard files and of what identifies a campaign."""


@dataclass(frozen=True, eq=False)
class Campaign(Result):
    """What a start of a campaign ended with.

    Attributes
    ----------
    folder : a run folder with the shards in it.
    study : the merged record of all finished shards, as `escape_study` gives it.
    outcome : ``done``, or ``interrupted`` with the ``reason``; then the same call goes on.
    shards, finished, resumed : all; those that are finished; those that were before this start.
    set_aside : new names of shards that were found damaged and were done again.
    seconds, cpu_seconds : of this start; processor time of its shards over all workers.
    """

    folder: Path
    study: EscapeStudy
    outcome: Outcome
    reason: str
    shards: int
    finished: int
    resumed: int
    set_aside: tuple[str, ...]
    seconds: float
    cpu_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {**self.study.to_dict(), "outcome": self.outcome.value, "folder": str(self.folder)}


def campaign(
    spec: EscapeSpec | Mapping[str, Any] | str | Path,
    folder: str | Path,
    executor: str | Executor = "serial",
    *,
    workers: int | None = None,
    devices: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Campaign:
    """Do an escape study shard by shard, each written as soon as it is finished, and merge the shards.

    Run i of every method draws from (seed, i) alone and counts add up in any order, so the merged table
    and arrays are those of `escape_study`, byte for byte, whatever the executor, the number of workers, the size of the
    shards and the number of interruptions.  Memory does not depend on the number of runs.  A second call with
    the same specification and folder verifies the finished shards by their SHA-256 and does the others.

    Parameters
    ----------
    spec : a TOML file, a mapping or an `EscapeSpec`: the parameters of `escape_study`, and ``shard``.
    folder : a new or empty folder, or that of the campaign to go on with.
    executor : see `dynopt.ensemble.executors.EXECUTORS`, or an executor; its workers must see ``folder``.
        With ``processes`` the calling script needs ``if __name__ == "__main__":``, as multiprocessing does.
    workers : how many, where the executor is made here.
    devices : one for each worker process in turn; by default, for ``device="cuda"``, every GPU.
    progress : told ("all runs", runs finished, runs in all, over all methods) at the start and after every shard.

    Raises
    ------
    Misuse : as `read_spec` and `escape_study` say; the folder holds something else, another campaign, or one at work.
    Interruptions (Ctrl-C, SIGTERM), a lost worker and a full disk do not pass: the outcome is ``interrupted``.

    Examples
    --------
    >>> import tempfile
    >>> asked = {"methods": ["gd(gamma=0.02)"], "runs": 200, "also": [], "shard": 50}
    >>> found = campaign(asked, Path(tempfile.mkdtemp()) / "big")
    >>> found.study.methods[0].times[0].escaped, found.shards, found.outcome.value
    (200, 4, 'done')
    """
    asked = read_spec(spec)
    check_executor(executor, workers)
    plan = asked.plan()
    sizes = shard_sizes(plan, asked.shard)
    whole = list(shards(plan, sizes))
    facts = _identity(asked, plan, sizes)
    identity = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder, place = Path(folder), Path(folder) / "shards"
    with _terminable(), entered(folder, facts) as earlier:
        began = time.perf_counter()
        missing, damaged = missing_shards(place, whole)
        name = executor if isinstance(executor, str) else type(executor).__name__
        start: dict[str, Any] = {
            "created": datetime.now(UTC).isoformat(timespec="seconds"), "executor": name, "workers": workers,
            "resumed": len(whole) - len(missing), "set_aside": damaged,
        }  # fmt: skip
        kept: dict[str, Any] = {"campaign": {"identity": identity, "asked": facts, "shards": len(whole)}, "starts": [*earlier, start]}
        try:
            write_manifest(folder, plan, Outcome.INTERRUPTED, {}, **kept)  # which is true until it is finished
        except OSError as error:
            raise Misuse(f"{str(folder)!r} cannot be written ({error.strerror}); make room, or choose another folder") from None
        tell = _teller(progress, sum(s.runs for s in whole), sum(s.runs for s in missing))
        text = msgspec.json.encode(asked.resolved(plan))
        _keep(text, plan)
        jobs = [_Job(text, identity, str(place.absolute()), s, start["created"]) for s in missing]
        reason, spent = _work(jobs, executor, workers, devices or _devices(executor, asked.device), tell)
        there = [s for s in whole if (place / s.name).exists()]
        outcome = Outcome.DONE if len(there) == len(whole) else Outcome.INTERRUPTED
        study = report(plan, merged(plan, place, there, identity), outcome)
        start |= {"seconds": time.perf_counter() - began, "cpu_seconds": spent, "finished": len(there), "reason": reason}
        try:
            write_results(folder, plan, study, there, **kept)
        except OSError as error:
            outcome, reason = Outcome.INTERRUPTED, _said(error)
    return Campaign(
        folder, study, outcome, reason, len(whole), len(there), start["resumed"], tuple(damaged), start["seconds"], spent
    )  # fmt: skip


def _work(
    jobs: list[_Job], executor: str | Executor, workers: int | None, devices: Sequence[str] | None, tell: Callable[[int], None]
) -> tuple[str, float]:
    """Have the jobs done; why they were not all done, or nothing, and the processor time."""
    spent = 0.0
    try:
        with open_executor(executor, workers, devices) as there:
            for done in _outcomes(there, jobs):
                spent += done.cpu_seconds
                tell(done.shard.runs)
    except KeyboardInterrupt:
        return "stopped by Ctrl-C or SIGTERM", spent
    except (BrokenExecutor, CancelledError, OSError) as error:
        return _said(error), spent
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # Dask's word for a worker that was lost too often
            raise
        return _said(error), spent
    return "", spent


@dataclass(frozen=True)
class _Job:
    """All that a worker is told: data only."""

    spec: bytes
    identity: str
    folder: str
    shard: Shard
    start: str


@dataclass(frozen=True)
class _Done:
    shard: Shard
    cpu_seconds: float


_plans: dict[bytes, Plan] = {}
"""The latest plan that this process works by."""
_one_at_a_time = threading.Lock()
"""A compiled kernel uses the cores itself and must not be entered twice in one process."""


def _do(job: _Job, threads: int | None) -> _Done:
    """A pure function of specification and shard, but for the file that it writes."""
    with _one_at_a_time:
        began = time.process_time()
        if job.spec not in _plans:
            _keep(job.spec, msgspec.json.decode(job.spec, type=EscapeSpec).plan(laws=False))
        use_threads(threads)
        s = job.shard
        tally = _plans[job.spec].run(s.method, s.first, s.stop, device=assigned_device())
        write_shard(Path(job.folder), s, job.identity, tally)
        return _Done(s, time.process_time() - began)


def _keep(text: bytes, plan: Plan) -> None:
    _plans.clear()
    _plans[text] = plan


def _outcomes(workers: Workers, jobs: Iterable[_Job]) -> Iterator[_Done]:
    """What becomes of the jobs, as they end; only a few are handed out at a time."""
    waiting, pending = iter(jobs), set[Any]()
    try:
        while True:
            pending |= {workers.executor.submit(_do, job, workers.threads) for job in islice(waiting, workers.ahead - len(pending))}
            if not pending:
                return
            ended, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
    finally:
        for future in pending:
            future.cancel()


def _identity(asked: EscapeSpec, plan: Plan, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Everything that the shards depend on: equal for equal campaigns, different for different ones."""
    exact = {"levels": [e.level for e in plan.exits], "point": plan.saddle.point.tolist(), "problem": asked.problem}
    return plain({"format": FORMAT, "seed": plan.seed, **plan.settings(), **exact, "shard": sizes, "sources": asked.sources()})


def _teller(progress: Progress | None, runs: int, missing: int) -> Callable[[int], None]:
    done = runs - missing

    def tell(ended: int) -> None:
        nonlocal done
        done += ended
        if progress is not None:
            progress("all runs", done, runs)

    tell(0)
    return tell


def _devices(executor: str | Executor, device: str) -> list[str] | None:
    """Every GPU for worker processes that were asked for ``cuda`` without a number."""
    return [f"cuda:{i}" for i in range(torch.cuda.device_count())] if executor == "processes" and device == "cuda" else None


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a campaign as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _said(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"a file or connection failed: {error.strerror or error}"
    return f"a worker was lost ({type(error).__name__}: it was killed, or was out of memory)"
