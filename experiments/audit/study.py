"""The auditor, audited: torch's optimizers classified, and seeded formula bugs caught.

**Bugs.** `optimizers.py` has small torch optimizers as people write them; each takes ``bug=``, one changed line:
a wrong sign, a swapped coefficient, an old value where the new one is meant, a bias correction left out, a weight
decay scaled by a hyper-parameter, an alias in place of a copy.  ``dynopt audit … --against`` compares every one with
the definition that it should be, of dynopt or of `definitions.py`.  A bug is caught when the verdict is ``differs``.

**No false alarm.** The same optimizers without a bug, torch's own, and rewritten forms that are the same map
(momentum as a rescaled average, position and velocity form) must match.

**torch.optim.** Every optimizer of torch.optim without ``--against``: its kind and its map, and whether
these are what torch documents.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynopt.auditor.audit import audit
from dynopt.plot.palette import colour

TITLE = "The auditor: formula bugs caught, torch.optim classified"
SOURCE = "design §4; the bugs are those of reports about optimizer libraries"
PRESETS = {"smoke": {"every": 6}, "paper": {"every": 1}}
HERE = Path(__file__).parent

REFERENCES = {
    "SGD(lr=0.1, momentum=0.9)": "heavy_ball_velocity(gamma=0.1, momentum=0.9)",
    "SGD(lr=0.1, momentum=0.9, dampening=0.5)": "heavy_ball_velocity(gamma=0.1, momentum=0.9, dampening=0.5)",
    "SGD(lr=0.1, momentum=0.9, weight_decay=0.01)": "definitions.py:Momentum(gamma=0.1, momentum=0.9, decay=0.01)",
    "SGD(lr=0.1, momentum=0.9, nesterov=True)": "nesterov(gamma=0.1, momentum=0.9)",
    "HeavyBall(lr=0.1, momentum=0.9)": "heavy_ball(gamma=0.1, momentum=0.9)",
    "INNA(lr=0.02, alpha=0.5, beta=0.1)": "inna(gamma=0.02, alpha=0.5, beta=0.1)",
    "Adam(lr=0.01)": "definitions.py:Adam(gamma=0.01)",
    "Adam(lr=0.01, weight_decay=0.1)": "definitions.py:Adam(gamma=0.01, decay=0.1)",
    "RMSprop(lr=0.01)": "definitions.py:RMSprop(gamma=0.01)",
    "AdaGrad(lr=0.01)": "definitions.py:AdaGrad(gamma=0.01)",
    "SNGD(lr=0.01)": "normalized_gd(gamma=0.01)",
}
BUGS = {
    "SGD(lr=0.1, momentum=0.9)": (
        "ascent", "lr twice", "average", "swapped momentum", "first gradient twice", "old velocity", "momentum of the step",
        "stale gradient", "aliased buffer",
    ),
    "SGD(lr=0.1, momentum=0.9, dampening=0.5)": ("undampened first step", "dampening as momentum"),
    "SGD(lr=0.1, momentum=0.9, weight_decay=0.01)": (
        "weight decay times lr", "decoupled decay", "decay after momentum", "weight decay of the other sign", "weight decay halved",
    ),
    "SGD(lr=0.1, momentum=0.9, nesterov=True)": (
        "no look-ahead", "look-ahead with the old velocity", "look-ahead without momentum", "momentum squared", "gradient forgotten",
    ),
    "HeavyBall(lr=0.1, momentum=0.9)": (
        "previous iterate too new", "aliased iterate", "other sign", "momentum times lr", "iterate before last",
        "momentum from the new iterate", "one minus momentum", "damped gradient",
    ),
    "INNA(lr=0.02, alpha=0.5, beta=0.1)": (
        "theta first", "psi first", "sign of psi", "sign of alpha", "swapped", "gradient without beta", "gradient divided by beta",
        "psi from zero", "pytorch start", "start of the other sign", "start 1 + ab", "beta for 1/beta", "psi without lr", "gradient in psi",
    ),
    "Adam(lr=0.01)": (
        "no bias correction", "no first correction", "no second correction", "exponent off by one", "correction by beta1 twice",
        "correction in place", "correction of the root forgotten", "swapped betas", "eps inside", "eps before correction", "eps of 1e-6",
        "square of m", "m times g", "absolute value", "v without 1 - beta2", "m without 1 - beta1", "no root", "max for sum",
        "maximum kept", "old m", "gradient for m", "stale gradient", "counted once a tensor", "single precision",
    ),
    "Adam(lr=0.01, weight_decay=0.1)": (
        "decay without lr", "decay times lr twice", "decay of the other sign", "coupled decay", "decay in m only", "decay after",
        "decay of the update",
    ),
    "RMSprop(lr=0.01)": (
        "eps inside", "without 1 - alpha", "swapped weights", "old v", "no root", "centered", "bias-corrected", "maximum with eps",
        "v from one",
    ),
    "AdaGrad(lr=0.01)": ("mean for sum", "old sum", "eps inside", "no root", "sum of absolute values", "lr decays"),
    "SNGD(lr=0.01)": (
        "norm of each tensor", "norm of each coordinate", "squared norm", "eps of 1e-6", "old norm", "clipped", "sum of absolute values",
        "root mean square", "largest entry", "ascent",
    ),
}  # fmt: skip
SAME = (
    ("SGD(lr=0.1, momentum=0.9, bug='rescaled average')", "heavy_ball_velocity(gamma=0.1, momentum=0.9)"),
    ("SGD(lr=0.1, momentum=0.9)", "heavy_ball(gamma=0.1, momentum=0.9)"),
    ("HeavyBall(lr=0.1, momentum=0.9)", "heavy_ball_velocity(gamma=0.1, momentum=0.9)"),
    ("INNA(lr=0.02, alpha=0.5, beta=0.1, bug='pytorch start')", "inna(gamma=0.02, alpha=0.5, beta=0.1, start=pytorch)"),
    ("torch.optim:SGD(lr=0.1)", "gd(gamma=0.1)"),
    ("torch.optim:SGD(lr=0.1, momentum=0.9)", "heavy_ball_velocity(gamma=0.1, momentum=0.9)"),
    ("torch.optim:SGD(lr=0.1, momentum=0.9, foreach=True)", "heavy_ball(gamma=0.1, momentum=0.9)"),
    ("torch.optim:SGD(lr=0.1, momentum=0.9, nesterov=True)", "nesterov(gamma=0.1, momentum=0.9)"),
    ("torch.optim:SGD(lr=0.1, momentum=0.9, weight_decay=0.01)", "definitions.py:Momentum(gamma=0.1, momentum=0.9, decay=0.01)"),
    ("torch.optim:Adam(lr=0.01, betas=(0.9, 0.99))", "definitions.py:Adam(gamma=0.01)"),
    ("torch.optim:Adam(lr=0.01, betas=(0.9, 0.99), foreach=True)", "definitions.py:Adam(gamma=0.01)"),
    ("torch.optim:AdamW(lr=0.01, betas=(0.9, 0.99), weight_decay=0.1)", "definitions.py:Adam(gamma=0.01, decay=0.1)"),
    ("torch.optim:RMSprop(lr=0.01, alpha=0.9)", "definitions.py:RMSprop(gamma=0.01)"),
    ("torch.optim:Adagrad(lr=0.01, eps=1e-8)", "definitions.py:AdaGrad(gamma=0.01)"),
)
TORCH = {
    "SGD(lr=0.1)": ("linear", "gd(gamma=1/10)"),
    "SGD(lr=0.1, momentum=0.9)": ("linear", "heavy_ball_velocity(gamma=1/10, momentum=9/10)"),
    "SGD(lr=0.1, momentum=0.9, nesterov=True)": ("linear", "nesterov(gamma=1/10, momentum=9/10)"),
    "SGD(lr=0.1, momentum=0.9, dampening=0.5)": ("linear", "heavy_ball_velocity(gamma=1/20, momentum=9/10)"),
    "SGD(lr=0.1, momentum=0.9, weight_decay=0.01)": (
        "linear", "heavy_ball_velocity(gamma=1/10, momentum=9/10), coupled weight decay 1/100",
    ),
    "ASGD(lr=0.1, lambd=0.1)": ("linear, time-varying", "(1 + 0.01 k)^(-0.75)"),
    "Adam(lr=0.002, betas=(0.8, 0.95), eps=1e-6)": ("element-wise", "adam(lr=0.002, beta1=0.8, beta2=0.95, eps=1e-06)"),
    "Adam(weight_decay=0.1)": ("element-wise", "adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.1)"),
    "Adam(amsgrad=True)": ("element-wise", "amsgrad(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08)"),
    "AdamW()": ("element-wise", "adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.01)"),
    "RMSprop()": ("element-wise", "rmsprop(lr=0.01, beta2=0.99, eps=1e-08)"),
    "RMSprop(centered=True, momentum=0.8)": ("element-wise", "rmsprop(lr=0.01, beta2=0.99, eps=1e-08, momentum=0.8)"),
    "Adagrad(lr_decay=0.1)": ("element-wise", "adagrad(lr=0.01, eps=1e-10, lr_decay=0.1)"),
    "Adadelta()": ("element-wise", "adadelta(lr=1, beta2=0.9, eps=1e-06)"),
    "Adamax()": ("element-wise", "adamax(lr=0.002, beta1=0.9, beta2=0.999, eps=1e-08)"),
    "NAdam()": ("element-wise", "nadam(lr=0.002, beta1=0.9, beta2=0.999, eps=1e-08, psi=0.004)"),
    "RAdam()": ("element-wise", "radam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08)"),
    "Rprop()": ("element-wise", "rprop(lr=0.01, eta_minus=0.5, eta_plus=1.2)"),
    "LBFGS()": ("unknown", ""),
    "Adafactor()": ("coupled", ""),
    "SparseAdam()": ("unknown", ""),
}  # fmt: skip
"""The kind and the start of the map that torch documents; an empty map where the auditor has to say that it cannot tell."""


def run(*, folder: Path, seed: int, every: int) -> dict[str, Any]:
    """Audit every ``every``-th case of each of the three lists; write ``audits.csv`` and the figure.

    The probes are seeded inside the auditor; ``seed`` moves where the thinned-out lists begin.
    """
    started = time.process_time()
    rows = [bug_row(s, b, r) for s, b, r in [(s, b, REFERENCES[s]) for s, bugs in BUGS.items() for b in bugs][seed % every :: every]]
    clean = [*((f"{s}", r) for s, r in REFERENCES.items()), *SAME]
    rows += [clean_row(s, r) for s, r in clean[seed % every :: every]]
    rows += [torch_row(s, *expected) for s, expected in list(TORCH.items())[seed % every :: every]]
    seconds = time.process_time() - started
    with (folder / "audits.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    bugs, clean_rows, torch_rows = ([r for r in rows if r["list"] == name] for name in ("bug", "clean", "torch.optim"))
    figure(bugs).savefig(folder / "bugs.png", dpi=150)
    np.savez(folder / "seconds.npz", seconds=np.array([r["seconds"] for r in rows]))
    return {
        "bugs": len(bugs),
        "caught": sum(r["right"] for r in bugs),
        "coefficient named": sum(bool(r["coefficient"]) for r in bugs),
        "missed": [f"{r['optimizer']}: {r['case']}" for r in bugs if not r["right"]],
        "clean": len(clean_rows),
        "false alarms": [r["optimizer"] for r in clean_rows if not r["right"]],
        "torch.optim": len(torch_rows),
        "classified": sum(r["right"] for r in torch_rows),
        "misclassified": [r["optimizer"] for r in torch_rows if not r["right"]],
        "processor seconds": round(seconds, 1),
    }


def bug_row(subject: str, bug: str, reference: str) -> dict[str, Any]:
    """One bug; right when the verdict is ``differs``."""
    call = subject.replace(")", f", bug={bug!r})")
    return _row("bug", subject, bug, _place(call), _place(reference), lambda found: found.verdict == "differs")


def clean_row(subject: str, reference: str) -> dict[str, Any]:
    """One correct optimizer; right when the verdict is ``matches``."""
    return _row("clean", subject, "", _place(subject), _place(reference), lambda found: found.verdict == "matches")


def torch_row(subject: str, kind: str, start: str) -> dict[str, Any]:
    """One of torch.optim; right when kind and map are the documented ones, or when nothing can be told and nothing is."""

    def right(found: Any) -> bool:
        shown = found.gains["law"] if found.gains else found.equivalent_to
        return bool(found.kind == kind and (shown or "").startswith(start) and found.ok == bool(start))

    return _row("torch.optim", f"torch.optim:{subject}", "", f"torch.optim:{subject}", None, right)


def _place(call: str) -> str:
    """A class of the two files beside this one by its path, anything else as it is."""
    if call.startswith("definitions.py:"):
        return f"{HERE}/{call}"
    name = call.partition("(")[0]
    return f"{HERE}/optimizers.py:{call}" if name[0].isupper() and ":" not in name else call


def _row(kind: str, subject: str, case: str, call: str, reference: str | None, right: Any) -> dict[str, Any]:
    started = time.process_time()
    found = audit(call, against=reference)
    where = found.differs_at or {}
    return {
        "list": kind,
        "optimizer": subject,
        "case": case,
        "against": (reference or "").replace(f"{HERE}/", ""),
        "verdict": found.verdict,
        "right": bool(right(found)),
        "kind": found.kind,
        "equivalent_to": found.equivalent_to or "",
        "coefficient": where.get("coefficient") or "",
        "value": where.get("value", ""),
        "expected": where.get("expected", ""),
        "iteration": where.get("iteration", ""),
        "reason": found.reason.replace(f"{HERE}/", ""),
        "seconds": round(time.process_time() - started, 3),
    }


def figure(rows: list[dict[str, Any]]) -> Figure:
    """For each optimizer: bugs caught with the coefficient named, caught by the trajectory alone, missed."""
    names = list(dict.fromkeys(r["optimizer"] for r in rows))
    counts = np.array(
        [
            [
                sum(r["optimizer"] == n and r["right"] and bool(r["coefficient"]) for r in rows),
                sum(r["optimizer"] == n and r["right"] and not r["coefficient"] for r in rows),
                sum(r["optimizer"] == n and not r["right"] for r in rows),
            ]
            for n in names
        ]
    )
    drawn = Figure(figsize=(9, 0.42 * len(names) + 1.6), layout="constrained")
    axes = drawn.subplots()
    left = np.zeros(len(names))
    for i, label in enumerate(("coefficient or structure named", "first differing iterate alone", "missed")):
        axes.barh(names, counts[:, i], left=left, color=colour(i), hatch=("", "//", "xx")[i], edgecolor="white", label=label)
        left += counts[:, i]
    axes.invert_yaxis()
    axes.set_xlabel("seeded bugs")
    axes.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.4, -0.12 - 0.6 / len(names)), ncols=3)
    return drawn
