"""Plain text with mathematics in Unicode, as LaTeX that pdfTeX sets with its own fonts."""

from __future__ import annotations

import re
import unicodedata

_TEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    c: "\\" + c for c in "#$%&_"
}
_TEXT = {"–": "--", "—": "---", "“": "``", "”": "''", "‘": "`", "’": "'", "…": r"\dots{}", "§": r"\S{}", "Ł": r"\L{}", "ł": r"\l{}",
         "ø": r"\o{}", "Ø": r"\O{}", "ß": r"\ss{}", "æ": r"\ae{}", "‐": "-", "\u00a0": "~"}  # fmt: skip
_MATH = {
    "−": "-", "±": r"\pm", "∓": r"\mp", "·": r"\cdot", "×": r"\times", "√": r"\surd", "∞": r"\infty", "≤": r"\leq", "≥": r"\geq",
    "≠": r"\neq", "≈": r"\approx", "≡": r"\equiv", "→": r"\to", "↦": r"\mapsto", "⇒": r"\Rightarrow", "⇐": r"\Leftarrow",
    "⇔": r"\Leftrightarrow", "∂": r"\partial", "∅": r"\emptyset", "∇": r"\nabla", "∈": r"\in", "∋": r"\ni", "∉": r"\notin",
    "∪": r"\cup", "∩": r"\cap", "∫": r"\int", "⊂": r"\subset", "⊆": r"\subseteq", "⊗": r"\otimes", "⊕": r"\oplus", "⌈": r"\lceil",
    "⌉": r"\rceil", "⌊": r"\lfloor", "⌋": r"\rfloor", "⟨": r"\langle", "⟩": r"\rangle", "‖": r"\|", "∧": r"\land", "∨": r"\lor",
    "¬": r"\neg", "∀": r"\forall", "∃": r"\exists", "∑": r"\sum", "∏": r"\prod", "½": r"\tfrac12", "¼": r"\tfrac14",
    "¾": r"\tfrac34", "⅓": r"\tfrac13", "⅔": r"\tfrac23", "<": "<", ">": ">", "|": "|", "*": "*", "°": r"^{\circ}", "∘": r"\circ",
    "ℝ": r"\mathbf{R}", "ℂ": r"\mathbf{C}", "ℕ": r"\mathbf{N}", "ℤ": r"\mathbf{Z}", "ℚ": r"\mathbf{Q}", "⋆": r"\star", "′": "'",
}  # fmt: skip
_ACCENTS = {"\u0300": r"\`", "\u0301": r"\'", "\u0308": r"\"", "\u0327": r"\c", "\u030c": r"\v"}
_MATH_ACCENTS = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0307": r"\dot", "\u0305": r"\overline"}
_RAISED, _LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵀᵗⁿⁱᵏ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ᵢⱼₖₙₜ"
_PIECE = re.compile(f"[{_RAISED}]+|[{_LOWERED}]+|[^\u0300-\u036f][\u0300-\u036f]*")


def latex_text(text: str) -> str:
    r"""The text in LaTeX: its special characters harmless, its mathematical ones in mathematics mode.

    >>> print(latex_text("50 % of ‖∇J(θ̃₁)‖² ≤ ½"))
    50 \% of \ensuremath{\|}\ensuremath{\nabla}J(\ensuremath{\tilde{\theta}}\ensuremath{_{1}})\ensuremath{\|}\ensuremath{^{2}} \ensuremath{\leq} \ensuremath{\tfrac12}
    """  # noqa: E501
    text = "".join(c for c in unicodedata.normalize("NFC", text) if ord(c) < _HIDDEN)
    while (script := _BRACED.search(text)) is not None:
        before, after = text[: script.start()], text[script.end() :]
        inside = _set(script[2] or script[3])
        text = before + _hidden(rf"\ensuremath{{{script[1]}{{\text{{{inside}}}}}}}") + after
    return _set(text)


