"""Modified equations against published expansions, logarithms of linear maps, conserved quantities and hand derivations."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import dynopt
from dynopt import Algorithm, Landscape, Misuse, Position, Quadratic, number, option, semi_implicit_euler
from dynopt.algorithms.heavy_ball import HeavyBallFlow
from dynopt.symbolic.jets import taylor
from dynopt.symbolic.modified import at_small_steps, modified_equation, printed
from dynopt.symbolic.symbols import symbolic

h, x, lam = sp.Symbol("h", positive=True), sp.Symbol("x"), sp.Symbol("lamda")
a, b = sp.Rational(2), sp.Rational(1, 4)
CUBIC = Landscape(lambda x: -(x**3) / 3, name="cubic")


def fields(call, problem, order=4):
    method = dynopt.method(call) if isinstance(call, str) else call
    return modified_equation(method, problem, order).fields()


def test_explicit_euler_for_y_squared():
    """Hairer, Lubich, Wanner, Example IX.1.1: y' = y² − hy³ + (3/2)h²y⁴ − (8/3)h³y⁵ + …"""
    y = sp.Symbol("theta1", real=True)
    found = [f[0, 0] for f in fields("gd(gamma=0.1)", CUBIC)]
    assert found == [y**2, -(y**3), sp.Rational(3, 2) * y**4, -sp.Rational(8, 3) * y**5]


def test_a_gradient_taken_elsewhere_by_hand():
    """θ⁺ = θ + h(θ + hθ²)² = θ + hθ² + 2h²θ³ + h³θ⁴: F₁ = 2θ³ − θ³, F₂ = θ⁴ − ½(2 + 3)θ⁴ − θ⁴."""
    y = sp.Symbol("theta1", real=True)
    assert [f[0, 0] for f in fields(Extragradient(gamma=0.1), CUBIC, 3)] == [y**2, y**3, -sp.Rational(5, 2) * y**4]


def derivatives(field, state):
    """F, F'F, F'F'F and F''(F, F) by SymPy's Jacobians."""
    field = sp.Matrix(field)
    first = field.jacobian(state)
    second = sp.Matrix([(field.T * sp.hessian(e, state) * field)[0] for e in field])
    return field, first * field, first * first * field, second


@pytest.mark.parametrize("problem", ["ripples", "double-well"])
def test_explicit_euler_in_elementary_differentials(problem):
    """INNA is Euler's method: F₁ = −½F'F and F₂ = ⅓F'F'F + (1/12)F''(F, F), whatever the flow."""
    landscape = dynopt.problem(problem)
    found = modified_equation(dynopt.method(f"inna(alpha={a}, beta={b}, gamma=0.1)"), landscape, 3)
    state = list(found.state.ravel())
    theta, psi = sp.Matrix(state[:2]), sp.Matrix(state[2:])
    slope = landscape.gradient_expression.xreplace(dict(zip(landscape.symbols, state[:2], strict=True)))
    common = (1 / b - a) * theta - psi / b
    _, first, second, third = derivatives([*(common - b * slope), *common], state)
    f1, f2 = (sp.Matrix(f.ravel()) for f in found.fields()[1:])
    at = dict(zip(state, (sp.Rational(7, 10), sp.Rational(-3, 10), sp.Rational(2, 5), sp.Rational(1, 2)), strict=True))
    for ours, expected in ((f1, -first / 2), (f2, second / 3 + third / 12)):
        np.testing.assert_allclose(np.array(ours.subs(at), dtype=float), np.array(expected.subs(at), dtype=float), rtol=1e-12)


def logarithm(factor):
    """Coefficients of log(factor(h))/h."""
    return [sp.expand(c) for c in taylor(sp.series(sp.log(factor), h, 0, 6).removeO() / h, 3)]


class Extragradient(Algorithm):
    gamma: float = number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        return Position(state.theta - self.gamma * oracle.gradient(state.theta - self.gamma * oracle.gradient(state.theta)))


@pytest.mark.parametrize(
    ("method", "factor"),
    [
        ("gd(gamma=0.1)", 1 - 3 * h),
        ("step_tuned_frozen(gamma=0.1)", (1 - 3 * h) ** 2),
        (Extragradient(gamma=0.1), 1 - 3 * h + 9 * h**2),
    ],
)
def test_one_block_on_a_quadratic_is_a_logarithm(method, factor):
    """θ⁺ = c(h)θ is the time-h map of θ' = log c(h)/h θ, exactly."""
    theta = sp.Symbol("theta1", real=True)
    assert [sp.expand(f[0, 0] / theta) for f in fields(method, Quadratic([3]))] == logarithm(factor)


