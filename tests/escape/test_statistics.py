"""Statistics from histograms against NumPy and SciPy on the samples themselves, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dynopt.escape import statistics


def histogram(sample, length=None):
    return np.bincount(sample, minlength=length or int(max(sample)) + 1)


SAMPLE = np.random.default_rng(3).poisson(40, 977)
NONE = np.zeros(len(histogram(SAMPLE)), dtype=int)


def test_moments():
    m = statistics.moments(histogram(SAMPLE))
    assert m.mean == pytest.approx(SAMPLE.mean(), rel=1e-14)
    assert m.sd == pytest.approx(SAMPLE.std(ddof=1), rel=1e-13)
    expected = stats.t.interval(0.95, len(SAMPLE) - 1, SAMPLE.mean(), stats.sem(SAMPLE))
    assert m.mean_interval == pytest.approx(expected, rel=1e-12)


def test_the_interval_of_the_sd_is_the_bootstrap_s():
    """A skew sample, where the normal formula sd/√(2n) would be off by a quarter."""
    rng = np.random.default_rng(4)
    sample = np.ceil(200 - 8 * np.log(np.abs(rng.standard_normal(2000)))).astype(int)
    again = rng.choice(sample, (2000, 2000)).std(axis=1, ddof=1)
    low, high = statistics.moments(histogram(sample)).sd_interval
    assert (high - low) / 2 == pytest.approx(1.96 * again.std(), rel=0.08)


@pytest.mark.parametrize("counts", [[], [0, 1], [0, 0]])
def test_one_run_has_no_spread(counts):
    assert statistics.moments(np.array(counts, dtype=int)) is None


def test_equal_times():
    m = statistics.moments(np.array([0, 0, 5]))
    assert (m.mean, m.sd, m.sd_interval) == (2, 0, (0, 0))


def test_intervals_cover():
    """Escape-like samples (−log|Z|, rounded up): 95 % intervals of mean and sd, 300 replications of 500 runs."""
    sample = np.ceil(120 - 8 * np.log(np.abs(np.random.default_rng(8).standard_normal((300, 500))))).astype(int)
    large = np.ceil(120 - 8 * np.log(np.abs(np.random.default_rng(9).standard_normal(500_000))))
    hits = np.zeros(2)
    for row in sample:
        m = statistics.moments(histogram(row))
        hits += [m.mean_interval[0] <= large.mean() <= m.mean_interval[1], m.sd_interval[0] <= large.std() <= m.sd_interval[1]]
    assert 0.91 <= hits[0] / 300 <= 0.985
    assert 0.915 <= hits[1] / 300 <= 0.985


def test_the_trimmed_mean():
    for part in (0.0, 0.02, 0.3):
        assert statistics._trimmed_mean(histogram(SAMPLE), part) == pytest.approx(stats.trim_mean(SAMPLE, part), rel=1e-13)


@pytest.mark.parametrize("level", statistics.LEVELS)
def test_quantiles(level):
    value, (low, high) = statistics.quantile(histogram(SAMPLE), NONE, level)
    assert value == np.quantile(SAMPLE, level, method="inverted_cdf")
    ranks = [int(stats.binom.ppf(p, len(SAMPLE), level)) for p in (0.025, 0.975)]
    ordered = np.sort(SAMPLE)
    assert (low, high) == (ordered[max(ranks[0], 1) - 1], ordered[ranks[1]])
    assert low <= value <= high


def test_quantile_intervals_cover():
    true = stats.poisson(40).ppf([0.05, 0.5, 0.95])
    draws = np.random.default_rng(12).poisson(40, (400, 300))
    for level, truth in zip((0.05, 0.5, 0.95), true, strict=True):
        intervals = [statistics.quantile(histogram(row, 120), np.zeros(120, int), level)[1] for row in draws]
        assert np.mean([low <= truth <= high for low, high in intervals]) >= 0.93


def test_kaplan_meier_is_scipy_s():
    rng = np.random.default_rng(5)
    times, limits = rng.poisson(20, 400), rng.poisson(24, 400)
    seen, out = np.minimum(times, limits), times <= limits
    length = int(seen.max()) + 1
    ours = statistics.kaplan_meier(histogram(seen[out], length), histogram(seen[~out], length))
    theirs = stats.ecdf(stats.CensoredData.right_censored(seen, ~out)).cdf
    np.testing.assert_allclose(ours, theirs.evaluate(np.arange(length)), atol=1e-13)


def test_censored_at_the_horizon():
    """Half of the runs never leave: the median is not reached when one more stays, and no average is taken."""
    counts, lost = np.array([0, 3, 2, 0]), np.array([0, 0, 0, 5])
    assert statistics.quantile(counts, lost, 0.5)[0] == 2
    assert statistics.quantile(counts, np.array([0, 0, 0, 6]), 0.5)[0] is None
    assert statistics.quantile(counts, lost, 0.5)[1] == (1, None)


def test_wilson():
    n, z = 1000, stats.norm.ppf(0.975)
    for count in (0, 3, 500, 1000):
        p = count / n
        centre, half = (p + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert statistics.wilson(count, n) == pytest.approx((max(centre - half, 0), min(centre + half, 1)), abs=1e-12)


def test_kolmogorov():
    law = stats.poisson(40)
    k = np.arange(200)
    empirical = np.array([(j >= SAMPLE).mean() for j in k])
    assert statistics.kolmogorov(histogram(SAMPLE), len(SAMPLE), law.cdf(k)) == pytest.approx(
        np.abs(empirical - law.cdf(k))[: SAMPLE.max() + 1].max(), abs=1e-14
    )
    assert statistics.kolmogorov(np.array([0, 2]), 4, [0.0, 0.5, 1.0]) == 0  # half is out, as predicted; the rest is censored
    assert statistics.kolmogorov(np.array([4, 0, 0, 0]), 4, [0.0]) == 1  # beyond its end a law is 1


def test_kolmogorov_s_sampling_error():
    """1.36/√n is exceeded by at most 5 % of samples from the law."""
    law = stats.poisson(400)
    cdf = law.cdf(np.arange(700))
    draws = np.random.default_rng(2).poisson(400, (500, 400))
    far = [statistics.kolmogorov(histogram(row, 700), 400, cdf) > statistics.kolmogorov_bound(400) for row in draws]
    assert 0.005 <= np.mean(far) <= 0.065
