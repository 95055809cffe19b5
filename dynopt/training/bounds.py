"""Convergence bounds as objects: a right-hand side and its hypotheses, evaluated on constants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.result import Result
from dynopt.errors import Misuse, closest


@dataclass(frozen=True)
class Evaluation(Result):
    """A bound on given constants.

    Attributes
    ----------
    bound : its name.
    values : the right-hand side, of the shape that the constants broadcast to; None where it does not apply.
    unmet : the hypotheses that the constants break, as formulas; empty where the bound applies.
    constants : what it was evaluated on.
    """

    bound: str
    values: np.ndarray | None
    unmet: tuple[str, ...]
    constants: dict[str, Any]

    @property
    def applies(self) -> bool:
        return not self.unmet


@dataclass(frozen=True)
class ConvergenceBound:
    """A proved upper bound of something that runs measure.

    Attributes
    ----------
    name, source : what it is called here, and where it is printed.
    claim : its id in the ledger.
    printed : the ledger's verdict on the statement as printed.
    statement : what is proved, in the ledger's words and letters; ``assumed``: its hypotheses, those that are not numbers included.
    left : what it bounds: ``average`` of E‖∇F(w_t)‖ over t ≤ T; ``least``: min_{j<k} E‖∇J(θ_j)‖²; ``output``: E‖∇F(w̄)‖ of the
        random output; ``value``: f(x_k) − f* of every run; ``change``: E[J(θ_{k+1}) | past] − J(θ_k).
    right : the right-hand side.
    hypotheses : relations between the constants, checked at each evaluation.
    remark : how it differs from the printed one.

    Examples
    --------
    >>> from dynopt.training.theorems import convergence_bound
    >>> bound = convergence_bound("sngd")
    >>> bound.right
    L*gamma/2 + 2*sqrt(variance) + gap/(gamma*(steps + 1))
    >>> float(bound(L=1, gamma=0.5, gap=2, variance=0, steps=15).values)
    0.5
    >>> convergence_bound("sngd-growth")(L0=1, L1=1, gamma=0.6, gap=2, variance=0, steps=199).unmet
    ('L1*gamma <= 1/2',)
    """

    name: str
    source: str
    claim: str
    printed: str
    statement: str
    assumed: str
    left: str
    right: sp.Expr
    hypotheses: tuple[Any, ...]
    remark: str = ""

    def __call__(self, **constants: Any) -> Evaluation:
        """The right-hand side; constants are numbers or arrays that broadcast; an infinite one, such as the L of exp, does not apply.

        Raises
        ------
        Misuse : a constant is missing, unknown or no real number.
        """
        given = {name: _array(self.name, name, value) for name, value in constants.items()}
        unknown = [name for name in given if name not in self.needs]
        missing = [name for name in self.needs if name not in given]
        if unknown:
            raise Misuse(f"bound {self.name!r} has no constant {unknown[0]!r}; {closest(unknown[0], self.needs)}")
        if missing:
            raise Misuse(f"bound {self.name!r} needs {', '.join(missing)}; give {missing[0]}=...")
        infinite = tuple(f"{name} < oo" for name, value in given.items() if np.isinf(value).any())
        unmet = infinite + tuple(str(h) for h in self.hypotheses if not _everywhere(h, given))
        with np.errstate(all="ignore"):
            values = None if unmet else np.asarray(_numeric(self.right)(**_only(self.right, given)), dtype=float)
        return Evaluation(self.name, values, unmet, {n: v.tolist() for n, v in given.items()})

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of its constants."""
        formulas: Iterable[Any] = (self.right, *self.hypotheses)
        return tuple(sorted({s.name for f in formulas for s in f.free_symbols}))


def _array(bound: str, name: str, value: Any) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if np.isnan(array).any():
        raise Misuse(f"bound {bound!r}: {name} is not a number; measure it, or leave the bound out")
    return array


@cache
def _numeric(formula: Any) -> Callable[..., Any]:
    return sp.lambdify(sorted(formula.free_symbols, key=str), formula, "numpy")


def _only(formula: Any, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {s.name: given[s.name] for s in formula.free_symbols}


def _everywhere(hypothesis: Any, given: Mapping[str, np.ndarray]) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.all(_numeric(hypothesis)(**_only(hypothesis, given))))
