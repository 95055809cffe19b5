"""``dynopt verify``: prove or refute the statements of claim files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from dynopt.symbolic.judge import Judgement


def run(
    *paths: Path,
    select: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    seconds: float = 10.0,
    jobs: int | None = None,
    mutate: Annotated[bool, Parameter(negative="")] = False,
    fresh: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    html: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    latex: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    smt2: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
) -> int:
    """Prove or refute the statements of claim files.

    Exit code 0: every claim is as expected; 1: some is not (or a claim without an expectation is not
    proved); 2: some file or claim could not be read.

    Parameters
    ----------
    paths
        Claim files, or folders of them; by default the analysis/ folder here, or the installed one.
    select
        Ids or patterns (t3-*) of the claims to judge; may be repeated.
    seconds
        Time limit of each question to each decider.
    jobs
        Claims judged at the same time; by default one a core.
    mutate
        Also damage every proved check and see that some damaged copy is refuted (slow).
    fresh
        Prove everything anew.  By default a query that both deciders (same versions, same source)
        settled in an earlier run is recalled from the cache folder; its statement is re-derived and
        counterexamples are re-checked every time.
    json
        Print one JSON document on stdout and nothing else.
    html
        Write the verdicts as one self-contained page to this file (- for stdout).
    latex
        Write them as a LaTeX document, a theorem a claim, to this file (- for stdout).
    smt2
        Write every question to the deciders in SMT-LIB to this folder, one file a question (- for stdout, as one script).
    """
    from dynopt.errors import Outcome
    from dynopt.report.claims_files import Wanted
    from dynopt.store.cache import cache_folder
    from dynopt.symbolic.ledger import verify

    wanted = Wanted(html=html, latex=latex, smt2=smt2, json=json)
    cache = None if fresh else cache_folder("proofs")
    if jobs is None:
        jobs = os.cpu_count() or 1
    with _Progress(sys.stderr.isatty()) as progress:
        result = verify(paths or None, select or None, seconds=seconds, jobs=jobs, mutate=mutate, cache=cache, progress=progress.show)
    on_stdout = wanted.write(result, seconds=seconds)
    if json:
        from dynopt.cli.output import document

        document(result)
    elif not on_stdout:
        from dynopt.report.claims import report

        report(result)
    return 130 if result.outcome == Outcome.INTERRUPTED else result.exit_code


class _Progress:
    """A bar on stderr, only on a terminal."""

    def __init__(self, visible: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("verify"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[last]}"))
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not visible, transient=True)
        self._task = self._bar.add_task("verify", total=None, last="")

    def show(self, judgement: Judgement, done: int, claims: int) -> None:
        self._bar.update(self._task, completed=done, total=claims, last=f"{judgement.id} {judgement.verdict}")

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()
