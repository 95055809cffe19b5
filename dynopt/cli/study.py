"""``dynopt study list | show | run | copy``."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from dynopt.cli.output import document

Json = Annotated[bool, Parameter(negative="")]


def register(app: App) -> None:
    """The sub-commands."""
    app.command(list_studies, name="list")
    app.command(show)
    app.command(run)
    app.command(copy)


def list_studies(*, json: Json = False) -> int:
    """The studies within reach: those in ./experiments and those that come with dynopt.

    Parameters
    ----------
    json
        One JSON document on stdout.
    """
    from dynopt.errors import Misuse
    from dynopt.study import load_study, studies

    rows: list[dict[str, Any]] = []
    for name, path in studies().items():
        try:
            study = load_study(path)
            rows.append({"name": name, "title": study.title, "source": study.source, "path": path})
        except Misuse as error:
            rows.append({"name": name, "path": path, "error": str(error)})
    if json:
        document({"studies": rows})
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    lines = [f"{r['name']:<{width}}  {r.get('error') or r['title'] + ' (' + r['source'] + ')'}" for r in rows]
    print("\n".join(lines) or "no studies; write experiments/NAME/study.py")
    return 0


def show(name: str, /, *, json: Json = False) -> int:
    """What a study does, its presets and where its file is.

    Parameters
    ----------
    name
        The study's name, folder or file.
    json
        One JSON document on stdout.
    """
    from dynopt.study import load_study

    study = load_study(name)
    if json:
        document(study)
        return 0
    print(f"{study.name}: {study.title}\n{study.source}\n{study.path}\n\n{study.description}")
    for preset, settings in study.presets.items():
        print(f"\n{preset}")
        print("\n".join(f"  {key} = {value!r}" for key, value in settings.items()))
    return 0


def run(
    name: str,
    /,
    *,
    preset: str = "smoke",
    seed: int = 0,
    out: Path | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    json: Json = False,
) -> int:
    """Run a study and keep it as a run folder with a manifest.

    A study that finds a law broken by its runs says so and ends with exit code 1.

    Parameters
    ----------
    name
        The study's name, folder or file.
    preset
        Whose settings to use: smoke (seconds), paper (as published), or another of the study's.
    seed
        Seed of all random numbers.
    out
        The run folder; runs/NAME-PRESET by default. An existing one is kept and a number appended.
    set_
        A setting to change, as key=value; may be repeated.
    json
        One JSON document on stdout.
    """
    from dynopt.errors import Outcome
    from dynopt.study import parse_settings, run_study

    with _terminable(), contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():
        done = run_study(name, preset=preset, seed=seed, folder=out, settings=parse_settings(set_))
    if json:
        document(done)
    else:
        print("\n".join(_lines(done.summary)) or "no summary")
        print(f"\n{done.outcome}: {done.folder}")
    return 130 if done.outcome is Outcome.INTERRUPTED else int(not done.holds)


def copy(name: str, target: Path, /, *, json: Json = False) -> int:
    """Copy a study to a folder of yours, to change it there and run it by path.

    Parameters
    ----------
    name
        The study's name, folder or file.
    target
        A folder that does not exist yet.
    json
        One JSON document on stdout.
    """
    from dynopt.study import copy_study

    place = copy_study(name, target)
    document({"folder": place}) if json else print(f"copied; run it with: dynopt study run {place}")
    return 0


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """A terminated study keeps what it finished, as an interrupted one does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _lines(summary: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in summary.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines
