"""The questions of `dynopt verify` as SMT-LIB files, one a question, for any solver that reads them."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dynopt.core.result import Result
from dynopt.errors import Misuse
from dynopt.store.text import write_text
from dynopt.symbolic.check import Part
from dynopt.symbolic.judge import Judgement
from dynopt.symbolic.ledger import Verification

INDEX = "index.csv"


@dataclass(frozen=True)
class Benchmark(Result):
    """One question as a file: ``status`` is the answer that a solver must not contradict."""

    file: str
    claim: str
    part: str
    question: str
    status: str
    hash: str
    text: str


def benchmarks(verification: Verification) -> Iterator[Benchmark]:
    """Every question of every claim, named ``claim--part--question--hash8.smt2``; a question that a part asks twice comes once."""
    seen: set[str] = set()
    for claim in verification.claims:
        for name, part in _parts(claim):
            for query in part.queries:
                words = (claim.id, name, query.question, query.hash[:8])
                file = "--".join(map(_word, words)) + ".smt2"
                if file.lower() in seen:
                    continue
                seen.add(file.lower())
                text = query.benchmark(f"dynopt verify, claim {claim.id} ({claim.source}), part {name}, {query.question}, {query.hash}")
                yield Benchmark(file, claim.id, name, query.question, query.status, query.hash, text)


def export(verification: Verification, folder: str | Path) -> list[Benchmark]:
    """Write the questions into a folder, with ``index.csv``; what an earlier export put there and this one does not is removed.

    Raises
    ------
    Misuse : the folder is a file, cannot be written, or holds files of somebody else.
    """
    folder = Path(folder)
    check_folder(folder)
    files = list(benchmarks(verification))
    for old in _listed(folder) - {b.file for b in files}:
        (folder / old).unlink(missing_ok=True)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file", "claim", "part", "question", "status", "hash"])
    for b in files:
        write_text(folder / b.file, b.text)
        writer.writerow([b.file, b.claim, b.part, b.question, b.status, b.hash])
    write_text(folder / INDEX, table.getvalue())
    return files


def check_folder(folder: str | Path) -> None:
    """`Misuse` when a folder cannot take an export: it is a file, or it holds something else."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise Misuse(f"{str(folder)!r} is a file; name a folder for the SMT-LIB files")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / INDEX).is_file():
        raise Misuse(f"the folder {str(folder)!r} holds other files; name an empty or a new folder for the SMT-LIB files")


def script(verification: Verification) -> str:
    """All questions as one script, each after a reset: ``dynopt verify … --smt2 - | z3 -in``."""
    return "\n(reset)\n\n".join(f"; {b.file}\n{b.text}" for b in benchmarks(verification))


def _listed(folder: Path) -> set[str]:
    """The files of an earlier export."""
    index = folder / INDEX
    if not index.is_file():
        return set()
    with index.open(encoding="utf-8", newline="") as file:
        return {name for row in csv.DictReader(file) if (name := row.get("file") or "").endswith(".smt2") and name == Path(name).name}


def _parts(claim: Judgement) -> Iterator[tuple[str, Part]]:
    groups = {"": claim.parts, "extra ": claim.extra_parts, "needed ": claim.needed_parts, "correction ": claim.correction_parts}
    for group, parts in groups.items():
        for number, part in enumerate(parts, 1):
            yield f"{group}{number}" + (f" {part.part}" if part.part else ""), part


_SPELLED = {"≤": "le", "≥": "ge", "<": "lt", ">": "gt", "=": "eq", "≠": "ne", "∞": "oo", "½": "half"}


def _word(text: str) -> str:
    """A piece of a file name: ASCII letters and digits, Greek letters and signs spelled out, at most 48 characters."""
    spelled = []
    for c in text:
        name = unicodedata.name(c, "")
        letter = name.rpartition(" ")[2].lower().replace("lamda", "lambda") if name.startswith("GREEK") else ""
        spelled.append(letter or _SPELLED.get(c) or unicodedata.normalize("NFKD", c))
    return re.sub(r"[^A-Za-z0-9_.]+", "-", "".join(spelled)).strip("-.")[:48].rstrip("-.") or "x"
