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


def register(app: App) -> None:
    """The sub-commands."""
    app.command(list_studies, name="list")
    app.command(show)
    app.command(run)
    app.command(copy)


def list_studies(*, json: bool = False) -> int:
    """The studies within reach: those in ./experiments and those that come with dynopt.

    Parameters
    ----------
    json
        One JSON document on stdout.
    """
    from dynopt.study import load_study, studies

    found = [load_study(path) for path in studies().values()]
    if json:
        document({"studies": [{"name": s.name, "title": s.title, "source": s.source, "path": s.path} for s in found]})
        return 0
    width = max((len(s.name) for s in found), default=0)
    print("\n".join(f"{s.name:<{width}}  {s.title} ({s.source})" for s in found) or "no studies; write experiments/NAME/study.py")
    return 0


def show(name: str, /, *, json: bool = False) -> int:
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
    json: bool = False,
) -> int:
    """Run a study and keep it as a run folder with a manifest.

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
    return 130 if done.outcome is Outcome.INTERRUPTED else 0


def copy(name: str, target: Path, /, *, json: bool = False) -> int:
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
