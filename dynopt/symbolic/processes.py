"""Claim files loaded and judged by this process or by several; claims hold functions, so they stay where they were loaded."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any, Protocol

from dynopt.errors import Misuse
from dynopt.symbolic.collect import LOADED, Entry, Survey, claim_at, survey
from dynopt.symbolic.decide.memory import kept_in
from dynopt.symbolic.judge import Judgement, judge

_HEAVY = 2.0
"""Seconds of loading from which a file is judged by the process that loaded it; others are loaded again by whoever is idle."""
_WORTH = 60_000
"""Bytes of claim files from which starting processes pays."""


@dataclass(frozen=True)
class Terms:
    """How claims are judged: the time limit of a question, whether proved checks are damaged, where decisions are kept."""

    seconds: float
    mutate: bool
    cache: Path | None


class Work(Protocol):
    """Loads files, then judges the claims among those that are wanted."""

    def survey(self, files: Sequence[Path]) -> Iterable[Survey]:
        """What each file holds, in any order."""

    def judge(self, entries: Sequence[Entry]) -> Iterable[Judgement | str]:
        """Verdicts as they come; a sentence for a file that another process could not load again."""


class Here:
    """Everything in this process, in order."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def survey(self, files: Sequence[Path]) -> Iterator[Survey]:
        return (_survey(path, self.terms) for path in files)

    def judge(self, entries: Sequence[Entry]) -> Iterator[Judgement | str]:
        return (_judge(entry, self.terms) for entry in entries)


class Several:
    """One pool of one process each, so that it is known who has loaded what."""

    def __init__(self, pools: list[ProcessPoolExecutor], terms: Terms) -> None:
        self.pools, self.terms = pools, terms
        self.kept: dict[Path, ProcessPoolExecutor] = {}

    def survey(self, files: Sequence[Path]) -> Iterator[Survey]:
        tasks = [[(_survey, path)] for path in sorted(files, key=lambda f: f.stat().st_size if f.exists() else 0)]
        for found, pool in self._dealt(tasks, []):
            if found.seconds >= _HEAVY:
                self.kept[found.path] = pool
            yield found

    def judge(self, entries: Sequence[Entry]) -> Iterator[Judgement | str]:
        files: dict[Path, list[tuple[Any, Entry]]] = {}
        for entry in entries:
            files.setdefault(entry.path, []).append((_judge, entry))
        light = sorted((tasks for path, tasks in files.items() if path not in self.kept), key=len)
        heavy = [(self.kept[path], tasks) for path, tasks in files.items() if path in self.kept]
        for judgement, _ in self._dealt(light, heavy):
            yield judgement

    def _dealt(
        self, free: list[list[tuple[Any, Any]]], bound: list[tuple[ProcessPoolExecutor, list[tuple[Any, Any]]]]
    ) -> Iterator[tuple[Any, ProcessPoolExecutor]]:
        """Results with who had them: a pool does what is bound to it first, then it takes the last list that is free."""
        waiting: dict[Future[Any], ProcessPoolExecutor] = {}
        for pool, tasks in bound:
            waiting |= {pool.submit(do, what, self.terms): pool for do, what in tasks}
        while True:
            for pool in self.pools:
                if free and pool not in waiting.values():
                    waiting |= {pool.submit(do, what, self.terms): pool for do, what in free.pop()}
            if not waiting:
                return
            for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield done.result(), waiting.pop(done)


@contextmanager
def processes(jobs: int, terms: Terms, size: int) -> Iterator[Work]:
    """This process, or ``jobs`` others where ``size`` bytes of claim files make that worth it."""
    if jobs < 2 or size < _WORTH:
        yield Here(terms)
        return
    others = set(active_children())
    spawn = get_context("spawn")  # a fork would copy the solver's timers, which do not survive it
    pools = [ProcessPoolExecutor(1, mp_context=spawn, initializer=_deaf) for _ in range(jobs)]
    try:
        yield Several(pools, terms)
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


def _survey(path: Path, terms: Terms) -> Survey:
    with kept_in(terms.cache):
        return survey(path)


def _judge(entry: Entry, terms: Terms) -> Judgement | str:
    with kept_in(terms.cache):
        if entry.path not in LOADED:
            again = survey(entry.path)
            if again.error:
                return f"{again.error} (it could be loaded once, but not again in another process)"
        try:
            claim = claim_at(entry.path, entry.index)
        except Misuse as error:
            return str(error)
        return replace(judge(claim, seconds=terms.seconds, mutate=terms.mutate), file=str(entry.path))
