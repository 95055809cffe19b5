"""Studies: finds, loads by path and runs the experiments that live outside the package.

A study is a folder with a file ``study.py`` that defines

* ``TITLE`` and ``SOURCE``: one line each;
* ``PRESETS``: settings by name, at least ``smoke`` (under 20 s) and ``paper`` (as published);
* ``run(*, folder, seed, **settings) -> dict``: writes its arrays, tables and figures into ``folder``
  and returns a summary; ``"holds": False`` in it says that a law that must hold was broken (exit code 1).

A run ends as a run folder (`dynopt.store.run_folder`), also when it was interrupted: what the study
had written by then is kept, with the outcome ``interrupted`` in the manifest.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from dynopt.core.result import Result, plain
from dynopt.errors import Misuse, Outcome, closest
from dynopt.store.bundled import bundled
from dynopt.store.run_folder import seal, working_folder, write_json


@dataclass(frozen=True)
class Study(Result):
    """A loaded study.

    Attributes
    ----------
    name : the name of its folder.
    title, source : what it does and what it reproduces.
    presets : settings by preset.
    path : its ``study.py``.
    function : its ``run``.
    description : the docstring of the file.
    """

    name: str
    title: str
    source: str
    presets: dict[str, dict[str, Any]]
    path: Path
    function: Callable[..., Any]
    description: str

    def to_dict(self) -> dict[str, Any]:
        document = super().to_dict()
        del document["function"]
        return document

    def settings(self, preset: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The preset's settings with some changed; `Misuse` for an unknown preset or key, or a value of another type."""
        if preset not in self.presets:
            raise Misuse(f"study {self.name!r} has no preset {preset!r}; {closest(preset, self.presets)}")
        settings = dict(self.presets[preset])
        for key, value in changes.items():
            if key not in settings:
                raise Misuse(f"study {self.name!r} has no setting {key!r}; {closest(key, settings)}")
            settings[key] = _fitting(self.name, key, value, settings[key])
        return settings


@dataclass(frozen=True)
class StudyRun(Result):
    """A finished (or interrupted) run of a study: its summary and the run folder."""

    study: str
    preset: str
    seed: int
    settings: dict[str, Any]
    outcome: Outcome
    folder: Path
    summary: dict[str, Any]

    @property
    def holds(self) -> bool:
        """False when the summary says that a law that must hold was broken."""
        return self.summary.get("holds") is not False


def studies() -> dict[str, Path]:
    """The studies within reach by name: those in ``experiments/`` here, then those that come with dynopt."""
    found: dict[str, Path] = {}
    for folder in (Path("experiments"), bundled("experiments")):
        for path in sorted(folder.glob("*/study.py")) if folder else ():
            found.setdefault(path.parent.name, path.resolve())
    return found


def load_study(name: str | Path) -> Study:
    """The study of that name, or in that folder or file; `Misuse` says what a file lacks to be a study."""
    path = _find(str(name))
    module = _module(path)
    lacking = [n for n in ("TITLE", "SOURCE", "PRESETS", "run") if not hasattr(module, n)]
    if lacking:
        raise Misuse(f"{path} does not define {', '.join(lacking)}; a study defines TITLE, SOURCE, PRESETS and run")
    presets = module.PRESETS
    if not {"smoke", "paper"} <= set(presets):
        raise Misuse(f"{path} has the presets {', '.join(presets) or 'none'}; a study has at least smoke and paper")
    _accepts(path, module.run, presets)
    described = inspect.cleandoc(module.__doc__ or "")
    return Study(path.parent.name, module.TITLE, module.SOURCE, presets, path, module.run, described)


