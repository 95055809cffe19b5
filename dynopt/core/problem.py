"""The contract of an objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from dynopt.core.oracle import FunctionOracle, Oracle


@runtime_checkable
class Problem(Protocol):
    """An objective J on R^n.  Arrays are NumPy or torch, of shape ``(*batch, n)``."""

    name: str
    dimension: int

    def value(self, x: Any) -> Any:
        """J(x), of shape ``(*batch,)``."""

    def gradient(self, x: Any) -> Any:
        """∇J(x), of the shape of ``x``."""

    def hessian(self, x: Any) -> Any:
        """∇²J(x), of shape ``(*batch, n, n)``."""


@dataclass(frozen=True)
class CriticalPoint:
    """A point where ∇J = 0, in exact arithmetic.

    Attributes
    ----------
    point : tuple of SymPy numbers (expressions in free parameters when the critical points form a family).
    kind : ``minimum``, ``maximum``, ``strict saddle`` (some negative and some other eigenvalue),
        ``degenerate`` (no negative eigenvalue and a zero one: the Hessian does not decide), or
        ``kink`` (0 lies in the generalized gradient and J is not differentiable there).
        A maximum has a negative eigenvalue too: `strict` is true for both.
    spectrum : exact eigenvalues of the Hessian with multiplicity, ascending; empty at a kink.
    value : J at the point.
    isolated : False when the point belongs to a continuous family.
    """

    point: tuple[Any, ...]
    kind: str
    spectrum: tuple[Any, ...]
    value: Any
    isolated: bool = True

    @property
    def strict(self) -> bool:
        """Strict saddle in the sense of the thesis, §3.2: the Hessian has a negative eigenvalue (maxima included)."""
        return any(bool(v < 0) for v in self.spectrum if v.is_number)


def oracle(problem: Problem) -> Oracle:
    """The oracle of a problem without samples: its value, its exact gradient g and Hg."""

    def variation(x: Any) -> Any:
        return (problem.hessian(x) * problem.gradient(x)[..., None, :]).sum(-1)

    return FunctionOracle(problem.value, problem.gradient, variation)
