"""`audit`: is this implementation the algorithm that it claims to be?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynopt.auditor.box import Box, MethodBox, Probe, script
from dynopt.auditor.compare import Comparison, Difference, compare
from dynopt.auditor.fit import Formula, fit
from dynopt.auditor.linear import Gains, LinearMap, gains, recurrence, responses, short, time_invariant
from dynopt.auditor.matching import EQUAL, Match, matches
from dynopt.auditor.norms import NormForm, norm_form
from dynopt.auditor.recovered import space_of, stable_eigenvalues, strings
from dynopt.auditor.result import AuditResult
from dynopt.auditor.structure import Structure, structure
from dynopt.auditor.torch_box import TorchBox, optimizer_class, plain_numbers, torch_box, values
from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.parameter import is_schedule
from dynopt.core.registry import method, method_class, parse_call
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.criteria import characteristic_polynomial
from dynopt.symbolic.equivalence import transfer_function


def audit(optimizer: Any, *, against: Any = None, param: Mapping[str, Any] | str | None = None) -> AuditResult:
    """Recover the update map of an optimizer from what it does to its parameters, and compare it with another.

    The optimizer is a black box: fresh float64 parameters, gradients of our choice, the parameters watched.  Neither its
    source nor its state is looked at.

    Parameters
    ----------
    optimizer : ``"module:Class"``, ``"path/file.py:Class"``, either with parameters in brackets, or the class itself.
        A name or a call of a method of dynopt is audited in the same way.
    against : a method of dynopt, such as ``"heavy_ball(gamma=0.1, momentum=0.9)"`` (of a linear optimizer, parameters left out are
        sought), or another optimizer, such as ``"torch.optim:SGD(lr=0.1)"``.
    param : the optimizer's parameters, a mapping or ``"lr=0.1, momentum=0.9"``.

    Raises
    ------
    Misuse : a module, class, file or method that is not there, or parameters with which nothing can be built.

    Examples
    --------
    >>> found = audit("torch.optim:SGD(lr=0.1, momentum=0.9)", against="heavy_ball(gamma=0.1, momentum=0.9)")
    >>> found.verdict, found.equivalent_to
    ('matches', 'heavy_ball(gamma=1/10, momentum=9/10)')
    """
    subject = _resolve(optimizer, param)
    reference = None if against is None else _reference(against)
    box = subject.box
    seen = _look(subject)
    if reference is None:
        verdict = "recovered" if seen.recovered else "cannot tell"
        return _result(subject, seen, verdict, seen.reason, None, None)
    if isinstance(reference, str):  # parameters are to be sought
        reference = _completed(reference, seen)
    if getattr(box, "failure", "") or seen.structure.obstacle and seen.structure.questions == 1:
        return _result(subject, seen, "cannot tell", seen.structure.obstacle, reference, None)
    found = compare(box, reference.box)
    reason, where = found.reason, None
    if found.difference is not None and found.verdict == "differs":
        where = _where(found.difference, *_coefficient(seen, reference))
        reason = (f"{where['coefficient']} is {where['value']} and not {where['expected']}; " if where["coefficient"] else "") + reason
    elif found.verdict == "matches" and seen.structure.aliased:
        reason = "they match while every gradient has its own memory; " + _ALIASED
        return _result(subject, seen, "differs", reason, reference, {"coefficient": "gradient kept by reference"}, found)
    return _result(subject, seen, found.verdict, reason, reference, where, found)


_ALIASED = "it keeps a reference to p.grad: with zero_grad(set_to_none=False) its past gradients are overwritten"


@dataclass(frozen=True)
class _Subject:
    box: Any
    name: str
    numbers: tuple[float, ...]
    step: float | None


@dataclass
class _Seen:
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


def _resolve(optimizer: Any, param: Mapping[str, Any] | str | None = None) -> _Subject:
    given = values(param) if isinstance(param, str) else dict(param or {})
    if isinstance(optimizer, System) or (isinstance(optimizer, type) and issubclass(optimizer, System)):
        return _method_subject(optimizer.make(**given) if isinstance(optimizer, type) else optimizer)
    if not isinstance(optimizer, str):
        name = f"{getattr(optimizer, '__module__', '')}:{getattr(optimizer, '__qualname__', repr(optimizer))}"
        return _torch_subject(optimizer, given, name)
    place, bracket, rest = optimizer.strip().partition("(")
    if ":" not in place:
        if given:
            optimizer = f"{place}({', '.join(f'{k}={v}' for k, v in given.items())})"
        return _method_subject(method(optimizer))
    cls = optimizer_class(place)
    if isinstance(cls, type) and issubclass(cls, System):
        return _method_subject(method(optimizer))
    if bracket:
        if not rest.rstrip().endswith(")"):
            raise Misuse(f"{optimizer!r} lacks its closing bracket; write module:Class(lr=0.1)")
        given = values(rest.rstrip()[:-1]) | given
    return _torch_subject(cls, given, place)


def _torch_subject(cls: Any, given: dict[str, Any], place: str) -> _Subject:
    if not callable(cls):
        raise Misuse(f"{place} is {cls!r}, not an optimizer class; name a class or a function of the parameters")
    name = f"{place}({', '.join(f'{k}={v}' for k, v in given.items())})"
    step = given.get("lr")
    return _Subject(torch_box(cls, given, name), name, tuple(plain_numbers(given.values())), step if isinstance(step, float) else None)


def _method_subject(system: Any) -> _Subject:
    if isinstance(system, Flow):
        raise Misuse(f"{system.name} is a flow, and an optimizer is an iteration; name a method such as gd(gamma=0.1)")
    numbers = [v for p in system.numbers() if not is_schedule(v := getattr(system, p.name))]
    gamma = getattr(system, "gamma", None)
    step = None if gamma is None or is_schedule(gamma) else float(gamma)
    return _Subject(MethodBox(system), system.call(), tuple(plain_numbers(map(float, numbers))), step)


def _reference(against: Any) -> _Subject | str:
    """The other box; the call itself where a method's required parameters were left out."""
    if isinstance(against, str) and ":" not in against.partition("(")[0]:
        call = parse_call(against)
        cls = method_class(call.name)
        if issubclass(cls, Algorithm) and any(p.required and p.name not in call.values for p in cls.parameters()):
            return against
    return _resolve(against)


