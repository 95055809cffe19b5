"""Real number fields Q(θ): exact arithmetic, exact signs, real roots of polynomials, one more root adjoined."""

from __future__ import annotations

from collections.abc import Sequence

import flint
from flint import fmpq, fmpq_poly, fmpz, fmpz_mpoly, fmpz_mpoly_ctx, fmpz_poly

from dynopt.symbolic.decide.realroots import Interval, RealRoot, afford_factors, isolate, polynomial, precision, sign, sign_at, squarefree
from dynopt.symbolic.limits import TooLarge, afford, check

_T, _Y = (_PAIR := fmpz_mpoly_ctx.get(["t", "y"], flint.Ordering.lex)).gens()
_MOST = 120
"""Norms of a higher degree are not computed."""


class Field:
    """Q(θ) for a real root θ of an irreducible polynomial, as a subfield of the reals."""

    def __init__(self, root: RealRoot) -> None:
        self.root = root
        self.modulus = fmpq_poly(root.polynomial)

    def element(self, p: fmpq_poly | fmpq) -> Number:
        return Number(self, (p if isinstance(p, fmpq_poly) else fmpq_poly([p])) % self.modulus)


class Number:
    """An element of a `Field`, a polynomial in θ; arithmetic with rationals and elements of the same field object.

    >>> sqrt2 = Field(RealRoot(fmpz_poly([-2, 0, 1]), Interval(fmpq(1), fmpq(2)))).element(fmpq_poly([0, 1]))
    >>> signum(sqrt2 * sqrt2 - fmpq(2)), signum(1 / sqrt2 - fmpq(7, 10))
    (0, 1)
    """

    __slots__ = ("field", "p")

    def __init__(self, field: Field, p: fmpq_poly) -> None:
        self.field = field
        self.p = p

    def __add__(self, other: Value | int) -> Number:
        return Number(self.field, self.p + _plain(other))

    def __sub__(self, other: Value | int) -> Number:
        return Number(self.field, self.p - _plain(other))

    def __mul__(self, other: Value | int) -> Number:
        return Number(self.field, self.p * _plain(other) % self.field.modulus)

    def __truediv__(self, other: Value | int) -> Number:
        return self.field.element(self.p * _inverse(_plain(other), self.field.modulus))

    def __neg__(self) -> Number:
        return Number(self.field, -self.p)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: fmpq | int) -> Number:
        return -self + other

    def __rtruediv__(self, other: fmpq | int) -> Number:
        return self.field.element(_plain(other) * _inverse(self.p, self.field.modulus))

    def __pow__(self, n: int) -> Number:
        result = self.field.element(fmpq(1))
        for _ in range(n):
            check()
            result = result * self
        return result

    def sign(self) -> int:
        return sign_at(self.p.numer(), self.field.root)

    def ball(self, bits: int) -> flint.arb:
        """An enclosure; call with ``flint.ctx.prec`` above bits."""
        top = self.p.numer()
        return (top(self.field.root.ball(bits)) if top.degree() > 0 else flint.arb(top[0])) / self.p.denom()


Value = fmpq | Number


def signum(value: Value) -> int:
    """The exact sign of a rational or an element of a field."""
    return value.sign() if isinstance(value, Number) else sign(value)


def is_zero(value: Value) -> bool:
    return not value.p if isinstance(value, Number) else bool(value == 0)


def _plain(value: Value | int) -> fmpq_poly:
    return value.p if isinstance(value, Number) else fmpq_poly([fmpq(value)])


def _inverse(p: fmpq_poly, modulus: fmpq_poly) -> fmpq_poly:
    n, bits = modulus.degree(), p.numer().height_bits() + modulus.numer().height_bits()
    # measured: the modular algorithm is quadratic in the bits of the cofactors
    afford(2.2e-11 * (n * bits) ** 2, f"an inverse in a number field of degree {n} with numbers of {bits} bits")
    g, s, _ = p.xgcd(modulus)
    if g.degree() != 0:
        raise ZeroDivisionError("division by zero in a number field")
    return s / g[0]


def real_roots(coefficients: Sequence[Value]) -> list[fmpq | RealRoot]:
    """The distinct real roots, ascending, of a non-zero polynomial over Q or over one Q(θ); ascending coefficients.

    Over Q(θ) the roots are among those of the norm over Q.  In an isolating interval of the
    squarefree norm, the squarefree part of the polynomial has at most one root, hence one iff its
    sign changes.
    """
    field = next((c.field for c in coefficients if isinstance(c, Number)), None)
    if field is None:
        q = squarefree(polynomial([c for c in coefficients if isinstance(c, fmpq)]))
        return [rational_or_root(q, i) for i in isolate(q)]
    p = _squarefree(_trimmed([_plain(c) for c in coefficients]), field.modulus)
    if len(p) < 2:
        return []
    norm = _norm(p, field)
    found: list[fmpq | RealRoot] = []
    for interval in isolate(norm):
        check()
        root = rational_or_root(norm, interval)
        at_root = isinstance(root, fmpq) and _sign(p, root, field) == 0
        if at_root or (isinstance(root, RealRoot) and _sign(p, interval.low, field) * _sign(p, interval.high, field) < 0):
            found.append(root)
    return found


def rational_or_root(p: fmpz_poly, interval: Interval) -> fmpq | RealRoot:
    """The root of a squarefree p in an isolating interval: a rational, or with its irreducible polynomial."""
    if interval.exact:
        return interval.low
    afford_factors(p)
    for factor, _ in p.factor()[1]:
        if factor.degree() > 0 and sign(factor(interval.low)) != sign(factor(interval.high)):
            return fmpq(-factor[0], factor[1]) if factor.degree() == 1 else RealRoot(factor, interval)
    raise ArithmeticError("an isolating interval without a sign change")


def adjoin(field: Field | None, root: RealRoot) -> tuple[Field, fmpq_poly | None, fmpq_poly]:
    """Q(θ, ρ) = Q(η): the field, and θ and ρ as polynomials in η (θ is None if there was no field).

    η = θ + sρ for the first s that separates the conjugates; its polynomial is the factor of
    Res_t(m_θ(t), m_ρ((y − t)/s)) that vanishes there; θ is the common root of m_θ(t) and m_ρ((η − t)/s).
    """
    if field is None:
        return Field(root), None, fmpq_poly([0, 1])
    m, q = field.root.polynomial, root.polynomial
    n = q.degree()
    _check_degree(m.degree() * n)
    for s in range(1, 100):
        check()
        shifted = sum(((_Y - _T) ** i * s ** (n - i) * c for i, c in enumerate(q.coeffs())), 0 * _T)
        norm = _in_y(_eliminated(m, shifted))
        if norm.gcd(norm.derivative()).degree() > 0:
            continue
        eta = _located(norm, field.root, root, s)
        extension = Field(eta)
        other = _shifted(q, s, extension)
        common = _gcd([fmpq_poly([c]) for c in m.coeffs()], other, extension.modulus)
        if len(common) != 2:
            raise ArithmeticError("a primitive element that does not separate the conjugates")
        theta = -common[0] * _inverse(common[1], extension.modulus) % extension.modulus
        return extension, theta, (fmpq_poly([0, 1]) - theta) / s % extension.modulus
    raise ArithmeticError("no primitive element found")


def minimal_polynomial(value: Number) -> tuple[list[int], int]:
    """The irreducible integer polynomial of an element (ascending coefficients) and its index among the real roots, from 0."""
    norm = _norm([-value.p, fmpq_poly([1])], value.field)
    near = isolate(norm)
    bits = 32
    while len(near) > 1:
        check()
        with precision(2 * bits + 32):
            ball = value.ball(bits)
            near = [i for i in near if not (ball < i.low or ball > i.high)]
        bits *= 2
    root = rational_or_root(norm, near[0])
    if isinstance(root, fmpq):
        return [-int(root.p), int(root.q)], 0
    # the interval isolates within all roots of the norm, so it can be ordered among those of the factor
    others = [r for i in isolate(norm) if isinstance(r := rational_or_root(norm, i), RealRoot) and r.polynomial == root.polynomial]
    return [int(c) for c in root.polynomial.coeffs()], [r.interval for r in others].index(near[0])


def _sign(p: Sequence[fmpq_poly], x: fmpq, field: Field) -> int:
    total = fmpq_poly(0)
    for c in reversed(p):
        total = total * x + c
    return sign_at(total.numer(), field.root)


def _trimmed(p: list[fmpq_poly]) -> list[fmpq_poly]:
    while p and not p[-1]:
        p.pop()
    return p


