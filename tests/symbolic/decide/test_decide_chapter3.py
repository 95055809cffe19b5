"""Statements of the kind that thesis Chapter 3 makes: both deciders prove them, and both refute every damaged copy."""

import pytest
from sympy import Abs, And, Equivalent, Max, Min, Ne, Or, Rational, sqrt, symbols

from dynopt.symbolic.decide import decide, definedness, satisfiable
from dynopt.symbolic.witness import breaks

alpha, beta, gamma, lam, L, mu, m, x, y = symbols("alpha beta gamma lambda L mu m x y", real=True)


def disc(v):
    return (alpha + beta * v) ** 2 - 4 * v


def det(v):
    return 1 - gamma * (alpha + beta * v) + gamma**2 * v


def bound(v, scale=1):
    return scale * (beta / 2 + alpha / (2 * v) - sqrt(disc(v)) / (2 * v))


def spiral(side, scale=2):
    return (2 - alpha * beta) / beta**2 + side * scale * sqrt(1 - alpha * beta) / beta**2


def jury(v):
    return And(v > 0, alpha + beta * v - gamma * v > 0, 4 - 2 * gamma * (alpha + beta * v) + gamma**2 * v > 0)


root = sqrt(disc(lam))
flow_plus, flow_minus = (-(alpha + beta * lam) + root) / 2, (-(alpha + beta * lam) - root) / 2
map_plus, map_minus = 1 - gamma / 2 * (alpha + beta * lam) + gamma / 2 * root, 1 - gamma / 2 * (alpha + beta * lam) - gamma / 2 * root
signs = [alpha >= 0, beta > 0]
step = [alpha > 0, beta > 0, L > 0, disc(L) >= 0, gamma > 0, gamma < Min(bound(L), beta)]
inside = And(lam >= spiral(-1), lam <= spiral(1))
heavy_ball = [m >= 0, m < 1, gamma > 0, mu > 0, lam >= mu, lam <= L]
heavy_ball_disc = (1 + m - gamma * lam) ** 2 - 4 * m

TRUE = [
    ("lemma 3.6, only if, product", [*signs, disc(lam) <= 0], alpha * beta <= 1),
    ("lemma 3.6, only if, interval", [*signs, disc(lam) <= 0, alpha * beta <= 1], inside),
    ("lemma 3.6, if", [*signs, alpha * beta <= 1, inside], disc(lam) <= 0),
    ("lemma 3.6, both", [*signs, alpha * beta <= 1], Equivalent(disc(lam) <= 0, inside)),
    ("lemma 3.6, open", [*signs, alpha * beta <= 1, lam > spiral(-1), lam < spiral(1)], disc(lam) < 0),
    ("the interval is non-negative", [*signs, alpha * beta <= 1], spiral(-1) >= 0),
    ("negative curvature, flow", [lam < 0], flow_plus > 0),
    ("negative curvature, map, plus", [gamma > 0, lam < 0], map_plus > 1),
    ("negative curvature, map, minus", [gamma > 0, lam < 0], map_minus < 1),
    ("positive curvature, flow", [*signs, lam > 0, disc(lam) >= 0], And(flow_plus < 0, flow_minus < 0)),
    ("(3.20) is positive", [alpha > 0, beta > 0, L > 0, disc(L) >= 0], Min(bound(L), beta) > 0),
    ("theorem 3.12", [*step, lam >= -L, lam <= L], Ne(det(lam), 0)),
    ("theorem 3.12 at zero", [*step, alpha * beta <= 1], Ne(gamma, 1 / alpha)),
    ("stable, complex case", [*step, lam > 0, lam <= L, disc(lam) <= 0], det(lam) < 1),
    ("exact diffeomorphism", [gamma > 0, L > 0, lam >= -L, lam <= L, det(-L) > 0, det(L) > 0], det(lam) > 0),
    ("stable at the ends", [*signs, gamma > 0, mu > 0, lam >= mu, lam <= L, jury(mu), jury(L)], jury(lam)),
    ("lemma 3.13, positive", [alpha > 0, beta > 0, alpha * beta > 1, x > 0, x < y], bound(x) > bound(y)),
    ("lemma 3.13, negative", [alpha > 0, beta > 0, alpha * beta > 1, x < y, y < 0], bound(x) > bound(y)),
    ("lemma 3.14, strict", [alpha > 0, beta > 0, alpha * beta < 1, x < y, y < 0], bound(x) < bound(y)),
    ("lemma 3.15, left, weak", [alpha > 0, beta > 0, alpha * beta <= 1, x > 0, x < y, y <= spiral(-1)], bound(x) <= bound(y)),
    ("(3.27)", [alpha > 0, beta > 0, alpha * beta > 1, x > 0, x < y], alpha + beta * x + sqrt(disc(x)) < alpha + beta * y + sqrt(disc(y))),
    (
        "(3.28)",
        [alpha > 0, beta > 0, alpha * beta <= 1, x > 0, x <= L, disc(x) > 0, disc(L) >= 0],
        alpha + beta * x + sqrt(disc(x)) <= Max(2 * alpha, alpha + beta * L + sqrt(disc(L))),
    ),
    ("heavy ball, sufficient", [*heavy_ball, gamma < 2 * (1 + m) / L], And(lam > 0, 1 - m > 0, 2 + 2 * m - gamma * lam > 0)),
    ("heavy ball, necessary", [m >= 0, m < 1, gamma > 0, L > 0, 2 + 2 * m - gamma * L > 0], gamma < 2 * (1 + m) / L),
    (
        "heavy ball, real roots",
        [m >= 0, m < 1, gamma > 0, lam > 0, gamma * lam < 2 * (1 + m), heavy_ball_disc >= 0],
        And(*(Abs((1 + m - gamma * lam + s * sqrt(heavy_ball_disc)) / 2) < 1 for s in (1, -1))),
    ),
    (
        "nesterov, both",
        [m >= 0, m < 1, gamma > 0, L > 0],
        Equivalent(And(1 - m + gamma * L * m > 0, 2 + 2 * m - gamma * L * (1 + 2 * m) > 0), gamma < (2 + 2 * m) / (L * (1 + 2 * m))),
    ),
]

