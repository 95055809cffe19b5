"""Exact coordinates as SymPy numbers: rationals, quadratic surds, roots of irreducible polynomials."""

from __future__ import annotations

import sympy as sp


def real_roots(polynomial: sp.Poly) -> list[sp.Expr]:
    """The distinct real roots, ascending.

    >>> x = sp.Symbol("x")
    >>> real_roots(sp.Poly((x**2 - 2) * (x - 3)**2 * (x**3 - 9), x))
    [-sqrt(2), sqrt(2), CRootOf(x**3 - 9, 0), 3]
    """
    found = [r for r, _ in sp.real_roots(polynomial, multiple=False, radicals=False)]
    return [sp.expand(r.replace(_is_quadratic, lambda q: sp.rootof(q.poly, q.index))) for r in found]


def _is_quadratic(r: sp.Expr) -> bool:
    return isinstance(r, sp.CRootOf) and r.poly.degree() == 2
