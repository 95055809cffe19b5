"""``dynopt escape METHOD… --problem P --runs N``; with ``--spec FILE`` or ``--executor`` a campaign that can be resumed."""

from __future__ import annotations

import contextlib
import inspect
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from dynopt.escape.record import EscapeStudy

_NOT_IN_SPEC = ("spec", "executor", "workers", "out", "json")
"""What the command line says beside a specification."""


def run(
    *methods: str,
    problem: str = "double-well",
    runs: float = 1000,
    seed: int = 0,
    start: str = "gaussian",
    scale: float = 1e-12,
    exit: str = "coordinate",
    radius: float = 0.5,
    also: str | None = None,
    saddle: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    max_steps: float | None = None,
    device: str = "cpu",
    dtype: str = "float64",
    engine: str = "auto",
    noise: str | None = None,
    spec: Path | None = None,
    executor: str | None = None,
    workers: int | None = None,
    out: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run methods from random starts beside a strict saddle; compare their escape times with the law.

    Parameters
    ----------
    methods
        Calls such as "inna(alpha=1/2,beta=1,gamma=0.02)", or path/file.py:Name(...).
    problem
        A name, a call such as "quadratic(spectrum=[-8,2])", or path/file.py:Name.
    runs
        Starts for each method; 1e5 is accepted.
    seed
        Run i starts at a point that depends on (seed, i) alone.
    start
        gaussian, uniform (in a cube), sphere, ball, or stable (on the stable subspace, where runs stay).
    scale
        Size of the starts' distance from the saddle.
    exit
        What "out" means: coordinate, ball, concave, hessian, drop, basin or descent, or a call such as "drop(amount=2)".
    radius
        The length in coordinate, ball, basin and descent.
    also
        Other exits on the same paths, separated by commas, or none; by default all that apply, but for hessian and descent.
    saddle
        Coordinates X,Y of the saddle, or 0 for the origin in any dimension; needed where the problem has several.
    max_steps
        Runs still inside then are censored; by default where the law leaves next to none.
    device
        cpu, cuda or cuda:1.
    dtype
        float64 or float32.
    engine
        eager (torch), fused (one compiled kernel, Gaussian starts), or auto: fused where the work is worth a compilation.
    noise
        In the gradients: the size of Gaussian noise, such as 1e-3, or a call: "gaussian(size=1e-3, axes=[1])",
        "periodic(size=1e-3, every=10)", "minibatch(size=32)" for problems that are sums over samples.
    spec
        A TOML file that says all of the above (methods = [...], runs = 1e8, ..., and shard = N); makes a campaign of it.
    executor
        Makes a campaign, done in shards by serial, processes, dask, dask:ADDRESS or mpi; serial by default where --spec is given.
        The same command goes on where an earlier one was stopped.
    workers
        How many processes; by default one for each core, on CUDA one for each GPU.
    out
        The run folder (manifest, data, table, figure); runs/escape by default. An existing one is kept and a number appended;
        that of a campaign, which must be named, is gone on with.
    json
        Print one JSON document; then a run folder is written only where --out asks for one.
    """
    from dynopt.core.registry import numbers

    asked: dict[str, Any] = {
        "methods": methods, "problem": problem, "runs": runs, "seed": seed, "start": start, "scale": scale, "exit": exit, "radius": radius,
        "also": _exits(also), "saddle": None if saddle is None else [float(x) for x in numbers(saddle, "--saddle")], "max_steps": max_steps,
        "device": device, "dtype": dtype, "engine": engine, "noise": noise,
    }  # fmt: skip
    if spec is not None or executor is not None:
        if spec is not None:
            given = locals()
            _only_spec({name: given[name] for name in inspect.signature(run).parameters if name not in _NOT_IN_SPEC})
        return _campaign(asked if spec is None else spec, executor or "serial", workers, out, json)
    return _study(asked, workers, out, json)


def _study(asked: dict[str, Any], workers: int | None, out: Path | None, json: bool) -> int:
    """All runs in this process; the run folder at the end."""
    from dynopt.errors import Misuse, Outcome
    from dynopt.escape.study import escape_study
    from dynopt.store.run_folder import working_folder

    if workers is not None:
        raise Misuse(f"--workers {workers} has no meaning in a study that this process does; add --executor processes --out FOLDER")
    place = out or (None if json else Path("runs") / "escape")
    if place is not None:
        with working_folder(place):  # a place that cannot be written is said before the runs, not after
            pass
    with _bar() as progress:
        study = escape_study(**asked, progress=progress)
    folder = study.save(place) if place is not None else None
    _show(study, study.to_dict(), folder, json)
    if study.outcome is Outcome.INTERRUPTED:
        print("dynopt: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    return 0


def _campaign(asked: dict[str, Any] | Path, executor: str, workers: int | None, out: Path | None, json: bool) -> int:
    """In shards, each written when it is finished."""
    from dynopt.errors import Misuse, Outcome
    from dynopt.escape.campaign import campaign

    if out is None:
        raise Misuse("a campaign needs a folder to be resumed from; name one, as in --out runs/big")
    with _bar() as progress:
        found = campaign(asked, out, executor, workers=workers, progress=progress)
    for name in found.set_aside:
        print(f"dynopt: a shard was damaged, is kept as {found.folder / 'shards' / name} and was done again", file=sys.stderr)
    _show(found.study, found.to_dict(), found.folder, json)
    if not json:
        new = f"{found.finished - found.resumed:,} shards in {found.seconds:.1f} s, {found.cpu_seconds:.1f} s of processor time"
        print(f"{new}; {found.resumed:,} of {found.shards:,} were there")
    if found.outcome is Outcome.INTERRUPTED:
        count = f"{found.finished:,} of {found.shards:,} shards are kept"
        print(f"dynopt: interrupted ({found.reason}); {count}; the same command goes on", file=sys.stderr)
        return 130
    return 0


def _show(study: EscapeStudy, document: dict[str, Any], folder: Path | None, json: bool) -> None:
    if json:
        from dynopt.cli import output

        output.document({**document, "folder": folder})
    else:
        from dynopt.report.escape import text

        print(text(study, max(100, shutil.get_terminal_size((140, 24)).columns)))
        print(f"\nfigure, table and data: {folder}")


def _only_spec(given: dict[str, Any]) -> None:
    """`Misuse` where the command line says something that is the specification's to say."""
    from dynopt.errors import Misuse

    for name, parameter in inspect.signature(run).parameters.items():
        default = () if parameter.kind is parameter.VAR_POSITIONAL else parameter.default
        if name in given and given[name] != default:
            what = "methods are" if name == "methods" else f"--{name.replace('_', '-')} is"
            raise Misuse(f"{what} given beside --spec, which says everything; write it into the file")


def _exits(also: str | None) -> list[str] | None:
    if also is None:
        return None
    return [] if also.strip() == "none" else [word.strip() for word in also.split(",")]


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None] | None]:
    """A progress bar with rate and time left on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:,.0f} runs/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    tasks: dict[str, int] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def progress(method: str, finished: int, total: int) -> None:
            if method not in tasks:
                tasks[method] = bar.add_task(method, total=total, completed=finished)
            bar.update(tasks[method], completed=finished)  # type: ignore[arg-type]

        yield progress
