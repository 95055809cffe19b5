"""From decisions to verdicts: the deciders are replaced by scripted ones, so that every way of failing is seen."""

from dataclasses import dataclass
from typing import Any

import pytest
import sympy as sp

from dynopt.symbolic import check as checking
from dynopt.symbolic.check import judge_check
from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict
from dynopt.symbolic.decide import Place
from dynopt.symbolic.judge import judge

x, y = sp.symbols("x y", real=True)


@dataclass
class Answer:
    decider: str
    answer: str
    version: str = "1"
    seconds: float = 0.25
    witness: Any = None
    note: str = ""
    recalled: bool = False


@dataclass
class Decision:
    verdict: str
    witness: Any = None
    answers: tuple = (Answer("smt", "proved"), Answer("exact", "proved"))
    query_hash: str = "abc"
    smtlib: str = "(check-sat)"


ROOT = Place(sp.sqrt(y), y >= 0, (x > 1,))


@pytest.fixture
def says(monkeypatch):
    """Scripted deciders: what they say of the conclusion, the hypotheses, the expressions."""

    def script(conclusion=None, hypotheses=None, expressions=()):
        monkeypatch.setattr(checking, "decide", lambda given, then, seconds: conclusion)
        monkeypatch.setattr(checking, "satisfiable", lambda formulas, seconds: hypotheses or Decision("proved", {x: sp.Integer(2)}))
        monkeypatch.setattr(checking, "definedness", lambda given, then, seconds: list(expressions))

    return script


positive = Implication(given=[x > 1], then=x > 0)
CLAIM = {"id": "c", "source": "s", "statement": "t"}


def test_proved(says):
    says(Decision("proved"))
    part = judge_check(positive)
    assert (part.verdict, part.example) == (Verdict.PROVED, {"x": "2"})
    judgement = judge(Claim(**CLAIM, checks=[positive]))
    assert judgement.ok
    assert [(d["name"], d["answer"], d["seconds"]) for d in judgement.deciders] == [("smt", "proved", 0.5), ("exact", "proved", 0.5)]
    assert judgement.parts[0].deciders[0].query == "abc"


def test_a_counterexample_is_checked_again(says):
    says(Decision("refuted", {x: sp.Integer(5)}))
    part = judge_check(positive)  # 5 satisfies x > 0: the deciders are wrong
    assert part.verdict == Verdict.UNDECIDED
    assert "does not pass the exact re-check" in part.tool_failure


def test_a_counterexample_is_made_simple(says):
    says(Decision("refuted", {x: sp.sqrt(sp.Rational(101, 7))}))
    part = judge_check(Implication(given=[x > 1], then=x > 4))
    assert (part.verdict, part.witness) == (Verdict.REFUTED, {"x": "2"})


def test_an_undefined_expression(says):
    says(expressions=[(ROOT, Decision("refuted", {x: sp.Integer(2), y: sp.Integer(-7)}))])
    part = judge_check(Implication(given=[x > 1], then=sp.sqrt(y) + x > 0))
    assert part.verdict == Verdict.ILL_DEFINED
    assert part.witness == {"x": "2", "y": "-1"}
    assert part.place == "sqrt(y) needs y >= 0"


def test_a_wrong_place_of_undefinedness(says):
    says(expressions=[(ROOT, Decision("refuted", {x: sp.Integer(2), y: sp.Integer(7)}))])
    assert "does not pass" in judge_check(Implication(given=[x > 1], then=sp.sqrt(y) + x > 0)).tool_failure


def test_vacuous(says):
    says(hypotheses=Decision("refuted"))
    assert judge_check(Implication(given=[x > 1, x < 0], then=x > 7)).verdict == Verdict.VACUOUS


def test_undecided_says_what_was_tried(says):
    says(Decision("undecided", answers=(Answer("smt", "undecided", seconds=10.0, note="timeout"),)))
    judgement = judge(Claim(**CLAIM, checks=[positive], expected=Verdict.PROVED))
    assert judgement.verdict == Verdict.UNDECIDED
    assert "smt undecided after 10.0 s (timeout) (query abc)" in judgement.parts[0].note
    assert judgement.failures == ("it is undecided, expected proved",)


def test_disagreement_is_a_failure_of_the_tool(says):
    says(Decision("disagreement", answers=(Answer("smt", "proved"), Answer("exact", "refuted"))))
    judgement = judge(Claim(**CLAIM, checks=[positive], expected=Verdict.UNDECIDED))
    assert not judgement.ok
    assert "the deciders disagree on the conclusion (query abc): smt says proved, exact says refuted" in judgement.failures[0]


def test_existence(says):
    says(hypotheses=Decision("proved", {x: sp.sqrt(2)}))
    part = judge_check(Exists(such_that=[sp.Eq(x**2, 2)]))
    assert (part.verdict, part.witness) == (Verdict.PROVED, {"x": "sqrt(2)"})
    says(hypotheses=Decision("refuted"))
    assert judge_check(Exists(such_that=[x**2 < -1])).verdict == Verdict.REFUTED


