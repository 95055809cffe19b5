"""Real number fields Q(θ): exact arithmetic, exact signs, real roots of polynomials, one more root adjoined."""

from __future__ import annotations

from collections.abc import Sequence

import flint
from flint import fmpq, fmpq_poly, fmpz_mpoly_ctx, fmpz_poly

from dynopt.symbolic.decide.realroots import Interval, RealRoot, isolate, precision, sign, sign_at

_pair = fmpz_mpoly_ctx.get(["t", "y"], flint.Ordering.lex)


class Field:
    """Q(θ) for a real root θ of an irreducible polynomial, as a subfield of the reals."""

    def __init__(self, root: RealRoot) -> None:
        self.root = root
        self.modulus = fmpq_poly(root.polynomial)

    @property
    def degree(self) -> int:
        return int(self.modulus.degree())

    def element(self, p: fmpq_poly | fmpq) -> Number:
        return Number(self, (p if isinstance(p, fmpq_poly) else fmpq_poly([p])) % self.modulus)


class Number:
    """An element of a `Field`: a polynomial in θ.  Arithmetic with rationals and elements of the same field object.

    >>> sqrt2 = Field(RealRoot(fmpz_poly([-2, 0, 1]), Interval(fmpq(1), fmpq(2)))).element(fmpq_poly([0, 1]))
    >>> signum(sqrt2 * sqrt2 - fmpq(2)), signum(1 / sqrt2 - fmpq(7, 10))
    (0, 1)
    """

    __slots__ = ("field", "p")

    def __init__(self, field: Field, p: fmpq_poly) -> None:
        self.field = field
        self.p = p

    def _other(self, other: Number | fmpq | int) -> fmpq_poly:
        return other.p if isinstance(other, Number) else fmpq_poly([fmpq(other)])

    def __add__(self, other: Number | fmpq | int) -> Number:
        return Number(self.field, self.p + self._other(other))

    def __sub__(self, other: Number | fmpq | int) -> Number:
        return Number(self.field, self.p - self._other(other))

    def __mul__(self, other: Number | fmpq | int) -> Number:
        return Number(self.field, self.p * self._other(other) % self.field.modulus)

    def __neg__(self) -> Number:
        return Number(self.field, -self.p)

    def __truediv__(self, other: Number | fmpq | int) -> Number:
        return self * self.field.element(_inverse(self._other(other), self.field.modulus))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: fmpq | int) -> Number:
        return -self + other

    def __rtruediv__(self, other: fmpq | int) -> Number:
        return self.field.element(_inverse(self.p, self.field.modulus)) * other

    def __pow__(self, n: int) -> Number:
        result = self.field.element(fmpq(1))
        for _ in range(n):
            result = result * self
        return result

    def sign(self) -> int:
        return sign_at(self.p.numer(), self.field.root)

    def ball(self, bits: int) -> flint.arb:
        x = self.field.root.ball(bits)
        return (self.p.numer()(x) if self.p.degree() > 0 else flint.arb(self.p.numer()[0])) / self.p.denom()


Value = fmpq | Number


def signum(value: Value) -> int:
    """The exact sign of a rational or an element of a field."""
    return value.sign() if isinstance(value, Number) else sign(value)


def is_zero(value: Value) -> bool:
    return not value.p if isinstance(value, Number) else bool(value == 0)


def _inverse(p: fmpq_poly, modulus: fmpq_poly) -> fmpq_poly:
    g, s, _ = p.xgcd(modulus)
    if g.degree() != 0:
        raise ZeroDivisionError
    return s / g[0]


def rational_or_root(p: fmpz_poly, interval: Interval) -> fmpq | RealRoot:
    """The root of a squarefree p in an isolating interval: a rational, or with its irreducible polynomial."""
    if interval.exact:
        return interval.low
    for factor, _ in p.factor()[1]:
        if factor.degree() > 0 and sign(factor(interval.low)) != sign(factor(interval.high)):
            return fmpq(-factor[0], factor[1]) if factor.degree() == 1 else RealRoot(factor, interval)
    raise ArithmeticError("an isolating interval without a sign change")


