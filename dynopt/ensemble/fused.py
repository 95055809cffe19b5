"""Fused escape runs: a traced method compiled to one kernel, on the CPU (numba) or on CUDA (Triton)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dynopt.ensemble import kernel as text
from dynopt.ensemble.kernel import Task


@dataclass(frozen=True, eq=False)
class Setting:
    """What a fused run is told at run time; none of it needs a new compilation.

    Attributes
    ----------
    seed : in [0, 2⁶⁴); run i draws from (seed, i) alone, as `dynopt.ensemble.rng.normals` does.
    saddle, scale : the starts are saddle + scale · N(0, I).
    levels : one for each of the task's measures.
    steps, linger : horizon of the exits; steps that every run goes on afterwards.
    reach : for each of the task's places, the distance within which a run is there.
    """

    seed: int
    saddle: np.ndarray
    scale: float
    levels: Sequence[float]
    steps: int
    linger: int
    reach: Sequence[float]


def run_fused(
    task: Task, setting: Setting, first: int, count: int, device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """First exit steps and places of rest of runs ``first`` … ``first + count − 1``.

    Returns
    -------
    out : (exits, count) integers, the first step at which each measure reached its level, −1 if not within ``steps``.
    rest : (count,) integers, the number of the place of rest, −1 for none, −2 for a state that is not finite.
    """
    return _triton(task, setting, first, count, device) if torch.device(device).type == "cuda" else _numba(task, setting, first, count)


def _numba(task: Task, setting: Setting, first: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    out, rest = np.empty((len(task.measures), count), np.int64), np.empty(count, np.int64)
    module = text.load(text.kernel_text(task, "cpu"))
    module.kernel(
        out, rest, np.uint64(setting.seed & 0xFFFFFFFF), np.uint64(setting.seed >> 32), first, count, setting.steps, setting.linger,
        task.trace.every, setting.scale, np.asarray(setting.levels, float), np.asarray(setting.saddle, float),
        _places(task), _reach(setting), _constants(task),
    )  # fmt: skip
    return torch.from_numpy(out), torch.from_numpy(rest)


def _triton(
    task: Task, setting: Setting, first: int, count: int, device: torch.device | str, block: int = 128, warps: int = 4
) -> tuple[torch.Tensor, torch.Tensor]:
    def there(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float64).reshape(-1), device=device)

    out = torch.empty((len(task.measures), count), dtype=torch.int32, device=device)
    rest = torch.empty(count, dtype=torch.int32, device=device)
    module = text.load(text.kernel_text(task, "cuda"))
    numbers = there(np.array([setting.scale, 2 * math.pi, *setting.levels]))
    grid = (-(-count // block),)
    module.kernel[grid](
        out, rest, setting.seed, first, count, setting.steps, setting.linger, task.trace.every, numbers, there(setting.saddle),
        there(_places(task)), there(_reach(setting)), there(_constants(task)), BLOCK=block, num_warps=warps,
    )  # fmt: skip
    return out, rest


def _places(task: Task) -> np.ndarray:
    return np.array(task.places, dtype=float).reshape(len(task.places), task.trace.dimension)


def _reach(setting: Setting) -> np.ndarray:
    return np.square(np.array(setting.reach, dtype=float))


def _constants(task: Task) -> np.ndarray:
    return np.array([value for _, value in task.constants] or [0.0])
