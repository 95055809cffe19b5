"""The normalised methods against their publications' pseudo-code in NumPy, and the distributions of what they draw."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.ensemble.noise import Additive, MiniBatch, make_noise
from dynopt.errors import Misuse

SEED = 11


@pytest.fixture(scope="module")
def regression():
    return dynopt.problem("phi-regression(samples=12, dimension=3, seed=1)")


def batch_gradient(problem, batch, w):
    t = problem.A[batch] @ w - problem.b[batch]
    return (2 * t / (1 + t * t) ** 2) @ problem.A[batch] / len(batch)


def states(call, ask, theta, steps):
    return list(itertools.islice(dynopt.method(call).numeric().states(torch.tensor(theta, dtype=torch.float64), ask), steps + 1))


START = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]


def test_sngd_is_algorithm_1(regression):
    """Steps of length α in the 2-norm of all coordinates; a zero gradient moves nothing."""
    ask = MiniBatch(4).oracle(regression, seed=SEED, runs=torch.arange(2))
    found = states("sngd(gamma=0.3)", ask, START, 8)
    for run in range(2):
        w = np.array(START[run])
        for k in range(8):
            g = batch_gradient(regression, ask.at(k).chosen[run].numpy(), w)
            w = w - 0.3 * g / np.sqrt(sum(x * x for x in g))
            np.testing.assert_allclose(found[k + 1].theta[run].numpy(), w, rtol=0, atol=1e-12)
            assert np.linalg.norm(found[k + 1].theta[run] - found[k].theta[run]) == pytest.approx(0.3, abs=1e-14)
    rest = states("sngd(gamma=0.3)", oracle(dynopt.problem("double-well")), [[0.0, 0.0]], 2)
    assert rest[-1].theta.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("kind", ["s_sngd", "s_sgd"])
@pytest.mark.parametrize(
    ("words", "alphas", "counts"),
    [
        ("gamma=0.5, length=1, stages=3, schedule=harmonic", [0.5, 0.25, 0.5 / 3], [2, 4, 6]),
        ("gamma=0.5, length=1, stages=3, schedule=geometric, ratio=1/2", [0.5, 0.25, 0.125], [2, 4, 8]),
        (
            "gamma=0.5, length=3, measure=iterations, stages=4, schedule=poly, power=1.1",
            [0.5 * (1 - t / 4) ** 1.1 for t in range(4)],
            [3] * 4,
        ),
        ("gamma=0.5, length=1, measure=iterations, stages=8, schedule=multistep", [0.5] * 4 + [0.05] * 2 + [0.005] * 2, [1] * 8),
        ("gamma=0.4, length=1, stages=2, schedule=harmonic", [0.4, 0.2], [3, 5]),  # 2.5 steps are rounded
    ],
)
def test_stages_are_algorithm_2(regression, kind, words, alphas, counts):
    steps = sum(counts) + 2
    ask = MiniBatch(4).oracle(regression, seed=SEED, runs=torch.arange(1))
    found = states(f"{kind}({words})", ask, START[:1], steps)
    w, k = np.array(START[0]), 0
    for alpha, count in zip(alphas, counts, strict=True):
        for _ in range(count):
            g = batch_gradient(regression, ask.at(k).chosen[0].numpy(), w)
            w, k = w - alpha * (g / np.linalg.norm(g) if kind == "s_sngd" else g), k + 1
            np.testing.assert_allclose(found[k].theta[0].numpy(), w, rtol=0, atol=1e-12)
    assert torch.equal(found[k].theta, found[steps].theta)  # it has ended


def test_one_stage_is_sngd_and_s_sgd_is_sgd(regression):
    ask = MiniBatch(4).oracle(regression, seed=SEED, runs=torch.arange(2))
    pairs = [("s_sngd(gamma=0.3, length=30, stages=1)", "sngd(gamma=0.3)"), ("s_sgd(gamma=0.3, length=30, stages=1)", "gd(gamma=0.3)")]
    for one, two in pairs:
        assert torch.equal(states(one, ask, START, 9)[-1].theta, states(two, ask, START, 9)[-1].theta)
    ask = oracle(dynopt.problem("rosenbrock"))
    a, b = (states(f"{m}(gamma=0.3)", ask, [[0.5, -1.0]], 9)[-1].theta for m in ("sngd", "normalized_gd"))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-13)


def outputs(call, runs, steps):
    """The iteration whose iterate each run's output is: on a line that all runs walk alike."""
    line = dynopt.Landscape(lambda x: x, name="line")
    ask = Additive(0.0).oracle(line, seed=SEED, runs=torch.arange(runs))
    path = states(call, ask, np.zeros((runs, 1)), steps)
    places = torch.stack([s.theta[0, 0] for s in path])
    return (path[-1].output - places).abs().argmin(-1).numpy()


