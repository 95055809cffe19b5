"""``dynopt compare`` as a user calls it."""

import json

import numpy as np
import pytest


def test_document(dynopt):
    code, out, _ = dynopt("compare", "inna(alpha=1/2, beta=1/2, gamma=1/10)", "gd", "--spectrum=-10,-1/2", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["proved"]
    assert found["verdict"] == "depends"
    assert found["condition"] == "lamda + 1 > 0"
    (interval,) = found["intervals"]
    assert (interval["lower"], interval["upper"], interval["lower_closed"], interval["upper_closed"]) == ("-1", "-1/2", False, True)
    assert [r["eigenvalue"] for r in found["ratios"]] == ["-10", "-1/2"]


def test_text(dynopt):
    code, out, _ = dynopt("compare", "inna", "gd")
    assert code == 0
    assert "-α + λ·(1 - β) + 1 > 0" in out
    assert "proved by both deciders" in out
    assert "at no λ" in dynopt("compare", "qhm", "gd")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inna", "din"], "is a flow"),
        (["inna", "gd", "--share", "beta"], "cannot be shared"),
        (["inna", "gd", "--out", "x.txt"], "end it in .png"),
        (["inna", "gd", "--out", "x.png"], "needs a number for every parameter"),
        pytest.param(["inna", "gd", "--plane", "alpha=0:1,beta=0:1", "--out", "x.png"], "with --at", marks=pytest.mark.slow),
        pytest.param(["inna", "gd", "--plane", "alpha=0,beta=0:1", "--at=-1", "--out", "x.png"], "not two ranges", marks=pytest.mark.slow),
        (["inna", "gd", "--plane", "alpha=0:1", "--at=-1", "--out", "x.png"], "1 ranges"),
        pytest.param(
            ["inna", "gd", "--plane", "alpha=0:1,beta=0:1", "--at=-1", "--out", "x.png"], "needs a value of gamma", marks=pytest.mark.slow
        ),
        (["inna", "gd", "--plane", "alpha=0:1,beta=0:1", "--at=-1"], "--out"),
        (["inna", "gd", "--spectrum", "1,2"], "is not negative"),
    ],
)
def test_misuse(dynopt, words, message):
    code, out, err = dynopt("compare", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_figures_and_their_data(dynopt, here):
    code, _, _ = dynopt("compare", "inna(alpha=1/2, beta=1/2, gamma=1/4)", "gd", "--spectrum=-4,-1/2", "--out", "growth.png")
    assert code == 0
    data = np.load(here / "growth.npz")
    assert data["crossings"] == pytest.approx([-1])
    for name in ("first", "second"):  # runs on the curve
        assert np.interp(data["minus_lambda_measured"], data["minus_lambda"], data[name]) == pytest.approx(
            data[f"{name}_measured"], rel=2e-3
        )
    code, _, _ = dynopt("compare", "inna(gamma=1/4)", "gd", "--plane", "alpha=0:3,beta=0:3", "--at=-2", "--out", "plane.png")
    assert code == 0
    plane = np.load(here / "plane.npz")
    winner = np.sign(1 - plane["measured"][:, 0] - 2 * (1 - plane["measured"][:, 1]))  # 1 − α + (1 − β)λ at λ = −2
    assert np.array_equal(np.where(abs(winner) < 1e-9, 0, winner), plane["measured"][:, 2])
    assert plane["region"][120, 60] == 1.0  # α = 3/4, β = 3/2
