"""What all tests share."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny arrays: more threads only wait for each other

import pytest


@pytest.fixture(autouse=True)
def _own_threads():
    """A compiled kernel leaves the OpenMP that it shares with torch set to every core; small tensors then cost ten times as much."""
    yield
    torch, threads = sys.modules.get("torch"), int(os.environ["OMP_NUM_THREADS"])
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory, so that commands write nothing into the clone."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dynopt(here, capsys):
    """The command line in an empty directory: ``dynopt("bound", "gd", …)`` gives (exit code, stdout, stderr)."""
    from dynopt.cli import main

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
