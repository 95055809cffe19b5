"""The fused kernel against a hand-written C loop, JAX and eager torch: trajectory-steps per second in one run.

INNA on the double well, float64.  Every rival advances runs for a fixed number of steps, once with nothing
tested and once with the exit |θ₁| ≥ level tested at every step, at a level that nobody reaches, so that all
of them do all steps.  The fused kernel and ``rival.c`` draw the same starts and write times and places too.

* The rivals alternate in ``repeats`` rounds, each preceded by one untimed call.  A ratio compares two rates
  of one round; medians over the rounds are reported.
* Two clocks: wall time on ``threads`` threads, which is what the targets are about on a quiet machine, and CPU
  time on one thread, which other programs disturb little.
* ``rival.c`` is compiled with ``-O3 -march=native -fopenmp`` for several numbers of lanes, and again with
  512-bit vectors asked for, which the compiler does not choose by itself.  The fastest of each kind counts.
* JAX runs where it can be imported, or in the Python that ``DYNOPT_JAX_PYTHON`` names; the fastest of several
  batch sizes and unrollings counts.
* Compilation and memory are measured in processes of their own.
"""

from __future__ import annotations

import csv
import ctypes
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from matplotlib.figure import Figure

import dynopt
from dynopt.core.problem import oracle
from dynopt.ensemble.fused import Setting, run_fused
from dynopt.ensemble.rng import normals
from dynopt.ensemble.run import run_batch
from dynopt.escape.exits import make_exit
from dynopt.escape.saddle import find_saddle
from dynopt.escape.tally import fused_task
from dynopt.plot.palette import colour

TITLE = "The fused escape kernel against C, JAX and eager torch"
SOURCE = "issue 5, the table of numbers; rival.c and jax_rival.py beside this file"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "runs": 2**15, "steps": 1000, "eager_runs": 2**14, "eager_steps": 32, "repeats": 3, "threads": 2, "lanes": [16, 64],
        "jax_runs": [4096], "jax_steps": 200, "unroll": [8], "memory_runs": [10**6], "memory_steps": 320,
    },
    "paper": {
        "runs": 2**17, "steps": 2000, "eager_runs": 2**14, "eager_steps": 500, "repeats": 5, "threads": 2, "lanes": [16, 32, 64],
        "jax_runs": [4096, 65536], "jax_steps": 400, "unroll": [1, 8, 32],
        "memory_runs": [10**6, 10**7, 10**8, 10**9], "memory_steps": 320,
    },
}  # fmt: skip

ALPHA, BETA, GAMMA, LEVEL, SCALE, NEVER = 0.5, 1.0, 0.02, 0.5, 1e-12, 1e300
INNA = f"inna(alpha={ALPHA}, beta={BETA}, gamma={GAMMA})"
FLAGS, WIDE = ("-O3", "-march=native", "-fopenmp"), "-mprefer-vector-width=512"
HERE = Path(__file__).parent

Rival = Callable[[bool, int], tuple[float, float, int]]
"""(exits tested?, threads) ↦ wall seconds, CPU seconds of the process, trajectory-steps."""