m, n = 1 - a * h, sp.Rational(1, 2)  # momentum at friction 2; extrapolation of triple momentum
NESTEROV = [1 - h**2 * lam, m * h * (1 - h**2 * lam)]
TRIPLE = [1 - h**2 * lam, m * h - h**3 * lam * n]
EULER = [[1 + h * (1 / b - a - b * lam), -h / b], [h * (1 / b - a), 1 - h / b]]
DIN = sp.Matrix([[1 / b - a - b * lam, -1 / b], [1 / b - a, -1 / b]])
TWO_BLOCKS = {  # written by hand in (θ, v = (θ − θ₋)/h) or (θ, ψ), at the friction α = 2 of the flow
    "heavy_ball(gamma=0.01, momentum=0.8)": [[1 - h**2 * lam, h * m], [-h * lam, m]],
    "heavy_ball_velocity(gamma=0.01, momentum=0.8)": [[1 - h**2 * lam, h * m], [-h * lam, m]],
    "nesterov(gamma=0.01, momentum=0.8)": [NESTEROV, [(NESTEROV[0] - 1) / h, NESTEROV[1] / h]],
    "triple_momentum(gamma=0.01, momentum=0.8, extrapolation=1/2)": [TRIPLE, [(TRIPLE[0] - 1) / h, TRIPLE[1] / h]],
    "inna(alpha=2, beta=1/4, gamma=0.1)": EULER,
    "semi_implicit_din(alpha=2, beta=1/4, gamma=0.1)": [
        EULER[0],
        [h * (1 / b - a) * EULER[0][0], 1 - h / b + h * (1 / b - a) * EULER[0][1]],
    ],
    "midpoint_din(alpha=2, beta=1/4, gamma=0.1)": sp.eye(2) + h * DIN + h**2 * DIN**2 / 2,
    "innaprop_frozen(alpha=2, beta=1/4, gamma=0.1)": [
        [1 + h * (1 - a * b) / (b - h) - h**2 * (1 / b - a) / (b - h) - h * b * lam, -h / (b - h) * (1 - h / b)],
        [h * (1 / b - a), 1 - h / b],
    ],
}


@pytest.mark.parametrize("call", TWO_BLOCKS)
def test_two_blocks_on_a_quadratic_are_matrix_logarithms(call):
    """exp(h(A₀ + hA₁ + h²A₂ + h³A₃)), summed as a matrix series, is the map up to h⁵."""
    eigenvalue = 3
    state = modified_equation(dynopt.method(call), Quadratic([eigenvalue]), 4).state.ravel()
    terms = [sp.Matrix(2, 2, lambda i, j, f=f: sp.diff(f[i, 0], state[j])) for f in fields(call, Quadratic([eigenvalue]))]
    generator = sum((h ** (j + 1) * term for j, term in enumerate(terms)), sp.zeros(2))
    total, power = sp.eye(2), sp.eye(2)
    for i in range(1, 5):
        power = (power * generator / i).applyfunc(sp.expand)
        total += power
    expected = sp.Matrix(TWO_BLOCKS[call]).subs(lam, eigenvalue)
    for ours, theirs in zip(total, expected, strict=True):
        assert taylor(ours, 4) == taylor(sp.together(theirs), 4)


def test_qhm_is_din_in_other_coordinates():
    """√γ-scaling: h = √((1 − m)γ), α = √((1 − m)/γ), αβ = 1 − ν.  Its map by hand in (θ, v), carried to (θ, ψ)."""
    nu, beta = sp.Rational(7, 10), sp.Rational(3, 20)  # γ = 0.01, m = 0.96: h = 0.02, α = 2
    matrix = sp.Matrix([[1, 0], [nu, beta * nu / 2]])
    v_row = [h * 2 * lam, 1 - 2 * h]
    hand = sp.Matrix([[1 - h / 2 * ((1 - nu) * lam + nu * v_row[0]), -h / 2 * nu * v_row[1]], v_row])
    expected = (matrix * hand * matrix.inv()).subs(lam, 3)
    call = "qhm(gamma=0.01, momentum=0.96, nu=0.7)"
    state = modified_equation(dynopt.method(call), Quadratic([3]), 2).state.ravel()
    f0, f1 = (sp.Matrix(2, 2, lambda i, j, f=f: sp.diff(f[i, 0], state[j])) for f in fields(call, Quadratic([3]), 2))
    assert f0 == sp.Matrix([[1 / beta - 2 - beta * 3, -1 / beta], [1 / beta - 2, -1 / beta]])
    assert sp.expand(f1 + f0 * f0 / 2) == expected.applyfunc(lambda e: taylor(e, 2)[2])


