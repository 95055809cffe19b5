"""The front door: verdicts, disagreement, failures, time, bad input."""

import json

import pytest
import sympy as sp
import z3
from sympy import And, Eq, Implies, Ne, Or, Rational, sqrt, symbols

from dynopt.errors import Misuse
from dynopt.symbolic import decide as front
from dynopt.symbolic.decide import Answer, branch, cvc5_decider, cylinders, decide, definedness, satisfiable, z3_decider
from dynopt.symbolic.decide.decision import combine
from dynopt.symbolic.decide.encode import _Writer, encode

x, y, a, b = symbols("x y a b", real=True)
BOTH = ["z3", "exact"]


def always(answer, witness=None):
    return lambda given, then, encoding, seconds: Answer("exact", "broken", answer, 0.0, witness)


def test_a_proof_needs_both_deciders(monkeypatch):
    assert decide([x > 1], x > 0).verdict == "proved"
    assert decide([x > 1], x > 0, deciders=["z3"]).verdict == "undecided"
    assert decide([x > 1], x > 0, deciders=["exact"]).verdict == "undecided"
    monkeypatch.setitem(front._SETTLE, "exact", always("undecided"))
    assert decide([x > 1], x > 0, deciders=BOTH).verdict == "undecided"


def test_one_checked_counterexample_refutes(monkeypatch):
    monkeypatch.setitem(front._SETTLE, "exact", always("undecided"))
    decision = decide([x > 0], x > 1, deciders=BOTH)
    assert (decision.verdict, decision.witness) == ("refuted", {x: 1})


def test_a_decider_that_proves_everything_is_a_disagreement(monkeypatch):
    monkeypatch.setitem(front._SETTLE, "exact", always("proved"))
    decision = decide([x > 0], x > 1, deciders=BOTH)
    assert decision.verdict == "disagreement"
    assert decision.failure
    assert {(d.decider, d.answer) for d in decision.answers} == {("z3", "refuted"), ("exact", "proved")}
    assert satisfiable([x > 0], deciders=BOTH).verdict == "disagreement"


def test_a_counterexample_that_is_none_is_reported_and_not_returned(monkeypatch):
    monkeypatch.setitem(front._SETTLE, "exact", always("refuted", {x: sp.Integer(5)}))
    decision = decide([x > 1], x > 0, deciders=BOTH)
    assert (decision.verdict, decision.witness) == ("disagreement", None)
    assert "x = 5, which is none" in decision.answers[1].note


def test_a_counterexample_that_leaves_a_symbol_out_is_reported(monkeypatch):
    monkeypatch.setitem(front._SETTLE, "exact", always("refuted", {x: sp.Integer(5)}))
    decision = decide([x > 1], y > 0, deciders=BOTH)
    assert decision.verdict == "disagreement"
    assert "could not be re-checked" in decision.answers[1].note


def test_damage_inside_the_exact_decider_is_noticed(monkeypatch):
    """Cells are left out, a sign rule is wrong, the boundaries are forgotten: each makes a false proof, and z3 contradicts it."""
    false = [([x > 0], x**2 + y**2 > 3), ([], (x - 1) ** 2 + (y - 2) ** 2 > 0), ([x**2 + y**2 <= 1], x + y < sqrt(2))]
    assert [decide(g, t, deciders=BOTH).verdict for g, t in false] == ["refuted"] * 3
    with monkeypatch.context() as patch:
        patch.setattr(cylinders, "gaps", lambda polynomials, allowed: iter(()))
        assert decide(*false[0], deciders=BOTH).verdict == "disagreement"
    with monkeypatch.context() as patch:
        patch.setattr(branch.Branch, "term_signs", lambda self, f: frozenset({1}))
        assert decide(*false[0], deciders=BOTH).verdict == "disagreement"
    with monkeypatch.context() as patch:
        patch.setattr(front.exact_decider, "_boundaries", lambda branch, equation: [])
        assert decide(*false[1], deciders=BOTH).verdict == "disagreement"
        assert decide(*false[2], deciders=BOTH).verdict == "disagreement"