def run(
    *, folder: Path, seed: int, runs: int, steps: int, eager_runs: int, eager_steps: int, repeats: int, threads: int, lanes: list[int],
    jax_runs: list[int], jax_steps: int, unroll: list[int], memory_runs: list[int], memory_steps: int,
) -> dict[str, Any]:  # fmt: skip
    """Write table.csv, arrays.npz, memory.csv and speed.png; return ratios, targets and the machine."""
    threads = min(threads, numba.config.NUMBA_NUM_THREADS)
    skipped: dict[str, str] = {}
    rivals: dict[str, Rival] = {"fused": fused(seed, runs, steps)}
    numba.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as build:
        libraries = compiled(Path(build), lanes, skipped)
        rivals |= {name: c_loop(library, seed, runs, steps) for name, library in libraries.items()}
        rivals["eager torch"] = eager(seed, eager_runs, eager_steps)
        workers = jax_workers(threads, skipped)
        rivals |= {f"JAX, {n} runs, unrolled {u}": jax(workers, n, jax_steps, u) for n in jax_runs for u in unroll if workers}
        agreement = agree(libraries, seed, min(runs, 4096))
        wall, cpu = measure(rivals, repeats, threads)
        table = table_3_1(seed)
    for worker in workers.values():
        worker.terminate()
    chosen = fastest(wall)
    rows = [row(kind, name, exits, wall, cpu) for kind, names in chosen.items() for exits, name in names.items()]
    write(folder / "table.csv", rows)
    np.savez_compressed(folder / "arrays.npz", **{f"wall: {n}: {e}": v for (n, e), v in wall.items()},
                        **{f"cpu: {n}: {e}": v for (n, e), v in cpu.items()})  # fmt: skip
    draw(rows, threads).savefig(folder / "speed.png", dpi=150)
    with tempfile.TemporaryDirectory() as cache:
        first, again = (child(COMPILE, cache) for _ in range(2))
        memory = [{"runs": n, **child(MEMORY.format(seed=seed, runs=n, steps=memory_steps), cache)} for n in memory_runs]
    write(folder / "memory.csv", memory)
    gpu = on_gpu(seed, skipped)
    return {
        "steps_per_second": {f"{r['rival']}, {r['exits']}": f"{r['wall_rate']:.3g}" for r in rows},
        "targets": targets(rows, first, again, table, memory, gpu),
        "agreement": agreement, "compilation": {"first": first, "from the cache": again}, "table 3.1": table,
        "memory": memory, "skipped": skipped,
        "machine": {
            "processor": processor(), "threads": threads, "load_average": os.getloadavg()[0], "compiler": compiler_version(),
            "flags": " ".join(FLAGS), "wide": WIDE, "numba": numba.__version__, "torch": torch.__version__, "numpy": np.__version__,
            "python": platform.python_version(), "jax": workers["version"].version if workers else None,
        },
    }  # fmt: skip


def places() -> tuple[Any, Any, Any]:
    """Saddle, kernel task and exit of INNA on the double well."""
    saddle = find_saddle(dynopt.problem("double-well"), None)
    out = make_exit(f"coordinate(radius={LEVEL})", saddle, LEVEL)
    return saddle, fused_task(dynopt.method(INNA).numeric(), saddle, [out])[0], out


def timed(work: Callable[[], Any], done: int, threads: int = 0) -> tuple[float, float, int]:
    """Wall and CPU seconds; on one thread those of this thread, as pools that wait for work may spin meanwhile."""
    clock = time.thread_time if threads == 1 else time.process_time
    wall, cpu = time.perf_counter(), clock()
    work()
    return time.perf_counter() - wall, clock() - cpu, done


def fused(seed: int, runs: int, steps: int) -> Rival:
    """dynopt's own: without exits, the steps that follow the last exit."""
    saddle, task, _ = places()

    def rival(exits: bool, threads: int) -> tuple[float, float, int]:
        numba.set_num_threads(threads)  # on one, the omp layer works in the calling thread
        setting = Setting(seed, saddle.point, SCALE, [NEVER], steps * exits, steps * (not exits), [p.reach for p in saddle.places])
        return timed(lambda: run_fused(task, setting, 0, runs), runs * steps, threads)

    return rival


def compiled(build: Path, lanes: list[int], skipped: dict[str, str]) -> dict[str, ctypes.CDLL]:
    """The C loop, by the name of its variant; none where there is no compiler."""
    compiler, found = shutil.which("gcc") or shutil.which("cc"), {}
    if compiler is None:
        skipped["C"] = "there is no C compiler (gcc or cc) on the path"
        return {}
    for kind, more in (("C", ()), ("C, 512-bit", (WIDE,))):
        for n in lanes:
            target = build / f"rival-{len(found)}.so"
            command = [compiler, *FLAGS, *more, f"-DLANES={n}", "-shared", "-fPIC", "-o", str(target), str(HERE / "rival.c"), "-lm"]
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode:
                skipped[kind] = (
                    f"the compiler refused {' '.join((*FLAGS, *more))}: {(made.stderr.strip().splitlines() or ['no message'])[-1]}"
                )
                break
            found[f"{kind}, {n} lanes"] = ctypes.CDLL(str(target))
    return found


