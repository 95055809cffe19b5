"""Castera 2021, Chapter 1: convexity, critical points, subgradients and the sigmoid."""

from itertools import pairwise
from math import factorial

import mpmath
import sympy as sp

from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- convexity and critical points ---

weight, x, y, t, value, v = sp.symbols("w x y t value v", real=True)


def parabola(s):
    return s**2 - 2 * s - 2


def waves_by_intervals() -> Finding:
    """f(t) = t² + 10 sin t: its critical points by interval arithmetic, cell by cell.

    A cell where the enclosure of f' excludes 0 holds no critical point; where that of f'' excludes 0, at most one, found by
    the signs of f' at the ends.  |10 cos t| ≤ 10 < |2t| beyond [−5, 5].
    """
    iv = mpmath.iv
    kinds: list[tuple[float, int]] = []
    cells = 250
    for i in range(cells):
        low, high = iv.mpf(-5) + iv.mpf(10) * i / cells, iv.mpf(-5) + iv.mpf(10) * (i + 1) / cells
        cell = iv.mpf([low.a, high.b])
        first_derivative = 2 * cell + 10 * iv.cos(cell)
        if first_derivative.a > 0 or first_derivative.b < 0:
            continue
        curvature = 2 - 10 * iv.sin(cell)
        if curvature.a <= 0 <= curvature.b:
            return Finding(False, {"cell": f"[{float(low.a)}, {float(high.b)}]"}, "f' and f'' may vanish together")
        ends = [2 * end + 10 * iv.cos(end) for end in (low, high)]
        if any(end.a <= 0 <= end.b for end in ends):
            return Finding(False, {"cell": f"[{float(low.a)}, {float(high.b)}]"}, "f' may vanish at an end of a cell")
        if (ends[0].a > 0) == (ends[1].a > 0):
            continue
        kinds.append((float(low.a + high.b) / 2, 1 if curvature.a > 0 else -1))
    values = [float(at**2 + 10 * mpmath.sin(at)) for at, _ in kinds]
    expected = [1, -1, 1]
    ok = [kind for _, kind in kinds] == expected and values[0] < values[2] < values[1]
    return Finding(ok, {"critical points near": tuple(round(at, 2) for at, _ in kinds)}, "minimum, maximum, higher minimum")


def waves_by_sturm() -> Finding:
    """The same by exact polynomials: cos t and sin t replaced by Taylor polynomials, errors at most 5²²/22! on [−5, 5].

    The polynomials p ± error around f' have three roots each.  Between two partners f' changes sign and f'' keeps one; between
    the pairs |p| exceeds the error.
    """
    s = sp.Symbol("s")
    terms = range(11)
    cosine = sum(sp.Rational((-1) ** n, factorial(2 * n)) * s ** (2 * n) for n in terms)
    sine = sum(sp.Rational((-1) ** n, factorial(2 * n + 1)) * s ** (2 * n + 1) for n in terms)
    error = 10 * sp.Rational(5**22, factorial(22))
    derivative, curvature = sp.Poly(2 * s + 10 * cosine, s), sp.Poly(2 - 10 * sine, s)
    found = []
    for shift in (error, -error):
        moved = derivative + shift
        found.append([interval for interval, _ in moved.intervals(inf=-5, sup=5, eps=sp.Rational(1, 100))])
    if [len(f) for f in found] != [3, 3]:
        return Finding(False, {"roots": str(found)})
    kinds = []
    hulls = [(min(one[0], other[0]), max(one[1], other[1])) for one, other in zip(*found, strict=True)]
    outside = [sp.Integer(-5), *((left[1] + right[0]) / 2 for left, right in pairwise(hulls)), sp.Integer(5)]
    if any(abs(derivative.eval(at)) <= error for at in outside):
        return Finding(False, {"points": str(outside)}, "the sign of f' is not settled")
    for low, high in hulls:
        signs = {sign for sign in (1, -1) if all(sign * (curvature.eval(end) + e) > 0 for end in (low, high) for e in (error, -error))}
        settled = (curvature - error).count_roots(low, high) == (curvature + error).count_roots(low, high) == 0
        if not (signs and settled):
            return Finding(False, {"interval": f"[{low}, {high}]"}, "the sign of f'' is not settled")
        kinds.append(((low + high) / 2, signs.pop()))
    values = [at**2 + 10 * sine.subs(s, at) for at, _ in kinds]
    ok = [kind for _, kind in kinds] == [1, -1, 1] and values[0] < values[2] < values[1]
    return Finding(ok, {"critical points near": tuple(round(float(at), 2) for at, _ in kinds)})