def real_roots(coefficients: Sequence[Value]) -> list[fmpq | RealRoot]:
    """The distinct real roots, ascending, of a non-zero polynomial over Q or one field Q(θ); ascending coefficients.

    Over Q(θ): the norm over Q has the roots among its own; in an isolating interval of the
    squarefree norm the (squarefree) polynomial has at most one root, hence one iff its sign changes.
    """
    field = next((c.field for c in coefficients if isinstance(c, Number)), None)
    if field is None:
        p = fmpq_poly(list(coefficients)).numer()
        p = p // p.gcd(p.derivative()) if p.degree() > 0 else p
        return [rational_or_root(p, i) for i in isolate(p)]
    lifted = [c.p if isinstance(c, Number) else fmpq_poly([c]) for c in coefficients]
    square_free = _squarefree(_trim(lifted), field.modulus)
    if len(square_free) < 2:
        return []
    norm = _norm(square_free, field)
    found: list[fmpq | RealRoot] = []
    for interval in isolate(norm):
        root = rational_or_root(norm, interval)
        if isinstance(root, fmpq):
            if sign_at(_at(square_free, root).numer(), field.root) == 0:
                found.append(root)
        elif _sign(square_free, interval.low, field) * _sign(square_free, interval.high, field) < 0:
            found.append(root)
    return found


def _sign(p: Sequence[fmpq_poly], at: fmpq, field: Field) -> int:
    return sign_at(_at(p, at).numer(), field.root)


def _at(p: Sequence[fmpq_poly], x: fmpq) -> fmpq_poly:
    total = fmpq_poly(0)
    for c in reversed(p):
        total = total * x + c
    return total


def _trim(p: list[fmpq_poly]) -> list[fmpq_poly]:
    while p and not p[-1]:
        p.pop()
    return p


def _remainder(a: list[fmpq_poly], b: list[fmpq_poly], modulus: fmpq_poly) -> tuple[list[fmpq_poly], list[fmpq_poly]]:
    """Quotient and remainder over Q[θ]/(modulus)."""
    a = list(a)
    lead = _inverse(b[-1], modulus)
    quotient = [fmpq_poly(0)] * max(len(a) - len(b) + 1, 1)
    while len(a) >= len(b):
        shift = len(a) - len(b)
        c = a[-1] * lead % modulus
        quotient[shift] = c
        for i, d in enumerate(b[:-1]):
            a[i + shift] = (a[i + shift] - c * d) % modulus
        a.pop()
        _trim(a)
    return quotient, a


def _gcd(a: list[fmpq_poly], b: list[fmpq_poly], modulus: fmpq_poly) -> list[fmpq_poly]:
    while b:
        a, b = b, _remainder(a, b, modulus)[1]
    return a


def _squarefree(p: list[fmpq_poly], modulus: fmpq_poly) -> list[fmpq_poly]:
    derivative = _trim([c * i for i, c in enumerate(p)][1:])
    if not derivative:
        return p
    common = _gcd(p, derivative, modulus)
    return p if len(common) == 1 else _trim(_remainder(p, common, modulus)[0])


def _norm(p: Sequence[fmpq_poly], field: Field) -> fmpz_poly:
    """The squarefree part of Res_t(modulus(t), p(t, y)) as a polynomial in y."""
    common = flint.fmpz(1)
    for c in p:
        common = common * c.denom() // common.gcd(c.denom())
    terms = {(i, j): (c[i] * common).p for j, c in enumerate(p) for i in range(len(c))}
    modulus = {(i, 0): c for i, c in enumerate(field.root.polynomial.coeffs())}
    resultant = _pair.from_dict(modulus).resultant(_pair.from_dict(terms), "t")
    return _squarefree_part(_in_y(resultant))


def _in_y(p: flint.fmpz_mpoly) -> fmpz_poly:
    result = [flint.fmpz(0)] * (p.degrees()[1] + 1)
    for (_, j), c in p.to_dict().items():
        result[j] = c
    return fmpz_poly(result)


def _squarefree_part(p: fmpz_poly) -> fmpz_poly:
    return p // p.gcd(p.derivative()) if p.degree() > 0 else p


