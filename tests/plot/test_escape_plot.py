"""What the figure of an escape study shows."""

from __future__ import annotations

import numpy as np
import pytest

import dynopt

GD = "gd(gamma=0.02)"


@pytest.fixture(scope="module")
def study():
    return dynopt.escape_study([GD, "nesterov(gamma=0.02, momentum=0.9)"], runs=1500, also=[])


def line(axes, label):
    return next(found for found in axes.get_lines() if found.get_label() == label)


def test_measurement_as_dots_and_law_as_a_line(study):
    figure = study.figure()
    assert len(figure.axes) == 4
    left, right = figure.axes[:2]
    t = study.methods[0].times[0]
    law = line(left, "law, with nonlinear offset")
    steps = law.get_xdata().astype(int)
    np.testing.assert_allclose(law.get_ydata(), t.law.best.pmf[steps])
    assert line(left, "quadratic law").get_linestyle() == "--"
    dots = left.containers[0].lines[0]
    assert dots.get_linestyle() == "None"
    np.testing.assert_allclose(dots.get_ydata(), t.counts[dots.get_xdata().astype(int)] / 1500)
    assert dots.get_ydata().sum() == pytest.approx(1)
    gap = line(right, f"largest {t.kolmogorov:.2g}")
    assert np.abs(gap.get_ydata()).max() == pytest.approx(t.kolmogorov)
    assert left.get_title(loc="left") == GD


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"methods": "gd(gamma=0.1/(k+1)**0.25)"}, "measured (no law)"),
        ({"methods": GD, "start": "stable", "scale": 1.0}, "measured (no law)"),
        ({"methods": GD, "max_steps": 180}, "95 % band ±1.36/√runs"),
        ({"methods": GD, "problem": "quadratic(spectrum=[-8,2])"}, "95 % band ±1.36/√runs"),
        ({"methods": GD, "exit": "concave"}, "95 % band ±1.36/√runs"),
        ({"methods": GD, "runs": 1}, "95 % band ±1.36/√runs"),
    ],
)
def test_every_kind_of_study_can_be_drawn(settings, expected, tmp_path):
    study = dynopt.escape_study(**{"runs": 60, "also": [], **settings})
    figure = study.figure()
    figure.savefig(tmp_path / "figure.png")
    horizon = len(study.methods[0].times[0].counts) - 1
    assert max(found.get_xdata()[-1] for found in figure.axes[1].get_lines() if len(found.get_xdata()) > 2) <= horizon
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert expected in labels
    if settings.get("start") == "stable":
        assert "no run left within" in figure.axes[0].texts[0].get_text()
