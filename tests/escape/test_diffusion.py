"""The diffusion law against closed forms and Euler–Maruyama runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dynopt
from dynopt.core.oracle import FunctionOracle
from dynopt.escape.diffusion import diffusion
from dynopt.escape.law import NoLaw


def test_the_gradient_flow_in_closed_form():
    """u' = λu + εẇ: variance s₀²e^{2λt} + ε²(e^{2λt} − 1)/(2λ)."""
    law = diffusion(dynopt.GradientFlow(), -3, 1e-4, scale=1e-5)
    variance = 1e-10 * np.exp(6 * law.t) + 1e-8 * np.expm1(6 * law.t) / 6
    expected = [math.erfc(0.5 / math.sqrt(2 * v)) for v in variance]
    np.testing.assert_allclose(law.cdf, expected, atol=1e-9)
    assert (law.rate, law.floor) == pytest.approx((3, 1e-4 / math.sqrt(6)), rel=1e-9)
    size = math.hypot(1e-5, 1e-4 / math.sqrt(6))
    assert law.mean == pytest.approx((math.log(0.5 / size) + (np.euler_gamma + math.log(2)) / 2) / 3, rel=1e-6)
    assert law.quantile(0.5) == pytest.approx(math.log(0.5 / (0.6744897501960817 * size)) / 3, rel=1e-5)


@pytest.mark.parametrize("flow", [dynopt.GradientFlow(), dynopt.DIN(alpha=0.5, beta=0.2), dynopt.DIN(alpha=3, beta=0.1)])
def test_euler_maruyama(flow):
    """2000 paths of the flow's own field with noise ε/√h in every gradient; a step of 1/500 of the growth time."""
    law = diffusion(flow, -8, 1e-3, scale=1e-3)
    rng, h, runs = np.random.default_rng(2), 0.002 / law.rate, 2000
    numeric = flow.numeric()
    state = numeric.init(1e-3 * rng.standard_normal((runs, 1)), FunctionOracle(lambda x: -4 * x * x, lambda x: -8 * x))
    first = np.full(runs, np.inf)
    for k in range(int(law.t[-1] / h)):
        first = np.where(np.isinf(first) & (np.abs(state[0][:, 0]) >= 0.5), k * h, first)
        if np.isfinite(first).all():
            break
        kick = 1e-3 / math.sqrt(h) * rng.standard_normal((runs, 1))
        slope = numeric.field(state, FunctionOracle(lambda x: 0 * x, lambda x, kick=kick: -8 * x + kick), k * h)
        state = type(state)(*(s + h * d for s, d in zip(state, slope, strict=True)))
    rank = (np.arange(runs) + 0.5) / runs
    gap = np.abs(np.interp(np.sort(first), law.t, law.cdf) - rank).max()
    assert gap < 1.63 / runs**0.5


def test_no_law():
    with pytest.raises(NoLaw, match="does not repel"):
        diffusion(dynopt.GradientFlow(), 3, 1e-4)
    with pytest.raises(NoLaw, match="varies with the iteration"):
        diffusion(dynopt.DIN(alpha=lambda t: 2 / t, beta=1), -3, 1e-4)
    with pytest.raises(dynopt.Misuse, match="no random escape"):
        diffusion(dynopt.GradientFlow(), -3, 0.0)
