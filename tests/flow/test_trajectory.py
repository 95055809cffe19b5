"""The trajectory job from Python: comparisons, defaults, documents, files, misuse."""

from __future__ import annotations

import json

import numpy as np
import pytest

import dynopt
from dynopt import DIN, INNA, Algorithm, GradientDescent, GradientFlow, Landscape, Outcome, Position, Quadratic, trajectory
from dynopt.errors import Misuse

PAIR = ["din(alpha=2,beta=0.1)", "inna(alpha=2,beta=0.1,gamma=0.05)"]


@pytest.fixture(scope="module")
def study():
    return trajectory(PAIR, "thesis-3.2", start=(1, 1), horizon=5)


class Halving(Algorithm):
    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        return Position(state.theta / 2)


def test_the_job_takes_five_lines():
    study = dynopt.trajectory(PAIR, "thesis-3.2", start=(1, 1), horizon=2)
    assert study.distances[0].order == pytest.approx(1, abs=0.1)
    assert len(study.figure().axes) == 3


def test_halving_the_step_halves_the_distance(study):
    coarse, middle, fine = (g.max for g in study.distances[0].gaps)
    assert coarse / middle == pytest.approx(2, abs=0.15)
    assert middle / fine == pytest.approx(2, abs=0.1)
    assert study.distances[0].order == pytest.approx(1, abs=0.1)


def test_curves_come_in_the_order_asked_with_their_own_points(study):
    assert [(c.method, c.kind, c.given) for c in study.curves] == [(PAIR[0], "flow", True), (PAIR[1], "iterates", True)]
    flow, run = study.curves
    np.testing.assert_allclose(run.t, 0.05 * np.arange(101))
    np.testing.assert_array_equal(flow.points[0], [1, 1])
    assert flow.t[-1] == 5.0
    np.testing.assert_allclose(run.values, run.points[:, 0] ** 2 + 2 * run.points[:, 1] ** 2)
    assert all(c.outcome is Outcome.DONE for c in study.curves)


def test_the_document_keeps_its_keys(study):
    document = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert {"problem", "start", "horizon", "curves", "distances", "settings", "versions"} <= set(document)
    assert {"method", "kind", "t", "points", "outcome", "message", "energies", "events", "statistics"} <= set(document["curves"][0])
    [distance] = document["distances"]
    assert {"method", "flow", "own", "max", "at", "final", "order", "reason", "slopes", "levels", "t", "values"} <= set(distance)
    assert document["curves"][0]["statistics"]["nfev"] > 0
    assert [e["name"] for e in document["curves"][1]["energies"]] == ["E_min", "E_max", "E"]
    assert distance["max"] == max(distance["values"])


def test_without_a_flow_the_own_one_is_added_once():
    study = trajectory(["gd(gamma=0.1)", "gd(gamma=0.05)", "heavy_ball(gamma=0.01, momentum=0.8)"], Quadratic([1, 2]), horizon=2, levels=1)
    assert [(c.method, c.given) for c in study.curves[3:]] == [("gradient_flow", False), ("hbf(alpha=2.0)", False)]
    assert [(d.flow, d.own) for d in study.distances] == [("gradient_flow", True), ("gradient_flow", True), ("hbf(alpha=2.0)", True)]


def test_an_own_flow_among_the_given_is_the_one_compared():
    methods = ["hbf(alpha=2)", "gradient_flow", "gd(gamma=0.1)", "nesterov(gamma=0.01,momentum=0.8)"]
    study = trajectory(methods, Quadratic([1]), horizon=1, levels=1)
    assert [(d.method[:2], d.flow, d.own) for d in study.distances] == [("gd", "gradient_flow", True), ("ne", "hbf(alpha=2)", True)]
    study = trajectory(["hbf(alpha=2)", "hbf(alpha=3)", "gd(gamma=0.1)"], Quadratic([1]), horizon=1, levels=1)
    assert [(d.flow, d.own) for d in study.distances] == [("hbf(alpha=2)", False), ("hbf(alpha=3)", False)]


def test_horizons_by_default():
    for methods, expected in (
        (["gradient_flow"], 20),
        (["gd(gamma=0.05)"], 20),
        (["gd(gamma=0.001)"], 2),
        (["heavy_ball(gamma=0.000001,momentum=0.9)", "gd(gamma=0.1)"], 2),
    ):
        assert trajectory(methods, Quadratic([1]), levels=1).horizon == pytest.approx(expected)
    assert trajectory([Halving()], Quadratic([1]), levels=1).horizon == 2000
    assert trajectory([Halving(), GradientFlow()], Quadratic([1]), levels=1).horizon == 20


def test_the_problem_gives_the_start():
    assert trajectory(["gradient_flow"], "rosenbrock", horizon=0.1).start.tolist() == [-1.2, 1.0]


