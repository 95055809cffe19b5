"""Criteria on the mode matrix: Jury and Routh–Hurwitz conditions, discriminant, determinant.

Each criterion is a tuple of polynomials in λ and the method's parameters, with the relation to
zero that all of them must satisfy.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import sympy as sp

from dynopt.symbolic.linearize import StateSpace
from dynopt.symbolic.symbols import eigenvalue

z = sp.Symbol("z")


@functools.lru_cache(maxsize=64)
def characteristic_polynomial(space: StateSpace) -> sp.Poly:
    """det(zI − M(λ)), monic in z.

    >>> from dynopt.symbolic.linearize import state_space
    >>> from dynopt.symbolic.symbols import symbolic
    >>> characteristic_polynomial(state_space(symbolic("din"))).as_expr()
    lamda + z**2 + z*(alpha + beta*lamda)
    """
    matrix = space.mode_matrix
    polynomial = sp.expand(sp.cancel((z * sp.eye(matrix.shape[0]) - matrix).det(method="berkowitz")))
    poly = sp.Poly(polynomial, z)
    return sp.Poly([sp.factor_terms(sp.cancel(c)) for c in poly.all_coeffs()], z)


def jury(chi: sp.Poly) -> tuple[sp.Expr, ...]:
    """Expressions that are all positive iff every root of χ has modulus below one (Jury, Schur–Cohn).

    χ(z) is carried to the left half plane by z = (1 + w)/(1 − w), w ↦ (1 − w)ⁿχ; the Hurwitz
    conditions there are the Jury conditions here.  The leading one is (−1)ⁿχ(−1) > 0, the last χ(1) > 0.
    """
    w = sp.Dummy("w")
    n = chi.degree()
    moved = sp.expand(sum(c * (1 + w) ** (n - i) * (1 - w) ** i for i, c in enumerate(chi.all_coeffs())))
    return hurwitz(sp.Poly(moved, w))


def hurwitz(chi: sp.Poly) -> tuple[sp.Expr, ...]:
    """Expressions that are all positive iff every root of χ has a negative real part (Routh–Hurwitz, Liénard–Chipart).

    χ must have a positive leading coefficient for roots in the left half plane; it is included, so
    that the conditions are also right for a leading coefficient that may change sign.
    """
    a = [sp.expand(c) for c in chi.all_coeffs()]
    n = len(a) - 1
    if n <= 2:
        return tuple(a)
    matrix = sp.Matrix(n, n, lambda i, j: a[2 * (j + 1) - (i + 1)] if 0 <= 2 * (j + 1) - (i + 1) <= n else 0)
    minors = [sp.expand(matrix[:i, :i].det(method="berkowitz")) for i in range(2, n)]
    return (*a, *(m for i, m in enumerate(minors, start=2) if (n - i) % 2 == 1))


@dataclass(frozen=True)
class Criterion:
    """A property of one mode as polynomial conditions.

    Attributes
    ----------
    property : its name on the command line.
    relation : ``> 0`` (all positive), ``>= 0`` (all non-negative) or ``!= 0`` (none zero).
    polynomials : numerators in λ and parameters.
    guarantee : what the property implies, and for which functions.
    """

    property: str
    relation: str
    polynomials: tuple[sp.Expr, ...]
    guarantee: str


_QUADRATIC = "local / quadratic: every eigenvalue of M(λ) for Hessian eigenvalues λ in the interval; not a class-wide guarantee"


def stable(space: StateSpace) -> Criterion:
    """Every mode decays: spectral radius below one (maps), spectral abscissa below zero (flows)."""
    chi = characteristic_polynomial(space)
    conditions = hurwitz(chi) if space.continuous else jury(chi)
    return Criterion("stable", "> 0", tuple(map(_numerator, conditions)), _QUADRATIC)


def diffeomorphism(space: StateSpace) -> Criterion:
    """The map has an invertible Jacobian: det M(λ) ≠ 0."""
    determinant = _radical(_numerator(space.mode_matrix.det(method="berkowitz")))
    return Criterion(
        "diffeomorphism", "!= 0", (determinant,),
        "local diffeomorphism wherever the Hessian spectrum lies in the interval: det M(λ) ≠ 0 there; holds for every such function",
    )  # fmt: skip


def non_oscillating(space: StateSpace) -> Criterion:
    """Every eigenvalue of M(λ) is real: for two blocks, the discriminant of χ is non-negative."""
    chi = characteristic_polynomial(space)
    return Criterion("non-oscillating", ">= 0", tuple(map(_numerator, real_rooted(chi))), _QUADRATIC)


def real_rooted(chi: sp.Poly) -> tuple[sp.Expr, ...]:
    """Expressions that are all non-negative iff every root of χ is real.

    Up to degree 3 the discriminant; above, the principal minors of the Hankel matrix of Newton sums,
    which is positive semidefinite iff all roots are real (Hermite).
    """
    n = chi.degree()
    if n == 1:
        return ()
    if n <= 3:
        return (sp.expand(chi.discriminant()),)
    coefficients = chi.all_coeffs()
    e = [(-1) ** i * c / coefficients[0] for i, c in enumerate(coefficients)]
    p: list[sp.Expr] = [sp.Integer(n)]
    for k in range(1, 2 * n - 1):
        total = sum((-1) ** (i - 1) * e[i] * p[k - i] for i in range(1, min(k - 1, n) + 1))
        if k <= n:
            total += (-1) ** (k - 1) * k * e[k]
        p.append(sp.expand(total))
    hankel = sp.Matrix(n, n, lambda i, j: p[i + j])
    minors = [
        sp.expand(hankel.extract(list(rows), list(rows)).det(method="berkowitz"))
        for size in range(2, n + 1)
        for rows in itertools.combinations(range(n), size)
    ]
    return tuple(minors)


def _numerator(e: sp.Expr) -> sp.Expr:
    """A polynomial with the sign of e (zero where e is): numerator × denominator, squares and known positive factors dropped."""
    if sp.sympify(e).is_positive:
        return sp.Integer(1)
    numerator, denominator = sp.fraction(sp.cancel(sp.together(e)))
    product = sp.factor_list(sp.expand(numerator * denominator))
    constant, factors = product
    kept = sp.sign(constant)
    for base, power in factors:
        if not (base.is_positive or (power % 2 == 0 and eigenvalue not in base.free_symbols and base.is_nonzero)):
            kept *= base**power
    return sp.expand(kept)


def _radical(e: sp.Expr) -> sp.Expr:
    """A polynomial with the same zeros, each simple."""
    constant, factors = sp.factor_list(e)
    return sp.expand(sp.Mul(sp.sign(constant), *(base for base, _ in factors)))


CRITERIA = {"stable": stable, "diffeomorphism": diffeomorphism, "non-oscillating": non_oscillating}
