"""The stationary covariance under gradient noise against SciPy's Lyapunov solver on the dense update, and its refusals."""

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import solve_discrete_lyapunov

import dynopt
from dynopt.core.oracle import FunctionOracle
from dynopt.errors import Misuse
from dynopt.symbolic.stationary import stationary_covariance, stationary_variances
from dynopt.symbolic.symbols import eigenvalue, symbolic

CALLS = ["gd(gamma=0.3)", "heavy_ball(gamma=0.3, momentum=0.8)", "nesterov(gamma=0.2, momentum=0.8)",
         "inna(alpha=0.5, beta=0.4, gamma=0.3)", "midpoint_din(alpha=0.7, beta=0.3, gamma=0.1)"]  # fmt: skip
"""The last takes two gradients of the same sample."""


def running_update(method, value):
    """M and b read off runs on ½ value·θ²: from basis states, and from rest with noise 1."""

    def after(vector, noise):
        asked = FunctionOracle(lambda x: 0.0, lambda x: value * x + noise)
        blocks = type(method.init(np.zeros(1), asked))
        return np.concatenate(list(method.update(blocks(*np.reshape(vector, (-1, 1))), asked, 0)))

    size = len(method.init(np.zeros(1), FunctionOracle(lambda x: 0.0, lambda x: x)))
    return np.stack([after(e, 0.0) for e in np.eye(size)], axis=1), after(np.zeros(size), 1.0)


def test_lyapunov_equation_of_the_running_update():
    for call in CALLS:
        method, spectrum, expected = dynopt.method(call), [0.3, 2.5], []
        for value in spectrum:
            M, b = running_update(method.numeric(), value)
            expected.append(solve_discrete_lyapunov(M, np.outer(b, b)))
        of_theta = [0.25 * covariance[0, 0] for covariance in expected]
        np.testing.assert_allclose(stationary_variances(method, spectrum, noise=0.5), of_theta, rtol=1e-10)
        if len(expected[0]) == 2 and "midpoint" not in call:  # symbols in λ: every entry
            ours = stationary_covariance(symbolic(call, defaults=True)).subs(eigenvalue, sp.Rational("2.5"))
            np.testing.assert_allclose(np.array(ours.tolist(), dtype=float), expected[1], rtol=1e-10)


def test_nesterov_without_momentum():
    method = symbolic("nesterov")
    at_rest = stationary_covariance(method)[0].subs(method.momentum, 0)
    assert sp.simplify(at_rest - method.gamma / (eigenvalue * (2 - method.gamma * eigenvalue))) == 0


@pytest.mark.parametrize(
    ("call", "spectrum", "said"),
    [
        ("gd(gamma=0.3)", [1, 7], "not stable at the eigenvalue 7"),
        ("gd(gamma=0.3)", [0], "not stable at the eigenvalue 0"),
        ("gradient_flow", [1], "is a flow"),
        ("normalized_gd(gamma=0.1)", [1], "not linear"),
    ],
)
def test_refusals(call, spectrum, said):
    with pytest.raises(Misuse, match=said):
        stationary_variances(dynopt.method(call), spectrum)
    with pytest.raises(Misuse, match="noise=-1"):
        stationary_variances(dynopt.method("gd(gamma=0.3)"), [1], noise=-1)
