"""Stagewise SNGD and stagewise SGD: the step-size falls from stage to stage."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import Any

from dynopt.algorithms.rescaled_gradient import direction
from dynopt.algorithms.sngd import moved, started
from dynopt.core.algebra import sequence
from dynopt.core.algorithm import Algorithm
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Scalar, is_schedule, is_symbolic, number, option
from dynopt.errors import Misuse


@dataclass(frozen=True)
class Stages:
    """The stages as functions of the iteration k: step-sizes, the iterations at which they end, and the output's weights.

    ``each`` is p_{t+1}/M_t, the weight of an iterate of stage t, and ``before`` the sum of those of the stages before.
    """

    steps: tuple[Any, ...]
    ends: tuple[int, ...]
    each: tuple[Any, ...]
    before: tuple[Any, ...]

    def step(self, k: Any) -> Any:
        """α_t; 0 after the last stage."""
        t = bisect_right(self.ends, int(k))
        return self.steps[t] if t < len(self.steps) else 0

    def share(self, k: Any) -> Any:
        """The weight of w_k as a part of that of all iterates up to it; 0 after the last stage."""
        t = bisect_right(self.ends, int(k))
        if t == len(self.steps):
            return 0
        begin = self.ends[t - 1] if t else 0
        return self.each[t] / (self.before[t] + (int(k) - begin + 1) * self.each[t])


@lru_cache(maxsize=64, typed=True)
def _stages(gamma: Any, length: Any, measure: str, stages: Any, schedule: str, power: Any, ratio: Any, weight: Any) -> Stages:
    count, unit = int(stages), gamma / gamma if gamma else 1.0  # a torch scheduler may end at 0
    decays = {
        "poly": lambda t: (unit * (count - t) / count) ** power,
        "multistep": lambda t: ratio ** ((2 * t >= count) + (4 * t >= 3 * count)),
        "harmonic": lambda t: unit / (t + 1),
        "geometric": lambda t: ratio**t,
    }
    steps = tuple(gamma * decays[schedule](t) for t in range(count))
    if gamma and not all(step > 0 for step in steps):
        raise Misuse(f"schedule={schedule} takes the step-size {gamma} to 0 within {count} stages; give fewer stages or a larger ratio")
    counts = [max(1, int((2 * length / ((step or 1) if measure == "path" else 1) + 1) // 2)) for step in steps]
    weights = [(gamma / step if step else unit) ** weight for step in steps]
    each = tuple(p / m for p, m in zip(weights, counts, strict=True))
    return Stages(steps, tuple(accumulate(counts)), each, tuple(accumulate(weights, initial=0)))


class Stagewise(Algorithm):
    """What the stagewise methods share: T = ``stages`` stages t = 0, 1, …; stage t takes M_t steps with the step-size α_t.

    M_t = S/α_t with S = ``length`` (``measure=path``: a normalised method moves by S in each stage), rounded to the
    nearest whole number, at least 1 (the theorems need S/α_t to be one); or M_t = S (``measure=iterations``, such as
    those of an epoch).  After the last stage the iterate stays.  ``schedule`` says how α_t falls from α_0 = γ:

    * ``poly``       γ(1 − t/T)^r, r = ``power`` (the publication's v1);
    * ``multistep``  γρ from the stage T/2 and γρ² from 3T/4, ρ = ``ratio`` (v2: 1/10 at the epochs 80 and 120 of 160);
    * ``harmonic``   γ/(t + 1) (Corollary 1);
    * ``geometric``  γρ^t (Corollary 2).

    With ``output=random`` the state has a second block, the output after k iterations: one of w_0, …, w_{k−1}, uniform
    among those of a stage; after the last stage it belongs to stage t with probability p_{t+1}/Σp, p_{t+1} ∝ α_t^{−w}
    with w = ``weight`` (1 is Corollary 1; log 2ρ/log ρ is Corollary 2).
    """

    gamma: Scalar = number("(0, oo)", "step-size of the first stage, the paper's alpha")
    length: Scalar = number("(0, oo)", "S: the path, or the iterations, of a stage")
    measure: str = option(("path", "iterations"), "what length counts", "path")
    stages: Scalar = number("[1, 100000]", "number of stages T", 10)
    schedule: str = option(("poly", "multistep", "harmonic", "geometric"), "how the step-size falls", "poly")
    power: Scalar = number("[0, oo)", "exponent of poly", Fraction(11, 10))
    ratio: Scalar = number("(0, 1)", "factor of multistep and geometric", Fraction(1, 10))
    output: str = option(("last", "random"), "the last iterate, or beside it one drawn with the weights of the stages", "last")
    weight: Scalar = number("[0, oo)", "the output's weights grow with the power -weight of the step-size", 1)

    def _numbers(self) -> tuple[Any, ...]:
        return (self.gamma, self.length, self.measure, self.stages, self.schedule, self.power, self.ratio, self.weight)

    def check(self) -> None:
        for p in self.numbers():
            if is_schedule(getattr(self, p.name)):
                raise Misuse(f"{self.name}: {p.name} cannot vary with the iteration, the stages do; give a number, and choose schedule=...")
        if any(map(is_symbolic, self._numbers())):
            return
        if self.stages != int(self.stages):
            raise Misuse(f"{self.name}: stages={self.stages} is not a whole number; give one, as in stages=10")
        _stages(*self._numbers())

    def alpha(self, k: Any) -> Any:
        """α_t of the stage that iteration k belongs to."""
        return sequence("alpha", lambda k: _stages(*self._numbers()).step(k), k)

    def init(self, theta0: Any, oracle: Oracle) -> Any:
        return started(theta0, self.output)

    def moved(self, state: Any, oracle: Oracle, k: Any, along: Any) -> Any:
        """The state after a step α_t against ``along``."""
        after = state.theta - self.alpha(k) * along
        return moved(state, after, oracle, state.theta, sequence("share", lambda k: _stages(*self._numbers()).share(k), k))


class StagewiseSNGD(Stagewise):
    """S-SNGD: θ⁺ = θ − α_t g/‖g‖, g = ∇J_B(θ), the step-size α_t falling from stage to stage (`Stagewise`).

    Where g = 0 the iterate stays.

    >>> from dynopt import Quadratic, method
    >>> from dynopt.flow.iterates import iterates
    >>> run = iterates(method("s_sngd(gamma=1, length=2, stages=2, schedule=harmonic)"), Quadratic([1]), (4,), steps=8)
    >>> run.theta.ravel()  # two steps of 1, four of 1/2, and the end
    array([4. , 3. , 2. , 1.5, 1. , 0.5, 0. , 0. , 0. ])
    """

    name = "s_sngd"
    references = ("Zhao, Xie, Li 2021, Algorithm 2 and §6.2",)

    def update(self, state: Any, oracle: Oracle, k: Any) -> Any:
        return self.moved(state, oracle, k, direction(oracle.gradient(state.theta)))


class StagewiseSGD(Stagewise):
    """S-SGD: θ⁺ = θ − α_t ∇J_B(θ), the step-size α_t falling from stage to stage as in S-SNGD (`Stagewise`).

    >>> from dynopt import method
    >>> [method("s_sgd(gamma=1/2, length=1, stages=4)").alpha(k) for k in (0, 1, 2)]
    [0.5, 0.5, 0.3643...]
    """

    name = "s_sgd"
    references = ("Zhao, Xie, Li 2021, §6.2",)

    def update(self, state: Any, oracle: Oracle, k: Any) -> Any:
        return self.moved(state, oracle, k, oracle.gradient(state.theta))
