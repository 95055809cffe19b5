"""Exact coordinates as SymPy numbers: rationals, quadratic surds, roots of irreducible polynomials."""

from __future__ import annotations

import sympy as sp

from dynopt.symbolic.limits import afford


def real_roots(polynomial: sp.Poly) -> list[sp.Expr]:
    """The distinct real roots, ascending.

    >>> x = sp.Symbol("x")
    >>> real_roots(sp.Poly((x**2 - 2) * (x - 3)**2 * (x**3 - 9), x))
    [-sqrt(2), sqrt(2), CRootOf(x**3 - 9, 0), 3]
    """
    n, bits = polynomial.degree(), max(int(c.p).bit_length() + int(c.q).bit_length() for c in polynomial.all_coeffs())
    afford(5e-7 * n * bits + 1e-5 * n**2, f"the isolation of the roots of a polynomial of degree {n} with numbers of {bits} bits")
    found = [r for r, _ in sp.real_roots(polynomial, multiple=False, radicals=False)]
    return [sp.expand(r.replace(_is_quadratic, lambda q: sp.rootof(q.poly, q.index))) for r in found]


def _is_quadratic(r: sp.Expr) -> bool:
    return isinstance(r, sp.CRootOf) and r.poly.degree() == 2
