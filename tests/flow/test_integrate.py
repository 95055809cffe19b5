"""Integration against matrix exponentials, closed forms and second-order equations written out here."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from dynopt import DIN, INNA, GradientFlow, HeavyBallFlow, Landscape, NesterovFlow, Quadratic, Schedule, VanishingDIN
from dynopt.errors import Misuse, Outcome
from dynopt.flow.events import leaving_ball
from dynopt.flow.field import Field
from dynopt.flow.integrate import SOLVERS, integrate
from dynopt.flow.march import Path, blow_up_time

BOWL = Landscape(lambda x, y: x**2 + x * y + 2 * y**2, name="bowl")
HESSIAN = np.array([[2.0, 1.0], [1.0, 4.0]])
START = np.array([1.0, -0.5])
QUARTIC = Landscape(lambda x: -(x**4), name="quartic")


def din_by_exponential(alpha, beta, t):
    """θ(t) of DIN on BOWL from the dense 2P × 2P matrix of thesis (3.5) and the thesis start."""
    eye = np.eye(2)
    matrix = np.block([[-(alpha - 1 / beta) * eye - beta * HESSIAN, -eye / beta], [-(alpha - 1 / beta) * eye, -eye / beta]])
    psi = (1 - alpha * beta) * START - (beta**2 - beta) * HESSIAN @ START
    return (expm(matrix * t) @ np.concatenate([START, psi]))[:2]


@pytest.mark.parametrize(("alpha", "beta"), [(2.0, 0.1), (2.0, 1.0), (0.5, 3.0)])
def test_din_is_the_matrix_exponential(alpha, beta):
    solution = integrate(DIN(alpha=alpha, beta=beta), BOWL, START, 3.0)
    for t in (0.0, 0.37, 1.9, 3.0):
        np.testing.assert_allclose(solution(t).theta, din_by_exponential(alpha, beta, t), atol=1e-8)
    assert solution.outcome is Outcome.DONE
    assert solution.t[-1] == 3.0


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_reaches_the_same_point(name):
    solution = integrate(DIN(alpha=2, beta=0.1), BOWL, START, 2.0, method=name.lower(), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(solution.theta[-1], din_by_exponential(2.0, 0.1, 2.0), atol=2e-6)
    assert solution.statistics["solver"] == ("DOP853" if name == "auto" else name)
    assert (solution.statistics["nlu"] > 0) == (name in ("Radau", "BDF"))


def test_tolerances_are_used():
    ends = [integrate(DIN(), BOWL, START, 2.0, method="RK45", rtol=r, atol=r / 100).theta[-1] for r in (1e-4, 1e-10)]
    loose, tight = (np.max(np.abs(end - din_by_exponential(0.5, 0.1, 2.0))) for end in ends)
    assert tight < 1e-7 < loose


def test_damped_oscillation_in_closed_form():
    omega = np.sqrt(3.75)
    solution = integrate(HeavyBallFlow(alpha=1), Quadratic([4]), [1.0], 5.0)
    t = np.linspace(0, 5, 12).reshape(3, 4)
    expected = np.exp(-t / 2) * (np.cos(omega * t) + np.sin(omega * t) / (2 * omega))
    assert solution(t).theta.shape == (3, 4, 1)
    np.testing.assert_allclose(solution(t).theta[..., 0], expected, atol=1e-8)


def second_order(damping, pull, t0, velocity, horizon):
    """θ'' + damping(t) θ' + pull(t, θ) = 0 on one coordinate from θ = 1, by SciPy alone."""
    found = solve_ivp(
        lambda t, y: [y[1], -damping(t) * y[1] - pull(t, y[0])], (t0, t0 + horizon), [1.0, velocity], method="Radau", rtol=1e-10, atol=1e-12
    )  # fmt: skip
    return found.y[0, -1]


