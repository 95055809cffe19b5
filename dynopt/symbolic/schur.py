"""Exact truth of a property at rational numbers, from the definition alone.

The definition is run once on linear forms in its state whose coefficients are rational polynomials
in λ, which gives the mode matrix M(λ); no SymPy, nothing of `linearize`, `criteria` or `cells`.

At one λ: Schur–Cohn recursion (maps), Routh array (flows), elimination, Sturm count.

For all λ in an interval: eigenvalues move continuously, so a map that is stable somewhere stays so
until an eigenvalue meets the unit circle, which the three functions of bifurcation theory announce:

    fold  det(I − M(λ)) = 0,    flip  det(I + M(λ)) = 0,    turn  det(I − Λ²M(λ)) = 0,

Λ²M being the matrix of 2 × 2 minors, whose eigenvalues are the products of two of M.  A product of
1 off the circle also means instability, so

    stable on [a, b]  iff  stable at a, and no zero of fold, flip, turn in [a, b].

For flows: fold det M = 0 and turn det(M ⊕ M) = 0 on Λ², whose eigenvalues are sums of two.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Self

from flint import fmpq, fmpq_mat, fmpq_poly

from dynopt.core.algorithm import Flow
from dynopt.core.system import System
from dynopt.errors import Misuse, NotLinear
from dynopt.symbolic.sturm import bound, real_zeros, separated, zeros

LAMBDA = fmpq_poly([0, 1])
ONE = fmpq_poly([1])

Matrix = list[list[fmpq_poly]]


def rational(value: Any) -> fmpq:
    """A python-flint rational from an int, a Fraction or a SymPy rational.

    >>> rational(Fraction(2, 3))
    2/3
    """
    if isinstance(value, fmpq):
        return value
    if isinstance(value, (int, Fraction)):
        return fmpq(value.numerator, value.denominator)
    return fmpq(int(value.p), int(value.q))


class Form:
    """A linear form Σ pⱼ(λ) sⱼ in the state blocks s, with rational polynomials pⱼ."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[fmpq_poly]) -> None:
        self.parts = parts

    def __add__(self, other: Form) -> Form:
        return Form([a + b for a, b in zip(self.parts, other.parts, strict=True)]) if isinstance(other, Form) else NotImplemented

    def __sub__(self, other: Form) -> Form:
        return Form([a - b for a, b in zip(self.parts, other.parts, strict=True)]) if isinstance(other, Form) else NotImplemented

    def __neg__(self) -> Form:
        return Form([-a for a in self.parts])

    def __mul__(self, factor: Any) -> Form:
        if not isinstance(factor, (int, Fraction)):
            return NotImplemented
        factor = rational(factor)
        return Form([a * factor for a in self.parts])

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Form:
        if not isinstance(divisor, (int, Fraction)):
            return NotImplemented
        divisor = rational(divisor)
        return Form([a / divisor for a in self.parts])


class _Mode:
    """The oracle of one mode: ∇J(x) = λx."""

    def gradient(self, x: Form) -> Form:
        return Form([a * LAMBDA for a in x.parts])

    full_gradient = gradient

    def value(self, x: Form) -> Form:
        raise NotLinear("the update uses objective values, so it is not linear in gradients and has no mode matrix")

    def at(self, k: int) -> Self:
        return self


