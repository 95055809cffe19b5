"""Networks as problems: all parameters in one vector, many parameter vectors at once through `torch.func`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from dynopt.core.problem import CriticalPoint
from dynopt.errors import Misuse
from dynopt.problems import numeric_points
from dynopt.problems.points import check_points, is_torch, whole


class Network:
    """J(θ) = (1/2N) Σ ‖net(x_i; θ) − y_i‖² for a `torch.nn.Module`, its parameters flattened in their order.

    Points have shape ``(*batch, P)``: each row is a network of its own.  Derivatives are torch's, batched
    by `torch.func.vmap`; NumPy points go through torch in float64.

    Parameters
    ----------
    module : smooth in its parameters, without buffers or randomness.
    inputs, targets : tensors (N, …) and (N, outputs).

    Examples
    --------
    >>> import torch
    >>> line = Network(torch.nn.Linear(1, 1), torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [3.0]]))
    >>> line.gradient(np.array([2.0, 1.0])).tolist(), line.value(np.array([[2.0, 1.0], [0.0, 0.0]])).tolist()
    ([0.0, 0.0], [0.0, 2.5])
    """

    smooth = True
    lipschitz = None

    def __init__(self, module: Any, inputs: Any, targets: Any, *, name: str = "network") -> None:
        import torch

        self.module, self.name = module, name
        self.inputs, self.targets = inputs.to(torch.float64), targets.to(torch.float64)
        self.samples = len(self.inputs)
        self._shapes = {key: p.shape for key, p in module.named_parameters()}
        self.dimension = sum(p.numel() for p in module.parameters())
        self.start = tuple(torch.cat([p.detach().reshape(-1) for p in module.parameters()]).double().tolist())

    def __repr__(self) -> str:
        return f"Network({self.name}, {self.dimension} parameters)"

    def _loss(self, theta: Any, inputs: Any, targets: Any) -> Any:
        """The mean over the samples for one parameter vector."""
        import torch

        sizes = [shape.numel() for shape in self._shapes.values()]
        parts = zip(self._shapes.items(), torch.split(theta, sizes), strict=True)
        parameters = {key: part.reshape(shape) for (key, shape), part in parts}
        gap = torch.func.functional_call(self.module, parameters, (inputs,)) - targets
        return (gap * gap).sum(-1).mean() / 2

    def _batched(self, function: Callable[..., Any], x: Any, chosen: Any = None) -> Any:
        """``function(θ, inputs, targets)`` for every row of ``x``, on all samples or on those chosen for it."""
        import torch

        check_points(self, x)
        points = x if is_torch(x) else torch.as_tensor(np.asarray(x, dtype=float))
        inputs, targets = (data.to(points.device, points.dtype) for data in (self.inputs, self.targets))
        rows = points.reshape(-1, self.dimension)
        if chosen is None:
            result = torch.func.vmap(lambda theta: function(theta, inputs, targets))(rows)
        else:
            result = torch.func.vmap(function)(rows, inputs[chosen], targets[chosen])
        result = result.reshape((*points.shape[:-1], *result.shape[1:]))
        return result if is_torch(x) else result.detach().numpy()

    def value(self, x: Any) -> Any:
        return self._batched(self._loss, x)

    def gradient(self, x: Any) -> Any:
        from torch.func import grad

        return self._batched(grad(self._loss), x)

    def hessian(self, x: Any) -> Any:
        from torch.func import hessian

        return self._batched(hessian(self._loss), x)

    def sample_value(self, x: Any, chosen: Any) -> Any:
        """J of the samples chosen, integers (batch, b), for points (batch, P)."""
        return self._batched(self._loss, x, chosen)

    def sample_gradient(self, x: Any, chosen: Any) -> Any:
        """∇J of the samples chosen."""
        from torch.func import grad

        return self._batched(grad(self._loss), x, chosen)

    def mean_variation(self, x: Any) -> Any:
        """The mean over all samples of ∇²J_n(θ) ∇J_n(θ), as the gradient of the mean of ½‖∇J_n(θ)‖²."""
        from torch.func import grad, vmap

        def half_square(theta: Any, inputs: Any, targets: Any) -> Any:
            slopes = vmap(grad(lambda point, i, t: self._loss(point, i[None], t[None])), (None, 0, 0))(theta, inputs, targets)
            return (slopes * slopes).sum(-1).mean() / 2

        return self._batched(grad(half_square), x)


class Perceptron(Network):
    """A one-hidden-layer tanh network on a seeded toy data set, beside the saddle of a split neuron.

    Data: inputs x ~ N(0, I) in R^d, targets ‖x‖² − d + N(0, 0.1²), which few neurons cannot fit.  θ holds
    the hidden weights row by row, the hidden biases, the output weights and the output bias.

    The saddle: the network with one hidden neuron less is trained to a minimiser (BFGS from seeded
    starts, the best of the first three that succeed, then Newton's method); one neuron is split in two, with its incoming
    weights in both and its outgoing weight v as cv and (1 − c)v.  That is a critical point for every c
    (Fukumizu, Amari 2000), so it is not isolated and one Hessian eigenvalue is 0; the sign of a part of
    the others is that of c(1 − c), so c = 1/2 or c = 2 (where −1 is its mirror) gives a strict saddle.
    The neuron and c with the fewest negative eigenvalues, at least one, are taken.

    >>> network = Perceptron(inputs=1, hidden=2, samples=20)
    >>> network.dimension, network.critical_points()[0].kind
    (7, 'strict saddle')
    """

    def __init__(self, *, inputs: Any = 2, hidden: Any = 3, samples: Any = 50, seed: Any = 0) -> None:
        import torch

        self.width, self.features = whole("perceptron", "hidden", hidden, 2), whole("perceptron", "inputs", inputs)
        self.seed, count = whole("perceptron", "seed", seed, 0), whole("perceptron", "samples", samples)
        rng = np.random.default_rng(self.seed)
        x = rng.standard_normal((count, self.features))
        y = (x * x).sum(1, keepdims=True) - self.features + 0.1 * rng.standard_normal((count, 1))
        name = f"perceptron(inputs={self.features}, hidden={self.width}, samples={count}, seed={self.seed})"
        super().__init__(_tanh_network(self.features, self.width), torch.as_tensor(x), torch.as_tensor(y), name=name)
        self.start = tuple(np.random.default_rng([self.seed, 2]).standard_normal(self.dimension).tolist())

    def __repr__(self) -> str:
        return f"Perceptron(inputs={self.features}, hidden={self.width}, samples={self.samples}, seed={self.seed})"

    @cached_property
    def smaller(self) -> tuple[Network, np.ndarray]:
        """The network with one neuron less and its minimiser."""
        small = Network(_tanh_network(self.features, self.width - 1), self.inputs, self.targets, name=f"{self.name}, one neuron less")
        rng = np.random.default_rng([self.seed, 1])
        ends: list[np.ndarray] = []
        for _ in range(6):
            if len(ends) == 3:
                break
            end = numeric_points.descend(small, rng.standard_normal(small.dimension))
            if end is not None and numeric_points.spectrum(small, end)[0] > 0:
                ends.append(end)
        if not ends:
            raise Misuse(
                f"the smaller network of {self.name} could not be trained to a minimiser; take another seed, more samples or fewer neurons"
            )
        return small, min(ends, key=lambda end: float(small.value(end)))

    def split(self, neuron: int, part: float) -> np.ndarray:
        """The parameters with one neuron of the smaller network split: outgoing weights part·v and (1 − part)·v."""
        theta, h, d = self.smaller[1], self.width - 1, self.features
        weights, biases, out, last = theta[: h * d].reshape(h, d), theta[h * d : h * d + h], theta[h * d + h : -1].copy(), theta[-1:]
        copy = (1 - part) * out[neuron]
        out[neuron] *= part
        return np.concatenate([weights.ravel(), weights[neuron], biases, biases[neuron : neuron + 1], out, [copy], last])

    @cached_property
    def _saddle(self) -> CriticalPoint:
        points = [self.split(neuron, part) for neuron in range(self.width - 1) for part in (0.5, 2.0)]
        negative = [int((numeric_points.spectrum(self, p) < 0).sum()) for p in points]
        strict = [(count, i) for i, count in enumerate(negative) if count]
        if not strict:
            raise Misuse(f"no split of a neuron gives a strict saddle of {self.name}; take another seed")
        return numeric_points.critical_point(self, points[min(strict)[1]], isolated=False)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """The saddle of the split neuron, in floating point; the network has other critical points."""
        return (self._saddle,)


def _tanh_network(inputs: int, hidden: int) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):
        return torch.nn.Sequential(torch.nn.Linear(inputs, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1)).double()
