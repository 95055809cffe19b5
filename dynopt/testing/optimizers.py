"""`check_optimizer`: the contract of a torch optimizer, and that a defined one is its definition."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dynopt.core.oracle import FunctionOracle
from dynopt.core.problem import oracle
from dynopt.core.registry import parse_call
from dynopt.optim.factory import Defined, optimizer
from dynopt.problems.network import Perceptron

STEPS = 6
TOLERANCE = 1e-12

SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "LambdaLR": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda k: 1 / (k + 1)),
    "MultiplicativeLR": lambda o: torch.optim.lr_scheduler.MultiplicativeLR(o, lambda k: 0.9),
    "StepLR": lambda o: torch.optim.lr_scheduler.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 4], 0.5),
    "ConstantLR": lambda o: torch.optim.lr_scheduler.ConstantLR(o, 0.5, 3),
    "LinearLR": lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.5, 1.0, 4),
    "ExponentialLR": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 4),
    "CosineAnnealingLR": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 4),
    "CosineAnnealingWarmRestarts": lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: torch.optim.lr_scheduler.CyclicLR(o, 1e-3, 1e-2, 2, cycle_momentum=False),
    "OneCycleLR": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1e-2, total_steps=8, cycle_momentum=False),
    "ReduceLROnPlateau": lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, patience=0),
    "SequentialLR": lambda o: torch.optim.lr_scheduler.SequentialLR(
        o, [torch.optim.lr_scheduler.ConstantLR(o, 0.5, 2), torch.optim.lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
    "ChainedScheduler": lambda o: torch.optim.lr_scheduler.ChainedScheduler(
        [torch.optim.lr_scheduler.ConstantLR(o, 0.5, 2), torch.optim.lr_scheduler.ExponentialLR(o, 0.9)]
    ),
}


def check_optimizer(kind: str | type[torch.optim.Optimizer], **parameters: Any) -> None:
    """Check that a torch optimizer keeps torch's contract and, if it is made of a definition, that it is that definition.

    For every optimizer: two parameter groups are one, ``maximize`` ascends, the step-size is read in every
    step, all built-in schedulers run, ``state_dict`` and deep copies resume bit for bit, the state has the
    parameters' dtype, nothing stays where no gradient is.  For defined ones also: the iterates are those of
    the definition on a quadratic and on a small network (1e-12 in float64), tensor by tensor has the same
    bits, nothing waits for the device with ``capturable``, weight decay is what it says, and bad input is
    refused with parameters and state as they were.

    Parameters
    ----------
    kind : a class, or the name of a definition (``"inna"``, ``"mine.py:Mine(momentum=0.9)"``).
    parameters : arguments of the constructor; ``lr`` is 1/64 unless given.

    Raises
    ------
    AssertionError : one sentence about the first rule that is broken.

    Examples
    --------
    >>> check_optimizer("heavy_ball", momentum=0.9)
    >>> check_optimizer(torch.optim.SGD, momentum=0.9)
    """
    if isinstance(kind, str):
        call = parse_call(kind)
        kind, parameters = optimizer(call.name), {**call.values, **parameters}
    parameters = {"lr": 1 / 64, **parameters}
    if "gamma" in parameters:
        parameters["lr"] = float(parameters.pop("gamma"))
    checks = [_groups, _reads_lr, _schedulers, _resumes, _dtypes, _without_gradient]
    if "maximize" in _fresh(kind, parameters).defaults:
        checks.append(_maximizes)
    if issubclass(kind, Defined):
        checks += [_is_its_definition, _tensor_by_tensor, _stays_on_the_device, _decays, _refuses]
    for check in checks:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch's remarks on the order of schedulers
            check(kind, parameters)


class _Task:
    """A quartic in two tensors with a saddle at 0: everything that a step may ask for, in torch."""

    def __init__(
        self, kind: Any, parameters: dict[str, Any], *, dtype: torch.dtype = torch.float64, split: bool = False, **changed: Any
    ) -> None:
        start = torch.tensor([0.5, -0.25, 1.0, 0.75, -1.0], dtype=dtype)
        self.leaves = [torch.nn.Parameter(start[:4].clone().reshape(2, 2)), torch.nn.Parameter(start[4:].clone())]
        params: Any = [{"params": [p]} for p in self.leaves] if split else self.leaves
        self.sign = -1.0 if changed.get("maximize") else 1.0
        self.weight = 0.0
        self.optimizer = kind(params, **{**parameters, **changed})
        self.calls = 0

    def objective(self, x: Any) -> Any:
        diagonal = x.new_tensor([-0.5, 1.0, 3.0, 0.25, 2.0])
        return (diagonal * x * x / 2 + x * x * x * x / 8).sum() + x[0] * x[4] / 2 + self.weight * (x * x).sum() / 2

    def loss(self) -> Any:
        return self.sign * self.objective(torch.cat([p.reshape(-1) for p in self.leaves]))

    def closure(self) -> Any:
        self.calls += 1
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        return loss

    def variation(self) -> list[Any]:
        slopes = torch.autograd.grad(self.loss(), self.leaves, create_graph=True)
        return list(torch.autograd.grad(torch.stack([(s * s).sum() / 2 for s in slopes]).sum(), self.leaves))

    def step(self) -> Any:
        more = {"full": self.closure, "variation": self.variation} if isinstance(self.optimizer, Defined) else {}
        return self.optimizer.step(self.closure, **more)

    def run(self, steps: int = STEPS) -> Any:
        for _ in range(steps):
            self.step()
        return self.theta()

    def theta(self) -> Any:
        return torch.cat([p.detach().reshape(-1) for p in self.leaves]).clone()


def _fresh(kind: Any, parameters: dict[str, Any]) -> Any:
    return _Task(kind, parameters).optimizer


def _require(condition: Any, kind: Any, sentence: str) -> None:
    if not condition:
        raise AssertionError(f"{kind.__name__}: {sentence}")


def _gap(x: Any, y: Any) -> float:
    return float((x - y).abs().max())


def _groups(kind: Any, parameters: dict[str, Any]) -> None:
    one, two = _Task(kind, parameters).run(), _Task(kind, parameters, split=True).run()
    _require(torch.isfinite(one).all(), kind, f"a quartic sends the iterates to {one.tolist()} in {STEPS} steps; give a smaller lr")
    _require(_gap(one, _Task(kind, parameters).theta()) > 0, kind, "the parameters do not move")
    _require(_gap(one, two) <= TOLERANCE, kind, f"two groups with the same options differ from one group by {_gap(one, two):.1e}")


def _maximizes(kind: Any, parameters: dict[str, Any]) -> None:
    down, up = _Task(kind, parameters).run(), _Task(kind, parameters, maximize=True).run()
    _require(torch.equal(down, up), kind, f"maximizing -J differs from minimizing J by {_gap(down, up):.1e}")


def _reads_lr(kind: Any, parameters: dict[str, Any]) -> None:
    task, half = _Task(kind, parameters), _Task(kind, {**parameters, "lr": parameters["lr"] / 2})
    task.optimizer.param_groups[0]["lr"] /= 2
    _require(torch.equal(task.run(1), half.run(1)), kind, "the first step does not use the lr that its group has by then")
    task, still = _Task(kind, parameters), _Task(kind, parameters)
    task.run(2), still.run(2)
    task.optimizer.param_groups[0]["lr"] /= 2
    task.run(2), still.run(2)
    _require(_gap(task.theta(), still.theta()) > 0, kind, "a changed lr changes nothing after the first step")


def _schedulers(kind: Any, parameters: dict[str, Any]) -> None:
    for name, make in SCHEDULERS.items():
        task = _Task(kind, parameters)
        scheduler = make(task.optimizer)
        for _ in range(STEPS):
            loss = task.step()
            scheduler.step(loss.detach()) if name == "ReduceLROnPlateau" else scheduler.step()
        _require(torch.isfinite(task.theta()).all(), kind, f"under {name} the iterates are {task.theta().tolist()}")


def _resumes(kind: Any, parameters: dict[str, Any]) -> None:
    whole = _Task(kind, parameters).run(2 * STEPS)
    first, second = _Task(kind, parameters), _Task(kind, parameters)
    first.run()
    file = io.BytesIO()
    torch.save([first.optimizer.state_dict(), [p.detach() for p in first.leaves]], file)
    file.seek(0)
    state, leaves = torch.load(file, weights_only=True)
    second.optimizer.load_state_dict(state)
    for p, saved in zip(second.leaves, leaves, strict=True):
        p.data.copy_(saved)
    _require(torch.equal(second.run(), whole), kind, f"a run resumed from its state_dict differs by {_gap(second.theta(), whole):.1e}")
    first = _Task(kind, parameters)
    first.run()
    twin = copy.deepcopy(first)
    _require(torch.equal(twin.run(), whole), kind, f"a deep copy goes on differently, by {_gap(twin.theta(), whole):.1e}")
    _require(torch.equal(first.run(), whole), kind, "running a deep copy changes the original")


def _dtypes(kind: Any, parameters: dict[str, Any]) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        task = _Task(kind, parameters, dtype=dtype)
        end = task.run(2)
        _require(end.dtype == dtype and torch.isfinite(end).all(), kind, f"{dtype} parameters become {end.tolist()}")
        for p, state in task.optimizer.state.items():
            for name, block in state.items():
                good = not torch.is_tensor(block) or block.dim() == 0 or (block.dtype, block.shape) == (dtype, p.shape)
                _require(good, kind, f"state {name} of a {dtype} parameter is {getattr(block, 'dtype', block)}")


def _without_gradient(kind: Any, parameters: dict[str, Any]) -> None:
    idle = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    task, alone = _Task(kind, parameters), _Task(kind, parameters)
    task.optimizer.add_param_group({"params": [idle]})
    _require(torch.equal(task.run(), alone.run()), kind, "a parameter without a gradient changes the others")
    _require(torch.equal(idle.detach(), torch.ones_like(idle)), kind, "a parameter without a gradient moves")


# Made of a definition ---------------------------------------------------------------------------


def _definition(kind: Any, parameters: dict[str, Any]) -> Any:
    own = {p.name for p in kind.algorithm.parameters()}
    values = {n: v for n, v in parameters.items() if n in own}
    return kind.algorithm.make(**values, **({"gamma": parameters["lr"]} if "gamma" in own else {})).numeric()


def _walk(method: Any, asked: Any, theta0: Any, steps: int) -> Any:
    state = method.at(0).init(theta0, asked.at(0))
    for k in range(steps):
        state = method.at(k).update(state, asked.at(k), k)
    return state[0]


def _is_its_definition(kind: Any, parameters: dict[str, Any]) -> None:
    task, method = _Task(kind, parameters), _definition(kind, parameters)
    start = task.theta()
    for what, objective in (("a quadratic", _quadratic), ("a quartic", task.objective)):
        task = _Task(kind, parameters)
        task.objective = objective  # type: ignore[method-assign]
        asked = FunctionOracle(objective, torch.func.grad(objective), _product(objective))
        landscape, found = _walk(method, asked, start, STEPS), task.run()
        gap = _gap(found, landscape) / max(1.0, float(landscape.abs().max()))
        _require(gap <= TOLERANCE, kind, f"on {what} the optimizer and its definition differ by {gap:.1e} after {STEPS} steps")
    network = Perceptron(inputs=2, hidden=3, samples=20)
    module = copy.deepcopy(network.module)
    flat = np.array(network.start)
    torch.nn.utils.vector_to_parameters(torch.tensor(flat), module.parameters())
    made = kind(module.parameters(), **parameters)

    def closure() -> Any:
        made.zero_grad()
        gap = module(network.inputs) - network.targets
        loss = (gap * gap).sum(-1).mean() / 2
        loss.backward()
        return loss

    def product() -> Any:
        gap = module(network.inputs) - network.targets
        slopes = torch.autograd.grad((gap * gap).sum(-1).mean() / 2, list(module.parameters()), create_graph=True)
        return torch.autograd.grad(torch.stack([(s * s).sum() / 2 for s in slopes]).sum(), list(module.parameters()))

    for _ in range(STEPS):
        made.step(closure, full=closure, variation=product)
    found = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
    landscape = torch.as_tensor(_walk(method, oracle(network), flat, STEPS))
    gap = _gap(found, landscape) / max(1.0, float(landscape.abs().max()))
    _require(gap <= TOLERANCE, kind, f"on a network the optimizer and its definition differ by {gap:.1e} after {STEPS} steps")


def _product(objective: Any) -> Any:
    """x ↦ H(x)∇J(x), the gradient of ‖∇J‖²/2."""
    slope = torch.func.grad(objective)
    return torch.func.grad(lambda y: (slope(y) ** 2).sum() / 2)


def _quadratic(x: Any) -> Any:
    return (x.new_tensor([-0.5, 1.0, 3.0, 0.25, 2.0]) * x * x / 2).sum() + x[0] * x[4] / 2


def _tensor_by_tensor(kind: Any, parameters: dict[str, Any]) -> None:
    together, apart = _Task(kind, parameters, foreach=True).run(), _Task(kind, parameters, foreach=False).run()
    _require(torch.equal(together, apart), kind, f"tensor by tensor the iterates differ by {_gap(together, apart):.1e}")


class _NoWaiting(TorchDispatchMode):
    """Raises where a number of the device is read."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


