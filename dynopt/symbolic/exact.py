"""Truth of a formula at a point, by integer arithmetic alone: no solver, no floating point.

Every witness passes through here, so this file shares no code with the deciders.  A value is a
rational or a small tree of + · / √ and roots of integer polynomials.  It is enclosed in dyadic
intervals of growing precision; zero is recognised by the BFMSS separation bound: a value written
U/L with algebraic integers U, L of degree at most D, all conjugates at most u and l in modulus, is
zero or has modulus at least 1/(u^(D−1) l)  (Burnikel, Fleischer, Mehlhorn, Schirra 2000).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import product
from math import isqrt, lcm, prod
from typing import Any

import sympy as sp

from dynopt.symbolic.limits import TooLarge, afford, check

_MOST_BITS = 1 << 21


class Undefined(ArithmeticError):
    """An expression does not exist at the point; ``place`` says which part of it."""

    def __init__(self, place: str, expression: sp.Expr) -> None:
        super().__init__(f"{place} in {expression}")
        self.place, self.expression = place, expression


class NotExact(ValueError):
    """The formula leaves the language of exact evaluation."""


class TooManyDigits(NotExact, TooLarge):
    """Exact evaluation would take too many digits."""


class _Coarse(Exception):
    """An interval of a divisor still contains zero."""


@dataclass(frozen=True)
class Real:
    """A real algebraic number: ``op`` is ``rational``, ``+``, ``*``, ``/``, ``sqrt`` or ``root``."""

    op: str
    args: tuple[Any, ...]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Bounds (u, l) on the conjugates of U and L."""
        if self.op == "rational":
            return abs(self.args[0].numerator), self.args[0].denominator
        if self.op == "root":
            coefficients = [abs(c) for c in self.args[0]]
            return coefficients[0] + max(coefficients), coefficients[0]
        (u, l), (v, m) = self.args[0].size, self.args[-1].size
        if self.op == "+":
            return u * m + l * v, l * m
        if self.op == "*":
            return u * v, l * m
        if self.op == "/":
            return u * m, l * v
        return (isqrt(u * l) + 1, l) if u >= l else (u, isqrt(u * l) + 1)

    @cached_property
    def radicals(self) -> frozenset[Real]:
        below = frozenset().union(*(a.radicals for a in self.args if isinstance(a, Real)))
        return below | {self} if self.op in ("sqrt", "root") else below

    @cached_property
    def sign(self) -> int:
        if self.op == "rational":
            return (self.args[0] > 0) - (self.args[0] < 0)
        degree = prod(2 if r.op == "sqrt" else len(r.args[0]) - 1 for r in self.radicals)
        u, l = self.size
        separation = (degree - 1) * u.bit_length() + l.bit_length() + 1
        bits = 64
        while bits < 2 * max(separation, _MOST_BITS):
            afford(1e-10 * bits**1.6, f"arithmetic with {bits} bits")
            try:
                low, high = self.interval(bits)
            except _Coarse:
                bits *= 2
                continue
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            if max(-low, high) << separation < 1 << bits:
                return 0
            if bits > _MOST_BITS:
                break
            bits *= 2
        raise TooManyDigits(f"the sign of a number with separation bound 2^-{separation} was not settled with {bits} bits")

    def interval(self, bits: int) -> tuple[int, int]:
        """Integers (low, high) with low ≤ 2^bits · value ≤ high."""
        check()
        if self.op == "rational":
            q = self.args[0]
            return (q.numerator << bits) // q.denominator, -((-q.numerator << bits) // q.denominator)
        if self.op == "root":
            return _enclosure(*self.args, bits)
        ends = [a.interval(bits) for a in self.args]
        if self.op == "+":
            return ends[0][0] + ends[1][0], ends[0][1] + ends[1][1]
        if self.op == "*":
            products = [a * b for a, b in product(*ends)]
            return min(products) >> bits, -(-max(products) >> bits)
        if self.op == "/":
            if ends[1][0] <= 0 <= ends[1][1]:
                raise _Coarse
            quotients = [(a << bits, b) for a, b in product(*ends)]
            return min(a // b for a, b in quotients), max(-(-a // b) for a, b in quotients)
        low, high = ends[0]
        return isqrt(max(low, 0) << bits), isqrt(max(high, 0) << bits) + 1


def rational(value: Fraction | int) -> Real:
    return Real("rational", (Fraction(value),))


def _combine(op: str, a: Real, b: Real, fold: Callable[[Fraction, Fraction], Fraction]) -> Real:
    return rational(fold(a.args[0], b.args[0])) if a.op == b.op == "rational" else Real(op, (a, b))


def _sqrt(a: Real) -> Real:
    if a.op == "rational":
        p, q = isqrt(a.args[0].numerator), isqrt(a.args[0].denominator)
        if Fraction(p * p, q * q) == a.args[0]:
            return rational(Fraction(p, q))
    return Real("sqrt", (a,))


@lru_cache(maxsize=256)
def _enclosure(coefficients: tuple[int, ...], low: Fraction, high: Fraction, bits: int) -> tuple[int, int]:
    """A dyadic enclosure of the only root of the polynomial in [low, high], where it changes sign.

    Quadratic interval refinement (Abbott 2014): the interval is cut into 2^step parts and the secant
    names the one to test; step doubles with every hit and halves with every miss, so that the number
    of evaluations grows with the logarithm of the bits.
    """
    moved = _on_unit_interval(coefficients, low, high - low)

    def at(i: int, k: int) -> int:
        """2^(kn) times the value at i/2^k."""
        total = 0
        for power, c in enumerate(moved):
            total = total * i + (c << (k * power))
        return total

    enough = bits + max(0, ((high - low).numerator // (high - low).denominator).bit_length())
    i, k, step = 0, 0, 1
    left, right = at(0, 0), at(1, 0)
    rising = right > 0
    while k < enough:
        check()
        n, parts = k + step, 1 << step
        guess = min(max((left << step) // (left - right), 1), parts - 1)
        scale = step * (len(moved) - 1)
        ends = {0: left << scale, parts: right << scale, guess: at((i << step) + guess, n)}
        j = guess if (ends[guess] > 0) != rising else guess - 1
        for end in (j, j + 1):
            if end not in ends:
                ends[end] = at((i << step) + end, n)
        if (ends[j] > 0) != rising and (ends[j + 1] > 0) == rising:
            i, k, left, right, step = (i << step) + j, n, ends[j], ends[j + 1], 2 * step
        else:
            step = max(step // 2, 1)
    ends_at = low + (high - low) * Fraction(i, 1 << k), low + (high - low) * Fraction(i + 1, 1 << k)
    return (ends_at[0].numerator << bits) // ends_at[0].denominator, -((-ends_at[1].numerator << bits) // ends_at[1].denominator)


def _on_unit_interval(coefficients: tuple[int, ...], low: Fraction, width: Fraction) -> list[int]:
    """Integer coefficients, highest first, of a positive multiple of p(low + width·t)."""
    moved: list[Fraction] = []
    for c in coefficients:
        shifted = [width * a for a in moved] + [Fraction(0)]
        for j, a in enumerate(moved):
            shifted[j + 1] += low * a
        shifted[-1] += c
        moved = shifted
    common = lcm(*(a.denominator for a in moved))
    return [int(a * common) for a in moved]


def _root(e: Any) -> Real:
    """The real root of an integer polynomial that SymPy calls ``CRootOf``."""
    poly = e.poly.primitive()[1]
    coefficients = tuple(int(c) for c in poly.all_coeffs())
    if coefficients[0] < 0:
        coefficients = tuple(-c for c in coefficients)
    intervals = poly.intervals()
    if e.index >= len(intervals):
        raise NotExact(f"{e} is not a real number")
    (low, high), multiplicity = intervals[e.index]
    if low == high:
        return rational(Fraction(int(low.p), int(low.q)))
    if multiplicity != 1 or len(intervals) != poly.count_roots():
        raise NotExact(f"{e} is a multiple root")
    return Real("root", (coefficients, Fraction(int(low.p), int(low.q)), Fraction(int(high.p), int(high.q))))


class Point:
    """Exact values for real symbols; says what holds there.

    >>> x = sp.Symbol("x", real=True)
    >>> Point({x: sp.sqrt(2)}).holds(sp.And(sp.Eq(x**4, 4), x > sp.Rational(7, 5)))
    True
    """

    def __init__(self, values: Mapping[sp.Symbol, Any]) -> None:
        self._values = {s: sp.sympify(v) for s, v in values.items()}
        self._known: dict[sp.Expr, Real] = {}

    def value(self, e: sp.Expr) -> Real:
        """The number that the expression is at the point; `Undefined` where it is none."""
        if e not in self._known:
            self._known[e] = self._evaluate(e)
        return self._known[e]

    def _evaluate(self, e: sp.Expr) -> Real:
        if isinstance(e, sp.Symbol):
            if e not in self._values:
                raise NotExact(f"the point gives {e} no value")
            return self.value(self._values[e])
        if isinstance(e, sp.Rational):
            return rational(Fraction(int(e.p), int(e.q)))
        if isinstance(e, (sp.Add, sp.Mul)):
            terms = [self.value(a) for a in e.args]
            total = terms[0]
            for term in terms[1:]:
                total = _combine("+", total, term, Fraction.__add__) if e.is_Add else _combine("*", total, term, Fraction.__mul__)
            return total
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, sp.Abs):
            inside = self.value(e.args[0])
            return inside if inside.sign >= 0 else _combine("*", rational(-1), inside, Fraction.__mul__)
        if isinstance(e, (sp.Max, sp.Min)):
            best = e.args[0]
            for other in e.args[1:]:
                if self.sign(other - best) * (1 if isinstance(e, sp.Max) else -1) > 0:
                    best = other
            return self.value(best)
        if isinstance(e, sp.polys.rootoftools.ComplexRootOf):
            return _root(e)
        raise NotExact(f"{e.func.__name__} in {e} has no exact evaluation")

    def _power(self, e: sp.Pow) -> Real:
        base, exponent = e.args
        if not isinstance(exponent, sp.Rational) or exponent.q & (exponent.q - 1):
            raise NotExact(f"the power in {e} has no exact evaluation")
        inside = self.value(base)
        for _ in range(int(exponent.q).bit_length() - 1):
            if inside.sign < 0:
                raise Undefined(f"the radicand {base} is negative", e)
            inside = _sqrt(inside) if inside.sign else rational(0)
        if exponent < 0 and inside.sign == 0:
            raise Undefined(f"the denominator {base} is zero", e)
        power = rational(1)
        for _ in range(abs(int(exponent.p))):
            power = _combine("*", power, inside, Fraction.__mul__)
        return power if exponent > 0 else _combine("/", rational(1), power, Fraction.__truediv__)

    def sign(self, e: Any) -> int:
        """−1, 0 or 1."""
        return self.value(sp.sympify(e)).sign

    def holds(self, formula: Any) -> bool:
        """Truth of a Boolean combination of relations; `Undefined` if it hangs on an expression that does not exist."""
        if formula in (sp.true, sp.false):
            return bool(formula)
        if isinstance(formula, sp.core.relational.Relational):
            left, right = (self.value(side) for side in formula.args)
            sign = _combine("+", left, _combine("*", rational(-1), right, Fraction.__mul__), Fraction.__add__).sign
            return bool(_RELATIONS[formula.rel_op](sign))
        if isinstance(formula, sp.Not):
            return not self.holds(formula.args[0])
        if isinstance(formula, sp.And):
            return self._all(formula.args, True)
        if isinstance(formula, sp.Or):
            return not self._all(formula.args, False)
        if isinstance(formula, sp.Implies):
            return not self._all((formula.args[0], sp.Not(formula.args[1])), True)
        if isinstance(formula, sp.ITE):
            return self.holds(formula.args[1] if self.holds(formula.args[0]) else formula.args[2])
        if isinstance(formula, sp.Equivalent):
            return len({self.holds(a) for a in formula.args}) == 1
        if isinstance(formula, sp.Xor):
            return sum(self.holds(a) for a in formula.args) % 2 == 1
        raise NotExact(f"{formula} is not a formula with an exact evaluation")

    def _all(self, parts: tuple[Any, ...], wanted: bool) -> bool:
        """Every part has the wanted truth; a part that breaks it decides, whatever is undefined elsewhere."""
        missing: Undefined | None = None
        for part in parts:
            try:
                if self.holds(part) != wanted:
                    return False
            except Undefined as error:
                missing = error
        if missing is not None:
            raise missing
        return True


_RELATIONS: dict[str, Callable[[int], bool]] = {
    "<": lambda s: s < 0, "<=": lambda s: s <= 0, "==": lambda s: s == 0,
    ">": lambda s: s > 0, ">=": lambda s: s >= 0, "!=": lambda s: s != 0,
}  # fmt: skip
