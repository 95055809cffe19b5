"""Element-wise non-linear boxes: which recurrence they are, with which constants.

Two probes in closed form prune the hypotheses: the first step as a function of the gradient (its limits
give the step and ε), and the run without gradients (weight decay).  The constants that remain come from
least squares on one short run over many sizes of gradients, from several starts: those of the rule, and
numbers that the caller passed to the optimizer (a hint for the search, nothing else).  A rule is accepted
only when it reproduces fresh runs to 1e-10.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynopt.auditor.box import Box, Probe, Trace, script
from dynopt.auditor.compare import Comparison, compare, sequences
from dynopt.auditor.linear import nice
from dynopt.auditor.recurrences import RULES, Rule

STEPS = 16
_SIZES = 10.0 ** np.arange(-16, 9, dtype=float)


@dataclass(frozen=True)
class Formula:
    """A recurrence that reproduces the box.

    Attributes
    ----------
    rule, says : the method and its variant.
    decay : ``none``, ``coupled`` or ``decoupled``.
    constants : by name, short decimals where they are.
    check : fresh runs of box and recurrence, compared.
    """

    rule: str
    says: str
    decay: str
    constants: dict[str, float]
    check: Comparison

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value:.12g}" for name, value in self.constants.items())
        words = "; ".join(w for w in (self.says, "" if self.decay == "none" else f"{self.decay} weight decay") if w)
        return f"{self.rule}({values})" + (f": {words}" if words else "")


class RuleBox:
    """A rule with constants as a black box."""

    def __init__(self, rule: Rule, constants: dict[str, float], decay: str) -> None:
        self.name = rule.name
        self.rule, self.constants = rule, constants
        self.options = {"decay": decay} if rule.decays else {}

    def play(self, probe: Probe) -> Trace:
        asked: list[np.ndarray] = []
        rows = _Rows(probe, asked)
        path = self.rule.iterates(self.constants, np.asarray(probe.start, dtype=float), rows, **self.options)
        iterates = []
        with np.errstate(all="ignore"):
            for theta in path:
                iterates.append(theta)
                rows.point = theta
        return Trace(np.array(iterates), np.array(asked).reshape(len(asked), len(probe.start)), tuple(range(len(asked))))


class _Rows:
    """The gradients of a probe, each asked for at the iterate before."""

    def __init__(self, probe: Probe, asked: list[np.ndarray]) -> None:
        self.probe, self.asked = probe, asked
        self.point = probe.start

    def __iter__(self) -> Any:
        for k in range(self.probe.steps):
            self.asked.append(self.point)
            yield self.probe.answer(k, self.point)[0]


@dataclass(frozen=True)
class FirstStep:
    """|Δθ| after one gradient g from θ₀ = 0: its form, its limit for large g, and the ε at which it turns."""

    form: str
    limit: float
    turn: float
    sign: int
    gain: float = 0.0
    """|Δθ|/g for tiny g."""


def first_step(box: Box) -> FirstStep:
    """One run of one step, one size of gradient a coordinate.

    ``outside`` s = Lg/(g + E), ``inside`` s = Lg/√(g² + E), ``sign`` s = L, ``linear`` s ∝ g, ``clip`` linear, then constant, or ``other``.
    """
    step = box.play(Probe(np.zeros(len(_SIZES)), script(_SIZES[None]), 1)).theta[-1]
    s, g = np.abs(step), _SIZES
    sign = -1 if step[-1] > 0 else 1
    if not np.all(np.isfinite(s)) or np.any(s <= 0):
        return FirstStep("other", float(np.max(np.where(np.isfinite(s), s, 0), initial=1.0)), 1e-8, sign)
    limit = float(s[-1])
    if np.ptp(s) <= 1e-12 * limit:
        return FirstStep("sign", limit, 0.0, sign)
    gain = s / g
    if np.ptp(gain) <= 1e-12 * gain[0]:
        return FirstStep("linear", float(gain[0]), 0.0, sign, float(gain[0]))
    if s[-1] == s[-2] and gain[0] == gain[1] and np.all(np.isclose(s, np.minimum(gain[0] * g, limit), rtol=1e-12)):
        return FirstStep("clip", float(gain[0]), limit / float(gain[0]), sign, float(gain[0]))
    for form, power in (("outside", 1), ("inside", 2)):
        turn = float(((limit / s[0]) ** power - 1) * g[0] ** power)
        if np.all(np.isclose(s, limit * g / (g**power + turn) ** (1 / power) * (1 + turn / g[-1] ** power) ** (1 / power), rtol=1e-9)):
            return FirstStep(form, limit, turn, sign, float(gain[0]))
    return FirstStep("other", limit, 1e-8, sign, float(gain[0]))


@dataclass(frozen=True)
class Decay:
    """What θ does without gradients: nothing (``none``), a geometric decay (``decoupled``) or more (``coupled``: it enters the gradient).

    Attributes
    ----------
    kind : of the three.
    weight : 1 − the factor of the geometric decay, or w of the gradient g + wθ.
    """

    kind: str
    weight: float


def decay_of(box: Box, first: FirstStep) -> Decay:
    """Closed forms: the decay factor, or how a tiny θ moves against how a tiny gradient moves."""
    theta = box.play(Probe(np.array([1e-14, 1.0, 100.0]), script(np.zeros((6, 3))), 6)).theta
    if np.all(theta == theta[0]):
        return Decay("none", 0.0)
    with np.errstate(all="ignore"):
        ratio = theta[1:] / theta[:-1]
    if np.ptp(ratio) <= 1e-13:
        return Decay("decoupled", float(1 - ratio[0, 1]))
    return Decay("coupled", float(abs(1 - ratio[0, 0]) / max(first.gain, 1e-300)))


def fit(box: Box, hints: Sequence[float] = (), rules: Sequence[Rule] = RULES) -> Formula | None:
    """The rule that the box follows, with its constants; None when no hypothesis reproduces it.

    Every admissible rule is first tried at the constants that the closed forms and the hints give, then by least squares.
    """
    first = first_step(box)
    decay = decay_of(box, first)
    probe, path = _training(box)
    if not np.all(np.isfinite(path)):
        return None
    fresh = sequences()
    able = [r for r in rules if first.form in r.response and (r.decays or decay.kind == "none")]
    for search in (False, True):
        for rule in able:
            constants = _solve(rule, decay, probe, path, first, hints, search)
            if constants is None:
                continue
            check = compare(box, RuleBox(rule, constants, decay.kind), fresh)
            if check.verdict == "matches":
                return Formula(rule.name, rule.says, decay.kind, constants, check)
    return None


def _training(box: Box) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """A run over many sizes: random, steady, alternating and sparse gradients, from zero and from elsewhere."""
    rng = np.random.default_rng(11)
    sizes = np.tile(10.0 ** np.arange(-12.0, 4.0, 2.0), 4)
    n = len(sizes)
    rows = rng.choice([-1, 1], (STEPS, n)) * rng.uniform(0.5, 1.5, (STEPS, n))
    quarter = n // 4
    rows[:, quarter : 2 * quarter] = np.abs(rows[:, quarter : 2 * quarter])
    rows[:, 2 * quarter : 3 * quarter] *= rng.uniform(size=(STEPS, quarter)) < 0.5
    rows[0, 2 * quarter : 3 * quarter] = 1.0
    rows *= sizes
    start = np.zeros(n)
    start[3 * quarter :] = rng.uniform(0.5, 2, quarter) * rng.choice([-1, 1], quarter)
    return (start, rows), box.play(Probe(start, script(rows), STEPS)).theta


def _solve(
    rule: Rule,
    decay: Decay,
    probe: tuple[np.ndarray, np.ndarray],
    path: np.ndarray,
    first: FirstStep,
    hints: Sequence[float],
    search: bool,
) -> dict[str, float] | None:
    """Constants with which the rule gives the training run to 1e-9: those of a start, or what least squares make of it."""
    from scipy.optimize import leastsq

    start, rows = probe
    options = {"decay": decay.kind} if rule.decays else {}
    names = [*rule.constants, *(("weight_decay",) if decay.kind != "none" else ())]
    size = np.max(np.abs(path - path[0]), axis=0)
    size = np.where(size > 0, size, 1.0)

    def gap(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = (rule.path(_read(names, x, first.sign), start, rows, **options) - path) / size
        return np.clip(np.nan_to_num(found, nan=1e3), -1e3, 1e3).ravel()

    free = [n for n in names if n not in _known(rule, first)]

    def completed(y: np.ndarray) -> dict[str, float]:
        return _closed(rule, {**{n: rule.constants.get(n, 0.0) for n in names}, **_read(free, y, 1)}, first, decay)

    def slack(y: np.ndarray) -> np.ndarray:
        return gap(_write(names, completed(y)))

    before = np.inf
    for constants in _starts(rule, free, hints):
        y = _write(free, constants)
        if search and len(y):
            y = leastsq(slack, y, full_output=True, xtol=1e-15, ftol=1e-12, gtol=0, maxfev=20 * (len(y) + 1))[0]
        x = _write(names, completed(y))
        reached = float(np.max(np.abs(gap(x))))
        if reached <= 1e-4 and (found := _rounded(names, _polished(x, gap) if search else x, first.sign, gap)):
            return found
        if search and abs(reached - before) < 1e-3 * before:
            return None  # the same end again
        before = min(before, reached)
    return None


def _polished(x: np.ndarray, gap: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Gauss–Newton steps with central differences, while they help: one-sided ones stop short of rounding."""
    best = float(np.max(np.abs(gap(x))))
    for _ in range(4):
        steps = 1e-5 * np.eye(len(x))
        slopes = np.array([(gap(x + h) - gap(x - h)) / 2e-5 for h in steps]).T
        moved = x - np.linalg.lstsq(slopes, gap(x), rcond=1e-10)[0]
        now = float(np.max(np.abs(gap(moved))))
        if not now < best:
            break
        x, best = moved, now
    return x


