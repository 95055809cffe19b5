"""Calls are parsed exactly, never evaluated; names lead to definitions."""

from __future__ import annotations

from fractions import Fraction

import pytest

import dynopt
from dynopt import Misuse
from dynopt.core.registry import METHODS, PROBLEMS, method_class, parse_call


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("gd", {}),
        ("gd()", {}),
        ("gd(gamma=0.1)", {"gamma": Fraction(1, 10)}),
        ("gd( gamma = 1e-3 )", {"gamma": Fraction(1, 1000)}),
        ("gd(gamma=1/3)", {"gamma": Fraction(1, 3)}),
        ("gd(gamma=2**-4*3)", {"gamma": Fraction(3, 16)}),
        ("inna(alpha=-(1-3), start=keras)", {"alpha": Fraction(2), "start": "keras"}),
        ("quadratic(spectrum=[-1, 1/2])", {"spectrum": [Fraction(-1), Fraction(1, 2)]}),
    ],
)
def test_values_are_exact(text, values):
    assert parse_call(text).values == values


def test_formulas_in_k_are_schedules():
    rule = parse_call("gd(gamma=1/(k+1))").values["gamma"]
    assert [rule(k) for k in range(3)] == [1.0, 0.5, pytest.approx(1 / 3)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["names nothing"]),
        ("gd(gamma=0.1", ["not a call"]),
        ("gd(0.1)", ["key=value"]),
        ("gd(gamma=1/0)", ["divides by zero"]),
        ("gd(gamma=__import__('os'))", ["not a number"]),
        ("gd(gamma=(lambda: 1)())", ["not a number"]),
        ("gd(gamma=9**9**9)", ["too large"]),
        ("gd(gamma=1, gamma=2)", []),
        ("gd(**{})", []),
        ("gd(gamma=k.real)", []),
    ],
)
def test_what_is_not_a_call_is_misuse(text, words):
    with pytest.raises(Misuse) as caught:
        parse_call(text)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_registered_under_its_own_name(name):
    cls = method_class(name)
    assert cls.name == name
    assert cls.references
    assert all(p.meaning for p in cls.parameters())


@pytest.mark.parametrize("name", [p for p in PROBLEMS if p != "quadratic"])
def test_every_problem_can_be_named(name):
    problem = dynopt.problem(name)
    assert len(problem.start) == problem.dimension >= 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dynopt.method("ina(gamma=1)"), ["no method 'ina'", "did you mean inna?"]),
        (lambda: dynopt.problem("duble-well"), ["no problem 'duble-well'", "did you mean double-well?"]),
        (lambda: dynopt.problem("thesis-3.2(a=1)"), ["thesis-3.2", "takes no parameters"]),
        (lambda: dynopt.problem("double-well(unstabel=1)"), ["double-well", "did you mean unstable?"]),
        (lambda: dynopt.problem("rosenbrock(c=1)"), ["rosenbrock"]),
        (lambda: dynopt.problem("quadratic(spectrum=3)"), ["spectrum"]),
        (lambda: dynopt.problem("quadratic"), ["spectrum"]),
        (lambda: dynopt.method("nowhere.py:Mine"), ["no file 'nowhere.py'"]),
        (lambda: dynopt.method("mine.py"), ["mine.py:Name"]),
    ],
)
def test_unknown_names_are_misuse_with_the_closest(make, words):
    with pytest.raises(Misuse) as caught:
        make()
    assert all(word in str(caught.value) for word in words), caught.value


def test_files_of_the_user(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import dynopt\nMine = dynopt.explicit_euler(dynopt.GradientFlow, 'Mine')\nvalue = 3\ndef bowl(x, y):\n    return x**2 + y**2\n"
    )
    assert dynopt.method(f"{path}:Mine(gamma=0.1)").gamma == Fraction(1, 10)
    assert dynopt.problem(f"{path}:bowl").critical_points()[0].kind == "minimum"
    for text, words in [(f"{path}:Mien", "did you mean Mine?"), (f"{path}:value", "not a method")]:
        with pytest.raises(Misuse, match=words.replace("?", r"\?")):
            dynopt.method(text)
    broken = tmp_path / "broken.py"
    broken.write_text("1/0\n")
    with pytest.raises(Misuse, match="ZeroDivisionError"):
        dynopt.method(f"{broken}:Mine")
