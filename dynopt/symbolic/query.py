"""Questions as the deciders got them: SMT-LIB text, its hash, and the answer that the text must have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from dynopt.core.result import Result

_EXISTENTIAL = ("satisfiability of the hypotheses", "existence")
"""Questions whose ``proved`` means that the encoding has a model; the others encode the negation of what is asked."""


@dataclass(frozen=True)
class Query(Result):
    """One question to the deciders.

    Attributes
    ----------
    question : what was asked: ``definedness``, ``satisfiability of the hypotheses``, ``conclusion`` or ``existence``.
    text : the question in SMT-LIB 2, ending in ``(check-sat)``.
    status : what a solver must answer to the text: ``sat``, ``unsat``, or ``unknown`` where it was not settled.
    hash : SHA-256 of the text; the answers name it.
    """

    question: str
    text: str
    status: str
    hash: str = ""

    @classmethod
    def of(cls, question: str, text: str, verdict: str) -> Query:
        """The query behind a decision.

        >>> Query.of("conclusion", "(check-sat)", "proved").status
        'unsat'
        """
        meant = {"proved": "unsat", "refuted": "sat"}
        if question in _EXISTENTIAL:
            meant = {"proved": "sat", "refuted": "unsat"}
        return cls(question, text, meant.get(verdict, "unknown"), hashlib.sha256(text.encode()).hexdigest())

    def benchmark(self, source: str) -> str:
        """The text as a file that a solver reads and checks itself against: who asks, the expected status, the encoding.

        >>> print(Query.of("conclusion", "(set-logic QF_NRA)", "refuted").benchmark("a claim"))
        (set-info :smt-lib-version 2.6)
        (set-info :source |a claim|)
        (set-info :status sat)
        (set-logic QF_NRA)
        """
        source = "".join(c if c.isprintable() and c not in "|\\" else " " for c in source)
        head = ["(set-info :smt-lib-version 2.6)", f"(set-info :source |{source}|)", f"(set-info :status {self.status})"]
        return "\n".join([*head, self.text])

    def to_dict(self) -> dict[str, Any]:
        """Without the text, which `dynopt verify --smt2` writes."""
        return {"question": self.question, "hash": self.hash, "status": self.status}
