"""Run folders: what a computation was asked, what it found, and how to tell that nothing was changed since.

A run folder holds ``manifest.json`` (spec, seed, versions, git state, device, outcome, SHA-256 of
every other file), ``result.json``, and as available ``arrays.npz`` (no pickle), ``table.csv`` and
figures.  It is written under a temporary name beside its place and renamed, so that a folder under
its final name is always complete.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from dynopt.core.result import plain
from dynopt.errors import Misuse, Outcome
from dynopt.store.provenance import device, git_state, versions

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """A run folder read back, its hashes verified.

    Attributes
    ----------
    folder : where it lies.
    manifest : the manifest.
    result : the JSON document of the result.
    arrays : name → NumPy array; empty without ``arrays.npz``.
    table : rows of ``table.csv`` as mappings (numbers as numbers, empty cells as None); empty without one.
    """

    folder: Path
    manifest: dict[str, Any]
    result: Any
    arrays: dict[str, np.ndarray]
    table: list[dict[str, Any]]


def save_run(
    folder: str | Path,
    *,
    spec: Any,
    result: Any,
    arrays: Mapping[str, Any] | None = None,
    table: Sequence[Mapping[str, Any]] | None = None,
    figures: Mapping[str, Any] | None = None,
    seed: int | None = None,
) -> Path:
    """Write a run folder and return its path; an existing folder is left alone and a number is appended.

    Parameters
    ----------
    folder : the wished path; its parents are made.
    spec : what was asked (a mapping or a `Result`); its ``device``, if any, goes to the manifest.
    result : a `Result` or a mapping; its ``outcome``, if any, goes to the manifest.
    arrays : name → array of numbers, of any shape.
    table : rows, each a mapping from column to value.
    figures : name → ``matplotlib.figure.Figure``, written as PNG.
    seed : the seed of the random numbers, if any were drawn.

    Raises
    ------
    Misuse : the place cannot be written, or an array holds objects.  Nothing is left behind then.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "run"
    >>> [save_run(place, spec={"gamma": 0.1}, result={"x": 1}).name for _ in range(2)]
    ['run', 'run-2']
    >>> load_run(place).result
    {'x': 1}
    """
    with working_folder(folder) as work:
        outcome = fill(work, result=result, arrays=arrays, table=table, figures=figures)
        return seal(work, folder, spec=spec, seed=seed, outcome=outcome)


def fill(
    work: Path,
    *,
    result: Any,
    arrays: Mapping[str, Any] | None = None,
    table: Sequence[Mapping[str, Any]] | None = None,
    figures: Mapping[str, Any] | None = None,
) -> str:
    """Write result.json, arrays.npz, table.csv and figures into ``work``; the result's outcome."""
    document = plain(result)
    write_json(work / "result.json", document)
    if arrays:
        stored: dict[str, Any] = {name: _array(name, value) for name, value in arrays.items()}
        np.savez_compressed(work / "arrays.npz", **stored)
    if table:
        _write_table(work / "table.csv", table)
    for name, figure in (figures or {}).items():
        _inside(work, f"{name}.png")
        figure.savefig(work / f"{name}.png", dpi=150)
    outcome = document.get("outcome") if isinstance(document, dict) else None
    return outcome or Outcome.DONE


def load_run(folder: str | Path) -> Run:
    """Read a run folder and verify every hash of its manifest; `Misuse` names the file that is missing or was changed."""
    folder = Path(folder)
    if not (folder / "manifest.json").is_file():
        raise Misuse(f"{str(folder)!r} is not a run folder (it has no manifest.json); name a folder that dynopt wrote")
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        files = manifest["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise Misuse(f"the manifest of {str(folder)!r} cannot be read ({error}); repeat the run") from None
    for name, digest in files.items():
        if not (folder / name).is_file():
            raise Misuse(f"{str(folder)!r} lacks {name}, which its manifest lists; restore the file or repeat the run")
        if sha256(folder / name) != digest:
            raise Misuse(f"{str(folder / name)!r} was changed after the run (its SHA-256 differs from the manifest's); repeat the run")
    result = json.loads((folder / "result.json").read_text(encoding="utf-8")) if "result.json" in files else None
    arrays: dict[str, np.ndarray] = {}
    if "arrays.npz" in files:
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    return Run(folder, manifest, result, arrays, _read_table(folder / "table.csv") if "table.csv" in files else [])


@contextmanager
def working_folder(folder: str | Path) -> Iterator[Path]:
    """A temporary folder beside ``folder``, to be filled and passed to `seal`; if it was not sealed nothing of it is left."""
    folder = Path(folder)
    parent = folder.absolute().parent
    made = [place for place in (parent, *parent.parents) if not place.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=parent))
    except OSError as error:
        raise Misuse(f"{str(folder)!r} cannot be written ({error.strerror}); choose a folder that you may write") from None
    work.chmod(0o755)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):  # a parent that holds something stays, and so do those above it
            for place in made:
                place.rmdir()


def seal(work: Path, folder: str | Path, *, spec: Any, seed: int | None, outcome: str, **facts: Any) -> Path:
    """Write the manifest over the files in ``work``, rename ``work`` to ``folder`` (numbered if that exists), return the path.

    ``facts`` are further entries of the manifest.
    """
    folder = Path(folder)
    files = {str(p.relative_to(work).as_posix()): sha256(p) for p in sorted(work.rglob("*")) if p.is_file()}
    write_json(work / "manifest.json", manifest(files, spec=spec, seed=seed, outcome=outcome, **facts))
    for number in count(1):
        place = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        if place.exists():
            continue
        try:
            return work.rename(place)  # fails where another process has just put a run folder
        except OSError:
            if not place.exists():
                raise
    raise AssertionError("unreachable")


def manifest(files: Mapping[str, str], *, spec: Any, seed: int | None, outcome: str, **facts: Any) -> dict[str, Any]:
    """The manifest over ``files``, each name with its SHA-256; ``facts`` are further entries."""
    asked = plain(spec)
    return {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "outcome": outcome,
        "seed": seed,
        "spec": asked,
        **facts,
        "versions": versions(),
        "git": git_state(),
        "device": device(asked.get("device") if isinstance(asked, dict) else None),
        "files": dict(files),
    }


def write_json(path: Path, value: Any) -> None:
    """One JSON document, non-finite floats as strings."""
    path.write_text(json.dumps(plain(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _inside(work: Path, name: str) -> None:
    if Path(name).name != name:
        raise Misuse(f"{name!r} is not a plain file name; leave folders out of it")


def _array(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype == object:
        raise Misuse(f"array {name!r} holds Python objects, which are not stored; convert it to numbers")
    return array


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        for row in rows:
            cells = {column: plain(value) for column, value in row.items()}
            writer.writerow({c: json.dumps(v) if isinstance(v, (list, dict)) else "" if v is None else v for c, v in cells.items()})


def _read_table(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{column: _cell(text) for column, text in row.items()} for row in csv.DictReader(file)]


def _cell(text: str) -> Any:
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
