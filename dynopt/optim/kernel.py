"""The text of fused steps: one `Plan`, written for numba (CPU) and for Triton (CUDA).

A phase walks all tensors of a list in one call, by their addresses and lengths.  Numbers live in three
arrays of doubles: ``H`` what parameters and the iteration give, ``R`` finished inner products, ``S`` what
sums and the numbers ``N`` of the run give; elements are computed in the tensors' own precision.
An element whose gradient is not finite stays as it is: 0 = g − g tells, at no cost beside memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from dynopt.ensemble.kernel import TRITON
from dynopt.ensemble.trace import Source
from dynopt.optim.phases import Phase, Plan

PYTHON = {"sqrt": "math.sqrt", "abs": "abs", "exp": "math.exp", "log": "math.log", "max": "max", "min": "min"}
NUMBA = {**PYTHON, "max": "largest", "min": "smallest", "where": "select"}
BLOCK = 1024
"""Elements of a program on CUDA."""


class Host(Source):
    """Python text: any power, and branches that leave out what is not taken."""

    def _print_Pow(self, expr: sp.Expr, **kwargs: Any) -> str:
        base, power = expr.as_base_exp()
        if power.is_Integer or power in (sp.Rational(1, 2), sp.Rational(-1, 2)):
            return super()._print_Pow(expr, **kwargs)
        return f"(({self._print(base)})**({self._print(power)}))"

    def _print_Piecewise(self, expr: sp.Expr) -> str:
        *pairs, (value, _) = expr.args
        text = self._print(value)
        for value, condition in reversed(pairs):
            text = f"({self._print(value)} if {self._print(condition)} else {text})"
        return text

    def _print_floor(self, expr: sp.Expr) -> str:
        return f"math.floor({self._print(expr.args[0])})"


def arrays(plan: Plan) -> tuple[str, ...]:
    """The vectors that a step touches, in the order of the table of addresses."""
    touched = dict.fromkeys(name for p in plan.phases for name in (*p.reads, *p.writes))
    return (*(n for n in plan.vectors if n in touched), *(n for n in touched if n not in plan.vectors))


class Places:
    """Where each number lies: ``H[2]``, ``S[0]``, ``R[1]``, ``N[0]``."""

    def __init__(self, plan: Plan) -> None:
        shared = dict.fromkeys(s for p in plan.phases for s, _ in p.shared)
        numbers = [f"n_{n}" for n in plan.blocks if n not in plan.vectors]
        self.of = {str(s): ("H", i) for i, (s, _) in enumerate(plan.host)}
        self.of |= {str(s): ("S", i) for i, s in enumerate(shared)}
        self.of |= {str(r): ("R", i) for i, r in enumerate(r for p in plan.phases for r in p.sums)}
        self.of |= {name: ("N", i) for i, name in enumerate(numbers)}

    def used(self, expressions: Iterable[sp.Basic]) -> list[tuple[str, str, int]]:
        """(name, array, index) of the numbers that occur."""
        names = sorted({str(s) for e in expressions for s in e.free_symbols})
        return [(n, *self.of[n]) for n in names if n in self.of]


def _expressions(phase: Phase) -> list[sp.Expr]:
    return [*(e for _, e in phase.code.temporaries), *phase.code.outputs]


def host_text(plan: Plan, parameters: Iterable[str]) -> str:
    """The Python function of the parameters and the iteration that gives ``H``."""
    write = Host(PYTHON)
    temporaries, values = sp.cse([e for _, e in plan.host], symbols=sp.numbered_symbols("t", real=True), order="none")
    lines = [f"    {s} = {write.doprint(e)}" for s, e in temporaries]
    return "\n".join([
        f"def host({', '.join([*parameters, 'weight_decay', 'sign', 'k'])}):",
        *lines,
        f"    return ({''.join(f'{write.doprint(e)}, ' for e in values)})",
    ])  # fmt: skip


def _numbers(places: Places, name: str, target: str, values: Mapping[Any, sp.Expr], write: Source) -> str:
    """A function that computes numbers from numbers, all of them read before any is written."""
    load = [f"    {n} = {a}[{i}]" for n, a, i in places.used(values.values())]
    lines = [f"    v_{j} = {write.doprint(e)}" for j, e in enumerate(values.values())]
    store = [f"    {target}[{places.of[str(s)][1]}] = v_{j}" for j, s in enumerate(values)]
    return "\n".join([f"def {name}(H, N, R, S):", *load, *lines, *store])


def numba_text(plan: Plan, dtype: str) -> str:
    """The module text of the CPU step for tensors of ``dtype``, ``float32`` or ``float64``.

    It has ``phase_0``, ``phase_1``, …, before each of them ``shared_0``, … where numbers change within
    the step, and ``closing``, which writes the next numbers of the run.
    """
    places, table = Places(plan), arrays(plan)
    typed, double = Source(NUMBA, "F({!r})"), Host(NUMBA)
    parts = []
    for i, phase in enumerate(plan.phases):
        if phase.shared:
            parts.append('@njit(cache=True, error_model="numpy")\n' + _numbers(places, f"shared_{i}", "S", dict(phase.shared), double))
        parts.append(_numba_phase(i, phase, places, table, typed))
    if plan.numbers:
        names = [f"n_{n}" for n in plan.blocks if n not in plan.vectors]
        values = dict(zip(names, plan.numbers, strict=True))
        parts.append('@njit(cache=True, error_model="numpy")\n' + _numbers(places, "closing", "N", values, double))
    return f"""import math

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic

F = np.{dtype}
SIZE = {4 if dtype == "float32" else 8}


@intrinsic
def pointer(context, address):
    def code(context, builder, signature, arguments):
        attributes = builder.function.attributes
        if isinstance(attributes, set):  # LLVM's own name, not among those that llvmlite lists: half vectors cost a twentieth of the time
            set.add(attributes, '"prefer-vector-width"="512"')
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), code


@njit
def select(condition, x, y):
    return x if condition else y


@njit
def largest(x, y):
    return x if x > y or x != x else y


@njit
def smallest(x, y):
    return x if x < y or x != x else y


@njit(fastmath={{"reassoc"}})
def add(x, y):
    return x + y


""" + "\n\n\n".join(parts) + "\n"  # fmt: skip


def _numba_phase(i: int, phase: Phase, places: Places, table: tuple[str, ...], write: Source) -> str:
    names = _touched(phase)
    before, slopes = _before(phase, "a_{0}[i]")
    outputs = [write.doprint(e) for e in phase.code.outputs]
    written = len(phase.writes)
    stores = [f"o_{j}" if n not in before else f"select(odd == F(0.0), o_{j}, {before[n]})" for j, n in enumerate(phase.writes)]
    lines = [
        '@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})',
        f"def phase_{i}(table, lengths, first, last, H, S, P):",
        *(f"    {n} = F({a}[{j}])" for n, a, j in places.used(_expressions(phase))),
        *(f"    sum_{j} = 0.0" for j in range(len(phase.sums))),
        "    wrong = F(0.0)",
        "    begin = 0",
        "    for t in range(lengths.size):",
        "        n = lengths[t]",
        "        low = max(first - begin, 0)",
        "        size = min(last - begin, n) - low",
        "        begin += n",
        "        if size <= 0:",
        "            continue",
        *(f"        a_{n} = carray(pointer(table[{table.index(n)}, t] + SIZE * low), size, F)" for n in names),
        "        for i in range(size):",
        *(f"            {s} = a_{n}[i]" for s, n in zip(phase.loaded, phase.reads, strict=True)),
        *([f"            odd = {' + '.join(slopes)}", "            wrong = add(wrong, odd)"] if slopes else []),
        *(f"            {s} = {write.doprint(e)}" for s, e in phase.code.temporaries),
        *(f"            o_{j} = {text}" for j, text in enumerate(outputs)),
        *(f"            a_{n}[i] = {store}" for n, store in zip(phase.writes, stores, strict=True)),
        *(f"            sum_{j} = add(sum_{j}, np.float64(o_{written + j}))" for j in range(len(phase.sums))),
        *(f"    P[{j}] = sum_{j}" for j in range(len(phase.sums))),
        f"    P[{len(phase.sums)}] = wrong",
    ]
    return "\n".join(lines)


def _touched(phase: Phase) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*phase.reads, *phase.writes, *(("kept0",) if phase.returns else ()))))


def _before(phase: Phase, element: str) -> tuple[dict[str, str], list[str]]:
    """What an array that is written goes back to where a gradient is not finite, and what is not 0 there."""
    held = dict(zip(phase.reads, map(str, phase.loaded), strict=True))
    slopes = [f"({g} - {g})" for n, g in held.items() if n == g]
    if phase.returns:  # θ is at a point that the closure has seen
        held[phase.returns] = held.get("kept0", element.format("kept0"))
    kept = [n for n in phase.writes if not n.startswith("kept")]
    return ({n: held.get(n, element.format(n)) for n in kept} if slopes else {}), slopes


def triton_text(plan: Plan, dtype: str) -> str:
    """The module text of the CUDA step, one program for `BLOCK` elements of a tensor; arithmetic in at least single precision.

    ``P`` holds a row of partial sums for each inner product and one that is 0 where all gradients are finite;
    ``R`` the finished sums and, last, whether some gradient of an earlier pass was not finite: then nothing moves.
    """
    places, table = Places(plan), arrays(plan)
    kind = "tl.float64" if dtype == "float64" else "tl.float32"
    write = Source({**TRITON, "max": "largest", "min": "smallest"})
    bad = sum(len(p.sums) for p in plan.phases)
    parts = []
    for i, phase in enumerate(plan.phases):
        if phase.shared:
            parts.append(_triton_numbers(places, f"shared_{i}", "S", dict(phase.shared), write, bad))
        parts.append(_triton_phase(i, phase, places, table, write, dtype, bad))
    if plan.numbers:
        names = [f"n_{n}" for n in plan.blocks if n not in plan.vectors]
        parts.append(_triton_numbers(places, "closing", "N", dict(zip(names, plan.numbers, strict=True)), write, bad))
    return """import triton
