"""Resultants of multivariate polynomials by subresultants, step by step, so that a time limit can stop them."""

from __future__ import annotations

from flint import fmpz_mpoly

from dynopt.symbolic.limits import TooLarge, afford

_MOST = 30_000_000
"""No product or quotient of polynomials with more pairs of terms than this is formed."""


def resultant(a: list[fmpz_mpoly], b: list[fmpz_mpoly]) -> fmpz_mpoly:
    """The resultant, up to its sign, of two polynomials in one variable with polynomial coefficients (ascending, degrees ≥ 1).

    The subresultant remainder sequence of Brown and Traub; zero if they have a common factor.
    """
    if len(a) < len(b):
        a, b = b, a
    g = h = one = a[0] * 0 + 1
    while len(b) > 1:
        gap = len(a) - len(b)
        rest = _pseudo_remainder(a, b)
        if not rest:
            return one * 0
        divisor = g * power(h, gap)
        a, b = b, [quotient(c, divisor) for c in rest]
        g = a[-1]
        h = g if gap == 1 else h if gap == 0 else quotient(power(g, gap), power(h, gap - 1))
    degree = len(a) - 1
    return quotient(power(b[0], degree), power(h, degree - 1))


def _pseudo_remainder(a: list[fmpz_mpoly], b: list[fmpz_mpoly]) -> list[fmpz_mpoly]:
    """lc(b)^(deg a − deg b + 1)·a mod b."""
    rest, lead = list(a), b[-1]
    for _ in range(len(a) - len(b) + 1):
        top = rest.pop()
        shift = len(rest) - len(b) + 1
        rest = [times(lead, c) for c in rest]
        for i, d in enumerate(b[:-1]):
            rest[i + shift] = rest[i + shift] - times(top, d)
    while rest and rest[-1].is_zero():
        rest.pop()
    return rest


def power(p: fmpz_mpoly, n: int) -> fmpz_mpoly:
    """pⁿ."""
    result = p * 0 + 1
    for _ in range(n):
        result = times(result, p)
    return result


def times(p: fmpz_mpoly, q: fmpz_mpoly) -> fmpz_mpoly:
    """p·q."""
    _affordable(p, q, "a product")
    return p * q


def quotient(p: fmpz_mpoly, q: fmpz_mpoly) -> fmpz_mpoly:
    """p/q, which is a polynomial."""
    _affordable(p, q, "a quotient")
    return p // q


def _affordable(p: fmpz_mpoly, q: fmpz_mpoly, what: str) -> None:
    if len(p) * len(q) > _MOST:
        raise TooLarge(f"{what} of polynomials of {len(p)} and {len(q)} terms")
    afford(2e-8 * len(p) * len(q), f"{what} of polynomials of {len(p)} and {len(q)} terms")
