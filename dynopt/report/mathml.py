r"""MathML of the LaTeX that `dynopt.symbolic.latex` writes, so that a page shows formulas without a script or a font.

Browsers break no line inside ``<math>``: a long formula becomes several, one a term, between which lines may break.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

_LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "iota": "ι",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ",
    "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "star": "⋆", "infty": "∞", "max": "max", "min": "min",
}  # fmt: skip
_SIGNS = {
    "+": "+", "-": "−", "=": "=", "<": "<", ">": ">", "geq": "≥", "leq": "≤", "neq": "≠", "land": "∧", "lor": "∨", "oplus": "⊕",
    "Rightarrow": "⇒", "Leftrightarrow": "⇔", "neg": "¬", "cdot": "·", ",": ",",
}  # fmt: skip
_BREAKS = {*_SIGNS} - {"neg", "cdot", ","}
_TOKEN = re.compile(r"\\text\{[^{}]*\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
_LONG, _VERY_LONG = 30, 70
"""Tokens from which on a formula may be broken between its terms, and also inside its tall brackets."""


@dataclass
class _Row:
    """Elements in a row; ``breaks`` are the positions before which a line may break."""

    elements: list[str] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    operand: bool = False
    """Whether the last element is something that a following sign is applied to."""

    def add(self, element: str, *, operand: bool = True) -> None:
        self.elements.append(element)
        self.operand = operand

    def xml(self) -> str:
        return self.elements[0] if len(self.elements) == 1 else f"<mrow>{''.join(self.elements)}</mrow>"


def mathml(latex: str) -> str:
    r"""One ``<math>`` element, or for a long formula several that a browser may put on several lines.

    >>> mathml(r"\frac{\alpha}{2} \geq x^{2}")
    '<math><mfrac><mi>α</mi><mn>2</mn></mfrac><mo form="infix">≥</mo><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    tokens = _TOKEN.findall(latex)
    if len(tokens) > _VERY_LONG:
        tokens = _with_small_brackets(tokens)
    row, rest = _row(tokens, 0, None)
    assert rest == len(tokens), latex
    cuts = [0, *(row.breaks if len(tokens) > _LONG else ()), len(row.elements)]
    pieces = ["".join(row.elements[a:b]) for a, b in pairwise(cuts) if b > a]
    return " ".join(f"<math>{piece}</math>" for piece in pieces)


def _with_small_brackets(tokens: list[str]) -> list[str]:
    r"""The tokens without \left and \right of round brackets, except inside fractions, roots and scripts."""
    result: list[str] = []
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if depth == 0 and token in "()" and result and result[-1] in (r"\left", r"\right"):
            result.pop()
        result.append(token)
    return result


def _row(tokens: list[str], at: int, end: str | None) -> tuple[_Row, int]:
    """The elements up to the closing token ``end``, and the position after it."""
    row = _Row()
    while at < len(tokens) and tokens[at] != end:
        token = tokens[at]
        if token in "^_" and row.elements:
            script, at = _argument(tokens, at + 1)
            row.elements[-1] = _scripted(row.elements[-1], token, script)
            continue
        at = _one(row, tokens, at)
    if end is not None:
        assert at < len(tokens), f"{end} is missing"
        at += 1
    return row, at


def _one(row: _Row, tokens: list[str], at: int) -> int:
    """Read one element into the row; the position after it."""
    token, name = tokens[at], tokens[at].removeprefix("\\")
    at += 1
    if token == r"\frac":
        above, at = _argument(tokens, at)
        below, at = _argument(tokens, at)
        row.add(f"<mfrac>{above}{below}</mfrac>")
    elif token == r"\sqrt":
        degree = ""
        if at < len(tokens) and tokens[at] == "[":
            inside, at = _row(tokens, at + 1, "]")
            degree = inside.xml()
        radicand, at = _argument(tokens, at)
        row.add(f"<mroot>{radicand}{degree}</mroot>" if degree else f"<msqrt>{radicand}</msqrt>")
    elif token == r"\left":
        opening = tokens[at]
        inside, at = _row(tokens, at + 1, r"\right")
        row.add(f"<mrow>{_fence(opening, 'prefix')}{''.join(inside.elements)}{_fence(tokens[at], 'postfix')}</mrow>")
        at += 1
    elif token.startswith(r"\text{"):
        row.add(f"<mtext>{escape(token[6:-1])}</mtext>")
    elif token in (r"\mathit", r"\mathrm", r"\operatorname"):
        end = tokens.index("}", at)
        word = escape("".join(tokens[at + 1 : end]))
        row.add(f'<mi class="word">{word}</mi>' if token == r"\mathit" else f"<mi>{word}</mi>")
        at = end + 1
    elif token == "{":
        inside, at = _row(tokens, at, "}")
        row.add(inside.xml())
    elif token == r"\,":
        row.add('<mspace width="0.14em"/>', operand=row.operand)
    elif token in (r"\;", r"\ "):
        pass  # signs bring their own space
    elif name in _SIGNS:
        prefix = name in ("-", "+", "neg") and not row.operand
        if name in _BREAKS and not prefix:
            row.breaks.append(len(row.elements))
        wide = ' lspace="0.6em" rspace="0.6em"' if name in ("land", "lor", "oplus", "Rightarrow", "Leftrightarrow") else ""
        row.add(f'<mo form="{"prefix" if prefix else "infix"}"{wide}>{escape(_SIGNS[name])}</mo>', operand=False)
    elif token in "()[]":
        row.add(f'<mo stretchy="false" form="{"prefix" if token in "([" else "postfix"}">{token}</mo>', operand=token in ")]")
    elif name in _LETTERS:
        row.add(f"<mi>{_LETTERS[name]}</mi>")
    elif token[0].isdigit():
        row.add(f"<mn>{token}</mn>")
    else:
        row.add(f"<mi>{escape(name)}</mi>")
    return at


def _argument(tokens: list[str], at: int) -> tuple[str, int]:
    """What follows as one element: a group in braces or a single token."""
    row = _Row()
    at = _one(row, tokens, at)
    return row.xml() if row.elements else "<mrow></mrow>", at


def _scripted(base: str, token: str, script: str) -> str:
    if token == "^" and base.startswith("<msub>"):
        return f"<msubsup>{base.removeprefix('<msub>').removesuffix('</msub>')}{script}</msubsup>"
    name = "msup" if token == "^" else "msub"
    return f"<{name}>{base}{script}</{name}>"


def _fence(token: str, form: str) -> str:
    return "" if token == "." else f'<mo form="{form}" fence="true">{escape(token)}</mo>'
