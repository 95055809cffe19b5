"""The fused step of a torch optimizer: which tensors, which values, and when the carrier has to run instead."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dynopt.core.parameter import is_schedule
from dynopt.ensemble.trace import Untraceable
from dynopt.optim.fused import Program, Steps, ordered, program
from dynopt.optim.phases import Plan

Leaves = list[tuple[Any, dict[str, Any]]]


@dataclass
class Last:
    """What the last step was done on: in small networks, looking at everything again costs more than the step.

    Attributes
    ----------
    values, sizes : of each group, its options in order and the number of its parameters.
    params, owned : all parameters, and their dictionaries in ``state``.
    k, count : the number of steps done, and where it is kept for all of them (an array and a tensor on one memory).
    steps : what runs them.
    host : the numbers of this step; None if they have to be computed.
    """

    values: list[list[Any]]
    sizes: list[int]
    params: list[Any]
    state: Any
    owned: list[dict[str, Any]]
    k: int
    count: tuple[np.ndarray, torch.Tensor]
    steps: Steps
    host: np.ndarray | None = None


class InPlace:
    """Fused steps for the parameters of one optimizer.

    >>> from dynopt.optim import INNA
    >>> x = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    >>> step = INNA([x], lr=0.1, alpha=0.5, beta=0.1, fused=True)
    >>> (x * x).sum().backward()
    >>> step.step()
    >>> x.detach()
    tensor([ 0.8000, -1.6000])
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self._options = [p.name for p in optimizer.algorithm.parameters() if p.domain is None]
        self._numbers = [p.name for p in optimizer.algorithm.numbers()]
        self._steps: dict[Any, Steps] = {}
        self._told = ""
        self._last: Last | None = None

    def can(self, leaves: Leaves) -> bool:
        """Whether these leaves have a fused step; why they have none is said once."""
        try:
            if any(group["capturable"] for _, group in leaves):
                raise Untraceable(f"{self.optimizer.algorithm.name} has no fused step with capturable=True")
            parts = self._parts(leaves)
            for part in parts:
                found = self._program(part[0][1])
                found.check([p for p, _ in part])
                if len(parts) > 1 and (len(found.plan.phases) > 1 or found.plan.numbers):
                    raise Untraceable(f"{found.name} has no fused step for groups with values of their own: its step takes several passes")
        except Untraceable as reason:
            if str(reason) != self._told:
                self._told = str(reason)
                warnings.warn(f"fused=True: {reason}; it runs without", stacklevel=6)
            return False
        return True

    def step(self, leaves: Leaves, k: int, loss: Any, closure: Any) -> None:
        """One step of leaves that have done k."""
        parts = self._parts(leaves)
        self._last = None
        for part in parts:
            self._advance(part, k, loss, closure)
        groups = self.optimizer.param_groups
        sizes = [len(g["params"]) for g in groups]
        if len(parts) == 1 and len(leaves) == sum(sizes) and not self._program(groups[0]).visits:
            owned = [self.optimizer.state[p] for p, _ in leaves]
            done = int(self.optimizer.state[leaves[0][0]]["step"])
            count = np.full((), done, dtype=np.float32)
            shared = torch.from_numpy(count)
            for own in owned:
                own["step"] = shared
            values = [list(g.values()) for g in groups]
            params, steps = [p for p, _ in leaves], self._steps[id(leaves[0][1])]
            self._last = Last(values, sizes, params, self.optimizer.state, owned, done, (count, shared), steps)

    def again(self) -> bool:
        """One step of all parameters like the last one; False where something is new, so that all must be looked at."""
        last, groups = self._last, self.optimizer.param_groups
        if last is None or self.optimizer.state is not last.state or last.owned[0].get("step") is not last.count[1]:
            return False
        values = [list(g.values()) for g in groups]
        if values != last.values or last.host is None:
            for group in groups:
                self.optimizer._still_valid(group)
            known = groups[0]["fused"] and self._alike(groups) and self._program(groups[0]) is last.steps.program
            if not known or any(isinstance(v, torch.Tensor) for v in values[0]):
                return False
            last.values, last.host = values, None
        if [len(g["params"]) for g in groups] != last.sizes:
            return False
        blocks = self._blocks(last.steps.program.plan, last.owned)
        try:
            last.steps.place(last.params, blocks, [p.grad for p in last.params], same=True)
        except (AttributeError, RuntimeError, ValueError):  # a gradient is missing, sparse, in another order of memory; θ moved
            return False
        host = self._host(last.steps, groups[0], last.k) if last.host is None else last.host
        if not (last.steps.program.timed or any(map(is_schedule, values[0]))):
            last.host = host
        last.k += self._counts(last.steps.run(last.params, blocks, lambda name: [], host), last.params, last.k)
        last.count[0][()] = last.k
        return True

    def _advance(self, leaves: Leaves, k: int, loss: Any, closure: Any) -> None:
        state, group, params = self.optimizer.state, leaves[0][1], [p for p, _ in leaves]
        found = self._program(group)
        plan = found.plan
        oracle: Any = None
        fresh = not state.get(params[0])
        if fresh or found.visits:
            theta, method, oracle = self.optimizer._setting(leaves, k, loss, closure)
        if found.visits:
            oracle.ready()
            self.optimizer._check = oracle.check
        blocks = _start(plan, params, method.init(theta, oracle)) if fresh else self._blocks(plan, [state[p] for p in params])
        blocks = {n: ordered(block, params) if n in plan.vectors else block for n, block in blocks.items()}
        steps = self._steps.get(id(group))
        if steps is None or steps.program is not found:
            steps = self._steps[id(group)] = found.steps(params[0].device)

        def gradient(name: str) -> list[Any]:
            return [p.grad for p in params] if name == "g0" else oracle.again()

        slopes = ordered(gradient("g0"), params) if steps.reads_gradient else ()
        steps.place(params, blocks, slopes)
        done = self._counts(steps.run(params, blocks, gradient, self._host(steps, group, k)), params, k)
        count = torch.tensor(float(k + done))
        for i, p in enumerate(params):
            state[p].update({n: block[i] if n in plan.vectors else block for n, block in blocks.items()}, step=count)

    def _host(self, steps: Steps, group: Any, k: int) -> np.ndarray:
        values = {n: group["lr" if n == "gamma" else n] for n in self._numbers}
        values = {n: v(k) if is_schedule(v) else v for n, v in values.items()}
        return steps.host(values, k, group["weight_decay"], -1.0 if group["maximize"] else 1.0)

    def _counts(self, finite: bool, params: list[Any], k: int) -> int:
        """1 for a step that counts, 0 for one that met a gradient that is not finite, which is said once."""
        if not finite:
            self.optimizer._tell(params, k, "where it is not, nothing moves, and the step is not counted (said once)")
        return int(finite)

    def _blocks(self, plan: Plan, owned: list[dict[str, Any]]) -> dict[str, Any]:
        return {n: [own[n] for own in owned] if n in plan.vectors else owned[0][n] for n in plan.blocks[1:]}

    def _parts(self, leaves: Leaves) -> list[Leaves]:
        """The leaves, apart where their groups have values of their own."""
        groups = list({id(group): group for _, group in leaves}.values())
        return [leaves] if self._alike(groups) else [[leaf for leaf in leaves if leaf[1] is group] for group in groups]

    def _alike(self, groups: Sequence[Mapping[str, Any]]) -> bool:
        first = groups[0]
        return all(g is first or all(n == "params" or v == first.get(n) for n, v in g.items()) for g in groups)

    def _program(self, group: Mapping[str, Any]) -> Program:
        decay = "" if not group["weight_decay"] else "decoupled" if group["decoupled_weight_decay"] else "coupled"
        return program(self.optimizer.algorithm, {n: group[n] for n in self._options}, decay)


def _start(plan: Plan, params: list[torch.Tensor], initial: Any) -> dict[str, Any]:
    """The blocks of the initial state in tensors of their own, in the memory order of the parameters."""
    named = zip(plan.blocks[1:], initial[1:], strict=True)
    return {
        n: [torch.empty_like(p).copy_(t) for p, t in zip(params, block, strict=True)] if n in plan.vectors else block.clone()
        for n, block in named
    }
