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


def test_show_prints_vectors_as_vectors(capsys):
    update = document(capsys, "show", "barzilai_borwein")["update"]
    assert update["gradient"] == "grad J(theta)"
    tuned = "gamma*taken*norm(gradient)**2/inner(gradient, gradient - grad J(theta))"
    assert update["taken"].startswith(f"Piecewise(({tuned}, ")  # in one coordinate the quotient would cancel
    main(["show", "damped_gd"])
    assert "θ⁺ = -γ·∇J(θ)/(α·norm(∇J(θ)) + 1) + θ" in capsys.readouterr().out
    main(["show", "armijo"])
    assert "shrink(γ, factor, J(-s·∇J(θ) + θ) ≤ -c·s·norm(∇J(θ))² + J(θ))" in capsys.readouterr().out
    main(["show", "adam", "--latex"])
    assert r"\beta_{1}^{k + 1}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "why"),
    [("adam", "not linear"), ("barzilai_borwein", "not linear"), ("armijo", "objective values"), ("perturbed_gd", "random")],
)
def test_bound_of_a_method_without_modes_says_why(name, why, capsys):
    assert main(["bound", name, "--spectrum", "1,10"]) == 2
    assert why in capsys.readouterr().err


def test_show_names_what_a_long_update_repeats(capsys):
    """Each name stands for one gradient or product, and putting them back gives the update of the document."""
    import re

    from dynopt.report.summary import greek

    assert main(["show", "step_tuned_sgd"]) == 0
    captured = capsys.readouterr()
    lines = [line.strip() for line in captured.out.split("update\n")[1].split("\n\n")[0].splitlines()]
    parts = dict(line.removeprefix("with ").split(" = ", 1) for line in lines if line.startswith("with "))
    assert parts["g1"] == "∇J(θ)"
    assert len(parts) == 3
    gain = next(line for line in lines if line.startswith("gain⁺ = ")).removeprefix("gain⁺ = ")
    assert len(gain) < 120
    for _ in parts:
        gain = re.sub(r"\b[gp]\d", lambda m: parts[m[0]], gain)
    whole = greek(document(capsys, "show", "step_tuned_sgd")["update"]["gain"])
    assert sorted(gain) == sorted(whole)  # the order of factors may differ


def test_a_warning_is_one_line_on_stderr(capsys):
    words = ["show", "step_tuned_sgd(nu=5, lower=1/2, upper=2)"]
    assert main(words) == 0
    assert capsys.readouterr().err == "dynopt: step_tuned_sgd: nu=5 is outside the clip [0.5, 2] and acts as nu=2; move upper or lower\n"
