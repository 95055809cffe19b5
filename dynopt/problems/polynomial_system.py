"""All real solutions of a polynomial system with finitely many complex ones, in exact arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sympy as sp


def real_solutions(equations: Sequence[sp.Expr], unknowns: Sequence[sp.Symbol]) -> list[tuple[sp.Expr, ...]] | None:
    """Every real solution once, or None when the system is not polynomial over Q or has infinitely many solutions.

    The ideal is made radical by its squarefree eliminants (Seidenberg), and a linear form t that
    separates its points gives xᵢ = gᵢ(t) on the roots of one squarefree polynomial p(t) (shape
    lemma).  Each coordinate is returned as the rational, radical or `CRootOf` root of its own eliminant,
    the same object wherever the same number appears.

    >>> x, y = sp.symbols("x y", real=True)
    >>> real_solutions([x**2 + y**2 - 2, x - y], [x, y])
    [(-1, -1), (1, 1)]
    """
    try:
        system = [p for p in (sp.Poly(e, *unknowns, domain="QQ") for e in equations) if not p.is_zero]
    except (sp.PolynomialError, sp.CoercionFailed):
        return None
    basis = sp.groebner(system, *unknowns, order="grevlex") if system else None
    if basis is None or not basis.is_zero_dimensional:
        return [] if basis is not None and basis.exprs == [1] else None
    eliminants = [_eliminant(basis.exprs, unknowns, x) for x in unknowns]
    radical = sp.groebner([*basis.exprs, *(e.as_expr() for e in eliminants)], *unknowns, order="grevlex")
    candidates = [sp.real_roots(e) for e in eliminants]
    parameter, shapes = _shape(radical, unknowns)
    found = [tuple(_nearest(g, root, roots) for g, roots in zip(shapes, candidates, strict=True)) for root in sp.real_roots(parameter)]
    if len(set(found)) < len(found):
        raise ArithmeticError(f"two real solutions of {list(equations)} were taken for one")
    return found


def _eliminant(basis: Sequence[sp.Expr], unknowns: Sequence[sp.Symbol], x: sp.Symbol) -> sp.Poly:
    """The squarefree polynomial in x alone whose roots are the x-coordinates."""
    others = [y for y in unknowns if y != x]
    lex = sp.groebner(basis, *others, x, order="grevlex").fglm("lex")
    return sp.Poly(lex.exprs[-1], x, domain="QQ").sqf_part()


def _shape(radical: sp.GroebnerBasis, unknowns: Sequence[sp.Symbol]) -> tuple[sp.Poly, list[sp.Poly]]:
    """p(t) and the gᵢ(t) of the shape lemma, for the first linear form t = Σ cᵢxᵢ that separates the points."""
    t = sp.Dummy("t")
    for height in itertools.count(1):
        form = sum(height**i * x for i, x in enumerate(unknowns))
        lex = sp.groebner([*radical.exprs, t - form], *unknowns, t, order="grevlex").fglm("lex")
        *heads, last = lex.exprs
        if len(heads) == len(unknowns) and all(sp.Poly(h, x).degree() == 1 for h, x in zip(heads, unknowns, strict=True)):
            shapes = [sp.Poly(sp.solve(h, x)[0], t, domain="QQ") for h, x in zip(heads, unknowns, strict=True)]
            return sp.Poly(last, t, domain="QQ"), shapes
    raise AssertionError("unreachable")


def _nearest(shape: sp.Poly, root: sp.Expr, roots: Sequence[sp.Expr]) -> sp.Expr:
    """The one of ``roots`` that equals shape(root), told apart at a precision at which only one is near."""
    for digits in (30, 100, 300, 1000):
        value = shape.as_expr().subs(shape.gen, sp.N(root, 2 * digits))
        near = [r for r in roots if abs(sp.N(r, 2 * digits) - value) < sp.Float(10) ** (-digits // 2)]
        if len(near) == 1:
            return near[0]
    raise ArithmeticError(f"the coordinates {roots} of a polynomial system cannot be told apart")
