"""``dynopt equivalent [METHOD [METHOD]]``."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter


def run(
    first: str | None = None, second: str | None = None, /, *, seconds: float = 5.0, json: Annotated[bool, Parameter(negative="")] = False
) -> int:
    """Print the parameter substitutions under which one method is the other, up to a change of state.

    With one method, its relations to every registered method of its kind; without any, those of all
    ordered pairs.

    Parameters
    ----------
    first
        A name or a call; parameters left out stay symbols.
    second
        A name or a call; parameters left out are sought.
    seconds
        Processor time for each pair of a table; a pair that needs more is undecided.
    json
        Print one JSON document.
    """
    from dynopt.symbolic.equivalence import equivalent
    from dynopt.symbolic.relations import relations

    if first is not None and second is not None:
        found = equivalent(first, second)
        if json:
            from dynopt.cli.output import document

            document(found)
        else:
            from dynopt.report.equivalence import text

            print(text(found))
        return 0 if found.relations else 1

    def progress(pair: object, done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done}/{total} pairs", end="\n" if done == total else "", file=sys.stderr)

    every = relations(first, seconds=seconds, progress=progress)
    if json:
        from dynopt.cli.output import document

        document(every)
    else:
        from dynopt.report.equivalence import table

        print(table(every))
    return 0 if any(e.relations for e in every.pairs) else 1
