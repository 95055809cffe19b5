"""Modified flows: what the iterates of a method really follow, to any order in the step, as flows that can be integrated."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.oracle import Oracle
from dynopt.core.problem import Problem
from dynopt.core.registry import method as named_method
from dynopt.core.registry import problem as named_problem
from dynopt.errors import Misuse
from dynopt.flow.clock import clock, own_flow
from dynopt.symbolic.modified import ModifiedEquation, at_small_steps, modified_equation, step


class ModifiedFlow(Flow):
    """s' = F₀(s) + hF₁(s) + … + h^{p−1}F_{p−1}(s), with h the time that one iteration of ``method`` takes.

    Over a fixed time the iterates stay within O(h^p) of it.  Order 1 is the method's own flow; order 2
    sees what a first-order method adds to it.  The state is that of the method's flow
    (`Algorithm.flow_state`), and so are the energies.  Higher derivatives of J come from ``problem``.

    Attributes
    ----------
    method : the algorithm, with numbers for parameters.
    problem : a smooth problem of few coordinates, known by its expression.
    order : p, from 1 to 4.
    """

    name = "modified_flow"
    references = ("Hairer, Lubich, Wanner 2006, §IX.1",)

    method: Any
    problem: Any
    order: int

    def check(self) -> None:
        if not isinstance(self.method, Algorithm):
            raise Misuse(f"{self.method!r} is not an algorithm; a modified flow belongs to one such as INNA(gamma=0.01)")
        _ = self.equation

    @property
    def equation(self) -> ModifiedEquation:
        """The terms F₀, …, F_{p−1}, symbolic (`dynopt.symbolic.modified`)."""
        return modified_equation(self.method, self.problem, self.order)

    @property
    def step(self) -> float:
        """h."""
        return float(clock(self.method).step)

    @property
    def start_time(self) -> float:  # type: ignore[override]
        return clock(self.method).start

    def init(self, theta0: Any, oracle: Oracle) -> Any:
        method = self.method.numeric()
        return method.flow_state(method.init(theta0, oracle))

    def field(self, state: Any, oracle: Oracle, t: Any) -> Any:
        equation, n = self.equation, self.problem.dimension
        values = at_small_steps(self.method)[1]
        coordinates = [block[..., i] for block in state for i in range(n)]
        rows = _compiled(equation)(self.step, [values[s] for s in equation.parameters], coordinates)
        return equation.kind(*(np.stack(rows[i : i + n], axis=-1) for i in range(0, len(rows), n)))

    def energies(self, state: Any, oracle: Oracle, t: Any) -> dict[str, Any]:
        own = own_flow(self.method)
        return {} if own is None else dict(own.numeric().energies(state, oracle, t))

    def call(self) -> str:
        return f"order-{self.order} modified flow of {self.method.call()}"

    def __repr__(self) -> str:
        return f"ModifiedFlow(method={self.method!r}, problem={self.problem!r}, order={self.order})"


@lru_cache(maxsize=64)
def _compiled(equation: ModifiedEquation) -> Callable[[float, list[float], list[Any]], list[Any]]:
    """The field as a function of h, the irrational parameters and the coordinates of all blocks, one after the other."""
    jets, state = equation.jets, equation.state
    total = list(sum(term * step**j for j, term in enumerate(equation.terms)).ravel())
    used = sorted(set().union(*(sp.sympify(e).free_symbols for e in total)) & set(jets.expressions), key=str)
    at = dict(zip(jets.coordinates, state[0], strict=True))
    derivatives = sp.lambdify([*state[0]], [jets.expressions[name].xreplace(at) for name in used], modules="numpy", cse=True)
    field = sp.lambdify([step, *equation.parameters, *state.ravel(), *used], total, modules="numpy", cse=True)

    def evaluate(h: float, parameters: list[float], coordinates: list[Any]) -> list[Any]:
        flat = field(h, *parameters, *coordinates, *derivatives(*coordinates[: jets.dimension]))
        return [np.broadcast_to(np.asarray(e, dtype=float), np.shape(coordinates[0])) for e in flat]

    return evaluate


def modified_flow(method: str | Algorithm, problem: str | Problem, order: int = 2) -> ModifiedFlow:
    """The flow of order 1 to 4 that a method's iterates follow on a problem; see `ModifiedFlow`.

    Raises
    ------
    Misuse : no modified equation exists or can be derived; the sentence says why
        (see `dynopt.symbolic.modified.modified_equation`).

    Examples
    --------
    On ½x² gradient descent with γ = 1/10 multiplies by 0.9, and ten of its steps are time 1 of the flow:

    >>> flow = modified_flow("gd(gamma=1/10)", "quadratic(spectrum=[1])", order=4)
    >>> from dynopt import problem
    >>> from dynopt.flow.integrate import integrate
    >>> integrate(flow, problem("quadratic(spectrum=[1])"), [1.0], 1.0).theta[-1].round(5), round(0.9**10, 5)
    (array([0.34869]), 0.34868)
    """
    chosen: Any = named_method(method) if isinstance(method, str) else method
    objective = named_problem(problem) if isinstance(problem, str) else problem
    return ModifiedFlow(method=chosen, problem=objective, order=order)
