"""``dynopt equivalent`` with one method."""

import json

from dynopt import Flow
from dynopt.core.registry import METHODS, method_class


def test_the_table_of_one_method(dynopt):
    code, out, _ = dynopt("equivalent", "gradient_flow")
    assert code == 0
    assert "gradient_flow is din with α = 1, β = 1" in " ".join(out.split())
    flows = sum(issubclass(method_class(name), Flow) for name in METHODS)
    assert f"3 relations between 3 of {flows - 1} ordered pairs, 3 verified" in out
    assert "depends on t" in out


def test_document_of_one_method(dynopt):
    code, out, _ = dynopt("equivalent", "gradient_flow", "--json")
    pairs = json.loads(out)["pairs"]
    assert code == 0
    assert {p["first"] for p in pairs} == {"gradient_flow"}
    assert all({"second", "relations", "note"} <= p.keys() for p in pairs)
    assert next(p for p in pairs if p["second"] == "din")["relations"][0]["verified"]


def test_an_unknown_method_is_misuse(dynopt):
    code, out, err = dynopt("equivalent", "ina")
    assert (code, out) == (2, "")
    assert "did you mean inna" in err
