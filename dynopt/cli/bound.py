"""``dynopt bound METHOD --property P --spectrum A,B``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def run(
    method: str,
    /,
    *,
    property: str = "stable",
    spectrum: Annotated[str, Parameter(allow_leading_hyphen=True)],
    free: str = "gamma",
    seconds: float = 5.0,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Print the exact set of step-sizes for which a method has a property on a spectrum interval.

    Parameters
    ----------
    method
        A call such as "inna(alpha=1/2, beta=1/10)", or path/file.py:Name(...).
    property
        stable, diffeomorphism or non-oscillating.
    spectrum
        Smallest and largest Hessian eigenvalue, A,B.
    free
        The parameter whose admissible values are wanted.
    seconds
        Time limit of the second decider on each piece.
    json
        Print one JSON document.
    """
    from dynopt.core.registry import numbers
    from dynopt.symbolic.bounds import bound

    found = bound(method, property, numbers(spectrum, "--spectrum"), free=free, seconds=seconds)
    if json:
        from dynopt.cli.output import document

        document(found)
    else:
        from dynopt.report.bound import text

        print(text(found))
    return 1 if any(d["answer"] == "refuted" for d in found.deciders) else 0
