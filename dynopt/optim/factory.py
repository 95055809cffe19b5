"""Torch optimizers made of definitions: the text that is proved is the text that trains."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import FunctionOracle
from dynopt.core.parameter import is_schedule
from dynopt.core.registry import method_class
from dynopt.errors import Misuse, closest
from dynopt.optim.asked import Closure, StepOracle
from dynopt.optim.carrier import Numbers, ParameterList
from dynopt.optim.form import form, instance

if TYPE_CHECKING:
    from dynopt.optim.inplace import InPlace


class Defined(torch.optim.Optimizer):
    """A `torch.optim.Optimizer` whose step is the update of a definition; made by `optimizer`.

    Parameters
    ----------
    params : tensors, named tensors or parameter groups, as for every torch optimizer.
    lr : the definition's step-size ``gamma``; read in every step, so that schedulers work.
    weight_decay : w ≥ 0.  Coupled, it adds w‖θ‖²/2 to the objective (w·θ to every gradient).
    decoupled_weight_decay : multiply θ by 1 − lr·w before the update instead, as AdamW does.
    maximize : ascend.
    foreach : arithmetic on the whole list at once (default) or tensor by tensor: the same bits.
    fused : one compiled pass over memory per tensor, where the definition can be traced; where it cannot, and for
        tensors without such a pass, a warning says why once and the step is the usual one.
    capturable : the iteration count stays on the device and state is updated in place, for CUDA graphs.
    seed : of what the definition draws itself; that of step k depends on (seed, k) alone.
    check_closure : in the first step of a method that calls its closure several times, call it twice at
        one point and refuse one that draws a new mini-batch.

    ``step(closure)`` evaluates the closure once at θ, as torch does, and again wherever the definition
    asks for a gradient elsewhere; without such questions a step needs no closure.  A step that fails
    leaves parameters and state as they were.  Gradients that are not finite are said once, with the
    step, which is skipped (on the CPU; on other devices looking would stop the device).
    """

    algorithm: ClassVar[type[Algorithm]]
    _fused: InPlace

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = None,
        *,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        fused: bool = False,
        seed: int = 0,
        check_closure: bool = True,
        **parameters: Any,
    ) -> None:
        known = {p.name: p for p in self.algorithm.parameters()}
        for name in parameters:
            if name == "gamma" or name not in known:
                remedy = "the step-size of an optimizer is lr" if name == "gamma" else closest(name, [n for n in known if n != "gamma"])
                raise Misuse(f"{self.algorithm.name} has no parameter {name!r}; {remedy}")
        defaults = {"lr": lr} if "gamma" in known else {}
        for p in known.values():
            if p.name != "gamma":
                value = parameters.get(p.name, p.default)
                defaults[p.name] = value if p.domain is None or value is None or is_schedule(value) else float(value)
            elif lr is None and p.default is not None:
                defaults["lr"] = float(p.default)
        self._seed, self._check, self._told, self._valid = seed, check_closure, False, set()  # type: ignore[var-annotated]
        switches = {
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "fused": fused,
        }
        super().__init__(params, {**defaults, "weight_decay": weight_decay, **switches})

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for name, value in {"_seed": 0, "_check": True, "_told": False, "_valid": set()}.items():
            self.__dict__.setdefault(name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_seed": self._seed, "_check": self._check, "_told": self._told}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own; refused with a sentence before anything changes."""
        if isinstance(param_group, dict):
            self._admit({**self.defaults, **param_group})
            for p in self.algorithm.parameters():
                if p.domain is not None and p.name != "gamma" and p.name in param_group and not is_schedule(param_group[p.name]):
                    param_group[p.name] = float(param_group[p.name])
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self._fits(p)

    def _fits(self, p: torch.Tensor) -> None:
        name = self.algorithm.name
        sentence = ""
        if p.is_complex():
            sentence = f"{name}: a parameter of shape {tuple(p.shape)} is complex; optimize torch.view_as_real(parameter)"
        elif type(p).__name__ in ("DTensor", "FlatParameter") and self._couples():
            sentence = (
                f"{name} uses a norm over all parameters, which a sharded parameter ({type(p).__name__}) would make a norm over a shard"
            )
        if sentence:
            del self.param_groups[-1]
            raise Misuse(sentence)

    def _couples(self) -> bool:
        kind: Any = self.algorithm
        return couples(kind, tuple((p.name, self.defaults[p.name]) for p in self.algorithm.parameters() if p.domain is None))

    def _admit(self, group: dict[str, Any], *, running: bool = False) -> None:
        """Check the options of one group; in a running optimizer a scheduler may set lr to 0."""
        name = self.algorithm.name
        values = {p.name: group[p.name] for p in self.algorithm.parameters() if p.name != "gamma"}
        if "lr" in group:
            lr = group["lr"]
            if lr is None:
                raise Misuse(f"{name} needs lr (step-size); give a positive number, as in {type(self).__name__}(params, lr=0.1)")
            if is_schedule(lr):
                raise Misuse(f"{name}: lr={lr!r} is a function; give a number and a torch scheduler such as LambdaLR")
            values["gamma"] = float(lr) or (2.0**-1000 if running else 0.0)
        try:
            self.algorithm.make(**{n: v for n, v in values.items() if v is not None})
        except Misuse as error:
            raise Misuse(str(error).replace("gamma", "lr")) from None
        if not (isinstance(group["weight_decay"], (int, float)) and group["weight_decay"] >= 0):
            raise Misuse(f"{name}: weight_decay={group['weight_decay']} is outside [0, oo); give a number inside that interval")
        for other in [*self.param_groups, self.defaults]:
            for p in self.algorithm.parameters():
                if p.domain is None and group[p.name] != other[p.name]:
                    raise Misuse(
                        f"{name}: {p.name}={group[p.name]!r} in one group and {other[p.name]!r} in another; options hold for all groups"
                    )

    @torch.no_grad()
    def step(
        self,
        closure: Closure | None = None,
        *,
        full: Closure | None = None,
        variation: Callable[[], Sequence[torch.Tensor]] | None = None,
    ) -> Any:
        """One update of all parameters that have a gradient.

        Parameters
        ----------
        closure : clears the gradients, computes the loss of this step's mini-batch, calls ``backward()``,
            returns the loss.  Called at θ first, and at every other point that the definition asks about.
        full : the same for the whole objective, for methods that ask for its gradient.
        variation : returns E[H_S g_S] at the current parameters, a tensor for each (Expected-GV).

        Returns
        -------
        The loss of the first call of ``closure``, or None.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if "_fused" in self.__dict__ and self._fused.again():
            return loss
        leaves = [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]
        if not leaves:
            return loss
        for group in self.param_groups:
            self._still_valid(group)
        for p, _ in leaves:
            if p.grad is not None and p.grad.layout != torch.strided:
                raise Misuse(
                    f"{self.algorithm.name}: the gradient of a parameter of shape {tuple(p.shape)} is sparse; use sparse=False in its layer"
                )
        in_place = self._in_place(leaves)
        if in_place is None and not self._finite([p for p, _ in leaves]):
            return loss
        parts = self._by_iteration(leaves)
        if len(parts) > 1 and self._couples():
            raise Misuse(
                f"{self.algorithm.name} uses a norm over all parameters, but some have done {min(parts)} steps and others {max(parts)}; "
                "give every parameter a gradient in every step, or make a new optimizer"
            )
        for k, part in parts.items():
            if in_place is None:
                self._advance(part, k, loss, closure, full, variation)
            else:
                in_place.step(part, k, loss, closure)
        return loss

    def _in_place(self, leaves: list[Any]) -> InPlace | None:
        """What makes fused steps of these leaves; None where the carrier has to."""
        if not all(group["fused"] for group in self.param_groups):
            return None
        from dynopt.optim.inplace import InPlace

        if "_fused" not in self.__dict__:
            self._fused = InPlace(self)
        return self._fused if self._fused.can(leaves) else None

    def _still_valid(self, group: dict[str, Any]) -> None:
        key = tuple(v for n, v in group.items() if n != "params" and isinstance(v, (int, float, str)))
        if key not in self._valid and not isinstance(group.get("lr"), torch.Tensor):
            self._admit(group, running=True)
            self._valid = {*list(self._valid)[-15:], key}

    def _finite(self, params: Sequence[torch.Tensor]) -> bool:
        if any(p.device.type != "cpu" for p in params):
            return True
        slopes = [p.grad for p in params if p.grad is not None and p.grad.numel()]  # an empty tensor has no largest element
        sizes = [n.double() for n in torch._foreach_norm(slopes, float("inf"))] if slopes else []
        if not sizes or bool(torch.isfinite(torch.stack(sizes)).all()):
            return True
        self._tell(params, None, "this step and others like it are skipped (said once)")
        return False

    def _tell(self, params: Sequence[torch.Tensor], k: Any, what: str) -> None:
        if self._told:
            return
        self._told = True
        worst = next((p for p in params if p.grad is not None and not torch.isfinite(p.grad).all()), params[0])
        k = int(self.state.get(worst, {}).get("step", 0)) if k is None else k
        sentence = f"in step {k} the gradient of a parameter of shape {tuple(worst.shape)} is not finite; {what}"
        warnings.warn(f"{self.algorithm.name}: {sentence}", stacklevel=5)

    def _by_iteration(self, leaves: list[Any]) -> dict[Any, list[Any]]:
        """The leaves by the number of steps that they have done; on the device the counts are not looked at."""
        if any(group["capturable"] for _, group in leaves):
            return {self.state.get(leaves[0][0], {}).get("step", 0): leaves}
        seen: dict[int, int] = {}
        parts: dict[Any, list[Any]] = {}
        for leaf in leaves:
            count = self.state.get(leaf[0], {}).get("step")
            k = 0 if count is None else seen.get(id(count))
            if k is None:
                k = seen[id(count)] = int(count)
            parts.setdefault(k, []).append(leaf)
        return parts

    def _advance(self, leaves: list[Any], k: Any, loss: Any, closure: Any, full: Any, variation: Any) -> None:
        params, groups = [p for p, _ in leaves], [g for _, g in leaves]
        theta, method, oracle = self._setting(leaves, k, loss, closure, full, variation)
        decoupled = _shared([g["weight_decay"] if g["decoupled_weight_decay"] else 0.0 for g in groups])
        try:
            state = self._state(method, theta, oracle)
            if not (isinstance(decoupled, float) and decoupled == 0.0):
                state = state._replace(**{state._fields[0]: (1.0 - method.gamma * decoupled) * theta})
                oracle.also_at(state[0])
            after = method.update(state, oracle, k)
        except BaseException:
            oracle.restore()
            raise
        self._check = oracle.check
        self._write(params, after, k, groups[0]["capturable"])

    def _setting(self, leaves: list[Any], k: Any, loss: Any, closure: Any, full: Any = None, variation: Any = None) -> Any:
        """θ, the definition with this step's values, and the oracle of this step."""
        params, groups = [p for p, _ in leaves], [g for _, g in leaves]
        theta = ParameterList(params, foreach=groups[0]["foreach"] is not False)
        method = self.algorithm.unchecked(
            **{p.name: _shared([_at(g["lr" if p.name == "gamma" else p.name], k) for g in groups]) for p in self.algorithm.parameters()}
        )
        coupled = _shared([0.0 if g["decoupled_weight_decay"] else g["weight_decay"] for g in groups])
        sign = _shared([-1.0 if g["maximize"] else 1.0 for g in groups])
        oracle = StepOracle(
            self.algorithm.name, theta, loss=loss, closure=closure, full=full, variation=variation,
            sign=None if sign == 1.0 else sign, coupled=None if coupled == 0.0 else coupled, seed=self._seed, k=k, check=self._check,
        )  # fmt: skip
        return theta, method, oracle

    def _state(self, method: Algorithm, theta: ParameterList, oracle: StepOracle) -> Any:
        params = oracle.params
        first = self.state.get(params[0])
        kind, numbers = self._form(method)
        if not first:
            return method.init(theta, oracle)
        blocks = [
            first[name] if name in numbers else ParameterList([self.state[p][name] for p in params], foreach=theta.foreach)
            for name in kind._fields[1:]
        ]
        return kind(theta, *blocks)

    def _form(self, method: Algorithm) -> tuple[Any, frozenset[str]]:
        """The type of the state and the names of its blocks that are one number for all parameters."""
        options = {p.name: getattr(method, p.name) for p in method.parameters() if p.domain is None}
        kind: Any = self.algorithm
        return form(kind, tuple(options.items()))

    def _write(self, params: list[torch.Tensor], after: Any, k: Any, capturable: bool) -> None:
        owned = {id(p) for p in params} | {id(p.grad) for p in params}
        for name, block in zip(after._fields[1:], after[1:], strict=True):
            for i, p in enumerate(params):
                new = block if isinstance(block, torch.Tensor) else block.tensors[i]
                if isinstance(block, ParameterList):
                    new = new.to(p.dtype)
                    if id(new) in owned:
                        new = new.clone()
                    owned.add(id(new))
                kept = self.state[p].get(name) if capturable else None
                if kept is None:
                    self.state[p][name] = new
                elif kept is not new:
                    kept.copy_(new)
        torch._foreach_copy_(params, [t.to(p.dtype) for t, p in zip(after[0].tensors, params, strict=True)])
        if capturable:
            for p in params:
                self.state[p].setdefault("step", torch.zeros((), device=p.device)).add_(1)
            return
        done = torch.tensor(float(k + 1))
        for p in params:
            self.state[p]["step"] = done


