"""The law of the escape time of a linear method, read off its definition.

A method that is linear in its state and gradients acts on the mode of Hessian eigenvalue λ through
the mode matrix: s_k = M(λ)^k s₀ u₀, with s₀ the start's state per unit of u₀.  Along the unstable
directions of a saddle the iterate is therefore u_k = a_k u₀ with the *exact* response

    a_k = e_θᵀ M(λ)^k s₀  ~  κ σ^k,          σ the dominant multiplier, κ = (e_θᵀ r)(lᵀ s₀)/(lᵀ r),

and for exit at |u| = r, whatever the start's distribution,

    P(K ≤ k) = P(|u₀| ≥ x_k),               x_k = r / max_{j ≤ k} |a_j|.

Several directions grow at rates of their own, and a run is inside while Σ_j a_{j,k}² u_j² < r²
(`dynopt.escape.weighted`).  Gradient noise ε ξ_k, the same for all gradients of one iteration, adds the
independent normal number ε n_k Z to u_k, n_k² = e_θᵀP_k e_θ with

    P_{k+1} = M P_k Mᵀ + b bᵀ,               b = B(I − λD)⁻¹ 1,

so that a Gaussian start of size s₀ becomes one of size √(s₀² a_k² + ε² n_k²): for gradient descent
s₀² → s₀² + γ²ε²(1 − σ^{−2k})/(σ² − 1).

Without noise nothing is asymptotic in that.  It is exact on a quadratic objective; elsewhere the pieces bend
before the exit is reached, and `dynopt.escape.reference` finds the x_k of the true objective.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from dynopt.core.algorithm import Algorithm
from dynopt.errors import Misuse

if TYPE_CHECKING:
    from dynopt.escape.reference import Side

LONGEST = 1_000_000
"""Most iterations that a law is tabulated for."""
_SMALLEST = 1e-15
"""The law is followed until only this part of the start's scale is still inside."""
_NEVER = 1e-6
"""A smaller part of the runs that a table leaves inside is its end, not runs that stay."""


class NoLaw(Misuse):
    """There is no law for this method, start or exit; the sentence says why."""


@dataclass(frozen=True)
class Response:
    """How the unstable coordinate of a method grows from a unit start.

    Attributes
    ----------
    eigenvalue : the negative Hessian eigenvalue λ.
    sigma : the multiplier of largest modulus of M(λ), real and > 1, or None when that one is not real and positive.
    kappa : the coefficient of σ^k in a_k; None with ``sigma``.
    second : modulus of the next multiplier (0 when there is none); the transient dies like (second/σ)^k.
    a : a_0, …, a_N.
    noise : n_0, …, n_N, the standard deviation of u_k for gradient noise of unit size and no start.
    """

    eigenvalue: Any
    sigma: float | None
    kappa: float | None
    second: float
    a: np.ndarray
    noise: np.ndarray

    def driven(self, ratio: float, start: bool = True) -> Response:
        """The response with a_k² + ratio² n_k² in the place of a_k²: gradient noise of ``ratio`` times the start's size.

        ``start=False`` leaves a_k out: starts without an unstable part, that only the noise moves.
        """
        squares = (self.a**2 if start else 0.0) + (ratio * self.noise) ** 2
        return replace(self, a=np.sqrt(squares))

    @property
    def floor(self) -> float | None:
        """How much unit noise keeps u_k away from its exponential, n_k/σ^k for large k (gradient descent: γ/√(σ² − 1)).

        u_k = κσ^k W − (what the noise has yet to add), so beside the radius this must be small where the
        first passage is taken for the last one.
        """
        return None if self.sigma is None else float(self.noise[-1] * abs(self.kappa or 0.0) / abs(self.a[-1]))

    @property
    def reached(self) -> np.ndarray:
        """max_{j ≤ k} |a_j|, the largest size up to each step."""
        return np.maximum.accumulate(np.abs(self.a))


