"""A traced update cut into phases, each one pass over memory.

A pass ends where something is needed that only a finished pass can give: an inner product over all
elements, or a gradient at another point, which must be in the parameters before the closure runs.
The state is written by the last pass alone, and θ is kept before a point takes its place, so that a
closure that fails leaves everything as it was.  Whatever depends on numbers alone is taken out of the
passes: what the parameters and the iteration give (``host``) once a step by Python, what sums and
numbers of the run give (``shared``) once a phase.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from dynopt.ensemble.trace import Assignments
from dynopt.optim.element import Traced


@dataclass(frozen=True)
class Phase:
    """One pass.

    Attributes
    ----------
    reads : the arrays that are read, by name: a block, ``g0``, ``g1``, … or ``kept0``, ….
    loaded : the symbols of their elements.
    writes : the arrays that are written.
    sums : symbols of the inner products that the pass finishes.
    shared : constants that sums and numbers give, computed before the pass.
    code : temporaries, then the elements that are written, then the summands.
    asks : the gradient that the closure computes after the pass at the new parameters; empty if none.
    returns : the block θ, if it is then at a point that the closure has seen, and ``kept0`` where the step began.
    """

    reads: tuple[str, ...]
    loaded: tuple[sp.Symbol, ...]
    writes: tuple[str, ...]
    sums: tuple[sp.Symbol, ...]
    shared: tuple[tuple[sp.Symbol, sp.Expr], ...]
    code: Assignments
    asks: str = ""
    returns: str = ""


@dataclass(frozen=True)
class Plan:
    """All phases of an update.

    Attributes
    ----------
    blocks, vectors : as in `Traced`.
    host : constants that parameters and the iteration give.
    phases : the passes, in order.
    numbers : the next value of each block that is a number for each run.
    """

    blocks: tuple[str, ...]
    vectors: tuple[str, ...]
    host: tuple[tuple[sp.Symbol, sp.Expr], ...]
    phases: tuple[Phase, ...]
    numbers: tuple[sp.Expr, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Vectors that a step needs beside the state and the gradients."""
        return tuple(dict.fromkeys(w for p in self.phases for w in p.writes if w not in self.blocks))


class Constants:
    """Names for the largest subexpressions without a symbol of ``inside``."""

    def __init__(self, inside: set[sp.Symbol], prefix: str) -> None:
        self.inside = inside
        self.prefix = prefix
        self.names: dict[sp.Expr, sp.Symbol] = {}

    def name(self, expression: sp.Expr) -> sp.Expr:
        if expression.is_Integer or expression in (sp.Rational(1, 2), sp.Rational(-1, 2)):
            return expression
        if expression not in self.names and -expression in self.names:
            return -self.names[-expression]
        return self.names.setdefault(expression, sp.Symbol(f"{self.prefix}{len(self.names)}", real=True))

    def taken_out(self, expression: sp.Basic) -> sp.Basic:
        """The expression with these subexpressions replaced by their names."""
        if not expression.free_symbols & self.inside:
            return self.name(expression) if isinstance(expression, sp.Expr) else expression.func(*map(self.taken_out, expression.args))
        if not expression.args or (isinstance(expression, sp.Pow) and expression.base.is_Symbol):
            return expression
        if isinstance(expression, sp.Pow) and expression.exp.is_Rational:
            return sp.Pow(self.taken_out(expression.base), expression.exp)
        within = [a for a in expression.args if a.free_symbols & self.inside]
        outside = [a for a in expression.args if a not in within]
        if isinstance(expression, (sp.Add, sp.Mul)) and outside:
            return expression.func(self.name(expression.func(*outside)), *map(self.taken_out, within))
        return expression.func(*map(self.taken_out, expression.args))


