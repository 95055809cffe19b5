"""``dynopt escape --spec`` and ``--executor``: campaigns from the command line."""

from __future__ import annotations

import json

import pytest

GD = "gd(gamma=0.05)"
SPEC = f'methods = ["{GD}"]\nruns = 1e2\nalso = []\nshard = 40\n'


def without_timings(text):
    document = json.loads(text)
    for m in document["methods"]:
        del m["seconds"], m["steps"]
    return document | {"folder": None}


@pytest.mark.slow
def test_a_campaign_prints_what_a_study_prints(dynopt, here):
    """By a file, by options, and uninterrupted in one process: one document."""
    (here / "spec.toml").write_text(SPEC)
    by_file = dynopt("escape", "--spec", "spec.toml", "--out", "a", "--json")
    by_options = dynopt("escape", GD, "--runs", "1e2", "--also", "none", "--executor", "serial", "--out", "b", "--json")
    plain = dynopt("escape", GD, "--runs", "100", "--also", "none", "--json")
    assert [code for code, _, _ in (by_file, by_options, plain)] == [0, 0, 0]
    assert by_file[2] == ""
    assert json.loads(by_file[1])["folder"] == "a"
    assert without_timings(by_file[1]) == without_timings(by_options[1]) == without_timings(plain[1])


def test_the_same_command_goes_on(dynopt, here):
    (here / "spec.toml").write_text(SPEC)
    words = ("escape", "--spec", "spec.toml", "--out", "a")
    code, out, _ = dynopt(*words)
    assert code == 0
    assert "iteration of escape" in out
    assert "3 shards in" in out
    drawn = (here / "a" / "escape.png").stat().st_size
    assert drawn > 10_000
    table = (here / "a" / "table.csv").read_bytes()
    shard = here / "a" / "shards" / "0-000001.npz"
    shard.write_bytes(b"rubbish")
    code, out, err = dynopt(*words)
    assert code == 0
    assert err == "dynopt: a shard was damaged, is kept as a/shards/0-000001.npz.damaged-1 and was done again\n"
    assert "1 shards in" in out
    assert "2 of 3 were there" in out
    assert (here / "a" / "table.csv").read_bytes() == table
    assert (here / "a" / "escape.png").stat().st_size == drawn


def test_an_interrupted_campaign(dynopt, here, monkeypatch):
    from dynopt.escape import plan as module

    run, calls = module.tally, []

    def interrupted(*args, **settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(*args, **settings)

    (here / "spec.toml").write_text(SPEC)
    monkeypatch.setattr(module, "tally", interrupted)
    code, out, err = dynopt("escape", "--spec", "spec.toml", "--out", "a")
    assert code == 130
    assert err == "dynopt: interrupted (stopped by Ctrl-C or SIGTERM); 1 of 3 shards are kept; the same command goes on\n"
    assert f"{GD}: interrupted after 40 of 100 runs" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--spec", "spec.toml"], "a campaign needs a folder"),
        (["--executor", "serial", GD], "a campaign needs a folder"),
        (["--spec", "spec.toml", "--out", "a", "--runs", "5"], "--runs is given beside --spec"),
        (["--spec", "spec.toml", "--out", "a", "--max-steps", "5"], "--max-steps is given beside --spec"),
        (["--spec", "spec.toml", "--out", "a", GD], "methods are given beside --spec"),
        (["--spec", "bad.toml", "--out", "a"], "bad.toml has the unknown key $.radios; did you mean radius?"),
        (["--spec", "none.toml", "--out", "a"], "cannot be read"),
        (["--spec", "spec.toml", "--out", "a", "--executor", "proceses"], "did you mean processes"),
        (["--spec", "spec.toml", "--out", "spec.toml"], "cannot be written"),
        ([GD, "--workers", "2"], "has no meaning"),
        ([GD, "--executor", "serial", "--out", "a", "--runs", "2.5"], "not a whole number"),
    ],
)
def test_misuse(dynopt, here, words, said):
    (here / "spec.toml").write_text(SPEC)
    (here / "bad.toml").write_text(SPEC + "radios = 1\n")
    code, out, err = dynopt("escape", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (here / "a").exists()
