"""``dynopt equivalent METHOD METHOD``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def run(first: str, second: str, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Print the parameter substitutions under which one method is the other, up to a change of state.

    Parameters
    ----------
    first
        A name or a call; parameters left out stay symbols.
    second
        A name or a call; parameters left out are sought.
    json
        Print one JSON document.
    """
    from dynopt.symbolic.equivalence import equivalent

    found = equivalent(first, second)
    if json:
        from dynopt.cli.output import document

        document(found)
    else:
        from dynopt.report.equivalence import text

        print(text(found))
    return 0 if found.relations else 1
