"""How fast a method leaves a strict saddle: the growth of the mode of a Hessian eigenvalue λ < 0.

The growth σ(λ) is the largest modulus of the eigenvalues of M(λ) for a map, the largest real part for a
flow.  For λ < 0 every method of one or two blocks here has real multipliers, so σ is either the largest
root of the characteristic polynomial χ (the *direct* case) or minus the smallest (the mode *flips* sign at
every step).  Nothing of that is assumed: what a definition has is asked of the deciders.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from dynopt.core.system import System
from dynopt.errors import Misuse
from dynopt.symbolic.closed_form import domain_facts
from dynopt.symbolic.criteria import characteristic_polynomial, hurwitz, real_rooted, z
from dynopt.symbolic.decide import decide
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.prune import prune, stripped
from dynopt.symbolic.symbols import eigenvalue


@dataclass(frozen=True)
class Growth:
    """The characteristic polynomial of a method at λ < 0 and what is known about its roots.

    Attributes
    ----------
    system : the method, with exact or symbolic parameters.
    chi : det(zI − M(λ)), in plain real symbols.
    continuous : flow (σ is a real part) or map (σ is a modulus).
    facts : the domains of the parameters that the dynamics contain, as relations.
    gradients : gradients per iteration.
    """

    system: System
    chi: sp.Poly
    continuous: bool
    facts: tuple[Any, ...]
    gradients: int

    @property
    def degree(self) -> int:
        return int(self.chi.degree())

    @property
    def still(self) -> int:
        """The growth that separates leaving from staying: 1 for maps, 0 for flows."""
        return 0 if self.continuous else 1

    def at(self, point: Any) -> sp.Expr:
        """χ at a point."""
        return sp.expand(self.chi.eval(point))

    @property
    def negative(self) -> tuple[Any, ...]:
        """The facts and λ < 0."""
        return (*self.facts, eigenvalue < 0)

    @cached_property
    def apart(self) -> bool:
        """χ(1) < 0 (χ(0) < 0 for a flow) for every λ < 0: a real multiplier on either side of what separates leaving from staying."""
        return proved(self.negative, self.at(self.still) < 0)

    @cached_property
    def direct(self) -> Any:
        """The condition under which the largest root of χ is the growth: for two real multipliers, that their sum is not negative."""
        if self.continuous or self.degree > 2:
            return sp.true
        return prune(sp.Ge(stripped(-self.chi.all_coeffs()[1]), 0), self.negative)

    def require(self) -> None:
        """Refuse what the growth formulas do not cover."""
        if self.degree <= 2:
            if self.degree == 2 and not self.apart and not proved(self.negative, sp.And(*(q >= 0 for q in real_rooted(self.chi)))):
                raise Misuse(f"{self.system.name} may have complex modes at negative λ, for which no comparison is derived")
        elif not (self.apart and not self.continuous and self.degree == 3 and proved(self.negative, _one_outside(self.chi))):
            raise Misuse(
                f"{self.system.name} has {self.degree} blocks and no single unstable multiplier was proved: no comparison is derived"
            )

    def largest(self, a: sp.Symbol) -> tuple[Any, ...]:
        """Conditions that say that a is the largest root of χ."""
        return self._largest(a, self.chi)

    def is_growth(self, a: sp.Symbol) -> tuple[Any, ...]:
        """Conditions that say that a is the growth, whether or not the mode flips its sign."""
        if self.direct == sp.true:
            return self.largest(a)
        if self.degree == 1:
            return (a >= 0, sp.Eq(a**2, sp.expand(self.chi.all_coeffs()[1] ** 2)))
        mirrored = self._largest(a, mirror(self.chi))
        return (sp.Or(sp.And(self.direct, *self.largest(a)), sp.And(sp.Not(self.direct), *mirrored)),)

    def _largest(self, a: sp.Symbol, chi: sp.Poly) -> tuple[Any, ...]:
        if chi.degree() == 1:
            return (sp.Eq(a, -chi.all_coeffs()[1]),)
        root = sp.Eq(sp.expand(chi.eval(a)), 0)
        return (root, a > self.still) if self.apart else (root, sp.expand(2 * a + chi.all_coeffs()[1]) >= 0)

    def exceeds(self, *, flips: bool = False) -> list[sp.Expr]:
        """Polynomials f in z: the growth exceeds a value s > 0 (s > 1 for maps) iff f(s) < 0 for one of them."""
        options = [self.chi.as_expr()]
        if self.degree == 1:
            return [z + self.chi.all_coeffs()[1], *([z - self.chi.all_coeffs()[1]] if flips and self.direct != sp.true else [])]
        trace = -self.chi.all_coeffs()[1]
        if not self.apart:  # both roots may lie beyond s
            options.append(2 * z - trace)
        if flips and self.direct != sp.true:
            options.append(mirror(self.chi).as_expr())
            if not self.apart:
                options.append(2 * z + trace)
        return options


@functools.lru_cache(maxsize=256)
def growth(system: System) -> Growth:
    """The growth of a method with exact or symbolic parameters.

    Raises
    ------
    Misuse : the method depends on the iteration, or its modes at λ < 0 are not covered (see `Growth.require`).

    Examples
    --------
    >>> from dynopt.symbolic.symbols import symbolic
    >>> found = growth(symbolic("inna"))
    >>> found.apart, found.direct
    (True, -alpha*gamma - beta*gamma*lamda + 2 >= 0)
    """
    space = state_space(system)
    if space.index is not None:
        raise Misuse(f"{system.name} depends on {space.index}, so it has no constant growth; compare methods with constant coefficients")
    chi = characteristic_polynomial(space)
    plain = {s: sp.Symbol(s.name, real=True) for s in chi.free_symbols}
    facts = [fact for fact in _facts(system, chi) if fact != sp.true]
    chi = sp.Poly([sp.expand(c).xreplace(plain) for c in chi.all_coeffs()], z)
    found = Growth(system, chi, space.continuous, tuple(f.xreplace(plain) for f in facts), space.B.shape[1])
    found.require()
    return found


def _facts(system: System, chi: sp.Poly) -> list[Any]:
    """The domains of the parameters that χ contains, as relations between their values."""
    if all(getattr(system, p.name).is_Symbol for p in system.numbers()):
        return [f for f in domain_facts(state_space(system)) if f.free_symbols <= chi.free_symbols]
    facts: list[Any] = []
    for p in system.numbers():
        value, domain = getattr(system, p.name), p.domain
        assert domain is not None
        if not value.free_symbols or not value.free_symbols <= chi.free_symbols:
            continue
        if abs(domain.lower) != float("inf"):
            facts.append((sp.Ge if domain.lower_closed else sp.Gt)(value, sp.Rational(str(domain.lower)), evaluate=False))
        if abs(domain.upper) != float("inf"):
            facts.append((sp.Le if domain.upper_closed else sp.Lt)(value, sp.Rational(str(domain.upper)), evaluate=False))
    return facts


def mirror(chi: sp.Poly) -> sp.Poly:
    """The monic polynomial whose roots are those of χ with the other sign."""
    n = chi.degree()
    return sp.Poly([(-1) ** i * c for i, c in enumerate(chi.all_coeffs())], *chi.gens) if n else chi


def _one_outside(chi: sp.Poly) -> Any:
    """Exactly one root of a cubic χ with χ(1) < 0 outside the unit circle: one sign change in Routh's column after z = (1 + w)/(1 − w)."""
    w = sp.Dummy("w")
    moved = sp.Poly(sp.expand(sum(c * (1 + w) ** (3 - i) * (1 - w) ** i for i, c in enumerate(chi.all_coeffs()))), w)
    lead, second = moved.all_coeffs()[:2]
    (*_, minor) = hurwitz(moved)
    return sp.And(lead > 0, sp.Or(second > 0, minor > 0))


def proved(given: Sequence[Any], then: Any, *, seconds: float = 2.0) -> bool:
    """Whether z3 and the exact decider both prove an implication in the time."""
    if then in (sp.true, sp.false):
        return bool(then)
    return decide(given, then, seconds=seconds).verdict == "proved"
