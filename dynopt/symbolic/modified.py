"""Modified equations: the flow that a one-step map follows to any order in its step.

A map Φ(s) = s + h d₁(s) + h² d₂(s) + … follows s' = F₀ + hF₁ + h²F₂ + …, where, with D_j the derivative
along F_j,

    d_m = Σ_i (1/i!) Σ_{j₁+…+j_i = m−i} D_{j₁}⋯D_{j_{i−1}} F_{j_i}        (Hairer, Lubich, Wanner, §IX.1)

is solved for F_{m−1}, the term with i = 1.  The definition runs once on symbols, its gradients expanded
in the derivatives of J at θ ("jets"); the recursion is then arithmetic of polynomials in the state and
the jets, whatever J is.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.polys.polyerrors import CoercionFailed
from sympy.polys.rings import PolyRing

from dynopt.core.algorithm import Algorithm
from dynopt.core.parameter import is_schedule
from dynopt.errors import Misuse
from dynopt.symbolic.jets import ExpandedOracle, Index, Jets, raised, step, taylor
from dynopt.symbolic.rescale import at_step
from dynopt.symbolic.symbols import exact

HIGHEST = 4
"""The highest order that is derived."""
MOST = 200
"""Derivatives of J that a derivation may involve: all to order 5 of a function of four coordinates are 125."""


@dataclass(frozen=True, eq=False)
class ModifiedEquation:
    """s' = F₀ + hF₁ + … + h^{p−1}F_{p−1}, which the iterates follow over a fixed time up to O(h^p).

    Attributes
    ----------
    method : the method with its parameters as functions of the step `step`, what its flow holds fixed being fixed.
    order : p.
    kind : the NamedTuple of the state, which is that of the method's flow where it declares one.
    state : symbols of the state, a row of coordinates for each block; the first row is θ.
    jets : the derivatives of J, which `terms` contain as symbols.
    terms : F₀, …, F_{p−1} in `state` and the symbols of ``jets``, each a row for each block.
    """

    method: Algorithm
    order: int
    kind: Any
    state: np.ndarray
    jets: Jets
    terms: tuple[np.ndarray, ...]

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Symbols of parameters in the terms: none for rational ones (see `at_small_steps`)."""
        values = [getattr(self.method, p.name) for p in self.method.numbers()]
        return tuple(sorted(set().union(*(v.free_symbols for v in values)) - {step}, key=str))

    def fields(self) -> tuple[np.ndarray, ...]:
        """F₀, …, F_{p−1} as expressions of the state alone, the derivatives of J written out.

        >>> import dynopt
        >>> dynopt.modified_flow("gd(gamma=1/10)", "quadratic(spectrum=[3])", 3).equation.fields()[1]
        array([[-9*theta1/2]], dtype=object)
        """
        at = dict(zip(self.jets.coordinates, self.state[0], strict=True))
        rules = {name: e.xreplace(at) for name, e in self.jets.expressions.items()}
        return tuple(np.vectorize(lambda e: e.xreplace(rules), otypes=[object])(term) for term in self.terms)


def modified_equation(method: Algorithm, problem: Any, order: int) -> ModifiedEquation:
    """The modified equation of order 1 to 4 of a method on a problem of few coordinates (None: any J of one coordinate).

    The step h is the time that one iteration takes: γ for a method that declares no flow; otherwise
    what its flow says (√γ for the heavy ball), the flow's parameters held fixed.

    Raises
    ------
    Misuse : a schedule, an update that depends on the iteration, a map that is not near the identity
        for small steps or not polynomial in its blocks and gradients, a problem that is not smooth.

    Examples
    --------
    >>> import dynopt
    >>> modified_equation(dynopt.method("gd(gamma=1/10)"), None, 3).terms[1]
    array([[-J1*J2/2]], dtype=object)
    """
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= HIGHEST:
        raise Misuse(f"order={order} is outside [1, {HIGHEST}]; give the order of the modified equation, such as 2")
    if problem is not None and not (hasattr(problem, "symbols") and problem.smooth):
        raise Misuse(f"{problem.name} has no symbolic derivatives of every order, as a modified equation needs; choose a smooth landscape")
    return _derived(at_small_steps(method)[0], problem, order)


