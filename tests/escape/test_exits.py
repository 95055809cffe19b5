"""Every definition of leaving against its sentence, at random points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynopt
from dynopt.ensemble.trace import Untraceable
from dynopt.escape.exits import MEANINGS, make_exit, other_exits
from dynopt.escape.expressions import expression
from dynopt.escape.saddle import find_saddle
from dynopt.escape.starts import draw

WELL = dynopt.problem("double-well")
OBLIQUE = dynopt.Landscape(lambda x, y: (x - y) ** 2 / 2 - (x + y - 4) ** 2 / 2 + (x + y - 4) ** 4 / 64, name="oblique")
POINTS = 1.6 * np.random.default_rng(0).standard_normal((400, 2))


def holds(text, problem, points, radius=0.5, saddle=None):
    found = make_exit(text, find_saddle(problem, saddle), radius)
    return found.holds(torch.as_tensor(points)).numpy()


@pytest.mark.parametrize(("problem", "saddle"), [(WELL, (0, 0)), (OBLIQUE, (2, 2))])
def test_meanings(problem, saddle):
    x = POINTS + np.array(saddle)
    shift, value, top = POINTS, problem.value(x), problem.value(np.array(saddle, float))
    minima = [np.array([float(v) for v in c.point]) for c in problem.critical_points() if c.kind == "minimum"]
    along = shift[:, 0] if problem is WELL else shift @ np.array([1, 1]) / 2**0.5
    expected = {
        "coordinate": np.abs(along) >= 0.5,
        "coordinate(radius=1.25)": np.abs(along) >= 1.25,
        "ball": np.linalg.norm(shift, axis=1) >= 0.5,
        "concave": np.linalg.eigvalsh(problem.hessian(x))[:, 0] >= 0,
        "hessian(curvature=1.5)": np.linalg.eigvalsh(problem.hessian(x))[:, 0] >= 1.5,
        "drop(amount=2)": top - value >= 2,
        "basin(radius=0.75)": np.min([np.linalg.norm(x - m, axis=1) for m in minima], axis=0) <= 0.75,
    }
    for text, truth in expected.items():
        assert 10 < truth.sum() < 390
        assert np.array_equal(holds(text, problem, x, saddle=saddle), truth), text


def test_many_dimensions():
    problem = dynopt.Quadratic([-1, -2, *range(1, 11)])
    x = np.random.default_rng(1).standard_normal((50, 12))
    assert np.array_equal(holds("ball(radius=3.4)", problem, x), np.linalg.norm(x, axis=1) >= 3.4)
    assert np.array_equal(holds("coordinate(radius=1)", problem, x), np.linalg.norm(x[:, :2], axis=1) >= 1)


def test_concave_in_one_and_three_dimensions():
    line = dynopt.Landscape(lambda x: x**4 - x**2)
    assert holds("concave", line, np.array([[0.4], [0.41]]), saddle=(0,)).tolist() == [False, True]  # 12x² = 2 at 0.408
    space = dynopt.Landscape(lambda x, y, z: x**4 - x**2 + y**2 + x * y / 10 + z**2)
    x = np.random.default_rng(2).standard_normal((60, 3))
    expected = np.linalg.eigvalsh(space.hessian(x))[:, 0] >= 0
    assert np.array_equal(holds("concave", space, x, saddle=(0, 0, 0)), expected)


def test_the_default_drop_is_the_quadratic_model_s():
    assert make_exit("drop", find_saddle(WELL), 0.5).text == "drop(amount=1)"  # ½·8·0.5²


def test_the_default_curvature_is_half_that_of_the_minimisers():
    assert make_exit("hessian", find_saddle(WELL), 0.5).text == "hessian(curvature=1)"  # diag(16, 2) at (±√2, 0)
    with pytest.raises(dynopt.Misuse, match="not a positive number"):
        make_exit("hessian", find_saddle(dynopt.Quadratic([-8, 2])), 0.5)


def test_a_point_that_is_no_number_is_not_out():
    assert not holds("ball", WELL, np.full((3, 2), np.nan)).any()


def test_the_others():
    saddle = find_saddle(WELL)
    names = [e.name for e in other_exits(make_exit("coordinate", saddle, 0.5), saddle, 0.5)]
    assert sorted([*names, "coordinate", "hessian", "descent"]) == sorted(MEANINGS)
    flat = find_saddle(dynopt.Quadratic([-8, 2]))
    assert [e.name for e in other_exits(make_exit("ball", flat, 0.5), flat, 0.5)] == ["coordinate", "drop"]
    wide = [e.name for e in other_exits(make_exit("ball", saddle, 2.0), saddle, 2.0)]
    assert "basin" not in wide  # minimisers are √2 away: it would hold at the saddle


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bal", "did you mean ball"),
        ("ball(r=2)", "no parameter 'r'; write ball"),
        ("concave(radius=1)", "no parameter 'radius'; write concave"),
        ("ball(radius=-1)", "not a positive number"),
        ("ball(radius=big)", "is not a number"),
        ("basin(radius=2)", "already holds at the saddle"),
        ("ball(0.5)", "value without a name"),
    ],
)
def test_misuse(text, said):
    with pytest.raises(dynopt.Misuse, match=said):
        make_exit(text, find_saddle(WELL), 0.5)


def test_descent_is_the_path_of_the_gradient_flow():
    """On the double well x² = 2/(1 + (2/x₀² − 1)e^{−16t}) and y = y₀e^{−2t}: how close to the origin does it come?"""
    points = np.concatenate([POINTS, [[s * 10.0**-i, h] for i in range(1, 9) for s in (-1, 1) for h in (0.7, 2.0)]])
    x, y, t = points[:, :1], points[:, 1:], np.linspace(0, 5, 4001)
    nearest = np.sqrt(2 / (1 + (2 / x**2 - 1) * np.exp(-16 * t)) + y**2 * np.exp(-4 * t)).min(1)
    out = holds("descent", WELL, points)
    clear = np.abs(nearest - 0.5) > 0.1  # the descent takes steps of half the inverse curvature
    assert clear.mean() > 0.9
    assert np.array_equal(out[clear], nearest[clear] >= 0.5)
    assert 10 < (out != holds("ball", WELL, points)).sum() < 60  # out of the ball, but on a path that comes back to it
    assert not holds("descent", WELL, np.array([[0.0, 1.0], [np.nan, 1.0]])).any()  # down to the saddle itself


def test_runs_are_asked_for_a_descent_until_they_are_out():
    """First times from whole batches at every step; the engine asks the others only."""
    saddle = find_saddle(WELL)
    exit = make_exit("descent", saddle, 0.5)
    study = dynopt.escape_study("gd(gamma=0.02)", runs=200, exit="descent", also=["basin"], scale=1.0, engine="auto", max_steps=100)
    theta = draw("gaussian", 1.0, saddle, seed=0, first=0, stop=200, device="cpu", dtype=torch.float64)
    first = torch.full((200,), -1)
    for k in range(101):
        first[(first < 0) & exit.holds(theta)] = k
        theta = theta - 0.02 * torch.as_tensor(WELL.gradient(theta))
    assert np.array_equal(study.methods[0].times[0].counts, np.bincount(first[first >= 0], minlength=101))
    with pytest.raises(Untraceable, match="path from every point"):
        expression(exit, saddle, WELL.symbols)


def test_exits_that_cannot_happen():
    saddle = find_saddle(dynopt.Quadratic([-8, 2]))
    with pytest.raises(dynopt.Misuse, match="exit 'descent' has no meaning"):
        make_exit("descent", saddle, 0.5)
    with pytest.raises(dynopt.Misuse, match="never happens"):
        make_exit("concave", saddle, 0.5)
    with pytest.raises(dynopt.Misuse, match="lists no minimiser"):
        make_exit("basin", saddle, 0.5)
