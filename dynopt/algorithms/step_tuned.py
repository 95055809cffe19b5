"""Step-Tuned SGD, and the same with its step frozen."""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any, NamedTuple

from dynopt.core.algebra import inner, maximum, minimum, one, where
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, is_schedule, is_symbolic, number, option
from dynopt.core.state import Position
from dynopt.errors import Misuse


class Averaged(NamedTuple):
    """The position θ, the moving average G of the gradients' variations, and the gain γ_k, a number for each run."""

    theta: Any
    average: Any
    gain: Any


class Tuned(Algorithm):
    """What the step-tuned methods share: a step-size γ·γ_k/c_k with a gain γ_k from the curvature along the last step.

    For a step Δθ and a variation Δg of the gradient along it the gain is

        ‖Δθ‖²/⟨Δg, Δθ⟩  where ⟨Δg, Δθ⟩ > 0,  ν elsewhere (large steps where the objective is concave),

    clipped to [m̃, M̃] = [``lower``, ``upper``].  ``decay`` is that of the published texts: c_k = (k+1)^{1/2+δ}
    (``iteration``, their pseudo-code), the same with the number of the epoch in place of k (``epoch``, their
    experiments; an epoch has ``per_epoch`` iterations), or c_k = 1 (``none``, for a schedule in ``gamma``).

    A ν outside [m̃, M̃] acts as the nearer end, and a warning says so: with the defaults ν = 5 is ν = 2.
    """

    gamma: Scalar = number("(0, oo)", "scaling of the step-size, the papers' alpha")
    nu: Scalar = number("(0, oo)", "gain where the curvature is not positive", 2)
    lower: Scalar = number("(0, oo)", "smallest gain", Fraction(1, 2))
    upper: Scalar = number("(0, oo)", "largest gain", 2)
    delta: Scalar = number("(0, 1/2)", "the step-size decays with the power 1/2 + delta", Fraction(1, 1000))
    decay: str = option(("iteration", "epoch", "none"), "what the decay of the step-size counts", "iteration")
    per_epoch: Scalar = number("[1, oo)", "iterations in an epoch, for decay=epoch", 1)

    def laws(self) -> tuple[Any, ...]:
        return (self.upper - self.lower,)

    def check(self) -> None:
        if any(is_schedule(v) or is_symbolic(v) for v in (self.nu, self.lower, self.upper)):
            return
        if not self.lower < self.upper:
            raise Misuse(f"{self.name}: lower={self.lower} is not below upper={self.upper}; the gain lies between them: take lower < upper")
        acts = min(max(self.nu, self.lower), self.upper)
        if acts != self.nu:
            clip = f"[{float(self.lower):g}, {float(self.upper):g}]"
            warnings.warn(
                f"{self.name}: nu={float(self.nu):g} is outside the clip {clip} and acts as nu={float(acts):g}; move upper or lower",
                stacklevel=2,
            )

    def scale(self, k: Any) -> Any:
        """γ/c_k, the step-size but for the gain."""
        if self.decay == "none":
            return self.gamma
        count = k if self.decay == "iteration" else k // self.per_epoch
        return self.gamma / (count + 1) ** ((1 + 2 * self.delta) / 2)

    def tuned(self, moved: Any, change: Any) -> Any:
        """The gain, of shape ``(*batch, 1)``, for the step Δθ and the variation Δg."""
        along = inner(change, moved)
        ratio = inner(moved, moved) / where(along > 0, along, 1)
        return minimum(maximum(where(along > 0, ratio, self.nu), self.lower), self.upper)


class StepTunedSGD(Tuned):
    """Step-Tuned SGD: each mini-batch serves two half-steps, and the variation of its gradient tunes the next step-size.

    θ½ = θ − (γγ_k/c_k)∇J_B(θ),   θ⁺ = θ½ − (γγ_k/c_k)∇J_B(θ½),   γ_0 = 1,
    G⁺ = βG + (1 − β)(∇J_B(θ½) − ∇J_B(θ)),   Ĝ = G⁺/(1 − β^{k+1}),
    γ_{k+1} = ‖Δθ‖²/⟨Ĝ, Δθ⟩ if that is positive, else ν, clipped to [m̃, M̃];   Δθ = θ½ − θ.

    One iteration asks for two gradients on one mini-batch B.  c_k, ν, m̃ and M̃ are those of `Tuned`.  β = 1,
    which the publication's input line admits, is excluded: Ĝ would be 0/0.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> run = iterates(method("step_tuned_sgd(gamma=0.1)"), Quadratic([1/2, 1]), (2, 1), steps=1)
    >>> run.states.gain.ravel().round(4)  # 1 divided by the curvature along the first step, 3/4
    array([1.    , 1.3333])
    """

    name = "step_tuned_sgd"
    references = ("Castera, Bolte, Févotte, Pauwels 2022, Algorithm 2", "thesis, Algorithm 3")

    beta: Scalar = number("[0, 1)", "memory of the average of gradient variations", Fraction(9, 10))

    def init(self, theta0: Any, oracle: Oracle) -> Averaged:
        return Averaged(theta0, theta0 - theta0, one(theta0))

    def update(self, state: Averaged, oracle: Oracle, k: Any) -> Averaged:
        theta, average, gain = state
        step = self.scale(k) * gain
        slope = oracle.gradient(theta)
        moved = -step * slope
        half = theta + moved
        ahead = oracle.gradient(half)
        average = self.beta * average + (1 - self.beta) * (ahead - slope)
        return Averaged(half - step * ahead, average, self.tuned(moved, average / (1 - self.beta ** (k + 1))))


class FrozenStepTuned(Algorithm):
    """Step-Tuned SGD with its tuned step frozen at γ: two half-steps on one mini-batch per iteration.

    θ½ = θ − γ∇J(θ),   θ⁺ = θ½ − γ∇J(θ½)
    """

    name = "step_tuned_frozen"
    references = ("Castera, Bolte, Févotte, Pauwels 2022, Algorithm 2",)

    gamma: Scalar = number("(0, oo)", "frozen step-size of each half-step")

    def init(self, theta0: Any, oracle: Oracle) -> Position:
        return Position(theta0)

    def update(self, state: Position, oracle: Oracle, k: Any) -> Position:
        half = state.theta - self.gamma * oracle.gradient(state.theta)
        return Position(half - self.gamma * oracle.gradient(half))
