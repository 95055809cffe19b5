"""Where things are kept that can always be computed again: compiled kernels, proofs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """The folder for one kind of thing: below ``DYNOPT_CACHE``, else the user's cache folder."""
    base = os.environ.get("DYNOPT_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dynopt" / kind
