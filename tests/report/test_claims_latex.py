"""The LaTeX document: sound without an engine, compiled where there is one."""

import re
import shutil
import subprocess

import pytest

from dynopt.report.claims_latex import latex_document
from dynopt.report.latex_text import latex_math, latex_text


@pytest.fixture(scope="module")
def document(verification):
    return latex_document(verification, {"command": "dynopt verify --select 100%_#", "date": "2026-01-02"})


def test_ascii_and_balanced(document):
    assert document.isascii()
    bare = re.sub(r"\\[\\{}$%#&_]", "", document)
    depth = 0
    for c in bare:
        depth += (c == "{") - (c == "}")
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    for name in set(re.findall(r"\\begin\{(\w+)\}", document)):
        assert document.count(rf"\begin{{{name}}}") == document.count(rf"\end{{{name}}}")
    assert set(re.findall(r"\\usepackage(?:\[.*?\])?\{(\w+)\}", document)) <= {"inputenc", "amsmath", "amsthm", "hyperref"}


def test_every_claim_is_a_theorem(document, verification):
    assert document.count(r"\begin{statement}") == len(verification.claims) == 8
    labels = re.findall(r"\\label\{claim:(.*?)\}", document)
    assert len(set(labels)) == 8
    assert r"if $x > 1$, $\alpha > 0$, then $\alpha\,x^{2} > \alpha\,x$." in document
    assert r"There are real numbers with $x > 0$, $x^{2} = 2$." in document or r"$x^{2} = 2$, $x > 0$." in document
    assert r"\begin{corrected}[proved]" in document
    assert "small: refuted, at x = 1/2." in document
    assert r"\section{Notes}" in document
    assert r"\section{Paper}" in document


def test_nothing_of_a_file_is_a_command(document):
    assert r"\input{secret}" not in document
    assert r"\textbackslash{}input\{secret\}" in document


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("x_{k+1}", r"x\ensuremath{_{\text{k+1}}}"),
        ("J_{B_{k−1}}", r"J\ensuremath{_{\text{B\ensuremath{_{\text{k\ensuremath{-}1}}}}}}"),
        ("a ≠ b", r"a \ensuremath{\neq} b"),
        ("θ̃", r"\ensuremath{\tilde{\theta}}"),
        ("Ĝ é", r"\ensuremath{\hat{G}} \'{e}"),
        ("10⁻¹²", r"10\ensuremath{^{-12}}"),
        ("heavy_ball 100%", r"heavy\_ball 100\%"),
        ("漢\x00\U000f005c", r"\texttt{U+6F22}"),
        ("ΛΒ", r"\ensuremath{\Lambda}\ensuremath{B}"),
    ],
)
def test_text(text, latex):
    assert latex_text(text) == latex


def test_long_formulas_can_be_broken():
    short = r"\left(\frac{x}{y}\right)\,z > 0"
    assert latex_math(short) == short
    long = latex_math(" + ".join([short] * 6))
    assert r"\left(" not in long
    assert r"\allowbreak" in long


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_it_compiles(document, tmp_path):
    (tmp_path / "claims.tex").write_text(document)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "claims.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "claims.pdf").stat().st_size > 10_000
