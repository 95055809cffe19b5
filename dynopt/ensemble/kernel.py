"""The text of fused escape kernels: one `Trace`, written for numba (CPU) and for Triton (CUDA).

A kernel draws the starts (and the noise, one set of normals a step) from the counter-based generator of
`dynopt.ensemble.rng`, keeps the state of each run in registers, adds one to a counter while the run has
not left (no branch per step), looks every `CHECK` steps whether all of its runs have left, and goes on
``linger`` steps to see where they come to rest.  Texts are kept on disk under their hash, where both
compilers find them again.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import sympy as sp

from dynopt.ensemble.trace import Assignments, Source, Trace
from dynopt.store.cache import cache_folder

CHECK = 16
"""Steps between two looks at whether all runs of a group have left."""
REGISTERS = 128
"""State numbers of a group of runs: with more, a CPU's vector registers overflow; with fewer, an update waits for the one before."""

MATH = {
    "sqrt": "math.sqrt", "abs": "abs", "sin": "math.sin", "cos": "math.cos", "exp": "math.exp", "log": "math.log", "tanh": "math.tanh",
    "max": "max", "min": "min", "where": "select",
}  # fmt: skip
TRITON = {
    "sqrt": "tl.sqrt", "abs": "tl.abs", "sin": "tl.sin", "cos": "tl.cos", "exp": "tl.exp", "log": "tl.log",
    "max": "tl.maximum", "min": "tl.minimum", "where": "tl.where",
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What a kernel computes.

    Attributes
    ----------
    trace : the method on the problem.
    measures : expressions of θ (``trace.state[:n]``), one for each exit; a run is out at the first step with
        measure ≥ level.
    places : points of R^n where runs may come to rest.
    """

    trace: Trace
    measures: tuple[sp.Expr, ...]
    places: tuple[tuple[float, ...], ...]

    @property
    def constants(self) -> tuple[tuple[sp.Basic, float], ...]:
        """The trace's constants and the floats of the measures: all are arguments, so a text serves every value."""
        floats = sorted({f for m in self.measures for f in m.atoms(sp.Float)}, key=float)
        return (*self.trace.constants, *((f, float(f)) for f in floats))


def numba_text(task: Task) -> str:
    """The module text of the CPU kernel: lanes in the inner loop, time outside it.

    Lanes live in arrays on the stack, which LLVM keeps in vector registers: aligned, and known not to overlap.
    """
    write = Source(MATH)
    t = task.trace
    n, m = t.dimension, len(t.state)
    constants = [f"    c_{i} = C[{i}]" for i in range(len(task.constants))]
    names = {c: sp.Symbol(f"c_{i}", real=True) for i, (c, _) in enumerate(task.constants)}

    def lines(code: Assignments, targets: Sequence[str], indent: int) -> list[str]:
        pad = " " * indent
        text = [f"{pad}{s} = {write.doprint(e.xreplace(names))}" for s, e in code.temporaries]
        text += [f"{pad}n_{i} = {write.doprint(e.xreplace(names))}" for i, e in enumerate(code.outputs)]
        return [*text, *(f"{pad}{target} = n_{i}" for i, target in enumerate(targets))]

    load = [f"                    {s} = S{i}[l]" for i, s in enumerate(t.state)]
    load += [f"                    {e} = E{i}[l]" for i, e in enumerate(t.noise)]
    store = [f"S{i}[l]" for i in range(m)]
    body = "\n".join([*load, *lines(t.step, store, 20)])
    theta = "\n".join(f"                    {s} = S{i}[l]" for i, s in enumerate(t.state[:n]))
    exits = range(len(task.measures))
    tests = [f"({write.doprint(m.xreplace(names))} >= level[{e}])" for e, m in enumerate(task.measures)]
    opened = "\n".join(f"                W{e}[l] = 0\n                N{e}[l] = not {test}" for e, test in enumerate(tests))
    counted = "\n".join(f"                    W{e}[l] += N{e}[l]" for e in exits)
    tested = "\n".join(f"                    N{e}[l] &= not {test}" for e, test in enumerate(tests))
    counters = "\n".join(f"        W{e} = carray(lanes(), LANES, np.int64)\n        N{e} = carray(lanes(), LANES, np.int64)" for e in exits)
    pending = " + ".join(f"N{e}[l]" for e in exits)
    written = "\n".join(f"            out[{e}, index] = -1 if (N{e}[l] or W{e}[l] > steps) else W{e}[l]" for e in exits)

    def drawn(names: Sequence[str], word: str, indent: int) -> list[str]:
        pairs = [(*names[i : i + 2], "_")[:2] for i in range(0, len(names), 2)]
        return [f"{' ' * indent}{x}, {y} = pair(seed0, seed1, run, {b}, {word})" for b, (x, y) in enumerate(pairs)]

    start = [*drawn([f"z{i}" for i in range(n)], "0", 16), *(f"                {x} = P[{i}] + scale * z{i}" for i, x in enumerate(t.start))]
    start += drawn([str(e) for e in t.noise], "1", 16)
    begin = "\n".join([*start, *lines(t.init, store, 16), *(f"                {s} = S{i}[l]" for i, s in enumerate(t.state[:n]))])
    arrays = [f"E{i}[l]" for i in range(len(t.noise))]
    held = (*(f"S{i}" for i in range(m)), *(a[:-3] for a in arrays))
    allocate = "\n".join(f"        {name} = carray(lanes(), LANES, np.float64)" for name in held)
    noise = ""
    if t.noise:
        fresh = [
            "                step = k + j",
            "                for l in range(LANES):",
            "                    run = np.uint64(first) + np.uint64(block * LANES + l)",
            "                    if step % every == 0:",
            *drawn(arrays, "4 * step + 1", 24),
            "                    else:",
            *(f"                        {e} = 0.0" for e in arrays),
        ]
        noise = "\n".join(fresh) + "\n"
    distance = " + ".join(f"(S{i}[l] - Q[p, {i}])*(S{i}[l] - Q[p, {i}])" for i in range(n))
    finite = " + ".join(f"S{i}[l]*0.0" for i in range(m))
    return f"""import math

import numpy as np
from llvmlite import ir
from numba import carray, njit, prange, types
from numba.extending import intrinsic

CHECK = {CHECK}
LANES = {1 << min(6, max(3, (REGISTERS // m).bit_length() - 1))}


@intrinsic
def lanes(context):
    def code(context, builder, signature, arguments):
        attributes = builder.function.attributes
        if isinstance(attributes, set):  # LLVM's own name, not among those that llvmlite lists: without it, AVX-512 is left half used
            set.add(attributes, '"prefer-vector-width"="512"')
        with builder.goto_entry_block():
            place = builder.alloca(ir.ArrayType(ir.IntType(64), LANES))
        place.align = 64
        return builder.bitcast(place, ir.IntType(8).as_pointer())

    return types.voidptr(), code


@njit(inline="always")
def philox(c0, c1, c2, c3, k0, k1):
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for _ in range(10):
        a = np.uint64(0xD2511F53) * c0
        b = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (b >> half) ^ c1 ^ k0, b & mask, (a >> half) ^ c3 ^ k1, a & mask
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    return c0, c1, c2, c3


@njit(inline="always")
def select(condition, x, y):
    return x if condition else y


@njit(inline="always")
def unit(high, low):
    return ((high >> np.uint64(5)) * np.uint64(67108864) + (low >> np.uint64(6)) + np.uint64(1)) * 1.1102230246251565e-16


@njit(inline="always")
def pair(seed0, seed1, run, block, word):
    a, b, c, d = philox(run & np.uint64(0xFFFFFFFF), run >> np.uint64(32), np.uint64(block), np.uint64(word), seed0, seed1)
    radius, angle = math.sqrt(-2.0 * math.log(unit(a, b))), 6.283185307179586 * unit(c, d)
    return radius * math.cos(angle), radius * math.sin(angle)


@njit(parallel=True, cache=True, error_model="numpy", fastmath={{"contract", "reassoc", "nsz", "arcp"}})
def kernel(out, rest, seed0, seed1, first, count, steps, linger, every, scale, level, P, Q, R, C):
{chr(10).join(constants) or "    pass"}
    for block in prange((count + LANES - 1) // LANES):
{allocate}
{counters}
        for l in range(LANES):
                run = np.uint64(first) + np.uint64(block * LANES + l)
{begin}
{opened}
        k = 0
        busy = True
        while busy and k < steps:
            for j in range(CHECK):
{noise}                for l in range(LANES):
{counted}
{body}
{theta}
{tested}
            k += CHECK
            left = 0
            for l in range(LANES):
                left += {pending}
            busy = left > 0
        for j in range(linger):
{noise}                for l in range(LANES):
{body}
        for l in range(LANES):
            index = block * LANES + l
            if index >= count:
                continue
{written}
            place = -1
            for p in range(len(Q)):
                if {distance} <= R[p]:
                    place = p
            if not ({finite} == 0.0):
                place = -2
            rest[index] = place
"""


def triton_text(task: Task) -> str:
    """The module text of the CUDA kernel: a block of runs per program, everything in registers."""
    write = Source(TRITON)
    t = task.trace
    n = t.dimension
    names = {c: sp.Symbol(f"c_{i}", real=True) for i, (c, _) in enumerate(task.constants)}
    constants = "\n".join(f"    c_{i} = tl.load(C + {i})" for i in range(len(task.constants)))

    def lines(code: Assignments, indent: int) -> str:
        pad = " " * indent
        text = [f"{pad}{s} = {write.doprint(e.xreplace(names))}" for s, e in code.temporaries]
        text += [f"{pad}n_{i} = {write.doprint(e.xreplace(names))}" for i, e in enumerate(code.outputs)]
        return "\n".join([*text, *(f"{pad}{s} = n_{i}" for i, s in enumerate(t.state))])

    exits = range(len(task.measures))
    tests = [f"{write.doprint(m.xreplace(names))} >= level{e}" for e, m in enumerate(task.measures)]
    levels = "\n".join(f"    level{e} = tl.load(F + {e + 2})" for e in exits)
    opened = "\n".join(
        f"    waited{e} = tl.zeros([BLOCK], tl.int32)\n    pending{e} = tl.where({test}, 0, 1)" for e, test in enumerate(tests)
    )
    counted = "\n".join(f"            waited{e} += pending{e}" for e in exits)
    tested = "\n".join(f"            pending{e} = tl.where({test}, 0, pending{e})" for e, test in enumerate(tests))
    pending = " + ".join(f"pending{e}" for e in exits)
    written = "\n".join(
        f"    tl.store(out + {e} * count + lane, tl.where((pending{e} > 0) | (waited{e} > steps), -1, waited{e}), mask=inside)"
        for e in exits
    )

    def drawn(names: Sequence[str], word: str, indent: int) -> list[str]:
        text = []
        for i, name in enumerate(names):
            if i % 2 == 0:
                text.append(f"a, b, c, d = tl.philox(seed, low, high, low * 0 + {i // 2}, {word})")
                text.append("radius, angle = tl.sqrt(-2.0 * tl.log(unit(a, b))), two_pi * unit(c, d)")
            text.append(f"{name} = radius * tl.{'sin' if i % 2 else 'cos'}(angle)")
        return [" " * indent + line for line in text]

    draws = drawn([f"z{i}" for i in range(n)], "low * 0", 4)
    draws += [f"    {x} = tl.load(P + {i}) + scale * z{i}" for i, x in enumerate(t.start)]
    draws += drawn([str(e) for e in t.noise], "low * 0 + 1", 4)

    def noise(step: str, indent: int) -> str:
        if not t.noise:
            return ""
        pad = " " * indent
        fresh = drawn([str(e) for e in t.noise], f"low * 0 + (4 * ({step}) + 1).to(tl.uint32)", indent)
        return "\n".join([*fresh, *(f"{pad}{e} = tl.where(({step}) % every == 0, {e}, 0.0)" for e in t.noise)]) + "\n"

    places = "\n".join(
        "    d2 = " + " + ".join(f"(s{i} - tl.load(Q + {j * n + i}))*(s{i} - tl.load(Q + {j * n + i}))" for i in range(n)) + "\n"
        f"    place = tl.where(d2 <= tl.load(R + {j}), {j}, place)"
        for j in range(len(task.places))
    )
    finite = " + ".join(f"{s}*0.0" for s in t.state)
    return f"""import triton
import triton.language as tl


@triton.jit
def unit(high, low):
    n = (high >> 5).to(tl.int64) * 67108864 + (low >> 6).to(tl.int64) + 1
    return n.to(tl.float64) * 1.1102230246251565e-16


@triton.jit
def kernel(out, rest, seed, first, count, steps, linger, every, F, P, Q, R, C, BLOCK: tl.constexpr):
    scale = tl.load(F)
    two_pi = tl.load(F + 1)
{levels}
{constants}
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    run = lane + first
    low = (run & 0xFFFFFFFF).to(tl.uint32)
    high = (run >> 32).to(tl.uint32)
{chr(10).join(draws)}
{lines(t.init, 4)}
{opened}
    k = 0
    busy = 1
    while (k < steps) & (busy > 0):
        for j in tl.static_range({CHECK}):
{counted}
{noise("k + j", 12)}{lines(t.step, 12)}
{tested}
        k += {CHECK}
        busy = tl.max({pending}, 0)
    for j in range(linger):
{noise("k + j", 8)}{lines(t.step, 8)}
    place = tl.full([BLOCK], -1, tl.int32)
{places}
    place = tl.where(({finite}) == 0.0, place, -2)
    inside = lane < count
{written}
    tl.store(rest + lane, place, mask=inside)
"""


@functools.lru_cache(maxsize=64)
def kernel_text(task: Task, device: str) -> str:
    """The module text for a kind of device, ``cpu`` or ``cuda``; `Untraceable` where an expression has no kernel form."""
    return triton_text(task) if device == "cuda" else numba_text(task)


def load(text: str) -> ModuleType:
    """The module of a kernel text, from the file named by its hash, so that compilers can cache it on disk."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:24]
    name = f"dynopt_kernel_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    path = cache_folder("kernels") / f"{name}.py"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text)
        temporary.replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
