"""The parameters with which a method follows the same flow in another time step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp

from dynopt.core.algorithm import Algorithm
from dynopt.core.parameter import Parameter, is_schedule
from dynopt.symbolic.symbols import exact, symbol


def at_step(
    method: Algorithm, constants: list[Parameter], step_of: Callable[[Any], Any], held: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Values of the parameters ``constants``, exact, with which the method follows the same flow at the time step ``step_of(now)``.

    Held fixed are all parameters of ``method.flow()``, at their values or at those given in ``held``.
    A parameter of the method with a default keeps its value where the others suffice.  Solutions that
    leave a parameter open are left out; nothing comes when the method declares no flow.
    """
    kept = {p.name: exact(getattr(method, p.name)) for p in constants}
    for free in ([p for p in constants if p.required], constants):  # what has a default stays where it is, if that can be
        unknown = {p.name: symbol(p) for p in free}
        asked, wanted = method.replace(**{**kept, **unknown}).flow(), method.replace(**kept).flow()
        if asked is None or wanted is None:
            return
        equations = [] if is_schedule(wanted[1]) else [asked[1] - step_of(wanted[1])]
        for p in wanted[0].numbers():
            if not is_schedule(value := getattr(wanted[0], p.name)):
                equations.append(getattr(asked[0], p.name) - (held or {}).get(p.name, value))
        equations = [e for e in map(sp.sympify, equations) if e != 0]
        for solution in sp.solve(equations, list(unknown.values()), dict=True) if equations else [{}]:
            values = {**kept, **{name: solution.get(s, kept[name]) for name, s in unknown.items()}}
            if not any(v.free_symbols & set(unknown.values()) for v in solution.values()):
                yield values
