"""Stiff flows: advice for explicit solvers, the automatic choice, and the known answers that it must reach."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import dynopt
from dynopt import DIN, GradientFlow, HeavyBallFlow, Landscape, Quadratic
from dynopt.errors import Outcome
from dynopt.flow.integrate import integrate
from dynopt.flow.stiffness import MANY

WIDE = Quadratic([1, 1_000_000])
SPREAD = Quadratic([round(10 ** (6 * i / 49)) for i in range(50)])


@pytest.mark.parametrize("problem", [WIDE, SPREAD], ids=["2 coordinates", "50 coordinates"])
def test_condition_number_a_million_in_closed_form(problem):
    solution = integrate(GradientFlow(), problem, horizon=5.0, method="auto")
    assert (solution.outcome, solution.statistics["solver"]) == (Outcome.DONE, "LSODA")
    rates = np.array([float(v) for v in problem.spectrum])
    np.testing.assert_allclose(solution.theta[-1], np.exp(-5 * rates), atol=1e-9)
    assert solution.statistics["nfev"] < 20_000


def test_din_on_a_stiff_quadratic_is_the_matrix_exponential_mode_by_mode():
    """θ'' + (α + βλ)θ' + λθ = 0 with θ'(0) = −λθ₀ (the thesis start)."""
    solution = integrate(DIN(alpha=2, beta=0.1), WIDE, horizon=3.0, method="auto")
    for p, rate in enumerate((1.0, 1e6)):
        r1, r2 = np.roots([1, 2 + 0.1 * rate, rate])
        c = (-rate - r2) / (r1 - r2)
        np.testing.assert_allclose(solution.theta[-1, p], c * np.exp(r1 * 3) + (1 - c) * np.exp(r2 * 3), atol=1e-9)


@pytest.mark.parametrize("beta", [1e3, 1e4])
def test_large_newtonian_damping(beta):
    flow, well = DIN(alpha=2, beta=beta), dynopt.problem("double-well")
    automatic = integrate(flow, well, horizon=20.0, method="auto")
    careful = integrate(flow, well, horizon=20.0, method="Radau")
    np.testing.assert_allclose(automatic.theta[-1], careful.theta[-1], atol=1e-6)
    assert automatic.statistics["nfev"] < 2000


def test_the_steep_rosenbrock_valley():
    """On the valley y = x² the flow is x' = 2(1 − x)/(1 + 4x²) up to 1/b."""
    steep = dynopt.problem("rosenbrock(b=1e6)")
    solution = integrate(GradientFlow(), steep, (-0.5, 0.25), 4.0, method="auto")
    along = solve_ivp(lambda t, x: 2 * (1 - x) / (1 + 4 * x * x), (0, 4), [-0.5], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(solution.theta[-1], [along.y[0, -1], along.y[0, -1] ** 2], atol=1e-4)


@pytest.mark.slow
def test_an_explicit_solver_that_was_asked_for_crawls_to_its_budget_and_says_why():
    solution = integrate(GradientFlow(), WIDE, horizon=20.0, max_evaluations=30_000)
    assert solution.outcome is Outcome.BUDGET_SPENT
    assert "stiff" in solution.message
    assert "LSODA" in solution.message
    assert solution.statistics["advice"].startswith("stiff: a mode decays at the rate 1e+06")
    assert solution.statistics["steps"] > MANY


@pytest.mark.parametrize(("method", "rtol"), [("RK23", 1e-6), ("RK45", 1e-6), ("RK45", 1e-3)])
def test_other_explicit_pairs_notice_too(method, rtol):
    solution = integrate(GradientFlow(), Quadratic([1, 2000]), horizon=3.0, method=method, rtol=rtol)
    assert solution.outcome is Outcome.DONE
    assert "stiff" in solution.message


def test_auto_stays_explicit_where_that_is_cheap_and_switches_once_where_stiffness_comes_later():
    cheap = integrate(GradientFlow(), Quadratic([1, 10]), horizon=20.0, method="auto")
    assert (cheap.statistics["solver"], cheap.statistics["advice"]) == ("DOP853", "")
    later = Landscape(lambda x, y: -x + 200 * x**2 * y**2, name="later")  # x = t, so that y decays at the rate 400 t²
    solution = integrate(GradientFlow(), later, (0.0, 1e-3), 20.0, method="auto")
    assert solution.statistics["solver"] == "DOP853, then LSODA"
    assert solution.outcome is Outcome.DONE
    np.testing.assert_allclose(solution.theta[-1], [20.0, 0.0], atol=1e-3)
    assert solution(10.0).theta[0] == pytest.approx(10.0, abs=1e-3)


@pytest.mark.slow
def test_chattering_at_a_kink_is_not_called_stiff_and_ends_within_the_budget():
    jumping = Landscape(lambda x, y: 100 * sp.Piecewise((y - x, y > x), (x - y, True)) + x, name="jumping")  # no abs: no pieces to slide on
    solution = integrate(GradientFlow(), jumping, (0.5, 0.6), 10.0, method="auto", max_evaluations=20_000, rtol=1e-6)
    assert solution.outcome is Outcome.BUDGET_SPENT
    assert (solution.statistics["solver"], solution.statistics["advice"]) == ("DOP853", "")


def test_a_step_counts_for_ten_evaluations_at_least():
    solution = integrate(HeavyBallFlow(alpha=0), Quadratic([1]), [1.0], 1e6, method="LSODA", max_evaluations=5000)
    assert solution.outcome is Outcome.BUDGET_SPENT
    assert solution.statistics["steps"] == 500


def test_a_fast_oscillation_is_not_called_stiff():
    solution = integrate(HeavyBallFlow(alpha=1), WIDE, horizon=20.0, method="auto", max_evaluations=20_000)
    assert solution.outcome is Outcome.BUDGET_SPENT
    assert "stiff" not in solution.message
    assert "a mode turns 3.2e+03 times" in solution.message
