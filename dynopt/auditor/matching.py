"""Which registered linear method a recovered map is, with which parameters, or which is closest.

Parameters are found by least squares on the transfer function from gradient to query point, at
complex points outside the unit circle, and rounded to short numbers; `proved` confirms what is found in
exact arithmetic, by `dynopt.symbolic.equivalence`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from dynopt.auditor.linear import LinearMap, nice
from dynopt.auditor.recovered import definition
from dynopt.core.algorithm import Algorithm
from dynopt.core.parameter import Parameter
from dynopt.core.registry import METHODS, method_class
from dynopt.errors import Misuse
from dynopt.symbolic.equivalence import equivalent
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import symbol, symbolic

_POINTS = 1.5 * np.exp(1j * np.linspace(0.2, 3.0, 10))
EQUAL = 1e-11
"""Transfer functions are taken for equal below this relative distance."""
DECAYS = ("none", "coupled", "decoupled")


@dataclass(frozen=True)
class Match:
    """A method, its parameters, and how well its transfer function agrees.

    Attributes
    ----------
    method : its name.
    values : its parameters, exact where they are short.
    decay : ``none``, ``coupled`` (w θ is added to the gradient) or ``decoupled`` (θ is first multiplied by 1 − w).
    weight : w.
    sign : −1 when the gradient enters with the other sign.
    distance : the largest relative difference of the transfer functions at the points.
    shifted : the stored iterate is where the method takes its gradient, not its own iterate.
    """

    method: str
    values: dict[str, Any]
    decay: str
    weight: Any
    sign: int
    distance: float
    shifted: bool

    @property
    def call(self) -> str:
        """The call of the method."""
        return f"{self.method}({', '.join(f'{k}={v}' for k, v in self.values.items())})"

    def __str__(self) -> str:
        extra = "" if self.decay == "none" else f", {self.decay} weight decay {self.weight}"
        return self.call + extra + (", the sign of the gradient reversed" if self.sign < 0 else "")


@dataclass(frozen=True)
class _Candidate:
    """A registered method as functions of its parameters, evaluated at many points at once."""

    name: str
    cls: Any
    space: StateSpace
    matrices: Callable[..., Any]

    def choices(self) -> list[tuple[Any, ...]]:
        """Which parameters to seek: those that must be given, then all that the transfer function has."""
        seen = [p for p in self.cls.numbers() if any(m.has(symbol(p)) for m in (self.space.A, self.space.B, self.space.C))]
        return list(dict.fromkeys([tuple(p for p in seen if p.required), tuple(seen)]))

    def transfer(self, values: Iterable[float], decay: str, weight: float) -> np.ndarray:
        with np.errstate(all="ignore"):
            A, B, C = (np.array(m, dtype=float) for m in self.matrices(*values))
        if decay == "coupled":  # the gradient is g + w y at the query point y = C s
            A = A + weight * B @ C
        elif decay == "decoupled":  # y is asked for before θ shrinks
            A = A.copy()
            A[:, 0] *= 1 - weight
        return np.asarray((C @ np.linalg.solve(_POINTS[:, None, None] * np.eye(len(A)) - A, B.astype(complex)[None]))[:, 0, 0])


@functools.cache
def _candidate(name: str) -> _Candidate | None:
    cls = method_class(name)
    if not (isinstance(cls, type) and issubclass(cls, Algorithm)):
        return None
    try:
        space = state_space(symbolic(cls))
    except Exception:  # a method that is not linear, or cannot be run on symbols, is no candidate
        return None
    if space.index is not None or space.B.shape[1] != 1 or any(space.D):
        return None
    unknowns = [symbol(p) for p in cls.numbers()]
    return _Candidate(name, cls, space, sp.lambdify(unknowns, [space.A.tolist(), space.B.tolist(), space.C.tolist()], "math"))


def linear_methods() -> tuple[str, ...]:
    """The registered methods with one gradient a step and constant coefficients."""
    return tuple(name for name in METHODS if _candidate(name) is not None)


@functools.lru_cache(maxsize=256)
def matches(found: LinearMap, names: tuple[str, ...] | None = None) -> tuple[Match, ...]:
    """The methods whose transfer function the map has, with as few free parameters as possible; if none, the closest one alone."""
    measured = _transfer(found)
    decaying = abs(float(sum(found.a)) + 1) > 1e-11
    sign = -1 if next((b for b in found.b if b != 0), -1) > 0 else 1
    candidates = [c for c in map(_candidate, names or linear_methods()) if c is not None]
    rounds = [(free, c, decay) for c in candidates for free in c.choices() for decay in (DECAYS[1:] if decaying else DECAYS[:1])]
    tried: list[Match] = []
    for _, group in itertools.groupby(sorted(rounds, key=lambda r: len(r[0])), key=lambda r: len(r[0])):
        tried += [m for free, c, decay in group if (m := _least_squares(c, free, decay, sign, measured)) is not None]
        good = sorted((m for m in tried if m.distance <= EQUAL), key=_length)
        if good:
            return tuple(good)
    return tuple(sorted(tried, key=lambda m: (m.distance, _length(m)))[:1])


def _length(match: Match) -> tuple[int, int, int]:
    digits = sum(len(str(v)) for v in (*match.values.values(), match.weight))
    return len(match.values), digits, list(METHODS).index(match.method) if match.method in METHODS else -1


def _transfer(found: LinearMap) -> np.ndarray:
    a = np.array([1.0, *map(float, found.a)])
    b = np.array(list(map(float, found.b)))
    return np.asarray(np.polyval(b, _POINTS) / np.polyval(a, _POINTS))


def _least_squares(candidate: _Candidate, free: tuple[Any, ...], decay: str, sign: int, measured: np.ndarray) -> Match | None:
    from scipy.optimize import leastsq

    numbers = candidate.cls.numbers()
    fixed = {p.name: float(p.default if p.default is not None else 1) for p in numbers if p not in free}
    size = np.abs(measured)

    def values(x: np.ndarray) -> list[float]:
        given = dict(zip((p.name for p in free), x, strict=False))
        return [given[p.name] if p.name in given else fixed[p.name] for p in numbers]

    def gap(x: np.ndarray) -> np.ndarray:
        try:
            d = (sign * candidate.transfer(values(x), decay, x[-1] if decay != "none" else 0.0) - measured) / size
        except (ZeroDivisionError, np.linalg.LinAlgError, OverflowError, ValueError):
            return np.full(2 * len(size), 1e6)
        d = np.where(np.isfinite(d), d, 1e6)
        return np.concatenate([d.real, d.imag])

    gain = float(np.abs(measured[0]))  # of the size of the step
    starts = itertools.islice(itertools.product(*([gain, 0.5] if p.domain.upper == float("inf") else [0.6, 0.3] for p in free)), 4)
    best: np.ndarray | None = None
    before = np.inf
    for start in starts:
        x0 = np.array([*start, *([1e-2] if decay != "none" else [])])
        if not np.all(np.isfinite(gap(x0))) or len(x0) > 2 * len(size):
            continue
        end, _, info, _, _ = leastsq(gap, x0, full_output=True, xtol=1e-15, ftol=1e-15, gtol=0, maxfev=60 * (len(x0) + 1))
        reached = float(np.max(np.abs(info["fvec"])))
        again = abs(reached - before) < 1e-3 * before
        if reached < before / 2:
            best, before = end, reached
        if before < 1e-12 or again:
            break
    if best is None:
        return None
    best = np.array([*(_inside(p, v) for p, v in zip(free, best, strict=False)), *best[len(free) :]])
    reached = float(np.max(np.abs(gap(best))))
    shown = None
    for tolerance in (1e-6, 1e-9, 1e-12, 0.0):  # the coarsest rounding that costs nothing
        rounded = np.array([float(_short(v, tolerance)) for v in best])
        shown = {p.name: _short(v, min(tolerance, 1e-12)) for p, v in zip(numbers, values(rounded), strict=True)}
        if np.max(np.abs(gap(rounded))) <= max(2 * reached, 1e-14) and _admissible(candidate, shown):
            best = rounded
            break
    else:
        return None
    weight = _short(best[-1], 1e-12) if decay != "none" else 0
    distance = float(np.max(np.abs(gap(best))))
    kept = {n: v for n, v in shown.items() if candidate.cls.parameter(n).required or v != candidate.cls.parameter(n).default}
    return Match(candidate.name, kept, decay, weight, sign, distance, not _stored(candidate.space))


def _admissible(candidate: _Candidate, values: dict[str, Any]) -> bool:
    try:
        candidate.cls.make(**values)
    except Misuse:
        return False
    return True


def _inside(parameter: Parameter, value: float) -> float:
    """The admissible value next to this one."""
    domain = parameter.domain
    assert domain is not None
    low, high = float(domain.lower), float(domain.upper)
    return float(np.clip(value, low if domain.lower_closed else low + 1e-9, high if domain.upper_closed else high - 1e-9))


def _short(value: float, tolerance: float) -> Any:
    if tolerance == 0:
        return float(value)
    found = nice(float(value), tolerance * max(abs(float(value)), 1.0 if tolerance > 1e-12 else 1e-3))
    return found if found is not None else float(value)


def _stored(space: StateSpace) -> bool:
    """The query point is the method's own iterate."""
    return bool(space.C[0, 0] == 1) and not any(space.C[0, 1:])


def proved(found: LinearMap, match: Match) -> bool:
    """Equality in exact arithmetic, and by running both, where all coefficients are exact."""
    if not found.exact or match.decay != "none" or match.sign < 0 or not all(isinstance(v, Fraction) for v in match.values.values()):
        return False
    try:
        relations = equivalent(definition(found), match.call).relations
    except Misuse:
        return False
    return any(r.verified for r in relations)
