"""Campaigns: one table whatever does the work and however often it is stopped; what is damaged is done again."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import dynopt
from dynopt.ensemble import rng
from dynopt.ensemble.executors import Serial
from dynopt.errors import Misuse, Outcome
from dynopt.escape.campaign import campaign
from dynopt.escape.plan import Plan
from dynopt.store.run_folder import load_run

GD, FAST = "gd(gamma=0.05)", "gd(gamma=0.06)"
ASKED = {"methods": [GD, FAST], "runs": 60, "seed": 3, "also": ["ball"], "max_steps": 120, "linger": 40, "shard": 15}
SHARDS = 8


@pytest.fixture(autouse=True)
def sketch(request, monkeypatch):
    """Drawing takes longer than these runs; one test draws."""
    if "draws" not in request.keywords:
        monkeypatch.setattr("dynopt.plot.escape.escape_figure", lambda study: Figure(figsize=(1, 1)))


def equal(found: Path, expected: Path) -> None:
    """Tables and arrays are equal byte for byte, and the results but for timings."""
    for name in ("table.csv", "arrays.npz"):
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name
    documents = [json.loads((folder / "result.json").read_text()) for folder in (found, expected)]
    for document in documents:
        for m in document["methods"]:
            del m["seconds"], m["steps"]  # an eager batch of another size keeps finished runs for other times
    assert documents[0] == documents[1]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The ordinary study of the same runs."""
    asked = {name: value for name, value in ASKED.items() if name != "shard"}
    return dynopt.escape_study(**asked).save(tmp_path_factory.mktemp("study") / "run")


class Once(Serial):
    """Raises instead of doing one piece of work."""

    def __init__(self, at, error):
        self.at, self.error, self.done = at, error, 0

    def submit(self, fn, /, *args, **kwargs):
        self.done += 1
        if self.done == self.at:
            raise self.error
        return super().submit(fn, *args, **kwargs)


def test_a_campaign_is_the_study(tmp_path, uninterrupted):
    told = []
    found = campaign(ASKED, tmp_path / "c", progress=lambda *what: told.append(what))
    equal(tmp_path / "c", uninterrupted)
    assert (found.outcome, found.reason, found.shards, found.finished, found.resumed) == (Outcome.DONE, "", SHARDS, SHARDS, 0)
    assert told == [("all runs", n, 120) for n in range(0, 121, 15)]
    kept = load_run(tmp_path / "c")
    assert kept.manifest["outcome"] == "done"
    assert kept.manifest["spec"] == load_run(uninterrupted).manifest["spec"]
    assert sum(name.startswith("shards/") for name in kept.manifest["files"]) == SHARDS
    assert not list((tmp_path / "c").rglob("*.partial*"))


@pytest.mark.slow
@pytest.mark.parametrize("shard", [19, 1000])
def test_the_size_of_a_shard_leaves_no_trace(tmp_path, uninterrupted, shard):
    campaign(ASKED | {"shard": shard}, tmp_path / "c")
    equal(tmp_path / "c", uninterrupted)


@pytest.mark.slow
def test_fused_runs_leave_no_trace_of_their_shards(tmp_path):
    """A run is counted some steps after the last of its companions has left, when not all are at rest: these must not change."""
    asked = {"methods": ["gd(gamma=0.02)"], "runs": 150, "also": [], "linger": 0, "engine": "fused"}
    study = dynopt.escape_study(**asked)
    assert 0 < study.methods[0].destinations[-1].count < 150
    study.save(tmp_path / "study")
    for shard in (7, 1000):
        campaign(asked | {"shard": shard}, tmp_path / f"c-{shard}")
        equal(tmp_path / f"c-{shard}", tmp_path / "study")


