"""``dynopt tour``: the three jobs in under a minute, through the same Python functions that a user calls."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

from cyclopts import Parameter

BOUND = "inna(alpha=1/2, beta=1/10)"
CLAIM_FILE, CLAIMS = "thesis_3_diffeo.py", ("t3-diffeo", "t3-diffeo-exact")
CURVES = ("din(alpha=2, beta=0.1)", "inna(alpha=2, beta=0.1, gamma=0.01)")
RACERS = ("inna(alpha=1/2, beta=1, gamma=0.02)", "gd(gamma=0.02)")
BAND = 1.95
"""A sample of n runs strays by BAND/√n from its own law once in a thousand times (Kolmogorov)."""


def run(*, out: Path = Path("dynopt-tour"), runs: int = 4000, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Run the three jobs on INNA and show where the figures are.

    Exit code 1 when a claim gets another verdict than expected, a run does not leave the saddle, or
    the measured escape times stray from their law.

    Parameters
    ----------
    out
        Folder for the figures and their data.
    runs
        Escape runs of each method.
    json
        Print one JSON document.
    """
    begin = perf_counter()
    found: dict[str, Any] = {}
    for part, result, lines in _parts(out, runs):
        found[part] = result
        if lines and not json:
            print("\n".join(lines), flush=True)
    found["agreed"] = not found["verify"]["failed"] and all(map(_as_predicted, found["escape"]["methods"]))
    found["seconds"] = perf_counter() - begin
    if json:
        from dynopt.cli.output import document

        document(found)
    else:
        print(f"\nFigures, each with its data beside it ({found['seconds']:.0f} s in all):")
        print("\n".join(f"   {path}" for path in found["figures"]))
        if not found["agreed"]:
            print("\nSomething above is not as it should be: run dynopt doctor, and the tests.")
    return 0 if found["agreed"] else 1


def _parts(out: Path, runs: int) -> Iterator[tuple[str, Any, list[str]]]:
    """Name, JSON document and text of each part, as soon as it is there."""
    import dynopt
    from dynopt.store.bundled import bundled

    bound = dynopt.bound(BOUND, "stable", (1, 10)).to_dict()
    yield "bound", bound, [f"1. Prove: step-sizes for which {BOUND} is stable on Hessian eigenvalues in [1, 10]\n", *_bound(bound)]
    claims = dynopt.verify((bundled("analysis") or Path("analysis")) / CLAIM_FILE, CLAIMS).to_dict()
    yield "verify", claims, ["\n   and two statements about INNA, the first as published:\n", *_claims(claims)]
    study = dynopt.trajectory(CURVES, problem="thesis-3.2", start=(1, 1))
    folders, trajectory = [study.save(out / "trajectory")], study.to_dict()
    yield "trajectory", trajectory, ["\n2. Plot: INNA against the flow that it discretises, on thesis-3.2\n", *_distance(trajectory)]
    race = dynopt.escape_study(RACERS, problem="double-well", runs=runs)
    folders, escape = [*folders, race.save(out / "escape")], race.to_dict()
    yield "escape", escape, [f"\n3. Run: escape from the saddle of double-well, {runs} runs a method\n", *_escape(escape)]
    yield "figures", [str(path) for folder in folders for path in sorted(folder.glob("*.png"))], []


def _as_predicted(method: dict[str, Any]) -> bool:
    law = method["law"]
    return law is not None and method["escaped"] == method["runs"] and law["kolmogorov"] < BAND / sqrt(method["runs"])


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _bound(found: dict[str, Any]) -> list[str]:
    ends = [("[" if i["lower_closed"] else "(", i["lower"], i["upper"], "]" if i["upper_closed"] else ")") for i in found["intervals"]]
    return [*(f"   gamma in {left}{low}, {high}{right}" for left, low, high, right in ends), f"   {found['guarantee']}"]


def _claims(found: dict[str, Any]) -> list[str]:
    lines = []
    for claim in found["claims"]:
        at = ", ".join(f"{name} = {value}" for name, value in claim["witness"].items())
        lines.append(f"   {claim['id']}: {claim['verdict']}" + (f", at {at}" if at else ""))
        lines.append(f"      {claim['statement']}")
        if claim["correction"]:
            lines.append(f"      corrected, and the correction {claim['correction_verdict']}: {claim['correction']}")
    return lines


def _distance(found: dict[str, Any]) -> list[str]:
    gap = found["distances"][0]
    return [f"   largest distance {_number(gap['max'])}; it shrinks like gamma^{_number(gap['order'])}"]


def _escape(found: dict[str, Any]) -> list[str]:
    lines = []
    for m in found["methods"]:
        ends = " and ".join(str(d["count"]) for d in m["destinations"] if d["kind"] == "minimum")
        law = m["law"] or {}
        lines.append(f"   {m['method']}: {m['escaped']} escaped, {ends} to the minima")
        lines.append(f"      iterations: mean {_number(m['mean'])}, sd {_number(m['sd'])}")
        lines.append(f"      by the law: mean {_number(law.get('mean'))}, sd {_number(law.get('sd'))}")
        lines.append(f"      largest difference of the two distribution functions: {_number(law.get('kolmogorov'))}")
    return lines
