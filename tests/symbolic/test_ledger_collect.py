"""Claim files: what is found, and one sentence for each thing that is wrong, while the rest goes on."""

import pytest
import sympy as sp

from dynopt.errors import Misuse
from dynopt.symbolic.claims import Claim, Computation, Correction, Exists, Finding, Implication, Verdict, real
from dynopt.symbolic.collect import claim_fault, collect, selected

HEAD = "import sympy as sp\nfrom dynopt.symbolic.claims import *\nx = sp.Symbol('x', real=True)\n"
GOOD = HEAD + "c = Claim(id='good', source='s', statement='t', checks=[Implication(given=[x > 1], then=x > 0)])\n"
x = sp.Symbol("x", real=True)


def claim(**changes):
    values = {"id": "c", "source": "s", "statement": "t", "checks": [Implication(given=[x > 1], then=x > 0)], **changes}
    return Claim(**values)


def test_files_and_lists(tmp_path):
    (tmp_path / "b.py").write_text(GOOD + "more = [c, Claim(id='two', source='s', statement='t', checks=c.checks)]\nalias = c\n")
    (tmp_path / "_shared.py").write_text("raise SystemExit")
    (tmp_path / "a.py").write_text(GOOD.replace("'good'", "'first'"))
    entries, errors = collect([tmp_path, tmp_path / "b.py"])
    assert [e.id for e in entries] == ["first", "good", "two"]
    assert errors == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = = 1", "is not Python (line 1"),
        ("x = 1\n1/0\n", "line 2, raises ZeroDivisionError (division by zero)"),
        ("raise SystemExit(3)", "raises SystemExit"),
        ("x = 1", "defines no Claim"),
        (HEAD + "c = Claim(id='a', source='s', statement='t', check=[])", "unexpected keyword argument 'check'"),
        (HEAD + "c = Claim(id='a', source='s', statement='t', checks=[Implication(then=sp.sin(x) > 0)])", "sin(x) is outside the language"),
        (GOOD.replace("'good'", "'other'"), "the id 'other' is used already in"),
        (HEAD + "import sys\nsys.exit(0)", "line 5, raises SystemExit (0)"),
        (HEAD + "c = Claim(id='a', source='s', statement='t', checks=[Implication(given=[z > 1], then=x > 0)])", "name 'z' is not defined"),
        (
            HEAD + "c = Claim(id='a', source='s', statement='t', checks=[Implication(then=x**y > 0)])".replace("y", "(x + 1)"),
            "outside the language",
        ),
        (
            HEAD + "class C:\n    def __repr__(self): raise OSError\nc = Claim(id='a', source='s', statement='t', checks=[C()])",
            "claim 'a': it cannot be read (OSError)",
        ),
        ("import nosuchmodule", "raises ModuleNotFoundError (No module named 'nosuchmodule')"),
        ("def f():\n    return f()\nf()", "raises RecursionError"),
        ("x = 1\0", "is not Python (source code string cannot contain null bytes)"),
    ],
)
def test_a_bad_file_does_not_stop_the_others(tmp_path, text, sentence):
    (tmp_path / "bad.py").write_text(text)
    (tmp_path / "good.py").write_text(GOOD + "d = Claim(id='other', source='s', statement='t', checks=c.checks)\n")
    entries, errors = collect([tmp_path / "good.py", tmp_path / "bad.py", tmp_path / "none.py"])
    assert [e.id for e in entries] == ["good", "other"]
    assert len(errors) == 2
    assert sentence in errors[0]
    assert "none.py" in errors[1]
    assert all("\n" not in e for e in errors)


def test_a_file_that_never_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("dynopt.symbolic.foreign.SECONDS", 0.2)
    monkeypatch.setattr("dynopt.symbolic.foreign.PATIENCE", 100)  # the machine may be busy
    (tmp_path / "bad.py").write_text(HEAD + "while True:\n    pass")
    (tmp_path / "good.py").write_text(GOOD)
    entries, errors = collect([tmp_path])
    assert [e.id for e in entries] == ["good"]
    assert len(errors) == 1
    assert "bad.py, line 4, is not finished in 0.2 s; move long work" in errors[0]


def test_a_file_that_waits_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("dynopt.symbolic.foreign.SECONDS", 0.5)
    monkeypatch.setattr("dynopt.symbolic.foreign.PATIENCE", 2)
    # waiting costs no processor time, and the first stop is swallowed
    (tmp_path / "bad.py").write_text("import time\ntry:\n    time.sleep(60)\nexcept BaseException:\n    time.sleep(60)\n")
    (error,) = collect([tmp_path])[1]
    assert "bad.py, line 5, is not finished in 1 s" in error


def test_what_a_file_prints_is_not_output(tmp_path, capsys):
    (tmp_path / "claims.py").write_text(GOOD + "print('hello')\n")
    assert len(collect([tmp_path])[0]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "hello\n")


def test_the_same_id_twice_in_a_file(tmp_path):
    (tmp_path / "claims.py").write_text(GOOD + "d = Claim(id='good', source='s', statement='t', checks=c.checks)\n")
    entries, errors = collect([tmp_path])
    assert len(entries) == 1
    assert "the id 'good' is used twice; give every claim its own id" in errors[0]


