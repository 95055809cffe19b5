"""``dynopt compare METHOD METHOD``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter


def run(
    first: str,
    second: str,
    /,
    *,
    spectrum: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    share: str | None = None,
    free: str | None = None,
    at: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    plane: str | None = None,
    out: str | None = None,
    seconds: float = 5.0,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Print for which parameters and eigenvalues the first method leaves a strict saddle faster than the second.

    With symbols the exact condition, proved by both deciders; with numbers also the exact set of negative
    eigenvalues (or, with --free, of one parameter) where the first is faster.

    Parameters
    ----------
    first
        A name or a call such as "inna(alpha=1/2,beta=1)"; parameters left out stay symbols.
    second
        A name or a call.
    spectrum
        Smallest and largest Hessian eigenvalue A,B; its negative part counts. All negative ones if left out.
    share
        Parameters that are equal in both, as in gamma,momentum, or none; by default all that both have.
    free
        A parameter: for which of its values the first is faster for every eigenvalue in the spectrum.
    at
        Eigenvalues where growths and the ratio of mean escape times are printed, as in -1,-10.
    plane
        Two parameters with their ranges, as in alpha=0:3,beta=0:3; the figure is then their plane at the first
        eigenvalue of --at.
    out
        The figure (.png, .svg or .pdf) with its data beside it (.npz).
    seconds
        Time limit of each question to each decider.
    json
        Print one JSON document.
    """
    from dynopt.core.registry import numbers
    from dynopt.errors import Misuse
    from dynopt.symbolic.faster import compare

    ends = None if spectrum is None else numbers(spectrum, "--spectrum")
    points = [] if at is None else numbers(at, "--at")
    names = None if share is None else [] if share == "none" else [w.strip() for w in share.split(",")]
    if plane is not None and out is None:
        raise Misuse("--plane draws a figure; say where with --out plane.png")
    if out is not None and Path(out).suffix not in (".png", ".svg", ".pdf"):
        raise Misuse(f"--out {out} is no figure; end it in .png, .svg or .pdf")
    found = compare(first, second, spectrum=ends, share=names, free=free, at=points, seconds=seconds)
    written = None if out is None else _draw(first, second, names, found, ends, points, plane, Path(out))
    if json:
        from dynopt.cli.output import document

        document({**found.to_dict(), "proved": found.proved, "figure": written})
    else:
        from dynopt.report.comparison import text

        print(text(found))
        if written:
            print(f"wrote {written} and {Path(written).with_suffix('.npz')}")
    return 0 if found.proved else 1


def _draw(first: str, second: str, share: Any, found: Any, ends: Any, points: Any, plane: str | None, out: Path) -> str:
    import numpy as np

    from dynopt.errors import Misuse
    from dynopt.plot.comparison import growth_figure, plane_figure
    from dynopt.symbolic.comparison import comparison

    pair = comparison(first, second, share)
    if plane is not None:
        if not points:
            raise Misuse("--plane is drawn at one eigenvalue; give it with --at, as in --at -1")
        figure, data = plane_figure(pair, _axes(plane), {"lamda": points[0]})
    else:
        if ends is None or found.intervals is None or found.parameter != "lamda" or not found.ratios:
            raise Misuse("the figure of growths needs a number for every parameter and --spectrum A,B; or draw two parameters with --plane")
        figure, data = growth_figure(pair, found.intervals, float(ends[0]), float(ends[1]))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)
    np.savez(out.with_suffix(".npz"), allow_pickle=False, **data)
    return str(out)


def _axes(plane: str) -> list[tuple[str, float, float]]:
    from dynopt.errors import Misuse

    axes = []
    for part in plane.split(","):
        name, _, span = part.partition("=")
        low, colon, high = span.partition(":")
        try:
            axes.append((name.strip(), float(low), float(high)))
        except ValueError:
            colon = ""
        if not colon:
            raise Misuse(f"--plane {plane!r} is not two ranges; write them as in alpha=0:3,beta=0:3")
    if len(axes) != 2:
        raise Misuse(f"--plane {plane!r} has {len(axes)} ranges; give two, as in alpha=0:3,beta=0:3")
    return axes
