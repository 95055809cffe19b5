"""Castera 2021, Chapter 1: mini-batches, gradient descent, Newton's method, momentum.

What the thesis prints is typed here; what belongs to a method is read off its definition.
"""

from fractions import Fraction
from itertools import combinations
from math import comb

import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication, Verdict, real
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

alpha, gamma, L, theta, previous, slope, weight, value, v = sp.symbols("alpha gamma L theta previous g w value v", real=True)


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- mini-batches: (1.18), (1.19) -----------------------------------------------------------------------------------------


def batches(size: int, batch: int) -> list[tuple[int, ...]]:
    return list(combinations(range(size), batch))


def weights_by_enumeration(size: int, batch: int) -> list[Fraction]:
    """The coefficient of each ∇J_n in E∇J_A: every subset is listed."""
    total = [Fraction(0)] * size
    for chosen in batches(size, batch):
        for n in chosen:
            total[n] += Fraction(1, len(chosen)) / len(batches(size, batch))
    return total


def weights_by_counting(size: int, batch: int) -> list[Fraction]:
    """The same from the number of subsets that contain one index."""
    return [Fraction(comb(size - 1, batch - 1), batch * comb(size, batch))] * size


def expectation(weights, wanted) -> Finding:
    for size in range(1, 8):
        for batch in range(1, size + 1):
            found = weights(size, batch)
            if found != [wanted(size)] * size:
                return Finding(False, {"N": size, "b": batch, "weights of the gradients in E": tuple(map(str, found))})
    return Finding(True)


def of_expectation(wanted) -> dict:
    return {
        "enumeration of the subsets": lambda: expectation(weights_by_enumeration, wanted),
        "binomial coefficients": lambda: expectation(weights_by_counting, wanted),
    }


size, batch, subsets, containing, first, second = sp.symbols("N b subsets containing g1 g2", real=True)

UNBIASED = Claim(
    id="t1-unbiased",
    source="Castera 2021, thesis, (1.19) with (1.5) and (1.18)",
    statement="for A uniform over the subsets of {1, …, N} with b elements, E∇J_A(θ) = ∇J(θ), where J = Σ_n J_n and "
    "∇J_B = (1/b) Σ_{n∈B} ∇J_n; in particular J_B = J for B = {1, …, N}",
    hypotheses="1 ≤ b ≤ N; J is the sum (1.5), J_B the mean (1.18)",
    checks=[
        Computation(part="N ≤ 7, every b: each ∇J_n has weight 1", methods=of_expectation(lambda n: Fraction(1))),
        Implication(part="N = 2, b = 1", then=same(first / 2 + second / 2, first + second)),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="E∇J_A = ∇J/N.  It is ∇J exactly when J is the mean (1/N) Σ_n J_n (which the last step of (1.19) uses), or N = 1",
        checks=[
            Implication(
                part="b·C(N, b) = N·C(N−1, b−1): from b to b + 1",
                given=[
                    batch >= 1,
                    size > batch,
                    same(batch * subsets, size * containing),
                ],
                then=same((batch + 1) * (subsets * (size - batch) / (batch + 1)), size * (containing * (size - batch) / batch)),
            ),
            Implication(
                part="b·C(N, b) = N·C(N−1, b−1): b = 1",
                given=[size >= 1, sp.Eq(batch, 1), sp.Eq(subsets, size), sp.Eq(containing, 1)],
                then=same(batch * subsets, size * containing),
            ),
            Computation(part="N ≤ 7, every b: each ∇J_n has weight 1/N", methods=of_expectation(lambda n: Fraction(1, n))),
        ],
    ),
    reduction="All N and b: ∇J_n has the weight C(N−1, b−1)/(b·C(N, b)) in the expectation; that this is 1/N is proved by induction on b "
    "(C(N, b+1) = C(N, b)(N−b)/(b+1), C(N−1, b) = C(N−1, b−1)(N−b)/b).",
    remark="A sum taken for a mean: with (1.18) the factor 1/N is also missing in “if B = {1, …, N}, J_B = J”.  Step-sizes tuned for one "
    "convention are N times too large or too small for the other.",
)


# --- gradient descent ------------------------------------------------------------------------------------------------------

