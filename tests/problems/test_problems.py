"""Problems against finite differences, automatic differentiation and published critical points."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch

import dynopt
from dynopt import Landscape, Misuse, Quadratic
from dynopt.core.registry import PROBLEMS
from dynopt.testing import check_problem

SMALLER = {
    "quadratic": "quadratic(spectrum=[-1, 0.5, 0, 3])",
    "phi-regression": "phi-regression(samples=40, dimension=3)",
    "perceptron": "perceptron(inputs=1, hidden=2, samples=30)",
    "octopus": "octopus(n=3)",
}
SECONDS = ("perceptron", "ripples")
NAMED = [pytest.param(SMALLER.get(n, n), marks=[pytest.mark.slow] if n in SECONDS else []) for n in PROBLEMS]
root2 = sp.sqrt(2)


@pytest.mark.parametrize("name", NAMED)
def test_named_problem(name):
    check_problem(dynopt.problem(name))


CRITICAL = {
    # thesis §3.4.4 and Figure 3.3: minima at ±√2, a strict saddle with spectrum {−8, 2} at 0
    "double-well": [((-root2, 0), "minimum", (2, 16), -4), ((0, 0), "strict saddle", (-8, 2), 0), ((root2, 0), "minimum", (2, 16), -4)],
    "thesis-3.2": [((0, 0), "minimum", (2, 4), 0)],
    "thesis-3.1-right": [((0, 0), "degenerate", (0, 2), 0)],
    "rosenbrock": [((1, 1), "minimum", (501 - sp.sqrt(250601), 501 + sp.sqrt(250601)), 0)],
    "quadratic(spectrum=[-1, 2])": [((0, 0), "strict saddle", (-1, 2), 0)],
    "quadratic(spectrum=[-1, -2])": [((0, 0), "maximum", (-2, -1), 0)],
}


@pytest.mark.parametrize("name", CRITICAL)
def test_critical_points_are_exact(name):
    found = dynopt.problem(name).critical_points()
    assert len(found) == len(CRITICAL[name])
    for critical, (point, kind, spectrum, value) in zip(found, CRITICAL[name], strict=True):
        assert [sp.simplify(x - y) for x, y in zip(critical.point, point, strict=True)] == [0, 0]
        assert critical.kind == kind
        assert [sp.simplify(x - y) for x, y in zip(critical.spectrum, spectrum, strict=True)] == [0, 0]
        assert critical.value == value
        assert critical.isolated
        assert critical.strict == (spectrum[0] < 0)


def test_the_line_of_degenerate_minima():
    (family,) = dynopt.problem("thesis-3.1-left").critical_points()
    assert family.kind == "degenerate"
    assert sorted(family.spectrum) == [0, 2]
    assert not family.isolated
    assert sp.simplify(family.point[0] + family.point[1]) == 0


def test_the_kink_of_the_nonsmooth_valley():
    problem = dynopt.problem("thesis-2.1")
    assert not problem.smooth
    found = problem.critical_points()
    assert [(c.point, c.kind, c.value) for c in found] == [((1, 1), "kink", 0)]


def test_gradient_and_hessian_of_the_double_well_by_hand():
    problem, x = dynopt.problem("double-well"), np.array([[1.0, 3.0], [-2.0, 0.5]])
    np.testing.assert_array_equal(problem.value(x), [1 - 4 + 9, 16 - 16 + 0.25])
    np.testing.assert_array_equal(problem.gradient(x), [[4 - 8, 6], [-32 + 16, 1]])
    np.testing.assert_array_equal(problem.hessian(x), [[[12 - 8, 0], [0, 2]], [[48 - 8, 0], [0, 2]]])


def test_constants_change_the_problem():
    assert dynopt.problem("rosenbrock(a=2, b=5)").critical_points()[0].point == (2, 4)
    assert dynopt.problem("rosenbrock(a=2)").value(np.array([0.0, 0.0])) == 4


def test_exact_evaluation_stays_exact():
    value = dynopt.problem("double-well").value(np.array([sp.Rational(1, 3), root2], dtype=object))
    assert sp.simplify(value - (sp.Rational(1, 81) - sp.Rational(4, 9) + 2)) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_keeps_dtype_and_batch(dtype):
    x = torch.ones(4, 3, 2, dtype=dtype)
    for problem in (dynopt.problem("double-well"), Quadratic([1, 10])):
        assert problem.value(x).shape == (4, 3)
        assert problem.gradient(x).dtype == problem.value(x).dtype == dtype
        assert problem.hessian(x).shape == (4, 3, 2, 2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Landscape(lambda *x: x[0]), ["dimension"]),
        (lambda: Landscape(lambda: 1), ["no coordinates"]),
        (lambda: Landscape(lambda x, y: x, start=(1,)), ["start", "one per coordinate"]),
        (lambda: Landscape(lambda x, *, c: x), ["needs c"]),
        (lambda: Landscape(lambda x: (x, x)).expression, ["one scalar expression"]),
        (lambda: Landscape(lambda x: np.exp(x)).expression, ["symbols"]),
        (lambda: Landscape(lambda x: x if x > 0 else -x).expression, ["symbols"]),
        (lambda: dynopt.problem("double-well").value(np.zeros(3)), ["2 coordinates", "has 3"]),
        (lambda: Quadratic([1, 2]).gradient(np.zeros(3)), ["2 coordinates", "has 3"]),
        (lambda: Quadratic(["a"]), ["not a number"]),
        (lambda: Quadratic([]), ["spectrum=[1, 10]"]),
    ],
)
def test_misuse_says_what_to_do(make, words):
    with pytest.raises(Misuse) as caught:
        make()
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.slow
def test_ripples():
    """¼x² + ½y² + ½ sin(2x + y) + ½ exp(−y), with two minima and a strict saddle where SymPy finds none."""
    problem = dynopt.problem("ripples")
    x, y = 0.7, -0.4
    assert problem.value(np.array([x, y])) == pytest.approx(x**2 / 4 + y**2 / 2 + np.sin(2 * x + y) / 2 + np.exp(-y) / 2)
    signs = []
    for point in ((-0.71, 0.22), (0.73, 0.49), (1.58, 0.65)):
        at = np.array(point)
        for _ in range(6):
            at = at - np.linalg.solve(problem.hessian(at), problem.gradient(at))
        assert np.linalg.norm(at - point) < 0.01
        signs.append([int(s) for s in np.sign(np.linalg.eigvalsh(problem.hessian(at)))])
    assert signs == [[1, 1], [-1, 1], [1, 1]]
    with pytest.raises(Misuse, match="out of reach"):
        problem.critical_points()


def test_eigenvalues_whose_radicals_need_the_imaginary_unit():
    """Three real roots of an irreducible cubic: SymPy writes them with i and cannot compare them with 0."""
    saddle = dynopt.Landscape(lambda x, y, z: x * y + y * z + x * z - x**2 / 2 + y**2, name="cubic spectrum").critical_points()[0]
    expected = np.linalg.eigvalsh([[-1.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 0.0]])
    assert saddle.kind == "strict saddle"
    np.testing.assert_allclose([float(v) for v in saddle.spectrum], expected, rtol=1e-12)