def _divided(a: Sequence[fmpq_poly], b: Sequence[fmpq_poly], modulus: fmpq_poly) -> tuple[list[fmpq_poly], list[fmpq_poly]]:
    """Quotient and remainder of polynomials over Q[θ]/(modulus)."""
    rest = list(a)
    lead = _inverse(b[-1], modulus)
    quotient = [fmpq_poly(0)] * max(len(a) - len(b) + 1, 1)
    while len(rest) >= len(b):
        check()
        shift = len(rest) - len(b)
        c = quotient[shift] = rest[-1] * lead % modulus
        for i, d in enumerate(b[:-1]):
            rest[i + shift] = (rest[i + shift] - c * d) % modulus
        rest.pop()
        _trimmed(rest)
    return quotient, rest


def _gcd(a: list[fmpq_poly], b: list[fmpq_poly], modulus: fmpq_poly) -> list[fmpq_poly]:
    while b:
        a, b = b, _divided(a, b, modulus)[1]
    return a


def _squarefree(p: list[fmpq_poly], modulus: fmpq_poly) -> list[fmpq_poly]:
    if len(p) < 2:
        return p
    common = _gcd(p, [c * i for i, c in enumerate(p)][1:], modulus)
    return p if len(common) == 1 else _trimmed(_divided(p, common, modulus)[0])


def _norm(p: Sequence[fmpq_poly], field: Field) -> fmpz_poly:
    """The squarefree part of Res_t(modulus(t), p(t, y)) as a polynomial in y."""
    _check_degree(field.modulus.degree() * (len(p) - 1))
    common = fmpz(1)
    for c in p:
        common = common * c.denom() // common.gcd(c.denom())
    terms: dict[tuple[int, ...], int | fmpz] = {(i, j): (c[i] * common).p for j, c in enumerate(p) for i in range(len(c))}
    return squarefree(_in_y(_eliminated(field.root.polynomial, _PAIR.from_dict(terms))))


def _eliminated(m: fmpz_poly, q: fmpz_mpoly) -> fmpz_mpoly:
    """Res_t(m(t), q(t, y))."""
    (_, k), n = map(int, q.degrees()), m.degree()
    bits = n * max(c.height_bits() for c in q.coeffs()) + int(q.degrees()[0]) * m.height_bits()
    afford(3e-9 * (n * k) ** 2 * bits, f"a norm of degree {n * k} with numbers of {bits} bits")
    return _in_t(m).resultant(q, "t")


def _check_degree(degree: int) -> None:
    if degree > _MOST:
        raise TooLarge(f"a norm of degree {degree}")


def _in_t(p: fmpz_poly) -> fmpz_mpoly:
    return _PAIR.from_dict({(i, 0): c for i, c in enumerate(p.coeffs())})


def _in_y(p: fmpz_mpoly) -> fmpz_poly:
    result = [fmpz(0)] * (p.degrees()[1] + 1)
    for (_, j), c in p.to_dict().items():
        result[j] = c
    return fmpz_poly(result)


def _shifted(q: fmpz_poly, s: int, field: Field) -> list[fmpq_poly]:
    """q((η − t)/s) as a polynomial in t over Q(η)."""
    total: list[fmpq_poly] = []
    for c in reversed(q.coeffs()):
        # total·(η − t)/s + c
        check()
        product = [fmpq_poly(0)] * (len(total) + 1)
        for i, a in enumerate(total):
            product[i] = (product[i] + a * fmpq_poly([0, fmpq(1, s)])) % field.modulus
            product[i + 1] = product[i + 1] - a / s
        product[0] = product[0] + fmpq_poly([c])
        total = product
    return _trimmed(total)


def _located(norm: fmpz_poly, theta: RealRoot, rho: RealRoot, s: int) -> RealRoot:
    """The root θ + sρ of a squarefree norm."""
    near = isolate(norm)
    while len(near) > 1:
        theta.halve()
        rho.halve()
        low, high = theta.interval.low + s * rho.interval.low, theta.interval.high + s * rho.interval.high
        near = [i for i in near if i.low <= high and low <= i.high]
    root = rational_or_root(norm, near[0])
    if isinstance(root, fmpq):
        raise ArithmeticError("a rational primitive element of a proper extension")
    return root
