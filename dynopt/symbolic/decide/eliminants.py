"""Resultants of multivariate polynomials by subresultants, step by step, so that a deadline can stop them."""

from __future__ import annotations

from flint import fmpz_mpoly

from dynopt.symbolic.decide.limits import Deadline, TooLarge

_MOST = 10_000_000
"""No product of polynomials with more pairs of terms than this is formed."""


def resultant(a: list[fmpz_mpoly], b: list[fmpz_mpoly], deadline: Deadline) -> fmpz_mpoly:
    """The resultant, up to its sign, of two polynomials in one variable with polynomial coefficients (ascending, degrees ≥ 1).

    The subresultant remainder sequence of Brown and Traub; zero if they have a common factor.
    """
    if len(a) < len(b):
        a, b = b, a
    g = h = one = a[0] * 0 + 1
    while len(b) > 1:
        gap = len(a) - len(b)
        rest = _pseudo_remainder(a, b, deadline)
        if not rest:
            return one * 0
        divisor = g * _power(h, gap, deadline)
        a, b = b, [c // divisor for c in rest]
        g = a[-1]
        h = g if gap == 1 else h if gap == 0 else _power(g, gap, deadline) // _power(h, gap - 1, deadline)
    degree = len(a) - 1
    return _power(b[0], degree, deadline) // _power(h, degree - 1, deadline)


def _pseudo_remainder(a: list[fmpz_mpoly], b: list[fmpz_mpoly], deadline: Deadline) -> list[fmpz_mpoly]:
    """lc(b)^(deg a − deg b + 1)·a mod b."""
    rest, lead = list(a), b[-1]
    for _ in range(len(a) - len(b) + 1):
        top = rest.pop()
        shift = len(rest) - len(b) + 1
        rest = [_times(lead, c, deadline) for c in rest]
        for i, d in enumerate(b[:-1]):
            rest[i + shift] = rest[i + shift] - _times(top, d, deadline)
    while rest and rest[-1].is_zero():
        rest.pop()
    return rest


def _power(p: fmpz_mpoly, n: int, deadline: Deadline) -> fmpz_mpoly:
    result = p * 0 + 1
    for _ in range(n):
        result = _times(result, p, deadline)
    return result


def _times(p: fmpz_mpoly, q: fmpz_mpoly, deadline: Deadline) -> fmpz_mpoly:
    deadline.check()
    if len(p) * len(q) > _MOST:
        raise TooLarge(f"a product of polynomials of {len(p)} and {len(q)} terms")
    return p * q
