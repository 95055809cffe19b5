"""Flows against their second-order equations with the Hessian written out, and against published decrease and rates."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import dynopt
from dynopt import (
    HNAG,
    HighResolutionConvexNesterov,
    HighResolutionHeavyBall,
    HighResolutionNesterov,
    Landscape,
    Nesterov,
    Quadratic,
    RescaledGradientFlow,
    VanishingDIN,
    explicit_euler,
)
from dynopt.algorithms.rescaled_gradient import NormalizedGradientDescent
from dynopt.core.problem import oracle
from dynopt.flow.compare import gap
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates
from dynopt.problems.landscapes import double_well

MU, S, BETA = 0.7, 0.09, 0.4
Q, R = np.sqrt(MU * S), np.sqrt(S)
SPECTRUM, START = np.array([-0.5, 1.0, 6.0]), np.array([1.0, -2.0, 0.5])

# θ'' + (friction + newton·λ)θ' + force·λθ = 0 with θ'(0) = speed·λθ₀, coefficients of the published equations
SECOND_ORDER = [
    (HighResolutionNesterov(mu=MU, s=S), 2 * np.sqrt(MU), R, 1 + Q, -2 * R / (1 + Q)),
    (HighResolutionNesterov(mu=MU, s=S, start="iterates"), 2 * np.sqrt(MU), R, 1 + Q, -R / 2),
    (HighResolutionHeavyBall(mu=MU, s=S), 2 * np.sqrt(MU), 0, 1 + Q, -2 * R / (1 + Q)),
    (HighResolutionHeavyBall(mu=MU, s=S, start="iterates"), 2 * np.sqrt(MU), 0, 1 + Q, -R / 2),
    (HNAG(mu=MU, beta=BETA), 2, BETA, (1 + BETA * MU) / MU, -BETA),
]


@pytest.mark.parametrize(("flow", "friction", "newton", "force", "speed"), SECOND_ORDER, ids=lambda v: getattr(v, "name", ""))
def test_autonomous_flows_on_a_quadratic_are_matrix_exponentials(flow, friction, newton, force, speed):
    time = 1.7
    found = integrate(flow, Quadratic([-0.5, 1, 6]), START, time).theta[-1]
    for i, (value, u) in enumerate(zip(SPECTRUM, START, strict=True)):
        companion = np.array([[0, 1], [-force * value, -friction - newton * value]])
        assert found[i] == pytest.approx((expm(time * companion) @ [u, speed * value * u])[0], rel=1e-8)


def second_order(friction, newton, force, speed, start, end):
    """θ(end) on the double well by SciPy's LSODA from θ'' = −a(t)θ' − b∇²J θ' − c(t)∇J, which knows no first-order form."""

    def right(t, z):
        x, y, u, v = z
        gradient, hessian = np.array([4 * x**3 - 8 * x, 2 * y]), np.array([12 * x**2 - 8, 2])
        return [u, v, *(-friction(t) * z[2:] - newton * hessian * z[2:] - force(t) * gradient)]

    theta0 = np.array([0.4, 1.9])
    slope = np.array([4 * 0.4**3 - 8 * 0.4, 2 * 1.9])
    return solve_ivp(right, (start, end), [*theta0, *(speed * slope)], method="LSODA", rtol=1e-11, atol=1e-12).y[:2, -1]


@pytest.mark.parametrize(
    ("flow", "friction", "newton", "force", "speed", "begin"),
    [
        (HighResolutionConvexNesterov(s=S), lambda t: 3 / t, 0.3, lambda t: 1 + 0.45 / t, -0.3, 0.45),
        (VanishingDIN(alpha0=2, beta=BETA), lambda t: 2 / t, BETA, lambda t: 1, -BETA, 0.1),
        (VanishingDIN(alpha0=2, beta=BETA, clock="script", s=S), lambda t: 0.6 / (t + 0.09), BETA, lambda t: 1, -BETA, 0.0),
        (HighResolutionNesterov(mu=MU, s=S), lambda t: 2 * np.sqrt(MU), 0.3, lambda t: 1 + Q, -0.6 / (1 + Q), 0.0),
    ],
    ids=["nag-c", "vanishing", "vanishing-script", "nag-sc"],
)
def test_flows_on_the_double_well_solve_the_second_order_equation(flow, friction, newton, force, speed, begin):
    assert float(flow.start_time) == pytest.approx(begin)
    found = integrate(flow, double_well, (0.4, 1.9), 3.0).theta[-1]
    np.testing.assert_allclose(found, second_order(friction, newton, force, speed, begin, begin + 3.0), rtol=1e-7)


