"""Studies are found, checked, run and kept, also when they stop early."""

from __future__ import annotations

import json

import pytest

from dynopt.store.bundled import bundled
from dynopt.store.run_folder import load_run
from dynopt.study import load_study, parse_settings, run_study, studies

STUDY = '''"""Counts to a number."""
TITLE = "Counting"
SOURCE = "Peano 1889"
PRESETS = {
    "smoke": {"runs": 3, "gamma": 0.5, "names": ["a"], "end": "well"},
    "paper": {"runs": 9, "gamma": 1.0, "names": [], "end": "well"},
}

def run(*, folder, seed, runs, gamma, names, end):
    print("counting")
    if end == "early":
        raise RuntimeError("no luck")
    for i in range(runs):
        (folder / f"part{i}.txt").write_text(str(seed))
        if i == 1 and end != "well":
            raise {"interrupt": KeyboardInterrupt, "crash": RuntimeError}[end]("in the middle")
    return {"count": runs, "step": gamma}
'''


@pytest.fixture
def counting(here):
    (here / "experiments" / "counting").mkdir(parents=True)
    (here / "experiments" / "counting" / "study.py").write_text(STUDY)
    return here


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_run_is_kept_with_its_facts(counting):
    done = run_study("counting", preset="paper", seed=5, settings={"runs": 2})
    assert done.outcome == "done"
    assert done.summary == {"count": 2, "step": 1.0}
    run = load_run(done.folder)
    assert run.manifest["seed"] == 5
    assert run.manifest["outcome"] == "done"
    assert run.manifest["spec"]["settings"] == {"runs": 2, "gamma": 1.0, "names": [], "end": "well"}
    assert run.result == done.summary
    assert files(done.folder) == ["manifest.json", "part0.txt", "part1.txt", "result.json", "study.py"]
    assert str(done.folder) == "runs/counting-paper"
    assert run_study("counting", preset="paper").folder.name == "counting-paper-2"
    study = load_study("counting")
    assert [study.settings("paper", changes)["runs"] for changes in ({"runs": 2}, {})] == [2, 9], "changes leave the preset alone"


def test_an_interrupted_study_keeps_what_it_finished(counting):
    done = run_study("counting", folder="mine", settings={"end": "interrupt"})
    assert done.outcome == "interrupted"
    assert load_run("mine").manifest["outcome"] == "interrupted"
    assert {"part0.txt", "part1.txt"} <= set(files(done.folder))


def test_a_crashed_study_keeps_what_it_finished_and_says_where(counting, dynopt):
    code, _, said = dynopt("study", "run", "counting", "--set", "end=crash", "--out", "mine")
    assert code == 2
    assert "in the middle" in said
    assert "mine" in said
    assert load_run("mine").manifest["error"] == "RuntimeError: in the middle"


def test_a_study_that_fails_at_once_leaves_nothing(counting, dynopt):
    code, _, said = dynopt("study", "run", "counting", "--set", "end=early", "--out", "mine")
    assert code == 2
    assert "no luck" in said
    assert files(counting) == ["experiments"]


def test_studies_here_win_over_those_that_come_with_dynopt(counting, tmp_path, monkeypatch):
    for name in ("counting", "other"):
        (tmp_path / "carried" / name).mkdir(parents=True)
        (tmp_path / "carried" / name / "study.py").write_text(STUDY.replace("Counting", "Carried"))
    monkeypatch.setattr("dynopt.study.bundled", lambda kind: tmp_path / "carried")
    assert {name: load_study(name).title for name in studies()} == {"counting": "Counting", "other": "Carried"}


def test_commands(counting, dynopt):
    code, out, _ = dynopt("study", "list", "--json")
    assert code == 0
    assert {"name": "counting", "title": "Counting"}.items() <= json.loads(out)["studies"][0].items()
    code, out, _ = dynopt("study", "show", "counting", "--json")
    assert json.loads(out)["presets"]["paper"]["runs"] == 9
    code, out, said = dynopt("study", "run", "counting", "--json", "--seed", "3", "--set", "runs=1", "--set", "names=['x','y']")
    document = json.loads(out)  # what the study prints is not on stdout
    assert code == 0
    assert (document["seed"], document["settings"]["names"], document["summary"]["count"]) == (3, ["x", "y"], 1)
    assert "counting" in said
    assert dynopt("study", "run", "counting", "--set", "end=interrupt")[0] == 130
    for words in (("list",), ("show", "counting")):
        code, out, _ = dynopt("study", *words)
        assert code == 0
        assert "Counting" in out


def test_copy_and_run_by_path(counting, dynopt):
    assert dynopt("study", "copy", "counting", "mine")[0] == 0
    assert (counting / "mine" / "study.py").read_text() == STUDY
    code, _, said = dynopt("study", "copy", "counting", "mine")
    assert code == 2
    assert "exists" in said
    for place in ("mine", "mine/study.py"):
        assert run_study(place).study == "mine"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "countin"), "did you mean counting?"),
        (("show", "zzz"), "no study 'zzz'"),
        (("run", "nowhere/study.py"), "no study at 'nowhere/study.py'"),
        (("run", "counting", "--preset", "papr"), "did you mean paper?"),
        (("run", "counting", "--set", "rans=3"), "did you mean runs?"),
        (("run", "counting", "--set", "runs"), "write key=value"),
        (("run", "counting", "--set", "runs=many"), "runs='many'"),
        (("run", "counting", "--set", "runs=true"), "runs=True"),
        (("run", "counting", "--seed", "-1"), "at least 0"),
        (("run", "counting", "--seed", "x"), "x"),
        (("run",), "requires an argument"),
        (("rnu", "counting"), "rnu"),
    ],
)
def test_misuse(counting, dynopt, words, sentence):
    code, out, said = dynopt("study", *words)
    assert (code, out) == (2, "")
    assert sentence in said
    assert said.count("\n") == 1
    assert files(counting) == ["experiments"], "nothing is written"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda s: s.replace("TITLE", "NAME"), "does not define TITLE"),
        (lambda s: s.replace('"smoke"', '"quick"'), "at least smoke and paper"),
        (lambda s: s.replace("runs, gamma,", "gamma,"), "does not take the settings of preset 'smoke'"),
        (lambda s: s + "1/0", "ZeroDivisionError"),
    ],
)
def test_what_is_no_study(counting, dynopt, damage, sentence):
    (counting / "experiments" / "counting" / "study.py").write_text(damage(STUDY))
    code, _, said = dynopt("study", "run", "counting")
    assert code == 2
    assert sentence in said
    code, out, _ = dynopt("study", "list")
    assert code == 0, "one broken study does not hide the others"
    assert sentence in out


def test_settings_are_parsed_never_evaluated():
    read = parse_settings(["a=__import__('os')", "b=(1, 2)", "c=FALSE", "d=x=y"])
    assert read == {"a": "__import__('os')", "b": (1, 2), "c": False, "d": "x=y"}


def test_the_studies_that_come_with_dynopt_are_studies():
    names = {path.parent.name for path in bundled("experiments").glob("*/study.py")}
    assert names <= set(studies())
    for name in names:
        study = load_study(name)
        assert study.title
        assert study.source
