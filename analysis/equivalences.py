"""Which methods are one another: substitutions, each confirmed by transfer functions and by exact runs.

The substitutions are what `dynopt equivalent` finds; here they are statements.  A relation is confirmed twice,
without the code that found it: the transfer functions from gradient to query point agree identically, and both
definitions, run from rest in exact rational arithmetic on a gradient that is not linear, ask for the same gradients.
"""

from fractions import Fraction

import sympy as sp

from dynopt.core.oracle import FunctionOracle
from dynopt.core.registry import method_class
from dynopt.symbolic.claims import Claim, Computation, Finding, Verdict
from dynopt.symbolic.equivalence import transfer_function
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import symbolic

KNOWN = [
    ("inna", {"beta": "gamma"}, "heavy_ball", {"gamma": "gamma**2", "momentum": "1 - alpha*gamma"}),
    ("inna", {}, "qhm", {"gamma": "gamma/alpha", "momentum": "1 - alpha*gamma", "nu": "(1 - alpha*beta)/(1 - alpha*gamma)"}),
    ("inna", {}, "triple_momentum", {"gamma": "gamma**2", "momentum": "1 - alpha*gamma", "extrapolation": "beta/gamma - 1"}),
    ("inna", {"alpha": "2/gamma - beta/gamma**2"}, "nesterov", {"gamma": "gamma**2", "momentum": "beta/gamma - 1"}),
    ("inna", {"alpha": "1/beta"}, "gd", {"gamma": "beta*gamma"}),
    ("semi_implicit_din", {}, "inna", {"alpha": "alpha - alpha*gamma/beta + gamma/beta**2", "beta": "beta", "gamma": "gamma"}),
    ("innaprop_frozen", {"gain": "gain**2"}, "inna", {"alpha": "alpha/gain", "beta": "beta*gain", "gamma": "gamma*gain"}),
    ("heavy_ball", {}, "heavy_ball_velocity", {"gamma": "gamma", "momentum": "momentum", "dampening": "0"}),
    ("heavy_ball_velocity", {}, "heavy_ball", {"gamma": "gamma*(1 - dampening)", "momentum": "momentum"}),
    ("heavy_ball", {}, "qhm", {"gamma": "gamma/(1 - momentum)", "momentum": "momentum", "nu": "1"}),
    ("nesterov", {}, "qhm", {"gamma": "gamma/(1 - momentum)", "momentum": "momentum", "nu": "momentum"}),
    ("nesterov", {}, "triple_momentum", {"gamma": "gamma", "momentum": "momentum", "extrapolation": "momentum"}),
    ("heavy_ball", {}, "aggregated_momentum", {"gamma": "gamma", "momentum1": "momentum", "momentum2": "momentum"}),
    ("aggregated_momentum", {"momentum1": "0"}, "qhm",
     {"gamma": "gamma*(2 - momentum2)/(2 - 2*momentum2)", "momentum": "momentum2", "nu": "1/(2 - momentum2)"}),
    ("triple_momentum", {"momentum": "extrapolation/(1 + extrapolation)"}, "gd", {"gamma": "gamma*(1 + extrapolation)"}),
]  # fmt: skip
"""(first, what of its own parameters is fixed, second, the second's parameters in the first's)."""

VALUES = {
    "alpha": Fraction(3, 2), "beta": Fraction(1, 3), "gamma": Fraction(1, 4), "gain": Fraction(2, 3), "momentum": Fraction(2, 5),
    "momentum1": Fraction(1, 5), "momentum2": Fraction(3, 5), "extrapolation": Fraction(1, 6), "dampening": Fraction(1, 7),
}  # fmt: skip


def _methods(first, fixed, second, values):
    one = symbolic(method_class(first))
    names = {str(s): s for p in one.numbers() for s in getattr(one, p.name).free_symbols}
    own = {name: sp.sympify(text, locals=names) for name, text in fixed.items()}
    both = one.replace(**own), method_class(second).make(**{n: sp.sympify(t, locals=names) for n, t in values.items()})
    # dependent parameters in the second's values become the first's free ones
    chain = {names[n]: v for n, v in own.items() if n not in map(str, v.free_symbols)}
    return both[0], both[1].replace(**{p.name: sp.sympify(getattr(both[1], p.name)).subs(chain) for p in both[1].numbers()})


def _transfer(case):
    def computed():
        one, two = _methods(*case)
        gap = sp.cancel(sp.together(transfer_function(state_space(one)) - transfer_function(state_space(two))))
        return Finding(gap == 0, {"difference of the transfer functions": gap})

    return computed


def _runs(case):
    def computed():
        queries = [_path(system) for system in _methods(*case)]
        return Finding(queries[0] == queries[1] and len(set(queries[0])) == len(queries[0]), {"fourth query": queries[0][3]})

    return computed


def _path(system):
    point = {s: VALUES[s.name] for p in system.numbers() for s in getattr(system, p.name).free_symbols if s.name in VALUES}
    exact = {p.name: sp.sympify(getattr(system, p.name)).subs(point) for p in system.numbers()}
    numeric = system.replace(**{n: Fraction(int(v.p), int(v.q)) for n, v in exact.items() if v.is_Rational})
    asked = {}  # the first query of each iteration: a block-wise update evaluates the field again without using that gradient
    k = 0

    def gradient(x):
        asked.setdefault(k, x)
        return x + x * x / 3

    state = numeric.init(Fraction(1, 2), FunctionOracle(lambda x: x, lambda x: 0 * x))
    for k in range(5):
        state = numeric.update(state, FunctionOracle(lambda x: x, gradient), k)
    return list(asked.values())


def _claim(case):
    first, fixed, second, values = case
    given = " and ".join(f"{n} = {v}" for n, v in fixed.items())
    if first == "innaprop_frozen":
        given = "its gain written as the square of gain"
    return Claim(
        id=f"same-{first}-{second}",
        source="dynopt, equivalences",
        statement=f"{first}{' with ' + given if given else ''} is {second}({', '.join(f'{n}={v}' for n, v in values.items())}), "
        "up to a change of state",
        checks=[Computation(methods={"transfer functions": _transfer(case), "exact runs": _runs(case)})],
        expected=Verdict.PROVED,
        reduction="By hand: two loops through one memoryless gradient ask for the same gradients for every objective iff their transfer "
        "functions agree. The transfer functions are compared identically in the parameters, the runs at one rational choice of them.",
    )


claims = [_claim(case) for case in KNOWN]
