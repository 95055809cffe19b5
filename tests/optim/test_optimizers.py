"""One record per optimizer; the public check makes the suite from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

import dynopt
from dynopt import optim
from dynopt.core.registry import method_class
from dynopt.testing import check_optimizer


@dataclass(frozen=True)
class Record:
    """An optimizer, parameters to try it with, and torch's own form of it where there is one."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    torch: tuple[Any, dict[str, Any]] | None = None


RECORDS = [
    Record("gd", {}, (torch.optim.SGD, {})),
    Record("heavy_ball", {"momentum": 0.9}, (torch.optim.SGD, {"momentum": 0.9})),
    Record("heavy_ball_velocity", {"momentum": 0.9}, (torch.optim.SGD, {"momentum": 0.9})),
    Record("nesterov", {"momentum": 0.9}),
    Record("normalized_gd"),
    Record("inna", {"alpha": 0.5, "beta": 0.1}),
    Record("semi_implicit_din"),
    Record("midpoint_din"),
    Record("qhm", {"momentum": 0.9, "nu": 0.7}),
    Record("triple_momentum", {"momentum": 0.5, "extrapolation": 0.25}),
    Record("aggregated_momentum", {"momentum1": 0.5, "momentum2": 0.9}),
    Record("innaprop_frozen"),
    Record("innaprop"),
    Record("nesterov_velocity", {"momentum": 0.9}, (torch.optim.SGD, {"momentum": 0.9, "nesterov": True})),
    Record("barzilai_borwein"),
    Record("armijo"),
    Record("adagrad", {}, (torch.optim.Adagrad, {})),
    Record("rmsprop", {}, (torch.optim.RMSprop, {})),
    Record("rmsprop_centred", {}, (torch.optim.RMSprop, {"centered": True})),
    Record("adam", {}, (torch.optim.Adam, {})),
    Record("damped_gd"),
    Record("perturbed_gd"),
    Record("step_tuned_sgd"),
    Record("stochastic_gv"),
    Record("exact_gv"),
    Record("expected_gv"),
    Record("sngd", {"output": "random"}),
    Record("s_sngd", {"length": 0.1, "output": "random"}),
    Record("s_sgd", {"length": 0.1}),
    Record("saddle_ngd", {"size": 0.01, "every": 3}),
    Record("spider_sfo", {"every": 3}),
    Record("step_tuned_frozen"),
]
SAME = [r for r in RECORDS if r.torch]


def test_every_algorithm_has_a_record():
    assert {r.name for r in RECORDS} == set(optim.OPTIMIZERS.values())
    assert all(issubclass(method_class(n), dynopt.Algorithm) for n in optim.OPTIMIZERS.values())


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_contract(record):
    check_optimizer(record.name, **record.parameters)


def rosenbrock(kind, steps, *, dtype=torch.float64, **options):
    x = torch.nn.Parameter(torch.tensor([[-1.0, 1.5]], dtype=dtype))
    y = torch.nn.Parameter(torch.tensor([0.5], dtype=dtype))
    made = kind([x, y], **options)

    def closure():
        made.zero_grad()
        a, b, c = *x[0], y[0]
        loss = (1 - a) ** 2 + 5 * (b - a * a) ** 2 + 5 * (c - b * b) ** 2
        loss.backward()
        return loss

    for _ in range(steps):
        made.step(closure)
    return torch.cat([x.detach()[0], y.detach()])


@pytest.mark.parametrize("record", SAME, ids=lambda r: r.name)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_equals_torch(record, weight_decay):
    theirs, options = record.torch
    ours = rosenbrock(optim.optimizer(record.name), 60, lr=0.004, weight_decay=weight_decay, **record.parameters)
    expected = rosenbrock(theirs, 60, lr=0.004, weight_decay=weight_decay, **options)
    assert float((ours - expected).abs().max()) < 1e-12


def test_decoupled_weight_decay_is_that_of_adamw():
    ours = rosenbrock(optim.Adam, 60, lr=0.004, weight_decay=0.1, decoupled_weight_decay=True)
    expected = rosenbrock(torch.optim.AdamW, 60, lr=0.004, weight_decay=0.1)
    assert float((ours - expected).abs().max()) < 1e-12
