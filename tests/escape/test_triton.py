"""The Triton kernel in Triton's interpreter, on the CPU: the same runs as the numba kernel."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

COMPARE = """
import dynopt
from dynopt.ensemble.fused import Setting, _numba, _triton
from dynopt.escape.exits import make_exit, other_exits
from dynopt.escape.saddle import find_saddle
from dynopt.escape.tally import fused_task

saddle = find_saddle(dynopt.problem("double-well"), None)
principal = make_exit("coordinate", saddle, 0.5)
method = dynopt.method("inna(alpha=1/2, beta=1, gamma=0.02)").numeric()
task, levels = fused_task(method, saddle, [principal, *other_exits(principal, saddle, 0.5)])
setting = Setting(2**40 + 7, saddle.point, 1e-12, levels, 300, 300, [p.reach for p in saddle.places])
(times, rest), (other, ended) = _numba(task, setting, 2**33 - 100, 300), _triton(task, setting, 2**33 - 100, 300, "cpu", block=512)
print(int((times != other).sum()), int((times - other).abs().max()), int((rest != ended).sum()), int((times >= 0).sum()))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="the package triton is missing")
def test_the_interpreted_kernel_gives_the_same_runs(tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": "1", "DYNOPT_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", COMPARE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    different, gap, elsewhere, out = map(int, done.stdout.split())
    assert out == 5 * 300
    assert (different <= 2, gap <= 1, elsewhere) == (True, True, 0)