def call_c(
    library: ctypes.CDLL, seed: int, runs: int, steps: int, linger: int, level: float, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    out, rest = np.empty(runs, np.int64), np.empty(runs, np.int64)
    whole, real, reach = ctypes.c_int64, ctypes.c_double, places_reach()
    library.rival(out.ctypes.data_as(ctypes.c_void_p), rest.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint64(seed), whole(0), whole(runs),
                  whole(steps), whole(linger), real(SCALE), real(level), real(ALPHA), real(BETA), real(GAMMA), real(reach),
                  ctypes.c_int(threads))  # fmt: skip
    return out, rest


def places_reach() -> float:
    """Within 1 % of √2, the distance between the saddle and a minimiser."""
    return 0.01 * 2**0.5


def c_loop(library: ctypes.CDLL, seed: int, runs: int, steps: int) -> Rival:
    def rival(exits: bool, threads: int) -> tuple[float, float, int]:
        return timed(lambda: call_c(library, seed, runs, steps * exits, steps * (not exits), NEVER, threads), runs * steps, threads)

    return rival


def eager(seed: int, runs: int, steps: int) -> Rival:
    """dynopt on torch tensors; the batch is the one that `escape_study` works on at once, or smaller."""
    method, asked = dynopt.method(INNA).numeric(), oracle(dynopt.problem("double-well"))
    starts = SCALE * normals(seed, 0, runs, 2)

    def rival(exits: bool, threads: int) -> tuple[float, float, int]:
        torch.set_num_threads(threads)

        def work() -> None:
            if exits:
                run_batch(method, asked, starts, {"out": lambda theta: theta[:, 0].abs() >= NEVER}, steps=steps)
                return
            state = method.init(starts, asked)
            for k in range(steps):
                state = method.update(state, asked, k)

        return timed(work, runs * steps, threads)

    return rival


class Worker:
    """``jax_rival.py`` in a process of its own, one request a line."""

    def __init__(self, python: str, threads: int) -> None:
        command = [python, str(HERE / "jax_rival.py"), *map(str, (threads, ALPHA, BETA, GAMMA, NEVER))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.version = self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, *numbers: int) -> tuple[float, float]:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, numbers)) + "\n")
        self.process.stdin.flush()
        wall, cpu = self._line().split()
        return float(wall), float(cpu)

    def terminate(self) -> None:
        self.process.terminate()
        self.process.wait()


def jax_workers(threads: int, skipped: dict[str, str]) -> dict[Any, Worker]:
    """A process for each number of threads, and any of them under ``version``; none where there is no JAX."""
    python = os.environ.get("DYNOPT_JAX_PYTHON") or (sys.executable if importlib.util.find_spec("jax") else None)
    if python is None:
        skipped["JAX"] = "jax is not importable here, and DYNOPT_JAX_PYTHON does not name a Python that has it"
        return {}
    try:
        workers: dict[Any, Worker] = {n: Worker(python, n) for n in {1, threads}}
    except OSError as error:
        skipped["JAX"] = f"{python} does not start ({error.strerror})"
        return {}
    if not all(w.version for w in workers.values()):
        skipped["JAX"] = f"{python} cannot import jax"
        return {}
    return workers | {"version": workers[1]}


def jax(workers: dict[Any, Worker], runs: int, steps: int, unroll: int) -> Rival:
    def rival(exits: bool, threads: int) -> tuple[float, float, int]:
        return (*workers[threads].ask(runs, steps, int(exits), unroll), runs * steps)

    return rival


def agree(libraries: dict[str, ctypes.CDLL], seed: int, runs: int) -> dict[str, Any]:
    """Of ``runs`` runs, how many leave at another step, or end elsewhere, in the rivals than in the fused kernel."""
    saddle, task, out = places()
    times, rest = run_fused(task, Setting(seed, saddle.point, SCALE, [LEVEL], 400, 1000, [p.reach for p in saddle.places]), 0, runs)
    paths = run_batch(
        dynopt.method(INNA).numeric(), oracle(saddle.problem), SCALE * normals(seed, 0, runs, 2), {"out": out.holds}, steps=400
    )  # fmt: skip
    found = {"runs": runs, "eager torch": int((paths.first["out"] != times[0]).sum())}
    for name, library in libraries.items():
        other, ended = call_c(library, seed, runs, 400, 1000, LEVEL, 1)
        found[name] = int(((times[0].numpy() != other) | (rest.numpy() != ended)).sum())
    return found


def measure(rivals: dict[str, Rival], repeats: int, threads: int) -> tuple[dict[Any, np.ndarray], dict[Any, np.ndarray]]:
    """Rates by (rival, exits): steps per wall second on ``threads`` threads, and per CPU second on one; (repeats,) each."""
    rates: tuple[dict[Any, list[float]], dict[Any, list[float]]] = ({}, {})
    for number in range(repeats + 1):
        for exits in (False, True):
            for name, rival in rivals.items():
                wall, _, done = rival(exits, threads)
                _, cpu, _ = rival(exits, 1)
                if number:  # the first round compiles and warms caches
                    rates[0].setdefault((name, exits), []).append(done / wall)
                    rates[1].setdefault((name, exits), []).append(done / cpu)
    return tuple({key: np.array(values) for key, values in one.items()} for one in rates)  # type: ignore[return-value]


