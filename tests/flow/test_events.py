"""Events at times that are known: x = cos t, x = e^{−t}."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt import DIN, GradientFlow, HeavyBallFlow, Quadratic, Schedule
from dynopt.errors import Misuse, Outcome
from dynopt.flow.batch import integrate_batch
from dynopt.flow.events import (
    energy_level,
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


def test_a_level_of_a_declared_energy():
    """Friction ½ on x'' + x'/2 + x = 0 is written out for the energy; the undamped cosine keeps E = ½ and never crosses it."""
    [hit] = integrate(HeavyBallFlow(alpha=0.5), Quadratic([1]), [1.0], 10.0, events=[energy_level(0.25)]).events
    w = np.sqrt(1 - 1 / 16)
    x = np.exp(-hit.t / 4) * (np.cos(w * hit.t) + np.sin(w * hit.t) / (4 * w))
    v = -np.exp(-hit.t / 4) * np.sin(w * hit.t) / w
    assert (x**2 + v**2) / 2 == pytest.approx(0.25, abs=1e-9)
    assert times(COSINE, 6.2, energy_level(0.25)) == []
    named = times((DIN(alpha=2, beta=0.1), Quadratic([1]), [1.0]), 6.2, energy_level(0.1, "E_min"))
    assert len(named) == 1
    scheduled = DIN(alpha=Schedule("2 + 0*t", lambda t: 2 + 0 * t), beta=0.1), Quadratic([1]), [1.0]
    assert times(scheduled, 6.2, energy_level(0.1, "E_min")) == pytest.approx(named, abs=1e-8)


@pytest.mark.parametrize(
    ("flow", "name", "words"),
    [
        (DIN(), "", "declares several energies; choose one of E_min, E_max, E"),
        (DIN(), "F", "name='F' is no energy of din"),
        (type("Silent", (GradientFlow,), {"energies": lambda self, state, oracle, t: {}})(), "", "declares no energy"),
    ],
)
def test_energies_that_are_not_there(flow, name, words):
    with pytest.raises(Misuse) as said:
        times((flow, Quadratic([1]), [1.0]), 1.0, energy_level(0.1, name))
    assert words in str(said.value)


def test_a_turn_just_beyond_a_level_is_two_crossings_and_one_just_before_it_none():
    """cos t exceeds 0.9999 for |t − 2π| < 0.01414; DOP853 strides over that, and 1.0001 is never reached."""
    half = np.arccos(0.9999)
    assert times(COSINE, 8.0, event(lambda t, s: s.theta[0] - 0.9999, "top")) == pytest.approx(
        [half, 2 * PI - half, 2 * PI + half], abs=1e-7
    )
    assert times(COSINE, 8.0, event(lambda t, s: s.theta[0] - 1.0001, "over")) == []


def test_several_events_of_one_step_are_in_order():
    levels = [0.5, -0.5, 0.0, 0.1]
    asked = [event(lambda t, s, c=c: s.theta[0] - c, f"x = {c}") for c in levels]
    solution = integrate(*COSINE, 3.0, rtol=1e-3, atol=1e-3, events=asked)
    assert [h.name for h in solution.events] == ["x = 0.5", "x = 0.1", "x = 0.0", "x = -0.5"]
    assert solution.statistics["steps"] < 6


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
    solution = integrate(*COSINE, 6.0, events=[objective_level(99.0, terminal=True), objective_level(0.1)])
    assert (solution.outcome, solution.missed) == (Outcome.DONE, ("J = 99",))
    assert solution.to_dict()["missed"] == ["J = 99"]


def test_an_event_that_is_a_block_of_the_state_leaves_the_state_alone():
    watched = turning_point(1)  # the velocity block itself, a view of the state
    found = integrate(*COSINE, 2.0, events=[watched])
    early = found.t[1] / 2
    x, v = found(early)
    np.testing.assert_allclose([x[0], v[0]], [np.cos(early), -np.sin(early)], atol=1e-8)
    many = integrate_batch(*COSINE[:2], [[1.0], [1.0]], 2.0, events=[watched], rtol=1e-10)
    np.testing.assert_allclose(many.theta[:, 0], np.cos(2.0), atol=1e-8)


def test_calls_are_parsed():
    found = parse_event("leaving-box(lower=[-1/2], upper=[2], terminal=yes)")
    assert found.terminal
    assert parse_event("steady").terminal
    assert not parse_event("steady(tolerance=1e-3, terminal=no)").terminal
    assert parse_event("energy-level(name=E_min, level=1/2)").name == "E_min = 0.5"
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
        ("steady(tolerance=-1)", "outside (0, oo)"),
        ("energy-level(name=E)", "write as in energy-level(name=E, level=0.01)"),
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