def _at(value: Any, k: Any) -> Any:
    return value(k) if is_schedule(value) else value


def _shared(values: list[Any]) -> Any:
    """One value for all leaves where they agree, `Numbers` otherwise."""
    first = values[0]
    if all(v is first for v in values):
        return first
    if not any(isinstance(v, torch.Tensor) for v in values) and all(v == first for v in values):
        return first
    return Numbers(values)


@functools.cache
def couples(algorithm: Any, options: tuple[tuple[str, str], ...]) -> bool:
    """Whether an update mixes the coordinates (a norm, an inner product), seen on two coordinates of symbols."""
    import sympy as sp

    names = iter(range(10**6))

    def answer(x: Any) -> Any:
        i = next(names)
        return np.array([sp.Symbol(f"g{i}_0", real=True), sp.Symbol(f"g{i}_1", real=True)], dtype=object)

    oracle = FunctionOracle(lambda x: sp.Symbol("shared_1", real=True), answer, answer)
    method = instance(algorithm, options)
    try:
        kind, numbers = form(algorithm, options)
        blocks = [np.array([sp.Symbol(f"{n}_{i}", real=True) for i in range(1 if n in numbers else 2)], dtype=object) for n in kind._fields]
        after = method.update(kind(*blocks), oracle, 3)
    except (TypeError, NotImplementedError, ValueError, AttributeError):
        return True
    rows = [np.ravel(block)[0] for block in after]
    return any(str(s).endswith("_1") for row in rows for s in sp.sympify(row).free_symbols)


