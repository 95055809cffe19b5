"""Run folders are complete or absent, and show every change."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import numpy as np
import pytest
from matplotlib.figure import Figure

from dynopt import Misuse, Outcome
from dynopt.store.provenance import git_state, versions
from dynopt.store.run_folder import load_run, save_run, working_folder


def picture():
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    return figure


def full(folder, **more):
    return save_run(
        folder,
        spec={"method": "gd", "gamma": Fraction(1, 50), "device": "cpu"},
        result={"outcome": Outcome.DIVERGED, "mean": float("nan")},
        arrays={"t": np.arange(5) / 3, "batch": np.ones((2, 3), dtype=np.int32)},
        table=[{"method": "gd", "mean": 0.1, "count": 3}, {"method": "a,b", "mean": None, "note": "x"}],
        figures={"escape": picture()},
        seed=7,
        **more,
    )


def test_everything_comes_back(tmp_path):
    folder = full(tmp_path / "deep" / "run")
    run = load_run(folder)
    assert {p.name for p in folder.iterdir()} == {"manifest.json", "result.json", "arrays.npz", "table.csv", "escape.png"}
    assert run.manifest["outcome"] == "diverged"
    assert run.manifest["seed"] == 7
    assert run.manifest["spec"] == {"method": "gd", "gamma": "1/50", "device": "cpu"}
    assert run.manifest["versions"] == versions()
    assert run.manifest["device"]["name"] == "cpu"
    assert run.manifest["git"] == git_state()
    assert run.manifest["created"].endswith("+00:00")
    assert run.result == {"outcome": "diverged", "mean": "nan"}
    np.testing.assert_array_equal(run.arrays["t"], np.arange(5) / 3)
    assert run.arrays["batch"].dtype == np.int32
    assert run.table == [
        {"method": "gd", "mean": 0.1, "count": 3, "note": None},
        {"method": "a,b", "mean": None, "count": None, "note": "x"},
    ]
    assert (folder / "escape.png").read_bytes().startswith(b"\x89PNG")


def test_the_manifest_lists_the_hash_of_every_other_file(tmp_path):
    folder = full(tmp_path / "run")
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert files == {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.name != "manifest.json"}


def test_an_existing_folder_is_never_touched(tmp_path):
    first = full(tmp_path / "run")
    kept = {p.name: p.read_bytes() for p in first.iterdir()}
    (tmp_path / "run-3").mkdir()
    assert [full(tmp_path / "run").name for _ in range(2)] == ["run-2", "run-4"]
    assert {p.name: p.read_bytes() for p in first.iterdir()} == kept


@pytest.mark.parametrize("name", ["result.json", "arrays.npz", "table.csv", "escape.png"])
def test_changes_are_seen(tmp_path, name):
    folder = full(tmp_path / "run")
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(Misuse, match=f"{name}' was changed"):
        load_run(folder)
    (folder / name).unlink()
    with pytest.raises(Misuse, match=f"lacks {name}"):
        load_run(folder)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, Misuse])
def test_nothing_half_written_is_left(tmp_path, error):
    class Broken:
        def savefig(self, *args, **kwargs):
            raise error("on purpose")

    with pytest.raises(error):
        save_run(tmp_path / "run", spec={}, result={}, arrays={"x": np.ones(2)}, figures={"bad": Broken()})
    assert list(tmp_path.iterdir()) == []


def test_objects_are_refused(tmp_path):
    with pytest.raises(Misuse, match="array 'x' holds Python objects"):
        save_run(tmp_path / "run", spec={}, result={}, arrays={"x": np.array([object()])})
    with pytest.raises(Misuse, match="not a plain file name"):
        save_run(tmp_path / "run", spec={}, result={}, figures={"../up": picture()})
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Misuse, match="cannot be written"):
        save_run(tmp_path / "file" / "run", spec={}, result={})


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_what_is_no_run_folder(tmp_path, text):
    with pytest.raises(Misuse, match="not a run folder"):
        load_run(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(Misuse, match="cannot be read"):
        load_run(tmp_path)


def test_a_working_folder_that_is_not_sealed_disappears(tmp_path):
    with working_folder(tmp_path / "a" / "b" / "run") as work:
        (work / "x").write_text("y")
        assert work.parent == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == [], "with the parents that were made for it"
    (tmp_path / "a").mkdir()
    with working_folder(tmp_path / "a" / "b" / "run"):
        pass
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]
