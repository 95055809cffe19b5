"""Every registered method, on every smooth problem, keeps the contract of a definition."""

from __future__ import annotations

from fractions import Fraction

import pytest

import dynopt
from dynopt.core.registry import METHODS, method_class
from dynopt.testing import check_algorithm, check_flow

VARIANTS = [
    "gd(gamma=1/10)", "inna(alpha=1/2, beta=1, gamma=1/50, start=keras, speed=3)", "inna(gamma=1/50, start=pytorch)",
    "inna(gamma=1/(k+2))", "heavy_ball(gamma=1/(k+2), momentum=0.9)", "din(start=pytorch)", "hbf(alpha=2+t)",
    "heavy_ball_velocity(dampening=1/2, first=torch)", "barzilai_borwein(curvature=absolute)", "adam(correction=none)",
    "adam(gamma=1/(k+2))", "step_tuned_sgd(gamma=1/10, decay=epoch, per_epoch=2)", "stochastic_gv(gamma=1/(k+2), decay=none)",
    "sngd(output=random)", "adagrad(initial=1/10)", "s_sngd(gamma=1/2, length=1, schedule=harmonic, output=random)",
    "s_sgd(gamma=1/2, length=1/2, measure=iterations)", "spider_sfo(gamma=1/2, every=2)",
]  # fmt: skip
PROBLEMS = ["quadratic(spectrum=[-1, 1/2, 3])", "double-well", "rosenbrock(b=5)", "thesis-3.1-right"]
ONCE = (
    "innaprop", "barzilai_borwein", "armijo", "adagrad", "rmsprop", "adam", "damped", "perturbed", "step_tuned_sgd", "stochastic_gv",
    "exact_gv", "expected_gv", "sngd", "s_sngd", "s_sgd", "saddle_ngd", "spider_sfo",
)  # fmt: skip
"""Beginnings of the names of methods that are not linear, or whose stages are: one problem shows what all of them would."""
CASES = [(call, problem) for call in [*METHODS, *VARIANTS] for problem in PROBLEMS[: 1 if call.startswith(ONCE) else None]]


@pytest.mark.parametrize(("call", "problem"), [case for case in CASES if case[0] != "adagrad"])
def test_definition(call, problem):
    flow = issubclass(method_class(call.partition("(")[0]), dynopt.Flow)
    (check_flow if flow else check_algorithm)(call, dynopt.problem(problem))


def test_combinators_give_definitions_too():
    heun = dynopt.runge_kutta(dynopt.DIN, [[], [1]], ["1/2", "1/2"], name="HeunDIN")
    check_algorithm(heun(gamma=Fraction(1, 50)))
    check_algorithm(dynopt.semi_implicit_euler(dynopt.HeavyBallFlow))
    check_algorithm(dynopt.explicit_euler(dynopt.VanishingDIN))
