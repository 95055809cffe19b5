"""dynopt analyses optimization algorithms as dynamical systems.

Three jobs: `verify` claims and step-size `bound`s with proofs, the `trajectory` of flows
against iterates, an `escape_study` against the law.  Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Algorithm": "dynopt.core.algorithm",
    "Flow": "dynopt.core.algorithm",
    "Misuse": "dynopt.errors",
    "Outcome": "dynopt.errors",
    "number": "dynopt.core.parameter",
    "option": "dynopt.core.parameter",
    "power_decay": "dynopt.core.parameter",
    "staircase_decay": "dynopt.core.parameter",
    "Schedule": "dynopt.core.parameter",
    "Scalar": "dynopt.core.parameter",
    "Position": "dynopt.core.state",
    "inner": "dynopt.core.algebra",
    "norm": "dynopt.core.algebra",
    "where": "dynopt.core.algebra",
    "sqrt": "dynopt.core.algebra",
    "minimum": "dynopt.core.algebra",
    "maximum": "dynopt.core.algebra",
    "one": "dynopt.core.algebra",
    "per_run": "dynopt.core.algebra",
    "shrink": "dynopt.core.algebra",
    "size": "dynopt.core.algebra",
    "sequence": "dynopt.core.algebra",
    "explicit_euler": "dynopt.core.discretise",
    "semi_implicit_euler": "dynopt.core.discretise",
    "runge_kutta": "dynopt.core.discretise",
    "method": "dynopt.core.registry",
    "problem": "dynopt.core.registry",
    "GradientFlow": "dynopt.algorithms.gradient_descent",
    "GradientDescent": "dynopt.algorithms.gradient_descent",
    "HeavyBallFlow": "dynopt.algorithms.heavy_ball",
    "HeavyBall": "dynopt.algorithms.heavy_ball",
    "HeavyBallVelocity": "dynopt.algorithms.heavy_ball",
    "NesterovFlow": "dynopt.algorithms.nesterov",
    "Nesterov": "dynopt.algorithms.nesterov",
    "DIN": "dynopt.algorithms.din",
    "VanishingDIN": "dynopt.algorithms.din",
    "HighResolutionNesterov": "dynopt.algorithms.high_resolution",
    "HighResolutionHeavyBall": "dynopt.algorithms.high_resolution",
    "HighResolutionConvexNesterov": "dynopt.algorithms.high_resolution",
    "HNAG": "dynopt.algorithms.hnag",
    "RescaledGradientFlow": "dynopt.algorithms.rescaled_gradient",
    "INNA": "dynopt.algorithms.inna",
    "INNAprop": "dynopt.algorithms.innaprop",
    "NesterovVelocity": "dynopt.algorithms.nesterov",
    "BarzilaiBorwein": "dynopt.algorithms.barzilai_borwein",
    "Armijo": "dynopt.algorithms.armijo",
    "AdaGrad": "dynopt.algorithms.adagrad",
    "RMSprop": "dynopt.algorithms.rmsprop",
    "CentredRMSprop": "dynopt.algorithms.rmsprop",
    "Adam": "dynopt.algorithms.adam",
    "DampedGradientFlow": "dynopt.algorithms.damped_gradient",
    "DampedGradientDescent": "dynopt.algorithms.damped_gradient",
    "PerturbedGradientDescent": "dynopt.algorithms.perturbed",
    "StepTunedSGD": "dynopt.algorithms.step_tuned",
    "StochasticGV": "dynopt.algorithms.gradient_variation",
    "ExactGV": "dynopt.algorithms.gradient_variation",
    "ExpectedGV": "dynopt.algorithms.gradient_variation",
    "SNGD": "dynopt.algorithms.sngd",
    "StagewiseSNGD": "dynopt.algorithms.stagewise",
    "StagewiseSGD": "dynopt.algorithms.stagewise",
    "SaddleNGD": "dynopt.algorithms.saddle_ngd",
    "SpiderSFO": "dynopt.algorithms.spider",
    "Quadratic": "dynopt.problems.quadratic",
    "Landscape": "dynopt.problems.landscape",
    "bound": "dynopt.symbolic.bounds",
    "equivalent": "dynopt.symbolic.equivalence",
    "rate": "dynopt.symbolic.rates",
    "show": "dynopt.symbolic.summary",
    "verify": "dynopt.symbolic.ledger",
    "trajectory": "dynopt.flow.trajectory",
    "modified_flow": "dynopt.flow.modified",
    "ModifiedFlow": "dynopt.flow.modified",
    "escape_study": "dynopt.escape.study",
    "campaign": "dynopt.escape.campaign",
    "audit": "dynopt.auditor.audit",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'dynopt' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
