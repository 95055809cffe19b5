"""Fused steps against torch's own fused optimizers, and Step-Tuned SGD's epoch against SGD's.

Steps: a tensor of ``numbers`` float32 elements and the parameters of ResNet-20 (269,722 numbers in 59 tensors),
gradients given once.  INNA touches five arrays (reads θ, ψ, ∇J, writes θ, ψ), as SGD with momentum does, and
Adam seven.  ``fused`` is one compiled pass, ``carrier`` the arithmetic of the definition on lists of tensors.

Epochs: LeNet (62,006 parameters) and ResNet-20 on random images of CIFAR-10's shape.  Step-Tuned SGD evaluates
two gradients on each mini-batch; SGD takes two steps on each, so that both evaluate equally many.

* The rivals alternate in ``repeats`` rounds, after ``warm`` untimed steps of each.  A ratio compares two times of
  one round; medians over the rounds and their quartiles are reported.
* Two clocks: wall time, which the targets are about on a quiet machine, and CPU time of the process, which other
  programs disturb less (with several threads, waiting ones may spin meanwhile).
"""

from __future__ import annotations

import csv
import itertools
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from dynopt import optim
from dynopt.plot.palette import colour

TITLE = "Fused optimizer steps against torch's, and Step-Tuned SGD's epoch against SGD's"
SOURCE = "issue 6, speed; Table 2 of Step-Tuned SGD (Castera, Bolte, Févotte, Pauwels 2022) for the epochs"
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "numbers": 10**6, "calls": 2, "list_calls": 20, "repeats": 5, "warm": 2, "threads": 1, "batches": 2, "batch": 32, "epochs": 5,
    },
    "paper": {
        "numbers": 2 * 10**7, "calls": 3, "list_calls": 100, "repeats": 21, "warm": 3, "threads": 1, "batches": 6, "batch": 128,
        "epochs": 7,
    },
}  # fmt: skip

FUSED_SGD, FUSED_ADAM, SGD, TUNED = "torch SGD, momentum, fused", "torch Adam, fused", "torch SGD", "Step-Tuned SGD, fused"
RIVALS: dict[str, Callable[[Any], Any]] = {
    FUSED_SGD: lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, fused=True),
    FUSED_ADAM: lambda p: torch.optim.Adam(p, lr=1e-3, fused=True),
    "INNA, fused": lambda p: optim.INNA(p, lr=1e-3, fused=True),
    "heavy ball, fused": lambda p: optim.HeavyBallVelocity(p, lr=1e-3, momentum=0.9, fused=True),
    "Adam, fused": lambda p: optim.Adam(p, lr=1e-3, fused=True),
    "INNAprop, fused": lambda p: optim.INNAprop(p, lr=1e-3, fused=True),
    "INNA, carrier": lambda p: optim.INNA(p, lr=1e-3),
}
EPOCHS: dict[str, Callable[[Any], Any]] = {
    SGD: lambda p: torch.optim.SGD(p, lr=1e-2),
    TUNED: lambda p: optim.StepTunedSGD(p, lr=1e-2, fused=True),
    "Step-Tuned SGD, carrier": lambda p: optim.StepTunedSGD(p, lr=1e-2),
}
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
TARGETS = {("INNA, fused", FUSED_ADAM): 0.75, ("INNA, fused", FUSED_SGD): 1.15, (TUNED, SGD): 1.05}


