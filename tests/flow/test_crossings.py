"""Sign changes within steps, against functions whose zeros are known."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt.flow.crossings import crossings


def found(function, direction=0, lanes=1):
    level = lambda x, i: function(x, i)  # noqa: E731
    before = function(np.zeros(lanes), np.arange(lanes))
    return crossings(level, before, direction)


def test_each_lane_has_its_own_zeros_in_order():
    roots = np.array([0.3, 0.7, 2.0])
    step, x, after = found(lambda x, i: (x - roots[i]) * (x - 0.9), lanes=3)
    assert list(step) == [0, 0, 1, 1, 2]
    np.testing.assert_allclose(x, [0.3, 0.9, 0.7, 0.9, 0.9], atol=1e-15)
    np.testing.assert_allclose(after, (1 - roots) * 0.1)


@pytest.mark.parametrize(("direction", "expected"), [(0, [0.2, 0.6]), (1, [0.6]), (-1, [0.2])])
def test_directions(direction, expected):
    np.testing.assert_allclose(found(lambda x, i: (x - 0.2) * (x - 0.6), direction)[1], expected, atol=1e-15)


@pytest.mark.parametrize("middle", [0.5, 0.4375, 0.49, 0.03, 0.0626, 0.97, 1 - 1 / 16])
@pytest.mark.parametrize("depth", [1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("sign", [1, -1])
def test_two_crossings_between_two_samples(middle, depth, sign):
    """(x − m)² = depth, also where the turn is in the first or the last eighth of the step."""
    half = np.sqrt(depth)
    x = found(lambda x, i: sign * ((x - middle) ** 2 - depth))[1]
    inside = [root for root in (middle - half, middle + half) if 0 < root <= 1]
    np.testing.assert_allclose(x, inside, atol=1e-15 / half)


@pytest.mark.parametrize("middle", [0.5, 0.33, 0.02, 0.99])
def test_a_touch_and_a_near_miss_are_no_crossings(middle):
    assert not len(found(lambda x, i: (x - middle) ** 2 + 1e-12)[1])
    assert not len(found(lambda x, i: (x - middle) ** 2)[1])


def test_a_ball_smaller_than_the_samples_is_entered_and_left():
    """Distance to a point passed at 10⁻⁴ with unit speed, minus 2·10⁻⁴: a kink more than a parabola."""
    half = np.sqrt(3) * 1e-4
    x = found(lambda x, i: np.hypot(x - 0.44, 1e-4) - 2e-4)[1]
    np.testing.assert_allclose(x, [0.44 - half, 0.44 + half], atol=1e-11)


def test_a_jump_is_a_crossing_and_a_start_on_zero_is_none():
    np.testing.assert_allclose(found(lambda x, i: np.where(x < 0.77, -1.0, 1.0))[1], [0.77], atol=1e-15)
    assert not len(found(lambda x, i: x)[1])
    assert not len(found(lambda x, i: np.full_like(x, np.nan))[1])


def test_the_search_stops_where_times_cannot_be_told_apart():
    calls = []

    def level(x, i):
        calls.append(len(x))
        return x - 0.3

    crossings(level, np.array([-0.3]), 0, np.array([1e-3]))
    assert len(calls) < 12


def test_tiny_values_of_one_sign_do_not_cross():
    assert not len(found(lambda x, i: 1e-200 * (1 + x))[1])