def test_damage_to_the_encoding_is_noticed(monkeypatch):
    """√D as a variable of any sign."""
    original = _Writer.root

    def signless(self, radicand, guards):
        found = original(self, radicand, guards)
        self.definitions = [(needs, ("and", d[-1])) for needs, d in self.definitions]
        return found

    monkeypatch.setattr(_Writer, "root", signless)
    assert decide([x > 0], sqrt(x) > 0, deciders=BOTH).verdict == "disagreement"


def test_a_crash_is_an_answer_with_its_reason(monkeypatch):
    def crash(given, then, encoding, seconds):
        raise RuntimeError("out of cheese")

    monkeypatch.setitem(front._SETTLE, "exact", crash)
    decision = decide([x > 1], x > 0, deciders=BOTH)
    assert decision.verdict == "undecided"
    assert decision.answers[1].note == "failed: RuntimeError: out of cheese"


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([], "undecided"),
        (["proved", "proved"], "proved"),
        (["proved", "undecided"], "undecided"),
        (["refuted", "undecided"], "refuted"),
        (["proved", "refuted"], "disagreement"),
    ],
)
def test_combination_of_answers(answers, verdict):
    assert combine([Answer(name, "", answer, 0.0) for name, answer in zip(BOTH, answers, strict=False)]) == verdict


def test_a_third_decider_must_agree():
    two = [Answer(name, "", "proved", 0.0) for name in BOTH]
    assert combine([*two, Answer("cvc5", "", "undecided", 0.0)]) == "proved"
    assert combine([*two, Answer("cvc5", "", "refuted", 0.0)]) == "disagreement"


def test_satisfiable_has_a_witness_or_a_proof_that_there_is_none():
    found = satisfiable([x**2 + y**2 <= 0, Eq(a, x + 1)])
    assert (found.verdict, found.witness) == ("proved", {x: 0, y: 0, a: 1})
    assert satisfiable([x > 0, x < 0]).verdict == "refuted"
    assert satisfiable([Eq(x**3, 2)]).witness[x] ** 3 == 2 or sp.minimal_polynomial(satisfiable([Eq(x**3, 2)]).witness[x], y) == y**3 - 2
    assert satisfiable([]).verdict == "proved"


def test_algebraic_witnesses_are_exact():
    decision = decide([Eq(x**2, 2), x > 0], x > 2, deciders=BOTH)
    assert [d.witness for d in decision.answers] == [{x: sqrt(2)}] * 2


def test_witnesses_are_simple():
    decision = decide([a > 0, b > 0, x > 0], a + b > x, deciders=BOTH)
    assert all(v.is_Integer and v <= 2 for v in decision.witness.values())


def test_sign_assumptions_are_noted_and_not_used():
    p = sp.Symbol("p", positive=True)
    decision = decide([], sp.Gt(p, 0, evaluate=False))
    assert decision.verdict == "refuted"
    assert [n.split(":")[0] for n in decision.notes] == ["p is declared positive"]
    assert decide([x > 0], sp.Symbol("x") > -1).verdict == "proved"


def test_the_query_is_kept_with_its_hash():
    decision = decide([x > 1], x > 0)
    solver = z3.Solver()
    solver.add(z3.parse_smt2_string(decision.smtlib))
    assert solver.check() == z3.unsat
    assert decision.query_hash == encode([x > 1], x > 0).query_hash
    assert json.loads(json.dumps(decision.to_dict()))["verdict"] == "proved"


def test_definedness_asks_inner_places_first_under_the_hypotheses():
    found = definedness([x > 0, y > sqrt(x)], sqrt(y - sqrt(x)) / (x - 1))
    verdicts = {str(p.expression): d.verdict for p, d in found}
    assert verdicts == {"sqrt(x)": "proved", "sqrt(-sqrt(x) + y)": "proved", "1/(x - 1)": "refuted"}
    assert list(verdicts).index("sqrt(x)") < list(verdicts).index("sqrt(-sqrt(x) + y)")
    assert next(d for p, d in found if d.verdict == "refuted").witness[x] == 1


