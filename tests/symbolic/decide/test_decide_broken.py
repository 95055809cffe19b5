"""A decider that is broken on purpose is contradicted by the other, and `dynopt verify` fails and says whose failure it is."""

from importlib import import_module

import pytest
from sympy import Abs, And, Eq, Implies, Ne, Or, false, sqrt, symbols

from dynopt.symbolic.decide import branch, cylinders, decide, exact_decider, reading, realroots, terms
from dynopt.symbolic.decide.signs import NON_NEGATIVE, POSITIVE

encode = import_module("dynopt.symbolic.decide.encode")  # the package has a function of this name
x, y, z, w = symbols("x y z w", real=True)


def wrap(patch, owner, name, change):
    """The function is replaced by one that changes what the original returns."""
    original = getattr(owner, name)
    patch.setattr(owner, name, lambda *args, **options: change(original(*args, **options)))


def z3_drops_a_conjunct(patch):
    original = encode.all_of
    patch.setattr(encode, "all_of", lambda parts: original(list(parts)[:-1]))


def z3_flips_strictness(patch):
    patch.setattr(encode, "OPPOSITE", {">": "<", "<": ">", ">=": "<=", "<=": ">=", "=": "!=", "!=": "="})


def z3_forgets_a_sign(patch):
    patch.setattr(terms.Fractional, "__sub__", terms.Fractional.__add__)


def z3_forgets_the_sign_of_a_denominator(patch):
    patch.setattr(terms.Fractional, "sign", lambda self: self.numerator)


def z3_forgets_that_a_denominator_is_not_zero(patch):
    original = encode.atom
    patch.setattr(encode, "atom", lambda relation, p: encode.TRUE if relation == "!=" else original(relation, p))


def z3_takes_roots_of_anything(patch):
    """√D is defined without asking for D ≥ 0, so that no point with D < 0 is left."""
    original = encode._Writer.root

    def root(self, radicand, guards):
        value, _ = original(self, radicand, guards)
        self.definitions = [([], definition) for _, definition in self.definitions]
        return value, guards

    patch.setattr(encode._Writer, "root", root)


def z3_forgets_a_case(patch):
    """|e| is e."""
    wrap(patch, encode._Writer, "cases", lambda cases: [(choice, []) for choice, _ in cases[:1]])


def exact_drops_a_conjunct(patch):
    original = reading._all_of
    patch.setattr(reading, "_all_of", lambda parts: original(parts[:-1]))


def exact_flips_strictness(patch):
    patch.setattr(reading, "_ALLOWED", {**reading._ALLOWED, reading.sp.Gt: NON_NEGATIVE, reading.sp.Ge: POSITIVE})


def exact_forgets_a_sign(patch):
    wrap(patch, branch.Ring, "factor", lambda found: (abs(found[0]), found[1]))


def exact_forgets_the_sign_of_a_denominator(patch):
    original = branch.Branch.require
    patch.setattr(branch.Branch, "require", lambda self, p, allowed, below=None: original(self, p, allowed))


def exact_takes_roots_of_anything(patch):
    original = reading.Reading._power
    patch.setattr(reading.Reading, "_power", lambda self, e: (original(self, e)[0], ()))


def exact_forgets_a_cell(patch):
    original = cylinders.gaps
    patch.setattr(cylinders, "gaps", lambda polynomials, allowed: iter(list(original(polynomials, allowed))[:-1]))


def exact_forgets_a_root(patch):
    wrap(patch, cylinders, "real_roots", lambda roots: roots[:-1])


def exact_forgets_the_boundaries(patch):
    patch.setattr(exact_decider, "_boundaries", lambda branch, equation: [])


def exact_forgets_the_case_a_zero(patch):
    """a·x + b = 0 is solved for x, and that is all."""
    wrap(patch, exact_decider, "_linear", lambda cases: cases and cases[:1])


def exact_bounds_roots_too_low(patch):
    patch.setattr(realroots, "_bound", lambda p: 1)


WHOLE = And(Implies(x >= 0, sqrt(x) >= 0), x > -1)
PARABOLA = [y >= x**2, y <= 2 * x - 1]

