"""Each part keeps its questions, and a solver's answer to the text is the status that the question has."""

import pickle

import pytest
import sympy as sp
import z3

from dynopt.symbolic.check import judge_check
from dynopt.symbolic.claims import Exists, Implication, Verdict

x, y = sp.symbols("x y", real=True)

CHECKS = {
    "proved": Implication(given=[x >= 1], then=sp.sqrt(x) * 2 > x / (x + 1)),
    "refuted": Implication(given=[x >= 1, y > 0], then=x * y > 1),
    "vacuous": Implication(given=[x > 1, x < 0], then=y > 0),
    "ill-defined": Implication(given=[x > -1], then=sp.sqrt(x) >= 0),
    "exists": Exists(such_that=[x**2 < 2, x > 1]),
    "exists not": Exists(such_that=[x**2 < -1]),
}


@pytest.mark.parametrize("name", CHECKS)
def test_statuses(name):
    part = judge_check(CHECKS[name])
    assert part.queries
    assert [q.hash for q in part.queries] == list(dict.fromkeys(a.query for a in part.deciders))
    for query in part.queries:
        solver = z3.Solver()
        solver.from_string(query.benchmark("x"))
        assert str(solver.check()) == query.status


def test_questions_of_a_proof():
    part = judge_check(CHECKS["proved"])
    assert [(q.question, q.status) for q in part.queries] == [
        ("definedness", "unsat"),
        ("definedness", "unsat"),
        ("satisfiability of the hypotheses", "sat"),
        ("conclusion", "unsat"),
    ]
    assert (part.given, part.then) == ((r"x \geq 1",), (r"2\,\sqrt{x} > \frac{x}{x + 1}",))
    assert judge_check(CHECKS["vacuous"]).verdict == Verdict.VACUOUS
    assert judge_check(CHECKS["exists"]).then == ()


def test_the_texts_travel_but_are_no_json():
    part = judge_check(CHECKS["refuted"])
    assert pickle.loads(pickle.dumps(part)) == part
    document = part.to_dict()["queries"][-1]
    assert document == {"question": "conclusion", "hash": part.queries[-1].hash, "status": "sat"}


def test_a_source_cannot_leave_its_quotes():
    text = judge_check(CHECKS["refuted"]).queries[0].benchmark("a|b\\c\nd) (exit)")
    assert text.splitlines()[1] == "(set-info :source |a b c d) (exit)|)"
