"""The two-layer linear network against torch modules and singular values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynopt
from dynopt.problems.two_layer_linear import TwoLayerLinear
from dynopt.testing import check_algorithm, check_problem

X, Y = [[1, 2, 0, -1], [0, 1, 3, 1], [2, 0, 1, 1]], [[1, 0, 2, 1], [0, 3, -1, 2]]


@pytest.mark.parametrize("hidden", [1, 2, 4])
def test_the_spectrum_at_the_origin_is_that_of_the_singular_values(hidden):
    network = TwoLayerLinear(X, Y, hidden)
    singular = np.linalg.svd(np.array(Y) @ np.array(X).T, compute_uv=False)
    expected = np.sort([s for v in singular for s in (v, -v) for _ in range(hidden)] + [0.0] * (network.dimension - 4 * hidden))
    (origin,) = network.critical_points()
    np.testing.assert_allclose([float(v) for v in origin.spectrum], expected, atol=1e-12)
    np.testing.assert_allclose(np.linalg.eigvalsh(network.hessian(np.zeros(network.dimension))), expected, atol=1e-10)
    assert (origin.kind, origin.isolated, float(origin.value)) == ("strict saddle", False, (np.array(Y) ** 2).sum() / 2)


def test_value_and_gradient_are_those_of_a_torch_module():
    network, rng = TwoLayerLinear(X, Y, 2), np.random.default_rng(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False), torch.nn.Linear(2, 2, bias=False)).double()
    x, y = torch.tensor(X, dtype=torch.float64).T, torch.tensor(Y, dtype=torch.float64).T
    theta = rng.normal(size=(3, 10))
    for row, value, gradient in zip(theta, network.value(theta), network.gradient(theta), strict=True):
        torch.nn.utils.vector_to_parameters(torch.as_tensor(row), module.parameters())
        module.zero_grad()
        loss = ((module(x) - y) ** 2).sum() / 2
        loss.backward()
        assert value == pytest.approx(loss.item())
        np.testing.assert_allclose(gradient, torch.cat([p.grad.reshape(-1) for p in module.parameters()]).numpy(), rtol=1e-12)
    check_problem(network)
    check_algorithm("inna(gamma=0.02)", TwoLayerLinear([[1]], [[2]], 1))


def test_named_data_have_the_singular_values_asked_for():
    network = dynopt.problem("two-layer-linear(singular=[3, 1/2], hidden=2, inputs=3, outputs=4)")
    (origin,) = network.critical_points()
    assert [str(v) for v in origin.spectrum] == ["-3", "-3", "-1/2", "-1/2", *["0"] * 6, "1/2", "1/2", "3", "3"]
    assert dynopt.problem("two-layer-linear").critical_points()[0].isolated


@pytest.mark.slow
def test_equal_singular_values_have_a_law_and_unequal_ones_say_why_not():
    equal = dynopt.escape_study("gd(gamma=0.05)", "two-layer-linear(singular=[2], hidden=3)", runs=500, also=[], engine="eager", linger=0)
    assert equal.methods[0].times[0].kolmogorov < 1.95 / 500**0.5
    plain = dynopt.escape_study("gd(gamma=0.05)", "two-layer-linear", runs=20, also=[], engine="eager", max_steps=500, linger=0)
    assert plain.methods[0].times[0].escaped == 20


@pytest.mark.parametrize(
    "call", ["two-layer-linear(singular=[0])", "two-layer-linear(singular=[2, 1], inputs=1)", "two-layer-linear(hidden=0)"]
)
def test_misuse(call):
    with pytest.raises(dynopt.Misuse, match=r"write singular|at least"):
        dynopt.problem(call)


def test_data_that_do_not_fit():
    with pytest.raises(dynopt.Misuse, match="one column a sample"):
        TwoLayerLinear([[1, 2]], [[1]], 1)