@pytest.mark.slow
def test_every_run_is_that_of_its_number(tmp_path):
    """A shard of the middle holds runs 45 to 59: by hand, from their own random numbers, and as the difference of two studies."""
    campaign(ASKED, tmp_path / "c")
    x, out = 1e-12 * rng.normals(ASKED["seed"], 45, 60, 2)[:, 0].numpy(), np.full(15, -1)
    for k in range(121):
        out[(out < 0) & (np.abs(x) >= 0.5)] = k
        x = x - 0.06 * (4 * x**3 - 8 * x)
    with np.load(tmp_path / "c" / "shards" / "1-000003.npz") as shard:
        counts, runs = shard["counts"], int(shard["runs"])
    asked = {name: value for name, value in ASKED.items() if name != "shard"} | {"methods": [FAST]}
    longer, shorter = (dynopt.escape_study(**asked | {"runs": n}).methods[0] for n in (60, 45))
    assert runs == 15
    assert np.array_equal(counts[0], np.bincount(out, minlength=121))
    for e in range(2):
        assert np.array_equal(counts[e], longer.times[e].counts - shorter.times[e].counts)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "stopped by Ctrl-C or SIGTERM"),
        (BrokenProcessPool("gone"), "a worker was lost"),
    ],
)
def test_what_was_finished_is_kept(tmp_path, uninterrupted, error, said):
    first = campaign(ASKED, tmp_path / "c", Once(4, error))
    assert (first.outcome, first.finished, first.resumed) == (Outcome.INTERRUPTED, 3, 0)
    assert said in first.reason
    assert [m.runs for m in first.study.methods] == [45]
    assert load_run(tmp_path / "c").manifest["outcome"] == "interrupted"
    second = campaign(ASKED, tmp_path / "c")
    assert (second.outcome, second.finished, second.resumed) == (Outcome.DONE, SHARDS, 3)
    equal(tmp_path / "c", uninterrupted)
    assert [s["finished"] for s in load_run(tmp_path / "c").manifest["starts"]] == [3, SHARDS]


def test_other_errors_are_not_hidden(tmp_path):
    with pytest.raises(ZeroDivisionError):
        campaign(ASKED, tmp_path / "c", Once(3, ZeroDivisionError()))
    assert len(list((tmp_path / "c" / "shards").glob("*.npz"))) == 2


@pytest.mark.slow
def test_a_full_disk(tmp_path, uninterrupted, monkeypatch):
    """The device fails in the middle of a shard: nothing half-written is left."""
    sync, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) > 25:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    calls += [0] * 25
    with pytest.raises(Misuse, match=r"cannot be written \(No space left on device\); make room"):
        campaign(ASKED, tmp_path / "c")
    calls.clear()
    first = campaign(ASKED, tmp_path / "c")
    assert first.outcome is Outcome.INTERRUPTED
    assert "No space left on device" in first.reason
    assert 0 < first.finished < SHARDS
    assert not list((tmp_path / "c").rglob("*.partial"))
    monkeypatch.setattr(os, "fsync", sync)
    assert campaign(ASKED, tmp_path / "c").resumed == first.finished
    equal(tmp_path / "c", uninterrupted)


def test_damaged_shards_are_set_aside_and_done_again(tmp_path, uninterrupted):
    """One bit, the last bytes, and a hash that is gone; what was set aside stays."""
    campaign(ASKED, tmp_path / "c")
    flipped, cut, bare = (tmp_path / "c" / "shards" / name for name in ("0-000001.npz", "1-000000.npz", "1-000002.npz"))
    data = flipped.read_bytes()
    flipped.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    cut.write_bytes(cut.read_bytes()[:-10])
    bare.with_name("1-000002.npz.sha256").unlink()
    found = campaign(ASKED, tmp_path / "c")
    assert found.set_aside == ("0-000001.npz.damaged-1", "1-000000.npz.damaged-1", "1-000002.npz.damaged-1")
    assert (found.resumed, found.finished) == (SHARDS - 3, SHARDS)
    assert all((cut.parent / name).is_file() for name in found.set_aside)
    equal(tmp_path / "c", uninterrupted)


@pytest.mark.slow
def test_a_missing_shard_is_done_again(tmp_path, uninterrupted):
    campaign(ASKED, tmp_path / "c")
    (tmp_path / "c" / "shards" / "0-000001.npz").unlink()
    half = tmp_path / "c" / "shards" / ".0-000001.npz.77.1.partial"
    half.write_bytes(b"what a killed process left")
    assert campaign(ASKED, tmp_path / "c").resumed == SHARDS - 1
    assert not half.exists()
    equal(tmp_path / "c", uninterrupted)