@dataclass(frozen=True)
class Modes:
    """The mode matrix M(λ) of a method at rational parameters.

    Attributes
    ----------
    continuous : True for a flow.
    matrix : n × n rational polynomials in λ.
    """

    continuous: bool
    matrix: Matrix

    def at(self, lam: Any) -> fmpq_mat:
        """M at a rational λ."""
        x = rational(lam)
        return fmpq_mat([[entry(x) for entry in row] for row in self.matrix])

    def holds(self, property: str, lam: Any) -> bool:
        """The property at one λ: ``stable``, ``repelling``, ``non-oscillating`` or ``diffeomorphism``.

        >>> from dynopt import GradientDescent
        >>> gd = modes(GradientDescent(gamma=Fraction(1, 5)))
        >>> gd.holds("stable", Fraction(9999, 1000)), gd.holds("stable", 10), gd.holds("repelling", 10), gd.holds("repelling", 11)
        (True, False, False, True)
        """
        at = self.at(lam)
        if property == "diffeomorphism":
            return bool(at.det() != 0)
        chi = at.charpoly()
        if property == "stable":
            return (hurwitz if self.continuous else schur)(chi)
        if property == "repelling":
            return not (closed_half_plane if self.continuous else closed_disc)(chi)
        if property == "non-oscillating":
            return all_real(chi)
        raise Misuse(f"there is no exact test of {property!r}; ask for stable, repelling, non-oscillating or diffeomorphism")

    def holds_on(self, property: str, low: Any, high: Any) -> bool:
        """The property for all λ in [low, high] (``stable``, ``non-oscillating`` or ``diffeomorphism``).

        >>> from dynopt import HeavyBall
        >>> heavy = modes(HeavyBall(gamma=Fraction(1, 5), momentum=Fraction(1, 4)))
        >>> heavy.holds_on("stable", 1, 12), heavy.holds_on("stable", 1, 13)
        (True, False)
        """
        a, b = rational(low), rational(high)
        if property == "diffeomorphism":
            return _nowhere_zero(determinant(self.matrix), a, b)
        if property == "stable":
            return self.holds("stable", a) and all(_nowhere_zero(p, a, b) for p in self.crossings.values())
        if a == b:
            return self.holds(property, a)
        return all(self.holds(property, x) for x in separated(self.collisions, a, b)[0])

    @cached_property
    def crossings(self) -> dict[str, fmpq_poly]:
        """The polynomials in λ that vanish where an eigenvalue reaches the boundary of the stable region."""
        n, m = len(self.matrix), self.matrix
        if self.continuous:
            found = {"fold": determinant(m)}
            return found if n == 1 else found | {"turn": determinant(_pair_sums(m))}
        found = {"fold": determinant(_beside(m, -1)), "flip": determinant(_beside(m, 1))}
        return found if n == 1 else found | {"turn": determinant(_beside(_pair_products(m), -1))}

    @cached_property
    def collisions(self) -> fmpq_poly:
        """A polynomial in λ whose zeros are where two distinct eigenvalues meet: a leading minor of (tr M^{i+j})."""
        n = len(self.matrix)
        powers = [_identity(n)]
        for _ in range(2 * n - 2):
            powers.append(_times(powers[-1], self.matrix))
        traces = [sum((p[i][i] for i in range(n)), fmpq_poly()) for p in powers]
        for size in range(n, 0, -1):  # the first that is not identically zero counts the distinct eigenvalues
            minor = determinant([[traces[i + j] for j in range(size)] for i in range(size)])
            if minor.degree() >= 0:
                return minor
        raise AssertionError("the trace of the identity is n")

    def repels(self) -> bool | None:
        """Whether an eigenvalue leaves the closed stable region for every λ < 0; None if a crossing stays open.

        >>> from dynopt import INNA
        >>> modes(INNA(alpha=1, beta=1, gamma=Fraction(1, 10))).repels()
        True
        """
        product = ONE
        for p in self.crossings.values():
            if p.degree() < 0 and len(self.matrix) > 2:  # a pair of eigenvalues stays on the boundary and hides the others
                return None
            product = product * p if p.degree() >= 0 else product
        samples, cells = separated(product, -bound(product) - 1, fmpq(0))
        if not all(self.holds("repelling", x) for x in samples):
            return False
        answers = [self._repels_near(a, b) for a, b in cells]
        return False if False in answers else None if None in answers else True

    def _repels_near(self, a: fmpq, b: fmpq) -> bool | None:
        """Whether the zero of a crossing that [a, b] encloses repels, from signs that hold on all of [a, b]."""
        for p in self.crossings.values():
            for factor, _ in p.factor()[1] if p.degree() > 0 else ():
                if factor.degree() == 1 and a <= (zero := fmpq(-factor[0], factor[1])) <= b:
                    return self.holds("repelling", zero)
        n = len(self.matrix)
        if self.continuous:  # det(sI − M) < 0 at s = 0 leaves a positive real root; a positive trace a positive real part
            signs = [(-1) ** n * self.crossings["fold"], -sum((self.matrix[i][i] for i in range(n)), fmpq_poly())]
        else:  # det(zI − M) < 0 at z = 1 or, up to (−1)ⁿ, at z = −1 leaves a real root beyond it; |det M| > 1 some root
            signs = [self.crossings["fold"], self.crossings["flip"], 1 - determinant(self.matrix), 1 + determinant(self.matrix)]
        return True if any(p(a) < 0 and _nowhere_zero(p, a, b) for p in signs) else None


