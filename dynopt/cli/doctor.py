"""``dynopt doctor``: versions, device, extras, and a three-second self-test."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Annotated, Any

from cyclopts import Parameter

EXTRAS = {
    "cvc5": "a further decider for proofs (pip install dynopt[exact])",
    "python-flint": "fast exact polynomials",
    "distributed": "escape campaigns on a Dask cluster (pip install dynopt[dask])",
    "mpi4py": "escape campaigns over MPI (pip install dynopt[mpi])",
}


def run(*, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Show versions, device and extras, and check each engine against a closed form.

    Exit code 1 when a check fails.

    Parameters
    ----------
    json
        Print one JSON document.
    """
    from dynopt.store.provenance import device, version, versions

    checks = [_timed(name, check) for name, check in CHECKS.items()]
    found = {
        "versions": versions(),
        "device": {**device(), "cuda": _gpus()},
        "extras": {name: version(name) for name in EXTRAS},
        "checks": checks,
    }
    healthy = all(check["ok"] for check in checks)
    if json:
        from dynopt.cli.output import document

        document(found)
    else:
        print("\n".join(_lines(found)))
        print("all is well" if healthy else "something is wrong: reinstall dynopt, and report this if it stays")
    return 0 if healthy else 1


def _timed(name: str, check: Callable[[], str]) -> dict[str, Any]:
    begin = perf_counter()
    try:
        said, ok = check(), True
    except Exception as error:  # whatever breaks, the doctor says so and goes on
        said, ok = f"{type(error).__name__}: {error}", False
    return {"name": name, "ok": ok, "said": said, "seconds": round(perf_counter() - begin, 3)}


def _gpus() -> list[str]:
    try:
        import torch

        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    except ImportError:  # the check of batched runs says so
        return []


def _symbols() -> str:
    """The mode matrix of gradient descent is 1 − γλ."""
    from dynopt.symbolic.linearize import state_space
    from dynopt.symbolic.symbols import eigenvalue, symbolic

    gd: Any = symbolic("gd")
    matrix = state_space(gd).mode_matrix
    if (matrix[0, 0] - (1 - gd.gamma * eigenvalue)).expand() != 0:
        raise ArithmeticError(f"the mode matrix of gd is {matrix}, not 1 - gamma*lambda")
    return "gd has the mode 1 - gamma*lambda"


def _flow() -> str:
    """The gradient flow of ½x² from 1 is e^{−t}."""
    from math import exp

    from dynopt import GradientFlow, Quadratic
    from dynopt.flow.integrate import integrate

    gap = abs(float(integrate(GradientFlow(), Quadratic([1]), [1.0], 1.0).states.theta[-1, 0]) - exp(-1))
    if not gap < 1e-8:
        raise ArithmeticError(f"the gradient flow misses exp(-1) by {gap:.1e}")
    return f"gradient flow misses exp(-t) by {gap:.0e}"


def _batch() -> str:
    """Gradient descent with γ = 1/10 on −½x² multiplies by 1.1 a step, on every lane."""
    import torch

    from dynopt import GradientDescent, Quadratic
    from dynopt.core.problem import oracle
    from dynopt.ensemble.run import run_batch

    starts = torch.linspace(0.5, 1.5, 64, dtype=torch.float64)[:, None]
    paths = run_batch(GradientDescent(gamma=0.1), oracle(Quadratic([-1])), starts, {"never": lambda x: x[:, 0] < 0}, steps=20)
    gap = float((paths.final / starts - 1.1**20).abs().max())
    if not gap < 1e-12:
        raise ArithmeticError(f"a batched run misses 1.1^20 by {gap:.1e}")
    return f"64 runs miss 1.1^20 by {gap:.0e}"


CHECKS: dict[str, Callable[[], str]] = {"symbols": _symbols, "flow": _flow, "batched runs": _batch}


def _lines(found: dict[str, Any]) -> list[str]:
    machine = found["device"]
    lines = [f"{name:<14}{number or 'missing'}" for name, number in found["versions"].items()]
    lines.append(f"{'device':<14}{machine['system']} {machine['machine']}, {machine['cores']} cores")
    lines.append(f"{'cuda':<14}{', '.join(machine['cuda']) or 'none'}")
    lines += [f"{name:<14}{number or 'missing: ' + EXTRAS[name]}" for name, number in found["extras"].items()]
    lines += [f"{c['name']:<14}{'ok' if c['ok'] else 'FAILED'}  {c['said']} ({c['seconds']:.2f} s)" for c in found["checks"]]
    return lines
