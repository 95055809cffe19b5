"""The verdicts of `dynopt verify` as a LaTeX document: a theorem environment a claim, with its formulas, proof and correction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dynopt.report.claims import MEANING, by_hand, evidence, point, readable
from dynopt.report.documents import by_document
from dynopt.report.latex_text import latex_math, latex_text
from dynopt.symbolic.check import Part
from dynopt.symbolic.claims import Verdict
from dynopt.symbolic.judge import Judgement
from dynopt.symbolic.ledger import Verification

_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\usepackage{amsthm}
\usepackage[hidelinks]{hyperref}
\theoremstyle{plain}
\newtheorem{statement}{Statement}
\newtheorem*{corrected}{What holds}
\theoremstyle{remark}
\newtheorem*{found}{Verdict}
\setlength{\textwidth}{155mm}
\setlength{\oddsidemargin}{2mm}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setlength{\emergencystretch}{3em}
\raggedbottom
"""


def latex_document(verification: Verification, about: Mapping[str, str]) -> str:
    """The whole document; it needs amsmath, amsthm and hyperref.

    Parameters
    ----------
    verification : the verdicts.
    about : what was run, as label → text.
    """
    counts = ", ".join(f"{n} {verdict}" for verdict, n in verification.counts.items()) or "none judged"
    lines = [
        _PREAMBLE,
        r"\title{Statements and verdicts}",
        rf"\author{{dynopt verify}}\date{{{latex_text(about.get('date', ''))}}}",
        r"\begin{document}\raggedright\maketitle",
        latex_text(f"{len(verification.claims)} statements: {counts}."),
        r"\begin{description}",
        *(rf"\item[{verdict}] {latex_text(MEANING[Verdict(verdict)])}." for verdict in verification.counts),
        r"\end{description}",
        *(rf"\textbf{{{latex_text(label)}}}: {latex_text(text)}\\" for label, text in about.items() if label != "date"),
        *(rf"\textbf{{Not judged}}: {latex_text(error)}\\" for error in verification.errors),
        r"\tableofcontents",
    ]
    for document, claims in by_document(verification.claims).items():
        lines += ["", rf"\section{{{latex_text(document)}}}"]
        for claim in claims:
            lines += ["", *theorem(claim)]
    return "\n".join([*lines, r"\end{document}", ""])


def theorem(claim: Judgement) -> Iterator[str]:
    """One claim: the statement as a theorem, its formulas, the verdict with its evidence, what holds instead."""
    label = re.sub(r"[^A-Za-z0-9:._-]", "-", claim.id)
    yield rf"\begin{{statement}}[\texttt{{{latex_text(claim.id)}}}, {latex_text(readable(claim.source))}]\label{{claim:{label}}}"
    yield _sentence(readable(claim.statement))
    if claim.hypotheses:
        yield rf"\par Provided: {_sentence(readable(claim.hypotheses))}"
    yield r"\end{statement}"
    yield from _formal(claim.parts)
    said = "Not as expected: " + "; ".join(claim.failures) + "." if claim.failures else "As expected." if claim.expected else ""
    yield rf"\begin{{found}}[{claim.verdict}] " + latex_text(f"{said} {_checked(claim)}".strip())
    for part in claim.parts:
        if part.verdict != Verdict.PROVED and evidence(part):
            yield r"\par " + _sentence(f"{_named(part)}{part.verdict}, {evidence(part)}")
        elif part.witness:
            yield r"\par " + _sentence(f"{_named(part)}witness {point(part.witness)}")
    if claim.verdict == Verdict.CONDITIONAL:
        yield r"\par " + latex_text(f"It holds under the further hypothesis {readable(claim.extra or '')}, which is proved to be needed.")
    for what, text in (("By hand", by_hand(claim)), ("Remark", claim.remark)):
        if text:
            yield rf"\par {what}: " + _sentence(text)
    yield r"\end{found}"
    if claim.correction:
        yield rf"\begin{{corrected}}[{claim.correction_verdict}]"
        yield _sentence(readable(claim.correction))
        yield r"\end{corrected}"
        yield from _formal(claim.correction_parts)


def _sentence(text: str) -> str:
    """The text in LaTeX, with a full stop."""
    return latex_text(text) + ("" if text.endswith((".", "!", "?", ":")) else ".")


def _named(part: Part) -> str:
    return f"{part.part}: " if part.part else ""


def _formal(parts: tuple[Part, ...]) -> Iterator[str]:
    """Hypotheses and conclusion of every part, in mathematics mode that TeX may break over lines."""
    formal = [p for p in parts if p.given or p.then]
    if not formal:
        return
    yield r"\begin{itemize}"
    for part in formal:
        given, then = ([f"${latex_math(f)}$" for f in formulas] for formulas in (part.given, part.then))
        name = rf"\emph{{{latex_text(_named(part))}}}" if part.part else ""
        if not then:
            yield rf"\item {name}There are real numbers with {', '.join(given)}."
        else:
            hypotheses = f"if {', '.join(given)}, then " if given else ""
            yield rf"\item {name}{hypotheses}{', '.join(then)}."
    yield r"\end{itemize}"


def _checked(claim: Judgement) -> str:
    """Who answered."""
    names = ", ".join(f"{d['name']} ({d['version']})" for d in claim.deciders)
    return f"Decided by {names} in {claim.seconds:.2f} s." if names else "No machine check."
