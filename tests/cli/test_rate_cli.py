"""``dynopt rate`` as a user calls it."""

import json
import time

import pytest
import sympy as sp

KEYS = {"method", "spectrum", "rate", "rate_float", "unit", "attained_at", "guarantee", "optimum", "loss", "deciders"}


def test_rate_document(dynopt):
    code, out, _ = dynopt("rate", "heavy_ball(gamma=1/10, momentum=1/2)", "--spectrum", "1,9", "--json")
    found = json.loads(out)
    assert code == 0
    assert found.keys() >= KEYS
    assert sp.sympify(found["rate"]) == sp.sqrt(2) / 2
    assert found["rate_float"] == pytest.approx(0.5**0.5)
    assert [(i["lower"], i["upper"]) for i in found["attained_at"]] == [("1", "9")]
    assert "local" in found["guarantee"]
    assert "not class-wide" in found["guarantee"]
    best = found["optimum"]
    assert best["parameters"] == {"gamma": "1/4", "momentum": "1/4"}
    assert (best["rate"], best["rate_float"], best["attained"]) == ("1/2", 0.5, True)
    formula = sp.sympify(best["closed_form"]["gamma"])
    assert formula.subs({"mu": 1, "L": 9}) == sp.Rational(1, 4)
    assert found["loss"] == pytest.approx(2)
    assert [d["answer"] for d in found["deciders"]] == ["proved", "proved"]


def test_algebraic_rates_are_parsable(dynopt):
    _, out, _ = dynopt("rate", "aggregated_momentum(gamma=1/10, momentum1=1/2, momentum2=9/10)", "--spectrum", "1,10", "--json")
    found = json.loads(out)
    assert float(sp.sympify(found["rate"])) == pytest.approx(found["rate_float"], abs=1e-12)


@pytest.mark.parametrize("name", ["gd", "inna", "semi_implicit_din", "innaprop_frozen", "midpoint_din", "din"])
def test_the_optimum_alone(dynopt, name):
    begun = time.process_time()
    code, out, _ = dynopt("rate", name, "--spectrum", "1,20")
    assert code == 0
    assert time.process_time() - begun < 2
    assert ("infimum, not attained" in out) == (name in ("semi_implicit_din", "innaprop_frozen"))
    assert "decider" not in out
    _, out, _ = dynopt("rate", name, "--spectrum", "1,20", "--json")
    found = json.loads(out)
    assert found["rate"] is None
    assert found["optimum"]["rate_float"] > 0


def test_text(dynopt):
    _, out, _ = dynopt("rate", "heavy_ball(gamma=1/10, momentum=1/2)", "--spectrum", "1,9")
    for words in ("sqrt(2)/2   ≈ 0.70710678", "every λ of the interval", "γ = 4/(√(L) + √(μ))²   here 1/4", "take 2 times", "z3"):
        assert words in out
    _, out, _ = dynopt("rate", "gd(gamma=1)", "--spectrum", "1,9")
    assert "attained at λ = 9" in out
    assert "do not converge" in out
    _, out, _ = dynopt("rate", "hbf(alpha=1)", "--spectrum", "1,9")
    assert "take 2 times as long" in out
    _, out, _ = dynopt("rate", "gd(gamma=1/3)", "--spectrum", "2,2")
    assert "the best finitely many" in out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("rate", "gd"), "--spectrum"),
        (("rate", "gd", "--spectrum", "10,1"), "wrong order"),
        (("rate", "gd", "--spectrum", "0,1"), "gd(gamma=...)"),
        (("rate", "hevy_ball", "--spectrum", "1,10"), "did you mean heavy_ball?"),
        (("rate", "heavy_ball(gamma=1)", "--spectrum", "1,10"), "momentum has no value"),
        (("rate", "nesterov_flow", "--spectrum", "1,10"), "depends on t"),
    ],
)
def test_misuse_is_one_sentence_and_code_2(dynopt, words, part):
    code, out, said = dynopt(*words)
    assert (code, out) == (2, "")
    assert said.count("\n") == 1
    assert part in said
