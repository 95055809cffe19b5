"""Scaling symmetries of a branch: xᵢ → t^wᵢ·xᵢ for t > 0."""

from __future__ import annotations

from flint import fmpq_mat, fmpz_mpoly

from dynopt.symbolic.decide.branch import Branch
from dynopt.symbolic.decide.radicals import Root


def scaled_variables(branch: Branch) -> set[int]:
    """The variables that some scaling symmetry moves.

    A scaling leaves every condition as it is if in every polynomial all terms have the same weight,
    where √ has half the weight of its radicand and the options of a maximum have equal weights.
    Such a variable may be set to 1, −1 or 0.
    """
    ring = branch.ring
    rows: list[list[int]] = []

    def weight(p: fmpz_mpoly) -> list[int]:
        exponents = [[int(e) for e in m] for m in p.to_dict()]
        rows.extend(_minus(m, exponents[0]) for m in exponents[1:])
        return exponents[0]

    for f in branch.factors():
        weight(ring.polynomial(f))
    auxiliary = branch.used_auxiliary()
    for i in auxiliary:
        quantity = branch.radicals.table[i]
        unit = [(2 if isinstance(quantity, Root) else 1) * (j == i) for j in range(ring.size)]
        for r in quantity.inside():
            if not r.numerator.is_zero():
                rows.append(_minus(unit, _minus(weight(r.numerator), weight(r.denominator))))
    active = sorted({*branch.variables(), *auxiliary})
    if not active:
        return set()
    rows = rows or [[0] * ring.size]
    echelon, rank = fmpq_mat(len(rows), len(active), [row[i] for row in rows for i in active]).rref()
    pivots = [next(c for c in range(len(active)) if echelon[r, c] != 0) for r in range(rank)]
    free = [c for c in range(len(active)) if c not in pivots]
    moved = {active[c] for c in free} | {active[p] for r, p in enumerate(pivots) if any(echelon[r, c] != 0 for c in free)}
    return {i for i in moved if i < ring.variables}


def _minus(a: list[int], b: list[int]) -> list[int]:
    return [x - y for x, y in zip(a, b, strict=True)]
