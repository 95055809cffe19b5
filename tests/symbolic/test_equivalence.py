"""Relations between methods, against torch.optim and against known identities."""

import numpy as np
import pytest
import torch

import dynopt
from dynopt import Algorithm, Flow
from dynopt.core.oracle import FunctionOracle
from dynopt.core.registry import METHODS, method_class
from dynopt.symbolic.equivalence import Equivalence, _rest_check, equivalent
from dynopt.symbolic.relations import relations
from dynopt.symbolic.symbols import symbolic


def path(method, state, slope, steps):
    oracle = FunctionOracle(lambda x: x, slope)
    points = []
    for _ in range(steps):
        points.append(state[0])
        state = method.update(state, oracle, 0)
    return np.array(points)


def test_inna_at_beta_equal_gamma_is_torch_sgd_with_momentum():
    """The relation says: β = γ makes INNA the heavy ball with step γ² and momentum 1 − αγ.  torch.optim is the judge."""
    relation = equivalent("inna", "heavy_ball").relations[0]
    assert relation.verified
    assert relation.substitution == {"inna.beta": "gamma", "gamma": "gamma**2", "momentum": "-alpha*gamma + 1"}
    alpha, gamma = 0.7, 0.3
    x = torch.tensor([1.5, -0.4], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=gamma**2, momentum=1 - alpha * gamma)
    expected = []
    for _ in range(40):
        expected.append(x.detach().numpy().copy())
        optimizer.zero_grad()
        (x.cosh().sum() + (x**4).sum() / 10).backward()
        optimizer.step()
    inna = dynopt.INNA(alpha=alpha, beta=gamma, gamma=gamma)
    start = np.array([1.5, -0.4])
    psi = (1 - alpha * gamma) * start  # from previous = −ψ/(αγ − 1) = θ₀, the heavy ball's rest
    state = type(inna.init(start, FunctionOracle(lambda x: x, lambda x: x)))(start, psi)
    assert np.allclose(path(inna, state, lambda x: np.sinh(x) + 0.4 * x**3, 40), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("heavy_ball", "heavy_ball_velocity(dampening=0)", {"gamma": "gamma", "momentum": "momentum"}),
        ("nesterov", "triple_momentum", {"gamma": "gamma", "momentum": "momentum", "extrapolation": "momentum"}),
        ("heavy_ball", "triple_momentum", {"gamma": "gamma", "momentum": "momentum", "extrapolation": "0"}),
        ("nesterov", "qhm", {"gamma": "-gamma/(momentum - 1)", "momentum": "momentum", "nu": "momentum"}),  # Ma, Yarats 2019
        ("innaprop_frozen", "inna", {"alpha": "alpha/sqrt(gain)", "beta": "beta*sqrt(gain)", "gamma": "sqrt(gain)*gamma"}),
    ],
)
def test_known_identities(first, second, expected):
    relation = equivalent(first, second).relations[0]
    assert relation.substitution == expected
    assert relation.verified


def test_methods_that_are_not_related_have_no_relation():
    assert equivalent("din", "hbf").relations == ()
    # a heavy ball with positive momentum is no gradient descent
    assert equivalent("heavy_ball(momentum=1/2)", "gd").relations == ()


def test_a_wrong_state_change_is_not_verified():
    import sympy as sp

    from dynopt.symbolic.equivalence import _numeric_check, _symbolic_check
    from dynopt.symbolic.symbols import symbolic

    one, two = symbolic("heavy_ball"), symbolic("triple_momentum(extrapolation=0)")
    assert _symbolic_check(one, two, sp.eye(2))
    assert _numeric_check(one, two, sp.eye(2))
    wrong = sp.Matrix([[1, 0], [0, 2]])
    assert not _symbolic_check(one, two, wrong)
    assert not _numeric_check(one, two, wrong)
    other = symbolic("nesterov")
    assert not _symbolic_check(one, other, sp.eye(2))
    assert not _numeric_check(one, other, sp.eye(2))