def response(method: Algorithm, eigenvalue: Any, enough: float, *, away: bool = False, steps: int | None = None) -> Response:
    """The response of a method along a Hessian eigenvalue, tabulated until |a_k| ≥ ``enough``.

    Parameters
    ----------
    steps : tabulate so many steps instead.
    away : the saddle is not the origin, so the method must leave every critical point at rest.

    Raises
    ------
    NoLaw : the method is not linear, varies with the iteration, does not rest at critical points away
        from the origin, does not repel, starts on its stable subspace, or needs more than `LONGEST` steps.

    Examples
    --------
    >>> import dynopt
    >>> response(dynopt.method("gd(gamma=1/8)"), -8, 100.0).sigma
    2.0
    """
    import sympy as sp

    from dynopt.symbolic.linearize import state_space
    from dynopt.symbolic.symbols import eigenvalue as symbol
    from dynopt.symbolic.symbols import exact, symbolic

    try:
        space = state_space(symbolic(method))
    except Misuse as error:
        raise NoLaw(str(error)) from error
    except Exception as error:  # a definition that runs on numbers only
        raise NoLaw(f"{method.name} does not run on symbols ({type(error).__name__}: {error}), so it has no mode matrix") from error
    if space.index is not None:
        raise NoLaw(f"{method.name} varies with the iteration, and the law is that of a constant mode matrix")
    at_rest = space.start.subs(symbol, 0)
    if away and (space.A * at_rest != at_rest or any(y != 1 for y in space.C * at_rest)):
        raise NoLaw(f"{method.name} does not rest at critical points away from the origin, so it is not linear around this saddle")
    value = exact(eigenvalue)
    matrix = np.array(space.mode_matrix.subs(symbol, value).tolist(), dtype=float)
    start = np.array(space.start.subs(symbol, value).tolist(), dtype=float)[:, 0]

    multipliers, right = np.linalg.eig(matrix)
    order = np.argsort(-np.abs(multipliers))
    top, second = multipliers[order[0]], float(abs(multipliers[order[1]])) if len(order) > 1 else 0.0
    if abs(top) <= 1:
        raise NoLaw(f"{method.call()} does not repel along eigenvalue {eigenvalue}: no multiplier exceeds {abs(top):.6g} in modulus")
    sigma = kappa = None
    if abs(top.imag) < 1e-14 * abs(top) and top.real > 1 and second < abs(top):
        left = np.linalg.solve(right.T, np.eye(len(order))[order[0]])  # row of right⁻¹
        sigma, kappa = float(top.real), float((right[0, order[0]] * (left @ start)).real)
        if abs(kappa) < 1e-14:
            raise NoLaw(f"{method.call()} starts on its stable subspace: its unstable mode is not excited")
    kicks = [np.array(v.subs(symbol, value).tolist(), dtype=float)[:, 0] for v in (space.noise, sp.diff(space.start, symbol))]
    a, noise = _iterate(method, matrix, start, kicks, enough, steps)
    return Response(eigenvalue, sigma, kappa, second, a, noise)


