"""Proves or refutes the claims of files: `verify`."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import active_children, get_context
from pathlib import Path

from dynopt.core.result import Result
from dynopt.errors import Misuse, Outcome
from dynopt.symbolic.claims import Verdict
from dynopt.symbolic.collect import Entry, claims_of, collect, default_paths, selected
from dynopt.symbolic.judge import Judgement, judge


@dataclass(frozen=True)
class Verification(Result):
    """The verdicts on a set of claims.

    Attributes
    ----------
    claims : one `Judgement` a claim, in the order of the files.
    counts : how many claims got each verdict.
    failed : the ids of the claims whose verdict is not the expected one, or whose correction is missing or not proved.
    errors : one sentence for each file or claim that could not be judged.
    outcome : ``done`` or ``interrupted``; what was finished is kept.
    seconds : wall time.
    """

    claims: tuple[Judgement, ...]
    counts: dict[str, int]
    failed: tuple[str, ...]
    errors: tuple[str, ...]
    outcome: Outcome
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 every claim is as expected, 1 some is not, 2 some file or claim could not be read."""
        return 2 if self.errors else int(bool(self.failed))


def verify(
    paths: str | Path | Iterable[str | Path] | None = None,
    select: str | Iterable[str] | None = None,
    *,
    seconds: float = 10.0,
    jobs: int = 1,
    mutate: bool = False,
    progress: Callable[[Judgement, int, int], None] | None = None,
) -> Verification:
    """Prove or refute the claims of files and folders.

    Parameters
    ----------
    paths : claim files or folders of them; by default ``analysis/`` of the clone in the working
        directory, or the one that comes with the installation.
    select : ids, or patterns such as ``"t3-*"``.
    seconds : time limit of each question to each decider.
    jobs : how many processes judge claims at the same time.
    mutate : also damage every proved check and see that some damaged copy is refuted.
    progress : called with each verdict, the number of verdicts so far and of claims.

    Raises
    ------
    Misuse : nothing can be judged: no path exists, no file is sound, no claim is called that.

    Examples
    --------
    >>> result = verify("analysis", select="t3-det")  # doctest: +SKIP
    >>> result.claims[0].verdict                      # doctest: +SKIP
    <Verdict.PROVED: 'proved'>
    """
    begun = time.perf_counter()
    if not seconds > 0:
        raise Misuse(f"seconds={seconds} leaves the deciders no time; give a positive number")
    if jobs < 1:
        raise Misuse(f"jobs={jobs} judges nothing; give at least one process")
    if paths is None:
        paths = default_paths()
    entries, errors = collect([paths] if isinstance(paths, (str, Path)) else paths)
    if not entries:
        raise Misuse("; ".join(errors) if errors else "no path was given; name a claim file or a folder")
    if select is not None:
        entries = selected(entries, [select] if isinstance(select, str) else select)
    finished: dict[str, Judgement] = {}
    outcome = Outcome.DONE
    try:
        for judgement in _judged(entries, seconds, jobs, mutate):
            finished[judgement.id] = judgement
            if progress is not None:
                progress(judgement, len(finished), len(entries))
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
    except BrokenProcessPool:
        missing = ", ".join(e.claim.id for e in entries if e.claim.id not in finished)
        errors.append(f"a process died (out of memory?) before it had judged {missing}; judge them one by one with --jobs 1")
    claims = tuple(finished[e.claim.id] for e in entries if e.claim.id in finished)
    counts = Counter(c.verdict for c in claims)
    return Verification(
        claims=claims,
        counts={v.value: counts[v] for v in Verdict if counts[v]},
        failed=tuple(c.id for c in claims if not c.ok),
        errors=tuple(errors),
        outcome=outcome,
        seconds=time.perf_counter() - begun,
    )


def _judged(entries: list[Entry], seconds: float, jobs: int, mutate: bool) -> Iterator[Judgement]:
    """Verdicts as they come; starting a process pays for itself from a handful of claims on."""
    jobs = min(jobs, len(entries) // 4)
    if jobs <= 1:
        for entry in entries:
            yield _judge_entry(entry, seconds, mutate)
        return
    others = set(active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    try:
        waiting = [pool.submit(_judge_at, e.path, e.index, seconds, mutate) for e in entries]
        for done in as_completed(waiting):
            yield done.result()
    except BaseException:
        for process in set(active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _judge_at(path: Path, index: int, seconds: float, mutate: bool) -> Judgement:
    """In a worker: claims hold functions, so the worker loads the file itself, once."""
    return _judge_entry(Entry(path, index, _claims_here(path)[index]), seconds, mutate)


_claims_here = lru_cache(claims_of)


def _judge_entry(entry: Entry, seconds: float, mutate: bool) -> Judgement:
    return replace(judge(entry.claim, seconds=seconds, mutate=mutate), file=str(entry.path))
