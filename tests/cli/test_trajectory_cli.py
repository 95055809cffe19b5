"""``dynopt trajectory``: table, files, JSON, exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

METHODS = "din(alpha=2,beta=0.1)", "inna(alpha=2,beta=0.1,gamma=0.05)"
PAIR = ("trajectory", *METHODS, "--problem", "thesis-3.2", "--start", "1,1", "--horizon", "2")


def test_table_and_files(dynopt, here):
    code, out, err = dynopt(*PAIR)
    assert (code, err) == (0, "")
    assert "order" in out
    assert "wrote trajectory.png and trajectory.npz" in out
    assert sorted(p.name for p in here.iterdir()) == ["trajectory.npz", "trajectory.png"]


def test_json_is_one_document_and_writes_only_what_is_asked(dynopt, here):
    code, out, err = dynopt(*PAIR, "--json")
    document = json.loads(out)
    assert (code, err, document["figure"]) == (0, "", None)
    assert [c["kind"] for c in document["curves"]] == ["flow", "iterates"]
    assert document["distances"][0]["order"] == pytest.approx(1, abs=0.1)
    assert np.shape(document["curves"][1]["points"]) == (41, 2)
    assert list(here.iterdir()) == []
    code, out, _ = dynopt(*PAIR, "--json", "--out", "a.pdf")
    assert json.loads(out)["figure"] == "a.pdf"
    assert (here / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.gif", "a.html"])
def test_animations_are_written_with_their_data(dynopt, here, name):
    code, _, err = dynopt("trajectory", "gradient_flow", "--problem", "thesis-3.2", "--horizon", "1", "--out", name)
    assert (code, err) == (0, "")
    assert sorted(p.name for p in here.iterdir()) == sorted([name, "a.npz"])
    assert (here / name).read_bytes()[:6] in (b"GIF89a", b"<!DOCT")


@pytest.mark.slow
def test_numbers_near_the_end_of_floating_point_still_make_a_figure(dynopt, here):
    for start in ("1e200,1", "1e306,1"):
        code, _, err = dynopt("trajectory", "gradient_flow", "gd(gamma=0.1)", "--problem", "thesis-3.2", "--start", start, "--out", "a.png")
        assert (code, err) == (0, "")


def test_a_folder_without_suffix_is_a_run_folder(dynopt, here):
    code, out, _ = dynopt(*PAIR, "--out", "runs/pair")
    assert (code, (here / "runs/pair/manifest.json").is_file()) == (0, True)
    assert out.rstrip().endswith("wrote runs/pair")


def test_negative_starts_solvers_and_events(dynopt, here):
    code, out, _ = dynopt(
        "trajectory", "hbf(alpha=0)", "--problem", "quadratic(spectrum=[1])", "--start", "-1", "--horizon", "4",
        "--solver", "radau", "--json", "--events", "turning-point(coordinate=1)", "--events", "objective-level(level=1/8)",
    )  # fmt: skip
    [curve] = json.loads(out)["curves"]
    assert (code, curve["statistics"]["solver"]) == (0, "Radau")
    assert [h["t"] for h in curve["events"]] == pytest.approx([np.pi / 3, 2 * np.pi / 3, np.pi], abs=1e-6)


def test_an_event_that_never_happens_and_a_steady_state_are_told(dynopt, here):
    words = "trajectory", "din(alpha=2,beta=0.1)", "--problem", "double-well", "--horizon", "100", "--events", "objective-level(level=99)"
    code, out, _ = dynopt(*words, "--events", "steady(tolerance=1e-6)")
    assert code == 0
    assert "converged" in out
    assert "from a minimum at (1.41421, 0)" in out
    assert "din(alpha=2,beta=0.1): J = 99 did not happen" in out
    code, out, _ = dynopt(*words, "--events", "steady(tolerance=1e-6)", "--json")
    [curve] = json.loads(out)["curves"]
    assert (curve["outcome"], curve["missed"]) == ("converged", ["J = 99"])
    assert curve["statistics"]["rest"]["kind"] == "minimum"


@pytest.mark.slow
def test_an_event_that_happens_often_is_told_in_one_line(dynopt, here):
    _, out, _ = dynopt(
        "trajectory", "hbf(alpha=0)", "--problem", "quadratic(spectrum=[1])", "--horizon", "100", "--events", "turning-point(coordinate=1)"
    )  # fmt: skip
    [line] = [said for said in out.splitlines() if "turning point" in said]
    assert "at t = 3.14159265" in line
    assert "… (31 times, last at 97.38937" in line  # 31π


@pytest.mark.slow
def test_stiff_flows_end_and_say_so(dynopt, here):
    words = "trajectory", "din(alpha=2,beta=10000)", "--problem", "double-well", "--json"
    code, out, _ = dynopt(*words, "--max-evaluations", "20000")
    [curve] = json.loads(out)["curves"]
    assert (code, curve["outcome"]) == (0, "budget spent")
    assert "stiff" in curve["message"]
    assert curve["statistics"]["advice"]
    code, out, _ = dynopt(*words, "--solver", "auto")
    [curve] = json.loads(out)["curves"]
    assert (code, curve["outcome"], curve["statistics"]["solver"]) == (0, "done", "LSODA")


@pytest.mark.slow
def test_divergence_is_an_outcome_not_a_failure(dynopt, here):
    (here / "mine.py").write_text("def hill(x):\n    return -x**4\n")
    code, out, err = dynopt("trajectory", "gradient_flow", "gd(gamma=0.1)", "--problem", "mine.py:hill", "--start", "1", "--horizon", "1")
    assert (code, err) == (0, "")
    assert "blow-up at t = 0.125" in out
    assert "diverged at iteration 9" in out


def test_a_method_from_a_file(dynopt, here):
    (here / "mine.py").write_text(
        "from typing import Any\n"
        "from dynopt import Algorithm, GradientFlow, Position, number\n\n\n"
        "class Half(Algorithm):\n"
        "    gamma: Any = number('(0, oo)', 'step-size')\n\n"
        "    def init(self, theta0, oracle):\n        return Position(theta0)\n\n"
        "    def update(self, state, oracle, k):\n        return Position(state.theta - self.gamma * oracle.gradient(state.theta))\n\n"
        "    def flow(self):\n        return GradientFlow(), self.gamma\n"
    )
    code, out, _ = dynopt("trajectory", "mine.py:Half(gamma=0.1)", "--problem", "thesis-3.2", "--horizon", "1", "--json")
    document = json.loads(out)
    assert (code, document["curves"][0]["method"]) == (0, "mine.py:Half(gamma=0.1)")
    assert document["distances"][0]["order"] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ina(gamma=0.1)", "--problem", "thesis-3.2"], "did you mean inna"),
        (["gd(gamma=0.1)", "--problem", "thesis-32"], "did you mean thesis-3.2"),
        (["gd(gamma=0.1)", "--problem", "thesis-3.2", "--start", "1,1,1"], "3 coordinates, thesis-3.2 has 2"),
        (["gd(gamma=0.1)", "--problem", "thesis-3.2", "--start", "1,a"], "not a list of numbers"),
        (["gd(gamma=0.1)", "--problem", "thesis-3.2", "--horizon", "0.01"], "shorter than one step, 0.1"),
        (["gd(gamma=0.1)", "--problem", "thesis-3.2", "--horizon", "-1"], "outside (0, oo)"),
        (["gd(gamma=0.1)", "--problem", "thesis-3.2", "--rtol", "0"], "rtol=0.0"),
        (["gd(gamma=0.1)", "--problem", "thesis-3.2", "--out", "a.tiff"], ".png, .svg, .pdf"),
        (["gd(gamma=0.1)", "--problem", "thesis-3.2", "--panel", "x"], "choose gap or energy"),
        (["gd(gamma=0.1)", "--problem", "no.py:f"], "no file 'no.py'"),
        (["nesterov_flow", "--problem", "thesis-3.2", "--horizon", "1e-18"], "too short to leave t = 0.1"),
        (["din(alpha=2,beta=1)", "--problem", "thesis-3.2", "--events", "energy-level(level=1)"], "choose one of E_min, E_max, E"),
        (["gd(gamma=0.1)"], "--problem"),
        (["--problem", "thesis-3.2"], "no method to run"),
    ],
)
def test_misuse_is_one_sentence_and_leaves_nothing(dynopt, here, words, said):
    code, out, err = dynopt("trajectory", *words)
    assert (code, out) == (2, "")
    assert err.startswith("dynopt: ")
    assert len(err.splitlines()) == 1
    assert said in err
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_many_starts(dynopt, here):
    words = "trajectory", "gradient_flow", "gd(gamma=0.05)", "--problem", "double-well", "--starts"
    code, out, err = dynopt(*words, "12", "--seed", "1", "--out", "a.svg")
    assert (code, err) == (0, "")
    assert sorted(p.name for p in here.iterdir()) == ["a.npz", "a.svg"]
    assert "minimum (1.41421, 0)" in out
    (here / "s.csv").write_text("0.3,1\n-0.2,1\n")
    code, out, _ = dynopt(*words, "s.csv", "--json")
    document = json.loads(out)
    assert (code, document["seed"]) == (0, None)
    assert [[e["count"] for e in m["ends"]] for m in document["methods"]] == [[1, 0, 1]] * 2
    for more in (["--events", "steady"], ["--out", "a.html"], ["--out", "folder"]):
        code, out, err = dynopt(*words, "3", *more)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
