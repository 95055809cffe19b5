"""Colours that colour-blind readers tell apart, with line styles and markers that grey print does.

The colours are Okabe and Ito's (2008), ordered so that neighbours also differ in lightness.
"""

from __future__ import annotations

COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#000000")
"""Blue, orange, vermilion, sky blue, green, purple, black."""
LINES: tuple[str | tuple[int, tuple[float, ...]], ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (8, 3)), ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
QUIET = "0.82"
"""The grey of contour lines."""


def colour(index: int) -> str:
    """The colour of curve ``index``; they repeat after seven."""
    return COLOURS[index % len(COLOURS)]


def line(index: int) -> str | tuple[int, tuple[float, ...]]:
    """The line style of curve ``index``; after seven they are paired with other colours."""
    return LINES[(index + index // len(COLOURS)) % len(LINES)]


def marker(index: int) -> str:
    """The marker of curve ``index``; after seven they are paired with other colours."""
    return MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]
