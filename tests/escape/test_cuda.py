"""The same sample and the same escape times on CUDA as on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble import rng
from dynopt.ensemble.run import run_batch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")

INNA, GD = "inna(alpha=1/2, beta=1, gamma=0.02)", "gd(gamma=0.02)"


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_integers_and_uniforms_agree_bit_for_bit(seed):
    here, there = (rng.words(seed, 2**32 - 50, 2**32 + 50, 3, device=d) for d in ("cpu", "cuda"))
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))
    assert torch.equal(rng.uniforms(seed, 0, 10_001, 3), rng.uniforms(seed, 0, 10_001, 3, device="cuda").cpu())


def test_normals_agree_to_a_few_units_in_the_last_place():
    here, there = rng.normals(1, 0, 100_001, 3), rng.normals(1, 0, 100_001, 3, device="cuda").cpu()
    # near its zeros the cosine has an absolute, not a relative, error
    torch.testing.assert_close(there, here, rtol=2e-15, atol=1e-15)


@pytest.mark.parametrize("method", [GD, INNA, "heavy_ball(gamma=0.02, momentum=0.9)", "nesterov(gamma=0.02, momentum=0.9)"])
def test_first_times_agree_from_the_same_starts(method):
    problem = dynopt.problem("double-well")
    theta0 = 1e-12 * rng.normals(5, 0, 20_000, 2)
    events = {"out": lambda x: x[:, 0].abs() >= 0.5}
    numeric, asked = dynopt.method(method).numeric(), oracle(problem)
    found = [run_batch(numeric, asked, theta0.to(d), events, steps=400, linger=32) for d in ("cpu", "cuda")]
    gap = (found[0].first["out"] - found[1].first["out"].cpu()).abs()
    assert gap.max() <= 1  # one step where |θ₁| passes 0.5 within rounding
    assert (gap > 0).sum() <= 2
    torch.testing.assert_close(found[1].final.cpu(), found[0].final, rtol=1e-9, atol=1e-12)


def test_studies_agree():
    studies = [dynopt.escape_study([INNA, GD], runs=50_000, seed=6, device=d) for d in ("cpu", "cuda")]
    for here, there in zip(studies[0].methods, studies[1].methods, strict=True):
        assert "cuda" in there.engine
        assert [d.count for d in here.destinations] == [d.count for d in there.destinations]
        for a, b in zip(here.times, there.times, strict=True):
            assert a.escaped == b.escaped == 50_000
            assert np.abs(np.cumsum(a.counts) - np.cumsum(b.counts)).max() <= 2  # at most two runs are rounded to another step
            assert b.kolmogorov < 1.95 / 50_000**0.5


def test_a_device_that_is_not_there():
    with pytest.raises(dynopt.Misuse, match="is not there"):
        dynopt.escape_study(GD, runs=5, device=f"cuda:{torch.cuda.device_count()}")


def test_a_campaign_on_every_gpu(tmp_path):
    """One worker process for each GPU, the counts of one process."""
    from dynopt.escape.campaign import campaign

    asked = {"methods": [INNA], "runs": 200_000, "seed": 6, "also": [], "device": "cuda", "engine": "fused"}
    found = campaign(asked | {"shard": 50_000}, tmp_path / "c", "processes")
    assert found.finished == 4
    assert np.array_equal(found.study.methods[0].times[0].counts, dynopt.escape_study(**asked).methods[0].times[0].counts)
