"""What the README shows is executed: its Python, its files, its commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dynopt.core.registry import METHODS

CLONE = Path(__file__).resolve().parents[1]
README = CLONE / "README.md"
pytestmark = pytest.mark.skipif(not README.is_file(), reason="needs the clone")
TEXT = README.read_text(encoding="utf-8") if README.is_file() else ""
BLOCKS = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
FILES = {info.split("file=")[1].strip(): body for kind, info, body in BLOCKS if "file=" in info}
PYTHON = [body for kind, info, body in BLOCKS if kind == "python" and "file=" not in info]
COMMANDS = [line for kind, _, body in BLOCKS if kind == "sh" for line in body.splitlines() if line.startswith("dynopt")]


QUICK = ("show", "bound", "equivalent", "doctor")


@pytest.fixture
def with_files(here):
    for name, body in FILES.items():
        (here / name).write_text(body)
    return here


def printed(mark: str) -> list[str]:
    return re.findall(rf"^<!-- {mark} -->\n```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_the_two_commands_are_one_line_each():
    for mark in ("setup", "test"):
        (block,) = printed(mark)
        assert block.count("\n") == 1
    assert printed("setup")[0].rstrip().endswith("dynopt tour")


def test_ci_executes_them_as_printed(tmp_path):
    """`.ci/run` is run on a README whose commands leave a trace."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text((CLONE / ".ci" / "run").read_text())
    damaged = TEXT.replace(printed("setup")[0], "echo first > trace\n").replace(printed("test")[0], "echo second >> trace && exit 3\n")
    (tmp_path / "README.md").write_text(damaged)
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 3, "the exit code of the tests is the exit code of CI"
    assert (tmp_path / "trace").read_text() == "first\nsecond\n"
    (tmp_path / "README.md").write_text(TEXT.replace("<!-- test -->", ""))
    assert subprocess.run(["bash", ".ci/run"], cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.slow
def test_python_blocks(with_files):
    names: dict[str, object] = {}
    jobs = TEXT.split("## The three jobs in Python")[1].split("\n## ")[0]
    assert sum(body in jobs for body in PYTHON) == 3
    for body in PYTHON:
        lines = [line for line in body.splitlines() if line.strip()]
        assert len(lines) <= 5 or body not in jobs, "each job takes at most five lines"
        exec(compile(body, "README.md", "exec"), names)
    assert (with_files / "trajectory.png").is_file()
    assert (with_files / "runs" / "escape" / "manifest.json").is_file()


@pytest.mark.parametrize("line", [pytest.param(c, marks=[] if c.split()[1] in QUICK else pytest.mark.slow) for c in COMMANDS])
def test_command(line, with_files, dynopt):
    code, out, said = dynopt(*shlex.split(line)[1:])
    assert (code, said) == (0, "")
    assert out.strip()


def test_files_are_short():
    assert all(len(body.splitlines()) < 20 for body in FILES.values())


def test_every_command_is_in_the_table():
    from dynopt.cli import COMMANDS as known

    assert all(f"`dynopt {name}" in TEXT for name in known)


def test_promised_methods_exist():
    assert {"gd", "heavy_ball", "heavy_ball_velocity", "nesterov", "din", "inna"} <= set(METHODS)
