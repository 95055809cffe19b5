"""Quadratic forms with a given spectrum, in any dimension."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.problem import CriticalPoint
from dynopt.errors import Misuse
from dynopt.problems.critical import kind_of


class Quadratic:
    """J(θ) = ½ Σ λ_p θ_p², whose Hessian has exactly the eigenvalues ``spectrum`` everywhere.

    >>> q = Quadratic(spectrum=[1, 10])
    >>> q.gradient(np.array([1.0, 1.0]))
    array([ 1., 10.])
    >>> q.critical_points()[0].kind
    'minimum'
    """

    def __init__(self, spectrum: Sequence[Any]) -> None:
        if not isinstance(spectrum, Sequence) or isinstance(spectrum, str) or not len(spectrum):
            raise Misuse(f"spectrum={spectrum!r} is not a list of eigenvalues; write spectrum=[1, 10]")
        try:
            self.spectrum = tuple(sp.Rational(str(v)) if isinstance(v, float) else sp.Rational(v) for v in spectrum)
        except (TypeError, ValueError):
            raise Misuse(f"spectrum={spectrum!r} holds something that is not a number; write spectrum=[1, 10]") from None
        self.dimension = len(self.spectrum)
        listed = ", ".join(map(str, self.spectrum))
        self.name = f"quadratic(spectrum=[{listed}])" if self.dimension <= 8 else f"quadratic({self.dimension}d)"
        self.start = (1.0,) * self.dimension
        self.lipschitz = (min(self.spectrum), max(self.spectrum), "everywhere")
        self.symbols = tuple(sp.Symbol(f"x{i + 1}", real=True) for i in range(self.dimension))
        self.smooth = True

    def __repr__(self) -> str:
        return f"Quadratic(spectrum=[{', '.join(map(str, self.spectrum))}])"

    @cached_property
    def expression(self) -> sp.Expr:
        return sp.Add(*(v * s**2 / 2 for v, s in zip(self.spectrum, self.symbols, strict=True)))

    @cached_property
    def _weights(self) -> np.ndarray:
        return np.array([float(v) for v in self.spectrum])

    def _like(self, x: Any) -> Any:
        if x.shape[-1] != self.dimension:
            raise Misuse(f"{self.name} has {self.dimension} coordinates, the point has {x.shape[-1]}; give one value per coordinate")
        if str(x.dtype) == "object":
            return np.array(self.spectrum, dtype=object)
        if type(x).__module__.startswith("torch"):
            import torch

            return torch.as_tensor(self._weights, dtype=x.dtype, device=x.device)
        return self._weights.astype(x.dtype)

    def value(self, x: Any) -> Any:
        return (self._like(x) * x * x).sum(-1) / 2

    def gradient(self, x: Any) -> Any:
        return self._like(x) * x

    def hessian(self, x: Any) -> Any:
        weights = self._like(x)
        if type(x).__module__.startswith("torch"):
            import torch

            return torch.diag(weights).expand(*x.shape[:-1], self.dimension, self.dimension)
        return np.broadcast_to(np.diag(weights), (*x.shape[:-1], self.dimension, self.dimension))

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        free = [s if v == 0 else sp.Integer(0) for v, s in zip(self.spectrum, self.symbols, strict=True)]
        spectrum = tuple(sorted(self.spectrum))
        return (CriticalPoint(tuple(free), kind_of(spectrum), spectrum, sp.Integer(0), isolated=0 not in spectrum),)