@lru_cache(maxsize=64)
def _derived(template: Algorithm, problem: Any, order: int) -> ModifiedEquation:
    jets = Jets(problem)
    kind, state, after = _map(template, jets, order)
    rows = [taylor(e, order) for e in after.ravel()]
    if any(sp.expand(row[0] - s) != 0 for row, s in zip(rows, state.ravel(), strict=True)):
        raise Misuse(
            f"one step of {template.name} does not tend to the identity with its step-size, so that it has no modified equation; "
            "declare flow() and flow_state() on the method"
        )
    return ModifiedEquation(template, order, kind, state, jets, _recursion(rows, state, jets, order, template.name))


@lru_cache(maxsize=256)
def at_small_steps(method: Algorithm) -> tuple[Any, dict[sp.Symbol, float]]:
    """The method with its parameters as functions of `step`, and numbers for the symbols that stand for irrational parameters of its flow.

    >>> from dynopt import HeavyBall
    >>> at_small_steps(HeavyBall(gamma=0.01, momentum=0.8))
    (HeavyBall(gamma=h**2, momentum=1 - 2*h), {})
    """
    constants = list(method.numbers())
    for p in constants:
        if is_schedule(value := getattr(method, p.name)):
            raise Misuse(f"{method.name}: {p.name}={value} varies with the iteration; give a constant for a modified equation")
    general = method.replace(**{p.name: exact(getattr(method, p.name)) for p in constants})
    found = general.flow()
    if found is None:
        if not any(p.name == "gamma" for p in constants):
            raise Misuse(f"{method.name} has neither a flow nor a step-size gamma, so that nothing says what its small steps are")
        return general.replace(gamma=step), {}
    if not found[0].autonomous:
        raise Misuse(f"{method.name} discretises a flow that varies in time; modified equations are for autonomous flows")
    held: dict[str, Any] = {}
    values: dict[sp.Symbol, float] = {}
    for p in found[0].numbers():
        value = sp.sympify(getattr(found[0], p.name))
        held[p.name] = value if value.is_Rational or value.is_Symbol else sp.Symbol(p.name, positive=True)
        if held[p.name] != value and value.is_number:
            values[held[p.name]] = float(value)
    for solution in at_step(general, constants, lambda now: step, held):
        try:
            return general.replace(**solution), values
        except Misuse:
            continue
    raise Misuse(f"{method.name} has no parameters that follow the same flow at small steps, so that it has no modified equation")