def _starts(rule: Rule, free: list[str], hints: Sequence[float]) -> list[dict[str, float]]:
    """Where to search from: the rule's usual constants, the caller's numbers as momenta, and momenta of 0.95 and 0.5."""
    usual = {n: rule.constants[n] for n in free}
    momenta = [n for n in free if n in _MOMENTA]
    fractions = [h for h in hints if 0.3 < h < 1]
    choices: list[dict[str, float]] = []
    if momenta and len(fractions) >= len(momenta):
        choices += [dict(zip(momenta, chosen, strict=True)) for chosen in itertools.permutations(fractions, len(momenta))][:4]
    choices += [{}, *(dict.fromkeys(momenta, value) for value in (0.95, 0.5) if momenta)]
    return [usual | choice for choice in choices]


_MOMENTA = ("beta1", "beta2", "momentum")


def _known(rule: Rule, first: FirstStep) -> tuple[str, ...]:
    """The constants that the closed forms give once the others are known."""
    if first.form in ("outside", "inside"):
        return ("lr", "weight_decay", "filling" if "filling" in rule.constants else "eps")
    return ("lr", "weight_decay", "clip") if first.form in ("sign", "linear", "clip") else ("weight_decay",)


def _closed(rule: Rule, constants: dict[str, float], first: FirstStep, decay: Decay) -> dict[str, float]:
    """The constants with step, ε and decay from the closed forms, given the momenta."""
    if first.form in ("sign", "linear", "clip"):
        constants["lr"] = first.limit
        if "clip" in constants:
            constants["clip"] = first.turn
    elif first.form in ("outside", "inside"):
        name = "filling" if "filling" in constants else "eps"
        unit = {**constants, "lr": 1e-3, name: 1.0, "weight_decay": 0.0}
        small, large = np.abs(rule.path(unit, np.zeros(2), np.array([[1e-8, 1e12]]))[-1])
        power = 2 if first.form == "inside" else 1
        with np.errstate(all="ignore"):
            share = float((large / small) ** power - 1) * 1e-8**power  # the turn for ε = 1
        constants[name] = max(first.turn / share, 1e-300) if 0 < share < np.inf else rule.constants[name]
        step = abs(float(rule.path({**unit, name: constants[name]}, np.zeros(1), np.full((1, 1), _SIZES[-1]))[-1, 0]))
        constants["lr"] = 1e-3 * first.limit / step if 0 < step < np.inf else rule.constants["lr"]
    if "weight_decay" in constants:
        constants["weight_decay"] = decay.weight / (constants["lr"] if decay.kind == "decoupled" else 1.0)
    return constants


