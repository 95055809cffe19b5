"""The house stands straight: imports point down, the package is light, style and types are clean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[1]
HEAVY = ("sympy", "torch", "scipy", "matplotlib", "numba", "z3", "rich", "cyclopts")
pytestmark = pytest.mark.skipif(not (CLONE / "pyproject.toml").is_file(), reason="needs the clone")


def run(*words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, *words], cwd=CLONE, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("statement", ["import dynopt", "from dynopt import INNA, Algorithm, explicit_euler, method"])
def test_import_is_light(statement):
    code, said = run("-c", f"{statement}; import sys; print([m for m in {HEAVY} if m in sys.modules])")
    assert (code, said.strip()) == (0, "[]")


def test_every_public_name_exists():
    import dynopt

    assert all(getattr(dynopt, name) is not None for name in dynopt.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dynopt.nothing


def test_imports_point_down():
    code, said = run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
    assert code == 0, said


def test_style():
    code, said = run("-m", "ruff", "check", "--no-cache", ".")
    assert code == 0, said


@pytest.mark.slow
def test_types():
    code, said = run("-m", "mypy")
    assert code == 0, said


def test_only_the_command_line_prints():
    prints = [
        f"{path.relative_to(CLONE)}:{number}"
        for path in (CLONE / "dynopt").rglob("*.py")
        if not {"cli", "report"} & set(path.relative_to(CLONE).parts)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip().startswith("print(")
    ]
    assert prints == []
