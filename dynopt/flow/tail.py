"""The exponent of a power law, from the tail of a measured decay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynopt.core.result import Result
from dynopt.errors import Misuse

_STRAIGHT = 0.05


@dataclass(frozen=True)
class Tail(Result):
    """A fit of values ~ C·t^exponent over the last part of a run.

    Attributes
    ----------
    exponent : slope of log value against log t, least squares over the window; for a decay it is negative.
    earlier, later : the slopes of the window's halves (in log t): how settled the exponent is.
    window : first and last time used.
    power_law : whether the two halves agree within 5 %; an exponential decay never does, its slope keeps falling.
    """

    exponent: float
    earlier: float
    later: float
    window: tuple[float, float]
    power_law: bool


def slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares slopes of ``y``, (..., n), against increasing ``x``, (n,): over all of it, and over each half of the range of x."""
    middle = (x[0] + x[-1]) / 2
    return _slope(x, y), _slope(x[x <= middle], y[..., x <= middle]), _slope(x[x > middle], y[..., x > middle])


def _slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    centred = x - x.mean()
    return y @ (centred / (centred @ centred))


def tail(t: np.ndarray, values: np.ndarray, decades: float = 2.0) -> Tail:
    """The exponent over the last ``decades`` of the time axis; positive values only, sampled evenly in log t.

    Raises
    ------
    Misuse : fewer than eight positive samples in the window.

    Examples
    --------
    >>> t = np.geomspace(1, 1e6, 601)
    >>> found = tail(t, 3 * t**-1.5)
    >>> round(found.exponent, 6), found.power_law
    (-1.5, True)
    """
    last = float(t[-1])
    inside = (t >= last / 10**decades) & (values > 0) & np.isfinite(values)
    if int(inside.sum()) < 8:
        raise Misuse(
            f"only {int(inside.sum())} positive values lie in the last {decades:g} decades of t; run longer or sample more densely"
        )
    x, y = np.log(t[inside]), np.log(values[inside])
    grid = np.linspace(x[0], x[-1], 400)
    level = np.interp(grid, x, y)
    whole, earlier, later = map(float, slopes(grid, level))
    settled = abs(later - earlier) <= _STRAIGHT * abs(whole)
    return Tail(whole, earlier, later, (float(np.exp(x[0])), float(np.exp(x[-1]))), settled)
