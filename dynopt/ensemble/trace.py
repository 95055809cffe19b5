"""A definition traced on a problem: straight-line arithmetic for fused kernels.

The update runs once on symbols, coordinate by coordinate.  Where the next state is a polynomial in
the state, its coefficients depend on parameters alone: they are computed once per run (``constants``)
and the loop body is in Horner form.  Everything else goes through common-subexpression elimination.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import FunctionOracle, Oracle
from dynopt.core.parameter import is_schedule
from dynopt.core.problem import oracle
from dynopt.ensemble.noise import Additive, Noise
from dynopt.errors import Misuse
from dynopt.symbolic.carrier import Expressions
from dynopt.symbolic.symbols import symbolic


class Untraceable(Misuse):
    """The method on this problem has no straight-line trace; the sentence says why, and eager torch runs instead."""


@dataclass(frozen=True)
class Assignments:
    """Straight-line code: ``temporaries`` in order, then one expression for each output."""

    temporaries: tuple[tuple[sp.Symbol, sp.Expr], ...]
    outputs: tuple[sp.Expr, ...]


@dataclass(frozen=True)
class Trace:
    """A method on a problem as arithmetic on scalars.

    Attributes
    ----------
    state : symbols of the state, block by block, coordinate by coordinate; the first n are θ.
    start : symbols of θ₀.
    constants : symbols that the loop body uses, each with the value that it has for this method's parameters.
    init : the initial state from ``start`` (and ``noise``, for methods whose start asks for a gradient).
    step : the next state from ``state`` and ``noise``.
    noise : symbols of the iteration's standard normals; empty without noise.
    every : they are zero in iterations that are not multiples of it.
    """

    state: tuple[sp.Symbol, ...]
    start: tuple[sp.Symbol, ...]
    constants: tuple[tuple[sp.Symbol, float], ...]
    init: Assignments
    step: Assignments
    noise: tuple[sp.Symbol, ...] = ()
    every: int = 1

    @property
    def dimension(self) -> int:
        return len(self.start)


def trace(method: Algorithm, problem: Any, noise: Noise | None = None) -> Trace:
    """Trace the definition of ``method`` on ``problem``, with additive ``noise`` in its gradients.

    Raises
    ------
    Untraceable : a scheduled parameter, an iteration-dependent update, a problem without symbols, or mini-batches.

    Examples
    --------
    >>> import dynopt
    >>> t = trace(dynopt.method("gd(gamma=0.5)"), dynopt.problem("quadratic(spectrum=[1, 2])"))
    >>> [str(e) for e in t.step.outputs], [v for _, v in t.constants]
    (['c0*s0', 'c1*s1'], [0.5, 0.0])
    """
    for p in method.numbers():
        if is_schedule(getattr(method, p.name)):
            raise Untraceable(f"{method.name}: {p.name} varies with the iteration, so no fixed loop body exists")
    if not hasattr(problem, "symbols"):
        raise Untraceable(f"problem {getattr(problem, 'name', problem)!r} has no symbolic form")
    general: Any = symbolic(type(method))
    general = general.replace(**{p.name: getattr(method, p.name) for p in method.parameters() if p.domain is None})
    values = {getattr(general, p.name): float(getattr(method, p.name)) for p in method.numbers()}
    n = problem.dimension
    start = sp.symbols(f"x0:{n}", real=True)
    exact: Any = oracle(problem)
    asked: Any = dataclasses.replace(exact, slope=lambda x: exact.gradient(x).view(Expressions))
    normals, every = (), 1
    if noise is not None:
        if not isinstance(noise, Additive):
            raise Untraceable(f"{noise.call()} has no kernel form: a kernel does not hold the terms of {problem.name!r}")
        asked, normals = _noisy(asked, noise, n)
        values[_SIZE], every = float(noise.size), noise.every
    try:
        initial = general.init(np.array(start, dtype=object).view(Expressions), asked)
        state = sp.symbols(f"s0:{n * len(initial)}", real=True)
        blocks = np.array(state, dtype=object).reshape(len(initial), n).view(Expressions)
        k = sp.Symbol("k", integer=True, nonnegative=True)
        after, first_after = (general.update(type(initial)(*blocks), asked, index) for index in (k, 0))
    except (TypeError, AttributeError, NotImplementedError) as error:
        why = "it branches on values" if "truth value of Relational" in str(error) else error
        raise Untraceable(f"{method.name} on {problem.name} does not run on symbols ({why})") from error
    flat, at_first = ([sp.sympify(e) for block in found for e in np.broadcast_to(block, (n,))] for found in (after, first_after))
    if any(e.has(k) for e in flat) or flat != at_first:  # a branch such as k % 10 == 0 leaves no k behind
        raise Untraceable(f"{method.name} depends on the iteration, so no fixed loop body exists")
    first = [sp.sympify(e) for block in initial for e in np.broadcast_to(block, (n,))]
    pool = _Constants(values)
    step = _straight(flat, (*state, *normals), pool, "t")
    init = _straight(first, (*start, *normals), pool, "i")
    return Trace(tuple(state), tuple(start), tuple(pool.found.items()), init, step, normals, every)


_SIZE = sp.Symbol("noise_size", positive=True)


def _noisy(asked: Oracle, noise: Additive, dimension: int) -> tuple[Oracle, tuple[sp.Symbol, ...]]:
    """The oracle with the symbols of this iteration's noise in its gradients and values, and these symbols."""
    coordinates = noise.coordinates(dimension)
    normals = sp.symbols(f"e0:{len(coordinates)}", real=True)
    xi = np.full(dimension, sp.Integer(0), dtype=object)
    xi[list(coordinates)] = [_SIZE * e for e in normals]
    return FunctionOracle(lambda x: asked.value(x) + (xi * x).sum(-1), lambda x: asked.gradient(x) + xi), normals


