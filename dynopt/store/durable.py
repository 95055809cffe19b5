"""Files that are whole or absent, also after a kill or a power cut."""

from __future__ import annotations

import os
import threading
from pathlib import Path

PARTIAL = ".partial"
"""Ending of the temporary names; a file that still has it was never finished."""


def write_durably(path: Path, data: bytes) -> None:
    """Write under a temporary name, force it to the disk, rename; `OSError` where that fails, and then nothing is left behind."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{PARTIAL}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":  # the new name, too, must outlive a power cut
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
