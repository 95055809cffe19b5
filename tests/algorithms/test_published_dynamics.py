"""Definitions against closed forms, second-order equations, published starts and torch.optim."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch

import dynopt
from dynopt import DIN, INNA, GradientDescent, HeavyBall, HeavyBallFlow, HeavyBallVelocity, Nesterov, NesterovFlow, Quadratic, VanishingDIN
from dynopt.core.problem import oracle
from dynopt.problems.landscapes import double_well

START = np.array([0.4, 1.9])


def iterates(method, problem, count, start=START):
    states = method.numeric().states(start, oracle(problem))
    return [next(states) for _ in range(count)]


def test_gradient_descent_on_a_quadratic_is_a_power():
    spectrum, gamma = np.array([-0.5, 1.0, 10.0]), 0.07
    path = iterates(GradientDescent(gamma=gamma), Quadratic(spectrum=list(spectrum)), 31, np.array([1.0, -2.0, 3.0]))
    np.testing.assert_allclose(path[30].theta, (1 - gamma * spectrum) ** 30 * [1.0, -2.0, 3.0], rtol=1e-12)


class Equation:
    """A scalar path θ(t) with symbolic J, to compare a first-order form with the published second-order equation."""

    def __init__(self):
        self.t = sp.Symbol("t", positive=True)
        self.theta = sp.Function("theta")(self.t)
        self.point = sp.Symbol("x")
        self.objective = sp.Function("J")

    def gradient(self, x):
        return self.objective(self.point).diff(self.point).subs(self.point, x)

    def residual(self, flow, velocity_term, hessian_term):
        """θ'' + (velocity_term)θ' + (hessian_term)∇²J(θ)θ' + ∇J(θ) along the flow, which must vanish."""
        blocks = [sp.Function(f"s{i}")(self.t) for i in range(2)]
        state = type(flow.init(sp.Symbol("x0"), self))(*blocks)
        field = flow.field(state, self, self.t)
        rules = dict(zip([b.diff(self.t) for b in blocks], field, strict=True))
        velocity = field[0]
        acceleration = velocity.diff(self.t).doit().subs(rules)
        hessian = self.gradient(self.point).diff(self.point).subs(self.point, blocks[0])
        total = acceleration + (velocity_term + hessian_term * hessian) * velocity + self.gradient(blocks[0])
        return sp.simplify(total.doit().subs(rules))


a, b = sp.symbols("a b", positive=True)


@pytest.mark.parametrize(
    ("flow", "friction", "newton"),
    [
        (lambda t: DIN(alpha=a, beta=b), lambda t: a, b),
        (lambda t: VanishingDIN(alpha0=a, beta=b), lambda t: a / t, b),
        (lambda t: HeavyBallFlow(alpha=a), lambda t: a, 0),
        (lambda t: NesterovFlow(r=a), lambda t: a / t, 0),
    ],
)
def test_first_order_forms_are_the_published_second_order_equations(flow, friction, newton):
    equation = Equation()
    assert equation.residual(flow(equation.t), friction(equation.t), newton) == 0


@pytest.mark.parametrize(("start", "speed"), [("thesis", 1.0), ("pytorch", 0.3), ("keras", 2.5)])
def test_the_three_published_starts_have_their_initial_velocities(start, speed):
    """−∇J(θ₀), −β∇J(θ₀) and −speed·∇J(θ₀)."""
    flow = DIN(alpha=0.7, beta=0.3, start=start, speed=2.5)
    ask = oracle(double_well)
    velocity = flow.field(flow.init(START, ask), ask, 0.0).theta
    np.testing.assert_allclose(velocity, -speed * double_well.gradient(START), rtol=1e-12)


def test_steady_states_of_din():
    flow, ask = DIN(alpha=0.7, beta=0.3), oracle(double_well)
    for critical in double_well.critical_points():
        theta = np.array([float(v) for v in critical.point])
        state = flow.init(theta, ask)
        np.testing.assert_allclose(state.psi, (1 - 0.7 * 0.3) * theta, atol=1e-12)  # (2.16)
        np.testing.assert_allclose(np.concatenate(flow.field(state, ask, 0.0)), 0, atol=1e-12)


DECREASING = [
    DIN(alpha=2, beta=0.1), HeavyBallFlow(alpha=2), dynopt.GradientFlow(), NesterovFlow(), VanishingDIN(alpha0=2, beta=1.9),
    VanishingDIN(alpha0=2, beta=1.9, clock="script"), dynopt.HighResolutionNesterov(mu=9, s=0.5), dynopt.RescaledGradientFlow(),
    dynopt.HighResolutionHeavyBall(mu=2, s=0.1), dynopt.HNAG(mu=3, beta=2), dynopt.HNAG(mu=1, beta=0.1),
]  # fmt: skip


@pytest.mark.parametrize("flow", DECREASING)
def test_declared_energies_decrease(flow):
    """d/dt of each energy along the field is not positive, by automatic differentiation at random states."""
    generator, ask, numeric = torch.Generator().manual_seed(0), oracle(double_well), flow.numeric()
    kind = type(numeric.init(torch.ones(2), ask))
    state = kind(*(torch.randn(5000, 2, generator=generator, dtype=torch.float64).requires_grad_() for _ in kind._fields))
    field = numeric.field(state, ask, 1.0)
    energies = numeric.energies(state, ask, 1.0)
    assert energies
    for name, energy in energies.items():
        slopes = torch.autograd.grad(energy.sum(), state, retain_graph=True)
        rate = sum((s * v).sum(-1) for s, v in zip(slopes, field, strict=True)).detach()
        assert rate.max() <= 1e-9 * rate.abs().max(), name
        assert rate.min() < 0, name


def test_inna_by_the_thesis_formulas():
    alpha, beta, gamma = 0.5, 0.1, 0.02
    theta, psi = START, (1 - alpha * beta) * START - (beta**2 - beta) * double_well.gradient(START)
    for state in iterates(INNA(alpha=alpha, beta=beta, gamma=gamma), double_well, 50):
        np.testing.assert_allclose(state.theta, theta, rtol=1e-12)
        np.testing.assert_allclose(state.psi, psi, rtol=1e-12)
        common = (1 / beta - alpha) * theta - psi / beta
        theta, psi = theta + gamma * (common - beta * double_well.gradient(theta)), psi + gamma * common  # both from the old pair


def torch_path(count, **options):
    theta = torch.tensor(START, requires_grad=True)
    optimizer = torch.optim.SGD([theta], **options)
    path = []
    for _ in range(count):
        path.append(theta.detach().clone().numpy())
        optimizer.zero_grad()
        (theta[0] ** 4 - 4 * theta[0] ** 2 + theta[1] ** 2).backward()
        optimizer.step()
    return np.array(path)


def test_velocity_form_is_torch_sgd_with_momentum():
    ours = [s.theta for s in iterates(HeavyBallVelocity(gamma=0.02, momentum=0.9), double_well, 60)]
    np.testing.assert_allclose(ours, torch_path(60, lr=0.02, momentum=0.9), rtol=1e-10, atol=1e-12)


def test_position_form_is_the_same_map_for_a_constant_step_only():
    schedule = dynopt.power_decay(0.02, 0.5)
    for gamma, same in ((0.02, True), (schedule, False)):
        position = np.array([s.theta for s in iterates(HeavyBall(gamma=gamma, momentum=0.9), double_well, 40)])
        velocity = np.array([s.theta for s in iterates(HeavyBallVelocity(gamma=gamma, momentum=0.9), double_well, 40)])
        assert np.allclose(position, velocity, rtol=1e-10) is same


def test_torch_nesterov_stores_the_extrapolated_point():
    """torch's iterate is y_k = θ_k + m(θ_k − θ_{k−1}) of Nesterov's method, up to its start: its first step is (1 + m)γg₀.

    With θ₀ = θ₋₁ Nesterov has y₀ = θ₀, and from there y_k is torch's iterate exactly.
    """
    momentum = 0.9
    ours = [s.theta + momentum * (s.theta - s.previous) for s in iterates(Nesterov(gamma=0.02, momentum=momentum), double_well, 60)]
    np.testing.assert_allclose(ours, torch_path(60, lr=0.02, momentum=momentum, nesterov=True), rtol=1e-9, atol=1e-11)
    assert not np.allclose([s.theta for s in iterates(Nesterov(gamma=0.02, momentum=momentum), double_well, 60)], ours)


def test_gradient_descent_is_torch_sgd():
    ours = [s.theta for s in iterates(GradientDescent(gamma=0.02), double_well, 40)]
    np.testing.assert_allclose(ours, torch_path(40, lr=0.02), rtol=1e-12)