def test_a_shard_of_another_campaign_is_refused(tmp_path):
    small = ASKED | {"methods": [GD], "runs": 15}
    campaign(small, tmp_path / "a")
    campaign(small | {"seed": 4}, tmp_path / "b")
    for name in ("0-000000.npz", "0-000000.npz.sha256"):
        (tmp_path / "b" / "shards" / name).replace(tmp_path / "a" / "shards" / name)
    with pytest.raises(Misuse, match="belongs to another campaign"):
        campaign(small, tmp_path / "a")


@pytest.mark.slow
def test_another_campaign_in_the_folder(tmp_path):
    with pytest.raises(ZeroDivisionError):
        campaign(ASKED, tmp_path / "c", Once(1, ZeroDivisionError()))
    changes = {
        "there seed is 3, here 4": {"seed": 4},
        "there runs is 60, here 700": {"runs": 700},
        "methods": {"methods": [GD]},
        "there radius": {"radius": 0.5000000001},
        "levels": {"also": ["ball(radius=0.5000000001)"]},
        "shard": {"shard": 50},
        "linger": {"linger": 61},
    }
    for said, change in changes.items():
        with pytest.raises(Misuse, match="holds another campaign") as error:
            campaign(ASKED | change, tmp_path / "c")
        assert said in str(error.value)


def test_another_definition_under_the_same_name(tmp_path):
    """The user's file is part of what was asked."""
    text = "def hat(x, y):\n    return x**4 - {}*x**2 + y**2\n"
    path = tmp_path / "mine.py"
    asked = {"methods": [GD], "problem": f"{path}:hat", "saddle": [0, 0], "runs": 20, "also": []}
    path.write_text(text.format(1))
    campaign(asked, tmp_path / "c")
    path.write_text(text.format(2))
    with pytest.raises(Misuse, match="there sources is"):
        campaign(asked, tmp_path / "c")


@pytest.mark.slow
def test_folders_that_hold_something_else(tmp_path, uninterrupted):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(Misuse, match=r"holds notes.txt but no campaign"):
        campaign(ASKED, tmp_path)
    with pytest.raises(Misuse, match="something else than a campaign"):
        campaign(ASKED, uninterrupted)
    with pytest.raises(Misuse, match="cannot be written"):
        campaign(ASKED, tmp_path / "notes.txt" / "c")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    load_run(uninterrupted)
    assert not (uninterrupted / "shards").exists()


@pytest.mark.slow
def test_one_process_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    asked, refused = ASKED | {"runs": 15}, []

    def second(what, done, runs):
        with pytest.raises(Misuse, match="another process is at work") as error:
            campaign(asked, tmp_path / "c")
        refused.append(error)

    campaign(asked, tmp_path / "c", progress=second)
    assert len(refused) == 3


def test_any_executor(tmp_path, uninterrupted, monkeypatch):
    """Two threads of one process: shards wait for each other, since compiled kernels must not be entered twice."""
    run, inside = Plan.run, []

    def alone(*args, **settings):
        inside.append(len(inside))
        time.sleep(0.01)
        assert inside == [0]
        found = run(*args, **settings)
        inside.pop()
        return found

    monkeypatch.setattr(Plan, "run", alone)
    with ThreadPoolExecutor(2) as threads:
        campaign(ASKED, tmp_path / "c", threads, workers=2)
    equal(tmp_path / "c", uninterrupted)


