"""The double well in n dimensions."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.problem import CriticalPoint
from dynopt.errors import Misuse
from dynopt.problems import landscapes
from dynopt.problems.critical import kind_of
from dynopt.problems.points import check_points, coordinates, is_torch, like, whole


def double_well(*, n: Any = 2, unstable: Any = 1) -> Any:
    """The thesis's double well θ₁⁴ − 4θ₁² + θ₂², or its extension `DoubleWell` to more coordinates.

    >>> double_well().name, double_well(n=100).name
    ('double-well', 'double-well(n=100)')
    """
    n, unstable = whole("double-well", "n", n), whole("double-well", "unstable", unstable)
    return landscapes.double_well if (n, unstable) == (2, 1) else DoubleWell(n, unstable)


class DoubleWell:
    """J(θ) = ρ⁴ − 4ρ² + Σ_{i>d} θ_i²,  ρ² = θ₁² + … + θ_d².

    With d = 1 the thesis's double well with n − 1 stable coordinates.  With d > 1 the two wells become
    the sphere ρ = √2 of minimisers, and the origin, the only strict saddle, has d equal unstable
    directions: a rotation of them changes nothing, so the escape time depends on the start's distance
    from the stable subspace alone, on the true objective as on its quadratic model.

    Hessian at the origin: −8 (d times), 2 (n − d times); on the minimisers 0 (d − 1 times), 2, and 16.

    >>> saddle = DoubleWell(4, 2).critical_points()[0]
    >>> saddle.kind, saddle.spectrum
    ('strict saddle', (-8, -8, 2, 2))
    """

    smooth = True
    lipschitz = None

    def __init__(self, n: int, unstable: int = 1) -> None:
        if unstable > n:
            raise Misuse(f"double-well: unstable={unstable} exceeds the n={n} coordinates; choose at most n")
        self.dimension, self.unstable = n, unstable
        self.name = f"double-well(n={n})" if unstable == 1 else f"double-well(n={n}, unstable={unstable})"
        self.symbols = coordinates(n)
        self.start = (0.05,) + (1.0,) * (n - 1)
        self._mask = np.array([1] * unstable + [0] * (n - unstable), dtype=object)

    def __repr__(self) -> str:
        return f"DoubleWell({self.dimension}, unstable={self.unstable})"

    @cached_property
    def expression(self) -> sp.Expr:
        return sp.expand(self.value(np.array(self.symbols, dtype=object)))

    def _square(self, x: Any) -> Any:
        """ρ², of shape ``(*batch, 1)``."""
        check_points(self, x)
        inner = x[..., : self.unstable]
        return (inner * inner).sum(-1)[..., None] if x.ndim > 1 or is_torch(x) else np.array([(inner * inner).sum(-1)], dtype=x.dtype)

    def value(self, x: Any) -> Any:
        square, outer = self._square(x)[..., 0], x[..., self.unstable :]
        return square * square - 4 * square + (outer * outer).sum(-1)

    def gradient(self, x: Any) -> Any:
        return x * (2 + like(self._mask, x) * (4 * self._square(x) - 10))

    def hessian(self, x: Any) -> Any:
        mask, n = like(self._mask, x), self.dimension
        curvature = 2 + mask * (4 * self._square(x) - 10)
        inner = mask * x
        return curvature[..., None] * like(np.eye(n, dtype=int), x) + 8 * inner[..., :, None] * inner[..., None, :]

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """The origin; then the two minimisers, or one half of their sphere and the other (θ_d ≷ 0) as families."""
        n, d = self.dimension, self.unstable
        zero, two = sp.Integer(0), sp.Integer(2)
        saddle = (sp.Integer(-8),) * d + (two,) * (n - d)
        valley = tuple(sorted((zero,) * (d - 1) + (two,) * (n - d) + (sp.Integer(16),)))
        free = self.symbols[: d - 1]
        last = sp.sqrt(2 - sum(s**2 for s in free))
        found = [CriticalPoint((zero,) * n, kind_of(saddle), saddle, zero)]
        for sign in (-1, 1):
            point = (*free, sign * last, *(zero,) * (n - d))
            found.append(CriticalPoint(point, kind_of(valley), valley, sp.Integer(-4), isolated=d == 1))
        return tuple(found)
