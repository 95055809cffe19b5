"""Differential inclusions against closed forms, the two methods against each other, velocities against the hull of subgradients."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq, linprog

import dynopt
from dynopt import DIN, GradientFlow, HeavyBallFlow, Landscape, Misuse, VanishingDIN
from dynopt.errors import Outcome
from dynopt.flow import inclusion
from dynopt.flow.events import objective_level, turning_point, zero_velocity
from dynopt.flow.integrate import integrate
from dynopt.problems.finite_sum import FiniteSum
from dynopt.problems.landscapes import thesis_2_1

VEE = Landscape(lambda x: abs(x), name="vee")


def modes(solution):
    return [(m["what"], m["kinks"][0]) for m in solution.statistics["modes"]]


def times(solution):
    return [m["t"] for m in solution.statistics["modes"]]


@pytest.mark.parametrize("solver", ["DOP853", "RK23", "Radau", "BDF", "LSODA"])
def test_gradient_flow_of_the_absolute_value_reaches_zero_and_stays(solver):
    solution = integrate(GradientFlow(), VEE, [0.5], 2.0, method=solver)
    t = np.linspace(0, 2, 41)
    np.testing.assert_allclose(solution(t).theta[:, 0], np.maximum(0.5 - t, 0), atol=1e-8)
    assert (solution.outcome, modes(solution)) == (Outcome.DONE, [("slides", "x = 0")])
    assert times(solution) == pytest.approx([0.5], abs=1e-8)
    assert solution.statistics["not_unique_at"] == []


def din_on_vee(alpha, beta, t):
    """θ(t) of DIN on |θ| from 1 with θ'(0) = −1.  With a = (1/β − α)θ − ψ/β: θ' = a − βs, a' = −αa − s(1 − αβ) where s = sign θ."""
    theta, a, now, side = 1.0, beta - 1.0, 0.0, 1.0
    while True:
        rest = -side * (1 - alpha * beta) / alpha
        path = lambda u: theta + (rest - beta * side) * u + (a - rest) * (1 - np.exp(-alpha * u)) / alpha  # noqa: B023, E731
        looks = np.linspace(0, t - now, 4001)[1:]
        beyond = [u for u in looks if path(u) * side < 0]
        if not beyond:
            return path(t - now)
        hit = brentq(path, max(beyond[0] - looks[0], 1e-12), beyond[0], xtol=1e-14)
        theta, a, now = 0.0, rest + (a - rest) * np.exp(-alpha * hit), now + hit
        if abs(a) <= beta:
            return 0.0  # sliding: a' = −a/β keeps |a| ≤ β
        side = np.sign(a)


@pytest.mark.parametrize(("alpha", "beta", "slides_at"), [(1.0, 0.6, 0), (1.0, 0.1, 3), (0.7, 0.25, None), (2.0, 0.05, None)])
def test_din_on_the_absolute_value(alpha, beta, slides_at):
    solution = integrate(DIN(alpha=alpha, beta=beta), VEE, [1.0], 5.0)
    for t in (0.4, 0.9, 1.5, 2.4, 2.95, 3.4, 5.0):
        assert solution(t).theta[0] == pytest.approx(din_on_vee(alpha, beta, t), abs=1e-7)
    if slides_at is not None:
        assert [what for what, _ in modes(solution)] == ["crosses"] * slides_at + ["slides"]


def test_a_maximum_of_affine_functions_gives_a_broken_line():
    """max(x + y, −x, −y) from (1, 0.3): slope (1, 1) up to x = −2y at t = 1.6/3, then along the edge with (−0.4, 0.2) to 0 at t = 1.7."""
    solution = integrate(GradientFlow(), Landscape(lambda x, y: sp.Max(x + y, -x, -y)), (1.0, 0.3), 3.0)
    turn, stop = 1.6 / 3, 1.7
    for t in (0.2, turn, 0.9, 1.5, stop, 2.9):
        first, second = min(t, turn), min(max(t - turn, 0), stop - turn)
        np.testing.assert_allclose(solution(t).theta, [1 - first - 0.4 * second, 0.3 - first + 0.2 * second], atol=1e-8)
    assert times(solution) == pytest.approx([turn, stop], abs=1e-8)


def test_kinks_that_meet_one_after_the_other():
    solution = integrate(GradientFlow(), Landscape(lambda x, y, z: abs(x) + 2 * abs(y) + 3 * abs(z)), (1.0, -0.3, 0.9), 2.0)
    np.testing.assert_allclose(times(solution), [0.15, 0.3, 1.0], atol=1e-8)
    np.testing.assert_allclose(solution(0.6).theta, [0.4, 0, 0], atol=1e-8)
    np.testing.assert_allclose(solution.theta[-1], 0, atol=1e-8)


