"""Fused kernels against the eager engine: same starts, same exit steps, same destinations."""

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt.ensemble.trace import Untraceable, trace

CALLS = ["inna(alpha=1/2,beta=1,gamma=0.02)", "nesterov(gamma=0.02,momentum=0.5)", "gd(gamma=0.02)", "normalized_gd(gamma=0.02)"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNOPT_CACHE", str(tmp_path))


@pytest.mark.slow
def test_fused_and_eager_agree_on_every_exit_and_destination():
    eager, fused = (dynopt.escape_study(CALLS[:2], runs=3000, seed=5, engine=e) for e in ("eager", "fused"))
    for one, two in zip(fused.methods, eager.methods, strict=True):
        assert "numba" in one.engine
        assert "eager" in two.engine
        for a, b in zip(one.times, two.times, strict=True):
            assert np.abs(a.counts - b.counts).sum() <= 4, a.exit  # two runs may sit on an edge, a rounding apart
        assert [d.count for d in one.destinations] == [d.count for d in two.destinations]


@pytest.mark.slow
def test_fused_runs_do_not_depend_on_the_batch():
    asked = [{"engine": "eager"}, {"engine": "fused", "batch": 1000}, {"engine": "fused", "batch": 137}]
    eager, first, second = (dynopt.escape_study(["gd(gamma=0.02)"], runs=1000, also=[], **a).methods[0].times[0].counts for a in asked)
    assert np.array_equal(first, second)
    assert np.abs(first - eager).sum() <= 4


@pytest.mark.slow
def test_fused_divergence_is_counted():
    study = dynopt.escape_study(["gd(gamma=0.8)"], runs=200, also=[], engine="fused", max_steps=400)
    assert study.methods[0].diverged == 200


@pytest.mark.parametrize("call", [*CALLS, "qhm(gamma=0.03,momentum=0.6,nu=0.5)", "semi_implicit_din(gamma=0.05)"])
def test_the_trace_is_the_update(call):
    """The traced straight-line code, evaluated in floats, against the definition run on NumPy."""
    from dynopt.core.problem import oracle

    method, problem = dynopt.method(call).numeric(), dynopt.problem("double-well")
    traced = trace(method, problem)
    theta = np.array([0.3, -0.7])
    state = method.init(theta, oracle(problem))
    after = np.concatenate(list(method.update(state, oracle(problem), 0)))
    values = dict(zip(traced.state, np.concatenate(list(state)), strict=True)) | dict(traced.constants)
    for symbol, expression in traced.step.temporaries:
        values[symbol] = float(expression.subs(values))
    assert [float(sp.sympify(e).subs(values)) for e in traced.step.outputs] == pytest.approx(after.tolist(), rel=1e-12)


class EveryOther(dynopt.Algorithm):
    gamma: dynopt.Scalar = dynopt.number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return dynopt.Position(theta0)

    def update(self, state, oracle, k):
        theta = state.theta
        return dynopt.Position(dynopt.where(k % 2 == 0, lambda: theta - self.gamma * oracle.gradient(theta), lambda: theta))


def test_a_branch_on_the_iteration_is_not_traced_as_one_of_its_sides():
    with pytest.raises(Untraceable, match="depends on the iteration"):
        trace(EveryOther(gamma=0.1), dynopt.problem("double-well"))


def test_what_cannot_be_traced_says_why():
    with pytest.raises(Untraceable, match="varies with the iteration"):
        trace(dynopt.method("gd(gamma=0.1*(k+1)**(-1/2))"), dynopt.problem("double-well"))
    for call in ("adam(gamma=0.1)", "innaprop(gamma=0.1)"):
        with pytest.raises(Untraceable, match="depends on the iteration"):
            trace(dynopt.method(call), dynopt.problem("double-well"))
    for call, why in (
        ("armijo(gamma=0.1)", ""),
        ("perturbed_gd(gamma=0.1)", "random numbers"),
    ):
        with pytest.raises(Untraceable, match=f"does not run on symbols .*{why}"):
            trace(dynopt.method(call), dynopt.problem("double-well"))
    with pytest.raises(dynopt.Misuse, match="Gaussian starts"):
        dynopt.escape_study(["gd(gamma=0.02)"], runs=10, start="uniform", engine="fused")
    with pytest.raises(dynopt.Misuse, match="did you mean fused"):
        dynopt.escape_study(["gd(gamma=0.02)"], runs=10, engine="fusd")
