"""The noise ball: where a linear method with a constant step ends up under gradient noise.

Along a Hessian eigenvalue λ, a method whose gradients are ∇J + ε ξ_k follows s⁺ = M(λ)s + b ε ξ_k, with
M the mode matrix and b = B(I − λD)⁻¹ 1 (`dynopt.symbolic.linearize.StateSpace`).  Where M is stable and the ξ_k are
independent with mean 0 and variance 1, the covariance of the state tends to ε²Σ,

    Σ = M Σ Mᵀ + b bᵀ,

the discrete Lyapunov equation.  It is linear in Σ, so it is solved here exactly, in symbols.  No normality is
needed, nor that the noise of different eigenvectors is independent: along each, only its own variance counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.algorithm import Algorithm
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import eigenvalue, exact, symbolic


def stationary_covariance(method: System) -> sp.Matrix:
    """Σ(λ), the covariance of the state along an eigenvalue λ for noise of variance 1, in the method's parameters.

    Its first entry is the variance of θ.  It is the stationary covariance where the method is stable at λ, and
    means nothing elsewhere.

    Parameters
    ----------
    method : a linear algorithm with exact or symbolic parameters (`dynopt.symbolic.symbols.symbolic`).

    Raises
    ------
    NotLinear : the method has no mode matrix.
    Misuse : a flow; coefficients that vary with k; a state with a part that never forgets, for every λ.

    Examples
    --------
    >>> stationary_covariance(symbolic("gd"))[0]
    -gamma/(lamda*(gamma*lamda - 2))
    >>> stationary_covariance(symbolic("heavy_ball"))[0]
    gamma*(momentum + 1)/(lamda*(momentum - 1)*(gamma*lamda - 2*momentum - 2))
    """
    space = _constant(method)
    return _solved(space.mode_matrix, space.noise, method)


def stationary_variances(method: System, spectrum: Sequence[Any], noise: float = 1.0) -> np.ndarray:
    """The stationary variance of θ along each of the eigenvalues, float64, for gradient noise of standard deviation ``noise``.

    Their sum is E‖θ − θ*‖² of a quadratic with that spectrum, and ½Σ λ·variance is E J − J*.

    Raises
    ------
    Misuse : the method is not stable at one of the eigenvalues, where the variance grows without bound; a negative noise.

    Examples
    --------
    >>> import dynopt
    >>> stationary_variances(dynopt.method("gd(gamma=0.1)"), [1, 10], noise=2).round(6).tolist()  # γε²/(λ(2 − γλ))
    [0.210526, 0.04]
    """
    if not (noise >= 0 and np.isfinite(noise)):
        raise Misuse(f"noise={noise!r} is not a standard deviation; give a number of at least 0")
    space = _constant(symbolic(method))
    variances = []
    for value in spectrum:
        M, b = (matrix.subs(eigenvalue, exact(value)) for matrix in (space.mode_matrix, space.noise))
        radius = float(np.max(np.abs(np.linalg.eigvals(np.array(M.tolist(), dtype=float)))))
        if not radius < 1:
            raise Misuse(
                f"{method.call()} is not stable at the eigenvalue {value} (spectral radius {radius:.6g}), so its variance there grows "
                "without bound; take a smaller step-size (dynopt bound), or positive eigenvalues"
            )
        variances.append(float(_solved(M, b, method)[0]))
    return noise**2 * np.array(variances)


def _solved(M: sp.Matrix, b: sp.Matrix, method: System) -> sp.Matrix:
    m = M.shape[0]
    unknowns = {(i, j): sp.Dummy(f"s{i}{j}") for i in range(m) for j in range(i, m)}
    covariance = sp.Matrix(m, m, lambda i, j: unknowns[min(i, j), max(i, j)])
    rest = M * covariance * M.T + b * b.T - covariance
    matrix, right = sp.linear_eq_to_matrix([rest[place] for place in unknowns], list(unknowns.values()))
    try:
        solved = matrix.LUsolve(right)
    except (ValueError, ZeroDivisionError):
        raise Misuse(
            f"{method.name} keeps a part of its state forever, whatever the eigenvalue, so its covariance depends on the start; "
            "study it by runs"
        ) from None
    return covariance.subs(dict(zip(unknowns.values(), solved, strict=True))).applyfunc(sp.factor)


def _constant(method: System) -> StateSpace:
    if not isinstance(method, Algorithm):
        raise Misuse(f"{method.name} is a flow, and this is the covariance of a discrete method; discretise it, or name an algorithm")
    space = state_space(method)
    if space.index is not None:
        raise Misuse(f"{method.name}: its coefficients vary with k, so there is no stationary covariance; give constants")
    return space
