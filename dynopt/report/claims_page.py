"""The verdicts of `dynopt verify` as one self-contained HTML page, for a screen, a phone and paper.

No network, no font, no script is needed: filters are check boxes that the style sheet reads; the
script at the end adds search, links that open what they point at, and print-outs with formulas.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

from dynopt.errors import Outcome
from dynopt.report.claims import MEANING, by_hand, point, readable
from dynopt.report.documents import by_document
from dynopt.report.mathml import mathml
from dynopt.symbolic.check import Answered, Part
from dynopt.symbolic.claims import Verdict
from dynopt.symbolic.judge import Judgement
from dynopt.symbolic.ledger import Verification
from dynopt.symbolic.query import Query

_SHAPES = {
    Verdict.PROVED: '<circle cx="8" cy="8" r="7"/><path class="ink" d="M4.5 8.2 7 10.7l4.5-5.2"/>',
    Verdict.REFUTED: '<rect x="1" y="1" width="14" height="14" rx="2"/><path class="ink" d="m5 5 6 6m0-6-6 6"/>',
    Verdict.CONDITIONAL: '<path class="ring" d="M8 1 15 8 8 15 1 8z"/><path d="M8 1v14L1 8z"/>',
    Verdict.ILL_DEFINED: '<path d="M8 1 15.5 15H.5z"/><path class="ink" d="M8 6v4.2m0 2v.6"/>',
    Verdict.VACUOUS: '<circle class="ring" cx="8" cy="8" r="6"/><path class="ring" d="m3 13 10-10"/>',
    Verdict.UNDECIDED: '<path class="ring" d="M5 5.6a3 3 0 1 1 4.3 2.7Q8 9 8 10.5m0 2.4v.6"/>',
    Verdict.NOT_CHECKABLE: '<path class="ring" d="M2 8h12"/>',
}  # fmt: skip
_KINDS = {"conclusion": "negation of the conclusion", "definedness": "where an expression does not exist", "existence": "the conditions",
          "satisfiability of the hypotheses": "the hypotheses"}  # fmt: skip
_ASSETS = Path(__file__).parent


def page(verification: Verification, about: Mapping[str, str]) -> str:
    """The page as HTML text.

    Parameters
    ----------
    verification : the verdicts.
    about : what was run, as label → text (command, date, versions, time limits).
    """
    documents = by_document(verification.claims)
    shown = _Encodings()
    script = (_ASSETS / "claims_page.js").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{len(verification.claims)} statements and their verdicts</title>",
            f"<style>\n{(_ASSETS / 'claims_page.css').read_text(encoding='utf-8')}</style>\n</head>\n<body>",
            '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>',
            *(f'<symbol id="shape-{v}" viewBox="0 0 16 16">{shape}</symbol>' for v, shape in _SHAPES.items()),
            '</defs></svg>\n<a class="skip" href="#claims">Skip to the statements</a>',
            *_header(verification, about),
            *_filters(verification),
            *_contents(documents),
            '<main id="claims">',
            *(line for number, (name, claims) in enumerate(documents.items(), 1) for line in _section(number, name, claims, shown)),
            '<p id="nothing" hidden>No statement is selected.</p>\n</main>',
            f"<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


def _policy(script: str) -> str:
    """What the page may load: nothing but its own style and this very script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _header(verification: Verification, about: Mapping[str, str]) -> Iterator[str]:
    yield "<header>\n<h1>Statements and their verdicts</h1>"
    said = [f"{len(verification.claims)} statements were judged in {verification.seconds:.1f} s"]
    said.append(f"{len(verification.failed)} are not as expected" if verification.failed else "every verdict is the expected one")
    if verification.outcome == Outcome.INTERRUPTED:
        said.append("the run was interrupted before the end")
    yield f"<p>{escape('; '.join(said))}.</p>"
    if verification.failed:
        links = ", ".join(f'<a href="#{_anchor(i)}">{escape(i)}</a>' for i in verification.failed)
        yield f'<p class="wrong"><strong>Not as expected:</strong> {links}</p>'
    if verification.errors:
        yield '<div class="wrong"><strong>Not judged:</strong><ul>'
        yield from (f"<li>{escape(error)}</li>" for error in verification.errors)
        yield "</ul></div>"
    yield '<dl class="about">'
    yield from (f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>" for label, text in about.items())
    yield "</dl>\n</header>"


def _filters(verification: Verification) -> Iterator[str]:
    """A check box a verdict, its count, and what it means."""
    yield '<form class="filters" role="search" aria-label="Choose statements">\n<fieldset><legend>Show</legend>'
    for verdict, count in verification.counts.items():
        yield (
            f'<label class="{verdict}" title="{escape(MEANING[Verdict(verdict)])}">'
            f'<input type="checkbox" id="show-{verdict}" checked>{_badge(Verdict(verdict))}<b>{count}</b></label>'
        )
    yield '</fieldset>\n<label class="search" hidden>Search <input type="search" id="search" placeholder="id, place, words"></label>'
    yield '<output id="found" aria-live="polite"></output>\n</form>'
    yield '<details class="meaning"><summary>What the verdicts mean</summary><dl>'
    yield from (f"<div><dt>{_badge(Verdict(v))}</dt><dd>{escape(MEANING[Verdict(v)])}.</dd></div>" for v in verification.counts)
    yield "</dl></details>"


def _contents(documents: Mapping[str, list[Judgement]]) -> Iterator[str]:
    if len(documents) > 1:
        yield '<nav aria-label="Documents"><ul>'
        for number, (name, claims) in enumerate(documents.items(), 1):
            yield f'<li><a href="#document-{number}">{escape(name)}</a> ({len(claims)})</li>'
        yield "</ul></nav>"


def _section(number: int, name: str, claims: list[Judgement], shown: _Encodings) -> Iterator[str]:
    yield f'<section aria-labelledby="document-{number}">\n<h2 id="document-{number}">{escape(name)}</h2>'
    for claim in claims:
        yield from _card(claim, shown)
    yield "</section>"


def _card(claim: Judgement, shown: _Encodings) -> Iterator[str]:
    """One claim."""
    name = _anchor(claim.id)
    yield f'<article class="card {claim.verdict}" id="{name}" aria-labelledby="{name}-title">'
    yield f'<h3 id="{name}-title"><a href="#{name}">{escape(claim.id)}</a> {_badge(claim.verdict)}</h3>'
    yield f'<p class="place">{escape(claim.source)}</p>'
    if claim.failures:
        yield f'<p class="wrong"><strong>Not as expected:</strong> {escape("; ".join(claim.failures))}</p>'
    yield f'<p class="statement">{_prose(claim.statement)}</p>'
    yield "<dl>"
    if claim.hypotheses:
        yield _entry("Provided", _prose(claim.hypotheses))
    yield from _evidence(claim)
    if claim.verdict == Verdict.CONDITIONAL:
        yield _entry("Needed", f"{_prose(claim.extra or '')} <small>(proved sufficient, and necessary)</small>")
    if claim.correction:
        proved = claim.correction_verdict == Verdict.PROVED
        badge = _badge(claim.correction_verdict) if claim.correction_verdict else ""
        yield _entry("What holds" if proved else "Instead", f"{_prose(claim.correction)} {badge}", "holds")
    if claim.reduction:
        yield _entry("By hand", _prose(by_hand(claim)))
    if claim.remark:
        yield _entry("Because" if claim.verdict == Verdict.NOT_CHECKABLE else "Remark", _prose(claim.remark))
    if claim.deciders:
        said = (
            f"{escape(d['name'])} <small>{escape(d['version'])}</small>{' ' + escape(d['answer']) if d['answer'] else ''} "
            f'<span class="time">{d["seconds"]:.2f} s</span>'
            for d in claim.deciders
        )
        yield _entry("Decided by", "; ".join(said), "deciders")
    yield "</dl>"
    groups = [
        ("", claim.parts),
        ("under the extra hypothesis", claim.extra_parts),
        ("need of the extra hypothesis", claim.needed_parts),
        ("what holds", claim.correction_parts),
    ]
    yield from _formulas(groups)
    yield from _questions(groups, shown)
    yield "</article>"


def _evidence(claim: Judgement) -> Iterator[str]:
    """Counterexamples, places, witnesses and notes, part by part."""
    for part in claim.parts:
        of_part = f'<span class="part">{_prose(part.part)}:</span> ' if part.part and len(claim.parts) > 1 else ""
        facts = []
        if part.place:
            facts.append(_prose(part.place))
        if part.witness:
            facts.append(f'<span class="point">{escape(point(part.witness))}</span>')
        facts += [_prose(text) for text in (part.note, part.tool_failure) if text]
        label = {
            Verdict.REFUTED: "Counterexample", Verdict.ILL_DEFINED: "Fails to exist", Verdict.PROVED: "Witness",
            Verdict.VACUOUS: "Vacuous", Verdict.UNDECIDED: "Undecided",
        }.get(part.verdict, str(part.verdict))  # fmt: skip
        if part.verdict == Verdict.PROVED and not part.witness:
            label = "Note"
        if facts or part.verdict != Verdict.PROVED:
            yield _entry(label, of_part + ("; ".join(facts) or "no values do"), "evidence")


def _formulas(groups: Iterable[tuple[str, tuple[Part, ...]]]) -> Iterator[str]:
    """What the machine was asked, as formulas."""
    rows = [(group, part) for group, parts in groups for part in parts if part.given or part.then]
    if not rows:
        return
    count = "formula" if len(rows) == 1 else f"{len(rows)} parts"
    yield f'<details class="formulas"><summary>As the machine reads it <small>({count})</small></summary>'
    for group, part in rows:
        title = ", ".join(filter(None, (group, part.part)))
        yield f'<div class="formula">{f"<h4><span>{_prose(title)}</span> {_badge(part.verdict)}</h4>" if title or len(rows) > 1 else ""}'
        given, then = (", ".join(map(mathml, formulas)) for formulas in (part.given, part.then))
        if not part.then:
            yield f"<p>There are real numbers with {given}.</p></div>"
        else:
            yield f"<p>{f'If {given},</p><p>then' if given else 'Always'} {then}.</p></div>"
    yield "</details>"


def _questions(groups: Iterable[tuple[str, tuple[Part, ...]]], shown: _Encodings) -> Iterator[str]:
    """Every question to the deciders, with their answers and its encoding."""
    parts = [(group, part) for group, parts in groups for part in parts if part.deciders]
    asked = sum(len(part.queries) for _, part in parts)
    if not parts:
        return
    title = f"{asked} question{'s' if asked > 1 else ''} to the deciders" if asked else "The computations"
    yield (
        f'<details class="questions"><summary>{title} <small>with encodings in SMT-LIB</small></summary>'
        if asked
        else (f'<details class="questions"><summary>{title}</summary>')
    )
    for group, part in parts:
        name = ", ".join(filter(None, (group, part.part)))
        yield f"<h4>{_prose(name)}</h4>" if name else ""
        yield "<ul>"
        yield from (f"<li>{_answer(a)}</li>" for a in part.deciders if a.computation)
        for query in part.queries:
            said = ", ".join(dict.fromkeys(_answer(a) for a in part.deciders if a.query == query.hash and a.question == query.question))
            yield f"<li>{escape(query.question)}: {said} {shown.of(query)}</li>"
        yield "</ul>"
    yield "</details>"


def _answer(a: Answered) -> str:
    return f'{escape(a.name)} {escape(a.answer)} <span class="time">{a.seconds:.3f} s</span>'


class _Encodings:
    """The encodings on the page, each once: claims share hypotheses, so many questions come back."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def of(self, query: Query) -> str:
        short = query.hash[:8]
        if query.hash in self._seen:
            return f'<a class="hash" href="#q-{short}">{short}</a>'
        self._seen.add(query.hash)
        says = ": ".join(filter(None, (_KINDS.get(query.question, ""), query.status)))
        return (
            f'<details class="encoding" id="q-{short}"><summary><span class="hash">{short}</span> <small>{escape(says)}</small></summary>'
            f'<p class="hash">SHA-256 {query.hash}</p><pre tabindex="0">{escape(query.text.rstrip())}</pre></details>'
        )


def _badge(verdict: Verdict) -> str:
    return f'<span class="badge {verdict}"><svg aria-hidden="true"><use href="#shape-{verdict}"/></svg>{verdict}</span>'


def _entry(label: str, text: str, kind: str = "") -> str:
    return f"<div{f' class={kind}' if kind else ''}><dt>{label}</dt><dd>{text}</dd></div>"


def _anchor(identifier: str) -> str:
    """An element's id from a claim's: what a link may hold, and no clash with the page's own."""
    return "claim-" + re.sub(r"[^A-Za-z0-9._-]", lambda m: f"_{ord(m[0]):x}_", identifier)


_SCRIPT = re.compile(r"(?<=[^\s>])([_^])\{([^{}]*)\}|(?<=[^\s>])([_^])([^\W_])(?![^\W_])")


def _prose(text: str) -> str:
    """A text from a claim file: escaped, with Greek letters and raised or lowered indices."""

    def raised(m: re.Match[str]) -> str:
        tag = "sub" if (m[1] or m[3]) == "_" else "sup"
        return f"<{tag}>{m[2] or m[4]}</{tag}>"

    result, before = escape(readable(text)), ""
    while result != before:
        before, result = result, _SCRIPT.sub(raised, result)
    return result
