"""Decisions kept on disk: recalled only for the same question to the same deciders, and never believed blindly."""

from __future__ import annotations

import json
import sqlite3

import pytest
import sympy as sp

from dynopt.symbolic import decide as front
from dynopt.symbolic.decide import decide, memory, satisfiable
from dynopt.symbolic.decide.memory import kept_in

x, y = sp.symbols("x y", real=True)


@pytest.fixture
def asked(monkeypatch):
    """How often each decider was really asked."""
    counts = dict.fromkeys(front._SETTLE, 0)

    def counting(name, settle):
        def count(*question):
            counts[name] += 1
            return settle(*question)

        return count

    for name, settle in list(front._SETTLE.items()):
        monkeypatch.setitem(front._SETTLE, name, counting(name, settle))
    return counts


def test_a_proof_is_found_once(tmp_path, asked):
    with kept_in(tmp_path):
        first = decide([x > 1], x**2 > x)
    with kept_in(tmp_path):
        second = decide([x > 1], x**2 > x)
    assert asked["z3"] == asked["exact"] == 1
    assert (second.verdict, second.query_hash, second.smtlib) == ("proved", first.query_hash, first.smtlib)
    assert [(a.decider, a.answer, a.version, a.seconds) for a in second.answers] == [
        (a.decider, a.answer, a.version, a.seconds) for a in first.answers
    ]
    assert [a.recalled for a in first.answers] == [False, False]
    assert [a.recalled for a in second.answers] == [True, True]


def test_nothing_is_kept_outside_the_block(tmp_path, asked):
    decide([x > 1], x**2 > x)
    with kept_in(None):
        decide([x > 1], x**2 > x)
    assert asked["z3"] == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "other",
    [
        lambda: decide([x >= 1], x**2 > x),
        lambda: decide([x > 1], x**2 >= x),
        lambda: decide([y > 1], y**2 > y),
        lambda: decide([x > 1], x**2 > x, deciders=["z3"]),
        lambda: satisfiable([x > 1, x**2 > x]),
    ],
)
def test_another_question_is_asked(tmp_path, asked, other):
    with kept_in(tmp_path):
        decide([x > 1], x**2 > x)
        other()
    assert asked["z3"] == 2


def test_other_tools_are_asked_anew(tmp_path, asked, monkeypatch):
    with kept_in(tmp_path):
        decide([x > 1], x**2 > x)
        monkeypatch.setattr(memory, "_tools", lambda: "another version")
        decide([x > 1], x**2 > x)
    assert asked["exact"] == 2


def test_a_counterexample_comes_back_exactly(tmp_path, asked):
    with kept_in(tmp_path):
        first = decide([x > sp.Rational(1, 3)], x > sp.Rational(2, 5))
        second = decide([x > sp.Rational(1, 3)], x > sp.Rational(2, 5))
    assert asked["z3"] == 1
    assert second.witness == first.witness
    assert sp.Rational(1, 3) < second.witness[x] <= sp.Rational(2, 5)


def test_a_forged_counterexample_is_not_believed(tmp_path, asked):
    with kept_in(tmp_path):
        decide([x > 0], x > 1)
    with sqlite3.connect(tmp_path / "decisions.sqlite") as database:
        [(key, document)] = database.execute("SELECT key, document FROM decisions").fetchall()
        forged = {**json.loads(document), "witness": {"x": "5"}}
        database.execute("UPDATE decisions SET document = ? WHERE key = ?", (json.dumps(forged), key))
    with kept_in(tmp_path):
        found = decide([x > 0], x > 1)
    assert asked["z3"] == 2
    assert 0 < found.witness[x] <= 1


def test_what_was_not_settled_is_not_kept(tmp_path, asked, monkeypatch):
    lazy = front.Answer("exact", "", "undecided", 0.0)
    monkeypatch.setitem(front._SETTLE, "exact", lambda *question: lazy)
    monkeypatch.delitem(front._SETTLE, "cvc5", raising=False)
    with kept_in(tmp_path):
        assert decide([x > 1], x**2 > x).verdict == "undecided"
        assert decide([x > 1], x**2 > x).verdict == "undecided"
    assert asked["z3"] == 2


def test_a_disagreement_is_not_kept(tmp_path, asked, monkeypatch):
    wrong = front.Answer("exact", "", "proved", 0.0)
    monkeypatch.setitem(front._SETTLE, "exact", lambda *question: wrong)
    with kept_in(tmp_path):
        assert decide([x > 0], x > 1).verdict == "disagreement"
        assert decide([x > 0], x > 1).verdict == "disagreement"
    assert asked["z3"] == 2


def test_a_damaged_file_costs_only_the_memory(tmp_path):
    (tmp_path / "decisions.sqlite").write_bytes(b"not a database at all, but long enough to be read as one" * 40)
    with kept_in(tmp_path):
        assert decide([x > 1], x**2 > x).verdict == "proved"


def test_a_place_that_cannot_be_written_costs_only_the_memory(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with kept_in(tmp_path / "file"):
        assert decide([x > 1], x**2 > x).verdict == "proved"
