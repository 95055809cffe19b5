"""The convergence bounds of the sources, read off the claims ledger.

The right-hand side is the conclusion of an implication that the deciders prove, rewritten in the names below; the hypotheses are what
that implication and its neighbours assume of these constants.  Where the printed statement is refuted, the corrected one is read, and
`ConvergenceBound.printed` and `remark` say so.

==============  =====================================================================================================
``gamma``       the step-size (the α of 002), or that of the first stage
``gap``         F(w₀) − inf F
``variance``    E‖g − ∇F‖² of the gradient that a step sees, at most: σ²/b for b independent samples
``L``           smoothness; ``L0``, ``L1``: ‖∇²F‖ ≤ L₀ + L₁‖∇F‖
``steps``       T, the number of iterations, or that of stages
``length``      S = M_tα_t, the path of a stage;  ``ceiling``: F ≤ inf F + ceiling at the ends of the stages
``delta``       of the decay (k+1)^{−1/2−δ};  ``lower``, ``upper``: the clip [m̃, M̃];  ``C2``: ‖∇J_B‖ ≤ C₂
``error``       δ of the error bound δ(f − f*) ≤ ‖∇f‖²
``square``      ‖∇J(θ_k)‖²;  ``eta``: the step αγ_k(k+1)^{−1/2−δ};  ``k``: the iteration
==============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from dynopt.errors import Misuse, closest
from dynopt.symbolic.claims import Claim
from dynopt.training.bounds import ConvergenceBound
from dynopt.training.claimed import claimed, holds, proved, renamed, right_side


def _symbol(name: str) -> sp.Symbol:
    return sp.Symbol(name, real=True)


gamma, gap, variance, L, L0, L1, steps = map(_symbol, ("gamma", "gap", "variance", "L", "L0", "L1", "steps"))
length, ceiling, delta, lower, upper, C2 = map(_symbol, ("length", "ceiling", "delta", "lower", "upper", "C2"))
error, square, eta, k = map(_symbol, ("error", "square", "eta", "k"))
last_weight, weights, products = map(_symbol, ("last_weight", "weights", "products"))


def _assumed(claim: Claim, parts: Iterable[str], names: dict[str, Any], more: Iterable[Any] = ()) -> tuple[Any, ...]:
    """What the parts assume of the renamed letters alone, each once; an assumption that renaming makes true is left out."""
    found: dict[str, Any] = {}
    for part in parts:
        for relation in proved(claim, part).given:
            if relation.free_symbols and all(s.name in names for s in relation.free_symbols):
                new = renamed(relation, names)
                if new not in (True, sp.true):
                    found.setdefault(str(new), new)
    return (*found.values(), *more)


def _made(name: str, claim: Claim, left: str, right: sp.Expr, hypotheses: tuple[Any, ...], remark: str = "") -> ConvergenceBound:
    printed = "" if claim.expected is None else claim.expected.value
    return ConvergenceBound(name, claim.source, claim.id, printed, holds(claim), claim.hypotheses, left, right, hypotheses, remark)


_START = "F(w_0) for the printed F(w_1), with which it is refuted"
_SQUARES = "3C₂² for the printed C₂ + 2C₂², with which it is refuted for C₂ > 1"
_EXPLICIT = f"printed without its constants; the proof's, with {_SQUARES}"


def _sngd() -> ConvergenceBound:
    """(7) of 002 with F(w₀) for F(w₁): ε is the root of the variance, the smallest that b ≥ σ²/ε² admits."""
    claim, part = claimed("normalized_sgd", "z-theorem1"), "(7) with m = T + 1"
    names = {"alpha": gamma, "L": L, "S": gap, "m": steps + 1, "epsilon": sp.sqrt(variance)}
    base = _assumed(claim, [part], names, [L > 0, gap >= 0, variance >= 0])
    return _made("sngd", claim, "average", renamed(right_side(proved(claim, part)), names), base, _START)


def _sngd_growth() -> ConvergenceBound:
    """(10) of 002 with F(w₀) for F(w₁)."""
    claim, part = claimed("normalized_growth", "z-theorem2"), "(10) with m = T + 1"
    names = {"alpha": gamma, "L0": L0, "L1": L1, "S": gap, "m": steps + 1, "epsilon": sp.sqrt(variance)}
    base = _assumed(claim, ["Lemma 2 with", part], names, [gap >= 0, variance >= 0])
    return _made("sngd-growth", claim, "average", renamed(right_side(proved(claim, part)), names), base, _START)


def _stages(name: str, theorem: str, letters: dict[str, Any], more: list[Any]) -> ConvergenceBound:
    """(11) or (13) of 002.  P, A, p: Σp_t, Σα_{t−1}p_t and p_T, from `staged`; gamma is the longest step."""
    claim, part = claimed("normalized_stages", theorem), "division by Σp"
    names = {"p": last_weight, "P": weights, "A": products, **letters}
    base = _assumed(claim, [part], names, [*more, gamma > 0, length > 0, ceiling >= 0, variance >= 0])
    return _made(name, claim, "output", renamed(right_side(proved(claim, part)), names), base)


_SMOOTH = {"top": ceiling / length, "curve": L / 2, "noise": 2 * sp.sqrt(variance)}
_GROWTH = {"top": 2 * ceiling / length, "curve": 2 * L0, "noise": 4 * sp.sqrt(variance)}
"""The letters r, curve and noise of (11) and of (13), and top = rδ/S, as the ledger's reduction says."""


