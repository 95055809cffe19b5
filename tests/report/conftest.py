"""One verification of a small file with every verdict, for all reports."""

from __future__ import annotations

import pytest

FILE = r'''
import sympy as sp
from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication

x, y, alpha, lamda = sp.symbols("x y alpha lamda", real=True)
yes = Implication(given=[x > 1, alpha > 0], then=alpha * x**2 > alpha * x)
strange = """<script>alert("1")</script> <img src=http://example.org/x.png> & \\input{secret} $x_1$ 100% #1 ~ ^ _ { } "q" 'q'"""

CLAIMS = [
    Claim(id="square", source="Notes, line 1", statement="x > 1 gives alpha x² > alpha x", hypotheses="x > 1, α > 0", checks=[yes],
          expected="proved", reduction="By hand: nothing.", remark="θ̃_{k+1} ≠ ‖∇J‖² é Ł ℝ ½"),
    Claim(id="root", source="Notes, line 2 (3)", statement="√x ≥ 0", checks=[Implication(given=[x > -1], then=sp.sqrt(x) >= 0)],
          expected="ill-defined",
          correction=Correction(statement="x ≥ 0 is needed", checks=[Implication(given=[x >= 0], then=sp.sqrt(x) >= 0, part="α ≤ β")])),
    Claim(id="wrong", source="Notes, line 3", statement="x² > x", checks=[
        Implication(part="small", given=[x > 0, x < 1], then=x**2 > x), Implication(part="large", given=[x > 1], then=x**2 > x)]),
    Claim(id="cond", source="Paper, Theorem 1", statement="x ≤ x²", checks=[Implication(given=[x >= 0], then=x <= x**2)],
          extra=sp.Or(x >= 1, sp.Eq(x, 0)), needed=[Implication(given=[x >= 0, x < 1, sp.Ne(x, 0)], then=x > x**2)],
          expected="conditional"),
    Claim(id="empty", source="Paper, Theorem 2", statement="nothing", checks=[Implication(given=[x > 1, x < 0], then=y > 7)]),
    Claim(id="<b>" + strange, source="Paper, " + strange, statement=strange, hypotheses=strange, remark=strange, reduction=strange,
          checks=[Implication(given=[sp.Symbol(strange, real=True) > 1], then=sp.Symbol(strange, real=True) > 0, part=strange)]),
    Claim(id="sum", source="Paper, Theorem 3", statement="3 = 1 + 2",
          checks=[Computation(methods={"a": lambda: Finding(True, {"P": 3}, "counted"), "b": lambda: Finding(True)}),
                  Exists(such_that=[sp.Eq(x**2, 2), x > 0])]),
    Claim(id="talk", source="words only", statement="almost surely", expected="not-checkable", remark="measure theory"),
]
'''


@pytest.fixture(scope="session")
def verification(tmp_path_factory):
    import dynopt

    file = tmp_path_factory.mktemp("claims") / "notes.py"
    file.write_text(FILE, encoding="utf-8")
    missing = file.parent / "<missing & gone>.py"
    return dynopt.verify([file, missing])


ABOUT = {"command": "dynopt verify notes.py --html 'a & b'", "date": "2026-01-02", "time limit": "10 s"}


@pytest.fixture
def about():
    return ABOUT
