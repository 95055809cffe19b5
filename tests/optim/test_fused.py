"""Fused steps: the phases, the numbers of the carrier and of torch, memory orders, groups, resuming, refusals."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch

import dynopt
from dynopt import optim
from dynopt.core.registry import method_class
from dynopt.core.state import Position
from dynopt.ensemble.trace import Untraceable
from dynopt.optim.fused import GRAIN, Steps, program
from dynopt.testing import check_optimizer
from tests.optim.test_optimizers import RECORDS

SHAPES = [(3, 5), (7,), (), (11, 2, 3), (0,), (1, 64)]
UNTRACED = {"armijo": "value", "perturbed_gd": "random", "saddle_ngd": "random", "spider_sfo": "k % period",
            "exact_gv": "full gradient", "expected_gv": "expected variation",
            "s_sngd": "alpha is counted", "s_sgd": "alpha is counted"}  # fmt: skip


class Task:
    """A quartic in tensors of several shapes."""

    def __init__(self, name, shapes=SHAPES, dtype=torch.float64, make=None, **options):
        torch.manual_seed(3)
        self.leaves = [torch.nn.Parameter(torch.randn(s, dtype=dtype)) for s in shapes]
        self.curvature = [torch.rand_like(p) for p in self.leaves]
        self.sign = -1 if options.get("maximize") else 1
        self.made = (make or optim.optimizer(name))(self.leaves, **{"lr": 1 / 64, **options})

    def closure(self):
        self.made.zero_grad()
        loss = sum((c * p * p / 2 + p**4 / 8).sum() for c, p in zip(self.curvature, self.leaves, strict=True))
        (self.sign * loss).backward()
        return loss

    def run(self, steps=6):
        for _ in range(steps):
            self.made.step(self.closure)
        return torch.cat([p.detach().reshape(-1) for p in self.leaves])


def fused_in(task):
    """Whether the fused step really ran."""
    return task.made._fused is not None and task.made._fused._told == ""


def gap(x, y):
    return float(((x - y).abs() / x.abs().max()).max())


def phases(name):
    return [(p.reads, p.writes, len(p.sums), p.asks) for p in program(method_class(name)).plan.phases]


def test_an_element_wise_method_is_one_pass_over_what_it_must_touch():
    assert phases("inna") == [(("theta", "psi", "g0"), ("theta", "psi"), 0, "")]
    assert phases("adam") == [(("theta", "mean", "square", "g0"), ("theta", "mean", "square"), 0, "")]
    assert phases("semi_implicit_din") == phases("inna")  # its second gradient is not used, and not asked


def test_sums_and_closures_end_a_pass():
    assert phases("sngd") == [(("g0",), (), 1, ""), (("theta", "g0"), ("theta",), 0, "")]
    assert phases("step_tuned_sgd") == [
        (("theta", "g0"), ("theta", "kept0"), 1, "g1"),
        (("average", "g0", "g1", "theta"), ("theta", "average"), 1, ""),
    ]


class EveryOther(dynopt.Algorithm):
    """A gradient at another point only in every second iteration."""

    gamma: dynopt.Scalar = dynopt.number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        return Position(state.theta - dynopt.where(k % 2 == 0, lambda: self.gamma, lambda: self.gamma / 2) * oracle.gradient(state.theta))


class ThreePoints(dynopt.Algorithm):
    """Three gradients, and the start and a point before the last are needed at the end."""

    gamma: dynopt.Scalar = dynopt.number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        theta = state.theta
        first = oracle.gradient(theta)
        middle = theta - self.gamma * first * first
        second = oracle.gradient(middle)
        end = theta - self.gamma * dynopt.minimum(second, 1 / (1 + dynopt.inner(first, second)))
        return Position(dynopt.sqrt(theta * theta + middle * middle) / 2 - self.gamma * dynopt.maximum(oracle.gradient(end), first))


def test_methods_without_a_fixed_text_say_why():
    for name, why in UNTRACED.items():
        with pytest.raises(Untraceable, match=why):
            program(method_class(name))
    task = Task(None, make=optim.optimizer(EveryOther), fused=True)
    with pytest.warns(UserWarning, match="everyother has no fused step.*it runs without"):
        task.run(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        found = task.run()
    other = Task(None, make=optim.optimizer(EveryOther))
    other.run(1)
    assert torch.equal(found, other.run())


@pytest.mark.parametrize(
    ("name", "options", "dtype", "tolerance"),
    [
        ("innaprop", {"maximize": True, "weight_decay": 0.125, "decoupled_weight_decay": True}, torch.float64, 4e-15),
        ("barzilai_borwein", {"weight_decay": 0.125}, torch.float64, 4e-15),
        ("inna", {}, torch.float32, 2e-6),
        ("step_tuned_sgd", {}, torch.float32, 2e-6),
    ],
)
def test_the_numbers_of_the_carrier(name, options, dtype, tolerance):
    task = Task(name, dtype=dtype, fused=True, **options)
    assert gap(Task(name, dtype=dtype, **options).run(), task.run()) <= tolerance
    assert fused_in(task)
    assert all(p.grad_fn is None and p._version > 0 for p in task.leaves)  # autograd knows that they have changed


def test_a_method_that_keeps_several_points():
    made = optim.optimizer(ThreePoints)
    assert set(program(ThreePoints).plan.kept) == {"kept0", "kept1"}
    one, two = Task(None, make=made, fused=True, check_closure=False), Task(None, make=made, check_closure=False)
    assert gap(two.run(), one.run()) <= 4e-15
    assert fused_in(one)


def test_the_numbers_of_torch():
    options = {"lr": 1 / 64, "weight_decay": 0.125}
    one, two = Task("adam", fused=True, **options), Task(None, make=torch.optim.Adam, **options)
    assert gap(two.run(), one.run()) <= 4e-15
    assert fused_in(one)


def test_the_contract_of_torch_optimizers():
    check_optimizer("heavy_ball_velocity", momentum=0.9, fused=True)


def test_every_memory_order():
    def images(**options):
        task = Task("heavy_ball_velocity", [(4, 3, 5, 2), (6, 6)], momentum=0.9, **options)
        task.leaves[0].data = task.leaves[0].data.to(memory_format=torch.channels_last)
        task.leaves[1].data = task.leaves[1].data.t()
        return task

    one, two = images(fused=True), images()
    one.run(2), two.run(2)
    for task in (one, two):
        task.leaves[1].data = task.leaves[1].data.t().contiguous()  # the same memory in another order
        task.leaves[0].grad = torch.ones_like(task.leaves[0]).contiguous()
        task.made.step()
    assert gap(two.run(), one.run()) <= 4e-15
    assert fused_in(one)


def test_tensors_without_a_fused_step_take_the_usual_one():
    for dtype, why in ((torch.bfloat16, "bfloat16 on cpu"), (torch.float64, "view with gaps")):
        one, two = (Task("heavy_ball_velocity", [(6, 6)], dtype, momentum=0.9, fused=f) for f in (True, False))
        if dtype == torch.float64:
            one.leaves[0].data = torch.zeros(6, 12, dtype=dtype)[:, ::2].copy_(one.leaves[0].data)
        with pytest.warns(UserWarning, match=why):
            found = one.run()
        assert gap(two.run().double(), found.double()) <= 1e-15


def test_parameters_that_become_others_without_a_fused_step():
    task = Task("gd", [(6, 6)], fused=True)
    task.run(2)
    for held in (task.leaves, task.curvature):
        held[0].data = held[0].data.bfloat16()
    with pytest.warns(UserWarning, match="bfloat16 on cpu"):
        task.run(1)


def test_whatever_is_replaced_between_steps_is_seen():
    def task(fused):
        found = Task("heavy_ball_velocity", momentum=0.9, fused=fused)
        late, later = (torch.nn.Parameter(torch.full((4,), v, dtype=torch.float64)) for v in (1.0, 2.0))
        found.run(3)
        found.made.param_groups[0]["lr"] = 1 / 32
        found.run(1)
        for state in found.made.state.values():
            state["velocity"] = torch.ones_like(state["velocity"])
        found.run(1)
        for state in found.made.state.values():
            state["step"] = torch.tensor(0.0)
        found.run(1)
        found.leaves[0].data = found.leaves[0].data.clone()
        found.run(1)
        for more in (
            (lambda: found.made.param_groups[0]["params"].append(late)),
            (lambda: found.made.add_param_group({"params": [later]})),
        ):
            more()
            found.leaves.append(late if len(found.leaves) == len(SHAPES) else later)
            found.curvature.append(torch.ones_like(late))
            found.run(1)
        found.made.load_state_dict(copy.deepcopy(found.made.state_dict()))
        found.run(2)
        found.curvature = [c.float() for c in found.curvature]
        for p in found.leaves:
            p.data = p.data.float()  # as module.float() does; the state stays in double precision
        return found

    one, two = task(True), task(False)
    assert gap(two.run(2), one.run(2)) <= 1e-6
    assert fused_in(one)
    assert int(one.made.state[one.leaves[0]]["step"]) == 8


def test_groups_of_their_own_need_one_pass():
    task = Task("step_tuned_sgd", fused=True)
    late = torch.nn.Parameter(torch.ones(4, dtype=torch.float64))
    task.made.add_param_group({"params": [late], "lr": 0.25})
    task.leaves.append(late)
    task.curvature.append(torch.ones_like(late))
    with pytest.warns(UserWarning, match="several passes"):
        task.run(1)


def test_a_closure_that_fails_leaves_everything_as_it_was():
    task = Task("step_tuned_sgd", dtype=torch.float32, fused=True)
    task.run(2)
    before = copy.deepcopy([[p.detach() for p in task.leaves], task.made.state_dict()["state"]])
    calls = iter([None, RuntimeError("the data are gone")])

    def failing():
        loss, error = task.closure(), next(calls)
        if error:
            raise error
        return loss

    with pytest.raises(RuntimeError, match="gone"):
        task.made.step(failing)
    assert str(before) == str([[p.detach() for p in task.leaves], task.made.state_dict()["state"]])


def test_what_has_no_finite_gradient_stays():
    task = Task("heavy_ball_velocity", [(2, 3)], momentum=0.9, fused=True)
    task.run(2)
    before, velocity = task.leaves[0].detach().clone(), task.made.state[task.leaves[0]]["velocity"].clone()
    for bad in ("nan", "inf"):
        task.closure()
        task.leaves[0].grad[0, 1] = float(bad)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            task.made.step()
        assert [("step 2" in str(w.message)) for w in caught] == ([True] if bad == "nan" else [])
    held = torch.zeros(2, 3, dtype=torch.bool)
    held[0, 1] = True
    for now, then in ((task.leaves[0], before), (task.made.state[task.leaves[0]]["velocity"], velocity)):
        assert torch.equal(now == then, held)


def test_a_step_that_cannot_be_tuned_is_not_taken():
    """Step-Tuned SGD sees a gradient that is not finite in its first half-step (at once) or in its second (where it is)."""
    for visit in (1, 2):
        task = Task("step_tuned_sgd", [(2, 3)], fused=True, check_closure=False)
        task.run(2)
        leaf = task.leaves[0]
        before, state = leaf.detach().clone(), copy.deepcopy(task.made.state[leaf])
        calls = iter(range(1, 9))

        def closure(task=task, leaf=leaf, calls=calls, visit=visit):
            loss = task.closure()
            if next(calls) == visit:
                leaf.grad[0, 1] = float("nan")
            return loss

        with pytest.warns(UserWarning, match="step 2"):
            task.made.step(closure)
        assert leaf[0, 1] == before[0, 1]
        assert all(torch.equal(task.made.state[leaf][n], state[n]) for n in ("step", "gain"))
        assert torch.equal(leaf, before) == (visit == 1)
        assert torch.isfinite(leaf).all()


def test_threads_change_no_number():
    found = []
    for threads in (1, 3):
        torch.manual_seed(0)
        theta, velocity, slope = (torch.randn(GRAIN + 5, dtype=torch.float64) for _ in range(3))
        more = [torch.randn(2 * GRAIN + 77, dtype=torch.float64) for _ in range(3)]
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            values = {"gamma": 0.1, "momentum": 0.9, "dampening": 0.0}
            steps = Steps(program(method_class("heavy_ball_velocity")))
            expected = [t - 0.1 * (0.9 * v + g) for t, v, g in ((theta, velocity, slope), more)]
            slopes = [slope, more[2]]
            assert steps.step([theta, more[0]], {"velocity": [velocity, more[1]]}, lambda name, held=slopes: held, values, 0)
        finally:
            torch.set_num_threads(before)
        found.append([theta, more[0]])
        assert all(gap(a, b) < 1e-15 for a, b in zip(expected, found[-1], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("record", [r for r in RECORDS if r.name not in UNTRACED], ids=lambda r: r.name)
def test_every_definition_that_can_be_traced(record):
    options = {**record.parameters, **({"output": "last"} if "output" in record.parameters else {})}
    task = Task(record.name, fused=True, **options)
    assert gap(Task(record.name, **options).run(), task.run()) <= 1e-14
    assert fused_in(task)