class _Constants:
    """Parameter-only subexpressions, each evaluated once."""

    def __init__(self, values: dict[sp.Symbol, float]) -> None:
        self.values = values
        self.found: dict[sp.Symbol, float] = {}
        self._names: dict[sp.Expr, sp.Symbol] = {}

    def name(self, coefficient: sp.Expr) -> sp.Expr:
        if coefficient.is_Integer:
            return coefficient
        if coefficient not in self._names:
            symbol = sp.Symbol(f"c{len(self._names)}", real=True)
            self._names[coefficient] = symbol
            exact = coefficient.subs({s: sp.Rational(repr(v)) for s, v in self.values.items()})
            self.found[symbol] = float(sp.N(exact, 30))
        return self._names[coefficient]


def _straight(expressions: list[sp.Expr], variables: Any, pool: _Constants, prefix: str) -> Assignments:
    prepared = [_horner(e, variables, pool) for e in expressions]
    temporaries, outputs = sp.cse(prepared, symbols=sp.numbered_symbols(prefix), order="none")
    return Assignments(tuple(temporaries), tuple(outputs))


def _horner(expression: sp.Expr, variables: Any, pool: _Constants) -> sp.Expr:
    parameters = set(pool.values)
    if expression.is_polynomial(*variables):
        poly = sp.Poly(expression, *variables)
        if not poly.free_symbols_in_domain - parameters:
            named = sp.Poly.from_dict({m: pool.name(sp.cancel(c)) for m, c in poly.terms()}, *variables)
            return _nested(named.as_expr(), variables)
    parts = (e for e in sp.preorder_traversal(expression) if isinstance(e, sp.Expr))
    whole = {e for e in parts if e.free_symbols and e.free_symbols <= parameters}
    numbers = {e for e in expression.atoms(sp.Rational) if not e.is_Integer and abs(e) != sp.Rational(1, 2)}
    return expression.xreplace({e: pool.name(e) for e in whole | numbers})


