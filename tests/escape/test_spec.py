"""What a specification says when it is wrong, and that it means what the keyword arguments mean."""

from __future__ import annotations

import inspect

import pytest

import dynopt
from dynopt.errors import Misuse
from dynopt.escape.spec import EscapeSpec, read_spec

METHODS = 'methods = ["gd(gamma=0.02)"]\n'


def test_the_words_are_those_of_the_study():
    fields = set(EscapeSpec.__struct_fields__)
    parameters = inspect.signature(dynopt.escape_study).parameters
    assert fields - {"shard"} == set(parameters) - {"batch", "progress"}
    for name, default in zip(EscapeSpec.__struct_fields__[1:], EscapeSpec.__struct_defaults__, strict=True):
        assert name == "shard" or parameters[name].default == default, name


def test_a_file(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(METHODS + 'runs = 1e8\nseed = 18446744073709551615\nsaddle = [0, 0.0]\nalso = ["ball"]\nmax_steps = 300\nradius = 1\n')
    spec = read_spec(path)
    assert (spec.methods, spec.runs, spec.seed, spec.saddle) == (("gd(gamma=0.02)",), 1e8, 2**64 - 1, (0.0, 0.0))
    plan = spec.plan()
    assert (plan.runs, plan.max_steps, plan.radius) == (10**8, 300, 1.0)
    assert isinstance(plan.runs, int)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("runs = 5\n", "lacks $.methods"),
        (METHODS + "rnus = 5\n", "unknown key $.rnus; did you mean runs?"),
        (METHODS + "[exit]\nradius = 2\n", "another type at $.exit: expected str, got object"),
        (METHODS + 'runs = "many"\n', "another type at $.runs: expected int | float, got str"),
        (METHODS + "seed = 1.5\n", "$.seed: expected int, got float"),
        (METHODS + "radius = true\n", "$.radius: expected float, got bool"),
        ("methods = [3]\n", "$.methods[0]: expected str, got int"),
        (METHODS + 'saddle = [0, "x"]\n', "$.saddle[1]: expected float, got str"),
        (METHODS + "runs = \n", "is not TOML"),
        (METHODS + "runs = 5\nruns = 6\n", "is not TOML"),
    ],
)
def test_misuse(tmp_path, text, said):
    path = tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(Misuse) as error:
        read_spec(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(Misuse, match="cannot be read"):
            read_spec(path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(Misuse, match="is not TOML"):
        read_spec(tmp_path / "bytes")


@pytest.mark.parametrize(
    ("change", "said"), [({"runs": 1.5}, "not a whole number"), ({"seed": -1}, "out of range"), ({"methods": ()}, "no method")]
)
def test_values_outside_their_law(change, said):
    with pytest.raises(Misuse, match=said):
        read_spec({"methods": ["gd(gamma=0.02)"]} | change).plan()


def test_files_of_the_user_are_found_from_anywhere(here):
    (here / "mine.py").write_text("def hat(x, y):\n    return x**4 - x**2 + y**2\n")
    spec = EscapeSpec(methods=("gd(gamma=0.02)",), problem="mine.py:hat(c=1)")
    path = here / "mine.py"
    assert list(spec.sources()) == ["mine.py:hat(c=1)"]
    plan = read_spec({"methods": ["gd(gamma=0.02)"]}).plan()
    found = spec.resolved(plan)
    assert found.problem == f"{path}:hat(c=1)"
    assert found.methods == spec.methods
    assert (found.max_steps, found.linger) == (plan.max_steps, plan.linger)
    with pytest.raises(Misuse, match="there is no file"):
        EscapeSpec(methods=("gd(gamma=0.02)",), problem="none.py:hat").plan()
