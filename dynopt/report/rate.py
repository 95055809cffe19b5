"""A `Rate` as text for the terminal."""

from __future__ import annotations

from math import isinf

import sympy as sp

from dynopt.report.summary import greek
from dynopt.symbolic.optima import OptimumAt, epsilon
from dynopt.symbolic.rates import Rate


def text(found: Rate) -> str:
    """The rate with its decimals and where it is attained, the best parameters and what they gain, the guarantee, the deciders."""
    low, high = found.spectrum
    lines = [f"{found.method}: worst case for λ in [{low}, {high}]"]
    if found.rate_float is not None:
        lines.append(f"  {found.unit}: {found.rate}   ≈ {found.rate_float:.12g}")
        whole = [(i.lower, i.upper) for i in found.attained_at] == [(low, high)]
        places = ", ".join(_number(i.lower, i.lower_float) for i in found.attained_at)
        lines.append("  attained at every λ of the interval" if whole and low != high else f"  attained at λ = {places}")
    if found.optimum is not None:
        lines += _optimum(found.optimum, found.unit)
    if found.loss is not None:
        lines.append(f"the given parameters {_loss(found)}")
    lines.append(f"guarantee: {found.guarantee}")
    lines += [f"decider {d['name']} {d['version']}: {d['answer']} in {d['seconds']} s" for d in found.deciders]
    return "\n".join(lines)


def _optimum(best: OptimumAt, unit: str) -> list[str]:
    closed = {name: greek(formula) for name, formula in best.closed_form.items()}
    lines = [f"{'best parameters' if best.attained else 'infimum, not attained'} ({closed['where']})"]
    for name, value in best.parameters.items():
        here = "ε → 0" if value.has(epsilon) else _number(value, float(value.evalf(20)))
        lines.append(f"  {greek(name)} = {closed[name]}   here {here}")
    lines.append(f"  {unit}: {closed['rate']}   here {_number(best.rate, best.rate_float)}")
    return [*lines, *([f"  {best.remark}"] if best.remark else [])]


def _number(exact: sp.Expr, decimals: float) -> str:
    if exact.is_Integer:
        return str(exact)
    return f"{exact} ≈ {decimals:.12g}" if len(str(exact)) <= 40 else f"{decimals:.12g}"


def _loss(found: Rate) -> str:
    assert found.loss is not None
    assert found.rate_float is not None
    flow = found.unit.startswith("decay")
    if not isinf(found.loss):
        return f"take {found.loss:.4g} times as {'long' if flow else 'many iterations'} as the best for the same accuracy"
    return "do not converge" if flow or found.rate_float >= 1 else "need infinitely many iterations, the best finitely many"
