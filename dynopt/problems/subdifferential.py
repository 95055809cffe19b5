"""Clarke subdifferentials of landscapes with kinks, in exact arithmetic, and the nearest point of a convex hull."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from dynopt.core.result import Result
from dynopt.errors import Misuse
from dynopt.problems.pieces import Pieces

if TYPE_CHECKING:
    from dynopt.problems.landscape import Landscape

Vector = tuple[Any, ...]
_ACTIVE = 10  # kinks at one point: 2^10 pieces are looked at


@dataclass(frozen=True)
class Membership(Result):
    """Whether a vector lies in a convex hull, with a witness that anyone can check.

    Attributes
    ----------
    answer : ``inside``, ``outside`` or ``undecided`` (see `Subdifferential.possible`).
    witness : for ``inside`` weights of the vertices, ≥ 0 with sum 1, whose mean is the vector; for
        ``outside`` a direction d with ⟨d, v − vector⟩ ≥ ‖d‖² > 0 for every vertex v; otherwise empty.
    """

    answer: str
    witness: Vector = ()


@dataclass(frozen=True)
class Subdifferential(Result):
    """The convex hull of finitely many exact vectors: ∂J(θ) of (2.7), or DJ(θ) of a sum.

    Attributes
    ----------
    point : θ.
    vertices : the limits of gradients, of the pieces that fill an open set arbitrarily near θ.
    possible : gradients of pieces of which it is not decided whether they do (empty for affine
        kinks, and whenever the kinks cross at an angle).
    """

    point: Vector
    vertices: tuple[Vector, ...]
    possible: tuple[Vector, ...] = ()

    def least_norm(self) -> Vector:
        """The element of least norm of the hull of `vertices`."""
        return least_norm(self.vertices)[0]

    def contains(self, vector: Sequence[Any] | None = None) -> Membership:
        """Whether a vector (0 by default) lies in the set.

        >>> from dynopt import Landscape
        >>> clarke(Landscape(lambda x: abs(x) + x / 2), [0]).contains()
        Membership(answer='inside', witness=(3/4, 1/4))
        """
        target = [sp.Integer(0)] * len(self.point) if vector is None else [sp.sympify(v) for v in vector]
        inner, weights = least_norm([_minus(v, target) for v in self.vertices])
        if not any(inner):
            return Membership("inside", weights)
        outer = inner if not self.possible else least_norm([_minus(v, target) for v in (*self.vertices, *self.possible)])[0]
        return Membership("outside", outer) if any(outer) else Membership("undecided")


def clarke(landscape: Landscape, point: Sequence[Any]) -> Subdifferential:
    """The Clarke subdifferential (thesis (2.7)) at an exact point; floats are taken as the binary numbers that they are.

    A piece counts when it is J on an open set whose closure holds the point.  That it does is proved
    by a direction along which all its inequalities hold; that it does not, by non-negative weights
    with which they add up to something that is nowhere positive.  Where neither is found it is `possible`.

    Raises
    ------
    Misuse : the objective is not built from smooth functions, abs, Max and Min, or more than 10 kinks meet.

    Examples
    --------
    >>> from dynopt import Landscape
    >>> clarke(Landscape(lambda x, y: abs(x) - abs(x + y) + y), [0, 0]).vertices
    ((-2, 0), (0, 0), (0, 2), (2, 2))
    """
    pieces = Pieces(landscape)
    if len(point) != len(pieces.symbols):
        raise Misuse(f"{landscape.name} has {len(pieces.symbols)} coordinates, the point has {len(point)}; give one value per coordinate")
    at = dict(zip(pieces.symbols, map(exact, point), strict=True))
    vertices: dict[Vector, None] = {}
    possible: dict[Vector, None] = {}
    for signs, inequalities in _active(pieces, at, landscape.name):
        gradient = tuple(sp.simplify(g.xreplace(signs).xreplace(at)) for g in pieces.gradient_expression)
        if gradient in vertices:
            continue
        fills = fills_open_set(inequalities, at)
        if fills is not False:
            (vertices if fills else possible)[gradient] = None
    rest = [v for v in possible if v not in vertices]
    return Subdifferential(tuple(at.values()), tuple(sorted(vertices, key=_order)), tuple(sorted(rest, key=_order)))


def exact(value: Any) -> sp.Expr:
    """A number as SymPy's exact one; a float becomes the binary fraction that it is."""
    return sp.Rational(float(value)) if isinstance(value, (float, np.floating)) else sp.sympify(value)


def _active(pieces: Pieces, at: dict[Any, Any], name: str) -> Iterator[tuple[dict[Any, Any], list[sp.Expr]]]:
    """Every choice of signs that is possible at the point, with the functions s_j·h_j that vanish there and must be positive."""
    branches: list[tuple[dict[Any, Any], list[sp.Expr]]] = [({}, [])]
    for s, h in zip(pieces.signs, pieces.switches, strict=True):
        grown = []
        for signs, inequalities in branches:
            switch = h.xreplace(signs)
            side = sign(switch.xreplace(at))
            for choice in (-1, 1) if side == 0 else (side,):
                grown.append(({**signs, s: sp.Integer(choice)}, inequalities + ([choice * switch] if side == 0 else [])))
        branches = grown
        if len(branches) > 2**_ACTIVE:
            raise Misuse(f"more than {_ACTIVE} kinks of {name} meet at {tuple(at.values())}; choose another point")
    yield from branches


def fills_open_set(inequalities: Sequence[sp.Expr], at: dict[Any, Any]) -> bool | None:
    """Whether {all > 0} has the point, where all vanish, in its closure; None when not decided.

    >>> x, y = sp.symbols("x y", real=True)
    >>> origin = {x: sp.Integer(0), y: sp.Integer(0)}
    >>> fills_open_set([y, -x - y, x], origin), fills_open_set([y, x**2 - y], origin)
    (False, True)
    """
    if not inequalities:
        return True
    slopes = [tuple(sp.diff(g, x).xreplace(at) for x in at) for g in inequalities]
    direction, weights = least_norm(slopes)
    if any(direction):  # ⟨direction, slope⟩ ≥ ‖direction‖² for each: all rise along it
        return True
    if _never_positive(sp.expand(sum(w * g for w, g in zip(weights, inequalities, strict=True))), at):
        return False
    t = sp.Symbol("t", positive=True)
    for first, second in itertools.islice(_arcs(len(at)), 400):
        arc = {x: p + t * d + t**2 * e for (x, p), d, e in zip(at.items(), first, second, strict=True)}
        if all(_rises(sp.expand(g.xreplace(arc)), t) for g in inequalities):
            return True
    return None


def _never_positive(function: sp.Expr, at: dict[Any, Any]) -> bool:
    """Whether a function that vanishes at the point with its gradient is ≤ 0 near it, as far as its sign or its Hessian shows."""
    if function.is_nonpositive:
        return True
    hessian = sp.hessian(function, list(at)).xreplace(at)
    quadratic = function.is_polynomial(*at) and sp.Poly(function, *at).total_degree() <= 2
    return bool(hessian.is_negative_semidefinite if quadratic else hessian.is_negative_definite)


def _arcs(dimension: int) -> Iterator[tuple[Vector, Vector]]:
    half = sp.Rational(1, 2)
    for second in itertools.product((0, half, -half, 2, -2), repeat=dimension):
        for first in itertools.product((1, -1, 0), repeat=dimension):
            yield first, second


def _rises(along: sp.Expr, t: sp.Symbol) -> bool:
    """Whether a function of t that vanishes at 0 is positive for small t > 0, seen from its leading power."""
    if not along.is_polynomial(t):
        along = sp.series(along, t, 0, 6).removeO()
    powers = sp.Poly(along, t).all_coeffs()[::-1] if along != 0 else []
    return next((sign(c) > 0 for c in powers if sign(c) != 0), False)


