"""Domains, declared parameters and their laws."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import sympy as sp

import dynopt
from dynopt import INNA, DampedGradientDescent, GradientDescent, HeavyBall, Misuse, power_decay, staircase_decay
from dynopt.core.parameter import Domain


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("(0, oo)", [Fraction(1, 10**30), 1, 1e300], [0, -1, math.nan, math.inf]),
        ("[0, oo)", [0, 5], [-1e-300]),
        ("[0, 1)", [0, 0.5, Fraction(10**20 - 1, 10**20)], [1, 1.0, -0.1]),
        ("(-1, 1]", [1, 0], [-1, 1 + 1e-15]),
    ],
)
def test_domain_membership_is_exact_at_its_ends(text, inside, outside):
    domain = Domain.parse(text)
    assert str(domain) == text
    assert all(domain.contains(v) for v in inside)
    assert not any(domain.contains(v) for v in outside)


def test_symbols_are_judged_by_their_assumptions():
    assert Domain.parse("(0, oo)").contains(sp.Symbol("x", positive=True))
    assert not Domain.parse("(0, oo)").contains(sp.Symbol("x", negative=True))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GradientDescent(gamma=-1), ["gd", "gamma", "-1", "(0, oo)", "step-size"]),
        (lambda: GradientDescent(gamma="fast"), ["gamma", "'fast'", "not a number"]),
        (lambda: GradientDescent(gamma=True), ["gamma", "True", "not a number"]),
        (lambda: HeavyBall(gamma=1, momentum=1), ["momentum", "1", "[0, 1)"]),
        (lambda: INNA.make(gamma=1, alpah=2), ["alpah", "did you mean alpha?"]),
        (lambda: GradientDescent.make(), ["gd", "gamma", "step-size"]),
        (lambda: INNA(gamma=1, start="torch"), ["start", "'torch'", "thesis or pytorch or keras"]),
        (lambda: INNA(gamma=1).replace(betta=1), ["betta", "did you mean beta?"]),
        (lambda: GradientDescent(gamma=sp.Symbol("g", positive=True)).numeric(), ["gamma", "symbol g", "give it a number"]),
    ],
)
def test_misuse_names_value_law_and_remedy(make, words):
    with pytest.raises(Misuse) as caught:
        make()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert all(word in sentence for word in words), sentence


def test_schedules_are_evaluated_at_their_iteration():
    rule = power_decay(1, Fraction(1, 2))
    method = GradientDescent(gamma=rule)
    assert method.at(3).gamma == 0.5
    assert method.gamma is rule, "at() must not change the method"
    assert method.numeric().at(0).gamma == 1.0


def test_a_method_is_its_constructor_call():
    method = INNA(alpha=Fraction(1, 3), beta=1, gamma=Fraction(1, 50))
    assert repr(method) == "INNA(alpha=1/3, beta=1, start='thesis', speed=1, gamma=1/50)"
    assert dynopt.method(method.call()) == method
    with pytest.raises(AttributeError):
        method.gamma = 1


def test_the_staircase_steps_down_after_every_period():
    linear, root, table = staircase_decay(0.3, 100), staircase_decay(0.3, 100, Fraction(1, 2)), staircase_decay(0.1, 50, 0.5, 0.5)
    assert [linear(k) for k in (0, 1, 100, 101, 200, 201)] == pytest.approx([0.3, 0.15, 0.15, 0.1, 0.1, 0.075])
    assert [root(k) for k in (0, 1, 100, 301, 400, 801)] == pytest.approx([0.3, 0.15, 0.15, 0.1, 0.1, 0.075])
    assert table(1000) == pytest.approx(0.1 / (1 + 0.5 * 20**0.5))
    for rule in (linear, root, table):  # the formula is what the command line reads
        again = dynopt.method(DampedGradientDescent(gamma=rule).call()).gamma
        assert [again(k) for k in range(0, 300, 7)] == pytest.approx([rule(k) for k in range(0, 300, 7)], rel=1e-15)
