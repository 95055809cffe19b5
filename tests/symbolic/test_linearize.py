"""The mode matrix against the dense matrix of the running update, and against the printed formulas."""

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt.core.oracle import FunctionOracle
from dynopt.symbolic.criteria import characteristic_polynomial, z
from dynopt.symbolic.linearize import linear, state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

alpha, beta, gamma = sp.symbols("alpha beta gamma", positive=True)
alpha = sp.Symbol("alpha", nonnegative=True)

CALLS = [
    "gd(gamma=0.07)",
    "heavy_ball(gamma=0.05, momentum=0.8)",
    "heavy_ball_velocity(gamma=0.05, momentum=0.8)",
    "nesterov(gamma=0.05, momentum=0.8)",
    "inna(alpha=0.7, beta=0.3, gamma=0.05)",
    "semi_implicit_din(alpha=0.7, beta=0.3, gamma=0.05)",
    "midpoint_din(alpha=0.7, beta=0.3, gamma=0.05)",
    "qhm(gamma=0.05, momentum=0.8, nu=0.7)",
    "triple_momentum(gamma=0.05, momentum=0.6, extrapolation=0.3)",
    "aggregated_momentum(gamma=0.05, momentum1=0.2, momentum2=0.9)",
    "innaprop_frozen(gamma=0.05, gain=3)",
    "step_tuned_frozen(gamma=0.05)",
    "gradient_flow",
    "hbf(alpha=1.5)",
    "din(alpha=0.7, beta=0.3)",
]


def dense(method, hessian):
    """The matrix of the running update (or field) on a quadratic, column by column on basis states."""
    n = hessian.shape[0]
    oracle = FunctionOracle(lambda x: 0.5 * np.sum(x * (x @ hessian), axis=-1), lambda x: x @ hessian)
    state = method.init(np.zeros(n), oracle)
    blocks = len(state)
    columns = []
    for j in range(blocks * n):
        unit = np.zeros(blocks * n)
        unit[j] = 1.0
        at = type(state)(*unit.reshape(blocks, n))
        out = method.field(at, oracle, 1.0) if isinstance(method, dynopt.Flow) else method.update(at, oracle, 0)
        columns.append(np.concatenate(list(out)))
    return np.array(columns).T


@pytest.mark.parametrize("call", CALLS)
def test_mode_eigenvalues_are_those_of_the_dense_update(call):
    rng = np.random.default_rng(3)
    half = rng.normal(size=(4, 4))
    hessian = half + half.T
    full = np.linalg.eigvals(dense(dynopt.method(call).numeric(), hessian))
    matrix = sp.lambdify(eigenvalue, state_space(symbolic(call, defaults=True)).mode_matrix, "numpy")
    modes = np.concatenate([np.linalg.eigvals(np.array(matrix(v), dtype=float)) for v in np.linalg.eigvalsh(hessian)])
    # match the two multisets greedily: complex numbers have no order
    for value in full:
        nearest = np.argmin(abs(modes - value))
        assert abs(modes[nearest] - value) < 1e-10
        modes = np.delete(modes, nearest)
    assert modes.size == 0


def test_inna_is_the_thesis_3_25_and_3_39():
    chi = characteristic_polynomial(state_space(symbolic("inna")))
    lam = eigenvalue
    printed = z**2 - (2 - gamma * (alpha + beta * lam)) * z + 1 - gamma * (alpha + beta * lam) + gamma**2 * lam
    assert sp.expand(chi.as_expr() - printed) == 0


def test_din_is_the_thesis_3_8():
    chi = characteristic_polynomial(state_space(symbolic("din")))
    assert sp.expand(chi.as_expr() - (z**2 + (alpha + beta * eigenvalue) * z + eigenvalue)) == 0


def test_nesterov_takes_its_gradient_at_the_extrapolated_point():
    space = state_space(symbolic("nesterov"))
    m = sp.Symbol("momentum", nonnegative=True)
    assert space.C == sp.Matrix([[1 + m, -m]])


def test_initial_state_of_the_three_published_starts():
    lam, b, a = eigenvalue, beta, alpha
    psi = {s: state_space(symbolic(f"din(start={s})")).start[1] for s in ("thesis", "pytorch", "keras")}
    speed = sp.Symbol("speed", nonnegative=True)
    assert sp.expand(psi["thesis"] - ((1 - a * b) - (b**2 - b) * lam)) == 0
    assert sp.expand(psi["pytorch"] - (1 - a * b)) == 0
    assert sp.expand(psi["keras"] - ((1 - a * b) + (b * speed - b**2) * lam)) == 0


def test_two_gradients_in_one_step_are_kept_apart():
    midpoint = dynopt.runge_kutta(dynopt.GradientFlow, [[], ["1/2"]], [0, 1])
    matrix = state_space(symbolic(midpoint)).mode_matrix
    h = gamma * eigenvalue
    assert sp.expand(matrix[0, 0] - (1 - h + h**2 / 2)) == 0  # the stability function of the midpoint rule at −γλ


def test_a_normalised_method_has_no_mode_matrix():
    class Normalised(dynopt.Algorithm):
        gamma: object = dynopt.number("(0, oo)", "step-size")

        def init(self, theta0, oracle):
            return dynopt.Position(theta0)

        def update(self, state, oracle, k):
            g = oracle.gradient(state.theta)
            return dynopt.Position(state.theta - self.gamma * g / dynopt.norm(g))

    assert not linear(symbolic(Normalised))
    with pytest.raises(dynopt.Misuse, match="not linear"):
        state_space(symbolic(Normalised))


class EveryOther(dynopt.Algorithm):
    gamma: dynopt.Scalar = dynopt.number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return dynopt.Position(theta0)

    def update(self, state, oracle, k):
        theta = state.theta
        return dynopt.Position(dynopt.where(k % 2 == 0, lambda: theta - self.gamma * oracle.gradient(theta), theta))


def test_a_branch_on_the_iteration_is_a_dependence_on_it():
    assert str(state_space(symbolic(EveryOther)).index) == "k"
    assert all(state_space(symbolic(name)).index is None for name in ("gd", "inna", "nesterov_velocity", "aggregated_momentum"))


def test_a_schedule_is_refused_in_symbols():
    with pytest.raises(dynopt.Misuse, match="varies with the iteration"):
        symbolic("inna(gamma=0.1*(k+1)**(-1/2))")


def test_floats_become_the_decimals_that_they_print():
    assert symbolic(dynopt.INNA(alpha=0.1, beta=0.3, gamma=0.02)).alpha == sp.Rational(1, 10)