def test_symplectic_euler_on_the_oscillator_conserves_its_modified_hamiltonian():
    """v⁺ = v − hθ, θ⁺ = θ + hv⁺ conserves θ² + v² − hθv; the modified equation is its Hamiltonian flow, times
    2 arcsin(h/2)/(h√(1 − h²/4)) = 1 + h²/6 + O(h⁴)."""
    method = semi_implicit_euler(HeavyBallFlow, ("velocity", "theta"))(alpha=0, gamma=0.1)
    found = modified_equation(method, Quadratic([1]), 4)
    theta, v = found.state.ravel()
    half = (theta**2 + v**2 - h * theta * v) / 2
    scale = 2 * sp.asin(h / 2) / (h * sp.sqrt(1 - h**2 / 4))
    for row, expected in zip(range(2), (sp.diff(half, v), -sp.diff(half, theta)), strict=True):
        ours = [sp.expand(f[row, 0]) for f in found.fields()]
        assert ours == [sp.expand(c) for c in taylor(sp.series(scale, h, 0, 5).removeO() * expected, 3)]


def test_order_two_of_nesterov_is_the_high_resolution_equation():
    """Shi, Du, Jordan, Su: θ'' + 2√μθ' + h∇²Jθ' + (1 + √μ h)∇J = 0 up to h², for h = √γ and m = (1 − √μh)/(1 + √μh)."""
    root = sp.Symbol("root", positive=True)
    theta, v = sp.symbols("theta velocity", real=True)
    found = modified_equation(symbolic("nesterov"), None, 2)
    [alpha] = found.parameters
    g, H = sp.Symbol("J1", real=True), sp.Symbol("J2", real=True)
    velocity, pull = (sum(h**j * f[i, 0] for j, f in enumerate(found.terms)).subs(alpha, 2 * root - 2 * root**2 * h) for i in range(2))
    acceleration = sp.diff(velocity, g) * H * velocity + sp.diff(velocity, v) * pull
    residual = acceleration + 2 * root * velocity + h * H * velocity + (1 + root * h) * g
    assert taylor(residual, 1) == [0, 0]
    assert taylor(residual, 2)[2] != 0
    assert theta not in residual.free_symbols


def test_the_two_forms_of_the_heavy_ball_have_one_modified_equation():
    for problem in (dynopt.problem("ripples"), None):
        position = modified_equation(dynopt.method("heavy_ball(gamma=0.01, momentum=0.8)"), problem, 4)
        velocity = modified_equation(dynopt.method("heavy_ball_velocity(gamma=0.01, momentum=0.8)"), problem, 4)
        for one, other in zip(position.terms, velocity.terms, strict=True):
            assert [sp.expand(e) for e in (one - other).ravel()] == [0] * one.size


def test_a_second_order_method_has_no_first_correction():
    found = fields("midpoint_din(alpha=2, beta=1/4, gamma=0.1)", dynopt.problem("ripples"), 3)
    assert not any(found[1].ravel())
    assert all(found[2].ravel())


def test_lower_orders_are_truncations():
    problem = dynopt.problem("ripples")
    whole = fields("nesterov(gamma=0.01, momentum=0.8)", problem, 4)
    for order in (1, 2, 3):
        for one, other in zip(fields("nesterov(gamma=0.01, momentum=0.8)", problem, order), whole[:order], strict=True):
            assert (one == other).all()


def test_small_steps_hold_the_flow_fixed():
    method, values = at_small_steps(dynopt.method("nesterov(gamma=0.02, momentum=0.8)"))
    [(alpha, value)] = values.items()
    assert (method.gamma, method.momentum) == (h**2, 1 - alpha * h)
    assert value == pytest.approx(0.2 / np.sqrt(0.02))
    assert at_small_steps(dynopt.method("inna(gamma=0.3)"))[0].gamma == h


