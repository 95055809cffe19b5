"""The command line itself: help, exit codes, one sentence for every misuse."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import dynopt as package
from dynopt.cli import COMMANDS, main
from dynopt.errors import Misuse


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_lists_every_command(dynopt, words):
    code, out, said = dynopt(*words)
    assert (code, said) == (0, "")
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(dynopt, name):
    code, out, _ = dynopt(name, "--help")
    assert code == 0
    assert name in out


@pytest.mark.parametrize("name", [n for n in COMMANDS if n != "study"])
def test_every_parameter_is_described(dynopt, name):
    _, out, _ = dynopt(name, "--help")
    assert "--json" in out
    command = importlib.import_module(f"dynopt.cli.{name}")
    documented = command.run.__doc__
    for parameter in command.run.__annotations__:
        assert parameter == "return" or f"\n    {parameter}\n" in documented, parameter


def test_version(dynopt):
    assert dynopt("--version")[:2] == (0, f"dynopt {package.__version__}\n")


MISUSES = [
    (("boudn", "gd"), "did you mean bound?"),
    (("show",), "requires an argument"),
    (("show", "ina"), "did you mean inna?"),
    (("show", "gd", "--jsn"), "--jsn"),
    (("show", "inna(alhpa=1)"), "did you mean alpha?"),
    (("show", "inna(alpha=-1)"), "alpha=-1 is outside [0, oo)"),
    (("bound", "gd", "--spectrum", "10,1"), "10"),
    (("bound", "gd", "--spectrum", "1"), "1"),
    (("bound", "gd", "--spectrum", "1,x"), "x"),
    (("bound", "gd"), "--spectrum"),
    (("bound", "gd", "--spectrum", "1,10", "--property", "stabel"), "did you mean stable?"),
    (("bound", "gd", "--spectrum", "1,10", "--free", "gama"), "did you mean gamma?"),
    (("verify", "nowhere.py"), "nowhere.py"),
    (("trajectory", "gd(gamma=0.1)", "--problem", "duble-well"), "did you mean double-well?"),
    (("trajectory", "gd(gamma=0.1)", "--problem", "double-well", "--start", "1"), "2"),
    (("trajectory", "gd(gamma=0.1)", "--problem", "double-well", "--start", "1,a"), "1,a"),
    (("trajectory", "gd", "--problem", "double-well"), "gamma"),
    (("escape", "gd(gamma=0.1)", "--problem", "double-well", "--runs", "0"), "0"),
    (("escape", "gd(gamma=0.1)", "--problem", "double-well", "--runs", "10", "--scale", "100"), "every start"),
    (("escape", "din", "--problem", "double-well", "--runs", "10"), "din"),
    (("escape", "gd(gamma=0.1)", "--problem", "nowhere.py:f", "--runs", "10"), "no file"),
    (("study", "run", "table-3.1-escpe"), "did you mean table-3.1-escape?"),
]


@pytest.mark.parametrize(("words", "part"), MISUSES, ids=[" ".join(words) for words, _ in MISUSES])
def test_misuse_is_one_sentence_and_code_2(here, dynopt, words, part):
    for extra in ((), ("--json",)):
        code, out, said = dynopt(*words, *extra)
        assert (code, out) == (2, "")
        assert said.startswith("dynopt: ")
        assert said.count("\n") == 1
        assert part in said
        assert "Traceback" not in said
    assert list(here.iterdir()) == [], "nothing half-written"


def test_debug_shows_the_traceback(here):
    with pytest.raises(Misuse):
        main(["show", "ina", "--debug"])


def test_interruption_is_not_a_traceback(dynopt, monkeypatch):
    command = importlib.import_module("dynopt.cli.show")

    def run(method: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", run)
    code, _, said = dynopt("show", "gd")
    assert code == 130
    assert said.count("\n") == 1


def test_a_closed_pipe_is_not_an_error():
    command = f'{sys.executable} -c \'from dynopt.cli import main; import sys; sys.exit(main(["show", "inna"]))\' | head -n 1'
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 141), done.stderr


def test_doctor(dynopt, monkeypatch):
    code, out, _ = dynopt("doctor", "--json")
    found = json.loads(out)
    assert code == 0
    assert [c["ok"] for c in found["checks"]] == [True] * 3
    assert found["versions"]["dynopt"] == package.__version__
    from dynopt.algorithms.gradient_descent import GradientFlow

    monkeypatch.setattr(GradientFlow, "field", lambda self, state, oracle, t: type(state)(-2 * oracle.gradient(state.theta)))
    code, out, _ = dynopt("doctor")
    assert code == 1
    assert out.count("FAILED") == 3
