"""The specification of an escape campaign: the words of `escape_study`, as a TOML file or a mapping.

methods = ["inna(alpha=1/2, beta=1, gamma=0.02)", "gd(gamma=0.02)"]
problem = "double-well"
runs = 1e8
seed = 1
also = ["ball", "concave"]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dynopt.errors import Misuse, closest
from dynopt.escape.plan import Plan, make_plan
from dynopt.store.run_folder import sha256


class EscapeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a campaign is asked: plain data, from which every process makes the same plan.

    Attributes
    ----------
    methods : calls such as ``"inna(gamma=0.02)"``.
    problem, runs, seed, start, scale, exit, radius, also, saddle, max_steps, linger, device, dtype, engine, noise :
        as in `dynopt.escape_study`; whole numbers may be written like 1e8.
    shard : runs of one method that are done, written and resumed together; by default a few seconds' work.
    """

    methods: tuple[str, ...]
    problem: str = "double-well"
    runs: int | float = 1000
    seed: int = 0
    start: str = "gaussian"
    scale: float = 1e-12
    exit: str = "coordinate"
    radius: float = 0.5
    also: tuple[str, ...] | None = None
    saddle: tuple[float, ...] | None = None
    max_steps: int | float | None = None
    linger: int | float | None = None
    device: str = "cpu"
    dtype: str = "float64"
    engine: str = "auto"
    noise: str | int | float | None = None
    shard: int | float | None = None

    def plan(self, laws: bool = True) -> Plan:
        """Check everything and resolve it; `Misuse` as in `escape_study`."""
        asked = msgspec.structs.asdict(self)
        del asked["shard"]
        return make_plan(**asked, laws=laws)

    def resolved(self, plan: Plan) -> EscapeSpec:
        """The same with the horizon that the law suggested and with absolute paths: all that a worker needs."""
        return msgspec.structs.replace(
            self, methods=tuple(map(_absolute, self.methods)), problem=_absolute(self.problem),
            max_steps=plan.max_steps, linger=plan.linger,
        )  # fmt: skip

    def sources(self) -> dict[str, str]:
        """SHA-256 of the files that methods and problem are defined in, by the text that names them."""
        named = {text: _file(text) for text in (*self.methods, self.problem)}
        return {text: sha256(path) for text, path in named.items() if path is not None}


def read_spec(source: EscapeSpec | Mapping[str, Any] | str | Path) -> EscapeSpec:
    """A specification from a TOML file or a mapping.

    Raises
    ------
    Misuse : the file cannot be read or is not TOML, a key is unknown or missing, a value has another type;
        the sentence names the place as ``$.key``.

    Examples
    --------
    >>> read_spec({"methods": ["gd(gamma=0.02)"], "runs": 1e8}).runs
    100000000.0
    >>> read_spec({"methods": ["gd(gamma=0.02)"], "run": 5})
    Traceback (most recent call last):
    dynopt.errors.Misuse: the specification has the unknown key $.run; did you mean runs?
    """
    if isinstance(source, EscapeSpec):
        return source
    name = "the specification" if isinstance(source, Mapping) else str(source)
    try:
        if isinstance(source, Mapping):
            return msgspec.convert(dict(source), EscapeSpec)
        return msgspec.toml.decode(Path(source).read_bytes(), type=EscapeSpec)
    except OSError as error:
        raise Misuse(f"{name!r} cannot be read ({error.strerror}); name a TOML file") from None
    except msgspec.ValidationError as error:
        raise Misuse(f"{name} {_sentence(str(error))}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misuse(f"{name} is not TOML ({error}); write lines such as runs = 1e8") from None


def _sentence(said: str) -> str:
    """What was wrong and where, from msgspec's words."""
    known = EscapeSpec.__struct_fields__
    if found := re.match(r"Object contains unknown field `(.*?)`", said):
        return f"has the unknown key $.{found[1]}; {closest(found[1], known)}"
    if found := re.match(r"Object missing required field `(.*?)`", said):
        return f'lacks $.{found[1]}; write a line such as {found[1]} = ["gd(gamma=0.02)"]'
    what, _, where = said.partition(" - at ")
    words = re.sub(r"^Expected", "expected", what).replace("`", "")
    return f"has a value of another type at {where.strip('`') or '$'}: {words}; correct it"


def _file(text: str) -> Path | None:
    """The file in ``path/file.py:Name(…)``, or None."""
    path, colon, _ = text.partition("(")[0].rpartition(":")
    return Path(path).absolute() if colon and path.endswith(".py") else None


def _absolute(text: str) -> str:
    path = _file(text)
    return text if path is None else f"{path}{text[text.index('.py:') + 3 :]}"
