"""The theorem table against brute force: eigenvalues of the mode matrix on a grid of λ at random parameters."""

from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt.core.registry import method_class
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbol, symbolic
from dynopt.symbolic.theorems import theorem

METHODS = ["gd", "heavy_ball", "nesterov", "qhm", "triple_momentum", "inna", "step_tuned_frozen", "din", "hbf"]
SECONDS = ["semi_implicit_din"]


def holds(aspect, eigenvalues, continuous):
    """At each place of a grid, from the eigenvalues there."""
    largest = (eigenvalues.real if continuous else abs(eigenvalues)).max(axis=-1)
    if aspect == "non-oscillating":
        return abs(eigenvalues.imag).max(axis=-1) < 1e-9
    return largest < (0 if continuous else 1) if aspect == "stable" else largest > (0 if continuous else 1)


@pytest.mark.parametrize("aspect", ["stable", "non-oscillating", "repelling"])
@pytest.mark.parametrize("name", [*METHODS, *(pytest.param(n, marks=pytest.mark.slow) for n in SECONDS)])
def test_the_condition_is_what_a_grid_of_eigenvalues_shows(name, aspect):
    method = method_class(name)
    found, space = theorem(method, aspect), state_space(symbolic(method))
    parameters = [p for p in method.numbers() if space.mode_matrix.has(symbol(p))]
    entries = sp.lambdify([eigenvalue, *(symbol(p) for p in parameters)], list(space.mode_matrix), "numpy")
    names = [*(sp.Symbol(p.name, real=True) for p in parameters), sp.Symbol("mu", real=True), sp.Symbol("L", real=True)]
    condition = sp.lambdify(names, found.condition, "numpy")
    rng = np.random.default_rng(7)
    seen = set()
    for _ in range(100):
        values = [rng.uniform(0.01, 0.99) if p.domain.upper == 1 else rng.uniform(0.02, 2.5) for p in parameters]
        mu, top = np.sort(rng.uniform(0.1, 4, size=2))
        grid = -np.linspace(top, mu, 9) if aspect == "repelling" else np.linspace(mu, top, 201)
        matrices = np.stack([np.broadcast_to(e, grid.shape) for e in entries(grid, *values)], axis=-1)
        spectra = np.linalg.eigvals(matrices.reshape(-1, *space.mode_matrix.shape).astype(float))
        everywhere = bool(np.all(holds(aspect, spectra, space.continuous)))
        claimed = bool(condition(*values, mu, top))
        if claimed:
            assert everywhere, (values, mu, top)
        elif everywhere:  # a grid may miss a narrow window of complex modes, nothing else
            assert aspect == "non-oscillating", (values, mu, top)
        seen.add(claimed)
    assert True in seen


def test_a_criterion_of_high_degree_is_refused():
    with pytest.raises(dynopt.Misuse, match="degree 4"):
        theorem(method_class("aggregated_momentum"), "non-oscillating")


@pytest.mark.slow
def test_both_directions_are_proved_by_both_deciders():
    result = dynopt.verify(Path(__file__).parents[2] / "analysis" / "theorem_table.py")
    assert {str(c.verdict) for c in result.claims} == {"proved"}
    assert len(result.claims) == 51
