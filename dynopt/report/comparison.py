"""A `Compared` as text for the terminal."""

from __future__ import annotations

from typing import Any

import sympy as sp

from dynopt.report.summary import greek
from dynopt.symbolic.faster import Compared

_WIDE = 400
"""Longer conditions are not printed; the document has them."""


def text(found: Compared) -> str:
    """The condition at one λ and for all, the exact set with decimals, growths and escape-time ratios, the deciders."""
    kind = "real part" if found.kind == "flows" else "modulus"
    equal = f" at equal {', '.join(map(greek, found.shared))}" if found.shared else ""
    lines = [f"{greek(found.first)} against {greek(found.second)}{equal}: growth is the largest {kind} of the multipliers of M(λ), λ < 0"]
    fixed = {
        "always": "  the first leaves faster at every λ < 0",
        "never": "  the first leaves faster at no λ < 0",
        "same": "  both grow at the same rate at every λ < 0",
    }
    lines.append(fixed.get(found.verdict) or f"  the first leaves faster at λ iff {_condition(found.condition)}")
    if found.whole is not None and found.verdict == "depends" and found.whole["condition"] != found.condition:
        every = found.whole["condition"]
        said = f"at every λ in [−L, 0) iff {_condition(every)}" if every != sp.false else "for no L at every λ in [−L, 0)"
        lines.append(f"  {said}" + _provided(found.whole["provided"]))
    if found.provided != sp.true:
        lines.append(f"  provided {_condition(found.provided)}: no mode flips its sign at every step")
    if found.intervals is not None:
        lines += _intervals(found)
    for r in found.ratios:
        lines.append(
            f"  λ = {r.eigenvalue}: growth {r.first:.6g} against {r.second:.6g}; "
            f"mean escape time of the first ≈ {r.time_ratio:.4g} × that of the second for small starts"
        )
    if found.note:
        lines.append(f"  {found.note}")
    seconds = sum(c["seconds"] for c in found.checks)
    open_parts = [c["part"] or "the condition" for c in found.checks if c["verdict"] != "proved"]
    settled = f"proved by both deciders, {len(found.checks)} parts in {seconds:.2g} s"
    lines.append(settled if not open_parts else f"NOT proved: {'; '.join(open_parts)}")
    return "\n".join(lines)


def _intervals(found: Compared) -> list[str]:
    low, high = found.spectrum
    name = greek(found.parameter)
    every = "" if found.parameter == "lamda" else f" for every λ in [{low}, {high}]"
    inside = f" in [{low}, {high}]" if found.parameter == "lamda" and low != -sp.oo else ""
    if not found.intervals:
        return [f"  the first leaves faster for no {name}{inside}{every}"]
    lines = [f"  {name}{inside} where the first leaves faster{every}:"]
    for i in found.intervals:
        left, right = "[" if i.lower_closed else "(", "]" if i.upper_closed else ")"
        lines.append(f"    {name} in {i}   ≈ {left}{i.lower_float:.12g}, {i.upper_float:.12g}{right}")
    return lines


def _provided(condition: Any) -> str:
    return "" if condition == sp.true else f", provided {_condition(condition)}"


def _condition(condition: Any) -> str:
    said = greek(condition).replace("&", "and").replace("|", "or")
    return said if len(said) <= _WIDE else f"the condition of {sp.count_ops(condition)} operations holds that --json prints"
