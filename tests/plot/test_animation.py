"""Animations: a GIF of many frames, and a page that needs nothing but itself."""

from __future__ import annotations

import itertools
import json
import re

import numpy as np
import pytest
from PIL import Image

from dynopt import GradientFlow, Landscape, Quadratic, trajectory
from dynopt.errors import Misuse
from dynopt.plot.animation import write_animation

QUARTIC = Landscape(lambda x: -(x**4), name="quartic")
CASES = {
    "plane": (
        ["hbf(alpha=0)", "heavy_ball(gamma=0.01,momentum=0.99)"],
        Quadratic([1, 3]),
        {"horizon": 4, "events": ["turning-point(coordinate=1)"]},
    ),
    "diverged line": (["gradient_flow", "gd(gamma=0.1)"], QUARTIC, {"start": [1], "horizon": 1}),
    "space": (["gd(gamma=0.05)"], Quadratic([1, 2, 3]), {"horizon": 3}),
}  # fmt: skip


def study(name):
    methods, problem, rest = CASES[name]
    return trajectory(methods, problem, levels=2, **rest)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plane", "space"])
def test_a_gif_has_frames_that_differ_and_ends_with_the_whole_figure(name, tmp_path):
    path = study(name).save(tmp_path / "a.gif")
    assert path.stat().st_size < 5e6
    with Image.open(path) as picture:
        count = picture.n_frames
        assert count > 50
        pixels = []
        for k in (0, count // 2, count - 1):
            picture.seek(k)
            pixels.append(np.asarray(picture.convert("RGB")).astype(int))
    changed = [np.any(np.abs(a - b) > 40, axis=-1) for a, b in itertools.pairwise(pixels)]
    assert all(0.0001 < c.mean() < 0.1 for c in changed)  # the curves and the cursor, and nothing else
    middle = pixels[0].shape[1] * 6 // 10
    assert all(c[:, middle:].any() for c in changed)  # the cursor in the panels over time
    blue = [np.count_nonzero(np.abs(p[:, :middle] - (0, 114, 178)).max(axis=-1) < 40) for p in pixels]
    assert blue[0] < blue[1] < blue[2]


def read(path):
    page = path.read_text(encoding="utf-8")
    return page, json.loads(re.search(r"const data = (.*);\n", page).group(1).replace("<\\/", "</"))


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """The study in the plane and its page."""
    found = study("plane")
    return found, found.save(tmp_path_factory.mktemp("plane") / "a.html")


@pytest.mark.parametrize("name", CASES)
def test_a_page_refers_to_nothing_outside_it(name, plane, tmp_path):
    path = plane[1] if name == "plane" else study(name).save(tmp_path / "a.html")
    page, data = read(path)
    assert path.stat().st_size < 2e6
    assert "http" not in page
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|url\((?!["']?#)|@import|fetch\(""", page)
    assert page.count("<svg") == page.count("</svg>") == 1
    assert all(len(m["t"]) == len(m["x"]) == len(m["y"]) and m["t"] == sorted(m["t"]) for m in data["moving"])


def test_the_page_moves_what_the_figure_shows(plane):
    """Pixels of the flow x = cos t, y = cos √3 t, by the two corners of the axes; events and iterates at their times."""
    found, path = plane
    _, data = read(path)
    flow, dots, events = data["moving"]
    t = np.array(flow["t"])
    left, top, width, height = flow["clip"]
    x, y = (np.array(flow["x"]) - left) / width, 1 - (np.array(flow["y"]) - top) / height
    for share, truth in ((x, np.cos(t)), (y, np.cos(np.sqrt(3) * t))):
        slope, offset = np.polyfit(truth, share, 1)
        assert slope > 0
        np.testing.assert_allclose(slope * truth + offset, share, atol=2e-4)
    assert (flow["joined"], dots["joined"], events["joined"]) == (True, False, False)
    assert events["t"] == pytest.approx([np.pi], abs=1e-5)
    assert (flow["head"], dots["head"], events["head"]) == (True, True, False)
    assert (data["begin"], data["end"]) == (0, 4)
    low, high, x0, x1, *_ = data["clocks"][0]
    assert low < 0 < 4 < high
    assert x0 < x1
    rows = data["rows"]
    assert rows[0]["J"][0] == pytest.approx(2)
    assert rows[1]["gap"][-1] == pytest.approx(found.distances[0].final, rel=1e-5)


def test_what_moves_lies_on_the_axes_of_the_still_figure(plane):
    page, data = read(plane[1])
    background = re.search(r'id="patch_2">\s*<path d="([^"]*)"', page).group(1)
    corners = np.array([float(v) for v in re.findall(r"-?[\d.]+", background)]).reshape(-1, 2)
    left, top, width, height = data["moving"][0]["clip"]
    np.testing.assert_allclose(corners.min(axis=0), [left, top], atol=0.02)
    np.testing.assert_allclose(corners.max(axis=0), [left + width, top + height], atol=0.02)


@pytest.mark.slow
def test_long_runs_make_small_files(tmp_path):
    many = trajectory(["hbf(alpha=0)", "gd(gamma=0.0001)"], Quadratic([1, 3]), horizon=0.5, levels=1)
    assert many.save(tmp_path / "a.html").stat().st_size < 1e6


def test_a_name_cannot_break_the_page(tmp_path):
    class Hostile(GradientFlow):
        name = "</script><b>"

    problem = Landscape(lambda x, y: x**2 + y**2, name="</title><b>", start=(1, 1))
    page, data = read(trajectory([Hostile()], problem, horizon=1).save(tmp_path / "a.html"))
    assert page.count("</script>") == page.count("</title>") == 1
    assert data["rows"][0]["name"] == "</script><b> (flow)"


def test_other_kinds_are_refused(tmp_path):
    with pytest.raises(Misuse, match=r"choose .gif or .html"):
        write_animation(study("space"), tmp_path / "a.mp4")