def spawn(folder: Path, *words: str) -> subprocess.Popen:
    """A campaign in another process, by the command line."""
    spec = folder.parent / "spec.toml"
    spec.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in ASKED.items()))
    code = "import signal, sys; signal.signal(2, signal.default_int_handler); from dynopt.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "escape", "--spec", str(spec), "--out", str(folder), *words]
    root = str(Path(dynopt.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)


def wait_for(folder: Path, shards: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while len(list(folder.glob("shards/*.npz"))) < shards:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
def test_killed_and_resumed(tmp_path, uninterrupted):
    """kill -9 in the middle: what was finished stays, and the end is that of an uninterrupted study."""
    process = spawn(tmp_path / "c")
    wait_for(tmp_path / "c", 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert json.loads((tmp_path / "c" / "manifest.json").read_text())["outcome"] == "interrupted"
    found = campaign(ASKED, tmp_path / "c")
    assert 3 <= found.resumed < SHARDS
    assert (found.outcome, found.set_aside) == (Outcome.DONE, ())
    equal(tmp_path / "c", uninterrupted)


PROCESSES = ("--executor", "processes", "--workers", "2")


@pytest.mark.slow
@pytest.mark.parametrize(("words", "key"), [((), False), (PROCESSES, True)])
def test_stopped_and_resumed(tmp_path, uninterrupted, words, key):
    """SIGTERM reaches the command alone, Ctrl-C its workers too."""
    process = spawn(tmp_path / "c", *words)
    wait_for(tmp_path / "c", 2, process)
    if key:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted (stopped by Ctrl-C or SIGTERM)" in said
    assert "Traceback" not in said
    assert load_run(tmp_path / "c").manifest["outcome"] == "interrupted"
    assert campaign(ASKED, tmp_path / "c").resumed >= 2
    equal(tmp_path / "c", uninterrupted)


@pytest.mark.slow
def test_two_processes(tmp_path, uninterrupted):
    """Stand-ins for GPUs: each worker is given one of the devices."""
    campaign(ASKED, tmp_path / "c", "processes", workers=2, devices=["cpu", "cpu:0"])
    equal(tmp_path / "c", uninterrupted)


@pytest.mark.slow
def test_a_worker_that_is_killed(tmp_path, uninterrupted):
    """After the third shard all workers die, as the system ends what takes too much memory."""

    def kill(what, done, runs):
        if done == 45:
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGKILL)

    first = campaign(ASKED, tmp_path / "c", "processes", workers=2, progress=kill)
    assert first.outcome is Outcome.INTERRUPTED
    assert "a worker was lost" in first.reason
    assert 3 <= first.finished < SHARDS
    campaign(ASKED, tmp_path / "c")
    equal(tmp_path / "c", uninterrupted)


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    process = spawn(tmp_path / "c", "--executor", "processes", "--workers", "1")
    wait_for(tmp_path / "c", 1, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("needs the list of children in /proc")
    pids = [int(word) for word in children.read_text().split()]
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() and "zombie" not in Path(f"/proc/{pid}/status").read_text() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_two_dask_workers(tmp_path, uninterrupted):
    """A cluster made for the campaign; one that is there, by its address; an executor of the caller's."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    assert campaign(ASKED, tmp_path / "c", "dask", workers=2).outcome is Outcome.DONE
    equal(tmp_path / "c", uninterrupted)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        campaign(ASKED, tmp_path / "d", f"dask:{cluster.scheduler_address}")
        campaign(ASKED, tmp_path / "e", client.get_executor())
    equal(tmp_path / "d", uninterrupted)
    equal(tmp_path / "e", uninterrupted)


@pytest.mark.slow
def test_mpi(tmp_path, uninterrupted):
    import shutil

    pytest.importorskip("mpi4py", reason="needs the extra mpi")
    mpiexec = shutil.which("mpiexec") or shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    if mpiexec is None:
        pytest.skip("needs mpiexec")
    script = tmp_path / "run.py"
    call = f"campaign({ASKED!r}, {str(tmp_path / 'c')!r}, 'mpi')"
    script.write_text(f"from dynopt.escape.campaign import campaign\nif __name__ == '__main__':\n    {call}\n")
    env = {**os.environ, "PYTHONPATH": str(Path(dynopt.__file__).parents[1])}
    command = [mpiexec, "-n", "2", sys.executable, "-m", "mpi4py.futures", str(script)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    equal(tmp_path / "c", uninterrupted)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_runs(tmp_path):
    """Thirty times the runs, thirty shards of the same size: the peak stays."""
    peaks = []
    for runs in (10**5, 3 * 10**6):
        asked = {"methods": [GD], "runs": runs, "also": [], "engine": "fused", "linger": 0, "shard": 10**5}
        campaign(asked | {"runs": 10}, tmp_path / f"warm-{runs}")
        tracemalloc.start()
        found = campaign(asked, tmp_path / f"c-{runs}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.study.methods[0].runs == runs
    assert peaks[1] < 1.3 * peaks[0] + 2e6