def latex_math(formula: str) -> str:
    r"""A formula in LaTeX that TeX can set: no unknown character, in a long one no bracket that holds a line together.

    >>> latex_math(r"\mathit{größe} > 0"), latex_math("é > 0")
    ('\\mathit{grosse} > 0', 'e > 0')
    """
    if len(formula) > _LONG:
        formula = formula.replace(r"\left(", r"\bigl(").replace(r"\right)", r"\bigr)").replace(r"\,", r"\,\allowbreak ")
    return formula if formula.isascii() else "".join(map(_letter, unicodedata.normalize("NFC", formula)))


_BRACED = re.compile(r"(?<=\S)([_^])(?:\{([^{}]*)\}|([^\W_])(?![^\W_]))")
"""A script as in θ_{k+1}, x^{2p} or θ_k."""

_HIDDEN = 0xF0000
_LONG = 120


def _hidden(latex: str) -> str:
    """Finished LaTeX as private characters, which `_set` brings back as they were."""
    return "".join(chr(_HIDDEN + ord(c)) for c in latex)


def _set(text: str) -> str:
    return "".join(map(_piece, _PIECE.findall(text)))


def _letter(c: str) -> str:
    if c.isascii():
        return c
    if c in _MATH:
        return _MATH[c] + " "
    if _greek(c):
        return _greek(c) + " "
    base = unicodedata.normalize("NFD", c)[0]
    return {"ß": "ss", "ø": "o", "æ": "ae", "ł": "l"}.get(c, base if base.isascii() else "" if unicodedata.combining(c) else "?")


def _piece(piece: str) -> str:
    if ord(piece[0]) >= _HIDDEN:
        return chr(ord(piece[0]) - _HIDDEN)
    if len(piece) == 1 and piece not in _MATH | _TEXT and piece not in _RAISED + _LOWERED:
        piece = unicodedata.normalize("NFD", piece)
    c, marks = piece[0], piece[1:]
    if c in _RAISED or c in _LOWERED:
        digits = "".join(unicodedata.normalize("NFKC", d).replace("−", "-") for d in piece)
        return rf"\ensuremath{{{'^' if c in _RAISED else '_'}{{{digits}}}}}"
    if marks and set(marks) <= _ACCENTS.keys():
        result = _character(c)
        for mark in marks:
            result = f"{_ACCENTS[mark]}{{{result}}}"
        return result
    if marks:
        inside = _MATH.get(c) or _greek(c) or (c if c.isascii() and c.isalnum() else "?")
        for mark in marks:
            inside = _MATH_ACCENTS.get(mark, r"\acute") + f"{{{inside}}}"
        return rf"\ensuremath{{{inside}}}"
    return _character(c)


def _character(c: str) -> str:
    if c in _TEX:
        return _TEX[c]
    if c in _TEXT:
        return _TEXT[c]
    if c in _MATH or _greek(c):
        return rf"\ensuremath{{{_MATH.get(c) or _greek(c)}}}"
    if c.isspace():
        return " "
    if c.isascii():
        return c if c.isprintable() else ""
    return rf"\texttt{{U+{ord(c):04X}}}"  # pdfTeX has no such character


def _greek(c: str) -> str:
    """The command of a Greek letter (those that look Latin have none), or the empty string."""
    name = unicodedata.name(c, "")
    letter = name.rpartition(" ")[2].replace("LAMDA", "LAMBDA")
    if name.startswith("GREEK SMALL LETTER ") and name.count(" ") == 3:
        return "o" if letter == "OMICRON" else "\\" + letter.lower()
    if name.startswith("GREEK CAPITAL LETTER ") and name.count(" ") == 3:
        latin = {"ALPHA": "A", "BETA": "B", "EPSILON": "E", "ZETA": "Z", "ETA": "H", "IOTA": "I", "KAPPA": "K", "MU": "M", "NU": "N"}
        latin |= {"OMICRON": "O", "RHO": "P", "TAU": "T", "CHI": "X"}
        return latin.get(letter) or "\\" + letter.capitalize()
    return ""
