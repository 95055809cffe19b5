"""The Jacobian of a flow against matrices written out from the Hessian."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt import DIN, GradientFlow, HeavyBallFlow, Landscape, NesterovFlow, Quadratic, Schedule
from dynopt.flow.field import Field, at_times

ROSENBROCK = dynopt.problem("rosenbrock(b=1e6)")
POINT = np.array([-1.2, 1.0])


def hessian(x, y, b=1e6):
    return np.array([[2 - 4 * b * (y - 3 * x * x), -4 * b * x], [-4 * b * x, 2 * b]])


def jacobian(flow, problem, point, t=None):
    t = flow.start_time if t is None else t
    field = Field(flow.numeric(), problem, np.array(point, dtype=float), t)
    field.differentiate(t)
    return field.jacobian and field.jacobian(t, field.start)


def test_of_gradient_flow_din_and_heavy_ball():
    H, eye = hessian(*POINT), np.eye(2)
    a, b = 2.0, 0.1
    din = np.block([[-(a - 1 / b) * eye - b * H, -eye / b], [-(a - 1 / b) * eye, -eye / b]])
    np.testing.assert_allclose(jacobian(GradientFlow(), ROSENBROCK, POINT), -H, rtol=1e-13)
    np.testing.assert_allclose(jacobian(DIN(alpha=a, beta=b), ROSENBROCK, POINT), din, rtol=1e-13)
    np.testing.assert_allclose(jacobian(HeavyBallFlow(alpha=a), ROSENBROCK, POINT), np.block([[0 * eye, eye], [-H, -a * eye]]), rtol=1e-13)


def test_time_and_schedules_enter():
    assert jacobian(NesterovFlow(r=3), Quadratic([2]), [1.0], t=0.5) == pytest.approx(np.array([[0, 1], [-2, -6]]))
    scheduled = HeavyBallFlow(alpha=Schedule("t", lambda t: t))
    assert jacobian(scheduled, Quadratic([2]), [1.0], t=0.5) == pytest.approx(np.array([[0, 1], [-2, -0.5]]))
    np.testing.assert_array_equal(at_times(scheduled, np.array([1.0, 2.0])).alpha, [[1.0], [2.0]])


def test_a_transcendental_landscape():
    wave = Landscape(lambda x, y: sp.sin(x) * sp.exp(y), name="wave")
    s, c, e = np.sin(0.3), np.cos(0.3), np.exp(-0.4)
    np.testing.assert_allclose(jacobian(GradientFlow(), wave, [0.3, -0.4]), -np.array([[-s * e, c * e], [c * e, s * e]]), rtol=1e-14)


class Modulus(Quadratic):
    """A gradient that takes complex numbers and gives a wrong derivative: |x|·x, whose derivative is 2|x|."""

    def gradient(self, x):
        return np.abs(x) * x


class RealOnly(Quadratic):
    def gradient(self, x):
        if np.iscomplexobj(x):
            raise TypeError("real numbers only")
        return super().gradient(x)


def test_where_the_complex_step_does_not_apply_there_is_none_and_differences_serve():
    assert jacobian(GradientFlow(), dynopt.problem("thesis-2.1"), POINT) is None
    assert jacobian(GradientFlow(), Landscape(lambda x: x**2 + abs(x) / 10**9, name="faint kink"), [2.0]) is None
    assert jacobian(GradientFlow(), Modulus([1]), [2.0]) is None
    assert jacobian(GradientFlow(), RealOnly([1]), [2.0]) is None
    field = Field(GradientFlow(), RealOnly([3]), np.array([2.0]), 0.0)
    assert field.derivative(0.0, field.start)[0, 0] == pytest.approx(-3)
