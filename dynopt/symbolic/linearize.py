"""From a definition to its state-space form, by running it on symbols.

The update s⁺ = A s + B u, y = C s + D u, u = ∇J(y) (⊗ I_P) is read off the definition: the oracle
hands out a fresh symbol for each gradient and remembers where it was asked for.  At a critical
point with symmetric Hessian the system splits into one block per Hessian eigenvalue λ, the mode
matrix M(λ) = A + λB(I − λD)⁻¹C.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import sympy as sp

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.system import System
from dynopt.errors import NotLinear
from dynopt.symbolic.symbols import eigenvalue


class _Recorder:
    """An oracle of symbols: each gradient is a fresh symbol, its argument is kept."""

    def __init__(self) -> None:
        self.points: list[sp.Expr] = []
        self.answers: list[sp.Symbol] = []

    def gradient(self, x: sp.Expr) -> sp.Symbol:
        for point, answer in zip(self.points, self.answers, strict=True):
            if sp.expand(point - x) == 0:
                return answer
        self.points.append(sp.sympify(x))
        self.answers.append(sp.Dummy(f"u{len(self.answers) + 1}"))
        return self.answers[-1]

    full_gradient = gradient

    def value(self, x: sp.Expr) -> sp.Expr:
        raise NotLinear("the update uses objective values, so it is not linear in gradients and has no mode matrix")

    def expected_variation(self, x: sp.Expr) -> sp.Expr:
        raise NotLinear("the update uses products of the Hessian, so it is not linear in gradients and has no mode matrix")

    def noise(self, x: sp.Expr, every: Any = 1) -> sp.Expr:
        raise NotLinear("the update draws random numbers, so it has no mode matrix; study it by runs")

    uniform = noise

    def at(self, k: int) -> Self:
        return self


@dataclass(frozen=True, eq=False)
class StateSpace:
    """s⁺ (or s') = A s + B u, y = C s + D u, u = ∇J(y), each coefficient standing for itself ⊗ I_P.

    Attributes
    ----------
    system : the method it was read from.
    blocks : names of the state blocks, in order; the first is θ.
    A, B, C, D : SymPy matrices of sizes (m, m), (m, q), (q, m), (q, q); D is strictly lower triangular.
    start : the initial state per unit of the mode's start and its gradient: s₀ = (start₀ + λ start₁) u₀.
    index : the symbol k (algorithm) or t (flow), if A, B or C depend on it or the update branches on it, else None.
    """

    system: System
    blocks: tuple[str, ...]
    A: sp.Matrix
    B: sp.Matrix
    C: sp.Matrix
    D: sp.Matrix
    start: sp.Matrix
    index: sp.Symbol | None = None

    @property
    def continuous(self) -> bool:
        return isinstance(self.system, Flow)

    @cached_property
    def mode_matrix(self) -> sp.Matrix:
        """M(λ) = A + λB(I − λD)⁻¹C, an m × m matrix in the symbol λ (`dynopt.symbolic.symbols.eigenvalue`)."""
        q = self.D.shape[0]
        inner = (sp.eye(q) - eigenvalue * self.D).inv() * self.C if q else sp.zeros(0, len(self.blocks))
        return (self.A + eigenvalue * self.B * inner).applyfunc(lambda e: _tidy(sp.expand(e)))

    @cached_property
    def noise(self) -> sp.Matrix:
        """b = B(I − λD)⁻¹ 1, what ε adds to the next state when every gradient of the iteration is ∇J + ε."""
        q = self.D.shape[0]
        inner = (sp.eye(q) - eigenvalue * self.D).inv() * sp.ones(q, 1) if q else sp.zeros(0, 1)
        return (self.B * inner).applyfunc(lambda e: _tidy(sp.expand(e)))


def _tidy(e: sp.Expr) -> sp.Expr:
    numerator, denominator = sp.fraction(sp.together(e))
    return sp.expand(e) if denominator.is_number else sp.Add(*(t / denominator for t in sp.Add.make_args(sp.expand(numerator))))


def state_space(system: System) -> StateSpace:
    """The state-space form of an algorithm or flow with exact or symbolic parameters.

    Raises
    ------
    NotLinear : the update is not linear in the blocks and the gradients (a normalised or adaptive
        method), or is affine with a constant term; the sentence says which term.

    Examples
    --------
    >>> from dynopt.symbolic.symbols import symbolic
    >>> state_space(symbolic("gd")).mode_matrix
    Matrix([[-gamma*lamda + 1]])
    """
    theta0 = sp.Dummy("theta0")
    starter = _Recorder()
    initial = system.init(theta0, starter)  # type: ignore[attr-defined]
    blocks = initial._fields
    state = type(initial)(*(sp.Dummy(b) for b in blocks))
    oracle = _Recorder()
    index: sp.Symbol
    branching = False  # on k % 10 == 0, say, which leaves no k behind
    if isinstance(system, Flow):
        index = sp.Symbol("t", positive=True)
        after = system.field(state, oracle, index)
    else:
        assert isinstance(system, Algorithm)
        index = sp.Symbol("k", integer=True, nonnegative=True)
        after = system.update(state, oracle, index)
        first = system.update(state, oracle, sp.Integer(0))
        branching = any(sp.sympify(a).subs(index, 0) != sp.sympify(b) for a, b in zip(after, first, strict=True))
    A, B = _coefficients(system, list(after), list(state), oracle.answers)
    C, D = _coefficients(system, oracle.points, list(state), oracle.answers)
    used = [j for j in range(B.shape[1]) if any(B[:, j]) or any(D[:, j])]  # a gradient that nothing depends on is no input
    B, C, D = B[:, used], C[used, :], D[used, used]
    s0, g0 = _coefficients(system, list(initial), [theta0], starter.answers)
    for point in starter.points:
        if sp.expand(point - theta0) != 0:
            raise NotLinear(f"{system.name}: the start asks for a gradient away from theta0, which has no mode form")
    start = s0 + eigenvalue * (g0 * sp.ones(g0.shape[1], 1) if g0.shape[1] else sp.zeros(len(blocks), 1))
    dependence = index if (branching or A.has(index) or B.has(index) or C.has(index)) else None
    return StateSpace(system, blocks, A, B, C, D, start.applyfunc(sp.expand), dependence)


def _coefficients(system: System, rows: list[Any], states: list[sp.Symbol], inputs: list[sp.Symbol]) -> tuple[sp.Matrix, sp.Matrix]:
    unknowns = [*states, *inputs]
    matrix = sp.zeros(len(rows), len(unknowns))
    for i, row in enumerate(rows):
        row = sp.sympify(row)
        for j, x in enumerate(unknowns):
            matrix[i, j] = sp.diff(row, x)
        bent, rest = bool(matrix.row(i).free_symbols & set(unknowns)), sp.Integer(0)
        if not bent:
            rest = sp.expand(row - sum(matrix[i, j] * x for j, x in enumerate(unknowns)))
            rest = rest if rest == 0 else sp.simplify(rest)  # slow, and seldom needed
        if bent or rest.free_symbols & set(unknowns):
            raise NotLinear(
                f"{system.name} is not linear in its state and gradients, so it has no mode matrix M(λ); "
                "freeze its gain, or study it by runs (trajectory, escape)"
            )
        if rest != 0:
            raise NotLinear(f"{system.name} adds the constant {rest} to its update, so it has no mode matrix M(λ)")
    return matrix[:, : len(states)], matrix[:, len(states) :]


def linear(system: System) -> bool:
    """True when `state_space` exists."""
    try:
        state_space(system)
    except NotLinear:
        return False
    return True
