"""The format of a claim file: statements as data.

A claim file is a Python file whose module-level `Claim` objects (alone or in lists) are collected
by ``dynopt verify FILE``; it needs no place in a package.  Variables are real SymPy symbols; sign
assumptions do *not* count as hypotheses: whatever a statement needs is listed in ``given``.
A complete file, which proves a step-size bound of the heavy ball and refutes a wrong one::

    import sympy as sp
    from dynopt.symbolic.claims import Claim, Implication, real
    from dynopt.symbolic.criteria import characteristic_polynomial, jury
    from dynopt.symbolic.linearize import state_space
    from dynopt.symbolic.symbols import eigenvalue, symbolic

    lam, (gamma, momentum, mu, L) = eigenvalue, sp.symbols("gamma momentum mu L", real=True)
    chi = real(characteristic_polynomial(state_space(symbolic("heavy_ball"))))
    stable = sp.And(*(condition > 0 for condition in jury(chi)))
    given = [0 <= momentum, momentum < 1, 0 < mu, mu <= lam, lam <= L, 0 < gamma]

    right = Claim(
        id="heavy-ball-right", source="my notes, line 1",
        statement="gamma < 2(1 + m)/L makes every mode with lambda in [mu, L] decay",
        checks=[Implication(given=[*given, gamma < 2 * (1 + momentum) / L], then=stable)],
    )
    wrong = Claim(
        id="heavy-ball-wrong", source="my notes, line 2",
        statement="gamma < 2/(L(1 - m)) makes every mode with lambda in [mu, L] decay",
        checks=[Implication(given=[*given, gamma < 2 / (L * (1 - momentum))], then=stable)],
    )
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sympy as sp


class Verdict(StrEnum):
    """What the tool found about a statement."""

    PROVED = "proved"
    """Both deciders proved it under its hypotheses, which are satisfiable."""
    REFUTED = "refuted"
    """An exact counterexample satisfies the hypotheses and breaks the conclusion."""
    CONDITIONAL = "conditional"
    """False as printed, proved under a stated extra hypothesis that is proved to be needed."""
    ILL_DEFINED = "ill-defined"
    """The statement speaks of an expression that does not exist for some admissible values."""
    VACUOUS = "vacuous"
    """No values satisfy the hypotheses, so the statement says nothing."""
    UNDECIDED = "undecided"
    """Some decider did not settle it; what was tried is listed."""
    NOT_CHECKABLE = "not-checkable"
    """No machine check is attempted; the entry says why."""


@dataclass(frozen=True, kw_only=True)
class Implication:
    """For all real values of the free symbols: given ⇒ then.

    ``given`` and ``then`` are SymPy relationals and Boolean combinations of them, over rational
    functions and square roots with rational coefficients.  Radicands and denominators in them are
    checked first: where one is negative or zero under ``given``, the statement is ill-defined there.

    SymPy evaluates while it builds: an identity that it recognises becomes ``true`` before the tool
    sees it.  Write ``sp.Eq(left, right, evaluate=False)`` to have it proved by the deciders.
    """

    given: Sequence[Any] = ()
    then: Any = sp.true
    part: str = ""
    """Which part of the statement this is, when there are several."""


@dataclass(frozen=True, kw_only=True)
class Exists:
    """Some real values satisfy all of ``such_that``: shown by an exact witness."""

    such_that: Sequence[Any]
    part: str = ""


@dataclass(frozen=True)
class Finding:
    """What one computation of a `Computation` found: whether the statement holds, and the evidence."""

    holds: bool
    witness: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Computation:
    """A finite exact computation that is not a first-order statement (a permutation, a list of critical points).

    ``methods`` are at least two independent functions without arguments, each returning a
    `Finding`; they must agree.
    """

    methods: Mapping[str, Callable[[], Finding]]
    part: str = ""


Check = Implication | Exists | Computation


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What holds instead of a refuted, conditional or ill-defined statement; its checks must be proved."""

    statement: str
    checks: Sequence[Check]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of a source.

    Attributes
    ----------
    id : the identifier in the ledger.
    source : document and place, such as ``"Castera 2021, thesis, Theorem 3.9 (3.20)"``.
    statement : the statement as printed, in this project's notation.
    hypotheses : its hypotheses as printed, in words and formulas.
    checks : the statement as the machine sees it; all parts must hold for ``proved``.  Only a
        ``not-checkable`` claim has none, and says why in ``remark``.
    expected : the verdict that the tool is expected to reach; a different one fails the run.
        Without it the claim is a question, answered "yes" by ``proved`` and "no" by anything else.
    correction : for an expected ``refuted`` or ``ill-defined``, the statement that does hold.
    extra : for ``conditional``, the extra hypothesis (a SymPy Boolean); it is proved sufficient and,
        by `needed`, necessary.
    needed : for ``conditional``, checks that show that the statement fails without ``extra``.
    reduction : which part of the argument is by hand (for all P, for all T, …).
    remark : anything that a reader should know.
    """

    id: str
    source: str
    statement: str
    hypotheses: str = ""
    checks: Sequence[Check] = ()
    expected: Verdict | None = None
    correction: Correction | None = None
    extra: Any = None
    needed: Sequence[Check] = ()
    reduction: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Derived:
    """A claim that takes long to derive: its id, and a function without arguments that derives it.

    Among the claims of a file it stands for the claim; only what is to be judged is derived.

    >>> import functools
    >>> def square(n):
    ...     x = sp.Symbol("x", real=True)
    ...     return Claim(id=f"square-{n}", source="here", statement="…", checks=[Implication(then=n * x**2 >= 0)])
    >>> claims = [Derived(f"square-{n}", functools.partial(square, n)) for n in (1, 2)]
    >>> claims[1].derive().id
    'square-2'
    """

    id: str
    derive: Callable[[], Claim]


def real(formula: Any) -> Any:
    """The same expression, polynomial, matrix or formula in plain real symbols.

    A method's own symbols carry the signs of its parameters' domains; in a claim signs are
    hypotheses, so what is read off a definition passes through here first.

    >>> gamma = sp.Symbol("gamma", positive=True)
    >>> gamma > 0, real(gamma) > 0
    (True, gamma > 0)
    """
    plain = {s: sp.Symbol(s.name, real=True) for s in formula.free_symbols}
    if isinstance(formula, sp.Poly):
        return sp.Poly(formula.as_expr().subs(plain), *(plain[g] for g in formula.gens))
    return formula.subs(plain)