def _completed(call: str, seen: _Seen) -> _Subject:
    """A method's call with the missing parameters those that fit a linear map best."""
    parsed = parse_call(call)
    if seen.linear is None:
        return _method_subject(method(call))  # says which parameter is missing
    best = matches(seen.linear, (parsed.name,))
    chosen = {k: v for m in best[:1] for k, v in m.values.items()} | parsed.values
    return _method_subject(method_class(parsed.name).make(**chosen))


def _look(subject: _Subject) -> _Seen:
    """Structure first, then the map of that kind."""
    box = subject.box
    if isinstance(box, TorchBox) and box.failure:
        return _Seen(Structure(obstacle=box.failure), box.failure)
    found = structure(box)
    seen = _Seen(found, found.obstacle)
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


def _look_linear(seen: _Seen, box: Box) -> None:
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
            first = ", ".join(map(_text, found.first))
            said.append(f"first-step special case: the first gradient leaves the state ({first}), a later one ({', '.join(map(_text, found.b))})")
    elif found.start_is_special:
        said.append("first-step special case: no initial state explains the first step")
    elif good and not _starts_alike(box, good[0]):
        said.append(f"another start than {good[0].method}: the recurrence is the same, the initial state is not")
    if good and good[0].decay != "none":
        said.append(f"{good[0].decay} weight decay {_text(good[0].weight)}")
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


def _coefficient(seen: _Seen, reference: _Subject) -> tuple[str | None, Any, Any]:
    """The first coefficient, by name, that the two maps have otherwise, as far as both were recovered."""
    other = _look(reference)
    if seen.linear is not None and other.linear is not None:
        return _linear_coefficient(seen.linear, other.linear, seen.matches, other.matches)
    if seen.structure.questions != other.structure.questions:
        return "gradients an iteration", seen.structure.questions, other.structure.questions
    if seen.structure.coupling != other.structure.coupling:
        return "coupling", seen.structure.coupling, other.structure.coupling
    if seen.structure.linear != other.structure.linear:
        return "linearity", *("linear" if s.structure.linear else "not linear" for s in (seen, other))
    if seen.formula is not None and other.formula is not None:
        return _formula_coefficient(seen.formula, other.formula)
    if seen.norm is not None and other.norm is not None:
        return _norm_coefficient(seen.norm, other.norm)
    if seen.gains is not None and other.gains is not None:
        return "law of the gains", seen.gains.law or "none found", other.gains.law or "none found"
    return None, None, None


