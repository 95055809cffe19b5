"""Fused steps: a definition as one compiled pass over memory, or as few as its inner products and closures allow."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm
from dynopt.ensemble.kernel import load
from dynopt.ensemble.trace import Untraceable
from dynopt.optim.element import traced
from dynopt.optim.kernel import arrays, numba_text
from dynopt.optim.phases import Plan, plan

GRAIN = 2**18
"""Elements that are worth a thread of their own."""
KINDS = {torch.float32: "float32", torch.float64: "float64"}


@dataclass(frozen=True)
class Program:
    """A definition's update, planned; `Steps` runs it on tensors.

    Attributes
    ----------
    name : of the method.
    parameters : the names of its numeric parameters, which a step is given.
    plan : blocks, phases and the constants that they need.
    """

    name: str
    parameters: tuple[str, ...]
    plan: Plan

    @functools.cached_property
    def visits(self) -> bool:
        """Whether a step asks for gradients at other points than θ, and so needs a closure."""
        return any(p.asks for p in self.plan.phases)

    def module(self, dtype: torch.dtype) -> ModuleType:
        """The compiled CPU step for ``float32`` or ``float64``."""
        return _module(self, KINDS[dtype])

    def check(self, theta: Sequence[torch.Tensor]) -> None:
        """`Untraceable` for tensors that no kernel is written for."""
        kinds = {(type(t), t.dtype, t.device.type) for t in theta}
        for kind, dtype, device in kinds:
            known = kind in (torch.Tensor, torch.nn.Parameter) and device == "cpu" and dtype in KINDS and len(kinds) == 1
            if not known:
                what = f"{kind.__name__} of {str(dtype).removeprefix('torch.')} on {device}" if len(kinds) == 1 else "different kinds"
                raise Untraceable(f"{self.name} has no fused step for tensors of {what}; all float32 or all float64 on the CPU have one")
        if not all(t.is_contiguous() for t in theta) and not all(map(_dense, theta)):
            raise Untraceable(f"{self.name} has no fused step for a tensor that is a view with gaps; use contiguous parameters")


@functools.lru_cache(maxsize=64)
def _module(program: Program, dtype: str) -> ModuleType:
    return load(numba_text(program.plan, program.parameters, dtype))


def _dense(t: torch.Tensor) -> bool:
    """Whether the elements fill a stretch of memory, in any order."""
    expected = 1
    for stride, size in sorted(zip(t.stride(), t.shape, strict=True)):
        if size > 1 and stride != expected:
            return False
        expected *= size
    return True


def ordered(tensors: Sequence[torch.Tensor], like: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The tensors with the dtype and the memory order of ``like``: the same list where they have them, copies where not."""
    if all(a.dtype is b.dtype and a.is_contiguous() and b.is_contiguous() for a, b in zip(tensors, like, strict=True)):
        return tensors
    alike = [a.dtype is b.dtype and a.stride() == b.stride() for a, b in zip(tensors, like, strict=True)]
    return tensors if all(alike) else [a if good else torch.empty_like(b).copy_(a) for a, b, good in zip(tensors, like, alike, strict=True)]


@functools.lru_cache(maxsize=64)
def _program(cls: type[Algorithm], options: tuple[tuple[str, str], ...], decay: str) -> Program:
    return Program(cls.name, tuple(p.name for p in cls.numbers()), plan(traced(cls, dict(options), decay)))


def program(cls: type[Algorithm], options: Mapping[str, str] | None = None, decay: str = "") -> Program:
    """The fused step of a definition, with weight decay ``coupled``, ``decoupled`` or none.

    Raises
    ------
    Untraceable : an update without a fixed text; the sentence says why.

    Examples
    --------
    >>> from dynopt import INNA
    >>> [p.writes for p in program(INNA).plan.phases]
    [('theta', 'psi')]
    """
    return _program(cls, tuple(sorted((options or {}).items())), decay)