def _s_sngd() -> ConvergenceBound:
    return _stages("s_sngd", "z-theorem3", _SMOOTH, [L > 0])


def _s_sngd_growth() -> ConvergenceBound:
    claim = claimed("normalized_growth", "z-theorem2")
    short = _assumed(claim, ["Lemma 2 with"], {"alpha": gamma, "L0": L0, "L1": L1})
    return _stages("s_sngd-growth", "z-theorem4", _GROWTH, list(short))


def staged(gammas: Any, p: Any, length: float) -> dict[str, Any]:
    """The constants of the stagewise bounds from the steps α_0, …, α_{T−1} and the weights p_1, …, p_T.

    Raises
    ------
    Misuse : what Theorems 3 and 4 need of the schedule: 0 < p_t ≤ p_{t+1}, and S/α_t a positive integer.

    Examples
    --------
    >>> staged([1, 1/2], [1, 2], length=3)
    {'gamma': 1.0, 'length': 3, 'last_weight': 2.0, 'weights': 3.0, 'products': 2.0}
    """
    a, w = np.asarray(gammas, dtype=float), np.asarray(p, dtype=float)
    if a.shape != w.shape or not len(a) or not (a > 0).all() or not (w > 0).all() or (np.diff(w) < -1e-12 * w[1:]).any():
        raise Misuse(f"weights p = {w[:4]}... of steps {a[:4]}...: the theorems need 0 < p_t <= p_(t+1), one for each step; correct them")
    counts = length / a
    if (np.abs(counts - counts.round()) > 1e-9 * counts).any() or (counts < 1 - 1e-9).any():
        raise Misuse(f"length={length} is no multiple of each step {a[:4]}...; the theorems need S/α_t whole: choose another S")
    return {
        "gamma": float(a.max()), "length": length,
        "last_weight": float(w[-1]), "weights": float(w.sum()), "products": float(a @ w),
    }  # fmt: skip


def _step_tuned_letters() -> dict[str, Any]:
    return {"alpha": gamma, "m": lower, "M": upper, "L": L, "C2": C2, "G": square, "v": (k + 1) ** (-sp.Rational(1, 2) - delta)}


def _descent_step() -> ConvergenceBound:
    """(44) of 000 corrected, with the true step η_k."""
    claim, part = claimed("step_tuned_descent", "s-descent"), "descent lemma twice"
    names = {"eta": eta, "a": square, "L": L, "C2": C2}
    return _made(
        "step_tuned-step", claim, "change", renamed(right_side(proved(claim, part)), names),
        _assumed(claim, [part], names, [C2 >= 0, square >= 0]), _SQUARES,
    )  # fmt: skip


def _descent() -> ConvergenceBound:
    """(23) of 000, (4.19) of the thesis, with the ledger's M₁ and M₂."""
    claim, part = claimed("step_tuned_descent", "s-descent-exists"), "M₁ = 2αm̃"
    letters = _step_tuned_letters()
    base = _assumed(claim, [part], letters, [C2 >= 0, delta > 0, delta < sp.Rational(1, 2), lower <= upper, k >= 0, *_unit_inside()])
    return _made(
        "step_tuned", claim, "change", renamed(right_side(proved(claim, part)), letters), base, f"some M₁, M₂ are printed; here {_SQUARES}"
    )


