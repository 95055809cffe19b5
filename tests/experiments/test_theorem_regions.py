"""The study of the theorem table: no statement, no bound and no run on the wrong side."""

import ast
import random

import numpy as np
import pytest

from dynopt.store.bundled import bundled
from dynopt.study import load_study, run_study


def inside(name):
    return load_study("theorem-regions").function.__globals__[name]


def test_its_methods_are_those_of_the_claims():
    source = (bundled("analysis") / "theorem_table.py").read_text(encoding="utf-8")
    table = next(n.value for n in ast.parse(source).body if isinstance(n, ast.Assign) and n.targets[0].id == "TABLE")
    assert inside("METHODS") == ast.literal_eval(table) == list(inside("PLANES"))


@pytest.mark.parametrize("name", ["gd", "din"])
def test_runs_are_judged_by_what_they_do(name):
    """Against the published edges: γL = 2 for gradient descent; DIN turns iff (α + βλ)² < 4λ for some λ in [1, 10]."""
    plane = inside("PLANES")[name][0]
    seen = inside("_measure")(plane, 3, random.Random(0), name == "din")
    grid = np.linspace(1, 10, 9)
    for x, y, good in seen:
        expected = x * y < 2 if name == "gd" else bool(np.all((x + y * grid) ** 2 >= 4 * grid))
        assert good == expected


@pytest.mark.slow
def test_smoke(here):
    found = run_study("theorem-regions", settings={"points": 60, "questions": 12, "figures": ["inna"]})
    summary = found.summary
    assert summary["agree"]
    assert summary["statements"] == 51
    assert summary["theorems"]["points"] == summary["theorems"]["agreements"] > 1900
    assert summary["theorems"]["undecided"] == 0
    assert summary["bounds"]["points"] == summary["bounds"]["agreements"] > 80
    assert {"pieces.csv", "overview.png", "inna.png", "inna.npz"} <= {p.name for p in found.folder.iterdir()}