class Steps:
    """Steps of a program on one list of tensors; it keeps the addresses, and the vectors that a step needs besides.

    >>> from dynopt import INNA
    >>> theta, psi = torch.ones(3), torch.zeros(3)
    >>> steps = Steps(program(INNA))
    >>> steps.step([theta], {"psi": [psi]}, lambda name: [theta.clone()], {"alpha": 0.5, "beta": 0.1, "speed": 1.0, "gamma": 0.1}, k=0)
    True
    >>> theta, psi
    (tensor([1.9400, 1.9400, 1.9400]), tensor([0.9500, 0.9500, 0.9500]))
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._names = arrays(program.plan)
        self._kept: dict[str, list[torch.Tensor]] = {}
        self._rows: dict[str, list[int]] = {}
        self._shared = np.zeros(max(1, sum(len(p.shared) for p in program.plan.phases)))
        self._sums = np.zeros(max(1, sum(len(p.sums) for p in program.plan.phases)))

    def step(
        self,
        theta: Sequence[torch.Tensor],
        blocks: Mapping[str, Any],
        gradient: Callable[[str], Sequence[torch.Tensor]],
        values: Mapping[str, float],
        k: int,
        weight_decay: float = 0.0,
        sign: float = 1.0,
    ) -> bool:
        """One step in place.

        Parameters
        ----------
        theta : the parameters, checked by `Program.check`.
        blocks : the other blocks by name, a tensor for each parameter, `ordered` like it, or one number (a tensor
            without dimensions).
        gradient : the gradients at the present parameters by name: ``g0`` at θ, then ``g1``, … at the points visited;
            those that it gave before must stay as they are until the step ends.
        values : the numeric parameters by name.
        k : the iteration.
        weight_decay : its weight, where the program has one.
        sign : −1 to maximise.

        Returns
        -------
        False if some gradient is not finite.
        """
        p, plan = self.program, self.program.plan
        module = p.module(theta[0].dtype)
        host = np.array(module.host(*[float(values[n]) for n in p.parameters], weight_decay, sign, k))
        self._tables(theta)
        for name in self._names:
            if name in blocks:
                self._place(name, blocks[name])
        slopes: dict[str, Sequence[torch.Tensor]] = {}  # alive until the step ends
        if "g0" in self._names:
            slopes["g0"] = ordered(gradient("g0"), theta)
            self._place("g0", slopes["g0"])
        names = [n for n in plan.blocks if n not in plan.vectors]
        numbers = np.array([float(blocks[n]) for n in names])
        shared, sums, done, finite = self._shared, self._sums, 0, True
        moved = False
        try:
            for i, phase in enumerate(plan.phases):
                if phase.shared:
                    getattr(module, f"shared_{i}")(host, numbers, sums, shared)
                parts = self._pass(getattr(module, f"phase_{i}"), host, shared, len(phase.sums) + 1)
                sums[done : done + len(phase.sums)] = parts[:-1]
                done += len(phase.sums)
                finite = finite and parts[-1] == 0
                if phase.asks:
                    moved = True
                    slopes[phase.asks] = ordered(gradient(phase.asks), theta)
                    self._place(phase.asks, slopes[phase.asks])
        except BaseException:
            if moved:
                torch._foreach_copy_(list(theta), self._kept["kept0"])
            raise
        if names:
            module.closing(host, numbers, sums, shared)
            for n, value in zip(names, numbers, strict=True):
                blocks[n].fill_(value)
        torch.autograd.graph.increment_version(theta)
        return bool(finite)

    def _tables(self, theta: Sequence[torch.Tensor]) -> None:
        """Tables for these tensors, new where they are elsewhere than in the step before."""
        name = self.program.plan.blocks[0]
        if self._rows.get(name) == [t.data_ptr() for t in theta]:
            return
        self._lengths = np.array([t.numel() for t in theta], dtype=np.int64)
        self._total = int(self._lengths.sum())
        self._table = np.zeros((len(self._names), len(theta)), dtype=np.int64)
        self._rows = {}
        self._kept = {name: [torch.empty_like(t) for t in theta] for name in self.program.plan.kept}
        for kept, tensors in self._kept.items():
            self._place(kept, tensors)
        self._place(name, theta)

    def _place(self, name: str, tensors: Sequence[torch.Tensor]) -> None:
        """Put the addresses of a vector's tensors into the table."""
        addresses = [t.data_ptr() for t in tensors]
        if self._rows.get(name) != addresses:
            self._table[self._names.index(name)] = addresses
            self._rows[name] = addresses

    def _pass(self, phase: Any, host: np.ndarray, shared: np.ndarray, width: int) -> np.ndarray:
        """Run one phase on all elements, cut into a part for each thread; its sums, and a number that is 0 if all is finite."""
        parts = max(1, min(torch.get_num_threads(), self._total // GRAIN))
        found = np.zeros((parts, width))
        ends = [self._total * j // parts // 64 * 64 for j in range(parts)] + [self._total]
        arguments = [(self._table, self._lengths, ends[j], ends[j + 1], host, shared, found[j]) for j in range(parts)]
        waiting = [_threads(parts - 1, os.getpid()).submit(phase, *a) for a in arguments[1:]]
        phase(*arguments[0])
        for part in waiting:
            part.result()
        total: np.ndarray = found.sum(axis=0)
        return total


@functools.cache
def _threads(count: int, process: int) -> ThreadPoolExecutor:
    """Threads beside the caller's; of this process, as they do not outlive a fork."""
    return ThreadPoolExecutor(count, thread_name_prefix="dynopt-fused")
