"""Fused steps: a definition as one compiled pass over memory, or as few as its inner products and closures allow."""

from __future__ import annotations

import functools
import importlib.util
import math
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
from dynopt.optim.element import K, traced
from dynopt.optim.kernel import arrays, host_text, numba_text
from dynopt.optim.phases import Plan, plan

GRAIN = 2**18
"""Elements that are worth a thread of their own."""
HALF = {torch.float16, torch.bfloat16}
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

    def steps(self, device: torch.device) -> Steps:
        """Steps on tensors of a device."""
        if device.type == "cpu":
            return Steps(self)
        from dynopt.optim.fused_cuda import DeviceSteps

        return DeviceSteps(self)

    @functools.cached_property
    def visits(self) -> bool:
        """Whether a step asks for gradients at other points than θ, and so needs a closure."""
        return any(p.asks for p in self.plan.phases)

    @functools.cached_property
    def timed(self) -> bool:
        """Whether the iteration enters."""
        return any(e.has(K) for _, e in self.plan.host)

    @functools.cached_property
    def host(self) -> Callable[..., tuple[float, ...]]:
        """The numbers that the parameters, weight decay, sign and iteration give, in this order."""
        scope: dict[str, Any] = {"math": math}
        exec(host_text(self.plan, self.parameters), scope)
        found: Callable[..., tuple[float, ...]] = scope["host"]
        return found

    def module(self, dtype: torch.dtype) -> ModuleType:
        """The compiled CPU step for ``float32`` or ``float64``."""
        return _module(self, KINDS[dtype])

    def check(self, theta: Sequence[torch.Tensor]) -> None:
        """`Untraceable` for tensors that no kernel is written for."""
        kinds = {(type(t), t.dtype, t.device) for t in theta}
        if len(kinds) > 1:
            raise Untraceable(f"{self.name} has no fused step for tensors of different kinds, on different devices or of different dtypes")
        ((kind, dtype, device),) = kinds
        known = dtype in KINDS if device.type == "cpu" else device.type == "cuda" and dtype in HALF | KINDS.keys() and _triton()
        if not known or kind not in (torch.Tensor, torch.nn.Parameter):
            what = f"{kind.__name__} of {str(dtype).removeprefix('torch.')} on {device.type}"
            raise Untraceable(f"{self.name} has no fused step for a {what}; float32 and float64 have one, on CUDA if Triton is there")
        if not all(t.is_contiguous() for t in theta) and not all(map(_dense, theta)):
            raise Untraceable(f"{self.name} has no fused step for a tensor that is a view with gaps; use contiguous parameters")


@functools.lru_cache(maxsize=64)
def _module(program: Program, dtype: str) -> ModuleType:
    return load(numba_text(program.plan, dtype))


@functools.cache
def _triton() -> bool:
    return importlib.util.find_spec("triton") is not None


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
    both = zip(tensors, like, strict=True)
    alike = [a.dtype is b.dtype and ((a.is_contiguous() and b.is_contiguous()) or a.stride() == b.stride()) for a, b in both]
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
    kind: Any = cls
    return _program(kind, tuple(sorted((options or {}).items())), decay)


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
        self.reads_gradient = "g0" in self._names
        self._kept: dict[str, list[torch.Tensor]] = {}
        self._rows: dict[str, list[int]] = {}
        self._layout: Any = None
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
        False if some gradient is not finite: its elements stay as they are, or all do where that is seen before anything is
        written.
        """
        slopes = ordered(gradient("g0"), theta) if self.reads_gradient else ()
        self.place(theta, blocks, slopes)
        return self.run(theta, blocks, gradient, self.host(values, k, weight_decay, sign))

    def host(self, values: Mapping[str, float], k: int, weight_decay: float, sign: float) -> np.ndarray:
        """The numbers that parameters and the iteration give."""
        numbers = [float(values[n]) for n in self.program.parameters]
        return np.array(self.program.host(*numbers, weight_decay, sign, k))

    def place(self, theta: Sequence[torch.Tensor], blocks: Mapping[str, Any], slopes: Sequence[Any], same: bool = False) -> None:
        """Put the addresses of all tensors into the table; ValueError if θ must be the ``same`` as in the last step and is not."""
        name = self.program.plan.blocks[0]
        there = self._placed(name, theta)
        if same and not there:
            raise ValueError("the parameters have moved")
        if not there and [(t.data_ptr(), t.stride()) for t in theta] != self._layout:
            self._layout = [(t.data_ptr(), t.stride()) for t in theta]
            self._lengths = np.array([t.numel() for t in theta], dtype=np.int64)
            self._total = int(self._lengths.sum())
            self._table = np.zeros((len(self._names), len(theta)), dtype=np.int64)
            self._rows = {}
            self._kept = {n: [torch.empty_like(t) for t in theta] for n in self.program.plan.kept}
            for n, tensors in ((name, theta), *self._kept.items()):
                self._put(n, tensors, theta)
        for n in self._names:
            if n in blocks:
                self._put(n, blocks[n], theta)
        if slopes:
            self._put("g0", slopes, theta)

    def _placed(self, name: str, tensors: Sequence[torch.Tensor]) -> bool:
        return [t.data_ptr() if t.is_contiguous() else 0 for t in tensors] == self._rows.get(name)

    def _put(self, name: str, tensors: Sequence[torch.Tensor], like: Sequence[torch.Tensor]) -> None:
        if not self._placed(name, tensors):
            if ordered(tensors, like) is not tensors:
                raise ValueError(f"{name} has not the dtype and the memory order of the parameters")  # or it would be read wrongly
            addresses = [t.data_ptr() for t in tensors]
            self._table[self._names.index(name)] = addresses
            self._rows[name] = addresses if all(t.is_contiguous() for t in tensors) else []

    def run(
        self,
        theta: Sequence[torch.Tensor],
        blocks: Mapping[str, Any],
        gradient: Callable[[str], Sequence[torch.Tensor]],
        host: np.ndarray,
    ) -> bool:
        """The phases of a step on tensors that have been placed."""
        plan = self.program.plan
        module = self.program.module(theta[0].dtype)
        slopes: list[Sequence[torch.Tensor]] = []  # alive until the step ends
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
                moved = moved or bool(phase.asks)
                if not finite and i < len(plan.phases) - 1:
                    self._back(theta, moved)
                    return False
                if phase.asks:
                    slopes.append(ordered(gradient(phase.asks), theta))
                    self._put(phase.asks, slopes[-1], theta)
        except BaseException:
            self._back(theta, moved)
            raise
        if names and finite:
            module.closing(host, numbers, sums, shared)
            for n, value in zip(names, numbers, strict=True):
                blocks[n].fill_(value)
        torch.autograd.graph.increment_version(theta)
        return bool(finite)

    def _back(self, theta: Sequence[torch.Tensor], moved: bool) -> None:
        if moved:
            torch._foreach_copy_(list(theta), self._kept["kept0"])

    def _pass(self, phase: Any, host: np.ndarray, shared: np.ndarray, width: int) -> np.ndarray:
        """Run one phase on all elements, cut into a part for each thread; its sums, and a number that is 0 if all is finite."""
        parts = max(1, min(torch.get_num_threads(), self._total // GRAIN))
        found = np.zeros((parts, width))
        if parts == 1:
            phase(self._table, self._lengths, 0, self._total, host, shared, found[0])
            return found[0]
        ends = [self._total * j // parts // 64 * 64 for j in range(parts)] + [self._total]
        arguments: list[Any] = [(self._table, self._lengths, ends[j], ends[j + 1], host, shared, found[j]) for j in range(parts)]
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
