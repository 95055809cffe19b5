"""Real roots of univariate rational polynomials, exactly: isolation, counting, signs at algebraic numbers.

Isolation is by Descartes' rule of signs with bisection; counting by Sturm's theorem, so that one
can be held against the other.  Nothing is rounded: intervals have rational ends, and a sign is
returned only when it is certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import flint
from flint import fmpq, fmpz, fmpz_poly

from dynopt.symbolic.limits import afford, check


def polynomial(coefficients: Sequence[int | Fraction | fmpz | fmpq] | fmpz_poly | flint.fmpq_poly) -> fmpz_poly:
    """The primitive integer polynomial with the same roots; ascending coefficients.

    >>> polynomial([Fraction(-1, 2), 0, Fraction(1, 4)])
    x^2 + (-2)
    """
    if isinstance(coefficients, fmpz_poly):
        p = coefficients
    elif isinstance(coefficients, flint.fmpq_poly):
        p = coefficients.numer()
    else:
        p = flint.fmpq_poly([rational(c) for c in coefficients]).numer()
    return p // p.content() if p else p


def rational(value: int | Fraction | fmpz | fmpq) -> fmpq:
    """A flint rational."""
    return fmpq(value.numerator, value.denominator) if isinstance(value, Fraction) else fmpq(value)


def sign(value: fmpq | fmpz) -> int:
    """−1, 0 or 1."""
    return (value > 0) - (value < 0)


def squarefree(p: fmpz_poly) -> fmpz_poly:
    """The polynomial with the same roots, each once."""
    if p.degree() < 1:
        return p
    afford_factors(p)
    return p // p.gcd(p.derivative())


def afford_factors(p: fmpz_poly) -> None:
    """Asks whether the time is left to find factors of p, or its common divisor with a polynomial of its size."""
    afford(5e-7 * p.degree() * p.height_bits(), f"a factor of a polynomial of degree {p.degree()} with numbers of {p.height_bits()} bits")


@dataclass(frozen=True)
class Interval:
    """One real root: exactly `low` if low = high, else the only one in the open interval (low, high)."""

    low: fmpq
    high: fmpq

    @property
    def exact(self) -> bool:
        return bool(self.low == self.high)

    @property
    def middle(self) -> fmpq:
        return (self.low + self.high) / 2


def isolate(p: fmpz_poly) -> list[Interval]:
    """Disjoint intervals for the distinct real roots of a squarefree p, ascending; no interval ends at another root.

    >>> [(str(i.low), str(i.high)) for i in isolate(fmpz_poly([-2, 0, 1]))]
    [('-4', '0'), ('0', '4')]
    """
    if p.degree() < 1:
        return []
    roots: list[Interval] = []
    if p[0] == 0:
        roots.append(Interval(fmpq(0), fmpq(0)))
        p = p.right_shift(1)
    bits = _bound(p)
    scale = fmpz(1) << bits
    for side in (-1, 1):
        for low, high in _unit(p(fmpz_poly([0, side * scale]))):
            ends = sorted([side * low * scale, side * high * scale])
            roots.append(Interval(*ends))
    roots.sort(key=lambda i: i.middle)
    return [_apart(p, i, roots) for i in roots]


def _apart(p: fmpz_poly, interval: Interval, roots: list[Interval]) -> Interval:
    """Ends moved off exact roots (an open interval may start or end at one)."""
    while not interval.exact and any(r.exact and r.low in (interval.low, interval.high) for r in roots):
        interval = halve(p, interval)
    return interval


def _bound(p: fmpz_poly) -> int:
    """k with every root of modulus below 2^k (Lagrange's bound on each coefficient)."""
    lead = abs(p.leading_coefficient())
    n = p.degree()
    k = 0
    for i, c in enumerate(p.coeffs()[:-1]):
        if c:
            ratio = int(abs(c)) // int(lead) + 1
            k = max(k, -(-ratio.bit_length() // (n - i)) + 1)
    return k


def _unit(p: fmpz_poly) -> Iterator[tuple[fmpq, fmpq]]:
    """Isolating intervals of the roots of p in (0, 1), by bisection until Descartes' rule decides."""
    stack = [(p, fmpz(0), 0)]
    one = fmpz_poly([1, 1])
    while stack:
        check()
        q, c, k = stack.pop()
        variations = _variations(fmpz_poly(q.coeffs()[::-1])(one)) if q.degree() > 0 else 0
        if variations == 0:
            continue
        unit = fmpz(1) << k
        if variations == 1:
            yield fmpq(c, unit), fmpq(c + 1, unit)
            continue
        n = q.degree()
        left = fmpz_poly([a << (n - i) for i, a in enumerate(q.coeffs())])
        right = left(one)
        if right[0] == 0:
            yield fmpq(2 * c + 1, unit * 2), fmpq(2 * c + 1, unit * 2)
            right = fmpz_poly(right.coeffs()[1:])
        stack.append((right, 2 * c + 1, k + 1))
        stack.append((left, 2 * c, k + 1))


def _variations(p: fmpz_poly) -> int:
    signs = [c > 0 for c in p.coeffs() if c != 0]
    return sum(a != b for a, b in pairwise(signs))


def halve(p: fmpz_poly, interval: Interval) -> Interval:
    """Half of an isolating interval of a squarefree p, or the root itself if it is the middle."""
    check()
    m = interval.middle
    at = sign(p(m))
    if at == 0:
        return Interval(m, m)
    low = sign(p(interval.low)) or sign(p.derivative()(interval.low))
    return Interval(m, interval.high) if low == at else Interval(interval.low, m)


def roots(p: fmpz_poly) -> list[tuple[Interval, int]]:
    """All distinct real roots with their multiplicities, ascending.

    >>> [(str(i.middle), m) for i, m in roots(fmpz_poly([0, 0, 0, -1, 1]))]
    [('0', 3), ('1', 1)]
    """
    afford_factors(p)
    found = [(q, i, m) for q, m in p.factor_squarefree()[1] for i in isolate(q)]
    separate: list[tuple[fmpz_poly, Interval, int]] = []
    for j, (q, i, m) in enumerate(found):
        others = [r for k, (r, _, _) in enumerate(found) if k != j and r != q]
        while not i.exact and any(count(r, i.low, i.high) or r(i.low) == 0 for r in others):
            i = halve(q, i)
        separate.append((q, i, m))
    return sorted(((i, m) for _, i, m in separate), key=lambda t: t[0].middle)


def count(p: fmpz_poly, low: fmpq | None = None, high: fmpq | None = None) -> int:
    """Number of distinct real roots in (low, high], by Sturm's theorem; None is an infinite end.

    >>> count(fmpz_poly([-2, 0, 1])), count(fmpz_poly([-2, 0, 1]), fmpq(0), None)
    (2, 1)
    """
    chain = [p, p.derivative()]
    while chain[-1] != 0:
        check()
        chain.append(_negative_remainder(chain[-2], chain[-1]))
    chain.pop()

    def changes(at: fmpq | None, end: int) -> int:
        values = [sign(q(at)) if at is not None else sign(q.leading_coefficient()) * (end if q.degree() % 2 else 1) for q in chain]
        values = [v for v in values if v]
        return sum(a != b for a, b in pairwise(values))

    gcd = chain[-1]
    if gcd.degree() > 0 and any(at is not None and gcd(at) == 0 for at in (low, high)):
        return count(p // gcd, low, high)
    return changes(low, -1) - changes(high, 1)


def _negative_remainder(a: fmpz_poly, b: fmpz_poly) -> fmpz_poly:
    """A positive multiple of −(a mod b), primitive."""
    r = (flint.fmpq_poly(a) % flint.fmpq_poly(b)).numer()
    return -(r // r.content()) if r else r


class RealRoot:
    """A real algebraic number: a root of an irreducible integer polynomial in an isolating interval that shrinks on demand.

    >>> r = RealRoot(fmpz_poly([-2, 0, 1]), Interval(fmpq(1), fmpq(2)))
    >>> sign_at(fmpz_poly([-7, 5]), r), sign_at(fmpz_poly([-4, 0, 2]), r)
    (1, 0)
    """

    def __init__(self, p: fmpz_poly, interval: Interval) -> None:
        self.polynomial = p
        self.interval = interval
        self._low = 0 if interval.exact else sign(p(interval.low)) or sign(p.derivative()(interval.low))

    def halve(self) -> None:
        """One bisection step."""
        check()
        if self.interval.exact:
            return
        m = self.interval.middle
        at = sign(self.polynomial(m))
        if at == 0:
            self.interval = Interval(m, m)
        elif at == self._low:
            self.interval = Interval(m, self.interval.high)
        else:
            self.interval = Interval(self.interval.low, m)

    def ball(self, bits: int) -> flint.arb:
        """An enclosure of relative width about 2^−bits (call with ``flint.ctx.prec`` above bits)."""
        size = max(abs(self.interval.low), abs(self.interval.high))
        while (self.interval.high - self.interval.low) * (fmpz(1) << bits) > size:
            self.halve()
        return flint.arb(self.interval.low).union(flint.arb(self.interval.high))


def sign_at(q: fmpz_poly, root: RealRoot) -> int:
    """The exact sign of q at an algebraic number: divisibility decides zero, ball arithmetic the rest."""
    if root.interval.exact:
        return sign(q(root.interval.low))
    if q == 0 or flint.fmpq_poly(q) % flint.fmpq_poly(root.polynomial) == 0:
        return 0
    bits = 32
    while True:
        check()
        with precision(2 * bits + 32):
            value = q(root.ball(bits)) if q.degree() > 0 else flint.arb(q[0])
            if value > 0:
                return 1
            if value < 0:
                return -1
        bits *= 2


class precision:
    """flint's working precision inside a with block."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __enter__(self) -> None:
        self.before = flint.ctx.prec
        flint.ctx.prec = self.bits

    def __exit__(self, *_: object) -> None:
        flint.ctx.prec = self.before


def simplest(low: fmpq | None, high: fmpq | None) -> fmpq:
    """The rational with the smallest denominator, then numerator, in the open interval (None is an infinite end).

    >>> simplest(fmpq(1, 3), fmpq(1, 2)), simplest(None, fmpq(-5, 2)), simplest(None, None)
    (2/5, -3, 0)
    """
    if low is not None and high is not None and low >= high:
        raise ValueError(f"the interval ({low}, {high}) is empty")
    if (low is None or low < 0) and (high is None or high > 0):
        return fmpq(0)
    if high is not None and high <= 0:
        return -simplest(-high, None if low is None else -low)
    assert low is not None
    return _stern_brocot(low, high)


def _stern_brocot(low: fmpq, high: fmpq | None) -> fmpq:
    """The simplest rational in (low, high) with 0 ≤ low."""
    whole = low.floor()
    if high is None or high > whole + 1:
        return fmpq(whole + 1)
    fraction = low - whole
    top = high - whole
    if fraction == 0:
        # the largest 1/n below top
        return whole + fmpq(1, (1 / top).floor() + 1)
    return whole + 1 / _stern_brocot(1 / top, 1 / fraction)
