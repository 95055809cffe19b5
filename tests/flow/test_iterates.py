"""Iterates against closed forms, and their time axis."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt import (
    DIN,
    INNA,
    Algorithm,
    GradientDescent,
    HeavyBall,
    Position,
    Quadratic,
    Schedule,
    VanishingDIN,
    explicit_euler,
    power_decay,
)
from dynopt.errors import Misuse, Outcome
from dynopt.flow.clock import Clock, clock, own_flow
from dynopt.flow.iterates import iterates


class Flowless(Algorithm):
    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        return Position(state.theta / 2)


class Misshapen(Flowless):
    def init(self, theta0, oracle):
        return Position(oracle.value(theta0))


class Broken(Flowless):
    def update(self, state, oracle, k):
        return state.velocity


def test_gradient_descent_is_a_power():
    run = iterates(GradientDescent(gamma=0.1), Quadratic([1, 3]), (1, 2), 2.0)
    k = np.arange(21)[:, None]
    np.testing.assert_allclose(run.theta, [1, 2] * (1 - 0.1 * np.array([1, 3])) ** k, rtol=1e-13)
    np.testing.assert_allclose(run.t, 0.1 * k[:, 0])
    assert run.outcome is Outcome.DONE


def test_divergence_is_an_outcome_with_its_iteration():
    run = iterates(GradientDescent(gamma=1), Quadratic([4]), [1.0], steps=5000)  # θ_k = (−3)^k
    last = int(np.floor(np.log(np.finfo(float).max / 4) / np.log(3))) + 1  # then 4θ, the gradient, is too large
    assert (run.outcome, run.failed_at) == (Outcome.DIVERGED, last + 1)
    assert len(run.t) == len(run.theta) == last + 1
    assert np.all(np.isfinite(run.theta))
    assert str(last + 1) in run.message


def test_the_budget_ends_a_run_and_keeps_it():
    run = iterates(GradientDescent(gamma=0.001), Quadratic([1]), [1.0], 10.0, max_steps=70)
    assert (run.outcome, len(run.t)) == (Outcome.BUDGET_SPENT, 71)


def test_a_step_schedule_is_summed():
    gamma = power_decay(0.5, 0.5)
    run = iterates(INNA(gamma=gamma), Quadratic([1]), [1.0], 3.0)
    expected = np.concatenate([[0], np.cumsum([0.5 / np.sqrt(k + 1) for k in range(20)])])
    count = int(np.sum(expected <= 3.0))
    np.testing.assert_allclose(run.t, expected[:count])


def test_a_schedule_whose_sum_converges_ends_in_the_budget():
    run = iterates(INNA(gamma=power_decay(0.1, 2)), Quadratic([1]), [1.0], 5.0, max_steps=300)
    assert run.outcome is Outcome.BUDGET_SPENT


def test_momentum_methods_advance_by_the_root_of_the_step():
    assert iterates(HeavyBall(gamma=0.04, momentum=0.5), Quadratic([1]), [1.0], steps=3).t == pytest.approx([0, 0.2, 0.4, 0.6])


def test_a_flow_that_starts_later_takes_its_discretisation_along():
    euler = explicit_euler(VanishingDIN)(gamma=0.05)
    assert iterates(euler, Quadratic([1]), [1.0], 0.1).t == pytest.approx([0.1, 0.15, 0.2])


def test_a_method_without_a_flow_counts_iterations():
    run = iterates(Flowless(), Quadratic([1]), [1.0], 3.0)
    assert (run.t.tolist(), run.theta[-1, 0], run.clock.unit) == ([0, 1, 2, 3], 0.125, "iteration")


def test_rounding_of_the_horizon_loses_no_iteration():
    for gamma in (0.1, 0.01, 0.003, 1e-4):
        assert len(iterates(GradientDescent(gamma=gamma), Quadratic([1]), [1.0], 60 * gamma).t) == 61


def test_clock_index_inverts_times():
    for step in (0.3, Schedule("decay", lambda k: 1 / (k + 1) ** 0.5)):
        at = Clock(0.1, step)
        assert [at.index(t) for t in at.times(9)] == pytest.approx(range(10))
    assert at.index((at.times(3)[2] + at.times(3)[3]) / 2) == pytest.approx(2.5)
    assert Clock(0.0, lambda k: 1 / 2**k).index(5.0) > 0  # never reached, still an answer


def test_own_flow_reads_schedules_in_time():
    method = INNA(alpha=Schedule("k+1", lambda k: k + 1.0), gamma=0.5)
    assert own_flow(method).alpha(2.0) == pytest.approx(5.0)
    assert own_flow(Flowless()) is None
    assert own_flow(INNA(alpha=1, beta=2, gamma=0.5)) == DIN(alpha=1, beta=2)
    assert clock(INNA(gamma=0.25)).step == 0.25


@pytest.mark.parametrize(
    ("method", "change", "words"),
    [
        (DIN(), {}, "not an algorithm"),
        (INNA, {}, "not an algorithm"),
        (GradientDescent(gamma=0.5), {"horizon": 0.4}, "shorter than one step, 0.5"),
        (GradientDescent(gamma=0.5), {"horizon": -1}, "outside (0, oo)"),
        (GradientDescent(gamma=0.5), {"horizon": 1, "steps": 1}, "exactly one"),
        (GradientDescent(gamma=0.5), {"horizon": None}, "exactly one"),
        (GradientDescent(gamma=0.5), {"horizon": None, "steps": 0}, "positive number of iterations"),
        (GradientDescent(gamma=0.5), {"start": (1, 2)}, "2 coordinates"),
        (Misshapen(), {}, "shape of theta"),
        (Broken(), {}, "cannot be run"),
    ],
)
def test_misuse(method, change, words):
    with pytest.raises(Misuse) as said:
        iterates(method, Quadratic([1]), **({"start": [1.0], "horizon": 3.0} | change))
    assert words in str(said.value)