def _write(names: list[str], constants: dict[str, float]) -> np.ndarray:
    """Constants as unbounded numbers: 1 − β and magnitudes by their logarithms."""
    return np.array([_in(name, constants[name]) for name in names])


def _in(name: str, value: float) -> float:
    if name in _MOMENTA:
        return float(np.log(max(1 - value, 1e-12)))
    return float(np.log(max(abs(value), 1e-300)))


def _read(names: list[str], x: np.ndarray, sign: int) -> dict[str, float]:
    found = {}
    with np.errstate(all="ignore"):
        for name, value in zip(names, x, strict=True):
            if name in _MOMENTA:
                found[name] = float(1 - np.exp(np.clip(value, -700, 700)))
            else:
                found[name] = float(np.exp(np.clip(value, -700, 700))) * (sign if name == "lr" else 1)
    return found


def _rounded(names: list[str], x: np.ndarray, sign: int, gap: Callable[[np.ndarray], np.ndarray]) -> dict[str, float] | None:
    """Short decimals where all of them together reproduce the run as well; None when nothing gives it to 1e-9."""
    found = _read(names, x, sign)
    close = float(np.max(np.abs(gap(x))))
    for tolerance in (1e-3, 1e-4, 1e-6, 1e-8, 1e-10):
        short = {n: (float(s) if (s := nice(v, tolerance * abs(v))) is not None else v) for n, v in found.items()}
        if all(v != 0 or found[n] == 0 for n, v in short.items()) and max(short.get("beta1", 0), short.get("beta2", 0)) < 1 - 1e-7:
            now = float(np.max(np.abs(gap(_write(names, short)))))
            if now <= max(min(2 * close, 1e-9), 1e-12):
                return short
    return found if close <= 1e-9 and all(v < 1 - 1e-7 for n, v in found.items() if n in _MOMENTA) else None
