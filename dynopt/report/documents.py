"""Which document a claim is from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dynopt.symbolic.judge import Judgement


def by_document(claims: Iterable[Judgement]) -> dict[str, list[Judgement]]:
    """The claims under their documents, in the order in which the documents first appear.

    A source is the document, a comma and the place.  The document is its first words, with as many
    further words (up to a comma or a bracket) as all claims with those first words share.  A claim
    that names no document is put with the claims of its file.
    """
    claims = list(claims)
    words = {c.id: re.split(r", | \(", c.source) if ", " in c.source else [c.source] for c in claims}
    at_home = {c.file: words[c.id][0] for c in reversed(claims) if len(words[c.id]) > 1}
    groups: dict[str, list[Judgement]] = {}
    for claim in claims:
        first = words[claim.id][0] if len(words[claim.id]) > 1 else at_home.get(claim.file, words[claim.id][0])
        groups.setdefault(first, []).append(claim)
    return {_title(first, [words[c.id] for c in group if len(words[c.id]) > 1]): group for first, group in groups.items()}


def _title(first: str, sources: list[list[str]]) -> str:
    shared = [first]
    for words in zip(*(s[1:-1] for s in sources), strict=False):
        if len(set(words)) > 1 or len(sources) < 2:
            break
        shared.append(words[0])
    return ", ".join(shared)
