"""The double well in n dimensions against SymPy derivatives of its formula."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch

import dynopt
from dynopt import Landscape, Misuse
from dynopt.problems import landscapes
from dynopt.problems.wells import DoubleWell
from dynopt.testing import check_problem


def test_two_coordinates_are_the_thesis_one():
    assert dynopt.problem("double-well") is landscapes.double_well
    own, x = DoubleWell(2), np.array([[0.3, -1.0], [2.0, 0.5]])
    for what in ("value", "gradient", "hessian"):
        np.testing.assert_allclose(getattr(own, what)(x), getattr(landscapes.double_well, what)(x), rtol=1e-14)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (3, 1), (3, 2), (3, 3)])
def test_derivatives_are_sympys(n, d):
    def formula(*x):
        square = sum(v**2 for v in x[:d])
        return square**2 - 4 * square + sum(v**2 for v in x[d:])

    own, derived, x = DoubleWell(n, d), Landscape(formula, dimension=n), np.random.default_rng(0).normal(size=(7, n))
    check_problem(own)
    assert sp.expand(own.expression - derived.expression.subs(dict(zip(derived.symbols, own.symbols, strict=True)))) == 0
    for what in ("value", "gradient", "hessian"):
        np.testing.assert_allclose(getattr(own, what)(x), getattr(derived, what)(x), rtol=1e-12, atol=1e-12)


def test_the_families_of_minimisers_are_critical_with_the_spectrum_stated():
    problem = DoubleWell(4, 2)
    saddle, *families = problem.critical_points()
    assert (saddle.kind, saddle.isolated, len(families)) == ("strict saddle", True, 2)
    for family in families:
        assert not family.isolated
        at = np.array([float(sp.sympify(v).subs(problem.symbols[0], sp.Rational(1, 2))) for v in family.point])
        np.testing.assert_allclose(problem.gradient(at), 0, atol=1e-12)
        np.testing.assert_allclose(np.linalg.eigvalsh(problem.hessian(at)), [float(v) for v in family.spectrum], atol=1e-12)
        assert problem.value(at) == pytest.approx(-4)


@pytest.mark.slow
def test_a_hundred_dimensions_leave_like_the_law():
    study = dynopt.escape_study("gd(gamma=0.02)", "double-well(n=100, unstable=5)", runs=1000, also=[], engine="eager", linger=0)
    times = study.methods[0].times[0]
    assert times.escaped == 1000
    assert times.kolmogorov < 1.95 / 1000**0.5
    assert abs(times.moments.mean - times.law.best.mean) < 0.5


def test_float32_stays():
    assert DoubleWell(3).gradient(torch.ones(2, 3)).dtype == torch.float32


@pytest.mark.parametrize("call", ["double-well(n=0)", "double-well(n=1/2)", "double-well(n=2, unstable=3)"])
def test_misuse(call):
    with pytest.raises(Misuse, match=r"give one|at most n"):
        dynopt.problem(call)
