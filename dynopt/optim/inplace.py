"""The fused step of a torch optimizer: which tensors, which values, and when the carrier has to run instead."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch

from dynopt.core.parameter import is_schedule
from dynopt.ensemble.trace import Untraceable
from dynopt.optim.fused import Program, Steps, ordered, program
from dynopt.optim.phases import Plan

Leaves = list[tuple[Any, dict[str, Any]]]


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
        self._steps: dict[Any, Steps] = {}
        self._told = ""

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

    def step(self, leaves: Leaves, k: int, loss: Any, closure: Any) -> bool:
        """One step of leaves that have done k; False if some gradient is not finite."""
        finite = [self._advance(part, k, loss, closure) for part in self._parts(leaves)]
        return all(finite)

    def _parts(self, leaves: Leaves) -> list[Leaves]:
        """The leaves, apart where their groups have values of their own."""
        groups = list({id(group): group for _, group in leaves}.values())
        values = [{n: v for n, v in group.items() if n != "params"} for group in groups]
        alike = all(v == values[0] for v in values[1:])
        return [leaves] if alike else [[leaf for leaf in leaves if leaf[1] is group] for group in groups]

    def _program(self, group: Mapping[str, Any]) -> Program:
        decay = "" if not group["weight_decay"] else "decoupled" if group["decoupled_weight_decay"] else "coupled"
        return program(self.optimizer.algorithm, {n: group[n] for n in self._options}, decay)

    def _advance(self, leaves: Leaves, k: int, loss: Any, closure: Any) -> bool:
        state, group, params = self.optimizer.state, leaves[0][1], [p for p, _ in leaves]
        found = self._program(group)
        plan = found.plan
        oracle: Any = None
        blocks: dict[str, Any]
        fresh = not state.get(params[0])
        if fresh or found.visits:
            theta, method, oracle = self.optimizer._setting(leaves, k, loss, closure)
        if found.visits:
            oracle.ready()
            self.optimizer._check = oracle.check
        if fresh:
            blocks = _start(plan, params, method.init(theta, oracle))
        else:
            owned = [state[p] for p in params]
            blocks = {n: [own[n] for own in owned] if n in plan.vectors else owned[0][n] for n in plan.blocks[1:]}
            blocks = {n: ordered(block, params) if n in plan.vectors else block for n, block in blocks.items()}
        steps = self._steps.get(id(group))
        if steps is None or steps.program is not found:
            steps = self._steps[id(group)] = Steps(found)
        values = {n: group["lr" if n == "gamma" else n] for n in found.parameters}
        values = {n: v(k) if is_schedule(v) else v for n, v in values.items()}

        def gradient(name: str) -> list[Any]:
            return [p.grad for p in params] if name == "g0" else oracle.again()

        finite = steps.step(params, blocks, gradient, values, k, group["weight_decay"], -1.0 if group["maximize"] else 1.0)
        done = torch.tensor(float(k + 1))
        for i, p in enumerate(params):
            own = state[p]
            for n, block in blocks.items():
                own[n] = block[i] if n in plan.vectors else block
            own["step"] = done
        return finite


def _start(plan: Plan, params: list[torch.Tensor], initial: Any) -> dict[str, Any]:
    """The blocks of the initial state in tensors of their own, in the memory order of the parameters."""
    named = zip(plan.blocks[1:], initial[1:], strict=True)
    return {
        n: [torch.empty_like(p).copy_(t) for p, t in zip(params, block, strict=True)] if n in plan.vectors else block.clone()
        for n, block in named
    }