def modes(system: System) -> Modes:
    """The mode matrix at rational parameters, from one run of the definition on linear forms.

    Raises
    ------
    NotLinear : the update is not linear in its state and gradients.
    Misuse : a parameter that is not an int or a Fraction.

    Examples
    --------
    >>> from dynopt import HeavyBall
    >>> modes(HeavyBall(gamma=Fraction(1, 5), momentum=Fraction(1, 4))).matrix
    [[(-1/5)*x + 5/4, (-1/4)], [1, 0]]
    """
    values = {p.name: getattr(system, p.name) for p in system.numbers()}
    for name, value in values.items():
        if not isinstance(value, (int, Fraction)):
            raise Misuse(f"{system.name}: {name}={value!r} is not an exact rational; give an int or a Fraction")
    whole = {name: Fraction(value) for name, value in values.items() if isinstance(value, int)}
    made: Any = system.replace(**whole) if whole else system  # an int divided by an int would be a float
    oracle: Any = _Mode()
    try:
        kind = type(made.init(Form([ONE]), oracle))
        n = len(kind._fields)
        state = kind(*(Form(row) for row in _identity(n)))
        continuous = isinstance(system, Flow)
        after = made.field(state, oracle, 0) if continuous else made.update(state, oracle, 0)
    except TypeError as error:
        raise NotLinear(f"{system.name} is not linear in its state and gradients ({error}), so it has no mode matrix") from None
    return Modes(continuous, [block.parts for block in after])


def schur(p: fmpq_poly) -> bool:
    """Whether every root has modulus below one, by the Schur–Cohn recursion p ↦ (p̄(0)* p − p(0) p*)/z.

    >>> schur(fmpq_poly([fmpq(1, 4), 0, 1])), schur(fmpq_poly([1, 0, 1])), schur(fmpq_poly([0, 0, 1]))
    (True, False, True)
    """
    while p.degree() > 0:
        n = p.degree()
        last, lead = p[0], p[n]
        if last * last >= lead * lead:
            return False
        coefficients = p.coeffs()
        p = fmpq_poly([lead * coefficients[i] - last * coefficients[n - i] for i in range(1, n + 1)])
    return True


def hurwitz(p: fmpq_poly) -> bool:
    """Whether every root has a negative real part, by the Routh array.

    >>> hurwitz(fmpq_poly([1, 2, 1])), hurwitz(fmpq_poly([1, 0, 1])), hurwitz(fmpq_poly([1, 1, 1, 1]))
    (True, False, False)
    """
    lead = p[p.degree()]
    descending = [c / lead for c in reversed(p.coeffs())]
    upper, lower = descending[::2], descending[1::2]
    while lower:
        if lower[0] <= 0:
            return False
        ratio = upper[0] / lower[0]
        padded = lower + [fmpq(0)] * (len(upper) - len(lower))
        upper, lower = lower, [u - ratio * v for u, v in zip(upper[1:], padded[1:], strict=True)]
    return True


