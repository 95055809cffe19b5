"""Noise in the gradients of many runs, as part of the oracle.

`Additive` (names ``gaussian`` and ``periodic``):  ∇J(x) + ε ξ_k,  ξ_k ~ N(0, I) on some or all
coordinates, in every q-th iteration.  `MiniBatch`:  the gradient of a uniform random subset of the
terms of a finite sum, drawn without replacement, scaled to have mean ∇J(x).

What run i sees in iteration k depends on (seed, i, k) alone: the same in every engine, batch and
order, and independent of the starts.  All calls within one iteration see the same sample, so that
methods that take two gradients (Step-Tuned SGD, SPIDER) take them of one function, that of the sample;
``init`` sees the sample of iteration 0.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import torch

from dynopt.core.oracle import Oracle
from dynopt.core.problem import Problem, oracle
from dynopt.core.registry import parse_call
from dynopt.ensemble import rng
from dynopt.errors import Misuse, closest

NOISES = {
    "gaussian": "gradients + size · N(0, I), on all coordinates or on axes=[1, ...], independent in every iteration",
    "periodic": "the same in iterations 0, every, 2·every, ... only (Saddle-NGD's rule)",
    "minibatch": "gradients of a uniform random subset of `size` terms of a finite sum, without replacement; of `large` terms "
    "in iterations 0, every, 2·every, ... (SPIDER's restarts)",
}
_PARAMETERS = {"gaussian": ("size", "axes"), "periodic": ("size", "every", "axes"), "minibatch": ("size", "large", "every")}


class FiniteSum(Protocol):
    """A problem J = (1/N) Σ J_n that can be asked about some of its terms, other ones for each run."""

    name: str
    samples: int

    def sample_value(self, x: Any, chosen: Any) -> Any:
        """The mean of J_n(x) over the terms ``chosen``, integers (batch, b), for torch points (batch, n): (batch,)."""

    def sample_gradient(self, x: Any, chosen: Any) -> Any:
        """The mean of ∇J_n(x) over the terms chosen: (batch, n)."""

    def mean_variation(self, x: Any) -> Any:
        """The mean over all terms of ∇²J_n(x) ∇J_n(x): (batch, n); only Expected-GV asks for it."""


@dataclass(frozen=True)
class Additive:
    """Gaussian noise in the gradient.

    Attributes
    ----------
    size : standard deviation ε on each axis, in units of the gradient.
    every : it is there in iterations that are multiples of it, and zero in the others.
    axes : coordinates that get it, numbered from 1 as θ₁, θ₂, …; None for all.
    """

    size: float
    every: int = 1
    axes: tuple[int, ...] | None = None

    def coordinates(self, dimension: int) -> tuple[int, ...]:
        """The axes, numbered from 0, in the order in which their normals are drawn."""
        return tuple(range(dimension)) if self.axes is None else tuple(a - 1 for a in self.axes)

    def call(self) -> str:
        """This noise as a call of the command line."""
        words = [f"size={self.size:g}", *([f"every={self.every}"] if self.every > 1 else [])]
        words += [] if self.axes is None else [f"axes={list(self.axes)}"]
        return f"{'periodic' if self.every > 1 else 'gaussian'}({', '.join(words)})"

    def oracle(self, problem: Problem, *, seed: int, runs: torch.Tensor) -> NoisyOracle:
        """The oracle of the runs listed, int64 (batch,)."""
        return NoisyOracle(oracle(problem), self, problem.dimension, seed, runs)


@dataclass(frozen=True)
class MiniBatch:
    """Uniform random subsets of ``size`` terms of a finite sum.

    With ``large``, subsets of that many terms in iterations that are multiples of ``every``: what SPIDER restarts on.
    """

    size: int
    large: int | None = None
    every: int = 1

    def call(self) -> str:
        return f"minibatch(size={self.size}" + (f", large={self.large}, every={self.every})" if self.large else ")")

    def at(self, k: int) -> int:
        """The number of terms in iteration ``k``."""
        return self.size if self.large is None or k % self.every else self.large

    def oracle(self, problem: Any, *, seed: int, runs: torch.Tensor) -> BatchOracle:
        """The oracle of the runs listed, int64 (batch,)."""
        return BatchOracle(problem, self, seed, runs)


Noise = Additive | MiniBatch


def make_noise(text: str | float, problem: Any) -> Noise | None:
    """The noise that a call such as ``periodic(size=1e-3, every=10)`` describes; a number is the size of ``gaussian``.

    None for ``"none"`` and for size 0.

    Raises
    ------
    Misuse : an unknown name or parameter, a size that cannot be meant, mini-batches of a problem that is no finite sum.

    Examples
    --------
    >>> import dynopt
    >>> make_noise("1e-3", dynopt.problem("double-well"))
    Additive(size=0.001, every=1, axes=None)
    """
    number = _number(text)
    if number is None:
        call = parse_call(str(text))
        name, values = call.name, dict(call.values)
    else:
        name, values = "gaussian", {"size": number}
    if name == "none" and not values:
        return None
    if name not in NOISES:
        raise Misuse(f"there is no noise {name!r}; {closest(name, NOISES)}")
    for key in values:
        if key not in _PARAMETERS[name]:
            raise Misuse(f"noise {name!r} has no parameter {key!r}; {closest(key, _PARAMETERS[name])}")
    if "size" not in values or (name == "periodic" and "every" not in values):
        example = {"gaussian": "gaussian(size=1e-3)", "periodic": "periodic(size=1e-3, every=10)", "minibatch": "minibatch(size=32)"}
        raise Misuse(f"noise {text!r} lacks {'every' if 'size' in values else 'size'}; write it as in {example[name]}")
    if name == "minibatch":
        return _minibatch(values, problem)
    size = _number(values["size"])
    if size is None or not (math.isfinite(size) and size >= 0):
        raise Misuse(
            f"noise {name!r}: size={values['size']} is not a non-negative number; give the sd of the gradient's noise, such as 1e-3"
        )
    every = _period(name, values)
    return Additive(size, every, _axes(name, values.get("axes"), problem)) if size else None


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _whole(name: str, key: str, value: Any) -> int:
    number = _number(value)
    if number is None or not math.isfinite(number) or number != int(number):
        raise Misuse(f"noise {name!r}: {key}={value} is not a whole number; give one, as in {key}=10")
    return int(number)


def _period(name: str, values: dict[str, Any]) -> int:
    every = _whole(name, "every", values.get("every", 1))
    if every < 1:
        raise Misuse(f"noise {name!r}: every={every} is not a period; give a whole number of at least 1")
    return every


def _axes(name: str, axes: Any, problem: Any) -> tuple[int, ...] | None:
    if axes is None:
        return None
    listed = axes if isinstance(axes, (list, tuple)) else [axes]
    chosen = tuple(_whole(name, "axes", a) for a in listed)
    if not chosen or len(set(chosen)) < len(chosen) or not all(1 <= a <= problem.dimension for a in chosen):
        raise Misuse(f"noise {name!r}: axes={list(chosen)} are not different coordinates of 1 to {problem.dimension}; write axes=[1]")
    return chosen


def _minibatch(values: dict[str, Any], problem: Any) -> MiniBatch:
    if not hasattr(problem, "sample_gradient"):
        raise Misuse(f"problem {problem.name!r} is not a sum over samples, so it has no mini-batches; use gaussian(size=...)")
    if ("large" in values) != ("every" in values):
        raise Misuse("noise 'minibatch' needs large and every, or none of them; write minibatch(size=8, large=64, every=4)")

    def members(key: str) -> int:
        size = _whole("minibatch", key, values[key])
        if not 1 <= size <= problem.samples:
            raise Misuse(f"noise 'minibatch': {key}={size} is outside [1, {problem.samples}], the number of samples; choose one inside")
        return size

    return MiniBatch(members("size"), members("large") if "large" in values else None, _period("minibatch", values))


class Draws:
    """An oracle of many runs, and what a method draws itself: that of run i in iteration k depends on (seed, i, k) alone."""

    seed: int
    runs: torch.Tensor
    k: int

    def at(self, k: int) -> Self:
        return dataclasses.replace(self, k=k)  # type: ignore[type-var]

    def of(self, rows: torch.Tensor) -> Self:
        """The oracle of some of the runs, by their place in the batch."""
        return dataclasses.replace(self, runs=self.runs[rows])  # type: ignore[type-var]

    def noise(self, x: Any, every: Any = 1) -> Any:
        """Standard normals of the shape of ``x``, zeros in iterations that are not multiples of ``every``."""
        if self.k % every:
            return torch.zeros_like(x)
        return rng.normals_of(self.seed, self.runs, x.shape[-1], stream=rng.OWN, step=self.k).to(x.dtype)

    def uniform(self, x: Any) -> Any:
        """One number in (0, 1] for each run, independent of `noise`."""
        return rng.uniforms_of(self.seed, self.runs, stream=rng.OWN, step=self.k).to(x.dtype)


@dataclass(frozen=True)
class NoisyOracle(Draws):
    """∇J + ε ξ_k for a batch of runs; J + ε ⟨ξ_k, x⟩, of which that is the gradient.

    >>> import dynopt
    >>> asked = Additive(0.5).oracle(dynopt.problem("double-well"), seed=1, runs=torch.arange(64)).at(3)
    >>> x = torch.zeros(64, 2, dtype=torch.float64)
    >>> torch.equal(asked.gradient(x), asked.gradient(x)), torch.equal(asked.gradient(x), asked.at(4).gradient(x))
    (True, False)
    """

    exact: Oracle
    additive: Additive
    dimension: int
    seed: int
    runs: torch.Tensor
    k: int = 0

    @cached_property
    def _drawn(self) -> torch.Tensor | None:
        if self.k % self.additive.every or not self.additive.size:
            return None
        axes = self.additive.coordinates(self.dimension)
        normals = self.additive.size * rng.normals_of(self.seed, self.runs, len(axes), step=self.k)
        if self.additive.axes is None:
            return normals
        xi = normals.new_zeros(len(self.runs), self.dimension)
        xi[:, list(axes)] = normals
        return xi

    def perturbation(self, x: Any) -> Any:
        """ε ξ_k, of the shape of ``x``."""
        return torch.zeros_like(x) if self._drawn is None else self._drawn.to(x.dtype)

    def gradient(self, x: Any) -> Any:
        slope = self.exact.gradient(x)
        return slope if self._drawn is None else slope + self.perturbation(x)

    def full_gradient(self, x: Any) -> Any:
        return self.exact.full_gradient(x)

    def expected_variation(self, x: Any) -> Any:
        return self.exact.expected_variation(x)

    def value(self, x: Any) -> Any:
        return self.exact.value(x) + (self.perturbation(x) * x).sum(-1)


@dataclass(frozen=True)
class BatchOracle(Draws):
    """The gradient and the value of this iteration's mini-batch, another one for each run."""

    problem: Any
    batches: MiniBatch
    seed: int
    runs: torch.Tensor
    k: int = 0

    @property
    def size(self) -> int:
        """The number of members of this iteration's batches."""
        return self.batches.at(self.k)

    @cached_property
    def chosen(self) -> torch.Tensor:
        """The members of this iteration's batches, int64 (batch, size)."""
        return rng.subsets_of(self.seed, self.runs, self.size, self.problem.samples, step=self.k)

    def gradient(self, x: Any) -> Any:
        return self.problem.sample_gradient(x, self.chosen)

    def full_gradient(self, x: Any) -> Any:
        return self.problem.gradient(x)

    def expected_variation(self, x: Any) -> Any:
        """E[∇²J_S ∇J_S] = (N−b)/(b(N−1)) · (1/N) Σ ∇²J_n ∇J_n + N(b−1)/(b(N−1)) · ∇²J ∇J over subsets S of b of the N terms."""
        total, size = self.problem.samples, self.size
        if size == total:
            return oracle(self.problem).expected_variation(x)
        alone = (total - size) / (size * (total - 1)) * self.problem.mean_variation(x)
        if size == 1:
            return alone
        return alone + total * (size - 1) / (size * (total - 1)) * oracle(self.problem).expected_variation(x)

    def value(self, x: Any) -> Any:
        return self.problem.sample_value(x, self.chosen)