def run_study(
    study: str | Path | Study,
    *,
    preset: str = "smoke",
    seed: int = 0,
    folder: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> StudyRun:
    """Run a study and keep it as a run folder.

    Parameters
    ----------
    study : a name from `studies`, a folder, a file, or a loaded study.
    preset : whose settings to start from.
    seed : the seed handed to the study, at least 0.
    folder : where the run folder goes; ``runs/NAME-PRESET`` by default, numbered if that exists.
    settings : values that replace those of the preset.

    Raises
    ------
    Misuse : an unknown study, preset or setting (nothing is written then); or the study failed, in
        which case what it had written is kept and the sentence says where.
    """
    study = study if isinstance(study, Study) else load_study(study)
    chosen = study.settings(preset, settings or {})
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise Misuse(f"seed={seed!r} is not a whole number of at least 0; give one such as --seed 0")
    target = Path(folder) if folder is not None else Path("runs") / f"{study.name}-{preset}"
    spec = {"study": study.name, "preset": preset, "settings": chosen, "device": chosen.get("device")}
    with working_folder(target) as work:
        summary, outcome, failure = _execute(study, work, seed, chosen)
        write_json(work / "result.json", summary)
        shutil.copyfile(study.path, work / "study.py")
        facts = {"error": f"{type(failure).__name__}: {failure}"} if failure else {}
        place = seal(work, target, spec=spec, seed=seed, outcome=outcome, **facts)
    if failure is not None:
        raise Misuse(f"study {study.name!r} failed ({facts['error']}); what it had finished is in {place}") from failure
    return StudyRun(study.name, preset, seed, chosen, outcome, place, summary)


def copy_study(name: str | Path, target: str | Path) -> Path:
    """Copy a study's folder to ``target``, to be changed there and run by path; an existing target is `Misuse`."""
    source, target = load_study(name).path.parent, Path(target)
    if target.exists():
        raise Misuse(f"{str(target)!r} exists; name a folder that does not")
    with working_folder(target) as work:
        shutil.copytree(source, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        work.rename(target)
    return target


def parse_settings(assignments: Iterable[str]) -> dict[str, Any]:
    """Settings from ``key=value`` words; values are numbers, lists, true, false or words, never evaluated.

    >>> parse_settings(["runs=1000", "gamma=0.02", "device=cuda", "methods=['gd(gamma=0.1)']"])
    {'runs': 1000, 'gamma': 0.02, 'device': 'cuda', 'methods': ['gd(gamma=0.1)']}
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise Misuse(f"{assignment!r} is not a setting; write key=value, as in --set runs=1000")
        words = {"true": True, "false": False, "none": None}
        try:
            value = words[text.lower()] if text.lower() in words else ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        settings[key.strip()] = value
    return settings


def _find(name: str) -> Path:
    known = studies()
    if name in known:
        return known[name]
    path = Path(name)
    if path.is_dir():
        path = path / "study.py"
    if path.is_file() and path.suffix == ".py":
        return path.resolve()
    if "/" in name or name.endswith(".py"):
        raise Misuse(f"there is no study at {name!r}; name a folder with a study.py, or that file")
    raise Misuse(f"there is no study {name!r}; {closest(name, known)} (or write the path of a study.py)")


def _module(path: Path) -> ModuleType:
    alias = f"dynopt_study_{path.parent.name}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(alias, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module  # dataclasses and pickled workers look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[alias]
        raise Misuse(f"{path} cannot be loaded ({type(error).__name__}: {error}); correct the file") from error
    return module


def _accepts(path: Path, function: Any, presets: Mapping[str, Mapping[str, Any]]) -> None:
    for preset, settings in presets.items():
        try:
            inspect.signature(function).bind(folder=path, seed=0, **settings)
        except (TypeError, ValueError) as error:
            raise Misuse(f"{path}: run does not take the settings of preset {preset!r} ({error}); make the two agree") from None


def _fitting(study: str, key: str, value: Any, default: Any) -> Any:
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, list) and isinstance(value, tuple):
        return list(value)
    if default is not None and type(value) is not type(default):
        raise Misuse(f"study {study!r}: {key}={value!r} is not of the kind of the preset's {default!r}; give a value like that one")
    return value


def _execute(study: Study, work: Path, seed: int, settings: dict[str, Any]) -> tuple[dict[str, Any], Outcome, Exception | None]:
    try:
        summary = study.function(folder=work, seed=seed, **settings)
    except KeyboardInterrupt:
        return {}, Outcome.INTERRUPTED, None
    except Misuse:
        raise
    except Exception as error:
        if not any(work.iterdir()):
            cause = f"{type(error).__name__}: {error}"
            raise Misuse(f"study {study.name!r} failed before it wrote anything ({cause}); --debug shows where") from error
        return {}, Outcome.INTERRUPTED, error
    return plain(dict(summary)), Outcome.DONE, None