def test_definedness_of_hypotheses_uses_only_what_is_known_before():
    assert [d.verdict for _, d in definedness([sqrt(x) > 1, x > 0], x > 1)] == ["proved"]
    assert [d.verdict for _, d in definedness([sqrt(x) > 1], x > 1)] == ["refuted"]
    # a place in a hypothesis may not rely on that hypothesis
    assert [d.verdict for _, d in definedness([1 / x > 0], x > 0)] == ["refuted"]


@pytest.mark.parametrize(
    "guarded",
    [Implies(x > 0, 1 / x > 0), And(x > 0, sqrt(x) > 0), Or(x <= 0, sqrt(x) > 0), sp.ITE(x > 0, 1 / x > 0, x < 1)],
)
def test_guards_inside_a_statement_count(guarded):
    found = definedness([], guarded)
    assert found
    assert all(d.verdict == "proved" for _, d in found)


def test_undefined_points_neither_prove_nor_refute():
    assert decide([], sqrt(x) >= 0).verdict == "proved"
    assert decide([], And(Implies(x >= 0, sqrt(x) >= 0), x > -1)).verdict == "refuted"


@pytest.mark.parametrize(
    ("given", "then", "words"),
    [
        (x > 0, x > 1, "list of comparisons"),
        ([x], x > 1, "not a comparison"),
        ([], x, "not a comparison"),
        ([], x > 0.5, "exact fraction"),
        ([sp.sin(x) > 2], x > 1, "sin"),
    ],
)
def test_bad_statements_are_named(given, then, words):
    with pytest.raises(Misuse, match=words):
        decide(given, then)


def test_unknown_decider_names_the_closest():
    with pytest.raises(Misuse, match="did you mean exact"):
        decide([], x > 1, deciders=["exakt"])


def test_z3_keeps_its_time_limit():
    p, q = symbols("p:6", real=True), symbols("q:6", real=True)
    inner = sum(u * v for u, v in zip(p, q, strict=True))
    answer = z3_decider.settle(encode([], inner**2 <= sum(u**2 for u in p) * sum(v**2 for v in q)), 0.3)
    assert answer.answer in ("undecided", "proved")
    assert answer.seconds < 10


def test_z3_numbers_become_exact():
    solver = z3.Solver()
    v = z3.Real("v")
    for constraint, value in [(v * 3 == 2, Rational(2, 3)), (z3.And(v * v == 2, v < 0), -sqrt(2))]:
        solver.push()
        solver.add(constraint)
        assert solver.check() == z3.sat
        assert z3_decider.exact_value(solver.model()[v]) == value
        solver.pop()
    solver.add(v**5 - v == 1)
    assert solver.check() == z3.sat
    assert z3_decider.exact_value(solver.model()[v]) == sp.CRootOf(x**5 - x - 1, 0)


@pytest.mark.skipif(not cvc5_decider.AVAILABLE, reason="cvc5 is not installed")
def test_cvc5_agrees_where_it_answers():
    three = ["z3", "exact", "cvc5"]
    proved = decide([x > 0, y > 0], sqrt(x * y) <= (x + y) / 2, deciders=three)
    assert [d.answer for d in proved.answers] == ["proved"] * 3
    refuted = decide([Eq(x**2, 2), x > 0], Ne(x, sqrt(2)), deciders=three)
    assert [d.witness for d in refuted.answers] == [{x: sqrt(2)}] * 3
    assert [d.decider for d in decide([x > 1], x > 0).answers] == ["z3", "exact"]
    p = symbols("p:4", real=True)
    hard = decide([], sum(p) ** 8 <= 4**7 * sum(u**8 for u in p), seconds=0.01, deciders=["cvc5"])
    assert (hard.verdict, hard.answers[0].answer) == ("undecided", "undecided")
