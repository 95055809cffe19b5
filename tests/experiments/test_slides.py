"""The studies of the slides' examples, against closed forms, dense linear algebra and the printed numbers."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from dynopt.study import load_study, run_study


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    return run_study("slides", folder=tmp_path_factory.mktemp("slides") / "run")


@pytest.fixture(scope="module")
def minima(tmp_path_factory):
    return run_study("flat-minima", folder=tmp_path_factory.mktemp("minima") / "run", settings={"gammas": 3, "escape_iterations": 150})


def test_triangle(slides):
    found = slides.summary["triangle"]
    np.testing.assert_allclose(found["gradient_descent_after_one_step"], 0, atol=1e-12)
    ball = (1.0 + 0.04 + 0.49 + 0.36 + 0.09 + 0.64) / 3 / 5  # a fifth of the mean of the ‖c_i‖²
    assert found["noise_ball"] == pytest.approx(ball)
    assert found["measured"] == pytest.approx(ball, rel=0.1)
    assert found["largest_deviation_in_standard_errors"] < 4


def test_gradients_that_agree_or_not(slides):
    large, small, none = slides.summary["agreement"]
    for row, slope in ((large, 0.83), (small, 0.02)):
        x, y = 0.0, []
        for k in range(200):  # both terms are ½·4(x ± s)² near 0; f − f* is 4x²
            x -= 0.07 * (4 * x + (slope, -slope)[k % 2])
            y.append(4 * x * x)
        assert row["measured_cycle_gap"] == pytest.approx(y[-1], rel=1e-3)
        ball = 4 * solve_discrete_lyapunov([[1 - 0.28]], [[(0.07 * slope) ** 2]])[0, 0]
        assert row["ball_gap"] == pytest.approx(ball)
        assert abs(row["measured_ball_gap"] - ball) < 2 * row["half_interval"]
    assert none["measured_cycle_gap"] < 1e-8
    assert all(r["first_gaps"][0] == pytest.approx(2.45) for r in (large, small, none))


def test_flat_and_sharp_minima(minima):
    found = minima.summary["flat_and_sharp"]
    limits = found["limits"]
    assert limits["batch 4"] == {"mean_square": pytest.approx(0.2), "almost_sure": pytest.approx(0.2, rel=1e-3)}  # 2/h for h = 10
    assert limits["batch 1"]["mean_square"] == pytest.approx(20 / 120)
    gamma, h = limits["batch 1"]["almost_sure"], np.array([4, 8, 12, 16])
    assert np.prod(np.abs(1 - gamma * h)) == pytest.approx(1, abs=2e-3)
    for row in found["rows"]:
        share = row["left"] / row["runs"]
        assert share <= row["left_bound"] + 4 * np.sqrt(0.25 / row["runs"])
        assert row["sharp"] + row["flat"] + row["neither"] == row["runs"]
    by = {(r["batch"], round(r["gamma"], 3)): r for r in found["rows"]}
    assert by[4, 0.12]["left"] == 0
    assert by[4, 0.22]["left"] == by[4, 0.22]["runs"]
    assert 0 < by[1, 0.22]["sharp"] < by[1, 0.12]["sharp"]
    assert by[1, 0.32]["flat"] == by[1, 0.32]["runs"]


def test_individually_flat_minima(minima):
    found = minima.summary["individually_flat"]
    one, two, gd = (found[f"batch {b}"] for b in (1, 2, 4))
    assert one["left_at_the_end"] > 0.8 > 0.3 > two["left_at_the_end"] > gd["left_at_the_end"] == 0
    assert all(f["moved_from_the_right_minimum"] == 0 for f in (one, two, gd))


def test_step_size_tables(slides):
    rows = slides.summary["tables"]
    assert len(rows) == 19
    assert all(r["as_tabulated_agrees"] for r in rows)
    assert [r["epoch"] for r in rows if r["table"] == 1 and r["rule_agrees"]] == [0]
    at = {(r["table"], r["epoch"]): r for r in rows}
    assert at[1, 100]["rule"] == pytest.approx(0.1 / (1 + 0.5 * np.sqrt(2)) / 1.028)
    assert at[1, 100]["as_tabulated"] == pytest.approx(0.1 / 6 / 1.028)
    assert at[3, 10]["rule"] == pytest.approx(0.1 / 26.7)


def test_noise_balls(here, monkeypatch):
    study = load_study("noise-ball")
    names = study.function.__globals__
    for name, kept in (("METHODS", [0, 3]), ("NAMES", [0, 3]), ("BATCHES", [1, 2]), ("BATCH_NAMES", [1, 2])):  # half of them, for speed
        monkeypatch.setitem(names, name, [names[name][i] for i in kept])
    settings = {"runs": 64, "points": 2, "smallest": 0.4, "samples": 8, "shapes": [[20, 10], [20, 60]], "epochs": 5}
    run = run_study(study, settings=settings)
    rows = {(r["method"], i): r for i, r in enumerate(run.summary["additive"])}
    assert len(rows) == 4
    for (name, _), r in rows.items():
        assert abs(r["ratio"] - 1) < 2.5 * r["ratio_half_interval"], r
        if name == "gradient descent":
            g = r["gamma"]
            assert r["expected"] == pytest.approx(g / (2 - g) + g / (10 * (2 - 10 * g)))
            assert r["stable_below"] == pytest.approx(0.2, rel=1e-5)
    assert all(abs(r["ratio"] - 1) < 2.5 * r["ratio_half_interval"] for r in run.summary["mini_batches"])
    under, over = run.summary["least_squares"]
    assert over["noise_ball_of_the_loss"] == over["least_loss"] == over["root_mean_square_residual"] == 0
    assert under["noise_ball_of_the_loss"] > 0
    for case in (under, over):
        assert abs(case["final_measured"] - case["final_expected"]) < 2.5 * case["final_half_interval"]
    data = names["LeastSquares"](20, 10, 0)  # the seed's data, by NumPy
    least = np.linalg.lstsq(data.rows, data.targets, rcond=None)[1][0] / 40
    assert under["least_loss"] == pytest.approx(least)
    written = {p.name for p in run.folder.iterdir()}
    assert {"noise-ball.png", "mini-batches.png", "least-squares.png", "noise-ball.csv", "arrays.npz"} <= written
