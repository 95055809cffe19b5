"""`show`: everything that a definition says about itself, derived from its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import sympy as sp
from sympy.printing.latex import LatexPrinter

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.result import Result
from dynopt.core.system import System
from dynopt.errors import Misuse, NotLinear
from dynopt.symbolic.carrier import Vector
from dynopt.symbolic.closed_form import closed_form
from dynopt.symbolic.criteria import characteristic_polynomial, diffeomorphism, non_oscillating, stable
from dynopt.symbolic.linearize import StateSpace, state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

_SUBSCRIPTS = {"previous": "theta_prev"}


class _Gradient(sp.Function):
    """∇J at a point, for printing."""

    def _latex(self, printer: LatexPrinter, exp: Any = None) -> str:
        base = rf"\nabla J({printer._print(self.args[0])})"
        return rf"\left({base}\right)^{{{exp}}}" if exp else base

    def _sympystr(self, printer: Any) -> str:
        return f"grad J({printer._print(self.args[0])})"


class _Value(sp.Function):
    def _sympystr(self, printer: Any) -> str:
        return f"J({printer._print(self.args[0])})"


class _Variation(sp.Function):
    def _sympystr(self, printer: Any) -> str:
        return f"E[H grad J]({printer._print(self.args[0])})"


class _Printed:
    """An oracle that leaves gradients standing as ∇J(x)."""

    def gradient(self, x: Any) -> Any:
        return _Gradient(x)

    full_gradient = gradient

    def value(self, x: Any) -> Any:
        return _Value(x)

    def expected_variation(self, x: Any) -> Any:
        return _Variation(x)

    def noise(self, x: Any, every: Any = 1) -> Any:
        return Vector("xi")

    def uniform(self, x: Any) -> Any:
        return sp.Symbol("omega", positive=True)

    def at(self, k: int) -> Self:
        return self


@dataclass(frozen=True)
class Condition(Result):
    """One property: what must hold (a SymPy Boolean), its closed form where there is one, and its guarantee."""

    property: str
    holds_iff: Any
    closed_form: Any
    where: str | None
    guarantee: str


@dataclass(frozen=True)
class Summary(Result):
    """What `show` derives.

    Attributes
    ----------
    method : the name; ``kind`` is ``algorithm`` or ``flow``.
    parameters : name, domain, default and meaning of each.
    update : the next state (or the velocity) of each block, with ``grad J`` standing for ∇J.
    flow : the flow that an algorithm discretises, with its time step, or None.
    mode_matrix, characteristic_polynomial : rows of M(λ) and det(zI − M(λ)); None for a method that is not linear (``note`` says why).
    conditions : stability, diffeomorphism and spirals as conditions on parameters and λ.
    modified : the modified equation, if asked for (`dynopt.symbolic.modified.printed`).
    """

    method: str
    kind: str
    description: str
    parameters: tuple[dict[str, Any], ...]
    update: dict[str, Any]
    flow: dict[str, Any] | None
    mode_matrix: Any
    characteristic_polynomial: Any
    conditions: tuple[Condition, ...]
    references: tuple[str, ...]
    note: str = ""
    modified: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        matrix = None if self.mode_matrix is None else [[str(e) for e in row] for row in self.mode_matrix.tolist()]
        return {**super().to_dict(), "mode_matrix": matrix}

    def latex(self) -> str:
        """The update, the flow, M(λ), its characteristic polynomial and the conditions as LaTeX ``align*`` rows."""
        mark = "' &= " if self.kind == "flow" else "^{+} &= "
        rows = [f"{_tex(name)}{mark}{sp.latex(e)}" for name, e in self.update.items()]
        if self.flow:
            rows += [f"{_tex(name)}' &= {sp.latex(e)}" for name, e in self.flow["field"].items()]
        if self.modified:
            for name, terms in self.modified["terms"].items():
                rows.append(f"{_tex(name)}' &= " + " + ".join(_power(sp.latex(e), j) for j, e in enumerate(terms) if e != 0))
        if self.mode_matrix is not None:
            rows += [
                rf"M(\lambda) &= {sp.latex(self.mode_matrix)}",
                rf"\chi(z) &= {sp.latex(self.characteristic_polynomial)}",
            ]
        rows += [rf"\text{{{c.property}:}} &\; {sp.latex(c.holds_iff)}" for c in self.conditions]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def show(method: str | System | type[System], modified: int = 0) -> Summary:
    """The update, flow, mode matrix, characteristic polynomial and conditions of a method, derived from its definition.

    ``method`` is a call (parameters left out stay symbols), an instance, or a class.  With ``modified``
    from 1 to 4 the modified equation of that order is derived too.

    >>> str(show("gd").characteristic_polynomial)
    'gamma*lamda + z - 1'
    """
    system = symbolic(method)
    cls = type(system)
    if not isinstance(system, (Algorithm, Flow)):
        raise Misuse(f"{method!r} is neither an algorithm nor a flow; name a subclass of dynopt.Algorithm or dynopt.Flow")
    note, matrix, chi = "", None, None
    conditions: tuple[Condition, ...] = ()
    try:
        space = state_space(system)
        matrix, chi = space.mode_matrix, characteristic_polynomial(space).as_expr()
        if space.index is None:
            conditions = _conditions(space, cls)
        else:
            note = f"M(λ) depends on {space.index}: its eigenvalues are frozen in time and decide nothing by themselves"
    except NotLinear as reason:
        note = str(reason)
    parameters = tuple(
        {
            "name": p.name,
            "symbol": p.symbol,
            "domain": str(p.domain) if p.domain else "|".join(p.choices),
            "default": p.default,
            "meaning": p.meaning,
        }
        for p in cls.parameters()
    )
    continuous = isinstance(system, Flow)
    return Summary(
        method=cls.name,
        kind="flow" if continuous else "algorithm",
        description=(cls.__doc__ or "").strip().split("\n")[0],
        parameters=parameters,
        update=_printed(system),
        flow=None if continuous else _flow(system),
        mode_matrix=matrix,
        characteristic_polynomial=chi,
        conditions=conditions,
        references=cls.references,
        note=note,
        modified=_modified(system, modified) if modified else None,
    )


def _modified(system: System, order: int) -> dict[str, Any]:
    from dynopt.symbolic.modified import printed

    if not isinstance(system, Algorithm):
        raise Misuse(f"{system.name} is a flow; modified equations are what algorithms follow, such as inna")
    return printed(system, order)


def _printed(system: System) -> dict[str, Any]:
    """Each block's next value (algorithm) or velocity (flow) as an expression of the blocks and ∇J."""
    start = system.init(Vector("theta_0"), _Printed())  # type: ignore[attr-defined]
    state = type(start)(*(Vector(_SUBSCRIPTS.get(b, b)) for b in start._fields))
    if isinstance(system, Flow):
        after = system.field(state, _Printed(), sp.Symbol("t", positive=True))
    else:
        after = system.update(state, _Printed(), sp.Symbol("k", integer=True, nonnegative=True))  # type: ignore[attr-defined]
    plain = {v: sp.Symbol(v.name) for v in state}
    return {str(v): sp.piecewise_fold(sp.sympify(e)).xreplace(plain) for v, e in zip(state, after, strict=True)}


