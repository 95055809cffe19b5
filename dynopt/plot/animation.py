"""A trajectory figure that moves: frames of a GIF, or one self-contained HTML page with a time slider.

Both show the figure of `dynopt.plot.trajectory` at a time t: flows drawn up to t, the iterates and
events until t, a head on every curve, and a cursor in the panels over time.
"""

from __future__ import annotations

import io
import json
import re
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.markers import MarkerStyle

from dynopt.errors import Misuse
from dynopt.plot.palette import colour, line
from dynopt.plot.trajectory import SIGNS, Drawing, Moving, draw_trajectory, label_of, spaced

KINDS = (".gif", ".html")
_FRAMES = 72
_MILLISECONDS = 90  # a frame; the last one stays for two seconds
_DPI = 80
_COLOURS = 96  # in the palette of a GIF: enough for seven colours and their edges
_ROWS = 1500  # values a curve in the table of the page
_HEAD = 6.5
_CURSOR = "0.45"


def write_animation(study: Any, path: Path, panel: str = "gap") -> None:
    """Write the animation of a `dynopt.flow.curves.TrajectoryStudy` as ``.gif`` or ``.html``, by the suffix of ``path``."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise Misuse(f"{kind!r} is no kind of animation; choose {' or '.join(KINDS)}")
    drawing = draw_trajectory(study, panel)
    if kind == ".html":
        path.write_text(_page(study, drawing), encoding="utf-8")
        return
    first, *rest = (frame for frame in _frames(study, drawing))
    pauses = [_MILLISECONDS] * len(rest) + [2000]
    first.save(path, format="GIF", save_all=True, append_images=rest, duration=pauses, loop=0, disposal=1, optimize=False)


def span(study: Any) -> tuple[float, float]:
    """First and last time on any of the curves."""
    return min(float(c.t[0]) for c in study.curves), max(float(c.t[-1]) for c in study.curves)


def _frames(study: Any, drawing: Drawing) -> list[Any]:
    """The frames as images of one palette; what does not move is drawn once."""
    from PIL import Image

    figure = drawing.figure
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")
    heads = [
        m.artist.axes.plot([], [], "o", color=colour(m.curve), markersize=_HEAD, markeredgecolor="white", zorder=7)[0]
        for m in drawing.moving
    ]
    cursors = [axes.axvline(study.curves[0].t[0], color=_CURSOR, linewidth=1.2, zorder=7) for axes in drawing.clocks]
    clock = figure.axes[0].title
    title = clock.get_text()
    above = sorted([*(m.artist for m in drawing.moving), *_signs(figure), *heads, *cursors, clock], key=lambda a: a.get_zorder())
    for artist in above:
        artist.set_animated(True)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    begin, end = span(study)
    digits = int(np.clip(2 - np.floor(np.log10(max(end - begin, 1e-300))), 0, 9))
    pictures = []
    for t in np.linspace(begin, end, _FRAMES):
        canvas.restore_region(still)
        for m, head in zip(drawing.moving, heads, strict=True):
            m.artist.set_data(*m.xy[m.t <= t].T)
            head.set_data(*_head(m, t))
        for cursor in cursors:
            cursor.set_xdata([t, t])
        clock.set_text(f"{title}, t = {t:.{digits}f}")
        for artist in above:
            artist.axes.draw_artist(artist)
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    palette = pictures[-1].quantize(_COLOURS, dither=Image.Dither.NONE)
    return [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]


def _signs(figure: Any) -> list[Any]:
    """The start and the critical points, which nothing that moves may cover."""
    return [a for a in figure.axes[0].get_children() if a.get_zorder() == SIGNS]


def _head(m: Moving, t: float) -> tuple[list[float], list[float]]:
    """Where a curve is at time t; nowhere for events, and before a curve begins."""
    if not m.head or t < m.t[0]:
        return [], []
    if m.joined:
        return [float(np.interp(t, m.t, m.xy[:, 0]))], [float(np.interp(t, m.t, m.xy[:, 1]))]
    return [float(m.xy[m.t <= t][-1, 0])], [float(m.xy[m.t <= t][-1, 1])]


def _page(study: Any, drawing: Drawing) -> str:
    """One page without any reference to another: the still figure as SVG, what moves as numbers in its coordinates, a script."""
    figure = drawing.figure
    figure.set_dpi(72)  # the unit of matplotlib's SVG
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    tall = figure.bbox.height
    begin, end = span(study)
    data = {
        "begin": begin, "end": end,
        "moving": [_moved(m, tall) for m in drawing.moving],
        "clocks": [_clock(axes, tall) for axes in drawing.clocks],
        "rows": [_row(study, curve, i) for i, curve in enumerate(study.curves)],
    }  # fmt: skip
    for m in drawing.moving:
        m.artist.set_visible(False)
    for i, sign in enumerate(_signs(figure)):
        sign.set_gid(f"sign-{i}")
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    title = escape(f"{study.problem.name}: {', '.join(c.method for c in study.curves)}")
    return _TEMPLATE.replace("@TITLE@", title).replace("@SVG@", _still(figure)).replace("@DATA@", text)


def _still(figure: Any) -> str:
    """The figure as an SVG element that a page can hold: no document type, no metadata, as wide as its place."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "dynopt"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    head, _, body = svg.partition(">")
    view = re.search(r'viewBox="[^"]*"', head)
    assert view is not None
    return f'<svg {view.group()} role="img" aria-label="trajectories">' + body


