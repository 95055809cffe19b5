"""Lecture slides on stochastic gradient descent: mini-batches, the examples, over- and under-parameterized least squares."""

from fractions import Fraction
from itertools import combinations
from math import comb

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

gamma, x, slope, n = sp.symbols("gamma x g n", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


descent = state_space(symbolic("gd"))
moved = (real(descent.A) * sp.Matrix([x]) + real(descent.B) * sp.Matrix([slope]))[0]
"""x_{k+1} of gradient descent with the gradient g, one coordinate, read off the definition."""


# --- mini-batches -----------------------------------------------------------------------------------------------------------

size, batch, subsets, containing = sp.symbols("N K subsets containing", real=True)


def batches_by_enumeration() -> Finding:
    """Every index lies in C(N−1, K−1) of the C(N, K) batches, and has weight 1/N in the mean of the batch means."""
    for count in range(1, 9):
        for chosen in range(1, count + 1):
            every = list(combinations(range(count), chosen))
            for index in range(count):
                holding = sum(index in b for b in every)
                if len(every) != comb(count, chosen) or holding != comb(count - 1, chosen - 1):
                    return Finding(False, {"N": count, "K": chosen})
                if Fraction(holding, chosen * len(every)) != Fraction(1, count):
                    return Finding(False, {"N": count, "K": chosen})
    return Finding(True)


def batches_by_counting_pairs() -> Finding:
    """Pairs (index, batch holding it), counted twice, with binomials built by Pascal's rule."""
    row = [1]
    for count in range(1, 61):
        before, row = row, [1, *(row[i] + row[i + 1] for i in range(len(row) - 1)), 1]
        for chosen in range(1, count + 1):
            if count * before[chosen - 1] != chosen * row[chosen]:
                return Finding(False, {"N": count, "K": chosen})
    return Finding(True)


BATCHES = Claim(
    id="g-batches",
    source="Slides, mini-batch stochastic gradient",
    statement="of the C(N, K) batches C(N−1, K−1) hold a given index, and C(N−1, K−1)/(C(N, K)·K) = 1/N, so E∇̂f = (1/N) Σ ∇f_i = ∇f",
    hypotheses="1 ≤ K ≤ N, f = (1/N) Σ f_i, batches uniform",
    checks=[
        Implication(
            part="K·C(N, K) = N·C(N−1, K−1): from K to K + 1",
            given=[batch >= 1, size > batch, same(batch * subsets, size * containing)],
            then=same((batch + 1) * (subsets * (size - batch) / (batch + 1)), size * (containing * (size - batch) / batch)),
        ),
        Implication(
            part="K = 1",
            given=[size >= 1, sp.Eq(batch, 1), sp.Eq(subsets, size), sp.Eq(containing, 1)],
            then=same(batch * subsets, size * containing),
        ),
        Implication(
            part="the quotient",
            given=[batch >= 1, size >= batch, subsets > 0, same(batch * subsets, size * containing)],
            then=same(containing / (subsets * batch), 1 / size),
        ),
        Computation(
            part="N ≤ 8 by enumeration, N ≤ 60 by Pascal's rule",
            methods={"enumeration": batches_by_enumeration, "double counting": batches_by_counting_pairs},
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All N and K: induction on K with C(N, K+1) = C(N, K)(N−K)/(K+1) and C(N−1, K) = C(N−1, K−1)(N−K)/K.",
    remark="f is the mean here; the thesis takes the sum in the same place (t1-unbiased).",
)

c1, c2, mean_square, energy, energy_next = sp.symbols("c1 c2 m E_k E_next", real=True)
centres = (c1, c2, -c1 - c2)
third = sp.Rational(1, 3)
total = sum((x - centre) ** 2 / 2 for centre in centres)
stochastic = [moved.subs({slope: x - centre, gamma: third}) for centre in centres]

TRIANGLE = Claim(
    id="g-triangle",
    source="Slides, SGD example",
    statement="½Σ‖x − c_i‖² = (3/2)‖x‖² + const when c₁ + c₂ + c₃ = 0, and gradient descent on it with γ = 1/3 goes straight to "
    "the solution",
    hypotheses="c₁ + c₂ + c₃ = 0",
    checks=[
        Implication(
            part="the sum, with const = ½Σ‖c_i‖²",
            then=same(total, sp.Rational(3, 2) * x**2 + sum(centre**2 for centre in centres) / 2),
        ),
        Implication(
            part="one step of size 1/3 ends at 0",
            given=[sp.Eq(slope, sp.diff(total, x)), sp.Eq(gamma, third)],
            then=same(moved, 0),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All dimensions: coordinate by coordinate.",
    remark="For the mean (1/3)Σ, which is what the stochastic gradients ∇f_i are unbiased for, the step 1/3 gives x ↦ (2/3)x: straight, "
    "but not in one step.",
)

NOISE_BALL = Claim(
    id="g-noise-ball",
    source="Slides, SGD example",
    statement="constant-step SGD converges to a noise ball: with γ = 1/3, E‖x_k‖² tends to one fifth of the mean of the ‖c_i‖²",
    hypotheses="c₁ + c₂ + c₃ = 0, i uniform and independent in each step",
    checks=[
        Implication(
            part="E‖x_{k+1}‖² = (4/9)‖x_k‖² + (1/9) mean ‖c_i‖²",
            then=same(sum(s**2 for s in stochastic) / 3, sp.Rational(4, 9) * x**2 + sum(centre**2 for centre in centres) / 27),
        ),
        Implication(
            part="the distance to (1/5) mean ‖c_i‖² shrinks by 4/9",
            given=[sp.Eq(energy_next, sp.Rational(4, 9) * energy + mean_square / 9)],
            then=same(energy_next - mean_square / 5, sp.Rational(4, 9) * (energy - mean_square / 5)),
        ),
        Implication(
            part="the radius is positive unless all c_i = 0",
            given=[sp.Or(sp.Ne(c1, 0), sp.Ne(c2, 0))],
            then=sum(centre**2 for centre in centres) / 15 > 0,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All dimensions: sums over coordinates.  E over i given x_k, then over x_k.",
    remark="The value 1/5 is ours; the slide states the ball.",
)

FIXED_STEP = Claim(
    id="g-fixed-step",
    source="Slides, fixed step-size SGD; step-length",
    statement="at x_k = x̄: ∇f_i(x̄) ≠ 0 gives x_{k+1} ≠ x̄, ∇f_i(x̄) = 0 gives x_{k+1} = x̄ for every γ; ‖x_{k+1} − x_k‖ = γ‖∇f_i(x_k)‖",
    hypotheses="γ > 0",
    checks=[
        Implication(part="stays where the gradient vanishes", given=[gamma > 0], then=sp.Equivalent(sp.Eq(moved, x), sp.Eq(slope, 0))),
        Implication(part="step-length", given=[gamma > 0], then=same((moved - x) ** 2, gamma**2 * slope**2)),
    ],
    expected=Verdict.PROVED,
    reduction="All dimensions: coordinate by coordinate.",
)

printed_step = sp.Rational(1, 2)
ESCAPE = Claim(
    id="g-escape-step",
    source="Slides, flatness of minima, example",
    statement="x_k = 0.8, γ = 0.5, ∇f_i(x_k) = −2.77 give x_{k+1} = 2.18",
    hypotheses="∇f_i and x_{k+1} rounded to the printed digits",
    checks=[
        Exists(
            such_that=[
                sp.Eq(x, sp.Rational(4, 5)),
                slope >= sp.Rational("-2.775"),
                slope <= sp.Rational("-2.765"),
                moved.subs(gamma, printed_step) >= sp.Rational("2.175"),
                moved.subs(gamma, printed_step) <= sp.Rational("2.185"),
            ],
        ),
    ],
    expected=Verdict.PROVED,
)

a1, a2, b, b1, b2, x1, x2 = sp.symbols("a1 a2 b b1 b2 x1 x2", real=True)

OVER = Claim(
    id="g-overparameterised",
    source="Slides, overparameterization, LS example",
    statement="least squares with more unknowns than equations (n > N) has infinitely many solutions with zero loss",
    hypotheses="A ∈ R^{N×n}, b ∈ R^N, n > N; here N = 1, n = 2",
    checks=[
        Implication(
            part="a minimiser, Aᵀ(Ax − b) = 0, has zero loss",
            given=[sp.Eq(a1 * (a1 * x1 + a2 * x2 - b), 0), sp.Eq(a2 * (a1 * x1 + a2 * x2 - b), 0)],
            then=sp.Eq(a1 * x1 + a2 * x2, b),
        ),
        Implication(
            part="so have infinitely many others: the loss is constant along (−a₂, a₁)",
            then=same(a1 * (x1 - n * a2) + a2 * (x2 + n * a1), a1 * x1 + a2 * x2),
        ),
    ],
    expected=Verdict.CONDITIONAL,
    extra=sp.Or(sp.Ne(a1, 0), sp.Ne(a2, 0), sp.Eq(b, 0)),
    needed=[
        Implication(
            part="A = 0, b ≠ 0: no zero-loss solution",
            given=[sp.Eq(a1, 0), sp.Eq(a2, 0), sp.Ne(b, 0)],
            then=(a1 * x1 + a2 * x2 - b) ** 2 > 0,
        ),
    ],
    reduction="The extra hypothesis says that b lies in the range of A (for A = 0 along every direction the loss is constant); any N < n: "
    "then Ax = b is solvable, and the kernel has dimension at least n − N.  Full row rank gives it for every b; random Gaussian A, as used "
    "there, has full row rank almost surely.",
)

UNDER = Claim(
    id="g-underparameterised",
    source="Slides, over- against under-parameterized models, with the LS example",
    statement="n ≤ N is the case in which zero loss is not possible",
    hypotheses="A ∈ R^{N×n} of full rank, b ∈ R^N; here n = 1",
    checks=[
        Implication(part="N = n = 1", given=[sp.Ne(a1, 0), sp.Ne(b1, 0)], then=(a1 * x - b1) ** 2 > 0),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="zero loss is impossible exactly when b lies outside the range of A, which needs n < N: for n = N and full rank it "
        "is always possible",
        checks=[
            Implication(part="N = n = 1: zero loss at b/a", given=[sp.Ne(a1, 0), sp.Eq(x, b1 / a1)], then=same((a1 * x - b1) ** 2, 0)),
            Implication(
                part="N = 2, n = 1: impossible off the range",
                given=[sp.Ne(a1 * b2 - a2 * b1, 0)],
                then=(a1 * x - b1) ** 2 + (a2 * x - b2) ** 2 > 0,
            ),
            Implication(
                part="N = 2, n = 1: possible on the range",
                given=[a1**2 + a2**2 > 0, sp.Eq(a1 * b2 - a2 * b1, 0), sp.Eq(x, (a1 * b1 + a2 * b2) / (a1**2 + a2**2))],
                then=same((a1 * x - b1) ** 2 + (a2 * x - b2) ** 2, 0),
            ),
        ],
    ),
    remark="The two slides together: over-parameterized is “zero loss is possible”, under-parameterized its negation, and n ≤ N is "
    "called the latter.  The square case contradicts that.",
)
