"""Formulas read off the claims ledger, so that the one that is proved is the one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import sympy as sp

from dynopt.errors import Misuse, closest
from dynopt.store.bundled import bundled
from dynopt.symbolic.claims import Claim, Implication
from dynopt.symbolic.collect import claims_of


@lru_cache(maxsize=32)
def _file(name: str) -> dict[str, Claim]:
    folder = bundled("analysis")
    if folder is None:
        raise Misuse("this installation comes without its claim files; install dynopt from its wheel or work in a clone")
    return {claim.id: claim for claim in claims_of(folder / f"{name}.py") if isinstance(claim, Claim)}


def claimed(file: str, claim: str) -> Claim:
    """A claim of the ledger, by the name of its file and its id.

    >>> claimed("normalized_sgd", "z-theorem1").expected
    <Verdict.REFUTED: 'refuted'>
    """
    known = _file(file)
    if claim not in known:
        raise Misuse(f"{file} has no claim {claim!r}; {closest(claim, known)}")
    return known[claim]


def holds(claim: Claim) -> str:
    """The statement that holds: the correction where the printed one does not."""
    return claim.statement if claim.correction is None else claim.correction.statement


def proved(claim: Claim, part: str) -> Implication:
    """The implication of that part, of the correction first: one that the deciders must prove for the ledger to pass.

    >>> proved(claimed("slides_bounds", "g-linear-rate"), "last inequality").then
    F - G*gamma*(-beta*gamma/2 + 1) <= F*(-delta*gamma*(-beta*gamma/2 + 1) + 1)
    """
    found = next((check for check in _implications(claim) if check.part.startswith(part)), None)
    if found is None:
        raise Misuse(f"claim {claim.id!r} has no proved part {part!r}; {closest(part, [c.part for c in _implications(claim)])}")
    return found


def _implications(claim: Claim) -> Iterator[Implication]:
    corrected = claim.correction.checks if claim.correction is not None else ()
    printed = claim.checks if claim.correction is None else ()
    yield from (check for check in (*corrected, *printed) if isinstance(check, Implication))


def right_side(check: Implication) -> sp.Expr:
    """The upper bound, or the equal, that the conclusion gives."""
    return check.then.rhs if isinstance(check.then, (sp.Le, sp.Lt, sp.Eq)) else check.then.lhs


def renamed(formula: Any, names: dict[str, Any]) -> Any:
    """The formula with the ledger's letters replaced, all at once, by the expressions that ``names`` gives."""
    letters = {s: names[s.name] for s in formula.free_symbols if s.name in names}
    return formula.subs(letters, simultaneous=True)
