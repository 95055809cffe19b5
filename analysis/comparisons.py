"""Which of two methods leaves a strict saddle faster: exact conditions, derived from the definitions.

At a Hessian eigenvalue λ < 0 the faster method is the one whose mode matrix has the larger growth (largest
modulus for maps, largest real part for flows).  Nothing here is typed but which methods are compared, and what
is held equal: conditions come from `dynopt.symbolic.comparison`, the deciders prove both directions.
"""

from functools import partial

import sympy as sp

from dynopt.algorithms.heavy_ball import HeavyBall
from dynopt.algorithms.nesterov import Nesterov
from dynopt.algorithms.qhm import QuasiHyperbolicMomentum
from dynopt.algorithms.triple_momentum import TripleMomentum
from dynopt.core.registry import method_class
from dynopt.symbolic.claims import Claim, Derived, Implication, Verdict
from dynopt.symbolic.comparison import comparison
from dynopt.symbolic.symbols import symbol

EQUAL = [
    ("inna", "gd"), ("heavy_ball", "gd"), ("nesterov", "gd"), ("qhm", "gd"), ("triple_momentum", "gd"), ("aggregated_momentum", "gd"),
    ("heavy_ball_velocity", "gd"), ("semi_implicit_din", "gd"), ("midpoint_din", "gd"), ("innaprop_frozen", "gd"),
    ("step_tuned_frozen", "gd"), ("nesterov", "heavy_ball"), ("triple_momentum", "nesterov"), ("qhm", "heavy_ball"), ("qhm", "nesterov"),
    ("inna", "heavy_ball"), ("inna", "nesterov"), ("inna", "qhm"), ("semi_implicit_din", "inna"), ("midpoint_din", "inna"),
    ("innaprop_frozen", "inna"), ("hbf", "gradient_flow"), ("din", "gradient_flow"), ("din", "hbf"),
]  # fmt: skip
"""Compared with every parameter that both have held equal, the step-size first of all."""

alpha, gamma = symbol(method_class("inna").parameter("alpha")), symbol(method_class("inna").parameter("gamma"))
m, nu = sp.Symbol("momentum", nonnegative=True), sp.Symbol("nu", nonnegative=True)
eta = sp.Symbol("extrapolation", nonnegative=True)
MATCHED = {
    "inna-its-heavy-ball": HeavyBall(gamma=gamma**2, momentum=1 - alpha * gamma),
    "inna-heavy-ball-squared": HeavyBall(gamma=gamma**2, momentum=m),
    "inna-nesterov-squared": Nesterov(gamma=gamma**2, momentum=m),
    "inna-triple-squared": TripleMomentum(gamma=gamma**2, momentum=m, extrapolation=eta),
    "inna-qhm-squared": QuasiHyperbolicMomentum(gamma=gamma**2 / (1 - m), momentum=m, nu=nu),
}
"""INNA against methods whose step-size plays the part of INNA's γ², as in the equivalences; there the condition is affine in λ."""

REDUCTION = (
    "By hand: block diagonalisation (spectral theorem) reduces the saddle to one mode matrix M(λ) per Hessian eigenvalue, and the growth "
    "of the fastest mode decides how fast it is left, up to a factor that does not depend on the number of steps. "
    "By machine: that the largest multiplier is the growth, and both directions of the condition."
)


def _claim(name: str, first: object, second: object) -> Claim:
    found = comparison(first, second)
    checks = [Implication(given=given, then=then, part=part) for part, given, then in found.checks]
    return Claim(
        id=f"faster-{name}",
        source="dynopt, comparisons at strict saddles",
        statement=found.statement,
        hypotheses="; ".join(map(str, found.negative)),
        checks=checks,
        expected=Verdict.PROVED,
        reduction=REDUCTION,
    )


claims = [
    Derived(f"faster-{name}", partial(_claim, name, first, second))
    for name, first, second in (*((f"{a}-{b}", a, b) for a, b in EQUAL), *((n, "inna", other) for n, other in MATCHED.items()))
]
