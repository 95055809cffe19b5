"""Modified flows: measured orders, exact cases, shapes, and the option of `trajectory` and `show`."""

from __future__ import annotations

import itertools
import json
import time

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt import INNA, GradientDescent, Misuse, ModifiedFlow, Quadratic, modified_flow, semi_implicit_euler, trajectory
from dynopt.algorithms.heavy_ball import HeavyBallFlow
from dynopt.core.problem import oracle
from dynopt.flow.compare import family, order
from dynopt.flow.integrate import integrate
from dynopt.flow.iterates import iterates

SEMI = semi_implicit_euler(HeavyBallFlow, ("velocity", "theta"), name="SemiImplicitHBF")
METHODS = {
    "gd": "gd(gamma=0.02)",
    "heavy_ball": "heavy_ball(gamma=0.0004, momentum=0.96)",
    "nesterov": "nesterov(gamma=0.0004, momentum=0.96)",
    "inna": "inna(alpha=2, beta=1/4, gamma=0.02)",
    "semi_implicit_din": "semi_implicit_din(alpha=2, beta=1/4, gamma=0.02)",
    "midpoint_din": "midpoint_din(alpha=2, beta=1/4, gamma=0.02)",
    "qhm": "qhm(gamma=0.01, momentum=0.96, nu=0.7)",
    "triple_momentum": "triple_momentum(gamma=0.0004, momentum=0.96, extrapolation=1/2)",
    "irrational": "nesterov(gamma=0.0005, momentum=0.95)",
    "semi": SEMI(alpha=2, gamma=0.02),
}
STARTS = {"thesis-3.2": (1.0, 1.0), "double-well": (0.3, 1.0), "ripples": (2.0, 1.0)}


def measured(name, problem, orders, levels=3):
    method = METHODS[name]
    method = dynopt.method(method) if isinstance(method, str) else method
    objective, start = dynopt.problem(problem), STARTS[problem]
    runs, reason = family(method, objective, start, 1.2, levels)
    found = []
    for p in orders:
        flows = [ModifiedFlow(method=run.method, problem=objective, order=p) for run in runs]
        found.append(order(runs, [integrate(f, objective, start, 1.2, rtol=3e-14, atol=1e-15) for f in flows], reason).order)
    return found


@pytest.mark.parametrize(("name", "problem", "orders"), [("gd", "ripples", (1, 4)), ("nesterov", "double-well", (3,))])
def test_measured_orders(name, problem, orders):
    assert measured(name, problem, orders) == pytest.approx(list(orders), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "problem"), zip(METHODS, itertools.cycle(STARTS), strict=False))