def test_printed_for_any_objective():
    g, H, T = sp.symbols("g H T")
    v, alpha = sp.Symbol("velocity", real=True), sp.Symbol("alpha", positive=True)
    found = printed(symbolic("heavy_ball"), 2)
    assert str(found["step"]) == "sqrt(gamma)"
    assert found["terms"]["velocity"][1] == H * v / 2 - alpha * g / 2 - alpha**2 * v / 2
    assert printed(symbolic("gd"), 3)["terms"] == {"theta": [-g, -H * g / 2, -(H**2) * g / 3 - T * g**2 / 12]}


@pytest.mark.parametrize(("order", "expected"), [(0, [1]), (3, [1, 0, sp.Rational(-1, 2), 0])])
def test_taylor(order, expected):
    assert taylor(sp.cos(h), order) == expected
    assert taylor((sp.Symbol("y") * h - h**3) / (h + h**2), order)[0] == sp.Symbol("y")  # a removable singularity


def test_many_coordinates_that_do_not_meet():
    """Thirty coordinates of a quadratic are thirty copies of one; a dense function of six is refused."""
    theta = sp.Symbol("theta30", real=True)
    assert fields("gd(gamma=0.1)", Quadratic([3] * 30), 3)[2][0, -1] == -9 * theta
    dense = Landscape(lambda a, b, c, d, e, f: sp.exp(a + 2 * b + 3 * c + d + e + f), name="dense")
    with pytest.raises(Misuse, match="more than 200 derivatives"):
        fields("gd(gamma=0.1)", dense, 4)


class Remembering(Algorithm):
    """Not near the identity."""

    gamma: float = number("(0, oo)", "step-size")

    def init(self, theta0, oracle):
        return Position(theta0)

    def update(self, state, oracle, k):
        return Position(state.theta / 2 - self.gamma * oracle.gradient(state.theta))


class FarAhead(Remembering):
    def update(self, state, oracle, k):
        return Position(state.theta - self.gamma * oracle.gradient(2 * state.theta))


class Counting(Remembering):
    def update(self, state, oracle, k):
        return Position(state.theta - self.gamma * oracle.gradient(state.theta) / (k + 1))


class Normalising(Remembering):
    form: str = option(("norm", "value"), "what is divided by", "norm")

    def update(self, state, oracle, k):
        slope = oracle.gradient(state.theta)
        size = dynopt.norm(slope) if self.form == "norm" else oracle.value(state.theta)
        return Position(state.theta - self.gamma * slope / size)


@pytest.mark.parametrize(
    ("method", "problem", "order", "words"),
    [
        ("gd(gamma=0.1)", "double-well", 5, "order=5 is outside [1, 4]"),
        ("gd(gamma=0.1)", "double-well", True, "order=True"),
        ("gd(gamma=0.1)", "thesis-2.1", 2, "choose a smooth landscape"),
        ("gd(gamma=1/(k+1))", "double-well", 2, "varies with the iteration"),
        ("normalized_gd(gamma=0.1)", "double-well", 2, "does not run on symbols"),
        ("aggregated_momentum(gamma=0.1, momentum1=0, momentum2=0.9)", "double-well", 2, "does not tend to the identity"),
        ("qhm(gamma=0.1, momentum=0.9, nu=0)", "double-well", 2, "invertible"),
        (dynopt.explicit_euler(dynopt.VanishingDIN)(gamma=0.1), "double-well", 2, "varies in time"),
        (Remembering(gamma=0.1), "double-well", 2, "does not tend to the identity"),
        (FarAhead(gamma=0.1), "double-well", 2, "does not vanish with the step"),
        (Counting(gamma=0.1), "double-well", 2, "depends on the iteration"),
        (Normalising(gamma=0.1), "double-well", 2, "not a polynomial"),
        (Normalising(gamma=0.1, form="value"), "double-well", 2, "values of J"),
    ],
)
def test_misuse(method, problem, order, words):
    with pytest.raises(Misuse) as said:
        modified_equation(dynopt.method(method) if isinstance(method, str) else method, dynopt.problem(problem), order)
    assert words in str(said.value)