FIGURE = Claim(
    id="t1-fig16",
    source="Castera 2021, thesis, Fig. 1.6",
    statement="t² − 2t − 2 is convex and has a unique minimum; t² + 10 sin t has critical points of several kinds",
    hypotheses="t real",
    checks=[
        Implication(
            part="t² − 2t − 2 satisfies (1.11)",
            given=[weight > 0, weight < 1],
            then=parabola(weight * x + (1 - weight) * y) <= weight * parabola(x) + (1 - weight) * parabola(y),
        ),
        Implication(part="its only minimum is at 1", given=[sp.Ne(t, 1)], then=parabola(t) > parabola(sp.Integer(1))),
        Computation(
            part="t² + 10 sin t: exactly a global minimum, a maximum and a second local minimum",
            methods={"interval arithmetic": waves_by_intervals, "Taylor polynomials and Sturm sequences": waves_by_sturm},
        ),
    ],
    expected=Verdict.PROVED,
    reduction="By hand: f' = 2t + 10 cos t has no zero with |t| > 5.",
    remark="The three critical points (near −1.31, 1.98 and 3.84) are non-degenerate, so the figure does not show the fourth kind that the "
    "text names beside them, critical points that are neither minima nor maxima.",
)

STRICT = Claim(
    id="t1-strict-convexity",
    source="Castera 2021, thesis, Definition 1.3",
    statement="strict convexity is (1.11) with < for any θ₁, θ₂ and λ in (0, 1); in this sense t² is strictly convex",
    hypotheses="θ₁, θ₂ real, 0 < λ < 1",
    checks=[
        Implication(
            given=[weight > 0, weight < 1],
            then=(weight * x + (1 - weight) * y) ** 2 < weight * x**2 + (1 - weight) * y**2,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="the inequality is strict for θ₁ ≠ θ₂; for θ₁ = θ₂ both sides are equal for every function, so no function satisfies the "
        "definition as printed",
        checks=[
            Implication(
                part="t² with θ₁ ≠ θ₂",
                given=[weight > 0, weight < 1, sp.Ne(x, y)],
                then=(weight * x + (1 - weight) * y) ** 2 < weight * x**2 + (1 - weight) * y**2,
            ),
            Implication(part="θ₁ = θ₂, any value g(θ₁)", then=same(weight * value + (1 - weight) * value, value)),
        ],
    ),
)

COMPOSITION = Claim(
    id="t1-convex-composition",
    source="Castera 2021, thesis, §1.2.2",
    statement="a composition of convex functions need not be convex",
    hypotheses="functions of one real variable",
    checks=[
        Implication(
            part="s ↦ −s and t ↦ t² satisfy (1.11)",
            given=[weight > 0, weight < 1],
            then=sp.And(
                sp.Le(-(weight * x + (1 - weight) * y), weight * -x + (1 - weight) * -y, evaluate=False),
                (weight * x + (1 - weight) * y) ** 2 <= weight * x**2 + (1 - weight) * y**2,
            ),
        ),
        Exists(
            part="t ↦ −t² does not",
            such_that=[weight > 0, weight < 1, -((weight * x + (1 - weight) * y) ** 2) > -weight * x**2 - (1 - weight) * y**2],
        ),
    ],
    expected=Verdict.PROVED,
)

SUBDIFFERENTIAL = Claim(
    id="t1-subdifferential-empty",
    source="Castera 2021, thesis, §1.2.3 on (1.14)",
    statement="the convex subdifferential (1.14) of −|t| at 0 is empty",
    hypotheses="t real",
    checks=[Implication(part="every v fails at ψ = 1 or at ψ = −1", then=sp.Or(-sp.Abs(sp.Integer(1)) < v, -sp.Abs(sp.Integer(-1)) < -v))],
    expected=Verdict.PROVED,
    reduction="v is a subgradient when −|ψ| ≥ vψ for every ψ; two values of ψ suffice to exclude it.",
)

exponential, later = sp.symbols("E later", real=True)
sigmoid = 1 / (1 + exponential)
curvature_of_sigmoid = sp.factor(-exponential * sp.diff(-exponential * sp.diff(sigmoid, exponential), exponential))
bound = sp.Symbol("epsilon", real=True)

SIGMOID = Claim(
    id="t1-sigmoid",
    source="Castera 2021, thesis, §1.1.3.2 and §1.2.2",
    statement="1/(1 + e^{−t}) increases from its limit 0 at −∞ to its limit 1 at +∞; it is neither convex nor concave",
    hypotheses="t real",
    checks=[
        Implication(part="increasing", given=[later > 0, exponential > later], then=1 / (1 + later) > sigmoid),
        Implication(part="limit 0 at −∞", given=[bound > 0, exponential > 1 / bound], then=sp.And(sigmoid > 0, sigmoid < bound)),
        Implication(
            part="limit 1 at +∞", given=[bound > 0, exponential > 0, exponential < bound], then=sp.And(sigmoid < 1, sigmoid > 1 - bound)
        ),
        Implication(part="convex for t < 0, strictly", given=[exponential > 1], then=curvature_of_sigmoid > 0),
        Implication(part="concave for t > 0, strictly", given=[exponential > 0, exponential < 1], then=curvature_of_sigmoid < 0),
    ],
    expected=Verdict.PROVED,
    reduction="E = e^{−t} runs through (0, ∞), decreasing, with dE/dt = −E; the second derivative is taken by that rule.",
)
