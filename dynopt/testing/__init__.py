"""Conformance checks for what is your own: a method, a flow, a problem, a torch optimizer.

Each function returns nothing when all is well and raises `AssertionError` with one sentence
otherwise.  They compare the one definition with itself on every carrier (exact numbers, NumPy,
batched torch, parameter lists) and with oracles that share nothing with it (finite differences,
automatic differentiation, dense matrices).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
import torch

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.oracle import FunctionOracle
from dynopt.core.parameter import Domain, is_schedule
from dynopt.core.problem import Problem, oracle
from dynopt.core.registry import method_class, parse_call
from dynopt.core.state import advance
from dynopt.core.system import System
from dynopt.errors import Misuse, NotLinear
from dynopt.optim.carrier import ParameterList
from dynopt.problems.quadratic import Quadratic
from dynopt.symbolic.linearize import linear, state_space
from dynopt.symbolic.symbols import eigenvalue, exact, symbolic
from dynopt.testing.optimizers import check_optimizer

__all__ = ["check_algorithm", "check_flow", "check_optimizer", "check_problem"]

TOLERANCE = 1e-12
STEPS = 3


def check_algorithm(method: str | type[Algorithm] | Algorithm, problem: Any = None) -> None:
    """Check an algorithm's definition against the rules of `dynopt.Algorithm`.

    Parameters
    ----------
    method : a call such as ``"mine.py:Mine(gamma=0.1)"``, a class, or an instance; parameters
        without a value get one from inside their domain.
    problem : a smooth problem to run on; a quadratic with eigenvalues of both signs by default.

    Examples
    --------
    >>> check_algorithm("inna(gamma=0.02)")
    """
    _check(_instance(method, Algorithm), problem or Quadratic([Fraction(-1, 2), 1, 3]))


def check_flow(flow: str | type[Flow] | Flow, problem: Any = None) -> None:
    """Check a flow's definition against the rules of `dynopt.Flow`; parameters as for `check_algorithm`.

    >>> check_flow("din")
    """
    system, problem = _instance(flow, Flow), problem or Quadratic([Fraction(-1, 2), 1, 3])
    _check(system, problem)
    ask, time = oracle(problem), system.start_time + 1.0
    numeric = system.numeric().at(time)
    start = numeric.init(_starts(problem), ask)
    steady = not system.autonomous or _same(numeric.field(start, ask, time), numeric.field(start, ask, 2 * time))
    _require(steady, f"{system.name} is declared autonomous, but its field depends on t; set autonomous = False")
    for name, energy in numeric.energies(start, ask, time).items():
        shape = np.shape(energy)
        _require(shape == start[0].shape[:-1], f"{system.name}: energy {name} has shape {shape}; return one number per state")


def check_problem(problem: Any, points: Any = None) -> None:
    """Check a problem: shapes, gradient and Hessian against finite differences and torch autograd, critical points.

    Parameters
    ----------
    problem : a `dynopt.core.problem.Problem`.
    points : array of shape ``(m, n)``, away from kinks; some fixed ones by default.

    Examples
    --------
    >>> import dynopt
    >>> check_problem(dynopt.problem("double-well"))
    """
    name, n = problem.name, problem.dimension
    _require(isinstance(problem, Problem), f"{problem!r} lacks one of name, dimension, value, gradient, hessian")
    x = _starts(problem) if points is None else np.asarray(points, dtype=float)
    value, gradient, hessian = problem.value(x), problem.gradient(x), problem.hessian(x)
    for what, array, shape in (("value", value, x.shape[:-1]), ("gradient", gradient, x.shape), ("hessian", hessian, (*x.shape, n))):
        _require(np.shape(array) == shape, f"{name}: {what} of points of shape {x.shape} has shape {np.shape(array)}, not {shape}")
    _require(_close(hessian, np.swapaxes(hessian, -1, -2)), f"{name}: the Hessian is not symmetric")
    tensor = torch.tensor(x, requires_grad=True)
    for what, array in (("value", value), ("gradient", gradient), ("hessian", hessian)):
        _agree(name, f"{what} and its torch evaluation", array, getattr(problem, what)(tensor.detach()).numpy())
    _agree(name, "gradient and finite differences of the value", gradient, _differences(problem.value, x), 1e-6)
    _agree(name, "hessian and finite differences of the gradient", hessian, _differences(problem.gradient, x), 1e-6)
    automatic = torch.autograd.grad(problem.value(tensor).sum(), tensor)[0].numpy()
    _agree(name, "gradient and torch's automatic derivative of the value", gradient, automatic)
    try:
        listed: Any = getattr(problem, "critical_points", tuple)()
    except Misuse:  # out of reach of exact solving
        listed = ()
    for critical in listed:
        _check_critical(problem, critical)


def _check_critical(problem: Any, critical: Any) -> None:
    if critical.kind == "kink" or any(v.free_symbols for v in critical.point):
        return
    at = np.array([float(v) for v in critical.point])
    slope = float(np.max(np.abs(problem.gradient(at))))
    _require(slope < 1e-9, f"{problem.name}: at the critical point {critical.point} the gradient is {slope:.1e}")
    found = np.linalg.eigvalsh(problem.hessian(at))
    stated = np.array(sorted(float(v) for v in critical.spectrum))
    _require(_close(found, stated, 1e-9), f"{problem.name}: the Hessian's eigenvalues at {critical.point} are {found}, not {stated}")


# A definition on all carriers ---------------------------------------------------------------------


def _check(system: Any, problem: Any) -> None:
    name, theta0, numeric = system.name, _starts(problem), system.numeric()
    with _rules(name):
        _check_state(numeric, problem)
        end = _walk(numeric, _ask(problem), theta0, float)[-1]
        for i, row in enumerate(theta0):
            alone = _walk(numeric, _ask(problem), row, float)[-1]
            apart = _same(alone, [b[i] for b in end])
            _require(apart, f"{name}: a state depends on its neighbours in the batch; reduce the last axis only")
        _check_torch(numeric, problem, theta0, end)
        _check_parameter_list(numeric, problem, theta0[0], [b[0] for b in end])
        if not any(is_schedule(getattr(system, p.name)) for p in system.numbers()):  # schedules are floats
            if hasattr(problem, "expression"):
                with suppress(NotImplementedError):  # what draws random numbers has no exact run
                    _check_exact(system, problem)
            _check_modes(system)


class _Alike(FunctionOracle):
    """What a method draws itself is the same for every row of a batch, so that a row can be run alone."""

    def noise(self, x: Any, every: Any = 1) -> Any:
        return 0 * x + super().noise(x.reshape(-1, x.shape[-1])[0], every)

    def uniform(self, x: Any) -> Any:
        return 0 * x[..., :1] + super().uniform(x.reshape(-1, x.shape[-1])[0])


def _ask(problem: Any) -> Any:
    exact: Any = oracle(problem)
    return _Alike(exact.objective, exact.slope, exact.variation)


def _check_state(numeric: Any, problem: Any) -> None:
    name, theta0, ask = numeric.name, _starts(problem), _ask(problem)
    start = numeric.at(0).init(theta0, ask)
    _require(hasattr(start, "_fields"), f"{name}: init returns {type(start).__name__}; return a NamedTuple of blocks")
    _require(np.array_equal(start[0], theta0), f"{name}: the first block of the initial state is not theta0; put the iterate first")
    kept = [np.copy(block) for block in start]
    after = _rate(numeric, start, ask, 1)
    unchanged = all(map(np.array_equal, kept, start)) and np.array_equal(theta0, _starts(problem))
    _require(unchanged, f"{name}: the step changes its state in place; return new blocks")
    _require(all(map(np.array_equal, after, _rate(numeric, start, ask, 1))), f"{name}: the same step twice gives two answers")
    kinds = type(start).__name__, type(after).__name__
    _require(type(after) is type(start), f"{name}: a step makes {kinds[1]} of {kinds[0]}; return the type that init returns")
    for block, array in [*zip(start._fields, start, strict=True), *zip(after._fields, after, strict=True)]:
        fits = np.shape(array) in (theta0.shape, (*theta0.shape[:-1], 1))  # a vector, or a number for each run
        _require(fits, f"{name}: block {block} has shape {np.shape(array)}, theta0 {theta0.shape}")


def _check_torch(numeric: Any, problem: Any, theta0: np.ndarray, end: Any) -> None:
    first = _walk(numeric, _ask(problem), theta0, float, steps=1)[-1]  # single precision is compared before it can drift
    for dtype, steps, expected, tolerance in ((torch.float64, STEPS, end, TOLERANCE), (torch.float32, 1, first, 1e-4)):
        found = _walk(numeric, _ask(problem), torch.tensor(theta0, dtype=dtype), float, steps)[-1]
        for block, tensor, array in zip(found._fields, found, expected, strict=True):
            _require(tensor.dtype == dtype, f"{numeric.name}: block {block} turns {dtype} into {tensor.dtype}; use Python numbers only")
            _agree(numeric.name, f"block {block} on NumPy and on {dtype}", tensor.numpy(), array, tolerance)


def _check_parameter_list(numeric: Any, problem: Any, theta0: np.ndarray, expected: Any) -> None:
    cut = [1, len(theta0) - 1] if len(theta0) > 1 else [1]

    def split(flat: torch.Tensor) -> ParameterList:
        return ParameterList(torch.split(flat, cut))

    def slope(x: ParameterList) -> ParameterList:
        return split(problem.gradient(torch.cat(list(x))))

    def value(x: ParameterList) -> torch.Tensor:
        return problem.value(torch.cat(list(x)))

    class Joined(FunctionOracle):
        """It draws what an oracle of the whole vector draws."""

        def noise(self, x: ParameterList, every: Any = 1) -> ParameterList:
            return split(super().noise(torch.cat(list(x)), every))

        def uniform(self, x: ParameterList) -> torch.Tensor:
            return super().uniform(torch.cat(list(x)))[0]

    def variation(x: ParameterList) -> ParameterList:
        return split(oracle(problem).expected_variation(torch.cat(list(x))))

    end = _walk(numeric, Joined(value, slope, variation), split(torch.tensor(theta0)), float)[-1]
    for block, leaves, array in zip(end._fields, end, expected, strict=True):
        flat = leaves.reshape(1) if isinstance(leaves, torch.Tensor) else torch.cat(list(leaves))
        _agree(numeric.name, f"block {block} on NumPy and on a list of parameters", flat.numpy(), array)


def _check_exact(system: Any, problem: Any) -> None:
    exactly = symbolic(system)
    steps = STEPS if linear(exactly) else 1  # the roots of a norm nest from step to step
    end = _walk(exactly, oracle(problem), _starts(problem, sp.Rational), sp.Rational, steps)[-1]
    expected = _walk(system.numeric(), oracle(problem), _starts(problem), float, steps)[-1]
    for block, entries, array in zip(end._fields, end, expected, strict=True):
        for entry in np.ravel(entries):
            text = f"{system.name}: an exact run rounds block {block} to {entry}; in the definition write x / 2, not 0.5 * x or (1 / 2) * x"
            _require(not sp.sympify(entry).has(sp.Float), text)
        _agree(system.name, f"block {block} on NumPy and in exact arithmetic", np.array(entries, dtype=float), array)


def _check_modes(system: Any) -> None:
    """The mode matrix from symbols against the dense matrix that NumPy runs apply to unit vectors."""
    spectrum = [Fraction(-3, 2), Fraction(1, 2), 2]
    problem, numeric, index = Quadratic(spectrum), system.numeric(), 2
    try:
        space = state_space(symbolic(system))
    except NotLinear:
        return
    m, n = len(space.blocks), len(spectrum)
    kind = type(numeric.init(np.ones(n), oracle(problem)))
    columns = [_rate(numeric, kind(*unit.reshape(m, n)), oracle(problem), index) for unit in np.eye(m * n)]
    dense = np.stack([np.concatenate(column) for column in columns], axis=-1).reshape(m, n, m, n)
    for p, q in np.ndindex(n, n):
        block = np.zeros((m, m))
        if p == q:
            values = {eigenvalue: sp.Rational(spectrum[p]), **({space.index: index} if space.index is not None else {})}
            block = np.array(space.mode_matrix.subs(values), dtype=float)
        _agree(system.name, f"the mode matrix at {spectrum[p]} and the dense matrix of the NumPy run", block, dense[:, p, :, q], 1e-11)


def _rate(system: Any, state: Any, ask: Any, index: Any) -> Any:
    system = system.at(index)
    return system.field(state, ask, index) if isinstance(system, Flow) else system.update(state, ask, index)


def _walk(system: Any, ask: Any, theta0: Any, number: Callable[..., Any], steps: int = STEPS) -> list[Any]:
    """The initial state and ``steps`` further ones; a flow moves by Euler steps of 1/16 from one time unit after its start."""
    states = [system.at(0).init(theta0, ask.at(0))]
    for k in range(steps):
        if isinstance(system, Flow):
            step = number("1/16") if number is sp.Rational else 1 / 16
            t = (exact if number is sp.Rational else float)(system.start_time) + 1
            states.append(advance(states[-1], step, _rate(system, states[-1], ask, t + k * step)))
        else:
            states.append(_rate(system, states[-1], ask.at(k), k))
    return states


def _starts(problem: Any, number: Callable[..., Any] = float) -> np.ndarray:
    """Three fixed points off the axes, multiples of 1/8 (so that their floats are exact)."""
    n, exact = problem.dimension, number is sp.Rational
    entries = [[sp.Rational((-1) ** (i + j) * (3 + 2 * i + 5 * j % 7), 8) for j in range(n)] for i in range(3)]
    return np.array(entries, dtype=object if exact else float)


def _instance(system: Any, kind: type[System]) -> Any:
    """The system with every parameter given; those without a value get one from inside their domain."""
    if isinstance(system, kind):
        return system
    call = parse_call(system) if isinstance(system, str) else None
    cls = method_class(call.name) if call else system
    _require(isinstance(cls, type) and issubclass(cls, kind), f"{system!r} is not a subclass of dynopt.{kind.__name__}")
    given = call.values if call else {}
    inside = {p.name: _interior(p.domain) for p in cls.parameters() if p.domain is not None and p.required}
    return cls.make(**{**inside, **given})


def _interior(domain: Domain) -> Fraction:
    if np.isfinite(float(domain.lower)) and np.isfinite(float(domain.upper)):
        return (2 * Fraction(domain.lower) + Fraction(domain.upper)) / 3
    return Fraction(domain.lower) + Fraction(1, 16) if np.isfinite(float(domain.lower)) else Fraction(1, 16)


@contextmanager
def _rules(name: str) -> Iterator[None]:
    """What a definition breaks when it leaves plain arithmetic, as a sentence."""
    try:
        yield
    except Misuse:
        raise
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{name} fails on one carrier ({cause}); use + - * /, the oracle and dynopt's algebra only") from error


def _differences(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """Central differences of fourth order in each coordinate, stacked on a new last axis."""
    h = 1e-3

    def slope(e: np.ndarray) -> np.ndarray:
        return (8 * (function(x + e) - function(x - e)) - (function(x + 2 * e) - function(x - 2 * e))) / (12 * h)

    return np.stack([slope(e) for e in h * np.eye(x.shape[-1])], axis=-1)


def _gap(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) if np.size(a) else 0.0


def _close(a: Any, b: Any, tolerance: float = TOLERANCE) -> bool:
    return np.shape(a) == np.shape(b) and _gap(a, b) <= tolerance * max(1.0, float(np.max(np.abs(b), initial=0.0)))


def _same(a: Any, b: Any) -> bool:
    return all(_close(x, y) for x, y in zip(a, b, strict=True))


def _agree(name: str, what: str, a: Any, b: Any, tolerance: float = TOLERANCE) -> None:
    _require(np.shape(a) == np.shape(b), f"{name}: {what} have the shapes {np.shape(a)} and {np.shape(b)}")
    _require(_close(a, b, tolerance), f"{name}: {what} differ by {_gap(a, b):.1e}")


def _require(condition: Any, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)
