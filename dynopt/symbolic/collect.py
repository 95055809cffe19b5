"""Claim files: found and loaded by path, never imported by name; a bad one is a sentence, not a crash."""

from __future__ import annotations

import hashlib
import linecache
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

from dynopt.errors import Misuse, closest
from dynopt.store.bundled import bundled
from dynopt.symbolic.claims import Check, Claim, Computation, Correction, Derived, Exists, Implication, Verdict
from dynopt.symbolic.foreign import OverTime, foreign
from dynopt.symbolic.formula import fault, names_fault


@dataclass(frozen=True)
class Entry:
    """A claim by its id, and where it was found: ``index`` counts the claims of its file."""

    path: Path
    index: int
    id: str


@dataclass(frozen=True)
class Survey:
    """What loading one file showed.

    Attributes
    ----------
    claims : for each claim its id (or what names it) and why it cannot be judged, the empty string if it can.
    error : why the file cannot be read; it then has no claims.
    seconds : processor time that loading took.
    """

    path: Path
    claims: tuple[tuple[str, str], ...]
    error: str
    seconds: float


def default_paths() -> list[Path]:
    """``analysis/`` of a clone in the working directory, else the one that the wheel carries."""
    for folder in (Path("analysis"), bundled("analysis")):
        if folder is not None and folder.is_dir() and any(map(_speaks_of_claims, claim_files(folder))):
            return [folder]
    raise Misuse("no claim files were found here or in the installation; name a claim file: dynopt verify FILE.py")


def _speaks_of_claims(file: Path) -> bool:
    """A stranger's analysis/ folder holds no claims."""
    return "dynopt.symbolic.claims" in file.read_text(encoding="utf-8", errors="replace")


def claim_files(path: Path) -> Iterator[Path]:
    """The file itself, or the ``*.py`` files of a folder whose names do not start with an underscore."""
    if path.is_dir():
        yield from sorted(p for p in path.glob("*.py") if not p.name.startswith("_"))
    else:
        yield path


def listed(paths: Iterable[str | Path]) -> tuple[list[Path], list[str]]:
    """The claim files of files and folders, each once, and a sentence for a folder without any."""
    files: dict[Path, Path] = {}
    errors: list[str] = []
    for given in map(Path, paths):
        found = list(claim_files(given))
        if not found:
            errors.append(f"the folder {str(given)!r} holds no claim file; name a folder with *.py files that define Claim objects")
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values()), errors


LOADED: dict[Path, list[Claim | Derived]] = {}
"""The claims of the files that this process has surveyed; claims hold functions, so they stay where they were loaded."""


def survey(path: Path) -> Survey:
    """Load a file (again, if it was loaded before) and look at its claims."""
    begun = time.process_time()
    LOADED.pop(path, None)
    try:
        LOADED[path] = claims = claims_of(path)
    except Misuse as error:
        return Survey(path, (), str(error), time.process_time() - begun)
    found = []
    for index, claim in enumerate(claims):
        found.append((claim.id if isinstance(claim.id, str) else f"number {index + 1}", _fault(claim)))
    return Survey(path, tuple(found), "", time.process_time() - begun)


def _fault(claim: Claim | Derived) -> str:
    try:
        return claim_fault(claim)
    except Exception as error:  # a file may put anything into a claim, even what cannot be printed
        return f"it cannot be read ({type(error).__name__}); write its texts as str and its formulas in SymPy"


def claim_at(path: Path, index: int) -> Claim:
    """A claim of a file that this process has surveyed; what the file left to be derived is derived, and may be `Misuse`."""
    found = LOADED[path][index]
    if isinstance(found, Claim):
        return found
    with _code_of(path):
        claim = found.derive()
    problem = _fault(claim) if isinstance(claim, Claim) else f"its function gives {type(claim).__name__}; return a Claim"
    if not problem and claim.id != found.id:
        problem = f"its function gives the claim {claim.id!r}; use one id"
    if problem:
        raise Misuse(f"{path}: claim {found.id!r}: {problem}")
    return claim


def entries_of(surveys: Iterable[Survey]) -> tuple[list[Entry], list[str]]:
    """All sound claims, and one sentence for everything that is not sound."""
    entries: dict[str, Entry] = {}
    errors: list[str] = []
    for found in surveys:
        if found.error:
            errors.append(found.error)
        for index, (name, problem) in enumerate(found.claims):
            if problem:
                shown = name if name == f"number {index + 1}" else repr(name)
                errors.append(f"{found.path}: claim {shown}: {problem}")
            elif name in entries:
                other = entries[name].path
                used = "twice" if other == found.path else f"already in {other}"
                errors.append(f"{found.path}: the id {name!r} is used {used}; give every claim its own id")
            else:
                entries[name] = Entry(found.path, index, name)
    return list(entries.values()), errors


def collect(paths: Iterable[str | Path]) -> tuple[list[Claim], list[str]]:
    """All sound claims of files and folders, and one sentence for everything that is not sound."""
    files, missing = listed(paths)
    entries, errors = entries_of(map(survey, files))
    return [claim_at(e.path, e.index) for e in entries], missing + errors


