"""A recovered linear map as a definition, so that everything dynopt does to a method can be done to it."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import sympy as sp

from dynopt.auditor.linear import LinearMap
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Domain
from dynopt.symbolic.bounds import Interval, bound
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import symbolic


class Recovered(Algorithm):
    """θ⁺ = −a₁θ + x₂ + γb₁∇J(θ),  xᵢ⁺ = −aᵢθ + xᵢ₊₁ + γbᵢ∇J(θ),  x_m⁺ = −a_mθ + γb_m∇J(θ),  xᵢ = sᵢθ₀ at the start.

    γ = 1 is the map that was recovered, any other value a gradient scaled by γ.  Concrete classes, one an order, come from `definition`.
    """

    def _coefficients(self, letter: str) -> list[Any]:
        return [getattr(self, p.name) for p in self.numbers() if p.name[0] == letter and p.name[1:].isdigit()]

    def init(self, theta0: Any, oracle: Oracle) -> Any:
        starts = self._coefficients("s")
        return _blocks(len(starts) + 1)(theta0, *(s * theta0 for s in starts))

    def update(self, state: Any, oracle: Oracle, k: Any) -> Any:
        gradient = self.gamma * oracle.gradient(state.theta)  # type: ignore[attr-defined]
        after = [
            b * gradient - a * state.theta + x
            for a, b, x in zip(self._coefficients("a"), self._coefficients("b"), (*state[1:], 0), strict=True)
        ]
        return type(state)(*after)


@functools.cache
def _blocks(order: int) -> Any:
    return NamedTuple("Blocks", [("theta", Any), *((f"x{i}", Any) for i in range(2, order + 1))])


@functools.cache
def _class(order: int) -> Any:
    real = Domain.parse("(-oo, oo)")
    names = {f"a{i}": "coefficient of the recurrence" for i in range(1, order + 1)}
    names |= {f"b{i}": "coefficient of the gradient" for i in range(1, order + 1)}
    names |= {f"s{i}": "initial state for a unit start" for i in range(2, order + 1)}
    body: dict[str, Any] = {n: dataclasses.field(metadata={"parameter": {"meaning": m, "domain": real}}) for n, m in names.items()}
    factor = {"meaning": "factor on every gradient", "domain": Domain.parse("(0, oo)")}
    body["gamma"] = dataclasses.field(default=1, metadata={"parameter": factor})
    annotations = dict.fromkeys(body, Any)
    return type("RecoveredMap", (Recovered,), {**body, "__annotations__": annotations, "name": "recovered", "__doc__": Recovered.__doc__})


def definition(found: LinearMap) -> Any:
    """The definition of a recovered map, its coefficients exact.

    >>> from fractions import Fraction
    >>> one = LinearMap((Fraction(-1),), (Fraction(-1, 10),), (Fraction(-1, 10),), (Fraction(1),), True, 0.0)
    >>> definition(one)
    RecoveredMap(a1=-1, b1=-1/10, gamma=1)
    """
    values = {f"a{i}": a for i, a in enumerate(found.a, start=1)}
    values |= {f"b{i}": b for i, b in enumerate(found.b, start=1)}
    values |= {f"s{i}": s for i, s in enumerate(found.start[1:], start=2)}
    return _class(found.order).make(**values)


@functools.lru_cache(maxsize=256)
def space_of(found: LinearMap) -> StateSpace:
    """Its state-space form in exact numbers."""
    return state_space(symbolic(definition(found)))


@functools.lru_cache(maxsize=256)
def stable_eigenvalues(found: LinearMap) -> tuple[Interval, ...]:
    """The λ > 0 at which the map is stable: γ and λ enter M(λ) as a product, so those of γ at λ = 1."""
    return tuple(bound(definition(found), "stable", (1, 1)).intervals or ())


def strings(matrix: sp.Matrix) -> list[list[str]]:
    """A matrix as rows of SymPy-parsable strings."""
    return [[str(e) for e in matrix.row(i)] for i in range(matrix.shape[0])]
