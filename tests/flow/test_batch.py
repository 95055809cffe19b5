"""Batches against SciPy's own solver start by start, and against closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import dynopt
from dynopt import DIN, INNA, GradientFlow, HeavyBallFlow, Landscape, NesterovFlow, Quadratic, Schedule
from dynopt.errors import Misuse, Outcome
from dynopt.flow import batch as batches
from dynopt.flow.batch import integrate_batch
from dynopt.flow.events import entering_ball, event, leaving_ball, objective_level, steady, turning_point, zero_velocity
from dynopt.flow.integrate import integrate

WELL = dynopt.problem("double-well")
STARTS = np.random.default_rng(7).uniform(-2, 2, (12, 2))


def din_on_the_double_well(t, s):
    """Thesis (2.6) with α = 2, β = ½ on θ₁⁴ − 4θ₁² + θ₂², written out."""
    x, y, p, q = s
    return [-0.0 * x - 2 * p - (4 * x**3 - 8 * x) / 2, -0.0 * y - 2 * q - 2 * y / 2, -2 * p, -2 * q]


def din_start(x, y):
    """ψ₀ = (1 − αβ)θ₀ − (β² − β)∇J(θ₀)."""
    return [x, y, (4 * x**3 - 8 * x) / 4, 2 * y / 4]


@pytest.mark.parametrize(
    ("method", "rtol", "atol"), [("RK23", 1e-4, 1e-6), ("RK45", 1e-6, 1e-9), ("DOP853", 1e-10, 1e-12), ("DOP853", 1e-4, 1e-5)]
)
def test_every_lane_takes_the_steps_of_solve_ivp(method, rtol, atol):
    found = integrate_batch(DIN(alpha=2, beta=0.5), WELL, STARTS, 8.0, method=method.lower(), rtol=rtol, atol=atol)
    for i, start in enumerate(STARTS):
        alone = solve_ivp(din_on_the_double_well, (0, 8.0), din_start(*start), method=method, rtol=rtol, atol=atol)
        assert found.statistics["nfev"][i] == alone.nfev
        assert found.statistics["steps"][i] == len(alone.t) - 1
        np.testing.assert_allclose(found.theta[i], alone.y[:2, -1], rtol=rtol, atol=atol)
        np.testing.assert_allclose(found.states[1][i], alone.y[2:, -1], rtol=rtol, atol=atol)
    assert set(found.outcomes) == {Outcome.DONE}


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853"])
def test_values_at_asked_times_are_those_of_solve_ivp(method):
    times = [0.0, 0.01, 0.02, 1.5, 7.99, 8.0]
    found = integrate_batch(DIN(alpha=2, beta=0.5), WELL, STARTS, 8.0, method=method, rtol=1e-5, atol=1e-7, t_eval=times)
    assert found.path[0].shape == (12, 6, 2)
    np.testing.assert_array_equal(found.path[0][:, 0], STARTS)
    for i, start in enumerate(STARTS):
        alone = solve_ivp(din_on_the_double_well, (0, 8.0), din_start(*start), method=method, rtol=1e-5, atol=1e-7, t_eval=times)
        np.testing.assert_allclose(np.hstack([found.path[0][i], found.path[1][i]]), alone.y.T, rtol=1e-8, atol=1e-10)
        assert found.statistics["nfev"][i] == alone.nfev


def test_lanes_do_not_see_each_other(monkeypatch):
    whole = integrate_batch(DIN(), WELL, STARTS, 5.0, t_eval=[1.0, 4.0])
    monkeypatch.setattr(batches, "TOGETHER", 5)
    parts = integrate_batch(DIN(), WELL, STARTS, 5.0, t_eval=[1.0, 4.0])
    np.testing.assert_allclose(parts.theta, whole.theta, rtol=1e-12)
    np.testing.assert_allclose(parts.path[0], whole.path[0], rtol=1e-12)
    np.testing.assert_array_equal(parts.statistics["steps"], whole.statistics["steps"])


def test_time_and_schedules_are_each_lanes_own():
    for flow in (NesterovFlow(r=3), HeavyBallFlow(alpha=Schedule("3/(t+1)", lambda t: 3 / (t + 1)))):
        found = integrate_batch(flow, WELL, STARTS[:4], 3.0)
        for i, start in enumerate(STARTS[:4]):
            alone = integrate(flow, WELL, start, 3.0)
            np.testing.assert_allclose(found.theta[i], alone.theta[-1], atol=1e-9)
            assert found.statistics["steps"][i] == alone.statistics["steps"]


def test_outcomes_and_ends_are_each_lanes_own():
    """θ' = 4θ³ from θ₀ > 0 ends at 1/(8θ₀²); from 0 it stays; a ball of radius 3 is left at (1/θ₀² − 1/9)/8."""
    hill = Landscape(lambda x: -(x**4), name="hill")
    found = integrate_batch(GradientFlow(), hill, [[0.0], [1.0], [0.1], [2.0]], 1.0, events=[leaving_ball([0], 3)])
    assert [o.value for o in found.outcomes] == ["done", "diverged", "done", "diverged"]
    np.testing.assert_allclose(found.t, [1.0, 1 / 8, 1.0, 1 / 32], rtol=1e-6)
    np.testing.assert_allclose([h.t for hits in found.events for h in hits], [(1 - 1 / 9) / 8, (1 / 4 - 1 / 9) / 8], rtol=1e-9)
    assert "0.125" in found.messages[1]


