"""Proves or refutes the claims of files: `verify`."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import active_children, get_context
from pathlib import Path

from dynopt.core.result import Result
from dynopt.errors import Misuse, Outcome
from dynopt.symbolic.claims import Claim, Verdict
from dynopt.symbolic.collect import Entry, claims_of, collect, default_paths, selected
from dynopt.symbolic.decide.memory import kept_in
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
    cache: Path | None = None,
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
    cache : a folder in which decisions are kept from run to run (`dynopt.symbolic.decide.memory`);
        by default everything is proved anew.
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
    with kept_in(cache):
        entries, errors = collect([paths] if isinstance(paths, (str, Path)) else paths)
    if not entries:
        raise Misuse("; ".join(errors) if errors else "no path was given; name a claim file or a folder")
    if select is not None:
        entries = selected(entries, [select] if isinstance(select, str) else select)
    finished: dict[str, Judgement] = {}
    outcome = Outcome.DONE
    try:
        for judgement in _judged(entries, Terms(seconds, mutate, cache), jobs):
            if isinstance(judgement, str):
                errors += [judgement] * (judgement not in errors)
                continue
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


_WORTH_A_PROCESS = 8


@dataclass(frozen=True)
class Terms:
    """How claims are judged: the time limit of a question, whether proved checks are damaged, where decisions are kept."""

    seconds: float
    mutate: bool
    cache: Path | None


def _judged(entries: list[Entry], terms: Terms, jobs: int) -> Iterator[Judgement | str]:
    """Verdicts as they come, from this process or from several; a sentence for a file that another process could not load."""
    files: dict[Path, list[Entry]] = {}
    for entry in entries:
        files.setdefault(entry.path, []).append(entry)
    jobs = min(jobs, len(files))
    if jobs < 2 or len(entries) < _WORTH_A_PROCESS:
        for entry in entries:
            yield _judge_entry(entry, terms)
        return
    others = set(active_children())
    spawn = get_context("spawn")  # a fork would copy the solver's timers, which do not survive it
    pools = [ProcessPoolExecutor(1, mp_context=spawn, initializer=_deaf) for _ in range(jobs)]
    try:
        yield from _dealt(pools, sorted(files.values(), key=len), terms)
    except BaseException:
        for process in set(active_children()) - others:
            process.terminate()
        raise
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def _deaf() -> None:
    """In a process of a pool: Ctrl-C is answered by the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _dealt(pools: list[ProcessPoolExecutor], files: list[list[Entry]], terms: Terms) -> Iterator[Judgement | str]:
    """Claims hold functions, so a process loads a file itself, once: an idle process gets the largest file that is left."""
    waiting: dict[Future[Judgement | str], ProcessPoolExecutor] = {}
    idle = list(pools)
    while idle or waiting:
        while idle and files:
            pool = idle.pop()
            waiting |= {pool.submit(_judge_at, e.path, e.index, terms): pool for e in files.pop()}
        if not waiting:
            return
        for done in wait(waiting, return_when=FIRST_COMPLETED).done:
            pool = waiting.pop(done)
            if pool not in waiting.values():
                idle.append(pool)
            yield done.result()


def _judge_at(path: Path, index: int, terms: Terms) -> Judgement | str:
    """In a process of a pool, which loads the file once."""
    with kept_in(terms.cache):
        claims = _claims_here(path)
    return claims if isinstance(claims, str) else _judge_entry(Entry(path, index, claims[index]), terms)


@lru_cache
def _claims_here(path: Path) -> list[Claim] | str:
    """The claims, or why the file that was loaded elsewhere cannot be loaded here."""
    try:
        return claims_of(path)
    except Misuse as error:
        return f"{error} (it could be loaded once, but not again in another process)"


def _judge_entry(entry: Entry, terms: Terms) -> Judgement:
    with kept_in(terms.cache):
        return replace(judge(entry.claim, seconds=terms.seconds, mutate=terms.mutate), file=str(entry.path))
