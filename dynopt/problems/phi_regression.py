"""Regression with a bounded loss: smooth, non-convex, with outliers."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from dynopt.core.problem import CriticalPoint
from dynopt.errors import Misuse
from dynopt.problems import numeric_points
from dynopt.problems.points import check_points, like, whole


class PhiRegression:
    """J(θ) = (1/N) Σ φ(⟨a_i, θ⟩ − b_i),  φ(t) = t²/(1 + t²).

    The data are those of Carmon et al. 2017 §5, seeded: a_i ~ N(0, I), z ~ N(0, 4I),
    b = Az + 3ν₁ + ν₂ with ν₁ ~ N(0, I) and ν₂ Bernoulli(0.3).

    Parameters
    ----------
    samples, dimension : N and the number of coordinates; 500 and 30 in the sources' figures.
    seed : of the data.

    Examples
    --------
    >>> problem = PhiRegression(samples=40, dimension=3)
    >>> [c.kind for c in problem.critical_points()]
    ['strict saddle', 'minimum', 'minimum']
    """

    smooth = True
    lipschitz = None

    def __init__(self, *, samples: Any = 500, dimension: Any = 30, seed: Any = 0) -> None:
        self.samples, self.dimension = whole("phi-regression", "samples", samples), whole("phi-regression", "dimension", dimension)
        self.seed = whole("phi-regression", "seed", seed, 0)
        self.name = f"phi-regression(samples={self.samples}, dimension={self.dimension}, seed={self.seed})"
        rng = np.random.default_rng(self.seed)
        self.A = rng.standard_normal((self.samples, self.dimension))
        self.z = 2 * rng.standard_normal(self.dimension)
        self.b = self.A @ self.z + 3 * rng.standard_normal(self.samples) + (rng.random(self.samples) < 0.3)
        self.start = (0.0,) * self.dimension

    def __repr__(self) -> str:
        return f"PhiRegression(samples={self.samples}, dimension={self.dimension}, seed={self.seed})"

    def _residual(self, x: Any) -> Any:
        check_points(self, x)
        return x @ like(self.A.T, x) - like(self.b, x)

    def value(self, x: Any) -> Any:
        t = self._residual(x)
        return (t * t / (1 + t * t)).mean(-1)

    def gradient(self, x: Any) -> Any:
        return _slope(self._residual(x)) @ like(self.A, x) / self.samples

    def hessian(self, x: Any) -> Any:
        t, A = self._residual(x), like(self.A, x)
        return (_curvature(t)[..., None] * A).swapaxes(-1, -2) @ A / self.samples

    def sample_value(self, x: Any, chosen: Any) -> Any:
        """The mean of φ(⟨a_i, x⟩ − b_i) over the samples chosen, (batch, b) integers."""
        t = self._chosen(x, chosen)[1]
        return (t * t / (1 + t * t)).mean(-1)

    def sample_gradient(self, x: Any, chosen: Any) -> Any:
        """The gradient of `sample_value`."""
        rows, t = self._chosen(x, chosen)
        return (_slope(t)[..., None] * rows).mean(-2)

    def mean_variation(self, x: Any) -> Any:
        """The mean over all samples of ∇²J_n(x) ∇J_n(x) = φ''(t_n) φ'(t_n) ‖a_n‖² a_n."""
        t, A = self._residual(x), like(self.A, x)
        return (_curvature(t) * _slope(t) * (A * A).sum(-1)) @ A / self.samples

    def _chosen(self, x: Any, chosen: Any) -> tuple[Any, Any]:
        rows = like(self.A, x)[chosen]
        return rows, (rows * x[..., None, :]).sum(-1) - like(self.b, x)[chosen]

    @cached_property
    def _found(self) -> tuple[CriticalPoint, ...]:
        rng = np.random.default_rng([self.seed, 1])
        starts = (self.z + size * rng.standard_normal(self.dimension) for size in np.tile([0.1, 0.2, 0.4, 0.8], 25))
        saddle = numeric_points.strict_saddle(self, starts)
        if saddle is None:
            raise Misuse(f"no strict saddle of {self.name} was found from 100 starts around z; take another seed or more samples")
        vectors = np.linalg.eigh(self.hessian(saddle))[1]
        ends: list[np.ndarray] = []
        for sign in (1, -1):
            end = numeric_points.descend(self, saddle + 1e-3 * sign * vectors[:, 0])
            if end is not None and all(np.linalg.norm(end - other) > 1e-6 for other in ends):
                ends.append(end)
        return tuple(numeric_points.critical_point(self, p) for p in (saddle, *ends))

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """One strict saddle, with one negative eigenvalue, and the critical points where descent from it ends, on either side.

        They are found numerically, with coordinates and eigenvalues in floating point (gradient at
        rounding level); the problem has more of them.
        """
        return self._found


def _slope(t: Any) -> Any:
    """φ'(t) = 2t/(1 + t²)²."""
    square = 1 + t * t
    return 2 * t / (square * square)


def _curvature(t: Any) -> Any:
    """φ''(t) = (2 − 6t²)/(1 + t²)³."""
    square = 1 + t * t
    return (2 - 6 * t * t) / (square * square * square)
