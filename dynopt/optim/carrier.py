"""The algebra on a list of network parameters, as one vector that is never copied together."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch


class ParameterList:
    """A list of tensors that behaves as one vector in ``+ - * /`` and in `dynopt.core.algebra`.

    Arithmetic runs on ``torch._foreach_*``, one fused launch for the whole list.

    >>> x = ParameterList([torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])])
    >>> [t.tolist() for t in 2 * x + x]
    [[3.0, 6.0], [[9.0]]]
    """

    __slots__ = ("tensors",)

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self.tensors = list(tensors)

    def __iter__(self) -> Any:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __repr__(self) -> str:
        return f"ParameterList({self.tensors!r})"

    def _with(self, foreach: Callable[..., Any], single: Callable[..., Any], other: Any) -> ParameterList:
        if isinstance(other, ParameterList):
            return ParameterList(foreach(self.tensors, other.tensors))
        if isinstance(other, torch.Tensor):
            return ParameterList([single(x, other) for x in self.tensors])
        return ParameterList(foreach(self.tensors, float(other)))

    def __add__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_add, operator.add, other)

    def __sub__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_sub, operator.sub, other)

    def __mul__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_mul, operator.mul, other)

    def __truediv__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_div, operator.truediv, other)

    def __neg__(self) -> ParameterList:
        return ParameterList(torch._foreach_neg(self.tensors))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> ParameterList:
        return -self + other

    def __rtruediv__(self, other: Any) -> ParameterList:
        return ParameterList(torch._foreach_reciprocal(self.tensors)) * other

    def _compare(self, relation: Callable[..., Any], other: Any) -> ParameterList:
        return elementwise(relation, self, other)

    def __gt__(self, other: Any) -> ParameterList:
        return self._compare(operator.gt, other)

    def __lt__(self, other: Any) -> ParameterList:
        return self._compare(operator.lt, other)

    def __ge__(self, other: Any) -> ParameterList:
        return self._compare(operator.ge, other)

    def __le__(self, other: Any) -> ParameterList:
        return self._compare(operator.le, other)


def elementwise(function: Callable[..., torch.Tensor], *operands: Any) -> ParameterList:
    """Apply a tensor function leaf by leaf; scalars and single tensors are shared by all leaves."""
    length = next(len(x) for x in operands if isinstance(x, ParameterList))
    columns = [x.tensors if isinstance(x, ParameterList) else [x] * length for x in operands]
    return ParameterList([function(*leaf) for leaf in zip(*columns, strict=True)])


def inner(x: ParameterList, y: ParameterList) -> torch.Tensor:
    """The *global* inner product: one scalar tensor over all parameters."""
    return torch.stack([torch.sum(t) for t in torch._foreach_mul(x.tensors, y.tensors)]).sum()


def one(x: ParameterList) -> torch.Tensor:
    """A number for all parameters: a tensor without dimensions."""
    return torch.ones_like(x.tensors[0].reshape(-1)[:1])[0]


def size(x: ParameterList) -> int:
    return sum(t.numel() for t in x.tensors)


def per_run(value: torch.Tensor, x: Any) -> torch.Tensor:
    return value


def settled(condition: Any) -> bool:
    """True when the condition holds everywhere."""
    return all(bool(leaf.all()) for leaf in condition) if isinstance(condition, ParameterList) else bool(condition)


def sqrt(x: ParameterList) -> ParameterList:
    return ParameterList(torch._foreach_sqrt(x.tensors))


def where(condition: Any, x: Any, y: Any) -> ParameterList:
    return elementwise(torch.where, condition, x, y)


def _extremum(function: Callable[..., torch.Tensor]) -> Callable[[Any, Any], ParameterList]:
    def apply(x: Any, y: Any) -> ParameterList:
        def leaf(a: Any, b: Any) -> torch.Tensor:
            like = a if isinstance(a, torch.Tensor) else b
            return function(torch.as_tensor(a, dtype=like.dtype), torch.as_tensor(b, dtype=like.dtype))

        return elementwise(leaf, x, y)

    return apply


minimum = _extremum(torch.minimum)
maximum = _extremum(torch.maximum)
