"""The page: sound HTML, nothing from outside, nothing of a user's file alive in it, every link with a target."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from dynopt.report.claims_page import page
from dynopt.report.documents import by_document

VOID = {"meta", "input", "br", "img", "link", "path", "circle", "rect", "use"}


class Reader(HTMLParser):
    """Tags with attributes, the text of each element kind, and what is not closed."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.tags, self.texts = [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self.stack[-1] if self.stack else "", []).append(data)


@pytest.fixture(scope="module")
def html(verification):
    return page(verification, {"command": "dynopt verify 'a & b' <c>", "date": "2026-01-02"})


@pytest.fixture(scope="module")
def read(html):
    return Reader(html)


def test_every_element_is_closed(read):
    assert read.stack == []
    names = {t for t, _ in read.tags}
    assert {"main", "nav", "section", "article", "details", "math", "style", "script"} <= names


def test_nothing_from_outside(html, read):
    for tag, attributes in read.tags:
        assert tag not in {"link", "img", "iframe", "object", "base"}
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith("#")
    assert [t for t, _ in read.tags].count("script") == 1
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in "".join(read.texts["script"])
    policy = next(a["content"] for t, a in read.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256("".join(read.texts["script"]).encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_links_and_names(read):
    ids = [a["id"] for _, a in read.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for _, a in read.tags if "href" in a} | {a["aria-labelledby"] for _, a in read.tags if "aria-labelledby" in a}
    assert targets <= set(ids)


def test_every_claim_has_its_card(html, read, verification):
    cards = [a["class"].split() for t, a in read.tags if t == "article"]
    assert [c[1] for c in cards] == [c.verdict for group in by_document(verification.claims).values() for c in group]
    for verdict, count in verification.counts.items():
        assert f'id="show-{verdict}"' in html
        assert sum(verdict in c for c in cards) == count
        assert f"#show-{verdict}:not(:checked)" in html  # the filter works without a script
    for text in (
        "√x ≥ 0",
        "x ≥ 0 is needed",
        "measure theory",
        "counted",
        "Counterexample",
        "dynopt verify &#x27;a &amp; b&#x27; &lt;c&gt;",
    ):
        assert text in html
    assert html.count("Not as expected:") == 1 + len(verification.failed)
    assert "&lt;missing &amp; gone&gt;.py" in html


def test_headings_go_down_one_by_one(read):
    levels = [int(t[1]) for t, _ in read.tags if re.fullmatch(r"h\d", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_each_encoding_is_there_once(html, verification):
    parts = [p for c in verification.claims for ps in (c.parts, c.correction_parts, c.extra_parts, c.needed_parts) for p in ps]
    hashes = {q.hash for p in parts for q in p.queries}
    assert len(re.findall(r"<pre ", html)) == len(hashes)
    assert all(html.count(f"SHA-256 {h}") == 1 for h in hashes)


def test_formulas_are_there(html):
    assert "<mfrac>" not in html  # none in this file
    assert "<msqrt><mi>x</mi></msqrt>" in html
    assert "There are real numbers with <math>" in html


def test_verdicts_need_no_colour(read):
    badges = [a["class"].split()[1] for t, a in read.tags if t == "span" and a.get("class", "").startswith("badge")]
    shapes = {a["href"] for t, a in read.tags if t == "use"}
    assert shapes == {f"#shape-{b}" for b in badges}


def test_two_ids_that_differ_in_a_sign_have_two_anchors(verification):
    from dataclasses import replace

    one = verification.claims[0]
    pair = replace(verification, claims=(replace(one, id="a<b"), replace(one, id="a>b")))
    ids = [a["id"] for t, a in Reader(page(pair, {})).tags if t == "article"]
    assert len(set(ids)) == 2


def contrast(one, two):
    """The ratio of WCAG 2.1."""

    def luminance(colour):
        colour = colour if len(colour) == 6 else "".join(c * 2 for c in colour)
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast(html):
    """WCAG AA: 4.5 for text, in light, dark and print."""
    assert contrast("000", "fff") == pytest.approx(21)
    palettes = [dict(re.findall(r"--([\w-]+): #(\w+);", block)) for block in re.findall(r":root \{(.*?)\}", html, re.S)]
    assert len(palettes) == 3
    for palette in palettes:
        for name, colour in palette.items():
            if name not in ("paper", "card", "wash", "line"):
                assert contrast(colour, palette["card"]) >= 4.5, name
                assert contrast(colour, palette["paper"]) >= 4.5, name