def selected(entries: Sequence[Entry], patterns: Iterable[str]) -> list[Entry]:
    """The entries whose id is one of the patterns (``t3-*``); an unknown one is `Misuse`."""
    wanted = [p for pattern in patterns for p in pattern.split(",") if p]
    ids = [entry.id for entry in entries]
    for pattern in wanted:
        if not any(fnmatchcase(i, pattern) for i in ids):
            raise Misuse(f"no claim is called {pattern!r}; {closest(pattern, ids)}")
    return [entry for entry in entries if any(fnmatchcase(entry.id, p) for p in wanted)]


def claims_of(path: Path) -> list[Claim | Derived]:
    """The module-level claims of one file, alone or in lists and tuples, in the order of definition."""
    found: dict[int, Claim | Derived] = {}
    for name, value in vars(_load(path)).items():
        if name.startswith("__"):
            continue
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, (Claim, Derived)):
                found[id(item)] = item
    if not found:
        raise Misuse(f"{path} defines no Claim; write one as `from dynopt.symbolic.claims import Claim` shows in its help")
    return list(found.values())


def _load(path: Path) -> ModuleType:
    if not path.exists():
        raise Misuse(f"there is no file {str(path)!r}; check the path")
    if path.suffix != ".py":
        raise Misuse(f"{str(path)!r} is not a Python file; a claim file ends in .py")
    alias = f"dynopt_claims_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    module = ModuleType(alias)
    module.__file__ = str(path)
    sys.modules[alias] = module  # dataclasses and pickling look a class's module up by its name
    linecache.checkcache(str(path))
    try:
        # compiled here rather than by the loader: an edited file of the same second and size must not come from a cache
        with _code_of(path):
            exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except Misuse:
        del sys.modules[alias]
        raise
    return module


@contextmanager
def _code_of(path: Path) -> Iterator[None]:
    """Code of a claim file is run: whatever it raises becomes one sentence."""
    try:
        with foreign():
            yield
    except KeyboardInterrupt:
        raise
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise Misuse(f"{path} is not Python ({where}{error.msg}); correct the file") from error
    except OverTime as error:
        line = _line_in(path, error)
        raise Misuse(f"{path}{line} is {error}; move long work into the functions of a Computation or of a Derived") from error
    except BaseException as error:
        line = _line_in(path, error)
        raise Misuse(f"{path}{line} raises {type(error).__name__} ({_one_line(error)}); correct the file") from error


def _line_in(path: Path, error: BaseException) -> str:
    """The innermost line of the file itself on the error's way."""
    line, step = None, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(path):
            line = step.tb_lineno
        step = step.tb_next
    return f", line {line}," if line else ""


def claim_fault(claim: Claim | Derived) -> str:
    """Why a claim cannot be judged, or the empty string."""
    if isinstance(claim, Derived):
        return "" if isinstance(claim.id, str) and claim.id.strip() and callable(claim.derive) else "give Derived an id and a function"
    for name in ("id", "source", "statement"):
        if not isinstance(getattr(claim, name), str) or not getattr(claim, name).strip():
            return f"{name} is {getattr(claim, name)!r}; write a text"
    if claim.expected is not None and claim.expected not in list(Verdict):
        return f"expected is {claim.expected!r}, not a verdict; {closest(str(claim.expected), list(Verdict))}"
    if claim.expected == Verdict.NOT_CHECKABLE and not claim.remark.strip():
        return "it is expected to be not-checkable without a reason; say why in remark"
    if not claim.checks and claim.expected != Verdict.NOT_CHECKABLE:
        return "checks is empty; give at least one Implication, Exists or Computation"
    problem = _checks_fault("checks", claim.checks) or _checks_fault("needed", claim.needed)
    if problem:
        return problem
    if claim.correction is not None:
        if not isinstance(claim.correction, Correction) or not claim.correction.checks:
            return "correction is not a Correction with checks; write Correction(statement=..., checks=[...])"
        problem = _checks_fault("correction.checks", claim.correction.checks)
    if claim.extra is not None:
        problem = problem or (f"extra: {fault(claim.extra)}" if fault(claim.extra) else "")
        if not claim.needed:
            problem = problem or "extra is given without needed; give the checks that prove the extra hypothesis necessary"
    return problem


def _checks_fault(where: str, checks: Any) -> str:
    if not isinstance(checks, Sequence) or isinstance(checks, str):
        return f"{where} is {type(checks).__name__}; write a list of Implication, Exists or Computation"
    for position, check in enumerate(checks):
        problem = _check_fault(check)
        if problem:
            name = getattr(check, "part", "") or f"{where}[{position}]"
            return f"{name}: {problem}"
    return ""


def _check_fault(check: Check) -> str:
    if isinstance(check, Computation):
        functions = list(check.methods.values()) if isinstance(check.methods, Mapping) else []
        if len(functions) < 2 or not all(map(callable, functions)):
            return "methods are not two or more functions; give at least two independent ones, {name: function without arguments}"
        return ""
    if isinstance(check, Implication):
        name, listed, rest = "given", check.given, {"then": check.then}
    elif isinstance(check, Exists):
        name, listed, rest = "such_that", check.such_that, {}
    else:
        return f"{check!r} is not a check; write Implication, Exists or Computation"
    if not isinstance(listed, (list, tuple)):
        return f"{name} is {type(listed).__name__}; write a list of formulas"
    formulas = {f"{name}[{i}]": f for i, f in enumerate(listed)} | rest
    return next((f"{at}: {fault(f)}" for at, f in formulas.items() if fault(f)), "") or names_fault(formulas.values())


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "..."
