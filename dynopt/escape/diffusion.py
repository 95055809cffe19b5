"""The law of the escape time of a flow with white gradient noise.

Along an unstable direction a linear flow is s' = M(λ)s + b ε ẇ, b = B(I − λD)⁻¹ 1, so u(t) is normal
with variance s₀² a(t)² + ε² n(t)²,

    a(t) = e_θᵀ e^{Mt} s₀,        n(t)² = ∫₀ᵗ (e_θᵀ e^{Mτ} b)² dτ,

and P(T ≤ t) ≈ P(|u(t)| ≥ r).  For the gradient flow, u' = |λ|u + ε ẇ, that is the law without noise with
s₀² → s₀² + ε²(1 − e^{−2|λ|t})/(2|λ|).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, special

from dynopt.core.algorithm import Flow
from dynopt.errors import Misuse
from dynopt.escape.law import NoLaw


@dataclass(frozen=True)
class DiffusionLaw:
    """P(T ≤ t) on a grid of times, and how far the approximation can be trusted.

    Attributes
    ----------
    rate : the growth rate, the largest real eigenvalue of M(λ).
    t, cdf : times and P(|u(t)| ≥ r).
    floor : the size ε·lim n(t)e^{−rate·t} of what the noise has yet to add at the exit (gradient flow: ε/√(2|λ|)).
        A path that is out comes back inside with a chance that is small only while this is small beside r.
    """

    rate: float
    t: np.ndarray
    cdf: np.ndarray
    floor: float

    @property
    def mean(self) -> float:
        """∫ P(T > t) dt, by the trapezoidal rule."""
        return float(np.trapezoid(1 - self.cdf, self.t))

    def quantile(self, level: float) -> float:
        """The time at which P(T ≤ t) reaches the level, between grid times linearly."""
        return float(np.interp(level, self.cdf, self.t))


def diffusion(flow: Flow, eigenvalue: Any, noise: float, *, scale: float = 0.0, radius: float = 0.5, points: int = 4001) -> DiffusionLaw:
    """The law of the first time with |u| ≥ ``radius`` for gradient noise ``noise``·ẇ and a Gaussian start of size ``scale``.

    Raises
    ------
    Misuse : no noise and no start, or lengths that are not positive.
    NoLaw : the flow is not linear, depends on time, or does not repel along the eigenvalue.

    Examples
    --------
    >>> import dynopt
    >>> law = diffusion(dynopt.GradientFlow(), -8, 1e-6)
    >>> round(law.mean, 3), round((math.log(0.5 * 4 / 1e-6) + (0.5772 + math.log(2)) / 2) / 8, 3)  # ε/√(2|λ|) = 10⁻⁶/4
    (1.893, 1.893)
    """
    from dynopt.symbolic.linearize import state_space
    from dynopt.symbolic.symbols import eigenvalue as symbol
    from dynopt.symbolic.symbols import exact, symbolic

    if not (noise >= 0 and scale >= 0 and noise + scale > 0 and radius > 0):
        raise Misuse(
            f"noise={noise:g}, scale={scale:g}, radius={radius:g} give no random escape; make the radius and one of the others positive"
        )
    try:
        space = state_space(symbolic(flow))
    except Misuse as error:
        raise NoLaw(str(error)) from error
    if space.index is not None:
        raise NoLaw(f"{flow.name} depends on time, and the law is that of a constant mode matrix")
    M, b, start = (np.array(m.subs(symbol, exact(eigenvalue)).tolist(), dtype=float) for m in (space.mode_matrix, space.noise, space.start))
    rate = float(np.linalg.eigvals(M).real.max())
    if rate <= 0:
        raise NoLaw(f"{flow.call()} does not repel along eigenvalue {eigenvalue}: no growth rate exceeds {rate:.6g}")
    size = max(scale, noise / math.sqrt(2 * rate))
    end = (math.log(max(radius / size, 1.0)) + 36) / rate  # e^{−36} is a rounding error
    t, h = np.linspace(0.0, end, points, retstep=True)
    step, added = _step(M, b, float(h))
    state, spread = start[:, 0], np.zeros_like(M)
    variance = []
    for _ in t:
        variance.append((scale * state[0]) ** 2 + noise**2 * spread[0, 0])
        state, spread = step @ state, step @ spread @ step.T + added
    n = math.sqrt(spread[0, 0]) * math.exp(-rate * (end + h))
    with np.errstate(divide="ignore"):
        cdf = special.erfc(radius / np.sqrt(2 * np.array(variance)))
    return DiffusionLaw(rate, t, np.maximum.accumulate(cdf), noise * n)


def _step(M: np.ndarray, b: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
    """e^{Mh} and ∫₀ʰ e^{Mτ}bbᵀe^{Mᵀτ}dτ, both from one matrix exponential (Van Loan 1978)."""
    m = len(M)
    block = linalg.expm(h * np.block([[-M, b @ b.T], [np.zeros((m, m)), M.T]]))
    step = block[m:, m:].T
    return step, step @ block[:m, m:]
