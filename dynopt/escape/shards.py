"""Shards: the parts of a campaign that are done, written, verified and resumed one by one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from dynopt.errors import Misuse
from dynopt.escape.plan import Plan, cut, whole
from dynopt.escape.tally import Tally
from dynopt.store.durable import write_durably
from dynopt.store.run_folder import sha256


@dataclass(frozen=True)
class Shard:
    """Runs ``first`` … ``stop`` − 1 of method number ``method``; ``number`` counts the shards of that method.

    >>> Shard(0, 12, 1200, 1300).name
    '0-000012.npz'
    """

    method: int
    number: int
    first: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.method}-{self.number:06d}.npz"

    @property
    def runs(self) -> int:
        return self.stop - self.first


def shard_sizes(plan: Plan, size: float | None) -> tuple[int, ...]:
    """Runs in a shard, for each method: the given number, or by default what takes its engine some seconds."""
    if size is not None:
        return (whole("shard", size, 1, None),) * len(plan.named)
    batches = [4 if fused is None else 64 if plan.device.type == "cuda" else 1 for fused in plan.fused]
    return tuple(n * b for n, b in zip(plan.batch, batches, strict=True))


def shards(plan: Plan, sizes: tuple[int, ...]) -> Iterator[Shard]:
    """All shards of a plan, method by method."""
    for method, size in enumerate(sizes):
        for number, (first, stop) in enumerate(cut(0, plan.runs, size)):
            yield Shard(method, number, first, stop)


def write_shard(folder: Path, shard: Shard, identity: str, tally: Tally) -> None:
    """Write the counts of a shard, and before them their SHA-256 in a file beside; ``identity`` is that of the campaign.

    A shard under its name is complete: both files are written under temporary names and renamed, the hash first.

    Raises
    ------
    OSError : the disk is full, say; then the shard is not there.
    """
    buffer = io.BytesIO()
    stored: dict[str, Any] = {f.name: np.asarray(getattr(tally, f.name)) for f in fields(Tally)}
    np.savez_compressed(buffer, identity=np.array(identity), **stored)
    data = buffer.getvalue()
    write_durably(_hash_of(folder / shard.name), f"{hashlib.sha256(data).hexdigest()}  {shard.name}\n".encode())
    write_durably(folder / shard.name, data)


def intact(folder: Path, shard: Shard) -> bool:
    """Whether a shard that is there has the hash that was written beside it."""
    path = folder / shard.name
    try:
        return _hash_of(path).read_text(encoding="ascii") == f"{sha256(path)}  {shard.name}\n"
    except (OSError, UnicodeDecodeError):
        return False


def read_shard(folder: Path, shard: Shard, identity: str) -> Tally:
    """The counts of a shard; `Misuse` where it is not intact or belongs to another campaign."""
    if not intact(folder, shard):
        raise Misuse(f"{str(folder / shard.name)!r} was changed since it was written; start the campaign again, which does it again")
    with np.load(folder / shard.name, allow_pickle=False) as stored:
        if str(stored["identity"]) != identity or int(stored["runs"]) != shard.runs:
            raise Misuse(f"{str(folder / shard.name)!r} belongs to another campaign; remove it and start the campaign again")
        found = {f.name: stored[f.name] for f in fields(Tally)}
    return Tally(**{name: value if value.ndim else value.item() for name, value in found.items()})


def set_aside(folder: Path, shard: Shard) -> str:
    """Rename a damaged shard, so that it is done again and can be looked at; its new name."""
    path = folder / shard.name
    for number in count(1):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not aside.exists():
            path.rename(aside)
            return aside.name
    raise AssertionError("unreachable")


def _hash_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
