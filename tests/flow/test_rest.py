"""Steady states: when the flow is at rest, and at what."""

from __future__ import annotations

import numpy as np
import pytest

import dynopt
from dynopt import DIN, GradientFlow, HeavyBallFlow, Landscape, Quadratic
from dynopt.errors import Outcome
from dynopt.flow.events import steady
from dynopt.flow.integrate import integrate
from dynopt.flow.rest import resting_place

WELL = dynopt.problem("double-well")


def test_rest_is_the_whole_states_and_at_the_known_time():
    """Gradient flow on ½λθ²: ‖θ'‖ = λe^{−λt}.  At a turning point of the undamped cosine θ' vanishes but the state does not rest."""
    solution = integrate(GradientFlow(), Quadratic([2]), [1.0], 100.0, events=[steady(1e-6)])
    assert solution.outcome is Outcome.CONVERGED
    assert solution.t[-1] == pytest.approx(np.log(2e6) / 2, rel=1e-8)
    free = integrate(HeavyBallFlow(alpha=0), Quadratic([1]), [1.0], 10.0, events=[steady(1e-3)])
    assert (free.outcome, free.missed) == (Outcome.DONE, ("at rest, state velocity below 0.001",))


@pytest.mark.parametrize(
    ("start", "kind", "point"),
    [((0.05, 1.9), "minimum", (np.sqrt(2), 0)), ((0.0, 1.0), "strict saddle", (0, 0)), ((0.0, 0.0), "strict saddle", (0, 0))],
)
def test_the_reached_point_is_classified(start, kind, point):
    solution = integrate(DIN(alpha=2, beta=0.1), WELL, start, 200.0, events=[steady(1e-7)])
    assert solution.outcome is Outcome.CONVERGED
    rest = solution.statistics["rest"]
    assert rest["kind"] == kind
    np.testing.assert_allclose(rest["point"], point, atol=1e-12)
    assert kind in solution.message
    assert (solution.t[-1] == 0) == (start == (0.0, 0.0))


@pytest.mark.parametrize(
    ("function", "theta", "kind"),
    [
        (lambda x, y: x**2 + y**2, (1e-4, -1e-4), "minimum"),
        (lambda x, y: -(x**2) - y**2, (1e-4, 0), "maximum"),
        (lambda x, y: x * y, (1e-4, 0), "strict saddle"),
        (lambda x, y: x**4 + y**2, (1e-3, 0), "degenerate"),
        (lambda x, y: (x + y) ** 2, (0.5, -0.4999), "degenerate"),
        (lambda x, y: x + y**2, (0, 0), None),
        (lambda x, y: abs(x) + y**2, (0, 0), None),
    ],
)
def test_kinds(function, theta, kind):
    found = resting_place(Landscape(function, name="here"), np.array(theta, dtype=float))
    assert found.kind == kind
    assert bool(found.reason) == (kind is None)


def test_a_family_of_minima_is_met_where_it_is_nearest():
    found = resting_place(Landscape(lambda x, y: (x + y) ** 2), np.array([0.5, -0.49]))
    np.testing.assert_allclose(found.point, [0.495, -0.495], atol=1e-12)
    assert found.distance == pytest.approx(0.005 * np.sqrt(2))
