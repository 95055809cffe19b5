"""Formulas in LaTeX: what is stated is what is printed."""

import pytest
import sympy as sp

from dynopt.symbolic.latex import latex, latex_name

x, y, lamda, momentum = sp.symbols("x y lamda momentum", real=True)


@pytest.mark.parametrize(
    ("formula", "printed"),
    [
        (lamda >= 0, r"\lambda \geq 0"),
        (sp.Eq(x, x, evaluate=False), "x = x"),
        (sp.Ne(x**2, 2), r"x^{2} \neq 2"),
        (momentum * x < 1, r"\mathit{momentum}\,x < 1"),
        (x / (y + 1) > sp.sqrt(x), r"\frac{x}{y + 1} > \sqrt{x}"),
        (sp.And(x > 0, sp.Or(y > 0, y < -1)), r"x > 0 \;\land\; (y > 0 \;\lor\; y < -1)"),
        (sp.Implies(x > 0, y > 0), r"x > 0 \;\Rightarrow\; y > 0"),
        (sp.Abs(x) <= sp.Max(x, y), r"\left|{x}\right| \leq \max(x, y)"),
        (sp.true, r"\text{true}"),
        (x < sp.CRootOf(y**5 - y - 1, 0), r"x < \operatorname{root}_{0}(X^{5} - X - 1)"),
    ],
)
def test_formulas(formula, printed):
    assert latex(formula) == printed


def test_only_tall_brackets_hold_a_line_together():
    assert latex((x + y) ** 2 * (x - 1) > 0) == r"(x - 1)\,(x + y)^{2} > 0"
    assert latex((x / y + 1) ** 2 > 0) == r"\left(\frac{x}{y} + 1\right)^{2} > 0"


def test_an_unevaluated_equation_stays_an_equation():
    equation = sp.Eq((x + 1) ** 2, x**2 + 2 * x + 1, evaluate=False)
    assert latex(equation) == r"(x + 1)^{2} = x^{2} + 2\,x + 1"


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("gamma0", r"\gamma_{0}"),
        ("Λ", "Λ"),
        ("λ", r"\lambda"),
        ("f_x", "f_{x}"),
        ("batch size", r"\mathit{batch size}"),
        (r"\input{x}$%", r"\mathit{input x}"),
        ("</script>", r"\mathit{script}"),
        ("{", r"\mathit{?}"),
    ],
)
def test_no_name_means_anything_to_tex(name, printed):
    assert latex_name(name) == printed