def test_outcomes_are_data():
    quartic = Landscape(lambda x: -(x**4), name="quartic")
    study = trajectory([GradientFlow(), GradientDescent(gamma=0.1)], quartic, start=[1], horizon=1)
    assert [c.outcome for c in study.curves] == [Outcome.DIVERGED, Outcome.DIVERGED]
    assert study.curves[1].failed_at == 9
    assert study.distances[0].order is None
    json.dumps(study.to_dict(), allow_nan=False)
    study.figure()


def test_events_reach_the_curve():
    watched = ["turning-point(coordinate=1)", lambda t, s: t - 1, "objective-level(level=0.1)"]
    study = trajectory(["hbf(alpha=0)"], Quadratic([1]), start=[1], horizon=9, events=watched)
    assert len([h for h in study.curves[0].events if "turning" in h.name]) == 2
    assert study.to_dict()["curves"][0]["events"][0]["t"] == pytest.approx(1.0)


def test_figure_with_its_data_beside_it(study, here):
    assert study.save("out.svg").read_text().startswith("<?xml")
    assert sorted(p.name for p in here.iterdir()) == ["out.npz", "out.svg"]
    with np.load("out.npz", allow_pickle=False) as data:
        np.testing.assert_array_equal(data["curve1_theta"], study.curves[1].points)
        assert data["curves"].tolist() == [f"{PAIR[0]} (flow)", f"{PAIR[1]} (iterates)"]
        assert data["distance0_level2_values"].max() == study.distances[0].gaps[2].max


@pytest.mark.slow
def test_run_folder(study, here):
    from dynopt.store.run_folder import load_run

    run = load_run(study.save("runs/spiral"))
    assert run.result["distances"][0]["order"] == study.distances[0].order
    assert run.manifest["spec"]["horizon"] == 5
    assert (run.folder / "trajectory.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"methods": []}, "no method to run"),
        ({"methods": [INNA]}, "INNA is not a method with its parameters"),
        ({"methods": "ina(gamma=0.1)"}, "did you mean inna"),
        ({"methods": "gd(gama=0.1)"}, "did you mean gamma"),
        ({"methods": "gd(gamma=-1)"}, "outside (0, oo)"),
        ({"problem": "thesis-3.9"}, "no problem 'thesis-3.9'"),
        ({"problem": Quadratic}, "not a problem"),
        ({"start": (1, 2, 3)}, "3 coordinates"),
        ({"horizon": 0}, "outside (0, oo)"),
        ({"horizon": 0.01}, "shorter than one step, 0.05"),
        ({"levels": 0}, "levels=0"),
        ({"solver": "Euler"}, "no solver 'Euler'"),
        ({"events": ["leaving-bal(radius=1)"]}, "did you mean leaving-ball"),
    ],
)
def test_misuse(change, words):
    asked = {"methods": PAIR, "problem": "thesis-3.2", "start": (1, 1), "horizon": 1.0} | change
    with pytest.raises(Misuse) as said:
        trajectory(**asked)
    assert words in str(said.value)


def test_a_step_schedule_on_a_flow_that_varies_in_time_is_misuse():
    euler = dynopt.explicit_euler(dynopt.VanishingDIN)
    with pytest.raises(Misuse, match="constant gamma"):
        trajectory([euler(gamma=dynopt.power_decay(0.1, 0.5))], Quadratic([1]))


@pytest.mark.parametrize(("target", "words"), [("a.bmp", ".png, .svg, .pdf"), ("nowhere/a.png", "a folder that exists")])
def test_targets_that_cannot_be(study, here, target, words):
    with pytest.raises(Misuse, match=words):
        study.save(target)
    assert list(here.iterdir()) == []


def test_instances_and_calls_are_the_same_job(study):
    again = trajectory([DIN(alpha=2, beta=0.1), INNA(alpha=2, beta=0.1, gamma=0.05)], "thesis-3.2", start=(1, 1), horizon=5, levels=1)
    np.testing.assert_array_equal(again.curves[1].points, study.curves[1].points)
    assert again.distances[0].max == pytest.approx(study.distances[0].max)


def test_iterates_have_the_energies_of_their_flow():
    """J + ½‖(θ − θ₋)/√γ‖² along the heavy ball, whose state is (θ, θ₋)."""
    study = trajectory(["heavy_ball(gamma=0.01, momentum=0.8)"], Quadratic([2]), [1.0], 1.0, levels=1)
    [energy] = study.curves[0].energies
    x = study.curves[0].points[:, 0]
    np.testing.assert_allclose(energy.values[1:], x[1:] ** 2 + np.diff(x) ** 2 / 0.02, rtol=1e-12)
    assert energy.values[0] == 1.0