def _iterate(
    method: Algorithm, matrix: np.ndarray, start: np.ndarray, kicks: list[np.ndarray], enough: float, steps: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """a_k and n_k.  The start and the first update see the same noise, so its part in them is added before it is squared."""
    each, first = kicks
    a, state = [start[0]], start
    noise, spread = [abs(first[0])], np.outer(first, first)
    while (len(a) <= steps) if steps is not None else (abs(a[-1]) < enough):
        if len(a) > LONGEST:
            raise NoLaw(f"{method.call()} needs more than {LONGEST:,} iterations to leave; take a larger step-size or larger starts")
        state = matrix @ state
        if len(a) == 1:
            kick = matrix @ first + each
            spread = np.outer(kick, kick)
        else:
            spread = matrix @ spread @ matrix.T + np.outer(each, each)
        a.append(state[0])
        noise.append(math.sqrt(max(spread[0, 0], 0.0)))
    return np.array(a), np.array(noise)


@dataclass(frozen=True)
class Prediction:
    """A predicted distribution of the integer escape time.

    Attributes
    ----------
    kind : ``quadratic``, ``with nonlinear offset``, or ``sampled`` (`dynopt.escape.sampled`).
    cdf : P(K ≤ k) for k = 0, 1, …, until it rises no further: to 1, or less where some runs never leave.
    error : of a sampled cdf, two standard errors where they are largest.
    """

    kind: str
    cdf: np.ndarray
    error: float = 0.0

    @property
    def never(self) -> float:
        """P(K = ∞)."""
        left = 1 - float(self.cdf[-1])
        return left if left > _NEVER else 0.0

    @property
    def mean(self) -> float:
        """E K = Σ_k P(K > k)."""
        return math.inf if self.never else float((1 - self.cdf).sum())

    @property
    def sd(self) -> float:
        """The standard deviation √(Σ_k (k − E K)² P(K = k))."""
        if self.never:
            return math.inf
        k = np.arange(len(self.cdf)) - self.mean
        return math.sqrt(float((k**2 * self.pmf).sum()))

    @property
    def pmf(self) -> np.ndarray:
        """P(K = k) for k = 0, 1, …"""
        return np.diff(self.cdf, prepend=0.0)

    def quantile(self, level: float) -> int | None:
        """The smallest k with P(K ≤ k) ≥ level; None where fewer than that ever leave."""
        return None if self.never > 1 - level else int(np.searchsorted(self.cdf, level))

    def at(self, steps: np.ndarray) -> np.ndarray:
        """P(K ≤ k) at the steps, also beyond the table's end."""
        return np.asarray(self.cdf)[np.minimum(steps, len(self.cdf) - 1)]


Survival = Callable[[np.ndarray], np.ndarray]
Inside = Callable[[np.ndarray], np.ndarray]


def quadratic(found: Response, survival: Survival, radius: float) -> Prediction:
    """The law on the quadratic model, exit at |u| = ``radius``.

    >>> import dynopt
    >>> from dynopt.escape.saddle import find_saddle
    >>> from dynopt.escape.starts import survival
    >>> saddle = find_saddle(dynopt.problem("quadratic(spectrum=[-8, 2])"))
    >>> law = quadratic(response(dynopt.method("gd(gamma=1/8)"), -8, 1e27), survival("gaussian", 1e-12, saddle), 0.5)
    >>> round(law.mean, 2)
    40.28
    """
    with np.errstate(divide="ignore"):
        return Prediction("quadratic", survival(radius / found.reached))


def several(found: Sequence[Response], inside: Inside, radius: float) -> Prediction:
    """The law on the quadratic model with one response a direction, exit where the unstable part has length ``radius``.

    P(K > k) = P(Σ_j (ρ_{j,k}/r)² u_j² < 1) with ρ_{j,k} = max_{i ≤ k} |a_{j,i}|: exact from the step on where every
    direction is at its largest so far, and an upper bound of P(K ≤ k) before.

    Parameters
    ----------
    inside : weights (N, d) ↦ P(Σ_j w_j u_j² < 1), (N,); see `dynopt.escape.starts.inside`.

    >>> import dynopt
    >>> from dynopt.escape.saddle import find_saddle
    >>> from dynopt.escape.starts import inside
    >>> saddle = find_saddle(dynopt.problem("quadratic(spectrum=[-8, -8, 2])"))
    >>> found = response(dynopt.method("gd(gamma=1/8)"), -8, 1e27)
    >>> round(several([found, found], inside("gaussian", 1e-12, saddle), 0.5).mean, 2)
    39.28
    """
    steps = min(len(r.a) for r in found)
    reached = np.stack([r.reached[:steps] for r in found], axis=1)
    kept = 1 - np.maximum.accumulate(1 - inside((reached / radius) ** 2))
    return Prediction("quadratic", 1 - kept)


def with_offset(found: Response, survival: Survival, sides: Sequence[Side]) -> Prediction:
    """The law on the true objective, from the amplitudes x_k above which a run along a direction is out by step k.

    It is averaged over directions.  Beyond a table's end x_k continues in proportion to 1/max_{j ≤ k}|a_j|, or stays
    where the side's other runs never leave.
    """
    reached = found.reached
    rows = []
    for side in sides:
        known = min(len(side.x), len(reached))
        last = side.x[known - 1]
        rest = last * reached[known - 1] / reached[known:] if side.leaves else np.full(len(reached) - known, last)
        rows.append(survival(np.concatenate([side.x[:known], rest])))
    return Prediction("with nonlinear offset", np.maximum.accumulate(np.mean(rows, axis=0)))


def asymptotic(found: Response, scale: float, radius: float, directions: int = 1) -> dict[str, float] | None:
    """Closed forms for a Gaussian start, far from the exit: K = ⌈T⌉, T = log(r/(κ scale χ_d))/log σ.

    E T = [log(r/(κ scale)) − (digamma(d/2) + log 2)/2]/log σ, which for d = 1 is
    [log(r/(κ scale)) + (γ_E + log 2)/2]/log σ;  sd T = √(trigamma(d/2))/(2 log σ), for d = 1
    π/(2√2 log σ).  The fractional part of T is nearly uniform when sd T is large against 1, so
    E K ≈ E T + ½ and var K ≈ var T + 1/12.  None without a real dominant multiplier.
    """
    if found.sigma is None or found.kappa is None:
        return None
    rate = math.log(found.sigma)
    shift = (float(special.digamma(directions / 2)) + math.log(2)) / 2
    mean = (math.log(radius / (abs(found.kappa) * scale)) - shift) / rate
    sd = math.sqrt(float(special.polygamma(1, directions / 2))) / (2 * rate)
    return {"mean": mean + 0.5, "sd": math.sqrt(sd**2 + 1 / 12), "mean_continuous": mean, "sd_continuous": sd}


def enough(start_scale: float, radius: float) -> float:
    """The growth after which all but a negligible part of the starts is out."""
    return radius / (_SMALLEST * start_scale)
