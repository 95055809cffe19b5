"""``dynopt trajectory METHOD… --problem P``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Annotated, Any

from cyclopts import Parameter


def run(
    *methods: str,
    problem: str,
    start: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    starts: str | None = None,
    seed: int = 0,
    horizon: float | None = None,
    out: str | None = None,
    solver: str = "DOP853",
    rtol: float = 1e-10,
    atol: float = 1e-12,
    events: Annotated[list[str] | None, Parameter(negative="")] = None,
    levels: int = 3,
    order: str | None = None,
    panel: str = "gap",
    max_evaluations: int | None = None,
    max_steps: int | None = None,
    regularise: float | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Draw flows and iterates from one start and measure the distance between them.

    An algorithm is compared with the flow that it discretises if that is given, otherwise with every
    flow given; if none is given, its own flow is added.  The order says how the distance falls with the time step (the flow held fixed).
    Divergence, blow-up and spent budgets are outcomes in the table, not errors.

    Parameters
    ----------
    methods
        Calls such as "din(alpha=2, beta=0.1)" or "inna(gamma=0.01)", or path/file.py:Name(...).
    problem
        A name, a call such as "quadratic(spectrum=[1,10])", or path/file.py:Name.
    start
        The start X,Y,…; the problem's own if left out.
    starts
        Many starts in place of one: how many to draw at random around the critical points, or a file of rows
        X,Y.  The picture has a landscape for each method and tells how many starts end at which critical point.
    seed
        Of the random starts.
    horizon
        Duration in the flow's time; 50 with --starts, otherwise 20, or the time of 2000 iterations if that is less.
    out
        The figure (.png, .svg or .pdf) or its animation (.gif, or .html: a page with a time slider) with
        the data beside it (.npz), or a folder for a whole run (no suffix); trajectory.png if left out,
        nothing with --json alone.
    solver
        RK23, RK45, DOP853 (explicit), Radau, BDF (implicit, for stiff flows), LSODA (switching), or auto:
        DOP853, or LSODA where the flow is stiff.
    rtol
        Relative tolerance per step.
    atol
        Absolute tolerance per step.
    events
        Events to find along flows, each a call; repeat the option for several:
        "entering-ball(center=[0,0], radius=0.1, terminal=yes)", leaving-ball, leaving-box(lower=…, upper=…),
        "objective-level(level=0.01)", "energy-level(name=E, level=0.01)", "zero-velocity(speed=1e-6)",
        "turning-point(coordinate=1)", "steady(tolerance=1e-8)" (stops at rest and tells the critical point).
    levels
        Number of step-sizes h, h/2, h/4, … for the order.
    order
        Orders of modified flows to add for each algorithm, such as 1,2,3 (at most 4): flows that its iterates follow to that order.
    panel
        Third panel of the figure: gap (J minus its minimum) or energy.
    max_evaluations
        Budget of field evaluations per flow.
    max_steps
        Budget of iterations per run.
    regularise
        On a problem with kinks flows are differential inclusions, followed from kink to kink; this
        width EPS > 0 rounds every |h| to sqrt(h^2 + EPS^2) for the flows instead.
    json
        Print one JSON document.
    """
    from dynopt.core.registry import numbers, whole_numbers
    from dynopt.errors import Misuse
    from dynopt.flow.curves import check_target
    from dynopt.flow.trajectory import trajectory

    target = out if out is not None or json else "trajectory.png"
    if target is not None:
        check_target(target)
    budgets = {name: value for name, value in (("max_evaluations", max_evaluations), ("max_steps", max_steps)) if value is not None}
    point: Any = None if start is None else numbers(start, "--start")
    if starts is not None:
        if events or regularise is not None or solver != "DOP853":
            raise Misuse("--events, --regularise and --solver are for one start; leave them out with --starts")
        return _many(methods, problem, starts, seed, point, horizon, target, json)
    with _working():
        study = trajectory(
            list(methods), problem, point, horizon, solver=solver, rtol=rtol, atol=atol, events=events or (), levels=levels,
            regularise=regularise, orders=whole_numbers(order or "", "--order"), **budgets,
        )  # fmt: skip
        written = None if target is None else study.save(target, panel=panel)
    if json:
        from dynopt.cli.output import document

        document({**study.to_dict(), "figure": written and str(written)})
    else:
        from dynopt.report.trajectory import text

        print(text(study))
        print(f"\nwrote {written}" + ("" if written is None or written.is_dir() else f" and {written.with_suffix('.npz')}"))
    return 0


def _many(
    methods: tuple[str, ...], problem: str, starts: str, seed: int, point: Any, horizon: float | None, target: str | None, json: bool
) -> int:
    """Many starts: table or document of how many end where, and the picture."""
    from dynopt.core.registry import problem as named
    from dynopt.flow.starts import draw_starts, many_starts, read_starts

    objective = named(problem)
    rows = draw_starts(objective, int(starts), seed, point) if starts.lstrip("-").isdigit() else read_starts(starts)
    with _working():
        study = many_starts(methods, objective, rows, horizon)
        written = None if target is None else study.save(target)
    if json:
        from dynopt.cli.output import document

        document({**study.to_dict(), "seed": seed if starts.isdigit() else None, "figure": written and str(written)})
    else:
        from dynopt.report.trajectory import ends

        print(ends(study))
        print(f"\nwrote {written} and {written.with_suffix('.npz')}" if written else "")
    return 0


def _working() -> Any:
    """A spinner on stderr while it runs, on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status("integrating")
