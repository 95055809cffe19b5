"""What is audited, and what it is compared with: from calls, classes and instances to black boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynopt.auditor.box import MethodBox
from dynopt.auditor.linear import LinearMap
from dynopt.auditor.matching import matches
from dynopt.auditor.torch_box import optimizer_class, plain_numbers, torch_box, values
from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.parameter import is_schedule
from dynopt.core.registry import method, method_class, parse_call
from dynopt.core.system import System
from dynopt.errors import Misuse


@dataclass(frozen=True)
class Subject:
    """A box with its name.

    Attributes
    ----------
    box : what is probed.
    name : the call.
    numbers : the numbers in its parameters, where the search for constants may start.
    step : its step-size, if it has one.
    """

    box: Any
    name: str
    numbers: tuple[float, ...]
    step: float | None


def resolve(optimizer: Any, param: Mapping[str, Any] | str | None = None) -> Subject:
    """The box of ``module:Class(...)``, ``file.py:Class(...)``, a method's call, a class or an instance."""
    given = values(param) if isinstance(param, str) else dict(param or {})
    if isinstance(optimizer, System) or (isinstance(optimizer, type) and issubclass(optimizer, System)):
        return method_subject(optimizer.make(**given) if isinstance(optimizer, type) else optimizer)
    if not isinstance(optimizer, str):
        name = f"{getattr(optimizer, '__module__', '')}:{getattr(optimizer, '__qualname__', repr(optimizer))}"
        return _torch_subject(optimizer, given, name)
    place, bracket, rest = optimizer.strip().partition("(")
    if ":" not in place:
        if given:
            optimizer = f"{place}({', '.join(f'{k}={v}' for k, v in given.items())})"
        return method_subject(method(optimizer))
    cls = optimizer_class(place)
    if isinstance(cls, type) and issubclass(cls, System):
        return method_subject(method(optimizer))
    if bracket:
        if not rest.rstrip().endswith(")"):
            raise Misuse(f"{optimizer!r} lacks its closing bracket; write module:Class(lr=0.1)")
        given = values(rest.rstrip()[:-1]) | given
    return _torch_subject(cls, given, place)


def _torch_subject(cls: Any, given: dict[str, Any], place: str) -> Subject:
    if not callable(cls):
        raise Misuse(f"{place} is {cls!r}, not an optimizer class; name a class or a function of the parameters")
    name = f"{place}({', '.join(f'{k}={v}' for k, v in given.items())})"
    step = given.get("lr")
    return Subject(torch_box(cls, given, name), name, tuple(plain_numbers(given.values())), step if isinstance(step, float) else None)


def method_subject(system: Any) -> Subject:
    if isinstance(system, Flow):
        raise Misuse(f"{system.name} is a flow, and an optimizer is an iteration; name a method such as gd(gamma=0.1)")
    numbers = [v for p in system.numbers() if not is_schedule(v := getattr(system, p.name))]
    gamma = getattr(system, "gamma", None)
    step = None if gamma is None or is_schedule(gamma) else float(gamma)
    return Subject(MethodBox(system), system.call(), tuple(plain_numbers(map(float, numbers))), step)


def reference_of(against: Any) -> Subject | str:
    """The other box; the call itself where a method's required parameters were left out."""
    if isinstance(against, str) and ":" not in against.partition("(")[0]:
        call = parse_call(against)
        cls = method_class(call.name)
        if issubclass(cls, Algorithm) and any(p.required and p.name not in call.values for p in cls.parameters()):
            return against
    return resolve(against)


def completed(call: str, linear: LinearMap | None) -> Subject:
    """A method's call with the missing parameters those that fit a linear map best."""
    parsed = parse_call(call)
    if linear is None:
        return method_subject(method(call))  # says which parameter is missing
    best = matches(linear, (parsed.name,))
    chosen = {k: v for m in best[:1] for k, v in m.values.items()} | parsed.values
    return method_subject(method_class(parsed.name).make(**chosen))
