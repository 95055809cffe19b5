"""The command line: one thin file a command, imported only when it is called."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from dynopt.errors import Misuse, closest

COMMANDS = {
    "show": "update, flow, mode matrix, characteristic polynomial, conditions, references",
    "bound": "exact set of admissible values of the step-size (or another parameter)",
    "rate": "exact worst-case rate on quadratics, and the best parameters",
    "verify": "prove or refute the statements of claim files",
    "equivalent": "substitutions under which one method is another",
    "compare": "for which parameters one method leaves a strict saddle faster than another",
    "trajectory": "a flow, iterates, and the distance between them",
    "escape": "saddle-escape study against the law",
    "audit": "recover an optimizer's update map and compare it with a method",
    "study": "list, show, run, copy studies",
    "doctor": "versions, device, extras and a three-second self-test",
    "tour": "the three jobs in one minute, and where the figures are",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 the answer is no, 2 misuse."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [w for w in words if w != "--debug"]
    if not words or words[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        print("usage: dynopt COMMAND [--help] [--json] [--debug]\n")
        print("\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()))
        return 0
    if words[0] == "--version":
        from dynopt import __version__

        print(f"dynopt {__version__}")
        return 0
    try:
        if words[0] not in COMMANDS:
            raise Misuse(f"there is no command {words[0]!r}; {closest(words[0], COMMANDS)}")
        with warnings.catch_warnings():
            warnings.showwarning = _say
            return _run(words[0], words[1:])
    except Misuse as error:
        if debug:
            raise
        print(f"dynopt: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        if debug:
            raise
        print("dynopt: interrupted; what was finished is kept", file=sys.stderr)
        return 130


def _say(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None) -> None:
    """A warning as one line, without the place in dynopt that gave it."""
    print(f"dynopt: {message}", file=sys.stderr)


def _run(name: str, words: list[str]) -> int:
    """Parse the words with cyclopts against ``run`` of the command's module; ``run`` returns the exit code."""
    import cyclopts

    command = importlib.import_module(f"dynopt.cli.{name}")
    app = cyclopts.App(
        name=f"dynopt {name}", help=COMMANDS[name], version_flags=[], result_action="return_value", suppress_keyboard_interrupt=False
    )
    if hasattr(command, "register"):
        command.register(app)
    else:
        app.default(command.run)
    try:
        code = app(words, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        raise Misuse(" ".join(str(error).split()).rstrip(".") + f"; see dynopt {name} --help") from error
    return int(code or 0)
