"""Spirals around a critical point: which Hessian eigenvalues turn, how fast, and what a trajectory shows of it.

Near a critical point every Hessian eigenvalue λ has its own small linear system, the mode, with the
matrix M(λ).  It spirals iff M(λ) has a complex eigenvalue.  The measurement does not count zero
crossings: it follows the angle of the state in the plane of its two blocks.  A linear system with
real eigenvalues turns by less than half a turn for ever, a spiral turns without end, and every half
turn of it takes the same time π/ω, in whatever coordinates the plane is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.algorithm import Algorithm
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.flow.clock import clock
from dynopt.symbolic.criteria import characteristic_polynomial, non_oscillating
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import eigenvalue, exact, symbolic

_FEWEST = 4
"""Samples that half a turn must have at least; with fewer the angle between samples is not known."""


@dataclass(frozen=True)
class Rotation(Result):
    """How a mode turns and decays.

    Attributes
    ----------
    spirals : whether it turns without end; None when it was measured and the data cannot tell.
    frequency : angular velocity ω in radians per unit of time, 0 without a spiral.
    decay : rate of the exponential decay of the amplitude (negative: growth), of the slowest part
        when there is no spiral.
    turned : the angle that was seen, in half turns; NaN in a prediction.
    note : why the data cannot tell.
    """

    spirals: bool | None
    frequency: float
    decay: float
    turned: float = math.nan
    note: str = ""


def rotation(method: str | System, at: Any) -> Rotation:
    """The predicted rotation of the mode of the Hessian eigenvalue ``at``.

    Eigenvalues z of M(λ): ω = |Im z| and decay −Re z for flows; for algorithms with time step h,
    ω = |arg z|/h and decay −log|z|/h (the step of `dynopt.flow.clock`).  Whether it spirals is decided exactly.

    Raises
    ------
    Misuse : free parameters, schedules; `NotLinear` for a method without M(λ).

    Examples
    --------
    >>> found = rotation("din(alpha=0, beta=0.2)", 1)
    >>> found.spirals, round(found.frequency, 6), round(found.decay, 6)
    (True, 0.994987, 0.1)
    """
    space = _space(method)
    value = exact(at)
    turning = [z for z in _roots(space, value) if abs(z.imag) > 0]
    spirals = any(q.eval(value) < 0 for q in _discriminants(space))
    roots = turning if spirals else _roots(space, value)
    if space.continuous:
        rates = [(abs(z.imag), -z.real) for z in roots]
    else:
        assert isinstance(space.system, Algorithm)
        at_time = clock(space.system.numeric())
        step = float(at_time.times(1)[1] - at_time.start)
        rates = [(abs(float(np.angle(z))) / step, -math.log(abs(z)) / step if z else math.inf) for z in roots]
    frequency, decay = min(rates, key=lambda r: r[1])
    return Rotation(spirals, float(frequency) if spirals else 0.0, float(decay))


def modes(method: str | System, at: Any) -> tuple[complex, ...]:
    """The eigenvalues of M(λ) at λ = ``at``: exponents of a flow, multipliers of an algorithm.

    >>> modes("hbf(alpha=3)", 2)
    ((-2+0j), (-1+0j))
    """
    return tuple(sorted(_roots(_space(method), exact(at)), key=lambda z: (z.real, z.imag)))


def spiral_set(method: str | System) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
    """All real λ whose mode spirals, as disjoint open intervals with exact ends (``oo`` where unbounded).

    For DIN with αβ < 1 that is the interval ((1 − √(1−αβ))²/β², (1 + √(1−αβ))²/β²), from
    (α + βλ)² < 4λ (thesis §3.3.1.4), and nothing for αβ ≥ 1.

    >>> spiral_set("din(alpha=3/4, beta=1)")
    ((1/4, 9/4),)
    >>> spiral_set("din(alpha=1, beta=1)")
    ()
    """
    space = _space(method)
    polynomials = _discriminants(space)
    ends = sorted({r for q in polynomials if q.degree() > 0 for r in sp.real_roots(q)})
    cells = list(pairwise([-sp.oo, *ends, sp.oo]))
    turning = [any(q.eval(_between(a, b)) < 0 for q in polynomials) for a, b in cells]
    kept: list[tuple[sp.Expr, sp.Expr]] = []
    for (a, b), turns in zip(cells, turning, strict=True):
        if turns and kept and kept[-1][1] == a and any(q.eval(a) < 0 for q in polynomials):
            kept[-1] = (kept[-1][0], b)
        elif turns:
            kept.append((a, b))
    return tuple(kept)


def measured(t: np.ndarray, u: np.ndarray, w: np.ndarray) -> Rotation:
    """The rotation of a planar trajectory around the origin, from its samples alone.

    Parameters
    ----------
    t : ascending times, shape ``(m,)``.
    u, w : two coordinates of the mode's state (θ and the second block, say), shape ``(m,)``, the critical point at 0.

    Returns
    -------
    Rotation : with at least one whole half turn it spirals: ω is π over the mean duration of the half
        turns, the decay the slope of −log|(u, w)| over them.  With less, None for ``spirals``, because a slow
        spiral looks the same (its ω is then below about π over the duration), and the decay of the last half.

    Examples
    --------
    >>> t = np.linspace(0, 20, 4001)
    >>> found = measured(t, np.exp(-t / 10) * np.cos(2 * t), np.exp(-t / 10) * np.sin(2 * t))
    >>> found.spirals, round(found.frequency, 6), round(found.decay, 6)
    (True, 2.0, 0.1)
    """
    size = np.hypot(u, w)
    usable = np.flatnonzero(~((size > 1e-290) & np.isfinite(size)))
    end = int(usable[0]) if usable.size else len(t)
    t, size = t[:end], size[:end]
    if end < 2:
        return Rotation(None, 0.0, math.nan, 0.0, "no samples off the origin")
    angle = np.unwrap(np.arctan2(w[:end], u[:end]))
    angle = (angle - angle[0]) * (1 if angle[-1] >= angle[0] else -1) / np.pi
    turned = float(angle[-1])
    logarithm = np.log(size)
    half = end // 2
    if turned < 1:
        rate = -(logarithm[-1] - logarithm[half]) / (t[-1] - t[half]) if end > 2 else math.nan
        return Rotation(None, 0.0, float(rate), turned, f"turned by {turned:.3g} half turns in a time of {t[-1] - t[0]:.3g}")
    if np.max(np.abs(np.diff(angle))) > 1 / _FEWEST:
        return Rotation(None, 0.0, math.nan, turned, f"fewer than {_FEWEST} samples in half a turn")
    # the angle may tremble: the first time that it reaches k half turns counts
    reached = [(k, int(np.argmax(angle >= k))) for k in range(int(turned) + 1)]
    when, height = (np.array([_reached(angle, values, k, i) for k, i in reached]) for values in (t, logarithm))
    slope = np.polyfit(when, height, 1)[0] if len(when) > 2 else (height[-1] - height[0]) / (when[-1] - when[0])
    return Rotation(True, float(np.pi * (len(when) - 1) / (when[-1] - when[0])), -float(slope), turned)


def _reached(angle: np.ndarray, values: np.ndarray, k: int, i: int) -> float:
    """``values`` where the angle reaches k, between samples i − 1 and i, by a cubic through four samples."""
    if i == 0:
        return float(values[0])
    low = min(max(i - 2, 0), len(angle) - 4) if len(angle) >= 4 else 0
    x, y = angle[low : low + 4], values[low : low + 4]
    if np.all(np.diff(x) > 0):
        return float(sum(y[j] * np.prod([(k - x[m]) / (x[j] - x[m]) for m in range(len(x)) if m != j]) for j in range(len(x))))
    return float(np.interp(k, angle[i - 1 : i + 1], values[i - 1 : i + 1]))


@lru_cache(maxsize=64)
def _space(method: Any) -> StateSpace:
    space = state_space(symbolic(method, defaults=True))
    free = space.mode_matrix.free_symbols - {eigenvalue}
    if space.index is not None:
        raise Misuse(f"{space.system.name} depends on {space.index}: its frozen eigenvalues are no frequencies; use trajectory instead")
    if free:
        name = min(map(str, free))
        raise Misuse(f"{space.system.name}: {name} is still a symbol; give it a number, as in {space.system.name}({name}=1/2)")
    return space


@lru_cache(maxsize=64)
def _discriminants(space: StateSpace) -> tuple[sp.Poly, ...]:
    """Polynomials in λ that are all non-negative iff every eigenvalue of M(λ) is real."""
    return tuple(sp.Poly(q, eigenvalue) for q in non_oscillating(space).polynomials)


def _roots(space: StateSpace, value: sp.Expr) -> list[complex]:
    """Eigenvalues of M(λ) at 30 digits: near-double roots keep half of them."""
    chi = characteristic_polynomial(space).as_expr().subs(eigenvalue, value)
    found = sp.Poly(chi, sp.Symbol("z")).nroots(n=30, maxsteps=200)
    return [complex(z) for z in found]


def _between(a: sp.Expr, b: sp.Expr) -> sp.Rational:
    """A rational strictly between two exact ends."""
    if a == -sp.oo:
        return sp.Integer(0) if b == sp.oo else sp.floor(b) - 1
    if b == sp.oo:
        return sp.ceiling(a) + 1
    digits = 15
    while True:
        middle = sp.Rational(str(((a + b) / 2).evalf(digits)))
        if a < middle < b:
            return middle
        digits *= 2
