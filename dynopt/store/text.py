"""Text files that are complete or absent."""

from __future__ import annotations

import os
from pathlib import Path

from dynopt.errors import Misuse


def write_text(path: str | Path, text: str) -> Path:
    """Write a text under a temporary name and rename it; the parents are made.

    Raises
    ------
    Misuse : the place cannot be written.  Nothing is left behind then.
    """
    path = Path(path)
    check_place(path)
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}")
    try:
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise Misuse(f"{str(path)!r} cannot be written ({error.strerror}); name another place") from error
    return path


def check_place(path: str | Path) -> None:
    """Make the parents of a file that is to be written; `Misuse` when that cannot be done or the place is a folder."""
    path = Path(path)
    if path.is_dir():
        raise Misuse(f"{str(path)!r} is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misuse(f"{str(path)!r} cannot be written ({error.strerror}); name another place") from error
    if not os.access(path.parent, os.W_OK):
        raise Misuse(f"{str(path)!r} cannot be written (no permission in its folder); name another place")
