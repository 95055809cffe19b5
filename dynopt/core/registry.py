"""Names and calls: ``"inna(alpha=1/2, gamma=0.02)"`` is parsed, never evaluated.

Wherever a name is accepted, ``path/file.py:Name`` is too.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import operator
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from dynopt.core.parameter import Schedule
from dynopt.errors import Misuse, closest

METHODS = {
    "gradient_flow": "dynopt.algorithms.gradient_descent:GradientFlow",
    "gd": "dynopt.algorithms.gradient_descent:GradientDescent",
    "hbf": "dynopt.algorithms.heavy_ball:HeavyBallFlow",
    "heavy_ball": "dynopt.algorithms.heavy_ball:HeavyBall",
    "heavy_ball_velocity": "dynopt.algorithms.heavy_ball:HeavyBallVelocity",
    "nesterov_flow": "dynopt.algorithms.nesterov:NesterovFlow",
    "nesterov": "dynopt.algorithms.nesterov:Nesterov",
    "nesterov_velocity": "dynopt.algorithms.nesterov:NesterovVelocity",
    "din": "dynopt.algorithms.din:DIN",
    "din_vanishing": "dynopt.algorithms.din:VanishingDIN",
    "nesterov_high_resolution": "dynopt.algorithms.high_resolution:HighResolutionNesterov",
    "heavy_ball_high_resolution": "dynopt.algorithms.high_resolution:HighResolutionHeavyBall",
    "nesterov_convex_high_resolution": "dynopt.algorithms.high_resolution:HighResolutionConvexNesterov",
    "hnag": "dynopt.algorithms.hnag:HNAG",
    "rescaled_gradient_flow": "dynopt.algorithms.rescaled_gradient:RescaledGradientFlow",
    "normalized_gd": "dynopt.algorithms.rescaled_gradient:NormalizedGradientDescent",
    "inna": "dynopt.algorithms.inna:INNA",
    "semi_implicit_din": "dynopt.algorithms.din_schemes:SemiImplicitDIN",
    "midpoint_din": "dynopt.algorithms.din_schemes:MidpointDIN",
    "qhm": "dynopt.algorithms.qhm:QuasiHyperbolicMomentum",
    "triple_momentum": "dynopt.algorithms.triple_momentum:TripleMomentum",
    "aggregated_momentum": "dynopt.algorithms.aggregated_momentum:AggregatedMomentum",
    "innaprop_frozen": "dynopt.algorithms.innaprop:FrozenINNAprop",
    "innaprop": "dynopt.algorithms.innaprop:INNAprop",
    "barzilai_borwein": "dynopt.algorithms.barzilai_borwein:BarzilaiBorwein",
    "armijo": "dynopt.algorithms.armijo:Armijo",
    "adagrad": "dynopt.algorithms.adagrad:AdaGrad",
    "rmsprop": "dynopt.algorithms.rmsprop:RMSprop",
    "rmsprop_centred": "dynopt.algorithms.rmsprop:CentredRMSprop",
    "adam": "dynopt.algorithms.adam:Adam",
    "damped_gradient_flow": "dynopt.algorithms.damped_gradient:DampedGradientFlow",
    "damped_gd": "dynopt.algorithms.damped_gradient:DampedGradientDescent",
    "perturbed_gd": "dynopt.algorithms.perturbed:PerturbedGradientDescent",
    "step_tuned_frozen": "dynopt.algorithms.step_tuned:FrozenStepTuned",
    "step_tuned_sgd": "dynopt.algorithms.step_tuned:StepTunedSGD",
    "stochastic_gv": "dynopt.algorithms.gradient_variation:StochasticGV",
    "exact_gv": "dynopt.algorithms.gradient_variation:ExactGV",
    "expected_gv": "dynopt.algorithms.gradient_variation:ExpectedGV",
    "sngd": "dynopt.algorithms.sngd:SNGD",
    "s_sngd": "dynopt.algorithms.stagewise:StagewiseSNGD",
    "s_sgd": "dynopt.algorithms.stagewise:StagewiseSGD",
    "saddle_ngd": "dynopt.algorithms.saddle_ngd:SaddleNGD",
    "spider_sfo": "dynopt.algorithms.spider:SpiderSFO",
}
PROBLEMS = {
    "quadratic": "dynopt.problems.quadratic:Quadratic",
    "double-well": "dynopt.problems.wells:double_well",
    "octopus": "dynopt.problems.octopus:Octopus",
    "perceptron": "dynopt.problems.network:Perceptron",
    "phi-regression": "dynopt.problems.phi_regression:PhiRegression",
    "random-quadratic": "dynopt.problems.random_quadratic:random_quadratic",
    "ripples": "dynopt.problems.landscapes:ripples",
    "rosenbrock": "dynopt.problems.landscapes:rosenbrock",
    "three-hump-camel": "dynopt.problems.landscapes:three_hump_camel",
    "two-layer-linear": "dynopt.problems.two_layer_linear:two_layer_linear",
    "thesis-2.1": "dynopt.problems.landscapes:thesis_2_1",
    "thesis-3.1-left": "dynopt.problems.landscapes:thesis_3_1_left",
    "thesis-3.1-right": "dynopt.problems.landscapes:thesis_3_1_right",
    "thesis-3.2": "dynopt.problems.landscapes:thesis_3_2",
    "thesis-3.3": "dynopt.problems.landscapes:double_well",
}


@dataclass(frozen=True)
class Call:
    """A parsed call: a registered name or ``file.py:Name``, and keyword values (exact where they were numbers)."""

    name: str
    values: dict[str, Any]
    text: str


def parse_call(text: str) -> Call:
    """Parse ``name`` or ``name(key=value, …)``.

    Values are exact numbers (``1/2``, ``0.02``, ``1e-3`` become Fractions), lists of them, words
    (options), or formulas in ``k`` or ``t`` (schedules).

    >>> parse_call("inna(alpha=1/2, start=pytorch)").values
    {'alpha': Fraction(1, 2), 'start': 'pytorch'}
    """
    name, bracket, rest = text.strip().partition("(")
    name = name.strip()
    if not name:
        raise Misuse(f'{text!r} names nothing; write a name, or a call such as "gd(gamma=0.1)"')
    if not bracket:
        return Call(name, {}, text.strip())
    try:
        tree = ast.parse("f(" + rest, mode="eval").body
    except SyntaxError:
        raise Misuse(f'{text!r} is not a call; write name(key=value, ...), as in "inna(alpha=1/2, gamma=0.02)"') from None
    if not isinstance(tree, ast.Call) or tree.args:
        raise Misuse(f"{text!r} has a value without a name; write every parameter as key=value")
    values: dict[str, Any] = {}
    for keyword in tree.keywords:
        if keyword.arg is None or keyword.arg in values:
            raise Misuse(f"{text!r} gives {keyword.arg} twice; give every parameter once")
        values[keyword.arg] = _value(keyword.value, text)
    return Call(name, values, text.strip())


_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
    ast.FloorDiv: operator.floordiv,
}  # fmt: skip


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item, text) for item in node.elts]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    if names == {"k"} or names == {"t"}:
        index = names.pop()
        _arithmetic(node, {index: Fraction(1)}, text)
        return Schedule(ast.unparse(node), lambda at: float(_arithmetic(node, {index: at}, text)))
    if isinstance(node, ast.Name):
        return node.id
    return _arithmetic(node, {}, text)


def _arithmetic(node: ast.expr, names: dict[str, Any], text: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return Fraction(ast.unparse(node)) if isinstance(node.value, float) else Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _arithmetic(node.operand, names, text)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _arithmetic(node.left, names, text), _arithmetic(node.right, names, text)
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise Misuse(f"{text!r}: the power {right} is too large to compute exactly; use an exponent of at most 64")
        try:
            return _BINARY[type(node.op)](left, right)
        except ZeroDivisionError:
            raise Misuse(f"{text!r} divides by zero; correct the value") from None
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    raise Misuse(f"{text!r}: {ast.unparse(node)!r} is not a number; write an integer, a decimal or a fraction such as 1/2")


def lookup(name: str, table: dict[str, str], what: str) -> Any:
    """The object behind a registered name or ``path/file.py:Name``."""
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_file(Path(path), attribute)
    if name.endswith(".py"):
        raise Misuse(f"{name!r} names a file but nothing in it; write {name}:Name")
    if name not in table:
        raise Misuse(f"there is no {what} {name!r}; {closest(name, table)} (or write path/file.py:Name)")
    return _load(table[name])


def _load(place: str) -> Any:
    """The object at ``module:Name``, imported now: the vocabulary itself imports nothing that is built on it."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _from_file(path: Path, attribute: str) -> Any:
    if not path.is_file():
        raise Misuse(f"there is no file {str(path)!r}; check the path before the colon")
    alias = f"dynopt_user_{path.stem}_{abs(hash(path.resolve())):x}"
    module = sys.modules.get(alias)
    if module is None:
        spec = importlib.util.spec_from_file_location(alias, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[alias]
            raise Misuse(f"{path} cannot be loaded ({type(error).__name__}: {error}); correct the file") from error
    if not hasattr(module, attribute):
        public = [n for n in vars(module) if not n.startswith("_")]
        raise Misuse(f"{path} does not define {attribute!r}; {closest(attribute, public)}")
    return getattr(module, attribute)


def method_class(name: str) -> Any:
    """The Algorithm or Flow class behind a name."""
    from dynopt.core.system import System

    found = lookup(name, METHODS, "method")
    if not (isinstance(found, type) and issubclass(found, System)):
        raise Misuse(f"{name!r} is {found!r}, not a method; name a subclass of dynopt.Algorithm or dynopt.Flow")
    return found


def method(text: str) -> Any:
    """The method that a call describes, unspecified parameters at their defaults.

    >>> method("inna(gamma=0.02)")
    INNA(alpha=1/2, beta=1/10, start='thesis', speed=1, gamma=1/50)
    """
    call = parse_call(text)
    return method_class(call.name).make(**call.values)


def problem(text: str) -> Any:
    """The problem that a call describes; a plain function of coordinates in a user's file becomes a Landscape.

    >>> problem("quadratic(spectrum=[1, 10])").dimension
    2
    """
    from dynopt.core.problem import Problem

    call = parse_call(text)
    found = lookup(call.name, PROBLEMS, "problem")
    if isinstance(found, Problem) and not isinstance(found, type):
        if call.values:
            raise Misuse(f"problem {call.name!r} takes no parameters, got {', '.join(call.values)}; write {call.name}")
        return found
    if not callable(found):
        raise Misuse(f"{call.name!r} is {found!r}, not a problem; name a function of the coordinates or a Problem")
    if not isinstance(found, type) and call.name not in PROBLEMS:
        return _load("dynopt.problems.landscape:Landscape")(found, constants=call.values)
    known = inspect.signature(found).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
    for key in call.values:
        if key not in known and not open_ended:
            raise Misuse(f"problem {call.name!r} has no parameter {key!r}; {closest(key, known)}")
    try:
        return found(**call.values)
    except TypeError as error:
        raise Misuse(f"problem {call.name!r}: {error}; see dynopt show {call.name.split('(')[0]}") from None


def numbers(text: str, what: str) -> list[Fraction]:
    """Exact numbers from ``"1,10"``; ``what`` names the option in the error.

    >>> numbers("1, 1/2", "--start")
    [Fraction(1, 1), Fraction(1, 2)]
    """
    try:
        tree = ast.parse(f"[{text}]", mode="eval").body
        assert isinstance(tree, ast.List)
        return [_arithmetic(item, {}, text) for item in tree.elts]
    except (SyntaxError, Misuse, AssertionError):
        raise Misuse(f"{what} {text!r} is not a list of numbers; write them with commas, as in 1,10") from None


def whole_numbers(text: str, what: str) -> list[int]:
    """Whole numbers from ``"1,2,3"``.

    >>> whole_numbers("1,2", "--order")
    [1, 2]
    """
    found = numbers(text, what)
    if any(v.denominator != 1 for v in found):
        raise Misuse(f"{what} {text!r} is not a list of whole numbers; write them with commas, as in 1,2,3")
    return [int(v) for v in found]