# The high-resolution equations from the methods ------------------------------------------------------

h, mu, t = sp.symbols("h mu t", positive=True)
X = sp.symbols("X1:5")  # derivatives of the path at t
f1, f2, f3 = sp.symbols("f1 f2 f3")  # of the objective there


def path(shift):
    return sum(x * shift**i / sp.factorial(i) for i, x in enumerate(X, start=1))


def slope(shift):
    return f1 + f2 * path(shift) + f3 * path(shift) ** 2 / 2


def residual(momentum, correction):
    """x_{k+1} − x_k − m(x_k − x_{k−1}) + h²g_k + m·h²(g_k − g_{k−1}) along a path, over h²."""
    corrected = momentum * (slope(0) - slope(-h)) if correction else 0
    return sp.expand((path(h) + momentum * path(-h)) / h**2) + slope(0) + corrected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("momentum", "scale", "correction", "friction", "newton", "force"),
    [
        ((1 - sp.sqrt(mu) * h) / (1 + sp.sqrt(mu) * h), 1 + sp.sqrt(mu) * h, True, 2 * sp.sqrt(mu), h, 1 + sp.sqrt(mu) * h),
        ((1 - sp.sqrt(mu) * h) / (1 + sp.sqrt(mu) * h), 1 + sp.sqrt(mu) * h, False, 2 * sp.sqrt(mu), 0, 1 + sp.sqrt(mu) * h),
        ((t - 3 * h / 2) / (t + 3 * h / 2), 1 + 3 * h / (2 * t), True, 3 / t, h, 1 + 3 * h / (2 * t)),
    ],
    ids=["nag-sc", "heavy-ball", "nag-c"],
)
def test_high_resolution_equations_follow_from_the_methods(momentum, scale, correction, friction, newton, force):
    """The methods' recursions along a smooth path are the equations up to s = h²; k/(k + 3) is (t − 3h/2)/(t + 3h/2) at t = (k + 3/2)h."""
    equation = X[1] + friction * X[0] + newton * f2 * X[0] + force * f1
    difference = sp.series(scale * residual(momentum, correction) - equation, h, 0, 2).removeO()
    assert sp.simplify(difference) == 0


def largest_gaps(flow_at, steps=(0.04, 0.02, 0.01)):
    """Nesterov's method with strong convexity 1 against the flow of each step, both from (0.3, 1) over time 2."""
    found = []
    for step in steps:
        run = iterates(Nesterov(gamma=step**2, momentum=(1 - step) / (1 + step)), double_well, (0.3, 1.0), steps=round(2 / step))
        found.append(gap(run, integrate(flow_at(step), double_well, (0.3, 1.0), 2 + step)).max)
    return found


@pytest.mark.parametrize(
    ("flow_at", "order"),
    [
        (lambda step: dynopt.HeavyBallFlow(alpha=2), 1),
        (lambda step: HighResolutionNesterov(mu=1, s=step**2), 1),  # its initial velocity is −2√s g, theirs −√s g/2
        (lambda step: HighResolutionHeavyBall(mu=1, s=step**2, start="iterates"), 1),
        (lambda step: HighResolutionNesterov(mu=1, s=step**2, start="iterates"), 2),
    ],
    ids=["limit", "published start", "without the Hessian", "their own start"],
)
def test_only_the_high_resolution_equation_follows_nesterov_to_second_order(flow_at, order):
    gaps = largest_gaps(flow_at)
    assert np.log2(gaps[1] / gaps[2]) == pytest.approx(order, abs=0.15)


# Published decrease and rates ------------------------------------------------------------------------

CONVEX = Landscape(lambda x, y: x**4 / 4 + x**2 / 2 + 5 * y**2 / 2 + x * y / 2, name="convex")  # minimum 0 at 0, μ > 0.94


def along(flow, problem, start, horizon, count=400):
    found = integrate(flow, problem, start, horizon)
    times = np.linspace(*found.reach, count)
    states = found(times)
    return times, states, problem.value(states[0]), np.linalg.norm(problem.gradient(states[0]), axis=-1)


