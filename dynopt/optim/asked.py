"""The oracle of a step on network parameters: gradients from `backward`, at other points by the closure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch

from dynopt.errors import Misuse
from dynopt.optim.carrier import Numbers, ParameterList, inner

Closure = Callable[[], Any]

REPEATABLE = 1e-5
"""Relative difference of two losses at one point above which a closure is said not to repeat itself."""


class StepOracle:
    """What a definition may ask during one step.

    At θ the answer is the gradient that the parameters carry; for every other point the closure is called
    with the parameters there (`restore` puts them back).  The definition's values and gradients are those of
    the minimised objective: the sign is turned for ``maximize``, and coupled weight decay w adds
    w‖θ‖²/2.
    """

    def __init__(
        self,
        name: str,
        theta: ParameterList,
        *,
        loss: Any,
        closure: Closure | None,
        full: Closure | None,
        variation: Callable[[], Sequence[torch.Tensor]] | None,
        sign: float | Numbers | None,
        coupled: float | Numbers | None,
        seed: int,
        k: Any,
        check: bool,
    ) -> None:
        self.name, self.params, self.theta, self.k, self.seed = name, list(theta.tensors), theta, k, seed
        self.loss, self.closure, self.full, self.variation_closure = loss, closure, full, variation
        self.sign, self.coupled, self.check = sign, coupled, check
        self.moved = False
        self._points: list[Any] = [theta]
        self._first = self._answer(theta, self._carried())
        self._last: tuple[Any, Any, Any] | None = None

    def also_at(self, theta: ParameterList) -> None:
        """Let ``theta`` stand for the current point too (after decoupled weight decay)."""
        self._points.append(theta)

    def at(self, k: int) -> Self:
        return self

    def gradient(self, x: Any) -> Any:
        return self._first if self._current(x) else self._visit(x)[1]

    def value(self, x: Any) -> Any:
        if isinstance(self.k, torch.Tensor):
            raise Misuse(f"{self.name} compares losses, for which it waits for the device; use capturable=False")
        if not self._current(x):
            return self._height(x, self._visit(x)[0])
        if self.loss is None:
            raise Misuse(f"{self.name} compares losses: call step(closure) with a closure that does backward() and returns the loss")
        return self._height(x, self.loss)

    def full_gradient(self, x: Any) -> Any:
        if self.full is None:
            raise Misuse(
                f"{self.name} asks for the full gradient: call step(closure, full=...) with a closure over the whole data set, "
                "which does backward() and returns the loss"
            )
        return self._answer(x, self._called(x, self.full)[1])

    def expected_variation(self, x: Any) -> Any:
        if self.variation_closure is None:
            raise Misuse(
                f"{self.name} asks for E[H_S g_S]: call step(closure, variation=...) with a function that returns it at the current "
                "parameters, a tensor for each"
            )
        if not self._current(x):
            self._move(x)
        with torch.enable_grad():
            answer = list(self.variation_closure())
        if [a.shape for a in answer] != [p.shape for p in self.params]:
            raise Misuse(f"{self.name}: variation() returns shapes {[tuple(a.shape) for a in answer]}; return those of the parameters")
        return ParameterList([a.detach() for a in answer], foreach=self.theta.foreach)

    def noise(self, x: Any, every: Any = 1) -> Any:
        if not isinstance(self.k, torch.Tensor) and self.k % every:
            return 0 * x
        drawn = self._normals(x)
        return drawn if not isinstance(self.k, torch.Tensor) else drawn * (self.k % every == 0).to(drawn.tensors[0].dtype)

    def uniform(self, x: Any) -> Any:
        like = x.tensors[0]
        return like.new_tensor(np.random.default_rng([self.seed, self._iteration(), 2]).random((1,)))[0]

    def _normals(self, x: ParameterList) -> ParameterList:
        """Drawn on the CPU by NumPy as one vector, as a landscape's oracle does; on other devices by torch."""
        if all(t.device.type == "cpu" for t in x):
            flat = np.random.default_rng([self.seed, self._iteration(), 1]).standard_normal(sum(t.numel() for t in x))
            cut = np.split(flat, np.cumsum([t.numel() for t in x])[:-1])
            return ParameterList([torch.from_numpy(v).to(t.dtype).reshape(t.shape) for v, t in zip(cut, x, strict=True)], foreach=x.foreach)
        stream = torch.Generator(x.tensors[0].device).manual_seed(hash((self.seed, self._iteration())) % 2**63)
        return ParameterList([torch.randn(t.shape, generator=stream, dtype=t.dtype, device=t.device) for t in x.tensors], foreach=x.foreach)

    def _iteration(self) -> int:
        if isinstance(self.k, torch.Tensor):
            raise Misuse(
                f"{self.name} draws random numbers by the iteration, which capturable=True keeps on the device; use capturable=False"
            )
        return int(self.k)

    def _current(self, x: Any) -> bool:
        return any(x is point for point in self._points)

    def _visit(self, x: Any) -> tuple[Any, Any]:
        if self._last is None or self._last[0] is not x:
            self.ready()
            loss, slopes = self._called(x, self.closure)
            self._last = (x, loss, self._answer(x, slopes))
        return self._last[1], self._last[2]

    def ready(self) -> None:
        """Check that there is a closure to call at other points, and once that it repeats itself."""
        if self.closure is None:
            raise Misuse(
                f"{self.name} asks for gradients at several points in one step: call step(closure) with a closure that clears the "
                "gradients, does backward() on the same mini-batch each time it is called, and returns the loss"
            )
        if self.check:
            self._repeats()

    def again(self) -> list[torch.Tensor]:
        """The closure's raw gradients where the parameters are now."""
        return self._called(None, self.closure)[1]

    def _repeats(self) -> None:
        """Call the closure once more at the current point: within one step it has to see one mini-batch."""
        again, first = self._called(None, self.closure)[0], self.loss
        self.check = False
        if again is None or first is None:
            raise Misuse(f"{self.name}: the closure returns {again!r}; let it return the loss, from which a new mini-batch is noticed")
        first, again = float(first), float(again)
        if abs(first - again) > REPEATABLE * (1 + abs(first)):
            raise Misuse(
                f"{self.name}: two calls of the closure at the same parameters give the losses {first:.7g} and {again:.7g}; within one "
                "step it must use the same mini-batch and draw nothing (dropout): take the batch outside the closure, or say "
                "check_closure=False"
            )

    def _called(self, x: Any, closure: Any) -> tuple[Any, list[torch.Tensor]]:
        """Loss and raw gradients of a closure at x (None: where the parameters are), each gradient in tensors of its own."""
        if x is not None and not (self._current(x) and not self.moved):
            self._move(x)
        for p in self.params:
            p.grad = None
        with torch.enable_grad():
            loss = closure()
        return (loss.detach() if isinstance(loss, torch.Tensor) else loss), self._carried()

    def _move(self, x: ParameterList) -> None:
        if not self.moved:
            self.theta.tensors[:] = [p.clone() for p in self.params]
            self.moved = True
        torch._foreach_copy_(self.params, [t.to(p.dtype) for t, p in zip(x.tensors, self.params, strict=True)])

    def restore(self) -> None:
        """Put the parameters back where the step began."""
        if self.moved:
            torch._foreach_copy_(self.params, self.theta.tensors)

    def _carried(self) -> list[torch.Tensor]:
        return [torch.zeros_like(p) if p.grad is None else p.grad for p in self.params]

    def _answer(self, x: ParameterList, slopes: list[torch.Tensor]) -> ParameterList:
        answer = ParameterList(slopes, foreach=self.theta.foreach)
        answer = answer if self.sign is None else self.sign * answer
        return answer if self.coupled is None else answer + self.coupled * x

    def _height(self, x: ParameterList, loss: Any) -> torch.Tensor:
        if loss is None:
            raise Misuse(f"{self.name} compares losses, but the closure returns None; let it return the loss")
        height = torch.as_tensor(loss, dtype=x.tensors[0].dtype, device=x.tensors[0].device).detach()
        sign = self.sign.values[0] if isinstance(self.sign, Numbers) else self.sign
        height = height if sign is None else sign * height
        return height if self.coupled is None else height + inner(self.coupled * x, x) / 2