def _moved(m: Moving, tall: float) -> dict[str, Any]:
    """Times and places of the points, their look, and the rectangle that clips them."""
    places = m.artist.axes.transData.transform(m.xy)
    kept = np.flatnonzero(np.all(np.isfinite(places), axis=1))
    if m.joined and len(kept) > 1:
        kept = kept[spaced(places[kept], 0.4)]
    places = np.clip(places[kept], -1e5, 1e5)
    box = m.artist.axes.bbox
    look = {"colour": colour(m.curve), "width": m.artist.get_linewidth(), "dash": _dash(m) if m.joined else []}
    if not m.joined:
        hollow = m.artist.get_markerfacecolor() == "none"
        look |= {"shape": _shape(m.artist), "fill": "none" if hollow else colour(m.curve)}
        look |= {"edge": colour(m.curve) if hollow else "white", "width": m.artist.get_markeredgewidth()}
    return {
        "joined": m.joined, "head": m.head, **look,
        "clip": [round(v, 2) for v in (box.x0, tall - box.y1, box.width, box.height)],
        "t": _short(m.t[kept]), "x": _short(places[:, 0], 2), "y": _short(tall - places[:, 1], 2),
    }  # fmt: skip


def _dash(m: Moving) -> list[float]:
    """Lengths of dashes and gaps, as matplotlib draws the line style."""
    style, settings = line(m.curve), matplotlib.rcParams
    named = {
        "-": (), "--": settings["lines.dashed_pattern"], "-.": settings["lines.dashdot_pattern"], ":": settings["lines.dotted_pattern"]
    }  # fmt: skip
    pattern = style[1] if isinstance(style, tuple) else named[style]
    return [round(float(v) * m.artist.get_linewidth(), 2) for v in pattern]


def _shape(artist: Any) -> str:
    """The outline of a marker around (0, 0), as the path of an SVG (downwards positive)."""
    style, size = MarkerStyle(artist.get_marker()), artist.get_markersize()
    outlines: Any = style.get_path().transformed(style.get_transform()).to_polygons()
    return " ".join("M" + " ".join(f"{size * x:.2f},{-size * y:.2f}" for x, y in outline) + "Z" for outline in outlines)


def _clock(axes: Any, tall: float) -> list[float]:
    """Where t lies on the axes: left and right end in time, left and right in the picture, top and bottom."""
    (low, high), box = axes.get_xlim(), axes.bbox
    return [round(float(v), 6) for v in (low, high, box.x0, box.x1, tall - box.y1, tall - box.y0)]


