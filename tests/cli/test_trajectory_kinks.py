"""``dynopt trajectory`` on problems with kinks: inclusions by themselves, rounded kinks on request."""

from __future__ import annotations

import json

import pytest


def test_the_valley_as_an_inclusion(dynopt, here):
    code, out, err = dynopt("trajectory", "din(alpha=1.3,beta=0.1)", "gradient_flow", "--problem", "thesis-2.1", "--horizon", "5")
    assert (code, err) == (0, "")
    assert "gradient_flow: a differential inclusion, 2 mode switches: crosses x = 0 at t = 2.4975; slides on x - 1 = 0 at t = 4.4925" in out
    assert "din(alpha=1.3,beta=0.1): a differential inclusion, 1 mode switch:" in out
    assert (here / "trajectory.png").is_file()


@pytest.mark.slow
def test_a_users_function_with_abs(dynopt, here):
    (here / "mine.py").write_text("import sympy\n\n\ndef roof(x, y):\n    return sympy.Max(abs(x), y / 2) - abs(y) / 4\n")
    code, out, _ = dynopt("trajectory", "gradient_flow", "--problem", "mine.py:roof", "--start", "1,0", "--horizon", "2", "--json")
    [curve] = json.loads(out)["curves"]
    assert (code, curve["outcome"]) == (0, "done")
    assert curve["statistics"]["selection"] == "Filippov"
    assert curve["statistics"]["not_unique_at"][0] == 0  # y = 0 is a ridge
    assert curve["points"][-1] == pytest.approx([0, 0], abs=1e-6)
    code, out, _ = dynopt("trajectory", "gradient_flow", "--problem", "mine.py:roof", "--start", "1,0", "--horizon", "2")
    assert "several solutions continue from t = 0" in out


@pytest.mark.slow
def test_rounded_kinks(dynopt, here):
    words = ("trajectory", "gradient_flow", "--problem", "thesis-2.1", "--horizon", "1", "--rtol", "1e-6", "--regularise", "0.01")
    code, out, _ = dynopt(*words)
    assert code == 0
    assert "kinks rounded, |h| as sqrt(h^2 + eps^2) with eps = 0.01 (solver Radau)" in out
    document = json.loads(dynopt(*words, "--json")[1])
    assert document["settings"]["regularise"] == 0.01


@pytest.mark.parametrize(
    ("problem", "width", "said"), [("thesis-3.2", "0.1", "no kink of thesis-3.2"), ("thesis-2.1", "-1", "outside (0, oo)")]
)
def test_misuse(dynopt, here, problem, width, said):
    code, out, err = dynopt("trajectory", "gradient_flow", "--problem", problem, "--regularise", width)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err
