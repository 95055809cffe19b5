"""Batched runs against one run at a time in NumPy, against torch.optim, and against themselves in other batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble import rng, run
from dynopt.problems.landscapes import double_well

METHODS = [
    "gd(gamma=0.02)", "inna(alpha=1/2, beta=1, gamma=0.02)", "heavy_ball(gamma=0.02, momentum=0.9)", "nesterov(gamma=0.02, momentum=0.5)",
    "gd(gamma=0.1/(k+1)**0.25)",
]  # fmt: skip
EVENTS = {"out": lambda x: x[:, 0].abs() >= 0.5, "far": lambda x: x[:, 0].abs() >= 1.2, "never": lambda x: x[:, 0].abs() > 50}


def starts(count=40, scale=1e-2, seed=0):
    return scale * rng.normals(seed, 0, count, 2)


def batch(method, theta0, events=EVENTS, **settings):
    settings = {"steps": 200, "linger": 60, **settings}
    return run.run_batch(dynopt.method(method).numeric(), oracle(double_well), theta0, events, **settings)


def one_by_one(method, theta0, steps):
    """The iterates of a single run in NumPy."""
    states = dynopt.method(method).numeric().states(theta0, oracle(double_well))
    return np.array([next(states)[0] for _ in range(steps + 1)])


@pytest.mark.parametrize("method", METHODS)
def test_first_times_are_those_of_single_runs(method):
    theta0 = starts(12)
    paths = batch(method, theta0)
    for i, start in enumerate(theta0.numpy()):
        size = np.abs(one_by_one(method, start, 200)[:, 0])
        for name, level in (("out", 0.5), ("far", 1.2)):
            hits = np.flatnonzero(size >= level)
            left_at = paths.first["out"][i] + 60  # the run is followed that far after its principal event, at least
            if len(hits) and hits[0] <= left_at:
                assert paths.first[name][i] == hits[0]
    assert (paths.first["never"] == -1).all()
    assert not paths.diverged.any()


def test_torch_sgd_takes_the_same_path():
    theta0 = starts(8, 0.3)
    parameter = torch.nn.Parameter(theta0.clone())
    optimizer = torch.optim.SGD([parameter], lr=0.01, momentum=0.8)
    seen = [theta0.clone()]
    for _ in range(48):
        optimizer.zero_grad()
        double_well.value(parameter).sum().backward()
        optimizer.step()
        seen.append(parameter.detach().clone())
    paths = batch("heavy_ball_velocity(gamma=0.01, momentum=0.8)", theta0, {"never": EVENTS["never"]}, steps=48)
    torch.testing.assert_close(paths.final, seen[-1], rtol=1e-12, atol=1e-14)
    out = batch("heavy_ball_velocity(gamma=0.01, momentum=0.8)", theta0, {"out": EVENTS["out"]}, steps=48).first["out"]
    size = torch.stack(seen)[:, :, 0].abs() >= 0.5
    expected = torch.where(size.any(0), size.to(torch.int8).argmax(0), -1)
    assert out.tolist() == expected.tolist()


def arrived(state):
    near = (state[0][:, 0].abs() - 2**0.5).abs() < 0.01
    return torch.where(near, (state[0][:, 0] > 0).long(), -1)


@pytest.mark.parametrize("method", METHODS[:3])
def test_rows_do_not_see_each_other(method):
    theta0 = starts(333)
    whole = batch(method, theta0, arrived=arrived, linger=300)
    order = torch.randperm(333, generator=torch.Generator().manual_seed(1))
    shuffled = batch(method, theta0[order], arrived=arrived, linger=300)
    pieces = [batch(method, theta0[a:b], arrived=arrived, linger=300) for a, b in ((0, 1), (1, 8), (8, 140), (140, 333))]
    for name in EVENTS:
        assert torch.equal(shuffled.first[name], whole.first[name][order])
        assert torch.equal(torch.cat([p.first[name] for p in pieces]), whole.first[name])
    for field in ("arrival", "final", "diverged"):
        assert torch.equal(getattr(shuffled, field), getattr(whole, field)[order])
        assert torch.equal(torch.cat([getattr(p, field) for p in pieces]), getattr(whole, field))
    assert set(whole.arrival.tolist()) == {0, 1}


def test_taking_out_finished_runs_changes_nothing(monkeypatch):
    theta0 = starts(500)
    kept = []
    for crowded in (0.0, 0.75, 2.0):
        monkeypatch.setattr(run, "_CROWDED", crowded)
        kept.append(batch(METHODS[1], theta0, arrived=arrived, linger=300))
    for other in kept[1:]:
        assert all(torch.equal(other.first[name], kept[0].first[name]) for name in EVENTS)
        assert torch.equal(other.final, kept[0].final)
        assert torch.equal(other.arrival, kept[0].arrival)
    assert kept[2].lane_steps < kept[0].lane_steps


def test_events_at_the_start_and_at_the_horizon():
    theta0 = torch.tensor([[0.7, 0.0], [0.1, 0.0]], dtype=torch.float64)
    exact = np.flatnonzero(np.abs(one_by_one("gd(gamma=0.02)", theta0[1].numpy(), 60)[:, 0]) >= 0.5)[0]
    for steps, expected in ((exact, exact), (exact - 1, -1)):
        paths = batch("gd(gamma=0.02)", theta0, {"out": EVENTS["out"]}, steps=int(steps))
        assert paths.first["out"].tolist() == [0, expected]


def test_an_event_after_the_horizon_does_not_count():
    """The run leaves within the horizon and is followed beyond it, but other events are not."""
    theta0 = torch.tensor([[0.1, 0.0]], dtype=torch.float64)
    path = np.abs(one_by_one("gd(gamma=0.02)", theta0[0].numpy(), 100)[:, 0])
    out, far = (int(np.flatnonzero(path >= level)[0]) for level in (0.5, 1.2))
    paths = batch("gd(gamma=0.02)", theta0, steps=(out + far) // 2, linger=200)
    assert (paths.first["out"].item(), paths.first["far"].item()) == (out, -1)
    assert abs(paths.final[0, 0]) > 1.2


def test_divergence_is_counted_and_is_no_exit():
    def undefined(x):
        return torch.sqrt(-1 - x[:, 0].abs()) >= 0  # NaN >= 0 does not hold

    theta0 = torch.full((3, 2), 5.0, dtype=torch.float64)
    paths = batch("gd(gamma=1)", theta0, {"undefined": undefined}, steps=500)
    assert paths.diverged.all()
    assert (paths.first["undefined"] == -1).all()
    assert not torch.isfinite(paths.final).all()
    assert paths.lane_steps <= 16 * 64  # and is not followed further


def test_nobody_arrives_before_leaving():
    """A run that rests at a minimiser but is not out by the principal event goes on to the horizon."""
    theta0 = torch.tensor([[2**0.5, 0.0]], dtype=torch.float64)
    paths = batch("gd(gamma=0.02)", theta0, {"never": EVENTS["never"]}, steps=64, arrived=arrived)
    assert (paths.arrival.item(), paths.first["never"].item(), paths.lane_steps) == (-1, -1, 64 * 64)


@pytest.mark.parametrize("linger", [0, 20, 33])
def test_a_run_is_followed_for_linger_steps_after_leaving(linger):
    theta0 = torch.tensor([[1e-6, 0.3]], dtype=torch.float64)
    path = one_by_one("gd(gamma=0.02)", theta0[0].numpy(), 200)
    out = int(np.flatnonzero(np.abs(path[:, 0]) >= 0.5)[0])
    paths = batch("gd(gamma=0.02)", theta0, linger=linger)
    left_at = -(-(out + linger) // run.CHECK) * run.CHECK
    np.testing.assert_allclose(paths.final[0].numpy(), path[left_at], rtol=1e-12)


def test_everyone_is_reported_finished_once():
    told = []
    batch(METHODS[0], starts(100), finished=told.append)
    assert sum(told) == 100


def test_single_precision():
    paths = batch(METHODS[1], starts(50).float(), {"out": EVENTS["out"]})
    assert paths.final.dtype == torch.float32
    double = batch(METHODS[1], starts(50), {"out": EVENTS["out"]}).first["out"]
    assert (paths.first["out"] - double).abs().max() <= 1
