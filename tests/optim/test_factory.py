"""What the optimizers share: groups, closures, refusals; and that the public check sees damage."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import dynopt
from dynopt import optim
from dynopt.errors import Misuse
from dynopt.optim.carrier import Numbers, ParameterList
from dynopt.optim.factory import couples
from dynopt.testing import check_optimizer

A = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, -0.25], [0.0, -0.25, 0.5]], dtype=torch.float64)


def leaves():
    return [
        torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64)),
        torch.nn.Parameter(torch.tensor([[0.5]], dtype=torch.float64)),
    ]


def run(made, params, steps=5, objective=lambda z: z @ A @ z / 2):
    def closure():
        made.zero_grad()
        loss = objective(torch.cat([p.reshape(-1) for p in params]))
        loss.backward()
        return loss

    for _ in range(steps):
        made.step(closure)
    return torch.cat([p.detach().reshape(-1) for p in params])


def test_groups_with_step_sizes_of_their_own():
    x, y = leaves()
    made = optim.INNA([{"params": [x], "lr": 0.1, "beta": 0.2}, {"params": [y]}], lr=0.02, weight_decay=0.1)
    both = run(made, [x, y], objective=lambda z: (z**4).sum() / 4)
    u, v = leaves()
    one = run(optim.INNA([u], lr=0.1, beta=0.2, weight_decay=0.1), [u], objective=lambda z: (z**4).sum() / 4)
    two = run(optim.INNA([v], lr=0.02, weight_decay=0.1), [v], objective=lambda z: (z**4).sum() / 4)
    assert torch.equal(both, torch.cat([one, two]))


def test_a_global_norm_runs_over_all_groups():
    x, y = leaves()
    made = optim.NormalizedGradientDescent([{"params": [x]}, {"params": [y], "lr": 0.25}], lr=0.5)
    g = A @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    expected = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) - torch.tensor([0.5, 0.5, 0.25], dtype=torch.float64) * g / g.norm()
    assert torch.allclose(run(made, [x, y], 1), expected, atol=1e-15)


def test_which_definitions_couple_the_coordinates():
    assert couples(dynopt.method("normalized_gd(gamma=1)").__class__, ())
    assert not couples(dynopt.INNA, (("start", "thesis"),))


def test_a_parameter_that_joins_late():
    x, y = leaves()
    made = optim.HeavyBall([x, y], lr=0.1, momentum=0.5)
    run(made, [x], 3, lambda z: (z**2).sum())
    run(made, [x, y], 2, lambda z: (z**2).sum())
    (u, v), (alone_u, alone_v) = leaves(), leaves()
    run(optim.HeavyBall([alone_u], lr=0.1, momentum=0.5), [alone_u], 5, lambda z: (z**2).sum())
    run(optim.HeavyBall([alone_v], lr=0.1, momentum=0.5), [alone_v], 2, lambda z: (z**2).sum())
    assert torch.equal(x, alone_u)
    assert torch.equal(y, alone_v)
    made = optim.NormalizedGradientDescent([u, v], lr=0.1)
    run(made, [u], 3, lambda z: (z**2).sum())
    before = [u.detach().clone(), v.detach().clone()]
    with pytest.raises(Misuse, match="some have done 0 steps and others 3"):
        run(made, [u, v], 1)
    assert torch.equal(u, before[0])
    assert torch.equal(v, before[1])


class TestClosures:
    def test_a_closure_that_draws_a_new_batch_is_refused(self):
        params = leaves()
        made = optim.FrozenStepTuned(params, lr=0.1)
        draws = iter(range(100))
        with pytest.raises(Misuse, match="must use the same mini-batch"):
            run(made, params, 1, lambda z: (1 + next(draws)) * (z * z).sum())
        assert [p.tolist() for p in params] == [p.tolist() for p in leaves()]
        assert not made.state_dict()["state"]
        made = optim.FrozenStepTuned(params, lr=0.001, check_closure=False)
        run(made, params, 1, lambda z: (1 + next(draws)) * (z * z).sum())

    def test_it_is_looked_at_once(self):
        params, calls = leaves(), []
        made = optim.FrozenStepTuned(params, lr=0.1)
        run(made, params, 4, lambda z: calls.append(1) or (z * z).sum())
        assert len(calls) == 2 * 4 + 1

    def test_it_is_asked_for(self):
        params = leaves()
        made = optim.Nesterov(params, lr=0.1, momentum=0.9)
        for p in params:
            p.grad = torch.ones_like(p)
        with pytest.raises(Misuse, match=r"call step\(closure\)"):
            made.step()
        assert [p.tolist() for p in params] == [p.tolist() for p in leaves()]

    def test_it_returns_the_loss(self):
        params = leaves()
        made = optim.Nesterov(params, lr=0.1, momentum=0.9)
        with pytest.raises(Misuse, match="let it return the loss"):
            made.step(lambda: sum((p * p).sum() for p in params).backward())

    def test_where_it_fails_the_parameters_are_back(self):
        params, calls = leaves(), []

        def objective(z):
            calls.append(z.detach().clone())
            if len(calls) == 3:
                raise RuntimeError("out of data")
            return z @ A @ z / 2

        with pytest.raises(RuntimeError, match="out of data"):
            run(optim.FrozenStepTuned(params, lr=0.1), params, 1, objective)
        assert not torch.equal(calls[2], calls[0])
        assert [p.tolist() for p in params] == [p.tolist() for p in leaves()]

    def test_gradients_kept_by_a_state_survive_zeroing_in_place(self):
        """A closure that zeroes gradients in place must not change what the state keeps of them."""

        class Keeps(dynopt.Algorithm):
            """θ⁺ = θ − γ(2g − g₋)."""

            gamma: dynopt.Scalar = dynopt.number("(0, oo)", "step-size")

            def init(self, theta0, oracle):
                from dynopt.algorithms.heavy_ball import Moving

                return Moving(theta0, oracle.gradient(theta0))

            def update(self, state, oracle, k):
                g = oracle.gradient(state.theta)
                return type(state)(state.theta - self.gamma * (2 * g - state.velocity), g)

        def steps(set_to_none):
            params = leaves()
            made = optim.optimizer(Keeps)(params, lr=0.1)
            for _ in range(4):
                made.zero_grad(set_to_none=set_to_none)
                z = torch.cat([p.reshape(-1) for p in params])
                (z @ A @ z / 2).backward()
                made.step()
            return torch.cat([p.detach().reshape(-1) for p in params])

        assert torch.equal(steps(True), steps(False))


def test_values_of_the_objective_that_is_minimised():
    """Under maximize the sign is turned, and coupled weight decay adds w|theta|^2/2, here and at every other point."""
    from dynopt.optim.asked import StepOracle

    x = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    (-(x * x).sum()).backward()

    def closure():
        loss = -(x * x).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        theta = ParameterList([x])
        asked = StepOracle(
            "a method",
            theta,
            loss=torch.tensor(-5.0),
            closure=closure,
            full=None,
            variation=None,
            sign=-1.0,
            coupled=0.5,
            seed=0,
            k=0,
            check=True,
        )
        there = ParameterList([torch.tensor([3.0, 0.0])])
        assert [float(asked.value(theta)), float(asked.value(there))] == [5 + 0.25 * 5, 9 + 0.25 * 9]
        assert asked.gradient(there).tensors[0].tolist() == [6 + 1.5, 0]
        asked.restore()
    assert x.tolist() == [1.0, -2.0]


def test_the_first_gradient_survives_the_second_call():
    """Step-Tuned SGD compares both gradients; a closure that zeroes in place must not overwrite the first."""

    def run_with(set_to_none):
        params = leaves()
        made = optim.StepTunedSGD(params, lr=0.1)

        def closure():
            made.zero_grad(set_to_none=set_to_none)
            z = torch.cat([p.reshape(-1) for p in params])
            loss = z @ A @ z / 2 + (z**4).sum()
            loss.backward()
            return loss

        for _ in range(4):
            made.step(closure)
        return torch.cat([p.detach().reshape(-1) for p in params])

    assert torch.equal(run_with(True), run_with(False))


def test_sentences():
    params = leaves()
    with pytest.raises(Misuse, match=r"inna: lr=-0.1 is outside \(0, oo\)"):
        optim.INNA(params, lr=-0.1)
    with pytest.raises(Misuse, match="inna needs lr"):
        optim.INNA(params)
    with pytest.raises(Misuse, match="the step-size of an optimizer is lr"):
        optim.INNA(params, gamma=0.1)
    with pytest.raises(Misuse, match="did you mean alpha"):
        optim.INNA(params, lr=0.1, alfa=0.1)
    with pytest.raises(Misuse, match="not below beta"):
        optim.FrozenINNAprop(params, lr=0.9, beta=0.5)
    with pytest.raises(Misuse, match="options hold for all groups"):
        optim.INNA([{"params": [params[0]], "start": "keras"}, {"params": [params[1]]}], lr=0.1)
    table = torch.nn.Embedding(3, 2, sparse=True)
    made = optim.INNA(table.parameters(), lr=0.1)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(Misuse, match="use sparse=False"):
        made.step()


def test_a_law_between_parameters_holds_in_every_step():
    params = leaves()
    made = optim.FrozenINNAprop(params, lr=0.1, beta=0.5)
    run(made, params, 2)
    before, state = [p.detach().clone() for p in params], copy.deepcopy(made.state_dict()["state"])
    made.param_groups[0]["lr"] = 0.6
    with pytest.raises(Misuse, match=r"lr=0\.6 is not below beta=0\.5"):
        run(made, params, 1)
    assert all(torch.equal(p, b) for p, b in zip(params, before, strict=True))
    assert all(torch.equal(state[i]["psi"], made.state_dict()["state"][i]["psi"]) for i in state)
    made.param_groups[0]["lr"] = 0.0  # a scheduler may end there
    run(made, params, 1)


def test_momentum_may_be_cycled_and_scheduled():
    params = leaves()
    made = optim.HeavyBall(params, lr=0.1, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(made, 0.1, total_steps=6)
    seen = []
    for _ in range(5):
        run(made, params, 1)
        scheduler.step()
        seen.append(made.param_groups[0]["momentum"])
    assert len(set(seen)) > 2
    first, second = leaves(), leaves()
    run(optim.HeavyBall(first, lr=0.1, momentum=lambda k: 0.0 if k == 0 else 0.5), first, 3)
    run(optim.HeavyBall(second, lr=0.1, momentum=0.5), second, 3)
    assert torch.equal(first[0], second[0])  # at rest the first step has no momentum to use


def test_pickle_and_repr():
    made = optim.INNA(leaves(), lr=0.1)
    assert type(pickle.loads(pickle.dumps(made))) is optim.INNA
    assert "lr: 0.1" in repr(made)
    assert "alpha : viscous damping" in optim.INNA.__doc__


def test_numbers_for_each_tensor():
    x = ParameterList([torch.tensor([1.0, 2.0]), torch.tensor([3.0])])
    scale = Numbers([2.0, 3.0])
    assert [t.tolist() for t in (1 - 1 / scale) * x] == [[0.5, 1.0], [2.0]]
    assert [t.tolist() for t in x - scale] == [[-1.0, 0.0], [0.0]]
    assert [t.tolist() for t in scale - x] == [[1.0, 0.0], [0.0]]
    assert (2**scale).values == [4.0, 8.0]
    assert dynopt.minimum(scale, 2.5).values == [2.0, 2.5]
    assert dynopt.where(scale > 2.5, 1.0, 0.0).values == [0.0, 1.0]
    assert dynopt.sqrt(Numbers([4.0])).values == [2.0]


class Sgd(torch.optim.Optimizer):
    """Gradient descent by hand, with one thing wrong at a time."""

    wrong = ""

    def __init__(self, params, lr, maximize=False):
        self.first, self.memory = lr, {}
        super().__init__(params, {"lr": lr, "maximize": maximize})

    def step(self, closure=None):
        with torch.enable_grad():
            loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                lr = self.first if self.wrong == "ignores lr" else group["lr"]
                lr = lr if self.wrong != "one group" or group is self.param_groups[0] else 2 * lr
                for p in group["params"]:
                    g = torch.ones_like(p) if p.grad is None else p.grad
                    if p.grad is None and self.wrong != "moves what has no gradient":
                        continue
                    sign = -1 if group["maximize"] and self.wrong != "does not ascend" else 1
                    store = self.memory if self.wrong == "hides its state" else self.state[p]
                    key = p if self.wrong == "hides its state" else "m"
                    kind = torch.float64 if self.wrong == "wide state" else p.dtype
                    store[key] = store.get(key, torch.zeros_like(p, dtype=kind)) / 2 + sign * g
                    p -= (lr * store[key]).to(p.dtype)
        return loss


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("", ""), ("ignores lr", "does not use the lr"), ("one group", "two groups"), ("moves what has no gradient", "without a gradient"),
        ("does not ascend", "maximizing"), ("hides its state", "resumed from its state_dict"), ("wide state", "state m"),
    ],
)  # fmt: skip
def test_the_check_sees_what_is_wrong(wrong, sentence):
    kind = type("Sgd", (Sgd,), {"wrong": wrong})
    if not wrong:
        return check_optimizer(kind)
    with pytest.raises(AssertionError, match=sentence):
        check_optimizer(kind)


class Damaged:
    """Ways to break an optimizer that is made of a definition."""

    @staticmethod
    def swaps(kind):
        return lambda self, *a: kind._write(self, a[0], a[1]._replace(psi=a[1].theta), *a[2:])

    @staticmethod
    def forgets(kind):
        return lambda self, method, theta, oracle: method.init(theta, oracle)


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("_write", Damaged.swaps, "differ by"),
        ("_state", Damaged.forgets, "differ"),
        ("_finite", lambda kind: lambda self, params: True, "NaN"),
        ("_still_valid", lambda kind: lambda self, group: None, "negative lr set by a scheduler"),
    ],
)
def test_the_check_sees_a_damaged_definition_carrier(name, make, sentence):
    kind = type("INNA", (optim.INNA,), {name: make(optim.INNA)})
    with pytest.raises(AssertionError, match=sentence):
        check_optimizer(kind)
