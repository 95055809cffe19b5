"""The landscapes of the sources, each one function."""

from __future__ import annotations

from typing import Any

import sympy as sp

from dynopt.problems.landscape import Landscape


def _double_well(x: Any, y: Any) -> Any:
    """θ₁⁴ − 4θ₁² + θ₂² (thesis Figure 3.3, Table 3.1): minima (±√2, 0), strict saddle (0, 0), spectrum {−8, 2}."""
    return x**4 - 4 * x**2 + y**2


def _rosenbrock(x: Any, y: Any, *, a: Any = 1, b: Any = 100) -> Any:
    """(a − x)² + b(y − x²)²: the curved valley, minimum (a, a²)."""
    return (a - x) ** 2 + b * (y - x**2) ** 2


def _three_hump_camel(x: Any, y: Any) -> Any:
    """2x² − (21/20)x⁴ + x⁶/6 + xy + y²: three minima, the lowest at 0, and two strict saddles between them."""
    return 2 * x**2 - 21 * x**4 / 20 + x**6 / 6 + x * y + y**2


def _thesis_2_1(x: Any, y: Any) -> Any:
    """100(θ₂ − |θ₁|)² + |1 − θ₁| (thesis Figure 2.1): a non-smooth V-shaped valley, minimum (1, 1)."""
    return 100 * (y - abs(x)) ** 2 + abs(1 - x)


def _thesis_3_1_left(x: Any, y: Any) -> Any:
    """½θ₁² + ½θ₂² + θ₁θ₂ (thesis Figure 3.1, left): a line of degenerate minima."""
    return x**2 / 2 + y**2 / 2 + x * y


def _thesis_3_1_right(x: Any, y: Any) -> Any:
    """θ₁³ + θ₂² (thesis Figure 3.1, right): a degenerate critical point that is no extremum."""
    return x**3 + y**2


def _thesis_3_2(x: Any, y: Any) -> Any:
    """θ₁² + 2θ₂² (thesis Figure 3.2), spectrum {2, 4}."""
    return x**2 + 2 * y**2


def _ripples(x: Any, y: Any) -> Any:
    """¼θ₁² + ½θ₂² + ½ sin(2θ₁ + θ₂) + ½ exp(−θ₂): a bowl with two minima and a strict saddle between them, no polynomial."""
    return x**2 / 4 + y**2 / 2 + sp.sin(2 * x + y) / 2 + sp.exp(-y) / 2


double_well = Landscape(_double_well, name="double-well", start=(0.05, 1.9))
three_hump_camel = Landscape(_three_hump_camel, name="three-hump-camel", start=(-1.3, 1.8))
thesis_2_1 = Landscape(_thesis_2_1, name="thesis-2.1", start=(-1.0, 1.5))
thesis_3_1_left = Landscape(_thesis_3_1_left, name="thesis-3.1-left", start=(1.0, 0.5), lipschitz=(0, 2, "everywhere"))
thesis_3_1_right = Landscape(_thesis_3_1_right, name="thesis-3.1-right", start=(1.0, 1.0))
thesis_3_2 = Landscape(_thesis_3_2, name="thesis-3.2", start=(1.0, 1.0), lipschitz=(2, 4, "everywhere"))
ripples = Landscape(_ripples, name="ripples", start=(2.0, 1.0))


def rosenbrock(*, a: Any = 1, b: Any = 100) -> Landscape:
    """The Rosenbrock function (a − x)² + b(y − x²)².

    >>> rosenbrock().critical_points()[0].point
    (1, 1)
    """
    return Landscape(_rosenbrock, constants={"a": a, "b": b}, name="rosenbrock", start=(-1.2, 1.0))