class Block(torch.nn.Module):
    """Two convolutions with batch normalisation; the shortcut drops pixels and pads channels (no parameters)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.stride, self.extra = (1 if inputs == width else 2), width - inputs
        self.first = torch.nn.Conv2d(inputs, width, 3, self.stride, 1, bias=False)
        self.second = torch.nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(width) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norms[1](self.second(torch.relu(self.norms[0](self.first(x)))))
        x = torch.nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))
        return torch.relu(x + y)


def resnet20() -> torch.nn.Module:
    """ResNet-20 for 32×32 images: 269,722 parameters in 59 tensors."""
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    stem = [torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(16), torch.nn.ReLU()]
    head = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 10)]
    return torch.nn.Sequential(*stem, *(Block(a, b) for a, b in itertools.pairwise(widths)), *head)


def lenet() -> torch.nn.Module:
    """LeNet for 3×32×32 images with ELU: 62,006 parameters in 10 tensors."""
    n = torch.nn
    return n.Sequential(
        n.Conv2d(3, 6, 5), n.ELU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5), n.ELU(), n.MaxPool2d(2), n.Flatten(),
        n.Linear(400, 120), n.ELU(), n.Linear(120, 84), n.ELU(), n.Linear(84, 10),
    )  # fmt: skip


def run(
    *, folder: Path, seed: int, numbers: int, calls: int, list_calls: int, repeats: int, warm: int, threads: int, batches: int, batch: int,
    epochs: int,
) -> dict[str, Any]:  # fmt: skip
    """Write table.csv, arrays.npz and optimizer-speed.png; return ratios, targets and the machine."""
    torch.manual_seed(seed)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    shapes = [tuple(p.shape) for p in resnet20().parameters()]
    rows: list[dict[str, Any]] = []
    series: dict[str, np.ndarray] = {}
    try:
        for name, sizes, n in ((f"one tensor, {numbers:,}", [(numbers,)], calls), ("ResNet-20", shapes, list_calls)):
            work = {rival: stepper(make, sizes) for rival, make in RIVALS.items()}
            rows += measured(f"step, {name}", work, n, warm, repeats, FUSED_SGD, series)
        for name, network in (("LeNet", lenet), ("ResNet-20", resnet20)):
            images, labels = torch.randn(batches, batch, 3, 32, 32), torch.randint(10, (batches, batch))
            work = {rival: epoch(make, network, images, labels, rival != SGD) for rival, make in EPOCHS.items()}
            rows += measured(f"epoch, {name}", work, 1, 1, epochs, SGD, series)
    finally:
        torch.set_num_threads(before)
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    np.savez_compressed(folder / "arrays.npz", **series)
    draw(rows, threads).savefig(folder / "optimizer-speed.png", dpi=150)
    return {
        "ratios": {f"{r['what']}: {r['rival']} / {r['over']}": {"wall": r["wall_ratio"], "cpu": r["cpu_ratio"]} for r in rows},
        "targets": targets(series),
        "machine": {
            "processor": processor(), "threads": threads, "load_average": os.getloadavg()[0], "torch": torch.__version__,
            "numpy": np.__version__, "python": platform.python_version(),
        },
    }  # fmt: skip


def stepper(make: Callable[[Any], Any], shapes: list[tuple[int, ...]]) -> Callable[[], None]:
    """Steps of an optimizer on tensors of these shapes, with gradients that stay as they are."""
    params = [torch.nn.Parameter(torch.randn(s)) for s in shapes]
    for p in params:
        p.grad = torch.randn_like(p)
    step: Callable[[], None] = make(params).step
    return step


def epoch(make: Callable[[Any], Any], network: Callable[[], Any], images: Any, labels: Any, tuned: bool) -> Callable[[], None]:
    """An epoch over the batches: one tuned step of two gradients on each batch, or two plain steps."""
    model = network()
    optimizer = make(model.parameters())

    def work() -> None:
        for x, y in zip(images, labels, strict=True):

            def closure(x: Any = x, y: Any = y) -> Any:
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(x), y)
                loss.backward()
                return loss

            for _ in range(1 if tuned else 2):
                optimizer.step(closure)

    return work


def measured(
    what: str, work: dict[str, Callable[[], None]], calls: int, warm: int, repeats: int, over: str, series: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Times of all rivals in turn, round after round; a row for each rival with its ratio over one of them."""
    times = {name: np.empty((2, repeats)) for name in work}
    for call in work.values():
        for _ in range(warm):
            call()
    for r in range(repeats):
        for name, call in work.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(calls):
                call()
            times[name][:, r] = (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls
    series.update({f"{what}: {name}": values for name, values in times.items()})
    rows = []
    for name, values in times.items():
        wall, cpu = np.quantile(values / times[over], (0.25, 0.5, 0.75), axis=1).T
        rows.append({
            "what": what, "rival": name, "over": over, "wall_seconds": float(np.median(values[0])),
            "cpu_seconds": float(np.median(values[1])), "wall_ratio": float(wall[1]), "wall_low": float(wall[0]),
            "wall_high": float(wall[2]), "cpu_ratio": float(cpu[1]), "cpu_low": float(cpu[0]), "cpu_high": float(cpu[2]),
        })  # fmt: skip
    return rows


def targets(series: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Each target with the medians of the ratios on both clocks; met or not by wall time."""
    found = {}
    for (own, rival), limit in TARGETS.items():
        for what in dict.fromkeys(key.partition(": ")[0] for key in series):
            if f"{what}: {own}" in series and f"{what}: {rival}" in series:
                wall, cpu = np.median(series[f"{what}: {own}"] / series[f"{what}: {rival}"], axis=1)
                found[f"{what}: {own} / {rival} ≤ {limit}"] = {"wall": float(wall), "cpu": float(cpu), "met": bool(wall <= limit)}
    return found


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def draw(rows: list[dict[str, Any]], threads: int) -> Figure:
    """Time over that of SGD, medians with quartiles, wall and CPU time."""
    panels = list(dict.fromkeys(r["what"] for r in rows))
    kinds = {p: [r for r in rows if r["what"] == p and r["rival"] != r["over"]] for p in panels}
    figure = Figure(figsize=(8, 1.2 + 0.42 * sum(map(len, kinds.values()))), layout="constrained")
    axes = figure.subplots(len(panels), 1, height_ratios=[len(k) + 0.6 for k in kinds.values()])
    for ax, (panel, own) in zip(axes, kinds.items(), strict=True):
        for j, (clock, marker) in enumerate((("wall", "o"), ("cpu", "s"))):
            centre = np.array([r[f"{clock}_ratio"] for r in own])
            ends = np.abs(np.array([[r[f"{clock}_low"], r[f"{clock}_high"]] for r in own]).T - centre)
            label = {"wall": "wall time", "cpu": "CPU time"}[clock]
            ax.errorbar(centre, np.arange(len(own)) + 0.24 * (j - 0.5), xerr=ends, fmt=marker, ms=4, color=colour(j), label=label)
        ax.axvline(1, color="0.4", lw=0.8)
        ax.set_yticks(range(len(own)), [r["rival"] for r in own])
        ax.set(ylim=(len(own) - 0.5, -0.5), title=panel)
        ax.set_xlabel(f"time over that of {own[0]['over']}, {threads} thread{'s' * (threads > 1)}")
        for y, row in enumerate(own):
            if (row["rival"], row["over"]) in TARGETS:
                ax.plot([TARGETS[row["rival"], row["over"]]] * 2, [y - 0.45, y + 0.45], color=colour(2), lw=2, label="target")
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        ticks = [t for t in TICKS if low <= t <= high] if high > 1.5 * low else np.round(np.linspace(low, high, 7), 2)
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        ax.set_xticks([], minor=True)
        ax.grid(color="0.92", axis="x")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    return figure
