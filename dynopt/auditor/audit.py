"""`audit`: is this implementation the algorithm that it claims to be?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dynopt.auditor.compare import Comparison, compare
from dynopt.auditor.linear import LinearMap
from dynopt.auditor.look import Seen, look
from dynopt.auditor.matching import proved
from dynopt.auditor.recovered import space_of, stable_eigenvalues, strings
from dynopt.auditor.result import AuditResult
from dynopt.auditor.subject import Subject, completed, reference_of, resolve
from dynopt.auditor.where import where
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
    ('matches', 'heavy_ball_velocity(gamma=1/10, momentum=9/10)')
    """
    subject = resolve(optimizer, param)
    reference = None if against is None else reference_of(against)
    box = subject.box
    seen = look(subject)
    if reference is None:
        verdict = "recovered" if seen.recovered else "cannot tell"
        return _result(subject, seen, verdict, seen.reason, None, None)
    if isinstance(reference, str):  # parameters are to be sought
        reference = completed(reference, seen.linear)
    if getattr(box, "failure", "") or (seen.structure.obstacle and seen.structure.questions == 1):
        return _result(subject, seen, "cannot tell", seen.structure.obstacle, reference, None)
    found = compare(box, reference.box)
    reason, place = found.reason, None
    if found.difference is not None and found.verdict == "differs":
        place = where(found.difference, seen, reference)
        reason = (f"{place['coefficient']} is {place['value']} and not {place['expected']}; " if place["coefficient"] else "") + reason
    elif found.verdict == "matches" and seen.structure.aliased:
        reason = "they match while every gradient has its own memory; " + _ALIASED
        return _result(subject, seen, "differs", reason, reference, {"coefficient": "gradient kept by reference"}, found)
    return _result(subject, seen, found.verdict, reason, reference, place, found)


_ALIASED = "it keeps a reference to p.grad: with zero_grad(set_to_none=False) its past gradients are overwritten"


def _result(
    subject: Subject, seen: Seen, verdict: str, reason: str, reference: Any, place: dict[str, Any] | None, found: Comparison | None = None
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
    if reference is None and linear is not None and good and proved(linear, good[0]):
        notes.append("the equivalence is proved in exact arithmetic, up to a change of state")
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
        state_space=_matrices(linear) if linear else None,
        transfer_function=str(transfer_function(space)) if space else None,
        mode_matrix=strings(space.mode_matrix) if space else None,
        characteristic_polynomial=str(characteristic_polynomial(space).as_expr()) if space else None,
        stable=stable_eigenvalues(linear) if linear else None,
        step=subject.step,
        equivalent_to=str(good[0]) if good else str(seen.formula) if seen.formula else str(seen.norm) if seen.norm else None,
        also=tuple(map(str, good[1:])),
        closest={"method": str(near), "distance": near.distance} if near else None,
        formula=_formula(seen),
        gains=_gains(seen),
        conventions=tuple(seen.conventions),
        against=None if reference is None else reference.name,
        differs_at=place,
        notes=tuple(notes),
    )


def _matrices(linear: LinearMap) -> dict[str, list[list[str]]]:
    space = space_of(linear)
    found = {name: strings(getattr(space, name)) for name in "ABCD"}
    return found | {"start": [[str(s)] for s in linear.start]}


def _gains(seen: Seen) -> dict[str, Any] | None:
    found = seen.gains
    return None if found is None else {"gains": list(found.gains[:8]), "law": found.law or None, "single_precision": found.single}


def _kind(seen: Seen) -> str:
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


def _formula(seen: Seen) -> dict[str, Any] | None:
    if seen.formula is not None:
        f = seen.formula
        return {"rule": f.rule, "variant": f.says, "decay": f.decay, "constants": f.constants}
    return dataclasses.asdict(seen.norm) if seen.norm is not None else None