def least_norm(points: Sequence[Vector]) -> tuple[Vector, Vector]:
    """The point of least norm of a convex hull and its weights, exact (Wolfe 1976).

    >>> least_norm([(1, 2), (1, -1), (3, 0)])
    ((1, 0), (1/3, 2/3, 0))
    """
    rows = [tuple(map(exact, p)) for p in points]
    norms = [_inner(p, p) for p in rows]
    chosen = [next(i for i, a in enumerate(norms) if all(sign(a - b) <= 0 for b in norms))]
    weights = [sp.Integer(1)]
    while True:
        here = _mean(rows, chosen, weights)
        gains = [_inner(here, p) for p in rows]
        best = min(range(len(rows)), key=lambda i: sp.N(gains[i], 30))
        if best in chosen or sign(gains[best] - _inner(here, here)) >= 0:
            full = dict(zip(chosen, weights, strict=True))
            return here, tuple(full.get(i, sp.Integer(0)) for i in range(len(rows)))
        chosen, weights = [*chosen, best], [*weights, sp.Integer(0)]
        while True:  # to the least norm of the affine hull, or as far as the weights stay non-negative
            target = _affine([rows[i] for i in chosen])
            if all(sign(v) >= 0 for v in target):
                weights = target
                break
            step = min((w / (w - v) for w, v in zip(weights, target, strict=True) if sign(v) < 0), key=lambda r: sp.N(r, 30))
            moved = [sp.simplify((1 - step) * w + step * v) for w, v in zip(weights, target, strict=True)]
            kept = [i for i, w in enumerate(moved) if sign(w) > 0]
            chosen, weights = [chosen[i] for i in kept], [moved[i] for i in kept]
        kept = [i for i, w in enumerate(weights) if sign(w) > 0]
        chosen, weights = [chosen[i] for i in kept], [weights[i] for i in kept]


def _affine(points: list[Vector]) -> list[Any]:
    """Weights of sum 1 of the point of least norm in the affine hull of affinely independent points."""
    m = len(points)
    matrix = sp.Matrix(m + 1, m + 1, lambda i, j: 0 if i == j == m else 1 if m in (i, j) else _inner(points[i], points[j]))
    return [sp.simplify(v) for v in matrix.LUsolve(sp.Matrix([0] * m + [1]))[:m]]


def _mean(points: Sequence[Vector], chosen: Sequence[int], weights: Sequence[Any]) -> Vector:
    return tuple(sp.simplify(sum(w * points[i][j] for i, w in zip(chosen, weights, strict=True))) for j in range(len(points[0])))


def _inner(p: Vector, q: Vector) -> Any:
    return sp.simplify(sum(a * b for a, b in zip(p, q, strict=True)))


def _minus(p: Vector, q: Sequence[Any]) -> Vector:
    return tuple(a - b for a, b in zip(p, q, strict=True))


def _order(p: Vector) -> list[float]:
    return [float(v) for v in p]


def sign(value: Any) -> int:
    """The sign of an exact real number."""
    if value.is_Rational:
        return (int(value.p) > 0) - (int(value.p) < 0)
    if value.equals(0):
        return 0
    return 1 if sp.N(value, 30) > 0 else -1


def nearest(points: np.ndarray, target: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The point of conv(points) nearest to ``target`` (0 by default) and its weights, in floating point.

    ``points`` has shape ``(m, n)``.  Non-negative least squares of [(points − target)ᵀ; 1ᵀ]u ≈ [0; 1]
    has the solution u ∝ weights (Lawson and Hanson's reduction).

    >>> nearest(np.array([[1.0, 2.0], [1.0, -1.0], [3.0, 0.0]]))[0].round(12)
    array([1., 0.])
    """
    from scipy.optimize import nnls

    shifted = points if target is None else points - target
    scale = float(np.max(np.abs(shifted))) or 1.0
    system = np.vstack([shifted.T / scale, np.ones(len(points))])
    u = nnls(system, np.r_[np.zeros(points.shape[1]), 1.0])[0]
    weights = u / u.sum()
    return weights @ points, weights