HEAVY = [
    ("stable, real case", [*step, lam > 0, lam <= L, disc(lam) > 0], And(Abs(map_plus) < 1, Abs(map_minus) < 1)),
    (
        "stable, real case, Jury",
        [*step, lam > 0, lam <= L, disc(lam) > 0],
        And(gamma**2 * lam - 2 * gamma * (alpha + beta * lam) + 4 > 0, det(lam) < 1),
    ),
]

more = Rational(101, 100)
DAMAGED = [
    ("lemma 3.6 with an open interval", [*signs, disc(lam) <= 0, alpha * beta <= 1], And(lam > spiral(-1), lam < spiral(1))),
    ("lemma 3.6, strict on the closed interval", [*signs, alpha * beta <= 1, inside], disc(lam) < 0),
    ("lemma 3.6, root 1 % longer", [*signs, alpha * beta <= 1, lam <= spiral(1, 2 * more), lam > 1 / beta**2], disc(lam) <= 0),
    ("lemma 3.6 without αβ ≤ 1", [*signs, disc(lam) > 0], alpha * beta > 1),
    ("the interval is positive", [*signs, alpha * beta <= 1], spiral(-1) > 0),
    ("negative curvature without γ > 0", [lam < 0], map_plus > 1),
    ("negative curvature, minus in modulus", [gamma > 0, lam < 0], Abs(map_minus) < 1),
    ("positive curvature without signs", [lam > 0, disc(lam) >= 0], flow_plus < 0),
    ("(3.20), 1 % more", [*step[:-1], gamma < bound(L, more), gamma < beta, lam >= -L, lam <= L], Ne(det(lam), 0)),
    ("(3.20) without β", [*step[:-1], gamma < bound(L), lam >= -L, lam <= L], Ne(det(lam), 0)),
    ("stable at one end only", [*signs, gamma > 0, mu > 0, lam >= mu, lam <= L, jury(L)], jury(lam)),
    ("lemma 3.13 without αβ > 1", [alpha > 0, beta > 0, x > 0, x < y, disc(x) >= 0, disc(y) >= 0], bound(x) > bound(y)),
    ("lemma 3.13 reversed", [alpha > 0, beta > 0, alpha * beta > 1, x > 0, x < y], bound(x) < bound(y)),
    ("lemma 3.14, strict at αβ = 1", [alpha > 0, beta > 0, alpha * beta <= 1, x < y, y < 0], bound(x) < bound(y)),
    ("(3.27) as a bound by 2α", [alpha > 0, beta > 0, alpha * beta > 1, x > 0], alpha + beta * x + sqrt(disc(x)) <= 2 * alpha),
    ("heavy ball, 1 % more", [*heavy_ball, gamma < 2 * more * (1 + m) / L], 2 + 2 * m - gamma * lam > 0),
    ("heavy ball, closed", [*heavy_ball, gamma <= 2 * (1 + m) / L], 2 + 2 * m - gamma * lam > 0),
    (
        "nesterov with the bound of the heavy ball",
        [m >= 0, m < 1, gamma > 0, L > 0, gamma < 2 * (1 + m) / L],
        2 + 2 * m - gamma * L * (1 + 2 * m) > 0,
    ),
    ("one of two", [lam < 0, gamma > 0], Or(map_plus < 1, map_minus > 1)),
]

BOTH = ["z3", "exact"]


def answers(decision):
    return {a.decider: a.answer for a in decision.answers}


@pytest.mark.parametrize(("name", "given", "then"), TRUE, ids=[s[0] for s in TRUE])
def test_true_statements_are_proved_by_both(name, given, then):
    decision = decide(given, then, seconds=20, deciders=BOTH)
    assert answers(decision) == {"z3": "proved", "exact": "proved"}
    assert decision.verdict == "proved"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "given", "then"), HEAVY, ids=[s[0] for s in HEAVY])
def test_heavy_statements_are_proved_by_both(name, given, then):
    assert decide(given, then, seconds=60, deciders=BOTH).verdict == "proved"


@pytest.mark.parametrize(("name", "given", "then"), DAMAGED, ids=[s[0] for s in DAMAGED])
def test_damaged_copies_are_refuted_by_both(name, given, then):
    decision = decide(given, then, seconds=20, deciders=BOTH)
    assert answers(decision) == {"z3": "refuted", "exact": "refuted"}
    assert decision.verdict == "refuted"
    assert all(breaks(a.witness, given, then) for a in decision.answers)


@pytest.mark.parametrize(("name", "given", "then"), TRUE, ids=[s[0] for s in TRUE])
def test_hypotheses_are_satisfiable_and_everything_exists(name, given, then):
    assert satisfiable(given, deciders=BOTH).verdict == "proved"
    undefined = [str(place) for place, d in definedness(given, then, deciders=BOTH) if d.verdict != "proved"]
    assert undefined == []
