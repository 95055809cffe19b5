"""Rates fitted on the tail of measured decays, with intervals and a diagnosis of the form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.result import Result
from dynopt.errors import Misuse, Outcome, closest
from dynopt.flow.tail import slopes

_RUNS = 8
"""Fewer runs than this are averaged and resampled in blocks of iterations."""
_POINTS = 2000
"""At most about so many iterations of the window enter a fit over many runs."""
_CURVED, _ERRORS = 0.25, 4.0

QUANTITIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda mean: mean,
    "average": lambda mean: np.cumsum(mean, -1) / np.arange(1, mean.shape[-1] + 1),
    "least": lambda mean: np.minimum.accumulate(mean, -1),
}
"""Mean over runs E v_k of shape (..., K) ↦ what theorems bound: E v_k, the average of E v_j over j ≤ k, min_{j≤k} E v_j."""


@dataclass(frozen=True)
class Rate(Result):
    """The decay of a measured sequence over a window: as a power law C·k^−p and as a linear rate C·ρ^k.

    Attributes
    ----------
    form : which of the two the window shows: ``power``; ``linear``; ``either`` (it cannot tell them apart); ``neither``
        (the better one bends: its halves differ by more than four standard errors and a quarter of it); ``none`` (no
        decrease beyond sampling error, or nothing finite).
    exponent, exponent_interval : p and its interval.
    factor, factor_interval : ρ and its interval.
    bias : mean of the resamples' exponents minus the exponent.  The intervals are centred without it; where it is not small
        against them (noisy runs and ``least``), the estimate itself is off by about as much.
    preference : share of the resamples in which the power law leaves the smaller squared residuals.
    halves : p in the earlier and the later half of the window (in log k), and ρ in its halves (in k).
    window : the first and the last k used.
    quantity : what was fitted (`QUANTITIES`).
    resampled : ``runs``, or ``blocks of n iterations``.
    level : that of the intervals, which hold the sampling error alone, not that a window may end before the tail begins.
    outcome : ``done``, or ``diverged`` when the values are not finite from some k on.
    """

    form: str
    exponent: float
    exponent_interval: tuple[float, float]
    factor: float
    factor_interval: tuple[float, float]
    bias: float
    preference: float
    halves: dict[str, tuple[float, float]]
    window: tuple[float, float]
    quantity: str
    resampled: str
    level: float
    outcome: Outcome = Outcome.DONE


def fitted_rate(
    values: Any,
    k: Any = None,
    *,
    quantity: str = "mean",
    decades: float = 1.0,
    floor: float = 1e-13,
    level: float = 0.95,
    resamples: int = 400,
    block: int | None = None,
    seed: int = 0,
) -> Rate:
    """Fit both forms by least squares on the logarithm over the tail, each k in the window counting the same.

    Over eight runs or more, runs are resampled with replacement and the whole computation is repeated.
    With fewer, their mean is one series log v_k = a − p log k + k log ρ + r_k; the r_k are resampled in
    circular blocks, whose length is that of Politis and White (2004) unless it is given.  For one run with a memory of
    ten iterations in a window of a thousand, intervals of nominally 95 % cover about 87 % (the tests measure it); over
    forty runs 90 %.

    Parameters
    ----------
    values : v_k ≥ 0, of shape (runs, K), or (K,) for one run.
    k : the K increasing, positive iterations (or horizons) at which they were taken; 1, …, K by default.
    quantity : what is fitted of them: ``mean``, ``average`` or ``least`` (`QUANTITIES`).
    decades : the window goes back so many decades from its end.
    floor : it ends before the quantity first falls to this part of its largest value, where rounding may rule.
    level, resamples, block, seed : of the bootstrap.

    Raises
    ------
    Misuse : unknown quantity, shapes that do not fit, negative values, fewer than eight points in the window.

    Examples
    --------
    >>> rate = fitted_rate(3 / np.sqrt(np.arange(1, 1001)))
    >>> rate.form, round(rate.exponent, 6)
    ('power', 0.5)
    >>> rate = fitted_rate(0.9 ** np.arange(1000))
    >>> rate.form, round(rate.factor, 6)
    ('linear', 0.9)
    """
    v = np.atleast_2d(np.asarray(values, dtype=float))
    at = np.arange(1.0, v.shape[-1] + 1) if k is None else np.asarray(k, dtype=float)
    _check(v, at, quantity, level, resamples)
    reduced = QUANTITIES[quantity]
    whole = reduced(v.mean(0))
    if not np.isfinite(whole).all():
        nothing = (float("nan"), float("nan"))
        return Rate("none", np.nan, nothing, np.nan, nothing, np.nan, np.nan, {}, nothing, quantity, "nothing", level, Outcome.DIVERGED)
    inside = _window(at, whole, decades, floor)
    x, y = at[inside], np.log(whole[inside])
    generator = np.random.default_rng(seed)
    if len(v) >= _RUNS:
        inside = inside[:: -(-len(inside) // _POINTS)]
        x, y = at[inside], np.log(whole[inside])
        shares = generator.multinomial(len(v), np.full(len(v), 1 / len(v)), size=resamples) / len(v)
        least = np.finfo(float).tiny  # a resample may leave out every run that has not reached 0
        samples = np.log(np.stack([np.maximum(reduced(share @ v)[inside], least) for share in shares]))
        resampled = "runs"
    else:
        samples, length = _blocks(x, y, block, resamples, generator)
        resampled = f"blocks of {length} iterations"
    return _judged(x, y, samples, level, quantity, resampled)


def _check(v: np.ndarray, at: np.ndarray, quantity: str, level: float, resamples: int) -> None:
    if quantity not in QUANTITIES:
        raise Misuse(f"there is no quantity {quantity!r}; {closest(quantity, QUANTITIES)}")
    if v.ndim != 2 or at.shape != v.shape[-1:]:
        raise Misuse(f"values of shape {v.shape} and k of shape {at.shape} do not fit; give (runs, K) or (K,), and K iterations")
    if not (at[0] > 0 and np.all(np.diff(at) > 0)):
        raise Misuse(f"k = {at[:3]}... is not positive and increasing; count iterations from 1")
    if np.any(v < 0):
        raise Misuse(f"the value {np.min(v):g} is negative, so it has no decay to 0; give norms, squares or gaps to the infimum")
    if not (0 < level < 1 and resamples >= 20):
        raise Misuse(f"level={level}, resamples={resamples}: give a level in (0, 1) and at least 20 resamples")


def _window(at: np.ndarray, whole: np.ndarray, decades: float, floor: float) -> np.ndarray:
    low = np.flatnonzero(whole <= floor * whole.max())
    end = int(low[0]) if len(low) else len(at)
    inside = np.flatnonzero(at[:end] >= at[end - 1] / 10**decades) if end else low[:0]
    if len(inside) < 8:
        raise Misuse(f"only {len(inside)} values above the floor lie in the last {decades:g} decades; run longer, or lower the floor")
    return inside


def _blocks(x: np.ndarray, y: np.ndarray, block: int | None, resamples: int, generator: Any) -> tuple[np.ndarray, int]:
    """Series like ``y``: its fit by both forms together, and residuals resampled in circular blocks."""
    design = np.stack([np.ones_like(x), np.log(x), x], axis=1)
    basis = np.linalg.qr(design)[0]
    fit = basis @ (basis.T @ y)
    rest = (y - fit) * np.sqrt(len(y) / max(len(y) - 3, 1))
    length = min(block_length(rest) if block is None else block, len(y))
    count = -(-len(y) // length)
    starts = generator.integers(len(y), size=(resamples, count, 1))
    chosen = ((starts + np.arange(length)) % len(y)).reshape(resamples, -1)[:, : len(y)]
    return fit + rest[chosen], length


def block_length(rest: np.ndarray) -> int:
    """The length of circular blocks that Politis and White (2004; corrected by Patton, Politis and White 2009) find for a series.

    >>> block_length(np.random.default_rng(0).standard_normal(1000)) <= 5
    True
    """
    n = len(rest)
    spread = rest @ rest / n
    if not spread > (1e-12 * max(1.0, float(np.max(np.abs(rest))))) ** 2:
        return 1
    padded = np.fft.rfft(rest, 2 * n)
    covariance = np.fft.irfft(padded * padded.conj())[:n] / n
    quiet = max(5, int(np.sqrt(np.log10(n))))
    most = min(int(np.ceil(np.sqrt(n))) + quiet, n - 1)
    small = np.abs(covariance[1 : most + 1]) < 2 * np.sqrt(np.log10(n) / n) * covariance[0]
    last = next((m for m in range(most - quiet + 1) if small[m : m + quiet].all()), most)
    lags = np.arange(1, min(2 * max(last, 1), n - 1) + 1)
    flat_top = np.minimum(1, 2 * (1 - lags / lags[-1]))
    spectrum = covariance[0] + 2 * flat_top @ covariance[lags]
    slope = 2 * flat_top @ (lags * covariance[lags])
    if spectrum <= 0:
        return 1
    length = (2 * slope**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * n ** (1 / 3)
    return int(np.clip(np.ceil(length), 1, np.ceil(min(3 * np.sqrt(n), n / 3))))


def _judged(x: np.ndarray, y: np.ndarray, samples: np.ndarray, level: float, quantity: str, resampled: str) -> Rate:
    axes = {"power": np.log(x), "linear": x}
    found = {form: slopes(axis, y) for form, axis in axes.items()}
    drawn = {form: slopes(axis, samples) for form, axis in axes.items()}
    spread = {form: [d - d.mean() + f for d, f in zip(drawn[form], found[form], strict=True)] for form in axes}
    left = {form: _squares(axis, samples) for form, axis in axes.items()}
    preference = float(np.mean(left["power"] < left["linear"]))
    tails = [50 * (1 - level), 50 * (1 + level)]
    p_low, p_high = np.percentile(-spread["power"][0], tails)
    f_low, f_high = np.percentile(np.exp(spread["linear"][0]), tails)
    bends = {form: _bends(found[form], spread[form]) for form in axes}
    if not p_low > 0:
        form = "none"
    elif 1 - preference <= (1 - level) / 2 or preference <= (1 - level) / 2:
        form = "power" if preference > 0.5 else "linear"
        form = "neither" if bends[form] else form
    else:
        form = "neither" if all(bends.values()) else "either"
    return Rate(
        form=form,
        exponent=float(-found["power"][0]),
        exponent_interval=(float(p_low), float(p_high)),
        factor=float(np.exp(found["linear"][0])),
        factor_interval=(float(f_low), float(f_high)),
        bias=float(found["power"][0] - drawn["power"][0].mean()),
        preference=preference,
        halves={
            "exponent": (float(-found["power"][1]), float(-found["power"][2])),
            "factor": (float(np.exp(found["linear"][1])), float(np.exp(found["linear"][2]))),
        },
        window=(float(x[0]), float(x[-1])),
        quantity=quantity,
        resampled=resampled,
        level=level,
    )


def _squares(axis: np.ndarray, y: np.ndarray) -> np.ndarray:
    centred = axis - axis.mean()
    rest = y - y.mean(-1, keepdims=True)
    return (rest * rest).sum(-1) - (rest @ centred) ** 2 / (centred @ centred)


def _bends(found: Sequence[np.ndarray], spread: Sequence[np.ndarray]) -> bool:
    """Whether the halves differ by more than four standard errors, and by more than a quarter of the whole slope."""
    return bool(abs(found[2] - found[1]) > max(_ERRORS * np.std(spread[2] - spread[1]), _CURVED * abs(found[0])))
