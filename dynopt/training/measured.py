"""What runs measure of the left-hand side of a bound, and whether the bound holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.core.result import Result
from dynopt.errors import Misuse, closest
from dynopt.training.bounds import ConvergenceBound, Evaluation

ERRORS = 4.0
"""A bound counts as exceeded when the measured value is above it by more than this many standard errors."""


@dataclass(frozen=True)
class Measured:
    """Values of shape (K,) at the iterations ``at`` with their standard errors (0 where every run counts by itself)."""

    at: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    runs: int


@dataclass(frozen=True)
class Held(Result):
    """A bound beside what runs measured of its left-hand side.

    Attributes
    ----------
    bound, claim, left : the bound's name, its claim, and what it bounds.
    outcome : ``holds``; ``exceeded``: above the bound by more than `ERRORS` standard errors, which means a bug or a refuted
        claim; ``not applicable``: a hypothesis is not met, see ``unmet``.
    unmet : the hypotheses that are not met.
    runs : how many runs were measured.
    at, measured, errors, right : iterations, measured values, standard errors, right-hand sides.
    largest_ratio, last_ratio : of measured to bound, over all iterations and at the last; not for ``change``, which is negative.
    exceeded_at : the iterations at which it is exceeded.
    """

    bound: str
    claim: str
    left: str
    outcome: str
    unmet: tuple[str, ...]
    runs: int
    at: np.ndarray
    measured: np.ndarray
    errors: np.ndarray
    right: np.ndarray
    largest_ratio: float
    last_ratio: float
    exceeded_at: tuple[int, ...]

    def row(self) -> dict[str, Any]:
        """The numbers of a table, without the curves."""
        return {
            "bound": self.bound, "claim": self.claim, "left": self.left, "outcome": self.outcome, "unmet": ", ".join(self.unmet),
            "runs": self.runs, "last_k": int(self.at[-1]), "measured": float(self.measured[-1]),
            "standard_error": float(self.errors[-1]), "right": float(self.right[-1]),
            "last_ratio": self.last_ratio, "largest_ratio": self.largest_ratio, "exceeded": len(self.exceeded_at),
        }  # fmt: skip


def along(
    method: Any, oracle: Any, starts: Any, steps: int, watch: Mapping[str, Callable[[Any], Any]], every: int = 1
) -> dict[str, np.ndarray]:
    """What ``watch`` says of the states k = 0, every, 2·every, …, ``steps`` of a batch of runs: arrays (runs, K) by name.

    Parameters
    ----------
    method : in floating point (`System.numeric`).
    oracle, starts : of the runs, such as `dynopt.ensemble.noise` and a torch tensor (runs, n) make them.
    watch : functions of a state, blocks of shape (runs, n), with values of shape (runs,).

    Examples
    --------
    >>> import numpy as np
    >>> from dynopt import GradientDescent, Quadratic
    >>> from dynopt.core.problem import oracle
    >>> halve = GradientDescent(gamma=0.5).numeric()
    >>> along(halve, oracle(Quadratic([1])), np.array([[8.0]]), 3, {"theta": lambda s: s.theta[..., 0]})["theta"]
    array([[8., 4., 2., 1.]])
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in watch}
    for k, state in enumerate(method.states(starts, oracle)):
        if k % every == 0 or k == steps:
            for name, of in watch.items():
                value = of(state)
                found[name].append(np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value, dtype=float))
        if k == steps:
            return {name: np.stack(rows, axis=-1) for name, rows in found.items()}
    raise AssertionError("states never end")


def left_side(left: str, values: Any, at: Any = None) -> Measured:
    """What a bound with that ``left`` bounds, from one value for each run and iteration.

    Parameters
    ----------
    left : ``average``: the mean over runs of the average over j ≤ k; ``least``: the least mean over runs, j ≤ k;
        ``output`` and ``change``: the mean over runs; ``value``: the largest of the runs.
    values : (runs, K): ‖∇F(w_j)‖, ‖∇J(θ_j)‖², ‖∇F(w̄)‖, J(θ_{k+1}) − J(θ_k), f(x_k) − f*.
    at : the iterations; 0, …, K − 1 by default.

    Raises
    ------
    Misuse : an unknown ``left``, or values of another shape.
    """
    v = np.asarray(values, dtype=float)
    if v.ndim != 2 or v.size == 0:
        raise Misuse(f"values of shape {v.shape} are not (runs, iterations); give one row for each run")
    v = np.where(np.isnan(v), np.inf, v)  # a run that left the numbers is above every bound
    iterations = np.arange(v.shape[1]) if at is None else np.asarray(at)
    if left == "average":
        v = np.cumsum(v, axis=1) / np.arange(1, v.shape[1] + 1)
    with np.errstate(invalid="ignore"):
        means = v.mean(0)
        errors = v.std(0, ddof=1) / np.sqrt(len(v)) if len(v) > 1 else np.zeros(v.shape[1])
    errors = np.where(np.isfinite(errors), errors, 0.0)
    if left == "value":
        return Measured(iterations, v.max(0), np.zeros(v.shape[1]), len(v))
    if left == "least":
        lowest = np.maximum.accumulate(np.where(means <= np.minimum.accumulate(means), np.arange(len(means)), 0))
        return Measured(iterations, means[lowest], errors[lowest], len(v))
    if left in ("average", "output", "change"):
        return Measured(iterations, means, errors, len(v))
    raise Misuse(f"there is no left-hand side {left!r}; {closest(left, ['average', 'least', 'output', 'change', 'value'])}")


def held(bound: ConvergenceBound, right: Evaluation, measured: Measured, rounding: float = 0.0) -> Held:
    """Hold measured values against a bound evaluated at the same iterations; ``rounding`` is the error of one computed value."""
    if right.bound != bound.name:
        raise Misuse(f"the values are those of bound {right.bound!r}, not of {bound.name!r}; evaluate that one")
    limits = np.full(len(measured.at), np.nan) if right.values is None else np.broadcast_to(right.values, measured.at.shape)
    above = measured.values - ERRORS * measured.errors > limits + rounding + 1e-12 * np.abs(limits)
    with np.errstate(all="ignore"):
        ratios = np.where(measured.values == limits, 1, measured.values / limits)
    if bound.left == "change":
        ratios = np.full(len(limits), np.nan)
    outcome = "not applicable" if not right.applies else "exceeded" if above.any() else "holds"
    return Held(
        bound=bound.name, claim=bound.claim, left=bound.left, outcome=outcome, unmet=right.unmet, runs=measured.runs,
        at=measured.at, measured=measured.values, errors=measured.errors, right=limits,
        largest_ratio=float(np.max(ratios)), last_ratio=float(ratios[-1]), exceeded_at=tuple(int(k) for k in measured.at[above]),
    )  # fmt: skip
