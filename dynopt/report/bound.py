"""A `Bound` as text for the terminal."""

from __future__ import annotations

from dynopt.report.summary import greek
from dynopt.symbolic.bounds import Bound


def text(found: Bound) -> str:
    """The intervals with exact and decimal ends, the closed form, the guarantee and the deciders."""
    low, high = found.spectrum
    lines = [f"{found.method}: {found.property} for every λ in [{low}, {high}]"]
    free = greek(found.parameter)
    if found.intervals is None:
        lines.append(f"  {free}: other parameters are symbols, so there is no interval; the closed form holds")
    elif not found.intervals:
        lines.append(f"  no {free} is admissible")
    else:
        for i in found.intervals:
            left, right = "[" if i.lower_closed else "(", "]" if i.upper_closed else ")"
            lines.append(f"  {free} in {i}   ≈ {left}{i.lower_float:.12g}, {i.upper_float:.12g}{right}")
    if found.closed_form is not None:
        where = greek(found.closed_form.interval)
        lines.append(f"closed form ({where}): {greek(str(found.closed_form) or 'always').replace('&', 'and')}")
    lines.append(f"guarantee: {found.guarantee}")
    lines += [f"decider {d['name']} {d['version']}: {d['answer']} in {d['seconds']} s" for d in found.deciders]
    return "\n".join(lines)
