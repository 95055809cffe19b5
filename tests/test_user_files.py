"""A method, a flow and a problem in a file outside the repository, under 20 lines, work in every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dynopt.testing import check_algorithm, check_flow, check_problem

METHOD = """from dynopt import Algorithm, Flow, Position, Scalar, number

class Extragradient(Algorithm):
    gamma: Scalar = number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        ahead = state.theta - self.gamma * oracle.gradient(state.theta)
        return Position(state.theta - self.gamma * oracle.gradient(ahead))

class Slow(Flow):
    def init(self, theta0, oracle):
        return Position(theta0)

    def field(self, state, oracle, t):
        return Position(-oracle.gradient(state.theta) / 2)
"""
PROBLEM = '''def valley(x, y, *, depth=1):
    """A strict saddle at the origin, minima at (±1, 0)."""
    return depth * (x**4 / 4 - x**2 / 2) + y**2
'''


@pytest.fixture
def mine(here):
    folder = here / "my files"
    folder.mkdir()
    (folder / "method.py").write_text(METHOD)
    (folder / "problem.py").write_text(PROBLEM)
    assert max(len(METHOD.splitlines()), len(PROBLEM.splitlines())) < 20
    return folder


METHOD_FILE, PROBLEM_FILE = Path("my files/method.py"), Path("my files/problem.py")


def test_conformance(mine):
    import dynopt

    check_algorithm(f"{METHOD_FILE}:Extragradient")
    check_flow(f"{METHOD_FILE}:Slow")
    check_problem(dynopt.problem(f"{PROBLEM_FILE}:valley(depth=2)"))


def test_show(mine, dynopt):
    code, out, _ = dynopt("show", f"{METHOD_FILE}:Extragradient", "--json")
    assert code == 0
    found = json.loads(out)
    assert [p["name"] for p in found["parameters"]] == ["gamma"]
    assert "gamma" in json.dumps(found["mode_matrix"])


def test_bound(mine, dynopt):
    """|1 − γλ + γ²λ²| < 1 exactly for 0 < γ < 1/λ, so on [1, 10] for γ < 1/10."""
    code, out, _ = dynopt("bound", f"{METHOD_FILE}:Extragradient", "--spectrum", "1,10", "--json")
    assert code == 0
    (interval,) = json.loads(out)["intervals"]
    assert (interval["lower"], interval["upper"], interval["lower_closed"], interval["upper_closed"]) == ("0", "1/10", False, False)


def test_trajectory(mine, dynopt):
    words = (f"{METHOD_FILE}:Extragradient(gamma=0.05)", f"{METHOD_FILE}:Slow", "gradient_flow")
    code, out, _ = dynopt("trajectory", *words, "--problem", f"{PROBLEM_FILE}:valley", "--start", "0.1,1", "--json")
    assert code == 0
    assert [c["kind"] for c in json.loads(out)["curves"]] == ["iterates", "flow", "flow"]


def test_escape(mine, dynopt):
    words = ("escape", f"{METHOD_FILE}:Extragradient(gamma=0.1)", "--problem", f"{PROBLEM_FILE}:valley(depth=1)", "--runs", "400")
    code, out, _ = dynopt(*words, "--json")
    assert code == 0
    (method,) = json.loads(out)["methods"]
    assert method["escaped"] == 400
    assert sorted(d["point"] for d in method["destinations"] if d["kind"] == "minimum") == [[-1, 0], [1, 0]]
    assert abs(method["mean"] - method["law"]["mean"]) < 1


def test_verify(mine, dynopt):
    (mine / "claim.py").write_text(
        "import sympy as sp\n"
        "from dynopt.symbolic.claims import Claim, Implication, Verdict\n"
        "g, l = sp.symbols('g l', real=True)\n"
        "MINE = Claim(id='mine', source='ours', statement='extragradient contracts for 0 < g l < 1', hypotheses='g, l > 0',\n"
        "             checks=[Implication(given=[g > 0, l > 0, g * l < 1], then=1 - g * l + g**2 * l**2 < 1)], expected=Verdict.PROVED)\n"
    )
    code, out, _ = dynopt("verify", "my files/claim.py", "--json")
    assert code == 0
    assert json.loads(out)["claims"][0]["verdict"] == "proved"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("Extragradeint", "did you mean Extragradient?"), ("Position", "not a method")],
)
def test_names_that_are_not_there(mine, dynopt, name, sentence):
    code, _, said = dynopt("show", f"{METHOD_FILE}:{name}")
    assert code == 2
    assert sentence in said
