"""The small algebra means the same on its four carriers; NumPy's linear algebra is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch

from dynopt import inner, maximum, minimum, norm, sqrt, where
from dynopt.optim.carrier import ParameterList

X = np.array([[3.0, 4.0, 0.0], [1.0, -2.0, 2.0]])
Y = np.array([[1.0, 0.5, 2.0], [-1.0, 0.25, 8.0]])

EXPRESSIONS = {
    "inner": lambda x, y: inner(x, y) * x,
    "norm": lambda x, y: x / norm(x) + norm(y) * y,
    "scalar over vector": lambda x, y: norm(y) / (y * y + 1),
    "scalar first": lambda x, y: inner(x, y) - x + (inner(y, y) + y) - inner(x, x) * x,
    "sqrt": lambda x, y: y / (sqrt(x * x) + 1),
    "where": lambda x, y: where(x > y, 2 * x, -y),
    "where scalar": lambda x, y: where(inner(x, y) > 0, x, y),
    "minimum": lambda x, y: minimum(x, y) + minimum(x, 1),
    "maximum": lambda x, y: maximum(x, y) - maximum(0, y),
    "scalar minimum": lambda x, y: minimum(1 / norm(x), 2) * x,
    "numbers": lambda x, y: (1 - x) / 2 + 3 / (y * y + 1) - (-x) * 4 + (2 - y),
}
EXPECTED = {
    "inner": lambda x, y: np.dot(x, y) * x,
    "norm": lambda x, y: x / np.linalg.norm(x) + np.linalg.norm(y) * y,
    "scalar over vector": lambda x, y: np.linalg.norm(y) / (y**2 + 1),
    "scalar first": lambda x, y: np.dot(x, y) - x + np.dot(y, y) + y - np.dot(x, x) * x,
    "sqrt": lambda x, y: y / (np.abs(x) + 1),
    "where": lambda x, y: np.array([2 * a if a > b else -b for a, b in zip(x, y, strict=True)]),
    "where scalar": lambda x, y: x if np.dot(x, y) > 0 else y,
    "minimum": lambda x, y: np.array([min(a, b) + min(a, 1) for a, b in zip(x, y, strict=True)]),
    "maximum": lambda x, y: np.array([max(a, b) - max(0, b) for a, b in zip(x, y, strict=True)]),
    "scalar minimum": lambda x, y: min(1 / np.linalg.norm(x), 2) * x,
    "numbers": lambda x, y: (1 - x) / 2 + 3 / (y**2 + 1) + 4 * x + 2 - y,
}
by_name = pytest.mark.parametrize("name", EXPRESSIONS)


def expected(name):
    return np.stack([EXPECTED[name](x, y) for x, y in zip(X, Y, strict=True)])


@by_name
def test_numpy(name):
    np.testing.assert_allclose(EXPRESSIONS[name](X, Y), expected(name), rtol=1e-14)


@by_name
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_torch(name, dtype):
    found = EXPRESSIONS[name](torch.tensor(X, dtype=dtype), torch.tensor(Y, dtype=dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), expected(name), rtol=1e-14 if dtype == torch.float64 else 1e-5)


@by_name
def test_exact_arrays(name):
    exact = np.vectorize(sp.nsimplify, otypes=[object])
    found = EXPRESSIONS[name](exact(X), exact(Y))
    assert not any(sp.sympify(e).has(sp.Float) for e in found.ravel())
    np.testing.assert_allclose(found.astype(float), expected(name), rtol=1e-14)


@by_name
@pytest.mark.parametrize("row", [0, 1])
def test_parameter_lists_are_one_vector(name, row):
    def split(v):
        return ParameterList([torch.tensor(v[:1]), torch.tensor(v[1:]).reshape(2, 1)])

    found = EXPRESSIONS[name](split(X[row]), split(Y[row]))
    assert [tuple(t.shape) for t in found] == [(1,), (2, 1)]
    np.testing.assert_allclose(np.concatenate([t.numpy().ravel() for t in found]), expected(name)[row], rtol=1e-14)


def test_inner_products_keep_their_axis():
    assert inner(X, Y).shape == (2, 1)
    assert norm(torch.tensor(X)).shape == (2, 1)


def test_numbers_stay_numbers():
    assert sqrt(4.0) == 2.0
    assert sqrt(sp.Integer(2)) ** 2 == 2
    assert sqrt(sp.Symbol("a", positive=True)) == sp.sqrt(sp.Symbol("a", positive=True))
