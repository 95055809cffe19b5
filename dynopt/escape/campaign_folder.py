"""The folder of a campaign: a run folder whose shards are there before its results, held by one process at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dynopt.errors import Misuse, Outcome
from dynopt.escape.plan import Plan
from dynopt.escape.record import EscapeStudy
from dynopt.escape.shards import Shard, intact, read_shard, set_aside
from dynopt.escape.tally import Tally
from dynopt.store.durable import PARTIAL, write_durably
from dynopt.store.run_folder import fill, json_text, manifest, sha256


@contextmanager
def entered(folder: Path, facts: dict[str, Any]) -> Iterator[list[Any]]:
    """Hold the folder for this process; the starts that were made in it before."""
    _earlier(folder, facts)  # so that nothing is put into a folder that holds something else
    try:
        (folder / "shards").mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise Misuse(f"{str(folder)!r} cannot be written ({error.strerror}); choose a folder that you may write") from None
    with lock:
        if not _locked(lock):
            raise Misuse(f"another process is at work on the campaign in {str(folder)!r}; wait for it, or end it first")
        for left in folder.glob(f"**/.*{PARTIAL}"):
            left.unlink(missing_ok=True)
        yield _earlier(folder, facts)


def _locked(file: Any) -> bool:
    """Whether the lock was had; it goes with the process, also when that is killed.  Without POSIX there is none."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _earlier(folder: Path, facts: dict[str, Any]) -> list[Any]:
    """The starts listed in the folder's manifest; `Misuse` where the folder does not hold this campaign."""
    path = folder / "manifest.json"
    if not path.exists():
        others = sorted(p.name for p in folder.iterdir() if p.name != "shards" and not p.name.startswith(".")) if folder.is_dir() else []
        if others or any(folder.glob("shards/*")):
            raise Misuse(f"{str(folder)!r} holds {', '.join(others[:3]) or 'shards'} but no campaign; choose a new or empty folder")
        return []
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        asked, starts = kept["campaign"]["asked"], kept["starts"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Misuse(f"{str(folder)!r} holds something else than a campaign; choose a new or empty folder") from None
    for key in {**facts, **asked}:
        if facts.get(key) != asked.get(key):
            here, there = (json.dumps(found.get(key), ensure_ascii=False) for found in (facts, asked))
            raise Misuse(
                f"{str(folder)!r} holds another campaign: there {key} is {there}, here {here}; repeat that one or choose another folder"
            )
    return list(starts)


def missing_shards(folder: Path, whole: Iterable[Shard]) -> tuple[list[Shard], list[str]]:
    """The shards that are still to be done, and the new names of those that were found damaged."""
    missing, damaged = [], []
    for shard in whole:
        if (folder / shard.name).exists():
            if intact(folder, shard):
                continue
            damaged.append(set_aside(folder, shard))
        missing.append(shard)
    return missing, damaged


def merged(plan: Plan, folder: Path, there: Iterable[Shard], identity: str) -> list[Tally]:
    """The counts of each method, read shard by shard."""
    counts = [plan.empty() for _ in plan.named]
    for shard in there:
        counts[shard.method] += read_shard(folder, shard, identity)
    return counts


def write_results(folder: Path, plan: Plan, study: EscapeStudy, there: Iterable[Shard], **facts: Any) -> None:
    """The files of a run folder, the manifest last: what it lists is there."""
    work = folder / ".results"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        fill(work, **study.contents())
        names = sorted(p.name for p in work.iterdir())
        for name in names:
            (work / name).replace(folder / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    files = [*names, *(f"shards/{s.name}" for s in there)]
    write_manifest(folder, plan, study.outcome, {name: sha256(folder / name) for name in files}, **facts)


def write_manifest(folder: Path, plan: Plan, outcome: Outcome, files: Mapping[str, str], **facts: Any) -> None:
    """The manifest over those files, each with its SHA-256; ``facts`` are further entries."""
    found = manifest(files, spec=plan.settings(), seed=plan.seed, outcome=outcome, **facts)
    write_durably(folder / "manifest.json", json_text(found).encode())
