"""Where two maps differ: the first coefficient, by name, that they have otherwise."""

from __future__ import annotations

import dataclasses
from typing import Any

from dynopt.auditor.compare import Difference
from dynopt.auditor.fit import Formula
from dynopt.auditor.linear import LinearMap, short
from dynopt.auditor.look import Seen, look_again, text
from dynopt.auditor.matching import EQUAL, Match, matches
from dynopt.auditor.norms import NormForm
from dynopt.auditor.subject import Subject
from dynopt.core.registry import method_class


def where(difference: Difference, seen: Seen, reference: Subject) -> dict[str, Any]:
    """The coefficient as far as both maps were recovered, and the first iterate that differs."""
    coefficient, value, expected = _coefficient(seen, reference)
    return {
        "coefficient": coefficient,
        "value": value,
        "expected": expected,
        "iteration": difference.step,
        "sequence": difference.sequence,
        "coordinate": difference.coordinate,
        "iterate": difference.value,
        "iterate_expected": difference.expected,
    }


def _coefficient(seen: Seen, reference: Subject) -> tuple[str | None, Any, Any]:
    """The first coefficient, by name, that the two maps have otherwise, as far as both were recovered."""
    other = look_again(reference)
    if seen.linear is not None and other.linear is not None:
        ours = [*seen.matches, *(m for b in other.good for m in matches(seen.linear, (b.method,)))]
        return _linear_coefficient(seen.linear, other.linear, ours, other.matches)
    if seen.structure.questions != other.structure.questions:
        return "gradients an iteration", seen.structure.questions, other.structure.questions
    if seen.structure.coupling != other.structure.coupling:
        return "coupling", seen.structure.coupling, other.structure.coupling
    if seen.structure.linear != other.structure.linear:
        kinds = ["linear" if s.structure.linear else "non-linear" for s in (seen, other)]
        return "the map", kinds[0], kinds[1]
    if seen.formula is not None and other.formula is not None:
        return _formula_coefficient(seen.formula, other.formula)
    if seen.norm is not None and other.norm is not None:
        return _norm_coefficient(seen.norm, other.norm)
    if seen.gains is not None and other.gains is not None:
        return "law of the gains", seen.gains.law or "none found", other.gains.law or "none found"
    return None, None, None


def _linear_coefficient(one: LinearMap, two: LinearMap, ours: list[Match], theirs: list[Match]) -> tuple[str | None, Any, Any]:
    """Parameters by name where both maps are one method and short numbers say it; otherwise the first coefficient of the recurrence."""
    for a in ours:
        for b in theirs:
            if max(a.distance, b.distance) > EQUAL or a.method != b.method:
                continue
            if a.decay != b.decay:
                return "weight decay", a.decay, b.decay
            pairs = {"sign of the gradient": (a.sign, b.sign), "weight decay": (a.weight, b.weight)}
            defaults = {p.name: p.default for p in method_class(a.method).numbers()}
            pairs |= {k: (a.values.get(k, defaults[k]), b.values.get(k, defaults[k])) for k in {**b.values, **a.values}}
            off = {k: (x, y) for k, (x, y) in pairs.items() if abs(float(x) - float(y)) > 1e-11}
            if off and not any(isinstance(x, float) for x, _ in off.values()):
                return ", ".join(off), ", ".join(text(x) for x, _ in off.values()), ", ".join(text(y) for _, y in off.values())
    if one.order != two.order:
        return "order", one.order, two.order
    for letter in ("a", "b", "first", "settled"):
        for i, (x, y) in enumerate(zip(getattr(one, letter), getattr(two, letter), strict=True), start=1):
            if abs(float(x - y)) > 1e-11 * max(abs(float(y)), 1e-6):
                place = {
                    "a": f"a{i}, coefficient of θ",
                    "b": f"b{i}, coefficient of the gradient",
                    "first": "state after the first gradient",
                }
                return place.get(letter, "state after the first step"), text(x), text(y)
    return None, None, None


def _formula_coefficient(one: Formula, two: Formula) -> tuple[str | None, Any, Any]:
    for name in ("rule", "says", "decay"):
        if getattr(one, name) != getattr(two, name):
            words = {"rule": "rule", "says": "variant", "decay": "weight decay"}
            return words[name], getattr(one, name), getattr(two, name)
    for name, x in one.constants.items():
        y = two.constants[name]
        if abs(x - y) > 1e-9 * abs(y):
            return name, short(x), short(y)
    return None, None, None


def _norm_coefficient(one: NormForm, two: NormForm) -> tuple[str | None, Any, Any]:
    for f in dataclasses.fields(one):
        x, y = getattr(one, f.name), getattr(two, f.name)
        if x != y and not (isinstance(x, float) and abs(x - y) <= 1e-9 * abs(y)):
            return f.name, x, y
    return None, None, None
