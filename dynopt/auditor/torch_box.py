"""A torch optimizer as a black box: fresh float64 parameters, gradients written into ``p.grad``, the parameters watched."""

from __future__ import annotations

import ast
import importlib
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dynopt.auditor.box import Probe, Trace
from dynopt.core.registry import lookup
from dynopt.errors import Misuse, closest

MOST_QUESTIONS = 64
"""A closure may be called this often in one step."""


class _Enough(Exception):
    """The optimizer calls its closure without end."""


class TorchBox:
    """An optimizer made by ``make(parameters)``.

    Attributes
    ----------
    name : how it was called.
    closure : the optimizer steps only with a closure, which may then be called several times.
    failure : why it cannot be run at all, or empty.
    """

    def __init__(self, make: Callable[[list[torch.nn.Parameter]], Any], name: str) -> None:
        self.make, self.name = make, name
        self.closure = False
        probe = Probe(np.ones(2), lambda j, x: (np.array([1.0, -(1.0**j)]), 0.0), 3)
        self.failure = self.play(probe).ended
        if self.failure:
            self.closure = True
            second = self.play(probe).ended
            self.closure = not second
            self.failure = second and self.failure

    def play(self, probe: Probe) -> Trace:
        shapes = probe.shapes or (probe.start.shape,)
        sizes = [int(np.prod(shape)) for shape in shapes]

        def parts(vector: np.ndarray) -> list[torch.Tensor]:
            pieces = torch.from_numpy(np.array(vector, dtype=float)).split(sizes)
            return [piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)]

        parameters = [torch.nn.Parameter(p.clone()) for p in parts(probe.start)]
        asked: list[np.ndarray] = []
        moments: list[int] = []
        k = 0

        def point() -> np.ndarray:
            return np.concatenate([p.detach().numpy().ravel() for p in parameters])

        def gradient(here: np.ndarray) -> tuple[list[torch.Tensor], float]:
            found, value = probe.answer(len(asked), here)
            asked.append(here)
            moments.append(k)
            return parts(found), value

        now: list[tuple[np.ndarray, list[torch.Tensor], float]] = []
        calls = 0

        def closure() -> torch.Tensor:
            nonlocal calls
            calls += 1
            if calls > MOST_QUESTIONS:
                raise _Enough(f"it called its closure more than {MOST_QUESTIONS} times in one step")
            here = point()
            known = next(((g, v) for x, g, v in now if np.array_equal(x, here)), None)
            found, value = known or gradient(here)  # within one step the same point is given the same answer
            if known is None:
                now.append((here, found, value))
            with torch.enable_grad():
                loss = value + sum((g * (p - p.detach())).sum() for g, p in zip(found, parameters, strict=True))
                for p in parameters:
                    p.grad = None
                loss.backward()  # type: ignore[union-attr]
            return loss  # type: ignore[return-value]

        iterates = [point()]
        ended = ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optimizer = self.make(parameters)
            try:
                full = self.closure and "full" in _keywords(optimizer.step)
                base = [group["lr"] for group in optimizer.param_groups] if probe.rates else []
                for k in range(probe.steps):
                    for group, lr in zip(optimizer.param_groups, base, strict=False):
                        group["lr"] = lr * probe.rates[min(k, len(probe.rates) - 1)]
                    if self.closure:
                        now.clear()
                        calls = 0
                        optimizer.step(closure, **({"full": closure} if full else {}))
                    else:
                        _write(parameters, gradient(iterates[-1])[0], probe.reuse)
                        optimizer.step()
                    iterates.append(point())
                    if not np.all(np.isfinite(iterates[-1])):
                        ended = f"{self.name} produced a value that is not finite in iteration {k}"
                        break
            except Exception as error:
                ended = f"{self.name}: step raised {type(error).__name__}: {' '.join(str(error).split())}"
        return Trace(np.array(iterates), np.array(asked).reshape(len(asked), len(iterates[0])), tuple(moments), ended)


def _write(parameters: list[torch.nn.Parameter], gradient: list[torch.Tensor], reuse: bool) -> None:
    for p, g in zip(parameters, gradient, strict=True):
        if reuse and p.grad is not None:
            p.grad.copy_(g)
        else:
            p.grad = g


def optimizer_class(place: str) -> Any:
    """The object at ``module:Class`` or ``path/file.py:Class``; `Misuse` says what is missing."""
    module, colon, name = place.rpartition(":")
    if not colon or not module or not name:
        raise Misuse(f"{place!r} names no optimizer; write module:Class, as in torch.optim:SGD, or path/file.py:Class")
    if module.endswith(".py"):
        if not Path(module).is_file():
            raise Misuse(f"there is no file {module!r}; check the path before the colon")
        return lookup(place, {}, "optimizer")
    try:
        loaded = importlib.import_module(module)
    except Exception as error:
        raise Misuse(f"the module {module!r} cannot be imported ({type(error).__name__}: {error}); check its name") from error
    if not hasattr(loaded, name):
        raise Misuse(f"{module} does not define {name!r}; {closest(name, [n for n in dir(loaded) if not n.startswith('_')])}")
    return getattr(loaded, name)


def torch_box(cls: Any, values: Mapping[str, Any], name: str) -> TorchBox:
    """The box of a class (or factory) with these parameters; `Misuse` when it cannot be built."""

    def make(parameters: list[torch.nn.Parameter]) -> Any:
        try:
            made = cls(parameters, **values)
        except TypeError as error:
            known = _keywords(cls)[1:]
            unknown = next((v for v in values if known and v not in known), None)
            remedy = closest(unknown, known) if unknown else "check the parameters"
            raise Misuse(f"{name} cannot be built ({' '.join(str(error).split())}); {remedy}") from error
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise Misuse(f"{name} cannot be built ({reason}); correct the parameters") from error
        if not hasattr(made, "step"):
            raise Misuse(f"{name} made a {type(made).__name__}, which has no step(); name an optimizer class")
        return made

    return TorchBox(make, name)


def _keywords(cls: Any) -> list[str]:
    try:
        return [n for n, p in inspect.signature(cls).parameters.items() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        return []


def values(text: str) -> dict[str, Any]:
    """Parameters from ``key=value, …``: numbers, fractions, tuples, true, false, none, words; parsed, never evaluated.

    >>> values("lr=0.1, betas=(0.9, 0.99), nesterov=true")
    {'lr': 0.1, 'betas': (0.9, 0.99), 'nesterov': True}
    """
    if not text.strip():
        return {}
    try:
        tree = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(tree, ast.Call)
        assert not tree.args
        assert all(keyword.arg for keyword in tree.keywords)
    except (SyntaxError, AssertionError):
        raise Misuse(f"{text!r} is not a list of parameters; write key=value with commas, as in lr=0.1,momentum=0.9") from None
    return {str(keyword.arg): _value(ast.unparse(keyword.value)) for keyword in tree.keywords}


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    try:
        return float(Fraction(text.replace(" ", "")))
    except (ValueError, ZeroDivisionError):
        return text


def plain_numbers(values: Iterable[Any]) -> list[float]:
    """All numbers in parameter values, tuples opened."""
    found: list[float] = []
    for value in values:
        if isinstance(value, (tuple, list)):
            found += plain_numbers(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append(float(value))
    return found
