"""The documents that `dynopt verify` writes beside what it prints: a page, a LaTeX document, SMT-LIB files."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dynopt.errors import Misuse
from dynopt.store.provenance import git_state, versions
from dynopt.store.text import check_place, write_text
from dynopt.symbolic.ledger import Verification

STDOUT = Path("-")


@dataclass(frozen=True)
class Wanted:
    """Which documents are wanted and where; ``-`` is stdout, which only one of them (or the JSON) can have.

    Raises
    ------
    Misuse : a place that cannot be written; said before an hour of proofs, not after it.
    """

    html: Path | None = None
    latex: Path | None = None
    smt2: Path | None = None
    json: bool = False

    def __post_init__(self) -> None:
        places = {"--html": self.html, "--latex": self.latex, "--smt2": self.smt2}
        printed = [name for name, place in places.items() if place == STDOUT] + ["--json"] * self.json
        if len(printed) > 1:
            raise Misuse(f"{' and '.join(printed)} both go to stdout; name a file for one of them")
        for name, place in places.items():
            if place is None or place == STDOUT:
                continue
            if str(place).startswith("-"):
                raise Misuse(f"{name} needs a place, not {str(place)!r}; name a file, such as ./{place}, or - for stdout")
            if name == "--smt2":
                from dynopt.report.claims_smtlib import check_folder

                check_folder(place)
                check_place(place / "index.csv")
            else:
                check_place(place)

    def write(self, verification: Verification, *, seconds: float) -> bool:
        """Write all of them; whether one went to stdout."""
        about = what_was_run(seconds)
        if self.html is not None:
            from dynopt.report.claims_page import page

            _put(self.html, page(verification, about))
        if self.latex is not None:
            from dynopt.report.claims_latex import latex_document

            _put(self.latex, latex_document(verification, about))
        if self.smt2 is not None:
            from dynopt.report.claims_smtlib import export, script

            if self.smt2 == STDOUT:
                print(script(verification), end="")
            else:
                export(verification, self.smt2)
        return STDOUT in (self.html, self.latex, self.smt2)


def what_was_run(seconds: float) -> Mapping[str, str]:
    """Command, date, versions and limits, for a reader who wants to run it again."""
    known = {name: v for name, v in versions().items() if name in ("dynopt", "python", "sympy", "z3-solver") and v}
    state = git_state()
    commit = f"{state['commit'][:10]}{', with changes' if state['changed'] else ''}" if state else ""
    return {
        "command": shlex.join(["dynopt", *sys.argv[1:]]),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "versions": ", ".join(f"{name} {v}" for name, v in known.items()) + (f" (commit {commit})" if commit else ""),
        "time limit": f"{seconds:g} s for each question and decider",
    }


def _put(place: Path, text: str) -> None:
    if place == STDOUT:
        print(text, end="")
    else:
        write_text(place, text)