def fastest(wall: dict[Any, np.ndarray]) -> dict[str, dict[bool, str]]:
    """The fastest variant of each kind of rival, with and without exits."""
    found: dict[str, dict[bool, str]] = {}
    for name, exits in wall:
        kind = name.split(",")[0] + (", 512-bit" if "512-bit" in name else "")
        best = found.setdefault(kind, {}).setdefault(exits, name)
        if np.median(wall[name, exits]) > np.median(wall[best, exits]):
            found[kind][exits] = name
    return found


def row(kind: str, name: str, exits: bool, wall: dict[Any, np.ndarray], cpu: dict[Any, np.ndarray]) -> dict[str, Any]:
    """Medians of the rates and of the ratios within a round, fused over rival."""
    ratios = [rates["fused", exits] / rates[name, exits] for rates in (wall, cpu)]
    return {
        "rival": kind, "variant": name, "exits": "exit tested" if exits else "no exit",
        "wall_rate": float(np.median(wall[name, exits])), "cpu_rate": float(np.median(cpu[name, exits])),
        "fused_over_rival_wall": float(np.median(ratios[0])), "least": float(ratios[0].min()), "most": float(ratios[0].max()),
        "fused_over_rival_cpu": float(np.median(ratios[1])),
    }  # fmt: skip


def targets(
    rows: list[dict[str, Any]], first: Any, again: Any, table: Any, memory: list[dict[str, Any]], gpu: float | None
) -> dict[str, str]:
    """Each target with what was measured and whether it is met, by the wall clock."""
    found: dict[str, str] = {}
    asked = {"C": (0.8, 0.6), "C, 512-bit": (0.8, 0.6), "eager torch": (40, 40), "JAX": (5, 5)}
    for r in rows:
        if r["rival"] in asked:
            least = asked[r["rival"]][r["exits"] == "exit tested"]
            wall, cpu = r["fused_over_rival_wall"], r["fused_over_rival_cpu"]
            found[f"fused / {r['rival']}, {r['exits']} ≥ {least:g}"] = f"{said(wall >= least)}: {wall:.3g} by wall, {cpu:.3g} by CPU"
    times = {"compile the first time ≤ 6 s": (first["trace_and_compile"], 6), "from the cache ≤ 1 s": (again["trace_and_compile"], 1),
             "Table 3.1 after compilation ≤ 0.2 s": (table["runs"], 0.2)}  # fmt: skip
    for name, (seconds, most) in times.items():
        found[name] = f"{said(seconds['wall'] <= most)}: {seconds['wall']:.3g} s wall, {seconds['cpu']:.3g} s CPU"
    largest = memory[-1]
    reached = "" if largest["runs"] >= 10**9 else f" up to {largest['runs']:,} runs, the most that were tried"
    peak = max(m["peak_mib"] for m in memory)
    found["10⁹ runs in under 1 GiB"] = f"{said(peak < 1024)}{reached}: {peak:.0f} MiB at most"
    found["GPU ≥ 10¹⁰ steps/s"] = "not measured" if gpu is None else f"{said(gpu >= 1e10)}: {gpu:.3g}"
    return found


def said(met: bool) -> str:
    return "met" if met else "NOT met"


COMPILE = f"""
import json, time
import numba, sympy, torch
import dynopt
from dynopt.ensemble.fused import Setting, run_fused
from dynopt.escape.exits import make_exit
from dynopt.escape.saddle import find_saddle
from dynopt.escape.tally import fused_task
def clocked(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {{"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}}
saddle = find_saddle(dynopt.problem("double-well"), None)
exit = make_exit("coordinate(radius={LEVEL})", saddle, {LEVEL})
task, traced = clocked(lambda: fused_task(dynopt.method("{INNA}").numeric(), saddle, [exit])[0])
setting = Setting(0, saddle.point, {SCALE}, [{LEVEL}], 32, 32, [p.reach for p in saddle.places])
_, compiled = clocked(lambda: run_fused(task, setting, 0, 1))
both = {{k: traced[k] + compiled[k] for k in traced}}
print(json.dumps({{"trace_and_compile": both, "trace": traced, "compile": compiled}}))
"""
"""Trace and compile; imports are not counted."""

