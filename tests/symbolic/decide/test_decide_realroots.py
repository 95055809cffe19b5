"""Root isolation against Sturm's theorem and against flint's certified complex roots."""

import itertools
import random
from fractions import Fraction

import mpmath
import pytest
from flint import arb, fmpq, fmpq_poly, fmpz_poly

from dynopt.symbolic.decide.eliminants import resultant
from dynopt.symbolic.decide.factors import split
from dynopt.symbolic.decide.numberfield import Field, Number, adjoin, is_zero, minimal_polynomial, real_roots, signum
from dynopt.symbolic.decide.realroots import RealRoot, count, isolate, polynomial, precision, roots, sign_at, simplest
from dynopt.symbolic.limits import OutOfTime, within


def polynomials(seed, number):
    rnd = random.Random(seed)
    for _ in range(number):
        p = fmpz_poly([rnd.randint(-9, 9) for _ in range(rnd.randint(2, 8))])
        for _ in range(rnd.randint(0, 2)):
            p *= fmpz_poly([rnd.randint(-3, 3), rnd.randint(1, 3)]) ** rnd.randint(1, 3)
        if p.degree() > 0:
            yield p


def test_roots_are_those_of_flint_with_their_multiplicities():
    for p in polynomials(1, 300):
        certified = sorted(((z.real, m) for z, m in p.complex_roots() if z.imag == 0), key=lambda t: float(t[0].mid()))
        found = roots(p)
        assert [m for _, m in found] == [m for _, m in certified]
        for (interval, _), (ball, _) in zip(found, certified, strict=True):
            assert ball.contains(interval.low) if interval.exact else interval.low < ball < interval.high


def test_every_interval_has_one_root_by_sturm():
    for p in polynomials(2, 200):
        found = roots(p)
        assert len(found) == count(p)
        for interval, _ in found:
            assert p(interval.low) == 0 if interval.exact else count(p, interval.low, interval.high) == 1
        for (a, _), (b, _) in itertools.pairwise(found):
            assert a.high <= b.low


@pytest.mark.parametrize(
    ("coefficients", "number"),
    [([1], 0), ([-2, 0, 1], 2), ([1, 0, 1], 0), ([0, 0, 0, 1], 1), ([1, -2, 1], 1), ([0, 1, 0, -1], 3), ([Fraction(-1, 9), 0, 1], 2)],
)
def test_numbers_of_roots_that_are_known(coefficients, number):
    assert len(roots(polynomial(coefficients))) == number


def test_roots_very_close_together_are_separated():
    p = fmpz_poly([-2, 0, 1]) ** 2 * 10**40 - 1
    assert len(isolate(p)) == 4


def test_signs_at_algebraic_numbers():
    rnd = random.Random(3)
    mpmath.mp.dps = 60
    for p in polynomials(3, 60):
        for factor, _ in p.factor()[1]:
            for interval in isolate(factor):
                q = fmpz_poly([rnd.randint(-5, 5) for _ in range(4)])
                root = RealRoot(factor, interval)
                assert sign_at(q * factor, root) == 0
                with precision(200):
                    at = mpmath.mpf(root.ball(160).mid().str(60, radius=False))
                value = mpmath.polyval([int(c) for c in q.coeffs()[::-1]], at)
                assert sign_at(q, root) == (0 if abs(value) < 1e-30 else int(mpmath.sign(value)))


def test_sign_of_a_tiny_value_is_not_taken_for_zero():
    root = RealRoot(fmpz_poly([-2, 0, 1]), isolate(fmpz_poly([-2, 0, 1]))[1])
    near = [fmpq(1), fmpq(3, 2)]
    for _ in range(7):
        near.append((near[-1] + 2 / near[-1]) / 2)
    assert sign_at(fmpq_poly([-near[-1], 1]).numer(), root) == -1