def test_events_at_known_times_on_every_lane():
    """x = a cos t: |x| = ½ is reached at arccos(1/(2a)); a start of ½ or less never enters from outside."""
    sizes = np.array([[0.4], [1.0], [2.0]])
    asked = [entering_ball([0], 0.5), turning_point(1), event(lambda t, s: s.theta[0], "zero", direction=1)]
    found = integrate_batch(HeavyBallFlow(alpha=0), Quadratic([1]), sizes, 6.2, events=asked)
    for hits, a in zip(found.events, sizes[:, 0], strict=True):
        enter = [np.arccos(0.5 / a), np.pi + np.arccos(0.5 / a)] if a > 0.5 else []
        expected = sorted([(t, asked[0].name) for t in enter] + [(np.pi, asked[1].name), (3 * np.pi / 2, "zero")])
        assert [h.name for h in hits] == [name for _, name in expected]
        np.testing.assert_allclose([h.t for h in hits], [t for t, _ in expected], atol=1e-8)
    happened = found.to_dict()["happened"]
    assert happened == {asked[0].name: 2, asked[1].name: 3, "zero": 3}


def test_a_terminal_event_ends_its_lane_alone_and_the_path_there():
    asked = [entering_ball([0], 0.1, terminal=True), objective_level(1e-9)]
    found = integrate_batch(GradientFlow(), Quadratic([1]), [[1.0], [0.05]], 5.0, events=asked, t_eval=[1.0, 3.0])
    assert found.outcomes == (Outcome.EVENT, Outcome.DONE)
    assert found.t == pytest.approx([np.log(10), 5.0])
    assert found.theta[:, 0] == pytest.approx([0.1, 0.05 * np.exp(-5)])
    assert found.path[0][0, 0, 0] == pytest.approx(np.exp(-1))
    assert np.isnan(found.path[0][0, 1, 0])
    assert len(found.events[0]) == 1


def test_what_comes_after_a_terminal_event_in_the_same_step_did_not_happen():
    asked = [event(lambda t, s: s.theta[0] - 0.4, "later"), event(lambda t, s: s.theta[0] - 0.5, "stop", terminal=True)]
    found = integrate_batch(HeavyBallFlow(alpha=0), Quadratic([1]), [[1.0]], 3.0, rtol=1e-3, atol=1e-3, events=asked)
    assert [h.name for h in found.events[0]] == ["stop"]
    assert found.t[0] == pytest.approx(np.pi / 3, abs=1e-3)


