"""Where a result comes from: versions, git state, device."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "scipy", "sympy", "torch", "z3-solver", "numba", "matplotlib")


def versions() -> dict[str, str | None]:
    """Versions of Python, dynopt and the libraries that its results depend on (None: not installed); imports none of them."""
    from dynopt import __version__

    return {"python": platform.python_version(), "dynopt": __version__, **{name: version(name) for name in LIBRARIES}}


def version(distribution: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_state() -> dict[str, Any] | None:
    """Commit of dynopt's own clone and whether tracked files differ from it; None when dynopt does not run from a clone."""
    clone = Path(__file__).resolve().parents[2]
    if not (clone / ".git").exists():
        return None

    def git(*words: str) -> str:
        answer = subprocess.run(["git", "-C", str(clone), *words], capture_output=True, text=True, timeout=10, check=True)
        return answer.stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def device(asked: str | None = None) -> dict[str, Any]:
    """The device that was asked for (``cpu`` when none was) and the machine around it."""
    name = asked or "cpu"
    gpu = None
    torch = sys.modules.get("torch")
    if name != "cpu" and torch is not None and torch.cuda.is_available():
        gpu = torch.cuda.get_device_name(name)
    return {"name": name, "gpu": gpu, "system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count()}
