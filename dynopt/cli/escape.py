"""``dynopt escape METHOD… --problem P --runs N``."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


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
        gaussian, uniform, sphere, or stable (on the stable subspace, where runs stay).
    scale
        Size of the starts' distance from the saddle.
    exit
        What "out" means: coordinate, ball, concave, drop or basin, or a call such as "drop(amount=2)".
    radius
        The length in coordinate, ball and basin.
    also
        Other exits on the same paths, separated by commas, or none; by default all that apply.
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
    out
        The run folder (manifest, data, table, figure); runs/escape by default. An existing one is kept and a number appended.
    json
        Print one JSON document; then a run folder is written only where --out asks for one.
    """
    from dynopt.core.registry import numbers
    from dynopt.errors import Outcome
    from dynopt.escape.study import escape_study
    from dynopt.store.run_folder import working_folder

    place = out or (None if json else Path("runs") / "escape")
    if place is not None:
        with working_folder(place):  # a place that cannot be written is said before the runs, not after
            pass
    with _bar() as progress:
        study = escape_study(
            methods, problem, runs, seed=seed, start=start, scale=scale, exit=exit, radius=radius, also=_exits(also),  # type: ignore[arg-type]
            saddle=None if saddle is None else numbers(saddle, "--saddle"), max_steps=max_steps,  # type: ignore[arg-type]
            device=device, dtype=dtype, engine=engine, noise=noise, progress=progress,
        )  # fmt: skip
    folder = study.save(place) if place is not None else None
    if json:
        from dynopt.cli.output import document

        document({**study.to_dict(), "folder": folder})
    else:
        from dynopt.report.escape import text

        print(text(study, max(100, shutil.get_terminal_size((140, 24)).columns)))
        print(f"\nfigure, table and data: {folder}")
    if study.outcome is Outcome.INTERRUPTED:
        print("dynopt: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    return 0


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
                tasks[method] = bar.add_task(method, total=total)
            bar.update(tasks[method], completed=finished)  # type: ignore[arg-type]

        yield progress