def _row(study: Any, curve: Any, index: int) -> dict[str, Any]:
    """What the table tells about a curve at a time: iteration, J, and the distance to the first flow it is compared with."""
    every = max(1, len(curve.t) // _ROWS)
    told = {"name": label_of(curve), "colour": colour(index), "flow": curve.kind == "flow", "every": every}
    told |= {"t": _short(curve.t[::every]), "J": _short(curve.values[::every])}
    gap = next((d for d in study.distances if d.method == curve.method and curve.kind != "flow"), None)
    if gap is not None and gap.gaps[0].values.size:
        thin = max(1, len(gap.gaps[0].t) // _ROWS)
        told |= {"from": gap.flow, "gap_t": _short(gap.gaps[0].t[::thin]), "gap": _short(gap.gaps[0].values[::thin])}
    return told


def _short(values: np.ndarray, decimals: int | None = None) -> list[float | None]:
    """Numbers with few digits; None for what is not finite."""
    kept = [float(f"{v:.7g}") if decimals is None else round(float(v), decimals) for v in values]
    return [v if np.isfinite(v) else None for v in kept]


_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>@TITLE@</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: white; max-width: 1180px; margin: 1rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; display: block; }
.controls { display: flex; gap: .8rem; align-items: center; margin: .6rem 0; }
.controls input { flex: 1; accent-color: #0072B2; }
.controls button { font: inherit; width: 5.5rem; padding: .25rem 0; }
output { width: 8rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: .15rem 1.4rem .15rem 0; font-weight: normal; font-variant-numeric: tabular-nums; }
th { color: #666; }
td:not(:first-child) { min-width: 7rem; }
td i { display: inline-block; width: .75rem; height: .75rem; margin-right: .5rem; border-radius: 50%; }
</style>
</head>
<body>
<div class="controls">
<button type="button" id="play">Play</button>
<input type="range" id="time" min="0" max="1000" step="1" value="1000" aria-label="time">
<output id="now" for="time"></output>
</div>
<div id="figure">@SVG@</div>
<table><thead><tr><th>curve</th><th>iteration</th><th>J</th><th>distance</th></tr></thead><tbody id="rows"></tbody></table>
<noscript>The slider needs JavaScript; the panels over time do not.</noscript>
<script>
"use strict";
const data = @DATA@;
const seconds = 9;
const slider = document.getElementById("time"), button = document.getElementById("play"), now = document.getElementById("now");
const svg = document.querySelector("#figure svg");

function add(parent, name, attributes) {
  const element = document.createElementNS(svg.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

// the number of entries of an ascending list that are at most t
function until(list, t) {
  let low = 0, high = list.length;
  while (low < high) { const mid = (low + high) >> 1; if (list[mid] <= t) low = mid + 1; else high = mid; }
  return low;
}

const layers = data.moving.map((m, i) => {
  const [x, y, width, height] = m.clip;
  add(add(svg, "clipPath", { id: "clip-moving-" + i }), "rect", { x, y, width, height });
  const layer = add(svg, "g", { "clip-path": `url(#clip-moving-${i})`, "stroke-linejoin": "round" });
  const parts = m.joined
    ? [add(layer, "polyline", { fill: "none", stroke: m.colour, "stroke-width": m.width, "stroke-dasharray": m.dash.join(" ") || "none" })]
    : m.t.map((_, k) => add(layer, "path", { d: m.shape, fill: m.fill, stroke: m.edge, "stroke-width": m.width }));
  if (!m.joined) parts.forEach((part, k) => part.setAttribute("transform", `translate(${m.x[k]} ${m.y[k]})`));
  return { parts, head: null };
});
for (const sign of svg.querySelectorAll('[id^="sign-"]')) svg.append(sign);
data.moving.forEach((m, i) => {
  const layer = add(svg, "g", { "clip-path": `url(#clip-moving-${i})` });
  if (m.head) layers[i].head = add(layer, "circle", { r: 3.6, fill: m.colour, stroke: "white", "stroke-width": 1 });
});
const cursors = data.clocks.map(c => add(svg, "line", { y1: c[4], y2: c[5], stroke: "#737373", "stroke-width": 1.2 }));
const cells = data.rows.map(r => {
  const row = document.getElementById("rows").insertRow();
  const name = row.insertCell(), dot = document.createElement("i");
  dot.style.background = r.colour;
  name.append(dot, r.name);
  return [row.insertCell(), row.insertCell(), row.insertCell()];
});

function show(t) {
  data.moving.forEach((m, i) => {
    const count = until(m.t, t), { parts, head } = layers[i];
    let x = m.x[count - 1], y = m.y[count - 1];
    if (m.joined) {
      const points = [];
      for (let k = 0; k < count; k++) points.push(m.x[k] + "," + m.y[k]);
      if (count > 0 && count < m.t.length) {
        const share = (t - m.t[count - 1]) / (m.t[count] - m.t[count - 1]);
        x += share * (m.x[count] - x);
        y += share * (m.y[count] - y);
        points.push(x + "," + y);
      }
      parts[0].setAttribute("points", points.join(" "));
    } else parts.forEach((part, k) => { part.style.display = k < count ? "" : "none"; });
    if (head) {
      head.style.display = count ? "" : "none";
      if (count) { head.setAttribute("cx", x); head.setAttribute("cy", y); }
    }
  });
  data.clocks.forEach((c, i) => {
    const x = c[2] + (t - c[0]) / (c[1] - c[0]) * (c[3] - c[2]);
    cursors[i].setAttribute("x1", x);
    cursors[i].setAttribute("x2", x);
  });
  data.rows.forEach((r, i) => {
    const k = until(r.t, t) - 1, number = v => v === null || v === undefined ? "" : v.toPrecision(5);
    cells[i][0].textContent = r.flow || k < 0 ? "" : k * r.every;
    cells[i][1].textContent = k < 0 ? "" : number(r.J[k]);
    cells[i][2].textContent = r.gap && until(r.gap_t, t) ? number(r.gap[until(r.gap_t, t) - 1]) + " from " + r.from : "";
  });
  now.textContent = "t = " + t.toPrecision(4);
}

function place(share) { slider.value = 1000 * share; show(data.begin + share * (data.end - data.begin)); }
let playing = null;
function stop() { if (playing !== null) cancelAnimationFrame(playing); playing = null; button.textContent = "Play"; }
function play() {
  const first = slider.value / 1000 < 1 ? slider.value / 1000 : 0, since = performance.now();
  button.textContent = "Pause";
  const step = time => {
    const share = Math.min(1, first + Math.max(0, time - since) / 1000 / seconds);
    place(share);
    if (share < 1) playing = requestAnimationFrame(step); else stop();
  };
  playing = requestAnimationFrame(step);
}
button.addEventListener("click", () => { if (playing === null) play(); else stop(); });
slider.addEventListener("input", () => { stop(); place(slider.value / 1000); });
// "#0.4" in the address opens the page at that share of the time
const asked = parseFloat(location.hash.slice(1));
place(asked >= 0 && asked <= 1 ? asked : 1);
</script>
</body>
</html>
"""
