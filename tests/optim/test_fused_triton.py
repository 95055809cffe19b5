"""The Triton text of fused steps in Triton's interpreter, on the CPU: the numbers of the numba step."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

COMPARE = """
import torch
from dynopt.core.registry import method_class
from dynopt.optim.fused import Steps, program
from dynopt.optim.fused_cuda import DeviceSteps

def run(kind, name, values, numbers, dtype):
    torch.manual_seed(0)
    made = program(method_class(name))
    theta = [torch.randn(s, dtype=dtype) for s in ((3, 5), (1500,), (7,))]
    plan = made.plan
    blocks = {n: [torch.randn_like(t).abs() for t in theta] if n in plan.vectors else torch.ones((), dtype=dtype) for n in plan.blocks[1:]}
    steps = kind(made)
    for k in range(3):
        steps.step(theta, blocks, lambda name: [t * t * t + (t - 1) for t in theta], values, k)
    flat = [t.double().reshape(-1) for b in (theta, *blocks.values()) for t in (b if isinstance(b, list) else [b])]
    return torch.cat(flat)

TUNED = {"gamma": 0.01, "nu": 2.0, "lower": 0.5, "upper": 2.0, "delta": 0.001, "per_epoch": 1.0, "beta": 0.9}
INNA = {"alpha": 0.5, "beta": 0.1, "speed": 1.0, "gamma": 0.01}
for name, values in (("inna", INNA), ("step_tuned_sgd", TUNED), ("barzilai_borwein", {"gamma": 0.01, "nu": 2.0})):
    for dtype in (torch.float32, torch.float64):
        one, two = (run(kind, name, values, {}, dtype) for kind in (Steps, DeviceSteps))
        print(name, dtype, float(((one - two).abs() / one.abs().clamp(min=0.1)).max()))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="the package triton is missing")
def test_the_interpreted_step_gives_the_same_numbers(tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": "1", "DYNOPT_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", COMPARE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 6
    assert all(float(gap) <= (1e-5 if dtype == "torch.float32" else 1e-13) for _, dtype, gap in rows), rows