@pytest.mark.slow
def test_relations_of_one_method():
    found = relations("heavy_ball")
    by_name = {e.second: e for e in found.pairs}
    iterations = [n for n in METHODS if issubclass(method_class(n), Algorithm)]
    assert len(by_name) == len(found.pairs) == len(iterations) - 1  # every other registered iteration
    assert all(r.verified for e in found.pairs for r in e.relations)
    assert by_name["aggregated_momentum"].relations[0].substitution == {"gamma": "gamma", "momentum1": "momentum", "momentum2": "momentum"}
    assert by_name["qhm"].relations[0].substitution["nu"] == "1"
    assert "2 gradients" in by_name["midpoint_din"].note
    assert "2 gradients" in by_name["step_tuned_frozen"].note
    assert by_name["innaprop_frozen"].note.startswith("only outside the domain")
    assert "take gamma < beta" in by_name["innaprop_frozen"].note


@pytest.mark.slow
def test_relations_of_flows():
    found = {e.second: e for e in relations("hbf").pairs}
    assert set(found) == {n for n in METHODS if issubclass(method_class(n), Flow)} - {"hbf"}
    assert found["din"].relations == ()  # the heavy ball with friction is a limit of DIN, not a member
    assert "depends on t" in found["nesterov_flow"].note
    assert relations("din").pairs[0].relations[0].substitution == {"din.alpha": "1", "din.beta": "1"}


def test_the_degenerate_member_needs_two_special_parameters():
    (relation,) = equivalent("aggregated_momentum", "gd").relations
    assert relation.substitution == {"aggregated_momentum.momentum1": "0", "aggregated_momentum.momentum2": "0", "gamma": "gamma"}
    assert relation.verified


@pytest.mark.slow
def test_hidden_modes_on_both_sides_are_compared_from_rest():
    """With two velocities without memory and a cancelled pole both are gradient descent; no state change links them."""
    relation = equivalent("triple_momentum", "aggregated_momentum").relations[0]
    assert relation.state_change == {}
    assert "started at rest" in relation.condition
    assert relation.verified
    one, two = symbolic("heavy_ball(momentum=1/2)"), symbolic("heavy_ball(momentum=1/3)")
    assert not _rest_check(one, two)


def test_a_pair_that_takes_too_long_is_undecided():
    (found,) = [e for e in relations("aggregated_momentum", seconds=0.02).pairs if e.second == "semi_implicit_din"]
    assert found.relations == ()
    assert found.note.startswith("undecided")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inna", "nesterov", "triple_momentum"])
def test_every_relation_that_is_reported_is_verified(name):
    """Rows of the table of all pairs, whose cost grows with the square of the number of methods."""
    found = relations(name)
    assert sum(len(e.relations) for e in found.pairs) >= 5
    assert all(r.verified for e in found.pairs for r in e.relations)


def test_all_pairs_are_asked_for(monkeypatch):
    monkeypatch.setattr("dynopt.symbolic.relations.equivalent", lambda first, second: Equivalence(first, second, ()))
    asked = [(e.first, e.second) for e in relations().pairs]
    assert asked[0][0] == "inna"
    flows = {n for n in METHODS if issubclass(method_class(n), Flow)}
    kinds = (flows, set(METHODS) - flows)
    assert len(asked) == len(set(asked))
    assert set(asked) == {(a, b) for kind in kinds for a in kind for b in kind if a != b}


@pytest.mark.parametrize(
    ("pair", "message"),
    [(("din", "inna"), "is a flow"), (("midpoint_din", "inna"), "2 gradients"), (("nesterov_flow", "hbf"), "depends on t")],
)
def test_misuse(pair, message):
    with pytest.raises(dynopt.Misuse, match=message):
        equivalent(*pair)


@pytest.mark.slow
def test_the_known_relations_as_claims():
    result = dynopt.verify("analysis/equivalences.py")
    assert result.counts == {"proved": 15}
