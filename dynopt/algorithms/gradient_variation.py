"""Stochastic-GV, Exact-GV and Expected-GV: mini-batch steps whose size follows the variation of a gradient.

They are the heuristics that lead to Step-Tuned SGD; the last two need more than mini-batches give.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dynopt.algorithms.step_tuned import Tuned
from dynopt.core.algebra import one, where
from dynopt.core.oracle import Oracle


class Moved(NamedTuple):
    """The position θ, the last step Δθ, and the gradient that was seen where it began."""

    theta: Any
    moved: Any
    slope: Any


class Gained(NamedTuple):
    """The position θ and the gain γ_k, a number for each run."""

    theta: Any
    gain: Any


class StochasticGV(Tuned):
    """Stochastic-GV: the variation is that of two mini-batch gradients, each on a batch of its own.

    θ⁺ = θ − (γγ_k/c_k)∇J_{B_k}(θ),   γ_0 = 1,
    γ_k = ‖Δθ_k‖²/⟨∇J_{B_k}(θ_k) − ∇J_{B_{k−1}}(θ_{k−1}), Δθ_k⟩ if that is positive, else ν, clipped to [m̃, M̃]

    with Δθ_k = θ_k − θ_{k−1}; the sign is tested with that Δθ_k (the printed Δθ_{B_k} is not defined).  The
    difference measures the noise of the batches more than the curvature, which is why it performs badly.
    Without mini-batches it is a damped Barzilai–Borwein method.  c_k, ν, m̃, M̃ are those of `Tuned`.

    >>> from dynopt import method
    >>> method("stochastic_gv(gamma=0.1)").call()
    'stochastic_gv(gamma=1/10)'
    """

    name = "stochastic_gv"
    references = ("Castera, Bolte, Févotte, Pauwels 2022, Algorithm 3", "thesis §4.9")

    def init(self, theta0: Any, oracle: Oracle) -> Moved:
        return Moved(theta0, theta0 - theta0, theta0 - theta0)

    def update(self, state: Moved, oracle: Oracle, k: Any) -> Moved:
        theta, moved, before = state
        slope = oracle.gradient(theta)
        gain = where(k > 0, lambda: self.tuned(moved, slope - before), lambda: one(theta))
        step = -(self.scale(k) * gain) * slope
        return Moved(theta + step, step, slope)


class ExactGV(Tuned):
    """Exact-GV: mini-batch steps, and the variation of the full gradient, which each iteration asks for.

    θ⁺ = θ − (γγ_k/c_k)∇J_{B_k}(θ),   γ_0 = 1,
    γ_k = ‖Δθ_k‖²/⟨∇J(θ_k) − ∇J(θ_{k−1}), Δθ_k⟩ if that is positive, else ν, clipped to [m̃, M̃]

    c_k, ν, m̃ and M̃ are those of `Tuned`.  Without mini-batches it is Stochastic-GV.

    >>> from dynopt import method
    >>> method("exact_gv(gamma=0.1, decay=epoch, per_epoch=10)").call()
    'exact_gv(gamma=1/10, decay=epoch, per_epoch=10)'
    """

    name = "exact_gv"
    references = ("Castera, Bolte, Févotte, Pauwels 2022, Algorithm 4", "thesis §4.9")

    def init(self, theta0: Any, oracle: Oracle) -> Moved:
        return Moved(theta0, theta0 - theta0, theta0 - theta0)

    def update(self, state: Moved, oracle: Oracle, k: Any) -> Moved:
        theta, moved, before = state
        slope = oracle.full_gradient(theta)
        gain = where(k > 0, lambda: self.tuned(moved, slope - before), lambda: one(theta))
        step = -(self.scale(k) * gain) * oracle.gradient(theta)
        return Moved(theta + step, step, slope)


class ExpectedGV(Tuned):
    """Expected-GV: the variation is what a half-step of Step-Tuned SGD sees on average over the draw of its mini-batch.

    θ⁺ = θ + Δθ,   Δθ = −s∇J_{B_k}(θ),   s = γγ_k/c_k,   γ_0 = 1,
    γ_{k+1} = ‖Δθ‖²/⟨−s E[C(θ)], Δθ⟩ if that is positive, else ν, clipped to [m̃, M̃];   C(θ) = ∇²J_S(θ)∇J_S(θ)

    which is ‖Δθ‖‖∇J_{B_k}(θ)‖/⟨−E[C(θ)], Δθ⟩, the recursion that gave the method its name.  Algorithm 5 prints the
    factor α/(k−1)^{1/2+δ} of γ_k's variation, which does not exist for k = 1 and differs from that recursion by
    ((k−1)/k)^{1/2+δ} later; here it is the step-size α/k^{1/2+δ}·γ_{k−1} of θ_k − θ_{k−1} (claim s-expected-step).

    The expectation is the oracle's (``expected_variation``).  c_k, ν, m̃ and M̃ are those of `Tuned`.

    >>> from dynopt import method
    >>> method("expected_gv(gamma=0.1)").call()
    'expected_gv(gamma=1/10)'
    """

    name = "expected_gv"
    references = ("Castera, Bolte, Févotte, Pauwels 2022, Algorithm 5", "thesis, Algorithm 6")

    def init(self, theta0: Any, oracle: Oracle) -> Gained:
        return Gained(theta0, one(theta0))

    def update(self, state: Gained, oracle: Oracle, k: Any) -> Gained:
        theta, gain = state
        step = self.scale(k) * gain
        moved = -step * oracle.gradient(theta)
        return Gained(theta + moved, self.tuned(moved, -step * oracle.expected_variation(theta)))
