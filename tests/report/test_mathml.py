"""LaTeX to MathML, read back by an XML parser."""

from xml.etree import ElementTree

import pytest
import sympy as sp

from dynopt.report.mathml import mathml
from dynopt.symbolic.latex import latex

x, y, lamda = sp.symbols("x y lamda", real=True)


def read(formula):
    return ElementTree.fromstring(f"<all>{mathml(formula if isinstance(formula, str) else latex(formula))}</all>")


def words(tree):
    return "".join(e.text or "" for e in tree.iter() if e.text)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (lamda >= -x, "λ≥−x"),
        (sp.And(x > 0, sp.Or(y > 0, y < -1)), "x>0∧(y>0∨y<−1)"),
        (sp.Abs(x) <= sp.Max(x, y), "|x|≤max(x,y)"),
        (sp.Ne(sp.Symbol("psi_next"), 0), "ψnext≠0"),
        (sp.Not(sp.Or(x > 0, y > 0), evaluate=False), "¬(x>0∨y>0)"),
        (sp.true, "true"),
        (sp.Symbol("<i>&") > 0, "i>0"),
    ],
)
def test_what_is_read(formula, text):
    assert words(read(formula)) == text


def test_nothing_in_a_name_is_markup():
    assert [e.text for e in read(r"\mathit{a<b&c} > \text{<i>}").iter() if e.text] == ["a<b&c", ">", "<i>"]


def test_structure():
    tree = read(sp.sqrt(x / 2) > x**2 / y)
    assert len(tree) == 1
    assert {e.tag for e in tree.iter()} >= {"mfrac", "msqrt", "msup"}
    root = read(r"\sqrt[4]{x} = y_{1}^{2}").find("math")
    assert [e.tag for e in root] == ["mroot", "mo", "msubsup"]
    assert [e.text for e in root[2]] == ["y", "1", "2"]


def test_signs_know_what_they_stand_before():
    forms = [(e.text, e.get("form")) for e in read(r"- x - y = - 1 \;\land\; (- x)").iter("mo")]
    assert [form for text, form in forms if text == "−"] == ["prefix", "infix", "prefix", "prefix"]


def test_long_formulas_break_between_terms():
    long = sum((k + 2) * x**k * y for k in range(12)) > 0
    pieces = read(long)
    assert len(pieces) == 13
    assert words(pieces) == words(ElementTree.fromstring(f"<all>{mathml(latex(long)).replace('</math> <math>', '')}</all>"))
    tall = sum(x**k / (k + 2) for k in range(1, 12))
    assert len(read((tall + 1) * (tall + y) > 0)) > 20  # also inside its brackets


@pytest.mark.slow
def test_every_formula_of_a_hundred_random_ones_is_sound():
    import random

    rng = random.Random(1)

    def term(depth):
        if not depth:
            return rng.choice([x, y, lamda, sp.Rational(rng.randint(1, 9), rng.randint(1, 9))])
        a, b = term(depth - 1), term(depth - 1)
        return rng.choice([a + b, a * b, a - b, a / (b**2 + 1), sp.sqrt(a**2 + 1), sp.Abs(a), sp.Max(a, b)])

    for _ in range(100):
        formula = latex(sp.Eq(term(3), term(2), evaluate=False))
        assert sum(1 for e in read(formula).iter("mfrac")) == formula.count(r"\frac")
        assert sum(1 for e in read(formula).iter("msqrt")) == formula.count(r"\sqrt{")
