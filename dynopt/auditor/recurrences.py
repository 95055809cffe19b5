"""Reference update rules as plain recurrences of one coordinate, with unknown constants: the hypotheses of the fit.

They are written from the papers and from torch's documentation, on NumPy alone, and share nothing with
dynopt's definitions or with torch: each is a generator of the iterates for a start and the rows of gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Constants = Mapping[str, float]
Path = Iterator[np.ndarray]


def _decayed(c: Constants, theta: np.ndarray, g: np.ndarray, decay: str) -> tuple[np.ndarray, np.ndarray]:
    """Coupled: w θ is added to the gradient.  Decoupled: θ first shrinks by lr·w."""
    if decay == "coupled":
        return theta, g + c["weight_decay"] * theta
    if decay == "decoupled":
        return theta * (1 - c["lr"] * c["weight_decay"]), g
    return theta, g


def _scaled(m: np.ndarray, v: np.ndarray, eps: float, root: str, correction: float = 1.0) -> np.ndarray:
    """m over the root of v, with ε outside the root, inside it, or outside before the bias correction."""
    if root == "inside":
        return m / np.sqrt(v / correction + eps)
    if root == "before":
        return m * np.sqrt(correction) / (np.sqrt(v) + eps)
    return m / (np.sqrt(v / correction) + eps)


def sign_descent(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none", averaged: bool = False) -> Path:
    """θ⁺ = θ − lr sign(g), or the sign of an average of gradients (Signum)."""
    m = np.zeros_like(theta)
    yield theta
    for g in rows:
        theta, g = _decayed(c, theta, g, decay)
        m = c["beta1"] * m + (1 - c["beta1"]) * g if averaged else g
        theta = theta - c["lr"] * np.sign(m)
        yield theta


def lion(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none") -> Path:
    """θ⁺ = θ − lr sign(β₁m + (1 − β₁)g), m⁺ = β₂m + (1 − β₂)g (Chen et al. 2023)."""
    m = np.zeros_like(theta)
    yield theta
    for g in rows:
        theta, g = _decayed(c, theta, g, decay)
        theta = theta - c["lr"] * np.sign(c["beta1"] * m + (1 - c["beta1"]) * g)
        m = c["beta2"] * m + (1 - c["beta2"]) * g
        yield theta


def adam(
    c: Constants,
    theta: np.ndarray,
    rows: np.ndarray,
    *,
    decay: str = "none",
    root: str = "outside",
    corrected: tuple[bool, bool] = (True, True),
    peak: bool = False,
) -> Path:
    """Adam (Kingma, Ba 2015) with or without each bias correction, and with the running maximum of v (AMSGrad, Reddi et al. 2018)."""
    m, v, top = np.zeros_like(theta), np.zeros_like(theta), np.zeros_like(theta)
    yield theta
    for k, g in enumerate(rows, start=1):
        theta, g = _decayed(c, theta, g, decay)
        m = c["beta1"] * m + (1 - c["beta1"]) * g
        v = c["beta2"] * v + (1 - c["beta2"]) * g * g
        top = np.maximum(top, v)
        first = 1 - c["beta1"] ** k if corrected[0] else 1.0
        second = 1 - c["beta2"] ** k if corrected[1] else 1.0
        theta = theta - c["lr"] * _scaled(m / first, top if peak else v, c["eps"], root, second)
        yield theta


def nadam(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none", single: bool = False) -> Path:
    """Adam with Nesterov momentum (Dozat 2016), μ_k = β₁(1 − 0.96^{kψ}/2).

    ``single``: the product of the μ_k is kept in single precision, as torch does.
    """
    kind: Any = np.float32 if single else np.float64
    m, v, product = np.zeros_like(theta), np.zeros_like(theta), kind(1)
    yield theta
    for k, g in enumerate(rows, start=1):
        theta, g = _decayed(c, theta, g, decay)
        now, after = (c["beta1"] * (1 - 0.96 ** (j * c["psi"]) / 2) for j in (k, k + 1))
        product = kind(product * kind(now))
        m = c["beta1"] * m + (1 - c["beta1"]) * g
        v = c["beta2"] * v + (1 - c["beta2"]) * g * g
        size = np.sqrt(v / (1 - c["beta2"] ** k)) + c["eps"]
        theta = theta - c["lr"] * (1 - now) / (1 - float(product)) * g / size - c["lr"] * after / (1 - float(product) * after) * m / size
        yield theta


def radam(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none") -> Path:
    """Rectified Adam (Liu et al. 2020): momentum alone while ρ_k ≤ 5, then Adam times the rectification."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    limit = 2 / (1 - c["beta2"]) - 1
    yield theta
    for k, g in enumerate(rows, start=1):
        theta, g = _decayed(c, theta, g, decay)
        m = c["beta1"] * m + (1 - c["beta1"]) * g
        v = c["beta2"] * v + (1 - c["beta2"]) * g * g
        second = 1 - c["beta2"] ** k
        rho = limit - 2 * k * c["beta2"] ** k / second
        step = c["lr"] * m / (1 - c["beta1"] ** k)
        if rho > 5:
            rectified = np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
            step = step * rectified * np.sqrt(second) / (np.sqrt(v) + c["eps"])
        theta = theta - step
        yield theta


