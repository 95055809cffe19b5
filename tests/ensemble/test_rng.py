"""Philox against the published known answers and big-integer arithmetic; draws depend on (seed, run) alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from dynopt.ensemble import rng

KNOWN_ANSWERS = [  # philox4x32 10 in the kat_vectors of Random123: counter, key, answer
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def hexadecimal(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(counter, key, answer):
    words = rng.philox(tuple(torch.tensor([w]) for w in hexadecimal(counter)), tuple(hexadecimal(key)))
    assert [int(w) for w in words] == hexadecimal(answer)


def philox_in_integers(counter, key):
    """Philox-4x32-10 in Python integers, products in full."""
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k0, b % 2**32, (a >> 32) ^ c[3] ^ k1, a % 2**32]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c


PLACES = [(0, 0, 0, 0), (7, 3, 1, 0), (2**64 - 1, 2**32 + 5, 2, 1), (2**40 + 9, 10**12, 0, 3)]


@pytest.mark.parametrize(("seed", "run", "block", "stream"), PLACES)
def test_counter_layout(seed, run, block, stream):
    expected = philox_in_integers([run % 2**32, run >> 32, block, stream], (seed % 2**32, seed >> 32))
    words = rng.words(seed, run, run + 1, block + 1, stream=stream)
    assert [int(w[0, block]) for w in words] == expected


def test_uniforms_are_53_bits_of_two_words():
    a, b, c, d = (int(w[0, 0]) for w in rng.words(5, 17, 18, 1))
    expected = [(int(f"{high:032b}"[:27] + f"{low:032b}"[:26], 2) + 1) / 2**53 for high, low in ((a, b), (c, d))]
    assert rng.uniforms(5, 17, 18, 2)[0].tolist() == expected


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("draw", [rng.uniforms, rng.normals])
def test_a_run_draws_the_same_in_every_batch(draw, count):
    whole = draw(3, 0, 20_001 if count < 10 else 701, count)
    for first, stop in [(0, 1), (1, 2), (5, 133), (130, 700)]:
        assert torch.equal(draw(3, first, stop, count), whole[first:stop])
    assert torch.equal(draw(3, len(whole) - 1, len(whole), count), whole[-1:])


def test_empty_batches():
    assert rng.normals(0, 5, 5, 3).shape == (0, 3)


def test_seeds_and_streams_differ():
    draws = [rng.uniforms(s, 0, 4, 2, stream=t) for s in (0, 1, 2**32) for t in (0, 1)]
    assert all(not torch.equal(a, b) for i, a in enumerate(draws) for b in draws[:i])


def test_distributions():
    z, u = rng.normals(11, 0, 40_000, 3).numpy(), rng.uniforms(12, 0, 40_000, 3).numpy()
    assert u.min() > 0
    assert u.max() <= 1
    for column in range(3):
        assert stats.kstest(z[:, column], "norm").pvalue > 1e-3
        assert stats.kstest(u[:, column], "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < 4 / np.sqrt(len(z))
    assert abs(np.corrcoef(z[:-1, 0], z[1:, 0])[0, 1]) < 4 / np.sqrt(len(z))
    assert stats.kstest(np.hypot(z[:, 0], z[:, 1]), "rayleigh").pvalue > 1e-3
