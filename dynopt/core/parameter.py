"""Parameters declared once, as data: domain, default, symbol, meaning.

Validation, SymPy assumptions, command-line help, sweeps and tables all read this declaration.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass
from fractions import Fraction
from typing import Any

from dynopt.errors import Misuse

Scalar = Any
"""A number (int, float, Fraction), a SymPy expression, or a schedule ``k -> number``."""

_UNICODE = {
    "alpha": "α", "beta": "β", "gamma": "γ", "mu": "μ", "sigma": "σ", "epsilon": "ε", "lambda": "λ",
}  # fmt: skip


def is_schedule(value: object) -> bool:
    """True for a function of the iteration (or time): any callable that is not a SymPy expression."""
    return callable(value) and not hasattr(value, "free_symbols")


def is_symbolic(value: object) -> bool:
    """True for a SymPy expression that still contains symbols."""
    return bool(getattr(value, "free_symbols", None))


@dataclass(frozen=True)
class Domain:
    """An interval of the real line, its ends open or closed.

    >>> d = Domain.parse("[0, 1)")
    >>> d.contains(0), d.contains(1), str(d)
    (True, False, '[0, 1)')
    """

    lower: Fraction | float = -math.inf
    upper: Fraction | float = math.inf
    lower_closed: bool = False
    upper_closed: bool = False

    @classmethod
    def parse(cls, text: str) -> Domain:
        """Read ``"(0, oo)"``, ``"[0, 1]"`` and the like."""
        left, right = text.strip()[1:-1].split(",")

        def end(word: str) -> Fraction | float:
            word = word.strip()
            return math.inf if word == "oo" else -math.inf if word == "-oo" else Fraction(word)

        return cls(end(left), end(right), text.strip()[0] == "[", text.strip()[-1] == "]")

    def contains(self, value: Any) -> bool:
        """Exact membership of a number; a symbol belongs unless its assumptions exclude it."""
        if is_symbolic(value):
            if self.lower == 0:
                known = value.is_nonnegative if self.lower_closed else value.is_positive
                return known is not False
            return True
        if value != value:  # NaN
            return False
        above = value >= self.lower if self.lower_closed else value > self.lower
        below = value <= self.upper if self.upper_closed else value < self.upper
        return bool(above) and bool(below)

    def __str__(self) -> str:
        def end(value: Fraction | float) -> str:
            return {math.inf: "oo", -math.inf: "-oo"}.get(value, str(value))  # type: ignore[arg-type]

        left, right = "[" if self.lower_closed else "(", "]" if self.upper_closed else ")"
        return f"{left}{end(self.lower)}, {end(self.upper)}{right}"


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of a method, flow or problem.

    ``domain`` is None for an option, whose admissible values are ``choices``.
    """

    name: str
    meaning: str
    domain: Domain | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    """None when the parameter is required."""

    @property
    def required(self) -> bool:
        return self.default is None

    @property
    def symbol(self) -> str:
        """The letter used in printed formulas: ``α`` for ``alpha``."""
        return _UNICODE.get(self.name, self.name)

    def clean(self, owner: str, value: Any) -> Any:
        """The value if it is admissible, otherwise `Misuse` with the value, the law and the remedy."""
        if self.domain is None:
            if value not in self.choices:
                raise Misuse(f"{owner}: {self.name}={value!r} is not an option; choose {' or '.join(self.choices)}")
            return value
        if is_schedule(value):
            return value
        number = not isinstance(value, (str, bool)) and (hasattr(value, "__float__") or hasattr(value, "free_symbols"))
        if not number:
            raise Misuse(f"{owner}: {self.name}={value!r} is not a number; {self.name} ({self.meaning}) must lie in {self.domain}")
        if not self.domain.contains(value):
            raise Misuse(
                f"{owner}: {self.name}={value} is outside {self.domain}; give {self.name} ({self.meaning}) a value inside that interval"
            )
        return value


def number(domain: str, meaning: str, default: Any = None) -> Any:
    """Declare a numeric parameter of an `Algorithm` or `Flow`, as a class-level field.

    Parameters
    ----------
    domain : interval such as ``"(0, oo)"`` or ``"[0, 1)"``.
    meaning : a few words, shown in help and error messages.
    default : exact number (int or Fraction); without one the parameter is required.
    """
    note = {"meaning": meaning, "domain": Domain.parse(domain)}
    return dataclasses.field(default=MISSING if default is None else default, metadata={"parameter": note})


def option(choices: tuple[str, ...], meaning: str, default: str) -> Any:
    """Declare a named choice (a convention, a form), as a class-level field."""
    note = {"meaning": meaning, "choices": choices}
    return dataclasses.field(default=default, metadata={"parameter": note})


@dataclass(frozen=True)
class Schedule:
    """A scalar function of one variable with a printable formula; ``k`` counts iterations, ``t`` is time.

    >>> s = Schedule("0.1/(k+1)**0.5", lambda k: 0.1 / (k + 1) ** 0.5)
    >>> s(3)
    0.05
    """

    formula: str
    function: Callable[[Any], Any]

    def __call__(self, index: Any) -> Any:
        return self.function(index)

    def __repr__(self) -> str:
        return self.formula


def power_decay(start: Any, exponent: Any) -> Schedule:
    """γ_k = γ₀ (k+1)^{−q}, the step-size rule of INNA's experiments (thesis §2.6.2).

    >>> power_decay(1, 0.5)(3)
    0.5
    """
    return Schedule(f"{start}*(k+1)**(-{exponent})", lambda k: float(start) * (k + 1) ** (-float(exponent)))


def staircase_decay(start: Any, period: int, exponent: Any = 1, weight: Any = 1) -> Schedule:
    """γ_k = γ₀/(1 + w⌈k/P⌉^q): the slides' rules, which take a step down once every P iterations.

    P = KN for N iterations an epoch and a step down every K epochs; q = 1 and q = 1/2 are the two rules
    (only with the first is Σγ_k² finite), and their tables have q = w = 1/2.  The formula writes ⌈k/P⌉ as
    −((−k)//P), which the command line reads too.

    >>> [staircase_decay(1, 2)(k) for k in range(4)]
    [1.0, 0.5, 0.5, 0.3333333333333333]
    >>> staircase_decay(0.1, 50, 0.5, 0.5)
    0.1/(1+0.5*(-(-k//50))**(0.5))
    """
    return Schedule(
        f"{start}/(1+{weight}*(-(-k//{period}))**({exponent}))",
        lambda k: float(start) / (1 + float(weight) * float(-(-k // period)) ** float(exponent)),
    )
