"""Counter-based random numbers: what run i draws depends on (seed, i) alone.

Philox-4x32-10 (Salmon, Moraes, Dror, Shaw 2011) in integer tensor arithmetic, so that every device
gives the same bits.  The 128-bit counter is

    (run mod 2³², run div 2³², block, stream + 4·step),        key = (seed mod 2³², seed div 2³²):

a run has its own counters, ``block`` numbers the quadruples of words it draws, ``step`` is the
iteration (below 2³⁰), ``stream`` separates purposes (0: starts, `NOISE`, `BATCHES`, `OWN`).  Integers agree
bit for bit on every device; uniforms are exact multiples of 2⁻⁵³ and agree bit for bit too; normals
pass through log, cos and sin and agree to a few units in the last place between devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_CELLS = 16384
"""Most entries that are transformed at once on the CPU (see `_by_rows`)."""

NOISE, BATCHES, OWN = 1, 2, 3
"""Streams of what is drawn in every iteration: additive noise; members of mini-batches; what a method draws itself."""

Words = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Four 32-bit words from a 128-bit counter and a 64-bit key: Philox-4x32 with ten rounds.

    Parameters
    ----------
    counter : four int64 tensors of one shape with values in [0, 2³²).
    key : two integers in [0, 2³²).

    Examples
    --------
    >>> zero = torch.zeros(1, dtype=torch.int64)
    >>> [f"{int(w):08x}" for w in philox((zero, zero, zero, zero), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        high0, low0 = _product(_MULTIPLIERS[0], c0)
        high1, low1 = _product(_MULTIPLIERS[1], c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def _product(a: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """High and low 32 bits of a·x, in halves of x so that no int64 overflows."""
    low, high = a * (x & 0xFFFF), a * (x >> 16)
    return (high + (low >> 16)) >> 16, (low + ((high & 0xFFFF) << 16)) & _MASK


def words(seed: int, first: int, stop: int, blocks: int, *, stream: int = 0, device: str | torch.device = "cpu") -> Words:
    """The words of runs ``first`` … ``stop`` − 1 in iteration 0: four int64 tensors of shape (stop − first, blocks)."""
    return words_of(seed, torch.arange(first, stop, dtype=torch.int64, device=device), blocks, stream=stream)


def words_of(seed: int, runs: torch.Tensor, blocks: int, *, stream: int, step: int = 0) -> Words:
    """The words of the runs listed, an int64 tensor (batch,), in iteration ``step``: four int64 tensors of shape (batch, blocks)."""
    run, block = torch.broadcast_tensors(runs[:, None], torch.arange(blocks, dtype=torch.int64, device=runs.device)[None, :])
    counter = (run & _MASK, run >> 32, block, torch.full_like(block, stream + 4 * step))
    return philox(counter, (seed & _MASK, seed >> 32))


def uniforms(seed: int, first: int, stop: int, count: int, *, stream: int = 0, device: str | torch.device = "cpu") -> torch.Tensor:
    """Uniform numbers in (0, 1], float64 of shape (stop − first, count), multiples of 2⁻⁵³.

    >>> bool((uniforms(7, 0, 4, 3)[2:] == uniforms(7, 2, 4, 3)).all())
    True
    """

    def draw(first: int, stop: int) -> torch.Tensor:
        a, b, c, d = words(seed, first, stop, -(-count // 2), stream=stream, device=device)
        pairs = torch.stack([_unit(a, b), _unit(c, d)], dim=-1)
        return pairs.reshape(stop - first, -1)[:, :count]

    return _by_rows(draw, first, stop, count, device)


def normals(seed: int, first: int, stop: int, count: int, *, stream: int = 0, device: str | torch.device = "cpu") -> torch.Tensor:
    """Standard normal numbers by Box–Muller, float64 of shape (stop − first, count), at most 8.6 in size.

    (u, v) ↦ √(−2 log u)·(cos 2πv, sin 2πv).
    """

    def draw(first: int, stop: int) -> torch.Tensor:
        return _box_muller(words(seed, first, stop, -(-count // 2), stream=stream, device=device), count)

    return _by_rows(draw, first, stop, count, device)


def _box_muller(words: Words, count: int) -> torch.Tensor:
    a, b, c, d = words
    radius, angle = torch.sqrt(-2 * torch.log(_unit(a, b))), 2 * math.pi * _unit(c, d)
    pairs = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    return pairs.reshape(len(a), -1)[:, :count]


def normals_of(seed: int, runs: torch.Tensor, count: int, *, step: int, stream: int = NOISE) -> torch.Tensor:
    """What the runs listed draw in iteration ``step``: standard normals, float64 of shape (batch, count).

    They are drawn in pieces of whole rows, a multiple of 64 in number and too small for torch to cut
    across threads: where the batch is such a multiple, a run's numbers do not depend on its neighbours.

    >>> runs = torch.arange(64)
    >>> bool((normals_of(7, runs, 3, step=5) == normals_of(7, runs.flip(0), 3, step=5).flip(0)).all())
    True
    """
    rows = max(64, _CELLS // max(1, count) // 64 * 64)
    blocks = -(-count // 2)
    return torch.cat([_box_muller(words_of(seed, some, blocks, stream=stream, step=step), count) for some in runs.split(rows)])


def uniforms_of(seed: int, runs: torch.Tensor, *, stream: int, step: int) -> torch.Tensor:
    """One uniform number in (0, 1] for each of the runs listed in iteration ``step``, float64 (batch, 1), of the block before the first.

    >>> bool((uniforms_of(7, torch.arange(3), stream=OWN, step=2) > 0).all())
    True
    """
    run = runs[:, None]
    a, b, _, _ = philox(
        (run & _MASK, run >> 32, torch.full_like(run, _MASK), torch.full_like(run, stream + 4 * step)), (seed & _MASK, seed >> 32)
    )
    return _unit(a, b)


def subsets_of(seed: int, runs: torch.Tensor, size: int, total: int, *, step: int) -> torch.Tensor:
    """What the runs listed draw in iteration ``step`` (stream `BATCHES`): subsets of {0, …, total − 1}, int64 (batch, size).

    Every subset of ``size`` members has the same probability (Floyd's algorithm, Bentley 1987; uniforms
    have 53 bits).

    >>> subsets_of(7, torch.arange(2), 3, 3, step=0).sort(-1).values.tolist()
    [[0, 1, 2], [0, 1, 2]]
    """
    a, b, c, d = words_of(seed, runs, -(-size // 2), stream=BATCHES, step=step)
    draws = 1 - torch.stack([_unit(a, b), _unit(c, d)], dim=-1).reshape(len(runs), -1)  # in [0, 1)
    chosen = torch.full((len(runs), size), -1, dtype=torch.int64, device=runs.device)
    for i, last in enumerate(range(total - size, total)):
        candidate = (draws[:, i] * (last + 1)).long()
        taken = (chosen[:, :i] == candidate[:, None]).any(-1)
        chosen[:, i] = torch.where(taken, last, candidate)
    return chosen


def _unit(high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
    """(n + 1)·2⁻⁵³ for the 53-bit integer n made of the 27 leading bits of one word and the 26 leading bits of the next."""
    return ((high >> 5) * 2**26 + (low >> 6) + 1).to(torch.float64) * 2.0**-53


def _by_rows(draw: Callable[[int, int], torch.Tensor], first: int, stop: int, count: int, device: str | torch.device) -> torch.Tensor:
    """Draw in blocks of rows that are aligned to the run index.

    Vectorised log and cos on a CPU may round the tail of an array differently from its body; in
    aligned blocks of one size a run always sits at the same place, whatever the batch.
    """
    if torch.device(device).type != "cpu":
        return draw(first, stop)
    rows = max(1, _CELLS // max(1, count))
    edges = range(first - first % rows, stop, rows)
    whole = torch.cat([draw(edge, edge + rows) for edge in edges]) if len(edges) else draw(first, first)
    offset = first - first % rows
    return whole[first - offset : stop - offset]
