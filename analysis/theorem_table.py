"""The theorem table: for each method and property an if-and-only-if condition, derived from the definition.

Nothing here is typed: conditions come from `dynopt.symbolic.theorems`, the deciders prove both
directions.  All statements are local (quadratic): they speak of the eigenvalues of M(λ).
"""

from functools import partial

from dynopt.core.registry import METHODS, method_class
from dynopt.symbolic.claims import Claim, Derived, Implication, Verdict
from dynopt.symbolic.theorems import STATEMENTS, theorem

TABLE = [
    "gd", "heavy_ball", "heavy_ball_velocity", "nesterov", "qhm", "triple_momentum", "aggregated_momentum", "inna",
    "semi_implicit_din", "midpoint_din", "innaprop_frozen", "step_tuned_frozen", "din", "hbf",
]  # fmt: skip
REDUCTION = (
    "By hand: block diagonalisation (spectral theorem) reduces a critical point in R^P to one mode matrix M(λ) per Hessian "
    "eigenvalue; Jury and Routh–Hurwitz (for 'non-oscillating' the discriminant) turn eigenvalues into polynomial signs; "
    "a continuous criterion without a zero on an interval has one sign there. By machine: both directions."
)


NOT_STATED = [
    ("din", "diffeomorphism"), ("hbf", "diffeomorphism"),  # flows
    ("gd", "non-oscillating"), ("step_tuned_frozen", "non-oscillating"),  # one block: the mode is a real number
    ("aggregated_momentum", "non-oscillating"),  # a criterion of degree four in λ: no finite condition
]  # fmt: skip


def _claim(name: str, prop: str) -> Claim:
    method = method_class(name)
    found = theorem(method, prop)
    checks = [Implication(given=given, then=then, part=f"sufficient {i + 1}") for i, (given, then) in enumerate(found.sufficient)]
    if found.necessary is not None:
        checks.append(Implication(given=found.necessary[0], then=found.necessary[1], part="necessary"))
    return Claim(
        id=f"theorem-{name}-{prop}",
        source=f"dynopt, theorem table ({', '.join(method.references)})",
        statement=found.statement,
        hypotheses="; ".join(map(str, found.facts)),
        checks=checks,
        expected=Verdict.PROVED,
        reduction=REDUCTION,
    )


assert set(TABLE) <= set(METHODS)
claims = [
    Derived(f"theorem-{name}-{prop}", partial(_claim, name, prop))
    for name in TABLE
    for prop in STATEMENTS
    if (name, prop) not in NOT_STATED
]