descent = state_space(symbolic("gd"))
move = sp.expand((real(descent.A) * sp.Matrix([theta]) + real(descent.B) * sp.Matrix([slope]))[0] - theta)
"""θ_{k+1} − θ_k of gradient descent, one coordinate, read off the definition."""

STATIONARY = Claim(
    id="t1-gd-stationary",
    source="Castera 2021, thesis, §1.3.1",
    statement="gradient descent (1.15) stays where it is if and only if ∇J(θ_k) = 0",
    hypotheses="γ > 0",
    checks=[Implication(given=[gamma > 0], then=sp.Equivalent(sp.Eq(move, 0), sp.Eq(slope, 0)))],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate.",
)

J0, J1, squared, curved = sp.symbols("J_k J_next G q", real=True)
taylor = [L > 0, gamma > 0, squared >= 0, curved <= L * squared, curved >= -L * squared]
next_value = J0 - gamma * squared + gamma**2 * curved / 2
descent_bound = J0 - gamma * (1 - L * gamma / 2) * squared

DESCENT = Claim(
    id="t1-descent",
    source="Castera 2021, thesis, (1.25)–(1.27)",
    statement="γ < 2/L gives J(θ_{k+1}) ≤ J(θ_k) − γ(1 − Lγ/2)‖∇J(θ_k)‖² ≤ J(θ_k) for gradient descent",
    hypotheses="J twice continuously differentiable, no Hessian eigenvalue of modulus above L > 0, γ > 0",
    checks=[
        Implication(
            part="(1.25) to (1.26), one coordinate of each inner product",
            given=[gamma > 0],
            then=sp.And(same(slope * move, -gamma * slope**2), same(weight * move**2, gamma**2 * weight * slope**2)),
        ),
        Implication(part="(1.27)", given=taylor, then=next_value <= descent_bound),
        Implication(part="descent", given=[*taylor, gamma < 2 / L, J1 <= descent_bound], then=J1 <= J0),
    ],
    expected=Verdict.PROVED,
    reduction="All P: by Taylor–Lagrange J(θ_{k+1}) = J(θ_k) + ⟨∇J, θ_{k+1} − θ_k⟩ + ½⟨∇²J(ψ)(θ_{k+1} − θ_k), θ_{k+1} − θ_k⟩; G stands for "
    "‖∇J(θ_k)‖² and q for ⟨∇²J(ψ)∇J, ∇J⟩, and |q| ≤ L·G by the spectral theorem.",
    remark="γ = 2/L is allowed too; for the strict decrease off critical points it is not.",
)

SHARP = Claim(
    id="t1-descent-sharp",
    source="Castera 2021, thesis, after (1.27)",
    statement="2/L cannot be enlarged: on J = ½Lθ² every γ > 2/L increases J from every θ ≠ 0",
    hypotheses="L > 0",
    checks=[
        Implication(
            given=[L > 0, gamma > 2 / L, sp.Ne(theta, 0)],
            then=L * (theta + move.subs(slope, L * theta)) ** 2 / 2 > L * theta**2 / 2,
        ),
    ],
    expected=Verdict.PROVED,
)

h1, h2, x1, x2, y1, y2 = sp.symbols("h1 h2 x1 x2 y1 y2", real=True)

