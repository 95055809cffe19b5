"""Zhao et al. 2021 (stochastic normalized gradient descent), Algorithm 1 and the proof of Theorem 1: mini-batches and expectations."""

from fractions import Fraction
from itertools import combinations, product

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict

n, G, c, q = sp.symbols("n G c q", real=True)
g1, g2 = sp.symbols("g1 g2", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


BIAS = Claim(
    id="z-bias",
    source="Zhao et al. 2021, §3, before Algorithm 1",
    statement="E[g/‖g‖ | w] ≠ ∇F(w)",
    hypotheses="g an unbiased estimate of ∇F(w), g ≠ 0",
    checks=[Implication(part="P = 1, g = ∇F(w) without noise", given=[G > 0], then=sp.Ne(G, 1))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="equality is possible only where ‖∇F(w)‖ ≤ 1, since a mean of unit vectors is no longer than 1; in expectation the step "
        "may even go against −∇F(w)",
        checks=[
            Implication(
                part="‖E[g/‖g‖]‖ ≤ 1: the mean of two vectors of length at most 1",
                given=[0 <= q, q <= 1, 0 <= n, n <= 1, 0 <= G, G <= 1, c**2 <= G**2 * n**2],
                then=q**2 * n**2 + 2 * q * (1 - q) * c + (1 - q) ** 2 * G**2 <= 1,
            ),
            Exists(
                part="the wrong direction: g = −c with probability 2/3, g = n with 1/3",
                such_that=[c > 0, n > 0, -2 * c / 3 + n / 3 > 0, -sp.Rational(2, 3) + sp.Rational(1, 3) < 0],
            ),
        ],
    ),
    reduction="Means over more vectors by induction.",
    remark="The inequality is true for most w; as a statement about every w it is not: F = ½w² at w = 1.",
)

ALGORITHM = Claim(
    id="z-algorithm1",
    source="Zhao et al. 2021, Algorithm 1, line 4",
    statement="g_t = (1/b) Σ_{a∈I_t} f(w_t; a) is a mini-batch gradient: E g_t = ∇F(w_t)",
    hypotheses="F = E f",
    checks=[Implication(part="P = 1, b = 1, f = F = ½w²", then=same(q**2 / 2, q))],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="g_t = (1/b) Σ ∇f(w_t; a), as in (2), (3) and Algorithm 2",
        checks=[Implication(part="two samples, b = 1", then=same((g1 + g2) / 2, g1 / 2 + g2 / 2))],
    ),
    reduction="The correction for any b is linearity of the expectation.",
    remark="∇ is missing: the printed g_t is a number, and g_t/‖g_t‖ is ±1 for every P.",
)


def draws(n_samples: int, b: int, replacement: bool):
    return list(product(range(n_samples), repeat=b) if replacement else combinations(range(n_samples), b))


def variance_by_enumeration() -> Finding:
    """Scalar samples with symbolic values; every draw is listed."""
    for size, b in ((s, b) for s in (1, 2, 3, 4) for b in (1, 2, 3)):
        g = sp.symbols(f"g1:{size + 1}")
        centre = sum(g) / sp.Integer(size)
        single = sum((v - centre) ** 2 for v in g) / size
        for replacement in (True, False) if b <= size else (True,):
            listed = draws(size, b, replacement)
            found = sum((sum(g[i] for i in s) / sp.Integer(b) - centre) ** 2 for s in listed) / len(listed)
            factor = sp.Integer(1) if replacement or size == 1 else sp.Rational(size - b, size - 1)
            if sp.expand(found - factor * single / b) != 0:
                return Finding(False, {"n": size, "b": b, "replacement": replacement})
    return Finding(True)


def variance_by_covariances() -> Finding:
    """b variances and b(b − 1) covariances over b²: 0 for independent draws, −Var/(n − 1) without replacement."""
    for size in range(2, 30):
        for b in range(1, size + 1):
            covariance = Fraction(-1, size - 1)
            if (b + b * (b - 1) * covariance) / b**2 != Fraction(size - b, size - 1) / b:
                return Finding(False, {"n": size, "b": b})
    return Finding(True)


b, variance, size = sp.symbols("b V N", real=True)

BATCH_VARIANCE = Claim(
    id="z-batch-variance",
    source="Zhao et al. 2021, proof of Theorem 1",
    statement="E‖∇F − g‖² = E‖∇F − ∇f‖²/b for a mini-batch of b independent samples; with b samples drawn without replacement from n it is "
    "(n−b)/(n−1) times that, so ≤ holds either way",
    hypotheses="b ≥ 1 (b ≤ n without replacement)",
    checks=[
        Computation(methods={"enumeration": variance_by_enumeration, "covariances": variance_by_covariances}),
        Implication(
            part="≤ without replacement",
            given=[size >= 2, b >= 1, b <= size, variance >= 0],
            then=(size - b) / (size - 1) * variance / b <= variance / b,
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate.  n ≤ 4 is listed; in general the covariance of two draws without replacement is "
    "−Var/(n−1), since all n deviations sum to 0.",
    remark="The paper writes = and “randomly choose b samples”.  Its proof needs only ≤.",
)


p, x, y = sp.symbols("p x y", real=True)

JENSEN = Claim(
    id="z-jensen",
    source="Zhao et al. 2021, (8)",
    statement="(E x)² ≤ E x²",
    hypotheses="E x² finite",
    checks=[Implication(part="two values", given=[0 <= p, p <= 1], then=(p * x + (1 - p) * y) ** 2 <= p * x**2 + (1 - p) * y**2)],
    expected=Verdict.PROVED,
    reduction="More values by induction on their number: x stands for one value, y for the conditional mean of the others; in general E x² "
    "− (E x)² = E(x − E x)².",
)
