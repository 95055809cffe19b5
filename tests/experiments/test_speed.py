"""The speed study: rivals do the same work, a missing rival is skipped with its reason, and the summary judges every target."""

from __future__ import annotations

import shutil

import pytest

from dynopt.study import run_study

SMALL = {"runs": 1000, "steps": 64, "eager_runs": 64, "eager_steps": 16, "repeats": 1, "threads": 1, "lanes": [32], "memory_runs": [2000]}


@pytest.mark.slow
def test_a_short_run(here, monkeypatch):
    monkeypatch.setenv("DYNOPT_JAX_PYTHON", "no-such-python")
    done = run_study("speed", settings=SMALL)
    found = done.summary
    assert "no-such-python" in found["skipped"]["JAX"]
    assert found["agreement"]["eager torch"] <= 1  # a run on the edge may be rounded to the next step
    if shutil.which("gcc"):
        assert found["agreement"]["C, 32 lanes"] <= 1
        assert "fused / C, exit tested ≥ 0.6" in found["targets"]
    assert found["memory"][0]["escaped"] == 2000
    assert all(t["wall"] > 0 for t in found["table 3.1"].values())
    assert {"speed.png", "table.csv", "memory.csv", "arrays.npz"} <= {p.name for p in done.folder.iterdir()}


@pytest.mark.slow
def test_without_a_compiler_c_is_skipped(here, monkeypatch):
    monkeypatch.delenv("DYNOPT_JAX_PYTHON", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = run_study("speed", settings=SMALL).summary
    assert "no C compiler" in found["skipped"]["C"]
    assert set(found["steps_per_second"]) >= {"fused, no exit", "eager torch, exit tested"}
