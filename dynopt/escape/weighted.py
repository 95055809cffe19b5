"""Sums of weighted squares: the chance that an ellipsoidal start is still inside a ball.

With several unstable directions that grow at different rates, u_k = (a_{1,k} u_1, …, a_{d,k} u_d), and a
run is still inside at step k exactly when Σ_j w_j u_j² < 1, w_j = (a_{j,k}/r)².  Each function here gives
P(Σ_j w_j u_j² < 1) for rows of weights, for one distribution of u:

* Gaussian: a weighted sum of χ²₁, inverted from its Laplace transform Π_j (1 + 2 w_j s)^{−1/2} on the contour
  of Talbot with the constants of Trefethen, Weideman and Schmelzer (2006), whose error falls like 3.9^{−N} with the number N of nodes;
* uniform on the sphere of R^n: with u = Z/‖Z‖ it is the sign of an indefinite Gaussian form, for which the
  integral of Imhof (1961) does not oscillate; in log u the trapezoidal rule converges like e^{−π²/h};
* uniform in the square: the area of a quarter of an ellipse within it;
* uniform in the cube: an average over Sobol points, over one of the coordinates in closed form.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

NODES = 32
"""Nodes on Talbot's contour, and its size, for few directions; rounding errors grow like e^{0.17 · size}."""
POINTS = 14
"""Binary logarithm of the number of Sobol points in `cube`."""
_STEP = 0.25
_TINY = 45.0
"""Natural logarithm of the part of Imhof's integrand that is left out at either end."""


def gaussian(weights: np.ndarray) -> np.ndarray:
    """P(Σ_j w_j Z_j² < 1) for standard normal Z, to about 10⁻¹¹ for up to 200 directions.

    Parameters
    ----------
    weights : (N, d), not negative.

    Returns
    -------
    (N,) probabilities.

    Examples
    --------
    >>> gaussian(np.array([[0.5, 0.5]])).round(10) == np.round(1 - np.exp(-1), 10)  # χ²₂ < 2
    array([ True])
    """
    w = np.asarray(weights, dtype=float)[:, None, :]
    directions = w.shape[-1]
    nodes, reach = NODES + 2 * (directions // 2), NODES + directions / 4  # an even number has no node at the angle 0
    angle = np.pi * (2 * np.arange(nodes) + 1) / nodes - np.pi
    cot = 1 / np.tan(0.6407 * angle)
    s = reach * (0.5017 * angle * cot - 0.6122 + 0.2645j * angle)
    slope = reach * (0.5017 * cot - 0.5017 * 0.6407 * angle * (1 + cot**2) + 0.2645j)
    factor = np.exp(s) / s * slope / (1j * nodes)
    # each factor's cut lies on the negative real axis, which the contour encloses: principal roots
    transform = np.exp(-0.5 * np.log1p(2 * w * s[None, :, None]).sum(-1))
    return np.clip((transform @ factor).real, 0.0, 1.0)


def sphere(weights: np.ndarray, dimension: int) -> np.ndarray:
    """P(Σ_j w_j u_j² < 1) for u uniform on the unit sphere of R^``dimension``, j = 1 … d ≤ dimension.

    Examples
    --------
    >>> sphere(np.array([[4.0]]), 2).round(10) == np.round(1 - 2 / np.pi * np.arccos(1 / 2), 10)  # |cos φ| < 1/2
    array([ True])
    """
    w = np.asarray(weights, dtype=float)
    n, d = len(w), w.shape[1]
    form = w - 1
    rest = dimension - d
    size = np.maximum(np.abs(form).max(1), 1.0)
    low, high = -np.log(size) - _TINY, np.full(n, 2 * _TINY)
    count = int(np.ceil((high - low).max() / _STEP * max(1.0, np.sqrt(dimension / 4))))  # the form turns √dimension times as often
    u = np.exp(low[:, None] + (high - low)[:, None] * (np.arange(count) + 0.5) / count)
    turn = 0.5 * (np.arctan(form[:, None, :] * u[..., None]).sum(-1) - rest * np.arctan(u))
    log_size = 0.25 * (np.log1p((form[:, None, :] * u[..., None]) ** 2).sum(-1) + rest * np.log1p(u**2))
    integral = (np.sin(turn) * np.exp(-log_size)).sum(1) * (high - low) / count
    inside = np.clip(0.5 - integral / np.pi, 0.0, 1.0)
    if rest == 0:  # a definite form has one sign
        inside = np.where(form.min(1) >= 0, 0.0, inside)
    return np.where(form.max(1) <= 0, 1.0, inside)


def square(weights: np.ndarray) -> np.ndarray:
    """P(w₁u₁² + w₂u₂² < 1) for u uniform in the square [−1, 1]².

    Examples
    --------
    >>> square(np.array([[1.0, 1.0]])).round(10) == np.round(np.pi / 4, 10)
    array([ True])
    """
    a, b = 1 / np.sqrt(np.maximum(np.asarray(weights, dtype=float).T, 1e-300))  # half-axes
    top = np.minimum(1.0, a * np.sqrt(np.maximum(1 - 1 / np.maximum(b, 1.0) ** 2, 0.0)))  # the ellipse is above the square up to here
    end = np.minimum(1.0, a)

    def under(x: np.ndarray) -> np.ndarray:
        part = np.minimum(x / a, 1.0)
        return a * b / 2 * (np.arcsin(part) + part * np.sqrt(1 - part**2))

    # b·x cancels where the ellipse is far above: then all of the square is inside
    return np.where(top >= end, end, top + under(end) - under(top))


def cube(weights: np.ndarray, directions: np.ndarray | None = None) -> np.ndarray:
    """P(Σ_j w_j u_j² < 1) for u uniform in the cube [−1, 1]^d, or u = ``directions``ᵀ x for x uniform in [−1, 1]^n.

    Along the axes the heaviest coordinate is integrated exactly, P(w u² < c) = min(1, √(c/w)); along oblique
    directions a coordinate x_i leaves a quadratic inequality, whose interval is cut with [−1, 1].

    Parameters
    ----------
    weights : (N, d), not negative.
    directions : (n, d), orthonormal columns.

    Examples
    --------
    >>> bool(abs(cube(np.array([[1.0, 1.0, 1.0]]))[0] - np.pi / 6) < 2e-4)  # the unit ball in its cube
    True
    """
    w = np.asarray(weights, dtype=float)
    rows = np.eye(w.shape[1]) if directions is None else directions
    points = 2 * qmc.Sobol(len(rows) - 1, seed=0).random_base2(POINTS) - 1 if len(rows) > 1 else np.zeros((1, 0))
    found = np.empty(len(w))
    for k, weight in enumerate(w):
        i = int((rows**2 @ weight).argmax())  # x = free·e_i + the others; a free² + 2 b free + c < 1
        rest = points @ np.delete(rows, i, axis=0)
        a, b, c = rows[i] ** 2 @ weight, rest @ (weight * rows[i]), rest**2 @ weight
        if a == 0:
            found[k] = 1.0
            continue
        root = np.sqrt(np.maximum(b * b - a * (c - 1), 0.0))
        low, high = np.clip((-b - root) / a, -1, 1), np.clip((-b + root) / a, -1, 1)
        found[k] = float((high - low).mean()) / 2
    return found