def optimizer(algorithm: str | type[Algorithm], name: str = "") -> type[Defined]:
    """The torch optimizer of a definition: a registered name, ``path/file.py:Name``, or the class.

    Examples
    --------
    >>> INNA = optimizer("inna")
    >>> x = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    >>> step = INNA([x], lr=0.1, alpha=0.5, beta=0.1)
    >>> (x * x).sum().backward()
    >>> step.step()
    >>> x.detach()
    tensor([ 0.8000, -1.6000])
    """
    found = method_class(algorithm) if isinstance(algorithm, str) else algorithm
    if not (isinstance(found, type) and issubclass(found, Algorithm)):
        raise Misuse(f"{algorithm!r} is not an algorithm, so it has no step; name a subclass of dynopt.Algorithm")
    kind: Any = found
    return _made(kind, name or kind.__name__)


@functools.cache
def _made(cls: Any, name: str) -> type[Defined]:
    shared = [n for n in inspect.signature(Defined.__init__).parameters if n != "self"]
    taken = [p.name for p in cls.parameters() if p.name in shared]
    if taken:
        raise Misuse(f"{cls.name}: the parameter {taken[0]!r} is an argument of every optimizer; give it another name")
    made = type(name, (Defined,), {"algorithm": cls, "__doc__": _doc(cls), "__module__": "dynopt.optim"})
    given = inspect.signature(Defined.__init__).parameters
    fixed = [p for n, p in given.items() if n != "parameters"]
    at = next(i for i, p in enumerate(fixed) if p.kind is p.KEYWORD_ONLY)
    own = [
        inspect.Parameter(p.name, inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty if p.required else p.default)
        for p in cls.parameters()
        if p.name != "gamma"
    ]
    made.__signature__ = inspect.Signature([*fixed[1:at], *own, *fixed[at:]])  # type: ignore[attr-defined]
    return made


def _doc(cls: type[Algorithm]) -> str:
    lines = [f"    {p.name if p.name != 'gamma' else 'lr'} : {p.meaning}, {p.domain or ' or '.join(p.choices)}" for p in cls.parameters()]
    return "\n".join([f"{inspect.getdoc(cls)}", "", "As a torch optimizer (`Defined` lists what all of them share):", "", *lines])
