"""Convergence bounds against published corollaries, exact dynamics and deliberately broken inputs."""

from __future__ import annotations

import numpy as np
import pytest

from dynopt import GradientDescent, Quadratic
from dynopt.core.problem import oracle
from dynopt.errors import Misuse
from dynopt.flow.iterates import iterates
from dynopt.symbolic.collect import claims_of
from dynopt.training.claimed import claimed, proved
from dynopt.training.measured import along, held, left_side
from dynopt.training.theorems import BOUNDS, convergence_bound, staged


def test_the_published_choices_give_the_published_multiples_of_epsilon():
    """4ε for α = 2ε/L, T + 1 = LF/(2ε²); 8ε for α = ε/L₀, T + 1 = L₀F/ε² (Theorems 1 and 2)."""
    L, gap, eps = 3.0, 5.0, 0.1
    smooth = convergence_bound("sngd")(L=L, gap=gap, gamma=2 * eps / L, steps=L * gap / (2 * eps**2) - 1, variance=eps**2)
    growth = convergence_bound("sngd-growth")(L0=L, L1=4, gap=gap, gamma=eps / L, steps=L * gap / eps**2 - 1, variance=eps**2)
    assert smooth.values == pytest.approx(4 * eps)
    assert growth.values == pytest.approx(8 * eps)


def test_the_stagewise_bounds_give_corollaries_1_and_2():
    """(2δ/S + Lρ)/(T+1) + 2ε for ρ/(t+1); δ(1−2ρ)/(S(1−(2ρ)^T)) + … for ρᵗ, whose sums are geometric."""
    T, rho, S, L, ceiling, var = 7, 0.25, 1.5, 2.0, 0.9, 0.04
    t = np.arange(T)
    harmonic = convergence_bound("s_sngd")(L=L, ceiling=ceiling, variance=var, **staged(rho / (t + 1), (t + 1) / rho, S))
    assert harmonic.values == pytest.approx((2 * ceiling / S + L * rho) / (T + 1) + 2 * 0.2)
    growth = convergence_bound("s_sngd-growth")(L0=L, L1=2, ceiling=ceiling, variance=var, **staged(rho / (t + 1), (t + 1) / rho, S))
    assert growth.values == pytest.approx((4 * ceiling / S + 4 * L * rho) / (T + 1) + 4 * 0.2)
    constants = staged(rho**t, (2 * rho) ** -(t + 1.0), 2)
    total = ((2 * rho) ** -T - 1) / (1 - 2 * rho)
    expected = ceiling * (2 * rho) ** -T / (2 * total) + L * (1 - 2.0**-T) / rho / (2 * total) + 2 * 0.2
    assert convergence_bound("s_sngd")(L=L, ceiling=ceiling, variance=var, **constants).values == pytest.approx(expected)
    for wrong in ((rho / (t + 1), np.ones(T)[::-1] / (t + 1), S), (rho / (t + 1), np.ones(T), 0.3)):
        with pytest.raises(Misuse, match="the theorems need"):
            staged(*wrong)


def test_the_bound_of_gradient_descent_is_the_classical_one_and_attained():
    """γ = 1/β, δ = 2μ: 1 − μ/β; on ½βx² with γ = 1/(2β) the values fall by ¼, on the bound's 1 − 2βγ(1 − βγ/2) by the same."""
    bound = convergence_bound("gd")
    assert bound(L=4, error=2, gamma=0.25, gap=1, k=[0, 1, 2]).values == pytest.approx([1, 0.75, 0.75**2])
    run = iterates(GradientDescent(gamma=0.125), Quadratic([4]), (1.0,), steps=5)
    exact = 2 * run.theta[:, 0] ** 2
    assert bound(L=4, error=8, gamma=0.125, gap=2, k=np.arange(6)).values == pytest.approx(exact)


def test_the_bounds_of_step_tuned_sgd():
    """One step from θ = 1 on ½θ², η = α: the change is ((1−η)⁴ − 1)/2; the rate as the ledger's remark spells it out."""
    eta = 0.01
    one = convergence_bound("step_tuned-step")(L=1, C2=1, eta=eta, square=1).values
    change = ((1 - eta) ** 4 - 1) / 2
    assert change <= one
    assert (change + 2 * eta) / (one + 2 * eta) == pytest.approx(1 - 2 * eta / 3, abs=1e-4)
    both = {"L": 1, "C2": 1, "gamma": eta, "lower": 1, "upper": 1}
    assert convergence_bound("step_tuned")(square=1, delta=0.1, k=0, **both).values == pytest.approx(one)
    L, C2, gap, alpha, low, high, delta, k = 3.0, 2.0, 5.0, 0.2, 0.5, 2.0, 0.1, np.array([1.0, 10.0, 1e4])
    shared = {"L": L, "C2": C2, "gap": gap, "gamma": alpha, "lower": low, "upper": high, "delta": delta}
    rate = convergence_bound("step_tuned-rate")(k=k, **shared).values
    by_hand = (gap + 3 * alpha**2 * high**2 * L * C2**2 * (1 + 1 / (2 * delta))) / (2 * alpha * low) * k ** -(0.5 - delta)
    assert rate == pytest.approx(by_hand)
    steps = [np.arange(1, n + 1) ** -(0.5 + delta) for n in (1, 10, 10000)]
    sums = {"sum_of_steps": [s.sum() for s in steps], "sum_of_squares": [(s * s).sum() for s in steps]}
    assert np.all(convergence_bound("step_tuned-sums")(**sums, **shared).values < rate)


