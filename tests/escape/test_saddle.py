"""Which point runs start beside, and where they may end."""

from __future__ import annotations

import numpy as np
import pytest

import dynopt
from dynopt.escape.saddle import find_saddle


class Bare:
    """x² − y² shifted to (1, 2), with nothing but what the contract of a problem asks for."""

    name, dimension = "bare", 2

    def value(self, x):
        return (x[..., 0] - 1) ** 2 - (x[..., 1] - 2) ** 2

    def gradient(self, x):
        return np.stack([2 * (x[..., 0] - 1), -2 * (x[..., 1] - 2)], -1)

    def hessian(self, x):
        return np.broadcast_to(np.diag([2.0, -2.0]), (*x.shape, 2))


def test_the_only_saddle_is_found():
    saddle = find_saddle(dynopt.problem("double-well"))
    assert (saddle.exact, [int(v) for v in saddle.spectrum], saddle.axes) == ("(0, 0)", [-8, 2], (0,))
    assert saddle.unstable.tolist() == [[1.0], [0.0]]
    assert [p.kind for p in saddle.places] == ["minimum", "strict saddle", "minimum"]
    assert [p.reach for p in saddle.places] == pytest.approx([0.01 * 2**0.5] * 3)
    assert saddle.bent


def test_oblique_directions():
    """(x + y)²·(−1)/2 + (x − y)²/2 has the unstable direction (1, 1)/√2."""
    saddle = find_saddle(dynopt.Landscape(lambda x, y: (x - y) ** 2 / 2 - (x + y) ** 2 / 2 + (x + y) ** 4 / 64))
    np.testing.assert_allclose(saddle.unstable[:, 0], [0.5**0.5] * 2, rtol=1e-14)
    assert saddle.axes is None


def test_several_unstable_directions():
    saddle = find_saddle(dynopt.Quadratic(spectrum=[2, -8, -8]))
    assert saddle.axes == (1, 2)
    assert [float(v) for v in saddle.spectrum] == [-8, -8, 2]
    assert not saddle.bent
    assert saddle.minima == ()


def test_chosen_by_coordinates():
    problem = dynopt.Landscape(lambda x, y: x**4 / 4 - x**2 / 2 + y**4 / 4 - y**2 / 2)
    assert find_saddle(problem, (1, 0)).axes == (1,)
    assert find_saddle(problem, (0.0, 1.0)).axes == (0,)
    assert find_saddle(problem, (0, 0)).unstable.shape == (2, 2)


def test_a_problem_that_lists_nothing():
    saddle = find_saddle(Bare(), (1, 2))
    assert (saddle.axes, saddle.spectrum, saddle.places) == ((1,), (-2.0, 2.0), ())
    with pytest.raises(dynopt.Misuse, match="does not list its critical points; give the saddle"):
        find_saddle(Bare())
    with pytest.raises(dynopt.Misuse, match="not a critical point"):
        find_saddle(Bare(), (1, 2.01))


@pytest.mark.parametrize(
    ("spectrum", "chosen", "said"),
    [
        ([1, 2], None, "no strict saddle"),
        ([-8, 2], (1, 2, 3), "has 3 coordinates"),
        ([-8, 2], (0.3, 0), "not a critical point"),
        ([-8, 2], ("a", "b"), "not a list of coordinates"),
        ([1, 2], (0, 0), r"is a minimum with Hessian eigenvalues \[1.0, 2.0\]"),
    ],
)
def test_misuse(spectrum, chosen, said):
    with pytest.raises(dynopt.Misuse, match=said):
        find_saddle(dynopt.Quadratic(spectrum), chosen)


def test_a_choice_must_be_made():
    with pytest.raises(dynopt.Misuse, match=r"2 strict saddles; choose one: saddle=-1,0; 1,0"):
        find_saddle(dynopt.Landscape(lambda x, y: -((x**2 - 1) ** 2) + y**2))


def test_the_origin_in_any_dimension():
    saddle = find_saddle(dynopt.problem("octopus(n=3)"), [0])
    assert (saddle.exact, saddle.spectrum, saddle.axes) == ("(0, 0, 0)", (-2, 2, 2), (0,))


def test_a_saddle_of_a_family_is_found_and_its_zeros_are_not_unstable():
    saddle = find_saddle(dynopt.problem("two-layer-linear(singular=[2], hidden=1, inputs=3)"))
    assert saddle.spectrum == (-2, 0, 0, 2)
    assert saddle.unstable[:, 0] == pytest.approx([0.5**0.5, 0, 0, 0.5**0.5])


def test_many_saddles_and_long_points_are_said_in_short():
    with pytest.raises(dynopt.Misuse, match=r"15 strict saddles; choose one: .*; \.\.\.$"):
        find_saddle(dynopt.problem("octopus(n=4)"))
    assert find_saddle(dynopt.problem("double-well(n=100)")).exact == "(0, 0, 0, 0, ..., 0; 100 coordinates)"


def test_a_problem_that_is_quadratic_near_the_saddle_only_is_bent():
    assert find_saddle(dynopt.problem("octopus(n=2, tau=3)"), [0]).bent
    assert not find_saddle(dynopt.problem("random-quadratic")).bent
