"""Fused steps on CUDA: the same phases by Triton; nothing of a step waits for the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from dynopt.ensemble.kernel import load
from dynopt.optim.fused import Steps, ordered
from dynopt.optim.kernel import BLOCK, triton_text

KINDS = {torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32", torch.float64: "float64"}


class DeviceSteps(Steps):
    """`Steps` for tensors on a CUDA device.  A gradient that is not finite stops the step there, but nobody is told."""

    _sent: tuple[np.ndarray, torch.Tensor] | None = None

    def run(
        self,
        theta: Sequence[torch.Tensor],
        blocks: Mapping[str, Any],
        gradient: Callable[[str], Sequence[torch.Tensor]],
        host: np.ndarray,
    ) -> bool:
        plan, device = self.program.plan, theta[0].device
        module = load(triton_text(plan, KINDS[theta[0].dtype]))
        names = [n for n in plan.blocks if n not in plan.vectors]
        numbers = torch.stack([blocks[n].double() for n in names]) if names else torch.zeros(1, dtype=torch.float64, device=device)
        given = _there(host if host.size else np.zeros(1), device)
        shared = torch.zeros(len(self._shared), dtype=torch.float64, device=device)
        sums = torch.zeros(sum(len(p.sums) for p in plan.phases) + 1, dtype=torch.float64, device=device)
        chunks, lengths = self._cut(device)
        slopes: list[Sequence[torch.Tensor]] = []
        done, moved = 0, False
        try:
            for i, phase in enumerate(plan.phases):
                if phase.shared:
                    getattr(module, f"shared_{i}")[(1,)](given, numbers, sums, shared)
                found = torch.zeros(len(phase.sums) + 1, len(chunks), dtype=torch.float64, device=device)
                moved = moved or bool(phase.asks)
                getattr(module, f"phase_{i}")[(len(chunks),)](
                    self._addresses(device), lengths, chunks, given, shared, sums, found, len(theta), len(chunks), BLOCK=BLOCK
                )
                total = found.sum(1)
                sums[done : done + len(phase.sums)] = total[:-1]
                sums[-1] += total[-1]
                done += len(phase.sums)
                if phase.asks:
                    slopes.append(ordered(gradient(phase.asks), theta))
                    self._put(phase.asks, slopes[-1], theta)
        except BaseException:
            self._back(theta, moved)
            raise
        if names:
            module.closing[(1,)](given, numbers, sums, shared)
            for n, value in zip(names, numbers, strict=True):
                blocks[n].copy_(value)
        torch.autograd.graph.increment_version(theta)
        return True

    def _addresses(self, device: torch.device) -> torch.Tensor:
        if self._sent is None or not np.array_equal(self._sent[0], self._table):
            self._sent = self._table.copy(), _there(self._table, device)
        return self._sent[1]

    def _cut(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """The tensor and the first element of each program, and the lengths of the tensors."""
        if self._chunks[0] is not self._lengths:
            pairs = [(t, start) for t, n in enumerate(self._lengths) for start in range(0, int(n), BLOCK)]
            self._chunks = self._lengths, _there(np.array(pairs, dtype=np.int64), device), _there(self._lengths, device)
        return self._chunks[1], self._chunks[2]

    _chunks: tuple[Any, Any, Any] = (None, None, None)


def _there(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """A copy on the device, from pinned memory, which does not wait."""
    copy = torch.from_numpy(array.copy())
    return copy.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else copy
