"""Many starts: on the double well the gradient flow keeps the sign of θ₁; on a quadratic paths are exponentials and powers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dynopt import Quadratic, problem
from dynopt.errors import Misuse
from dynopt.flow.starts import draw_starts, many_starts, read_starts

WELL = problem("double-well")
STARTS = np.array([[0.3, 1.0], [-0.2, 1.0], [1.8, -1.0], [0.0, 0.7]])


def test_the_gradient_flow_ends_on_its_side_and_on_the_saddle_from_the_line_between():
    found = many_starts(["gradient_flow"], WELL, STARTS)
    [end] = found.ends
    assert end.points[end.labels[:3], 0] == pytest.approx([np.sqrt(2), -np.sqrt(2), np.sqrt(2)])
    assert end.kinds[end.labels[3]] == "strict saddle"
    document = found.to_dict()
    assert [row["count"] for row in document["methods"][0]["ends"]] == [1, 1, 2]
    assert np.shape(document["starts"]) == (4, 2)


def test_paths_are_those_of_the_closed_forms():
    starts = np.array([[1.0, 2.0], [-3.0, 0.5]])
    flow, descent = many_starts(["gradient_flow", "gd(gamma=0.1)"], Quadratic([1, 2]), starts, 6.0).paths
    np.testing.assert_allclose(flow[:, 0], starts)
    np.testing.assert_allclose(flow[:, -1], starts * np.exp([-6.0, -12.0]), atol=1e-6)
    assert descent.shape == (2, 61, 2)
    np.testing.assert_allclose(descent[:, 7], starts * [0.9**7, 0.8**7], rtol=1e-12)


def test_drawn_starts_surround_the_critical_points_and_depend_on_the_seed_alone():
    drawn = draw_starts(WELL, 500, seed=3)
    np.testing.assert_array_equal(drawn, draw_starts(WELL, 500, seed=3))
    assert not np.array_equal(drawn, draw_starts(WELL, 500, seed=4))
    assert np.max(np.abs(drawn)) <= 1.2 * 1.9  # the farthest coordinate of the problem's own start
    assert drawn.min(axis=0) == pytest.approx([-2.28, -2.28], abs=0.05)


def test_starts_from_a_file(tmp_path):
    (tmp_path / "s.csv").write_text("# x, y\n0.3,1\n-0.2,1\n")
    np.testing.assert_array_equal(read_starts(tmp_path / "s.csv"), STARTS[:2])
    (tmp_path / "bad.csv").write_text("a,b\n")
    (tmp_path / "empty.csv").write_text("")
    for name in ("bad.csv", "none.csv", "empty.csv"):
        with pytest.raises(Misuse, match="holds no starts"):
            read_starts(tmp_path / name)


@pytest.mark.parametrize(
    ("methods", "where", "starts", "words"),
    [
        ([], WELL, STARTS, "no method to run"),
        (["gradient_flow"], WELL, [[1.0]], "do not fit double-well"),
        (["gradient_flow"], problem("thesis-2.1"), STARTS, "has kinks"),
        (["gradient_flow"], problem("thesis-3.1-left"), STARTS, "not all isolated"),
        (["gradient_flow"], WELL, np.zeros((2001, 2)), "at most 2000"),
        (["gd(gamma=0.1)"], WELL, np.full((1, 2), np.nan), "not finite"),
    ],
)
def test_misuse(methods, where, starts, words):
    with pytest.raises(Misuse, match=words):
        many_starts(methods, where, starts)


@pytest.mark.slow
def test_the_figure_has_a_landscape_a_method_and_counts_in_its_titles():
    study = many_starts(["gradient_flow", "gd(gamma=0.3)", "gd(gamma=0.01)"], WELL, STARTS, 3.0)
    figure = study.figure()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "gradient_flow\n1 to (-1.41, 0), 1 to (0, 0), 2 to (1.41, 0)"
    assert "2 diverge" in titles[1]
    assert "1 elsewhere" in titles[1]
    renderer = canvas.get_renderer()
    [legend] = figure.legends
    area = legend.get_window_extent(renderer)
    assert not any(area.overlaps(axes.get_window_extent(renderer)) for axes in figure.axes)
    assert all(axes.get_aspect() == 1 for axes in figure.axes)
    with pytest.raises(Misuse, match="at most 4"):
        many_starts(["gd(gamma=0.1)"] * 5, WELL, STARTS).figure()
    with pytest.raises(Misuse, match="for two"):
        many_starts(["gd(gamma=0.1)"], Quadratic([1, 2, 3]), np.ones((2, 3))).figure()


def test_it_is_kept_as_a_still_figure_with_its_numbers(tmp_path):
    study = many_starts(["gradient_flow"], WELL, STARTS)
    path = study.save(tmp_path / "a.png")
    data = np.load(path.with_suffix(".npz"))
    np.testing.assert_array_equal(data["starts"], STARTS)
    np.testing.assert_array_equal(data["label0"], study.ends[0].labels)
    for name in ("a.gif", "folder"):
        with pytest.raises(Misuse, match="still figure"):
            study.save(tmp_path / name)
