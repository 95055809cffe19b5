"""The drawn lines lie where published formulas say, and the shading is the spectral radius."""

import matplotlib
import numpy as np
import pytest
import sympy as sp
from matplotlib.figure import Figure

from dynopt.core.registry import method_class
from dynopt.plot.regions import Plane, draw_region, draw_runs, legend_handles, removed, signed, worst
from dynopt.symbolic.theorems import theorem

matplotlib.use("Agg")
HEAVY = Plane(
    "heavy_ball",
    "",
    ("γL", 0, 4.4),
    ("m", 0, 1),
    lambda u, m: {"gamma": u / 10, "momentum": m, "mu": 1, "L": 10},
    {"m = γL/4": lambda u, m: m - u / 4},
)


def test_shading_of_gradient_descent():
    plane = Plane("gd", "", ("γ", 0, 1), ("L", 1, 10), lambda g, top: {"gamma": g, "mu": 1, "L": top}, {})
    gamma, top = plane.grid(7, 5)
    assert worst(plane, gamma, top) == pytest.approx(np.maximum(abs(1 - gamma), abs(1 - gamma * top)))


def test_shading_without_momentum():
    """Heavy ball with m → 0 has the eigenvalues 1 − γλ and 0; the worst is taken."""
    u = np.array([0.5, 1.5, 3.0])
    assert worst(HEAVY, u, 0 * u) == pytest.approx(np.maximum(abs(1 - u / 10), abs(1 - u)))


@pytest.mark.slow
def test_lines_of_the_heavy_ball():
    """Stable iff γL < 2(1 + m); real modes on [μ, L] iff √(γL) ≤ 1 − √m in this window (or √(γμ) ≥ 1 + √m, outside it)."""
    axes = Figure().subplots()
    theorems = {a: theorem(method_class("heavy_ball"), a) for a in ("stable", "non-oscillating", "diffeomorphism")}
    _, drawn = draw_region(axes, HEAVY, theorems, resolution=40)
    assert drawn == {"stable", "non-oscillating"}  # m ≠ 0 is on the edge of the plane
    stable, real, marked = (np.concatenate(c.get_paths()[0].to_polygons(closed_only=False)) for c in axes.collections[-3:])
    assert stable[:, 0] == pytest.approx(2 * (1 + stable[:, 1]), abs=0.02)
    assert np.sqrt(real[:, 0]) == pytest.approx(1 - np.sqrt(real[:, 1]), abs=0.03)
    assert marked[:, 1] == pytest.approx(marked[:, 0] / 4, abs=1e-3)


def test_signs_and_what_is_left_out():
    x, y = sp.symbols("x y", real=True)
    either = signed(sp.Or(sp.Gt(x - 1, 0), sp.Le(y - 2, 0, evaluate=False), evaluate=False), ["x", "y"])
    assert [float(either(*p)) > 0 for p in ((2.0, 5.0), (0.0, 1.0), (0.0, 3.0))] == [True, True, False]
    zero, counts = removed(sp.Ne(x - y, 0, evaluate=False), ["x", "y"])[0]
    assert zero(3.0, 3.0) == 0
    assert counts(np.zeros(2), np.zeros(2)).tolist() == [1, 1]
    condition = sp.Or(sp.Ge(x, 0, evaluate=False), sp.Gt(sp.expand((x - y) ** 2), 0, evaluate=False), evaluate=False)
    zero, counts = removed(condition, ["x", "y"])[0]
    assert zero(3.0, 3.0) == 0
    assert counts(-1.0, -1.0) > 0 > counts(1.0, 1.0)


def test_legend_and_dots():
    axes = Figure().subplots()
    draw_runs(axes, [0.1, 0.2], [0.3, 0.4], [True, False])
    faces = axes.collections[0].get_facecolors()
    assert faces[0][:3].tolist() == [0, 0, 0]
    assert faces[1][:3].tolist() == [1, 1, 1]
    handles = legend_handles({"stable", "removed"}, ["αβ = 1"], ("converges", "diverges"))
    assert [h.get_label() for h in handles] == [
        "stable, fails on the side of the ticks", "diffeomorphism, fails on the line alone", "αβ = 1", "converges", "diverges",
    ]  # fmt: skip