def test_a_lane_that_leaves_takes_its_event_values_along():
    """x = −cos t stops at −0.9; x = cos t, behind it in the batch, crosses zero at π/2 and nowhere else before t = 3."""
    asked = [event(lambda t, s: s.theta[0] + 0.9, "stop", terminal=True, direction=1), event(lambda t, s: s.theta[0], "zero")]
    found = integrate_batch(HeavyBallFlow(alpha=0), Quadratic([1]), [[-1.0], [1.0]], 3.0, events=asked)
    assert [h.name for h in found.events[0]] == ["stop"]
    assert [h.t for h in found.events[1] if h.name == "zero"] == pytest.approx([np.pi / 2])


def test_lanes_come_to_rest():
    found = integrate_batch(GradientFlow(), Quadratic([1]), [[1.0], [0.0], [1e-9]], 100.0, events=[steady(1e-6), zero_velocity(1e-3)])
    assert set(found.outcomes) == {Outcome.CONVERGED}
    assert found.t == pytest.approx([np.log(1e6), 0, 0], rel=1e-6)
    assert [len(h) for h in found.events] == [2, 1, 1]


def test_budgets_and_fields_that_are_not_finite():
    found = integrate_batch(HeavyBallFlow(alpha=0), Quadratic([1]), [[1.0], [2.0]], 1e6, max_evaluations=300)
    assert set(found.outcomes) == {Outcome.BUDGET_SPENT}
    np.testing.assert_allclose(found.theta[:, 0], np.array([1, 2]) * np.cos(found.t), atol=1e-7)
    inverse = Landscape(lambda x: -1 / x, name="inverse")
    found = integrate_batch(GradientFlow(), inverse, [[0.0], [1.0]], 0.1)
    assert found.outcomes == (Outcome.DIVERGED, Outcome.DONE)
    assert found.theta[1, 0] == pytest.approx((1 - 0.3) ** (1 / 3))


def test_a_stiff_batch_says_so():
    found = integrate_batch(GradientFlow(), Quadratic([1, 2000]), [[1.0, 1.0], [0.0, 0.0]], 5.0)
    assert found.statistics["advice"].startswith("stiff: a mode decays at the rate 2e+03")
    assert integrate_batch(GradientFlow(), Quadratic([1, 20]), [[1.0, 1.0]], 5.0).statistics["advice"] == ""


def test_the_document_is_json():
    found = integrate_batch(GradientFlow(), Quadratic([1, 2]), [(1, 1), (0, 1)], 1.0, t_eval=[0.5], events=[objective_level(99)])
    document = json.loads(json.dumps(found.to_dict()))
    assert document["counts"] == {"done": 2}
    assert document["happened"] == {"J = 99": 0}
    assert np.shape(document["path"]) == (2, 1, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flow": INNA(gamma=0.1)}, "not a flow"),
        ({"starts": [1, 2]}, "shape (2,)"),
        ({"starts": [[1, 2, 3]]}, "2 numbers each"),
        ({"starts": np.empty((0, 2))}, "one row per start"),
        ({"starts": [[1, 2], [np.nan, 0]]}, "number 1"),
        ({"starts": "ab"}, "not points"),
        ({"method": "Radau"}, "integrate() has the implicit ones"),
        ({"horizon": -1}, "outside (0, oo)"),
        ({"problem": "double-well"}, "not a problem"),
        ({"t_eval": [3.0, 2.0]}, "ascend"),
        ({"rtol": 0}, "rtol=0"),
        ({"events": [turning_point(3)]}, "no coordinate 3"),
    ],
)
def test_misuse(change, words):
    asked = {"flow": DIN(), "problem": WELL, "starts": STARTS, "horizon": 5.0} | change
    with pytest.raises(Misuse) as said:
        integrate_batch(**asked)
    assert words in str(said.value)
