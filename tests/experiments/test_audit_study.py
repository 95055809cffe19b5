"""The auditor's study, thinned out: no bug missed, no false alarm, torch.optim as documented."""

from __future__ import annotations

import csv

from dynopt.study import load_study


def test_a_sample_of_the_study(tmp_path):
    study = load_study("audit")
    bugs = study.function.__globals__["BUGS"]
    assert sum(map(len, bugs.values())) >= 50
    found = study.function(folder=tmp_path, seed=3, every=12)
    assert (found["missed"], found["false alarms"], found["misclassified"]) == ([], [], [])
    assert found["caught"] == found["bugs"] >= 8
    rows = list(csv.DictReader((tmp_path / "audits.csv").open(encoding="utf-8")))
    assert {r["verdict"] for r in rows if r["list"] == "bug"} == {"differs"}
    assert (tmp_path / "bugs.png").stat().st_size > 10_000
