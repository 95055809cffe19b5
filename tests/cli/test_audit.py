"""``dynopt audit``: the document, the exit codes, a user's file."""

from __future__ import annotations

import json

KEYS = {"optimizer", "verdict", "linear", "state_space", "characteristic_polynomial", "equivalent_to", "differs_at"}
MINE = """import torch

class MySGD(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                v = self.state[p].setdefault("v", torch.zeros_like(p))
                v.mul_(group["momentum"]).add_(p.grad, alpha=1 - group["momentum"])
                p.sub_(v, alpha=group["lr"])
"""


def test_the_document_and_the_exit_codes(dynopt):
    code, out, said = dynopt(
        "audit", "torch.optim:SGD", "--param", "lr=0.1,momentum=0.9", "--against", "heavy_ball(gamma=1/10, momentum=9/10)", "--json"
    )
    found = json.loads(out)
    assert (code, said) == (0, "")
    assert set(found) >= KEYS
    assert (found["verdict"], found["linear"], found["differs_at"]) == ("matches", True, None)
    assert found["state_space"]["A"] == [["19/10", "1"], ["-9/10", "0"]]
    assert found["state_space"]["B"] == [["-1/10"], ["0"]]
    assert (found["state_space"]["C"], found["state_space"]["D"]) == ([["1", "0"]], [["0"]])
    code, out, _ = dynopt("audit", "torch.optim:LBFGS", "--json")
    assert (code, json.loads(out)["verdict"]) == (1, "cannot tell")


def test_a_file_of_the_user(here, dynopt):
    """An average in place of a sum: the step is a tenth of what the heavy ball takes."""
    (here / "mine.py").write_text(MINE)
    code, out, _ = dynopt("audit", "mine.py:MySGD", "--against", "heavy_ball(gamma=0.1, momentum=0.9)")
    assert code == 1
    assert "differs: gamma is 1/100 and not 1/10; first in iteration 1" in out
    assert "stable for λ in (0, 380)" in out
    code, out, _ = dynopt("audit", "mine.py:MySGD", "--param", "lr=1", "--against", "heavy_ball")
    assert code == 0
    assert "characteristic polynomial" in out


def test_misuse_is_one_sentence_and_code_2(dynopt):
    for words, part in (
        (("audit", "torch.optim:SGDD"), "did you mean SGD?"),
        (("audit", "torch.optim:SGD", "--param", "lr=x"), "cannot be built"),
        (("audit", "torch.optim:SGD", "--against", "gdd"), "did you mean gd?"),
    ):
        for extra in ((), ("--json",)):
            code, out, said = dynopt(*words, *extra)
            assert (code, out, said.count("\n")) == (2, "", 1)
            assert part in said