def _stays_on_the_device(kind: Any, parameters: dict[str, Any]) -> None:
    """The steps on CUDA must not wait; on the CPU the look for finite gradients does, so it is taken out."""
    task, plain = _Task(kind, parameters, capturable=True), _Task(kind, parameters)
    task.optimizer._finite = lambda params: True
    task.optimizer._check = False
    try:
        task.run(1)
        with _NoWaiting():
            task.run(STEPS - 1)
    except AssertionError as error:
        raise AssertionError(f"{kind.__name__}: with capturable=True a step asks for a number of the device ({error})") from None
    except ValueError as error:
        _require("capturable" in str(error), kind, f"with capturable=True a step says {error}")
        return
    gap = _gap(task.theta(), plain.run())
    _require(gap <= 1e-6, kind, f"with capturable=True the iterates differ by {gap:.1e}")


def _decays(kind: Any, parameters: dict[str, Any]) -> None:
    task, sum_ = _Task(kind, parameters, weight_decay=0.125), _Task(kind, parameters)
    sum_.weight = 0.125
    gap = _gap(task.run(), sum_.run())
    _require(gap <= 1e-11, kind, f"coupled weight decay differs from the objective with w|theta|^2/2 by {gap:.1e}")
    task = _Task(kind, parameters, weight_decay=0.125, decoupled_weight_decay=True)
    method, lr = _definition(kind, parameters), parameters["lr"]
    start = task.theta()
    slope = torch.func.grad(task.objective)
    fixed = slope(start)
    first = method.at(0).init(start, FunctionOracle(task.objective, slope, slope))
    shrunk = first[0] * (1 - lr * 0.125)

    def answer(x: Any) -> Any:  # the gradient is that of the point before the decay
        return fixed if x is shrunk or torch.equal(x, start) else slope(x)

    def variation(x: Any) -> Any:
        return _product(task.objective)(start if x is shrunk else x)

    def value(x: Any) -> Any:
        return task.objective(start if x is shrunk else x)

    after = method.at(0).update(first._replace(**{first._fields[0]: shrunk}), FunctionOracle(value, answer, variation), 0)
    gap = _gap(task.run(1), after[0])
    _require(gap <= TOLERANCE, kind, f"decoupled weight decay differs from a decayed start of the step by {gap:.1e}")


