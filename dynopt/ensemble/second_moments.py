"""Mean and second moments of a linear method on least squares under mini-batch noise, exactly.

J(θ) = (1/2N) Σ (⟨a_i, θ⟩ − b_i)².  A method that asks for one gradient an iteration, s⁺ = A s + B u, u = ∇J_S(y), y = C s
(`dynopt.symbolic.linearize`), sees with S a uniform batch of size b without replacement

    E[u | s] = H(y − θ*),    E[u uᵀ | s] = v · (1/N) Σ ∇J_i ∇J_iᵀ + (1 − v) · ∇J ∇Jᵀ,    v = (N − b)/(b(N − 1)),

H = (1/N) Σ a_i a_iᵀ.  These are of degree two in y, so mean and second moments of the state obey a linear recursion of
their own.  No approximation enters: the noise is the batch's, its size depends on where the iterate is.  Coordinates are
those of the range of Σ a_i a_iᵀ about the solution θ* of least norm; what θ has outside it never enters the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import linalg as sparse

from dynopt.core.algorithm import Algorithm
from dynopt.errors import Misuse
from dynopt.symbolic.linearize import state_space
from dynopt.symbolic.symbols import eigenvalue, symbolic

_DENSE = 600
"""Entries of a second moment up to which its recursion is made a matrix."""


@dataclass(frozen=True)
class Moments:
    """Mean (m, r) and second moment (m, r, m, r) of the m state blocks, in the r coordinates about θ*."""

    mean: np.ndarray
    second: np.ndarray


class SecondMoments:
    """The recursion of the moments for one method, data set and batch size.

    Parameters
    ----------
    method : a linear algorithm with one gradient an iteration: gd, heavy_ball, nesterov, inna, …, constant parameters.
    rows : a_i, (N, n).
    targets : b_i, (N,).
    batch : members of a mini-batch, 1 to N.

    Attributes
    ----------
    solution : θ*, the least-squares solution of least norm, (n,).
    basis : (n, r), orthonormal; θ = θ* + basis @ x.
    curvatures : the eigenvalues of H along the basis, (r,).
    residuals : b_i − ⟨a_i, θ*⟩, (N,): all zero when the data are interpolated, and then there is no noise at θ*.

    Raises
    ------
    Misuse : shapes that do not fit, a batch that does not, a method with no gradient or several, or varying coefficients.
    NotLinear : the method has no mode matrix.

    Examples
    --------
    One sample a step of one unknown, a = 1, targets ±1: gradients θ ∓ 1, so that the variance is γ/(2 − γ).

    >>> import dynopt
    >>> law = SecondMoments(dynopt.method("gd(gamma=0.5)"), np.ones((2, 1)), np.array([-1.0, 1.0]), batch=1)
    >>> round(law.stationary().item(), 12), round(law.rate, 12)
    (0.333333333333, 0.25)
    """

    def __init__(self, method: Algorithm, rows: np.ndarray, targets: np.ndarray, *, batch: int) -> None:
        rows, targets = np.asarray(rows, dtype=float), np.asarray(targets, dtype=float)
        if rows.ndim != 2 or targets.shape != rows.shape[:1] or not rows.any():
            raise Misuse(f"rows of shape {rows.shape} and targets of shape {targets.shape} are no data; give (N, n), not all 0, and (N,)")
        count = len(rows)
        if not 1 <= batch <= count:
            raise Misuse(f"batch={batch} is outside [1, {count}], the number of rows; choose a size inside")
        space = state_space(symbolic(method))
        if space.index is not None or space.B.shape[1] != 1:
            raise Misuse(f"{method.name} does not take exactly one gradient an iteration with constant coefficients; study it by runs")
        self.method, self.batch, self.blocks = method, batch, len(space.blocks)
        self.A, self.B, self.C = (np.array(m.tolist(), dtype=float) for m in (space.A, space.B[:, 0], space.C[0, :]))
        self.B, self.C = self.B[:, 0], self.C[0]
        self._start = [np.array(space.start.subs(eigenvalue, v).tolist(), dtype=float)[:, 0] for v in (0, 1)]
        left, sizes, right = np.linalg.svd(rows, full_matrices=False)
        kept = sizes > sizes[0] * max(rows.shape) * np.finfo(float).eps
        self.basis = right[kept].T
        self.solution = self.basis @ ((left[:, kept].T @ targets) / sizes[kept])
        self.residuals = targets - rows @ self.solution
        self.residuals[np.abs(self.residuals) < 1e-12 * np.abs(targets).max()] = 0.0  # rounding is no noise
        self._rows = left[:, kept] * sizes[kept]
        self.curvatures = sizes[kept] ** 2 / count
        self.share = (count - batch) / (batch * (count - 1)) if count > 1 else 0.0

    def start(self, theta0: np.ndarray) -> Moments:
        """The moments of the method's own start at ``theta0``, (n,), with the full gradient where the start asks for one."""
        x = (np.asarray(theta0, dtype=float) - self.solution) @ self.basis
        still, sloped = self._start
        mean = np.outer(still, x) + np.outer(sloped - still, self.curvatures * x)
        return Moments(mean, np.multiply.outer(mean, mean))

    def advance(self, moments: Moments) -> Moments:
        """The moments one iteration later."""
        mean = self.A @ moments.mean + np.outer(self.B, self.curvatures * (self.C @ moments.mean))
        return Moments(mean, self._carried(moments.second) + self._added(self.C @ moments.mean))

    def loss(self, moments: Moments) -> float:
        """E J(θ) − J(θ*)."""
        return float(self.curvatures @ np.einsum("aa->a", moments.second[0, :, 0, :])) / 2

    def stationary(self) -> np.ndarray:
        """The covariance of θ that the method tends to, (r, r): the solution of one linear system, by GMRES where it is large.

        Raises
        ------
        Misuse : the second moments do not settle (`rate` is 1 or more, or too near to 1 to solve for them).
        """
        if not self.rate < 1:
            raise Misuse(
                f"{self.method.call()} with batches of {self.batch} is not stable in mean square: E‖θ‖² is multiplied by {self.rate:.6g} "
                "an iteration; take a smaller step-size or larger batches"
            )
        added = self._added(np.zeros(len(self.curvatures))).ravel()
        if self._dense is not None:
            found, failed = np.linalg.solve(np.eye(added.size) - self._dense, added), 0
        else:
            system = sparse.LinearOperator((added.size,) * 2, matvec=lambda p: p - self._flat(p), dtype=float)
            found, failed = sparse.gmres(system, added, rtol=1e-11, restart=200, maxiter=20)
        if failed:
            raise Misuse(f"the second moments of {self.method.call()} are too near to unstable to be solved for; take a smaller step-size")
        return found.reshape((self.blocks, len(self.curvatures)) * 2)[0, :, 0, :]

    @cached_property
    def rate(self) -> float:
        """By what E‖s − E s‖² of the state is multiplied in each iteration in the long run; the method is stable in mean square iff < 1.

        The spectral radius of the linear part of the recursion, by Arnoldi's method where that is large.
        """
        if self._dense is not None:
            return float(np.max(np.abs(np.linalg.eigvals(self._dense))))
        size = (self.blocks * len(self.curvatures)) ** 2
        system = sparse.LinearOperator((size, size), matvec=self._flat, dtype=float)
        first = np.eye(self.blocks * len(self.curvatures)).ravel()  # a positive operator: its first eigenvector is not orthogonal to it
        return float(np.max(np.abs(sparse.eigs(system, k=1, v0=first, ncv=40, tol=1e-9, return_eigenvectors=False))))

    @cached_property
    def _dense(self) -> np.ndarray | None:
        """The linear part as a matrix, where it is small."""
        size = (self.blocks * len(self.curvatures)) ** 2
        return np.stack([self._flat(e) for e in np.eye(size)], axis=1) if size <= _DENSE else None

    def _flat(self, second: np.ndarray) -> np.ndarray:
        second = second.reshape((self.blocks, len(self.curvatures)) * 2)
        return self._carried((second + second.transpose(2, 3, 0, 1)) / 2).ravel()  # a second moment is symmetric

    def _carried(self, second: np.ndarray) -> np.ndarray:
        """The part of the new second moment that is linear in the old one."""
        h, count = self.curvatures, len(self._rows)
        yy = np.einsum("i,iajb,j->ab", self.C, second, self.C)
        squares = ((self._rows @ yy) * self._rows).sum(axis=1)
        uu = self.share * (self._rows.T * squares) @ self._rows / count + (1 - self.share) * h[:, None] * yy * h
        su = np.einsum("iajb,j->iab", second, self.C) * h
        crossed = np.einsum("ki,iab,l->kalb", self.A, su, self.B, optimize=True)
        kept = np.einsum("ki,iajb,lj->kalb", self.A, second, self.A, optimize=True)
        return kept + crossed + crossed.transpose(2, 3, 0, 1) + np.einsum("k,l,ab->kalb", self.B, self.B, uu)

    def _added(self, y: np.ndarray) -> np.ndarray:
        """What the residuals add where y has the mean ``y``."""
        weights = self.residuals**2 - 2 * self.residuals * (self._rows @ y)
        uu = self.share * (self._rows.T * weights) @ self._rows / len(self._rows)
        return np.einsum("k,l,ab->kalb", self.B, self.B, uu)
