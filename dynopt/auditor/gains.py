"""Linear maps whose coefficients change with the iteration: the gains of the gradients, and the law of their ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynopt.auditor.box import Box, Probe, script
from dynopt.auditor.linear import short


@dataclass(frozen=True)
class Gains:
    """A linear map that changes with the iteration.

    Attributes
    ----------
    gains : −(θ_{k+1} − …) : the factor with which gradient k enters iterate k + 1, for the first iterations.
    law : a formula for gain k over gain 0, or empty when none fits.
    single : the law holds to single precision only.
    decay : the factor of θ in each of the first iterations without gradients.
    """

    gains: tuple[float, ...]
    law: str
    single: bool
    decay: tuple[float, ...]


def gains(box: Box, count: int = 48) -> Gains:
    """The direct gain of every gradient, one impulse a coordinate, and the law of their ratios."""
    n = count + 1
    rows = np.zeros((count, n))
    rows[np.arange(count), np.arange(1, n)] = 1
    theta = box.play(Probe(np.eye(n)[0], script(rows), count)).theta
    direct = np.array([theta[j + 1, j + 1] for j in range(count)])
    with np.errstate(all="ignore"):
        decay = theta[1:, 0] / theta[:-1, 0]
        ratio = direct / direct[0]
    law, single = _law(ratio, 1e-11), False
    if not law:
        law = _law(ratio, 5e-7)
        single = bool(law)
    return Gains(tuple(map(float, direct)), law, single, tuple(map(float, decay)))


def _law(ratio: np.ndarray, tolerance: float) -> str:
    """ρ^k, (k+1)^{−q} or (1 + ck)^{−q}, if one, and one alone, gives every ratio to the relative tolerance."""
    from scipy.optimize import least_squares

    k = np.arange(len(ratio))
    if not np.all(np.isfinite(ratio)) or np.any(ratio <= 0) or np.max(np.abs(ratio - 1)) < 10 * tolerance:
        return ""
    rate = ratio[-1] ** (1 / k[-1])
    slope = (1 / ratio[-1] - 1) / k[-1]
    if np.max(np.abs(ratio / rate**k - 1)) < tolerance:
        return "" if np.max(np.abs(ratio * (1 + slope * k) - 1)) < tolerance else f"{short(rate, tolerance)}^k"
    power = -np.log(ratio[-1]) / np.log(k[-1] + 1.0)
    if np.max(np.abs(ratio * (k + 1.0) ** power - 1)) < tolerance:
        return f"(k+1)^(-{short(power, tolerance)})"

    def gap(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(ratio) + x[1] * np.log1p(np.abs(x[0]) * k))

    for start in ((1.0, 1.0), (0.1, 0.5), (1e-3, 0.5)):
        fit = least_squares(gap, start, x_scale=start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        if np.max(np.abs(fit.fun)) < tolerance:
            digits = 1e-6 if tolerance < 1e-9 else 1e-2
            return f"(1 + {short(abs(fit.x[0]), digits)} k)^(-{short(fit.x[1], digits)})"
    return ""
