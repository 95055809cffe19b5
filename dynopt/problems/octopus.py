"""The octopus function, on which gradient descent passes one saddle after another."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.algebra import maximum, minimum
from dynopt.core.problem import CriticalPoint
from dynopt.problems.critical import kind_of
from dynopt.problems.points import check_points, coordinates, positive, stack, whole

MIRRORED = 6
"""Dimension up to which critical points are listed with their mirror images, 2ⁿ⁺¹ − 1 of them."""


class Octopus:
    """J(θ) = s(θ₁) + Σ_{j≥2} [(1 − W_j) L θ_j² + W_j s(θ_j)],   W_j = w(θ₁) ⋯ w(θ_{j−1}).

    s is even, with s(x) = −γx² for |x| ≤ τ and L(|x| − 4τ)² − ν for |x| ≥ 2τ; in between s' is the cubic
    that joins the slopes and curvatures of both ends.  w is even and rises from 0 to 1 on [τ, 2τ] (the
    quintic 10t³ − 15t⁴ + 6t⁵), so that J is C² everywhere.  Coordinate j + 1 turns from stable (curvature
    2L) to unstable (−2γ) once coordinates 1, …, j have left: a run from the origin meets n saddles in turn.

    In the tube of Du et al. (θ₁, …, θ_{i−1} ∈ [2τ, 6τ], θ_i ∈ [0, 2τ], the others in [0, τ]) this is their
    piecewise definition, with the joints derived anew: ν = (37L + 13γ)τ²/6 makes s continuous.  Off the
    tube, where they have no formula, the products W_j are ours: they leave no further critical point.
    Where τ < |θ₁| < 2τ, ∂₁J has the sign of −θ₁, since s' and s(x) − Lx² are negative for x > 0; so at a
    critical point θ₁ = 0, which switches all others to Lθ_j², or |θ₁| = 4τ, which leaves the same problem
    in n − 1 coordinates.  The critical points are (±4τ, …, ±4τ, 0, …, 0): strict saddles with the
    eigenvalues −2γ (once) and 2L, and the 2ⁿ minimisers.

    Parameters
    ----------
    n : coordinates.
    tau, L, gamma : length, and half the stable and half the unstable curvature.

    References
    ----------
    Du, Jin, Lee, Jordan, Poczos, Singh 2017, "Gradient descent can take exponential time to escape saddle points".

    Examples
    --------
    >>> octopus = Octopus(n=2, L=2)
    >>> [(c.point, c.kind) for c in octopus.critical_points()][-3:]
    [((4, -4), 'minimum'), ((4, 0), 'strict saddle'), ((4, 4), 'minimum')]
    """

    smooth = True
    lipschitz = None

    def __init__(self, *, n: Any = 5, tau: Any = 1, L: Any = 1, gamma: Any = 1) -> None:
        self.dimension = whole("octopus", "n", n)
        self.tau, self.L, self.gamma = (positive("octopus", k, v) for k, v in (("tau", tau), ("L", L), ("gamma", gamma)))
        self.name = f"octopus(n={n}, tau={self.tau}, L={self.L}, gamma={self.gamma})"
        self.symbols = coordinates(self.dimension)
        self.start = (0.01 * float(self.tau),) * self.dimension

    def __repr__(self) -> str:
        return f"Octopus(n={self.dimension}, tau={self.tau}, L={self.L}, gamma={self.gamma})"

    @cached_property
    def expression(self) -> sp.Expr:
        return self.value(np.array(self.symbols, dtype=object))

    def _constants(self, x: Any) -> tuple[Any, Any, Any]:
        exact = self.tau, self.L, self.gamma
        return exact if str(x.dtype) == "object" else tuple(map(float, exact))  # type: ignore[return-value]

    def _profile(self, x: Any, constants: Any, orders: int) -> tuple[list[Any], list[Any]]:
        """D = s − Lx² and w at each coordinate, with their first ``orders`` derivatives.

        With a, m, b the parts of |x| up to τ, from τ to 2τ, and from 2τ on, s is the sum of what each
        contributes; t = (m − τ)/τ.  The cubic is s'(τ + τt) = p(t), p(0) = −2γτ, p'(0) = −2γτ, p(1) = −4Lτ,
        p'(1) = 2Lτ.
        """
        tau, L, gamma = constants
        size, zero, one = abs(x), 0 * x, 0 * x + 1
        a, b = minimum(size, zero + tau), maximum(size, zero + 2 * tau)
        m = minimum(maximum(size, zero + tau), zero + 2 * tau)
        t = (m - tau) / tau
        side = minimum(maximum(x / tau, -one), one)  # the sign of x wherever it is needed, |x| ≥ τ
        c0 = c1 = -2 * gamma * tau
        c2, c3 = (10 * gamma - 14 * L) * tau, (10 * L - 6 * gamma) * tau
        joint = tau * t * (c0 + t * (c1 / 2 + t * (c2 / 3 + t * c3 / 4)))
        reach = b - 4 * tau
        D = [-gamma * a * a + joint + L * (reach * reach - 4 * tau * tau) - L * x * x]
        w = [t * t * t * (10 + t * (6 * t - 15))]
        if orders:
            inner = minimum(maximum(x, -tau * one), tau * one)
            D.append(side * (t * (c1 + t * (c2 + t * c3)) + 2 * L * (b - 2 * tau)) - 2 * gamma * inner - 2 * L * x)
            w.append(side * 30 * t * t * (1 - t) * (1 - t) / tau)
        if orders > 1:
            D.append((c1 + t * (2 * c2 + 3 * t * c3)) / tau - 2 * L)
            w.append(60 * t * (1 - t) * (1 - 2 * t) / (tau * tau))
        return D, w

    def _profiles(self, x: Any, orders: int) -> tuple[list[list[Any]], list[list[Any]], list[Any], list[Any]]:
        """D and w of each coordinate, W_j, and R_k = Σ_{j>k} (Π_{k<i<j} w_i) D_j, so that J = L‖x‖² + R_0."""
        check_points(self, x)
        n = self.dimension
        D, w = ([[part[..., i] for part in parts] for i in range(n)] for parts in self._profile(x, self._constants(x), orders))
        before = [0 * x[..., 0] + 1]
        for i in range(n - 1):
            before.append(before[-1] * w[i][0])
        rest = [0 * x[..., 0]] * n
        for k in range(n - 2, -1, -1):
            rest[k] = D[k + 1][0] + w[k + 1][0] * rest[k + 1]
        return D, w, before, rest

    def value(self, x: Any) -> Any:
        D, w, _, rest = self._profiles(x, 0)
        return self._constants(x)[1] * (x * x).sum(-1) + D[0][0] + w[0][0] * rest[0]

    def gradient(self, x: Any) -> Any:
        D, w, before, rest = self._profiles(x, 1)
        return 2 * self._constants(x)[1] * x + stack([W * (d[1] + v[1] * r) for d, v, W, r in zip(D, w, before, rest, strict=True)])

    def hessian(self, x: Any) -> Any:
        D, w, before, rest = self._profiles(x, 2)
        L, n = self._constants(x)[1], self.dimension
        rows = [[0 * before[0]] * n for _ in range(n)]
        for k in range(n):
            rows[k][k] = 2 * L + before[k] * (D[k][2] + w[k][2] * rest[k])
            between = before[k] * w[k][1]
            for l in range(k + 1, n):
                rows[k][l] = rows[l][k] = between * (D[l][1] + w[l][1] * rest[l])
                between = between * w[l][0]
        return stack([stack(row) for row in rows], -2)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """All critical points; above `MIRRORED` coordinates those with no negative coordinate."""
        n, far, zero = self.dimension, 4 * self.tau, sp.Integer(0)
        drop = (37 * self.L + 13 * self.gamma) * self.tau**2 / 6
        found = []
        for i in range(n + 1):
            spectrum = tuple(sorted((-2 * self.gamma,) * (i < n) + (2 * self.L,) * (n - (i < n))))
            signs = itertools.product((-1, 1), repeat=i) if n <= MIRRORED else [(1,) * i]
            for mirror in signs:
                point = (*(s * far for s in mirror), *(zero,) * (n - i))
                found.append(CriticalPoint(point, kind_of(spectrum), spectrum, -i * drop))
        return tuple(sorted(found, key=lambda c: [float(v) for v in c.point]))
