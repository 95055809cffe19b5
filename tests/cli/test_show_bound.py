"""``dynopt show`` and ``dynopt bound`` as a user calls them."""

import json

import pytest
import sympy as sp

from dynopt.cli import main
from dynopt.core.registry import METHODS


def document(capsys, *words):
    assert main([*words, "--json"]) == 0
    out = capsys.readouterr().out
    return json.loads(out)


def test_bound_document(capsys):
    found = document(capsys, "bound", "inna(alpha=1/2, beta=1/10)", "--property", "stable", "--spectrum", "1,10")
    assert {"method", "property", "spectrum", "parameter", "guarantee", "closed_form", "intervals"} <= found.keys()
    (interval,) = found["intervals"]
    assert interval.keys() >= {"lower", "upper", "lower_closed", "upper_closed", "lower_float", "upper_float"}
    assert sp.sympify(interval["upper"]) == sp.Rational(3, 20)  # β + α/L
    assert interval["upper_float"] == pytest.approx(0.15)
    assert "local" in found["guarantee"]


def test_bound_has_parsable_algebraic_ends(capsys):
    found = document(capsys, "bound", "inna(alpha=2, beta=1)", "--property", "diffeomorphism", "--spectrum", "-10,10")
    for interval in found["intervals"]:
        assert float(sp.sympify(interval["upper"])) == pytest.approx(interval["upper_float"])


def test_unbounded_ends_are_oo(capsys):
    found = document(capsys, "bound", "inna(alpha=2, beta=1)", "--property", "non-oscillating", "--spectrum", "1,10")
    assert found["intervals"][0]["upper"] == "oo"


SECONDS = {"semi_implicit_din", "midpoint_din", "aggregated_momentum", "innaprop_frozen"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SECONDS else n for n in METHODS])
def test_show_every_method(name, capsys):
    found = document(capsys, "show", name)
    assert {"method", "parameters", "update", "mode_matrix", "characteristic_polynomial", "conditions", "references"} <= found.keys()
    assert main(["show", name]) == 0
    assert main(["show", name, "--latex"]) == 0
    assert r"\begin{align*}" in capsys.readouterr().out


def test_show_inna_text(capsys):
    main(["show", "inna"])
    out = capsys.readouterr().out
    for word in (
        "update",
        "flow",
        "mode matrix",
        "characteristic polynomial",
        "stable iff",
        "diffeomorphism iff",
        "spiral iff",
        "references",
    ):
        assert word in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["shwo"], "did you mean show"),
        (["show", "ina"], "did you mean inna"),
        (["show"], "METHOD requires"),
        (["bound", "gd"], "spectrum"),
        (["bound", "gd", "--spectrum", "10,1"], "wrong order"),
        (["bound", "gd", "--spectrum", "a"], "list of numbers"),
        (["bound", "gd", "--spectrum", "1,10", "--property", "stabl"], "did you mean stable"),
        (["bound", "gd", "--spectrum", "1,10", "--proprety", "stable"], "proprety"),
        (["bound", "inna(alpha=-1)", "--spectrum", "1,10"], r"outside \[0, oo\)"),
        (["bound", "gone.py:Method", "--spectrum", "1,10"], "no file"),
    ],
)
def test_misuse_is_one_line_and_code_2(words, message, capsys):
    import re

    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert re.search(message, captured.err)
