"""The basin that a point lies in: where descent from it ends, and how close it comes to a saddle on its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from dynopt.escape.saddle import Place

STEPS = 20_000
"""Most steps of a descent."""


def basin(problem: Any, theta: torch.Tensor, places: Sequence[Place]) -> torch.Tensor:
    """The number of the place at which descent from each row of ``theta`` ends, −1 for none; int64 (batch,).

    θ⁺ = θ − ∇J(θ)/(2‖∇²J(θ)‖_F): half of what the local curvature allows, so that J falls and the steps follow
    the gradient flow from basin to minimiser without jumping over a ridge.  What a *method* does from
    the same point is another question: with momentum it may pass this minimiser and end at another.

    Parameters
    ----------
    theta : points, (batch, n).
    places : where descent can end, with the distance within which it has (`dynopt.escape.saddle.Place`).

    Examples
    --------
    >>> import dynopt
    >>> from dynopt.escape.saddle import find_saddle
    >>> saddle = find_saddle(dynopt.problem("double-well"))
    >>> basin(saddle.problem, torch.tensor([[0.1, 3.0], [-2.0, 0.0]], dtype=torch.float64), saddle.minima)
    tensor([1, 0])
    """
    return descend(problem, theta, places)[0]


def descend(
    problem: Any, theta: torch.Tensor, places: Sequence[Place], point: np.ndarray | None = None, within: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """`basin`, and the shortest distance of each descent from ``point``, (batch,); a descent that comes ``within`` it ends there.

    >>> import dynopt
    >>> from dynopt.escape.saddle import find_saddle
    >>> saddle = find_saddle(dynopt.problem("double-well"))
    >>> start = torch.tensor([[1e-6, 3.0], [1.0, 3.0]], dtype=torch.float64)  # the first comes down beside the saddle
    >>> descend(saddle.problem, start, saddle.minima, saddle.point, within=0.5)[0]
    tensor([-1,  1])
    """
    found = torch.full(theta.shape[:1], -1, dtype=torch.int64)
    nearest = torch.full(theta.shape[:1], torch.inf, dtype=theta.dtype)
    active = torch.arange(len(theta))
    points = [torch.as_tensor(p.point, dtype=theta.dtype) for p in places]
    for _ in range(STEPS):
        for i, (place, goal) in enumerate(zip(places, points, strict=True)):
            found[active[torch.linalg.vector_norm(theta - goal, dim=-1) <= place.reach]] = i
        keep = (found[active] < 0) & torch.isfinite(theta).all(-1)
        if point is not None:
            distance = torch.linalg.vector_norm(theta - torch.as_tensor(point, dtype=theta.dtype), dim=-1)
            nearest[active] = torch.fmin(nearest[active], distance)
            keep &= distance >= within
        if not bool(keep.any()):
            break
        active, theta = active[keep], theta[keep]
        curvature = torch.linalg.matrix_norm(torch.as_tensor(problem.hessian(theta)))
        theta = theta - problem.gradient(theta) / (2 * curvature)[:, None]
    return found, nearest
