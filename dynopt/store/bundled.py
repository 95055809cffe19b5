"""The claim files and studies that come with dynopt: beside the package in a clone, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def bundled(kind: str) -> Path | None:
    """The folder ``analysis`` or ``experiments`` that belongs to this dynopt, or None when it was installed without one."""
    inside, beside = PACKAGE / "_studies" / kind, PACKAGE.parent / kind
    if inside.is_dir():
        return inside
    return beside if beside.is_dir() and (PACKAGE.parent / "pyproject.toml").is_file() else None