MEMORY = f"""
import json, resource, time
import dynopt
wall, cpu = time.perf_counter(), time.process_time()
study = dynopt.escape_study("{INNA}", runs={{runs}}, seed={{seed}}, max_steps={{steps}}, linger=0, also=[], engine="fused")
m = study.methods[0]
print(json.dumps({{{{"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "wall": time.perf_counter() - wall,
    "cpu": time.process_time() - cpu, "escaped": m.times[0].escaped, "mean": m.times[0].moments and m.times[0].moments.mean,
    "kolmogorov": m.times[0].kolmogorov}}}}))
"""


def table_3_1(seed: int) -> dict[str, dict[str, float]]:
    """The runs of Table 3.1, 3 × 1,000 of at least 2,000 iterations each, after compilation; and with their laws and statistics."""
    calls = [INNA, "inna(alpha=1, beta=11/10, gamma=1/50)", "gd(gamma=1/50)"]
    saddle, _, out = places()
    tasks = [fused_task(dynopt.method(call).numeric(), saddle, [out])[0] for call in calls]
    setting = Setting(seed, saddle.point, SCALE, [LEVEL], 2000, 2000, [p.reach for p in saddle.places])

    def runs() -> None:
        for task in tasks:
            run_fused(task, setting, 0, 1000)

    def whole() -> None:
        dynopt.escape_study(calls, runs=1000, seed=seed, max_steps=2000, linger=2000, also=[], engine="fused")

    found = {}
    for name, work in (("runs", runs), ("with laws and statistics", whole)):
        work()
        times = np.median([timed(work, 0)[:2] for _ in range(5)], axis=0)
        found[name] = {"wall": float(times[0]), "cpu": float(times[1])}
    return found


def child(code: str, cache: str) -> dict[str, Any]:
    """What the code prints in a new process, as JSON."""
    path = os.pathsep.join([str(Path(dynopt.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = {**os.environ, "DYNOPT_CACHE": cache, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def on_gpu(seed: int, skipped: dict[str, str], runs: int = 10**7, steps: int = 2000) -> float | None:
    """Trajectory-steps per second of the Triton kernel, exit tested; None where there is no GPU."""
    if not torch.cuda.is_available() or importlib.util.find_spec("triton") is None:
        skipped["Triton on a GPU"] = "torch sees no CUDA device" if not torch.cuda.is_available() else "the package triton is missing"
        return None
    saddle, task, _ = places()
    setting = Setting(seed, saddle.point, SCALE, [NEVER], steps, 0, [p.reach for p in saddle.places])
    rates = []
    for _ in range(6):
        torch.cuda.synchronize()
        wall = time.perf_counter()
        run_fused(task, setting, 0, runs, "cuda")
        torch.cuda.synchronize()
        rates.append(runs * steps / (time.perf_counter() - wall))
    return float(np.median(rates[1:]))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def compiler_version() -> str | None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout.splitlines()[0]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def draw(rows: list[dict[str, Any]], threads: int) -> Figure:
    """Bars of trajectory-steps per second, with fused over rival written at their ends."""
    kinds = list(dict.fromkeys(r["rival"] for r in rows))
    figure = Figure(figsize=(9, 0.9 + 0.8 * len(kinds)), layout="constrained")
    axes = figure.subplots()
    styles = {"no exit": (colour(0), None), "exit tested": (colour(1), "//")}
    for j, (exits, (shade, hatch)) in enumerate(styles.items()):
        own = [r for r in rows if r["exits"] == exits]
        heights = [kinds.index(r["rival"]) + 0.38 * (j - 0.5) for r in own]
        bars = axes.barh(heights, [r["wall_rate"] for r in own], 0.36, color=shade, hatch=hatch, edgecolor="white", label=exits)
        ratios = ["" if r["rival"] == "fused" else f"fused is {r['fused_over_rival_wall']:.3g} ×" for r in own]
        axes.bar_label(bars, ratios, padding=4, fontsize="small")
    top = max(r["wall_rate"] for r in rows)
    axes.set(xscale="log", xlim=(min(r["wall_rate"] for r in rows) / 3, top * 5), ylim=(len(kinds) - 0.5, -0.5),
             xlabel=f"trajectory-steps per second, INNA on the double well, float64, {threads} thread{'s' * (threads > 1)}")  # fmt: skip
    axes.set_yticks(range(len(kinds)), ["fused (dynopt)" if k == "fused" else k for k in kinds])
    axes.grid(color="0.92", axis="x")
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
