"""Every registered method, on every smooth problem, keeps the contract of a definition."""

from __future__ import annotations

from fractions import Fraction

import pytest

import dynopt
from dynopt.core.registry import METHODS, method_class
from dynopt.testing import check_algorithm, check_flow

NONLINEAR = [  # one problem each: they have no exact runs to compare beyond a step
    "innaprop", "barzilai_borwein", "barzilai_borwein(curvature=absolute)", "armijo", "adagrad(initial=1/10)", "rmsprop",
    "rmsprop_centred", "adam", "adam(correction=none)", "damped_gradient_flow", "damped_gd", "perturbed_gd", "adam(gamma=1/(k+2))",
]  # fmt: skip
CALLS = [
    *(name for name in METHODS if name not in NONLINEAR and name != "adagrad"),
    "gd(gamma=1/10)", "inna(alpha=1/2, beta=1, gamma=1/50, start=keras, speed=3)", "inna(gamma=1/50, start=pytorch)",
    "inna(gamma=1/(k+2))", "heavy_ball(gamma=1/(k+2), momentum=0.9)", "din(start=pytorch)", "hbf(alpha=2+t)",
    "heavy_ball_velocity(dampening=1/2, first=torch)",
]  # fmt: skip


@pytest.mark.parametrize("problem", ["quadratic(spectrum=[-1, 1/2, 3])", "double-well", "rosenbrock(b=5)", "thesis-3.1-right"])
@pytest.mark.parametrize("call", CALLS)
def test_definition(call, problem):
    check(call, problem)


@pytest.mark.parametrize("call", NONLINEAR)
def test_definition_of_a_nonlinear_method(call):
    check(call, "quadratic(spectrum=[-1, 1/2, 3])")


def check(call, problem):
    flow = issubclass(method_class(call.partition("(")[0]), dynopt.Flow)
    (check_flow if flow else check_algorithm)(call, dynopt.problem(problem))


def test_combinators_give_definitions_too():
    heun = dynopt.runge_kutta(dynopt.DIN, [[], [1]], ["1/2", "1/2"], name="HeunDIN")
    check_algorithm(heun(gamma=Fraction(1, 50)))
    check_algorithm(dynopt.semi_implicit_euler(dynopt.HeavyBallFlow))
    check_algorithm(dynopt.explicit_euler(dynopt.VanishingDIN))