def _nested(expression: sp.Expr, variables: Any) -> sp.Expr:
    """Horner form in powers of one variable at a time, even and odd polynomials in their square."""
    used = [v for v in variables if expression.has(v)]
    if not used:
        return expression
    separate = sp.Add(*(a for a in sp.Add.make_args(sp.expand(expression)) if len(a.free_symbols & set(used)) == 0))
    total = separate
    rest = sp.expand(expression - separate)
    for v in used:
        own = sp.Add(*(a for a in sp.Add.make_args(rest) if a.free_symbols & set(used) == {v}))
        if own == 0:
            continue
        rest = sp.expand(rest - own)
        exponents = [m[0] for m in sp.Poly(own, v).monoms()]
        odd = min(exponents) if all((e - min(exponents)) % 2 == 0 for e in exponents) else None
        if odd is None or len(exponents) == 1:
            total += sp.horner(own, wrt=v)
        else:
            square = sp.Symbol(f"{v}_sq", real=True)
            inner = sp.Add(*(c * square ** ((m[0] - odd) // 2) for m, c in sp.Poly(own, v).terms()))
            total += v**odd * sp.horner(inner, wrt=square).subs(square, v**2)
    return total + (sp.horner(rest, *used) if rest != 0 else 0)


Writer = Callable[[sp.Expr], str]


class Source(PythonCodePrinter):
    """Python text of an expression with integer powers written as products; functions through ``functions``.

    Numbers are written through ``literal``, for compilers in which a bare ``2.0`` would widen single precision;
    branches are selections without jumps, ``functions["where"]``.
    """

    def __init__(self, functions: dict[str, str], literal: str = "{!r}") -> None:
        super().__init__({"fully_qualified_modules": False})
        self.functions = functions
        self.literal = literal.format

    def _print_Pow(self, expr: sp.Expr, **kwargs: Any) -> str:
        base, power = expr.as_base_exp()
        if power.is_Integer and 0 < abs(int(power)) <= 16:
            text = "*".join([f"({self._print(base)})"] * abs(int(power)))
            return f"({text})" if power > 0 else f"({self.literal(1.0)}/({text}))"
        if power == sp.Rational(1, 2):
            return f"{self.functions['sqrt']}({self._print(base)})"
        if power == sp.Rational(-1, 2):
            return f"({self.literal(1.0)}/{self.functions['sqrt']}({self._print(base)}))"
        raise Untraceable(f"the power {expr} has no kernel form")

    def _print_Function(self, expr: sp.Expr) -> str:
        name = type(expr).__name__.lower()
        if name not in self.functions:
            raise Untraceable(f"the function {type(expr).__name__} has no kernel form")
        return f"{self.functions[name]}({', '.join(map(self._print, expr.args))})"

    _print_Abs = _print_sin = _print_cos = _print_exp = _print_log = _print_tanh = _print_sign = _print_Function

    def _print_Min(self, expr: sp.Expr) -> str:
        return self._fold("min", expr)

    def _print_Max(self, expr: sp.Expr) -> str:
        return self._fold("max", expr)

    def _fold(self, name: str, expr: sp.Expr) -> str:
        first, *rest = map(self._print, expr.args)
        for other in rest:
            first = f"{self.functions[name]}({first}, {other})"
        return first

    def _print_Rational(self, expr: sp.Rational) -> str:
        return self.literal(float(expr))

    def _print_Integer(self, expr: sp.Integer) -> str:
        return self.literal(float(expr))

    def _print_Piecewise(self, expr: sp.Expr) -> str:
        *pairs, (value, always) = expr.args
        if always != sp.true:
            raise Untraceable(f"{expr} has no value where none of its conditions holds")
        text = self._print(value)
        for value, condition in reversed(pairs):
            text = f"{self.functions['where']}({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_And(self, expr: sp.Expr) -> str:
        return "(" + " & ".join(map(self._print, expr.args)) + ")"

    def _print_Or(self, expr: sp.Expr) -> str:
        return "(" + " | ".join(map(self._print, expr.args)) + ")"