def _flow(system: Any) -> dict[str, Any] | None:
    pair = system.flow()
    if pair is None:
        return None
    flow, step = pair
    values = {p.name: getattr(flow, p.name) for p in flow.numbers()}
    return {"method": flow.name, "time_step": step, "parameters": values, "field": _printed(flow)}


def _conditions(space: StateSpace, cls: type[System]) -> tuple[Condition, ...]:
    free = "gamma" if any(p.name == "gamma" for p in cls.numbers()) else next((p.name for p in cls.numbers()), None)

    def form(name: str) -> Any:
        return closed_form(cls, name, free) if free is not None else None

    relations = {"> 0": sp.StrictGreaterThan, "!= 0": sp.Unequality}
    found = []
    for c in [stable(space), *([] if space.continuous else [diffeomorphism(space)])]:
        closed = form(c.property)
        holds = sp.And(
            *(relations[c.relation](sp.factor(q), 0, evaluate=False) for q in c.polynomials if not q.is_positive), evaluate=False
        )
        found.append(Condition(c.property, holds, closed, f"for {closed.interval}" if closed else None, c.guarantee))
    minors = non_oscillating(space).polynomials
    spirals = sp.Or(*(sp.StrictLessThan(sp.factor(q), 0, evaluate=False) for q in minors), evaluate=False)
    spiral, where = _spiral(minors[0]) if len(minors) == 1 else (None, None)
    why = "the mode of λ has complex eigenvalues; local / quadratic" if minors else "one block has one real eigenvalue: no spirals"
    found.append(Condition("spiral", spirals, spiral, where, why))
    return tuple(found)


def _spiral(discriminant: sp.Expr) -> tuple[str | None, str | None]:
    """The open interval of λ between the roots of a discriminant that is quadratic in λ with a positive square term."""
    poly = sp.Poly(discriminant, eigenvalue)
    if poly.degree() == 1 and poly.LC().is_negative:
        return f"{eigenvalue} > {sp.factor(-poly.all_coeffs()[1] / poly.LC())}", None
    if poly.degree() != 2 or not sp.factor(poly.LC()).is_positive:
        return None, None
    a, b, _ = poly.all_coeffs()
    exists = sp.factor_list(poly.discriminant())
    kept = sp.Mul(sp.sign(exists[0]), *(base if power % 2 else 1 for base, power in exists[1] if not base.is_positive))
    middle, half = sp.simplify(-b / (2 * a)), sp.sqrt(sp.factor(poly.discriminant() / (4 * a**2)))
    return f"({middle - half} < {eigenvalue}) & ({eigenvalue} < {middle + half})", f"when {kept} > 0, else never"


def _power(text: str, j: int) -> str:
    return text if j == 0 else rf"{'h' if j == 1 else f'h^{j}'}\left({text}\right)"


def _tex(name: str) -> str:
    return sp.latex(sp.Symbol(name))