def test_the_valley_of_figure_2_1():
    """With w = θ₂ − |θ₁|: w' = −400w ∓ … in closed form on each side; it turns at (0, 1/400) and slides on θ₁ = 1."""
    solution = integrate(GradientFlow(), thesis_2_1, None, 5.0)
    turn, arrive = 2 * (1 + (0.5 - 1 / 400) / 2), 2 * (1 - 1 / 400)
    assert modes(solution) == [("crosses", "x = 0"), ("slides", "x - 1 = 0")]
    assert times(solution) == pytest.approx([turn, turn + arrive], abs=1e-7)
    for t in (0.001, 0.5, 2.0):
        fall = np.exp(-400 * t)
        w = 1 / 400 + (0.5 - 1 / 400) * fall
        x = -1 + t / 2 - (0.5 - 1 / 400) * (1 - fall) / 2
        np.testing.assert_allclose(solution(t).theta, [x, w - x], atol=1e-7)
    u = 0.7
    np.testing.assert_allclose(solution(turn + u).theta, [u / 2 + 1 / 400, u / 2], atol=1e-7)
    np.testing.assert_allclose(solution(turn + arrive + 0.01).theta, [1, 1 - np.exp(-2) / 400], atol=1e-7)


def test_sliding_ends_when_the_weights_leave_the_hull():
    """|x| + xy + y from (0, ½): slides on x = 0 while |y| ≤ 1, y' = −1; leaves at t = 3/2 as (cosh τ − 1, −1 − sinh τ)."""
    solution = integrate(GradientFlow(), Landscape(lambda x, y: abs(x) + x * y + y), (0.0, 0.5), 2.5)
    assert modes(solution) == [("slides", "x = 0"), ("leaves", "x = 0")]
    assert times(solution)[1] == pytest.approx(1.5, abs=1e-6)
    np.testing.assert_allclose(solution(1.2).theta, [0, -0.7], atol=1e-8)
    np.testing.assert_allclose(solution.theta[-1], [np.cosh(1) - 1, -1 - np.sinh(1)], atol=1e-6)


def test_sliding_along_a_curve_stays_on_it():
    """5|x² + y² − 1| + x: down to (−1, 0) along the unit circle, φ' = sin φ, that is tan(φ/2) = e^t tan(φ₀/2)."""
    circle = Landscape(lambda x, y: 5 * abs(x**2 + y**2 - 1) + x)
    solution = integrate(GradientFlow(), circle, (np.cos(1.0), np.sin(1.0)), 6.0)
    phi = 2 * np.arctan(np.exp(6.0) * np.tan(0.5))
    np.testing.assert_allclose(solution.theta[-1], [np.cos(phi), np.sin(phi)], atol=1e-7)
    assert np.max(np.abs(np.linalg.norm(solution.theta, axis=1) - 1)) < 1e-8


def hull_distance(points, target):
    """The distance, in the largest coordinate, of a point from a convex hull: a linear program."""
    m, n = points.shape
    rows = np.block([[points.T, -np.ones((n, 1))], [-points.T, -np.ones((n, 1))]])
    found = linprog(np.r_[np.zeros(m), 1.0], rows, np.r_[target, -target], np.r_[np.ones(m), 0.0][None], [1.0])
    return found.fun


