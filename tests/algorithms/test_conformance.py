"""Every registered method, on every smooth problem, keeps the contract of a definition."""

from __future__ import annotations

from fractions import Fraction

import pytest

import dynopt
from dynopt.core.registry import METHODS, method_class
from dynopt.testing import check_algorithm, check_flow

CALLS = [
    *METHODS,
    "gd(gamma=1/10)", "inna(alpha=1/2, beta=1, gamma=1/50, start=keras, speed=3)", "inna(gamma=1/50, start=pytorch)",
    "inna(gamma=1/(k+2))", "heavy_ball(gamma=1/(k+2), momentum=0.9)", "din(start=pytorch)", "hbf(alpha=2+t)",
    "step_tuned_sgd(gamma=1/10, decay=epoch, per_epoch=2)", "stochastic_gv(gamma=1/(k+2), decay=none)", "sngd(output=random)",
    "s_sngd(gamma=1/2, length=1, schedule=harmonic, output=random)", "s_sgd(gamma=1/2, length=1/2, measure=iterations)",
    "spider_sfo(gamma=1/2, every=2)",
]  # fmt: skip
PROBLEMS = ["double-well", "quadratic(spectrum=[-1, 1/2, 3])", "rosenbrock(b=5)", "thesis-3.1-right"]
ONCE = ("step_tuned_sgd", "stochastic_gv", "exact_gv", "expected_gv", "sngd", "s_sngd", "s_sgd", "saddle_ngd", "spider_sfo")
"""Methods that are not linear, or whose stages are: one problem shows what all of them would."""


@pytest.mark.parametrize(
    ("call", "problem"), [(call, problem) for call in CALLS for problem in PROBLEMS[: 1 if call.startswith(ONCE) else None]]
)
def test_definition(call, problem):
    flow = issubclass(method_class(call.partition("(")[0]), dynopt.Flow)
    (check_flow if flow else check_algorithm)(call, dynopt.problem(problem))


def test_combinators_give_definitions_too():
    heun = dynopt.runge_kutta(dynopt.DIN, [[], [1]], ["1/2", "1/2"], name="HeunDIN")
    check_algorithm(heun(gamma=Fraction(1, 50)))
    check_algorithm(dynopt.semi_implicit_euler(dynopt.HeavyBallFlow))
    check_algorithm(dynopt.explicit_euler(dynopt.VanishingDIN))