def _map(template: Any, jets: Jets, order: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """The kind of the flow's state, its symbols, and one step of the method in these coordinates."""
    n = jets.dimension
    theta = np.array([sp.Symbol(f"theta{i + 1}" if n > 1 or jets.coordinates else "theta", real=True) for i in range(n)], dtype=object)
    oracle = ExpandedOracle(jets, theta, order, template.name)
    own = type(template.init(theta, oracle))
    blocks = [sp.Dummy(name) for name in own._fields]
    image = template.flow_state(own(*blocks))
    matrix = sp.Matrix([[sp.diff(e, b) for b in blocks] for e in map(sp.sympify, image)])
    if matrix.free_symbols & set(blocks) or not matrix.is_square or matrix.det() == 0:
        raise Misuse(f"{template.name}: flow_state() must be linear in the blocks and invertible; correct it")
    inverse = matrix.inv()
    names = [f"{name}{i + 1}" if len(theta) > 1 or jets.coordinates else name for name in image._fields[1:] for i in range(n)]
    rest = np.array([sp.Symbol(name, real=True) for name in names], dtype=object).reshape(-1, n)
    state = np.vstack([theta[None], rest])
    start = [sum(inverse[i, j] * state[j] for j in range(len(blocks))) for i in range(len(blocks))]
    start = [np.array([sp.expand(e) for e in row], dtype=object) for row in start]
    k = sp.Symbol("k", integer=True, nonnegative=True)
    try:
        after = template.flow_state(template.update(own(*start), oracle, k))
    except TypeError as error:
        raise Misuse(f"{template.name} does not run on symbols ({error}), so that it has no modified equation") from error
    flat = np.array([np.broadcast_to(block, (n,)) for block in after], dtype=object)
    if any(sp.sympify(e).has(k) for e in flat.ravel()):
        raise Misuse(f"{template.name} depends on the iteration; modified equations are for maps that do not")
    return type(image), state, flat


def _recursion(rows: list[list[sp.Expr]], state: np.ndarray, jets: Jets, order: int, name: str) -> tuple[np.ndarray, ...]:
    """F₀, …, F_{p−1} from the Taylor coefficients of the map."""
    symbols, n = list(state.ravel()), jets.dimension
    if sum(1 for _ in itertools.islice(jets.up_to(order + 1), MOST + 1)) > MOST:  # which names every jet that may come in
        raise Misuse(
            f"the objective has more than {MOST} derivatives up to order {order + 1} that are not zero; "
            f"derive a modified equation on fewer coordinates than {n}, or of a lower order than {order}"
        )
    generators = [*symbols, *jets.indices]
    parameters = sorted({s for row in rows for e in row for s in e.free_symbols} - set(generators), key=str)
    ring = PolyRing(generators, sp.QQ.frac_field(*parameters) if parameters else sp.QQ, sp.grevlex)
    try:
        d = [[ring.from_expr(row[j]) for row in rows] for j in range(order + 1)]
    except (CoercionFailed, ValueError):
        raise Misuse(
            f"a step of {name} is not a polynomial in its state and gradients, so that no modified equation is derived; "
            "study it by runs (trajectory)"
        ) from None
    position = {s: i for i, s in enumerate(generators)}
    higher = {}  # of each jet's symbol: its derivative in each coordinate
    for s, index in jets.indices.items():
        if sum(index) <= order:
            higher[position[s]] = [ring.from_expr(sp.sympify(jets[raised(index, i)])) for i in range(n)]

    def inner(slopes: list[Any], field: list[Any]) -> Any:
        return sum((e * f for e, f in zip(slopes, field[:n], strict=True)), ring.zero)

    def along(field: list[Any], g: Any) -> Any:
        """The derivative of g along a field."""
        used = {i for monomial in g.itermonoms() for i, power in enumerate(monomial) if power}
        total = ring.zero
        for i in used:
            total += g.diff(ring.gens[i]) * (field[i] if i < len(symbols) else inner(higher[i], field))
        return total

    F: list[list[Any]] = []
    chains: dict[Index, list[Any]] = {}  # D_{j₁}⋯D_{j_{i−1}} F_{j_i}, shared between orders

    def chain(js: Index) -> list[Any]:
        if js not in chains:
            chains[js] = F[js[0]] if len(js) == 1 else [along(F[js[0]], g) for g in chain(js[1:])]
        return chains[js]

    for m in range(1, order + 1):
        found = list(d[m])
        for i in range(2, m + 1):
            for js in itertools.product(range(m - i + 1), repeat=i):
                if sum(js) == m - i:
                    found = [a - b * sp.QQ(1, math.factorial(i)) for a, b in zip(found, chain(js), strict=True)]
        F.append(found)
    return tuple(np.array([e.as_expr() for e in f], dtype=object).reshape(state.shape) for f in F)


def printed(method: Algorithm, order: int) -> dict[str, Any]:
    """The modified equation for any J, as `dynopt show --modified` prints it: ``order, step, terms`` (F₀, … by block).

    In one coordinate, with g, H, T, Q the derivatives of J.  Up to order 3 each term has one reading as
    vectors and tensors, which holds in any dimension: H*g is ∇²J∇J, T*g**2 is ∇³J[∇J, ∇J].

    >>> from dynopt.symbolic.symbols import symbolic
    >>> printed(symbolic("gd"), 3)["terms"]
    {'theta': [-g, -H*g/2, -H**2*g/3 - T*g**2/12]}
    """
    equation, found = modified_equation(method, None, order), method.flow()
    names = {symbol: sp.Symbol("gHTQS"[sum(index) - 1]) for symbol, index in equation.jets.indices.items()}
    by_block = {
        str(equation.state[b, 0]): [sp.expand(term[b, 0]).xreplace(names) for term in equation.terms] for b in range(len(equation.state))
    }
    return {"order": order, "step": method.gamma if found is None else found[1], "terms": by_block}  # type: ignore[attr-defined]