@contextmanager
def _refusal(kind: Any, what: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # torch's own refusals are plain ValueErrors
        _require(len(str(error)) > 10, kind, f"{what} is refused without a sentence")
        return
    raise AssertionError(f"{kind.__name__}: {what} is accepted")


def _refuses(kind: Any, parameters: dict[str, Any]) -> None:
    for lr in (0.0, -0.1, float("nan")):
        with _refusal(kind, f"lr={lr}"):
            _Task(kind, {**parameters, "lr": lr})
    with _refusal(kind, "an empty parameter list"):
        kind([], **parameters)
    with _refusal(kind, "a complex parameter"):
        kind([torch.nn.Parameter(torch.zeros(2, dtype=torch.complex64))], **parameters)
    with _refusal(kind, "an unknown parameter"):
        _Task(kind, {**parameters, "no_such_parameter": 1})
    for weight_decay in (-1.0, "much"):
        with _refusal(kind, f"weight_decay={weight_decay!r}"):
            _Task(kind, parameters, weight_decay=weight_decay)
    task = _Task(kind, parameters)
    task.run(2)
    before, state = task.theta(), copy.deepcopy(task.optimizer.state_dict()["state"])
    task.optimizer.param_groups[0]["lr"] = -1.0
    with _refusal(kind, "a negative lr set by a scheduler"):
        task.step()
    task.optimizer.param_groups[0]["lr"] = parameters["lr"]
    said = _said_about_nan(task)
    _require(len(said) == 1 and "not finite" in said[0] and "step 2" in said[0], kind, f"two NaN gradients are said as {said}")
    after = task.optimizer.state_dict()["state"]
    same = torch.equal(task.theta(), before) and all(
        torch.equal(torch.as_tensor(state[i][n]), torch.as_tensor(after[i][n])) for i in state for n in state[i]
    )
    _require(same, kind, "a refused or skipped step changes the parameters or the state")


def _said_about_nan(task: _Task) -> list[str]:
    objective = task.objective
    task.objective = lambda x: objective(x) * float("nan")  # type: ignore[method-assign]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task.run(2)
    task.objective = objective  # type: ignore[method-assign]
    return [str(w.message) for w in caught]
