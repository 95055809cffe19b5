"""Small torch optimizers as people write them, each with the slips that people make: ``Adam(parameters, bug="...")``.

Without a bug each is right.  A bug is one changed line, marked by its name; the names are listed in ``study.py``.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class Base(Optimizer):
    """One parameter after the other: ``move`` changes it."""

    def __init__(self, parameters, bug="", **defaults):
        super().__init__(parameters, defaults)
        self.bug = bug
        self.count = 0

    @torch.no_grad()
    def step(self, closure=None):
        self.count += 1
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if "k" not in state:
                    state["k"] = 0
                    self.begin(p, state, group)
                state["k"] += 1
                g = p.grad
                if self.bug == "stale gradient":
                    g, state["g"] = state.get("g", torch.zeros_like(g)), g.clone()
                self.move(p, g, state, group)

    def begin(self, p, state, group):
        pass


class SGD(Base):
    """v ← mv + (1 − τ)(g + wθ), θ ← θ − γv; with nesterov, θ ← θ − γ(g + mv)."""

    def __init__(self, parameters, lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False, bug=""):
        super().__init__(parameters, bug, lr=lr, m=momentum, tau=dampening, w=weight_decay, nesterov=nesterov)

    def begin(self, p, state, group):
        state["v"] = torch.zeros_like(p)

    def move(self, p, g, state, group):
        lr, m, tau, w, bug, v = group["lr"], group["m"], group["tau"], group["w"], self.bug, state["v"]
        decay = {"weight decay times lr": lr * w, "weight decay of the other sign": -w, "weight decay halved": w / 2}.get(bug, w)
        if bug == "decoupled decay":
            p.mul_(1 - lr * w)
        elif bug == "decay after momentum":
            p.sub_(lr * w * p)
        elif w:
            g = g + decay * p
        old = v.clone()
        if bug == "aliased buffer":
            state["v"] = v = g if state["k"] == 1 else v.mul_(m).add_(g)
        elif bug == "average":
            v.mul_(m).add_(g, alpha=1 - m)
        elif bug == "swapped momentum":
            v.add_(g, alpha=m)
        elif bug == "lr twice":
            v.mul_(m).add_(g, alpha=lr)
        elif bug == "first gradient twice":
            v.copy_(g if state["k"] == 1 else v).mul_(m).add_(g)
        elif bug == "undampened first step" and state["k"] == 1:
            v.copy_(g)
        elif bug == "dampening as momentum":
            v.mul_(1 - tau).add_(g, alpha=m)
        elif bug == "momentum of the step":
            v.mul_(m).add_(g).mul_(m)
        elif bug == "rescaled average":
            v.mul_(m).add_(g, alpha=1 - m)
        else:
            v.mul_(m).add_(g, alpha=1 - tau)
        if bug == "ascent":
            p.add_(v, alpha=lr)
        elif bug == "old velocity":
            p.sub_(old, alpha=lr)
        elif bug == "rescaled average":
            p.sub_(v, alpha=lr / (1 - m))
        elif not group["nesterov"] or bug == "no look-ahead":
            p.sub_(v, alpha=lr)
        elif bug == "look-ahead with the old velocity":
            p.sub_(g + m * old, alpha=lr)
        elif bug == "look-ahead without momentum":
            p.sub_(g + v, alpha=lr)
        elif bug == "momentum squared":
            p.sub_(g + m * m * v, alpha=lr)
        elif bug == "gradient forgotten":
            p.sub_(m * v, alpha=lr)
        else:
            p.sub_(g + m * v, alpha=lr)


class HeavyBall(Base):
    """θ ← θ − γg + m(θ − θ₋)."""

    def __init__(self, parameters, lr=0.1, momentum=0.9, bug=""):
        super().__init__(parameters, bug, lr=lr, m=momentum)

    def begin(self, p, state, group):
        state["before"] = p.detach() if self.bug == "aliased iterate" else p.clone()
        state["long before"] = p.clone()

    def move(self, p, g, state, group):
        lr, m, bug = group["lr"], group["m"], self.bug
        difference = p - state["before"]
        if bug == "iterate before last":
            difference = p - state["long before"]
        state["long before"] = state["before"].clone()
        if bug != "aliased iterate":
            state["before"] = p.clone()
        if bug == "other sign":
            difference = -difference
        if bug == "momentum times lr":
            difference = lr * difference
        if bug == "momentum from the new iterate":
            p.sub_(g, alpha=lr)
            p.add_(p - state["before"] + difference, alpha=m)
        elif bug == "one minus momentum":
            p.sub_(g, alpha=lr).add_(difference, alpha=1 - m)
        elif bug == "damped gradient":
            p.sub_(g, alpha=lr * (1 - m)).add_(difference, alpha=m)
        else:
            p.sub_(g, alpha=lr).add_(difference, alpha=m)
        if bug == "previous iterate too new":
            state["before"] = p.clone()


class INNA(Base):
    """θ ← θ + γ[(1/β − α)θ − ψ/β − βg], ψ ← ψ + γ[(1/β − α)θ − ψ/β], ψ₀ = (1 − αβ)θ₀ − (β² − β)g₀."""

    def __init__(self, parameters, lr=0.02, alpha=0.5, beta=0.1, bug=""):
        if bug == "swapped":
            alpha, beta = beta, alpha
        super().__init__(parameters, bug, lr=lr, a=alpha, b=beta)

    def begin(self, p, state, group):
        a, b, bug = group["a"], group["b"], self.bug
        start = (1 - a * b) * p - (b * b - b) * p.grad
        if bug == "psi from zero":
            start = torch.zeros_like(p)
        if bug == "pytorch start":
            start = (1 - a * b) * p
        if bug == "start of the other sign":
            start = (1 - a * b) * p + (b * b - b) * p.grad
        if bug == "start 1 + ab":
            start = (1 + a * b) * p - (b * b - b) * p.grad
        state["psi"] = start.clone()

    def move(self, p, g, state, group):
        lr, a, b, bug, psi = group["lr"], group["a"], group["b"], self.bug, state["psi"]
        inverse = b if bug == "beta for 1/beta" else 1 / b
        linear = (inverse - a) * p - psi * inverse
        if bug == "sign of alpha":
            linear = (inverse + a) * p - psi * inverse
        if bug == "sign of psi":
            linear = (inverse - a) * p + psi * inverse
        if bug == "psi first":
            psi.add_(linear, alpha=lr)
            p.add_((inverse - a) * p - psi * inverse - b * g, alpha=lr)
            return
        if bug == "gradient without beta":
            p.add_(linear - g, alpha=lr)
        elif bug == "gradient divided by beta":
            p.add_(linear - g / b, alpha=lr)
        else:
            p.add_(linear - b * g, alpha=lr)
        if bug == "theta first":
            linear = (inverse - a) * p - psi * inverse
        if bug == "psi without lr":
            psi.add_(linear)
        elif bug == "gradient in psi":
            psi.add_(linear - b * g, alpha=lr)
        else:
            psi.add_(linear, alpha=lr)


class Adam(Base):
    """Adam, bias-corrected, ε outside the root; decoupled weight decay."""

    def __init__(self, parameters, lr=1e-2, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.0, bug=""):
        super().__init__(parameters, bug, lr=lr, b1=beta1, b2=beta2, eps=eps, w=weight_decay)

    def begin(self, p, state, group):
        kind = torch.float32 if self.bug == "single precision" else p.dtype
        state["m"], state["v"] = torch.zeros_like(p, dtype=kind), torch.zeros_like(p, dtype=kind)
        state["top"] = torch.zeros_like(p)

    def move(self, p, g, state, group):
        lr, b1, b2, eps, w, bug, k = group["lr"], group["b1"], group["b2"], group["eps"], group["w"], self.bug, state["k"]
        if bug == "swapped betas":
            b1, b2 = b2, b1
        if bug == "counted once a tensor":
            self.total = getattr(self, "total", 0) + 1
            k = self.total
        m, v, old = state["m"], state["v"], state["m"].clone()
        if bug == "coupled decay":
            g = g + w * p
        elif bug == "decay in m only":
            pass
        elif w and bug not in ("decay after", "decay of the update"):
            p.mul_(1 - {"decay without lr": w, "decay times lr twice": lr * lr * w, "decay of the other sign": -lr * w}.get(bug, lr * w))
        m.mul_(b1).add_(g + w * p if bug == "decay in m only" else g, alpha=1 if bug == "m without 1 - beta1" else 1 - b1)
        square = {"square of m": m * m, "m times g": m * g, "absolute value": g.abs()}.get(bug, g * g)
        if bug == "max for sum":
            v.copy_(torch.maximum(b2 * v, (1 - b2) * square))
        else:
            v.mul_(b2).add_(square, alpha=1 if bug == "v without 1 - beta2" else 1 - b2)
        c1 = 1.0 if bug in ("no bias correction", "no first correction") else 1 - b1 ** (k + 1 if bug == "exponent off by one" else k)
        c2 = 1.0 if bug in ("no bias correction", "no second correction") else 1 - b2 ** (k + 1 if bug == "exponent off by one" else k)
        if bug == "correction by beta1 twice":
            c2 = 1 - b1**k
        if bug == "correction in place":
            m.div_(c1)
        used = old if bug == "old m" else g if bug == "gradient for m" else m
        if bug == "correction of the root forgotten":
            size = v.sqrt() / c2 + eps
        elif bug == "eps inside":
            size = (v / c2 + eps).sqrt()
        elif bug == "eps before correction":
            size = (v.sqrt() + eps) / c2**0.5
        elif bug == "no root":
            size = v / c2 + eps
        elif bug == "maximum kept":
            state["top"] = torch.maximum(state["top"], v)
            size = (state["top"] / c2).sqrt() + eps
        elif bug == "eps of 1e-6":
            size = (v / c2).sqrt() + 1e-6
        else:
            size = (v / c2).sqrt() + eps
        update = used / c1 / size
        if bug == "correction in place":
            update = used / size
        if bug == "decay of the update":
            update = update * (1 + w)
        p.sub_(update.to(p.dtype), alpha=lr)
        if bug == "decay after":
            p.mul_(1 - lr * w)


class RMSprop(Base):
    """v ← αv + (1 − α)g², θ ← θ − γg/(√v + ε)."""

    def __init__(self, parameters, lr=1e-2, alpha=0.9, eps=1e-8, bug=""):
        super().__init__(parameters, bug, lr=lr, alpha=alpha, eps=eps)

    def begin(self, p, state, group):
        state["v"] = torch.ones_like(p) if self.bug == "v from one" else torch.zeros_like(p)
        state["mean"] = torch.zeros_like(p)

    def move(self, p, g, state, group):
        lr, alpha, eps, bug, v = group["lr"], group["alpha"], group["eps"], self.bug, state["v"]
        old = v.clone()
        if bug == "swapped weights":
            alpha = 1 - alpha
        v.mul_(alpha).add_(g * g, alpha=1 if bug == "without 1 - alpha" else 1 - alpha)
        state["mean"].mul_(alpha).add_(g, alpha=1 - alpha)
        if bug == "centered":
            v = v - state["mean"] ** 2
        if bug == "old v":
            v = old
        if bug == "eps inside":
            p.sub_(lr * g / (v + eps).sqrt())
        elif bug == "no root":
            p.sub_(lr * g / (v + eps))
        elif bug == "maximum with eps":
            p.sub_(lr * g / v.sqrt().clamp(min=eps))
        elif bug == "bias-corrected":
            p.sub_(lr * g / ((v / (1 - alpha ** state["k"])).sqrt() + eps))
        else:
            p.sub_(lr * g / (v.sqrt() + eps))


class AdaGrad(Base):
    """s ← s + g², θ ← θ − γg/(√s + ε)."""

    def __init__(self, parameters, lr=1e-2, eps=1e-8, bug=""):
        super().__init__(parameters, bug, lr=lr, eps=eps)

    def begin(self, p, state, group):
        state["s"] = torch.zeros_like(p)

    def move(self, p, g, state, group):
        lr, eps, bug, s, k = group["lr"], group["eps"], self.bug, state["s"], state["k"]
        old = s.clone()
        s.add_(g.abs() if bug == "sum of absolute values" else g * g)
        if bug == "mean for sum":
            s = s / k
        if bug == "old sum":
            s = old
        if bug == "lr decays":
            lr = lr / k**0.5
        if bug == "eps inside":
            p.sub_(lr * g / (s + eps).sqrt())
        elif bug == "no root":
            p.sub_(lr * g / (s + eps))
        else:
            p.sub_(lr * g / (s.sqrt() + eps))


class SNGD(Base):
    """θ ← θ − γg/‖g‖, the norm over all parameters; where it is zero nothing moves."""

    def __init__(self, parameters, lr=1e-2, bug=""):
        super().__init__(parameters, bug, lr=lr)
        self.before = None

    @torch.no_grad()
    def step(self, closure=None):
        parameters = [p for group in self.param_groups for p in group["params"]]
        lr, bug = self.param_groups[0]["lr"], self.bug
        flat = torch.cat([p.grad.ravel() for p in parameters])
        norm = flat.norm(1) if bug == "sum of absolute values" else flat.norm()
        if bug == "squared norm":
            norm = norm * norm
        if bug == "root mean square":
            norm = norm / flat.numel() ** 0.5
        if bug == "largest entry":
            norm = flat.abs().max()
        if bug == "old norm":
            norm, self.before = (norm if self.before is None else self.before), norm
        if bug == "clipped":
            norm = norm.clamp(min=1.0)
        if bug == "eps of 1e-6":
            norm = norm + 1e-6
        for p in parameters:
            size = p.grad.norm() if bug == "norm of each tensor" else p.grad.abs() if bug == "norm of each coordinate" else norm
            step = torch.where(size > 0, p.grad / size, torch.zeros_like(p))
            p.sub_(step, alpha=-lr if bug == "ascent" else lr)
