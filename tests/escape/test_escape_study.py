"""The escape job from the outside: what it counts, what it predicts, what it refuses."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import dynopt
from dynopt.errors import Outcome
from dynopt.escape import plan as module
from dynopt.escape.statistics import LEVELS

INNA, GD = "inna(alpha=1/2, beta=1, gamma=0.02)", "gd(gamma=0.02)"
RUNS = 2000


@pytest.fixture(scope="module")
def asked():
    """The study of the issue, smaller."""
    return dynopt.escape_study([INNA, "inna(alpha=1, beta=1.1, gamma=0.02)", GD], problem="double-well", runs=RUNS, seed=2)


def test_everyone_leaves_and_both_minima_are_reached_equally_often(asked):
    for m in asked.methods:
        left, saddle, right = m.destinations
        assert (left.exact, saddle.exact, right.exact) == ("(-sqrt(2), 0)", "(0, 0)", "(sqrt(2), 0)")
        assert (m.times[0].escaped, saddle.count, left.count + right.count) == (RUNS, 0, RUNS)
        assert left.interval[0] < 0.5 < left.interval[1]
        assert saddle.interval[1] < 0.002


def test_the_law_holds_under_every_exit(asked):
    for m in asked.methods:
        assert [t.exit for t in m.times] == ["coordinate(radius=0.5)", "ball(radius=0.5)", "concave", "drop(amount=1)", "basin(radius=0.5)"]
        for t in m.times:
            law = t.law.best
            assert abs(t.moments.mean - law.mean) < 1
            assert abs(t.moments.sd / law.sd - 1) < 0.07
            assert all(abs(t.quantile(q)[0] - law.quantile(q)) <= 1 + (q in (0.01, 0.99)) * 3 for q in LEVELS)
            assert t.kolmogorov < 1.95 / RUNS**0.5
        assert m.times[0].law.offset == pytest.approx(0.053, abs=0.004)  # the quadratic model is off by more than 5 %


def test_the_document(asked):
    document = json.loads(json.dumps(asked.to_dict()))
    assert document.keys() >= {"seed", "runs", "exit", "methods", "settings", "versions", "outcome"}
    m = document["methods"][0]
    keys = "method, escaped, censored, diverged, destinations, mean, sd, quantiles, law, engine, seconds, exits"
    assert m.keys() >= set(keys.split(", "))
    assert m["law"].keys() >= {"mean", "sd", "quantiles", "kolmogorov", "kolmogorov_bound"}
    assert m["law"].keys() >= {"quadratic", "asymptotic", "offset", "quadratic_off"}
    assert m["law"]["quadratic_off"] is True
    assert m["law"]["quadratic"]["kolmogorov"] > m["law"]["kolmogorov"]
    assert m["destinations"][0].keys() >= {"point", "count", "interval"}
    assert list(m["quantiles"]) == [str(q) for q in LEVELS]
    assert m["mean_interval"][0] < m["mean"] < m["mean_interval"][1]


def test_the_sample_depends_on_seed_and_run_alone(asked):
    again = dynopt.escape_study([GD, INNA], problem="double-well", runs=RUNS, seed=2, batch=1100)
    for here, there in ((0, 2), (1, 0)):
        for t, other in zip(again.methods[here].times, asked.methods[there].times, strict=True):
            assert np.array_equal(t.counts, other.counts)
        assert [d.count for d in again.methods[here].destinations] == [d.count for d in asked.methods[there].destinations]
    first = dynopt.escape_study(GD, runs=1000, seed=2, also=[]).methods[0].times[0].counts
    assert (first <= asked.methods[2].times[0].counts[: len(first)]).all()  # the first 1000 of the same 2000 runs
    other = dynopt.escape_study(GD, runs=1000, seed=3, also=[]).methods[0].times[0].counts
    assert not np.array_equal(first, other)


def test_runs_on_the_stable_manifold_stay():
    study = dynopt.escape_study([GD, INNA], runs=300, start="stable", scale=1.0, also=[])
    for m in study.methods:
        t = m.times[0]
        assert (t.escaped, t.censored, m.diverged) == (0, 300, 0)
        assert [d.count for d in m.destinations] == [0, 300, 0]
        assert "do not leave" in t.no_law
        assert m.to_dict()["mean"] is None
        assert set(m.to_dict()["quantiles"].values()) == {None}


def test_censored_runs_are_never_averaged():
    full = dynopt.escape_study(GD, runs=2000, also=[]).methods[0].times[0]
    cut = dynopt.escape_study(GD, runs=2000, also=[], max_steps=184).methods[0]
    t = cut.times[0]
    assert t.escaped == full.counts[:185].sum()
    assert (t.censored, t.escaped + t.censored) == (2000 - t.escaped, 2000)
    assert np.array_equal(t.counts, full.counts[:185])
    assert t.moments is None
    assert cut.to_dict()["mean"] is None
    assert (t.quantile(0.25)[0], t.quantile(0.95)[0]) == (full.quantile(0.25)[0], None)
    assert t.kolmogorov < 1.95 / 2000**0.5
    assert sum(d.count for d in cut.destinations) == 2000
    assert cut.destinations[-1].kind == "elsewhere"


def test_divergence_is_an_outcome():
    study = dynopt.escape_study("gd(gamma=1)", runs=200)
    m = study.methods[0]
    assert m.times[0].escaped == 200
    assert m.diverged == 200
    assert (m.destinations[-1].kind, m.destinations[-1].count, m.destinations[-1].point) == ("diverged", 200, None)
    assert study.outcome is Outcome.DONE


class Still(NamedTuple):
    theta: Any


class Broken(dynopt.Algorithm):
    """Not a number from the third step on."""

    def init(self, theta0, oracle):
        return Still(theta0)

    def update(self, state, oracle, k):
        return Still(state.theta + (float("nan") if k >= 2 else 0 * state.theta))


def test_divergence_before_the_exit():
    m = dynopt.escape_study(Broken(), runs=50).methods[0].to_dict()
    assert (m["escaped"], m["censored"], m["diverged"], m["diverged_before_exit"], m["mean"]) == (0, 0, 50, 50, None)


def test_interrupted_studies_keep_whole_batches(monkeypatch):
    whole = dynopt.escape_study(GD, runs=900, also=[], batch=300)
    run, calls = module.tally, []

    def interrupted(*args, **settings):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*args, **settings)

    monkeypatch.setattr(module, "tally", interrupted)
    study = dynopt.escape_study([GD, INNA], runs=900, also=[], batch=300)
    assert study.outcome is Outcome.INTERRUPTED
    assert [(m.method, m.runs, m.times[0].escaped) for m in study.methods] == [(GD, 600, 600)]
    assert (study.methods[0].times[0].counts <= whole.methods[0].times[0].counts[: len(study.methods[0].times[0].counts)]).all()
    assert study.to_dict()["outcome"] == "interrupted"


@pytest.mark.slow
def test_progress_is_told():
    told = []
    dynopt.escape_study([GD, INNA], runs=700, batch=200, also=[], progress=lambda *what: told.append(what))
    for name in (GD, INNA):
        counts = [n for method, n, total in told if method == name and total == 700]
        assert counts == sorted(counts)
        assert counts[-1] == 700


@pytest.mark.parametrize("start", ["uniform", "sphere"])
def test_other_starts_have_their_law(start):
    study = dynopt.escape_study(GD, runs=3000, start=start, scale=1e-9, also=[])
    assert study.methods[0].times[0].kolmogorov < 1.95 / 3000**0.5


@pytest.mark.slow
def test_starts_that_are_not_tiny():
    """Scale 0.05 at radius 0.5: the law with the nonlinear offset still holds, the note says what it neglects."""
    t = dynopt.escape_study("nesterov(gamma=0.02, momentum=0.9)", runs=5000, scale=0.05, also=[]).methods[0].times[0]
    assert t.kolmogorov < 1.95 / 5000**0.5
    assert "not small beside the radius" in t.law.notes[0]


def test_another_principal_exit(asked):
    study = dynopt.escape_study(GD, runs=RUNS, seed=2, exit="concave", also=["coordinate"])
    concave, coordinate = study.methods[0].times
    assert study.exit == "concave"
    assert np.array_equal(concave.counts[:300], asked.methods[2].times[2].counts[:300])
    assert np.array_equal(coordinate.counts[:300], asked.methods[2].times[0].counts[:300])


def test_single_precision():
    t = dynopt.escape_study(GD, runs=2000, dtype="float32", also=[]).methods[0]
    assert t.times[0].kolmogorov < 1.95 / 2000**0.5
    assert "float32" in t.engine


def test_a_problem_in_five_dimensions():
    study = dynopt.escape_study(GD, dynopt.Quadratic([-8, -8, -8, 2, 3]), runs=2000)
    t = study.methods[0].times[0]
    assert t.kolmogorov < 1.95 / 2000**0.5
    assert study.methods[0].destinations[-1].kind == "elsewhere"


def test_different_unstable_eigenvalues_have_a_law():
    for start in ("gaussian", "uniform", "ball"):
        t = dynopt.escape_study(GD, dynopt.Quadratic([-8, -4, -2]), runs=2000, start=start, also=[]).methods[0].times[0]
        assert t.kolmogorov < 1.95 / 2000**0.5


@pytest.mark.slow
def test_an_oblique_saddle_away_from_the_origin():
    def tilted(x, y):
        u, v = (x + y - 3) / 2, (x - y) / 2
        return u**4 - 4 * u**2 + v**2

    problem = dynopt.Landscape(tilted)
    study = dynopt.escape_study([GD, "inna(gamma=0.02)"], problem, runs=2000, scale=1e-8, radius=0.75)
    for m in study.methods:
        assert m.times[0].escaped == 2000
        assert m.times[0].kolmogorov < 1.95 / 2000**0.5
        assert m.times[0].law.offset > 0.02
        assert [d.count for d in m.destinations][1] == 0


def test_rounded_starts_are_said():
    problem = dynopt.Landscape(lambda x: (x - 3) ** 4 - (x - 3) ** 2)
    t = dynopt.escape_study(GD, problem, runs=20, scale=1e-14, also=[]).methods[0].times[0]
    assert any("starts are rounded" in note for note in t.law.notes)


@pytest.mark.slow
def test_arrival_is_rest(asked):
    """A heavy ball that passes a minimiser at speed has not arrived: destinations agree with 20,000 further steps."""
    method = "heavy_ball(gamma=0.01, momentum=0.99)"
    study = dynopt.escape_study(method, runs=64, scale=1e-3, also=[], seed=5)
    from dynopt.core.problem import oracle
    from dynopt.escape.starts import draw

    theta = draw("gaussian", 1e-3, study.saddle, seed=5, first=0, stop=64, device="cpu", dtype=torch.float64)
    state = dynopt.method(method).numeric().init(theta, oracle(study.problem))
    for k in range(4000):
        state = dynopt.method(method).numeric().update(state, oracle(study.problem), k)
    ends = [int((state[0][:, 0] < -1).sum()), 0, int((state[0][:, 0] > 1).sum())]
    assert [d.count for d in study.methods[0].destinations] == ends


MISUSE = [
    ({"methods": []}, "no method to run"),
    ({"methods": "gdd"}, "did you mean gd"),
    ({"methods": "gd"}, "gd needs gamma"),
    ({"methods": "din"}, "is a flow"),
    ({"methods": dynopt.GradientDescent}, "is not a method with its parameters"),
    ({"methods": "gd(gamma=-1)"}, r"outside \(0, oo\)"),
    ({"problem": "doublewell"}, "did you mean double-well"),
    ({"problem": "thesis-3.2"}, "no strict saddle"),
    ({"runs": 0}, "runs=0 is out of range"),
    ({"runs": 2.5}, "not a whole number"),
    ({"runs": "many"}, "not a whole number"),
    ({"runs": float("inf")}, "not a whole number"),
    ({"seed": -1}, "seed=-1 is out of range"),
    ({"seed": 2**64}, "at most 18446744073709551615"),
    ({"start": "gauss"}, "did you mean gaussian"),
    ({"scale": 0}, "scale=0 is not a positive length"),
    ({"scale": "tiny"}, "not a number"),
    ({"radius": -0.5}, "radius=-0.5 is not a positive length"),
    ({"exit": "bal"}, "did you mean ball"),
    ({"exit": "ball", "start": "sphere", "scale": 3}, "every start already satisfies"),
    ({"also": ["ball", "ball"]}, "name one twice"),
    ({"also": ["exit"]}, "there is no exit"),
    ({"saddle": (1, 2, 3)}, "has 3 coordinates"),
    ({"max_steps": 0}, "max_steps=0 is out of range"),
    ({"max_steps": 10**8}, "at most 10000000"),
    ({"linger": -1}, "linger=-1"),
    ({"device": "gpu"}, "there is no device"),
    ({"device": "meta"}, "is not supported"),
    ({"device": "cuda:99"}, "is not there"),
    ({"dtype": "float16"}, "choose float64 or float32"),
    ({"batch": 0}, "batch=0"),
]


@pytest.mark.parametrize(("given", "said"), MISUSE)
def test_misuse(given, said):
    with pytest.raises(dynopt.Misuse, match=said):
        dynopt.escape_study(**{"methods": GD, "runs": 5, **given})


def test_saved(tmp_path):
    from dynopt.store.run_folder import load_run

    study = dynopt.escape_study([GD, INNA], runs=300, seed=9)
    folder = study.save(tmp_path / "run")
    kept = load_run(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["arrays.npz", "escape.png", "manifest.json", "result.json", "table.csv"]
    assert (kept.manifest["seed"], kept.manifest["outcome"], kept.manifest["spec"]["problem"]) == (9, "done", "double-well")
    assert kept.result == json.loads(json.dumps(study.to_dict()))
    assert np.array_equal(kept.arrays["counts_1_0"], study.methods[1].times[0].counts)
    assert np.array_equal(kept.arrays["law_0_2"], study.methods[0].times[2].law.best.cdf)
    assert [row["exit"] for row in kept.table][:2] == ["coordinate(radius=0.5)", "ball(radius=0.5)"]
    assert kept.table[0]["mean"] == study.methods[0].times[0].moments.mean
