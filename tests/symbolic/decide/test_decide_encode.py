"""The SMT-LIB text: accepted by z3, stable, and faithful about roots, denominators and cases."""

import subprocess
import sys

import pytest
import sympy as sp
import z3
from sympy import Abs, And, Eq, Equivalent, Implies, Max, Min, Ne, Not, Or, Rational, Xor, sqrt, symbols

from dynopt.errors import Misuse
from dynopt.symbolic.decide import smtlib
from dynopt.symbolic.decide.encode import encode

x, y, lam = symbols("x y lambda", real=True)


def satisfiable(given, then):
    solver = z3.Solver()
    solver.add(z3.parse_smt2_string(smtlib(given, then)))
    return solver.check() == z3.sat


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ([x > 0, y > 0], sqrt(x * y) <= (x + y) / 2),
        ([lam > 0], 1 / lam > 0),
        ([x >= 0], Eq(sqrt(x) ** 2, x, evaluate=False)),
        ([], Equivalent(x > 1, 2 * x > 2)),
        ([x < 0], Eq(Abs(x), -x)),
        ([], And(Min(x, y) <= x, Max(x, y) >= y)),
        ([sqrt(x) > 2], x > 4),
        ([Implies(x > 0, y > 0), x > 0], y > 0),
        ([Xor(x > 0, y > 0), x > 0], y <= 0),
        ([Not(Or(x > 0, y > 0))], And(x <= 0, y <= 0)),
        ([x >= 0], Eq((x**2) ** Rational(1, 2), x, evaluate=False)),
        ([x > 0], sqrt(x + sqrt(x)) > sqrt(x)),
        ([sp.ITE(x > 0, y > 1, y < -1)], y**2 > 1),
        ([Eq(x, sp.CRootOf(sp.Symbol("t") ** 5 - sp.Symbol("t") - 1, 0))], And(x > Rational(11, 10), x < Rational(12, 10))),
    ],
)
def test_true_statements_have_unsatisfiable_queries(given, then):
    assert not satisfiable(given, then)


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ([x > 0], 1 / (x - 1) > 0),
        ([], sqrt(x) > 0),
        ([], Equivalent(x > 1, y > 1)),
        ([Ne(x, 0)], x / Abs(x) > 0),
        ([], Max(x, y) > Min(x, y)),
        ([sp.ITE(x > 0, y > 1, y < -1)], y > 1),
    ],
)
def test_false_statements_have_satisfiable_queries(given, then):
    assert satisfiable(given, then)


def test_an_expression_that_does_not_exist_refutes_nothing():
    assert not satisfiable([x < 0], sqrt(x) > 0)
    assert not satisfiable([x < 0], sqrt(x) <= 0)
    assert not satisfiable([Eq(x, 0)], 1 / x > 0)
    # but it does not hide the failure of a part that exists
    assert satisfiable([], And(Implies(x >= 0, sqrt(x) >= 0), x > -1))


def test_the_text_ends_in_check_sat_and_is_the_same_in_every_process():
    code = (
        "import sympy as sp; from dynopt.symbolic.decide.encode import encode; a,b,c=sp.symbols('alpha beta c', real=True);"
        "print(encode([a>0, sp.Or(b>a, c<b, sp.sqrt(a*b)>c)], sp.Equivalent(a*b>c, sp.Min(a,b,c)>0, sp.Max(a,b)/c<1)).query_hash)"
    )
    hashes = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1
    assert smtlib([x > 0], x > 1).rstrip().endswith("(check-sat)")


def test_symbols_of_one_name_are_one_variable_and_dummies_are_not():
    assert not satisfiable([sp.Symbol("x", positive=True) - y > 0], sp.Symbol("x", real=True) - y > 0)
    assert satisfiable([sp.Dummy("x") > 0], sp.Dummy("x") > 0)
    assert set(encode([sp.Dummy("x") > sp.Dummy("x")], x > 0).names.values()) == {"x", "x_", "x__"}


def test_sign_assumptions_are_no_hypotheses():
    assert satisfiable([], sp.Gt(sp.Symbol("p", positive=True), 0, evaluate=False))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (x > 0.5, "exact fraction"),
        (sp.exp(x) > 2, "cannot be decided"),
        (x ** Rational(1, 3) > 1, "only square roots"),
        (sp.Symbol("p"), "not a comparison"),
        (sp.oo * x > 1, "cannot be decided"),
        (x**y > 1, "cannot be decided"),
    ],
)
def test_what_cannot_be_encoded_is_named(statement, words):
    with pytest.raises(Misuse, match=words):
        encode([], statement)
