"""Decisions kept on disk, so that a proof is found once and its statement re-derived every time.

A decision is found again by a hash of everything that it depends on: the encoded query, the
statement as the exact decider reads it, the deciders asked, their versions and their source.  What
is undecided is never kept (another machine may settle it), and a counterexample is checked anew.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import sympy as sp

from dynopt.symbolic.decide.decision import Answer, Decision
from dynopt.symbolic.decide.encode import Encoding

_WAIT = 10.0
_open: list[sqlite3.Connection] = []


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Decisions within the block are looked up in ``folder`` first and added to it; None keeps nothing.

    A folder that cannot be written to, or a damaged file in it, costs the memory and nothing else.
    """
    connection = None if folder is None else _connect(folder)
    if connection is None:
        yield
        return
    _open.append(connection)
    try:
        yield
    finally:
        _open.remove(connection)
        connection.close()


def _connect(folder: Path) -> sqlite3.Connection | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / "decisions.sqlite", timeout=_WAIT, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS decisions (key TEXT PRIMARY KEY, document TEXT NOT NULL)")
    except (OSError, sqlite3.Error):
        return None
    return connection


def key(encoding: Encoding, given: Sequence[Any], then: Any, deciders: Sequence[str]) -> str:
    """The hash of all that a decision depends on; empty when nothing is being kept."""
    if not _open:
        return ""
    parts = [_tools(), *deciders, encoding.text, *map(_written, given), _written(then)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


_written = lru_cache(maxsize=4096)(str)  # the questions of one check share most of their hypotheses


@lru_cache
def _tools() -> str:
    """The deciders' source and the versions of what they stand on."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for package in ("z3-solver", "python-flint", "cvc5", "sympy", "mpmath"):
        try:
            digest.update(f"{package} {version(package)}".encode())
        except PackageNotFoundError:
            continue
    return digest.hexdigest()


def recall(key: str, encoding: Encoding) -> Decision | None:
    """The kept decision, its answers marked as recalled."""
    if not key:
        return None
    try:
        row = _open[-1].execute("SELECT document FROM decisions WHERE key = ?", (key,)).fetchone()
        return None if row is None else _read(json.loads(row[0]), encoding)
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        return None


def keep(key: str, decision: Decision) -> None:
    """Keep a decision that more time would not change, if its witness is rational."""
    witness = decision.witness or {}
    settled = decision.verdict in ("proved", "refuted") or (not decision.failure and all(a.answer != "undecided" for a in decision.answers))
    if not key or not settled or not all(v.is_Rational for v in witness.values()) or len({s.name for s in witness}) < len(witness):
        return
    document = {
        "verdict": decision.verdict,
        "answers": [[a.decider, a.version, a.answer, a.seconds, a.note] for a in decision.answers],
        "witness": {s.name: str(v) for s, v in witness.items()},
        "notes": list(decision.notes),
    }
    try:
        _open[-1].execute("INSERT OR REPLACE INTO decisions VALUES (?, ?)", (key, json.dumps(document)))
    except sqlite3.Error:
        return


def _read(document: Mapping[str, Any], encoding: Encoding) -> Decision | None:
    symbols = {s.name: s for s in encoding.names}
    if not document["witness"].keys() <= symbols.keys():
        return None
    witness = {symbols[name]: sp.Rational(value) for name, value in document["witness"].items()} or None
    shown = tuple(
        Answer(decider, release, answer, seconds, witness if answer == "refuted" else None, note, recalled=True)
        for decider, release, answer, seconds, note in document["answers"]
    )
    return Decision(document["verdict"], shown, witness, encoding.query_hash, tuple(document["notes"]), encoding.text)
