"""From declared parameters to SymPy: exact numbers, symbols with the domain's assumptions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from dynopt.core.parameter import Domain, Parameter, is_schedule
from dynopt.core.registry import Call, method_class, parse_call
from dynopt.core.system import System
from dynopt.errors import Misuse

eigenvalue = sp.Symbol("lamda", real=True)
"""λ, an eigenvalue of the Hessian; spelled as SymPy spells it, because ``lambda`` cannot be parsed back."""


def exact(value: Any) -> sp.Expr:
    """The exact SymPy number (or expression) of a parameter value; a float is read by its shortest decimal.

    >>> exact(0.1), exact(Fraction(1, 3))
    (1/10, 1/3)
    """
    if isinstance(value, float):
        return sp.Rational(repr(value))
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    result = sp.sympify(value)
    return sp.nsimplify(result, rational=True) if result.has(sp.Float) else result


def assumptions(domain: Domain) -> dict[str, bool]:
    """SymPy assumptions that a domain implies."""
    if domain.lower == 0:
        return {"nonnegative": True} if domain.lower_closed else {"positive": True}
    if domain.lower > 0:
        return {"positive": True}
    return {"real": True}


def symbol(parameter: Parameter) -> sp.Symbol:
    """The symbol of a declared numeric parameter."""
    assert parameter.domain is not None
    return sp.Symbol(parameter.name, **assumptions(parameter.domain))


def symbolic(method: str | Call | type[System] | System, *free: str, defaults: bool = False) -> System:
    """The method with exact numbers where values are given and symbols elsewhere.

    ``method`` is a call (``"inna(alpha=1/2)"``), a class (all symbols) or an instance (all values);
    parameters named in ``free`` become symbols in any case.  With ``defaults``, parameters left out
    take their declared default where they have one.

    >>> symbolic("inna(alpha=1/2)").beta
    beta
    """
    if isinstance(method, str):
        method = parse_call(method)
    if isinstance(method, Call):
        cls, values = method_class(method.name), dict(method.values)
    elif isinstance(method, System):
        cls, values = type(method), {p.name: getattr(method, p.name) for p in method.parameters()}
    else:
        cls, values = method, {}
    for name in values:
        cls.parameter(name)
    for p in cls.numbers():
        value = values.get(p.name, p.default if defaults else None)
        if is_schedule(value):
            raise Misuse(f"{cls.name}: {p.name}={value} varies with the iteration; give a constant for a symbolic analysis")
        if p.name in free or value is None:
            values[p.name] = symbol(p)
        else:
            values[p.name] = exact(p.clean(cls.name, value))
    return cls(**values)
