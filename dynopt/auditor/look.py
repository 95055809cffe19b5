"""Probing one box: its structure, then the map of that kind, then its conventions."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynopt.auditor.box import Box, MethodBox, Probe, script
from dynopt.auditor.compare import compare
from dynopt.auditor.fit import Formula, fit
from dynopt.auditor.gains import Gains, gains
from dynopt.auditor.linear import LinearMap, recurrence, responses, short, time_invariant
from dynopt.auditor.matching import EQUAL, Match, matches
from dynopt.auditor.norms import NormForm, norm_form
from dynopt.auditor.structure import Structure, structure
from dynopt.auditor.subject import Subject, method_subject
from dynopt.auditor.torch_box import TorchBox
from dynopt.core.registry import method_class
from dynopt.core.system import System


@dataclass
class Seen:
    """What probing one box showed."""

    structure: Structure
    reason: str = ""
    linear: LinearMap | None = None
    gains: Gains | None = None
    matches: list[Match] = field(default_factory=list)
    formula: Formula | None = None
    norm: NormForm | None = None
    conventions: list[str] = field(default_factory=list)

    @property
    def good(self) -> list[Match]:
        """The registered methods that are the same map."""
        return [m for m in self.matches if m.distance <= EQUAL]

    @property
    def recovered(self) -> bool:
        return any(x is not None for x in (self.linear, self.gains, self.formula, self.norm))


@functools.lru_cache(maxsize=32)
def _of_method(system: System, name: str) -> Seen:
    return look(method_subject(system))


def look_again(reference: Subject) -> Seen:
    """What probing a reference shows; a definition is probed once, however often it is compared with."""
    try:
        return _of_method(reference.box.method, reference.name)
    except (AttributeError, TypeError):  # a torch optimizer, or a parameter that cannot be hashed
        return look(reference)


def look(subject: Subject) -> Seen:
    """Structure first, then the map of that kind."""
    box = subject.box
    if isinstance(box, TorchBox) and box.failure:
        return Seen(Structure(obstacle=box.failure), box.failure)
    found = structure(box)
    seen = Seen(found, found.obstacle)
    if found.obstacle:
        return seen
    if found.questions > 1:
        seen.reason = f"it asks for {found.questions} gradients an iteration; compare it with a method (--against)"
    elif found.linear:
        _look_linear(seen, box)
    elif found.coupling == "element-wise":
        seen.formula = fit(box, subject.numbers)
        seen.reason = f"{seen.formula}" if seen.formula else _unrecognised(found)
    else:
        seen.norm = None if found.feels_start else norm_form(box, found.coupling)
        seen.reason = str(seen.norm) if seen.norm else _unrecognised(found)
    return seen


def _unrecognised(found: Structure) -> str:
    if found.affine:
        return "affine: it adds a constant that neither start nor gradients explain"
    if found.coupling == "element-wise":
        return "element-wise and non-linear, and none of the known rules reproduces it"
    reach = "all parameters" if found.coupling == "global" else "its tensor"
    felt = " and where they are (a trust ratio, as in LARS and LAMB, or a matrix method)" if found.feels_start else ""
    return f"non-linear, every coordinate feels {reach}{felt}, and it is not a norm that scales the gradient"


def _look_linear(seen: Seen, box: Box) -> None:
    found = responses(box)
    linear = recurrence(found) if time_invariant(found) else None
    if linear is None:
        seen.gains = gains(box)
        law = f"gain k is gain 0 times {seen.gains.law}" if seen.gains.law else "no simple law fits its gains"
        seen.reason = f"linear, but its coefficients change with the iteration: {law}"
        seen.reason += ", to single precision" if seen.gains.single else ""
        return
    form = _form(box) if linear.order > 1 else []
    seen.linear, seen.matches = linear, list(matches(linear))
    if form and form[0].startswith("velocity"):  # of two names for one map, the one that keeps its form under a schedule
        seen.matches.sort(key=lambda m: m.method != "heavy_ball_velocity")
    good = seen.good
    later = " after the first step" if linear.first_is_special or linear.start_is_special else ""
    seen.reason = f"the same map as {good[0]}{later}" if good else f"linear of order {linear.order}, no registered method"
    seen.conventions = form + _conventions(box, linear, good)


def _conventions(box: Box, found: LinearMap, good: list[Match]) -> list[str]:
    said: list[str] = []
    if good and good[0].shifted and isinstance(box, TorchBox):
        said.append(f"shifted iterate: the parameters hold the points where {good[0].method} takes its gradients, not its own iterates")
    if found.first_is_special:
        ratios = {round(float(x / y), 9) for x, y in zip(found.first, found.b, strict=True) if y != 0}
        if len(ratios) == 1 and all(x == 0 for x, y in zip(found.first, found.b, strict=True) if y == 0):
            factor = ratios.pop()
            said.append(f"first-step special case: the first gradient enters {short(factor)} times as strongly as the later ones")
            if factor > 1:
                said[-1] += f" (dampening {short(1 - 1 / factor)} with an undampened first step, as in torch.optim.SGD)"
        else:
            first = ", ".join(map(text, found.first))
            said.append(
                f"first-step special case: the first gradient leaves the state ({first}), a later one ({', '.join(map(text, found.b))})"
            )
    elif found.start_is_special:
        said.append("first-step special case: no initial state explains the first step")
    elif good and not _starts_alike(box, good[0]):
        said.append(f"another start than {good[0].method}: the recurrence is the same, the initial state is not")
    if good and good[0].decay != "none":
        said.append(f"{good[0].decay} weight decay {text(good[0].weight)}")
    if good and good[0].sign < 0:
        said.append("the sign of the gradient is reversed: it maximises")
    return said


def _form(box: Box) -> list[str]:
    """Position or velocity form: does an old gradient's step change with the step-size?"""
    rows = np.zeros((3, 1))
    rows[0] = 1
    paths = [box.play(Probe(np.zeros(1), script(rows), 3, rates=rates)) for rates in ((1.0, 1.0, 1.0), (1.0, 0.5, 0.5))]
    if any(p.ended for p in paths):
        return []
    steps = [float(p.theta[2, 0] - p.theta[1, 0]) for p in paths]
    if steps[0] == 0:
        return []
    ratio = steps[1] / steps[0]
    if abs(ratio - 0.5) < 1e-9:
        return ["velocity form: a new step-size rescales the momentum too (under a schedule another map than the position form)"]
    if abs(ratio - 1) < 1e-9:
        return ["position form: a new step-size leaves the momentum as it is (under a schedule another map than the velocity form)"]
    return [f"under a new step-size the momentum's step changes by {ratio:.6g} where the step-size changes by 0.5"]


def _starts_alike(box: Box, match: Match) -> bool:
    if match.decay != "none" or match.sign < 0:
        return True
    values = {k: float(v) for k, v in match.values.items()}
    return compare(box, MethodBox(method_class(match.method).make(**values))).verdict == "matches"


def text(value: Any) -> str:
    """A coefficient: a short fraction as it is, else its decimals."""
    shown = str(value)
    return shown if len(shown) <= 24 else f"{float(value):.15g}"