def test_nesterov_starts_at_its_own_time_and_feels_the_vanishing_friction():
    solution = integrate(NesterovFlow(r=3), Quadratic([2]), [1.0], 4.0)
    assert solution.t[0] == 0.1
    assert solution.reach == pytest.approx((0.1, 4.1))
    assert solution.theta[-1, 0] == pytest.approx(second_order(lambda t: 3 / t, lambda t, x: 2 * x, 0.1, 0.0, 4.0), abs=1e-7)


def test_vanishing_din_is_the_equation_of_its_docstring():
    solution = integrate(VanishingDIN(alpha0=2, beta=0.3), Quadratic([2]), [1.0], 4.0)
    expected = second_order(lambda t: 2 / t + 0.6, lambda t, x: 2 * x, 0.1, -0.6, 4.0)
    assert solution.theta[-1, 0] == pytest.approx(expected, abs=1e-7)


def test_a_varying_alpha_in_the_psi_form_adds_its_derivative_times_theta():
    alpha = Schedule("2/(t+1)", lambda t: 2 / (t + 1))
    solution = integrate(DIN(alpha=alpha, beta=0.3), Quadratic([2]), [1.0], 4.0)
    expected = second_order(lambda t: 2 / (t + 1) + 0.6, lambda t, x: 2 * x - 2 / (t + 1) ** 2 * x, 0.0, -2.0, 4.0)
    assert solution.theta[-1, 0] == pytest.approx(expected, abs=1e-7)


def test_asked_times_are_the_reported_ones():
    solution = integrate(GradientFlow(), Quadratic([1]), [1.0], 1.0, t_eval=[0.0, 0.25, 1.0])
    np.testing.assert_array_equal(solution.t, [0.0, 0.25, 1.0])
    np.testing.assert_allclose(solution.theta[:, 0], np.exp(-solution.t), rtol=1e-9)


def test_evaluations_are_counted():
    calls = []

    class Counting(Quadratic):
        def gradient(self, x):
            calls.append(x)
            return super().gradient(x)

    solution = integrate(GradientFlow(), Counting([1]), [1.0], 1.0)
    assert solution.statistics["nfev"] == len(calls) - 1  # one more checks the definition at the start
    assert solution.statistics["steps"] == len(solution.t) - 1


@pytest.mark.parametrize("name", SOLVERS)
def test_blow_up_is_an_outcome_at_the_known_time(name):
    """θ' = 4θ³ from θ₀ ends at t = 1/(8θ₀²)."""
    solution = integrate(GradientFlow(), QUARTIC, [2.0], 10.0, method=name, rtol=1e-5, atol=1e-8)
    assert solution.outcome is Outcome.DIVERGED
    assert "blow-up" in solution.message
    assert solution.t[-1] == pytest.approx(1 / 32, rel=1e-3)
    assert np.all(np.isfinite(solution.theta))
    assert solution.statistics["blow_up_time"] == pytest.approx(1 / 32, rel=1e-3)


def test_the_blow_up_time_is_estimated_before_the_end():
    """(1 − 8t)^(−1/2) cut at ‖θ‖ = 100: the steps so far point at 1/8."""
    solution = integrate(GradientFlow(), QUARTIC, [1.0], 10.0, events=[leaving_ball([0], 100, terminal=True)])
    field = Field(GradientFlow(), QUARTIC, np.array([1.0]), 0.0)
    path = Path(0.0, np.array([1.0]))
    path.t, path.y = list(solution.t), list(solution.theta)
    assert solution.t[-1] < 0.125 * (1 - 5e-5)
    assert blow_up_time(path, field) == pytest.approx(0.125, rel=1e-9)


def test_overflow_is_an_outcome():
    solution = integrate(GradientFlow(), Quadratic([-2]), [1.0], 1000.0, method="RK45", rtol=1e-4)
    assert solution.outcome is Outcome.DIVERGED
    assert solution.t[-1] == pytest.approx(np.log(np.finfo(float).max) / 2, rel=1e-2)
    assert "overflow" in solution.message  # exponential growth ends at no finite time
    assert "blow_up_time" not in solution.statistics


