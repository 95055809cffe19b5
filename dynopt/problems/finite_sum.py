"""A finite sum of landscapes: the objective of mini-batch methods, with the subdifferential that they see."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import sympy as sp

from dynopt.errors import Misuse
from dynopt.problems.landscape import Landscape
from dynopt.problems.pieces import Pieces
from dynopt.problems.subdifferential import Subdifferential, clarke


class FiniteSum(Landscape):
    """J = J₁ + … + J_N, each term a plain function of the same coordinates.

    The gradient is a sum of selections from the terms, an element of DJ = Σ ∂J_n (thesis (2.10)),
    which contains ∂J and may be larger: `subdifferential` gives it.  Flows follow (2.12).

    Parameters
    ----------
    functions : the terms.
    at_kinks : for each term the value in [−1, 1] that its gradient takes for sign(0); 0 by default.
    name, start : as for `Landscape`.

    Examples
    --------
    >>> line = FiniteSum(lambda t: sp.Max(t, 0), lambda t: sp.Min(t, 0), at_kinks=(-1, 1))
    >>> line.gradient(np.array([[-1.0], [0.0], [1.0]])).ravel()
    array([1., 0., 1.])
    >>> line.subdifferential([0]).vertices, clarke(line, [0]).vertices
    (((0,), (1,), (2,)), ((1,),))
    """

    def __init__(
        self,
        *functions: Callable[..., Any],
        at_kinks: Sequence[Any] | None = None,
        name: str = "sum",
        start: tuple[float, ...] | None = None,
    ) -> None:
        if not functions:
            raise Misuse("a sum needs terms; give at least one function of the coordinates")

        def total(*x: Any) -> Any:
            return sum(f(*x) for f in functions)

        total.__signature__ = inspect.signature(functions[0])  # type: ignore[attr-defined]
        super().__init__(total, name=name, start=start)
        self.terms = tuple(Landscape(f, name=f"{name}, term {i + 1}") for i, f in enumerate(functions))
        for term in self.terms:
            if term.symbols != self.symbols:
                raise Misuse(f"{term.name} is a function of {term.symbols}, the first of {self.symbols}; give all the same coordinates")
        self.at_kinks = tuple(at_kinks) if at_kinks is not None else (0,) * len(functions)
        if len(self.at_kinks) != len(functions) or not all(-1 <= c <= 1 for c in self.at_kinks):
            raise Misuse(f"at_kinks={self.at_kinks} is not one value in [-1, 1] for each of the {len(functions)} terms; correct it")

    @cached_property
    def gradient_expression(self) -> sp.Matrix:
        """A selection from DJ: the sum of the terms' gradients, sign(0) as `at_kinks` says."""
        found = sp.zeros(self.dimension, 1)
        for term, c in zip(self.terms, self.at_kinks, strict=True):
            slopes = term.gradient_expression
            found += slopes if c == 0 else slopes.replace(sp.sign, lambda h, c=c: sp.sign(h) + c * (1 - sp.sign(h) ** 2))
        return found

    @cached_property
    def pieces(self) -> Pieces:
        """The pieces with signs of their own for each term."""
        return Pieces(self, [term.expression for term in self.terms])

    def subdifferential(self, point: Sequence[Any]) -> Subdifferential:
        """DJ(θ) = Σ ∂J_n(θ) by the sums of vertices, exact; the point is D-critical when it contains 0."""
        parts = [clarke(term, point) for term in self.terms]
        if any(part.possible for part in parts):
            raise Misuse(f"the pieces of {self.name} near {tuple(point)} are not decided; choose another point")
        sums = {tuple(sum(column) for column in zip(*choice, strict=True)) for choice in itertools.product(*(p.vertices for p in parts))}
        return Subdifferential(parts[0].point, tuple(sorted(sums, key=lambda p: [float(v) for v in p])))

    def batch(self, indices: Sequence[int]) -> FiniteSum:
        """The sum of some of the terms."""
        chosen = [self.terms[i].function for i in indices]
        return FiniteSum(*chosen, at_kinks=[self.at_kinks[i] for i in indices], name=f"{self.name}, batch {list(indices)}")


@dataclass(frozen=True)
class MiniBatch:
    """The oracle that sees a uniform random batch of ``size`` terms in each iteration (sums as in thesis (2.11), without 1/size).

    The batch of iteration k depends on (seed, k) alone.

    >>> line = FiniteSum(lambda t: t, lambda t: 2 * t)
    >>> float(MiniBatch(line, size=1, seed=3).at(0).gradient(np.array([0.0]))[0]) in (1.0, 2.0)
    True
    """

    problem: FiniteSum
    size: int = 1
    seed: int = 0
    k: int = 0

    def at(self, k: int) -> Self:
        return type(self)(self.problem, self.size, self.seed, k)

    @property
    def indices(self) -> tuple[int, ...]:
        """The terms of this iteration."""
        rng = np.random.default_rng([self.seed, self.k])
        return tuple(sorted(rng.choice(len(self.problem.terms), self.size, replace=False).tolist()))

    def _sample(self) -> FiniteSum:
        cache = self.problem.__dict__.setdefault("_batches", {})
        if self.indices not in cache:
            cache[self.indices] = self.problem.batch(self.indices)
        return cache[self.indices]

    def gradient(self, x: Any) -> Any:
        return self._sample().gradient(x)

    def full_gradient(self, x: Any) -> Any:
        return self.problem.gradient(x)

    def value(self, x: Any) -> Any:
        return self._sample().value(x)
