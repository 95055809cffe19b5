"""An `AuditResult` as text for the terminal."""

from __future__ import annotations

import sympy as sp

from dynopt.auditor.result import AuditResult
from dynopt.report.summary import greek


def text(found: AuditResult) -> str:
    """The verdict first, then the recovered map, what it is, and its conventions."""
    asked = f" against {found.against}" if found.against else ""
    lines = [f"{found.optimizer}{asked}", f"{found.verdict}: {found.reason}"]
    if found.differs_at and "iteration" in found.differs_at:
        d = found.differs_at
        place = f"iteration {d['iteration']}, coordinate {d['coordinate']}, {d['sequence']}"
        lines.append(f"  {place}: {d['iterate']:.15g} and not {d['iterate_expected']:.15g}")
    lines += ["", f"kind: {found.kind}" + (f", order {found.order}" if found.order else "")]
    if found.state_space and found.mode_matrix:
        lines += _linear(found)
    if found.equivalent_to:
        lines.append(f"equivalent to {greek(found.equivalent_to)}")
    lines += [f"  also {greek(other)}" for other in found.also]
    if found.closest:
        lines.append(
            f"no registered method; the closest is {found.closest['method']}, at relative distance {found.closest['distance']:.2g}"
        )
    if found.gains:
        shown = ", ".join(f"{g:.9g}" for g in found.gains["gains"][:4])
        law = f"; gain k / gain 0 = {found.gains['law']}" if found.gains["law"] else ""
        lines.append(f"gains of the gradients 0, 1, 2, 3: {shown}{law}")
    lines += [f"convention: {c}" for c in found.conventions]
    return "\n".join([*lines, *(f"note: {n}" for n in found.notes)])


def _linear(found: AuditResult) -> list[str]:
    assert found.state_space
    assert found.mode_matrix
    A, B = found.state_space["A"], found.state_space["B"]
    names = ["θ", *(f"x{i}" for i in range(2, len(A) + 1))]
    lines = ["update" + ("" if found.exact else "   (coefficients as floats, correct to 1e-12)")]
    for i, name in enumerate(names):
        lines.append(f"  {name}⁺ = {_sum([*A[i], B[i][0]], [*names, '∇J(θ)'])}")
    start = ", ".join(f"{n} = {_sum(s, ['θ₀'])}" for n, s in zip(names[1:], found.state_space["start"][1:], strict=True))
    lines += [f"  start {start}"] if start else []
    matrix = sp.Matrix([[sp.sympify(_shorten(e)) for e in row] for row in found.mode_matrix])
    block = sp.pretty(matrix, use_unicode=True, wrap_line=False)
    lines += ["mode matrix M(λ)", *("  " + row for row in block.splitlines())]
    lines += [f"characteristic polynomial {greek(_shorten(str(found.characteristic_polynomial)))}"]
    lines += [f"gradient to iterate G(z) = {greek(_shorten(str(found.transfer_function)))}"]
    for piece in found.stable or ():
        low, high, step = piece.lower_float, piece.upper_float, found.step
        scaled = f"; λ·step in ({low * step:.9g}, {high * step:.9g})" if step else ""
        lines.append(f"stable for λ in ({low:.12g}, {high:.12g}){scaled}")
    if found.stable == ():
        lines.append("stable for no λ > 0")
    return lines


def _sum(coefficients: list[str], names: list[str]) -> str:
    """A linear combination as a person would write it."""
    line = ""
    for coefficient, name in zip(coefficients, names, strict=True):
        if coefficient == "0":
            continue
        negative, size = coefficient.startswith("-"), _short(coefficient.lstrip("-"))
        sign = (" − " if negative else " + ") if line else ("−" if negative else "")
        line += sign + (name if size == "1" else f"{size} {name}")
    return line or "0"


def _short(coefficient: str) -> str:
    return coefficient if len(coefficient) <= 20 else f"{float(sp.Rational(coefficient)):.15g}"


def _shorten(expression: str) -> str:
    """Long fractions as decimals."""
    e = sp.sympify(expression)
    long = {r: sp.Float(r, 15) for r in e.atoms(sp.Rational) if len(str(r)) > 20}
    return str(e.xreplace(long))