def test_measured_orders_of_all(name, problem):
    """Within 0.1 of the nominal order, which for a method of order two (the midpoint rule) is 2 at first."""
    nominal = [2, 2, 3, 4] if name == "midpoint_din" else [1, 2, 3, 4]
    assert measured(name, problem, (1, 2, 3, 4)) == pytest.approx(nominal, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_a_derivation_takes_less_than_two_seconds(name):
    method = dynopt.method(METHODS[name]) if isinstance(METHODS[name], str) else METHODS[name]
    begin = time.process_time()
    modified_flow(method, dynopt.Landscape(lambda x, y: x**2 / 4 + sp.sin(2 * x + y) + sp.exp(x - y) + y**4, name="fresh"), 4)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("name", [*METHODS, "dampened"])
def test_order_one_is_the_own_flow(name):
    call = METHODS.get(name, "heavy_ball_velocity(gamma=0.01, momentum=0.8, dampening=0.36)")
    method = dynopt.method(call) if isinstance(call, str) else call
    problem, (own, _) = dynopt.problem("ripples"), method.numeric().flow()
    start = own.init(np.array([0.4, -0.3]), oracle(problem))
    state = type(start)(*(block + 0.7 * i for i, block in enumerate(start)))
    ours = modified_flow(method, problem, 1).field(state, oracle(problem), 0.0)
    theirs = own.field(state, oracle(problem), 0.0)
    assert type(ours) is type(theirs)
    np.testing.assert_allclose(np.stack(ours), np.stack(theirs), rtol=1e-12)


def test_the_flow_of_order_four_on_a_quadratic_by_hand():
    """θ' = −(λ + hλ²/2 + h²λ³/3 + h³λ⁴/4)θ for gradient descent."""
    rate = 3 + 0.1 * 9 / 2 + 0.01 * 27 / 3 + 0.001 * 81 / 4
    found = integrate(modified_flow("gd(gamma=0.1)", Quadratic([3]), 4), Quadratic([3]), [2.0], 0.7).theta[-1, 0]
    assert found == pytest.approx(2 * np.exp(-0.7 * rate), rel=1e-9)


def test_batches_energies_and_names():
    problem, method = dynopt.problem("double-well"), INNA(alpha=1, beta=0.5, gamma=0.05)
    flow, ask = modified_flow(method, problem, 3), oracle(problem)
    starts = np.array([[0.3, 1.0], [-1.0, 0.5], [2.0, -1.0]])
    state = flow.init(starts, ask)
    together = flow.field(state, ask, 0.0)
    for i, start in enumerate(starts):
        alone = flow.field(flow.init(start, ask), ask, 0.0)
        np.testing.assert_allclose([b[i] for b in together], np.stack(alone), rtol=1e-13)
    assert set(flow.energies(state, ask, 0.0)) == {"E_min", "E_max", "E"}
    assert flow.step == 0.05
    assert flow.call() == "order-3 modified flow of inna(alpha=1, beta=0.5, gamma=0.05)"
    assert flow == modified_flow(method, problem, 3)


def test_the_start_is_the_methods_own():
    """Nesterov starts with θ₋ = θ₀, so at rest; the second coordinate of the state is (θ − θ₋)/√γ along its iterates."""
    problem, method = dynopt.problem("double-well"), dynopt.method("nesterov(gamma=0.01, momentum=0.8)")
    flow = modified_flow(method, problem, 2)
    assert not np.any(flow.init(np.array([0.3, 1.0]), oracle(problem)).velocity)
    run = iterates(method, problem, (0.3, 1.0), steps=5)
    velocity = run.method.flow_state(run.states).velocity
    np.testing.assert_allclose(velocity[1:], np.diff(run.theta, axis=0) / 0.1, rtol=1e-12)


def test_what_is_no_algorithm():
    with pytest.raises(Misuse, match="not an algorithm"):
        modified_flow(dynopt.GradientFlow(), dynopt.problem("double-well"))


def test_trajectory_adds_the_flows_and_measures_their_orders():
    study = trajectory(["gd(gamma=0.02)"], "double-well", (0.3, 1.0), 1.0, orders=(1, 2, 3))
    names = [f"order-{p} modified flow of gd(gamma=0.02)" for p in (1, 2, 3)]
    assert [c.method for c in study.curves] == ["gd(gamma=0.02)", *names]
    assert [d.flow for d in study.distances] == names
    assert [d.order for d in study.distances] == pytest.approx([1, 2, 3], abs=0.1)
    own = trajectory([GradientDescent(gamma=0.02)], "double-well", (0.3, 1.0), 1.0)
    assert study.distances[0].max == pytest.approx(own.distances[0].max)
    assert study.settings["orders"] == [1, 2, 3]
    study.figure()


def test_modified_flows_are_integrated_more_strictly():
    """At order 4 the finest distance is 2e-9, below what the default tolerances could tell."""
    [found] = trajectory(["gd(gamma=0.02)"], "ripples", horizon=1.0, orders=[4]).distances
    assert found.gaps[-1].max < 1e-8
    assert found.order == pytest.approx(4, abs=0.1)


def test_given_flows_are_compared_too():
    study = trajectory(["gradient_flow", "gd(gamma=0.1)"], Quadratic([1]), [1.0], 1.0, orders=[2], levels=1)
    assert [d.flow for d in study.distances] == ["gradient_flow", "order-2 modified flow of gd(gamma=0.1)"]


@pytest.mark.slow
def test_a_modified_flow_may_blow_up():
    """−x⁴ from 1: the flow ends at t = 1/8, the iterates live longer."""
    quartic = dynopt.Landscape(lambda x: -(x**4), name="quartic")
    study = trajectory([GradientDescent(gamma=0.01)], quartic, [1.0], 0.13, orders=[1], levels=2)
    assert study.curves[1].outcome == "diverged"
    assert study.distances[0].order is None
    assert "ended early" in study.distances[0].reason


def test_command_line(here, dynopt):
    code, out, _ = dynopt("trajectory", "gd(gamma=0.1)", "--problem", "ripples", "--horizon", "1", "--order", "1,2", "--json")
    document = json.loads(out)
    assert code == 0
    assert [round(d["order"]) for d in document["distances"]] == [1, 2]
    for words, sentence in (("1/2", "whole numbers"), ("5", "outside [1, 4]"), ("x", "not a list of numbers")):
        code, out, said = dynopt("trajectory", "gd(gamma=0.1)", "--problem", "ripples", "--order", words)
        assert (code, out, said.count("\n")) == (2, "", 1)
        assert sentence in said


def test_show(dynopt):
    code, out, _ = dynopt("show", "gd", "--modified", "3")
    assert code == 0
    assert "modified equation of order 3: h = γ" in out
    assert "h²·(-H²·g/3 - T·g²/12)" in out
    code, out, _ = dynopt("show", "gd", "--modified", "2", "--json")
    assert json.loads(out)["modified"] == {"order": 2, "step": "gamma", "terms": {"theta": ["-g", "-H*g/2"]}}
    assert r"h\left(- \frac{H g}{2}\right)" in dynopt("show", "gd", "--modified", "2", "--latex")[1]
    code, _, said = dynopt("show", "din", "--modified", "2")
    assert code == 2
    assert "is a flow" in said
