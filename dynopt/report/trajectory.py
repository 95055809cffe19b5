"""A `TrajectoryStudy` as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from dynopt.flow.curves import Curve, Distance, TrajectoryStudy
from dynopt.flow.starts import ManyStarts


def text(study: TrajectoryStudy) -> str:
    """Curves with outcomes and final values, distances with orders, energies that rise, events."""
    start = ", ".join(f"{v:g}" for v in study.start[:8]) + (", …" if len(study.start) > 8 else "")
    blocks = [f"{study.problem.name} from ({start}) over time {study.horizon:g}", _aligned(_CURVES, [_curve(c) for c in study.curves])]
    if study.distances:
        blocks.append(_aligned(_DISTANCES, [_distance(d) for d in study.distances]))
        blocks += [f"  {d.method} and {d.flow}: {d.reason}" for d in study.distances if d.reason]
    assumed = [c.method for c in study.curves if c.statistics.get("time_unit") == "gamma"]
    blocks += [f"  {name} declares no flow: its time step is taken to be gamma" for name in dict.fromkeys(assumed)]
    rising = [(c, e) for c in study.curves for e in c.energies if e.largest_increase > _ROUNDING * float(max(abs(e.values)))]
    blocks += [f"energy {e.name} of {c.method} ({c.kind}) rises by up to {e.largest_increase:.2g}, at t = {e.at:g}" for c, e in rising]
    blocks += [f"{c.method}: {line}" for c in study.curves for line in _events(c)]
    blocks += [f"{c.method}: {name} did not happen" for c in study.curves for name in c.missed]
    blocks += [line for c in study.curves for line in _kinks(c)]
    return "\n".join(blocks)


def ends(study: ManyStarts) -> str:
    """How many starts of each method end at which critical point."""
    rows = []
    for method, end in zip(study.methods, study.ends, strict=True):
        told = end.to_dict()
        places = [(f"{r['kind']} ({', '.join(f'{v + 0.0:.6g}' for v in r['point'])})", r["count"]) for r in told["ends"]]
        places += [("no critical point within the time", told["nowhere"]), ("diverged", told["diverged"])]
        rows += [[method, place, str(count)] for place, count in places if count]
    return f"{study.problem.name}, {len(study.starts)} starts over time {study.horizon:g}\n" + _aligned(
        ("method", "ends at", "starts"), rows
    )


def _kinks(curve: Curve) -> list[str]:
    """What a flow did on a problem with kinks."""
    told = curve.statistics
    if "regularised_eps" in told:
        return [f"{curve.method}: kinks rounded, |h| as sqrt(h^2 + eps^2) with eps = {told['regularised_eps']:g} (solver {told['solver']})"]
    if "selection" not in told:
        return []
    verbs = {"slides": "slides on", "turns": "turns at"}
    modes = [f"{verbs.get(m['what'], m['what'])} {', '.join(m['kinks'])} at t = {m['t']:.6g}" for m in told["modes"]]
    shown = "; ".join(modes[:_MODES]) + (f"; … {len(modes) - _MODES} more" if len(modes) > _MODES else "")
    count = f"{told['mode_switches']} mode switch" + ("" if told["mode_switches"] == 1 else "es")
    lines = [f"{curve.method}: a differential inclusion, {count}" + (f": {shown}" if shown else "")]
    if told["not_unique_at"]:
        places = ", ".join(f"{t:.6g}" for t in told["not_unique_at"][:_MODES])
        lines.append(f"{curve.method}: several solutions continue from t = {places}; the slowest is followed")
    return lines


def _events(curve: Curve) -> list[str]:
    """A line for each event that happened: its times, the first ones where there are many."""
    times: dict[str, list[float]] = {}
    for hit in curve.events:
        times.setdefault(hit.name, []).append(hit.t)
    lines = []
    for name, found in times.items():
        shown = ", ".join(f"{t:.10g}" for t in found[:_TIMES])
        lines.append(f"{name} at t = {shown}" + (f", … ({len(found)} times, last at {found[-1]:.10g})" if len(found) > _TIMES else ""))
    return lines


_TIMES = 6
_ROUNDING = 1e-15  # rises below this share of the largest value are not told; the document has them
_MODES = 6
_CURVES = ("method", "kind", "outcome", "end", "J at the end", "work")
_DISTANCES = ("method", "flow", "max distance", "at t", "last", "order")


def _curve(curve: Curve) -> list[str]:
    work = f"{curve.statistics['nfev']} evaluations" if curve.kind == "flow" else f"{curve.statistics['iterations']} iterations"
    return [
        curve.method, curve.kind if curve.given else f"own {curve.kind}", curve.outcome.value, curve.message,
        f"{curve.values[-1]:.6g}", work,
    ]  # fmt: skip


def _distance(distance: Distance) -> list[str]:
    shown = [
        "no common time" if distance.max is None else f"{distance.max:.4g}",
        "" if distance.at is None else f"{distance.at:.4g}",
        "" if distance.final is None else f"{distance.final:.4g}",
        "not measured" if distance.order is None else f"{distance.order:.3f}",
    ]
    return [distance.method, distance.flow + ("" if distance.own else " (not its own)"), *shown]


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)]
    return "\n" + "\n".join(lines)