def test_the_output_of_sngd_is_uniform():
    counts = np.bincount(outputs("sngd(gamma=1, output=random)", 8000, 7), minlength=8)
    assert counts.sum() == 8000
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("weight", [0, 1, 2])
def test_the_output_of_s_sngd_has_the_weights_of_the_stages(weight):
    """Stage t with probability p_{t+1}/Σp, p ∝ α^{−w}, and uniform within: α = 1, 1/2, 1/3, 1/4 and M = 1, 2, 3, 4."""
    p = np.array([1.0, 2, 3, 4]) ** weight
    exact = np.concatenate([np.full(m, q / p.sum() / m) for m, q in zip((1, 2, 3, 4), p, strict=True)])
    call = f"s_sngd(gamma=1, length=1, stages=4, schedule=harmonic, output=random, weight={weight})"
    counts = np.bincount(outputs(call, 10_000, 13), minlength=10)
    assert len(counts) == 10
    assert stats.chisquare(counts, 10_000 * exact).pvalue > 1e-3


def test_saddle_ngd_is_equation_4():
    problem, runs = dynopt.problem("double-well"), torch.arange(2)
    found = states("saddle_ngd(gamma=0.1, size=0.25, every=3)", Additive(0.0).oracle(problem, seed=SEED, runs=runs), [[0.3, 0.2]] * 2, 9)
    for run in range(2):
        w = np.array([0.3, 0.2])
        for t in range(9):
            g = problem.gradient(w)
            xi = rng.normals_of(SEED, runs, 2, stream=rng.OWN, step=t)[run].numpy() if t % 3 == 0 else 0
            w = w - 0.1 * g / np.linalg.norm(g) + 0.25 * xi
            np.testing.assert_allclose(found[t + 1].theta[run].numpy(), w, rtol=0, atol=1e-12)


def test_spider_sfo_is_algorithm_3(regression):
    """Both forms of the step, restarts on batches of 6 of the 12 samples and differences on batches of 2."""
    alpha, beta, M = 0.3, 3.0, 4
    ask = make_noise("minibatch(size=2, large=6, every=4)", regression).oracle(regression, seed=SEED, runs=torch.arange(2))
    found = states(f"spider_sfo(gamma={alpha}, beta={beta}, every={M})", ask, START, 3 * M)
    for run in range(2):
        w, k, short = np.array(START[run]), 0, 0
        for _ in range(3):
            sample = ask.at(k).chosen[run].numpy()
            assert len(sample) == len(set(sample)) == 6
            mu = batch_gradient(regression, sample, w)
            last = w
            for m in range(1, M + 1):
                if m > 1:
                    sample = ask.at(k).chosen[run].numpy()
                    assert len(sample) == 2
                    mu = batch_gradient(regression, sample, w) - batch_gradient(regression, sample, last) + mu
                last = w
                if np.linalg.norm(mu) <= alpha / beta:
                    w, short = w - beta * mu, short + 1
                else:
                    w = w - alpha * mu / np.linalg.norm(mu)
                k += 1
                np.testing.assert_allclose(found[k].theta[run].numpy(), w, rtol=0, atol=1e-12)
        assert 0 < short < 3 * M  # both branches were taken


@pytest.mark.parametrize(
    "call",
    [
        "s_sngd(gamma=k, length=1)",
        "s_sngd(gamma=1, length=1, stages=5/2)",
        "s_sngd(gamma=1, length=1, stages=400, schedule=geometric, ratio=1e-3)",
        "saddle_ngd(gamma=1, size=1, every=3/2)",
        "spider_sfo(gamma=1, every=0)",
    ],
)
def test_misuse(call):
    with pytest.raises(Misuse, match="give"):
        dynopt.method(call).numeric()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("size=2, large=6", "every"),
        ("size=2, every=3", "large"),
        ("size=2, large=13, every=3", r"outside \[1, 12\]"),
        ("size=2, large=6, every=0", "period"),
    ],
)
def test_mini_batches_that_grow_are_asked_for_in_full(regression, words, message):
    with pytest.raises(Misuse, match=message):
        make_noise(f"minibatch({words})", regression)
