"""An update traced on one element of its vectors: what a single pass over memory has to compute.

The definition runs once on SymPy symbols, each the same element of one vector: θ, the other blocks, the
gradients.  Parameters, numbers for each run, the iteration and inner products are numbers that all
elements share.  An inner product becomes a sum that must be finished before anything that uses it; a
gradient at another point than θ becomes a point that must be in the parameters before it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from dynopt.core.algorithm import Algorithm
from dynopt.ensemble.trace import Untraceable
from dynopt.optim.form import form
from dynopt.symbolic.carrier import Expressions
from dynopt.symbolic.symbols import symbolic

SIGN = sp.Symbol("sign", real=True)
"""−1 where the objective is maximised, else 1."""
DECAY = sp.Symbol("weight_decay", nonnegative=True)


class Iteration(sp.Symbol):
    """The iteration k; a branch on its value has no fixed text."""

    __slots__ = ()

    def __mod__(self, other: Any) -> Any:
        raise Untraceable("it does something else in some iterations (k % period), so that no fixed pass exists")


K = Iteration("k", integer=True, nonnegative=True)


@dataclass
class Tape:
    """What the update asked for, in order.

    Attributes
    ----------
    vectors : symbols of elements.
    sums : each inner product's symbol with the expression that is summed over all elements.
    asked : each gradient's symbol with the point where it was asked; the first, g0, is at θ, asked or not.
    order : the symbols of both, as they came.
    """

    vectors: set[sp.Symbol] = field(default_factory=set)
    sums: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    asked: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    order: list[sp.Symbol] = field(default_factory=list)

    def vector(self, name: str) -> Element:
        symbol = sp.Symbol(name, real=True)
        self.vectors.add(symbol)
        return self.element(symbol)

    def element(self, expression: Any) -> Element:
        found = np.array([expression], dtype=object).view(Element)
        found.tape = self
        return found

    def summed(self, expression: sp.Expr) -> sp.Expr:
        """The number Σ expression, over all elements; of a number, itself."""
        if not expression.free_symbols & self.vectors:
            return expression
        for symbol, known in self.sums.items():
            if known == expression:
                return symbol
        symbol = sp.Symbol(f"r{len(self.sums)}", real=True)
        self.sums[symbol] = expression
        self.order.append(symbol)
        return symbol

    def gradient(self, point: sp.Expr) -> sp.Symbol:
        for symbol, known in self.asked.items():
            if known == point:
                return symbol
        symbol = sp.Symbol(f"g{len(self.asked)}", real=True)
        self.vectors.add(symbol)
        self.asked[symbol] = point
        self.order.append(symbol)
        return symbol


class Element(Expressions):
    """One element of a vector, or a number: an array of one expression, whose sum is that over all elements.

    Arithmetic, ``sqrt``, ``where``, ``minimum`` and ``maximum`` are those of object arrays of expressions, and an
    inner product ends in a sum.
    """

    __array_priority__ = 1.0
    tape: Tape

    def __array_finalize__(self, other: Any) -> None:
        self.tape = getattr(other, "tape", None)  # type: ignore[assignment]

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        return self.tape.element(self.tape.summed(sp.sympify(self[0])))


@dataclass(frozen=True)
class Asked:
    """The oracle of a trace: a gradient is a new element, anything else cannot be traced."""

    tape: Tape
    coupled: bool

    def gradient(self, x: Any) -> Element:
        point = sp.sympify(x[0])
        slope = SIGN * self.tape.gradient(point)
        return self.tape.element(slope + DECAY * point if self.coupled else slope)

    def full_gradient(self, x: Any) -> Any:
        raise Untraceable("it asks for the full gradient, which is no function of this step's gradients")

    def value(self, x: Any) -> Any:
        raise Untraceable("it asks for the objective's value in the middle of a step")

    def expected_variation(self, x: Any) -> Any:
        raise Untraceable("it asks for the expected variation of the gradient")

    def noise(self, x: Any, every: Any = 1) -> Any:
        raise Untraceable("it draws random numbers")

    def uniform(self, x: Any) -> Any:
        raise Untraceable("it draws random numbers")

    def at(self, k: int) -> Asked:
        return self


@dataclass(frozen=True)
class Traced:
    """An update on one element.

    Attributes
    ----------
    blocks : the names of the state's blocks, θ first.
    vectors : those that are vectors; the others are a number for each run.
    symbols : the symbol of each block.
    tape : what the update asked for.
    after : each block's next value.
    """

    blocks: tuple[str, ...]
    vectors: tuple[str, ...]
    symbols: tuple[sp.Symbol, ...]
    tape: Tape
    after: tuple[sp.Expr, ...]


def traced(cls: type[Algorithm], options: Mapping[str, str], decay: str = "") -> Traced:
    """Trace ``cls.update`` with weight decay ``"coupled"`` (∇J + λθ), ``"decoupled"`` (θ(1 − γλ) first) or none.

    Raises
    ------
    Untraceable : an update that asks for more than gradients, or branches on values or on the iteration.
    """
    kind: Any = cls
    method: Any = symbolic(cls)
    method = method.replace(**options) if options else method
    tape = Tape()
    asked = Asked(tape, decay == "coupled")
    kind, numbers = form(kind, tuple((p.name, getattr(method, p.name)) for p in cls.parameters() if p.domain is None))
    try:
        names = [f"n_{n}" if n in numbers else f"x_{n}" for n in kind._fields]
        state = kind(*(tape.element(sp.Symbol(n, real=True)) if n.startswith("n_") else tape.vector(n) for n in names))
        symbols = tuple(block[0] for block in state)
        if decay == "decoupled":
            state = state._replace(**{state._fields[0]: state[0] * (1 - method.gamma * DECAY)})
        tape.gradient(state[0][0])
        after = [sp.sympify(np.ravel(block)[0]) for block in method.update(state, asked, K)]
    except Untraceable as error:
        raise Untraceable(f"{cls.name} has no fused step: {error}") from None
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise Untraceable(f"{cls.name} has no fused step: it does not run on symbols ({error})") from error
    counted = sorted({str(f.func) for e in after for f in e.atoms(AppliedUndef)})
    if counted:
        raise Untraceable(f"{cls.name} has no fused step: {counted[0]} is counted by the iteration")
    vectors = tuple(n for n in kind._fields if n not in numbers)
    for name, expression in zip(kind._fields, after, strict=True):
        if name in numbers and expression.free_symbols & tape.vectors:
            raise Untraceable(f"{cls.name} has no fused step: its number {name} becomes a vector")
    return Traced(kind._fields, vectors, symbols, tape, tuple(after))
