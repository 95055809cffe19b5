"""Events at times that are known: x = cos t, x = e^{−t}."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt import GradientFlow, HeavyBallFlow, Quadratic
from dynopt.errors import Misuse, Outcome
from dynopt.flow.events import (
    entering_ball,
    event,
    leaving,
    leaving_ball,
    leaving_box,
    objective_level,
    parse_event,
    turning_point,
    zero_velocity,
)
from dynopt.flow.integrate import integrate

COSINE = HeavyBallFlow(alpha=0), Quadratic([1]), [1.0]
PI = np.pi


def times(flow_problem_start, horizon, *events):
    return [h.t for h in integrate(*flow_problem_start, horizon, events=events).events]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (entering_ball([0], 0.5), [PI / 3, 4 * PI / 3]),
        (leaving_ball([0], 0.5), [2 * PI / 3, 5 * PI / 3]),
        (leaving_box([-0.5], [2.0]), [2 * PI / 3]),
        (leaving(lambda x: x[0] + 0.5), [2 * PI / 3]),
        (objective_level(1 / 8), [PI / 3, 2 * PI / 3, 4 * PI / 3, 5 * PI / 3]),
        (turning_point(1), [PI]),
        (event(lambda t, s: s.theta[0], "zero"), [PI / 2, 3 * PI / 2]),
        (event(lambda t, s: s.theta[0], "up", direction=1), [3 * PI / 2]),
        (event(lambda t, s: t - 1.5, "clock"), [1.5]),
        (lambda t, s: s.velocity[0], [PI]),
    ],
)
def test_crossings_of_a_cosine(asked, expected):
    np.testing.assert_allclose(times(COSINE, 6.2, asked), expected, atol=1e-8)


def test_two_crossings_within_one_step_are_seen():
    solution = integrate(*COSINE, 6.2, rtol=1e-3, atol=1e-3, events=[entering_ball([0], 0.3), leaving_ball([0], 0.3)])
    assert len(solution.events) == 4
    assert solution.statistics["steps"] < 12


def test_zero_velocity_is_a_threshold_on_the_speed():
    np.testing.assert_allclose(times((GradientFlow(), Quadratic([1]), [1.0]), 20, zero_velocity(1e-3)), [np.log(1000)], rtol=1e-7)


def test_a_terminal_event_ends_the_solution_there():
    solution = integrate(*COSINE, 6.0, events=[objective_level(1 / 8), entering_ball([0], 0.2, terminal=True)])
    assert solution.outcome is Outcome.EVENT
    assert [h.name for h in solution.events] == ["J = 0.125", "entering the ball of radius 0.2 at (0)"]
    assert solution.t[-1] == pytest.approx(np.arccos(0.2), abs=1e-9)
    assert solution.theta[-1, 0] == pytest.approx(0.2, abs=1e-9)
    assert solution.reach[1] == solution.t[-1]


def test_a_start_on_the_zero_does_not_fire():
    assert times(COSINE, 3.0, turning_point(1)) == []
    assert times((GradientFlow(), Quadratic([1]), [1.0]), 3.0, entering_ball([0], 1.0), leaving_ball([0], 1.0)) == []


def test_an_event_that_never_happens_leaves_the_run_alone():
    solution = integrate(*COSINE, 6.0, events=[objective_level(99.0, terminal=True)])
    assert (solution.outcome, solution.events) == (Outcome.DONE, ())


def test_calls_are_parsed():
    found = parse_event("leaving-box(lower=[-1/2], upper=[2], terminal=yes)")
    assert found.terminal
    assert times(COSINE, 6.0, found) == pytest.approx([2 * PI / 3])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("entering-bal(radius=1)", "did you mean entering-ball"),
        ("entering-ball(radius=1)", "write as in entering-ball(center=[0,0], radius=0.1)"),
        ("entering-ball(center=[0], radius=-1)", "radius=-1 is outside (0, oo)"),
        ("entering-ball(center=[0, a], radius=1)", "is not a point"),
        ("entering-ball(center=[0], radius=k)", "not a number"),
        ("entering-ball(center=[0], radius=1, terminal=maybe)", "choose yes or no"),
        ("leaving-box(lower=[1], upper=[0])", "not below"),
        ("objective-level(level=a)", "not a number"),
        ("zero-velocity(speed=0)", "outside (0, oo)"),
    ],
)
def test_bad_calls(text, words):
    with pytest.raises(Misuse) as said:
        parse_event(text)
    assert words in str(said.value)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (entering_ball([0, 0], 1), "2 coordinates"),
        (leaving_box([0, 0], [1, 1]), "2 coordinates"),
        (turning_point(2), "no coordinate 2"),
        (turning_point(0.5), "no coordinate 0.5"),
    ],
)
def test_events_that_do_not_fit_the_problem(asked, words):
    with pytest.raises(Misuse, match=words):
        times(COSINE, 1.0, asked)