def adamax(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none", corrected: bool = True) -> Path:
    """Adam with the infinity norm (Kingma, Ba 2015, Algorithm 2): u⁺ = max(β₂u, |g| + ε)."""
    m, u = np.zeros_like(theta), np.zeros_like(theta)
    yield theta
    for k, g in enumerate(rows, start=1):
        theta, g = _decayed(c, theta, g, decay)
        m = c["beta1"] * m + (1 - c["beta1"]) * g
        u = np.maximum(c["beta2"] * u, np.abs(g) + c["eps"])
        theta = theta - c["lr"] / (1 - c["beta1"] ** k if corrected else 1) * m / u
        yield theta


def rmsprop(
    c: Constants,
    theta: np.ndarray,
    rows: np.ndarray,
    *,
    decay: str = "none",
    root: str = "outside",
    centered: bool = False,
    momentum: bool = False,
) -> Path:
    """RMSprop (Hinton 2012), the mean taken away where centered (Graves 2013), with heavy-ball momentum on the scaled gradient."""
    v, mean, velocity = np.zeros_like(theta), np.zeros_like(theta), np.zeros_like(theta)
    yield theta
    for g in rows:
        theta, g = _decayed(c, theta, g, decay)
        v = c["beta2"] * v + (1 - c["beta2"]) * g * g
        mean = c["beta2"] * mean + (1 - c["beta2"]) * g
        scaled = _scaled(g, v - mean * mean if centered else v, c["eps"], root)
        velocity = c["momentum"] * velocity + scaled if momentum else scaled
        theta = theta - c["lr"] * velocity
        yield theta


def adagrad(
    c: Constants,
    theta: np.ndarray,
    rows: np.ndarray,
    *,
    decay: str = "none",
    root: str = "outside",
    slowed: bool = False,
    filled: bool = False,
) -> Path:
    """AdaGrad (Duchi, Hazan, Singer 2011): the sum of squares, from a first filling, with a step lr/(1 + kd) where slowed."""
    total = np.full_like(theta, c["filling"] if filled else 0.0)
    yield theta
    for k, g in enumerate(rows):
        theta, g = _decayed(c, theta, g, decay)
        total = total + g * g
        theta = theta - c["lr"] / (1 + k * c["lr_decay"] if slowed else 1) * _scaled(g, total, c["eps"], root)
        yield theta


def adadelta(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none") -> Path:
    """Adadelta (Zeiler 2012): the root of the mean squared step over that of the gradient."""
    v, steps = np.zeros_like(theta), np.zeros_like(theta)
    yield theta
    for g in rows:
        theta, g = _decayed(c, theta, g, decay)
        v = c["beta2"] * v + (1 - c["beta2"]) * g * g
        step = np.sqrt(steps + c["eps"]) / np.sqrt(v + c["eps"]) * g
        steps = c["beta2"] * steps + (1 - c["beta2"]) * step * step
        theta = theta - c["lr"] * step
        yield theta


def rprop(c: Constants, theta: np.ndarray, rows: np.ndarray) -> Path:
    """Resilient propagation (Riedmiller, Braun 1993), the step skipped where the sign turns, steps kept in [1e-6, 50]."""
    size, before = np.full_like(theta, c["lr"]), np.zeros_like(theta)
    yield theta
    for g in rows:
        agree = np.sign(g) * np.sign(before)
        size = np.clip(size * np.where(agree > 0, c["eta_plus"], np.where(agree < 0, c["eta_minus"], 1.0)), 1e-6, 50.0)
        g = np.where(agree < 0, 0.0, g)
        theta = theta - np.sign(g) * size
        before = g
        yield theta


def clipped(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none") -> Path:
    """θ⁺ = θ − lr min(max(g, −c), c)."""
    yield theta
    for g in rows:
        theta, g = _decayed(c, theta, g, decay)
        theta = theta - c["lr"] * np.clip(g, -c["clip"], c["clip"])
        yield theta


def innaprop(c: Constants, theta: np.ndarray, rows: np.ndarray, *, decay: str = "none") -> Path:
    """INNAprop (Bolte, Boustany, Pauwels, Purica 2024), ψ₀ = (1 − αβ)θ₀."""
    alpha, beta, gamma = c["alpha"], c["beta"], c["lr"]
    psi, v = (1 - alpha * beta) * theta, np.zeros_like(theta)
    yield theta
    for k, g in enumerate(rows, start=1):
        theta, g = _decayed(c, theta, g, decay)
        v = c["beta2"] * v + (1 - c["beta2"]) * g * g
        psi = (1 - gamma / beta) * psi + gamma * (1 / beta - alpha) * theta
        theta = (1 + gamma * (1 - alpha * beta) / (beta - gamma)) * theta - gamma / (beta - gamma) * psi
        theta = theta - gamma * beta * g / (np.sqrt(v / (1 - c["beta2"] ** k)) + c["eps"])
        yield theta


@dataclass(frozen=True)
class Rule:
    """A hypothesis.

    Attributes
    ----------
    name : of the method.
    says : what this variant is, in words.
    run : the recurrence.
    constants : the unknowns, with the values from which the search starts.
    response : the forms of the first step as a function of the gradient (`dynopt.auditor.fit.first_step`).
    options : of the recurrence.
    decays : it takes weight decay.
    """

    name: str
    says: str
    run: Callable[..., Path]
    constants: dict[str, float]
    response: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    decays: bool = True

    def iterates(self, constants: Constants, theta: np.ndarray, rows: Any, **options: Any) -> Path:
        """The recurrence from a start, asking for one row of gradients after the other; it overflows without a word."""
        found = self.run({name: np.float64(value) for name, value in constants.items()}, theta, rows, **self.options, **options)
        with np.errstate(all="ignore"):
            yield from found

    def path(self, constants: Constants, theta: np.ndarray, rows: np.ndarray, **options: Any) -> np.ndarray:
        """The iterates, an array (steps + 1, n)."""
        return np.array(list(self.iterates(constants, theta, rows, **options)))


_ADAM = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
_ROOTS = {"outside": "ε outside the root", "inside": "ε inside the root", "before": "ε added before the bias correction"}
_CORRECTED = {
    (True, True): "bias-corrected",
    (False, False): "no bias correction",
    (False, True): "bias correction of the second moment only",
    (True, False): "bias correction of the first moment only",
}


def _adams() -> list[Rule]:
    found = []
    for peak in (False, True):
        for corrected, words in _CORRECTED.items():
            for root in ("outside", "inside", *(("before",) if corrected[1] else ())):
                response = (root,) if root == "inside" else ("outside",)
                options = {"root": root, "corrected": corrected, "peak": peak}
                found.append(Rule("amsgrad" if peak else "adam", f"{words}, {_ROOTS[root]}", adam, _ADAM, response, options))
    return found


def _rmsprops() -> list[Rule]:
    found = []
    for momentum in (False, True):
        for centered in (False, True):
            for root in ("outside", "inside"):
                constants = {"lr": 1e-2, "beta2": 0.99, "eps": 1e-8, **({"momentum": 0.9} if momentum else {})}
                words = ["centered"] * centered + ["with momentum"] * momentum + [_ROOTS[root]]
                options = {"root": root, "centered": centered, "momentum": momentum}
                found.append(Rule("rmsprop", ", ".join(words), rmsprop, constants, (root,), options))
    return found


def _adagrads() -> list[Rule]:
    found = []
    same = "ε inside the root (the same map as a first filling of the accumulator with ε)"
    for slowed in (False, True):
        for root, filled, words in (
            ("outside", False, _ROOTS["outside"]),
            ("inside", False, same),
            ("outside", True, "from a filled accumulator"),
        ):
            constants = {"lr": 1e-2, "eps": 1e-10, **({"lr_decay": 1e-2} if slowed else {}), **({"filling": 0.1} if filled else {})}
            options = {"root": root, "slowed": slowed, "filled": filled}
            response = ("other", "inside") if filled else (root,)
            found.append(Rule("adagrad", words + ", its step decaying" * slowed, adagrad, constants, response, options))
    return found


RULES: tuple[Rule, ...] = (
    Rule("sign descent", "", sign_descent, {"lr": 1e-2}, ("sign",)),
    Rule("rprop", "steps in [1e-6, 50]", rprop, {"lr": 1e-2, "eta_minus": 0.5, "eta_plus": 1.2}, ("sign",), decays=False),
    Rule("signum", "the sign of an average", sign_descent, {"lr": 1e-2, "beta1": 0.9}, ("sign",), {"averaged": True}),
    Rule("lion", "", lion, {"lr": 1e-2, "beta1": 0.9, "beta2": 0.99}, ("sign",)),
    Rule("gradient descent, clipped", "every coordinate by itself", clipped, {"lr": 1e-2, "clip": 1.0}, ("clip",)),
    *_adagrads(),
    *_rmsprops(),
    *_adams(),
    Rule("adamax", "bias-corrected", adamax, _ADAM, ("outside",)),
    Rule("adamax", "no bias correction", adamax, _ADAM, ("outside",), {"corrected": False}),
    Rule("nadam", "", nadam, {**_ADAM, "psi": 4e-3}, ("outside",)),
    Rule("nadam", "the product of momenta in single precision", nadam, {**_ADAM, "psi": 4e-3}, ("outside",), {"single": True}),
    Rule("radam", "", radam, _ADAM, ("linear",)),
    Rule("adadelta", "", adadelta, {"lr": 1.0, "beta2": 0.9, "eps": 1e-6}, ("inside",)),
    Rule("innaprop", "", innaprop, {"lr": 1e-3, "alpha": 0.1, "beta": 0.9, "beta2": 0.999, "eps": 1e-8}, ("outside",)),
)
