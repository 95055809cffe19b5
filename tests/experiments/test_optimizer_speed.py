"""The study of optimizer speed: the networks of the publications, all rivals, every target judged."""

from __future__ import annotations

import sys

import pytest

from dynopt.study import load_study, run_study


def test_the_networks_have_the_published_numbers_of_parameters():
    study = load_study("optimizer-speed")
    module = sys.modules[study.function.__module__]
    sizes = {name: [p.numel() for p in getattr(module, name)().parameters()] for name in ("lenet", "resnet20")}
    assert {name: (sum(s), len(s)) for name, s in sizes.items()} == {"lenet": (62_006, 10), "resnet20": (269_722, 59)}


@pytest.mark.slow
def test_a_short_run(here):
    small = {"numbers": 1000, "calls": 1, "list_calls": 2, "repeats": 2, "batches": 1, "batch": 4, "epochs": 1}
    done = run_study("optimizer-speed", settings=small)
    judged = done.summary["targets"]
    assert len(judged) == 6
    assert all(t["wall"] > 0 and t["met"] == (t["wall"] <= float(name.rpartition("≤")[2])) for name, t in judged.items())
    assert {"table.csv", "arrays.npz", "optimizer-speed.png"} <= {p.name for p in done.folder.iterdir()}
