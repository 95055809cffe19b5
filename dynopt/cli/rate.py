"""``dynopt rate METHOD --spectrum A,B``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def run(
    method: str,
    /,
    *,
    spectrum: Annotated[str, Parameter(allow_leading_hyphen=True)],
    seconds: float = 5.0,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Print the exact worst-case rate of a method on quadratics with a spectrum interval, and the best parameters.

    Parameters
    ----------
    method
        A call such as "heavy_ball(gamma=1/10, momentum=1/2)", or path/file.py:Name(...); a name alone asks for
        the best parameters.
    spectrum
        Smallest and largest Hessian eigenvalue, A,B.
    seconds
        Time limit of the second decider.
    json
        Print one JSON document.
    """
    from dynopt.core.registry import numbers
    from dynopt.symbolic.rates import rate

    found = rate(method, numbers(spectrum, "--spectrum"), seconds=seconds)
    if json:
        from dynopt.cli.output import document

        document(found)
    else:
        from dynopt.report.rate import text

        print(text(found))
    return 1 if any(d["answer"] == "refuted" for d in found.deciders) else 0
