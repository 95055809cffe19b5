"""Element-wise non-linear and normalised optimizers: kind, rule, constants. torch is the oracle of the recurrences."""

from __future__ import annotations

import pytest
import torch

from dynopt import audit
from dynopt.auditor.fit import decay_of, first_step
from dynopt.auditor.torch_box import TorchBox

TORCH = {
    "Adam(lr=0.002, betas=(0.8, 0.95), eps=1e-6)": ("adam", {"lr": 2e-3, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6}),
    "Adam(weight_decay=0.1, amsgrad=True)": ("amsgrad", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}),
    "AdamW(lr=0.02)": ("adam", {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01}),
    "RMSprop(alpha=0.9, centered=True, momentum=0.8)": ("rmsprop", {"lr": 0.01, "beta2": 0.9, "eps": 1e-8, "momentum": 0.8}),
    "Adagrad(lr=0.1, lr_decay=0.2)": ("adagrad", {"lr": 0.1, "eps": 1e-10, "lr_decay": 0.2}),
    "Adadelta(rho=0.8)": ("adadelta", {"lr": 1, "beta2": 0.8, "eps": 1e-6}),
    "Adamax()": ("adamax", {"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
    "NAdam()": ("nadam", {"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "psi": 4e-3}),
    "RAdam(weight_decay=0.1)": ("radam", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}),
    "Rprop(etas=(0.4, 1.3))": ("rprop", {"lr": 0.01, "eta_minus": 0.4, "eta_plus": 1.3}),
}


@pytest.mark.parametrize("call", TORCH)
def test_torch_optimizers(call):
    rule, constants = TORCH[call]
    found = audit(f"torch.optim:{call}")
    assert (found.verdict, found.kind, found.linear) == ("recovered", "element-wise", False)
    assert found.ok
    assert found.formula["rule"] == rule
    assert found.formula["constants"] == pytest.approx(constants, rel=1e-9)
    assert ("decoupled" in found.formula["decay"]) == call.startswith("AdamW")


class Unknown(torch.optim.Optimizer):
    """θ ← θ − γ tanh(g): no rule of the library."""

    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            p.sub_(torch.tanh(p.grad), alpha=self.param_groups[0]["lr"])


def test_an_unknown_rule_is_said_to_be_unknown():
    found = audit(Unknown)
    assert (found.verdict, found.kind, found.equivalent_to) == ("cannot tell", "element-wise", None)
    assert "none of the known rules" in found.reason


def test_closed_forms():
    """γg/(√(g²) + ε) turns at ε, γg/√((1 − α)g² + …) at ε/√(1 − α); a decoupled decay shrinks by γw, a coupled one acts as w."""
    adam = TorchBox(lambda p: torch.optim.Adam(p, lr=0.01, eps=1e-5, weight_decay=0.3), "adam")
    first = first_step(adam)
    assert (first.form, first.limit, first.turn) == ("outside", pytest.approx(0.01, rel=1e-12), pytest.approx(1e-5, rel=1e-9))
    decay = decay_of(adam, first)
    assert (decay.kind, decay.weight) == ("coupled", pytest.approx(0.3, rel=1e-6))
    rms = TorchBox(lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.99, eps=1e-5), "rmsprop")
    assert (first_step(rms).limit, first_step(rms).turn) == (pytest.approx(0.1, rel=1e-9), pytest.approx(1e-4, rel=1e-9))
    adamw = TorchBox(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.3), "adamw")
    assert (decay_of(adamw, first).kind, decay_of(adamw, first).weight) == ("decoupled", pytest.approx(0.003, rel=1e-12))


class Scaled(torch.optim.Optimizer):
    """The gradient scaled by its norm, over everything or over each tensor, with momentum before or after."""

    def __init__(self, parameters, lr=0.1, how="normalised", scope="global", momentum=0.0, average=0.0):
        super().__init__(parameters, {"lr": lr})
        self.how, self.scope, self.momentum, self.average = how, scope, momentum, average
        self.v, self.m = {}, {}

    @torch.no_grad()
    def step(self):
        parameters, lr = self.param_groups[0]["params"], self.param_groups[0]["lr"]
        for p in parameters:
            self.m[p] = self.average * self.m.get(p, 0) + (1 - self.average) * p.grad
        total = torch.cat([self.m[p].ravel() for p in parameters]).norm()
        for p in parameters:
            r = total if self.scope == "global" else self.m[p].norm()
            factor = {"normalised": 1 / r if r > 0 else 0, "clipped": min(1.0, 2 / max(r, 1e-300)), "damped": 1 / (3 * r + 1)}[self.how]
            self.v[p] = self.momentum * self.v.get(p, 0) + factor * self.m[p]
            p.sub_(self.v[p], alpha=lr)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ({}, {"scaling": "normalised", "scope": "global", "level": 0.0, "momentum": 0.0}),
        ({"scope": "tensor"}, {"scaling": "normalised", "scope": "tensor"}),
        ({"momentum": 0.9}, {"scaling": "normalised", "order": "gradient", "momentum": 0.9}),
        ({"average": 0.9}, {"scaling": "normalised", "order": "average", "momentum": 0.9}),
        ({"how": "clipped", "momentum": 0.5}, {"scaling": "clipped", "level": 2.0, "momentum": 0.5}),
        ({"how": "damped"}, {"scaling": "damped", "level": 3.0}),
    ],
    ids=str,
)
def test_norms(values, form):
    found = audit(Scaled, param=values)
    assert found.kind == ("per-tensor norm" if values.get("scope") == "tensor" else "global norm")
    assert all(found.formula[k] == (pytest.approx(v) if isinstance(v, float) else v) for k, v in form.items())
    assert found.formula["lr"] == pytest.approx(0.1)


def test_ascent_is_said():
    found = audit("torch.optim:Adam(lr=0.01, maximize=True)")
    assert found.formula["constants"]["lr"] == pytest.approx(-0.01)
    assert "it maximises" in found.conventions[0]


def test_what_is_not_a_map_of_one_gradient():
    for place, part in {
        "torch.optim:LBFGS": "gradients an iteration",
        "torch.optim:SparseAdam": "does not support dense gradients",
        "torch.optim:Adafactor": "trust ratio",
    }.items():
        found = audit(place)
        assert (found.verdict, found.ok) == ("cannot tell", False)
        assert part in found.reason
