"""Linear maps exactly: impulse responses in float64, the recurrence they obey, its coefficients as decimals or fractions.

For a linear element-wise box the iterate is θ_k = f_k θ₀ + Σ_j h(k, j) g_j.  One run shows the free
response f and the responses to gradients at several times, one a coordinate.  If h depends on k − j
alone (the first gradient apart), then all responses obey one recurrence
y_{k+m} + a₁ y_{k+m−1} + … + a_m y_k = 0, whose least order m is that of the map, and

    θ⁺ = −a₁θ + x₂ + b₁g,   x₂⁺ = −a₂θ + x₃ + b₂g,   …,   x_m⁺ = −a_mθ + b_m g

is its state-space form with the transfer function (b₁z^{m−1} + … + b_m)/(z^m + a₁z^{m−1} + … + a_m).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dynopt.auditor.box import Box, Probe, script

HORIZON = 64
TIMES = (0, 1, 2, 3, 5, 8, 13, 21)
"""When impulses are given."""
_HIGHEST = 8


@dataclass(frozen=True)
class Responses:
    """f: array (N,), the free response; h: array (times, N), the response to a unit gradient at each of `TIMES`."""

    f: np.ndarray
    h: np.ndarray


@dataclass(frozen=True)
class LinearMap:
    """The recovered recurrence.

    Attributes
    ----------
    a, b : coefficients of the recurrence and of the gradient, m of each, as exact numbers.
    first : the state that a unit first gradient leaves; ``b`` unless the first step is special.
    settled : the state that a unit start leaves after the first step without gradients.
    exact : the coefficients are short decimals or fractions; otherwise they are floats, correct to 1e-12.
    error : the largest error of the responses that the recurrence predicts, relative.
    """

    a: tuple[Fraction, ...]
    b: tuple[Fraction, ...]
    first: tuple[Fraction, ...]
    settled: tuple[Fraction, ...]
    exact: bool
    error: float

    @property
    def order(self) -> int:
        return len(self.a)

    @property
    def start(self) -> tuple[Fraction, ...]:
        """The initial state for θ₀ = 1: what the recurrence takes to ``settled``."""
        return (Fraction(1), *(x + a for x, a in zip(self.settled[:-1], self.a, strict=False)))

    @property
    def start_is_special(self) -> bool:
        """No initial state explains the first step of the free response."""
        return abs(self.settled[-1] + self.a[-1]) > Fraction(1, 10**11)

    @property
    def first_is_special(self) -> bool:
        """The first gradient enters otherwise than the later ones."""
        return any(abs(x - y) > Fraction(1, 10**11) * max(abs(y), Fraction(1, 10**9)) for x, y in zip(self.first, self.b, strict=True))


def responses(box: Box, horizon: int = HORIZON) -> Responses:
    """One run: coordinate 0 starts at one without gradients, the others at zero with one impulse each.

    What is watched is the point where each gradient is asked for; of a torch optimizer that is its iterate.
    """
    n = len(TIMES) + 1
    rows = np.zeros((horizon, n))
    for i, j in enumerate(TIMES, start=1):
        rows[j, i] = 1
    asked = box.play(Probe(np.eye(n)[0], script(rows), horizon)).asked
    return Responses(asked[:, 0], asked[:, 1:].T)


def time_invariant(found: Responses) -> bool:
    """The responses to impulses after the first step are shifts of one another."""
    base = found.h[1, TIMES[1] :]
    size = np.max(np.abs(base))
    return all(_close(row[j:], base[: len(row) - j], size) for j, row in zip(TIMES[1:], found.h[1:], strict=True)) and _steady(found)


def _steady(found: Responses) -> bool:
    return recurrence(found) is not None


def _close(x: np.ndarray, y: np.ndarray, size: float) -> bool:
    return bool(np.max(np.abs(x - y)) <= 1e-13 * size)


def recurrence(found: Responses) -> LinearMap | None:
    """The recurrence of least order that all responses obey to rounding; None when there is none up to order 8."""
    f, h0, h = found.f[1:], found.h[0, 1:], found.h[1, TIMES[1] + 1 :]
    sequences = [s for s in (f, h0, h) if np.any(s)]
    for order in range(1, _HIGHEST + 1):
        rows, targets = [], []
        for s in sequences:
            windows = np.lib.stride_tricks.sliding_window_view(s, order + 1)
            scale = np.max(np.abs(windows), axis=1, keepdims=True)
            windows = windows[scale[:, 0] > 0] / scale[scale[:, 0] > 0]
            rows.append(windows[:, :-1][:, ::-1])
            targets.append(-windows[:, -1])
        matrix, target = np.concatenate(rows), np.concatenate(targets)
        a, _, rank, _ = np.linalg.lstsq(matrix, target, rcond=1e-14)
        residual = float(np.max(np.abs(matrix @ a - target)))
        if residual > 1e-12 or rank < order:
            continue
        spread = np.sqrt(np.diag(np.linalg.pinv(matrix.T @ matrix))) * max(residual, 2e-16)
        return _finish(a, spread, f, h0, h)
    return None


def _finish(a: np.ndarray, spread: np.ndarray, f: np.ndarray, h0: np.ndarray, h: np.ndarray) -> LinearMap:
    """Round to short numbers where that predicts the responses as well as the fit does."""
    order = len(a)
    short = [nice(x, 20 * s + 4e-16 * abs(x)) for x, s in zip(a, spread, strict=True)]
    floats = [Fraction(float(x)) for x in a]
    if np.all(f == 1):  # no decay: one is a root, exactly
        floats[-1] = -1 - sum(floats[:-1], Fraction(0))
    kept = [x for x in short if x is not None]
    for values in [kept, floats] if len(kept) == order else [floats]:
        slack = float(np.max(spread)) * 20 if values != short else 0.0
        states = [_state(values, s, slack) for s in (h, h0, f)]
        exact = values == short and all(e for _, e in states)
        (b, _), (first, _), (settled, _) = states
        error = max(_gap(values, x, s) for (x, _), s in zip(states, (h, h0, f), strict=True))
        if error <= 1e-12 or values != short:
            return LinearMap(tuple(values), tuple(b), tuple(first), tuple(settled), exact, error)
    raise AssertionError(order)  # the unrounded coefficients always return


def _state(a: list[Fraction], s: np.ndarray, slack: float) -> tuple[list[Fraction], bool]:
    """The state (x₁, …, x_m) whose free run is the sequence s, from its first m values, short where it can be."""
    state, exact = [], True
    size = float(np.max(np.abs(s[: len(a)])))
    for i in range(len(a)):
        value = float(Fraction(float(s[i])) + sum(a[j] * Fraction(float(s[i - 1 - j])) for j in range(i)))
        short = nice(value, (4e-15 if i else 4e-16) * size + slack * size)
        exact &= short is not None
        state.append(Fraction(value) if short is None else short)
    return state, exact


def _gap(a: list[Fraction], state: list[Fraction], s: np.ndarray) -> float:
    """The largest difference between the free run from a state and the sequence, relative to the largest value so far."""
    x = np.array([float(v) for v in state])
    c = np.array([float(v) for v in a])
    worst, size = 0.0, 1e-300
    for value in s:
        size = max(size, abs(value))
        worst = max(worst, float(abs(x[0] - value) / size))
        x = -c * x[0] + np.append(x[1:], 0.0)
    return worst


def nice(value: float, tolerance: float) -> Fraction | None:
    """The shortest decimal, or fraction with a small denominator, within the tolerance; None when chance alone would give one as short.

    >>> nice(0.30000000000000004, 1e-15), nice(1/3, 1e-15), nice(0.123456789123456, 1e-15)
    (Fraction(3, 10), Fraction(1, 3), None)
    """
    if abs(value) <= tolerance:
        return Fraction(0)
    digits = np.log10(abs(value) / tolerance)
    for d in range(1, int(min(digits - 1, 12)) + 1):
        short = Fraction(f"{value:.{d}g}")
        if abs(float(short) - value) <= tolerance:
            return short
    largest = 10 ** int(min(max(digits - 2, 0) / 2, 5))
    ratio = Fraction(value).limit_denominator(largest)
    return ratio if abs(float(ratio) - value) <= tolerance else None


def short(value: float, tolerance: float = 1e-10) -> str:
    """A number as its shortest decimal within a relative tolerance."""
    digits = next((d for d in range(1, 13) if abs(float(f"{value:.{d}g}") - value) <= tolerance * abs(value)), 12)
    return f"{value:.{digits}g}"