def found(holds, **witness):
    return lambda: Finding(holds, witness)


def test_computations():
    yes = Computation(methods={"a": found(True), "b": found(True)})
    no = Computation(methods={"a": found(False, P=3), "b": found(False)})
    split = Computation(part="U", methods={"a": found(True), "b": found(False)})
    assert judge_check(yes).verdict == Verdict.PROVED
    assert (judge_check(no).verdict, judge_check(no).witness) == (Verdict.REFUTED, {"P": "3"})
    assert "the computations disagree: a says yes, b says no" in judge_check(split).tool_failure
    assert "ZeroDivisionError" in judge_check(Computation(methods={"a": lambda: 1 / 0, "b": found(True)})).tool_failure
    assert "returns bool" in judge_check(Computation(methods={"a": lambda: True, "b": found(True)})).tool_failure
    assert not judge(Claim(**CLAIM, checks=[split], expected=Verdict.UNDECIDED)).ok


def test_computations_that_leave_or_never_end(monkeypatch, capsys):
    def exits():
        raise SystemExit(4)

    def endless():
        while True:
            pass

    def prints():
        print("working")
        return Finding(True)

    left = judge_check(Computation(methods={"a": exits, "b": exits}))
    assert (left.verdict, left.tool_failure) == (Verdict.UNDECIDED, "the computation 'a' raises SystemExit (4)")
    monkeypatch.setattr("dynopt.symbolic.foreign.SECONDS", 0.1)
    monkeypatch.setattr("dynopt.symbolic.foreign.PATIENCE", 100)
    late = judge_check(Computation(methods={"a": endless, "b": endless}))
    assert (late.verdict, late.note) == (Verdict.UNDECIDED, "the computation 'a' was not finished in 0.1 s")
    assert judge_check(Computation(methods={"a": prints, "b": prints})).verdict == Verdict.PROVED
    assert capsys.readouterr().out == ""


HOLDS, FAILS = Computation(methods={"a": found(True), "b": found(True)}), Computation(methods={"a": found(False), "b": found(False)})


def test_expectation_and_correction():
    right = Correction(statement="this holds", checks=[HOLDS])
    wrong = Correction(statement="this does not", checks=[HOLDS, FAILS])

    def failures(**changes):
        return judge(Claim(**{**CLAIM, **changes})).failures

    assert failures(checks=[HOLDS]) == ()
    assert failures(checks=[HOLDS], expected="proved") == ()
    assert failures(checks=[FAILS]) == ("it is refuted",)
    assert failures(checks=[HOLDS, FAILS], expected=Verdict.REFUTED, correction=right) == ()
    assert failures(checks=[HOLDS], expected=Verdict.REFUTED, correction=right) == ("it is proved, expected refuted",)
    assert failures(checks=[FAILS], expected=Verdict.REFUTED) == ("it has no correction; say what holds instead",)
    assert failures(checks=[FAILS], expected=Verdict.REFUTED, correction=wrong) == ("the correction is not proved: its check is refuted",)
    assert failures(checks=[], expected=Verdict.NOT_CHECKABLE, remark="measure theory") == ()


def test_conditional_needs_sufficiency_and_necessity(says, monkeypatch):
    def decided(given, then, seconds):
        return Decision("proved") if (y > 3) in given else Decision("refuted", {x: sp.Integer(2), y: sp.Integer(0)})

    says(hypotheses=Decision("proved", {x: sp.Integer(2), y: sp.Integer(4)}))
    monkeypatch.setattr(checking, "decide", decided)
    check = Implication(given=[x > 1, x < 3], then=y > x)
    both = judge(Claim(**CLAIM, checks=[check], extra=y > 3, needed=[HOLDS], expected=Verdict.CONDITIONAL))
    assert (both.verdict, both.ok, both.extra) == (Verdict.CONDITIONAL, True, "y > 3")
    assert both.witness == {"x": "2", "y": "1"}
    unneeded = judge(Claim(**CLAIM, checks=[check], extra=y > 3, needed=[FAILS], expected=Verdict.CONDITIONAL))
    assert unneeded.verdict == Verdict.REFUTED
    assert "the necessity of the extra hypothesis, its check is refuted" in unneeded.failures[1]
    insufficient = judge(Claim(**CLAIM, checks=[check], extra=y > 2, needed=[HOLDS], expected=Verdict.CONDITIONAL))
    assert insufficient.verdict == Verdict.REFUTED


def test_ill_defined_outranks_refuted(says):
    says(expressions=[(ROOT, Decision("refuted", {x: sp.Integer(2), y: sp.Integer(-7)}))])
    judgement = judge(Claim(**CLAIM, checks=[FAILS, Implication(given=[x > 1], then=sp.sqrt(y) > 0)]))
    assert judgement.verdict == Verdict.ILL_DEFINED
    assert judgement.place == "sqrt(y) needs y >= 0"