def _linear_coefficient(one: LinearMap, two: LinearMap, ours: list[Match], theirs: list[Match]) -> tuple[str | None, Any, Any]:
    for a in ours:
        for b in theirs:
            if max(a.distance, b.distance) <= EQUAL and a.method == b.method:
                if a.decay != b.decay:
                    return "weight decay", a.decay, b.decay
                pairs = [("sign of the gradient", a.sign, b.sign), *((k, a.values.get(k), b.values.get(k)) for k in {**b.values, **a.values})]
                for name, x, y in [*pairs, ("weight decay", a.weight, b.weight)]:
                    if x != y and x is not None and y is not None and abs(float(x) - float(y)) > 1e-11:
                        return name, _text(x), _text(y)
    if one.order != two.order:
        return "order", one.order, two.order
    for letter in ("a", "b", "first", "settled"):
        for i, (x, y) in enumerate(zip(getattr(one, letter), getattr(two, letter), strict=True), start=1):
            if abs(float(x - y)) > 1e-11 * max(abs(float(y)), 1e-6):
                place = {"a": f"a{i}, coefficient of θ", "b": f"b{i}, coefficient of the gradient", "first": "state after the first gradient"}
                return place.get(letter, "state after the first step"), _text(x), _text(y)
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


def _where(difference: Difference, coefficient: str | None, value: Any, expected: Any) -> dict[str, Any]:
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


def _text(value: Any) -> str:
    """A coefficient: a short fraction as it is, else its decimals."""
    text = str(value)
    return text if len(text) <= 24 else f"{float(value):.15g}"


def _result(
    subject: _Subject, seen: _Seen, verdict: str, reason: str, reference: Any, where: dict[str, Any] | None, found: Comparison | None = None
) -> AuditResult:
    structure_, linear = seen.structure, seen.linear
    good = seen.good
    near = seen.matches[0] if seen.matches and not good else None
    space = space_of(linear) if linear else None
    notes: list[str] = []
    if structure_.aliased:
        notes.append(_ALIASED)
    if found is not None and found.unclear:
        notes.append(f"undecided on {', '.join(found.unclear)}")
    if found is not None and found.verdict == "matches" and found.shifted:
        notes.append("gradients are asked for at the same points, but the stored iterate is another one (a shifted iterate)")
    if seen.formula is not None:
        notes.append(f"reproduced on {len(seen.formula.check.agree)} kinds of fresh sequences to {max(seen.formula.check.gap, 1e-16):.0e}")
    return AuditResult(
        optimizer=subject.name,
        verdict=verdict,
        reason=reason,
        kind=_kind(seen),
        linear=structure_.linear,
        order=linear.order if linear else None,
        exact=linear.exact if linear else None,
        state_space={
            "A": strings(space.A), "B": strings(space.B), "C": strings(space.C), "D": strings(space.D), "start": [[str(s)] for s in linear.start]
        } if space and linear else None,
        transfer_function=str(transfer_function(space)) if space else None,
        mode_matrix=strings(space.mode_matrix) if space else None,
        characteristic_polynomial=str(characteristic_polynomial(space).as_expr()) if space else None,
        stable=stable_eigenvalues(linear) if linear else None,
        step=subject.step,
        equivalent_to=str(good[0]) if good else str(seen.formula) if seen.formula else str(seen.norm) if seen.norm else None,
        also=tuple(map(str, good[1:])),
        closest={"method": str(near), "distance": near.distance} if near else None,
        formula=_formula(seen),
        gains={"gains": list(seen.gains.gains[:8]), "law": seen.gains.law or None, "single_precision": seen.gains.single} if seen.gains else None,
        conventions=tuple(seen.conventions),
        against=None if reference is None else reference.name,
        differs_at=where,
        notes=tuple(notes),
    )  # fmt: skip


def _kind(seen: _Seen) -> str:
    found = seen.structure
    if found.obstacle or found.questions > 1:
        return "unknown"
    if found.linear:
        return "linear" if seen.linear else "linear, time-varying"
    if found.affine:
        return "affine"
    if found.coupling == "element-wise":
        return "element-wise"
    if seen.norm is not None:
        return "global norm" if found.coupling == "global" else "per-tensor norm"
    return "coupled"


def _formula(seen: _Seen) -> dict[str, Any] | None:
    if seen.formula is not None:
        f = seen.formula
        return {"rule": f.rule, "variant": f.says, "decay": f.decay, "constants": f.constants}
    return dataclasses.asdict(seen.norm) if seen.norm is not None else None
