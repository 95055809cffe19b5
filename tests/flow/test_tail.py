"""Exponents of power laws, and the energies of DIN, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import dynopt
from dynopt import DIN, Landscape, Misuse
from dynopt.core.problem import oracle
from dynopt.flow.integrate import integrate
from dynopt.flow.tail import tail

t = np.geomspace(1, 1e6, 801)


@pytest.mark.parametrize("exponent", [-0.5, -1.0, -3.0, 0.25])
def test_a_power_law_is_found(exponent):
    found = tail(t, 7 * t**exponent)
    assert found.exponent == pytest.approx(exponent, abs=1e-9)
    assert found.power_law
    assert found.window == pytest.approx((1e4, 1e6), rel=0.02)


def test_a_settling_power_law_counts_its_tail():
    found = tail(t, (t + 50) ** -2.0)
    assert found.exponent == pytest.approx(-2, rel=2e-3)
    assert abs(found.later + 2) < abs(found.earlier + 2)


def test_an_exponential_is_no_power_law():
    assert not tail(np.geomspace(1, 300, 400), np.exp(-np.geomspace(1, 300, 400))).power_law


def test_values_that_vanish_leave_nothing_to_fit():
    with pytest.raises(Misuse, match="positive"):
        tail(t, np.zeros_like(t))


@pytest.mark.parametrize("c", [0.1, 0.7, 2.0])
def test_the_dissipation_is_minus_the_derivative_of_the_energy(c):
    flow, problem = DIN(alpha=0.7, beta=0.4), dynopt.problem("double-well")
    solution, at, h = integrate(flow, problem, (0.3, 1.1), 3.0, rtol=1e-12, atol=1e-14), np.linspace(0.1, 2.9, 15), 1e-4
    system, asked = flow.numeric(), oracle(problem)
    energy = [system.energy(solution(at + s * h), asked, c) for s in (-1, 1)]
    assert system.dissipation(solution(at), asked, c) == pytest.approx(-(energy[1] - energy[0]) / (2 * h), abs=1e-5)


def test_the_energies_declared_are_the_ends_of_the_family():
    flow, problem = DIN(alpha=0.5, beta=0.5).numeric(), dynopt.problem("double-well")
    asked = oracle(problem)
    state = flow.init(np.array([0.3, -1.2]), asked)
    declared = flow.energies(state, asked, 0.0)
    assert declared["E_min"] == pytest.approx(flow.energy(state, asked, 0.25))
    assert declared["E_max"] == pytest.approx(flow.energy(state, asked, 2.25))


@pytest.mark.slow
@pytest.mark.parametrize("c", [3, 4, 6])
def test_the_rate_of_theorem_2_8_on_powers(c):
    """KL exponent a = 1 − 1/c gives J = O(t^{1/(1−2a)}) = O(t^{−c/(c−2)})."""
    problem = Landscape(lambda x, *, power: abs(x) ** power, constants={"power": c}, name="power")
    solution = integrate(DIN(alpha=2, beta=0.25), problem, (1.0,), 1e6, method="Radau", rtol=1e-8, atol=1e-40)
    at = np.geomspace(1, 1e6, 201)
    found = tail(at, problem.value(solution(at)[0]))
    assert found.power_law
    assert found.exponent == pytest.approx(-c / (c - 2), rel=0.01)