def squared(v):
    return np.sum(v * v, axis=-1)


def test_hnag_contracts_its_lyapunov_function_at_rate_one():
    times, (_, y), value, slope = along(HNAG(mu=0.9, beta=0.3), CONVEX, (1.5, -1.0), 8.0)
    energy = value + 0.45 * squared(y)
    assert np.all(energy <= np.exp(-times) * energy[0] * (1 + 1e-9))
    rate = np.gradient(energy, times)
    assert np.all(rate[1:-1] <= (-energy - 0.3 * slope**2)[1:-1] + 1e-3 * energy[0])


def test_nag_sc_decreases_at_the_published_rate():
    """Shi et al., Theorem 1: J − J* ≤ 2‖θ₀ − θ*‖²/s · exp(−√μ t/4) for s ≤ 1/L; the Lyapunov function of its proof contracts at √μ/4."""
    root, step = np.sqrt(0.9), 0.05
    times, (theta, y), value, _ = along(HighResolutionNesterov(mu=0.9, s=step), CONVEX, (1.0, -1.0), 12.0)
    velocity = y - np.sqrt(step) * CONVEX.gradient(theta)
    energy = (1 + root * np.sqrt(step)) * value + squared(velocity) / 4 + squared(y + 2 * root * theta) / 4
    assert np.all(np.diff(np.log(energy)) <= -root / 4 * np.diff(times) + 1e-9)
    assert np.all(value <= 2 * 2 / step * np.exp(-root * times / 4))


def test_nag_c_decreases_the_published_lyapunov_function():
    step = 0.04
    times, (theta, y), value, _ = along(HighResolutionConvexNesterov(s=step), CONVEX, (1.0, -1.0), 20.0)
    energy = times * (times + np.sqrt(step) / 2) * value + squared(2 * theta + times[:, None] * y) / 2
    assert np.all(np.diff(energy) <= 1e-9 * energy[0])
    assert np.all(value <= energy[0] / (times * (times + np.sqrt(step) / 2)) * (1 + 1e-9))


def test_rescaled_gradient_flow_on_a_sphere_goes_straight_at_unit_speed():
    found = integrate(RescaledGradientFlow(), Quadratic([2, 2]), (3, 4), 4.5)
    np.testing.assert_allclose(found(np.array([1.0, 4.5])).theta, [[2.4, 3.2], [0.3, 0.4]], rtol=1e-9)


def test_rescaled_gradient_flow_has_the_gradient_flows_paths():
    """On ½(x² + 4y²) they are y = x⁴; from (1, 1) the time to any point is the length of that curve."""
    found = integrate(RescaledGradientFlow(), Quadratic([1, 4]), (1, 1), 1.2)
    x, y = found.theta.T
    np.testing.assert_allclose(y, x**4, rtol=1e-7)
    grid = np.linspace(x[-1], 1, 20001)
    lengths = np.sqrt(1 + (4 * grid**3) ** 2)
    assert np.trapezoid(lengths, grid) == pytest.approx(1.2, rel=1e-6)


def test_rescaled_gradient_flow_rests_where_the_gradient_is_zero():
    flow, ask = RescaledGradientFlow(), oracle(double_well)
    at = np.array([[0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(flow.field(flow.init(at, ask), ask, 0).theta, [[0, 0], [1, 0]])
    run = iterates(NormalizedGradientDescent(gamma=0.5), Quadratic([1, 1]), (1, 0), steps=3)
    np.testing.assert_array_equal(run.theta[:, 0], [1, 0.5, 0, 0])


def test_the_scripts_clock_is_the_viscosity_that_its_iteration_has():
    """An Euler step of length s at iteration k has the damping 2/((k + 1)√s), read off one step with J = 0."""
    step = 0.01
    euler = explicit_euler(VanishingDIN)(alpha0=2, beta=0.1, clock="script", s=step, gamma=step)
    flat = oracle(Landscape(lambda x: 0 * x, name="flat"))
    state = euler.init(np.array([0.0]), flat)._replace(y=np.array([1.0]))
    for k in (0, 3, 200):
        assert (1 - euler.update(state, flat, k).y[0]) / step == pytest.approx(2 / ((k + 1) * np.sqrt(step)))
