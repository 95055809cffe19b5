"""Random rational numbers of parameters, and steps off a boundary."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from dynopt.core.parameter import Domain

OFFSETS = tuple(Fraction(sign, 10**power) for power in (3, 6, 9, 12) for sign in (-1, 1))
"""Relative steps off a boundary point: ±1e-3, ±1e-6, ±1e-9, ±1e-12."""


def draw(domain: Domain, rng: random.Random) -> Fraction:
    """A random rational number of the domain: simple fractions, squares and closed ends among them.

    Squares, because boundaries such as γλ = (1 − √m)² have rational points only there.

    >>> rng = random.Random(0)
    >>> all(Domain.parse("[0, 1)").contains(draw(Domain.parse("[0, 1)"), rng)) for _ in range(100))
    True
    """
    ends = [end for end, closed in ((domain.lower, domain.lower_closed), (domain.upper, domain.upper_closed)) if closed]
    if ends and rng.random() < 0.08:
        return Fraction(rng.choice(ends))
    if math.isinf(domain.upper):
        size = Fraction(2.0 ** rng.uniform(-5, 5)).limit_denominator(rng.choice((4, 12, 100, 10**4)))
        value = size * size if rng.random() < 0.25 else size
        return Fraction(domain.lower) + (value if value > 0 else Fraction(1, 32))
    parts = rng.choice((2, 3, 4, 5, 10, 12, 100, 10**4))
    share = Fraction(rng.randint(1, parts - 1), parts)
    width = Fraction(domain.upper) - Fraction(domain.lower)
    return Fraction(domain.lower) + width * (share * share if rng.random() < 0.25 else share)
