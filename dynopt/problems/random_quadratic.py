"""A quadratic form as a finite sum: the simplest objective with mini-batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dynopt.core.problem import oracle
from dynopt.errors import Misuse
from dynopt.problems.points import like, positive, whole
from dynopt.problems.quadratic import Quadratic


class RandomQuadratic(Quadratic):
    """J = (1/N) Σ J_n,  J_n(θ) = ½ Σ λ_p θ_p² + ⟨b_n, θ⟩,  with Σ b_n = 0: the mean is `Quadratic`.

    The gradient of a mini-batch is ∇J + (mean of its b_n): additive noise that does not depend on θ.
    The b_n are seeded normals, centred and scaled so that (1/N) Σ b_np² = spread² for every p; a batch
    of size s drawn without replacement has the noise variance (spread²/s)·(N − s)/(N − 1) per coordinate.

    Parameters
    ----------
    spectrum : the eigenvalues of the Hessian.
    samples : N, at least 2.
    spread, seed : of the linear terms.

    Examples
    --------
    >>> q = RandomQuadratic([-1, 2], samples=8, spread=3)
    >>> (q.linear**2).mean(0).round(12).tolist()
    [9.0, 9.0]
    """

    def __init__(self, spectrum: Sequence[Any], samples: Any = 100, spread: Any = 1, seed: Any = 0) -> None:
        super().__init__(spectrum)
        self.samples, self.seed = whole("random-quadratic", "samples", samples, 2), whole("random-quadratic", "seed", seed, 0)
        self.spread = positive("random-quadratic", "spread", spread)
        drawn = np.random.default_rng(self.seed).standard_normal((self.samples, self.dimension))
        drawn -= drawn.mean(0)
        self.linear = float(self.spread) * drawn / np.sqrt((drawn**2).mean(0))
        self.name = f"random-{self.name[:-1]}, samples={self.samples}, spread={self.spread})"

    def __repr__(self) -> str:
        listed = ", ".join(map(str, self.spectrum))
        return f"RandomQuadratic([{listed}], samples={self.samples}, spread={self.spread}, seed={self.seed})"

    def sample_value(self, x: Any, chosen: Any) -> Any:
        """The mean of J_n(x) over the terms chosen, (batch, b) integers."""
        return self.value(x) + (self._tilt(x, chosen) * x).sum(-1)

    def sample_gradient(self, x: Any, chosen: Any) -> Any:
        """The mean of ∇J_n(x) over the terms chosen, (batch, b) integers."""
        return self.gradient(x) + self._tilt(x, chosen)

    def mean_variation(self, x: Any) -> Any:
        """The mean of ∇²J_n(x) ∇J_n(x) over all terms: that of ∇²J ∇J, since the ∇²J_n are equal."""
        return oracle(self).expected_variation(x)

    def _tilt(self, x: Any, chosen: Any) -> Any:
        return like(self.linear, x)[chosen].mean(-2)


def random_quadratic(*, spectrum: Any = (-1, 1), samples: Any = 100, spread: Any = 1, seed: Any = 0) -> RandomQuadratic:
    """`RandomQuadratic` from a call of the command line."""
    if not isinstance(spectrum, (list, tuple)):
        raise Misuse(f"spectrum={spectrum!r} is not a list of eigenvalues; write spectrum=[-1, 1]")
    return RandomQuadratic(list(spectrum), samples, spread, seed)
