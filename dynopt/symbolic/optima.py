"""The best parameters on quadratics with spectrum in [μ, L], in closed form.

These formulas are statements, not derivations: `analysis/rates.py` has each of them proved, that the
parameters reach the rate and that no admissible parameters do better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from dynopt.core.registry import METHODS, method_class
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.symbolic.closed_form import L, mu

epsilon = sp.Symbol("epsilon", positive=True)
"""ε, for an infimum that no parameters attain: it is approached as ε → 0."""


@dataclass(frozen=True)
class Optimum(Result):
    """The best parameters of one method where ``where`` holds.

    Attributes
    ----------
    parameters : formulas in μ, L, in ε where the infimum is not attained, and in parameters named before.
    rate : the smallest worst-case spectral radius (for a flow the largest decay).
    attained : whether the parameters attain it; otherwise they approach it as ε → 0.
    where : the pairs (μ, L) that it holds for, beside 0 < μ ≤ L.
    remark : other optima, or why there is none.
    """

    parameters: Mapping[str, sp.Expr]
    rate: sp.Expr
    attained: bool = True
    where: Any = sp.true
    remark: str = ""

    def explicit(self) -> tuple[dict[str, sp.Expr], sp.Expr]:
        """The parameters and the rate in μ, L and ε alone."""
        known: dict[sp.Symbol, sp.Expr] = {}
        for name, formula in self.parameters.items():
            known[_gamma if name == "gamma" else sp.Symbol(name, positive=True)] = formula.subs(known)
        return {s.name: e for s, e in known.items()}, self.rate.subs(known)


@dataclass(frozen=True)
class OptimumAt(Result):
    """An `Optimum` at two numbers μ and L.

    Attributes
    ----------
    parameters, rate, rate_float : exact values, and the rate's decimals.
    closed_form : the formulas as text, the rate among them under ``rate``, and ``where`` they hold.
    attained, remark : as in `Optimum`.
    """

    parameters: dict[str, sp.Expr]
    rate: sp.Expr
    rate_float: float
    closed_form: dict[str, str]
    attained: bool
    remark: str


_gamma, _beta = sp.Symbol("gamma", positive=True), sp.Symbol("beta", positive=True)
_m, _M, _two = sp.sqrt(mu), sp.sqrt(L), sp.sqrt(2)
_heavy = (_M - _m) / (_M + _m)
_step = 4 / (_M + _m) ** 2
_root = sp.sqrt(3 * L + mu)
_turn = 5 + 4 * _two

OPTIMA: dict[str, tuple[Optimum, ...]] = {
    "gd": (Optimum({"gamma": 2 / (L + mu)}, (L - mu) / (L + mu)),),
    "step_tuned_frozen": (Optimum({"gamma": 2 / (L + mu)}, ((L - mu) / (L + mu)) ** 2),),
    "heavy_ball": (Optimum({"gamma": _step, "momentum": _heavy**2}, _heavy),),
    "heavy_ball_velocity": (
        Optimum(
            {"gamma": _step, "momentum": _heavy**2, "dampening": sp.Integer(0)}, _heavy,
            remark="any other dampening does as well, with gamma divided by 1 - dampening",
        ),
    ),
    "nesterov": (Optimum({"gamma": 4 / (3 * L + mu), "momentum": (_root - 2 * _m) / (_root + 2 * _m)}, 1 - 2 * _m / _root),),
    "qhm": (
        Optimum({"gamma": 1 / (_m * _M), "momentum": _heavy**2, "nu": sp.Integer(1)}, _heavy, remark="it is the heavy ball at its optimum"),
    ),
    "triple_momentum": (
        Optimum(
            {"gamma": _step, "momentum": _heavy**2, "extrapolation": sp.Integer(0)}, _heavy, remark="it is the heavy ball at its optimum"
        ),
    ),
    "aggregated_momentum": (
        Optimum(
            {"gamma": _step, "momentum1": _heavy**2, "momentum2": _heavy**2}, _heavy,
            remark="with equal velocities it is the heavy ball; a second one does not help",
        ),
    ),
    "inna": (
        Optimum(
            {"gamma": 2 / (_M + _m), "beta": 2 / (_M + _m), "alpha": 2 * _m * _M / (_M + _m)}, _heavy,
            remark="beta = gamma makes INNA the heavy ball, here at its optimum",
        ),
    ),
    "semi_implicit_din": (
        Optimum(
            {"gamma": 2 * (1 + epsilon) / (_M + _m), "beta": 2 / (_M + _m), "alpha": (2 + epsilon + _heavy**2 / epsilon) / _gamma},
            _heavy, attained=False, where=sp.Gt(L, mu),
            remark="the infimum is the heavy ball's rate, approached as epsilon -> 0 but not attained: alpha grows without bound",
        ),
        Optimum({"gamma": 1 / _m, "beta": 1 / _m, "alpha": sp.Integer(0)}, sp.Integer(0), where=sp.Eq(L, mu), remark="with any alpha"),
    ),
    "innaprop_frozen": (
        Optimum(
            {"gamma": 2 / (_M + _m), "beta": _gamma / (1 - epsilon), "alpha": 2 * _m * _M / (_M + _m), "gain": 1 - epsilon},
            _heavy, attained=False,
            remark="the infimum is the heavy ball's rate, approached as epsilon -> 0 but not attained: gamma = beta is excluded",
        ),
    ),
    "midpoint_din": (
        Optimum(
            {"gamma": 2 / sp.sqrt(L + mu), "beta": 1 / sp.sqrt(L + mu), "alpha": sp.sqrt(L + mu) / 2},
            (L - mu) / (_two * (L + mu)), where=sp.Le(L, _turn * mu),
        ),
        Optimum(
            {
                "gamma": (2 + 2 * _two) / (sp.sqrt((2 + 2 * _two) * (L - mu)) + _two * _m),
                "beta": (_gamma**2 * L / 2 + 1 - 2 * _gamma * _m) / (_gamma * (L - mu)),
                "alpha": 2 * _m - _beta * mu,
            },
            ((1 - _gamma * _m) ** 2 + 1) / 2, where=sp.Gt(L, _turn * mu),
        ),
    ),
    "din": (
        Optimum(
            {"beta": 1 / _m, "alpha": _m}, _m,
            remark="any beta in (0, 1/sqrt(mu)] with alpha = 2*sqrt(mu) - beta*mu does as well, none does better",
        ),
    ),
    "hbf": (Optimum({"alpha": 2 * _m}, _m),),
}  # fmt: skip


def optimum(method: type[System], low: sp.Rational, high: sp.Rational) -> OptimumAt | None:
    """The best parameters of a method at numbers; None where none are known or ``low`` is not positive.

    >>> from dynopt import HeavyBall
    >>> optimum(HeavyBall, sp.Integer(1), sp.Integer(9)).parameters
    {'gamma': 1/4, 'momentum': 1/4}
    """
    if low <= 0 or method.name not in OPTIMA or method_class(method.name) is not method:
        return None
    at = {mu: low, L: high}
    found = next(o for o in OPTIMA[method.name] if sp.sympify(o.where).subs(at) == sp.true)
    parameters, value = found.explicit()
    formulas = {name: str(e) for name, e in found.parameters.items()} | {"rate": str(found.rate)}
    where = "0 < mu <= L" if found.where == sp.true else f"{found.where}, 0 < mu <= L"
    exact = _shortest(value.subs(at))
    return OptimumAt(
        {name: _shortest(e.subs(at)) for name, e in parameters.items()}, exact, float(sp.N(exact, 20)),
        {**formulas, "where": where}, found.attained, found.remark,
    )  # fmt: skip


def _shortest(e: sp.Expr) -> sp.Expr:
    """The number as it is or with a rational denominator, whichever is shorter (nested roots only grow)."""
    nested = any(r.base.has(sp.Pow) for r in e.atoms(sp.Pow) if r.exp == sp.S.Half)
    return e if e.has(epsilon) or nested else min((e, sp.expand(sp.radsimp(e))), key=lambda x: len(str(x)))


assert set(OPTIMA) <= set(METHODS)
