"""The two-layer linear network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from dynopt.core.problem import CriticalPoint
from dynopt.errors import Misuse
from dynopt.problems.critical import kind_of
from dynopt.problems.points import check_points, coordinates, join, like, whole


def two_layer_linear(*, singular: Any = (2, 1), hidden: Any = 2, inputs: Any = None, outputs: Any = None) -> TwoLayerLinear:
    """The network on whitened data: X the identity, Y with the singular values given on its diagonal.

    >>> two_layer_linear(singular=[3], hidden=1).critical_points()[0].spectrum
    (-3, 3)
    """
    listed = list(singular) if isinstance(singular, (list, tuple)) else [singular]
    try:
        values = [sp.Rational(str(v)) for v in listed]
        good = bool(values) and all(v > 0 for v in values)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise Misuse(f"two-layer-linear: singular={singular} is not a list of positive numbers; write singular=[2, 1]")
    name, rank = "two-layer-linear", len(values)
    inputs = whole(name, "inputs", rank if inputs is None else inputs, rank)
    outputs = whole(name, "outputs", rank if outputs is None else outputs, rank)
    target = sp.zeros(outputs, inputs)
    for i, v in enumerate(values):
        target[i, i] = v
    network = TwoLayerLinear(sp.eye(inputs), target, whole(name, "hidden", hidden))
    network.name = f"{name}(singular=[{', '.join(map(str, values))}], hidden={network.hidden}, inputs={inputs}, outputs={outputs})"
    return network


class TwoLayerLinear:
    """J(W₁, W₂) = ½‖W₂W₁X − Y‖²,  θ = (W₁, W₂) row by row.

    The origin is a strict saddle: D²J(0)[U, U] = −2⟨U₂U₁, YXᵀ⟩, so the Hessian's eigenvalues are ±σ_i for
    the singular values σ_i > 0 of YXᵀ, each ``hidden`` times, and zeros for all the rest.  The other
    critical points form families and are not listed; so does the origin when some eigenvalue is zero.

    Parameters
    ----------
    X, Y : data, one column a sample, exact numbers; (inputs, N) and (outputs, N).
    hidden : width of the hidden layer.

    Examples
    --------
    >>> network = TwoLayerLinear([[1, 0], [0, 2]], [[1, 1]], hidden=1)
    >>> network.dimension, network.critical_points()[0].spectrum
    (3, (-sqrt(5), 0, sqrt(5)))
    """

    smooth = True
    lipschitz = None

    def __init__(self, X: Sequence[Sequence[Any]] | sp.Matrix, Y: Sequence[Sequence[Any]] | sp.Matrix, hidden: int) -> None:
        self.X, self.Y = sp.ImmutableMatrix(sp.Matrix(X)), sp.ImmutableMatrix(sp.Matrix(Y))
        if self.X.cols != self.Y.cols:
            raise Misuse(f"X has {self.X.cols} columns, Y {self.Y.cols}; give one column a sample in both")
        self.hidden = hidden
        self.dimension = hidden * (self.X.rows + self.Y.rows)
        self.name = f"two-layer-linear({self.X.rows}-{hidden}-{self.Y.rows})"
        self.symbols = coordinates(self.dimension)
        self.start = tuple(np.sin(np.arange(1.0, self.dimension + 1)).tolist())

    def __repr__(self) -> str:
        return f"TwoLayerLinear({self.X.tolist()}, {self.Y.tolist()}, hidden={self.hidden})"

    @cached_property
    def expression(self) -> sp.Expr:
        return sp.expand(self.value(np.array(self.symbols, dtype=object)))

    def _parts(self, x: Any) -> tuple[Any, Any, Any, Any]:
        """W₁, W₂, the residual W₂W₁X − Y, and Xᵀ, as the kind of array that ``x`` is."""
        check_points(self, x)
        cut, batch = self.hidden * self.X.rows, x.shape[:-1]
        first = x[..., :cut].reshape(*batch, self.hidden, self.X.rows)
        second = x[..., cut:].reshape(*batch, self.Y.rows, self.hidden)
        X, Y = (like(np.array(m.tolist(), dtype=object), x) for m in (self.X, self.Y))
        return first, second, second @ first @ X - Y, X.swapaxes(0, 1)

    def _flat(self, first: Any, second: Any) -> Any:
        return join([m.reshape(*m.shape[:-2], m.shape[-2] * m.shape[-1]) for m in (first, second)])

    def value(self, x: Any) -> Any:
        residual = self._parts(x)[2]
        return (residual * residual).sum(-1).sum(-1) / 2

    def gradient(self, x: Any) -> Any:
        first, second, residual, Xt = self._parts(x)
        pull = residual @ Xt
        return self._flat(second.swapaxes(-1, -2) @ pull, pull @ first.swapaxes(-1, -2))

    def hessian(self, x: Any) -> Any:
        """Column by column, the derivative of the gradient along each coordinate."""
        first, second, residual, Xt = (m[..., None, :, :] for m in self._parts(x))
        unit = like(np.eye(self.dimension, dtype=int).astype(object), x)
        along1, along2 = self._parts(unit)[:2]
        pull, turn = residual @ Xt, (along2 @ first + second @ along1) @ Xt.swapaxes(-1, -2) @ Xt
        moved1 = along2.swapaxes(-1, -2) @ pull + second.swapaxes(-1, -2) @ turn
        return self._flat(moved1, turn @ first.swapaxes(-1, -2) + pull @ along1.swapaxes(-1, -2))

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """The origin with its exact spectrum."""
        product = self.Y * self.X.T
        small = product * product.T if product.rows <= product.cols else product.T * product
        values = [sp.sqrt(root) for root, m in sp.roots(small.charpoly().as_expr(), multiple=False).items() for _ in range(m) if root != 0]
        values = values if len(values) == small.rank() else [sp.sqrt(r) for r in sp.real_roots(small.charpoly()) if r != 0]
        signed = [s * v for v in values for s in (-1, 1) for _ in range(self.hidden)]
        spectrum = tuple(sorted([*signed, *[sp.Integer(0)] * (self.dimension - len(signed))], key=float))
        height = sum(v**2 for v in self.Y) / 2
        return (CriticalPoint((sp.Integer(0),) * self.dimension, kind_of(spectrum), spectrum, height, isolated=0 not in spectrum),)
