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
        return sum(self._slopes, sp.zeros(self.dimension, 1))

    @cached_property
    def _slopes(self) -> list[sp.Matrix]:
        pairs = zip((t.gradient_expression for t in self.terms), self.at_kinks, strict=True)
        return [g if c == 0 else g.replace(sp.sign, lambda h, c=c: sp.sign(h) + c * (1 - sp.sign(h) ** 2)) for g, c in pairs]

    @cached_property
    def _function(self) -> Callable[..., Any]:
        return sp.lambdify(self.symbols, [list(g) for g in self._slopes], modules="numpy", cse=True)

    def gradients(self, x: np.ndarray) -> np.ndarray:
        """The gradients of the terms, of shape ``(*batch, N, n)``, for NumPy points of shape ``(*batch, n)``."""
        rows = self._function(*(x[..., i] for i in range(self.dimension)))
        result = np.empty((*x.shape[:-1], len(self.terms), self.dimension))
        for n, row in enumerate(rows):
            for i, entry in enumerate(row):
                result[..., n, i] = entry
        return result

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


@dataclass(frozen=True)
class MiniBatch:
    """The oracle that sees a uniform random batch of ``size`` terms in each iteration (sums as in thesis (2.11), without 1/size).

    Every run of a batch of points draws its own; that of run i in iteration k depends on (seed, k, i) alone.

    >>> line = FiniteSum(lambda t: t, lambda t: 2 * t)
    >>> float(MiniBatch(line, size=1, seed=3).at(0).gradient(np.array([0.0]))[0]) in (1.0, 2.0)
    True
    """

    problem: FiniteSum
    size: int = 1
    seed: int = 0
    k: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.size <= len(self.problem.terms):
            raise Misuse(f"size={self.size} is outside [1, {len(self.problem.terms)}], the number of terms; choose a batch that fits")

    def at(self, k: int) -> Self:
        return type(self)(self.problem, self.size, self.seed, k)

    def drawn(self, x: np.ndarray) -> np.ndarray:
        """Which terms this iteration sees, 1 or 0, of shape ``(*batch, N)``."""
        stream = np.random.default_rng([self.seed, self.k, 1])  # the 1: NumPy takes (seed, 0) for seed, which may have drawn the starts
        draws = stream.random((*x.shape[:-1], len(self.problem.terms)))
        return (draws.argsort(axis=-1).argsort(axis=-1) < self.size).astype(float)

    def gradient(self, x: Any) -> Any:
        return np.sum(self.drawn(x)[..., None] * self.problem.gradients(x), axis=-2)

    def full_gradient(self, x: Any) -> Any:
        return self.problem.gradient(x)

    def value(self, x: Any) -> Any:
        return np.sum(self.drawn(x) * np.stack([term.value(x) for term in self.problem.terms], axis=-1), axis=-1)
