"""What the `trajectory` job returns: curves, distances, and the study that holds, draws and saves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dynopt.core.problem import Problem
from dynopt.core.result import Result, plain
from dynopt.errors import Misuse, Outcome
from dynopt.flow.compare import Gap, slopes
from dynopt.flow.energy import Energy
from dynopt.flow.events import Hit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STILL = (".png", ".svg", ".pdf")
FIGURES = (*STILL, ".gif", ".html")


@dataclass(frozen=True, eq=False)
class Curve(Result):
    """One trajectory.

    Attributes
    ----------
    method : the method as it was called.
    kind : ``flow`` or ``iterates``.
    given : False for a flow that was added because an algorithm discretises it.
    t, points, values : times ``(m,)``, θ ``(m, n)`` and J(θ) ``(m,)``.
    outcome, message, failed_at : how it ended; the iteration at which a run diverged.
    energies, events, statistics : what the flow declares; what happened; the solver's counts.
    missed : names of the events that did not happen.
    """

    method: str
    kind: str
    given: bool
    t: np.ndarray
    points: np.ndarray
    values: np.ndarray
    outcome: Outcome
    message: str
    failed_at: int | None = None
    energies: tuple[Energy, ...] = ()
    events: tuple[Hit, ...] = ()
    statistics: dict[str, Any] = field(default_factory=dict)
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Distance(Result):
    """‖θ_k − θ(t_k)‖ between an algorithm and a flow.

    Attributes
    ----------
    method, flow : the two curves.
    own : whether the flow is the one that the method discretises, or a modified flow of it; otherwise
        the distance has no reason to vanish with the step.
    max, at, final : the largest distance, its time, and the last distance; None when they share no time.
    order : slope of log max against log time step (`dynopt.flow.compare.order`), None with a ``reason`` otherwise.
    gaps : the distance over time, for the asked step first and then the refined ones.
    """

    method: str
    flow: str
    own: bool
    max: float | None
    at: float | None
    final: float | None
    order: float | None
    reason: str
    gaps: tuple[Gap, ...]

    def to_dict(self) -> dict[str, Any]:
        names = ("method", "flow", "own", "max", "at", "final", "order", "reason")
        document = {name: plain(getattr(self, name)) for name in names}
        levels = [{"step": g.step, "max": g.max if g.values.size else None} for g in self.gaps]
        curve = {"t": self.gaps[0].t, "values": self.gaps[0].values}
        return {**document, **plain({"levels": levels, "slopes": slopes(self.gaps), **curve})}


@dataclass(frozen=True, eq=False)
class TrajectoryStudy(Result):
    """What `trajectory` found; `figure` draws it, `save` keeps it.

    Attributes
    ----------
    problem : the objective.
    start : θ₀, shape ``(n,)``.
    horizon : the duration.
    curves, distances : see `Curve` and `Distance`.
    settings, versions : what it takes to repeat it.
    """

    problem: Problem
    start: np.ndarray
    horizon: float
    curves: tuple[Curve, ...]
    distances: tuple[Distance, ...]
    settings: dict[str, Any]
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "problem": self.problem.name}

    def arrays(self) -> dict[str, np.ndarray]:
        """Every number behind the figure by name: ``curve0_t``, ``curve0_theta``, …, ``distance0_level1_values``.

        ``curves`` lists what the numbers 0, 1, … stand for.
        """
        names = np.array([f"{c.method} ({c.kind})" for c in self.curves])
        found: dict[str, np.ndarray] = {"start": self.start, "curves": names}
        for i, c in enumerate(self.curves):
            found |= {f"curve{i}_t": c.t, f"curve{i}_theta": c.points, f"curve{i}_value": c.values}
            found |= {f"curve{i}_energy_{j}": e.values for j, e in enumerate(c.energies)}
        for i, d in enumerate(self.distances):
            for level, g in enumerate(d.gaps):
                found |= {f"distance{i}_level{level}_t": g.t, f"distance{i}_level{level}_values": g.values}
        return found

    def figure(self, panel: str = "gap") -> Figure:
        """The picture: landscape with flows as lines and iterates as dots, distance over time, and the third ``panel``.

        ``panel`` is ``gap`` (J minus its minimum) or ``energy`` (the energies that the flows declare).
        """
        from dynopt.plot.trajectory import trajectory_figure

        return trajectory_figure(self, panel)

    def save(self, target: str | Path, panel: str = "gap") -> Path:
        """Keep it, and return the path.

        A ``target`` ending in .png, .svg or .pdf is the figure, in .gif or .html its animation (the page
        has a time slider), with the numbers behind it beside it (.npz); without a suffix it is a run
        folder (manifest, result.json, arrays.npz, trajectory.png).
        """
        target = check_target(target)
        if target.suffix:
            return write_figure(target, lambda path: self._draw(path, panel), self.arrays())
        from dynopt.store.run_folder import save_run

        spec = {**self.settings, "problem": self.problem.name, "start": self.start, "horizon": self.horizon}
        return save_run(target, spec=spec, result=self, arrays=self.arrays(), figures={"trajectory": self.figure(panel)})

    def _draw(self, path: Path, panel: str) -> None:
        from dynopt.plot.animation import KINDS, write_animation

        if path.suffix.lower() in KINDS:
            write_animation(self, path, panel)
        else:
            self.figure(panel).savefig(path, dpi=150)


def check_target(target: str | Path) -> Path:
    """The path, if it can be saved to: a figure of a known kind in a folder that exists, or a run folder."""
    target = Path(target)
    if target.suffix and target.suffix.lower() not in FIGURES:
        raise Misuse(f"{str(target)!r} does not end in {', '.join(FIGURES)}; choose one of them, or a name without suffix for a run folder")
    if target.suffix and (not target.absolute().parent.is_dir() or target.is_dir()):
        raise Misuse(f"{str(target)!r} cannot be written; name a file in a folder that exists")
    return target


def write_figure(target: Path, draw: Callable[[Path], Any], arrays: dict[str, np.ndarray]) -> Path:
    """The figure by ``draw`` and its numbers beside it (.npz), under temporary names first, so that neither is ever half-written."""
    data = target.with_suffix(".npz")
    halves = [p.with_name(f".{p.stem}.partial{p.suffix}") for p in (target, data)]
    try:
        draw(halves[0])
        np.savez_compressed(halves[1], **arrays)  # type: ignore[arg-type]
        for half, whole in zip(halves, (target, data), strict=True):
            half.replace(whole)
    except OSError as error:
        raise Misuse(f"{str(target)!r} cannot be written ({error.strerror}); choose a folder that you may write") from None
    finally:
        for half in halves:
            half.unlink(missing_ok=True)
    return target