def plan(traced: Traced) -> Plan:
    """The phases of a traced update.

    Examples
    --------
    Nesterov's method looks ahead, keeping θ, and steps from where the gradient was taken:

    >>> from dynopt.core.registry import method_class
    >>> from dynopt.optim.element import traced
    >>> [(p.reads, p.writes, p.asks) for p in plan(traced(method_class("nesterov"), {})).phases]
    [(('theta', 'previous'), ('theta', 'kept0'), 'g1'), (('kept0', 'g1', 'theta'), ('theta', 'previous'), '')]
    """
    tape, theta = traced.tape, traced.blocks[0]
    level: dict[sp.Symbol, int] = {}  # the first phase that can use a symbol
    points: dict[sp.Symbol, sp.Expr] = {}
    ends: list[int] = []  # the phase that writes each point into the parameters
    work: list[dict[str, sp.Expr]] = []
    sums: list[dict[sp.Symbol, sp.Expr]] = []

    def stage(expression: sp.Expr) -> int:
        found = max((level.get(s, 0) for s in expression.free_symbols), default=0)
        while len(work) <= found:
            work.append({})
            sums.append({})
        return found

    def known(expression: sp.Expr) -> sp.Expr:
        for symbol, point in points.items():
            expression = expression.subs(point, symbol)
        return expression

    used = set().union(*(e.free_symbols for e in traced.after))
    order: list[sp.Symbol] = []
    for symbol in reversed(tape.order[1:]):
        if symbol in used:
            order.insert(0, symbol)
            used |= (tape.sums if symbol in tape.sums else tape.asked)[symbol].free_symbols
    for symbol in order:
        if symbol in tape.sums:
            summand = known(tape.sums[symbol])
            sums[stage(summand)][symbol] = summand
            level[symbol] = stage(summand) + 1
        else:
            point = known(tape.asked[symbol])
            end = max([stage(point), *(e + 1 for e in ends)])
            held = sp.Symbol(f"p{len(points) + 1}", real=True)
            points[held], level[held], level[symbol] = point, end + 1, end + 1
            ends.append(end)
            stage(held)
            work[end][theta] = point
    after = {n: known(e) for n, e in zip(traced.blocks, traced.after, strict=True)}
    symbols = dict(zip(traced.blocks, traced.symbols, strict=True))
    changed = {n: e for n, e in after.items() if n in traced.vectors and e != symbols[n]}
    last = max([*map(stage, changed.values()), len(work) - 1, stage(sp.Integer(0))])
    work[last] |= changed

    def uses(symbol: sp.Symbol, phases: range) -> bool:
        return any(symbol in e.free_symbols for i in phases for e in (*work[i].values(), *sums[i].values()))

    names = {s: n for n, s in symbols.items()} | {g: str(g) for g in tape.asked}
    arrays = [dict(names) for _ in work]
    for j, (end, holds) in enumerate(zip(ends, (symbols[theta], *points), strict=False)):
        if j == 0 or uses(holds, range(end + 1, last + 1)):  # θ in any case, to go back to if the closure fails
            work[end][f"kept{j}"] = holds
    for i, at in enumerate(arrays):
        for j, holds in enumerate((symbols[theta], *points)):
            at[holds] = theta if j == len(ends) or i <= ends[j] else f"kept{j}"

    vectors, alone = tape.vectors | set(points), {symbols[n] for n in traced.blocks if n not in traced.vectors} | set(tape.sums)
    constants, host = Constants(vectors, "c"), Constants(alone, "h")
    numbers = tuple(host.taken_out(after[n]) for n in traced.blocks if n not in traced.vectors)
    codes = [[constants.taken_out(e) for e in (*work[i].values(), *sums[i].values())] for i in range(last + 1)]
    shared = {s: host.taken_out(e) for e, s in constants.names.items() if e.free_symbols & alone}
    given = tuple((s, e) for e, s in (*constants.names.items(), *host.names.items()) if s not in shared)
    asks = dict(zip(ends, [g for g in order if g in tape.asked], strict=True))
    phases = []
    for i, code in enumerate(codes):
        temporaries, outputs = sp.cse(code, symbols=sp.numbered_symbols("t", real=True), order="none")
        here = set().union(*(e.free_symbols for e in code))
        loaded = tuple(s for s in (*names, *points) if s in here & vectors)
        own = tuple((s, e) for s, e in shared.items() if s in here)
        reads = tuple(arrays[i][s] for s in loaded)
        straight = Assignments(tuple(temporaries), tuple(outputs))
        back = theta if ends and i > ends[0] else ""
        phases.append(Phase(reads, loaded, tuple(work[i]), tuple(sums[i]), own, straight, str(asks.get(i, "")), back))
    return Plan(traced.blocks, traced.vectors, given, tuple(phases), numbers)