def _unit_inside() -> list[Any]:
    """m̃ ≤ 1 ≤ M̃, which (4.19) needs at k = 0, where γ₀ = 1 is not clipped (s-range)."""
    extra = claimed("step_tuned_descent", "s-range").extra
    return list(renamed(extra, {"m": lower, "M": upper}).args)


def _coefficients() -> tuple[sp.Expr, sp.Expr]:
    """M₁ and M₂ of (4.19), read off the conclusion −M₁vG + M₂v²."""
    right = sp.expand(right_side(proved(claimed("step_tuned_descent", "s-descent-exists"), "M₁ = 2αm̃")))
    v, squared = (next(s for s in right.free_symbols if s.name == name) for name in ("v", "G"))
    letters = _step_tuned_letters()
    return renamed(-right.coeff(v, 1).coeff(squared, 1), letters), renamed(right.coeff(v, 2), letters)


def _rate(name: str, sums: bool) -> ConvergenceBound:
    """Theorem 1 of 000 for j < k: with Σv_j ≥ k^{1/2−δ} and Σv_j² < 1 + 1/(2δ), or with the sums themselves (``sums``)."""
    claim = claimed("step_tuned_rate", "s-rate")
    given = proved(claim, "the rate").given
    M1, M2 = _coefficients()
    square_sum = sp.Symbol("sum_of_squares", real=True)
    if sums:
        budgeted = next(r for r in given if str(r.rhs) == "budget")
        least = next(s for s in budgeted.free_symbols if s.name == "least")
        right = budgeted.rhs / (budgeted.lhs / least)
        names = {"r": M1, "S": sp.Symbol("sum_of_steps", real=True), "budget": gap + M2 * square_sum}
    else:
        series = proved(claimed("step_tuned_rate", "s-summable"), "its partial sums").then
        strict = next(r for r in series.args if isinstance(r, sp.StrictLessThan))
        whole = renamed(strict.rhs, {"d": 2 * delta})
        right = right_side(proved(claim, "the rate"))
        names = {"r": M1, "k": k, "y": k ** (sp.Rational(1, 2) + delta), "budget": gap + M2 * whole}
    base = [
        gamma > 0,
        L > 0,
        C2 >= 0,
        gap >= 0,
        delta > 0,
        delta < sp.Rational(1, 2),
        lower > 0,
        *_unit_inside(),
        *([] if sums else [k >= 1]),
    ]
    return _made(name, claim, "least", renamed(right, names), tuple(base), _EXPLICIT)


def _gd() -> ConvergenceBound:
    """The slides' linear rate: the factor of one step to the power k."""
    claim, part = claimed("slides_bounds", "g-linear-rate"), "last inequality, 0 ≤ γ ≤ 2/β"
    names = {"gamma": gamma, "beta": L, "delta": error}
    F = next(s for s in proved(claim, part).then.free_symbols if s.name == "F")
    factor = renamed(sp.cancel(right_side(proved(claim, part)) / F), names)
    return _made("gd", claim, "value", gap * sp.factor_terms(factor) ** k, _assumed(claim, [part], names, [gap >= 0, k >= 0]))


BOUNDS: dict[str, Callable[[], ConvergenceBound]] = {
    "sngd": _sngd,
    "sngd-growth": _sngd_growth,
    "s_sngd": _s_sngd,
    "s_sngd-growth": _s_sngd_growth,
    "step_tuned-step": _descent_step,
    "step_tuned": _descent,
    "step_tuned-rate": lambda: _rate("step_tuned-rate", sums=False),
    "step_tuned-sums": lambda: _rate("step_tuned-sums", sums=True),
    "gd": _gd,
}


@cache
def convergence_bound(name: str) -> ConvergenceBound:
    """A bound by its name in `BOUNDS`; an unknown one is `Misuse`."""
    if name not in BOUNDS:
        raise Misuse(f"there is no bound {name!r}; {closest(name, BOUNDS)}")
    return BOUNDS[name]()
