"""The bounds study: its constants and conditional expectations by brute force, and that a broken bound is seen."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from dynopt import Quadratic, method
from dynopt.problems.phi_regression import PhiRegression
from dynopt.study import load_study, run_study


@pytest.fixture(scope="module")
def study():
    return load_study("bounds").function.__globals__


@pytest.fixture(scope="module")
def phi():
    return PhiRegression(samples=6, dimension=2, seed=3)


def slopes(problem, theta):
    """The ∇J_n(θ) by differences of φ(⟨a_n, θ⟩ − b_n), (N, P)."""
    h = 1e-6 * np.eye(2)

    def losses(at):
        t = problem.A @ at - problem.b
        return t**2 / (1 + t**2)

    return np.stack([(losses(theta + e) - losses(theta - e)) / 2e-6 for e in h], axis=1)


def test_the_constants_of_phi_regression_bound_what_they_say(study, phi):
    found, generator = study["phi_constants"](phi), np.random.default_rng(0)
    points = np.concatenate([generator.normal(0, 3, (300, 2)), [phi.z]])
    each = np.stack([slopes(phi, p) for p in points])
    assert np.linalg.norm(each, axis=2).max() <= found["C2"]
    assert ((each - each.mean(1, keepdims=True)) ** 2).sum(2).mean(1).max() <= found["single_variance"]
    curvature = np.abs(np.linalg.eigvalsh(phi.hessian(points)))
    assert curvature.max() <= found["L"] <= found["L_batch"]
    worst = phi.A[int(np.argmax((phi.A**2).sum(1)))], phi.b[int(np.argmax((phi.A**2).sum(1)))]
    sharp = worst[0] * (worst[1] + 1 / np.sqrt(3)) / (worst[0] @ worst[0])  # where |φ'| is largest for the longest row
    assert np.linalg.norm(slopes(phi, sharp), axis=1).max() == pytest.approx(found["C2"], rel=1e-6)


def test_variances_are_those_of_enumerated_batches(study, phi):
    theta = np.array([0.7, -1.2])
    each = slopes(phi, theta)
    single = float(study["measured_variance"](phi, torch.tensor(theta[None]))[0])
    for b in (1, 2, 5):
        batches = [each[list(c)].mean(0) for c in itertools.combinations(range(6), b)]
        by_hand = np.mean([((g - each.mean(0)) ** 2).sum() for g in batches])
        assert study["_batch_variance"](single, 6, b) == pytest.approx(by_hand, rel=1e-6)


def test_the_conditional_expectation_by_hand(study, phi):
    """Step-Tuned SGD's two half-steps for each of the 15 mini-batches of two, the step read off the state."""
    tuned = method("step_tuned_sgd(gamma=0.3, delta=0.1)").numeric()
    theta, gain, k = np.array([[0.7, -1.2], [2.0, 0.1]]), np.array([[1.7], [0.6]]), 4
    state = type(tuned.init(torch.zeros(1, 2), None))(torch.tensor(theta), torch.zeros(2, 2), torch.tensor(gain))
    found = study["expected_next"](tuned, state, phi, 2, k)
    for i in range(2):
        values = []
        for c in itertools.combinations(range(6), 2):
            eta, at = 0.3 * gain[i, 0] * 5**-0.6, theta[i].copy()
            for _ in range(2):
                at = at - eta * slopes(phi, at)[list(c)].mean(0)
            t = phi.A @ at - phi.b
            values.append(np.mean(t**2 / (1 + t**2)))
        assert found[i] == pytest.approx(np.mean(values), rel=1e-7)


def test_a_bound_with_a_constant_too_small_is_flagged(study):
    """½θ² has L = 1: with L = 0.1 the 2-cycle's average γ/2 is above the bound; the printed statements are too."""
    arguments = ("sngd", "sngd(gamma=0.1)", Quadratic([1]), None, [0.05], 1, 60, 0)
    right, wrong = (study["Case"]("½θ²", "", study["_average"](*arguments, L=L, variance=0)) for L in (1, 0.1))
    assert (right.row()["outcome"], right.row()["as_expected"]) == ("holds", True)
    assert (wrong.row()["outcome"], wrong.row()["as_expected"], wrong.row()["exceeded"] > 20) == ("exceeded", False, True)
    assert right.result.last_ratio == pytest.approx(0.05 / (0.05 + 0.05**2 / 2 / (0.1 * 61)))
    assert [(c.expected, c.row()["as_expected"]) for c in study["_printed"]()] == [
        ("exceeded", True), ("holds", True), ("exceeded", True), ("holds", True), ("exceeded", True),
    ]  # fmt: skip


def test_a_study_that_finds_a_broken_law_exits_with_1(dynopt, here):
    text = "TITLE = SOURCE = 'x'\nPRESETS = {'smoke': {}, 'paper': {}}\ndef run(*, folder, seed):\n    return {'holds': seed != 1}\n"
    (here / "study.py").write_text(text, encoding="utf-8")
    assert [dynopt("study", "run", "study.py", "--seed", seed, "--json")[0] for seed in ("0", "1")] == [0, 1]
    assert json.loads(dynopt("study", "run", "study.py", "--seed", "1", "--json")[1])["outcome"] == "done"


@pytest.mark.slow
def test_a_short_run(here):
    run = run_study("bounds", seed=1, settings={"runs": 16, "steps": 60, "stages": 3, "horizon": 100, "states": 2, "samples": 40})
    found = run.summary
    assert found["holds"] is run.holds is True
    assert found["largest_used_part_of_the_descent"]["½θ², true step"] == pytest.approx(0.99, abs=0.01)
    assert all(part < 1 for part in found["largest_used_part_of_the_descent"].values())
    assert sum("not applicable" in text for text in found["bounds"].values()) == 2 + 4
    assert all("linear" in text for name, text in found["rates"].items() if name.startswith("GD, quadratic"))
    assert {"bounds.csv", "rates.csv", "arrays.npz", "bounds.png", "step-tuned.png", "rates.png"} <= {p.name for p in run.folder.iterdir()}
