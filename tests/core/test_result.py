"""Results serialise without losing what they mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import sympy as sp

from dynopt import Outcome
from dynopt.core.result import Result, plain


@dataclass(frozen=True)
class Found(Result):
    gamma: Fraction
    outcome: Outcome
    points: np.ndarray
    inner: dict


def test_plain_values():
    document = Found(Fraction(1, 3), Outcome.DIVERGED, np.array([[1.0, np.nan], [np.inf, 2.0]]), {1: (sp.sqrt(2), Path("a"))}).to_dict()
    assert document == {"gamma": "1/3", "outcome": "diverged", "points": [[1.0, "nan"], ["inf", 2.0]], "inner": {"1": ["sqrt(2)", "a"]}}
    json.dumps(document, allow_nan=False)


def test_numpy_scalars_keep_their_kind():
    assert plain([np.int64(3), np.float64(0.5), np.bool_(True), None, True]) == [3, 0.5, True, None, True]
    assert plain(np.float64("inf")) == "inf"
    assert [type(v) for v in plain([np.int64(3), np.float64(0.5), np.bool_(True)])] == [int, float, bool]