LIPSCHITZ = Claim(
    id="t1-lipschitz-eigenvalue",
    source="Castera 2021, thesis, §1.4.1",
    statement="the Lipschitz constant L of ∇J is the largest eigenvalue of the Hessian on R^P",
    hypotheses="J twice continuously differentiable (here quadratic with Hessian diag(h₁, h₂), h₁ ≤ h₂)",
    checks=[
        Implication(
            part="h₂ is a Lipschitz constant",
            given=[h1 <= h2],
            then=sp.And(h2 >= 0, (h1 * x1) ** 2 + (h2 * x2) ** 2 <= h2**2 * (x1**2 + x2**2)),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="it is the supremum of the moduli of the eigenvalues (for DL losses the negative ones count too), as the same "
        "paragraph says earlier; for a quadratic the larger of |h₁|, |h₂|, which is attained",
        checks=[
            Implication(
                part="a Lipschitz constant",
                given=[L >= 0, h1**2 <= L**2, h2**2 <= L**2],
                then=(h1 * x1) ** 2 + (h2 * x2) ** 2 <= L**2 * (x1**2 + x2**2),
            ),
            Implication(
                part="the smallest one",
                given=[L >= 0, sp.Or(L < sp.Abs(h1), L < sp.Abs(h2))],
                then=sp.Or(h1**2 > L**2, h2**2 > L**2),
            ),
        ],
    ),
    reduction="All P: the Hessian of a quadratic in an orthonormal eigenbasis; (x₁, x₂) is the difference of two points.  The second part "
    "is the inequality at the two basis vectors.",
)

STEEPEST = Claim(
    id="t1-steepest",
    source="Castera 2021, thesis, (1.16)",
    statement="for a norm ‖·‖ on R^P and ‖d‖ = 1, Cauchy–Schwarz gives ⟨∇J, γd⟩ ≥ −γ‖∇J‖‖d‖",
    hypotheses="γ > 0; the norm is any norm",
    checks=[
        Implication(
            part="the maximum norm on R²",
            given=[gamma > 0, sp.Eq(sp.Max(sp.Abs(y1), sp.Abs(y2)), 1)],
            then=gamma * (x1 * y1 + x2 * y2) >= -gamma * sp.Max(sp.Abs(x1), sp.Abs(x2)),
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the norm must be the Euclidean one (or ‖∇J‖ its dual norm); then the bound holds, and d = −∇J/‖∇J‖ attains it "
        "where ∇J ≠ 0",
        checks=[
            Implication(
                part="Euclidean norm, any P",
                given=[gamma > 0, L >= 0, value >= 0, v**2 <= L**2 * value**2],
                then=gamma * v >= -gamma * L * value,
            ),
            Implication(
                part="attained: P = 2",
                given=[x1**2 + x2**2 > 0],
                then=same(-(x1**2 + x2**2) / sp.sqrt(x1**2 + x2**2), -sp.sqrt(x1**2 + x2**2)),
            ),
            Implication(
                part="maximum norm with its dual: P = 2",
                given=[gamma > 0, sp.Eq(sp.Max(sp.Abs(y1), sp.Abs(y2)), 1)],
                then=gamma * (x1 * y1 + x2 * y2) >= -gamma * (sp.Abs(x1) + sp.Abs(x2)),
            ),
        ],
    ),
    reduction="In the correction L and value stand for ‖∇J‖ and ‖d‖, v for their inner product.",
)


# --- Newton's method: (1.23), (1.24) ---------------------------------------------------------------------------------------

p, q, r, b1, b2, t1, t2 = sp.symbols("p q r b1 b2 theta1 theta2", real=True)
matrix, target, point = sp.Matrix([[p, q], [q, r]]), sp.Matrix([b1, b2]), sp.Matrix([t1, t2])
residual = matrix * point - target
least_squares = (residual.T * residual)[0] / 2
gradient = sp.Matrix([sp.diff(least_squares, s) for s in (t1, t2)])
hessian = sp.hessian(least_squares, (t1, t2))
after = point - hessian.adjugate() * gradient / sp.factor(hessian.det())
solution = matrix.adjugate() * target / matrix.det()


def positive(size: int, shift: int) -> sp.Matrix:
    """BᵀB + I for an integer matrix B without structure."""
    entries = sp.Matrix(size, size, lambda i, j: (3 * i + 5 * j + i * j + shift) % 7 - 3)
    return entries.T * entries + sp.eye(size)


def newton_by_differentiation() -> Finding:
    for size in (1, 2, 3):
        a, b, start = positive(size, size), sp.Matrix(sp.symbols(f"b1:{size + 1}")), sp.Matrix(sp.symbols(f"x1:{size + 1}"))
        error = a * start - b
        objective = sp.expand((error.T * error)[0] / 2)
        step = sp.hessian(objective, list(start)).LUsolve(sp.Matrix([sp.diff(objective, s) for s in start]))
        if (start - step - a.LUsolve(b)).applyfunc(sp.expand) != sp.zeros(size, 1):
            return Finding(False, {"P": size})
    return Finding(True)


def newton_by_substitution() -> Finding:
    """A(θ − (AᵀA)⁻¹Aᵀ(Aθ − b)) = b with integer data and rational inverses."""
    for size in range(1, 6):
        for shift in range(2):
            a = positive(size, shift)
            b = sp.Matrix(size, 1, lambda i, _, s=shift: i * i - 3 * s)
            start = sp.Matrix(size, 1, lambda i, _, s=shift: 5 - i + s)
            arrived = start - (a.T * a).inv() * a.T * (a * start - b)
            if a * arrived != b:
                return Finding(False, {"P": size, "A": str(a.tolist())})
    return Finding(True)


NEWTON = Claim(
    id="t1-newton-ls",
    source="Castera 2021, thesis, (1.23) and (1.24)",
    statement="Newton's method goes from any θ to A⁻¹b, the unique minimiser of ½‖Aθ − b‖², in one step",
    hypotheses="A symmetric positive definite",
    checks=[
        Implication(part="P = 2", given=[p > 0, p * r > q**2], then=sp.And(*(same(after[i], solution[i]) for i in range(2)))),
        Implication(
            part="unique minimiser, P = 2: Q vanishes only at A⁻¹b",
            given=[p > 0, p * r > q**2, sp.Eq(residual[0], 0), sp.Eq(residual[1], 0)],
            then=sp.And(*(same(point[i], solution[i]) for i in range(2))),
        ),
        Computation(
            part="P ≤ 3 symbolic data, P ≤ 5 integer data",
            methods={"differentiation": newton_by_differentiation, "rational inverses": newton_by_substitution},
        ),
    ],
    expected=Verdict.PROVED,
    reduction="All P, by hand: ∇Q = Aᵀ(Aθ − b), ∇²Q = AᵀA, and (AᵀA)⁻¹Aᵀ = A⁻¹; Q ≥ 0 vanishes exactly where Aθ = b.",
    remark="That A is invertible is enough.",
)


# --- momentum and adaptive steps: (1.28)–(1.30) ------------------------------------------------------------------------------

mu = sp.Symbol("momentum", real=True)


def updated(name: str) -> tuple:
    """Where the gradient is asked for, and the next iterate."""
    space = state_space(symbolic(name))
    state = sp.Matrix([theta, previous])
    return (real(space.C) * state)[0], (real(space.A) * state + real(space.B) * sp.Matrix([slope]))[0]


MOMENTUM = Claim(
    id="t1-momentum-forms",
    source="Castera 2021, thesis, (1.28) and (1.29)",
    statement="m_k = μm_{k−1} − γ∇J(·), θ_{k+1} = θ_k + m_k, with ∇J at θ_k (heavy ball) or at θ_k + μm_{k−1} (Nesterov), are the "
    "project's heavy_ball and nesterov",
    hypotheses="0 < μ < 1, γ > 0 constant, m_{k−1} = θ_k − θ_{k−1}",
    checks=[
        Implication(
            part=name,
            given=[gamma > 0, mu > 0, mu < 1],
            then=sp.And(same(asked, at), same(following, theta + mu * (theta - previous) - gamma * slope)),
        )
        for name, at in {"heavy_ball": theta, "nesterov": theta + mu * (theta - previous)}.items()
        for asked, following in [updated(name)]
    ],
    expected=Verdict.PROVED,
    reduction="All P: coordinate by coordinate; g is the coordinate of the gradient at the point asked for.",
)

total, epsilon = sp.symbols("S epsilon", real=True)

ADAGRAD = Claim(
    id="t1-adagrad-steps",
    source="Castera 2021, thesis, after (1.30)",
    statement="each coefficient α/(√(Σ g²) + ε) of the AdaGrad step is non-increasing in k",
    hypotheses="α > 0, ε > 0",
    checks=[
        Implication(
            given=[alpha > 0, epsilon > 0, total >= 0],
            then=alpha / (sp.sqrt(total + slope**2) + epsilon) <= alpha / (sp.sqrt(total) + epsilon),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="S is the sum up to iteration k − 1, g the next gradient coordinate.",
    remark="“Decreasing” is meant in the wide sense: where the new gradient coordinate is 0 the coefficient stays.",
)