@pytest.mark.parametrize(
    "flow", [GradientFlow(), DIN(alpha=1.3, beta=0.1), DIN(alpha=0.4, beta=0.05), VanishingDIN(), HeavyBallFlow(alpha=1)]
)
def test_every_velocity_lies_in_the_hull_of_the_subgradients(flow):
    """On the valley of Figure 2.1, with its gradient written out here; θ' or the last block's ' gives the subgradient back."""
    solution = integrate(flow, thesis_2_1, None, 5.0 if isinstance(flow, GradientFlow) else 8.0)
    first, last = solution.reach
    h, checked = 1e-5, 0
    switches = np.array(times(solution))
    for t in np.linspace(first + 0.01, last - 0.01, 121):
        if np.min(np.abs(switches - t)) < 3 * h:
            continue
        state, rate = solution(t), [(b - a) / (2 * h) for a, b in zip(solution(t - h), solution(t + h), strict=True)]
        theta = state[0]
        if isinstance(flow, GradientFlow):
            g = -rate[0]
        elif isinstance(flow, DIN):
            g = (rate[1] - rate[0]) / float(flow.beta)
        elif isinstance(flow, VanishingDIN):
            g = (state[1] - rate[0]) / float(flow.beta)
        else:
            g = -rate[1] - state[1]
        sides = [(s, c) for s in (-1, 1) for c in (-1, 1) if s * theta[0] > -1e-7 and c * (1 - theta[0]) > -1e-7]
        w = 200 * (theta[1] - abs(theta[0]))
        hull = np.array([[-s * w - c, w] for s, c in sides])
        assert hull_distance(hull, g) < 2e-3 * max(1, np.max(np.abs(g))), t
        checked += len(sides) > 1
    assert checked > 5 or not any(what == "slides" for what, _ in modes(solution))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "problem", "start", "horizon", "largest"),
    [
        (GradientFlow(), VEE, [1.0], 2.0, 1e-3),
        (DIN(alpha=1, beta=0.1), VEE, [1.0], 2.5, 1e-2),
        (GradientFlow(), Landscape(lambda x, y: sp.Max(x + y, -x, -y)), [1.0, 0.3], 3.0, 1e-2),
        (GradientFlow(), thesis_2_1, None, 6.0, 1e-2),
    ],
)
def test_the_regularised_flow_converges_with_order_one_in_epsilon(flow, problem, start, horizon, largest):
    exact = integrate(flow, problem, start, horizon)
    t, epsilons = np.linspace(0, horizon, 301), np.array([4e-3, 1e-3, 2.5e-4])
    gaps = []
    for epsilon in epsilons:
        rounded = integrate(flow, problem, start, horizon, regularise=epsilon, rtol=1e-7, atol=1e-9)
        assert (rounded.statistics["regularised_eps"], rounded.statistics["solver"]) == (epsilon, "Radau")
        gaps.append(np.max(np.linalg.norm(rounded(t)[0] - exact(t)[0], axis=-1)))
    assert gaps[1] < largest
    assert np.polyfit(np.log(epsilons), np.log(gaps), 1)[0] == pytest.approx(1, abs=0.2)


@pytest.mark.slow
def test_the_regularised_flow_leaves_a_kink_later_by_epsilon_to_the_four_fifths():
    """Beside |x| + xy + y at its exit, τ from the exit: x' = τ + ε²/(2x²), whose terms balance with x ~ τ² at x ~ ε^(4/5)."""
    leaving = Landscape(lambda x, y: abs(x) + x * y + y)
    exact, t, epsilons = integrate(GradientFlow(), leaving, (0.0, 0.5), 2.0), np.linspace(0, 2, 401), np.array([1e-3, 1e-4, 1e-5])
    rounded = [integrate(GradientFlow(), leaving, (0.0, 0.5), 2.0, regularise=e, rtol=1e-8, atol=1e-10) for e in epsilons]
    gaps = [np.max(np.linalg.norm(r(t)[0] - exact(t)[0], axis=-1)) for r in rounded]
    assert np.polyfit(np.log(epsilons), np.log(gaps), 1)[0] == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("function", "start"), [(lambda x: -abs(x), 0.0), (lambda x: abs(abs(x) - 1), 0.0)])
def test_several_solutions_from_a_concave_kink_are_told(function, start):
    solution = integrate(GradientFlow(), Landscape(function), [start], 0.5)
    assert solution.statistics["not_unique_at"] == [0.0]
    assert solution.theta[-1, 0] == pytest.approx(0, abs=1e-9)
    beside = integrate(GradientFlow(), Landscape(function), [start + 1e-3], 0.5)
    assert beside.statistics["not_unique_at"] == []
    assert beside.theta[-1, 0] == pytest.approx(0.501)


def test_heavy_ball_swings_across_a_kink():
    """θ'' = −sign θ from rest at 1 has the period 4√2."""
    solution = integrate(HeavyBallFlow(alpha=0), VEE, [1.0], 4 * np.sqrt(2))
    np.testing.assert_allclose(times(solution), [np.sqrt(2), 3 * np.sqrt(2)], atol=1e-6)
    assert solution.theta[-1, 0] == pytest.approx(1, abs=1e-6)
    assert solution(np.sqrt(2) + 0.5).theta[0] == pytest.approx(-0.5 * np.sqrt(2) + 0.125, abs=1e-6)


def test_heavy_ball_rests_at_an_uneven_kink():
    solution = integrate(HeavyBallFlow(alpha=1), Landscape(lambda x: sp.Max(3 * x, -x)), [0.0], 2.0)
    assert np.max(np.abs(solution.theta)) < 1e-8
    assert solution.outcome is Outcome.DONE


