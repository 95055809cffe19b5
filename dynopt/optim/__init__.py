"""Torch optimizers: every registered algorithm under the name of its class, made of its definition.

>>> import torch
>>> from dynopt.optim import INNA
>>> step = INNA(torch.nn.Linear(2, 1).parameters(), lr=0.01, weight_decay=1e-4)
"""

from __future__ import annotations

from typing import Any

from dynopt.core.algorithm import Algorithm
from dynopt.core.registry import METHODS, method_class

OPTIMIZERS = {cls.__name__: name for name in METHODS if issubclass(cls := method_class(name), Algorithm)}
"""The name of each optimizer class here, and the registered definition that it is made of."""


def __getattr__(name: str) -> Any:
    from dynopt.optim.factory import Defined, optimizer

    if name in OPTIMIZERS:
        return optimizer(OPTIMIZERS[name])
    if name in ("optimizer", "Defined"):
        return {"optimizer": optimizer, "Defined": Defined}[name]
    raise AttributeError(f"module 'dynopt.optim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*OPTIMIZERS, "OPTIMIZERS", "Defined", "optimizer"]
