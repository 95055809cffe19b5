"""What an audit found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynopt.core.result import Result
from dynopt.symbolic.bounds import Interval


@dataclass(frozen=True)
class AuditResult(Result):
    """The recovered update map of an optimizer, and the comparison with another.

    Attributes
    ----------
    optimizer : how it was called.
    verdict : with ``against``: ``matches``, ``differs`` or ``cannot tell``; without: ``recovered`` or ``cannot tell``.
    reason : a sentence.
    kind : ``linear``, ``linear, time-varying``, ``affine``, ``element-wise``, ``per-tensor norm``, ``global norm``, ``coupled``
        or ``unknown``.
    linear : the iterate is linear in the start and in the gradients.
    order : number of state blocks of the recovered map, for constant coefficients.
    exact : its coefficients are short decimals or fractions, reproduced to rounding; otherwise floats, correct to 1e-12.
    state_space : A, B, C, D of s⁺ = As + B∇J(y), y = Cs + D∇J(y), and start, the state for θ₀ = 1; None when not linear.
    transfer_function, mode_matrix, characteristic_polynomial : as in ``dynopt show``; SymPy-parsable strings.
    stable : the λ > 0 where every mode decays, exact.
    step : the step-size that was given (``lr`` or ``gamma``), so that λ·step is known.
    equivalent_to : the registered method with its parameters, or the reference rule with its constants.
    also : other registered methods that are the same map.
    closest : the nearest registered method where none is equivalent, with its relative distance.
    formula : rule, variant, decay and constants of an element-wise non-linear or a normalised optimizer.
    gains : for a time-varying one: its first gains and the law of their ratios.
    conventions : position or velocity form, shifted iterate, first-step special case, weight decay, sign.
    against : the method or optimizer that it was compared with.
    differs_at : where: coefficient, value, expected; iteration, sequence, coordinate and the two iterates.
    notes : what else was seen.
    """

    optimizer: str
    verdict: str
    reason: str
    kind: str
    linear: bool
    order: int | None
    exact: bool | None
    state_space: dict[str, list[list[str]]] | None
    transfer_function: str | None
    mode_matrix: list[list[str]] | None
    characteristic_polynomial: str | None
    stable: tuple[Interval, ...] | None
    step: float | None
    equivalent_to: str | None
    also: tuple[str, ...]
    closest: dict[str, Any] | None
    formula: dict[str, Any] | None
    gains: dict[str, Any] | None
    conventions: tuple[str, ...]
    against: str | None
    differs_at: dict[str, Any] | None
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """The map was recovered, or it matches what it was compared with."""
        return self.verdict in ("matches", "recovered")
