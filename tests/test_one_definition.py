"""The one-definition rule: one changed coefficient changes the symbols, the flow, the iterates and the batched run together.

DIN's ``field`` is replaced by a copy whose viscous coefficient carries a factor; nothing else is
touched.  If any part of dynopt had its own copy of the formula, that part would not notice.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch

import dynopt
from dynopt.algorithms.din import DIN, Lifted
from dynopt.core.problem import oracle
from dynopt.problems.landscapes import double_well, thesis_3_2
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

CALL = "inna(alpha=1/2, beta=1, gamma=1/50)"
START = (0.01, 1.0)


def damaged(factor):
    def field(self, state, oracle, t):
        theta, psi = state
        common = (1 / self.beta - factor * self.alpha) * theta - psi / self.beta
        return Lifted(common - self.beta * oracle.gradient(theta), common)

    return field


def mode_matrix():
    return state_space(symbolic(CALL)).mode_matrix


def stable_steps():
    return dynopt.bound("inna(alpha=1/2, beta=1/10)", "stable", (1, 10)).to_dict()["intervals"]


def flow():
    study = dynopt.trajectory(["din(alpha=2, beta=0.1)"], problem=thesis_3_2, start=(1, 1))
    return study.to_dict()["curves"][0]["points"][-1]


def iterates():
    states = dynopt.method(CALL).numeric().states(np.array(START), oracle(double_well))
    return [next(states).theta for _ in range(20)][-1].tolist()


def batched():
    states = dynopt.method(CALL).numeric().states(torch.tensor([START] * 3, dtype=torch.float64), oracle(double_well))
    return [next(states).theta for _ in range(20)][-1].tolist()


def escape():
    study = dynopt.escape_study([CALL], problem="double-well", runs=64, seed=1)
    return study.to_dict()["methods"][0]["mean"]


@pytest.mark.parametrize("part", [mode_matrix, stable_steps, flow, iterates, batched, escape])
def test_one_changed_coefficient_is_seen_everywhere(monkeypatch, part):
    published = part()
    monkeypatch.setattr(DIN, "field", damaged(1))
    assert part() == published, "an unchanged copy changes nothing"
    monkeypatch.setattr(DIN, "field", damaged(3))
    assert part() != published


def test_the_change_is_the_one_that_was_made(monkeypatch):
    """The damaged INNA is INNA at three times the viscosity with unchanged start, in symbols and in numbers."""
    monkeypatch.setattr(DIN, "field", damaged(3))
    changed = mode_matrix()
    monkeypatch.undo()
    gamma = sp.Rational(1, 50)
    expected = sp.Matrix([[1 + gamma * (1 - sp.Rational(3, 2) - eigenvalue), -gamma], [gamma * (1 - sp.Rational(3, 2)), 1 - gamma]])
    assert (changed - expected).applyfunc(sp.expand) == sp.zeros(2)
