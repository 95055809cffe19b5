"""matches, differs, cannot tell: where, and why."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import dynopt
from dynopt import Misuse, audit
from dynopt.auditor.box import MethodBox, Probe, script
from dynopt.auditor.compare import compare
from dynopt.optim import OPTIMIZERS


class Step(torch.optim.Optimizer):
    """θ ← θ − 0.1 times what ``direction`` makes of the gradient."""

    def __init__(self, parameters, direction="plain"):
        super().__init__(parameters, {"lr": 0.1})
        self.direction, self.kept, self.calls = direction, {}, 0

    @torch.no_grad()
    def step(self, closure=None):
        self.calls += 1
        if self.direction == "closure":
            with torch.enable_grad():
                closure()
        for p in self.param_groups[0]["params"]:
            g = p.grad
            if self.direction == "random":
                g = g + torch.randn_like(g)
            elif self.direction == "raises" and self.calls == 3:
                raise RuntimeError("broken\nbadly")
            elif self.direction == "nan" and self.calls == 3:
                g = g * float("nan")
            elif self.direction == "alias":
                g, self.kept[p] = self.kept.get(p, torch.zeros_like(g)), p.grad
            elif self.direction == "two":
                p.sub_(g, alpha=0.05)
            p.sub_(g, alpha=0.1)
        if self.direction == "twice":
            with torch.enable_grad():
                closure()
            for p in self.param_groups[0]["params"]:
                p.sub_(p.grad, alpha=0.1)


def test_a_closure_is_given_where_it_is_needed():
    found = audit(Step, param={"direction": "closure"}, against="gd(gamma=0.1)")
    assert (found.verdict, found.equivalent_to) == ("matches", "gd(gamma=1/10)")


@pytest.mark.parametrize(
    ("direction", "part"),
    [("random", "random numbers"), ("raises", "RuntimeError: broken badly"), ("nan", "not finite in iteration 2")],
)
def test_cannot_tell(direction, part):
    for against in (None, "gd(gamma=0.1)"):
        found = audit(Step, param={"direction": direction}, against=against)
        assert found.verdict == "cannot tell"
        assert part in found.reason


def test_a_kept_reference_to_the_gradient_is_seen():
    """On fresh memory it is the delayed gradient step; where gradients are overwritten in place it is another map."""
    delayed = audit(Step, param={"direction": "alias"})
    assert any("keeps a reference to p.grad" in n for n in delayed.notes)
    assert (delayed.kind, delayed.order) == ("linear", 2)


def test_two_gradients_in_one_iteration_are_not_two_iterations():
    class Twice(Step):
        def step(self, closure):
            for _ in range(2):
                closure()
                with torch.no_grad():
                    for p in self.param_groups[0]["params"]:
                        p.sub_(p.grad, alpha=0.1)

    found = audit(Twice, against="gd(gamma=0.1)")
    assert found.verdict == "cannot tell"
    assert "mini-batch" in found.reason
    assert audit(Twice, against="step_tuned_frozen(gamma=0.1)").verdict == "matches"


def test_a_point_asked_twice_is_one_question():
    class Again(Step):
        def step(self, closure):
            closure()
            closure()
            with torch.no_grad():
                for p in self.param_groups[0]["params"]:
                    p.sub_(p.grad, alpha=0.1)

    found = audit(Again, against="gd(gamma=0.1)")
    assert (found.verdict, found.kind) == ("matches", "linear")
    start, rows = np.ones(2), np.ones((5, 2))
    for call in ("inna(gamma=0.02)", "semi_implicit_din(gamma=0.02)"):
        trace = MethodBox(dynopt.method(call)).play(Probe(start, script(rows), 5))
        assert len(np.unique(np.column_stack([trace.moments, trace.asked]), axis=0)) == len(trace.asked), call


def test_iterates_decide_where_one_asks_more_often():
    """dynopt.optim.Nesterov asks at θ for the loss, too."""
    found = audit("dynopt.optim:Nesterov(lr=0.02, momentum=0.7)", against="nesterov(gamma=0.02, momentum=0.6)")
    assert (found.verdict, found.differs_at["iteration"]) == ("differs", 2)


def test_where_linear_maps_differ():
    found = audit("torch.optim:SGD(lr=0.1, momentum=0.8)", against="heavy_ball(gamma=0.1, momentum=0.9)")
    where = found.differs_at
    assert (where["coefficient"], where["value"], where["expected"], where["iteration"]) == ("momentum", "4/5", "9/10", 2)
    assert where["iterate"] != where["iterate_expected"]
    same = audit("torch.optim:SGD(lr=0.1, momentum=0.9)", against="nesterov")
    assert same.verdict == "differs", "the closest parameters of a method that it is not"
    sought = audit("torch.optim:SGD(lr=0.1, momentum=0.9, nesterov=True)", against="nesterov(gamma=0.1)")
    assert (sought.verdict, sought.against) == ("matches", "nesterov(gamma=1/10, momentum=9/10)")


def test_where_adam_differs():
    found = audit("torch.optim:Adam(eps=1e-7)", against="torch.optim:Adam")
    assert (found.verdict, found.differs_at["coefficient"], found.differs_at["iteration"]) == ("differs", "eps", 1)
    assert audit("torch.optim:Adam", against="torch.optim:Adam(foreach=True)").verdict == "matches"


def test_every_linear_method_is_itself():
    """Every registered method against itself under `compare`: a box is equal to its own definition, and to no neighbour."""
    from dynopt.auditor.matching import linear_methods

    names = linear_methods()
    assert {"gd", "heavy_ball", "nesterov", "inna", "qhm"} <= set(names)
    boxes = []
    for name in names:
        cls = dynopt.core.registry.method_class(name)
        given = {"gamma": 0.02, "momentum": 0.7, "momentum1": 0.5, "momentum2": 0.9, "nu": 0.6, "extrapolation": 0.3}
        boxes.append(MethodBox(cls.make(**{p.name: given[p.name] for p in cls.parameters() if p.required})))
    assert [compare(b, b).verdict for b in boxes] == ["matches"] * len(boxes)
    assert all(compare(boxes[0], b).verdict == "differs" for b in boxes[1:])


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: audit("torch.optim:SGDD"), "did you mean SGD?"),
        (lambda: audit("nomodule:SGD"), "cannot be imported"),
        (lambda: audit("torch.optim:"), "module:Class"),
        (lambda: audit("nofile.py:SGD"), "no file"),
        (lambda: audit("torch.optim:SGD(lr=-1)"), "Invalid learning rate"),
        (lambda: audit("torch.optim:SGD", param="lr=0.1, momentm=0.9"), "did you mean momentum?"),
        (lambda: audit("torch.optim:SGD", param="lr"), "key=value"),
        (lambda: audit("torch.optim:SGD(lr=0.1"), "closing bracket"),
        (lambda: audit("torch.optim:lr_scheduler"), "not an optimizer class"),
        (lambda: audit("torch.optim:SGD", against="gradient_flow"), "is a flow"),
        (lambda: audit("torch.optim:SGD", against="gdd(gamma=0.1)"), "did you mean gd?"),
        (lambda: audit("torch.optim:Adam", against="gd"), "needs gamma"),
    ],
)
def test_misuse(call, part):
    with pytest.raises(Misuse, match=re.escape(part)) as caught:
        call()
    assert "\n" not in str(caught.value)


REQUIRED = {"gamma": 0.02, "momentum": 0.7, "momentum1": 0.5, "momentum2": 0.9, "nu": 0.6, "extrapolation": 0.3, "length": 4, "size": 1}
UNTOLD = {
    "PerturbedGradientDescent": "random numbers of its own",
    "SaddleNGD": "random numbers of its own",
    "ExpectedGV": "asks for E[H_S g_S]",
}


def against_its_definition(name: str, call: str):
    """``dynopt.optim:name`` against the definition that it is made of, required parameters alone."""
    given = {p.name: REQUIRED[p.name] for p in dynopt.core.registry.method_class(call).parameters() if p.required}
    inside = ", ".join(f"{k}={v}" for k, v in given.items())
    return audit(f"dynopt.optim:{name}", param={("lr" if k == "gamma" else k): v for k, v in given.items()}, against=f"{call}({inside})")


@pytest.mark.parametrize("name", ["Nesterov", "INNAprop", "StepTunedSGD"])
def test_an_optimizer_of_dynopt_is_its_definition(name):
    assert against_its_definition(name, OPTIMIZERS[name]).verdict == "matches"


@pytest.mark.slow
def test_every_optimizer_of_dynopt_is_its_definition():
    """All are classified; all match, but those that draw random numbers or ask for more than a closure can say."""
    for name, call in OPTIMIZERS.items():
        found = against_its_definition(name, call)
        assert found.verdict == ("cannot tell" if name in UNTOLD else "matches"), (name, found.reason)
        assert UNTOLD.get(name, "") in found.reason
        assert found.kind != "unknown" or name in UNTOLD
