"""Linear optimizers recovered exactly, against recurrences derived by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from dynopt import audit
from dynopt.auditor.box import MethodBox, Probe, script
from dynopt.auditor.gains import gains
from dynopt.auditor.linear import nice, recurrence, responses, time_invariant
from dynopt.auditor.torch_box import TorchBox
from dynopt.core.registry import method


def sgd(**values) -> TorchBox:
    return TorchBox(lambda p: torch.optim.SGD(p, **values), "sgd")


def test_torch_sgd_by_hand():
    """v ← mv + g + wθ, θ ← θ − γv is θ_{k+2} = (1 + m − γw)θ_{k+1} − mθ_k − γg_{k+1}; with nesterov the direction is g + mv."""
    g, m, w = Fraction(1, 10), Fraction(9, 10), Fraction(1, 100)
    plain = recurrence(responses(sgd(lr=0.1, momentum=0.9, weight_decay=0.01)))
    assert plain is not None
    assert (plain.a, plain.b, plain.exact) == ((-(1 + m - g * w), m), (-g, 0), True)
    assert plain.start == (1, -m)
    assert not plain.first_is_special
    assert not plain.start_is_special
    look_ahead = recurrence(responses(sgd(lr=0.1, momentum=0.9, nesterov=True)))
    assert look_ahead is not None
    assert (look_ahead.a, look_ahead.b) == ((-(1 + m), m), (-g * (1 + m), g * m))
    damped = recurrence(responses(sgd(lr=0.1, momentum=0.9, dampening=0.5)))
    assert damped is not None
    assert (damped.a, damped.b, damped.first) == ((-(1 + m), m), (-g / 2, 0), (-g, 0))
    assert damped.first_is_special


def test_coefficients_that_are_no_short_decimals():
    """Correct to 1e-12 all the same, and the root at one, which every method without decay has, is exact."""
    lr, m = np.pi / 31, np.exp(-0.0123)
    found = recurrence(responses(sgd(lr=lr, momentum=m)))
    assert found is not None
    np.testing.assert_allclose([float(x) for x in (*found.a, *found.b)], [-(1 + m), m, -lr, 0], rtol=0, atol=1e-12)
    assert not found.exact
    assert sum(found.a) == -1
    assert audit(torch.optim.SGD, param={"lr": lr, "momentum": m}).equivalent_to.startswith("heavy_ball_velocity(gamma=0.10134")


def test_order_three():
    """The sum of two velocities: 1/(z − 1) times the mean of z/(z − m₁) and z/(z − m₂)."""
    found = recurrence(responses(MethodBox(method("aggregated_momentum(gamma=1/10, momentum1=1/2, momentum2=9/10)"))))
    assert found is not None
    one, two = Fraction(1, 2), Fraction(9, 10)
    poles = np.poly([1, float(one), float(two)])
    np.testing.assert_allclose([float(x) for x in found.a], poles[1:], atol=1e-12)
    assert found.b == (Fraction(-1, 10), (one + two) / 20, 0)


def test_the_state_space_runs_as_the_optimizer_does():
    found = audit("torch.optim:SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)")
    A, B, start = (np.array([[float(Fraction(e)) for e in row] for row in found.state_space[k]]) for k in ("A", "B", "start"))
    rows = np.random.default_rng(0).normal(size=(50, 1))
    path = sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01).play(Probe(np.ones(1), script(rows), 50)).theta[:, 0]
    state = start[:, 0]
    for k, g in enumerate(rows[:, 0]):
        assert abs(state[0] - path[k]) < 1e-12
        state = A @ state + B[:, 0] * g


@pytest.mark.parametrize(
    ("values", "upper"),
    [
        ("lr=0.1", 2 / 0.1),
        ("lr=0.1, momentum=0.9", 2 * 1.9 / 0.1),
        ("lr=0.1, momentum=0.9, nesterov=True", 2 * 1.9 / (0.1 * 2.8)),
    ],
)
def test_stable_eigenvalues(values, upper):
    """Heavy ball 2(1 + m)/γ, Nesterov 2(1 + m)/(γ(1 + 2m)): textbook edges of stability."""
    found = audit(f"torch.optim:SGD({values})")
    assert [(i.lower_float, pytest.approx(i.upper_float, rel=1e-12)) for i in found.stable] == [(0, upper)]


def test_conventions():
    said = {v: " ".join(audit(f"torch.optim:SGD({v})").conventions) for v in (
        "lr=0.1, momentum=0.9", "lr=0.1, momentum=0.9, nesterov=True", "lr=0.1, momentum=0.9, dampening=0.75", "lr=0.1, maximize=True",
    )}  # fmt: skip
    plain, look_ahead, damped, up = said.values()
    assert plain.startswith("velocity form")
    assert "shifted iterate" in look_ahead
    assert "4 times as strongly" in damped
    assert "dampening 0.75" in damped
    assert "it maximises" in up
    coupled = audit("torch.optim:SGD(lr=0.1, momentum=0.9, weight_decay=0.01)")
    assert "coupled weight decay 1/100" in coupled.conventions
    assert coupled.equivalent_to == "heavy_ball_velocity(gamma=1/10, momentum=9/10), coupled weight decay 1/100"
    assert "position form" in " ".join(audit("heavy_ball(gamma=0.1, momentum=0.9)").conventions)
    assert "another start than inna" in " ".join(audit("inna(gamma=0.02, start=pytorch)").conventions)


@pytest.mark.parametrize(
    ("schedule", "law"),
    [
        ("0.1/(k+1)**2", "(k+1)^(-2)"),
        ("0.1*(9/10)**k", "0.9^k"),
        ("0.1/(1+k/4)", "(1 + 0.25 k)^(-1)"),
        ("0.1+0.01*k", "(1 + 0.1 k)^(1)"),
        ("0.1+0.01*k**2", ""),
    ],
)
def test_laws_of_decaying_steps(schedule, law):
    box = MethodBox(method(f"gd(gamma={schedule})"))
    assert not time_invariant(responses(box))
    assert gains(box).law == law


def test_asgd_is_time_varying():
    """torch's ASGD: η_k = lr/(1 + λ lr k)^(3/4), kept in single precision."""
    found = audit("torch.optim:ASGD(lr=0.1, lambd=0.1)")
    assert (found.kind, found.linear, found.state_space) == ("linear, time-varying", True, None)
    assert found.gains["single_precision"]
    np.testing.assert_allclose(found.gains["gains"], [-0.1 / (1 + 0.01 * k) ** 0.75 for k in range(8)], rtol=2e-7)


def test_nice_does_not_invent_decimals():
    assert nice(0.1 + 3e-17, 1e-16) == Fraction(1, 10)
    assert nice(2 / 7, 1e-15) == Fraction(2, 7)
    assert nice(np.pi, 1e-12) is None
    assert nice(1e-17, 1e-16) == 0