GOOD = {
    "gamma": 0.1, "gap": 1, "variance": 0, "L": 1, "L0": 1, "L1": 1, "steps": 10, "length": 1, "ceiling": 1, "last_weight": 2, "weights": 3,
    "products": 1, "delta": 0.1, "lower": 0.5, "upper": 2, "C2": 1, "error": 0.5, "square": 1, "eta": 0.1, "k": 3, "sum_of_steps": 2,
    "sum_of_squares": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_knows_its_hypotheses(name):
    bound = convergence_bound(name)
    good = {n: GOOD[n] for n in bound.needs}
    assert bound(**good).applies
    assert bound.claim in {c.id for c in claims_of(claims_file(bound.claim))}
    for constant, bad in (("gamma", -0.1), ("L", np.inf), ("variance", -1), ("L1", 6), ("delta", 0.5), ("upper", 0.9), ("eta", 0)):
        if constant in good:
            found = bound(**good | {constant: bad})
            assert (found.values, found.applies) == (None, False)
            assert any(constant in text for text in found.unmet)
            both = bound(**good | {constant: [good[constant], bad]})  # one that does not apply is enough
            assert (both.values, both.applies) == (None, False)
    if name == "gd":
        assert bound(**good | {"gamma": 2.1}).unmet == ("gamma <= 2/L",)
    for broken, said in (({"extra": 1}, "no constant 'extra'"), ({bound.needs[0]: np.nan}, "is not a number")):
        with pytest.raises(Misuse, match=said):
            bound(**good | broken)
    with pytest.raises(Misuse, match="needs"):
        bound(**dict(list(good.items())[1:]))


def claims_file(claim):
    from dynopt.store.bundled import bundled

    return next(p for p in sorted(bundled("analysis").glob("*.py")) if f'id="{claim}"' in p.read_text(encoding="utf-8"))


def test_only_proved_parts_are_read():
    """The refuted conclusions of a claim are out of reach: its correction's parts are offered instead."""
    claim = claimed("step_tuned_descent", "s-descent")
    with pytest.raises(Misuse, match="no proved part"):
        proved(claim, "N = 1, J = ½Lθ²")
    with pytest.raises(Misuse, match="did you mean z-theorem1"):
        claimed("normalized_sgd", "z-theorem11")
    with pytest.raises(Misuse, match="there is no bound 'sgd'"):
        convergence_bound("sgd")


def test_what_runs_measure():
    v = np.array([[4.0, 1.0, 3.0], [2.0, 1.0, 7.0]])
    average, least, value = (left_side(left, v) for left in ("average", "least", "value"))
    assert average.values == pytest.approx([3, 2, 3])
    assert average.errors == pytest.approx([1, 0.5, 1 / 3])  # half the difference of two runs' averages
    assert least.values == pytest.approx([3, 1, 1])
    assert least.errors == pytest.approx([1, 0, 0])
    assert value.values == pytest.approx([4, 1, 7])
    with pytest.raises(Misuse, match="there is no left-hand side"):
        left_side("averge", v)
    with pytest.raises(Misuse, match="one row for each run"):
        left_side("average", v[0])
    watched = along(
        GradientDescent(gamma=0.5).numeric(), oracle(Quadratic([1])), np.ones((2, 1)), 5, {"x": lambda s: s.theta[:, 0]}, every=2
    )
    assert watched["x"][1] == pytest.approx([1, 1 / 4, 1 / 16, 1 / 32])


def test_a_run_above_a_bound_is_seen_and_one_within_its_error_is_not():
    bound = convergence_bound("sngd")
    right = bound(L=1, gamma=0.1, gap=0, variance=0, steps=np.arange(3))  # 0.05 at every T
    spread = np.array([[0.04] * 3, [0.08] * 3])  # mean 0.06, standard error 0.02: within four of them
    assert held(bound, right, left_side("average", spread)).outcome == "holds"
    above = held(bound, right, left_side("average", np.full((5, 3), 0.0501)))
    assert (above.outcome, above.exceeded_at, above.largest_ratio) == ("exceeded", (0, 1, 2), pytest.approx(1.002))
    assert held(bound, right, left_side("average", np.array([[0.01, np.nan, 0.01]] * 3))).exceeded_at == (1, 2)
    outside = held(bound, bound(L=1, gamma=-0.1, gap=0, variance=0, steps=1), left_side("average", np.ones((5, 3))))
    assert (outside.outcome, outside.unmet) == ("not applicable", ("gamma > 0",))
    with pytest.raises(Misuse, match="evaluate that one"):
        held(convergence_bound("gd"), right, left_side("average", spread))
