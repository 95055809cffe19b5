"""Proves or refutes the claims of files: `verify`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from dynopt.core.result import Result
from dynopt.errors import Misuse, Outcome
from dynopt.symbolic.claims import Verdict
from dynopt.symbolic.collect import default_paths, entries_of, listed, selected
from dynopt.symbolic.judge import Judgement
from dynopt.symbolic.processes import Terms, processes


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
    files, errors = listed([paths] if isinstance(paths, (str, Path)) else paths)
    patterns = None if select is None else [select] if isinstance(select, str) else list(select)
    finished: dict[str, Judgement] = {}
    outcome = Outcome.DONE
    size = sum(f.stat().st_size for f in files if f.is_file())
    with processes(min(jobs, len(files)), Terms(seconds, mutate, cache), size) as work:
        surveys = list(work.survey(files))
        entries, unsound = entries_of(sorted(surveys, key=lambda s: files.index(s.path)))
        errors += unsound
        if not entries:
            raise Misuse("; ".join(errors) if errors else "no path was given; name a claim file or a folder")
        if patterns is not None:
            entries = selected(entries, patterns)
        try:
            for judgement in work.judge(entries):
                if isinstance(judgement, str):
                    errors += [judgement] * (judgement not in errors)
                    continue
                finished[judgement.id] = judgement
                if progress is not None:
                    progress(judgement, len(finished), len(entries))
        except KeyboardInterrupt:
            outcome = Outcome.INTERRUPTED
        except BrokenProcessPool:
            missing = ", ".join(e.id for e in entries if e.id not in finished)
            errors.append(f"a process died (out of memory?) before it had judged {missing}; judge them one by one with --jobs 1")
    claims = tuple(finished[e.id] for e in entries if e.id in finished)
    counts = Counter(c.verdict for c in claims)
    return Verification(
        claims=claims,
        counts={v.value: counts[v] for v in Verdict if counts[v]},
        failed=tuple(c.id for c in claims if not c.ok),
        errors=tuple(errors),
        outcome=outcome,
        seconds=time.perf_counter() - begun,
    )