def test_a_sum_may_stop_where_its_terms_have_kinks():
    """x = max(x, 0) + min(x, 0): 0 is D-critical, so a solution of (2.12) may stay there; the flow of the sum itself goes through."""
    terms = (lambda x: sp.Max(x, 0), lambda x: sp.Min(x, 0))
    stops = integrate(GradientFlow(), FiniteSum(*terms), [1.0], 2.0)
    assert stops.theta[-1, 0] == pytest.approx(0, abs=1e-8)
    assert stops.statistics["not_unique_at"] == pytest.approx([1.0], abs=1e-8)
    passes = integrate(GradientFlow(), Landscape(lambda x: terms[0](x) + terms[1](x)), [1.0], 2.0)
    assert passes.theta[-1, 0] == pytest.approx(-1)
    assert "selection" not in passes.statistics  # the sum is smooth


@pytest.mark.slow
def test_events_and_asked_times_across_kinks():
    solution = integrate(GradientFlow(), thesis_2_1, None, 4.6, events=[objective_level(0.25)], t_eval=[0.0, 3.0, 4.5])
    [hit] = solution.events
    assert thesis_2_1.value(hit.theta) == pytest.approx(0.25)
    assert solution.theta.shape == (3, 2)
    stopped = integrate(GradientFlow(), thesis_2_1, None, 4.6, events=[objective_level(0.25, terminal=True)])
    assert (stopped.outcome, stopped.t[-1]) == (Outcome.EVENT, hit.t)


def test_events_of_the_velocity_see_it_jump():
    """On |θ| the gradient flow stops dead at t = ½; DIN with α = 1, β = 1/10 turns on the far side; the valley's θ₂ after the bend."""
    rest = integrate(GradientFlow(), VEE, [0.5], 2.0, events=[zero_velocity(1e-6, terminal=True)])
    assert (rest.outcome, rest.t[-1]) == (Outcome.EVENT, pytest.approx(0.5, abs=1e-8))
    swings = integrate(DIN(alpha=1, beta=0.1), VEE, [1.0], 2.5, events=[turning_point(1)])
    # on the way back θ' = a + β with a(u) = 0.9 − 1.8e^{−u} after t = 1
    assert [h.t for h in swings.events] == pytest.approx([1 + np.log(1.8)], abs=1e-6)
    corner = integrate(GradientFlow(), thesis_2_1, None, 4.6, events=[turning_point(2)])
    assert [h.t for h in corner.events] == pytest.approx([2 * (1 + 0.24875) + np.log(2) / 400], abs=1e-6)


def test_too_many_kinks_end_as_outcomes(monkeypatch):
    many = integrate(GradientFlow(), Landscape(lambda *x: sum(map(abs, x)), dimension=6), [0.0] * 6, 1.0)
    assert many.outcome is Outcome.BUDGET_SPENT
    assert "6 kinks meet" in many.message
    monkeypatch.setattr(inclusion, "SWITCHES", 5)
    swings = integrate(HeavyBallFlow(alpha=1), VEE, [1.0], 50.0)
    assert swings.outcome is Outcome.BUDGET_SPENT
    assert "5 kinks were met" in swings.message
    spent = integrate(GradientFlow(), thesis_2_1, None, 6.0, max_evaluations=300)
    assert spent.outcome is Outcome.BUDGET_SPENT


def test_a_jump_is_left_to_the_plain_march():
    assert inclusion.kinks(Landscape(lambda x: sp.sign(x))) is None
    assert inclusion.kinks(Landscape(lambda x: x**2)) is None
    with pytest.raises(Misuse, match="no kink of"):
        integrate(GradientFlow(), Landscape(lambda x: x**2), [1.0], 1.0, regularise=0.1)


def test_trajectory_of_a_problem_with_kinks():
    study = dynopt.trajectory(["din(alpha=1.3, beta=0.1)", "inna(alpha=1.3, beta=0.1, gamma=0.004)"], "thesis-2.1", horizon=4)
    told = study.to_dict()
    assert told["curves"][0]["statistics"]["selection"] == "Filippov"
    assert told["curves"][0]["statistics"]["mode_switches"] >= 1
    assert all(e.largest_increase <= 1e-9 * np.max(e.values) for e in study.curves[0].energies)  # (2.17) does not increase
    assert told["distances"][0]["order"] == pytest.approx(1, abs=0.25)
    rounded = dynopt.trajectory("gradient_flow", "thesis-2.1", horizon=1, regularise=1e-2, rtol=1e-6).to_dict()
    assert rounded["curves"][0]["statistics"]["regularised_eps"] == 0.01
