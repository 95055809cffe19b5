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
        (["notes.py", "--latex", "-", "--json"], "--latex and --json both go to stdout"),
        (["notes.py", "--html", "-", "--smt2", "-"], "--html and --smt2 both go to stdout"),
        (["notes.py", "--html", "--json"], "--html needs a place, not '--json'"),
        (["notes.py", "--html", "."], "'.' is a folder; name a file"),
        (["notes.py", "--smt2", "."], "holds other files"),
        (["notes.py", "--latex", "notes.py/x.tex"], "cannot be written"),
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


def test_documents(dynopt, file, tmp_path):
    words = ("--html", "new/page.html", "--latex", "claims.tex", "--smt2", "questions")
    code, out, err = dynopt("verify", str(file), "--jobs", "1", "--json", *words)
    assert (code, err) == (0, "")
    document = json.loads(out)
    page = (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<article") == 2
    assert r"\begin{statement}[\texttt{square}, Notes, line 1]" in (tmp_path / "claims.tex").read_text()
    hashes = {q["hash"][:8] for c in document["claims"] for ps in ("parts", "correction_parts") for p in c[ps] for q in p["queries"]}
    assert {f.stem.rpartition("--")[2] for f in (tmp_path / "questions").glob("*.smt2")} == hashes
    part = document["claims"][0]["parts"][0]
    assert (part["given"], part["then"]) == (["x > 1"], ["x^{2} > x"])
    assert not any(f.name.startswith(".") for f in tmp_path.rglob("*"))


@pytest.mark.parametrize(("option", "start"), [("--latex", "\\documentclass"), ("--html", "<!DOCTYPE html>"), ("--smt2", "; square--1--")])
def test_a_document_on_stdout_is_alone(dynopt, file, option, start):
    code, out, err = dynopt("verify", str(file), "--jobs", "1", "--select", "square", option, "-")
    assert (code, err) == (0, "")
    assert out.startswith(start)
    assert "claims:" not in out


def test_a_file_that_prints_leaves_the_document_alone(dynopt, file):
    file.write_text(FILE + "print('hello')\n")
    _, out, err = dynopt("verify", str(file), "--jobs", "1", "--json")
    assert len(json.loads(out)["claims"]) == 2
    assert "hello" in err


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_table_never_cuts_a_verdict(file, width):
    import io

    from rich.console import Console

    from dynopt.report.claims import report
    from dynopt.symbolic.ledger import verify

    longer = FILE.replace('id="root"', 'id="a-very-long-identifier-of-forty-two-letters"')
    longer = longer.replace("Notes, line 1", "Notes, line 1, " + "far " * 40)
    file.write_text(longer)
    console = Console(width=width, file=io.StringIO())
    report(verify(file), console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    row = next(line for line in lines if line.startswith("square"))
    assert row.split()[1:3] == ["proved", "-"]
    assert next(line for line in lines if line.startswith("a-very-long"))[:80].split()[1] == "ill-defined"
    assert ("line 1, far" in row) == (width == 140)
    assert ("place" in lines[1]) == (width == 140)
