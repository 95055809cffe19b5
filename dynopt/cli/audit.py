"""``dynopt audit module:Class --param lr=0.1,… [--against METHOD]``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def run(optimizer: str, /, *, param: str = "", against: str | None = None, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Recover an optimizer's update map from what it does to its parameters, and say whether it is a given method.

    Parameters
    ----------
    optimizer
        module:Class, such as torch.optim:SGD, or path/file.py:Class.
    param
        Its parameters, such as lr=0.1,momentum=0.9.
    against
        What it should be: a call such as "heavy_ball(gamma=0.1, momentum=0.9)", or module:Class(lr=0.1).
    json
        Print one JSON document.
    """
    from dynopt.auditor.audit import audit

    found = audit(optimizer, against=against, param=param)
    if json:
        from dynopt.cli.output import document

        document(found)
    else:
        from dynopt.report.audit import text

        print(text(found))
    return 0 if found.ok else 1
