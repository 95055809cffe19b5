"""An `Equivalence` as text for the terminal."""

from __future__ import annotations

from dynopt.report.summary import greek
from dynopt.symbolic.equivalence import Equivalence


def text(found: Equivalence) -> str:
    """Each relation with its conditions and its change of state."""
    if not found.relations:
        return f"{found.first} and {found.second}: no relation ({found.note})"
    lines = [f"{found.first} is {found.second} with"]
    for i, relation in enumerate(found.relations):
        lines += ["or with"] if i else []
        lines += [f"  {greek(name)} = {greek(value)}" for name, value in relation.substitution.items()]
        lines += [f"  where {greek(condition)}" for condition in relation.condition]
        lines += (
            ["  state: " + ", ".join(f"{greek(k)} = {greek(v)}" for k, v in relation.state_change.items())] if relation.state_change else []
        )
        checks = "by symbolic iterates and by running both on a function that is not quadratic"
        lines.append(
            f"  verified {checks}" if relation.verified else "  NOT verified: equal transfer functions, but no state change was found"
        )
    return "\n".join(lines)