def test_an_edited_file_is_read_again(tmp_path):
    file = tmp_path / "claims.py"
    for name in ("good", "best"):  # same length, same second
        file.write_text(GOOD.replace("good", name))
        assert [c.id for c in collect([file])[0]] == [name]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"id": ""}, "id is ''"),
        ({"source": None}, "source is None"),
        ({"expected": "proven"}, "did you mean proved?"),
        ({"expected": Verdict.NOT_CHECKABLE, "checks": []}, "say why in remark"),
        ({"checks": []}, "checks is empty"),
        ({"checks": Implication(then=x > 0)}, "checks is Implication; write a list"),
        ({"checks": [x > 0]}, "x > 0 is not a check"),
        ({"checks": [Implication(given=x > 1, then=x > 0)]}, "given is StrictGreaterThan; write a list"),
        ({"checks": [Implication(given=[x == 1], then=x > 0)]}, "given[0]: False is a Python value"),
        ({"checks": [Implication(then=x)]}, "then: x is not a formula"),
        ({"checks": [Implication(then="x > 0")]}, "then: x > 0 is not a formula"),
        ({"checks": [Implication(then=x > 0.1)]}, "floating-point number; write it exactly"),
        ({"checks": [Implication(then=sp.exp(x) > x, part="first")]}, "first: then: exp(x) is outside the language"),
        ({"checks": [Implication(then=sp.cbrt(x - 1) < 2)]}, "(x - 1)**(1/3) is outside the language"),
        ({"checks": [Implication(then=x < sp.oo, given=[sp.Ne(x, sp.zoo, evaluate=False)])]}, "outside the language"),
        ({"checks": [Implication(then=sp.Symbol("p", positive=True) > 2)]}, "the symbol p is declared positive"),
        ({"checks": [Implication(given=[sp.Symbol("n", integer=True) > 2], then=x > 0)]}, "the symbol n is declared"),
        ({"checks": [Implication(then=sp.Dummy("x") > x)]}, "two different symbols are called x"),
        ({"checks": [Exists(such_that=[])], "needed": [3]}, "needed[0]: 3 is not a check"),
        ({"checks": [Computation(methods={"one": lambda: Finding(True)})]}, "at least two independent ones"),
        ({"correction": Correction(statement="s", checks=[])}, "correction is not a Correction with checks"),
        ({"extra": x > 5}, "extra is given without needed"),
    ],
)
def test_what_cannot_be_judged(wrong, sentence):
    assert sentence in claim_fault(claim(**wrong))


def test_what_can_be_judged():
    root = sp.CRootOf(sp.Symbol("z") ** 5 - sp.Symbol("z") - 1, 0)
    fourth = x ** sp.Rational(1, 4)
    for then in (sp.true, sp.Symbol("plain") > 0, fourth > 0, sp.Max(x, 1) > sp.Abs(x), x > root, sp.Equivalent(x > 0, x < 1)):
        assert claim_fault(claim(checks=[Implication(then=then)])) == ""


def test_select():
    entries = collect_ids("t3-det", "t3-spiral", "t1-unbiased")
    assert ids(selected(entries, ["t3-*"])) == ["t3-det", "t3-spiral"]
    assert ids(selected(entries, ["t1-unbiased,t3-det"])) == ["t3-det", "t1-unbiased"]
    with pytest.raises(Misuse, match="did you mean t3-spiral"):
        selected(entries, ["t3-spirals"])
    with pytest.raises(Misuse, match="t4"):
        selected(entries, ["t3-det", "t4-*"])


def collect_ids(*names):
    from pathlib import Path

    from dynopt.symbolic.collect import Entry

    return [Entry(Path("f.py"), i, name) for i, name in enumerate(names)]


def ids(entries):
    return [e.id for e in entries]


def test_real_drops_the_signs():
    gamma = sp.Symbol("gamma", positive=True)
    z = sp.Symbol("z")
    plain = sp.Symbol("gamma", real=True)
    assert real(gamma * z).free_symbols == {plain, sp.Symbol("z", real=True)}
    assert real(sp.Matrix([[gamma]]))[0, 0] == plain
    assert real(sp.Poly(z**2 + gamma * z, z)).degree() == 2


def test_the_clone_before_the_installation(tmp_path, monkeypatch):
    from pathlib import Path

    from dynopt.symbolic.collect import default_paths

    monkeypatch.chdir(tmp_path)
    packaged = tmp_path / "site" / "dynopt" / "_studies" / "analysis"
    monkeypatch.setattr("dynopt.symbolic.collect.bundled", lambda kind: packaged)
    for folder in (packaged, tmp_path / "analysis"):
        folder.mkdir(parents=True)
    (packaged / "claims.py").write_text(GOOD)
    (tmp_path / "analysis" / "plots.py").write_text("somebody's own file")
    assert default_paths() == [packaged]
    (tmp_path / "analysis" / "claims.py").write_text(GOOD)
    assert default_paths() == [Path("analysis")]
