"""Sums of weighted squares against SciPy's distributions, quadrature and geometry."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from dynopt.escape import weighted


@pytest.mark.parametrize("d", [1, 2, 3, 7, 20, 95, 200])
def test_equal_weights_are_chi_square(d):
    x = np.geomspace(1e-8, 400, 60)
    np.testing.assert_allclose(weighted.gaussian(np.ones((60, d)) / x[:, None]), stats.chi2(d).cdf(x), atol=1e-11, rtol=0)


@pytest.mark.parametrize("w", [(1e8, 3.0), (40, 0.2), (1, 0.01), (0.1, 0.01), (1e20, 1), (5, 0)])
def test_two_weights_by_quadrature(w):
    """∫ φ(z) P(w₂Z² < 1 − w₁z²) dz."""
    chi = stats.chi2(1)
    end = 1 / np.sqrt(w[0])
    expected, _ = integrate.quad(
        lambda z: np.sqrt(2 / np.pi) * np.exp(-z * z / 2) * (chi.cdf((1 - w[0] * z * z) / w[1]) if w[1] else 1.0), 0, end, epsabs=1e-14
    )
    assert weighted.gaussian(np.array([w]))[0] == pytest.approx(expected, rel=1e-7, abs=1e-11)


def test_imhof_s_table():
    """Imhof (1961), Table 1: P(0.6χ²₁ + 0.3χ²₁ + 0.1χ²₁ > x) and the same with χ²₂ each."""
    for x, single, double in (
        (0.1, 0.9458, None),
        (0.7, 0.5064, None),
        (2.0, 0.1240, None),
        (0.2, None, 0.9936),
        (2.0, None, 0.3998),
        (6.0, None, 0.0161),
    ):
        w = np.array([0.6, 0.3, 0.1])
        if single is not None:
            assert 1 - weighted.gaussian(w[None] / x)[0] == pytest.approx(single, abs=6e-5)
        if double is not None:
            assert 1 - weighted.gaussian(np.repeat(w, 2)[None] / x)[0] == pytest.approx(double, abs=6e-5)


@pytest.mark.parametrize("n", [2, 3, 4, 100])
def test_one_direction_on_the_sphere_is_beta(n):
    w = np.concatenate([np.geomspace(1.01, 1e14, 40), [0.3, 1.0]])
    expected = stats.beta(0.5, (n - 1) / 2).cdf(np.minimum(1 / w, 1))
    np.testing.assert_allclose(weighted.sphere(w[:, None], n), expected, atol=1e-13, rtol=1e-9)


@pytest.mark.parametrize("w", [(9, 2), (2, 0.5), (1.5, 1.2), (0.9, 0.2), (9, 2, 1.5, 0.3), (9, 2, 1.5, 1.1)])
def test_sphere_by_counting(w):
    z = np.random.default_rng(3).standard_normal((200_000, 4))
    u = z / np.linalg.norm(z, axis=1)[:, None]
    part = (u[:, : len(w)] ** 2 @ np.array(w) < 1).mean()
    assert weighted.sphere(np.array([w], dtype=float), 4)[0] == pytest.approx(part, abs=4 * 0.5 / 200_000**0.5)


@pytest.mark.parametrize("w", [(9, 2), (2, 0.5), (0.5, 2), (0.3, 0.4), (1.5, 1e-9), (1e-9, 4), (0.7, 0.7), (0.9, 0.95), (1e24, 1e10)])
def test_square_by_quadrature(w):
    end = min(1.0, 1 / np.sqrt(w[0]))
    expected, _ = integrate.quad(lambda x: min(1.0, np.sqrt(max(1 - w[0] * x * x, 0) / w[1])), 0, end, epsabs=1e-13, limit=300)
    assert weighted.square(np.array([w], dtype=float))[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("w", [(9, 2, 1.5), (1e8, 1e4, 1.0), (40, 30, 20, 1)])
def test_an_ellipsoid_in_the_cube_has_its_volume(w):
    d = len(w)
    volume = np.pi ** (d / 2) / special.gamma(d / 2 + 1) / np.sqrt(np.prod(w)) / 2**d
    assert weighted.cube(np.array([w]))[0] == pytest.approx(volume, abs=2e-4)


def test_the_cube_agrees_with_the_square_and_has_all_of_a_large_ellipsoid():
    w = np.geomspace(0.1, 1e3, 30)[:, None] * [1.0, 0.3]
    np.testing.assert_allclose(weighted.cube(w), weighted.square(w), atol=1e-4)
    assert weighted.cube(np.array([[0.3, 0.3, 0.3], [0.0, 0.0, 0.0]])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("w", [(9, 2), (0.7, 0.2)])
def test_the_cube_in_oblique_directions_by_counting(w):
    across = np.linalg.qr(np.random.default_rng(5).standard_normal((4, 4)))[0][:, :2]
    x = np.random.default_rng(6).uniform(-1, 1, (200_000, 4))
    part = ((x @ across) ** 2 @ np.array(w) < 1).mean()
    assert weighted.cube(np.array([w], dtype=float), across)[0] == pytest.approx(part, abs=4 * 0.5 / 200_000**0.5)
