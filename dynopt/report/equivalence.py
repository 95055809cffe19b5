"""An `Equivalence`, or a table of them, as text for the terminal."""

from __future__ import annotations

from dynopt.report.summary import greek
from dynopt.symbolic.equivalence import Equivalence
from dynopt.symbolic.relations import Relations


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


def table(found: Relations) -> str:
    """One line a relation, then the pairs without one by their reason."""
    lines: list[str] = []
    rows = [(e, r) for e in found.pairs for r in e.relations]
    width = max((len(e.first) for e, _ in rows), default=0)
    second = max((len(e.second) for e, _ in rows), default=0)
    for e, r in rows:
        values = ", ".join(f"{greek(name)} = {greek(value)}" for name, value in r.substitution.items())
        where = f"   where {'; '.join(map(greek, r.condition))}" if r.condition else ""
        lines.append(f"{e.first:<{width}} is {e.second:<{second}} with {values}{where}" + ("" if r.verified else "   NOT verified"))
    reasons: dict[str, list[str]] = {}
    for e in found.pairs:
        if not e.relations:
            kind = "none" if e.note.startswith("no parameters") else e.note
            reasons.setdefault(kind, []).append(f"{e.first} → {e.second}")
    verified = sum(r.verified for _, r in rows)
    related = sum(bool(e.relations) for e in found.pairs)
    lines += [
        "",
        f"{len(rows)} relations between {related} of {len(found.pairs)} ordered pairs, {verified} verified",
    ]
    lines += [f"no relation: {', '.join(reasons.pop('none'))}"] if "none" in reasons else []
    for reason, pairs in reasons.items():
        shown = f"{len(pairs)} pairs" if reason.startswith("not comparable") else ", ".join(pairs)
        lines.append(f"{shown}: {greek(reason)}")
    return "\n".join(lines)
