"""Fused runs of a linear method on a quadratic objective of any dimension: one text for all coordinates.

On J = ½ Σ λ_p θ_p² a method that is linear in its state and gradients moves every coordinate by itself.
`dynopt.ensemble.kernel` writes each coordinate out, and its compilation takes minutes beyond some thirty of
them; here the definition is traced once, in one dimension with λ a symbol, and the kernel loops over the
coordinates.  Exits are quadratic forms Σ_p W_p θ_p² ≥ level: a distance, or a drop of J.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.algorithm import Algorithm
from dynopt.ensemble.kernel import CHECK, MATH, Task, load, numba_text
from dynopt.ensemble.trace import Assignments, Source, Trace, Untraceable, trace
from dynopt.errors import NotLinear
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

LANES = 8
"""Runs side by side: their states, in 100 dimensions, stay in the first-level cache."""


class _Mode:
    """J = ½λθ² in one dimension, λ a symbol."""

    name, dimension = "quadratic", 1
    weight = sp.Symbol("weight", real=True)
    symbols = (sp.Symbol("x1", real=True),)

    def value(self, x: Any) -> Any:
        return (self.weight * x * x).sum(-1) / 2

    def gradient(self, x: Any) -> Any:
        return self.weight * x


def run_separable(
    method: Algorithm,
    spectrum: Sequence[float] | np.ndarray,
    forms: np.ndarray,
    levels: Sequence[float],
    *,
    seed: int,
    scale: float,
    first: int,
    count: int,
    steps: int,
) -> np.ndarray:
    """First exit steps of runs ``first`` … ``first + count − 1`` from scale · N(0, I), −1 where not within ``steps``.

    Run i draws what it draws in `dynopt.ensemble.fused.run_fused`, so the two give the same times up to
    rounding at the exit.

    Parameters
    ----------
    method : linear, in floating point, without schedules.
    spectrum : λ_p, (n,).
    forms, levels : (E, n) and (E,); run out by exit e at the first step with Σ_p forms[e, p] θ_p² ≥ levels[e].

    Returns
    -------
    (E, count) int64.

    Raises
    ------
    Untraceable : the method couples coordinates, varies with the iteration, or has no symbolic form.

    Examples
    --------
    >>> import dynopt
    >>> gd = dynopt.method("gd(gamma=1/8)").numeric()
    >>> run_separable(gd, [-8, 2], np.array([[1.0, 0.0]]), [0.25], seed=0, scale=1e-3, first=0, count=4, steps=100).shape
    (1, 4)
    """
    try:
        state_space(symbolic(type(method)))
    except NotLinear as error:
        raise Untraceable(f"{method.name} couples coordinates: {error}") from error
    traced = trace(method, _Mode())
    forms = np.ascontiguousarray(forms, dtype=float)
    out = np.empty((len(forms), count), np.int64)
    constants = np.array([value for _, value in traced.constants] or [0.0])
    load(_text(traced, len(forms))).separable(
        out, np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32), first, count, steps, scale,
        np.asarray(levels, float), np.asarray(spectrum, float), forms, constants,
    )  # fmt: skip
    return out


def _text(t: Trace, exits: int) -> str:
    """The module text; its generator is that of the general kernel."""
    write = Source(MATH)
    generator = numba_text(Task(t, (t.state[0],), ())).split("@njit(parallel")[0]
    names = {c: sp.Symbol(f"c_{i}", real=True) for i, (c, _) in enumerate(t.constants)}
    constants = "\n".join(f"    c_{i} = C[{i}]" for i in range(len(t.constants))) or "    pass"

    def lines(code: Assignments, indent: int) -> str:
        pad = " " * indent
        text = [f"{pad}{s} = {write.doprint(e.xreplace(names))}" for s, e in code.temporaries]
        text += [f"{pad}n_{i} = {write.doprint(e.xreplace(names))}" for i, e in enumerate(code.outputs)]
        return "\n".join([*text, *(f"{pad}S{i}[p, l] = n_{i}" for i in range(len(t.state)))])

    measured = "\n".join(f"                A{e}[l] += W[{e}, p]*n_0*n_0" for e in range(exits))
    cleared = "\n".join(f"            A{e}[:] = 0.0" for e in range(exits))
    allocate = "\n".join(f"        S{i} = np.empty((n, {LANES}))" for i in range(len(t.state)))
    counters = "\n".join(
        f"        A{e} = np.zeros({LANES})\n        N{e} = np.ones({LANES}, np.int64)\n        K{e} = np.zeros({LANES}, np.int64)"
        for e in range(exits)
    )
    tested = "\n".join(f"                N{e}[l] &= not (A{e}[l] >= level[{e}])" for e in range(exits))
    counted = "\n".join(f"                K{e}[l] += N{e}[l]" for e in range(exits))
    pending = " + ".join(f"N{e}[l]" for e in range(exits))
    written = "\n".join(f"                out[{e}, index] = -1 if (N{e}[l] or K{e}[l] > steps) else K{e}[l]" for e in range(exits))
    load_state = "\n".join(f"                        {s} = S{i}[p, l]" for i, s in enumerate(t.state))
    deep = measured.replace("                A", "                        A")
    return f"""{generator}
@njit(parallel=True, cache=True, error_model="numpy", fastmath={{"contract", "reassoc", "nsz", "arcp"}})
def separable(out, seed0, seed1, first, count, steps, scale, level, spectrum, W, C):
{constants}
    n = len(spectrum)
    for block in prange((count + {LANES} - 1) // {LANES}):
{allocate}
{counters}
        for p in range(n):
            weight = spectrum[p]
            for l in range({LANES}):
                run = np.uint64(first) + np.uint64(block * {LANES} + l)
                even, odd = pair(seed0, seed1, run, p // 2, 0)
                {t.start[0]} = scale * (even if p % 2 == 0 else odd)
{lines(t.init, 16)}
{measured}
        for l in range({LANES}):
{tested}
        k = 0
        busy = True
        while busy and k < steps:
            for _ in range({CHECK}):
                for l in range({LANES}):
{counted.replace("                K", "                    K")}
{cleared.replace("            A", "                A")}
                for p in range(n):
                    weight = spectrum[p]
                    for l in range({LANES}):
{load_state}
{lines(t.step, 24)}
{deep}
                for l in range({LANES}):
{tested.replace("                N", "                    N")}
            k += {CHECK}
            left = 0
            for l in range({LANES}):
                left += {pending}
            busy = left > 0
        for l in range({LANES}):
            index = block * {LANES} + l
            if index < count:
{written}
"""
