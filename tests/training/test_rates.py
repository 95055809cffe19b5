"""Fitted rates against sequences whose rate is known: values, coverage of the intervals, the diagnosis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from dynopt.errors import Misuse, Outcome
from dynopt.flow.tail import tail
from dynopt.training.rates import block_length, fitted_rate

k = np.arange(1, 2001)


def noise(generator, shape, memory=0.9, size=0.3):
    """Stationary AR(1) series along the last axis."""
    shocks = generator.standard_normal((*shape[:-1], shape[-1] + 200)) * size * np.sqrt(1 - memory**2)
    return lfilter([1], [1, -memory], shocks)[..., 200:]


def test_exact_sequences_and_the_flows_tail_agree():
    power = fitted_rate(7 * k**-0.3)
    assert (power.form, power.window) == ("power", (200, 2000))
    assert power.exponent == pytest.approx(0.3, abs=1e-12) == -tail(k, 7 * k**-0.3, decades=1).exponent
    assert power.exponent_interval == pytest.approx((0.3, 0.3), abs=1e-9)
    linear = fitted_rate(np.tile(0.97**k, (12, 1)), floor=1e-20)
    assert (linear.form, linear.resampled) == ("linear", "runs")
    assert linear.factor == pytest.approx(0.97, abs=1e-12)
    assert linear.window[1] == pytest.approx(np.log(1e-20) / np.log(0.97), abs=1.01)  # the part below the floor is left out
    assert fitted_rate(k**-0.3, k * 10.0).window == (2000, 20000)


def test_quantities_are_what_theorems_bound():
    v = np.array([[4.0, 1.0, 4.0, 0.25], [4.0, 3.0, 2.0, 0.75]]).repeat(6, axis=0).repeat(50, axis=1)
    mean = v.mean(0)
    for quantity, by_hand in (
        ("average", [mean[: i + 1].mean() for i in range(200)]),
        ("least", [mean[: i + 1].min() for i in range(200)]),
    ):
        slope = np.polyfit(np.log(np.arange(20, 201)), np.log(by_hand[19:]), 1)[0]
        assert fitted_rate(v, quantity=quantity).exponent == pytest.approx(-slope, abs=1e-12)


def test_a_running_minimum_of_noisy_means_is_known_to_be_biased():
    """A low start on a noisy plateau: every resample's minimum falls earlier.  The interval holds the estimate, the bias is told."""
    series = noise(np.random.default_rng(0), (100, len(k)), size=1.0)
    v = np.minimum(1, 1000 / k) ** 0.5 * np.exp(series)
    v[:, 0] = 0.9
    least = fitted_rate(v, quantity="least")
    low, high = least.exponent_interval
    assert low < least.exponent < high
    assert not low + least.bias < least.exponent < high + least.bias  # plain percentiles would leave it out


@pytest.mark.parametrize("truth", ["power", "linear"])
def test_intervals_of_one_run_cover(truth):
    """Nominal 95 %; independent resampling of correlated residuals (blocks of 1) must cover far less."""
    j, factor, replicas = np.arange(1, 1001), 0.998, 80
    trend = -0.5 * np.log(j) if truth == "power" else j * np.log(factor)

    def covers(rate):
        (low, high), value = (rate.exponent_interval, 0.5) if truth == "power" else (rate.factor_interval, factor)
        return low <= value <= high

    hits, naive, forms = 0, 0, []
    for series in noise(np.random.default_rng(1), (replicas, len(j)), 0.8):
        rate = fitted_rate(np.exp(trend + series), resamples=100)
        hits += covers(rate)
        naive += covers(fitted_rate(np.exp(trend + series), resamples=100, block=1))
        forms.append(rate.form)
    assert hits >= 0.82 * replicas
    assert naive <= 0.65 * replicas
    wrong = ({"power": "linear", "linear": "power"}[truth], "neither", "none")
    assert sum(form in wrong for form in forms) <= 0.08 * replicas


def test_intervals_over_runs_cover():
    """Runs that share nothing, each with a level of its own: E v_k = k^−½ exactly."""
    generator = np.random.default_rng(2)
    hits, forms = 0, []
    for _ in range(100):
        series = noise(generator, (40, 300), size=0.5)
        rate = fitted_rate(np.arange(1, 301) ** -0.5 * np.exp(series - 0.125), resamples=200)
        hits += rate.exponent_interval[0] <= 0.5 <= rate.exponent_interval[1]
        forms.append(rate.form)
    assert hits >= 86
    assert forms.count("linear") <= 5


def test_what_is_no_rate_is_not_given_one():
    generator = np.random.default_rng(3)
    flat = noise(generator, (20, 2000))
    assert [fitted_rate(np.exp(flat)).form, fitted_rate(np.exp(flat[0])).form] == ["none", "none"]
    assert fitted_rate(1e-3 + 1.0 / k**2).form == "neither"  # a decay that ends on a plateau inside the window
    short = np.arange(1800, 2001)  # where log k is straight
    assert fitted_rate(short**-0.5 * np.exp(noise(generator, (201,), 0.0, 0.01)), short).form == "either"
    lost = fitted_rate([1.0, 2.0, np.inf, np.nan] * 5)
    assert (lost.form, lost.outcome) == ("none", Outcome.DIVERGED)


def test_block_lengths_grow_with_memory():
    """The flat-top rule's aim for AR(1): (2G²/D)^(1/3) n^(1/3) with G = 2Σjφ^j, g(0) = (1+φ)/(1−φ), D = 4g²/3 (unit variance)."""
    phi, n = 0.7, 20000
    G, g = 2 * phi / (1 - phi) ** 2, (1 + phi) / (1 - phi)
    aim = (2 * G**2 / (4 / 3 * g**2)) ** (1 / 3) * n ** (1 / 3)
    found = [block_length(series) for series in noise(np.random.default_rng(4), (5, n), phi, 1.0)]
    assert np.median(found) == pytest.approx(aim, rel=0.25)
    assert block_length(np.zeros(50)) == 1


def test_misuse_is_a_sentence():
    for arguments, said in (
        (({"values": np.ones(50), "quantity": "averge"}), "did you mean average"),
        (({"values": -np.ones(50)}), "negative"),
        (({"values": np.ones(5)}), "only 5 values"),
        (({"values": np.ones(50), "k": np.arange(50)}), "count iterations from 1"),
        (({"values": np.ones(50), "k": np.arange(1, 9)}), "do not fit"),
        (({"values": np.ones(50), "level": 95}), "level in"),
    ):
        with pytest.raises(Misuse, match=said):
            fitted_rate(**arguments)
