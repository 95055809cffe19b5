"""A landscape: an objective given by one plain function of its coordinates."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.problem import CriticalPoint
from dynopt.errors import Misuse
from dynopt.problems.critical import critical_points
from dynopt.problems.pieces import abs_form


class Landscape:
    """J(x₁, …, x_n) = function(x₁, …, x_n); everything else is derived from that one text.

    Parameters
    ----------
    function : plain arithmetic in its coordinates; ``abs`` and SymPy functions (``sympy.sin``, ``sympy.Max``) may be used.
    constants : values for keyword-only parameters of ``function``.
    name : shown in tables; the function's name by default.
    dimension : number of coordinates, needed only when the function takes ``*x``.
    start : a default starting point.
    lipschitz : (μ, L, set) with spectrum of ∇²J inside [μ, L] on the set named, where known.

    Values, gradients and Hessians are exact derivatives by SymPy, compiled once for NumPy and once
    for torch; arrays have shape ``(*batch, n)``.  On NumPy object arrays of SymPy expressions they
    stay exact.  Where J has kinks (``abs``), the gradient is the selection sign(0) = 0.

    >>> well = Landscape(lambda x, y: x**4 - 4*x**2 + y**2, name="double-well")
    >>> well.gradient(np.array([1.0, 1.0]))
    array([-4.,  2.])
    >>> [str(c.kind) for c in well.critical_points()]
    ['minimum', 'strict saddle', 'minimum']
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        constants: Mapping[str, Any] | None = None,
        name: str = "",
        dimension: int | None = None,
        start: tuple[float, ...] | None = None,
        lipschitz: tuple[Any, Any, str] | None = None,
    ) -> None:
        self.function = function
        self.constants = dict(constants or {})
        self.name = name or getattr(function, "__name__", "landscape")
        coordinates = _coordinates(function, self.constants, dimension, self.name)
        self.symbols = tuple(sp.Symbol(c, real=True) for c in coordinates)
        self.dimension = len(self.symbols)
        self.start = start
        self.lipschitz = lipschitz
        if start is not None and len(start) != self.dimension:
            raise Misuse(f"{self.name}: the start {start} has {len(start)} coordinates, not {self.dimension}; give one per coordinate")

    def __repr__(self) -> str:
        inside = "".join(f", {k}={v}" for k, v in self.constants.items())
        return f"Landscape({self.name}{inside})"

    @cached_property
    def expression(self) -> sp.Expr:
        """J as a SymPy expression in `symbols`."""
        constants = {k: sp.Rational(str(v)) if isinstance(v, (int, float)) else sp.sympify(v) for k, v in self.constants.items()}
        try:
            result = sp.sympify(self.function(*self.symbols, **constants))
        except Exception as error:
            raise Misuse(
                f"problem {self.name!r} cannot be evaluated on symbols ({type(error).__name__}: {error}); "
                "use plain arithmetic, abs and SymPy functions in it"
            ) from error
        if not isinstance(result, sp.Expr):
            raise Misuse(f"problem {self.name!r} returns {type(result).__name__}; return one scalar expression")
        return sp.nsimplify(result, rational=True) if result.has(sp.Float) else result

    @cached_property
    def gradient_expression(self) -> sp.Matrix:
        """∇J, a column; at kinks sign(0) = 0, max and min taken in their `abs_form`."""
        expression = abs_form(self.expression)
        return sp.Matrix([sp.diff(expression, s) for s in self.symbols])

    @cached_property
    def hessian_expression(self) -> sp.Matrix:
        """∇²J away from kinks."""
        smooth = self.gradient_expression.replace(sp.DiracDelta, lambda *a: sp.Integer(0))
        return smooth.jacobian(self.symbols).replace(sp.DiracDelta, lambda *a: sp.Integer(0))

    @property
    def smooth(self) -> bool:
        """False when J contains abs, max, min or sign."""
        return not self.expression.has(sp.Abs, sp.Max, sp.Min, sp.sign, sp.Piecewise)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """All critical points with kind and exact Hessian spectrum, ordered by position."""
        return self._critical_points

    @cached_property
    def _critical_points(self) -> tuple[CriticalPoint, ...]:
        return critical_points(self)

    def value(self, x: Any) -> Any:
        return self._evaluate("value", x)[..., 0]

    def gradient(self, x: Any) -> Any:
        return self._evaluate("gradient", x)

    def hessian(self, x: Any) -> Any:
        flat = self._evaluate("hessian", x)
        return flat.reshape(*flat.shape[:-1], self.dimension, self.dimension)

    @cached_property
    def _compiled(self) -> dict[tuple[str, str], Callable[..., Any]]:
        return {}

    def _entries(self, what: str) -> list[sp.Expr]:
        if what == "value":
            return [self.expression]
        return list(self.gradient_expression if what == "gradient" else self.hessian_expression)

    def _evaluate(self, what: str, x: Any) -> Any:
        if x.shape[-1] != self.dimension:
            raise Misuse(f"{self.name} has {self.dimension} coordinates, the point has {x.shape[-1]}; give one value per coordinate")
        if str(x.dtype) == "object":
            return _substitute(self._entries(what), self.symbols, x)
        library = type(x).__module__.partition(".")[0]
        key = (what, library)
        if key not in self._compiled:
            modules: Any = "torch" if library == "torch" else "numpy"
            self._compiled[key] = sp.lambdify(self.symbols, self._entries(what), modules=modules, cse=True)
        rows = self._compiled[key](*(x[..., i] for i in range(self.dimension)))
        if library == "torch":
            import torch

            full = [r.expand(x.shape[:-1]) if isinstance(r, torch.Tensor) else x.new_full(x.shape[:-1], float(r)) for r in rows]
            return torch.stack(full, -1)
        return np.stack([np.broadcast_to(np.asarray(r, dtype=x.dtype), x.shape[:-1]) for r in rows], axis=-1)


def _coordinates(function: Callable[..., Any], constants: Mapping[str, Any], dimension: int | None, name: str) -> list[str]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise Misuse(f"problem {name!r} has no readable signature; define it with def and named coordinates") from None
    positional: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            if dimension is None:
                raise Misuse(f"problem {name!r} takes *{parameter.name}; give its dimension")
            positional += [f"{parameter.name}{i + 1}" for i in range(dimension - len(positional))]
        elif parameter.kind is parameter.KEYWORD_ONLY:
            if parameter.default is parameter.empty and parameter.name not in constants:
                raise Misuse(f"problem {name!r} needs {parameter.name}; write {name}({parameter.name}=...)")
        elif parameter.kind is not parameter.VAR_KEYWORD:
            positional.append(parameter.name)
    keywords = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    for key in constants:
        if key not in keywords:
            raise Misuse(f"problem {name!r} has no parameter {key!r}; its parameters are {', '.join(keywords) or 'none'}")
    if not positional:
        raise Misuse(f"problem {name!r} has no coordinates; define it as a function of at least one coordinate")
    if dimension is not None and dimension != len(positional):
        raise Misuse(f"problem {name!r} has {len(positional)} coordinates, not {dimension}; leave dimension out")
    return positional


def _substitute(entries: list[sp.Expr], symbols: tuple[sp.Symbol, ...], x: np.ndarray) -> np.ndarray:
    result = np.empty((*x.shape[:-1], len(entries)), dtype=object)
    for index in np.ndindex(x.shape[:-1]):
        values = dict(zip(symbols, (sp.sympify(v) for v in x[index]), strict=True))
        for j, entry in enumerate(entries):
            result[(*index, j)] = entry.xreplace(values)
    return result
