"""Definitions against torch.optim's own optimizers, step by step on a function that is not quadratic."""

from __future__ import annotations

from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from torch import optim

import dynopt
from dynopt.core.oracle import FunctionOracle
from dynopt.errors import Misuse
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

START = torch.tensor([1.5, -0.7, 0.3], dtype=torch.float64)


def objective(x):
    return ((x * x - 1) ** 2).sum(-1) / 4 + x[..., 0] * torch.sin(x[..., 1] * x[..., 2])


def slope(x):
    leaf = x.detach().clone().requires_grad_(True)
    return torch.autograd.grad(objective(leaf).sum(), leaf)[0]


def of_torch(make, steps):
    theta = START.clone().requires_grad_(True)
    optimizer = make([theta])
    for _ in range(steps):
        yield theta.detach().clone()
        optimizer.zero_grad()
        objective(theta).backward()
        optimizer.step()


SAME = {
    "heavy_ball_velocity(gamma=0.05, momentum=0.9)": partial(optim.SGD, lr=0.05, momentum=0.9),
    "heavy_ball_velocity(gamma=0.05, momentum=0.9, dampening=0.4, first=torch)": partial(optim.SGD, lr=0.05, momentum=0.9, dampening=0.4),
    "nesterov_velocity(gamma=0.05, momentum=0.9)": partial(optim.SGD, lr=0.05, momentum=0.9, nesterov=True),
    "adam(gamma=0.05)": partial(optim.Adam, lr=0.05),
    "adam(gamma=0.05, beta1=0.7, beta2=0.9, epsilon=0.01)": partial(optim.AdamW, lr=0.05, betas=(0.7, 0.9), eps=0.01, weight_decay=0),
    "rmsprop(gamma=0.05, beta=0.9, epsilon=0.001)": partial(optim.RMSprop, lr=0.05, alpha=0.9, eps=0.001),
    "rmsprop_centred(gamma=0.02, epsilon=0.01)": partial(optim.RMSprop, lr=0.02, alpha=0.99, eps=0.01, centered=True),
    "adagrad(gamma=0.3)": partial(optim.Adagrad, lr=0.3),
    "adagrad(gamma=0.3/(1+k*0.1), epsilon=0.01, initial=0.1)": partial(
        optim.Adagrad, lr=0.3, lr_decay=0.1, initial_accumulator_value=0.1, eps=0.01
    ),
}


@pytest.mark.parametrize("call", SAME)
def test_torch_takes_the_same_steps(call):
    ours = [state.theta for state in islice(dynopt.method(call).numeric().states(START, FunctionOracle(objective, slope)), 51)]
    gaps = [float((a - b).abs().max()) for a, b in zip(ours, of_torch(SAME[call], 51), strict=True)]
    assert max(gaps) < 1e-12
    assert float((ours[-1] - START).abs().max()) > 0.1


def test_dampening_from_the_first_step_on_is_another_method():
    oracle = FunctionOracle(objective, slope)
    steps = [
        next(islice(dynopt.method(f"heavy_ball_velocity(gamma=0.1, momentum=0.5, dampening=0.75, first={first})").numeric()
                    .states(START, oracle), 1, None)).theta - START
        for first in ("dampened", "torch")
    ]  # fmt: skip
    assert torch.allclose(4 * steps[0], steps[1], rtol=1e-14)


def test_the_first_step_changes_the_start_and_not_the_mode_matrix():
    plain, torchs = (state_space(symbolic(f"heavy_ball_velocity(first={first})")) for first in ("dampened", "torch"))
    assert plain.mode_matrix == torchs.mode_matrix
    assert [str(e) for e in plain.start], [str(e) for e in torchs.start] == (["1", "0"], ["1", "dampening*lamda/momentum"])


def test_torch_without_momentum_has_no_dampening():
    with pytest.raises(Misuse, match="use gd"):
        dynopt.method("heavy_ball_velocity(gamma=0.1, momentum=0, dampening=0.5, first=torch)")
    dynopt.method("heavy_ball_velocity(gamma=0.1, momentum=0)")


def test_nesterov_velocity_is_nesterov_at_the_extrapolated_point():
    oracle = FunctionOracle(objective, slope)
    shifted, plain = (
        [s.theta for s in islice(dynopt.method(f"{name}(gamma=0.05, momentum=0.8)").numeric().states(START, oracle), 30)]
        for name in ("nesterov_velocity", "nesterov")
    )
    for k in range(1, 30):
        ahead = plain[k] + 0.8 * (plain[k] - plain[k - 1])
        np.testing.assert_allclose(shifted[k], ahead, rtol=0, atol=1e-13)
