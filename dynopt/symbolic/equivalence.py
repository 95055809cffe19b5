"""`equivalent`: parameter substitutions under which one method is another, up to a change of state.

Two methods with one gradient per iteration ask for gradients at the same points, from matching
states and for *every* objective, iff their transfer functions from gradient to query point,
G(z) = C(zI − A)⁻¹B + D, agree: the oracle is one and the same memoryless map in both loops.  A
relation found that way is verified twice on a function that is not quadratic: by symbolic iterates
with a general polynomial gradient, and by running both definitions.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.oracle import FunctionOracle
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import symbol, symbolic

z = sp.Symbol("z")


@dataclass(frozen=True)
class Relation(Result):
    """One substitution under which ``first`` is ``second``.

    Attributes
    ----------
    substitution : parameters of the second method (and, where needed, of the first) as functions of
        the remaining parameters of the first, SymPy-parsable.
    state_change : one method's state as a linear function of the other's, block by block.
    condition : where the substituted parameters lie in their domains, as strings.
    verified : both checks on a non-quadratic function passed.
    """

    substitution: dict[str, str]
    state_change: dict[str, str]
    condition: tuple[str, ...]
    verified: bool


@dataclass(frozen=True)
class Equivalence(Result):
    """All relations found between two methods; none when no substitution makes the transfer functions equal."""

    first: str
    second: str
    relations: tuple[Relation, ...]
    note: str = ""


def transfer_function(space: StateSpace) -> sp.Expr:
    """G(z) = C(zI − A)⁻¹B + D from the gradient to the point where it is taken, for one gradient per iteration.

    >>> transfer_function(state_space(symbolic("gd")))
    -gamma/(z - 1)
    """
    m = space.A.shape[0]
    return sp.factor(sp.cancel((space.C * (z * sp.eye(m) - space.A).inv() * space.B + space.D)[0, 0]))


def equivalent(first: str | System | type[System], second: str | System | type[System]) -> Equivalence:
    """Substitutions under which the second method is the first, up to a change of state.

    Parameters left out of either call are unknowns (second) or stay symbols (first).

    Raises
    ------
    Misuse : a method that is not linear, depends on the iteration, asks for several gradients a step,
        or a flow against an algorithm.

    Examples
    --------
    >>> equivalent("heavy_ball", "heavy_ball_velocity(dampening=0)").relations[0].substitution
    {'gamma': 'gamma', 'momentum': 'momentum'}
    """
    one, two = symbolic(first), symbolic(second)
    (a, left), (b, right) = _loop(one), _loop(two)
    if a.continuous != b.continuous:
        flow = one.name if a.continuous else two.name
        raise Misuse(f"{flow} is a flow and the other method an iteration; compare two of one kind")
    renamed = {s: sp.Symbol(f"{s.name}_2", **s.assumptions0) for p in two.numbers() for s in getattr(two, p.name).free_symbols}
    unknowns = list(renamed.values())
    right = right.subs(renamed)
    answers = [_relation(one, two, a, b, renamed, solution) for solution in _match(left, right, unknowns, _symbols(one))]
    found = tuple(r for r in answers if isinstance(r, Relation))
    outside = "; ".join(dict.fromkeys(r for r in answers if isinstance(r, str)))
    none = f"no parameters of {two.name} give the transfer function of {one.name}" if not outside else f"only outside the domain: {outside}"
    return Equivalence(_name(first), _name(second), found, "" if found else none)


def _name(method: str | System | type[System]) -> str:
    return method if isinstance(method, str) else method.name


def _symbols(system: System) -> list[sp.Symbol]:
    return [s for p in system.numbers() for s in sorted(getattr(system, p.name).free_symbols, key=str)]


def _loop(system: System) -> tuple[StateSpace, sp.Expr]:
    """The state-space form and the transfer function of a method with one gradient a step."""
    found = _read(system)
    if isinstance(found, Misuse):
        raise found.with_traceback(None)
    return found


@functools.lru_cache(maxsize=256)
def _read(system: System) -> tuple[StateSpace, sp.Expr] | Misuse:
    """What `_loop` answers; a refusal is kept too, because `relations` asks for it once a pair."""
    try:
        space = _single_gradient(system)
        return space, transfer_function(space)
    except Misuse as reason:
        return reason


def _single_gradient(system: System) -> StateSpace:
    space = state_space(system)
    if space.index is not None:
        raise Misuse(f"{system.name} depends on {space.index}; equivalence is decided for constant coefficients")
    if space.B.shape[1] != 1:
        raise Misuse(f"{system.name} asks for {space.B.shape[1]} gradients a step; equivalence is decided for one gradient a step")
    return space


def _match(left: sp.Expr, right: sp.Expr, unknowns: list[sp.Symbol], own: list[sp.Symbol]) -> list[dict[sp.Symbol, sp.Expr]]:
    """Solutions of left(z) = right(z) for the unknowns; if there is none, for the unknowns and one, then two, of the first's parameters.

    Transfer functions of one order are compared coefficient by coefficient.  Where the orders
    differ, a pole must cancel a zero, and the cross-multiplied equation is solved.
    """
    equations = _coefficient_equations(left, right)
    relevant = [u for u in unknowns if right.has(u)]
    present = [s for s in own if left.has(s)]
    special = [[*relevant, *some] for size in (1, 2) for some in itertools.combinations(present, size)]
    for wanted in (relevant, *special):
        try:
            solutions = sp.solve(equations, wanted, dict=True) if equations else [{}]
        except NotImplementedError:
            continue
        kept = [s for s in solutions if _proper(s, right) and all(sp.cancel(sp.together(e.subs(s))) == 0 for e in equations)]
        if kept:
            return kept
    return []


def _coefficient_equations(left: sp.Expr, right: sp.Expr) -> list[sp.Expr]:
    parts = [[sp.Poly(e, z) for e in sp.fraction(sp.cancel(g))] for g in (left, right)]
    (n1, d1), (n2, d2) = parts
    if d1.degree() == d2.degree() and n1.degree() == n2.degree():
        pairs = [*zip(n1.all_coeffs(), n2.all_coeffs(), strict=True), *zip(d1.all_coeffs()[1:], d2.all_coeffs()[1:], strict=True)]
        ones, twos = d1.LC(), d2.LC()
        equations = [sp.numer(sp.together(a / ones - b / twos)) for a, b in pairs]
    else:
        equations = (n1 * d2 - n2 * d1).all_coeffs()
    return [e for e in map(sp.expand, equations) if e != 0]


def _proper(solution: Mapping[sp.Symbol, sp.Expr], right: sp.Expr) -> bool:
    values = list(solution.values())
    return not any(v.has(sp.zoo, sp.nan, sp.I) for v in values) and not right.subs(solution).has(sp.zoo, sp.nan)


def _relation(
    one: System, two: System, a: StateSpace, b: StateSpace, renamed: Mapping[sp.Symbol, sp.Symbol], solution: dict[sp.Symbol, sp.Expr]
) -> Relation | str:
    """The verified relation that a solution describes, or why no admissible parameters realise it."""
    own = {s: e for s, e in solution.items() if s not in renamed.values()}
    complete = {old: sp.simplify(solution.get(new, new).subs(own)) for old, new in renamed.items()}
    values = {p.name: sp.simplify(getattr(two, p.name).xreplace(complete)) for p in two.numbers()}
    conditions = []
    for p in two.numbers():
        assert p.domain is not None
        value = values[p.name]
        if not p.domain.contains(value):
            return f"{two.name}.{p.name} = {value} is not in {p.domain}"
        known = (
            p.domain.upper == float("inf")
            and p.domain.lower == 0
            and (value.is_nonnegative if p.domain.lower_closed else value.is_positive)
        )
        if value.free_symbols and not known and not (value.is_Symbol and value.name in (p.name, f"{p.name}_2")):
            conditions.append(f"{value} in {p.domain}")
    spaces = [(s.A.xreplace(m), s.B.xreplace(m), s.C.xreplace(m)) for s, m in ((a, own), (b, complete))]
    relevant = [p.name for p in two.numbers() if any(m.has(symbol(p)) for m in (b.A, b.B, b.C))]
    shown = {f"{one.name}.{s}": str(e) for s, e in own.items()} | {name: str(values[name]) for name in relevant}
    try:
        first = one.replace(**{p.name: sp.simplify(getattr(one, p.name).xreplace(own)) for p in one.numbers()}) if own else one
        second = two.replace(**values)
    except Misuse as error:  # the substitution breaks a domain of the first method, or a law between parameters
        return str(error)
    if _admissible_point(first, second) is None:
        return "no admissible values were found for " + ", ".join(f"{name} = {value}" for name, value in shown.items())
    change, source, target = _intertwine(*spaces), (a, first), (b, second)
    if change is None:  # the second has states that its queries never show: the map goes the other way
        change, source, target = _intertwine(*reversed(spaces)), (b, second), (a, first)
    if change is None:  # both have states that their queries never show; at rest those are zero
        return Relation(shown, {}, (*conditions, "started at rest"), _rest_check(first, second))
    mark = f"{target[1].name}."
    state = sp.Matrix([sp.Symbol(name) for name in source[0].blocks])
    described = {mark + block: str(sp.factor(e)) for block, e in zip(target[0].blocks, change * state, strict=True)}
    verified = _symbolic_check(source[1], target[1], change) and _numeric_check(source[1], target[1], change)
    return Relation(shown, described, tuple(conditions), verified)


Triple = tuple[sp.Matrix, sp.Matrix, sp.Matrix]


def _intertwine(one: Triple, two: Triple) -> sp.Matrix | None:
    """T with T A₁ = A₂ T, T B₁ = B₂, C₂ T = C₁: along s₂ = T s₁ both ask the same gradients for ever."""
    (A1, B1, C1), (A2, B2, C2) = one, two
    T = sp.Matrix(A2.shape[0], A1.shape[0], sp.symbols(f"T0:{A2.shape[0] * A1.shape[0]}"))
    equations = [*(T * A1 - A2 * T), *(T * B1 - B2), *(C2 * T - C1)]
    solution = sp.solve([sp.expand(e) for e in equations], list(T), dict=True)
    if not solution:
        return None
    return T.subs(solution[0]).subs(dict.fromkeys(T, 0)).applyfunc(sp.simplify)


def _symbolic_check(source: System, target: System, change: sp.Matrix) -> bool:
    """One step from a general state with a general cubic gradient: the state change commutes with the updates."""
    coefficients = sp.symbols("g0:4")
    oracle = FunctionOracle(lambda x: x, lambda x: sum(c * x**i for i, c in enumerate(coefficients)))
    state = _state_type(source)(*sp.symbols(f"s0:{change.shape[1]}"))
    mapped = _state_type(target)(*(change * sp.Matrix(list(state))))
    gap = change * sp.Matrix(list(_advance(source, state, oracle))) - sp.Matrix(list(_advance(target, mapped, oracle)))
    return all(sp.cancel(sp.together(e)) == 0 for e in gap)


def _numeric_check(source: System, target: System, change: sp.Matrix) -> bool:
    """Fifty steps of both definitions on ∇J(x) = x + sin x from matching states, at parameters inside both domains."""
    point = _admissible_point(source, target)
    if point is None:
        return False
    one, two = (s.replace(**{p.name: float(getattr(s, p.name).subs(point)) for p in s.numbers()}) for s in (source, target))
    matrix = np.array(change.subs(point).tolist(), dtype=float)
    oracle = FunctionOracle(lambda x: x, lambda x: x + np.sin(x))
    state = _state_type(one)(*np.random.default_rng(0).normal(size=(change.shape[1], 3)))
    mapped = _state_type(two)(*(matrix @ np.array(state)))
    scale = 1.0
    for _ in range(50):
        state, mapped = _advance(one, state, oracle), _advance(two, mapped, oracle)
        gap, size = np.max(np.abs(matrix @ np.array(state) - np.array(mapped))), np.max(np.abs(np.array(state)))
        scale = max(scale, float(size))
        if not np.isfinite(scale) or gap > 1e-8 * scale:
            return False
    return True


def _rest_check(first: System, second: System) -> bool:
    """Fifty steps of both from rest at one point on ∇J(x) = x + sin x: the gradients are asked for at the same points."""
    point = _admissible_point(first, second)
    if point is None:
        return False
    paths = []
    for system in (first, second):
        asked: dict[int, np.ndarray] = {}

        numeric = system.replace(**{p.name: float(getattr(system, p.name).subs(point)) for p in system.numbers()})
        state = numeric.init(np.array([0.7, -0.2]), FunctionOracle(lambda x: x, lambda x: 0 * x))  # type: ignore[attr-defined]
        for k in range(50):
            state = _advance(numeric, state, FunctionOracle(lambda x: x, functools.partial(_asked, asked, k)))
        paths.append(np.array(list(asked.values())))
    scale = max(1.0, float(np.max(np.abs(paths[0]))))
    return bool(np.isfinite(scale) and np.max(np.abs(paths[0] - paths[1])) <= 1e-8 * scale)


def _asked(asked: dict[int, np.ndarray], k: int, x: np.ndarray) -> np.ndarray:
    """x + sin x; the first query of a step is kept: a block-wise update asks again without using the answer."""
    asked.setdefault(k, x)
    return x + np.sin(x)


def _admissible_point(source: System, target: System) -> dict[sp.Symbol, sp.Rational] | None:
    """Rational values of all symbols that put both methods inside their domains, from a fixed seed."""
    symbols = list(dict.fromkeys([*_symbols(source), *_symbols(target)]))
    rng = np.random.default_rng(1)
    for _ in range(400):
        point = {s: sp.Rational(int(rng.integers(1, 100)), 101) for s in symbols}
        try:
            for system in (source, target):
                system.replace(**{p.name: getattr(system, p.name).subs(point) for p in system.numbers()})
        except (Misuse, TypeError):
            continue
        return point
    return None


def _state_type(system: Any) -> Any:
    class _Zero:
        def gradient(self, x: Any) -> Any:
            return 0 * x

        full_gradient = gradient

    return type(system.init(sp.Integer(0), _Zero()))


def _advance(system: Any, state: Any, oracle: Any) -> Any:
    return system.field(state, oracle, 0) if hasattr(system, "field") else system.update(state, oracle, 0)