@pytest.mark.parametrize("name", SOLVERS)
def test_a_field_that_ceases_to_exist_ends_the_run_without_a_crash(name):
    root = Landscape(lambda x: 2 * x ** sp.Rational(3, 2) / 3, name="root")  # θ' = −√θ reaches 0 at t = 2
    solution = integrate(GradientFlow(), root, [1.0], 5.0, method=name, rtol=1e-6, atol=1e-9, max_evaluations=20_000)
    assert solution.outcome in (Outcome.DIVERGED, Outcome.BUDGET_SPENT, Outcome.DONE)
    inside = solution.t < 1.9
    np.testing.assert_allclose(solution.theta[inside, 0], (1 - solution.t[inside] / 2) ** 2, atol=1e-3)


def test_a_field_that_is_not_finite_at_the_start_diverges_there():
    solution = integrate(GradientFlow(), Landscape(lambda x: sp.log(x), name="log"), [0.0], 1.0)
    assert solution.outcome is Outcome.DIVERGED
    assert "start" in solution.message
    assert solution(0.0).theta.shape == (1,)


def test_the_budget_ends_a_run_and_keeps_it():
    solution = integrate(HeavyBallFlow(alpha=0), Quadratic([1]), [1.0], 1e9, max_evaluations=500)
    assert solution.outcome is Outcome.BUDGET_SPENT
    assert 500 <= solution.statistics["nfev"] < 600
    np.testing.assert_allclose(solution.theta[:, 0], np.cos(solution.t), atol=1e-7)


def test_a_kink_ends_in_the_budget_not_in_a_hang():
    kink = Landscape(lambda x: abs(x), name="kink")
    solution = integrate(GradientFlow(), kink, [0.5], 5.0, max_evaluations=3000)
    assert solution.outcome in (Outcome.BUDGET_SPENT, Outcome.DONE, Outcome.DIVERGED)
    assert solution(0.25).theta[0] == pytest.approx(0.25, abs=1e-6)


class NotABlock(GradientFlow):
    def field(self, state, oracle, t):
        return -oracle.gradient(state.theta)


class Broken(GradientFlow):
    def field(self, state, oracle, t):
        return oracle.slope_of(state.theta, None).wrong


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flow": INNA(gamma=0.1)}, "not a flow"),
        ({"flow": DIN}, "not a flow"),
        ({"flow": NotABlock()}, "same NamedTuple"),
        ({"flow": Broken()}, "cannot be evaluated"),
        ({"problem": "thesis-3.2"}, "not a problem"),
        ({"start": (1, 2, 3)}, "3 coordinates"),
        ({"start": (1, float("nan"))}, "not finite"),
        ({"start": "ab"}, "not a point"),
        ({"start": None}, "no start of its own"),
        ({"horizon": 0}, "outside (0, oo)"),
        ({"horizon": float("inf")}, "outside (0, oo)"),
        ({"flow": NesterovFlow(), "horizon": 1e-18}, "too short to leave t = 0.1"),
        ({"method": "RK4"}, "did you mean RK45?"),
        ({"rtol": 1e-17}, "double precision"),
        ({"atol": -1.0}, "atol=-1.0"),
        ({"t_eval": [0.0, 99.0]}, "t_eval"),
    ],
)
def test_misuse(change, words):
    asked = {"flow": DIN(), "problem": BOWL, "start": (1, 1), "horizon": 1.0} | change
    with pytest.raises(Misuse) as said:
        integrate(**asked)
    assert words in str(said.value)


def test_beyond_its_end_a_solution_says_so():
    with pytest.raises(Misuse, match="covers times 0 to 1"):
        integrate(GradientFlow(), Quadratic([1]), [1.0], 1.0)(1.5)