def closed_disc(p: fmpq_poly) -> bool:
    """Whether every root has modulus at most one.

    The roots that come in pairs (z, 1/z), or lie on the circle, are those of g = gcd(p, p*).  The others
    must lie inside; and a polynomial with g* = ±g has all its roots on the circle iff those of g' lie in
    the closed disc (Cohn).

    >>> closed_disc(fmpq_poly([1, 0, 1])), closed_disc(fmpq_poly([1, -3, 1])), closed_disc(fmpq_poly([0, -1, 1]))
    (True, False, True)
    """
    if p.degree() <= 0:
        return True
    shared = p.gcd(fmpq_poly(list(reversed(p.coeffs()))))
    return schur(p // shared) and closed_disc(shared.derivative())


def closed_half_plane(p: fmpq_poly) -> bool:
    """Whether no root has a positive real part.

    The roots that come in pairs ±s, or lie on the imaginary axis, are those of g = gcd(p(s), p(−s)) =
    s^k h(s²); all of them lie on the axis iff every root of h is real and none positive.

    >>> closed_half_plane(fmpq_poly([1, 0, 1])), closed_half_plane(fmpq_poly([-1, 0, 1])), closed_half_plane(fmpq_poly([0, 1]))
    (True, False, True)
    """
    if p.degree() <= 0:
        return True
    mirrored = fmpq_poly([(-1) ** i * c for i, c in enumerate(p.coeffs())])
    shared = p.gcd(mirrored)
    coefficients = shared.coeffs()
    while coefficients[0] == 0:
        coefficients = coefficients[1:]
    even = fmpq_poly(coefficients[::2])
    return hurwitz(p // shared) and all_real(even) and all(c * coefficients[0] >= 0 for c in even.coeffs())


def all_real(p: fmpq_poly) -> bool:
    """Whether every root is real: as many distinct real roots as the square-free part has roots.

    >>> all_real(fmpq_poly([1, 2, 1])), all_real(fmpq_poly([1, 1, 1]))
    (True, False)
    """
    if p.degree() <= 0:
        return True
    return real_zeros(p) == p.degree() - p.gcd(p.derivative()).degree()


def determinant(matrix: Matrix) -> fmpq_poly:
    """The determinant of a small matrix of polynomials, by expansion along the first row."""
    if len(matrix) == 1:
        return matrix[0][0]
    total = fmpq_poly()
    for j, entry in enumerate(matrix[0]):
        if entry.degree() >= 0:
            total += (-1) ** j * entry * determinant([row[:j] + row[j + 1 :] for row in matrix[1:]])
    return total


def _identity(n: int) -> Matrix:
    return [[ONE if i == j else fmpq_poly() for j in range(n)] for i in range(n)]


def _beside(matrix: Matrix, sign: int) -> Matrix:
    """I ± M."""
    return [[(ONE if i == j else 0) + sign * entry for j, entry in enumerate(row)] for i, row in enumerate(matrix)]


def _times(one: Matrix, other: Matrix) -> Matrix:
    n = len(one)
    return [[sum((one[i][k] * other[k][j] for k in range(n)), fmpq_poly()) for j in range(n)] for i in range(n)]


def _pair_products(m: Matrix) -> Matrix:
    """Λ²M: its eigenvalues are the products of two eigenvalues of M."""
    pairs = list(itertools.combinations(range(len(m)), 2))
    return [[m[i][k] * m[j][l] - m[i][l] * m[j][k] for k, l in pairs] for i, j in pairs]


def _pair_sums(m: Matrix) -> Matrix:
    """M ∧ I + I ∧ M on Λ²: its eigenvalues are the sums of two eigenvalues of M."""
    pairs = list(itertools.combinations(range(len(m)), 2))

    def entry(i: int, j: int, k: int, l: int) -> fmpq_poly:
        total = fmpq_poly()
        for row, column, others in ((i, k, (j, l)), (j, l, (i, k))):
            total += m[row][column] if others[0] == others[1] else 0
        for row, column, others in ((i, l, (j, k)), (j, k, (i, l))):
            total -= m[row][column] if others[0] == others[1] else 0
        return total

    return [[entry(i, j, k, l) for k, l in pairs] for i, j in pairs]


def _nowhere_zero(p: fmpq_poly, low: fmpq, high: fmpq) -> bool:
    return p.degree() >= 0 and zeros(p, low, high) == 0