BROKEN = [
    (z3_drops_a_conjunct, [x > 1, y > x], y > 1, "proved"),
    (z3_drops_a_conjunct, [x > 1], Or(x > 3, x < 2, y > 0), "refuted"),
    (z3_flips_strictness, [x >= 0], x > 0, "refuted"),
    (z3_flips_strictness, [x**2 <= 2], x < sqrt(2), "refuted"),
    (z3_forgets_a_sign, [x > 1], x > 0, "proved"),
    (z3_forgets_a_sign, [x > y], x**2 > y, "refuted"),
    (z3_forgets_the_sign_of_a_denominator, [x < 0], 1 / x > 0, "refuted"),
    (z3_forgets_the_sign_of_a_denominator, [x > 1, y < x], 1 / (y - x) < 0, "proved"),
    (z3_forgets_that_a_denominator_is_not_zero, [x >= 0], 1 / x > 0, "proved"),
    (z3_takes_roots_of_anything, [], WHOLE, "refuted"),
    (z3_forgets_a_case, [x < 0], Abs(x) > 0, "proved"),
    (z3_forgets_a_case, [Abs(x) < 1], x > -1, "proved"),
    (exact_drops_a_conjunct, [x > 1, y > x], y > 1, "proved"),
    (exact_flips_strictness, [x >= 0], x > 0, "refuted"),
    (exact_flips_strictness, PARABOLA, x > 1, "refuted"),
    (exact_forgets_a_sign, [x < 1], 1 - x < 0, "refuted"),
    (exact_forgets_the_sign_of_a_denominator, [x < 0], 1 / x > 0, "refuted"),
    (exact_takes_roots_of_anything, [], (sqrt(x) + 1) * (sqrt(x) - 1) >= -5, "proved"),
    (exact_forgets_a_cell, [], x < 5, "refuted"),
    (exact_forgets_a_root, [x**2 + y**2 <= 1], x + y < sqrt(2), "refuted"),
    (exact_forgets_the_boundaries, [], Ne((x - 1) ** 2 + (y - 2) ** 2, 0), "refuted"),
    (exact_forgets_the_boundaries, PARABOLA, x > 1, "refuted"),
    (exact_forgets_the_case_a_zero, [Eq(x * (y - 1) + z * (w - 1), 0), x**2 + (y - 1) ** 2 + z**2 + (w - 1) ** 2 <= 0], false, "refuted"),
    (exact_bounds_roots_too_low, [x**3 - 30 * x + y**2 < 0, y > 3], Or(x < 5, y > 4), "refuted"),
]


@pytest.mark.parametrize(("damage", "given", "then", "healthy"), BROKEN, ids=[f"{b[0].__name__}-{b[2]}"[:70] for b in BROKEN])
def test_the_other_decider_contradicts(damage, given, then, healthy):
    assert decide(given, then, deciders=["z3", "exact"]).verdict == healthy
    with pytest.MonkeyPatch.context() as patch:
        damage(patch)
        decision = decide(given, then, deciders=["z3", "exact"])
    assert decision.verdict == "disagreement", decision.answers
    assert decision.witness is None or healthy == "refuted"


FILE = """
import sympy as sp
from dynopt.symbolic.claims import Claim, Implication
x = sp.Symbol("x", real=True)
sign = Claim(id="sign", source="Notes", statement="x < 0 gives 1/x > 0", checks=[Implication(given=[x < 0], then=1 / x > 0)])
"""


@pytest.mark.parametrize("damage", [z3_forgets_the_sign_of_a_denominator, exact_forgets_the_sign_of_a_denominator])
def test_verify_fails_and_calls_it_a_failure_of_the_tool(damage, dynopt, tmp_path, monkeypatch):
    (tmp_path / "notes.py").write_text(FILE)
    damage(monkeypatch)
    code, out, err = dynopt("verify", str(tmp_path / "notes.py"), "--jobs", "1", "--json")
    assert (code, err) == (1, "")
    assert "failure of the tool: the deciders disagree on the" in out
    code, out, _ = dynopt("verify", str(tmp_path / "notes.py"), "--jobs", "1")
    assert code == 1
    assert "failure of the tool" in " ".join(out.split())
