"""Problems that are sums over samples: phi-regression, networks, the random quadratic; their numeric critical points."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble.noise import MiniBatch
from dynopt.problems.network import Network, Perceptron
from dynopt.problems.random_quadratic import RandomQuadratic
from dynopt.testing import check_problem

SUMS = ["phi-regression(samples=40, dimension=3)", "perceptron(inputs=1, hidden=2, samples=30)", "random-quadratic(samples=12)"]


@pytest.mark.parametrize("call", SUMS)
def test_samples_add_up_to_the_whole(call):
    """All samples give ∇J; the mean over all samples one at a time too; each run its own choice."""
    problem = dynopt.problem(call)
    x = torch.linspace(-1, 1, 2 * problem.dimension, dtype=torch.float64).reshape(2, -1)
    everything = torch.arange(problem.samples).expand(2, -1)
    torch.testing.assert_close(problem.sample_gradient(x, everything), problem.gradient(x))
    torch.testing.assert_close(problem.sample_value(x, everything), problem.value(x))
    single = torch.stack([problem.sample_gradient(x, torch.full((2, 1), n)) for n in range(problem.samples)])
    torch.testing.assert_close(single.mean(0), problem.gradient(x))
    mixed = problem.sample_gradient(x, torch.tensor([[3, 1], [0, 2]]))
    torch.testing.assert_close(mixed, torch.stack([single[[3, 1], 0].mean(0), single[[0, 2], 1].mean(0)]))


def test_phi_regression_by_its_formula():
    problem = dynopt.problem("phi-regression(samples=20, dimension=2, seed=3)")
    x = np.array([0.4, -1.2])
    residuals = [float(a @ x - b) for a, b in zip(problem.A, problem.b, strict=True)]
    assert problem.value(x) == pytest.approx(sum(t**2 / (1 + t**2) for t in residuals) / 20)
    again = dynopt.problem("phi-regression(samples=20, dimension=2, seed=3)")
    assert np.array_equal(problem.b, again.b)
    assert not np.array_equal(problem.b, dynopt.problem("phi-regression(samples=20, dimension=2)").b)


def test_the_data_of_phi_regression_have_the_published_moments():
    problem = dynopt.problem("phi-regression(samples=20000, dimension=2)")
    noise = problem.b - problem.A @ problem.z  # 3 ν₁ + ν₂, Bernoulli(0.3)
    assert noise.mean() == pytest.approx(0.3, abs=4 * 3.04 / 20000**0.5)
    assert noise.var() == pytest.approx(9 + 0.21, rel=0.05)
    assert abs(problem.A.var() - 1) < 0.03


@pytest.mark.parametrize("seed", [0, 1])
def test_the_saddle_of_phi_regression(seed):
    """At the published size: gradient at rounding level, one negative eigenvalue, and descent on both sides goes down."""
    problem = dynopt.problem(f"phi-regression(seed={seed})")
    saddle, *ends = problem.critical_points()
    at = np.array([float(v) for v in saddle.point])
    t = problem.A.astype(np.longdouble) @ at - problem.b
    slope = (2 * t / (1 + t**2) ** 2) @ problem.A / 500
    assert np.abs(slope).max() < 1e-14
    values = np.linalg.eigvalsh(problem.hessian(at))
    assert values[0] < -1e-3 < 1e-3 < values[1]
    assert len(ends) == 2
    assert all(e.kind == "minimum" and e.value < saddle.value for e in ends)


@pytest.fixture(scope="module")
def network():
    return dynopt.problem("perceptron")


def test_a_network_is_its_module(network):
    theta = np.random.default_rng(0).normal(size=(3, network.dimension))
    for row, value, gradient in zip(theta, network.value(theta), network.gradient(theta), strict=True):
        torch.nn.utils.vector_to_parameters(torch.as_tensor(row), network.module.parameters())
        network.module.zero_grad()
        loss = ((network.module(network.inputs) - network.targets) ** 2).mean() / 2
        loss.backward()
        assert value == pytest.approx(loss.item())
        np.testing.assert_allclose(gradient, torch.cat([p.grad.reshape(-1) for p in network.module.parameters()]).numpy(), atol=1e-13)
    check_problem(network, theta)


def test_a_split_neuron_is_a_critical_point_of_the_wider_network(network):
    """For every part c: the same function, no gradient, a zero eigenvalue along c; and the saddle listed is strict."""
    small, end = network.smaller
    for neuron, part in itertools.product(range(2), (-0.5, 0.3, 0.5, 1.7)):
        at = network.split(neuron, part)
        assert network.value(at) == pytest.approx(small.value(end), rel=1e-12)
        assert np.abs(network.gradient(at)).max() < 1e-12
        along = network.split(neuron, part + 1) - at
        assert np.abs(network.hessian(at) @ along).max() < 1e-9
    (saddle,) = network.critical_points()
    values = [float(v) for v in saddle.spectrum]
    assert (saddle.kind, saddle.isolated, values.count(0.0), sum(v < 0 for v in values)) == ("strict saddle", False, 1, 1)


@pytest.mark.slow
def test_escape_from_a_network_saddle(network):
    study = dynopt.escape_study("gd(gamma=0.3)", network, runs=200, scale=1e-6, radius=0.05, also=[], linger=0)
    times = study.methods[0].times[0]
    assert times.escaped == 200
    assert times.kolmogorov < 1.63 / 200**0.5


def test_networks_of_a_users_module_run_with_mini_batches():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Softplus(), torch.nn.Linear(4, 2))
    problem = Network(module, torch.randn(16, 2), torch.randn(16, 2))
    asked = MiniBatch(16).oracle(problem, seed=0, runs=torch.arange(3)).at(5)
    x = torch.randn(3, problem.dimension, dtype=torch.float64)
    torch.testing.assert_close(asked.gradient(x), oracle(problem).gradient(x))


def test_the_noise_of_mini_batches_has_its_closed_form():
    """Mean ∇J and variance (spread²/b)(N − b)/(N − 1) for batches without replacement."""
    problem = RandomQuadratic([-1, 2], samples=20, spread=3)
    x = torch.ones(8192, 2, dtype=torch.float64)
    asked = MiniBatch(5).oracle(problem, seed=2, runs=torch.arange(8192))
    noise = torch.cat([asked.at(k).gradient(x) - oracle(problem).gradient(x) for k in range(8)])
    variance = 9 / 5 * 15 / 19
    assert abs(float(noise.mean())) < 4 * (variance / noise.numel()) ** 0.5
    assert float(noise.var(0).mean()) == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize(
    "call", ["phi-regression(samples=0)", "perceptron(hidden=1)", "random-quadratic(samples=1)", "random-quadratic(spread=0)"]
)
def test_misuse(call):
    with pytest.raises(dynopt.Misuse, match=r"give one"):
        dynopt.problem(call)


def test_a_network_that_trains_to_infinity_says_so(monkeypatch):
    from dynopt.problems import numeric_points

    monkeypatch.setattr(numeric_points, "descend", lambda *_: None)
    with pytest.raises(dynopt.Misuse, match="could not be trained to a minimiser"):
        Perceptron(samples=5).critical_points()
