"""A wheel, installed away from the clone, gives one import name and does the three jobs."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (CLONE / "pyproject.toml").is_file(), reason="needs the clone")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this clone; building it installs hatchling into a throw-away environment."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(CLONE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("dynopt-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A function that runs ``dynopt`` from the wheel in an empty folder.

    The environment is fresh; its libraries are those of this one (downloading torch again would
    prove nothing), with the editable dynopt of this one out of reach.
    """
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--no-deps", str(wheel)], check=True)
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    libraries = Path(sysconfig.get_path("purelib"))
    shadow = folder / "libraries"
    shadow.mkdir()
    for entry in libraries.iterdir():
        if "dynopt" not in entry.name and entry.suffix != ".pth":
            (shadow / entry.name).symlink_to(entry)
    (site / "libraries.pth").write_text(f"{shadow}\n")
    empty = folder / "empty"
    empty.mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(python), "-I", *words] if words[0] == "-c" else [str(folder / "venv" / "bin" / "dynopt"), *words]
        return subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)

    return run


def test_only_dynopt_is_importable(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"dynopt"}
    carried = {name for name in names if name.startswith("dynopt/_studies/")}
    for kind in ("analysis", "experiments"):
        expected = {f"dynopt/_studies/{p.relative_to(CLONE).as_posix()}" for p in (CLONE / kind).rglob("*.py")}
        assert expected <= carried
    assert not [name for name in carried if name.endswith("__init__.py") or "__pycache__" in name]


def test_it_runs_away_from_the_clone(installed):
    where = installed("-c", "import dynopt; print(dynopt.__file__)")
    assert where.returncode == 0, where.stderr
    assert str(CLONE) not in where.stdout
    others = "'analysis', 'experiments', 'tests', '_studies'"
    assert installed("-c", f"import importlib.util as u; print([u.find_spec(n) for n in ({others})])").stdout.strip() == str([None] * 4)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("verify", "--select", "t3-det", "--json", "--jobs", "1"), "claims"),
        (("escape", "gd(gamma=0.02)", "--problem", "double-well", "--runs", "500", "--json"), "methods"),
        (("trajectory", "gd(gamma=0.1)", "--problem", "thesis-3.2", "--json"), "curves"),
        (("bound", "gd", "--spectrum", "1,10", "--json"), "intervals"),
        (("study", "list", "--json"), "studies"),
        (("doctor", "--json"), "checks"),
    ],
)
def test_commands(installed, words, key):
    done = installed(*words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[key]
