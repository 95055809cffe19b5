"""Escape studies of methods that draw and tune: reproducible run by run, no law, eager."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import dynopt
from dynopt.ensemble.noise import Additive, make_noise
from dynopt.escape.law import NoLaw
from dynopt.escape.plan import make_plan

CALLS = [
    ("saddle_ngd(gamma=0.02, size=1e-3, every=3)", None),
    ("sngd(gamma=0.02, output=random)", "gaussian(size=1e-2)"),
    ("step_tuned_sgd(gamma=0.5)", "minibatch(size=4)"),
    ("expected_gv(gamma=0.5)", "minibatch(size=4)"),
    ("spider_sfo(gamma=0.02, every=4)", "minibatch(size=2, large=8, every=4)"),
    ("s_sngd(gamma=0.1, length=1, stages=3, output=random)", "minibatch(size=4)"),
]


@pytest.fixture(scope="module")
def regression():
    return dynopt.problem("phi-regression(samples=20, dimension=3, seed=3)")


@pytest.mark.parametrize(("call", "noise"), CALLS)
def test_a_run_depends_on_its_seed_and_number_alone(regression, call, noise):
    """Runs 64, …, 191 beside runs 0, …, 63 and without them, every block bit for bit."""
    added = make_noise(noise, regression) if noise else Additive(0.0)
    method, where = dynopt.method(call).numeric(), torch.tensor(regression.z)

    def blocks(first):
        runs = torch.arange(first, 192)
        states = method.states(where.expand(len(runs), 3), added.oracle(regression, seed=5, runs=runs))
        return [torch.cat(list(state), -1) for state in itertools.islice(states, 25)]

    whole, part = torch.stack(blocks(0)), torch.stack(blocks(64))
    assert torch.equal(whole[:, 64:], part)
    assert len(whole[-1, :, :3].unique(dim=0)) == 192  # and no two runs are alike


def test_a_study_of_a_drawing_method_says_what_it_has_not():
    plan = make_plan("saddle_ngd(gamma=0.02, size=1e-3)", runs=200, seed=1, also=[], max_steps=80, linger=90)
    (law,) = plan.laws[0].values()
    assert isinstance(law, NoLaw)
    assert "draws random numbers" in str(law)
    whole = plan.run(0, 0, 200)
    parts = plan.run(0, 0, 77) + plan.run(0, 77, 200)
    assert np.array_equal(whole.counts, parts.counts)
    assert np.array_equal(whole.reached, parts.reached)
    assert whole.counts.sum() == 200  # all have escaped, on either side
    assert whole.reached[[0, 2]].min() > 40  # steps of one length pass the minimisers: some runs are beside them at the end


def test_a_tuned_method_comes_to_rest_whatever_its_gain():
    """A run ends where θ and its averages rest, though the gain is then ν and was 1."""
    plan = make_plan("step_tuned_sgd(gamma=0.05, decay=none)", runs=64, seed=1, also=[], max_steps=400, linger=100_000)
    done = plan.run(0, 0, 64)
    assert done.reached.sum() == 64
    assert done.steps < 64 * 1000
