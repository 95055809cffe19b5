"""Discretisations as combinators: a flow's class in, an algorithm's class out.

INNA *is* ``explicit_euler(DIN)``: the flow's text is the algorithm's text, and every analysis of
algorithms applies to what comes out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, ClassVar

from dynopt.core.algorithm import Algorithm, Flow
from dynopt.core.oracle import Oracle
from dynopt.core.parameter import Domain, is_schedule
from dynopt.core.state import advance
from dynopt.errors import Misuse


class Discretisation(Algorithm):
    """An algorithm whose update integrates `flow_class` over one step ``gamma``; made by the functions below."""

    flow_class: ClassVar[type[Flow]]

    def _values(self) -> dict[str, Any]:
        return {p.name: getattr(self, p.name) for p in self.flow_class.parameters()}

    def _flow(self) -> Flow:
        return self.flow_class.unchecked(**self._values())

    def flow(self) -> tuple[Flow, Any]:
        return self.flow_class(**self._values()), self.gamma  # type: ignore[attr-defined]

    def _time(self, k: Any) -> Any:
        start, passed = self._flow().start_time, k * self.gamma  # type: ignore[attr-defined]
        if not start:
            return passed
        return (Fraction(repr(start)) if isinstance(start, float) else start) + passed

    def check(self) -> None:
        if not self.flow_class.autonomous and is_schedule(self.gamma):  # type: ignore[attr-defined]
            raise Misuse(f"{self.name}: a step-size schedule leaves the time of a non-autonomous flow open; give a constant gamma")
        self.flow_class(**self._values())

    def init(self, theta0: Any, oracle: Oracle) -> Any:
        return self._flow().init(theta0, oracle)


class RungeKutta(Discretisation):
    """s⁺ = s + γ Σ bᵢ kᵢ with kᵢ = field(s + γ Σ_{j<i} aᵢⱼ kⱼ, t + cᵢγ)."""

    tableau: ClassVar[tuple[tuple[tuple[Fraction, ...], ...], tuple[Fraction, ...]]]

    def update(self, state: Any, oracle: Oracle, k: Any) -> Any:
        flow, step, time = self._flow(), self.gamma, self._time(k)  # type: ignore[attr-defined]
        rows, weights = self.tableau
        slopes: list[Any] = []
        for row in rows:
            point = state
            for a, slope in zip(row, slopes, strict=True):
                point = point if a == 0 else advance(point, step * a.numerator / a.denominator, slope)
            moment = time if not row else time + step * sum(row).numerator / sum(row).denominator
            slopes.append(flow.field(point, oracle, moment))
        for b, slope in zip(weights, slopes, strict=True):
            state = state if b == 0 else advance(state, step * b.numerator / b.denominator, slope)
        return state


class SemiImplicitEuler(Discretisation):
    """Blocks are updated in the order ``blocks``; each sees those already updated (Gauss–Seidel)."""

    blocks: ClassVar[tuple[str, ...] | None]

    def update(self, state: Any, oracle: Oracle, k: Any) -> Any:
        flow, step, time = self._flow(), self.gamma, self._time(k)  # type: ignore[attr-defined]
        for block in self.blocks or state._fields:
            slope = getattr(flow.field(state, oracle, time), block)
            state = state._replace(**{block: getattr(state, block) + step * slope})
        return state


def _discretised(base: type[Discretisation], flow: type[Flow], name: str, doc: str, references: tuple[str, ...], **facts: Any) -> Any:
    if not (isinstance(flow, type) and issubclass(flow, Flow)):
        raise Misuse(f"only a Flow class can be discretised, got {flow!r}; pass the class itself, as in explicit_euler(DIN)")
    step = {"meaning": "step-size", "domain": Domain.parse("(0, oo)")}
    fields = {f.name: f for f in dataclasses.fields(flow)}
    declared = {n: dataclasses.field(default=f.default, metadata=f.metadata) for n, f in fields.items()}
    declared["gamma"] = dataclasses.field(metadata={"parameter": step})
    body = {
        **declared,
        **facts,
        "__annotations__": dict.fromkeys(declared, Any),
        "__doc__": doc or f"{base.__name__} of {flow.__name__}.",
        "flow_class": flow,
        "references": references or flow.references,
    }
    slug = name or f"{base.__name__}{flow.__name__}"
    return type(slug, (base,), {**body, "name": slug.lower()})


def explicit_euler(flow: type[Flow], name: str = "", doc: str = "", references: tuple[str, ...] = ()) -> Any:
    """The class of the explicit Euler method of a flow: s_{k+1} = s_k + γ field(s_k, t_k).

    >>> from dynopt import GradientFlow
    >>> explicit_euler(GradientFlow, "GD")(gamma=0.1)
    GD(gamma=0.1)
    """
    return runge_kutta(flow, [[]], [1], name, doc, references)


def semi_implicit_euler(
    flow: type[Flow], blocks: Sequence[str] | None = None, name: str = "", doc: str = "", references: tuple[str, ...] = ()
) -> Any:
    """The class of the semi-implicit (symplectic) Euler method: later blocks see the earlier ones updated.

    ``blocks`` is the order of the updates; the order of the state by default.
    """
    order = tuple(blocks) if blocks else None
    return _discretised(SemiImplicitEuler, flow, name, doc, references, blocks=order)


def runge_kutta(
    flow: type[Flow], a: Sequence[Sequence[Any]], b: Sequence[Any], name: str = "", doc: str = "", references: tuple[str, ...] = ()
) -> Any:
    """The class of the explicit Runge–Kutta method with tableau rows ``a`` (row i has i entries) and weights ``b``.

    >>> from dynopt import DIN
    >>> midpoint = runge_kutta(DIN, [[], ["1/2"]], [0, 1], name="MidpointDIN")
    """
    rows = tuple(tuple(Fraction(x) for x in row) for row in a)
    if any(len(row) != i for i, row in enumerate(rows)) or len(b) != len(rows):
        lengths = [len(r) for r in rows]
        raise Misuse(f"the tableau has rows of {lengths} entries and {len(b)} weights; row i of an explicit method has i entries")
    return _discretised(RungeKutta, flow, name, doc, references, tableau=(rows, tuple(Fraction(x) for x in b)))
