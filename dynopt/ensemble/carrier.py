"""The algebra on torch tensors of shape ``(*batch, n)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from dynopt.errors import Misuse


def _tensors(*operands: Any) -> list[torch.Tensor]:
    like = next(x for x in operands if isinstance(x, torch.Tensor) and x.dtype != torch.bool)
    return [x if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=like.dtype, device=like.device) for x in operands]


def inner(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.sum(x * y, dim=-1, keepdim=True)


def sqrt(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt(x)


def where(condition: torch.Tensor, x: Any, y: Any) -> torch.Tensor:
    return torch.where(condition, x, y)


def one(x: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(x[..., :1])


def size(x: torch.Tensor) -> int:
    return x.shape[-1]


def per_run(value: torch.Tensor, x: Any) -> torch.Tensor:
    return value[..., None]


def sequence(name: str, rule: Callable[[Any], Any], k: torch.Tensor) -> Any:
    raise Misuse(f"{name} is counted by the iteration, which capturable=True keeps on the device; use capturable=False")


def settled(condition: torch.Tensor) -> bool:
    return bool(condition.all())


def minimum(x: Any, y: Any) -> torch.Tensor:
    return torch.minimum(*_tensors(x, y))


def maximum(x: Any, y: Any) -> torch.Tensor:
    return torch.maximum(*_tensors(x, y))
