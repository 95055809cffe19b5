"""The trajectory figure: what it draws, and that nothing overlaps or is cut off."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dynopt import GradientDescent, GradientFlow, Landscape, Quadratic, trajectory
from dynopt.errors import Misuse
from dynopt.flow.events import objective_level, turning_point
from dynopt.plot.landscape import Box, box_around, critical_points, lowest_value, shade_concave
from dynopt.plot.trajectory import spaced
from dynopt.problems.landscapes import double_well, thesis_2_1, thesis_3_1_right

QUARTIC = Landscape(lambda x: -(x**4), name="quartic")
CASES = {
    "pair": (["din(alpha=2,beta=0.1)", "inna(alpha=2,beta=0.1,gamma=0.05)"], "thesis-3.2", {"start": (1, 1), "horizon": 5}),
    "many": (
        [
            "din(alpha=1,beta=0.2)",
            "inna(alpha=1,beta=0.2,gamma=0.05)",
            "hbf(alpha=1)",
            "nesterov(gamma=0.0025,momentum=0.95)",
            "gd(gamma=0.05)",
        ],
        "double-well",
        {"start": (0.1, 1.9), "horizon": 5},
    ),
    "flows": (["din(alpha=1,beta=0.2)", "gradient_flow"], "double-well", {"horizon": 3}),
    "kink": (["inna(alpha=1.3,beta=0.1,gamma=0.01)"], "thesis-2.1", {"horizon": 2}),
    "line": ([GradientFlow(), GradientDescent(gamma=0.1)], QUARTIC, {"start": [1], "horizon": 1}),
    "space": (["gd(gamma=0.05)"], Quadratic([1, 2, 3]), {"horizon": 3}),
    "wide": (["gd(gamma=0.05)"], Quadratic(list(range(1, 31))), {"horizon": 3}),
    "diverged": (["gd(gamma=0.6)", "inna(alpha=2,beta=0.1,gamma=0.05)"], "thesis-3.2", {"horizon": 10}),
    "rest": (["gd(gamma=0.1)"], Quadratic([1, 2]), {"start": (0, 0), "horizon": 1}),
    "event": (["hbf(alpha=0)"], Quadratic([1, 3]), {"horizon": 5, "events": ["turning-point(coordinate=1)"]}),
}


@pytest.fixture(scope="module")
def studies():
    made = {}

    def get(name):
        if name not in made:
            methods, problem, rest = CASES[name]
            made[name] = trajectory(methods, problem, levels=2, **rest)
        return made[name]

    return get


QUICK = ("many", "kink", "line", "rest")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES])
def test_nothing_is_cut_off_and_the_legend_covers_no_axes(studies, name):
    figure = studies(name).figure()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    whole = figure.bbox
    for axes in figure.axes:
        for text in [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]:
            extent = text.get_window_extent(renderer)
            inside = extent.x0 >= -1 and extent.x1 <= whole.width + 1 and extent.y1 <= whole.height + 1
            assert inside or not text.get_text(), text.get_text()
    [legend] = figure.legends
    area = legend.get_window_extent(renderer)
    assert area.x0 >= 0
    assert area.x1 <= whole.width
    assert not any(area.overlaps(axes.get_window_extent(renderer)) for axes in figure.axes)
    panels = [axes.get_window_extent(renderer) for axes in figure.axes]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(panels, 2))
    for axes in figure.axes:
        drawn = [line for line in axes.lines if np.isfinite(line.get_ydata()).any()]
        assert drawn or axes.texts, "an empty panel"


def test_the_plane_shows_what_was_computed(studies):
    study = studies("pair")
    plane, gap, distance = study.figure().axes
    assert plane.get_aspect() == 1.0
    flow, dots = plane.lines[:2]
    np.testing.assert_array_equal(np.transpose(flow.get_data()), study.curves[0].points)
    assert flow.get_linestyle() != "None"
    assert dots.get_linestyle() == "None"
    assert {tuple(p) for p in np.transpose(dots.get_data())} <= {tuple(p) for p in study.curves[1].points}
    assert (distance.get_yscale(), gap.get_yscale()) == ("log", "log")
    np.testing.assert_allclose(distance.lines[0].get_ydata()[1:], study.distances[0].gaps[0].values[1:])
    assert "order 1.0" in distance._left_title.get_text()
    assert gap.get_ylabel() == "J − minimum"


def test_curves_differ_without_colour(studies):
    plane = studies("many").figure().axes[0]
    styles = [(line.get_linestyle(), line.get_marker()) for line in plane.lines if len(line.get_xdata()) > 2]
    assert len(set(styles)) == len(styles) == 5


def test_eight_curves_differ_and_each_event_has_its_sign(studies):
    from dynopt.plot.palette import colour, line, marker

    assert len({(colour(i), line(i)) for i in range(49)}) == len({(colour(i), marker(i)) for i in range(49)}) == 49
    study = trajectory(["hbf(alpha=0)", "gradient_flow"], Quadratic([1, 3]), horizon=4, events=[turning_point(1), objective_level(0.5)])
    figure = study.figure()
    signs = {a.get_label(): a.get_marker() for a in figure.axes[0].lines if a.get_markerfacecolor() == "none" and a.get_label()[0] != "_"}
    assert set(signs) == {"turning point of coordinate 1", "J = 0.5"}
    assert len(set(signs.values())) == 2


def test_a_distance_to_another_flow_has_no_order(studies):
    distance = studies("many").figure().axes[2]
    told = distance._left_title.get_text().splitlines()
    assert [line.endswith("not its own flow") for line in told] == [False, False, True, True]


@pytest.mark.slow
def test_a_wild_curve_does_not_set_the_scale(studies):
    plane = studies("diverged").figure().axes[0]
    assert plane.get_xlim()[1] < 5
    assert any("leaves the picture" in text.get_text() for text in plane.figure.legends[0].get_texts())


def test_other_dimensions_show_coordinates_over_time(studies):
    study = studies("wide")
    *panels, gap, _ = study.figure().axes
    assert [axes.get_ylabel() for axes in panels] == ["θ₁", "θ₆", "θ₁₂", "θ₁₈", "θ₂₄", "θ₃₀"]
    assert panels[0].get_title().endswith("6 of 30 coordinates")
    assert panels[-1].get_xlabel() == gap.get_xlabel() == "time"
    np.testing.assert_array_equal(panels[1].lines[0].get_ydata(), study.curves[0].points[:, 5])


def test_energies_in_place_of_the_gap(studies):
    study = studies("pair")
    panel = study.figure(panel="energy").axes[1]
    assert panel.get_ylabel() == "energy E"
    np.testing.assert_allclose(panel.lines[0].get_ydata(), study.curves[0].energies[-1].values)
    with pytest.raises(Misuse, match="choose gap or energy"):
        study.figure(panel="both")
    with pytest.raises(Misuse, match="declares an energy"):
        replace(study, curves=tuple(replace(c, energies=()) for c in study.curves)).figure(panel="energy")


def test_spaced_points():
    points = np.array([[0.0, 0.0], [0.01, 0.0], [0.2, 0.0], [0.2, 0.05], [0.2, 0.4], [0.2, 0.41]])
    assert spaced(points, 0.1).tolist() == [0, 2, 4, 5]
    assert spaced(points[:1], 0.1).tolist() == [0]


def test_boxes_hold_their_points_and_survive_degenerate_ones():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 2)) * [10, 0.01]
    box = box_around(points)
    assert all(box.holds(p) for p in points)
    assert (box.top - box.bottom) >= 0.5 * (box.right - box.left)
    assert box_around(np.zeros((1, 2))).diagonal > 0


def test_known_minima():
    assert lowest_value(double_well) == -4
    assert lowest_value(thesis_2_1) == 0
    assert ("strict saddle", (0.0, 0.0)) in critical_points(double_well)
    assert critical_points(Landscape(lambda x, y: (x * y - 1) ** 4 + y**8)) == []  # too high a degree to be sure of a quick answer
    assert lowest_value(thesis_3_1_right) == 0  # degenerate: the figure uses it only if nothing is seen below


def test_concave_region_is_shaded_exactly():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    shade_concave(axes, double_well, Box(-2, 2, -1, 1))
    [mesh] = axes.collections
    columns = np.ma.getmaskarray(mesh.get_array()).reshape(241, 241)[0]
    x = np.linspace(-2, 2, 241)
    np.testing.assert_array_equal(~columns, 12 * x**2 - 8 < 0)
