"""Many runs of one algorithm at once: state blocks of shape (batch, n), the time loop outside, events on every path."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import is_schedule

CHECK = 16
"""Steps between two looks for finished runs; the same on every device, so that results are too."""
_LANES = 64
"""Lanes are kept in multiples of this, so that vectorised kernels have no odd tails."""
_CROWDED = 0.75
"""Finished runs are taken out when they leave fewer than this part of the lanes at work."""

Event = Callable[[torch.Tensor], torch.Tensor]
"""θ of shape (batch, n) ↦ whether the event holds, a boolean tensor of shape (batch,)."""


@dataclass(frozen=True)
class Paths:
    """What a batch of runs did.

    Attributes
    ----------
    first : for each event, the first step k ≤ ``steps`` at which it held (0 is the start), or −1; int64 (batch,).
    arrival : what ``arrived`` returned when the run came to rest, −1 for the others; int64 (batch,).
    diverged : whether a state block became non-finite; bool (batch,).
    final : θ where the run was left; (batch, n).
    lane_steps : updates done, over all runs.
    """

    first: dict[str, torch.Tensor]
    arrival: torch.Tensor
    diverged: torch.Tensor
    final: torch.Tensor
    lane_steps: int


def run_batch(
    method: Algorithm,
    oracle: Oracle,
    theta0: torch.Tensor,
    events: Mapping[str, Event],
    *,
    steps: int,
    linger: int = 0,
    lazy: Collection[str] = (),
    arrived: Callable[[Any], torch.Tensor] | None = None,
    finished: Callable[[int], None] | None = None,
) -> Paths:
    """Run ``method`` from every row of ``theta0`` and note when each event first holds.

    A run ends when a state block is no longer finite; when ``arrived`` says so after the first event
    in ``events`` (the principal one) has held; ``linger`` steps after the principal event; or at
    ``steps``, where the principal event has not held.  Without ``arrived`` it also ends when all
    events have held.  Runs are looked at every `CHECK` steps and taken out of the batch; each row's
    result depends on that row alone.

    Parameters
    ----------
    method : in floating point (`System.numeric`).
    oracle : one with ``of(rows)`` answers each run on a sample of its own (see `dynopt.ensemble.noise`) and is
        asked for those of the rows still at work.
    theta0 : starts, (batch, n); its dtype and device are those of the run.
    events : principal event first.
    lazy : events that cost more than taking out the runs for which they have held.
    arrived : state blocks of shape (batch, n) ↦ int64 (batch,), the number of the place where the run
        has come to rest, or −1.
    finished : told how many runs have ended since it was last called.
    """
    batch, device = theta0.shape[0], theta0.device
    names = list(events)
    never = torch.full((batch,), -1, dtype=torch.int64, device=device)
    first = {name: never.clone() for name in names}
    arrival, diverged, final = never.clone(), torch.zeros(batch, dtype=torch.bool, device=device), theta0.clone()

    index, working = _padded(torch.arange(batch, device=device))
    theta0 = theta0[index]
    runs: Any = oracle
    several = hasattr(oracle, "of")
    asked = runs.of(index) if several else oracle
    scheduled = any(is_schedule(getattr(method, p.name)) for p in method.numbers())
    state = method.at(0).init(theta0, asked.at(0))
    pending = {name: torch.ones(len(index), dtype=torch.bool, device=device) for name in names}
    waited = {name: torch.zeros(len(index), dtype=torch.int32, device=device) for name in names}
    open_events = list(names)
    lane_steps = k = 0
    while True:
        if k <= steps:
            for name in open_events:
                if name in lazy:
                    rows = (pending[name] & working).nonzero()[:, 0]
                    pending[name][rows] = ~events[name](state[0][rows])
                else:
                    pending[name] &= ~events[name](state[0])
                waited[name] += pending[name]
        if k % CHECK == 0 or k == steps + linger:
            finite = torch.isfinite(torch.stack([block.sum(-1) for block in state]).sum(0))
            place = torch.full_like(index, -1) if arrived is None else arrived(state)
            out = ~pending[names[0]]
            place = torch.where(out & finite, place, -1)
            over = ~finite | (place >= 0) | torch.where(out, k - waited[names[0]] >= linger, k >= steps)
            if arrived is None:
                over |= torch.stack([~pending[name] for name in names]).all(0)
            over &= working
            ended = int(over.sum())
            if ended:
                rows = index[over]
                for name in names:
                    first[name][rows] = torch.where(pending[name], -1, waited[name])[over].long()
                arrival[rows], diverged[rows], final[rows] = place[over], ~finite[over], state[0][over]
                working &= ~over
                left = int(working.sum())
                if finished is not None:
                    finished(ended)
                if not left:
                    break
                if left < _CROWDED * len(index):
                    keep, mask = _padded(working.nonzero()[:, 0])
                    index, working = index[keep], mask
                    asked = runs.of(index) if several else oracle
                    state = type(state)(*(block[keep] for block in state))
                    pending = {name: flags[keep] for name, flags in pending.items()}
                    waited = {name: counts[keep] for name, counts in waited.items()}
            open_events = [name for name in open_events if k < steps and bool(pending[name].any())]
        lane_steps += len(index)
        current = method.at(k) if scheduled else method
        state = current.update(state, asked.at(k), k)
        k += 1
    return Paths(first, arrival, diverged, final, lane_steps)


def _padded(index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The indices filled up to a multiple of `_LANES` with the last one, and a mask of the true ones."""
    missing = -len(index) % _LANES
    mask = torch.ones(len(index) + missing, dtype=torch.bool, device=index.device)
    if missing:
        mask[len(index) :] = False
        index = torch.cat([index, index[-1:].expand(missing)])
    return index, mask
