"""The algebra on a list of network parameters, as one vector that is never copied together."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch


class Numbers:
    """One number for each tensor of a list: a hyper-parameter that differs between parameter groups.

    >>> 2 * Numbers([0.5, 1.0]) + 1
    Numbers([2.0, 3.0])
    """

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = list(values)

    def __iter__(self) -> Any:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Numbers({self.values!r})"

    def _with(self, function: Callable[[Any, Any], Any], other: Any) -> Any:
        if isinstance(other, ParameterList):
            return NotImplemented
        others = other.values if isinstance(other, Numbers) else [other] * len(self.values)
        return Numbers([function(x, y) for x, y in zip(self.values, others, strict=True)])

    def __add__(self, other: Any) -> Any:
        return self._with(operator.add, other)

    def __sub__(self, other: Any) -> Any:
        return self._with(operator.sub, other)

    def __mul__(self, other: Any) -> Any:
        return self._with(operator.mul, other)

    def __truediv__(self, other: Any) -> Any:
        return self._with(operator.truediv, other)

    def __pow__(self, other: Any) -> Any:
        return self._with(operator.pow, other)

    def __mod__(self, other: Any) -> Any:
        return self._with(operator.mod, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with(lambda x, y: y - x, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(lambda x, y: y / x, other)

    def __rpow__(self, other: Any) -> Any:
        return self._with(lambda x, y: y**x, other)

    def __rmod__(self, other: Any) -> Any:
        return self._with(lambda x, y: y % x, other)

    def __neg__(self) -> Numbers:
        return Numbers([-x for x in self.values])

    __radd__ = __add__
    __rmul__ = __mul__

    def __gt__(self, other: Any) -> Any:
        return self._with(operator.gt, other)

    def __lt__(self, other: Any) -> Any:
        return self._with(operator.lt, other)

    def __ge__(self, other: Any) -> Any:
        return self._with(operator.ge, other)

    def __le__(self, other: Any) -> Any:
        return self._with(operator.le, other)


class ParameterList:
    """A list of tensors that behaves as one vector in ``+ - * /`` and in `dynopt.core.algebra`.

    Arithmetic runs on ``torch._foreach_*``, one launch for the whole list; with ``foreach=False`` tensor
    by tensor, with the same bits.

    >>> x = ParameterList([torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])])
    >>> [t.tolist() for t in 2 * x + x]
    [[3.0, 6.0], [[9.0]]]
    """

    __slots__ = ("foreach", "tensors")

    def __init__(self, tensors: Sequence[torch.Tensor], *, foreach: bool = True) -> None:
        self.tensors, self.foreach = list(tensors), foreach

    def __iter__(self) -> Any:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __repr__(self) -> str:
        return f"ParameterList({self.tensors!r})"

    def _with(self, foreach: Callable[..., Any], single: Callable[..., Any], other: Any) -> ParameterList:
        if self.foreach and isinstance(other, ParameterList):
            return ParameterList(foreach(self.tensors, other.tensors))
        if self.foreach and not isinstance(other, (torch.Tensor, Numbers)):
            return ParameterList(foreach(self.tensors, float(other)))
        others = list(other) if isinstance(other, (ParameterList, Numbers)) else [other] * len(self)
        if self.foreach and all(type(y) is float for y in others):
            return ParameterList(foreach(self.tensors, others))
        numbers = [y if isinstance(y, torch.Tensor) else float(y) for y in others]
        return ParameterList([single(x, y) for x, y in zip(self.tensors, numbers, strict=True)], foreach=self.foreach)

    def __add__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_add, operator.add, other)

    def __sub__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_sub, operator.sub, other)

    def __mul__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_mul, operator.mul, other)

    def __truediv__(self, other: Any) -> ParameterList:
        return self._with(torch._foreach_div, operator.truediv, other)

    def __neg__(self) -> ParameterList:
        return self._map(torch._foreach_neg, torch.neg)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> ParameterList:
        return -self + other

    def __rtruediv__(self, other: Any) -> ParameterList:
        return self._map(torch._foreach_reciprocal, torch.reciprocal) * other

    def _map(self, foreach: Callable[..., Any], single: Callable[..., Any]) -> ParameterList:
        return ParameterList(foreach(self.tensors) if self.foreach else [single(x) for x in self.tensors], foreach=self.foreach)

    def __gt__(self, other: Any) -> ParameterList:
        return elementwise(operator.gt, self, other)

    def __lt__(self, other: Any) -> ParameterList:
        return elementwise(operator.lt, self, other)

    def __ge__(self, other: Any) -> ParameterList:
        return elementwise(operator.ge, self, other)

    def __le__(self, other: Any) -> ParameterList:
        return elementwise(operator.le, self, other)


def elementwise(function: Callable[..., Any], *operands: Any) -> Any:
    """Apply a function leaf by leaf; numbers and single tensors are shared by all leaves."""
    lists = [x for x in operands if isinstance(x, ParameterList)]
    length = len(next(x for x in operands if isinstance(x, (ParameterList, Numbers))))
    columns = [list(x) if isinstance(x, (ParameterList, Numbers)) else [x] * length for x in operands]
    leaves = [function(*leaf) for leaf in zip(*columns, strict=True)]
    return ParameterList(leaves, foreach=all(x.foreach for x in lists)) if lists else Numbers(leaves)


def inner(x: ParameterList, y: ParameterList) -> torch.Tensor:
    """The *global* inner product: one scalar tensor over all parameters."""
    products = (x * y).tensors
    return torch.stack([torch.sum(t).to(products[0].device) for t in products]).sum()


def one(x: ParameterList) -> torch.Tensor:
    """A number for all parameters: a tensor without dimensions."""
    return torch.ones_like(x.tensors[0].reshape(-1)[:1])[0]


def size(x: ParameterList) -> int:
    return sum(t.numel() for t in x.tensors)


def per_run(value: torch.Tensor, x: Any) -> torch.Tensor:
    return value


def settled(condition: Any) -> bool:
    """True when the condition holds everywhere."""
    leaves = list(condition) if isinstance(condition, (ParameterList, Numbers)) else [condition]
    return all(bool(leaf.all()) if isinstance(leaf, torch.Tensor) else bool(leaf) for leaf in leaves)


def sqrt(x: Any) -> Any:
    if isinstance(x, Numbers):
        return Numbers([v.sqrt() if isinstance(v, torch.Tensor) else math.sqrt(v) for v in x])
    return x._map(torch._foreach_sqrt, torch.sqrt)


def where(condition: Any, x: Any, y: Any) -> Any:
    def leaf(c: Any, a: Any, b: Any) -> Any:
        return torch.where(c, a, b) if isinstance(c, torch.Tensor) else a if c else b

    return elementwise(leaf, condition, x, y)


def _extremum(function: Callable[..., torch.Tensor], plain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def leaf(a: Any, b: Any) -> Any:
        like = a if isinstance(a, torch.Tensor) else b
        if not isinstance(like, torch.Tensor):
            return plain(a, b)
        return function(*(v if isinstance(v, torch.Tensor) else torch.full((), v, dtype=like.dtype, device=like.device) for v in (a, b)))

    return lambda x, y: elementwise(leaf, x, y)


minimum = _extremum(torch.minimum, min)
maximum = _extremum(torch.maximum, max)
