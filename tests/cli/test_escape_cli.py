"""``dynopt escape``: text, JSON, run folder, exit codes."""

from __future__ import annotations

import json

import pytest

from dynopt.errors import Outcome
from dynopt.store.run_folder import load_run

GD = "gd(gamma=0.02)"
INNA = "inna(alpha=1/2,beta=1,gamma=0.02)"


def test_text_and_run_folder(dynopt, here):
    code, out, err = dynopt("escape", GD, INNA, "--problem", "double-well", "--runs", "1e3", "--seed", "4")
    assert (code, err) == (0, "")
    for expected in ("1,000 gaussian starts", "iteration of escape", "Kolmogorov", "quantiles, measured / law", "(-sqrt(2), 0)", "concave",
                     "the quadratic model is off by", INNA):  # fmt: skip
        assert expected in out
    assert "figure, table and data: " in out
    kept = load_run(here / "runs" / "escape")
    assert kept.result["seed"] == 4
    assert (here / "runs" / "escape" / "escape.png").stat().st_size > 10_000


def test_json_is_one_document_and_nothing_else(dynopt, here):
    code, out, err = dynopt("escape", GD, "--runs", "300", "--also", "none", "--json")
    document = json.loads(out)
    assert (code, err, document["runs"], document["folder"]) == (0, "", 300, None)
    assert document["methods"][0]["escaped"] == 300
    assert document["methods"][0]["law"]["kolmogorov"] < 0.1
    assert document["methods"][0]["exits"] == []
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_noise_is_said_and_kept(dynopt, here):
    call = ("escape", GD, "--runs", "200", "--also", "none", "--noise", "periodic(size=1e-3, every=10)")
    code, out, _ = dynopt(*call)
    assert code == 0
    assert "the gradients that the runs see have the noise periodic(size=0.001, every=10)" in out
    assert "no law: the law is that of exact or evenly noisy gradients" in out
    document = json.loads(dynopt(*call, "--json")[1])
    assert document["settings"]["noise"] == "periodic(size=0.001, every=10)"
    exact = json.loads(dynopt(*call[:-2], "--json")[1])
    assert exact["settings"]["noise"] is None
    assert document["methods"][0]["mean"] < exact["methods"][0]["mean"] / 2  # noise of 1e-3 is large beside starts of 1e-12
    code, _, err = dynopt("escape", GD, "--noise", "periodic(size=1)")
    assert (code, "lacks every; write it as in periodic(size=1e-3, every=10)" in err) == (2, True)


def test_out(dynopt, here):
    code, out, _ = dynopt("escape", GD, "--runs", "100", "--also", "ball,drop(amount=2)", "--out", "found/here", "--json")
    document = json.loads(out)
    assert (code, document["folder"]) == (0, "found/here")
    assert [e["exit"] for e in document["methods"][0]["exits"]] == ["ball(radius=0.5)", "drop(amount=2)"]
    assert load_run(here / "found" / "here").manifest["spec"]["runs"] == 100


@pytest.mark.slow
def test_stable_starts_stay(dynopt):
    code, out, _ = dynopt("escape", GD, INNA, "--runs", "200", "--start", "stable", "--scale", "1", "--also", "none", "--json")
    for m in json.loads(out)["methods"]:
        assert (m["escaped"], m["censored"], m["mean"], m["law"]) == (0, 200, None, None)
        assert [d["count"] for d in m["destinations"]] == [0, 200, 0]
    assert code == 0
    assert "200 runs were never out, so there is no mean" in dynopt("escape", GD, "--runs", "200", "--start", "stable")[1]


def test_a_method_and_a_problem_of_the_user_s(dynopt, here):
    (here / "mine.py").write_text(
        "from typing import Any, NamedTuple\n"
        "from dynopt import Algorithm, number\n\n"
        "class State(NamedTuple):\n    theta: Any\n    v: Any\n\n"
        "class Mine(Algorithm):\n"
        "    gamma: Any = number('(0, oo)', 'step-size')\n\n"
        "    def init(self, theta0, oracle):\n        return State(theta0, theta0 - theta0)\n\n"
        "    def update(self, state, oracle, k):\n"
        "        v = state.v / 2 - self.gamma * oracle.gradient(state.theta)\n        return State(state.theta + v, v)\n\n"
        "def hat(x, y):\n    return x**4 - x**2 + (y - x) ** 2\n",
        encoding="utf-8",
    )
    code, out, _ = dynopt("escape", "mine.py:Mine(gamma=1/20)", "--problem", "mine.py:hat", "--runs", "500", "--saddle", "0,0", "--json")
    found = json.loads(out)["methods"][0]
    assert (code, found["escaped"]) == (0, 500)
    assert found["law"]["kolmogorov"] < found["law"]["kolmogorov_bound"]
    assert [d["kind"] for d in found["destinations"]] == ["minimum", "strict saddle", "minimum"]


def test_divergence_is_reported(dynopt):
    code, out, _ = dynopt("escape", "gd(gamma=1)", "--runs", "50", "--also", "none")
    assert code == 0
    assert "50 runs became non-finite" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no method to run"),
        (["gdd(gamma=1)"], "did you mean gd"),
        ([GD, "--problem", "nowhere.py:f"], "there is no file"),
        ([GD, "--runs", "0"], "runs=0 is out of range"),
        ([GD, "--runs", "ten"], "unable to convert"),
        ([GD, "--exit", "concav"], "did you mean concave"),
        ([GD, "--exit", "ball", "--start", "sphere", "--scale", "2"], "every start already satisfies"),
        ([GD, "--saddle", "x,y"], "not a list of numbers"),
        ([GD, "--saddle", "1,2,3"], "has 3 coordinates"),
        ([GD, "--device", "cuda:77"], "is not there"),
        ([GD, "--runns", "3"], "Unknown option"),
    ],
)
def test_misuse(dynopt, here, words, said):
    code, out, err = dynopt("escape", *words)
    assert (code, out) == (2, "")
    assert err.startswith("dynopt: ")
    assert said in err
    assert err.count("\n") == 1
    assert list(here.rglob("*.json")) == []


def test_a_place_that_cannot_be_written_is_said_before_the_runs(dynopt, here, monkeypatch):
    (here / "file").write_text("")
    monkeypatch.setattr("dynopt.escape.study.escape_study", lambda *a, **k: pytest.fail("the runs were started"))
    code, _, err = dynopt("escape", GD, "--out", "file/run")
    assert code == 2
    assert "cannot be written" in err


@pytest.mark.slow
def test_interruption_keeps_what_was_finished(dynopt, here, monkeypatch):
    from dynopt.escape import plan as module

    run, calls = module.tally, []

    def interrupted(*args, **settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(*args, **settings)

    monkeypatch.setattr(module, "tally", interrupted)
    code, out, err = dynopt("escape", GD, INNA, "--runs", "200", "--also", "none")
    assert (code, err) == (130, "dynopt: interrupted; what was finished is kept\n")
    assert f"{INNA}: interrupted after 0 of 200 runs" in out
    kept = load_run(here / "runs" / "escape")
    assert kept.manifest["outcome"] == Outcome.INTERRUPTED
    assert [m["method"] for m in kept.result["methods"]] == [GD]


def test_help(dynopt):
    code, out, _ = dynopt("escape", "--help")
    assert code == 0
    assert "--saddle" in out