import triton.language as tl


@triton.jit
def largest(x, y):
    return tl.where((x > y) | (x != x), x, y)


@triton.jit
def smallest(x, y):
    return tl.where((x < y) | (x != x), x, y)


""" + "\n\n\n".join(part.replace("KIND", kind) for part in parts) + "\n"  # fmt: skip


def _triton_numbers(places: Places, name: str, target: str, values: Mapping[Any, sp.Expr], write: Source, bad: int) -> str:
    load = [f"    {n} = tl.load({a} + {i})" for n, a, i in places.used(values.values())]
    lines = [f"    v_{j} = {write.doprint(e)}" for j, e in enumerate(values.values())]
    store = [f"    tl.store({target} + {places.of[str(s)][1]}, v_{j})" for j, s in enumerate(values)]
    if target == "N":  # the numbers of a run that met such a gradient stay
        at = [(places.of[str(s)][1], j) for j, s in enumerate(values)]
        store = [f"    tl.store(N + {i}, tl.where(tl.load(R + {bad}) == 0.0, v_{j}, tl.load(N + {i})))" for i, j in at]
    return "\n".join(["@triton.jit", f"def {name}(H, N, R, S):", *load, *lines, *store])


def _triton_phase(i: int, phase: Phase, places: Places, table: tuple[str, ...], write: Source, dtype: str, bad: int) -> str:
    before, slopes = _before(phase, "tl.load(a_{0} + i, mask=inside, other=0.0).to(KIND)")
    written = len(phase.writes)
    stores = [f"o_{j}" if n not in before else f"tl.where(odd == 0.0, o_{j}, {before[n]})" for j, n in enumerate(phase.writes)]
    lines = [
        "@triton.jit",
        f"def phase_{i}(table, lengths, chunks, H, S, R, P, tensors, programs, BLOCK: tl.constexpr):",
        *(f"    {n} = tl.load({a} + {j}).to(KIND)" for n, a, j in places.used(_expressions(phase))),
        "    program = tl.program_id(0)",
        "    t = tl.load(chunks + 2 * program)",
        "    i = tl.load(chunks + 2 * program + 1) + tl.arange(0, BLOCK)",
        "    inside = i < tl.load(lengths + t)",
        *(f"    a_{n} = tl.load(table + {table.index(n)} * tensors + t).to(tl.pointer_type(tl.{dtype}))" for n in _touched(phase)),
        *(f"    {s} = tl.load(a_{n} + i, mask=inside, other=0.0).to(KIND)" for s, n in zip(phase.loaded, phase.reads, strict=True)),
        *([f"    odd = {' + '.join(slopes)}" + f" + tl.load(R + {bad}).to(KIND)"] if slopes else []),
        *(f"    {s} = {write.doprint(e)}" for s, e in phase.code.temporaries),
        *(f"    o_{j} = {write.doprint(e)}" for j, e in enumerate(phase.code.outputs)),
        *(f"    v_{j} = {store}" for j, store in enumerate(stores)),
        *(f"    tl.store(a_{n} + i, v_{j}, mask=inside)" for j, n in enumerate(phase.writes)),
        *(
            f"    tl.store(P + {j} * programs + program, tl.sum(tl.where(inside, o_{written + j}.to(tl.float64), 0.0), 0))"
            for j in range(len(phase.sums))
        ),
        *([f"    tl.store(P + {len(phase.sums)} * programs + program, tl.sum(tl.where(odd == 0.0, 0.0, 1.0), 0))"] if slopes else []),
    ]
    return "\n".join(lines)
