"""What the deciders answer, and what follows from their answers together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from dynopt.core.result import Result


@dataclass(frozen=True)
class Answer(Result):
    """The answer of one decider.

    Attributes
    ----------
    decider, version : who answers.
    answer : ``proved``, ``refuted`` or ``undecided``.
    seconds : wall time that the answer took when it was found.
    witness : for ``refuted``, an exact value for every free symbol; it has been re-checked.
    note : how, or why not.
    recalled : found in an earlier run (`dynopt.symbolic.decide.memory`).
    """

    decider: str
    version: str
    answer: str
    seconds: float
    witness: Mapping[sp.Symbol, Any] | None = None
    note: str = ""
    recalled: bool = False


@dataclass(frozen=True)
class Decision(Result):
    """The verdict of all deciders on one statement.

    Attributes
    ----------
    verdict : ``proved`` (z3 and the exact decider both prove it, nobody refutes it), ``refuted`` (an
        exact point that satisfies the hypotheses and breaks the conclusion), ``undecided``, or
        ``disagreement``: one proves what another refutes, or a claimed counterexample is none.
        That is a failure of the tool and must be reported as one.
    answers : one per decider.
    witness : the simplest re-checked counterexample.
    notes : what the reader should know about the statement.
    smtlib : the query that the SMT solvers saw; satisfiable iff the statement is false.
    query_hash : its SHA-256.
    """

    verdict: str
    answers: Sequence[Answer]
    witness: Mapping[sp.Symbol, Any] | None
    query_hash: str
    notes: Sequence[str] = ()
    smtlib: str = field(repr=False, default="")

    @property
    def failure(self) -> bool:
        """The deciders contradict each other."""
        return self.verdict == "disagreement"


REQUIRED = frozenset({"z3", "exact"})
"""The deciders that must both prove a statement."""


def combine(answers: Sequence[Answer], failures: Sequence[str] = (), required: frozenset[str] = REQUIRED) -> str:
    """The verdict on the answers; ``failures`` names deciders whose counterexample did not re-check.

    >>> combine([Answer("z3", "", "proved", 0.1), Answer("exact", "", "undecided", 0.1)])
    'undecided'
    """
    given = {a.answer for a in answers}
    if failures or {"proved", "refuted"} <= given:
        return "disagreement"
    if "refuted" in given:
        return "refuted"
    return "proved" if required <= {a.decider for a in answers if a.answer == "proved"} else "undecided"
