"""``dynopt show METHOD``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def run(method: str, /, *, modified: int = 0, latex: bool = False, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Print update, flow, mode matrix, characteristic polynomial, conditions and references of a method.

    Parameters
    ----------
    method
        A name or a call such as "inna(alpha=1/2)"; parameters left out stay symbols. Also path/file.py:Name.
    modified
        Derive the modified equation of this order too, 1 to 4: what the iterates follow, in powers of the step h.
    latex
        Print LaTeX.
    json
        Print one JSON document.
    """
    from dynopt.symbolic.summary import show

    summary = show(method, modified)
    if json:
        from dynopt.cli.output import document

        document(summary)
    elif latex:
        print(summary.latex())
    else:
        from dynopt.report.summary import text

        print(text(summary))
    return 0
