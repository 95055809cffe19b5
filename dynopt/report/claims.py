"""The verdicts of `dynopt verify` on a terminal: a table, the counterexamples with what holds instead, a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from dynopt.errors import Outcome
from dynopt.report.documents import by_document
from dynopt.report.summary import greek
from dynopt.symbolic.check import Part
from dynopt.symbolic.claims import Verdict
from dynopt.symbolic.judge import Judgement
from dynopt.symbolic.ledger import Verification

_STYLE = {
    Verdict.PROVED: "green", Verdict.REFUTED: "red", Verdict.CONDITIONAL: "yellow", Verdict.ILL_DEFINED: "magenta",
    Verdict.VACUOUS: "magenta", Verdict.UNDECIDED: "bold red", Verdict.NOT_CHECKABLE: "dim",
}  # fmt: skip

MEANING = {
    Verdict.PROVED: "two independent deciders prove the statement from its hypotheses, which can be fulfilled",
    Verdict.REFUTED: "an exact point fulfils the hypotheses and breaks the statement",
    Verdict.CONDITIONAL: "false as printed; proved under a further hypothesis, which is proved to be needed",
    Verdict.ILL_DEFINED: "the statement speaks of an expression that does not exist at some admissible point",
    Verdict.VACUOUS: "nothing fulfils the hypotheses, so the statement says nothing",
    Verdict.UNDECIDED: "some decider did not settle it in its time",
    Verdict.NOT_CHECKABLE: "no machine check is attempted; the entry says why",
}
"""What each verdict says."""


def report(verification: Verification, console: Console | None = None) -> None:
    """Print the verdicts, what is wrong and what holds instead, and a one-line summary."""
    if console is None:
        console = Console()
        if not console.is_terminal:
            console = Console(width=140)
    for rows in tables(verification, console.width):
        console.print(rows)
    for claim in verification.claims:
        lines = list(details(claim))
        if lines:
            console.print()
            console.print(Text.assemble((claim.id, "bold"), "  ", (claim.verdict.value, _STYLE[claim.verdict])))
            grid = Table.grid(padding=(0, 2, 0, 0))
            grid.add_column(style="dim", no_wrap=True)
            grid.add_column(ratio=1)
            for label, text in lines:
                grid.add_row("  " + label, escape(text))
            console.print(grid)
    if verification.errors:
        console.print()
        for error in verification.errors:
            console.print(f"[bold red]not judged[/bold red]  {escape(error)}", highlight=False)
    console.print()
    console.print(summary(verification), highlight=False)


def tables(verification: Verification, width: int) -> Iterator[Table]:
    """One table a document, one row a claim, with the seconds that each decider (and the claim's own computations) took.

    Verdicts are never cut: where ``width`` is too small for the place of a claim in its document, there is no such column.
    """
    claims = verification.claims
    names = list(dict.fromkeys(d["name"] for c in claims for d in c.deciders if not d["computation"]))
    computed = any(d["computation"] for c in claims for d in c.deciders)
    times = [*names, *(["computed"] if computed else [])]
    documents = by_document(claims)
    widest = max((len(c.id) for c in claims), default=0)
    left = width - sum(w + 2 for w in (_VERDICT, _EXPECTED, *(max(_SECONDS, len(n)) for n in times)))
    of_claim = max(min(widest, left), 12)
    of_place = left - of_claim - 2
    for number, (document, group) in enumerate(documents.items()):
        title = f"{document} (times in seconds)" if number == 0 else document
        rows = Table(
            title=("" if number == 0 else "\n") + escape(title), title_justify="left", title_style="dim", box=None, pad_edge=False,
            header_style="bold", show_header=number == 0,
        )  # fmt: skip
        rows.add_column("claim", width=of_claim, overflow="fold")
        rows.add_column("verdict", width=_VERDICT, no_wrap=True)
        rows.add_column("expected", width=_EXPECTED, no_wrap=True)
        for name in times:
            rows.add_column(name, width=max(_SECONDS, len(name)), justify="right", no_wrap=True)
        if of_place >= _PLACE:
            rows.add_column("place", width=of_place, no_wrap=True, overflow="ellipsis")
        for claim in group:
            seconds = {d["name"]: d["seconds"] for d in claim.deciders}
            cells = [f"{seconds[n]:.2f}" if n in seconds else "" for n in names]
            if computed:
                own = [d["seconds"] for d in claim.deciders if d["computation"]]
                cells.append(f"{sum(own):.2f}" if own else "")
            place = escape(claim.source.removeprefix(document).lstrip(", "))
            verdict = Text(claim.verdict.value, _STYLE[claim.verdict])
            rows.add_row(escape(claim.id), verdict, _mark(claim), *cells, *([place] if of_place >= _PLACE else []))
        yield rows


_VERDICT, _EXPECTED, _SECONDS, _PLACE = len("not-checkable"), len("expected"), 6, 14
"""Widths of columns."""


def _mark(claim: Judgement) -> Text:
    if claim.ok:
        return Text("yes" if claim.expected else "-", "green" if claim.expected else "")
    return Text("NO", "bold red")


def details(claim: Judgement) -> Iterator[tuple[str, str]]:
    """What a reader must see besides the row: the counterexample, the place, what holds instead, what failed."""
    if claim.verdict != Verdict.PROVED or claim.failures:
        yield "stated", claim.statement
        if claim.hypotheses:
            yield "provided", claim.hypotheses
        for part in claim.parts:
            if part.verdict != Verdict.PROVED:
                yield part.verdict.value, (f"{part.part}: " if part.part else "") + evidence(part)
        if claim.verdict == Verdict.CONDITIONAL:
            yield "needed", f"{readable(claim.extra or '')} (proved sufficient, and necessary)"
        if claim.verdict == Verdict.NOT_CHECKABLE:
            yield "because", claim.remark
        if claim.correction:
            yield "holds" if claim.correction_verdict == Verdict.PROVED else "not proved", claim.correction
    for failure in claim.failures:
        yield "FAILS", failure


def evidence(part: Part) -> str:
    """The place, the exact point and the note of a part."""
    at = f"at {point(part.witness)}" if part.witness else ""
    return "; ".join(filter(None, (greek(part.place), at, part.note, part.tool_failure))) or "no values do"


def by_hand(claim: Judgement) -> str:
    """The part of the argument that no machine checked."""
    text = claim.reduction.strip()
    return text[9:10].upper() + text[10:] if text.startswith("By hand: ") else text


def readable(text: str) -> str:
    """A statement with Greek letters for Greek names; brackets joined by SymPy's & and | are joined by words.

    >>> readable("(gamma > 0) & (L*gamma < 2)")
    '(γ > 0) and (L·γ < 2)'
    """
    return greek(text).replace(") & (", ") and (").replace(") | (", ") or (")


def point(witness: Mapping[str, str]) -> str:
    """A witness as text: ``α = 1, β = 1/2``."""
    return ", ".join(f"{greek(name)} = {greek(value)}" for name, value in witness.items())


def summary(verification: Verification) -> str:
    """Counts of verdicts, failures, errors and the wall time in one line."""
    parts = [f"{n} {verdict}" for verdict, n in verification.counts.items()] or ["no claim judged"]
    if verification.failed:
        parts.append(f"[bold red]{len(verification.failed)} not as expected[/bold red]")
    if verification.errors:
        parts.append(f"[bold red]{len(verification.errors)} not judged[/bold red]")
    if verification.outcome == Outcome.INTERRUPTED:
        parts.append("[bold red]interrupted[/bold red]")
    return f"{len(verification.claims)} claims: {', '.join(parts)}; {verification.seconds:.1f} s"
