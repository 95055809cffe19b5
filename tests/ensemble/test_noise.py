"""Noise: what it draws, that it is the same everywhere, and its moments; the law of gradient descent with noise."""

from __future__ import annotations

import importlib.util
import itertools
import math

import numpy as np
import pytest
import sympy as sp
import torch
from scipy import special, stats

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.ensemble.kernel import Task, numba_text, triton_text
from dynopt.ensemble.noise import Additive, MiniBatch, make_noise
from dynopt.ensemble.trace import Untraceable, trace
from dynopt.errors import Misuse

WELL = dynopt.problem("double-well")
RUNS = torch.arange(1000, 1000 + 4096)


def test_the_counter_of_a_step():
    runs = torch.tensor([7, 2**40 + 3])
    found = rng.words_of(2**63 + 5, runs, 2, stream=rng.NOISE, step=10)
    zero = torch.zeros(2, 2, dtype=torch.int64)
    counter = (runs[:, None] % 2**32 + zero, runs[:, None] // 2**32 + zero, torch.tensor([0, 1]) + zero, zero + 41)
    assert all(map(torch.equal, found, rng.philox(counter, (5, 2**31))))


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_a_run_draws_the_same_beside_any_others(count):
    whole = rng.normals_of(3, RUNS, count, step=8)
    rows = torch.randperm(len(RUNS), generator=torch.Generator().manual_seed(0))[:640]
    assert torch.equal(rng.normals_of(3, RUNS[rows], count, step=8), whole[rows])


def test_moments_and_independence():
    """Normals over runs and steps against N(0, 1), and against each other, the next step's, another seed's and the starts."""
    draws = torch.stack([rng.normals_of(1, RUNS, 3, step=k) for k in range(8)])  # (steps, runs, 3)
    flat, n = draws.flatten().numpy(), draws.numel()
    assert abs(flat.mean()) < 4 / n**0.5
    assert abs(flat.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs((flat**4).mean() - 3) < 4 * (96 / n) ** 0.5
    assert stats.kstest(flat, "norm").pvalue > 1e-3
    starts = rng.normals(1, 1000, 1000 + 4096, 3)
    pairs = [(draws[:-1], draws[1:]), (draws[..., 0], draws[..., 1]), (draws[..., 1], draws[..., 2]), (draws[0], starts)]
    pairs.append((draws[0], rng.normals_of(2, RUNS, 3, step=0)))
    for a, b in pairs:
        assert abs(float((a * b).mean())) < 4.5 / a.numel() ** 0.5


def test_every_subset_is_drawn_equally_often():
    drawn = torch.cat([rng.subsets_of(4, RUNS, 2, 5, step=k) for k in range(5)]).sort(-1).values.tolist()
    counts = [drawn.count(list(pair)) for pair in itertools.combinations(range(5), 2)]
    assert sum(counts) == len(drawn) == 5 * 4096
    assert stats.chisquare(counts).pvalue > 1e-3


def test_additive_noise_is_one_sample_an_iteration():
    asked = Additive(0.5, every=3, axes=(2,)).oracle(WELL, seed=9, runs=RUNS)
    x = torch.linspace(-1, 1, 2 * len(RUNS), dtype=torch.float64).reshape(-1, 2)
    exact = oracle(WELL).gradient(x)
    for k in range(7):
        now = asked.at(k)
        noise = now.gradient(x) - exact
        torch.testing.assert_close(now.gradient(0 * x), noise, rtol=0, atol=1e-12)
        assert torch.equal(noise[:, 0], torch.zeros(len(RUNS), dtype=torch.float64))
        assert bool(noise[:, 1].any()) == (k % 3 == 0)
        if k % 3 == 0:
            assert abs(float(noise[:, 1].var()) / 0.25 - 1) < 4 * (2 / len(RUNS)) ** 0.5
    assert torch.equal(asked.at(3).of(torch.tensor([5])).gradient(x[5:6]), asked.at(3).gradient(x)[5:6])
    assert torch.equal(asked.at(3).full_gradient(x), exact)


@pytest.mark.parametrize("noise", [Additive(0.5), MiniBatch(3)])
def test_the_gradient_is_that_of_the_sample_value(noise):
    problem = dynopt.problem("random-quadratic(spectrum=[-1, 2, 3])")
    asked = noise.oracle(problem, seed=1, runs=torch.arange(64)).at(2)
    x = torch.linspace(-1, 1, 192, dtype=torch.float64).reshape(-1, 3).requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(asked.value(x).sum(), x)[0], asked.gradient(x.detach()))


def test_two_gradients_of_an_iteration_see_one_batch():
    """The difference of two mini-batch gradients is exact where the noise does not depend on θ."""
    problem = dynopt.problem("random-quadratic(spectrum=[-1, 2], samples=20, spread=5)")
    asked = MiniBatch(4).oracle(problem, seed=1, runs=torch.arange(64))
    x, h = torch.zeros(64, 2, dtype=torch.float64), torch.tensor([1.0, 1.0], dtype=torch.float64)
    difference = asked.at(3).gradient(x + h) - asked.at(3).gradient(x)
    torch.testing.assert_close(difference, torch.tensor([[-1.0, 2.0]], dtype=torch.float64).expand(64, 2))
    assert not torch.equal(asked.at(3).gradient(x), asked.at(4).gradient(x))
    one = dynopt.method("step_tuned_frozen(gamma=0.1)").numeric()
    state = one.update(one.init(x, asked.at(3)), asked.at(3), 3)
    half = x - 0.1 * asked.at(3).gradient(x)
    torch.testing.assert_close(state.theta, half - 0.1 * asked.at(3).gradient(half))


METHODS = ["gd(gamma=0.02)", "nesterov(gamma=0.02,momentum=0.5)", "step_tuned_frozen(gamma=0.03)", "inna(gamma=0.02)"]


@pytest.mark.parametrize("call", METHODS)
@pytest.mark.parametrize("axes", [None, (2,)])
def test_the_trace_with_noise_is_the_update_with_noise(call, axes):
    """The traced straight-line code, evaluated in floats, against the definition run on the oracle of the same noise."""
    noise, method = Additive(0.3, axes=axes), dynopt.method(call).numeric()
    traced = trace(method, WELL, noise)
    asked = noise.oracle(WELL, seed=5, runs=torch.tensor([17])).at(0)
    theta = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    state = method.init(theta, asked)
    after = method.update(state, asked, 0)
    drawn = rng.normals_of(5, torch.tensor([17]), len(traced.noise), step=0)[0].tolist()
    for code, given, expected in ((traced.init, (traced.start, [theta]), state), (traced.step, (traced.state, state), after)):
        values = dict(traced.constants) | dict(zip(traced.noise, drawn, strict=True))
        values |= dict(zip(given[0], torch.cat(list(given[1]), -1)[0].tolist(), strict=True))
        for symbol, expression in code.temporaries:
            values[symbol] = float(expression.subs(values))
        found = [float(sp.sympify(e).subs(values)) for e in code.outputs]
        assert found == pytest.approx(torch.cat(list(expected), -1)[0].tolist(), rel=1e-12)


def test_kernel_texts_draw_the_noise_of_the_step():
    for noise in (None, Additive(0.1, every=10)):
        traced = trace(dynopt.method("gd(gamma=0.02)"), WELL, noise)
        task = Task(traced, (sp.Abs(traced.state[0]),), ((0.0, 0.0),))
        for text, word in ((numba_text(task), "4 * step + 1"), (triton_text(task), "4 * (k + j) + 1")):
            compile(text, "kernel", "exec")
            assert (word in text) == (noise is not None)
            assert ("% every" in text) == (noise is not None)


@pytest.mark.skipif(importlib.util.find_spec("triton") is None or not torch.cuda.is_available(), reason="needs triton and a CUDA device")
def test_cuda_kernels_agree_with_eager_runs():
    studies = [
        dynopt.escape_study(METHODS, runs=20_000, seed=6, noise="periodic(size=1e-3, every=7)", device=d, engine=e)
        for d, e in (("cuda", "fused"), ("cpu", "eager"))
    ]
    for one, two in zip(*(s.methods for s in studies), strict=True):
        for a, b in zip(one.times, two.times, strict=True):
            assert np.abs(a.counts - b.counts).sum() <= 6


def test_mini_batches_have_no_kernel():
    with pytest.raises(Untraceable, match=r"minibatch\(size=3\) has no kernel form"):
        trace(dynopt.method("gd(gamma=0.1)"), dynopt.problem("random-quadratic"), MiniBatch(3))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "call"),
    [
        ("gaussian(size=1e-3)", "step_tuned_frozen(gamma=0.01)"),
        ("periodic(size=1e-3, every=10, axes=[1])", "inna(alpha=1/2,beta=1,gamma=0.02)"),
    ],
)
def test_engines_agree_with_noise(noise, call, tmp_path, monkeypatch):
    monkeypatch.setenv("DYNOPT_CACHE", str(tmp_path))
    eager, fused = (dynopt.escape_study(call, runs=2000, seed=5, scale=1e-4, noise=noise, engine=e) for e in ("eager", "fused"))
    for one, two in zip(fused.methods, eager.methods, strict=True):
        assert "numba" in one.engine
        for a, b in zip(one.times, two.times, strict=True):
            assert np.abs(a.counts - b.counts).sum() <= 4, a.exit  # two runs may sit on an edge, a rounding apart
        assert [d.count for d in one.destinations] == [d.count for d in two.destinations]


