"""Distances in closed form, orders that theory gives, and what is held fixed when steps are refined."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dynopt import (
    DIN,
    INNA,
    Algorithm,
    GradientDescent,
    GradientFlow,
    HeavyBall,
    HeavyBallFlow,
    HeavyBallVelocity,
    Landscape,
    Nesterov,
    NesterovFlow,
    Quadratic,
    Schedule,
    VanishingDIN,
    explicit_euler,
    number,
    power_decay,
    runge_kutta,
    semi_implicit_euler,
)
from dynopt.flow.clock import own_flow
from dynopt.flow.compare import family, gap, order
from dynopt.flow.energy import energies
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates
from dynopt.flow.refine import refined, same_flow
from dynopt.problems.landscapes import double_well

MIDPOINT = runge_kutta(DIN, [[], ["1/2"]], [0, 1], name="Midpoint")
EULER_VANISHING = explicit_euler(VanishingDIN, name="EulerVanishing")
SEMI = semi_implicit_euler(HeavyBallFlow, ["velocity", "theta"], name="Semi")
QUARTIC = Landscape(lambda x: -(x**4), name="quartic")  # the flow from 1 ends at t = 1/8
BANANA = Landscape(lambda x, y: (1 - x) ** 2 + (y - x**2) ** 2, name="banana")


def test_the_distance_of_gradient_descent_in_closed_form():
    solution = integrate(GradientFlow(), Quadratic([2]), [1.0], 3.0)
    run = iterates(GradientDescent(gamma=0.05), Quadratic([2]), [1.0], 3.0)
    found = gap(run, solution)
    expected = np.abs(0.9 ** np.arange(61) - np.exp(-0.1 * np.arange(61)))
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    assert found.max == pytest.approx(np.max(expected), rel=1e-6)
    assert found.step == pytest.approx(0.05)


def measured(method, problem, start, horizon, levels=3):
    runs, reason = family(method, problem, start, horizon, levels)
    return order(runs, integrate(own_flow(method), problem, start, horizon), reason)


@pytest.mark.parametrize(("problem", "start"), [(BANANA, (-0.5, 1.0)), (double_well, (0.3, 1.0))])
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (INNA(alpha=2, beta=0.2, gamma=0.02), 1),
        (GradientDescent(gamma=0.01), 1),
        (MIDPOINT(alpha=2, beta=0.2, gamma=0.02), 2),
        (EULER_VANISHING(alpha0=3, beta=0.2, gamma=0.01), 1),
        (SEMI(alpha=1, gamma=0.01), 1),
        (HeavyBall(gamma=4e-4, momentum=0.96), 1),
    ],
    ids=lambda v: getattr(v, "name", str(v)),
)
def test_orders(method, expected, problem, start):
    assert measured(method, problem, start, 1.0).order == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("method", [HeavyBallVelocity(gamma=1e-4, momentum=0.98), Nesterov(gamma=1e-4, momentum=0.98)])
def test_the_other_momentum_methods_have_order_one_in_the_time_step(method):
    found = measured(method, Quadratic([1, 4]), (1.0, -1.0), 1.5)
    assert found.order == pytest.approx(1, abs=0.1)
    assert [g.step for g in found.gaps] == pytest.approx([0.01, 0.005, 0.0025])


def test_orders_of_scheduled_methods():
    falling = INNA(alpha=2, beta=0.2, gamma=power_decay(0.04, 0.25))
    varying = INNA(alpha=Schedule("2/(1+k/50)", lambda k: 2 / (1 + k / 50)), beta=0.2, gamma=0.02)
    for method in (falling, varying):
        assert measured(method, Quadratic([1, 4]), (1.0, -1.0), 1.0).order == pytest.approx(1, abs=0.1)


def test_the_wrong_flow_shows_as_order_zero():
    runs, reason = family(INNA(alpha=2, beta=0.2, gamma=0.01), Quadratic([1, 4]), (1.0, -1.0), 1.5, 3)
    wrong = integrate(DIN(alpha=2.5, beta=0.2), Quadratic([1, 4]), (1.0, -1.0), 1.5)
    assert abs(order(runs, wrong, reason).order) < 0.2


def test_what_refinement_holds_fixed():
    ball = HeavyBall(gamma=0.01, momentum=0.8)
    finer = refined(ball, 4)
    assert (float(finer.gamma), float(finer.momentum)) == pytest.approx((0.01 / 16, 1 - 2.0 * 0.1 / 4))
    assert same_flow(finer.flow()[0], ball.flow()[0])
    assert refined(INNA(alpha=2, beta=1, gamma=0.1), 2) == INNA(alpha=2, beta=1, gamma=Fraction(1, 20))
    root = refined(HeavyBall(gamma=0.003, momentum=0.8), 2)
    assert (float(root.gamma), float(root.momentum)) == pytest.approx((0.003 / 4, 0.9))


def test_refined_schedules_keep_their_time():
    coarse = INNA(alpha=Schedule("a", lambda k: k + 1.0), gamma=Schedule("g", lambda k: 1 / (k + 1)))
    finer = refined(coarse, 2)
    assert [finer.gamma(k) for k in range(4)] == [0.5, 0.5, 0.25, 0.25]
    assert [finer.alpha(k) for k in (0, 2, 3)] == [1.0, 2.0, 2.5]


class Flowless(Algorithm):
    def init(self, theta0, oracle):
        return GradientDescent(gamma=1).init(theta0, oracle)

    def update(self, state, oracle, k):
        return state


@pytest.mark.parametrize(
    ("method", "problem", "horizon", "levels", "words"),
    [
        (GradientDescent(gamma=0.1), QUARTIC, 1.0, 3, "diverged at iteration 9"),
        (GradientDescent(gamma=0.7), Quadratic([4]), 20.0, 3, "no settled order"),
        (GradientDescent(gamma=0.1), Quadratic([4]), 2.0, 1, "one step-size alone"),
        (GradientDescent(gamma=0.1), QUARTIC, 0.2, 2, "ended early"),
    ],
)
def test_no_order_comes_with_its_reason(method, problem, horizon, levels, words):
    found = measured(method, problem, [1.0], horizon, levels)
    assert found.order is None
    assert words in found.reason


def test_a_start_at_rest_has_no_order():
    found = measured(GradientDescent(gamma=0.1), Quadratic([4]), [0.0], 1.0)
    assert (found.order, found.gaps[0].max) == (None, 0.0)
    assert "tolerance" in found.reason


def test_a_method_without_a_flow_has_no_distance():
    runs, reason = family(Flowless(), Quadratic([4]), [1.0], 3.0, 3)
    found = order(runs, integrate(GradientFlow(), Quadratic([4]), [1.0], 3.0), reason)
    assert len(runs) == 1
    assert found.gaps[0].values.size == 0
    assert "neither a flow nor a step-size" in found.reason


class Extragradient(Flowless):
    gamma: float = number("(0, oo)", "step-size")

    def update(self, state, oracle, k):
        ahead = state.theta - self.gamma * oracle.gradient(state.theta)
        return type(state)(state.theta - self.gamma * oracle.gradient(ahead))


@pytest.mark.parametrize("gamma", [0.05, power_decay(0.05, 0.25)])
def test_a_method_without_a_flow_but_with_a_step_size_is_placed_by_it(gamma):
    runs, reason = family(Extragradient(gamma=gamma), Quadratic([1, 2]), [1.0, 1.0], 2.0, 3)
    assert [r.clock.unit for r in runs] == ["gamma"] * 3
    found = order(runs, integrate(GradientFlow(), Quadratic([1, 2]), [1.0, 1.0], 2.0), reason)
    assert found.order == pytest.approx(1, abs=0.1)


def test_levels_that_the_budget_does_not_allow_are_left_out():
    runs, reason = family(GradientDescent(gamma=0.1), Quadratic([1]), [1.0], 10.0, 4, max_steps=250)
    assert [len(r.t) for r in runs] == [101, 201]
    assert reason == ""
    runs, reason = family(GradientDescent(gamma=0.1), Quadratic([1]), [1.0], 10.0, 4, max_steps=150)
    assert (len(runs), "raise max_steps" in reason) == (1, True)


def test_only_common_times_are_compared():
    late = integrate(NesterovFlow(), Quadratic([1]), [1.0], 0.5)
    run = iterates(Nesterov(gamma=0.0025, momentum=0.9), Quadratic([1]), [1.0], 1.0)
    found = gap(run, late)
    assert (found.t[0], found.t[-1]) == pytest.approx((0.1, 0.6))


def test_energies_of_din_decrease_along_its_solutions():
    solution = integrate(DIN(alpha=1, beta=0.5), double_well, (0.3, 1.9), 20.0)
    found = energies(solution.flow, double_well, solution.t, solution.states)
    assert [e.name for e in found] == ["E_min", "E_max", "E"]
    for e in found:
        assert e.largest_increase < 1e-8
        assert e.values[-1] < e.values[0]


def test_energy_of_din_by_hand():
    """E_c at a state, from thesis (2.17) with numbers put in by hand: α = 2, β = ½, so √(αβ) = 1 and c is 0, 4 and their sum."""
    from dynopt.algorithms.din import Lifted

    state = Lifted(np.array([[3.0]]), np.array([[5.0]]))
    found = energies(DIN(alpha=2, beta=0.5), Quadratic([2]), np.array([0.0]), state)
    assert [float(e.values[0]) for e in found] == pytest.approx([0 * 9 + 50, 4 * 9 + 50, 4 * 9 + 100])


def test_energy_without_friction_is_conserved_and_a_rise_is_reported():
    solution = integrate(HeavyBallFlow(alpha=0), Quadratic([1, 9]), (1.0, 1.0), 10.0)
    [e] = energies(solution.flow, Quadratic([1, 9]), solution.t, solution.states)
    np.testing.assert_allclose(e.values, 5.0, rtol=1e-8)
    euler = iterates(explicit_euler(HeavyBallFlow)(alpha=0, gamma=0.1), Quadratic([1]), [1.0], 1.0)
    [e] = energies(HeavyBallFlow(alpha=0), Quadratic([1]), euler.t, euler.states)
    assert e.largest_increase == pytest.approx(0.005 * 1.01**9)  # each explicit Euler step multiplies the energy by 1 + γ²
    assert e.at == pytest.approx(1.0)


def test_states_of_another_kind_have_no_energies():
    run = iterates(HeavyBall(gamma=0.01, momentum=0.8), Quadratic([1]), [1.0], 1.0)
    assert energies(own_flow(run.method), Quadratic([1]), run.t, run.states) == ()
