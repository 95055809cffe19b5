"""A `Summary` as text for the terminal."""

from __future__ import annotations

import re
from typing import Any

import sympy as sp

from dynopt.symbolic.summary import Summary


def text(summary: Summary) -> str:
    """Everything that `show` derived, with Greek letters where the names are Greek."""
    mark = "'" if summary.kind == "flow" else "⁺"
    lines = [f"{summary.method} ({summary.kind})", summary.description, "", "parameters"]
    for p in summary.parameters:
        default = "" if p["default"] is None else f", default {p['default']}"
        lines.append(f"  {p['name']} in {p['domain']}{default}: {p['meaning']}")
    lines += ["", "update" if mark == "⁺" else "field"]
    update, parts = _named(summary.update)
    lines += [f"  {greek(name)}{mark} = {greek(e)}" for name, e in update.items()]
    lines += [f"    with {name} = {greek(e)}" for name, e in parts]
    if summary.flow:
        given = ", ".join(f"{k}={v}" for k, v in summary.flow["parameters"].items())
        lines += ["", f"flow {summary.flow['method']}({given}), time step {greek(summary.flow['time_step'])}"]
        lines += [f"  {greek(name)}' = {greek(e)}" for name, e in summary.flow["field"].items()]
    if summary.modified:
        lines += ["", *_modified(summary.modified)]
    if summary.mode_matrix is not None:
        matrix = _indent(sp.pretty(summary.mode_matrix, use_unicode=True, wrap_line=False))
        lines += ["", "mode matrix M(λ), one block per Hessian eigenvalue λ", matrix]
        lines += ["", "characteristic polynomial det(zI − M(λ))", f"  {greek(summary.characteristic_polynomial)}"]
    for c in summary.conditions:
        lines += ["", f"{c.property} iff", f"  {greek(c.holds_iff).replace('&', 'and').replace('|', 'or')}"]
        if c.closed_form is not None:
            where = f"   {greek(c.where)}" if c.where else ""
            lines.append(f"  that is, {greek(str(c.closed_form) or 'always').replace('&', 'and')}{where}")
        lines.append(f"  guarantee: {c.guarantee}")
    if summary.note:
        lines += ["", summary.note]
    return "\n".join([*lines, "", "references", *(f"  {r}" for r in summary.references)])


_LONG = 120
"""Characters of a line from which its repeated gradients, norms and inner products get names."""


def _named(update: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[sp.Symbol, Any]]]:
    """The update with short names g1, n1, p1, … for gradients, norms and products that a long line repeats, and what they stand for."""
    parts: list[tuple[sp.Symbol, Any]] = []
    while any(len(str(e)) > _LONG for e in update.values()):
        trees = [*update.values(), *(e for _, e in parts)]
        calls = [e for tree in trees for e in sp.preorder_traversal(tree) if isinstance(e, sp.Function) and type(e).__name__ in _LETTERS]
        repeated = [e for e in dict.fromkeys(calls) if calls.count(e) > 1]
        if not repeated:
            break
        call = min(repeated, key=lambda e: len(str(e)))
        letter = _LETTERS[type(call).__name__]
        symbol = sp.Symbol(f"{letter}{sum(str(s).startswith(letter) for s, _ in parts) + 1}")
        parts = [(s, e.xreplace({call: symbol})) for s, e in parts] + [(symbol, call)]
        update = {name: e.xreplace({call: symbol}) for name, e in update.items()}
    return update, parts


_LETTERS = {"_Gradient": "g", "Norm": "n", "Inner": "p"}


def _modified(found: dict[str, Any]) -> list[str]:
    order = found["order"]
    readings = ("g is ∇J", "H·g is ∇²J∇J", "T·g² is ∇³J[∇J, ∇J]")[:order]
    reading = ", ".join(readings) if order < 4 else "g, H, T, Q are the derivatives of J in one coordinate"
    lines = [f"modified equation of order {order}: h = {greek(found['step'])}, {reading}"]
    for name, terms in found["terms"].items():
        powers = [greek(e) if j == 0 else f"h{'' if j == 1 else str(j).translate(_SUPERSCRIPTS)}·({greek(e)})" for j, e in enumerate(terms)]
        kept = [p for p, e in zip(powers, terms, strict=True) if e != 0]
        lines += [f"  {greek(name)}' = {kept[0]}", *(f"     + {p}" for p in kept[1:])]
    return lines


_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ", "lamda": "λ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_NAMES = re.compile(rf"(?<![^\W\d_])({'|'.join(_GREEK)})(?![^\W\d_])")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def greek(expression: object) -> str:
    """An expression's text with Greek letters for Greek names, and signs for powers, products, roots and comparisons.

    >>> greek("alpha*beta**2"), greek("sqrt(mu) >= 0"), greek("Ne(sqrt(eta), 0)")
    ('α·β²', '√(μ) ≥ 0', '√(η) ≠ 0')
    """
    sides = r"\(((?:[^,()]|\([^()]*\))*), ((?:[^,()]|\([^()]*\))*)\)"
    result = re.sub(r"\bNe" + sides, r"\1 ≠ \2", str(expression))
    result = re.sub(r"\bEq" + sides, r"\1 = \2", result)
    result = result.replace("theta_prev", "θ₋").replace("grad J", "∇J")
    result = _NAMES.sub(lambda m: _GREEK[m[1]], result)
    result = re.sub(r"\bsqrt\(", "√(", result).replace(">=", "≥").replace("<=", "≤")
    return re.sub(r"\*\*(\d+)", lambda m: m[1].translate(_SUPERSCRIPTS), result).replace("**", "^").replace("*", "·")


def _indent(block: str) -> str:
    return "\n".join("  " + line for line in block.splitlines())
