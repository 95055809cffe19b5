"""Fused escape runs: a traced method compiled to one kernel, on the CPU (numba) or on CUDA (Triton)."""

from __future__ import annotations

import math

import numpy as np
import torch

from dynopt.ensemble import kernel as text
from dynopt.ensemble.kernel import Task


def run_numba(
    task: Task,
    *,
    seed: int,
    first: int,
    count: int,
    steps: int,
    linger: int,
    scale: float,
    level: float,
    tolerance: float,
    saddle: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """First exit step and place of rest of runs ``first`` … ``first + count − 1``, int64 arrays of shape (count,).

    Exit −1: not out within ``steps``.  Place −1: at rest nowhere known; −2: not finite.
    """
    out, rest = np.empty(count, np.int64), np.empty(count, np.int64)
    module = text.load(text.numba_text(task))
    constants = np.array([v for _, v in task.trace.constants] or [0.0])
    places = np.array(task.places, dtype=float).reshape(len(task.places), task.trace.dimension)
    key = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
    module.kernel(out, rest, *key, first, count, steps, linger, scale, level, tolerance, np.asarray(saddle, float), places, constants)
    return out, rest


def run_triton(
    task: Task, *, seed: int, first: int, count: int, steps: int, linger: int, scale: float, level: float, tolerance: float,
    saddle: np.ndarray, device: str = "cuda", block: int = 128, warps: int = 4,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """The same on CUDA: int32 tensors on the device."""

    def tensor(values: object) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float64).reshape(-1), device=device)

    out = torch.empty(count, dtype=torch.int32, device=device)
    rest = torch.empty(count, dtype=torch.int32, device=device)
    module = text.load(text.triton_text(task))
    numbers = tensor([scale, level, tolerance, 2 * math.pi])
    constants = tensor([v for _, v in task.trace.constants] or [0.0])
    places = tensor(task.places) if task.places else tensor([0.0])
    grid = (-(-count // block),)
    module.kernel[grid](
        out, rest, seed, first, count, steps, linger, numbers, tensor(saddle), places, constants, BLOCK=block, num_warps=warps
    )
    return out, rest