def test_simplest_rational_has_the_least_denominator():
    rnd = random.Random(4)
    for _ in range(300):
        a, b = sorted(fmpq(rnd.randint(-60, 60), rnd.randint(1, 30)) for _ in range(2))
        if a == b:
            continue
        s = simplest(a, b)
        assert a < s < b
        assert not any(fmpq((a * q).floor() + 1, q) < b for q in range(1, int(s.q)))
    with pytest.raises(ValueError, match="empty"):
        simplest(fmpq(1), fmpq(1))


def decimal(value):
    with precision(300):
        ball = value.ball(250) if isinstance(value, (Number, RealRoot)) else arb(value)
    return mpmath.mpf(ball.mid().str(60, radius=False))


def test_roots_over_number_fields_and_primitive_elements():
    rnd = random.Random(5)
    mpmath.mp.dps = 50
    tried = 0
    for p in polynomials(5, 60):
        for theta in [r for r in real_roots([fmpq(c) for c in p.coeffs()]) if isinstance(r, RealRoot)][:1]:
            field = Field(theta)
            coefficients = [field.element(fmpq_poly([rnd.randint(-3, 3) for _ in range(2)])) for _ in range(3)]
            if is_zero(coefficients[2]):
                continue
            a, b, c = (decimal(v) for v in coefficients[::-1])
            discriminant = b * b - 4 * a * c
            expected = sorted((-b + s * mpmath.sqrt(discriminant)) / (2 * a) for s in (1, -1)) if discriminant > 1e-20 else []
            found = real_roots(coefficients)
            assert [decimal(r) for r in found] == pytest.approx(expected if abs(discriminant) > 1e-20 else [-b / (2 * a)])
            for rho in found:
                if isinstance(rho, RealRoot) and rho.polynomial.degree() * theta.polynomial.degree() <= 12:
                    tried += 1
                    extension, one, two = adjoin(field, rho)
                    x, y = extension.element(one), extension.element(two)
                    at = sum((extension.element(v.p(one)) * y**i for i, v in enumerate(coefficients)), extension.element(fmpq(0)))
                    assert signum(at) == 0
                    assert decimal(x) == pytest.approx(decimal(theta))
                    assert decimal(y) == pytest.approx(decimal(rho))
    assert tried > 5


def test_minimal_polynomial_and_index():
    sqrt2 = Field(RealRoot(fmpz_poly([-2, 0, 1]), isolate(fmpz_poly([-2, 0, 1]))[1])).element(fmpq_poly([0, 1]))
    assert minimal_polynomial(1 - sqrt2) == ([-1, -2, 1], 0)
    assert minimal_polynomial(1 + sqrt2) == ([-1, -2, 1], 1)
    assert minimal_polynomial(sqrt2 * sqrt2) == ([-2, 1], 0)


def test_resultants_by_subresultants_equal_those_of_flint():
    import flint

    rnd = random.Random(6)
    context = flint.fmpz_mpoly_ctx.get(["x", "y", "z"], flint.Ordering.lex)
    for _ in range(60):
        p, q = (
            context.from_dict({(rnd.randint(0, 7), rnd.randint(0, 2), rnd.randint(0, 1)): rnd.randint(-9, 9) for _ in range(5)})
            for _ in range(2)
        )
        if min(p.degrees()[0], q.degrees()[0]) < 1:
            continue
        own, theirs = resultant(split(context, p, 0), split(context, q, 0)), p.resultant(q, 0)
        assert own in (theirs, -theirs)
    with pytest.raises(OutOfTime), within(-1):
        resultant(split(context, p + context.gens()[0] ** 2, 0), split(context, p + context.gens()[0] ** 3, 0))


def test_rational_roots_over_a_field_are_found():
    field = Field(RealRoot(fmpz_poly([-2, 0, 1]), isolate(fmpz_poly([-2, 0, 1]))[1]))
    sqrt2, one = field.element(fmpq_poly([0, 1])), field.element(fmpq(1))
    low, high = real_roots([sqrt2 * 3, -sqrt2 - 3, one])  # (y - sqrt2)(y - 3)
    assert isinstance(low, RealRoot)
    assert low.polynomial == fmpz_poly([-2, 0, 1])
    assert high == 3
