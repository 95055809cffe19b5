"""Formulas of claims in LaTeX, as they are stated: no evaluation, relations without brackets, words upright."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.printing.conventions import split_super_sub
from sympy.printing.latex import LatexPrinter

_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
    "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon",
    "Phi", "Psi", "Omega",
}  # fmt: skip


@lru_cache(maxsize=4096)
def latex(formula: Any) -> str:
    r"""A formula in LaTeX's mathematics mode (`amsmath`), one long line that TeX may break.

    >>> x, rate = sp.symbols("lamda rate", real=True)
    >>> print(latex(sp.Or(x > sp.sqrt(rate) / 2, sp.Eq(x, x, evaluate=False))))
    \lambda = \lambda \;\lor\; \lambda > \frac{\sqrt{\mathit{rate}}}{2}
    """
    return _breakable(_Printer().doprint(formula))


def latex_name(name: str) -> str:
    r"""A variable's name: Greek letters, digits and words after an underscore as subscripts, words in one piece.

    >>> [latex_name(n) for n in ("lamda", "h11", "psi_next", "x_star", "momentum")]
    ['\\lambda', 'h_{11}', '\\psi_{\\mathrm{next}}', 'x_{\\star}', '\\mathit{momentum}']
    """
    base, above, below = split_super_sub(name)
    result = _identifier(base, "mathit")
    if above:
        result += "^{" + " ".join(_identifier(a, "mathrm") for a in above) + "}"
    if below:
        result += "_{" + " ".join(_identifier(b, "mathrm") for b in below) + "}"
    return result


def _identifier(word: str, style: str) -> str:
    word = "lambda" if word == "lamda" else word
    if word in _GREEK:
        return "\\" + word
    if word == "star":
        return r"\star"
    if word.isdigit() or (len(word) == 1 and word.isalpha()):
        greek = unicodedata.name(word, "").removeprefix("GREEK SMALL LETTER ").lower() if len(word) == 1 else ""
        return "\\" + _identifier(greek, style)[1:] if greek == "lamda" or greek in _GREEK else word
    letters = "".join(c if c.isalnum() else " " for c in word).strip()  # no character that means something to TeX
    return f"\\{style}{{{letters or '?'}}}"


_UNKNOWN = sp.Symbol("X")
"""The variable that a root's polynomial is printed in: SymPy keeps whichever it met first."""


class _Printer(LatexPrinter):
    def __init__(self) -> None:
        super().__init__({"mul_symbol": r"\,"})

    def _print_Symbol(self, expr: Any, style: str = "") -> str:
        return latex_name(expr.name)

    _print_Dummy = _print_Symbol

    def _print_BooleanTrue(self, expr: Any) -> str:
        return r"\text{true}"

    def _print_BooleanFalse(self, expr: Any) -> str:
        return r"\text{false}"

    def _print_And(self, e: Any) -> str:
        return self._joined(e.args, r" \;\land\; ")

    def _print_Or(self, e: Any) -> str:
        return self._joined(e.args, r" \;\lor\; ")

    def _print_Xor(self, e: Any) -> str:
        return self._joined(e.args, r" \;\oplus\; ")

    def _print_Implies(self, e: Any, altchar: Any = None) -> str:
        return self._joined(e.args, r" \;\Rightarrow\; ")

    def _print_Equivalent(self, e: Any, altchar: Any = None) -> str:
        return self._joined(e.args, r" \;\Leftrightarrow\; ")

    def _print_Not(self, e: Any) -> str:
        return rf"\neg \left({self._print(e.args[0])}\right)"

    def _print_ITE(self, e: Any) -> str:
        condition, then, otherwise = (rf"\left({self._print(a)}\right)" for a in e.args)
        return rf"\text{{if }} {condition} \text{{ then }} {then} \text{{ else }} {otherwise}"

    def _print_ComplexRootOf(self, e: Any) -> str:
        return rf"\operatorname{{root}}_{{{e.index}}}\left({self._print(e.poly.as_expr(_UNKNOWN))}\right)"

    def _joined(self, formulas: Any, sign: str) -> str:
        atomic = (Relational, sp.Not, sp.logic.boolalg.BooleanAtom)
        parts = list(formulas)
        if sign != r" \;\Rightarrow\; ":
            parts.sort(key=lambda f: (not isinstance(f, atomic), sp.default_sort_key(f)))
        return sign.join(self._print(f) if isinstance(f, atomic) else rf"\left({self._print(f)}\right)" for f in parts)


_SMALL_BRACKETS = re.compile(r"\\left\(((?:(?!\\left|\\right|\\frac|\\sqrt).)*)\\right\)")


def _breakable(text: str) -> str:
    r"""Brackets around material of one line's height stay ordinary: TeX breaks no line between \left and \right."""
    while (found := _SMALL_BRACKETS.sub(r"(\1)", text)) != text:
        text = found
    return text
