"""``dynopt verify``: exit codes, the JSON document, the terminal report, bad input."""

import json

import pytest

FILE = """
import sympy as sp
from dynopt.symbolic.claims import Claim, Computation, Correction, Finding, Implication
x, y = sp.symbols("x y", real=True)
yes = Claim(id="square", source="Notes, line 1", statement="x > 1 gives x^2 > x", checks=[Implication(given=[x > 1], then=x**2 > x)])
no = Claim(
    id="root", source="Notes, line 2", statement="x > -1 gives sqrt(x) >= 0", hypotheses="x > -1",
    checks=[Implication(given=[x > -1], then=sp.sqrt(x) >= 0)], expected="ill-defined",
    correction=Correction(statement="x >= 0 gives sqrt(x) >= 0", checks=[Implication(given=[x >= 0], then=sp.sqrt(x) >= 0)]),
)
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNOPT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "notes.py").write_text(FILE)
    return tmp_path / "notes.py"


def test_a_second_run_recalls_what_the_first_one_proved(dynopt, file):
    def recalled(*options: str) -> list[bool]:
        document = json.loads(dynopt("verify", str(file), "--json", "--jobs", "1", *options)[1])
        assert document["counts"] == {"proved": 1, "ill-defined": 1}
        return [a["recalled"] for c in document["claims"] for p in c["parts"] for a in p["deciders"]]

    assert not any(recalled())
    assert all(recalled())
    assert not any(recalled("--fresh"))


def test_json(dynopt, file):
    code, out, err = dynopt("verify", str(file), "--json", "--jobs", "1")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["counts"] == {"proved": 1, "ill-defined": 1}
    assert document["errors"] == []
    proved, ill = document["claims"]
    assert {"id", "source", "statement", "verdict", "expected", "witness", "correction", "deciders", "parts", "seconds"} <= set(proved)
    assert {"name", "answer", "seconds", "version"} <= set(proved["deciders"][0])
    assert [d["answer"] for d in proved["deciders"]] == ["proved"] * len(proved["deciders"])
    assert len(proved["deciders"]) >= 2
    assert (ill["verdict"], ill["witness"], ill["correction"]) == ("ill-defined", {"x": "-1/2"}, "x >= 0 gives sqrt(x) >= 0")
    assert ill["place"] == "sqrt(x) needs x >= 0"


def test_report(dynopt, file, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    code, out, err = dynopt("verify", str(file), "--jobs", "1")
    assert (code, err) == (0, "")
    assert "x = -1/2" in out
    assert "x >= 0 gives sqrt(x) >= 0" in out
    assert "2 claims: 1 proved, 1 ill-defined" in out
    assert "\x1b" not in out


def test_the_answer_is_no(dynopt, file):
    file.write_text(FILE.replace("x**2 > x)", "x**2 > 2 * x)"))
    code, out, _ = dynopt("verify", str(file), "--jobs", "1")
    assert code == 1
    assert "FAILS" in out


def test_an_unexpected_verdict(dynopt, file):
    file.write_text(FILE.replace('expected="ill-defined"', 'expected="refuted"'))
    code, out, _ = dynopt("verify", str(file), "--select", "root", "--jobs", "1", "--json")
    document = json.loads(out)
    assert (code, document["failed"]) == (1, ["root"])
    assert document["claims"][0]["failures"] == ["it is ill-defined, expected refuted"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.py"], "there is no file 'nowhere.py'"),
        (["notes.py", "--select", "squre"], "no claim is called 'squre'; did you mean square?"),
        (["notes.py", "--seconds", "0"], "seconds=0"),
        (["notes.py", "--jobs", "0"], "jobs=0"),
        (["notes.py", "--slect", "square"], "--slect"),
        (["."], "holds no claim file"),
    ],
)
def test_misuse(dynopt, tmp_path, monkeypatch, words, sentence):
    if "notes.py" in words:
        (tmp_path / "notes.py").write_text(FILE)
    if not words:
        monkeypatch.setattr("dynopt.symbolic.collect.bundled", lambda kind: None)
    code, out, err = dynopt("verify", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_a_bad_file_beside_a_good_one(dynopt, file, tmp_path):
    (tmp_path / "broken.py").write_text("1/0")
    code, out, _ = dynopt("verify", str(file), "broken.py", "--json", "--jobs", "1")
    document = json.loads(out)
    assert code == 2
    assert len(document["claims"]) == 2
    assert document["errors"] == ["broken.py, line 1, raises ZeroDivisionError (division by zero); correct the file"]