def adjoin(field: Field | None, root: RealRoot) -> tuple[Field, fmpq_poly | None, fmpq_poly]:
    """Q(θ, ρ) = Q(η): the field, θ and ρ as polynomials in η (θ is None if there was no field).

    η = θ + sρ for the first integer s that separates the conjugates; its polynomial is the factor of
    Res(m_θ(t), m_ρ((y − t)/s)) that vanishes there; θ is the common root of m_θ(t) and m_ρ((η − t)/s).
    """
    if field is None:
        return Field(root), None, fmpq_poly([0, 1])
    m, q = field.root.polynomial, root.polynomial
    t, y = _pair.gens()
    in_t = _pair.from_dict({(i, 0): c for i, c in enumerate(m.coeffs())})
    for s in range(1, 1000):
        n = q.degree()
        shifted = sum(((y - t) ** i * s ** (n - i) * c for i, c in enumerate(q.coeffs())), 0 * t)
        norm = _in_y(in_t.resultant(shifted, "t"))
        if norm.gcd(norm.derivative()).degree() > 0:
            continue
        eta = _locate(norm, field.root, root, s)
        if isinstance(eta, fmpq):
            raise ArithmeticError("a rational primitive element of a proper extension")
        extension = Field(eta)
        left = [fmpq_poly([c]) for c in m.coeffs()]
        right = _shifted_over(extension, q, s)
        common = _gcd(left, right, extension.modulus)
        if len(common) != 2:
            raise ArithmeticError("the primitive element does not separate the conjugates")
        theta = -common[0] * _inverse(common[1], extension.modulus) % extension.modulus
        rho = (fmpq_poly([0, 1]) - theta) / s % extension.modulus
        return extension, theta, rho
    raise ArithmeticError("no primitive element found")


def _shifted_over(field: Field, q: fmpz_poly, s: int) -> list[fmpq_poly]:
    """q((η − t)/s) as a polynomial in t over Q(η)."""
    base = [fmpq_poly([0, fmpq(1, s)]), fmpq_poly([fmpq(-1, s)])]
    total = [fmpq_poly(0)]
    for c in reversed(q.coeffs()):
        product = [fmpq_poly(0)] * (len(total) + 1)
        for i, a in enumerate(total):
            for j, b in enumerate(base):
                product[i + j] = (product[i + j] + a * b) % field.modulus
        product[0] = product[0] + fmpq_poly([c])
        total = _trim(product) or [fmpq_poly(0)]
    return _trim(total)


def _locate(norm: fmpz_poly, theta: RealRoot, rho: RealRoot, s: int) -> fmpq | RealRoot:
    """The root θ + sρ of a squarefree norm."""
    intervals = isolate(norm)
    while True:
        low = theta.interval.low + s * rho.interval.low
        high = theta.interval.high + s * rho.interval.high
        near = [i for i in intervals if i.low <= high and low <= i.high]
        if len(near) == 1:
            return rational_or_root(norm, near[0])
        theta.halve()
        rho.halve()


def approximate(value: Value) -> float:
    """A float for messages only."""
    with precision(80):
        return float(value.ball(64)) if isinstance(value, Number) else float(value.p) / float(value.q)


def minimal_polynomial(value: Number) -> tuple[list[int], int]:
    """The irreducible integer polynomial of an element (ascending coefficients) and its index among the real roots, from 0."""
    norm = _norm([value.p * -1, fmpq_poly([1])], value.field)
    intervals = isolate(norm)
    precise = 32
    while True:
        with precision(2 * precise + 32):
            ball = value.ball(precise)
            near = [i for i in intervals if not (ball < i.low or ball > i.high)]
        if len(near) == 1:
            break
        precise *= 2
    root = rational_or_root(norm, near[0])
    if isinstance(root, fmpq):
        return [-int(root.p), int(root.q)], 0
    index = sum(1 for i in isolate(root.polynomial) if i.high <= root.interval.low or (i.high < root.interval.high and i.high <= root.interval.low))
    below = [r for r in isolate(root.polynomial)]
    index = next(k for k, i in enumerate(below) if _same_root(root, i))
    return [int(c) for c in root.polynomial.coeffs()], index


def _same_root(root: RealRoot, interval: Interval) -> bool:
    other = RealRoot(root.polynomial, interval)
    while True:
        a, b = root.interval, other.interval
        if a.high <= b.low or b.high <= a.low:
            return False
        if (a.low <= b.low and b.high <= a.high) or (b.low <= a.low and a.high <= b.high):
            return True
        root.halve()
        other.halve()