@pytest.mark.slow
def test_noisy_runs_do_not_depend_on_the_batch():
    studies = [dynopt.escape_study("gd(gamma=0.02)", runs=300, also=[], noise=1e-3, engine="eager", batch=b) for b in (300, 77)]
    assert np.array_equal(*(s.methods[0].times[0].counts for s in studies))


@pytest.mark.parametrize("scale", [pytest.param(1e-9, marks=pytest.mark.slow), 1e-5])
def test_gradient_descent_leaves_a_quadratic_saddle_as_the_law_says(scale):
    """u⁺ = σu + γεξ grows like σ^k times a normal of variance s₀² + γ²ε²/(σ² − 1), so that
    P(K ≤ k) = erfc(r σ^{−k}/(√2 s)) as long as the noise of one step is small beside r (theory §5)."""
    step, size, radius, runs = 0.05, 1e-4, 0.5, 20_000
    sigma = 1 + 2 * step
    s = math.sqrt(scale**2 + (step * size) ** 2 / (sigma**2 - 1))
    cdf = special.erfc(radius * sigma ** -np.arange(400.0) / (math.sqrt(2) * s))
    mean = (1 - cdf).sum()
    sd = math.sqrt(((np.arange(400) - mean) ** 2 * np.diff(cdf, prepend=0)).sum())
    study = dynopt.escape_study(
        f"gd(gamma={step})", "quadratic(spectrum=[-2, 1])", runs=runs, seed=3, scale=scale, noise=size, also=[], engine="eager",
        max_steps=399,
    )  # fmt: skip
    times = study.methods[0].times[0]
    assert abs(times.law.best.mean - mean) < 0.02  # the study's own law is the same closed form
    assert times.kolmogorov < 1.63 / runs**0.5
    assert abs(times.moments.mean - mean) < 4 * sd / runs**0.5
    assert abs(times.moments.sd / sd - 1) < 0.04
    assert np.abs(times.counts.cumsum() / runs - cdf).max() < 1.63 / runs**0.5
    for q in (0.01, 0.25, 0.5, 0.75, 0.99):
        assert abs(times.quantile(q)[0] - np.searchsorted(cdf, q)) <= 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1e-3", Additive(1e-3)),
        (0.5, Additive(0.5)),
        ("none", None),
        ("0", None),
        ("gaussian(size=1/2, axes=[2, 1])", Additive(0.5, 1, (2, 1))),
        ("periodic(size=2, every=10)", Additive(2.0, 10)),
    ],
)
def test_noise_is_written_as_a_call(text, found):
    made = make_noise(text, WELL)
    assert made == found
    assert made is None or make_noise(made.call(), WELL) == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gauss(size=1)", "did you mean gaussian"),
        ("gaussian(sice=1)", "did you mean size"),
        ("gaussian", "lacks size"),
        ("periodic(size=1)", "lacks every"),
        ("periodic(size=1, every=0)", "not a period"),
        ("periodic(size=1, every=1/2)", "not a whole number"),
        ("gaussian(size=-1)", "not a non-negative number"),
        ("nan", "not a non-negative number"),
        ("gaussian(size=1, axes=[3])", "coordinates of 1 to 2"),
        ("gaussian(size=1, axes=[1, 1])", "different"),
        ("minibatch(size=2)", "not a sum over samples"),
    ],
)
def test_misuse(text, words):
    with pytest.raises(Misuse, match=words):
        make_noise(text, WELL)


def test_batches_that_do_not_fit():
    with pytest.raises(Misuse, match=r"outside \[1, 100\]"):
        make_noise("minibatch(size=101)", dynopt.problem("random-quadratic"))
